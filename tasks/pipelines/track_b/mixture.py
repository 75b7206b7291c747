"""A mixture of datasets, for the training part alone: fewer rows of some, never a row twice.

In: the training rows of the combined table and each dataset's relative share. Out: those that are trained on.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from math import floor, isfinite
from typing import Any

import numpy as np
import pandas as pd

from schemas.document import Document
from schemas.format_b import SPLITS

Array = np.ndarray[Any, Any]


def mixed(train: pd.DataFrame, mixture: Mapping[str, float], *, seed: int) -> pd.DataFrame:
    """The largest train set with these shares, rounded down to whole rows, in which no row is repeated.

    `mixture` is each dataset's relative share, such as {"ds3_stackoverflow": 1, "ds4_synthetic": 2}; a dataset that is
    not named has none. Of a dataset that gives fewer rows than it has, those with the smallest hash of seed and id are
    taken, so that a larger share only adds rows. Raises ValueError for a dataset without rows, for shares that are
    negative or no numbers, and when all are zero.
    """
    sizes = mixed_sizes(Counter(train["source"]), mixture)
    sources = train["source"].to_numpy(dtype=object)
    picked = [_first_by_hash(train["id"], np.flatnonzero(sources == source), n, seed) for source, n in sizes.items()]
    return train.iloc[np.sort(np.concatenate(picked))].reset_index(drop=True)


def mixed_sizes(available: Mapping[str, int], mixture: Mapping[str, float]) -> dict[str, int]:
    """Rows of each dataset with a share, for a mixture of the rows available.

    mixed_sizes({"a": 10, "b": 30}, {"a": 0.1, "b": 0.1}) is {"a": 10, "b": 10}. Raises ValueError as `mixed` does.
    """
    for source, share in mixture.items():
        if not isfinite(share) or share < 0:
            raise ValueError(f"The mixture gives {source} the share {share}; a number from 0 on is expected.")
        if source not in available:
            raise ValueError(
                f"The mixture names {source}, of which train has no rows; it has rows of "
                f"{', '.join(sorted(available)) or 'no dataset'}."
            )
    shares = {source: Fraction(str(share)) for source, share in sorted(mixture.items()) if share > 0}  # 0.1 is 1/10
    if not shares:
        raise ValueError(f"The mixture {dict(mixture)} gives no dataset a share, so train would be empty.")
    scale = min(available[source] / share for source, share in shares.items())
    return {source: floor(scale * share) for source, share in shares.items()}


def _first_by_hash(ids: "pd.Series[str]", rows: Array, size: int, seed: int) -> Array:
    """The `size` rows whose ids, hashed with the seed, come first."""
    keys = [hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest() for name in ids.iloc[rows]]
    return rows[sorted(range(len(rows)), key=keys.__getitem__)[:size]]


def mixture_report(combined: pd.DataFrame, train: pd.DataFrame, mixture: Mapping[str, float] | None) -> Document:
    """The effect of the mixture by dataset: its share, and rows before and after."""
    before, after = Counter(combined["source"][combined["split"] == SPLITS[0]]), Counter(train["source"])
    return {
        "mixture": None if mixture is None else dict(sorted(mixture.items())),
        "before": {source: before[source] for source in sorted(before)},
        "after": {source: after[source] for source in sorted(before)},
        "left_out": {source: before[source] - after[source] for source in sorted(before)},
        "share": {source: _rounded_share(after[source], len(train)) for source in sorted(before)},
    }


def _rounded_share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
