"""The manifest: what was made from what, with counts that add up. No clock, no run id: same input, same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.snapshot import Mode, Snapshot
from schemas.source import Source


def manifest(
    source: Source,
    inputs: Mapping[str, Any],
    missing: Sequence[str],
    unused: Mapping[str, str],
    *,
    mode: Mode,
    rows: Mapping[str, Any],
    sequences: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    outputs: Mapping[str, Snapshot],
    parameters: Mapping[str, Any],
    previous_rows: int | None,
) -> dict[str, Any]:
    """A dataset's manifest. `rows` and `sequences` are ledgers (in, kept, dropped, quarantined) that were checked."""
    return {
        "dataset": source.stem,
        "mode": mode,
        "source": {"title": source.title, "homepage": source.homepage, "licence": source.licence},
        "inputs": dict(inputs),
        "missing": list(missing),
        "unused": dict(unused),
        "parameters": dict(parameters),
        "rows": dict(rows),
        "sequences": dict(sequences),
        "findings": [{"stem": source.stem, **finding} for finding in findings],
        "outputs": contents_of(outputs),
        "previous_rows": previous_rows,
    }


def inputs_of(raw: Sequence[Snapshot]) -> dict[str, dict[str, Any]]:
    """Raw files by name, as a manifest tells them."""
    return {"/".join(s.path.parts[3:]): {"sha256": s.sha256, "rows": s.rows} for s in raw}


def contents_of(snapshots: Mapping[str, Snapshot]) -> dict[str, dict[str, Any]]:
    """Snapshots as a manifest tells them: content, not place."""
    return {name: {"sha256": s.sha256, "rows": s.rows, "schema": s.schema_hash} for name, s in snapshots.items()}


def track_manifest(
    track: str,
    combined: Snapshot,
    datasets: Mapping[str, Mapping[str, Any]],
    absent: Mapping[str, str],
    outputs: Mapping[str, Snapshot],
    run: Mapping[str, Any],
    also: Mapping[str, Any],
) -> dict[str, Any]:
    """A track's manifest: which manifests it stands on, what was left out of it and why, what it holds.

    `also` is what only this kind of track tells. Raises ValueError when the rows do not add up.
    """
    arrived = sum(manifest["sequences"]["kept"] for manifest in datasets.values())
    kept, dropped = run["combined"]["weight"], dict(run["combined"]["dropped"])
    if arrived != kept + sum(dropped.values()):
        told = f"{kept:,} are combined and {sum(dropped.values()):,} dropped"
        raise ValueError(f"{track}: {arrived:,} {run.get('noun', 'sequence')}s came, {told}: not the sum.")
    return {
        "track": track,
        "mode": combined.mode,
        "datasets": {stem: manifest["outputs"] for stem, manifest in datasets.items()},
        "absent": dict(absent),
        "sequences": {"in": arrived, "kept": kept, "dropped": dropped, "quarantined": {}},
        "distinct": run["combined"]["rows"],
        "splits": run["splits"],
        **also,
        "outputs": contents_of(outputs),
    }
