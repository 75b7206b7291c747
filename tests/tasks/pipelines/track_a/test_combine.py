"""The combined table against a plain-Python one, and the laws a trainer relies on."""

from collections import Counter, defaultdict
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings

from schemas.format_a import COLUMNS, SEVERITY_ORDER, STATES
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.track_a.combine import combine, conflicts, parts
from tasks.quality.splits import assign
from tests.tasks.quality.rows import ANY_ROWS, sequences

pytestmark = pytest.mark.unit

Rows = list[dict[str, Any]]
DAY = 24 * 60


def of_source(rows: Rows, source: str) -> Rows:
    return [{**row, "source": source} for row in rows]


def by_tokens(table: pd.DataFrame) -> dict[tuple[int, ...], list[Any]]:
    """The rows that survive the splits, by their tokens, earliest first: what combine works on."""
    found = defaultdict(list)
    for row in assign(table)[0].itertuples():
        found[tuple(row.sequence_ids)].append(row)
    return {
        ids: sorted(
            rows,
            key=lambda r: (r.window_start, r.source, r.entity, r.window_end, r.context_start, r.label, r.label_rule),
        )
        for ids, rows in found.items()
    }


def plainly(table: pd.DataFrame) -> dict[tuple[int, ...], tuple[Any, ...]]:
    """The combined table by the words of the contract, one row after the other."""
    made = {}
    for ids, rows in by_tokens(table).items():
        worst = min(rows, key=lambda row: SEVERITY_ORDER.index(row.label))
        first = rows[0]
        made[ids] = (worst.label, worst.label_rule, len(rows), first.entity, first.window_start, first.split)
    return made


def as_plain(combined: pd.DataFrame) -> dict[tuple[int, ...], tuple[Any, ...]]:
    return {
        tuple(r.sequence_ids): (r.label, r.label_rule, r.weight, r.entity, r.window_start, r.split)
        for r in combined.itertuples()
    }


@settings(max_examples=10, deadline=None)
@given(rows=ANY_ROWS)
def test_combined_is_what_the_words_say(rows: Rows) -> None:
    table = sequences(rows)
    combined, rejected = combine(table)
    assert as_plain(combined) == plainly(table)
    assert len(combined) == len(plainly(table))  # no sequence twice, so none in two splits
    assert int(combined["weight"].sum()) + len(rejected) == len(table)


