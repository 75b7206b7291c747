"""Synthetic scenarios: the raw contract and the slices.

A raw row is a prompt (JSON Lines, or a row of the SQLite table `prompts`): `id`, `user_intent`, `tool_context`. What
the store gives out (tasks/pipelines/ds4_synthetic/source.py) is each prompt with its answer: ROW.
"""

import pandas as pd
import pyarrow as arrow

STEM = "ds4_synthetic"
LICENCE = "Apache-2.0"  # the project's own; prompts somebody brings along are taken to be theirs to give
GRAMMAR = "grammar"  # the teacher that needs no key
TEXT_LIMIT = 20_000  # characters of a prompt or its context; the longest of the grammar has 1,500

# A line of the store's export, one for each prompt and for each raw row that is none. `answer` is null for a prompt
# nobody answered; `fault` says why a raw row is no prompt, and `row` is then its text. `origin` and `number` are the
# raw file and the row in it; "" and 0 for prompts that stand in no file of this run.
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
# Of a raw row, what was understood and is not wanted; every other fault quarantines it.
DROPPED = ("duplicate_prompt", "duplicate_id", "not_answered")

SLICES: dict[str, pd.ArrowDtype] = {
    "tool": pd.ArrowDtype(arrow.string()),  # what the request is about; of a teacher's answer, the first tool called
    "complexity": pd.ArrowDtype(arrow.string()),  # none | single | multi: steps of the answer
}
EXTRA: dict[str, pd.ArrowDtype] = {
    **SLICES,
    "outcome": pd.ArrowDtype(arrow.bool_()),  # answered with steps
    "intent": pd.ArrowDtype(arrow.string()),  # the same for one wish in several wordings
    "teacher": pd.ArrowDtype(arrow.string()),  # who answered
}
