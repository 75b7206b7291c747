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
from schemas.format_a import BALANCE_SEED, NORMAL_RATIO
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
from schemas.run_report import RunReport, SourceSummary
from schemas.settings import data_folder
from tasks.engine import snapshots
from tasks.engine.derive import derive
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds1_alibaba import source as alibaba
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.track_a.combine import combine, conflicts, parts
from tasks.pipelines.track_a.reports import LabelledDataset, Vocabulary, summary
from tasks.publish import publish as steps
from tasks.publish.artifacts import plot
from tasks.publish.datasheet import datasheet
from tasks.publish.page import render
from tasks.publish.release import TrackRelease
from tasks.publish.terminal import summary_lines
from tasks.quality.label_accuracy import label_accuracy
from tasks.quality.statistics import describe

SOURCES = {source.stem: source for source in (alibaba.SOURCE, loghub.SOURCE)}
SLICES = {"ds1_alibaba": ("status", "task_type"), "ds2_loghub": ("system", "severity", "event_type")}


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
    normal_ratio: float = NORMAL_RATIO,
    seed: Seed = BALANCE_SEED,
    scale: Scale = 1.0,
    allow_missing: AllowMissing = (),
) -> RunReport:
    """Makes the trigger engine's training set: runs both datasets, then combines, splits and balances them.

    Both datasets share one vocabulary. No sequence occurs twice or in two splits. Only train is balanced.

    Args:
        normal_ratio: Largest number of Normal rows in train, for each row of the largest failure state.
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
) -> RunReport:
    """Combine, describe and publish what the datasets made. Returns the run's report."""
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
        datasets=[_facts(dataset, taxonomy) for dataset in published.values()],
        vocabulary=Vocabulary(entries=vocabulary["entries"], sha256=vocabulary["sha256"]),
        absent=absent,
        mode=every.mode,
    )
    compared = steps.compared(run, root / "processed" / "track_A")
    files = {
        "train.parquet": train,
        "validation.parquet": validation,
        "test.parquet": test,
        "quarantine.parquet": crossing,
        "report.html": derive(render, compared),
        "DATASHEET.md": derive(datasheet, compared),
    }
    words = {"tokens": vocabulary["tokens"], "sha256": vocabulary["sha256"]}
    release = TrackRelease("track_A", every, files, compared, published, {"vocabulary": words})
    manifest = steps.publish_track(root, release)
    outputs = root / "processed"
    steps.version([outputs / "track_A", outputs / "track_A_combined.parquet"], root, key=manifest)
    report = steps.report_of(compared)
    steps.show_track(report, snapshots.read(derive(plot, compared)))
    return report


def _facts(dataset: Published, taxonomy: format_a.Taxonomy) -> LabelledDataset:
    """A dataset as the report describes it, its labels measured where the truth is known."""
    truth = dataset.truth
    accuracy = derive(label_accuracy, dataset.kept, truth=truth, taxonomy=taxonomy) if truth is not None else None
    return LabelledDataset(
        source=SourceSummary.of(SOURCES[dataset.stem], dataset.manifest["missing"]),
        manifest=dataset.manifest,
        reasons=dataset.reasons,
        description=snapshots.read(derive(describe, dataset.kept, slices=SLICES[dataset.stem])),
        accuracy=snapshots.read(accuracy) if accuracy else None,
        rules=dataset.rules,
    )


if __name__ == "__main__":
    from flows.command_line import main

    main(track_a, summary_lines)
