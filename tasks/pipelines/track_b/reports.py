"""Track B's run report: datasets, verification, tools, licences, duplicates and the mixture of the conversations."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pandas as pd
import polars as pl

from schemas.document import Document
from schemas.finding import Finding
from schemas.format_b import METADATA, SPLITS, STAGES, SYSTEM_PREFIX
from schemas.run_report import (
    BarGroup,
    Cell,
    Count,
    DatasetFacts,
    DatasetFinding,
    FileNote,
    GroupedBars,
    Histogram,
    Ledger,
    Line,
    RunReport,
    Section,
    Table,
    Tile,
)
from schemas.snapshot import Mode
from tasks.pipelines.track_b.combine import CHARACTERS_PER_TOKEN
from tasks.pipelines.track_b.rules import REASONS
from tasks.publish.pii_benchmark import PiiBenchmark
from tasks.publish.sections import splits_section, table, text
from tasks.publish.verdict import made_sentence
from tasks.publish.wording import number, share

NAME = "track_b"
TITLE = "Track B: the generative architect's instruction set"
NOUN = "distinct conversation"
# What fits a context window of 8,192 tokens is seen at once.
LENGTH_EDGES = (0, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536)

ABOUT = (
    "Each line is a conversation: offered tools, a request, and the assistant's answer as a workflow of tool calls.",
    "It is made for instruction-tuning a language model.",
)
FILES = {
    "../track_B_combined.jsonl": "every conversation once, with its split",
    "train.jsonl": "for training: the lines of split train, in the proportions asked for",
    "validation.jsonl": "for choosing between models",
    "test.jsonl": "for the final test",
    "quarantine.parquet": "every conversation that the combination left out, and why",
    "duplicates.parquet": "every conversation that was removed as a duplicate, and the one that was kept instead",
    "NOTICE.txt": "authors and links, as the licences ask",
    "manifest.json": "hashes of everything these files were made from, and of the files",
    "report.html": "the same counts as a page; opens in any browser, offline",
}
KNOWN_LIMITS = (
    "Workflows of ds3_stackoverflow are a rule teacher's reading of the question, not an expert's.",
    "Only workflows with a known post-condition were run, in a simulated cluster, not in a real one.",
    "Conversations of ds4_synthetic come from a grammar: correct by construction, and plainer than people write.",
    "Requests of ds6_the_stack are written from the manifest they ask for; people ask for less, and less exactly.",
)
METADATA_MEANINGS = {
    "id": "the dataset, and what identifies the conversation there",
    "source": "the dataset the conversation comes from",
    "group": "question, intent family, function or repository: all of a group are in one split",
    "licence": "SPDX id of the licence of this line",
    "attribution": "author and link, as the licence asks",
    "split": "train, validation or test",
    "verified": "stages passed: format, tools, execution (where a post-condition is known)",
    "environment": "development, staging or production",
    "weight": "weight for a sampler (ds3_stackoverflow: by quality; else 1)",
    "mode": "sample: generated; local, live: real",
    "rationale": "text behind the answer that is not part of it (ds3_stackoverflow: the accepted answer)",
}


def conversation_summary(
    combined: pd.DataFrame,
    counts: Document,
    mixture: Document,
    *,
    datasets: Sequence[DatasetFacts],
    absent: Mapping[str, str],
    pii_benchmark: PiiBenchmark,
    mode: Mode,
) -> Document:
    """The run's report (schemas/run_report.py) as JSON. Nothing in it depends on when or where it ran.

    `counts` is tasks/pipelines/track_b/combine.py's overview, `mixture` tasks/pipelines/track_b/mixture.py's report.
    """
    in_splits = [Count(name=name, n=counts["splits"][name]) for name in SPLITS]
    ledgers = [Ledger.of_manifest(of.stem, "rows", of.manifest["rows"], of.reasons) for of in datasets]
    items = [Ledger.of_manifest(of.stem, "conversations", of.manifest["sequences"], of.reasons) for of in datasets]
    report = RunReport(
        name=NAME,
        title=TITLE,
        mode=mode,
        noun=NOUN,
        rows=len(combined),
        made=made_sentence(len(combined), NOUN, ledgers),
        sources=tuple(of.source for of in datasets),
        absent=dict(absent),
        ledgers=tuple(ledgers),
        item_ledgers=tuple(items),
        combined=_combination(items, len(combined), counts),
        splits=tuple(in_splits),
        findings=tuple(_findings(datasets, in_splits)),
        sections=(
            splits_section("conversations", in_splits, lengths(combined)),
            *_sections(combined, counts, mixture, items, pii_benchmark),
        ),
        tiles=tuple(_tiles(counts, ledgers, items)),
        figures=_figures(counts),
        lines=tuple(_lines(in_splits, counts)),
        picture=_picture(items, in_splits),
        about=ABOUT,
        files=tuple(FileNote(name=name, meaning=meaning) for name, meaning in FILES.items()),
        known_limits=KNOWN_LIMITS,
    )
    return report.model_dump(mode="json")


def _combination(items: Sequence[Ledger], kept: int, counts: Document) -> Ledger:
    """What became of the datasets' conversations when they were combined."""
    kinds = {f"{kind}_duplicate": n for kind, n in counts["duplicates"]["kinds"].items()}
    dropped = {**kinds, **counts["ledger"]["rejected"]}
    arrived = sum(ledger.kept for ledger in items)
    meanings = {name: reason.meaning for name, reason in REASONS.items()}
    return Ledger(stem=NAME, of="conversations", rows=arrived, kept=kept, dropped=dropped, meanings=meanings)


