"""The mixture: exact shares, no row twice, as many rows as that allows, the same ones for the same seed."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pipelines.track_b.mixture import mixed, mixed_sizes, mixture_report
from tests.tasks.quality.conversations import conversations

pytestmark = pytest.mark.unit

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1)
SHARES = st.sampled_from([0, 0.1, 0.2, 0.3, 0.7, 1, 1e-05, 2.5, 1000])


def train_of(**counts: int) -> pd.DataFrame:
    rows = [{"id": f"{source}:{n}", "source": source} for source, count in counts.items() for n in range(count)]
    return conversations(*rows).assign(split="train")


def chosen(train: pd.DataFrame, source: str) -> set[str]:
    return set(train["id"][train["source"] == source])


@pytest.mark.parametrize(
    ("available", "mixture", "sizes"),
    [
        ({"a": 10, "b": 30}, {"a": 1, "b": 1}, {"a": 10, "b": 10}),
        ({"a": 10, "b": 30}, {"a": 0.1, "b": 0.3}, {"a": 10, "b": 30}),  # in floats 29
        ({"a": 10, "b": 30}, {"a": 1, "b": 2.5}, {"a": 10, "b": 25}),
        ({"a": 10, "b": 30}, {"b": 5}, {"b": 30}),
        ({"a": 10, "b": 30}, {"a": 0, "b": 5}, {"b": 30}),
        ({"a": 3, "b": 30}, {"a": 1, "b": 1 / 3}, {"a": 3, "b": 0}),
        ({"a": 4, "b": 3}, {"a": 3, "b": 2}, {"a": 4, "b": 2}),
    ],
)
def test_sizes_worked_by_hand(available: dict[str, int], mixture: dict[str, float], sizes: dict[str, int]) -> None:
    assert mixed_sizes(available, mixture) == sizes


@settings(max_examples=50, deadline=None)
@given(available=COUNTS, data=st.data())
def test_sizes_are_the_largest_with_these_shares(available: dict[str, int], data: st.DataObject) -> None:
    """Some dataset gives all it has, none more, and each is within one row of its share."""
    mixture = {source: data.draw(SHARES) for source in available}
    wanted = {source: share for source, share in mixture.items() if share}
    if not wanted:
        return
    sizes = mixed_sizes(available, mixture)
    assert sizes.keys() == wanted.keys()
    assert all(0 <= size <= available[source] for source, size in sizes.items())
    scale = min(available[source] / share for source, share in wanted.items())
    assert any(size == available[source] for source, size in sizes.items())
    assert all(abs(size - scale * wanted[source]) < 1 + 1e-6 for source, size in sizes.items())


@pytest.mark.parametrize(
    ("mixture", "words"),
    [
        ({"ds9": 1}, "names ds9, of which train has no rows; it has rows of a, b"),
        ({"a": 1, "b": -0.5}, "gives b the share -0.5"),
        ({"a": float("nan")}, "gives a the share nan"),
        ({"a": float("inf")}, "gives a the share inf"),
        ({"a": 0, "b": 0.0}, "gives no dataset a share"),
        ({}, "gives no dataset a share"),
    ],
)
def test_a_mixture_that_cannot_be_made_is_refused(mixture: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mixed(train_of(a=2, b=2), mixture, seed=42)


def test_an_empty_train_has_no_mixture() -> None:
    with pytest.raises(ValueError, match="it has rows of no dataset"):
        mixed(train_of(), {"a": 1}, seed=42)


def test_rows_stay_as_they_are_and_in_their_order() -> None:
    train = train_of(a=20, b=50)
    made = mixed(train, {"a": 1, "b": 1}, seed=42)
    assert made["source"].tolist() == ["a"] * 20 + ["b"] * 20
    assert made["id"].is_unique
    assert made.equals(train[train["id"].isin(made["id"])].reset_index(drop=True))


def test_the_seed_decides_which_rows_stay_and_their_order_does_not() -> None:
    train = train_of(a=20, b=50)
    backwards = train.iloc[::-1].reset_index(drop=True)
    made, again = (mixed(table, {"a": 1, "b": 1}, seed=42) for table in (train, backwards))
    assert chosen(made, "b") == chosen(again, "b")
    assert chosen(made, "b") != chosen(mixed(train, {"a": 1, "b": 1}, seed=7), "b")


@settings(max_examples=50, deadline=None)
@given(small=st.integers(1, 10), more=st.integers(0, 10))
def test_a_larger_share_only_adds_rows(small: int, more: int) -> None:
    train = train_of(a=5, b=100)
    few, many = (chosen(mixed(train, {"a": 1, "b": share}, seed=42), "b") for share in (small, small + more))
    assert few <= many


def test_the_report_counts_both_tables() -> None:
    """By hand: 10 of 40 rows of train taken from b; a dataset without a share is told, rows of test are not counted."""
    combined = pd.concat([train_of(a=10, b=40, c=5), train_of(a=3).assign(split="test")], ignore_index=True)
    train = combined[combined["split"] == "train"].reset_index(drop=True)
    mixture = {"b": 1, "a": 1.0}
    expected: dict[str, Any] = {
        "mixture": {"a": 1.0, "b": 1},
        "before": {"a": 10, "b": 40, "c": 5},
        "after": {"a": 10, "b": 10, "c": 0},
        "left_out": {"a": 0, "b": 30, "c": 5},
        "share": {"a": 0.5, "b": 0.5, "c": 0.0},
    }
    assert mixture_report(combined, mixed(train, mixture, seed=42), mixture) == expected
    assert mixture_report(combined, train, None)["left_out"] == {"a": 0, "b": 0, "c": 0}
    assert mixture_report(combined.iloc[:0], train.iloc[:0], None)["share"] == {}
