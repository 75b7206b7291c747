"""What one run of a track made, as one JSON-ready mapping: the report, the datasheet and the terminal all read it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schemas import format_a
from tasks.combine import balance

TOP_TEMPLATES = 20


def summary(
    combined: pd.DataFrame,
    train: pd.DataFrame,
    conflicts: pd.DataFrame,
    rejects: pd.DataFrame,
    *,
    track: str,
    title: str,
    mode: str,
    sources: Sequence[Mapping[str, Any]],
    manifests: Mapping[str, Mapping[str, Any]],
    descriptions: Mapping[str, Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    accuracy: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Mapping[str, str]],
    vocabulary: Mapping[str, Any],
    missing: Mapping[str, str],
    limits: Sequence[str],
    previous: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The run's mapping (keys as in tasks/publish/report.py). Nothing in it depends on when or where it ran."""
    before = combined[combined["split"] == "train"]
    return {
        "track": track,
        "title": title,
        "mode": mode,
        "sources": list(sources),
        "missing": dict(missing),
        "rows": {stem: manifest["rows"] for stem, manifest in manifests.items()},
        "sequences": {stem: manifest["sequences"] for stem, manifest in manifests.items()},
        "combined": {"rows": len(combined), "weight": _total(combined), "dropped": _total(rejects_weight(rejects))},
        "labels": balance.report(before, train),
        "splits": {split: int((combined["split"] == split).sum()) for split in format_a.SPLITS},
        "trainable": len(train),
        "lengths": _lengths(descriptions),
        "timeline": {stem: description["timeline"] for stem, description in descriptions.items()},
        "templates": _templates(descriptions, vocabulary["entries"]),
        "findings": list(findings),
        "conflicts": len(conflicts),
        "accuracy": {stem: result["states"] for stem, result in accuracy.items()},
        "rules": _rules(rules, combined, accuracy),
        "vocabulary": {"tokens": len(vocabulary["entries"]), "sha256": vocabulary["sha256"]},
        "limits": list(limits),
        "previous": previous,
    }