def _findings(datasets: Sequence[DatasetFacts], in_splits: Sequence[Count]) -> Iterator[DatasetFinding]:
    """The datasets' checks, as their manifests keep them, and that no split is empty."""
    for dataset in datasets:
        yield from map(DatasetFinding.model_validate, dataset.manifest["findings"])
    for split in in_splits:
        yield DatasetFinding(stem=NAME, **_has_rows(split).model_dump())


def _has_rows(split: Count) -> Finding:
    return Finding(
        kind="volume", name=f"rows in {split.name}", measured=split.n, limit=1, holds=split.n >= 1, unit="rows"
    )


def _picture(items: Sequence[Ledger], in_splits: Sequence[Count]) -> GroupedBars:
    by_dataset = tuple(Count(name=ledger.stem, n=ledger.kept) for ledger in items)
    groups = (
        BarGroup(heading="conversations by dataset, before duplicates are removed", bars=by_dataset),
        BarGroup(heading="distinct conversations by split", bars=tuple(in_splits)),
    )
    return GroupedBars(of="conversations by dataset and by split", groups=groups)


def lengths(combined: pd.DataFrame) -> Histogram:
    """Histogram of conversations by approximate tokens; the last bin is open."""
    tokens = pl.from_pandas(combined[["messages"]])["messages"].str.len_chars() // CHARACTERS_PER_TOKEN
    edges = [*LENGTH_EDGES, max(LENGTH_EDGES[-1] + 1, int(str(tokens.max() or 0)) + 1)]
    counts = [int(((tokens >= low) & (tokens < high)).sum()) for low, high in pairwise(edges)]
    return Histogram(
        title="Tokens in a conversation (characters / 4)",
        of="tokens in a conversation (characters / 4)",
        edges=tuple(edges),
        counts=tuple(counts),
        empty="This run recorded no lengths.",
    )


# ---- figures


