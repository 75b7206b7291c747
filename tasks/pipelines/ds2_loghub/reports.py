"""Reports of ds2_loghub."""

from typing import Any

import pandas as pd
import pandera.errors
import polars as pl

from schemas import format_a
from schemas.ds2_loghub import (
    Events,
)
from tasks.pipelines.ds2_loghub.windows import MERGE_WITHIN_SECONDS, WINDOW_SECONDS, _floor, _spans, merged


def statistics_report(events: pd.DataFrame, *, window_seconds: int = WINDOW_SECONDS) -> dict[str, Any]:
    """What the events are: each check of the contract with its outcome, and counts.

    Beside DOMAIN.md's keys: rule_distribution, state_distribution, unexplained_errors (ERROR lines that end Normal, by
    rule), clock_steps_back (lines earlier than the line before them), and windows: how many there are, and how many of
    them hold one event, before and after lone ones are merged by default.
    """
    table = pl.from_pandas(events)
    spans = _spans(table.with_columns(window_start=_floor(pl.col("timestamp"), window_seconds)), window_seconds)
    after = merged(spans, MERGE_WITHIN_SECONDS).unique(["entity", "start"])
    unexplained = table.filter((pl.col("severity") == "ERROR") & (pl.col("state") == format_a.NORMAL))
    back = pl.col("timestamp") < pl.col("timestamp").shift(1).over("system", "file")
    return {
        "validation": _validation(events),
        "statistics": {
            "total_rows": len(events),
            "rows_per_system": _counts(table["system"]),
            "severity_distribution": _counts(table["severity"]),
            "event_type_distribution": _counts(table["event_type"]),
            "rule_distribution": _counts(table["rule"]),
            "state_distribution": _counts(table["state"].cast(pl.String)),
            "unexplained_errors": _counts(unexplained["rule"]),
            "clock_steps_back": int(table.sort("system", "file", "line").select(back.sum()).item()),
        },
        "windows": {
            "window_seconds": window_seconds,
            "before_merging": _lone(spans),
            "after_merging": _lone(after),
        },
    }


def _counts(values: pl.Series) -> dict[str, int]:
    return {str(value): count for value, count in sorted(values.value_counts().iter_rows())}


def _lone(spans: pl.DataFrame) -> dict[str, int]:
    return {"windows": len(spans), "single_event": int((spans["size"] == 1).sum())}


def _validation(events: pd.DataFrame) -> dict[str, Any]:
    """Every check of the contract `Events` on these rows: {success, results: [{expectation, column, success}]}."""
    try:
        Events.validate(events.reset_index(drop=True), lazy=True)
        broken: set[tuple[str, str]] = set()
    except pandera.errors.SchemaErrors as faults:
        cases = faults.failure_cases
        broken = set(zip(cases["column"].astype(str), cases["check"].astype(str), strict=True))
    named = [(name, check) for name, column in Events.columns.items() for check in ("not_nullable", *column.checks)]
    results = [_outcome(column, getattr(check, "error", check), broken) for column, check in named]
    known = {(result["column"], result["expectation"]) for result in results}
    results += [_outcome(column, check, broken) for column, check in sorted(broken - known)]
    if "no_line_twice" not in {check for _, check in broken}:
        results.append({"expectation": "no_line_twice", "column": "line", "success": True})
    return {"success": not broken, "results": results}


def _outcome(column: str, check: Any, broken: set[tuple[str, str]]) -> dict[str, Any]:
    return {"expectation": str(check), "column": column, "success": (column, str(check)) not in broken}
