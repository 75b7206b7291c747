"""The report's plots, each an inline <svg>; the same numbers give the same text."""

import io
import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from schemas.format_a import NORMAL, STATES
from tasks.publish.words import (
    COLOURS,
    GRID,
    INK,
    MUTED,
    in_order,
    number,
    part,
    plural,
    share,
    state_colour,
    state_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BARS = 240  # bars of a timeline: some four pixels each
MARGIN = 12  # pixels of white around a plot that stands alone
LONG_GAP = 12  # empty bars in a row that may be cut out of a timeline
CUT = 4  # bars a cut stretch is drawn as
SLOT = 0.1  # share of the axis that a piece between two cuts has at least
MAX_CUTS = 6
DAY = 86_400  # seconds
ROUND_STEPS = (
    60,
    300,
    900,
    1_800,
    3_600,
    7_200,
    14_400,
    21_600,
    43_200,
    *(DAY * n for n in (1, 2, 5, 7, 14, 28, 56, 112, 224)),
)
MERGES = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 336, 720, 2_160, 8_640, 86_400, 864_000)  # buckets in one bar

# matplotlib keeps its settings for the whole process, so two reports are never drawn at one time.
_DRAWING = threading.Lock()


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


def labels_plot(before: Mapping[str, int], after: Mapping[str, int]) -> Markup:
    """Two bars a state, before (pale) and after balancing, with their numbers."""
    states = in_order((*before, *after))
    height = 30 + 54 * len(states)
    told = "; ".join(f"{state} {before.get(state, 0):,} before, {after.get(state, 0):,} after" for state in states)

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 2, 0, 284, height - 26)
        longest = max([*before.values(), *after.values(), 1])
        for row, state in enumerate(states):
            axes.text(0, row + 0.2, state, va="center", size=12)
            for place, counts, alpha in ((0.48, before, 0.45), (0.74, after, 1.0)):
                count = counts.get(state, 0)
                axes.barh(row + place, count, height=0.23, color=state_colour(state), alpha=alpha)
                told = f"{count:,} · {share(count, sum(counts.values()))}"
                axes.text(count + longest * 0.015, row + place, told, va="center", size=11)
        axes.set(xlim=(0, longest), ylim=(len(states), 0))
        axes.axis("off")
        figure.text(2 / 400, 1 - 14 / height, "pale: before balancing · full: after", size=11, color=MUTED)

    return _draw("labels", f"Bar chart of sequences per state. {told}.", (400, height), paint)


def groups_plot(groups: Mapping[str, Mapping[str, int]], of: str) -> Markup:
    """Under each heading a bar a name, with its number and its share of the heading; `of` says what is counted."""
    tops = [0, *accumulate(len(counts) + 1 for counts in groups.values())]  # rows: a heading, then its names
    height = 36 * tops[-1] + 8
    told = "; ".join(f"{name} {count:,}" for counts in groups.values() for name, count in counts.items())

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 2, 0, 284, height)
        longest = max([count for counts in groups.values() for count in counts.values()] or [1]) or 1
        for top, (heading, counts) in zip(tops, groups.items(), strict=False):
            axes.text(0, top + 0.62, heading, va="center", size=12, color=MUTED)
            for row, (name, count) in enumerate(counts.items(), start=top + 1):
                axes.text(0, row + 0.25, name, va="center", size=12)
                axes.barh(row + 0.66, count, height=0.3, color=COLOURS[3])
                said = f"{count:,} · {share(count, sum(counts.values()))}"
                axes.text(count + longest * 0.015, row + 0.66, said, va="center", size=11)
        axes.set(xlim=(0, longest), ylim=(tops[-1], 0))
        axes.axis("off")

    return _draw("groups", f"Bar chart of {of}. {told}.", (400, height), paint)


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


def lengths_plot(edges: Sequence[float], counts: Sequence[int], of: str = "tokens in a sequence") -> Markup:
    """Rows by their length, a bar a bin; bins that hold nothing are left out at both ends."""
    filled = [index for index, count in enumerate(counts) if count]
    edges, counts = edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]
    names = [number(low) if high - low <= 1 else f"{low:,.0f}-{high - 1:,.0f}" for low, high in pairwise(edges)]

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, 46, 44, 340, 170)
        axes.bar(range(len(counts)), counts, width=0.92, color=COLOURS[3])
        axes.set(xlim=(-0.6, len(counts) - 0.4), ylim=(0, max(counts) * 1.08), xlabel=of)
        every = math.ceil(len(counts) * max(map(len, names)) / 40)  # about 40 characters stand side by side
        axes.set_xticks(range(0, len(counts), every), names[::every])
        _quiet(axes)

    label = f"Histogram of {sum(counts):,} rows by {of}, {number(edges[0])} to "
    told = f"{label}{number(edges[-1] - 1)}; half have at most {number(middle(edges, counts))}."
    return _draw("lengths", told, (400, 226), paint)