def _tiles(counts: Document, ledgers: Sequence[Ledger], items: Sequence[Ledger]) -> Iterator[Tile]:
    total, duplicates = sum(counts["splits"].values()), counts["duplicates"]
    read = sum(ledger.rows for ledger in ledgers)
    failed = sum(n for ledger in items for _, n in _failed_verification(ledger))
    ran = counts["verified"]["execution"]
    yield Tile(name="conversations", figure=total, part_of=f"{len(items)} datasets")
    yield Tile(name="rows read", figure=read, part_of="each kept, dropped or quarantined")
    part_of = f"{share(ran, total)}: those with a post-condition"
    yield Tile(name="ran in the simulated cluster", figure=ran, part_of=part_of)
    yield Tile(name="failed verification", figure=failed, part_of="not published")
    across = f"{duplicates['across_datasets']:,} across datasets"
    yield Tile(name="duplicates removed", figure=counts["ledger"]["duplicates"], part_of=across)
    calls = f"{counts['tools']['calls']:,} calls"
    yield Tile(name="distinct tools called", figure=counts["tools"]["distinct"], part_of=calls)


def _failed_verification(ledger: Ledger) -> list[tuple[str, int]]:
    """(reason, rows) of the conversations that failed a stage of verification."""
    stages = tuple(f"{stage}_" for stage in STAGES)
    return [(reason, n) for reason, n in ledger.quarantined.items() if reason.startswith(stages)]


def _figures(counts: Document) -> dict[str, float]:
    """Figures of this track alone that are compared with the last run's."""
    return {
        **{f"verified by {stage}": n for stage, n in counts["verified"].items()},
        **{f"licence {licence}": n for licence, n in counts["licences"].items()},
        "duplicates removed": counts["ledger"]["duplicates"],
    }


def _lines(in_splits: Sequence[Count], counts: Document) -> Iterator[Line]:
    verified = ", ".join(f"{stage} {counts['verified'][stage]:,}" for stage in STAGES)
    across = counts["duplicates"]["across_datasets"]
    yield Line(name="splits", text=" · ".join(f"{split.name} {split.n:,}" for split in in_splits))
    yield Line(name="verified", text=f"{verified} of {sum(split.n for split in in_splits):,}")
    yield Line(
        name="removed", text=f"{counts['ledger']['duplicates']:,} duplicates, {across:,} of them across datasets"
    )
    yield Line(name="licence", text=str(counts["bundle_licence"]))


# ---- sections


def _sections(
    combined: pd.DataFrame,
    counts: Document,
    mixture: Document,
    items: Sequence[Ledger],
    measured: PiiBenchmark,
) -> Iterator[Section]:
    yield datasets_section(counts)
    yield verification_section(combined, items)
    yield tools_section(counts)
    yield licences_section(counts)
    yield duplicates_section(counts)
    yield mixture_section(mixture)
    yield personal_data_section(measured)
    yield line_section()


def _table_section(
    name: str, title: str, words: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]], left: int = 1
) -> Section:
    """A section of one table, of which the first `left` columns are text."""
    parts = (table(headers, rows, left=left),) if rows else ()
    return Section(id=name, title=title, text=words, parts=parts)


def datasets_section(counts: Document) -> Section:
    """Rows, splits, groups and tokens of each dataset."""
    rows = [
        (stem, sum(of.values()), *(of[name] for name in SPLITS), counts["groups"][stem], _tokens(counts, stem))
        for stem, of in counts["rows"].items()
    ]
    return _table_section(
        "datasets",
        "Datasets",
        "All rows of a group (question, intent family, function, repository) are in one split. Tokens are characters "
        "divided by four; no tokenizer was used.",
        ("dataset", "conversations", *SPLITS, "groups", "tokens"),
        rows,
    )


def _tokens(counts: Document, stem: str) -> int:
    return int(counts["characters"][stem]["approximate_tokens"])


def verification_section(combined: pd.DataFrame, items: Sequence[Ledger]) -> Section:
    """Which stages the published conversations passed, and why others are not published."""
    return _table_section(
        "verification",
        "Verification",
        "Format: every answer parses and is a workflow. Tools: every tool called was offered and its parameters are "
        "valid. Execution: the simulated cluster ran the workflow and the request's post-condition was true, where "
        "one is known.",
        ("dataset", "reason for failing", "failed", "conversations", *STAGES),
        list(_verification_rows(combined, items)),
        left=2,
    )


