"""The code corpus: source files of The Stack v2, cleaned, redacted, without repetitions, each with its licence."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.assure import Form, assure
from schemas.code_corpus import (
    CHECKED,
    LANGUAGES,
    LARGEST,
    MOST_MEGABYTES,
    SLICES,
    STAGES,
    STEM,
    Files,
    Keep,
    Language,
    Stage,
    StageCount,
)
from schemas.limits import Limits, Representation
from schemas.published import Published
from schemas.run_report import SourceSummary
from schemas.settings import settings
from schemas.snapshot import Mode, Snapshot
from tasks.curate.privacy import opt_out as opt_outs
from tasks.engine import snapshots
from tasks.engine.derive import derive, derive_batches, derive_scan
from tasks.engine.server_values import thresholds
from tasks.engine.snapshots import row_groups
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.code_corpus import reports
from tasks.pipelines.code_corpus import stages as corpus
from tasks.pipelines.code_corpus.source import MAX_SAMPLES, REPO, REVISION, SHARDS, SOURCE, at, decode
from tasks.quality.contract import check
from tasks.quality.licences import notice
from tasks.quality.outcome_bias import outcome_bias
from tasks.sources.acquire import acquire

FORM = Form(contract=Files, anomalies=reports.code_anomalies, bias=outcome_bias, columns=CHECKED)


@flow(name="code-corpus", **ANNOUNCED)
def code_corpus(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    languages: tuple[Language, ...] = tuple(LANGUAGES),  # type: ignore[assignment]
    max_samples: Annotated[int, Field(ge=1)] | None = None,
    max_size_mb: Annotated[float, Field(gt=0, le=MOST_MEGABYTES)] = LARGEST / (1 << 20),
    similarity_threshold: Annotated[float, Field(gt=0, le=1)] | None = None,
    stages: tuple[Stage, ...] = STAGES,
    keep: Keep = "first",
    opt_out: Path | None = None,
    benchmarks: Path | None = None,
    tokenizer: Path | None = None,
    repo: str = REPO,
    revision: str = REVISION,
    shards: tuple[str, ...] = SHARDS,
    limits: Limits | None = None,
    representation: Representation | None = None,
    scale: float = 1.0,
) -> Published:
    """Source code for fine-tuning: cleaned, redacted, de-duplicated files, each with its licence and where it is from.

    Args:
        mode: sample: generated files; local: read from `source`; live: The Stack v2 (its terms are accepted on the
            Hugging Face Hub first) with the contents from Software Heritage's bucket (AWS keys, who asks pays).
        source: Folder for mode local: Parquet files in the columns of The Stack v2 or of the manifest, else any folder
            of source files, one repository or many.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        languages: Languages to be kept; others are dropped, and told.
        max_samples: Most files of a language, the first ones; left out: all, in mode live 1,000.
        max_size_mb: MiB above which a file is dropped, at most 10.
        similarity_threshold: Jaccard of words in fives from which on two files are near duplicates; left out: the
            variable automend_thresholds, or 0.85.
        stages: What is done, in the order in which it is done whatever the order here; without encoding, only UTF-8
            files are kept.
        keep: Which of several duplicates stays; best: most stars, then nothing redacted, then the longest.
        opt_out: File with repositories whose owners asked to be left out, one a line: owner/name, or an owner alone.
        benchmarks: Text file with strings, one a line, at least 20 characters each; a file that holds one is dropped.
        tokenizer: A model's tokenizer.json, whose tokens are counted; left out: pieces that such a tokeniser begins
            with, which are fewer.
        repo: Dataset on the hub, for mode live.
        revision: Its revision, 40 hexadecimal digits.
        shards: Its metadata files, with * for any text.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        representation: Shares of a slice's groups that are told; left out: the variable automend_thresholds, or the
            defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, code_representation=representation, near_duplicates=similarity_threshold)
    opted_out = opt_outs.read(opt_out)
    quoted = corpus.benchmark_strings(benchmarks)
    counted = corpus.vocabulary_of(tokenizer)
    origin = at(repo, revision, shards, languages, max_samples or MAX_SAMPLES)
    raw = acquire(origin, mode, source, root, scale=scale)

    stage = StageRunner()
    largest = round(max_size_mb * (1 << 20))
    stage.by_file(corpus.organised, *raw.files, how=decode, asked=languages, opted_out=opted_out, largest=largest)
    stage.together(corpus.chosen, most=max_samples)
    taken_in = stage.files
    stage.by_file(corpus.decoded, guess="encoding" in stages)
    if "malformed" in stages:
        stage.by_file(corpus.cleaned)
    if "whitespace" in stages:
        stage.by_file(corpus.tidied)
    if "pii" in stages:
        stage.by_file(corpus.redacted)
    if "duplicates" in stages:
        stage.together(corpus.distinct, keep=keep)
    if "near_duplicates" in stages:
        stage.together(corpus.unlike, threshold=agreed.near_duplicates, keep=keep)
    if "decontamination" in stages:
        stage.together(corpus.uncontaminated, benchmarks=quoted)
    stage.by_file(corpus.finished, tokens="tokens" in stages, **counted)
    finished, rejected = stage.files, tuple(stage.rejected)
    stage.by_file(check, schema=Files)

    seen = stage.files.only(*CHECKED)
    statistics = derive(reports.data_statistics, seen, *stage.removed, stages=stage.stages)
    validation = derive(reports.validation_report, seen, stage.rejected[-1])
    about = SourceSummary.of(SOURCE, raw.missing)
    summarise = partial(
        derive, reports.corpus_summary, seen, statistics, validation, mode=seen.mode, source=about, reasons={}
    )
    return assure(
        finished,
        form=FORM,
        source=origin,
        acquired=raw,
        slices=SLICES,
        statistics={
            "ingest_manifest.json": derive(reports.ingest_manifest, taken_in.only(*reports.TAKEN_IN)),
            "reports/data_statistics.json": statistics,
            "reports/schema_validation_report.json": validation,
            "LICENCES.md": derive(reports.licence_card, seen),
            "NOTICE.txt": derive(notice, seen),
        },
        rejected=rejected,
        rules={},
        limits=agreed.limits,
        representation=agreed.code_representation,
        parameters={
            **opt_outs.told(opted_out),
            "languages": languages,
            "max_samples": max_samples,
            "max_size_mb": max_size_mb,
            "similarity_threshold": agreed.near_duplicates,
            "stages": [stage for stage in STAGES if stage in stages],
            "keep": keep,
            "benchmarks": len(quoted),
            "tokenizer": counted.get("vocabulary_sha256", "pieces"),
        },
        also={f"{STEM}_clusters.parquet": derive(reports.all_clusters, *stage.removed)} if stage.removed else {},
        summarise=summarise,
    )


