"""Which of several duplicates stay: laws over any pairs."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curate.dedup.clusters import in_priority, keepers, stays

pytestmark = pytest.mark.unit

COUNT = 9
PAIRS = st.lists(
    st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1), st.sampled_from([0.85, 0.9, 1.0])).filter(
        lambda pair: pair[0] < pair[1]
    ),
    unique_by=lambda pair: pair[:2],
)


def table(pairs: list[tuple[int, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64}, orient="row")


@given(PAIRS)
def test_no_two_that_stay_are_a_pair_and_whoever_goes_is_one_with_a_better_that_stays(
    pairs: list[tuple[int, int, float]],
) -> None:
    kept = stays(table(pairs), COUNT)
    assert not any(kept[left] and kept[right] for left, right, _ in pairs)
    for row in np.flatnonzero(~kept):
        assert any(right == row and kept[left] for left, right, _ in pairs)


@given(PAIRS)
def test_each_that_goes_is_told_once_with_the_most_alike_that_stays(pairs: list[tuple[int, int, float]]) -> None:
    kept = stays(table(pairs), COUNT)
    told = keepers(table(pairs), kept)
    assert told["right"].to_list() == np.flatnonzero(~kept).tolist()
    for left, right, jaccard in told.iter_rows():
        alike = {other: measured for other, row, measured in pairs if row == right and kept[other]}
        assert alike[left] == jaccard == max(alike.values())


@given(PAIRS, st.permutations(range(COUNT)))
def test_an_order_of_priority_renames_rows_and_loses_no_pair(
    pairs: list[tuple[int, int, float]], order: list[int]
) -> None:
    placed = in_priority(table(pairs), order)
    assert (placed["left"] < placed["right"]).all()
    back = {frozenset((order[left], order[right])) for left, right in placed.select("left", "right").iter_rows()}
    assert back == {frozenset(pair[:2]) for pair in pairs}