@settings(max_examples=10, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_the_order_of_tables_and_rows_changes_nothing(one: Rows, other: Rows) -> None:
    a, b = sequences(of_source(one, "a")), sequences(of_source(other, "b"))
    for made, again in zip(combine(a, b), combine(b.iloc[::-1], a.iloc[::-1]), strict=True):
        assert made.equals(again)


@settings(max_examples=10, deadline=None)
@given(rows=ANY_ROWS)
def test_combining_again_changes_nothing(rows: Rows) -> None:
    combined, _ = combine(sequences(rows))
    again, rejected = combine(combined)
    assert again.equals(combined)
    assert rejected.empty


@settings(max_examples=10, deadline=None)
@given(old=ANY_ROWS, new=ANY_ROWS)
def test_a_later_day_moves_no_old_row(old: Rows, new: Rows) -> None:
    """Nor its entity or window; only its weight may grow and its label get worse."""
    later = [{**row, "minute": row["minute"] + 20 * DAY} for row in new]
    alone, together = as_plain(combine(sequences(old))[0]), as_plain(combine(sequences(old + later))[0])
    for ids, before in alone.items():
        assert together[ids][3:] == before[3:]
        assert together[ids][2] >= before[2]


@settings(max_examples=10, deadline=None)
@given(old=ANY_ROWS, new=ANY_ROWS)
def test_another_system_with_tokens_of_its_own_moves_nothing(old: Rows, new: Rows) -> None:
    other = [{**row, "source": "b", "ids": tuple(token + 1_000 for token in row["ids"])} for row in new]
    alone, together = combine(sequences(old))[0], combine(sequences(old), sequences(other))[0]
    assert together[together["source"] == "ds1"].reset_index(drop=True).equals(alone)


def test_an_earlier_occurrence_in_a_new_entity_is_what_can_move_a_row() -> None:
    """The documented exception, shown: the row takes the new entity's window."""
    old, new = {"entity": "m1", "minute": 10}, {"entity": "m2", "minute": 5}
    assert combine(sequences([old]))[0]["entity"].tolist() == ["m1"]
    assert combine(sequences([old, new]))[0]["entity"].tolist() == ["m2"]


def test_columns_are_format_a_and_slices_are_left_out() -> None:
    combined, rejected = combine(sequences([{}], status=["Failed"]), sequences([{"source": "b"}], system=["hdfs"]))
    assert dict(combined.dtypes) == COLUMNS
    assert tuple(rejected.columns) == tuple(REJECT_COLUMNS)


def test_tables_without_rows_and_no_tables_give_an_empty_one() -> None:
    for combined, rejected in (combine(), combine(sequences([]))):
        assert dict(combined.dtypes) == COLUMNS
        assert (len(combined), len(rejected)) == (0, 0)


@pytest.mark.parametrize(
    ("labels", "winner"), [((0, 4), 4), ((4, 1), 1), ((1, 3), 3), ((3, 2), 2), ((5, 6), 6), ((6, 4), 4)]
)
def test_severity_decides_between_labels_not_the_larger_number(labels: tuple[int, int], winner: int) -> None:
    rows = [{"label": label, "rule": f"rule_{label}", "minute": 5 * n} for n, label in enumerate(labels)]
    for order in (rows, rows[::-1]):
        combined, _ = combine(sequences(order))
        assert combined[["label", "label_rule", "weight"]].values.tolist() == [[winner, f"rule_{winner}", 2]]


def test_the_winning_labels_earliest_rule_is_taken() -> None:
    rows = [{"minute": 10, "label": 2, "rule": "late"}, {"minute": 0}, {"minute": 5, "label": 2, "rule": "early"}]
    assert combine(sequences(rows))[0]["label_rule"].tolist() == ["early"]


@settings(max_examples=20, deadline=None)
@given(rows=ANY_ROWS)
def test_conflicts_are_the_sequences_with_several_labels_and_name_the_one_combined_took(rows: Rows) -> None:
    table = sequences(rows)
    combined = as_plain(combine(table)[0])
    expected = {
        ids: {STATES[label]: n for label, n in Counter(row.label for row in same).items()}
        for ids, same in by_tokens(table).items()
        if len({row.label for row in same}) > 1
    }
    found = conflicts(table)
    assert {tuple(r.sequence_ids): orjson.loads(r.labels) for r in found.itertuples()} == expected
    assert all(combined[tuple(r.sequence_ids)][0] == r.label for r in found.itertuples())
    assert all(
        STATES[r.label] == r.state and sum(orjson.loads(r.labels).values()) == r.rows for r in found.itertuples()
    )
    assert found["rows"].is_monotonic_decreasing


def test_a_table_without_contradictions_gives_no_conflicts() -> None:
    assert conflicts(sequences([{}, {"ids": (5,), "label": 1}])).empty
    assert conflicts().empty


MANY = [
    {"ids": (n,), "entity": f"m{n % 97}", "minute": 5 * (n % 500), "label": (0, 0, 0, 0, 0, 1, 0, 2)[n % 8]}
    for n in range(100, 900)
]


def test_parts_balance_train_alone() -> None:
    combined, _ = combine(sequences(MANY))
    train, validation, test = parts(combined)
    for name, part in (("validation", validation), ("test", test)):
        assert part.equals(combined[combined["split"] == name].reset_index(drop=True))
        assert len(part)
    found = Counter(train["label"].tolist())
    assert found[0] == 3 * found[1] == 3 * found[2]


def test_no_sequence_of_one_part_stands_in_another_also_after_oversampling() -> None:
    bodies = [{tuple(ids) for ids in part["sequence_ids"]} for part in parts(combine(sequences(MANY))[0])]
    assert len(bodies[0] | bodies[1] | bodies[2]) == sum(map(len, bodies))


def test_the_seed_and_the_ratio_reach_the_balance() -> None:
    combined, _ = combine(sequences(MANY))
    assert parts(combined, seed=1)[0].equals(parts(combined, seed=1)[0])
    assert not parts(combined, seed=1)[0].equals(parts(combined, seed=2)[0])
    assert Counter(parts(combined, normal_ratio=1)[0]["label"].tolist()).keys() == {0, 1, 2}
    assert len(set(Counter(parts(combined, normal_ratio=1)[0]["label"].tolist()).values())) == 1
