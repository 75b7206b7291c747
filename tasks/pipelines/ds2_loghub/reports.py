"""What is published beside DS2's sequences: the meaning of every token, and statistics_report.json about the events."""

from typing import TypedDict

import pandas as pd
import pandera.errors
import polars as pl

from schemas import format_a
from schemas.contracts import Events
from schemas.document import Document
from schemas.ds2_loghub import STEM
from tasks.pipelines.ds2_loghub.windows import merged, spans_of, window_start
from tasks.quality.vocabulary import template_tokens


def vocabulary(events: pd.DataFrame) -> pd.DataFrame:
    """token, source, meaning of every template: "<system>: <template>"."""
    tokens = template_tokens(events[["system", "template"]].drop_duplicates())
    tokens["source"] = STEM
    tokens["meaning"] = tokens["system"] + ": " + tokens["template"]
    return tokens[["token", "source", "meaning"]].astype({"source": format_a.TEXT, "meaning": format_a.TEXT})


class Check(TypedDict):
    """One check of the contract `Events`, and whether these events pass it."""

    expectation: str
    column: str
    success: bool


class Validation(TypedDict):
    """All checks of the contract `Events`."""

    success: bool
    results: list[Check]


def statistics_report(events: pd.DataFrame, *, window_seconds: int, merge_within_seconds: int) -> Document:
    """Content of statistics_report.json: each check of the contract with its outcome, and counts.

    Beside DOMAIN.md's keys: rule_distribution, state_distribution, unexplained_errors (ERROR lines labelled Normal, by
    rule), clock_steps_back (lines earlier than the line before them), and windows: how many there are, and how many of
    them have one event, before and after lone ones are merged.
    """
    table = pl.from_pandas(events)
    spans = spans_of(table.with_columns(window_start=window_start(window_seconds)), window_seconds)
    after = merged(spans, merge_within_seconds).unique(["entity", "start"])
    unexplained = table.filter((pl.col("severity") == "ERROR") & (pl.col("state") == format_a.NORMAL))
    back = pl.col("timestamp") < pl.col("timestamp").shift(1).over("system", "file")
    return {
        "validation": _validation(events),
        "statistics": {
            "total_rows": len(events),
            "rows_per_system": _sorted_counts(table["system"]),
            "severity_distribution": _sorted_counts(table["severity"]),
            "event_type_distribution": _sorted_counts(table["event_type"]),
            "rule_distribution": _sorted_counts(table["rule"]),
            "state_distribution": _sorted_counts(table["state"].cast(pl.String)),
            "unexplained_errors": _sorted_counts(unexplained["rule"]),
            "clock_steps_back": int(table.sort("system", "file", "line").select(back.sum()).item()),
        },
        "windows": {
            "window_seconds": window_seconds,
            "before_merging": _window_counts(spans),
            "after_merging": _window_counts(after),
        },
    }


def _sorted_counts(values: pl.Series) -> dict[str, int]:
    return {str(value): count for value, count in sorted(values.value_counts().iter_rows())}


def _window_counts(spans: pl.DataFrame) -> dict[str, int]:
    return {"windows": len(spans), "single_event": int((spans["size"] == 1).sum())}


def _validation(events: pd.DataFrame) -> Validation:
    """Every check of the contract `Events` on these rows."""
    try:
        Events.validate(events.reset_index(drop=True), lazy=True)
        broken: set[tuple[str, str]] = set()
    except pandera.errors.SchemaErrors as faults:
        cases = faults.failure_cases
        broken = set(zip(cases["column"].astype(str), cases["check"].astype(str), strict=True))
    named = [(name, check) for name, column in Events.columns.items() for check in ("not_nullable", *column.checks)]
    results = [_check(column, getattr(check, "error", check), broken) for column, check in named]
    known = {(result["column"], result["expectation"]) for result in results}
    results += [_check(column, check, broken) for column, check in sorted(broken - known)]
    if "no_line_twice" not in {check for _, check in broken}:
        results.append({"expectation": "no_line_twice", "column": "line", "success": True})
    return {"success": not broken, "results": results}


def _check(column: str, check: object, broken: set[tuple[str, str]]) -> Check:
    return {"expectation": str(check), "column": column, "success": (column, str(check)) not in broken}
