"""Balance: what is thinned, what is repeated, and that the report says just that."""

from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.format_a import BALANCE_SEED, NORMAL_RATIO
from tasks.quality import balance as balancing
from tasks.quality.balance import report, token_bytes
from tests.tasks.quality.rows import labelled, sequences

pytestmark = pytest.mark.unit


def balance(train: pd.DataFrame, normal_ratio: float = NORMAL_RATIO, seed: int = BALANCE_SEED) -> pd.DataFrame:
    return balancing.balance(train, normal_ratio=normal_ratio, seed=seed)


LABELS = st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3, 4]), max_size=60)


def counts(table: pd.DataFrame) -> Counter[int]:
    return Counter(table["label"].tolist())


def bodies(table: pd.DataFrame, *, failing: bool) -> list[tuple[int, ...]]:
    rows = table[(table["label"] != 0) == failing]
    return [tuple(ids) for ids in rows["sequence_ids"]]


@settings(max_examples=25, deadline=None)
@given(labels=LABELS)
def test_normal_is_within_the_ratio_and_failures_are_level(labels: list[int]) -> None:
    before, after = Counter(labels), counts(balance(labelled(*labels)))
    largest = max((n for label, n in before.items() if label), default=0)
    if largest:
        assert after[0] == min(before[0], 3 * largest)
        assert {after[label] for label in before if label} == {largest}
    else:
        assert after == before


@settings(max_examples=20, deadline=None)
@given(labels=LABELS)
def test_rows_are_only_picked_normal_never_twice_and_no_failure_is_lost(labels: list[int]) -> None:
    before = labelled(*labels)
    after = balance(before)
    normal = bodies(after, failing=False)
    assert len(normal) == len(set(normal))
    assert set(normal) <= set(bodies(before, failing=False))
    assert set(bodies(after, failing=True)) == set(bodies(before, failing=True))
    assert after.dtypes.equals(before.dtypes)


@settings(max_examples=30, deadline=None)
@given(labels=LABELS, order=st.randoms(use_true_random=False))
def test_the_order_rows_come_in_changes_nothing(labels: list[int], order: np.random.Generator) -> None:
    table = labelled(*labels)
    places = list(range(len(table)))
    order.shuffle(places)  # type: ignore[arg-type]
    assert balance(table.iloc[places]).equals(balance(table))


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    table = labelled(*[0] * 100, *[1] * 10, 2)
    assert balance(table, seed=7).equals(balance(table, seed=7))
    assert not balance(table, seed=7).equals(balance(table, seed=8))


def test_one_more_failure_state_changes_no_other_states_sample() -> None:
    table = labelled(*[0] * 100, *[1] * 10, 2, 2, 3)
    with_it, without = balance(table), balance(table[table["label"] != 3])
    assert with_it[with_it["label"] != 3].reset_index(drop=True).equals(without)


def test_normal_fewer_than_the_ratio_allows_is_left_alone() -> None:
    assert counts(balance(labelled(0, 1, 1, 2))) == {0: 1, 1: 2, 2: 2}


def test_the_report_counts_what_was_done() -> None:
    before = labelled(*[0] * 40, *[1] * 10, 3)
    done = report(before, balance(before))
    assert done == {
        "before": {
            "Normal": 40,
            "Resource_Exhaustion": 10,
            "System_Crash": 0,
            "Network_Failure": 1,
            "Data_Drift": 0,
        },
        "after": {
            "Normal": 30,
            "Resource_Exhaustion": 10,
            "System_Crash": 0,
            "Network_Failure": 10,
            "Data_Drift": 0,
        },
        "removed": {"Normal": 10},
        "repeated": {"Network_Failure": 9},
        "normal_per_largest_failure": {"before": 4.0, "after": 3.0},
        "unchanged_because": "",
    }


@pytest.mark.parametrize(
    ("labels", "words"),
    [((0, 0), "no failure state"), ((), "no failure state"), ((0, 1), "balanced already"), ((2,), "balanced already")],
)
def test_an_unchanged_table_is_reported_with_the_reason(labels: tuple[int, ...], words: str) -> None:
    before = labelled(*labels)
    after = balance(before)
    assert after.equals(before)
    assert words in report(before, after)["unchanged_because"]


def test_a_ratio_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="normal_ratio is 0; it must be positive"):
        balance(labelled(0, 1), normal_ratio=0)


LISTS = st.lists(st.lists(st.integers(0, 300), max_size=4), max_size=12)


@settings(max_examples=60, deadline=None)
@given(lists=LISTS, cut=st.integers(0, 5))
def test_bytes_are_equal_exactly_where_lists_are(lists: list[list[int]], cut: int) -> None:
    """Of a slice too: its values start in the middle of a buffer."""
    found = token_bytes(pl.Series(lists, dtype=pl.List(pl.Int32))[cut:])
    assert found.to_list() == [np.array(ids, "<i4").tobytes() for ids in lists[cut:]]


def test_more_tokens_than_one_are_not_confused_with_a_larger_one() -> None:
    assert token_bytes(pl.Series([[256], [0, 1]], dtype=pl.List(pl.Int32))).n_unique() == 2


def test_sequences_that_differ_in_tokens_alone_have_an_order() -> None:
    table = sequences([{"ids": (300,)}, {"ids": (5, 6)}, {"ids": (7,)}])
    assert balance(table.iloc[[2, 0, 1]]).equals(balance(table))
