"""Sections that every report has, as the same values a pipeline makes: changes, rows, checks, sources. Pure."""

from collections.abc import Iterator, Sequence

from schemas.run_report import (
    Cell,
    Column,
    ColumnKind,
    Count,
    DatasetFinding,
    Histogram,
    Ledger,
    RunReport,
    Section,
    Table,
)
from tasks.publish.comparison import change_sentence, changes, ranking_changes
from tasks.publish.verdict import failed, is_failure, sorted_findings
from tasks.publish.wording import number, plural, share

SHOWN_CHANGES = 30
SHOWN_FINDINGS = 200  # of those that pass; all that fail are shown
MARKS = {"error": "✕ error", "warning": "! warning", "info": "for information"}


def text(name: str, kind: ColumnKind = "text") -> Column:
    """A column of text."""
    return Column(name=name, kind=kind)


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, left: int = 1, title: str = "") -> Table:
    """A table of which the first `left` columns are text, the others numbers."""
    columns = tuple(text(name) if place < left else Column(name=name) for place, name in enumerate(headers))
    return Table(title=title, columns=columns, rows=tuple(map(tuple, rows)))


def changes_section(report: RunReport) -> Section:
    """Which figures differ from the last run's."""
    differing = changes(report)
    rows = [(change.name, number(change.before), number(change.now), change.difference) for change in differing]
    shown = table(("figure", "last run", "this run", "change"), rows[:SHOWN_CHANGES])
    more = f"{plural(len(rows) - SHOWN_CHANGES, 'more figure')} differ." if len(rows) > SHOWN_CHANGES else ""
    sentences = [change_sentence(report), *ranking_changes(report)]
    return Section(
        id="changes",
        title="What changed since the last run",
        text=" ".join(sentences),
        parts=(shown.model_copy(update={"note": more}),) if rows else (),
        empty="",
    )


def rows_section(report: RunReport) -> Section:
    """Where the rows went, and why some are not used."""
    ledgers = [*report.ledgers, *report.item_ledgers, *([report.combined] if report.combined else [])]
    summary = Table(
        columns=(
            text("dataset"),
            text("counted"),
            *(Column(name=name) for name in ("in", "kept", "dropped", "quarantined")),
            text("adds up", "mark"),
        ),
        rows=tuple(map(_ledger_row, ledgers)),
    )
    return Section(
        id="rows",
        title="Where the rows went",
        text="Rows in = kept + dropped + quarantined. Dropped rows were understood and are not wanted; quarantined "
        "rows were not understood, or a value in them is out of range. quarantine.parquet lists each of them with its "
        "file and line."
        if ledgers
        else "",
        parts=(summary, *(_reasons_table(ledger) for ledger in ledgers if _is_explained(ledger))) if ledgers else (),
        empty="This run recorded no row counts.",
    )


def _ledger_row(ledger: Ledger) -> tuple[Cell, ...]:
    adds_up = f"✕ off by {ledger.gap:,}" if ledger.gap else "✓ yes"
    return (
        ledger.stem,
        ledger.of,
        ledger.rows,
        ledger.kept,
        ledger.rows_dropped,
        ledger.rows_quarantined,
        adds_up,
    )


def _is_explained(ledger: Ledger) -> bool:
    """Rows that were read always have their table of reasons; others only where one was not used."""
    return ledger.of == "rows" or bool(ledger.rows_dropped + ledger.rows_quarantined)


def _reasons_table(ledger: Ledger) -> Table:
    """Each reason with its meaning, the most frequent first; reasons without rows are not listed.

    Sentences need the room of the bars: those are drawn only where no meaning is known.
    """
    described = bool(ledger.meanings)
    counts = (Column(name=ledger.of, bar=not described), Column(name="of input"))
    columns = (text("reason"), text("outcome"), *((text("meaning"),) if described else ()), *counts)
    rows = [
        (reason, outcome, *((ledger.meanings.get(reason, ""),) if described else ()), count, share(count, ledger.rows))
        for reason, outcome, count in ledger.reasons
        if count
    ]
    title = f"{ledger.stem}: why {ledger.of} are not used"
    return Table(title=title, columns=columns, rows=tuple(rows), empty="Every row was kept.")


def checks_section(report: RunReport) -> Section:
    """Every check, the failed ones first."""
    findings, broken = sorted_findings(report), failed(report)
    passed = [finding for finding in findings if not is_failure(finding)]
    return Section(
        id="findings",
        title="Checks",
        text=_checks_text(len(findings), len(broken)),
        parts=tuple(_checks_tables(broken, passed[:SHOWN_FINDINGS])),
        empty="This run recorded no checks.",
    )


def _checks_text(total: int, broken: int) -> str:
    if not total:
        return ""
    if not broken:
        return f"All {total:,} checks pass."
    fail = "fails" if broken == 1 else "fail"
    return f"{broken:,} of {total:,} checks {fail}. An error withholds the data; a warning does not."


def _checks_tables(broken: Sequence[DatasetFinding], passed: Sequence[DatasetFinding]) -> Iterator[Table]:
    if broken:
        yield _findings_table(broken)
    if passed:
        fold = f"{plural(len(passed), 'check')} that {'passes or informs' if len(passed) == 1 else 'pass or inform'}"
        yield _findings_table(passed).model_copy(update={"fold": fold})


def _findings_table(findings: Sequence[DatasetFinding]) -> Table:
    detailed = any(finding.detail for finding in findings)
    names = ("dataset", "check", "measured", "limit")
    columns = (text(names[0]), text(names[1]), Column(name=names[2]), Column(name=names[3]), text("outcome", "mark"))
    rows = (_finding_row(finding)[: 6 if detailed else 5] for finding in findings)
    return Table(columns=(*columns, text("detail")) if detailed else columns, rows=tuple(rows))


def _finding_row(finding: DatasetFinding) -> tuple[Cell, ...]:
    unit = f" {finding.unit}" if finding.unit else ""
    outcome = "✓ passes" if finding.holds else MARKS[finding.severity]
    measured, limit = (f"{number(value)}{unit}" for value in (finding.measured, finding.limit))
    return (finding.stem, f"{finding.kind}: {finding.name}", measured, limit, outcome, finding.detail)


def sources_section(report: RunReport) -> Section:
    """Where the data come from, and on which terms."""
    rows = [
        (source.stem, source.title, source.licence, ", ".join(source.missing) or "nothing") for source in report.sources
    ]
    return Section(
        id="sources",
        title="Sources and licences",
        parts=(table(("dataset", "source", "licence", "missing"), rows, left=4),) if rows else (),
        empty="This run recorded no sources.",
    )


# ---- for pipelines


def splits_section(rows: str, splits: Sequence[Count], lengths: Histogram, note: str = "") -> Section:
    """How many rows each split has, and how long they are; `rows` is what they are called, in the plural."""
    total = sum(split.n for split in splits)
    counts = Table(
        title=f"{rows.capitalize()} in each split",
        columns=(text("split"), Column(name=rows, bar=True), Column(name="share")),
        rows=tuple((split.name, split.n, share(split.n, total)) for split in splits),
        note=note,
        empty="This run recorded no splits.",
    )
    return Section(
        id="splits",
        title="Splits and lengths",
        text="A hash of its group decides the split of a row. Equal rows are in one split only, and new data moves no "
        "old row to another split.",
        parts=(counts, lengths),
        beside=True,
    )
