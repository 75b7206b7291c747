"""The plots of a report, each an inline <svg>; the same numbers give the same text."""

import io
import math
import re
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from schemas.run_report import AnyPart, GroupedBars, Histogram, PairedBars, Series, Timeline
from tasks.publish.time_axis import Bars, bars_of, spell, ticks
from tasks.publish.wording import number, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 12  # pixels of white around a plot that stands alone
INK, MUTED, GRID = "#1f2429", "#5b6570", "#e4e6e8"
# Okabe and Ito's palette (jfly.uni-koeln.de/color, 2008), whose colours differ with any colour vision; a grey for the
# background before it.
PALETTE = ("#a9b1ba", "#e69f00", "#d55e00", "#0072b2", "#cc79a7", "#56b4e9", "#009e73")
BACKGROUND, BARS = PALETTE[0], PALETTE[3]

# matplotlib keeps its settings for the whole process, so two reports are never drawn at one time.
_DRAWING = threading.Lock()


def drawn(part: AnyPart, name: str) -> Markup | None:
    """The plot of a part, None for a table and where there is nothing to draw. Its ids begin with `name`."""
    if isinstance(part, PairedBars):
        return paired_bars(part, name) if any((*part.pale.counts, *part.full.counts)) else None
    if isinstance(part, GroupedBars):
        return grouped_bars(part, name)
    if isinstance(part, Histogram):
        return histogram(part, name) if any(part.counts) else None
    if isinstance(part, Timeline):
        bars = bars_of(part)
        return timeline(part, bars, name) if bars else None
    return None


def _draw(name: str, label: str, size: tuple[int, int], paint: Callable[["Figure"], None]) -> Markup:
    """A figure of `size` pixels as an inline <svg>, described by `label`; its ids begin with `name`."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": name,
        "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own typeface
        "font.size": 12,
        "text.color": INK,
        "text.parse_math": False,
        "axes.edgecolor": GRID,
        "axes.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
    }
    output = io.StringIO()
    with _DRAWING, rc_context(settings):
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)  # SVG counts 72 to the inch: one unit a pixel
        paint(figure)
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        canvas: Any = FigureCanvasSVG(figure)  # untyped
        canvas.print_svg(output, metadata=no_metadata)
    return _inline(output.getvalue(), name, label, size)


def _inline(document: str, name: str, label: str, size: tuple[int, int]) -> Markup:
    """The <svg> element alone: no address in it, ids that no other plot of the page has, a description."""
    body = document[document.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r'(?<= id=")|(?<=url\(#)|(?<=xlink:href="#)', f"{name}-", body)
    opening = f'<svg viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}" role="img"'
    return Markup(opening) + Markup(' aria-label="{}">').format(label) + Markup(body)  # noqa: S704  matplotlib escapes


def _axes(figure: "Figure", left: int, bottom: int, width: int, height: int) -> "Axes":
    """Axes at a place given in pixels."""
    across, up = figure.get_size_inches() * 72
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def paired_bars(part: PairedBars, name: str) -> Markup:
    """Two bars a name, the first one pale, with their numbers."""
    pale, full = part.pale, part.full
    height = 30 + 54 * len(part.names)
    longest = max([*pale.counts, *full.counts, 1])
    triples = list(zip(part.names, pale.counts, full.counts, strict=True))
    numbers = "; ".join(f"{state} {before:,} {pale.name}, {after:,} {full.name}" for state, before, after in triples)

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 2, 0, 284, height - 26)
        for row, (title, colour) in enumerate(zip(part.names, part.colours, strict=True)):
            axes.text(0, row + 0.2, title, va="center", size=12)
            for place, series, alpha in ((0.48, pale, 0.45), (0.74, full, 1.0)):
                count = series.counts[row]
                axes.barh(row + place, count, height=0.23, color=colour, alpha=alpha)
                written = f"{count:,} · {share(count, sum(series.counts))}"
                axes.text(count + longest * 0.015, row + place, written, va="center", size=11)
        axes.set(xlim=(0, longest), ylim=(len(part.names), 0))
        axes.axis("off")
        figure.text(2 / 400, 1 - 14 / height, f"pale: {pale.name} · full: {full.name}", size=11, color=MUTED)

    return _draw(name, f"Bar chart of {part.of}. {numbers}.", (400, height), paint)


def grouped_bars(part: GroupedBars, name: str) -> Markup:
    """Under each heading a bar a name, with its number and its share of the group."""
    counts = [bar.n for group in part.groups for bar in group.bars]
    tops = [0, *accumulate(len(group.bars) + 1 for group in part.groups)]  # rows: a heading, then its bars
    height = 36 * tops[-1] + 8
    longest = max(counts, default=1) or 1
    numbers = "; ".join(f"{bar.name} {bar.n:,}" for group in part.groups for bar in group.bars)

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 2, 0, 284, height)
        for top, group in zip(tops, part.groups, strict=False):
            axes.text(0, top + 0.62, group.heading, va="center", size=12, color=MUTED)
            total = sum(bar.n for bar in group.bars)
            for row, bar in enumerate(group.bars, start=top + 1):
                axes.text(0, row + 0.25, bar.name, va="center", size=12)
                axes.barh(row + 0.66, bar.n, height=0.3, color=BARS)
                written = f"{bar.n:,} · {share(bar.n, total)}"
                axes.text(bar.n + longest * 0.015, row + 0.66, written, va="center", size=11)
        axes.set(xlim=(0, longest), ylim=(tops[-1], 0))
        axes.axis("off")

    return _draw(name, f"Bar chart of {part.of}. {numbers}.", (400, height), paint)


def standalone(plot: Markup) -> str:
    """An inline <svg> as a file of its own: named as what it is, on white with a margin, in a face all systems have."""
    size = re.compile(r'<svg viewBox="0 0 (\d+) (\d+)" width="\d+" height="\d+"')

    def opening(found: re.Match[str]) -> str:
        wide, high = (int(pixels) + 2 * MARGIN for pixels in found.groups())
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'style="background:#fff;font-family:sans-serif" viewBox="{-MARGIN} {-MARGIN} {wide} {high}" '
            f'width="{wide}" height="{high}"'
        )

    return size.sub(opening, str(plot), count=1)


def histogram(part: Histogram, name: str) -> Markup:
    """A bar a bin; empty bins at both ends are not drawn."""
    filled = [index for index, count in enumerate(part.counts) if count]
    edges, counts = part.edges[filled[0] : filled[-1] + 2], part.counts[filled[0] : filled[-1] + 1]
    names = [number(low) if high - low <= 1 else f"{low:,.0f}-{high - 1:,.0f}" for low, high in pairwise(edges)]

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 46, 44, 340, 170)
        axes.bar(range(len(counts)), counts, width=0.92, color=BARS)
        axes.set(xlim=(-0.6, len(counts) - 0.4), ylim=(0, max(counts) * 1.08), xlabel=part.of)
        every = math.ceil(len(counts) * max(map(len, names)) / 40)  # about 40 characters fit side by side
        axes.set_xticks(range(0, len(counts), every), names[::every])
        _quiet(axes)

    label = f"Histogram of {sum(counts):,} rows by {part.of}, {number(edges[0])} to {number(edges[-1] - 1)}; "
    return _draw(name, f"{label}half have at most {number(middle(edges, counts))}.", (400, 226), paint)


def middle(edges: Sequence[float], counts: Sequence[int]) -> float:
    """The most tokens in the bin in which the median lies; bin i counts lengths from edges[i] to edges[i + 1] - 1."""
    reached = (edge for edge, seen in zip(edges[1:], accumulate(counts), strict=True) if 2 * seen >= sum(counts))
    return next(reached) - 1


def _quiet(axes: "Axes") -> None:
    """Few ticks, whole numbers with separators, thin horizontal lines behind the data."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.0f}"))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6)
    axes.spines["left"].set_visible(False)


