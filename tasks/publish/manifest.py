"""The manifest: what was made from what, with counts that add up. No clock, no run id: same input, same bytes."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from schemas.document import Document
from schemas.run_report import RunReport
from schemas.snapshot import Mode, Snapshot
from schemas.source import Source


class RawContent(TypedDict):
    """A raw file as a manifest names it."""

    sha256: str
    rows: int


class Content(RawContent):
    """A published file as a manifest names it; `schema` identifies its columns and types."""

    schema: str


def manifest(
    source: Source,
    inputs: Mapping[str, RawContent],
    missing: Sequence[str],
    unused: Mapping[str, str],
    *,
    mode: Mode,
    rows: Mapping[str, object],
    sequences: Mapping[str, object],
    findings: Sequence[Mapping[str, object]],
    outputs: Mapping[str, Snapshot],
    parameters: Mapping[str, object],
    previous_rows: int | None,
) -> Document:
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


def inputs_of(raw: Sequence[Snapshot]) -> dict[str, RawContent]:
    """Raw files by name."""
    return {"/".join(s.path.parts[3:]): {"sha256": s.sha256, "rows": s.rows} for s in raw}


def contents_of(snapshots: Mapping[str, Snapshot]) -> dict[str, Content]:
    """Snapshots by name: content, not place."""
    return {name: {"sha256": s.sha256, "rows": s.rows, "schema": s.schema_hash} for name, s in snapshots.items()}


def track_manifest(
    track: str,
    mode: Mode,
    datasets: Mapping[str, Document],
    outputs: Mapping[str, Snapshot],
    report: RunReport,
    also: Mapping[str, object],
) -> Document:
    """A track's manifest: the datasets' outputs it is made of, the datasets it lacks and why, and its own outputs.

    `datasets` are their manifests; `also` is what only this kind of track has. Raises ValueError when the rows do not
    add up.
    """
    arrived = sum(document["sequences"]["kept"] for document in datasets.values())
    return {
        "track": track,
        "mode": mode,
        "datasets": {stem: document["outputs"] for stem, document in datasets.items()},
        "absent": report.absent,
        "sequences": _combination(track, arrived, report),
        "distinct": report.rows,
        "splits": {split.name: split.n for split in report.splits},
        **also,
        "outputs": contents_of(outputs),
    }


def _combination(track: str, arrived: int, report: RunReport) -> Document:
    """The ledger of what the datasets brought, checked."""
    ledger = report.combined
    if ledger is None:
        raise ValueError(f"{track}: the report has no ledger of its combination.")
    if arrived != ledger.kept + ledger.rows_dropped + ledger.rows_quarantined:
        parts = f"{ledger.kept:,} are combined and {ledger.rows_dropped:,} dropped"
        raise ValueError(f"{track}: {arrived:,} {ledger.of} came, {parts}: not the sum.")
    return {"in": arrived, "kept": ledger.kept, "dropped": ledger.dropped, "quarantined": ledger.quarantined}
