"""Track A's run report: labels, splits, time, templates, accuracy and rules of the combined sequences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from schemas import format_a
from schemas.document import Document
from schemas.finding import Finding
from schemas.run_report import (
    Cell,
    Column,
    Count,
    DatasetFacts,
    DatasetFinding,
    FileNote,
    Histogram,
    Ledger,
    Line,
    PairedBars,
    Remark,
    RunReport,
    Section,
    Series,
    Table,
    Tile,
    Timeline,
    Value,
)
from schemas.snapshot import Mode
from tasks.publish.plots import PALETTE
from tasks.publish.sections import splits_section, text
from tasks.publish.verdict import is_failure, made_sentence
from tasks.publish.wording import number, plural, share
from tasks.quality import balance, splits
from tasks.quality.splits import CONTEXT_CROSSES_SPLIT
from tasks.quality.statistics import FIVE
from tasks.quality.vocabulary import FIRST_TEMPLATE

NAME = "track_a"
TITLE = "Track A: the trigger engine's training set"
NOUN = "distinct sequence"
GOOD_LABELS = 0.95  # precision and recall per state that planted incidents must reach (DOMAIN.md)
TOP_TEMPLATES = 20
MEASURES = ("recall", "precision")
COLOURS = dict(zip(format_a.STATES, PALETTE, strict=True))  # Normal is grey: it is the background

ABOUT = (
    "Each row is a sequence of tokens, the last minutes of one machine, host or job, and the state it ends in.",
    "It is made for training a sequence classifier.",
)
FILES = {
    "../track_A_combined.parquet": "every distinct sequence once, with its weight and split",
    "quarantine.parquet": "every sequence that the combination left out, and why",
    "train.parquet": "for training: the rows of split train, balanced",
    "validation.parquet": "for choosing between models: as it occurred, not balanced",
    "test.parquet": "for the final test: as it occurred, not balanced",
    "vocabulary.json": "what each token id means",
    "manifest.json": "hashes of everything these files were made from, and of the files",
    "report.html": "the same counts as plots; opens in any browser, offline",
}
KNOWN_LIMITS = (
    "Labels are rules over what was measured or logged, not a person's judgement: a model learns the rules.",
    "The traces have relative times: windows of ds1_alibaba begin at 1970-01-01, which is no real date.",
    "Logs without a time zone are read as UTC, logs without a year from the parameter `year` on.",
    "A batch task's CPU and memory are requests: they give tokens, never a load.",
    "Balancing counts rows; a trainer that samples by `weight` undoes it. Rare states repeat their rows.",
)
COLUMN_MEANINGS = {
    "sequence_ids": f"token ids, oldest first, 1 to {format_a.MAX_LENGTH}, not padded",
    "label": "the state of the labelled window: "
    + ", ".join(f"{n} {name}" for n, name in enumerate(format_a.STATES[:FIVE])),
    "source": "the dataset the sequence comes from",
    "entity": "machine, host, container, block or task; unique within its source",
    "window_start": "begin of the labelled window, UTC",
    "window_end": "end of the labelled window, UTC, not included",
    "label_rule": "the rule that gave the label, see above",
    "weight": "how often this very sequence occurred",
    "split": "train, validation or test",
    "context_start": "begin of the oldest window whose tokens are in the sequence, UTC",
}
NOT_MEASURED = (
    "Not measured: these data come without a truth to compare with. `make run` measures the same rules on sample data, "
    "into which the generator plants incidents."
)


class LabelledDataset(DatasetFacts):
    """What the track knows of a dataset, and of its labels.

    `description` is tasks/quality/statistics.py's of its sequences, `accuracy` tasks/quality/label_accuracy.py's, None
    without a truth; `rules` what each label rule looks at.
    """

    description: Document
    accuracy: Document | None
    rules: dict[str, str]


class Vocabulary(Value):
    """The track's vocabulary after this run: token id -> source and meaning."""

    entries: dict[str, dict[str, str]]
    sha256: str


