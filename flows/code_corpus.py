"""The code corpus: source files of The Stack v2, cleaned, redacted, without duplicates, each with its licence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.assure import Form, assure
from schemas.code_corpus import (
    CHECKED,
    COPIED,
    FEWEST_STARS,
    LANGUAGES,
    LARGEST,
    MAX_SAMPLES,
    MOST_MEGABYTES,
    SLICES,
    SMALLEST,
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
from schemas.settings import settings
from schemas.snapshot import Mode, Snapshot
from tasks.curate.privacy import opt_out as opt_outs
from tasks.engine import snapshots
from tasks.engine.derive import Decode, derive, derive_batches, derive_scan
from tasks.engine.server_values import thresholds
from tasks.engine.snapshots import row_groups
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.code_corpus import reports, selection, similarity
from tasks.pipelines.code_corpus import stages as file_stages
from tasks.pipelines.code_corpus.rows import KeptAndRejects
from tasks.pipelines.code_corpus.rules import Wanted
from tasks.pipelines.code_corpus.source import REPO, REVISION, SHARDS, SOURCE, at, decode
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
        languages: Languages to keep; files in others are dropped. Default: all four.
        max_samples: Most files of each language; the first ones are kept. Default: all; in mode live 1,000.
        max_size_mb: Drop files larger than this many MiB, at most 10. Default: 1.
        similarity_threshold: Jaccard similarity of words in fives from which two files are near duplicates. Default:
            the variable automend_thresholds, or 0.85.
        stages: Stages to run, always in this order. Without encoding, files that are not UTF-8 are quarantined.
            Default: all.
        keep: Which of several duplicates to keep; best: most stars, then nothing redacted, then the longest. Default:
            first.
        opt_out: Text file with repositories whose owners opted out, one a line: owner/name, or an owner alone.
        benchmarks: Text file with strings of benchmarks, one a line, at least 20 characters each; a file that contains
            one is dropped.
        tokenizer: A model's tokenizer.json, whose tokens are counted. Default: the pieces that BPE tokenisers begin
            with, which are fewer.
        repo: Dataset on the Hugging Face Hub, for mode live.
        revision: Revision of the dataset, 40 hexadecimal digits.
        shards: Metadata files of the dataset; * matches any text.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        representation: Shares of a slice's groups that are told; left out: the variable automend_thresholds, or the
            defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, code_representation=representation, near_duplicates=similarity_threshold)
    opted_out = opt_outs.read(opt_out)
    asked = Asked(
        wanted=Wanted(languages, opted_out, FEWEST_STARS, SMALLEST, round(max_size_mb * (1 << 20))),
        max_samples=max_samples,
        stages=stages,
        similarity=agreed.near_duplicates,
        keep=keep,
        benchmarks=file_stages.benchmark_strings(benchmarks),
        vocabulary=file_stages.vocabulary_of(tokenizer),
    )
    origin = at(repo, revision, shards, languages, max_samples or MAX_SAMPLES)
    raw = acquire(origin, mode, source, root, scale=scale)
    stage = StageRunner()
    taken_in = stage.take_in(raw.files, asked)
    stage.clean(asked)
    finished, rejected = stage.files, tuple(stage.rejected)
    stage.by_file(check, schema=Files)

    seen = stage.files.only(*CHECKED)
    statistics = derive(reports.data_statistics, seen, *stage.removed, stages=stage.stages)
    validation = derive(reports.validation_report, seen, stage.rejected[-1])
    about = {"stem": STEM, "title": SOURCE.title, "licence": SOURCE.licence, "missing": list(raw.missing)}
    summarise = partial(derive, reports.corpus_summary, seen, statistics, validation, mode=seen.mode, source=about)
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
            **opt_outs.as_parameters(opted_out),
            "languages": languages,
            "max_samples": max_samples,
            "max_size_mb": max_size_mb,
            "similarity_threshold": agreed.near_duplicates,
            "stages": [stage for stage in STAGES if stage in stages],
            "keep": keep,
            "benchmarks": len(asked.benchmarks),
            "tokenizer": asked.vocabulary[1] or "pieces",
        },
        also={f"{STEM}_clusters.parquet": derive(reports.all_clusters, *stage.removed)} if stage.removed else {},
        summarise=summarise,
    )


@dataclass(frozen=True)
class Asked:
    """What a run asks of the stages; the names are those of its parameters."""

    wanted: Wanted
    max_samples: int | None
    stages: tuple[Stage, ...]
    similarity: float
    keep: Keep
    benchmarks: tuple[str, ...]
    vocabulary: tuple[str, str]  # path and SHA-256 of a tokenizer.json


class StageRunner:
    """Runs one stage after another, and keeps what each leaves: the files, the rejects, and how many of each."""

    def __init__(self) -> None:
        self.files: Snapshot
        self.rejected: list[Snapshot] = []
        self.removed: list[Snapshot] = []  # tables of schemas.code_corpus.CLUSTERS
        self.stages: list[StageCount] = []

    def take_in(self, raw: Sequence[Snapshot], asked: Asked) -> Snapshot:
        """The stages that always come first. Returns the files that they keep."""
        self.by_file(selection.selection, *raw, decode=decode, wanted=asked.wanted)
        self.together(selection.limit, most=asked.max_samples)
        return self.files

    def clean(self, asked: Asked) -> None:
        """The stages that a run may leave out; `encoding` and `tokens` always run, since they make the columns."""
        vocabulary, vocabulary_sha256 = asked.vocabulary
        self.by_file(file_stages.encoding, guess="encoding" in asked.stages)
        if "malformed" in asked.stages:
            self.by_file(file_stages.malformed)
        if "whitespace" in asked.stages:
            self.by_file(file_stages.whitespace)
        if "pii" in asked.stages:
            self.by_file(file_stages.pii)
        if "duplicates" in asked.stages:
            self.together(similarity.duplicates, keep=asked.keep)
        if "near_duplicates" in asked.stages:
            self.together(similarity.near_duplicates, threshold=asked.similarity, keep=asked.keep)
        if "decontamination" in asked.stages:
            self.together(similarity.decontamination, benchmarks=asked.benchmarks, copied=COPIED)
        self.by_file(
            file_stages.tokens,
            count="tokens" in asked.stages,
            vocabulary=vocabulary,
            vocabulary_sha256=vocabulary_sha256,
        )

    def by_file(
        self, step: Callable[..., KeptAndRejects], *files: Snapshot, decode: Decode = row_groups, **parameters: Any
    ) -> None:
        """A stage that looks at one file after another: at `files`, else at those of the stage before."""
        inputs = files or (self.files,)
        self._keep(step.__name__, inputs, derive_batches(step, *inputs, decode=decode, **parameters))

    def together(self, step: Callable[..., tuple[Any, ...]], **parameters: Any) -> None:
        """A stage that looks at all files at once."""
        self._keep(step.__name__, (self.files,), derive_scan(step, self.files, **parameters))

    def _keep(self, stage: str, inputs: Sequence[Snapshot], outputs: Sequence[Snapshot]) -> None:
        self.files, rejects, *removed = outputs
        self.rejected.append(rejects)
        self.removed += removed
        reasons = snapshots.read(rejects.only("reason"))["reason"].value_counts().sort_index()
        left_out = {str(reason): int(n) for reason, n in reasons.items()}
        rows = sum(snapshot.rows for snapshot in inputs)
        self.stages.append({"stage": stage, "in": rows, "kept": self.files.rows, "left_out": left_out})


def summary(published: Published) -> list[str]:
    """The result of a run, for the terminal."""
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
