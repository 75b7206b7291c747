"""What a run made, as one typed value: page, datasheet, artifacts and terminal read it; run.json keeps it.

A dataset's report and a model's are the same value: they differ in their sections, tiles and figures. A pipeline builds
it in its `reports.py`; tasks/publish/page.py renders it and knows no pipeline. JSON keeps no order of keys, so whatever
has an order is a tuple here.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.document import Document
from schemas.finding import Finding
from schemas.reject import Outcome
from schemas.snapshot import Mode
from schemas.source import Source

Level = Literal["error", "warning", "note"]  # error: do not use it; warning: look at it; note: for information
Cell: TypeAlias = str | int | float | None


class Value(BaseModel):
    """Frozen; refuses keys that it does not know, so that a file of an older version is not half read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Count(Value):
    """A number of something that has a name."""

    name: str
    n: int


# ---- where rows come from and where they go


class SourceSummary(Value):
    """Where a dataset comes from, on which terms, and which of its parts this run did not have."""

    stem: str
    title: str
    homepage: str
    licence: str
    citation: str
    expected: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, source: Source, missing: Sequence[str]) -> Self:
        """The summary of a dataset's source."""
        return cls(
            stem=source.stem,
            title=source.title,
            homepage=source.homepage,
            licence=source.licence,
            citation=source.citation,
            expected=source.expected,
            missing=tuple(missing),
        )


class Ledger(Value):
    """Where the rows of one dataset went, and what each reason means. The counts add up when `gap` is 0."""

    stem: str
    of: str  # what is counted, in the plural: rows, sequences, conversations, files
    rows: int
    kept: int
    dropped: dict[str, int] = Field(default_factory=dict)  # reason -> rows
    quarantined: dict[str, int] = Field(default_factory=dict)
    meanings: dict[str, str] = Field(default_factory=dict)  # reason -> a sentence

    @classmethod
    def of_manifest(cls, stem: str, of: str, counts: Document, meanings: Mapping[str, str]) -> Self:
        """The ledger that a manifest keeps under `rows` or `sequences`, with the meanings of its own reasons."""
        known = {**counts["dropped"], **counts["quarantined"]}
        return cls(
            stem=stem,
            of=of,
            rows=counts["in"],
            kept=counts["kept"],
            dropped=counts["dropped"],
            quarantined=counts["quarantined"],
            meanings={reason: meanings[reason] for reason in known if reason in meanings},
        )

    @property
    def rows_dropped(self) -> int:
        return sum(self.dropped.values())

    @property
    def rows_quarantined(self) -> int:
        return sum(self.quarantined.values())

    @property
    def gap(self) -> int:
        """Rows that are in none of the three; negative when rows are counted twice."""
        return self.rows - self.kept - self.rows_dropped - self.rows_quarantined

    @property
    def reasons(self) -> list[tuple[str, Outcome, int]]:
        """(reason, outcome, rows), the most frequent first."""
        dropped: list[tuple[str, Outcome, int]] = [(reason, "dropped", n) for reason, n in self.dropped.items()]
        quarantined: list[tuple[str, Outcome, int]] = [(name, "quarantined", n) for name, n in self.quarantined.items()]
        return sorted(dropped + quarantined, key=lambda row: (-row[2], row[0], row[1]))


class DatasetFacts(Value):
    """What a track knows of one of its datasets: its source, its manifest, and what its reasons mean."""

    source: SourceSummary
    manifest: Document
    reasons: dict[str, str]

    @property
    def stem(self) -> str:
        return self.source.stem


