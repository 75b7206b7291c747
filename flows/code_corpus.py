"""The code corpus: source files of The Stack v2, cleaned, redacted, without repetitions, each with its licence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flows.assure import Dataset, Form, Made, assure
from schemas.code_corpus import (
    CHECKED,
    COPIED,
    FEWEST_STARS,
    LANGUAGES,
    LARGEST,
    MAX_SAMPLES,
    SLICES,
    SMALLEST,
    STAGES,
    STEM,
    Benchmarks,
    Keep,
    KeptDuplicate,
    Languages,
    MaxSamples,
    MaxSizeMb,
    MetadataFiles,
    Stage,
    StageCount,
    Stages,
    Tokenizer,
)
from schemas.contracts import Files
from schemas.document import Document
from schemas.parameters import (
    DataDir,
    HubRepo,
    HubRevision,
    Limits,
    Mode,
    NearDuplicates,
    OptOut,
    Representation,
    Scale,
    Source,
)
from schemas.published import Published
from schemas.run_report import SourceSummary
from schemas.settings import data_folder
from schemas.snapshot import Snapshot
from tasks.curate.privacy import opt_out as opt_outs
from tasks.engine import snapshots
from tasks.engine.derive import Decode, derive, derive_batches, derive_scan
from tasks.engine.server_values import thresholds
from tasks.engine.snapshots import row_groups
from tasks.observe.pipeline import pipeline
from tasks.pipelines.code_corpus import reports, selection, similarity
from tasks.pipelines.code_corpus import stages as file_stages
from tasks.pipelines.code_corpus.rows import KeptAndRejects
from tasks.pipelines.code_corpus.rules import REASONS, Wanted
from tasks.pipelines.code_corpus.source import REPO, REVISION, SHARDS, SOURCE, at, decode
from tasks.quality.contract import check
from tasks.quality.licences import notice
from tasks.quality.outcome_bias import outcome_bias
from tasks.sources.acquire import acquire

FORM = Form(contract=Files, anomalies=reports.code_anomalies, bias=outcome_bias, columns=CHECKED)
DATASET = Dataset(stem=STEM, form=FORM, slices=SLICES, reasons=REASONS)


@pipeline("code-corpus")
def code_corpus(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    languages: Languages = tuple(LANGUAGES),  # type: ignore[assignment]
    max_samples: MaxSamples = None,
    max_size_mb: MaxSizeMb = LARGEST / (1 << 20),
    similarity_threshold: NearDuplicates = None,
    stages: Stages = STAGES,
    keep: KeptDuplicate = "first",
    opt_out: OptOut = None,
    benchmarks: Benchmarks = None,
    tokenizer: Tokenizer = None,
    repo: HubRepo = REPO,
    revision: HubRevision = REVISION,
    shards: MetadataFiles = SHARDS,
    limits: Limits = None,
    representation: Representation = None,
    scale: Scale = 1.0,
) -> Published:
    """Makes a corpus of source code for fine-tuning: cleaned, redacted, without duplicates, a licence for each file.

    Mode local reads Parquet files in the columns of The Stack v2, else any folder of source files, one repository or
    many. Mode live takes metadata of The Stack v2 from the Hugging Face Hub (accept its terms there first, and set
    HF_TOKEN), and contents from Software Heritage's bucket (set AWS keys: the requester pays).
    """
    root = data_folder(data_dir)
    agreed = thresholds(
        limits=limits,
        code_corpus={"representation": representation, "near_duplicates": similarity_threshold},
    )
    opted_out = opt_outs.read(opt_out)
    asked = Asked(
        wanted=Wanted(languages, opted_out, FEWEST_STARS, SMALLEST, round(max_size_mb * (1 << 20))),
        max_samples=max_samples,
        stages=stages,
        similarity=agreed.code_corpus.near_duplicates,
        keep=keep,
        benchmarks=file_stages.benchmark_strings(benchmarks),
        vocabulary=file_stages.vocabulary_of(tokenizer),
    )
    origin = at(repo, revision, shards, languages, max_samples or MAX_SAMPLES)
    raw = acquire(origin, mode, source, root, scale=scale)
    stage = StageRunner()
    taken_in = stage.take_in(raw.files, asked)
    stage.clean(asked)
    return assure(
        DATASET,
        raw,
        _made_of_stages(stage, taken_in, raw.missing),
        limits=agreed.limits,
        parameters={**asked.parameters(), "max_size_mb": max_size_mb},
        representation=agreed.code_corpus.representation,
    )


def _made_of_stages(stage: "StageRunner", taken_in: Snapshot, missing: tuple[str, ...]) -> Made:
    """What the stages made, with its reports. `taken_in` are the files before any stage changed them."""
    finished, rejected = stage.files, tuple(stage.rejected)
    stage.by_file(check, schema=Files)  # the page shows what the contract let through
    seen = stage.files.only(*CHECKED)
    statistics = derive(reports.data_statistics, seen, *stage.removed, stages=stage.stages)
    validation = derive(reports.validation_report, seen, stage.rejected[-1])
    about = SourceSummary.of(SOURCE, missing)
    meanings = {name: reason.meaning for name, reason in DATASET.every_reason.items()}
    summarise = partial(
        derive, reports.corpus_summary, seen, statistics, validation, mode=seen.mode, source=about, reasons=meanings
    )
    return Made(
        rows=finished,
        rejected=rejected,
        reports={
            "ingest_manifest.json": derive(reports.ingest_manifest, taken_in.only(*reports.TAKEN_IN)),
            "reports/data_statistics.json": statistics,
            "reports/schema_validation_report.json": validation,
            "LICENCES.md": derive(reports.licence_card, seen),
            "NOTICE.txt": derive(notice, seen),
        },
        tables={f"{STEM}_clusters.parquet": derive(reports.all_clusters, *stage.removed)} if stage.removed else {},
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

    def parameters(self) -> Document:
        """The same for the manifest: content, not place."""
        return {
            **opt_outs.as_parameters(self.wanted.opted_out),
            "languages": self.wanted.languages,
            "max_samples": self.max_samples,
            "similarity_threshold": self.similarity,
            "stages": [stage for stage in STAGES if stage in self.stages],
            "keep": self.keep,
            "benchmarks": len(self.benchmarks),
            "tokenizer": self.vocabulary[1] or "pieces",
        }


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
