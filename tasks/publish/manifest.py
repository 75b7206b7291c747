"""The manifest: what was made from what, with counts that add up. No clock, no run id: same input, same bytes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

import pandas as pd

from schemas.document import Document
from schemas.reject import Reasons
from schemas.run_report import RunReport
from schemas.snapshot import Snapshot
from tasks.engine.stage_log import Stage
from tasks.publish.release import Release, TrackRelease
from tasks.quality.gate import Ledger


class RawContent(TypedDict):
    """A raw file as a manifest names it."""

    sha256: str
    rows: int


class Content(RawContent):
    """A published file as a manifest names it; `schema` identifies its columns and types."""

    schema: str


class Ledgers(NamedTuple):
    """Where a dataset's raw rows went, and where the rows made of them went; both checked."""

    rows: Ledger
    sequences: Ledger


def manifest(
    release: Release,
    left_out: pd.DataFrame,
    ledgers: Ledgers,
    parameters: Mapping[str, object],
    previous_rows: int | None,
) -> Document:
    """A dataset's manifest. `left_out` are the release's rejects, read."""
    source = release.acquired.source
    return {
        "dataset": source.stem,
        "mode": release.kept.mode,
        "source": {"title": source.title, "homepage": source.homepage, "licence": source.licence},
        "inputs": dict(inputs_of(release.acquired.files)),
        "missing": list(release.acquired.missing),
        "unused": dict(release.acquired.unused),
        "parameters": dict(parameters),
        "rows": dict(ledgers.rows),
        "sequences": dict(ledgers.sequences),
        "reasons": reasons_that_occur(left_out, release.reasons),
        "findings": [{"stem": source.stem, **finding.model_dump()} for finding in release.findings],
        "steps": steps_with_tables(release.steps),
        "outputs": contents_of({**release.rows, **release.tables}),
        "previous_rows": previous_rows,
    }


def steps_with_tables(stages: Sequence[Stage]) -> list[Document]:
    """Each step of a run that made tables, with their places: by these a row is followed (flows/explain.py)."""
    made = [(stage.name, [file for file in stage.files if file.startswith("interim/")]) for stage in stages]
    return [{"step": name, "files": files} for name, files in made if files]


def reasons_that_occur(left_out: pd.DataFrame, known: Reasons) -> dict[str, Document]:
    """Outcome and meaning of each reason in a table of rejects."""
    names = sorted(set(left_out["reason"]) & set(known))
    return {name: {"outcome": known[name].outcome, "meaning": known[name].meaning} for name in names}


def inputs_of(raw: Sequence[Snapshot]) -> dict[str, RawContent]:
    """Raw files by name."""
    return {"/".join(s.path.parts[3:]): {"sha256": s.sha256, "rows": s.rows} for s in raw}


def contents_of(snapshots: Mapping[str, Snapshot]) -> dict[str, Content]:
    """Snapshots by name: content, not place."""
    return {name: {"sha256": s.sha256, "rows": s.rows, "schema": s.schema_hash} for name, s in snapshots.items()}


def track_manifest(release: TrackRelease, report: RunReport) -> Document:
    """A track's manifest: the datasets' outputs it is made of, the datasets it lacks and why, and its own outputs.

    Raises ValueError when the rows do not add up.
    """
    manifests = {stem: dataset.manifest for stem, dataset in release.datasets.items()}
    arrived = sum(document["sequences"]["kept"] for document in manifests.values())
    return {
        "track": release.name,
        "mode": release.combined.mode,
        "datasets": {stem: document["outputs"] for stem, document in manifests.items()},
        "absent": report.absent,
        "sequences": _combination(release.name, arrived, report),
        "distinct": report.rows,
        "splits": {split.name: split.n for split in report.splits},
        **release.also,
        "outputs": contents_of({**release.files, "combined": release.combined}),
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
