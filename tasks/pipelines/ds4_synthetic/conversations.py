"""Rows of the store's export into conversations. Pure: tables in, tables out.

A row of the export is a prompt with its answer, a prompt without one, or a raw row that is no prompt. Each becomes one
conversation or one reject.
"""

from typing import cast

import pandas as pd
import pyarrow as pa

from schemas import format_b
from schemas.ds4_synthetic import EXTRA, LICENCE, STEM, ExportRow
from schemas.workflow import steps_of
from tasks.pipelines.ds4_synthetic.prompts import fault_of, fault_of_answer, prompt_of
from tasks.pipelines.ds4_synthetic.rules import NOT_ANSWERED, REASONS
from tasks.quality.rejects import rejected


class ScenarioRow(format_b.Row):
    """A conversation with the columns EXTRA."""

    tool: str
    complexity: str
    outcome: bool
    intent: str
    teacher: str


def conversations(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) of rows of the export (columns RAW).

    A raw row that is no prompt is dropped or quarantined for its fault; a prompt without an answer is dropped as
    not_answered: it waits in the store.
    """
    kept: list[ScenarioRow] = []
    bad: list[ExportRow] = []
    faults: list[str] = []
    for row in _rows(batch):
        if fault := row["fault"] or _fault_of_prompt(row):
            bad.append(row)
            faults.append(fault)
        else:
            kept.append(_conversation(row, row["answer"] or ""))
    return format_b.table(kept, EXTRA), _rejects(bad, faults)


def _rows(batch: pd.DataFrame) -> list[ExportRow]:
    """Rows with None for what is missing."""
    names = [str(name) for name in batch.columns]
    columns = (pa.array(batch[name]).to_pylist() for name in names)
    return [cast("ExportRow", dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)]


def _fault_of_prompt(row: ExportRow) -> str:
    """The fault of a prompt or of its answer, "" for none."""
    if fault := fault_of(row["user_intent"], row["tool_context"]):
        return fault
    return NOT_ANSWERED if row["answer"] is None else fault_of_answer(row["answer"])


def _conversation(row: ExportRow, answer: str) -> ScenarioRow:
    prompt, key = prompt_of(row["user_intent"] or "", row["tool_context"] or ""), row["id"] or ""
    called = [step["tool"] for step in steps_of(answer)]
    messages = [
        format_b.message("system", prompt.system),
        format_b.message("user", prompt.user),
        format_b.message("assistant", answer),
    ]
    return {
        "id": f"{STEM}:{key}",
        "source": STEM,
        "group": row["family"] or key,
        "messages": format_b.messages_json(messages),
        "licence": LICENCE,
        "attribution": "",
        "environment": prompt.environment,
        "weight": 1.0,
        "rationale": "",
        "scenario": row["scenario"] or "",
        "rows": 1,
        "tool": row["tool"] or next(iter(called), "none"),
        "complexity": "none" if not called else "single" if len(called) == 1 else "multi",
        "outcome": bool(called),
        "intent": row["intent"] or key,
        "teacher": row["teacher"] or "",
    }


def _rejects(bad: list[ExportRow], faults: list[str]) -> pd.DataFrame:
    """The rejects of rows, each at its place in the raw file, or in the export where it is in no raw file."""
    places = [(row["origin"], int(row["number"] or 0)) if row["origin"] else (row["file"], row["line"]) for row in bad]
    return rejected(
        "conversations",
        REASONS,
        reasons=faults,
        rows=[row["row"] or row["user_intent"] or "" for row in bad],
        files=[file for file, _ in places],
        lines=[line for _, line in places],
    )
