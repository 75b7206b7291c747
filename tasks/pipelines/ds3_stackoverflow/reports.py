"""Reports of ds3_stackoverflow: schema_stats.json counts what was made, quality_report.json checks the pairs. Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import orjson
import pandas as pd

from schemas.document import Document
from schemas.ds3_stackoverflow import DUPLICATE_LIMIT, MISSING_LIMIT, SLICE_DEVIATION, SLICE_ROWS, SLICES
from schemas.finding import Finding
from schemas.workflow import steps_of
from tasks.pipelines.ds3_stackoverflow.conversations import has_steps

REQUIRED = ("title", "text", "tag", "credit", "rationale")
MEASURED = ("quality_score", "words", "answer_words", "views")


def schema_stats(conversations: pd.DataFrame, pairs: pd.DataFrame) -> Document:
    """Counts of what was made: by slice, feature and tool; lengths; redacted values; weights."""
    answers = [orjson.loads(text)[-1]["content"] for text in conversations["messages"]]
    plans = [[step["tool"] for step in steps_of(answer)] if has_steps(answer) else [] for answer in answers]
    tools = pd.Series([tool for plan in plans for tool in plan], dtype="object")
    signatures = pairs["signatures"].map(lambda names: next(iter(names), "none")).astype("object")
    return {
        "total_conversations": len(conversations),
        "with_steps": sum(map(bool, plans)),
        "with_message": sum('"message":' in answer for answer in answers),
        "steps": _min_mean_max(pd.Series([len(plan) for plan in plans], dtype="int64")),
        "tools": _counts_by_name(tools),
        "tags": _counts_by_name(pairs["tag"]),
        "quality": _counts_by_name(pairs["quality"]),
        "signatures": _counts_by_name(signatures),
        "components": _counts_by_name(pairs["component"]),
        "question_types": _counts_by_name(pairs["question_type"]),
        "complexity": _counts_by_name(pairs["complexity"]),
        "environments": _counts_by_name(pairs["environment"]),
        "licences": _counts_by_name(conversations["licence"]),
        "answers_in_the_data": int(pairs["answer_words"].notna().sum()),
        "redacted_values": int(pairs["redactions"].sum() + pairs["answer_redactions"].fillna(0).sum()),
        "question_words": _min_mean_max(pairs["words"]),
        "answer_words": _min_mean_max(pairs["answer_words"].dropna()),
        "quality_score": _min_mean_max(pairs["quality_score"]),
        "weight": _min_mean_max(pairs["weight"]),
    }


def _counts_by_name(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def _min_mean_max(values: pd.Series) -> dict[str, float]:
    """Rounded to 4 digits; {} of nothing."""
    return {name: round(float(getattr(values, name)()), 4) for name in ("min", "mean", "max")} if len(values) else {}


class SliceQuality(NamedTuple):
    """A slice's rows and mean quality, and the distance of that from the mean of all, as a share of it."""

    rows: int
    mean_quality_score: float
    from_the_mean: float


def quality_report(pairs: pd.DataFrame) -> Document:
    """The dataset's own checks: missing values, repeated questions, and tags whose quality is far from the mean.

    Outliers (1.5 times the range between the quartiles) are counted, not checked. Slices by quality are not checked:
    they differ by definition.
    """
    slices = {name: quality_by(pairs, name) for name in SLICES}
    findings = [*_missing_findings(pairs), _repeated_finding(pairs), *furthest_slice("tag", slices["tag"])]
    return {
        "findings": [finding.model_dump() for finding in findings],
        "outliers": {name: _outlier_count(pairs[name]) for name in MEASURED},
        "slices": {by: {name: part._asdict() for name, part in parts.items()} for by, parts in slices.items()},
    }


def _missing_findings(pairs: pd.DataFrame) -> list[Finding]:
    """One for each of REQUIRED: the share of questions without it. None without rows."""
    missing = {name: (pairs[name].isna() | (pairs[name] == "")) for name in REQUIRED if len(pairs)}
    return [
        _at_most("missing", f"questions without {name}", float(rows.mean() or 0), MISSING_LIMIT)
        for name, rows in missing.items()
    ]


def _repeated_finding(pairs: pd.DataFrame) -> Finding:
    share = float(pairs.duplicated("text").mean()) if len(pairs) else 0.0
    return _at_most("format", "repeated questions", share, DUPLICATE_LIMIT)


def _at_most(kind: Literal["missing", "format", "bias"], name: str, share: float, limit: float) -> Finding:
    """A finding that holds while `share` is at most `limit`."""
    return Finding(kind=kind, name=name, measured=round(share, 4), limit=limit, holds=share <= limit)


def quality_by(pairs: pd.DataFrame, by: str) -> dict[str, SliceQuality]:
    """The quality of each slice."""
    mean = float(pairs["quality_score"].mean()) if len(pairs) else 0.0
    return {str(name): _slice_quality(part["quality_score"], mean) for name, part in pairs.groupby(by, sort=True)}


def _slice_quality(scores: pd.Series, mean_of_all: float) -> SliceQuality:
    mean = float(scores.mean())
    distance = round(abs(mean / mean_of_all - 1), 4) if mean_of_all else 0.0
    return SliceQuality(len(scores), round(mean, 4), distance)


def furthest_slice(by: str, slices: Mapping[str, SliceQuality]) -> list[Finding]:
    """The finding about the slice furthest from the mean quality, among those of SLICE_ROWS rows and more."""
    distances = {name: part.from_the_mean for name, part in slices.items() if part.rows >= SLICE_ROWS}
    if not distances:
        return []
    furthest = max(sorted(distances), key=distances.__getitem__)
    return [_at_most("bias", f"quality of {by} {furthest}, off the mean", distances[furthest], SLICE_DEVIATION)]


def _outlier_count(values: pd.Series) -> int:
    """Values beyond 1.5 times the range between the quartiles."""
    known = values.dropna().astype("float64")
    low, high = known.quantile(0.25), known.quantile(0.75)
    reach = 1.5 * (high - low)
    return int(((known < low - reach) | (known > high + reach)).sum())
