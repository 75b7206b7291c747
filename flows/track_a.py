"""Track A: Alibaba's traces and LogHub's logs into one labelled, split and balanced training set."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flows.ds1_alibaba import ds1_alibaba
from flows.ds2_loghub import ds2_loghub
from flows.side_by_side import side_by_side
from schemas import format_a
from schemas.ds1_alibaba import HISTORY, MACHINE_CORES, WINDOW
from schemas.ds2_loghub import YEAR
from schemas.parameters import (
    AllowMissing,
    DataDir,
    History,
    Limits,
    Load,
    MachineCores,
    Mode,
    Scale,
    Seed,
    SingleEvents,
    Source,
    Taxonomy,
    Window,
    Year,
)
from schemas.published import Published
from schemas.settings import data_folder
from schemas.snapshot import Snapshot
from tasks.engine import snapshots
from tasks.engine.derive import derive
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds1_alibaba import source as alibaba
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.track_a.combine import combine, conflicts, parts
from tasks.pipelines.track_a.run_summary import summary
from tasks.publish import publish as steps
from tasks.publish.artifacts import plot
from tasks.publish.datasheet import datasheet
from tasks.publish.report import render, summary_lines
from tasks.quality.label_accuracy import label_accuracy
from tasks.quality.statistics import describe

SOURCES = {source.stem: source for source in (alibaba.SOURCE, loghub.SOURCE)}
SLICES = {"ds1_alibaba": ("status", "task_type"), "ds2_loghub": ("system", "severity", "event_type")}
KNOWN_LIMITS = (
    "Labels are rules over what was measured or logged, not a person's judgement: a model learns the rules.",
    "The traces are relative in time: windows of ds1_alibaba are anchored at 1970-01-01, not at a date.",
    "Logs without a time zone are read as UTC, logs without a year from the parameter `year` on.",
    "A batch task's CPU and memory are requests: they give tokens, never a load.",
    "Balancing counts rows; a trainer that samples by `weight` undoes it. Rare states repeat their rows.",
)


@pipeline("track-a")
def track_a(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    window: Window = WINDOW,
    history: History = HISTORY,
    load: Load = None,
    machine_cores: MachineCores = MACHINE_CORES,
    taxonomy: Taxonomy = "five",
    year: Year = YEAR,
    single_events: SingleEvents = "merge",
    limits: Limits = None,
    normal_ratio: float = 3.0,
    seed: Seed = 42,
    scale: Scale = 1.0,
    allow_missing: AllowMissing = (),
) -> dict[str, Any]:
    """Makes the trigger engine's training set: runs both datasets, then combines, splits and balances them.

    One vocabulary, no sequence twice, no leak between splits; only train is balanced.

    Args:
        normal_ratio: Most Normal rows in train, as a multiple of the largest failure state.
    """
    root = data_folder(data_dir)
    common = {"mode": mode, "source": source, "data_dir": root, "window": window, "limits": limits, "scale": scale}
    machines = partial(ds1_alibaba, **common, history=history, load=load, machine_cores=machine_cores)
    logs = partial(ds2_loghub, **common, taxonomy=taxonomy, year=year, single_events=single_events)
    published, absent = side_by_side({"ds1_alibaba": machines, "ds2_loghub": logs}, allow_missing)
    return combined(published, absent, root, taxonomy, {"normal_ratio": normal_ratio, "seed": seed})


def combined(
    published: Mapping[str, Published],
    absent: Mapping[str, str],
    root: Path,
    taxonomy: format_a.Taxonomy,
    balance: Mapping[str, Any],
) -> dict[str, Any]:
    """Combine, describe and publish what the datasets made. Returns the run's summary."""
    sequences = [dataset.kept for dataset in published.values()]
    splits = {"block": format_a.SPLIT_BLOCK, "shares": format_a.SPLIT_SHARES}
    every, crossing = derive(combine, *sequences, into="track_a", **splits)
    contradictions = derive(conflicts, *sequences, into="track_a", **splits)
    train, validation, test = derive(parts, every, **balance)
    vocabulary = steps.extend_vocabulary(
        root, [dataset.vocabulary for dataset in published.values() if dataset.vocabulary]
    )
    run = derive(
        summary,
        every,
        train,
        contradictions,
        crossing,
        track="track_a",
        title="Track A: the trigger engine's training set",
        mode=every.mode,
        vocabulary=vocabulary,
        absent=absent,
        limits=KNOWN_LIMITS,
        **_told(published, taxonomy),
    )
    compared = steps.compared(run, root / "processed" / "track_A")
    pages = {
        "report.html": derive(render, compared),
        "DATASHEET.md": derive(datasheet, compared, sources=[SOURCES[stem] for stem in published]),
    }
    parts_of = {"train.parquet": train, "validation.parquet": validation, "test.parquet": test}
    words = {"tokens": vocabulary["tokens"], "sha256": vocabulary["sha256"]}
    manifest = steps.publish_track(
        root, "track_A", every, {**parts_of, **pages}, compared, published, {"vocabulary": words}
    )
    outputs = root / "processed"
    steps.version([outputs / "track_A", outputs / "track_A_combined.parquet"], root, key=manifest)
    told: dict[str, Any] = snapshots.read(compared)
    steps.show_track(told, snapshots.read(derive(plot, compared)))
    return told


def _told(published: Mapping[str, Published], taxonomy: format_a.Taxonomy) -> dict[str, Any]:
    """What each dataset says of itself, by stem."""
    descriptions: dict[str, Snapshot] = {
        stem: derive(describe, dataset.kept, slices=SLICES[stem]) for stem, dataset in published.items()
    }
    accuracy: dict[str, Snapshot] = {
        stem: derive(label_accuracy, dataset.kept, truth=dataset.truth, taxonomy=taxonomy)
        for stem, dataset in published.items()
        if dataset.truth is not None
    }
    return {
        "sources": [
            {
                "stem": stem,
                "title": SOURCES[stem].title,
                "licence": SOURCES[stem].licence,
                "missing": p.manifest["missing"],
            }
            for stem, p in published.items()
        ],
        "manifests": {stem: dataset.manifest for stem, dataset in published.items()},
        "descriptions": {stem: snapshots.read(snapshot) for stem, snapshot in descriptions.items()},
        "accuracy": {stem: snapshots.read(snapshot) for stem, snapshot in accuracy.items()},
        "findings": [finding for dataset in published.values() for finding in dataset.manifest["findings"]],
        "rules": {stem: dataset.rules for stem, dataset in published.items()},
    }


if __name__ == "__main__":
    from flows.command_line import main

    main(track_a, summary_lines)
