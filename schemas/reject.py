"""A row that was left out: at which step, for which reason, and what the reason means.

Every kept table has a rejects table of REJECT_COLUMNS beside it. Made by tasks/quality/rejects.py alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd
import pyarrow as pa

# dropped: understood, and not wanted. quarantined: not understood, or out of range.
Outcome = Literal["dropped", "quarantined"]

TEXT, NUMBER = pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.int64())
REJECT_COLUMNS: Mapping[str, pd.ArrowDtype] = {
    "step": TEXT,  # the function that left it out
    "outcome": TEXT,
    "reason": TEXT,  # the name of a Reason
    "file": TEXT,  # the raw file's name, "" where the row has no single line (a sequence, a conversation)
    "line": NUMBER,  # 1-based line there, 0 for none
    "row": TEXT,  # the row itself as text, cut at ROW_TEXT_LIMIT characters
}
ROW_TEXT_LIMIT = 2_000


@dataclass(frozen=True)
class Reason:
    """Why rows are left out. `meaning` is a sentence for the reader of a datasheet: what is wrong with such a row."""

    name: str
    outcome: Outcome
    meaning: str


Reasons: TypeAlias = Mapping[str, Reason]


def reasons(*several: Reason) -> Reasons:
    """Reasons by name. Raises ValueError where two share a name, or one has no meaning."""
    by_name = {reason.name: reason for reason in several}
    names = [reason.name for reason in several]
    twice = sorted({name for name in names if names.count(name) > 1})
    unexplained = [reason.name for reason in several if not reason.meaning.strip()]
    if twice or unexplained:
        raise ValueError(f"Reasons named twice: {twice}; without a meaning: {unexplained}.")
    return by_name
