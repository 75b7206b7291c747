"""Filters as data: an ordered list of rules, and for every row the first of them that leaves it out.

A rejection is data: `first_reason(rows, RULES)` names the reason of each row, missing where the row is kept, so that
kept and left out always add up to the input. A rule is asked only about rows that all rules before it keep: cheap
rules stand first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

Outcome = Literal["dropped", "quarantined"]

REASON = pd.ArrowDtype(pa.string())


@dataclass(frozen=True)
class Rule:
    """One filter: `reason` is given to the rows for which `keeps(rows)` is not true (a missing value is not true).

    `keeps` gets a table whose columns it knows and answers one boolean a row, in their order. `source` says where a
    number in it comes from. Quarantined rows are those that were not understood; dropped ones were, and are not wanted.
    """

    reason: str
    keeps: Callable[[pd.DataFrame], Any]
    source: str = ""
    outcome: Outcome = "dropped"


def first_reason(rows: pd.DataFrame, rules: Sequence[Rule]) -> pd.Series:
    """Reason of the first rule that does not keep a row, missing for rows that every rule keeps; index as in `rows`.

    Raises ValueError for a rule that answers with another number of values than it got rows.
    """
    reasons = np.full(len(rows), None, dtype=object)
    left, asked = np.arange(len(rows)), rows
    for rule in rules:
        keeps = _answers(rule, asked)
        if not keeps.all():  # a table is copied only where it gets shorter
            reasons[left[~keeps]] = rule.reason
            left, asked = left[keeps], asked.iloc[np.flatnonzero(keeps)]
    return pd.Series(reasons, index=rows.index, dtype=REASON)


def _answers(rule: Rule, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
    answer = pd.Series(rule.keeps(rows), dtype="boolean[pyarrow]").fillna(value=False).to_numpy(dtype=bool)
    if len(answer) != len(rows):
        raise ValueError(f"Rule {rule.reason} answered {len(answer)} values for {len(rows)} rows; it owes one a row.")
    return answer
