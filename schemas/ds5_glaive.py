"""Glaive function calling v2: raw columns, columns of a conversation, and the thresholds of its checks.

A raw row has two texts: `system` (a sentence, then function definitions in JSON) and `chat` (turns under labels).
The thresholds and tiers come from the design (DOMAIN, DS5); what a tier means is in
tasks/pipelines/ds5_glaive/rules.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import pandas as pd
import pyarrow as arrow

from schemas.document import Document

STEM = "ds5_glaive"

RAW_COLUMNS = ("system", "chat")
RAW_ROWS = arrow.schema(
    {
        "file": arrow.string(),
        "line": arrow.int64(),  # 1-based number of the row in its file
        "system": arrow.string(),  # "" where the row has a fault, as is `chat`
        "chat": arrow.string(),
        "fault": arrow.string(),  # the reason why the row cannot be read; null where it can
        "text": arrow.string(),  # the row itself, where it has a fault
    }
)
LONGEST = (
    500_000  # characters of a row. Our number: the longest of the 146 real rows has 8,000; the rest is an accident
)


class RawRow(NamedTuple):
    """A row of RAW_ROWS."""

    file: str
    line: int
    system: str
    chat: str
    fault: str | None
    text: str | None


# Labels that begin a turn of a chat -> role in Format B.
LABELS: Mapping[str, str] = {"USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool"}
CALL = "<functioncall>"
END = "<|endoftext|>"  # ends the assistant's turns; some rows lack it


class OfferedFunction(TypedDict):
    """A function that a conversation offers, as Format B's system message has it."""

    name: str
    description: str
    parameters: Document  # JSON Schema of type object


# Calls from which a conversation is at least moderate, and complex.
MODERATE_CALLS, COMPLEX_CALLS = 2, 4

_TEXT = pd.ArrowDtype(arrow.string())
SLICES: dict[str, pd.ArrowDtype] = {
    "functions": _TEXT,  # functions offered: "0", "1", "2", "3+"
    "function_class": _TEXT,  # first word of the function's name ("get", "calculate"); "none" without a function
    "tier": _TEXT,
    "length": _TEXT,  # user turns: "one", "some" (2-3), "many" (4 and more)
}
# Slices that decide whether there is a call: their rates are reported, and are no bias.
OUTCOME_SLICES = ("functions", "function_class", "tier")
MEASURES: dict[str, pd.ArrowDtype] = {
    "outcome": pd.ArrowDtype(arrow.bool_()),  # a function is called
    "turns": pd.ArrowDtype(arrow.int32()),  # messages after the system message
    "calls": pd.ArrowDtype(arrow.int32()),
    "repairs": _TEXT,  # names of REPAIRS (tasks/pipelines/ds5_glaive/rules.py) with commas; "" for none
}
PLACE: dict[str, pd.ArrowDtype] = {  # of a conversation, until rows with the same id are dropped
    "file": _TEXT,
    "line": pd.ArrowDtype(arrow.int64()),
    "offered": _TEXT,  # names of the functions offered, as JSON; the function called first comes first
}

LICENCE = "Apache-2.0"
ATTRIBUTION = "glaiveai/glaive-function-calling-v2, https://huggingface.co/datasets/glaiveai/glaive-function-calling-v2"

# A function's conversations stay in one group, and so do those of functions that are offered together. Joined groups
# grow to this share of all rows, or to this many rows, and no further: one group of all rows could not be split.
LARGEST_GROUP = 0.10
ALWAYS_JOINED = 1_000  # rows


@dataclass(frozen=True)
class Threshold:
    """A measure of the whole dataset, and the limit beyond which it is a finding."""

    name: str
    limit: float
    at_most: bool  # True: a value above the limit is a finding; False: a value below it
    meaning: str


THRESHOLDS = (
    Threshold("malformed", 0.05, at_most=True, meaning="share of rows that cannot be read"),
    Threshold("unreadable_calls", 0.01, at_most=True, meaning="share of rows lost to a call that cannot be read"),
    Threshold("none", 0.60, at_most=True, meaning="share of conversations without a call"),
    Threshold("mean_turns", 10, at_most=True, meaning="messages after the system message"),
    Threshold("mean_calls", 5, at_most=True, meaning="calls in a conversation"),
    Threshold("defined_functions", 0.30, at_most=False, meaning="share of conversations with a function on offer"),
)
RARE, VERY_RARE = 0.05, 0.01  # share of rows: a tier below RARE is flagged, one below VERY_RARE is flagged as high