def summary(
    combined: pd.DataFrame,
    train: pd.DataFrame,
    conflicts: pd.DataFrame,
    rejects: pd.DataFrame,
    *,
    datasets: Sequence[LabelledDataset],
    vocabulary: Vocabulary,
    absent: Mapping[str, str],
    mode: Mode,
) -> Document:
    """The run's report (schemas/run_report.py) as JSON. Nothing in it depends on when or where it ran."""
    before, after = _balanced(combined, train)
    in_splits = [Count(name=name, n=int((combined["split"] == name).sum())) for name in format_a.SPLITS]
    ledgers = [Ledger.of_manifest(of.stem, "rows", of.manifest["rows"], of.reasons) for of in datasets]
    findings = list(_findings(datasets, splits.findings(combined)))
    frequent = templates(datasets, vocabulary)
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
        item_ledgers=tuple(
            Ledger.of_manifest(of.stem, "sequences", of.manifest["sequences"], of.reasons) for of in datasets
        ),
        combined=_combination(datasets, int(combined["weight"].sum()), len(rejects)),
        splits=tuple(in_splits),
        labels=before,
        findings=tuple(findings),
        remarks=tuple(_remarks(before, datasets, len(conflicts))),
        sections=(
            labels_section(before, after),
            splits_section("sequences", in_splits, lengths(datasets), _balanced_note(after)),
            time_section(datasets),
            templates_section(frequent),
            accuracy_section(datasets),
            rules_section(datasets, combined),
            columns_section(vocabulary),
        ),
        tiles=tuple(_tiles(len(combined), ledgers, before, findings)),
        figures=dict(_figures(before, datasets, len(conflicts))),
        rankings={"Most frequent templates": tuple(meaning for _, meaning, _ in frequent)},
        lines=tuple(_lines(before, after, in_splits, datasets)),
        picture=label_bars(before, after),
        about=ABOUT,
        files=tuple(FileNote(name=name, meaning=meaning) for name, meaning in FILES.items()),
        known_limits=KNOWN_LIMITS,
    )
    return report.model_dump(mode="json")