def middle(edges: Sequence[float], counts: Sequence[int]) -> float:
    """The most tokens in the bin in which the median lies; bin i holds lengths from edges[i] to edges[i + 1] - 1."""
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


@dataclass(frozen=True)
class Strip:
    """A time axis of at most MAX_BARS bars. Where the data are few and far between, the longest gaps are cut out."""

    seconds: int  # time a bar covers
    place: Mapping[int, int]  # number of the bar since the epoch -> its position on the axis
    cuts: tuple[float, ...]  # positions at which a quiet stretch is left out
    starts: tuple[tuple[int, datetime], ...]  # (position, time) of the first bar of each piece
    length: int  # bars, empty ones included


def strip(times: Sequence[int], seconds: int) -> Strip:
    """The axis for events at `times` (seconds since the epoch) counted in buckets of `seconds`."""
    for factor in MERGES:
        found = _strip(_pieces(sorted({time // (seconds * factor) for time in times})), seconds * factor)
        if found.length <= MAX_BARS:
            break
    return found


def _pieces(bars: list[int]) -> list[list[int]]:
    """The bars, parted at their longest gaps if those make up more than half of the whole span; else in one piece."""
    gaps = [(later - earlier, index) for index, (earlier, later) in enumerate(pairwise(bars), start=1)]
    longest = sorted((gap for gap in gaps if gap[0] > LONG_GAP), reverse=True)[:MAX_CUTS]
    if sum(gap for gap, _ in longest) <= (bars[-1] - bars[0]) / 2:
        return [bars]
    ends = sorted(index for _, index in longest)
    return [bars[begin:end] for begin, end in pairwise([0, *ends, len(bars)])]


def _strip(pieces: list[list[int]], seconds: int) -> Strip:
    """The pieces side by side, each with a slot that is wide enough for its date."""
    drawn = sum(piece[-1] - piece[0] + 1 + CUT for piece in pieces)
    slot = math.ceil(drawn * SLOT) if len(pieces) > 1 else 0
    place: dict[int, int] = {}
    starts, position = [], 0
    for piece in pieces:
        starts.append((position, datetime.fromtimestamp(piece[0] * seconds, UTC)))
        place |= {bar: position + bar - piece[0] for bar in piece}
        position += max(piece[-1] - piece[0] + 1 + CUT * (len(pieces) > 1), slot)
    cuts = tuple(start - CUT / 2 for start, _ in starts[1:])
    return Strip(seconds, place, cuts, tuple(starts), position)


def seconds_of(bucket: Any, times: Sequence[int]) -> int:
    """Seconds of "5min", "1h", "2d", "0:05:00"; where that is unreadable, the smallest step between the times."""
    text = str(bucket).strip().lower()
    units = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}
    if (short := re.fullmatch(r"(\d*)\s*(s|min|m|h|d|w)", text)) and short.group(1) != "0":
        return int(short.group(1) or 1) * units[short.group(2)]
    if long := re.fullmatch(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)", text):
        days, hours, minutes, seconds = (int(number or 0) for number in long.groups())
        return max(1, ((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    return min((later - earlier for earlier, later in pairwise(sorted(set(times)))), default=3_600)


def spell(seconds: int) -> str:
    """300 -> 5 minutes; 86400 -> 1 day."""
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return plural(seconds // size, unit)
    return plural(seconds, "second")


@dataclass(frozen=True)
class Timeline:
    """One dataset's windows over time: counts by state, one number a bar of the strip."""

    stem: str
    strip: Strip
    counts: Mapping[str, list[int]]

    @property
    def totals(self) -> list[int]:
        return [sum(column) for column in zip(*self.counts.values(), strict=True)]

    @property
    def failures(self) -> dict[str, list[int]]:
        normal = state_name(STATES[NORMAL])
        return {state: counts for state, counts in self.counts.items() if state != normal and any(counts)}

    @property
    def caption(self) -> str:
        said = [f"{sum(self.totals):,} windows; a bar is {spell(self.strip.seconds)}."]
        if self.strip.cuts:
            said.append("Quiet stretches are cut out at the dotted lines.")
        if self.relative:
            said.append("The trace does not publish its date: times count from its beginning.")
        return " ".join(said)

    @property
    def relative(self) -> bool:
        """Times that are anchored at the epoch are relative ones (DS1)."""
        return self.strip.starts[0][1].year == 1970


def timelines(run: Mapping[str, Any]) -> list[Timeline]:
    """The timelines that hold at least one event."""
    return [
        _timeline(stem, found)
        for stem, found in sorted(part(run, "timeline").items())
        if (found or {}).get("times") and any(any(numbers) for numbers in found["counts"].values())
    ]


def _timeline(stem: str, found: Mapping[str, Any]) -> Timeline:
    """Times without any event are left out first: they say nothing, and would hide a gap that can be cut."""
    rows = list(zip(map(_epoch, found["times"]), *found["counts"].values(), strict=True))
    busy = [(time, *map(int, numbers)) for time, *numbers in rows if any(numbers)]
    axis = strip([time for time, *_ in busy], seconds_of(found.get("bucket"), [time for time, *_ in rows]))
    counts = {state: [0] * axis.length for state in in_order(found["counts"])}
    for time, *numbers in busy:
        for state, count in zip(found["counts"], numbers, strict=True):
            counts[state_name(state)][axis.place[time // axis.seconds]] += count
    return Timeline(stem, axis, counts)


def _epoch(iso: str) -> int:
    time = datetime.fromisoformat(iso)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def timeline_plot(timeline: Timeline, order: int) -> Markup:
    """Above, all windows; below, on a scale of its own, those that are not Normal, stacked by state."""
    failures = timeline.failures
    height = 232 if failures else 116

    def paint(figure: "Figure") -> None:
        edges = range(timeline.strip.length + 1)
        above = _axes(figure, 52, height - 88, 880, 64)
        above.stairs(timeline.totals, edges, fill=True, color=COLOURS[NORMAL])
        above.set_title("all windows", loc="left", size=11, color=MUTED, pad=5)
        below = _axes(figure, 52, 24, 880, 88) if failures else above
        base = [0] * timeline.strip.length
        for state, counts in failures.items():
            top = [low + count for low, count in zip(base, counts, strict=True)]
            below.stairs(top, edges, baseline=base, fill=True, color=state_colour(state), label=state)
            base = top
        if failures:
            below.set_title("failures by state", loc="left", size=11, color=MUTED, pad=5)
            _legend(below, len(failures))
        for axes in {above, below}:
            _time_axis(axes, timeline, named=axes is below)

    told = ", ".join(f"{state} {sum(counts):,}" for state, counts in timeline.counts.items())
    label = f"Windows of {timeline.stem} over time, in bars of {spell(timeline.strip.seconds)}: {told}."
    return _draw(f"time{order}", label, (960, height), paint)


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


def _time_axis(axes: "Axes", timeline: Timeline, *, named: bool) -> None:
    _quiet(axes)
    axes.set(xlim=(0, timeline.strip.length))
    axes.set_ylim(bottom=0)
    for cut in timeline.strip.cuts:
        axes.axvline(cut, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
    marks = _marks(timeline) if named else []
    axes.set_xticks([position for position, _ in marks], [text for _, text in marks])
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left" if timeline.strip.cuts else "center")


def _marks(timeline: Timeline) -> list[tuple[float, str]]:
    """(position, text) of the ticks: round times, or, on a cut axis, the date at which each piece begins."""
    axis = timeline.strip
    if axis.cuts:
        return [(position, f"{time:%d %b %Y}") for position, time in axis.starts]
    begin, end = axis.starts[0][1], axis.starts[0][1] + timedelta(seconds=axis.length * axis.seconds)
    moments, form = _round_times(begin, end)
    form = "%H:%M" if timeline.relative else form
    return [((moment - begin).total_seconds() / axis.seconds, f"{moment:{form}}") for moment in moments]


def _round_times(begin: datetime, end: datetime) -> tuple[list[datetime], str]:
    """Up to nine round times from `begin` to `end`, and how to write them."""
    wanted = (end - begin).total_seconds() / 8
    if wanted > 200 * DAY:
        years = range(begin.year + 1, end.year + 1, math.ceil(wanted / (366 * DAY)))
        return [datetime(year, 1, 1, tzinfo=UTC) for year in years] or [begin], "%Y"
    step = next(step for step in ROUND_STEPS if step >= wanted)
    first = math.ceil(begin.timestamp() / step) * step
    moments = [datetime.fromtimestamp(second, UTC) for second in range(first, int(end.timestamp()) + 1, step)]
    return moments, "%d %b %Y" if step >= DAY else "%d %b %H:%M"
