"""The time axis of a plot: at most MAX_BARS bars, long quiet stretches cut out, ticks at round times. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from schemas.run_report import Series, Timeline
from tasks.publish.wording import plural

MAX_BARS = 240  # some four pixels each
LONG_GAP = 12  # empty bars in a row that may be cut out
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


@dataclass(frozen=True)
class Strip:
    """A time axis of at most MAX_BARS bars. Where the data are few and far between, the longest gaps are cut out."""

    seconds: int  # time a bar covers
    place: Mapping[int, int]  # number of the bar since the epoch -> its position on the axis
    cuts: tuple[float, ...]  # positions at which a quiet stretch is cut out
    starts: tuple[tuple[int, datetime], ...]  # (position, time) of the first bar of each piece
    length: int  # bars, empty ones included


def strip(times: Sequence[int], seconds: int) -> Strip:
    """The axis for events at `times` (seconds since the epoch) counted in buckets of `seconds`."""
    for factor in MERGES:
        axis = _strip(_pieces(sorted({time // (seconds * factor) for time in times})), seconds * factor)
        if axis.length <= MAX_BARS:
            break
    return axis


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


def spell(seconds: int) -> str:
    """300 -> 5 minutes; 86400 -> 1 day."""
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return plural(seconds // size, unit)
    return plural(seconds, "second")


@dataclass(frozen=True)
class Bars:
    """The counts of a timeline in the bars of its axis: one number a bar for each series."""

    strip: Strip
    series: tuple[Series, ...]

    @property
    def totals(self) -> list[int]:
        return [sum(column) for column in zip(*(series.counts for series in self.series), strict=True)]


def bars_of(timeline: Timeline) -> Bars | None:
    """The timeline in bars, None where nothing happened. Times without any event make no gap of their own."""
    rows = list(zip(timeline.times, *(series.counts for series in timeline.series), strict=True))
    busy = [(int(time.timestamp()), counts) for time, *counts in rows if any(counts)]
    if not busy:
        return None
    axis = strip([time for time, _ in busy], timeline.seconds)
    filled = [[0] * axis.length for _ in timeline.series]
    for time, counts in busy:
        for column, count in zip(filled, counts, strict=True):
            column[axis.place[time // axis.seconds]] += count
    pairs = zip(timeline.series, filled, strict=True)
    return Bars(axis, tuple(series.model_copy(update={"counts": tuple(column)}) for series, column in pairs))


def caption(timeline: Timeline, bars: Bars) -> str:
    """What a reader must know of the axis."""
    sentences = [f"{sum(bars.totals):,} {timeline.of}; a bar is {spell(bars.strip.seconds)}."]
    if bars.strip.cuts:
        sentences.append("Quiet stretches are cut out at the dotted lines.")
    return " ".join([*sentences, *filter(None, [timeline.note])])


def ticks(axis: Strip, *, relative: bool) -> list[tuple[float, str]]:
    """(position, text) of the ticks: round times, or, on a cut axis, the date at which each piece begins."""
    if axis.cuts:
        return [(position, f"{time:%d %b %Y}") for position, time in axis.starts]
    begin, end = axis.starts[0][1], axis.starts[0][1] + timedelta(seconds=axis.length * axis.seconds)
    moments, form = _round_times(begin, end)
    form = "%H:%M" if relative else form
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