def _balanced(combined: pd.DataFrame, train: pd.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """Rows of each state in split train, before and after balancing."""
    balanced = balance.report(combined[combined["split"] == "train"], train)
    return balanced["before"], balanced["after"]


def _combination(datasets: Sequence[DatasetFacts], kept: int, crossing: int) -> Ledger:
    """What became of the datasets' sequences when they were combined, counted in occurrences."""
    arrived = sum(of.manifest["sequences"]["kept"] for of in datasets)
    reason = CONTEXT_CROSSES_SPLIT
    return Ledger(
        stem=NAME,
        of="sequences",
        rows=arrived,
        kept=kept,
        dropped={reason.name: crossing},
        meanings={reason.name: reason.meaning},
    )


def _findings(datasets: Sequence[DatasetFacts], own: Iterable[Finding]) -> Iterator[DatasetFinding]:
    """The datasets' checks, as their manifests keep them, and the track's own."""
    for dataset in datasets:
        yield from map(DatasetFinding.model_validate, dataset.manifest["findings"])
    for finding in own:
        yield DatasetFinding(stem=NAME, **finding.model_dump())


def state_name(state: str) -> str:
    """Resource_Exhaustion -> Resource exhaustion."""
    return state.replace("_", " ").capitalize()


# ---- sections


def label_bars(before: Mapping[str, int], after: Mapping[str, int]) -> PairedBars:
    """Rows of each state before and after balancing."""
    states = list(dict.fromkeys((*before, *after)))
    return PairedBars(
        of="sequences per state",
        names=tuple(map(state_name, states)),
        colours=tuple(COLOURS.get(state, PALETTE[0]) for state in states),
        pale=Series(name="before balancing", counts=tuple(before.get(state, 0) for state in states)),
        full=Series(name="after", counts=tuple(after.get(state, 0) for state in states)),
    )


def labels_section(before: Mapping[str, int], after: Mapping[str, int]) -> Section:
    """Labels of the training split."""
    old, new = sum(before.values()), sum(after.values())
    rows = [
        (state_name(state), before.get(state, 0), _share(before, state), after.get(state, 0), _share(after, state))
        for state in dict.fromkeys((*before, *after))
    ]
    columns = (
        Column(name="state", kind="text", colours={state_name(state): colour for state, colour in COLOURS.items()}),
        *(Column(name=name) for name in ("before", "share", "after", "share")),
    )
    counts = Table(columns=columns, rows=(*rows, ("all", old, "", new, "")))
    return Section(
        id="labels",
        title="Labels of the training split",
        text="Only the training split is balanced: rows of Normal are removed and rows of rare states are repeated. "
        "Validation and test keep their natural shares.",
        parts=(label_bars(before, after), counts) if old + new else (),
        beside=True,
        empty="This run recorded no labels.",
    )


def _share(counts: Mapping[str, int], state: str) -> str:
    return share(counts.get(state, 0), sum(counts.values()))


def _balanced_note(after: Mapping[str, int]) -> str:
    return f"The file for training has {number(sum(after.values()))} rows after balancing."


def lengths(datasets: Sequence[LabelledDataset]) -> Histogram:
    """Histogram of sequence lengths over all datasets."""
    histograms = [of.description["sequence_length"]["histogram"] for of in datasets]
    edges = [part["from"] for part in histograms[0]] if histograms else []
    return Histogram(
        title="Tokens in a sequence",
        of="tokens in a sequence",
        edges=(*edges, format_a.MAX_LENGTH + 1),
        counts=tuple(sum(part["rows"] for part in same) for same in zip(*histograms, strict=True)),
        empty="This run recorded no lengths.",
    )


def time_section(datasets: Sequence[LabelledDataset]) -> Section:
    """When the windows of each dataset were, and when the failures."""
    parts = [timeline(of.stem, of.description["events_over_time"]) for of in datasets]
    return Section(
        id="time",
        title="Events over time",
        parts=tuple(part for part in parts if part is not None),
        empty="This run recorded no events over time.",
        on="page",
    )


def timeline(stem: str, over_time: Document) -> Timeline | None:
    """Windows of each state over time, None where there are none."""
    if not over_time["bucket_seconds"]:
        return None
    relative = over_time["starts"][0].startswith("1970")  # the trace does not publish its date
    note = "The trace does not publish its date: times count from its beginning."
    return Timeline(
        title=stem,
        of="windows",
        stacked="failures by state",
        seconds=over_time["bucket_seconds"],
        times=over_time["starts"],
        series=tuple(
            Series(name=state_name(state), counts=over_time["counts"][state], colour=COLOURS[state])
            for state in format_a.STATES
            if state in over_time["counts"]
        ),
        background=state_name(format_a.STATES[format_a.NORMAL]),
        relative=relative,
        note=note if relative else "",
    )


def templates(datasets: Sequence[LabelledDataset], vocabulary: Vocabulary) -> list[tuple[int, str, int]]:
    """(token, meaning, count) of the log templates that occur most often in sequences."""
    top = [part for of in datasets for part in of.description["token_stats"]["top_tokens"]]
    logs = [part for part in top if part["token"] >= FIRST_TEMPLATE]
    ordered = sorted(logs, key=lambda part: (-part["rows"], part["token"]))[:TOP_TEMPLATES]
    return [(part["token"], vocabulary.entries[str(part["token"])]["meaning"], part["rows"]) for part in ordered]


def templates_section(frequent: Sequence[tuple[int, str, int]]) -> Section:
    """The templates, with a bar each."""
    columns = (Column(name="token"), text("meaning", "code"), Column(name="count", bar=True))
    rows = tuple((str(token), meaning, count) for token, meaning, count in frequent)
    return Section(
        id="templates",
        title="Most frequent templates",
        parts=(Table(columns=columns, rows=rows),) if rows else (),
        empty="This run recorded no templates.",
        on="page",
    )


def accuracies(datasets: Sequence[LabelledDataset]) -> Iterator[tuple[str, str, Document]]:
    """(stem, state, measures) of every state that was planted or predicted."""
    for of in datasets:
        states = (of.accuracy or {}).get("states", {})
        for state in format_a.STATES:
            if state in states and (states[state]["planted"] or states[state]["predicted"]):
                yield of.stem, state, states[state]


def accuracy_section(datasets: Sequence[LabelledDataset]) -> Section:
    """How well the label rules find what the generator planted."""
    columns = (
        text("dataset"),
        text("state").model_copy(update={"colours": {state_name(name): colour for name, colour in COLOURS.items()}}),
        Column(name="planted"),
        Column(name="predicted"),
        Column(name="precision", kind="ratio", least=GOOD_LABELS),
        Column(name="recall", kind="ratio", least=GOOD_LABELS),
    )
    rows = tuple(
        (stem, state_name(state), *(of[name] for name in ("planted", "predicted", "precision", "recall")))
        for stem, state, of in accuracies(datasets)
    )
    return Section(
        id="accuracy",
        title="Label accuracy",
        text="The labels that the rules gave, compared with the incidents that the generator planted. "
        f"Expected: at least {GOOD_LABELS}."
        if rows
        else "",
        parts=(Table(columns=columns, rows=rows),) if rows else (),
        empty=NOT_MEASURED,
    )


def rules_section(datasets: Sequence[LabelledDataset], combined: pd.DataFrame) -> Section:
    """Every label rule: what it looks at, the state it gave, how many sequences, and its precision where known."""
    columns = (
        text("rule", "code"),
        *map(text, ("dataset", "state", "looks at")),
        Column(name="sequences"),
        Column(name="precision", kind="ratio"),
    )
    rows = tuple(rule_rows(datasets, combined))
    return Section(
        id="rules",
        title="Label rules",
        text="If several rules apply to a window, the most severe state wins.",
        parts=(Table(columns=columns, rows=rows),) if rows else (),
        empty="This run recorded no rules.",
    )


def rule_rows(datasets: Sequence[LabelledDataset], combined: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    """(rule, dataset, state, what it looks at, sequences, precision)."""
    given = combined.groupby(["source", "label_rule"], observed=True)["label"].first()
    for of in datasets:
        measured = (of.accuracy or {}).get("rules", {})
        for rule, meaning in of.rules.items():
            state = format_a.STATES[int(given[of.stem, rule])] if (of.stem, rule) in given.index else "not given here"
            rows = of.description["rule_distribution"].get(rule, 0)
            yield rule, of.stem, state, meaning, rows, measured.get(rule, {}).get("precision")


def columns_section(vocabulary: Vocabulary) -> Section:
    """The columns of the published tables, and the vocabulary."""
    columns = (text("column", "code"), text("type", "code"), text("meaning"))
    rows = tuple(
        (name, str(dtype).removesuffix("[pyarrow]").replace("item: ", ""), COLUMN_MEANINGS[name])
        for name, dtype in format_a.COLUMNS.items()
    )
    reserved = ", ".join(f"{token} {name}" for token, name in format_a.RESERVED.items())
    return Section(
        id="columns",
        title="Columns",
        text=f"The vocabulary has {number(len(vocabulary.entries))} tokens; the SHA-256 of vocabulary.json is "
        f"{vocabulary.sha256}. It only grows: no id changes its meaning. Reserved ids: {reserved}.",
        parts=(Table(columns=columns, rows=rows),),
        on="datasheet",
    )


# ---- figures, and what a reader must know


def _remarks(before: Mapping[str, int], datasets: Sequence[LabelledDataset], conflicts: int) -> Iterator[Remark]:
    for stem, state, measures in accuracies(datasets):
        for measure in MEASURES:
            value = measures[measure]
            if value is not None and value < GOOD_LABELS:
                low = f"{stem}: {measure} of {state_name(state)} is {value:.3f}, expected at least {GOOD_LABELS}."
                yield Remark(level="warning", text=low)
    absent = [state_name(state) for state in format_a.STATES[:FIVE] if not before.get(state)]
    if absent:
        states = " or ".join(absent)
        yield Remark(level="warning", text=f"Train has no row labelled {states}, so no model can learn it from it.")
    if conflicts:
        sequences = plural(conflicts, "distinct sequence")
        yield Remark(level="note", text=f"{sequences} occurred with more than one label; the most severe was taken.")


def _tiles(
    rows: int, ledgers: Sequence[Ledger], before: Mapping[str, int], findings: Sequence[DatasetFinding]
) -> Iterator[Tile]:
    read, kept = sum(ledger.rows for ledger in ledgers), sum(ledger.kept for ledger in ledgers)
    dropped = sum(ledger.rows_dropped for ledger in ledgers)
    quarantined = sum(ledger.rows_quarantined for ledger in ledgers)
    failing = sum(count for state, count in before.items() if state != format_a.STATES[format_a.NORMAL])
    passed = sum(not is_failure(finding) for finding in findings)
    yield Tile(name="distinct sequences", figure=rows, part_of=plural(len(ledgers), "dataset"))
    yield Tile(name="rows read", figure=read, part_of=f"{share(kept, read)} used")
    yield Tile(name="dropped", figure=dropped, part_of=share(dropped, read))
    yield Tile(name="quarantined", figure=quarantined, part_of=share(quarantined, read))
    failures = share(failing, sum(before.values()))
    yield Tile(name="failures in train", figure=failures, part_of=f"{failing:,} before balancing")
    yield Tile(name="checks that pass", figure=passed, part_of=f"of {len(findings):,}")


def _figures(
    before: Mapping[str, int], datasets: Sequence[LabelledDataset], conflicts: int
) -> Iterator[tuple[str, float]]:
    """Figures of this track alone that are compared with the last run's."""
    for state, count in before.items():
        yield f"train: {state_name(state)}", count
    yield "more than one label", conflicts
    for stem, state, measures in accuracies(datasets):
        for measure in MEASURES:
            if measures[measure] is not None:
                yield f"{stem}: {measure} of {state_name(state)}", round(measures[measure], 3)


def _lines(
    before: Mapping[str, int], after: Mapping[str, int], in_splits: Sequence[Count], datasets: Sequence[LabelledDataset]
) -> Iterator[Line]:
    labels = " · ".join(f"{state_name(state)} {count:,}" for state, count in before.items())
    rows = " · ".join(f"{split.name} {split.n:,}" for split in in_splits)
    yield Line(name="labels", text=labels)
    yield Line(name="splits", text=f"{rows} (train balanced to {sum(after.values()):,})")
    yield Line(name="accuracy", text=lowest_accuracy(datasets))


def lowest_accuracy(datasets: Sequence[LabelledDataset]) -> str:
    """The lowest of all measures, in words."""
    measured = [
        (measures[measure], measure, state_name(state), stem)
        for stem, state, measures in accuracies(datasets)
        for measure in MEASURES
        if measures[measure] is not None
    ]
    if not measured:
        return "not measured: these data come without a truth to compare with"
    value, measure, state, stem = min(measured)
    return f"lowest of {len(measured)} measures: {measure} {value:.3f} ({stem}, {state})"
