"""Reports of made-up numbers that add up, for the tests of everything that reads one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.run_report import (
    Cell,
    Column,
    Count,
    DatasetFinding,
    FileNote,
    Histogram,
    History,
    Ledger,
    Line,
    PairedBars,
    RunReport,
    Section,
    Series,
    SourceSummary,
    Table,
    Tile,
    Timeline,
)
from tasks.publish.comparison import as_previous
from tasks.publish.sections import splits_section, text

HOSTILE = "<script>alert(1)</script> & \"q\" 'a' | `b` \\ $x$ \x00 " + "abcdefghij/" * 12
STATES = ("Normal", "Resource exhaustion", "System crash", "Network failure", "Data drift")
COLOURS = ("#a9b1ba", "#e69f00", "#d55e00", "#0072b2", "#cc79a7")
BEFORE, AFTER = (900, 40, 30, 20, 10), (120, 40, 40, 40, 40)
FAR_APART = ("2005-06-14T15:00Z", "2008-11-09T20:00Z", "2010-01-01T00:00Z", "2017-06-09T20:00Z")


def day(count: int) -> list[datetime]:
    begin = datetime(2017, 6, 9, 20, tzinfo=UTC)
    return [begin + timedelta(hours=hour) for hour in range(count)]


def finding(stem: str = "ds1", *, holds: bool, severity: str = "warning", **more: Any) -> DatasetFinding:
    base = {"stem": stem, "kind": "missing", "name": "share of entity", "measured": 0.01, "limit": 0.05}
    return DatasetFinding.model_validate({**base, "holds": holds, "severity": severity, **more})


def source(stem: str, **parts: Any) -> SourceSummary:
    words = {"title": f"Title of {stem}", "homepage": f"https://example.org/{stem}", "licence": "research, cite"}
    rest = {"citation": "A. Author, 2017", "expected": ("one", "two"), "missing": ()}
    return SourceSummary.model_validate({"stem": stem, **words, **rest, **parts})


def ledger(stem: str, rows: int, kept: int, **counts: dict[str, int]) -> Ledger:
    meanings = {"duplicate": "The row occurred before.", "cpu_out_of_range": "CPU is not from 0 to 100 %."}
    return Ledger(stem=stem, of="rows", rows=rows, kept=kept, meanings=meanings, **counts)


def timeline(title: str, times: Any, seconds: int = 3_600, **counts: list[int]) -> Timeline:
    series = tuple(Series(name=name, counts=tuple(numbers), colour="#d55e00") for name, numbers in counts.items())
    return Timeline(
        title=title,
        of="windows",
        stacked="failures by state",
        seconds=seconds,
        times=tuple(times),
        series=series,
        background="Normal",
    )


def bars(before: tuple[int, ...] = BEFORE, after: tuple[int, ...] = AFTER) -> PairedBars:
    return PairedBars(
        of="sequences per state",
        names=STATES,
        colours=COLOURS,
        pale=Series(name="before balancing", counts=before),
        full=Series(name="after", counts=after),
    )


def table_of(*rows: tuple[Cell, ...]) -> Table:
    columns = (text("state"), Column(name="planted", bar=True), Column(name="recall", kind="ratio", least=0.95))
    return Table(columns=columns, rows=rows)


def histogram(*counts: int) -> Histogram:
    edges = (0, 1, 2, 4, 8, 513)[: len(counts) + 1]
    return Histogram(title="Tokens", of="tokens in a sequence", edges=edges, counts=counts)


SPLITS = tuple(Count(name=name, n=n) for name, n in (("train", 1_000), ("validation", 120), ("test", 130)))


def own_sections() -> tuple[Section, ...]:
    """One of each kind of part."""
    relative = timeline("ds1", ["1970-01-01T00:00Z", "1970-01-01T00:05Z"], 300, Normal=[10, 12], Crash=[0, 2])
    calendar = timeline("ds2", day(24), Normal=[9] * 24, Drift=[0] * 23 + [1])
    meanings = Table(columns=(text("meaning", "code"), Column(name="count", bar=True)), rows=(("Receiving <*>", 90),))
    return (
        Section(id="labels", title="Labels", parts=(bars(), table_of(("Normal", 900, None))), beside=True),
        splits_section("sequences", SPLITS, histogram(0, 100, 500, 640, 10)),
        Section(id="time", title="Events over time", parts=(relative, calendar), on="page"),
        Section(id="templates", title="Templates", parts=(meanings,), on="page"),
        Section(id="accuracy", title="Accuracy", parts=(table_of(("Normal", 9, 0.99), ("System crash", 9, 0.9)),)),
    )


def invented(**parts: Any) -> RunReport:
    """A run in which nothing is wrong."""
    report = RunReport(
        name="track_a",
        title="Track A",
        mode="sample",
        noun="distinct sequence",
        rows=1_250,
        made="1,250 distinct sequences were made.",
        sources=(source("ds1_alibaba"), source("ds2_loghub")),
        ledgers=(
            ledger("ds1_alibaba", 1_000, 990, dropped={"duplicate": 7}, quarantined={"cpu_out_of_range": 3}),
            ledger("ds2_loghub", 2_500, 2_500),
        ),
        combined=Ledger(stem="track_a", of="sequences", rows=2_018, kept=2_001, dropped={"context_crosses_split": 17}),
        splits=SPLITS,
        labels=dict(zip(STATES, BEFORE, strict=True)),
        findings=(finding("ds1_alibaba", holds=True), finding("ds2_loghub", kind="volume", holds=True)),
        sections=own_sections(),
        tiles=(Tile(name="distinct sequences", figure=1_250, part_of="2 datasets"),),
        figures={"train: Normal": 900.0, "recall of Normal": 0.99},
        rankings={"Most frequent templates": ("a", "b")},
        lines=(Line(name="splits", text="train 1,000 · validation 120 · test 130"),),
        picture=bars(),
        about=("Each row is a sequence.",),
        files=(FileNote(name="train.parquet", meaning="for training"),),
        known_limits=("A batch task's CPU is a request.",),
    )
    return RunReport.model_validate({**report.model_dump(), **parts})


def after(previous: RunReport, **parts: Any) -> RunReport:
    """A run that followed another one."""
    return invented(history=History(previous=as_previous(previous)), **parts)


def hostile() -> RunReport:
    """Hostile text wherever text of the data goes."""
    run = invented()
    hurt = Column(name=HOSTILE, kind="text")
    section = Section(
        id="hostile",
        title=HOSTILE,
        text=HOSTILE,
        parts=(
            Table(title=HOSTILE, columns=(hurt, hurt.model_copy(update={"kind": "code"})), rows=((HOSTILE, HOSTILE),)),
            timeline(HOSTILE, day(2), **{HOSTILE: [1, 2]}),
            timeline("far apart", FAR_APART, Normal=[1, 2, 0, 3]),
        ),
    )
    ledgers = (*run.ledgers, ledger(HOSTILE, 5, 1, dropped={HOSTILE: 2}, quarantined={HOSTILE: 1}))
    return invented(
        title=HOSTILE,
        made=HOSTILE,
        sources=(source(HOSTILE, title=HOSTILE, licence=HOSTILE, missing=(HOSTILE,)), *run.sources),
        ledgers=ledgers,
        findings=(*run.findings, finding(HOSTILE, holds=False, name=HOSTILE, detail=HOSTILE, unit=HOSTILE)),
        sections=(*run.sections, section),
        absent={HOSTILE: HOSTILE},
        remarks=({"level": "warning", "text": HOSTILE},),
        known_limits=(HOSTILE,),
        files=({"name": HOSTILE, "meaning": HOSTILE},),
    )


def empty() -> RunReport:
    """Only what a report must have."""
    return RunReport(name="track_a", title="Track A", mode="local", noun="sequence", rows=0, made="Nothing was made.")
