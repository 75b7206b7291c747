"""The page opens offline, says what is wrong first, survives missing parts and any text, and is always the same."""

import copy
import hashlib
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tasks.publish.report import render, summary_lines, summary_markdown
from tasks.publish.run import Change, change_words, changes, figures, ledgers, troubles, verdict
from tasks.publish.words import number, readable, share, state_name

from tasks.publish import plots, report, words
from tasks.publish.plots import middle, seconds_of, spell, strip, timelines

pytestmark = pytest.mark.unit

HOSTILE = "<script>alert(1)</script> & \"q\" 'a' | `b` \\ $x$ \x00 " + "abcdefghij/" * 12
NIGHT = ["10 Nov 00:00", "10 Nov 00:30", "10 Nov 01:00", "10 Nov 01:30", "10 Nov 02:00"]
FAR_APART = {
    "bucket": "1h",
    "times": ["2005-06-14T15:00Z", "2008-11-09T20:00Z", "2010-01-01T00:00Z", "2017-06-09T20:00Z"],
    "counts": {"Normal": [1, 2, 0, 3]},
}
STATES = ("Normal", "Resource_Exhaustion", "System_Crash", "Network_Failure", "Data_Drift")


def day(count: int) -> list[str]:
    begin = datetime(2017, 6, 9, 20, tzinfo=UTC)
    return [(begin + timedelta(hours=hour)).isoformat() for hour in range(count)]


def invented() -> dict[str, Any]:
    """A run in which nothing is wrong, of made-up numbers that add up."""
    return {
        "track": "track_a",
        "mode": "sample",
        "title": "Track A",
        "sources": [
            {
                "stem": "ds1_alibaba",
                "title": "Alibaba Cluster Trace 2017",
                "licence": "research or study",
                "missing": [],
            },
            {"stem": "ds2_loghub", "title": "LogHub", "licence": "research, cite", "missing": []},
        ],
        "rows": {
            "ds1_alibaba": {
                "in": 1_000,
                "kept": 990,
                "dropped": {"duplicate": 7},
                "quarantined": {"cpu_out_of_range": 3},
            },
            "ds2_loghub": {"in": 2_500, "kept": 2_500, "dropped": {}, "quarantined": {}},
        },
        "labels": {
            "before": dict(zip(STATES, (900, 40, 30, 20, 10), strict=True)),
            "after": dict(zip(STATES, (120, 40, 40, 40, 40), strict=True)),
        },
        "splits": {"train": 1_000, "validation": 120, "test": 130},
        "lengths": {"edges": [0, 1, 2, 4, 8, 513], "counts": [0, 100, 500, 640, 10]},
        "timeline": {
            "ds1_alibaba": {
                "bucket": "0:05:00",
                "times": ["1970-01-01T00:00:00+00:00", "1970-01-01T00:05:00+00:00"],
                "counts": {"Normal": [10, 12], "System_Crash": [0, 2]},
            },
            "ds2_loghub": {
                "bucket": "1h",
                "times": day(24),
                "counts": {"Normal": [9] * 24, "Data_Drift": [0] * 23 + [1]},
            },
        },
        "templates": [
            {"token": 5_000 + n, "meaning": f"Receiving block <*> no {n}", "count": 90 - n} for n in range(20)
        ],
        "findings": [
            finding("ds1_alibaba", "missing", holds=True),
            finding("ds2_loghub", "volume", holds=True),
        ],
        "conflicts": 0,
        "accuracy": {
            stem: {s: {"planted": 9, "predicted": 9, "precision": 1.0, "recall": 0.99} for s in STATES}
            for stem in ("ds1_alibaba", "ds2_loghub")
        },
        "absent": {},
        "previous": None,
    }


def finding(stem: str, kind: str, *, holds: bool, severity: str = "warning", **more: Any) -> dict[str, Any]:
    base = {"stem": stem, "kind": kind, "name": "share of entity", "measured": 0.01, "limit": 0.05, "unit": ""}
    return {**base, "holds": holds, "severity": severity, "detail": "", **more}


def changed(**parts: Any) -> dict[str, Any]:
    return {**invented(), **parts}


@pytest.fixture(scope="module")
def page() -> str:
    """A page with everything in it: a history, faults, and hostile text wherever text of the data goes."""
    run = hostile()
    return render({**run, "previous": {**invented(), "splits": {"train": 900, "validation": 120, "test": 130}}})