def timeline(part: Timeline, bars: Bars, name: str) -> Markup:
    """Above, all events; below, on a scale of its own, those that are not the background, stacked."""
    stacked = [series for series in bars.series if series.name != part.background and any(series.counts)]
    height = 232 if stacked else 116

    def paint(figure: "Figure") -> None:
        above = _axes(figure, 52, height - 88, 880, 64)
        above.stairs(bars.totals, range(bars.strip.length + 1), fill=True, color=BACKGROUND)
        above.set_title(f"all {part.of}", loc="left", size=11, color=MUTED, pad=5)
        if stacked:
            below = _axes(figure, 52, 24, 880, 88)
            _stack(below, stacked)
            below.set_title(part.stacked, loc="left", size=11, color=MUTED, pad=5)
            _legend(below, len(stacked))
            _time_axis(above, bars, [])
            _time_axis(below, bars, ticks(bars.strip, relative=part.relative))
        else:
            _time_axis(above, bars, ticks(bars.strip, relative=part.relative))

    numbers = ", ".join(f"{series.name} {sum(series.counts):,}" for series in bars.series)
    label = f"{part.of.capitalize()} of {part.title} over time, in bars of {spell(bars.strip.seconds)}: {numbers}."
    return _draw(name, label, (960, height), paint)


def _stack(axes: "Axes", stacked: Sequence[Series]) -> None:
    """The series on top of each other, in their order."""
    base = [0] * len(stacked[0].counts)
    edges = range(len(base) + 1)
    for series in stacked:
        top = [low + count for low, count in zip(base, series.counts, strict=True)]
        axes.stairs(top, edges, baseline=base, fill=True, color=series.colour or INK, label=series.name)
        base = top


def _legend(axes: "Axes", columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.12, 1),
        ncols=columns,
        frameon=False,
        fontsize=11,
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.4,
        borderpad=0,
        handletextpad=0.5,
    )


def _time_axis(axes: "Axes", bars: Bars, marks: Sequence[tuple[float, str]]) -> None:
    _quiet(axes)
    axes.set(xlim=(0, bars.strip.length))
    axes.set_ylim(bottom=0)
    for cut in bars.strip.cuts:
        axes.axvline(cut, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    axes.set_xticks([position for position, _ in marks], [words for _, words in marks])
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left" if bars.strip.cuts else "center")
