"""Statistics and quality of the published manifests."""

from collections import Counter
from collections.abc import Iterable, Sequence

import orjson
import pandas as pd

from schemas.document import Document
from schemas.ds6_the_stack import FEWEST_RECORDS, MOST_OF_ONE_VIOLATION, PASS_RATE
from schemas.finding import Finding
from tasks.pipelines.ds6_the_stack.rules import VIOLATIONS


def schema_stats(table: pd.DataFrame) -> Document:
    """Counts of the published conversations by kind and licence, lengths, tools on offer, redacted ones."""
    messages = [orjson.loads(text) for text in table["messages"]]
    requests = [each[1]["content"] for each in messages]
    return {
        "total_records": len(table),
        "kind_distribution": _counts_by_frequency(table["kind"]),
        "licence_distribution": _counts_by_frequency(table["licence"]),
        "repositories": int(table["group"].nunique()),
        "answer_characters": _range_and_mean([len(each[2]["content"]) for each in messages]),
        "request_characters": _range_and_mean(list(map(len, requests))),
        "distinct_requests": len(set(requests)),
        "tools_offered": _range_and_mean([each[0]["content"].count('"parameters":') for each in messages]),
        "redacted_records": int(table["outcome"].sum()),
        "with_scenario": int((table["scenario"] != "").sum()),
    }


def _counts_by_frequency(values: Iterable[str]) -> dict[str, int]:
    """Count of each value, the most frequent first, equals by name."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def _range_and_mean(values: Sequence[int]) -> dict[str, float]:
    """Least, greatest and mean; zeros for no values."""
    if not values:
        return {"min": 0, "max": 0, "mean": 0.0}
    return {"min": min(values), "max": max(values), "mean": round(sum(values) / len(values), 3)}


def quality_report(table: pd.DataFrame, *rejects: pd.DataFrame) -> Document:
    """Pass rate, violations and their alerts (DOMAIN's DS6), as findings.

    The pass rate is that of the manifests: files kept, of these and those rejected for a reason of VIOLATIONS. Files
    that were no candidates (no YAML, no manifest, a template, a size, a licence, an opt-out, a copy) say nothing about
    the quality of the manifests.
    """
    left_out = _counts_by_frequency(reason for part in rejects for reason in part["reason"])
    violations = {reason: count for reason, count in left_out.items() if reason in VIOLATIONS}
    manifests_seen = len(table) + sum(violations.values())
    rate = len(table) / manifests_seen if manifests_seen else 0.0
    leaks = violations.get("leak", 0)
    findings = [
        _finding("pass_rate", rate, PASS_RATE, holds=rate >= PASS_RATE, detail=f"of {manifests_seen:,} manifests"),
        _finding("leaks", leaks, 0, holds=leaks == 0, unit="manifests"),
        _finding("records", len(table), FEWEST_RECORDS, holds=len(table) >= FEWEST_RECORDS, unit="records"),
        *(
            _finding(f"violation_{reason}", count, MOST_OF_ONE_VIOLATION, holds=count <= MOST_OF_ONE_VIOLATION)
            for reason, count in violations.items()
        ),
    ]
    return {
        "pass_rate": round(rate, 6),
        "manifests": manifests_seen,
        "left_out": left_out,
        "violations": violations,
        "findings": [finding.model_dump() for finding in findings],
        "alerts": [str(finding) for finding in findings if not finding.holds],
    }


def _finding(name: str, measured: float, limit: float, *, holds: bool, unit: str = "", detail: str = "") -> Finding:
    return Finding(kind="format", name=name, measured=measured, limit=limit, holds=holds, unit=unit, detail=detail)