class DatasetFinding(Finding):
    """A check, with the name of the dataset, track or model that it looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stem: str


class Remark(Value):
    """Something that a reader must know and no check measures."""

    level: Level
    text: str


# ---- sections: what differs between one kind of run and another


ColumnKind = Literal["text", "code", "number", "ratio", "mark"]


class Column(Value):
    """A column of a table: how its cells are written.

    text: as it is; code: in a typewriter face; number: with separators; ratio: with three decimals; mark: text that
    begins with a sign for good, warning or error.
    """

    name: str
    kind: ColumnKind = "number"
    least: float | None = None  # smaller numbers get a warning sign
    colours: dict[str, str] = Field(default_factory=dict)  # text -> colour of the square before it
    bar: bool = False  # the row ends with a bar, in proportion to the column's largest number


class Part(Value):
    """Something inside a section: `title` is a heading above it, `note` a line below it."""

    title: str = ""
    note: str = ""
    empty: str = ""  # the sentence in its place when there is nothing to show


class Table(Part):
    """Rows below headers. With `fold`, a line to click on, the rows are hidden at first."""

    kind: Literal["table"] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    fold: str = ""


class Series(Value):
    """One number for each name, or each time, of a plot."""

    name: str
    counts: tuple[int, ...]
    colour: str = ""


class PairedBars(Part):
    """Two bars for each name, one above the other: `pale` and `full`, such as before and after."""

    kind: Literal["paired_bars"] = "paired_bars"
    of: str  # what is counted
    names: tuple[str, ...]
    colours: tuple[str, ...]
    pale: Series
    full: Series


class BarGroup(Value):
    """Bars under one heading; each is a share of the group."""

    heading: str
    bars: tuple[Count, ...]


class GroupedBars(Part):
    """Groups of bars below each other."""

    kind: Literal["grouped_bars"] = "grouped_bars"
    of: str
    groups: tuple[BarGroup, ...]


class Histogram(Part):
    """How many rows have which size: bin i counts sizes from edges[i] to edges[i + 1] - 1."""

    kind: Literal["histogram"] = "histogram"
    of: str  # what is measured, such as tokens in a sequence
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Timeline(Part):
    """Events over time: all of them, and below, stacked, those of each series that is not the background."""

    kind: Literal["timeline"] = "timeline"
    of: str  # what is counted, in the plural
    stacked: str  # what is stacked, such as failures by state
    seconds: int  # between two times
    times: tuple[AwareDatetime, ...]
    series: tuple[Series, ...]
    background: str  # name of the series that is drawn among all events only
    relative: bool = False  # the times count from the beginning of the data and are no dates


AnyPart: TypeAlias = Annotated[
    Table | PairedBars | GroupedBars | Histogram | Timeline,
    Field(discriminator="kind"),
]


class Section(Value):
    """A chapter of the page, of the datasheet (its tables), or of both."""

    id: str
    title: str
    text: str = ""
    parts: tuple[AnyPart, ...] = ()
    beside: bool = False  # the parts stand side by side where the window is wide enough
    empty: str = "This run has none."  # the sentence where no part has anything to show
    on: Literal["everywhere", "page", "datasheet"] = "everywhere"


class Tile(Value):
    """A figure at the top of the page, and what it is part of."""

    name: str
    figure: int | float | str
    part_of: str


class Line(Value):
    """A line at the end of a run in a terminal."""

    name: str
    text: str


class FileNote(Value):
    """A published file and what it is. `name` is relative to the datasheet."""

    name: str
    meaning: str


# ---- the last run, and all together


class Previous(Value):
    """What is kept of the last run on other input, to compare with."""

    mode: Mode
    figures: dict[str, float]
    rankings: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class History(Value):
    """The last run. Without one, `unreadable` says that there was a run.json which this version cannot read."""

    previous: Previous | None = None
    unreadable: bool = False


class RunReport(Value):
    """What one run made. Nothing in it depends on when or where it ran."""

    name: str  # of the track, dataset or model: track_a
    title: str
    mode: Mode
    noun: str  # what was made, in the singular: distinct sequence, file, model
    rows: int  # how many of them
    made: str  # what was made from what, in a sentence or two
    sources: tuple[SourceSummary, ...] = ()
    absent: dict[str, str] = Field(default_factory=dict)  # dataset that was allowed to fail -> why it did
    ledgers: tuple[Ledger, ...] = ()  # of the rows that were read, one a dataset
    item_ledgers: tuple[Ledger, ...] = ()  # of what was made of them (windows, conversations)
    combined: Ledger | None = None  # of those when they were put together
    splits: tuple[Count, ...] = ()
    labels: dict[str, int] = Field(default_factory=dict)  # label -> rows of train, for the metrics
    findings: tuple[DatasetFinding, ...] = ()
    remarks: tuple[Remark, ...] = ()
    sections: tuple[Section, ...] = ()
    tiles: tuple[Tile, ...] = ()
    figures: dict[str, float] = Field(default_factory=dict)  # further ones to compare with the last run's
    rankings: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # lists whose members are compared, by name
    lines: tuple[Line, ...] = ()
    picture: PairedBars | GroupedBars | None = None  # what the data are made of, for the Prefect UI
    about: tuple[str, ...] = ()  # the datasheet's first sentences: what a row is, and what it is for
    files: tuple[FileNote, ...] = ()
    known_limits: tuple[str, ...] = ()
    history: History = History()
