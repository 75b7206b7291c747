"""Of duplicates, which stay: decided by pairs, so that nothing leaves but a duplicate of something that stays. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]


def stays(pairs: pl.DataFrame, count: int) -> Array:
    """For each of `count` rows in order of priority, whether it stays: unless it duplicates one before it that does.

    pairs: `left`, `right`, row numbers, left before right.
    """
    kept = np.ones(count, bool)
    for left, right in pairs.select("left", "right").sort("right").iter_rows():  # what lies left of a row is decided
        if kept[left]:
            kept[right] = False
    return kept


def in_priority(pairs: pl.DataFrame, priority: Sequence[int] | Array) -> pl.DataFrame:
    """Pairs of row numbers (`left`, `right`, …) as pairs of places in an order; `priority` lists rows, best first."""
    place = np.empty(len(priority), np.int64)
    place[np.asarray(priority)] = np.arange(len(priority))
    left, right = place[pairs["left"].to_numpy()], place[pairs["right"].to_numpy()]
    return pairs.with_columns(left=pl.Series(np.minimum(left, right)), right=pl.Series(np.maximum(left, right)))


def keepers(pairs: pl.DataFrame, kept: Array) -> pl.DataFrame:
    """Each row that goes, `right`, once, with the row `left` that stays and is most like it; equals by their order.

    Raises nothing for a row that goes without such a pair: by the rule of `stays` there is none.
    """
    decisive = pairs.filter(pl.Series(kept[pairs["left"].to_numpy()]) & pl.Series(~kept[pairs["right"].to_numpy()]))
    return decisive.sort("right", -pl.col("jaccard"), "left").unique("right", keep="first", maintain_order=True)