def hostile() -> dict[str, Any]:
    run = copy.deepcopy(invented())
    run["title"] = HOSTILE
    run["sources"][0] |= {"title": HOSTILE, "licence": HOSTILE, "missing": [HOSTILE]}
    run["rows"][HOSTILE] = {"in": 5, "kept": 1, "dropped": {HOSTILE: 2}, "quarantined": {HOSTILE: 1}}
    run["labels"]["before"][HOSTILE] = 3
    run["timeline"][HOSTILE] = {"bucket": "1h", "times": day(2), "counts": {HOSTILE: [1, 2]}}
    run["timeline"]["far_apart"] = FAR_APART
    run["templates"][0]["meaning"] = HOSTILE
    run["findings"].append(finding(HOSTILE, HOSTILE, holds=False, name=HOSTILE, detail=HOSTILE, unit=HOSTILE))
    run["accuracy"][HOSTILE] = {HOSTILE: {"planted": 1, "predicted": 2, "precision": 0.5, "recall": 1.0}}
    run["absent"] = {HOSTILE: HOSTILE}
    return run


class Reader(HTMLParser):
    """Tags in order, and that each one is closed."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# ---- the page


def test_the_page_reaches_for_nothing_outside_itself(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|<script|<link|<iframe|@import|\bsrc=", page.replace(HOSTILE, ""))
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    assert set(re.findall(r'href="(.)', page)) == {"#"}


def test_the_page_is_well_formed_and_can_be_read_aloud(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    headings = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    assert ("html", {"lang": "en"}) in read.tags
    assert all(attrs.get("aria-label") and attrs["role"] == "img" for tag, attrs in read.tags if tag == "svg")
    assert all(attrs.get("scope") for tag, attrs in read.tags if tag == "th")
    assert sum(tag == "svg" for tag, _ in read.tags) == 6


def test_no_id_is_used_twice_and_every_reference_leads_somewhere(page: str) -> None:
    ids = Counter(re.findall(r'\bid="([^"]*)"', page))
    assert not [name for name, count in ids.items() if count > 1]
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', page)) <= set(ids)


def test_text_of_the_data_stays_text(page: str) -> None:
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "\x00" not in page
    assert Reader(page).text.count("<script>alert(1)</script>") > 10


def test_sections_come_in_the_order_in_which_a_person_wants_them(page: str) -> None:
    order = ["verdict", "changes", "labels", "splits", "time", "templates", "rows", "findings", "accuracy", "sources"]
    assert re.findall(r'<h2 id="(\w+)"', page) == order


def test_sample_data_never_pass_for_real() -> None:
    sample, real = (render({"track": "track_a", "mode": mode}) for mode in ("sample", "local"))
    assert "Sample data: generated, not real" in sample
    assert "<title>[sample data]" in sample
    assert "not real" not in real
    assert "(generated, not real)" in summary_lines(changed(mode="sample"))[0]
    assert "not real" in summary_markdown(changed(mode="sample"))


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_also_side_by_side() -> None:
    run = invented()
    with ThreadPoolExecutor(3) as pool:
        pages = list(pool.map(render, [run, json.loads(json.dumps(run)), {**run, "title": "Other"}, run]))
    assert pages[0] == pages[1] == pages[3]
    assert pages[2] == pages[0].replace("Track A", "Other")


def test_the_constant_that_stands_for_the_template_is_right() -> None:
    """What `derive(render, ...)` remembers depends on report.TEMPLATE: put the new value there after a change."""
    content = (Path(report.__file__).parent / "report.html.j2").read_bytes()
    assert hashlib.sha256(content).hexdigest()[:12] == report.TEMPLATE


MISSING = {
    "sources": "recorded no sources",
    "rows": "recorded no row counts",
    "labels": "recorded no labels",
    "splits": "recorded no splits",
    "lengths": "recorded no lengths",
    "timeline": "recorded no events over time",
    "templates": "recorded no templates",
    "findings": "recorded no checks",
    "accuracy": "Not measured: these data come without a truth",
    "mode": "not recorded whether these data are real",
    "previous": "nothing to compare with",
}


def test_an_empty_run_is_a_page_that_says_what_is_missing() -> None:
    empty = render({})
    assert [words for words in MISSING.values() if words not in empty] == []
    assert verdict({})[0] == "bad"


@pytest.mark.parametrize("key", MISSING)
def test_one_missing_part_is_said_and_hides_no_other(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_draw", lambda *_args: "plot")
    run = invented()
    for lacking in ({k: v for k, v in run.items() if k != key}, {**run, key: None}, {**run, key: type(run[key])()}):
        text = render(lacking)
        assert MISSING[key] in text
        others = [words for other, words in MISSING.items() if other not in (key, "previous") and words in text]
        assert others == []
        assert 6 <= len(summary_lines(lacking)) <= 12
        assert summary_markdown(lacking)


def test_counts_of_nothing_draw_nothing_and_break_nothing() -> None:
    zeros = changed(
        labels={"before": {"Normal": 0}, "after": {}},
        lengths={"edges": [0, 1, 2], "counts": [0, 0]},
        timeline={"ds1_alibaba": {"bucket": "none", "times": [], "counts": {}}, "x": None},
        splits={"train": 0},
        templates=[],
    )
    assert "<svg" not in render(zeros)


@pytest.mark.slow
def test_dollar_signs_in_a_plot_are_no_mathematics() -> None:
    assert ">$y$<" in plots.labels_plot({"$y$": 1}, {})


# ---- verdict


def test_nothing_wrong_is_said_when_nothing_is_wrong() -> None:
    assert verdict(invented()) == ("good", "Nothing wrong was found.")
    assert troubles(invented()) == []


@pytest.mark.parametrize(
    ("parts", "level", "says"),
    [
        ({"splits": {}}, "bad", "No sequence was made."),
        (
            {"rows": {"ds1": {"in": 10, "kept": 8, "dropped": {"x": 1}, "quarantined": {}}}},
            "bad",
            "ds1: the rows do not add up: 10 in, but 8 kept + 1 dropped + 0 quarantined is 9.",
        ),
        (
            {"findings": [finding("ds1", "schema", holds=False, severity="error")]},
            "bad",
            "ds1: schema: share of entity",
        ),
        ({"findings": [finding("ds1", "volume", holds=False)]}, "look", "measured 0.01, limit 0.05"),
        ({"findings": [finding("ds1", "volume", holds=False, severity="info")]}, "good", ""),
        ({"splits": {"train": 5, "test": 0}}, "look", "The split test is empty."),
        ({"accuracy": {"ds1": {"2": {"planted": 3, "recall": 0.9}}}}, "look", "recall of System crash is 0.900"),
        ({"accuracy": {"ds1": {"2": {"planted": 0, "predicted": 0, "recall": 0.0}}}}, "good", ""),
        ({"labels": {"before": {"Normal": 5, "System_Crash": 1}}}, "look", "Resource exhaustion or Network failure or"),
        ({"absent": {"ds2": "SourceError: no file"}}, "look", "ds2 is not in these data: SourceError: no file"),
        ({"sources": [{"stem": "ds1", "missing": ["server_event"]}]}, "good", "ds1: made without server_event."),
        ({"conflicts": 2}, "good", "2 distinct sequences occurred with more than one label"),
    ],
)
def test_what_is_wrong_is_named_and_weighed(parts: dict[str, Any], level: str, says: str) -> None:
    run = changed(**parts)
    assert verdict(run)[0] == level
    assert any(says in trouble.text for trouble in troubles(run)) == bool(says)


def test_the_worst_is_said_first() -> None:
    run = changed(conflicts=1, splits={"train": 1, "test": 0}, rows={"a": {"in": 1}})
    assert [trouble.level for trouble in troubles(run)] == ["bad", "look", "note"]


# ---- what changed


def test_changes_are_those_of_a_case_worked_by_hand() -> None:
    before = invented()
    before["splits"]["train"] = 900  # so 1,150 distinct sequences became 1,250
    before["rows"]["ds1_alibaba"]["dropped"] = {}
    before["accuracy"]["ds1_alibaba"]["Normal"]["recall"] = 0.98
    before["rows"]["ds1_alibaba"]["quarantined"]["older_reason"] = 1
    found = {change.name: change.difference for change in changes(changed(previous=before))}
    assert found == {
        "distinct sequences": "+100 (+8.7 %)",
        "in train": "+100 (+11.1 %)",
        "ds1_alibaba: dropped, duplicate": "new",
        "ds1_alibaba: quarantined, older_reason": "gone",
        "ds1_alibaba: recall of Normal": "+0.010",
    }
    assert Change("n", 100_000, 100_001).difference == "+1"  # not "+0.0 %"
    assert Change("n", 0, 3).difference == "+3"


def test_runs_of_different_modes_are_not_compared() -> None:
    run = changed(previous=changed(mode="live", splits={"train": 9}))
    assert changes(run) == []
    assert "figures of different modes are not compared" in change_words(run)


def test_a_repeated_run_says_that_nothing_changed() -> None:
    run = changed(previous=invented())
    assert changes(run) == []
    assert change_words(run).startswith("Nothing: all ")


@given(st.lists(st.sampled_from(["conflicts", "splits", "rows", "labels", "accuracy", "findings"]), unique=True))
def test_a_run_never_differs_from_itself(keys: list[str]) -> None:
    run = {key: value for key, value in invented().items() if key not in keys}
    assert changes({**run, "previous": run}) == []


# ---- words and numbers


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (5e-7, "5e-07"),
        (1_234_567, "1,234,567"),
        (0.123456, "0.1235"),
        (12_345.6, "12,346"),
        (-0.34, "-0.34"),
        (2.0, "2"),
    ],
)
def test_numbers_are_written_for_people(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_a_dash(nothing: Any) -> None:
    assert number(nothing) == words.NOTHING


@example(9_999_999, 10_000_000)
@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_only_nothing_is_0_per_cent_and_only_all_is_100(count: int, total: int) -> None:
    count = min(count, total)
    assert (share(count, total) == "0.0 %") == (count == 0)
    assert (share(count, total) == "100.0 %") == (count == total)


def test_states_are_known_by_name_and_by_label() -> None:
    assert state_name("Resource_Exhaustion") == state_name(1) == state_name("1") == "Resource exhaustion"
    assert state_name("12") == "12"


@given(st.text(), st.integers(2, 50))
def test_readable_text_is_one_short_printable_line(text: str, limit: int) -> None:
    made = readable(text, limit)
    assert len(made) <= limit
    assert made.isprintable()


def test_the_ledger_of_a_case_worked_by_hand() -> None:
    (book,) = ledgers({"rows": {"x": {"in": 10, "kept": 5, "dropped": {"b": 2, "a": 2}, "quarantined": {"c": 1}}}})
    assert (book.out, book.held, book.gap) == (4, 1, 0)
    assert book.reasons == [("a", "dropped", 2), ("b", "dropped", 2), ("c", "quarantined", 1)]


def test_the_middle_is_the_bin_in_which_half_is_reached() -> None:
    assert middle([0, 1, 2, 4, 8], [0, 1, 1, 2]) == 3  # two of four have at most 3 tokens
    assert middle([0, 1, 2, 4, 8], [0, 0, 1, 2]) == 7


# ---- time


@pytest.mark.parametrize(
    ("bucket", "seconds"),
    [("5min", 300), ("1h", 3_600), ("2D", 172_800), ("0:05:00", 300), ("91 days, 0:00:00", 91 * 86_400)],
)
def test_buckets_are_read_as_they_are_written(bucket: str, seconds: int) -> None:
    assert seconds_of(bucket, []) == seconds


def test_an_unreadable_bucket_is_the_smallest_step() -> None:
    assert seconds_of("none", [0, 600, 900]) == 300
    assert seconds_of("0h", [7]) == seconds_of(None, []) == 3_600


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
    assert max(positions) < axis.length <= plots.MAX_BARS
    assert axis.seconds % seconds == 0
    assert len(axis.cuts) == len(axis.starts) - 1 <= plots.MAX_CUTS


def test_years_of_silence_are_cut_out_and_told() -> None:
    begins = [datetime(year, 6, 9, tzinfo=UTC) for year in (2005, 2008, 2015)]
    times = [int((begin + timedelta(hours=hour)).timestamp()) for begin in begins for hour in range(30)]
    axis = strip(times, 3_600)
    assert axis.seconds == 3_600
    assert [time for _, time in axis.starts] == begins
    assert axis.length < 120


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=80))
def test_no_event_is_lost_on_the_way_to_the_plot(rows: list[tuple[int, int, int]]) -> None:
    times = [datetime.fromtimestamp(hour * 3_600, UTC).isoformat() for hour, _, _ in rows]
    counts = {"Normal": [n for _, n, _ in rows], "3": [n for _, _, n in rows]}
    made = timelines({"timeline": {"x": {"bucket": "1h", "times": times, "counts": counts}}})
    drawn = {state: sum(numbers) for timeline in made for state, numbers in timeline.counts.items()}
    wanted = {"Normal": sum(counts["Normal"]), "Network failure": sum(counts["3"])}
    assert drawn == (wanted if any(wanted.values()) else {})


@pytest.mark.parametrize(
    ("first", "step", "count", "marks"),
    [
        ("1970-01-01T00:00", timedelta(minutes=5), 12, ["00:00", "00:15", "00:30", "00:45", "01:00"]),
        ("2008-11-09T23:00", timedelta(hours=1), 3, ["09 Nov 23:00", "09 Nov 23:30", *NIGHT]),
        ("2004-03-01T00:00", timedelta(days=1), 20, ["03 Mar 2004", "08 Mar 2004", "13 Mar 2004", "18 Mar 2004"]),
        ("2004-01-01T00:00", timedelta(days=91), 56, ["2004", "2006", "2008", "2010", "2012", "2014", "2016"]),
    ],
)
def test_ticks_are_round_times(first: str, step: timedelta, count: int, marks: list[str]) -> None:
    times = [(datetime.fromisoformat(first) + step * n).isoformat() for n in range(count)]
    found = {"bucket": str(step), "times": times, "counts": {"Normal": [1] * count}}
    (timeline,) = timelines({"timeline": {"x": found}})
    assert [text for _, text in plots._marks(timeline)] == marks
    assert all(0 <= position <= timeline.strip.length for position, _ in plots._marks(timeline))


def test_a_cut_axis_has_the_date_of_each_piece_and_says_that_it_is_cut() -> None:
    (timeline,) = timelines({"timeline": {"x": FAR_APART}})
    assert [text for _, text in plots._marks(timeline)] == ["14 Jun 2005", "09 Nov 2008", "09 Jun 2017"]
    assert timeline.caption == "6 windows; a bar is 1 hour. Quiet stretches are cut out at the dotted lines."


# ---- markdown and terminal


def test_markdown_is_short_and_its_tables_are_whole() -> None:
    run = hostile()
    run["rows"]["ds2_loghub"]["quarantined"] = {f"reason_{n}": n for n in range(200)}
    run["accuracy"] = {f"ds{n}": run["accuracy"]["ds1_alibaba"] for n in range(30)}
    run["previous"] = {**invented(), "rows": {}, "accuracy": {}}
    lines = summary_markdown(run).splitlines()
    tables = re.split(r"\n(?!\|)", "\n".join(lines))
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) < 100
    for block in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block
    assert not any("<script" in re.sub(r"`[^`]*`", "", line) for line in lines)


def test_terminal_lines_are_few_and_plain_whatever_the_run() -> None:
    many = changed(
        rows={f"ds{n}": {"in": n, "kept": n} for n in range(9)},
        findings=[finding("ds1", "volume", holds=False, detail=HOSTILE * 9)] * 30,
        previous=invented(),
    )
    for run in ({}, invented(), many, hostile()):
        lines = summary_lines(run)
        assert 6 <= len(lines) <= 12
        assert all(line.isprintable() for line in lines)
    assert "and 6 more datasets" in "\n".join(summary_lines(many))


def test_terminal_lines_of_a_case_worked_by_hand() -> None:
    assert summary_lines(invented()) == [
        "Track A, mode sample (generated, not real): 1,250 distinct sequences. Nothing wrong was found.",
        "  ds1_alibaba  1,000 rows in = 990 kept + 7 dropped + 3 quarantined",
        "  ds2_loghub   2,500 rows in = 2,500 kept + 0 dropped + 0 quarantined",
        "  labels    Normal 900 · Resource exhaustion 40 · System crash 30 · Network failure 20 · Data drift 10",
        "  splits    train 1,000 · validation 120 · test 130 (train balanced to 280)",
        "  checks    2 of 2 hold",
        "  accuracy  lowest of 20 measures: recall 0.990 (ds1_alibaba, Data drift)",
        "  changes   No earlier run was published here: there is nothing to compare with.",
    ]


def test_figures_are_named_once_each() -> None:
    assert len(figures(invented())) == 2 * 2 + 2 + 5 + 3 + 2 + 20 + 1
