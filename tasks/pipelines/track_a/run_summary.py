"""Run_summary of track_a."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from schemas import format_a
from tasks.quality import balance, splits
from tasks.quality.splits import CONTEXT_CROSSES_SPLIT
from tasks.quality.vocabulary import FIRST_TEMPLATE

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
    absent: Mapping[str, str],
    limits: Sequence[str],
) -> dict[str, Any]:
    """The run's mapping (keys as in tasks/publish/report.py). Nothing in it depends on when or where it ran."""
    before = combined[combined["split"] == "train"]
    balanced = balance.report(before, train)
    return {
        "track": track,
        "title": title,
        "mode": mode,
        "sources": list(sources),
        "absent": dict(absent),
        "rows": {stem: manifest["rows"] for stem, manifest in manifests.items()},
        "sequences": {stem: manifest["sequences"] for stem, manifest in manifests.items()},
        "combined": {
            "rows": len(combined),
            "weight": int(combined["weight"].sum()),
            "dropped": {CONTEXT_CROSSES_SPLIT.name: len(rejects)},
        },
        "labels": {"before": balanced["before"], "after": balanced["after"]},
        "balance": balanced,
        "splits": {split: int((combined["split"] == split).sum()) for split in format_a.SPLITS},
        "trainable": len(train),
        "lengths": lengths(descriptions.values()),
        "timeline": {stem: timeline(description["events_over_time"]) for stem, description in descriptions.items()},
        "templates": templates(descriptions.values(), vocabulary["entries"]),
        "findings": [*findings, *({"stem": track, **found.model_dump()} for found in splits.findings(combined))],
        "conflicts": len(conflicts),
        "accuracy": {stem: result["states"] for stem, result in accuracy.items()},
        "rules": rule_rows(rules, descriptions, combined, accuracy),
        "vocabulary": {"tokens": len(vocabulary["entries"]), "sha256": vocabulary["sha256"]},
        "limits": list(limits),
    }


def lengths(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Histogram of sequence lengths over all datasets: bin i counts lengths in [edges[i], edges[i + 1])."""
    histograms = [description["sequence_length"]["histogram"] for description in descriptions]
    edges = [part["from"] for part in histograms[0]]
    return {
        "edges": [*edges, format_a.MAX_LENGTH + 1],
        "counts": [sum(part["rows"] for part in same) for same in zip(*histograms, strict=True)],
    }


def timeline(over_time: Mapping[str, Any]) -> dict[str, Any]:
    """Sequences of each state over time, with the bucket's size in words."""
    seconds = over_time["bucket_seconds"]
    bucket = str(timedelta(seconds=seconds)) if seconds else "none"
    return {"bucket": bucket, "times": over_time["starts"], "counts": over_time["counts"]}


def templates(
    descriptions: Iterable[Mapping[str, Any]], entries: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """The log templates met most often in sequences, with what they mean."""
    top = [part for description in descriptions for part in description["token_stats"]["top_tokens"]]
    logs = [part for part in top if part["token"] >= FIRST_TEMPLATE]
    ordered = sorted(logs, key=lambda part: (-part["rows"], part["token"]))[:TOP_TEMPLATES]
    return [
        {"token": part["token"], "meaning": entries[str(part["token"])]["meaning"], "count": part["rows"]}
        for part in ordered
    ]


def rule_rows(
    rules: Mapping[str, Mapping[str, str]],
    descriptions: Mapping[str, Mapping[str, Any]],
    combined: pd.DataFrame,
    accuracy: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Every label rule: what it looks at, the state it gave, how many sequences, and its precision where known."""
    given = combined.groupby(["source", "label_rule"], observed=True)["label"].first()
    return [
        {
            "stem": stem,
            "rule": rule,
            "meaning": meaning,
            "state": format_a.STATES[int(given[stem, rule])] if (stem, rule) in given.index else "",
            "rows": descriptions[stem]["rule_distribution"].get(rule, 0),
            "precision": accuracy.get(stem, {}).get("rules", {}).get(rule, {}).get("precision"),
        }
        for stem, of_stem in rules.items()
        for rule, meaning in of_stem.items()
    ]
