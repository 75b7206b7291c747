"""DS2: events into labelled windows of the clock; no event is lost, and no window mixes entities."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import contracts, format_a
from schemas.contracts import Events
from schemas.ds2_loghub import EVENT_COLUMNS, SingleEvents
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.reports import vocabulary
from tasks.pipelines.ds2_loghub.rules import EVENT_STATES, EVENT_TYPE_OF
from tasks.quality.vocabulary import template_tokens
from tests.tasks.pipelines.ds2_loghub.logs import BASE, events_of, label, lines, lone, planted, read, report

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_nothing_in_gives_empty_tables_of_the_right_columns_and_types() -> None:
    parsed, rejects = parse(lines([]))
    made, untimed = read(parsed)
    sequences, left_out = label(made)
    assert (len(parsed), len(made), len(sequences)) == (0, 0, 0)
    assert {tuple(table.columns) for table in (rejects, untimed, left_out)} == {tuple(REJECT_COLUMNS)}
    assert dict(made.dtypes) == EVENT_COLUMNS
    assert list(sequences.dtypes)[: len(format_a.COLUMNS)] == list(format_a.COLUMNS.values())
    assert vocabulary(made).empty
    assert report(made)["statistics"]["total_rows"] == 0


def test_windows_are_cut_by_the_clock_per_entity_and_worked_by_hand() -> None:
    made = planted(
        [
            ("a", "h1", 301, "normal"),
            ("a", "h1", 599, "timed_out"),
            ("a", "h1", 600, "normal"),
            ("a", "h1", 605, "normal"),
            ("a", "h2", 302, "crashed"),
            ("a", "h2", 303, "timed_out"),
        ]
    )
    sequences, rejects = label(made, taxonomy="five")
    tokens = template_tokens(made[["system", "template"]]).set_index("template")["token"]
    assert rejects.empty
    assert sequences["entity"].tolist() == ["a/h1", "a/h1", "a/h2"]
    assert [moment.timestamp() - BASE for moment in sequences["window_start"]] == [300, 600, 300]
    assert [moment.timestamp() - BASE for moment in sequences["window_end"]] == [600, 900, 600]
    assert [list(ids) for ids in sequences["sequence_ids"]] == [
        [tokens["normal"], tokens["timed_out"]],
        [tokens["normal"]] * 2,
        [tokens["crashed"], tokens["timed_out"]],
    ]
    assert sequences["label"].tolist() == [3, 0, 2]
    assert sequences["label_rule"].tolist() == ["timed_out", "normal", "crashed"]
    assert sequences["event_type"].tolist() == ["network_issue", "normal_ops", "system_crash"]
    assert sequences["rows"].tolist() == [2, 2, 2]
    contracts.Sequences.validate(sequences)


def test_columns_are_format_as_and_then_the_slices() -> None:
    sequences, _ = label(planted([("a", "h", 1, "normal")]))
    assert sequences.columns.tolist() == [*format_a.COLUMNS, "system", "severity", "event_type", "rows"]
    assert sequences["rows"].dtype == pd.ArrowDtype(pa.int32())


@pytest.mark.parametrize(("taxonomy", "expected"), [("five", (0, "security")), ("seven", (5, "authentication_failed"))])
def test_security_is_normal_among_five_states_and_a_state_of_its_own_among_seven(
    taxonomy: format_a.Taxonomy, expected: tuple[int, str]
) -> None:
    made = planted([("a", "h", at, rule) for at, rule in enumerate(["normal", "authentication_failed", "normal"])])
    sequences, _ = label(made, taxonomy=taxonomy)
    assert (sequences["label"][0], sequences["label_rule"][0]) == expected
    assert sequences["event_type"][0] == "auth_failure"


@pytest.mark.parametrize("taxonomy", ["five", "seven"])
@given(rules=st.lists(st.sampled_from(sorted(EVENT_TYPE_OF)), min_size=1, max_size=8))
@settings(max_examples=8, deadline=None)
def test_the_worst_state_wins_by_severity_whatever_the_order(taxonomy: format_a.Taxonomy, rules: list[str]) -> None:
    made = planted([("a", "h", at, rule) for at, rule in enumerate(rules)])
    sequences, _ = label(made, taxonomy=taxonomy)
    states = [EVENT_STATES[EVENT_TYPE_OF[rule]] for rule in rules]
    worst = min(states, key=format_a.SEVERITY_ORDER.index)
    assert sequences["label"].tolist() == [0 if taxonomy == "five" and worst > format_a.DATA_DRIFT else worst]


def test_the_worst_severity_and_the_most_frequent_type_describe_a_normal_window() -> None:
    made = planted([("a", "h", at, rule) for at, rule in enumerate(["warning", "normal", "warning"])])
    made["severity"] = pd.Series(["WARN", "INFO", "INFO"], dtype=format_a.TEXT)
    sequences, _ = label(made)
    assert sequences[["severity", "event_type", "label_rule"]].to_numpy().tolist() == [["WARN", "unknown", "normal"]]


def test_the_last_512_tokens_are_kept_and_every_row_is_counted() -> None:
    made = planted([("a", "h", 0, "crashed"), *(("a", "h", 1 + at // 4, "normal") for at in range(600))])
    sequences, _ = label(made)
    assert (len(sequences["sequence_ids"][0]), sequences["rows"][0], sequences["label"][0]) == (512, 601, 2)
    assert len(set(sequences["sequence_ids"][0])) == 1


@pytest.mark.parametrize(
    ("windows", "sizes"),
    [
        ((0, 1), [2]),
        ((0, 1, 2), [2, 1]),
        ((0, 1, 2, 3), [2, 2]),
        ((0, 2), [1, 1]),
        ((0, 1, 1), [3]),
        ((0, 0, 1), [2, 1]),
        ((0, 1, 1, 2, 3), [3, 2]),
        ((0, 1000), [1, 1]),
    ],
)
def test_a_lone_event_joins_the_next_window_if_that_is_its_neighbour(
    windows: tuple[int, ...], sizes: list[int]
) -> None:
    sequences, rejects = label(planted(lone(*windows)))
    assert sequences["rows"].tolist() == sizes
    assert rejects.empty


def test_a_joined_pair_spans_both_windows_and_has_the_worse_label() -> None:
    made = planted([("a", "h", 10, "normal"), ("a", "h", 310, "crashed"), ("a", "h", 320, "normal")])
    sequences, _ = label(made)
    row = sequences.iloc[0]
    assert (row["window_end"].timestamp() - BASE, row["label"], row["rows"]) == (600, 2, 3)
    assert row["window_start"] == row["context_start"] == pd.Timestamp(BASE, unit="s", tz="UTC")


def test_how_near_is_a_parameter() -> None:
    sequences, _ = label(planted(lone(0, 3)), merge_within_seconds=900)
    assert sequences["rows"].tolist() == [2]
    assert sequences["window_end"][0].timestamp() - BASE == 1200


def test_lone_events_may_be_kept_or_dropped_with_their_line() -> None:
    made = planted([*lone(0, 1), ("a", "h", 900, "normal"), ("a", "h", 901, "normal")])
    kept, nothing = label(made, single_events="keep")
    assert (kept["rows"].tolist(), len(nothing)) == ([1, 1, 2], 0)
    left, dropped = label(made, single_events="drop")
    assert left["rows"].tolist() == [2]
    assert dropped[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["dropped", "single_event_window", 1],
        ["dropped", "single_event_window", 2],
    ]


MOMENTS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["h1", "h2"]),
        st.integers(0, 4000),
        st.sampled_from(["normal", "crashed"]),
    ),
    max_size=40,
)


@given(rows=MOMENTS, policy=st.sampled_from(["merge", "keep", "drop"]), within=st.sampled_from([300, 900]))
@settings(max_examples=12, deadline=None)
def test_every_event_stands_in_one_window_or_in_the_rejects_and_no_window_mixes_entities(
    rows: list[tuple[str, str, int, str]], policy: SingleEvents, within: int
) -> None:
    made = planted(rows)
    sequences, rejects = label(made, single_events=policy, merge_within_seconds=within)
    assert sequences["rows"].sum() + len(rejects) == len(made)
    for row in sequences.itertuples():
        assert row.entity.startswith(f"{row.system}/")
        mine = made[made["entity"] == row.entity]
        inside = mine[(mine["timestamp"] >= row.window_start) & (mine["timestamp"] < row.window_end)]
        assert len(inside) == row.rows == len(row.sequence_ids)
        assert row.window_end - row.window_start <= pd.Timedelta(seconds=300 + within)
    spans = sequences.sort_values(["entity", "window_start"])
    same = spans["entity"] == spans["entity"].shift(-1)
    assert (~same | (spans["window_end"] <= spans["window_start"].shift(-1)).fillna(value=True)).all()


def test_permuting_lines_of_different_entities_changes_nothing() -> None:
    names = ["h1", "h2", "h3"]
    of = {name: [f"Jun 14 10:{at:02d}:00 {name} x: job {at} failed" for at in range(9)] for name in names}
    one = lines([line for name in names for line in of[name]])
    other = lines([line for same_time in zip(*of.values(), strict=True) for line in same_time])
    first, second = (label(events_of(part))[0] for part in (one, other))
    pd.testing.assert_frame_equal(first, second)


def test_a_later_day_or_another_system_changes_no_earlier_id_and_no_earlier_window() -> None:
    day = lines([f"Jun 14 10:{at:02d}:{at:02d} h{at % 3} x: took {at} ms" for at in range(50)])
    later = lines(
        [f"Jun 14 10:{at:02d}:{at:02d} h{at % 3} x: took {at} ms" for at in range(50)]
        + [f"Jun 15 10:00:0{at} h{at % 3} x: disk sda{at} failed" for at in range(9)]
    )
    other = lines(["17/06/09 20:10:40 INFO a.B: took 3 ms"] * 2, "spark.log", "spark")
    before, _ = label(events_of(day))
    after, _ = label(events_of(later, other))
    kept = after[after["window_start"] < pd.Timestamp("2005-06-15", tz="UTC")].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, kept)
    old, new = (vocabulary(events_of(*parts)) for parts in ((day,), (later, other)))
    assert set(map(tuple, old.to_numpy())) < set(map(tuple, new.to_numpy()))


def test_real_windows_are_sequences_of_format_a_and_lose_nothing(real: pd.DataFrame) -> None:
    sequences, rejects = label(real)
    contracts.Sequences.validate(sequences)
    Events.validate(real)
    assert sequences["rows"].sum() + len(rejects) == 10_000
    windows = report(real)["windows"]
    assert windows["after_merging"]["windows"] == len(sequences)
    assert windows["after_merging"]["single_event"] == int((sequences["rows"] == 1).sum())
