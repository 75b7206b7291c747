"""A time axis keeps the order of events, fits the page, cuts long silences out, and has round ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.publish import time_axis
from tasks.publish.plots import middle
from tasks.publish.time_axis import bars_of, caption, spell, strip, ticks
from tests.tasks.publish.reports import FAR_APART, timeline

pytestmark = pytest.mark.unit

NIGHT = ["10 Nov 00:00", "10 Nov 00:30", "10 Nov 01:00", "10 Nov 01:30", "10 Nov 02:00"]


def test_spans_are_spelled_in_the_largest_unit_that_fits() -> None:
    assert [spell(s) for s in (1, 90, 300, 3_600, 7_200, 91 * 86_400)] == [
        "1 second",
        "90 seconds",
        "5 minutes",
        "1 hour",
        "2 hours",
        "91 days",
    ]


@settings(max_examples=50, deadline=None)
@example([hour * 360_000 for hour in range(12)], 3_600)  # more equal gaps than may be cut
@given(st.lists(st.integers(0, 2 * 10**9), min_size=1, max_size=60), st.sampled_from([60, 300, 3_600, 86_400]))
def test_a_strip_keeps_the_order_of_events_and_fits_the_page(times: list[int], seconds: int) -> None:
    axis = strip(times, seconds)
    positions = [axis.place[time // axis.seconds] for time in sorted(times)]
    assert positions == sorted(positions)
    assert len(set(axis.place.values())) == len(axis.place)
    assert max(positions) < axis.length <= time_axis.MAX_BARS
    assert axis.seconds % seconds == 0
    assert len(axis.cuts) == len(axis.starts) - 1 <= time_axis.MAX_CUTS


def test_years_of_silence_are_cut_out_and_named() -> None:
    begins = [datetime(year, 6, 9, tzinfo=UTC) for year in (2005, 2008, 2015)]
    times = [int((begin + timedelta(hours=hour)).timestamp()) for begin in begins for hour in range(30)]
    axis = strip(times, 3_600)
    assert axis.seconds == 3_600
    assert [time for _, time in axis.starts] == begins
    assert axis.length < 120


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=80))
def test_no_event_is_lost_on_the_way_to_the_plot(rows: list[tuple[int, int, int]]) -> None:
    times = [datetime.fromtimestamp(hour * 3_600, UTC) for hour, _, _ in rows]
    wanted = {"Normal": [n for _, n, _ in rows], "Network failure": [n for _, _, n in rows]}
    bars = bars_of(timeline("x", times, **wanted))
    drawn = {series.name: sum(series.counts) for series in bars.series} if bars else {}
    sums = {name: sum(counts) for name, counts in wanted.items()}
    assert drawn == (sums if any(sums.values()) else {})


@pytest.mark.parametrize(
    ("first", "step", "count", "marks"),
    [
        ("1970-01-01T00:00Z", timedelta(minutes=5), 12, ["00:00", "00:15", "00:30", "00:45", "01:00"]),
        ("2008-11-09T23:00Z", timedelta(hours=1), 3, ["09 Nov 23:00", "09 Nov 23:30", *NIGHT]),
        ("2004-03-01T00:00Z", timedelta(days=1), 20, ["03 Mar 2004", "08 Mar 2004", "13 Mar 2004", "18 Mar 2004"]),
        ("2004-01-01T00:00Z", timedelta(days=91), 56, ["2004", "2006", "2008", "2010", "2012", "2014", "2016"]),
    ],
)
def test_ticks_are_round_times(first: str, step: timedelta, count: int, marks: list[str]) -> None:
    times = [datetime.fromisoformat(first) + step * n for n in range(count)]
    bars = bars_of(timeline("x", times, int(step.total_seconds()), Normal=[1] * count))
    assert bars is not None
    found = ticks(bars.strip, relative=first.startswith("1970"))
    assert [text for _, text in found] == marks
    assert all(0 <= position <= bars.strip.length for position, _ in found)


def test_a_cut_axis_has_the_date_of_each_piece_and_says_that_it_is_cut() -> None:
    line = timeline("x", FAR_APART, Normal=[1, 2, 0, 3])
    bars = bars_of(line)
    assert bars is not None
    assert [text for _, text in ticks(bars.strip, relative=False)] == ["14 Jun 2005", "09 Nov 2008", "09 Jun 2017"]
    assert caption(line, bars) == "6 windows; a bar is 1 hour. Quiet stretches are cut out at the dotted lines."


def test_the_middle_is_the_bin_in_which_half_is_reached() -> None:
    assert middle([0, 1, 2, 4, 8], [0, 1, 1, 2]) == 3  # two of four have at most 3 tokens
    assert middle([0, 1, 2, 4, 8], [0, 0, 1, 2]) == 7