class StageRunner:
    """What became of the files so far: those that came through, those that left, and how many at which stage."""

    def __init__(self) -> None:
        self.files: Snapshot
        self.rejected: list[Snapshot] = []
        self.removed: list[Snapshot] = []  # who stays for whom: schemas.code_corpus.CLUSTERS
        self.stages: list[StageCount] = []

    def by_file(self, step: Callable[..., Any], *files: Snapshot, how: Any = row_groups, **told: Any) -> None:
        """A stage that looks at one file after the other: at `files`, else at those of the stage before."""
        came = files or (self.files,)
        self._went(step.__name__, came, derive_batches(step, *came, decode=how, **told))

    def together(self, step: Callable[..., Any], **told: Any) -> None:
        """A stage that looks at all files."""
        self._went(step.__name__, (self.files,), derive_scan(step, self.files, **told))

    def _went(self, stage: str, came: Sequence[Snapshot], made: Sequence[Snapshot]) -> None:
        self.files, left, *removed = made
        self.rejected.append(left)
        self.removed += removed
        reasons = snapshots.read(left.only("reason"))["reason"].value_counts().sort_index()
        left_out = {str(reason): int(n) for reason, n in reasons.items()}
        rows = sum(snapshot.rows for snapshot in came)
        self.stages.append({"stage": stage, "in": rows, "kept": self.files.rows, "left_out": left_out})


def summary(published: Published) -> list[str]:
    """What a run made, for the terminal."""
    rows, root = published.manifest["rows"], published.kept.root
    reasons = {**rows["dropped"], **rows["quarantined"]}
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())) or "none"
    return [
        "",
        f"{STEM} ({published.mode}): {rows['in']:,} files -> {published.kept.rows:,} kept",
        f"  left out: {left_out}",
        f"  data:     {root / 'processed' / STEM / f'{STEM}.parquet'}",
        f"  report:   {root / 'processed' / STEM / 'report.html'}",
    ]


if __name__ == "__main__":
    from flows.command_line import main

    main(code_corpus, summary)
