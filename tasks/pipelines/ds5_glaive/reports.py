"""Reports of ds5_glaive: schema_stats.json counts the conversations, quality_report.json checks them. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson
import pandas as pd
import polars as pl

from schemas.document import Document
from schemas.ds5_glaive import THRESHOLDS
from schemas.finding import Finding
from schemas.limits import Representation
from tasks.pipelines.ds5_glaive.rules import TIERS


def schema_stats(table: pd.DataFrame) -> Document:
    """Counts of the conversations, ready for JSON."""
    groups = _groups_of_functions(table)
    repairs = Counter(word for words in table["repairs"] for word in words.split(",") if word)
    return {
        "total_conversations": len(table),
        "tier_distribution": _most_frequent_first(Counter(table["tier"])),
        "functions_offered": _most_frequent_first(Counter(table["functions"])),
        "function_classes": _most_frequent_first(Counter(table["function_class"])),
        "turns": _range_and_mean(table["turns"]),
        "calls": {"total": int(table["calls"].sum()), **_range_and_mean(table["calls"])},
        "distinct_functions": len(groups),
        "groups": int(table["group"].nunique()),
        "largest_group": int(table["group"].value_counts().max()) if len(table) else 0,
        "functions_across_groups": sum(len(names) > 1 for names in groups.values()),
        "repairs": _most_frequent_first(repairs),
    }


def _groups_of_functions(table: pd.DataFrame) -> dict[str, set[str]]:
    """Function -> the groups of the conversations that offer it."""
    groups: dict[str, set[str]] = {}
    for names, group in zip(table["offered"], table["group"], strict=True):
        for name in orjson.loads(names):
            groups.setdefault(name, set()).add(group)
    return groups


def _most_frequent_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _range_and_mean(values: "pd.Series[int]") -> dict[str, int | float]:
    if values.empty:
        return {"min": 0, "max": 0, "mean": 0.0}
    return {"min": int(values.min()), "max": int(values.max()), "mean": round(float(values.mean()), 6)}


def quality_report(table: pd.DataFrame, *rejects: pd.DataFrame, representation: Representation) -> Document:
    """Measures against THRESHOLDS, and tiers below `representation`, as findings; `success`: every finding holds.

    `rejects` are those of all steps. Rows outside the share and repeated rows are in no measure.
    """
    measures = _measures_of(table, _reject_counts(rejects))
    findings = [*_threshold_findings(measures), *_tier_findings(table, representation)]
    return {
        "success": all(finding.holds for finding in findings),
        "measured": {name: round(value, 6) for name, value in measures.items()},
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }


class _RejectCounts(NamedTuple):
    """Rejected rows that count in the measures."""

    rows: int
    quarantined: int
    unreadable_calls: int


def _reject_counts(rejects: tuple[pd.DataFrame, ...]) -> _RejectCounts:
    pairs = [pair for part in rejects for pair in zip(part["outcome"], part["reason"], strict=True)]
    return _RejectCounts(
        rows=sum(reason not in {"outside_share", "duplicate_id"} for _, reason in pairs),
        quarantined=sum(outcome == "quarantined" for outcome, _ in pairs),
        unreadable_calls=sum(reason == "call_unreadable" for _, reason in pairs),
    )


def _measures_of(table: pd.DataFrame, rejects: _RejectCounts) -> dict[str, float]:
    """A value for each of THRESHOLDS."""
    rows = len(table)
    frame = pl.from_pandas(table[["tier", "functions", "turns", "calls"]])
    return {
        "malformed": _ratio(rejects.quarantined, rows + rejects.rows),
        "unreadable_calls": _ratio(rejects.unreadable_calls, rows + rejects.rows),
        "none": _ratio(int((frame["tier"] == "none").sum()), rows),
        "mean_turns": _ratio(int(frame["turns"].sum()), rows),
        "mean_calls": _ratio(int(frame["calls"].sum()), rows),
        "defined_functions": _ratio(int((frame["functions"] != "0").sum()), rows),
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _threshold_findings(measures: Mapping[str, float]) -> Iterator[Finding]:
    for threshold in THRESHOLDS:
        value = measures[threshold.name]
        holds = value <= threshold.limit if threshold.at_most else value >= threshold.limit
        yield Finding(
            kind="format",
            name=threshold.name,
            measured=value,
            limit=threshold.limit,
            holds=holds,
            detail=threshold.meaning,
        )


def _tier_findings(table: pd.DataFrame, limits: Representation) -> Iterator[Finding]:
    """One finding for each tier; its detail is "flagged" below `limits.rare`, "high" below `limits.very_rare`."""
    counts = Counter(table["tier"])
    for tier in TIERS:
        share = _ratio(counts[tier.name], len(table))
        detail = "high" if share < limits.very_rare else "flagged" if share < limits.rare else ""
        yield Finding(
            kind="bias",
            name=f"tier_{tier.name}",
            measured=share,
            limit=limits.rare,
            holds=share >= limits.rare,
            detail=detail,
        )
