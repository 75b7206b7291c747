"""Glaive function calling v2: the raw rows, what is read from them, and the thresholds a good copy keeps to.

A raw row is two texts: `system` (a sentence, then function definitions in JSON) and `chat` (turns under labels).
Thresholds and tiers are the design's; what the tiers' names mean in numbers is said at TIERS.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as arrow

RAW_COLUMNS = ("system", "chat")
RAW_ROWS = arrow.schema(
    {
        "file": arrow.string(),
        "line": arrow.int64(),  # 1-based number of the row in its file
        "system": arrow.string(),
        "chat": arrow.string(),
        "fault": arrow.string(),  # why the row cannot be read; null: it can
        "text": arrow.string(),  # the row itself, of a faulty one
    }
)
LONGEST = 500_000  # characters of a row. Ours: the longest of the 146 at hand has 8,000; the rest is an accident

# Labels that begin a turn of a chat -> role in Format B.
LABELS: Mapping[str, str] = {"USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool"}
CALL = "<functioncall>"
END = "<|endoftext|>"  # ends the assistant's turns; some rows lack it

# How hard a conversation is. none: no call. simple: one call, one function on offer. moderate: one call and a choice,
# or two or three calls of one function. complex: two different functions called, or four calls and more.
# malformed: not readable, so in the rejects only.
TIERS = ("none", "simple", "moderate", "complex")
MODERATE_CALLS, COMPLEX_CALLS = 2, 4

_TEXT = pd.ArrowDtype(arrow.string())
SLICES: dict[str, pd.ArrowDtype] = {
    "functions": _TEXT,  # on offer: "0", "1", "2", "3+"
    "function_class": _TEXT,  # first word of the function's name ("get", "calculate"); "none" without a function
    "tier": _TEXT,
    "length": _TEXT,  # user turns: "one", "some" (2-3), "many" (4 and more)
}
# Slices that say by themselves whether there is a call: their rates are told, but are no bias.
OUTCOME_SLICES = ("functions", "function_class", "tier")
MEASURES: dict[str, pd.ArrowDtype] = {
    "outcome": pd.ArrowDtype(arrow.bool_()),  # a function is called
    "turns": pd.ArrowDtype(arrow.int32()),  # messages after the system message
    "calls": pd.ArrowDtype(arrow.int32()),
    "repairs": _TEXT,  # words of conversations.py and functions.py in tasks/pipelines/ds5_glaive, with commas; "": none
}
PLACE: dict[str, pd.ArrowDtype] = {  # of a conversation, until rows of the same id are taken out
    "file": _TEXT,
    "line": pd.ArrowDtype(arrow.int64()),
    "offered": _TEXT,  # names of the functions on offer, JSON; the one called first comes first
}

LICENCE = "Apache-2.0"
ATTRIBUTION = "glaiveai/glaive-function-calling-v2, https://huggingface.co/datasets/glaiveai/glaive-function-calling-v2"

# A function's conversations stay in one group, and so do those of functions that are offered together; joined groups
# grow to this share of all rows, or this many, and no further: one group for all could not be split.
LARGEST_GROUP = 0.10
ALWAYS_JOINED = 1_000  # rows


@dataclass(frozen=True)
class Threshold:
    """A number of the whole dataset that is told when it lies on the wrong side of `limit`."""

    name: str
    limit: float
    at_most: bool  # True: more is bad
    meaning: str


THRESHOLDS = (
    Threshold("malformed", 0.05, at_most=True, meaning="share of rows that cannot be read"),
    Threshold("unreadable_calls", 0.01, at_most=True, meaning="share of rows lost to a call that cannot be read"),
    Threshold("none", 0.60, at_most=True, meaning="share of conversations without a call"),
    Threshold("mean_turns", 10, at_most=True, meaning="messages after the system message"),
    Threshold("mean_calls", 5, at_most=True, meaning="calls in a conversation"),
    Threshold("defined_functions", 0.30, at_most=False, meaning="share of conversations with a function on offer"),
)
RARE, VERY_RARE = 0.05, 0.01  # share of rows: a tier below is flagged, and as high
