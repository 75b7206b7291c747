"""Track B: questions, prompts, function calls and manifests into one verified, split instruction set."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from flows.ds3_stackoverflow import ds3_stackoverflow
from flows.ds4_synthetic import ds4_synthetic
from flows.ds5_glaive import ds5_glaive
from flows.ds6_the_stack import ds6_the_stack
from flows.side_by_side import side_by_side
from schemas.parameters import (
    AllowMissing,
    DataDir,
    Limits,
    MinScore,
    Mode,
    NearDuplicates,
    OptOut,
    Scale,
    Seed,
    Source,
)
from schemas.published import Published
from schemas.run_report import DatasetFacts, RunReport, SourceSummary
from schemas.settings import data_folder
from tasks.engine import snapshots
from tasks.engine.derive import derive, derive_lines
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds3_stackoverflow import source as stackoverflow
from tasks.pipelines.ds4_synthetic import source as prompts
from tasks.pipelines.ds5_glaive import source as glaive
from tasks.pipelines.ds6_the_stack import source as the_stack
from tasks.pipelines.track_b.combine import combine, overview, parts
from tasks.pipelines.track_b.mixture import mixture_report
from tasks.pipelines.track_b.reports import conversation_summary
from tasks.publish import pii_benchmark
from tasks.publish import publish as steps
from tasks.publish.artifacts import plot
from tasks.publish.datasheet import datasheet
from tasks.publish.page import render
from tasks.publish.release import TrackRelease
from tasks.publish.terminal import summary_lines
from tasks.quality.licences import notice, require_permissive
from tasks.tool_use.jsonl import lines

SOURCES = {source.stem: source for source in (stackoverflow.SOURCE, prompts.SOURCE, glaive.SOURCE, the_stack.SOURCE)}


@pipeline("track-b")
def track_b(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    teacher: Literal["offline", "gemini"] = "offline",
    min_score: MinScore = None,
    glaive_share: Annotated[float, Field(gt=0, le=1)] | None = None,
    opt_out: OptOut = None,
    limits: Limits = None,
    near_duplicates: NearDuplicates = None,
    licence: Literal["all", "permissive"] = "all",
    mixture: dict[str, float] | None = None,
    seed: Seed = 42,
    scale: Scale = 1.0,
    allow_missing: AllowMissing = (),
) -> RunReport:
    """Makes the generative architect's instruction set: runs four datasets, then combines and splits them.

    No conversation twice, no leak between splits, a licence for each line.

    Args:
        teacher: Who answers what has no known answer. offline: rules and grammar. gemini: Gemini, if GOOGLE_API_KEY is
            set.
        glaive_share: Share of Glaive's chats to use. Default: 0.1 in mode live, else 1.
        licence: Which rows to use. all: all. permissive: only those without a share-alike licence.
        mixture: Relative share of each dataset in train.jsonl, such as ds4_synthetic 2, ds6_the_stack 1. Default: all
            rows.
    """
    root = data_folder(data_dir)
    common = {"mode": mode, "source": source, "data_dir": root, "limits": limits, "scale": scale}
    children = {
        "ds3_stackoverflow": partial(
            ds3_stackoverflow, **common, min_score=min_score, teacher="rules" if teacher == "offline" else teacher
        ),
        "ds4_synthetic": partial(ds4_synthetic, **common, teacher="grammar" if teacher == "offline" else teacher),
        "ds5_glaive": partial(ds5_glaive, **common, share=glaive_share),
        "ds6_the_stack": partial(ds6_the_stack, **common, opt_out=opt_out),
    }
    published, absent = side_by_side(children, allow_missing)
    threshold = thresholds(track_b={"near_duplicates": near_duplicates}).track_b.near_duplicates
    return combined(published, absent, root, threshold, licence, mixture, seed)


def combined(
    published: Mapping[str, Published],
    absent: Mapping[str, str],
    root: Path,
    threshold: float,
    licence: Literal["all", "permissive"],
    mixture: Mapping[str, float] | None,
    seed: int,
) -> RunReport:
    """Combine, describe and publish what the datasets made. Returns the run's report."""
    made = [dataset.kept for dataset in published.values()]
    every, duplicates, left_out = derive(combine, *made, into="track_b", threshold=threshold, licence=licence)
    if licence == "permissive":
        require_permissive(snapshots.read(every))
    train, validation, test = derive(parts, every, mixture=mixture, seed=seed)
    counts = derive(overview, every, duplicates, left_out)
    drawn = derive(mixture_report, every, train, mixture=mixture)
    run = derive(
        conversation_summary,
        every,
        counts,
        drawn,
        datasets=[_facts(dataset) for dataset in published.values()],
        absent=absent,
        pii_benchmark=pii_benchmark.stored(),
        mode=every.mode,
    )
    compared = steps.compared(run, root / "processed" / "track_B")
    files = {
        "train.jsonl": derive_lines(lines, train, name="train", mode=every.mode),
        "validation.jsonl": derive_lines(lines, validation, name="validation", mode=every.mode),
        "test.jsonl": derive_lines(lines, test, name="test", mode=every.mode),
        "duplicates.parquet": duplicates,
        "quarantine.parquet": left_out,
        "NOTICE.txt": derive(notice, every),
        "report.html": derive(render, compared),
        "DATASHEET.md": derive(datasheet, compared),
    }
    bundle = snapshots.read(counts)["bundle_licence"]
    also = {"licence": bundle, "near_duplicates": threshold, "mixture": mixture, "seed": seed}
    whole = derive_lines(lines, every, name="track_B_combined", mode=every.mode)
    release = TrackRelease("track_B", whole, files, compared, published, also, suffix=".jsonl")
    manifest = steps.publish_track(root, release)
    outputs = root / "processed"
    steps.version([outputs / "track_B", outputs / "track_B_combined.jsonl"], root, key=manifest)
    report = steps.report_of(compared)
    steps.show_track(report, snapshots.read(derive(plot, compared)))
    return report


def _facts(dataset: Published) -> DatasetFacts:
    """A dataset as the report describes it."""
    source = SourceSummary.of(SOURCES[dataset.stem], dataset.manifest["missing"])
    return DatasetFacts(source=source, manifest=dataset.manifest, reasons=dataset.reasons)


if __name__ == "__main__":
    from flows.command_line import main

    main(track_b, summary_lines)
