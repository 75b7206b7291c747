"""Filters as data: an ordered list of rules, and for every row the first of them that leaves it out.

A rejection is data: `first_reason(rows, RULES)` gives the reason of each row, missing where the row is kept, so that
kept rows and rejects always add up to the input. A rule is applied only to rows that all rules before it keep: cheap
rules come first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

REASON = pd.ArrowDtype(pa.string())
Booleans: TypeAlias = Sequence[bool] | pd.Series


@dataclass(frozen=True)
class Rule:
    """One filter: rows for which `keeps(rows)` is not true (a missing value is not true) are rejected for `reason`.

    `reason` is the name of a Reason of the pipeline, which has its outcome and meaning. `keeps` gets a table whose
    columns it knows and returns one boolean a row, in their order. `source` is where the rule or its number comes from.
    """

    reason: str
    keeps: Callable[[pd.DataFrame], Booleans]
    source: str = ""


def first_reason(rows: pd.DataFrame, rules: Sequence[Rule]) -> pd.Series:
    """Reason of the first rule that does not keep a row, missing for rows that every rule keeps; index as in `rows`.

    Raises ValueError for a rule that returns another number of values than it got rows.
    """
    reasons = np.full(len(rows), None, dtype=object)
    places, remaining = np.arange(len(rows)), rows
    for rule in rules:
        keeps = _keeps(rule, remaining)
        if not keeps.all():  # a table is copied only where it gets shorter
            reasons[places[~keeps]] = rule.reason
            places, remaining = places[keeps], remaining.iloc[np.flatnonzero(keeps)]
    return pd.Series(reasons, index=rows.index, dtype=REASON)


def _keeps(rule: Rule, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """One boolean a row, False for missing values."""
    kept = pd.Series(rule.keeps(rows), dtype="boolean[pyarrow]").fillna(value=False).to_numpy(dtype=bool)
    if len(kept) != len(rows):
        raise ValueError(f"Rule {rule.reason} returned {len(kept)} values for {len(rows)} rows; one a row is needed.")
    return kept