def _verification_rows(combined: pd.DataFrame, items: Sequence[Ledger]) -> Iterator[tuple[Cell, ...]]:
    """Of the combined rows, how many passed each stage; of the dataset's, how many failed one and why."""
    for ledger in items:
        stages = combined["verified"][combined["source"] == ledger.stem]
        passed = Counter(stage for of_row in stages for stage in of_row)
        failed = _failed_verification(ledger)
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in failed) or "none"
        yield ledger.stem, reasons, sum(n for _, n in failed), len(stages), *(passed[stage] for stage in STAGES)


def tools_section(counts: Document) -> Section:
    """The tools that are called most often."""
    distinct, calls = number(counts["tools"]["distinct"]), number(counts["tools"]["calls"])
    words = f"{distinct} distinct tools in {calls} calls. The table lists the most frequent ones."
    return _table_section("tools", "Tools called", words, ("tool", "calls"), _ranked(counts["tools"]["top"]))


def licences_section(counts: Document) -> Section:
    """Conversations by licence."""
    whole = f"The licence of the file as a whole: {counts['bundle_licence']}."
    words = f"{whole} Each line has its own; NOTICE.txt names the authors."
    return _table_section("licences", "Licences", words, ("licence", "conversations"), _ranked(counts["licences"]))


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most first, ties by name: a mapping that was JSON has lost its order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def duplicates_section(counts: Document) -> Section:
    """Which dataset's conversations were removed as duplicates, and of which."""
    return _table_section(
        "duplicates",
        "Duplicates",
        "Conversations that are equal or nearly equal, the system message aside: exact Jaccard similarity of their "
        "shingles. duplicates.parquet lists each removed conversation with the one that was kept.",
        ("removed from", "kept in", "conversations"),
        [(pair["removed"], pair["kept"], pair["rows"]) for pair in counts["duplicates"]["by_sources"]],
        left=2,
    )


def mixture_section(mixture: Document) -> Section:
    """Each dataset's share of the training file."""
    asked = "Rows of each dataset in split train, and in train.jsonl after the mixture is drawn. No row is repeated."
    words = asked if mixture["mixture"] else "No mixture was asked for: train.jsonl has all rows of its split."
    return _table_section(
        "mixture",
        "Mixture of train",
        words,
        ("dataset", "in split train", "in train.jsonl", "share"),
        [
            (stem, before, mixture["after"][stem], f"{mixture['share'][stem]:.1%}")
            for stem, before in mixture["before"].items()
        ],
    )


def personal_data_section(measured: PiiBenchmark) -> Section:
    """How well the detector of personal data and secrets does on its test set: stored figures, quoted."""
    return _table_section(
        "personal-data",
        "Personal data and secrets",
        "One detector redacts and checks for leaks. Measured on generated text "
        f"({measured.command}, seed {measured.seed}): {measured.overall.planted:,} planted values and "
        f"{measured.overall.look_alikes:,} look-alikes.",
        ("kind", "planted", "found", "recall", "precision"),
        [
            (kind, of.planted, of.found, f"{of.recall:.3f}", f"{of.precision:.3f}")
            for kind, of in measured.kinds.items()
        ],
    )


MESSAGES = (
    ("system, the first", f"{SYSTEM_PREFIX}[...], with a JSON Schema for each offered tool"),
    ("user", "the request"),
    ("assistant", "JSON: a message, and a workflow with steps; each step has a step_id, a tool and its params"),
    ("tool", "the result of a call"),
)


def line_section() -> Section:
    """What a line of the file is."""
    messages = Table(
        title="messages: a list of role and content", columns=(text("role"), text("content")), rows=MESSAGES
    )
    metadata = Table(
        title="metadata",
        columns=(text("key", "code"), text("meaning")),
        rows=tuple((name, METADATA_MEANINGS[name]) for name in METADATA),
    )
    return Section(
        id="line",
        title="A line",
        text="Each line is JSON with two keys, messages and metadata. An answer without steps is its message.",
        parts=(messages, metadata),
        on="datasheet",
    )
