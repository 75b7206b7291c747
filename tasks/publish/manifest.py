"""The manifest: what was made from what, with counts that add up. No clock, no run id: same input, same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.snapshot import Snapshot
from schemas.source import Source


def manifest(
    source: Source,
    raw: Sequence[Snapshot],
    missing: Sequence[str],
    unused: Mapping[str, str],
    rows: Mapping[str, Any],
    sequences: Mapping[str, Any],
    outputs: Mapping[str, Snapshot],
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """A dataset's manifest. `rows` and `sequences` are ledgers (in, kept, dropped, quarantined) that were checked."""
    return {
        "dataset": source.stem,
        "mode": raw[0].mode,
        "source": {"title": source.title, "homepage": source.homepage, "licence": source.licence},
        "inputs": {"/".join(s.path.parts[3:]): {"sha256": s.sha256, "rows": s.rows} for s in raw},
        "missing": list(missing),
        "unused": dict(unused),
        "parameters": dict(parameters),
        "rows": dict(rows),
        "sequences": dict(sequences),
        "outputs": {name: content_of(snapshot) for name, snapshot in outputs.items()},
    }


def content_of(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as the manifest tells it: content, not place."""
    return {"sha256": snapshot.sha256, "rows": snapshot.rows, "schema": snapshot.schema_hash}
