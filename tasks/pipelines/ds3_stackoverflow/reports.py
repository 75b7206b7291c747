"""Reports of ds3_stackoverflow."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import orjson
import pandas as pd

from schemas.ds3_stackoverflow import (
    DUPLICATE_LIMIT,
    MISSING_LIMIT,
    SLICE_DEVIATION,
    SLICE_ROWS,
    SLICES,
)
from schemas.finding import Finding
from schemas.workflow import steps_of
from tasks.pipelines.ds3_stackoverflow.conversations import _has_steps

# ---------------------------------------------------------------------------------------------------------------------
# Reports.


def schema_stats(conversations: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """Counts of what was made: by slice, feature and tool; lengths; redacted values; weights."""
    answers = [orjson.loads(text)[-1]["content"] for text in conversations["messages"]]
    plans = [[step["tool"] for step in steps_of(answer)] if _has_steps(answer) else [] for answer in answers]
    tools = pd.Series([tool for plan in plans for tool in plan], dtype="object")
    return {
        "total_conversations": len(conversations),
        "with_steps": sum(map(bool, plans)),
        "with_message": sum('"message":' in answer for answer in answers),
        "steps": _spread(pd.Series([len(plan) for plan in plans], dtype="int64")),
        "tools": _counts(tools),
        "tags": _counts(pairs["tag"]),
        "quality": _counts(pairs["quality"]),
        "signatures": _counts(pairs["signatures"].map(lambda found: next(iter(found), "none")).astype("object")),
        "components": _counts(pairs["component"]),
        "question_types": _counts(pairs["question_type"]),
        "complexity": _counts(pairs["complexity"]),
        "environments": _counts(pairs["environment"]),
        "licences": _counts(conversations["licence"]),
        "answers_in_the_data": int(pairs["answer_words"].notna().sum()),
        "redacted_values": int(pairs["redactions"].sum() + pairs["answer_redactions"].fillna(0).sum()),
        "question_words": _spread(pairs["words"]),
        "answer_words": _spread(pairs["answer_words"].dropna()),
        "quality_score": _spread(pairs["quality_score"]),
        "weight": _spread(pairs["weight"]),
    }


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def _spread(values: pd.Series) -> dict[str, float]:
    """min, mean and max; {} of nothing."""
    return {name: round(float(getattr(values, name)()), 4) for name in ("min", "mean", "max")} if len(values) else {}


def quality_report(pairs: pd.DataFrame) -> dict[str, Any]:
    """The dataset's own checks: missing values, repeated questions, outliers (1.5 IQR), small and slanted slices.

    `findings` are those of the checks; outliers are counted, not judged, and slices of few rows are no check.
    """
    missing = (
        {
            name: float((pairs[name].isna() | (pairs[name] == "")).mean() or 0)
            for name in ("title", "text", "tag", "credit", "rationale")
        }
        if len(pairs)
        else {}
    )
    twice = float(pairs.duplicated("text").mean()) if len(pairs) else 0.0
    slices = {name: _slices(pairs, name) for name in SLICES}
    found = [
        *(_finding("missing", f"questions without {name}", share, MISSING_LIMIT) for name, share in missing.items()),
        _finding("format", "repeated questions", twice, DUPLICATE_LIMIT),
        *_slanted("tag", slices["tag"]),
    ]
    return {
        "findings": [finding.model_dump() for finding in found],
        "outliers": {name: _outliers(pairs[name]) for name in ("quality_score", "words", "answer_words", "views")},
        "slices": slices,
    }


def _finding(kind: Literal["missing", "format", "bias"], name: str, share: float, limit: float) -> Finding:
    return Finding(kind=kind, name=name, measured=round(share, 4), limit=limit, holds=share <= limit)


def _slanted(by: str, parts: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """The distance from the mean quality of the furthest slice that is large enough.

    Slices by quality are no check: they lie apart by definition.
    """
    distances = {name: part["from_the_mean"] for name, part in parts.items() if part["rows"] >= SLICE_ROWS}
    if distances:
        furthest = max(sorted(distances), key=distances.__getitem__)
        yield _finding("bias", f"quality of {by} {furthest}, off the mean", distances[furthest], SLICE_DEVIATION)


def _outliers(values: pd.Series) -> int:
    """Values beyond 1.5 times the range between the quartiles."""
    told = values.dropna().astype("float64")
    low, high = told.quantile(0.25), told.quantile(0.75)
    reach = 1.5 * (high - low)
    return int(((told < low - reach) | (told > high + reach)).sum())


def _slices(pairs: pd.DataFrame, by: str) -> dict[str, dict[str, Any]]:
    """Rows and mean quality of each slice, and how far that is from the mean of all, as a share of it."""
    mean = float(pairs["quality_score"].mean()) if len(pairs) else 0.0
    return {
        str(name): {
            "rows": len(part),
            "mean_quality_score": round(float(part["quality_score"].mean()), 4),
            "from_the_mean": round(abs(float(part["quality_score"].mean()) / mean - 1), 4) if mean else 0.0,
        }
        for name, part in pairs.groupby(by, sort=True)
    }
