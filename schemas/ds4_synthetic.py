"""Synthetic scenarios: the raw contract and the slices.

A raw row is a prompt (JSON Lines, or a row of the SQLite table `prompts`): `id`, `user_intent`, `tool_context`. The
store's export (tasks/pipelines/ds4_synthetic/export.py) has each prompt with its answer: ROW.
"""

from typing import TypedDict

import pandas as pd
import pyarrow as arrow

STEM = "ds4_synthetic"
LICENCE = "Apache-2.0"  # the project's own; who adds prompts of a file is taken to have the right to
GRAMMAR = "grammar"  # the teacher that needs no key
TEXT_LIMIT = 20_000  # characters of a prompt or its context; the longest of the grammar has 1,500

# A line of the store's export, one for each prompt and each raw row that is no prompt. `answer` is null for a prompt
# without an answer; `fault` is why a raw row is no prompt, and `row` is then its text. `origin` and `number` are the
# raw file and the row in it; "" and 0 for prompts that are in no file of this run.
ROW = (
    "id",
    "user_intent",
    "tool_context",
    "teacher",
    "answer",
    "family",
    "tool",
    "intent",
    "scenario",
    "fault",
    "origin",
    "number",
    "row",
)
RAW = arrow.schema({"file": arrow.string(), "line": arrow.int64(), **dict.fromkeys(ROW, arrow.string())})


class ExportRow(TypedDict):
    """A row of RAW; None where the line has no value."""

    file: str
    line: int
    id: str | None
    user_intent: str | None
    tool_context: str | None
    teacher: str | None
    answer: str | None
    family: str | None
    tool: str | None
    intent: str | None
    scenario: str | None
    fault: str | None
    origin: str | None
    number: str | None
    row: str | None


SLICES: dict[str, pd.ArrowDtype] = {
    "tool": pd.ArrowDtype(arrow.string()),  # what the request is about; of a teacher's answer, its first tool
    "complexity": pd.ArrowDtype(arrow.string()),  # none | single | multi: steps of the answer
}
EXTRA: dict[str, pd.ArrowDtype] = {
    **SLICES,
    "outcome": pd.ArrowDtype(arrow.bool_()),  # answered with steps
    "intent": pd.ArrowDtype(arrow.string()),  # the same for one wish in several wordings
    "teacher": pd.ArrowDtype(arrow.string()),  # who answered
}
