"""What the Prefect UI shows of a run: its report in markdown, rows of its tables, and a plot. Pure; publish.py hands
it to Prefect.

In: findings, or a RunReport (schemas/run_report.py). No row of data is in any of it.
"""

import base64
from collections.abc import Mapping, Sequence

from schemas.document import Document
from schemas.finding import Finding
from schemas.run_report import BarGroup, GroupedBars, RunReport, Section
from tasks.publish.comparison import change_sentence, changes
from tasks.publish.markdown import cell, section_lines, table
from tasks.publish.plots import drawn, grouped_bars, standalone
from tasks.publish.verdict import remarks, verdict
from tasks.publish.wording import MODES, number, readable_report

MAX_ROWS = 100  # of a table: the UI draws all of them at once
SECTION_ROWS = 7  # of each table of the report
LONGEST_LIST = 12  # reasons, changes
SHOWN_REMARKS = 8
SIGNS = {None: "✅", "note": "✅", "warning": "⚠️", "error": "❌"}

NOTHING = GroupedBars(of="nothing", groups=(BarGroup(heading="nothing was counted", bars=()),))

Row = dict[str, str | float]


def key(name: str, what: str) -> str:
    """An artifact's key, the same in every run, so that the UI keeps a history: track_a, rows -> track-a-rows."""
    return f"{name}-{what}".replace("_", "-").lower()


def check_rows(findings: Sequence[Finding]) -> list[Row]:
    """One row a check, those that fail first, at most MAX_ROWS."""
    failed_first = sorted(findings, key=lambda finding: finding.holds)
    return [_check_row(finding) for finding in failed_first[:MAX_ROWS]]


def _check_row(finding: Finding) -> Row:
    """`outcome` is "passes", or how bad it is that it fails; numbers have four digits that count."""
    whole = float(finding.measured).is_integer()
    return {
        "outcome": "passes" if finding.holds else finding.severity,
        "kind": finding.kind,
        "check": finding.name,
        "measured": int(finding.measured) if whole else float(f"{finding.measured:.4g}"),
        "limit": finding.limit,
        "unit": finding.unit,
    }


def checks_sentence(stem: str, findings: Sequence[Finding]) -> str:
    """A table of checks in one sentence; it says when the table shows only the first."""
    passed, total = sum(finding.holds for finding in findings), len(findings)
    cut = f" The first {MAX_ROWS} are shown." if total > MAX_ROWS else ""
    return f"{stem}: {passed:,} of {total:,} checks pass.{cut}"


def ledger_rows(report: RunReport) -> list[Row]:
    """Where each dataset's rows went, and all of them together."""
    counts: list[tuple[str, Mapping[str, int]]] = [
        (
            ledger.stem,
            {
                "rows in": ledger.rows,
                "kept": ledger.kept,
                "dropped": ledger.rows_dropped,
                "quarantined": ledger.rows_quarantined,
            },
        )
        for ledger in report.ledgers
    ]
    names = ("rows in", "kept", "dropped", "quarantined")
    total = {name: sum(of_one[name] for _, of_one in counts) for name in names}
    return [{"dataset": stem, **of_one} for stem, of_one in (*counts, ("all", total))]


def headline(report: RunReport) -> str:
    """The run in one line, the verdict first: a card of the UI shows some forty characters."""
    return f"{verdict(report)[1]} Mode {report.mode}. {report.title}."


def plot(content: Document) -> str:
    """What the data of a run.json are made of, as an SVG file."""
    picture = readable_report(content).picture
    svg = drawn(picture, "picture") if picture else None
    return standalone(svg or grouped_bars(NOTHING, "picture"))


def data_uri(svg: str) -> str:
    """An SVG file as an address that contains it: the UI fetches nothing, and shows it as long as it keeps the run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def summary_markdown(report: RunReport, picture: str = "") -> str:
    """The report without its plots, short enough for a Prefect artifact (under 100 rows).

    `picture` is the address of an image to show below the verdict, such as a data: URI.
    """
    report = readable_report(report.model_dump(mode="json"))
    level, sentence = verdict(report)
    lines = [f"# {cell(report.title)} · mode {report.mode}", ""]
    lines += [f"{SIGNS[level]} **{sentence}** {cell(report.made)}", "", f"> {MODES[report.mode]}", ""]
    lines += [f"- {cell(remark.text)}" for remark in remarks(report)[:SHOWN_REMARKS]]
    lines += ["", f"![What the data are made of]({picture})"] if picture else []
    own = [line for section in _shown(report) for line in section_lines(section, SECTION_ROWS)]
    return "\n".join([*lines, "", *_rows_markdown(report), *own, *_changes_markdown(report)]).rstrip() + "\n"


def _shown(report: RunReport) -> list[Section]:
    return [section for section in report.sections if section.on != "datasheet"]


def _rows_markdown(report: RunReport) -> list[str]:
    """Where the rows went, and the most frequent reasons with their meaning."""
    counts = [(led.stem, led.rows, led.kept, led.rows_dropped, led.rows_quarantined) for led in report.ledgers]
    cells = [(cell(stem), *map(number, numbers)) for stem, *numbers in counts]
    lines = ["## Rows", "", *table(("dataset", "in", "kept", "dropped", "quarantined"), cells)]
    reasons = [(ledger, *reason) for ledger in report.ledgers for reason in ledger.reasons]
    most = sorted(reasons, key=lambda row: -row[3])[:LONGEST_LIST]
    if not most:
        return lines
    rows = [
        (cell(ledger.stem), cell(reason), outcome, cell(ledger.meanings.get(reason, "")), number(count))
        for ledger, reason, outcome, count in most
    ]
    return [*lines, *table(("dataset", "reason", "outcome", "meaning", "rows"), rows, left=4)]


def _changes_markdown(report: RunReport) -> list[str]:
    lines = ["## Since the last run", "", change_sentence(report), ""]
    differing = [
        (cell(change.name), number(change.before), number(change.now), change.difference)
        for change in changes(report)[:LONGEST_LIST]
    ]
    return [*lines, *(table(("figure", "before", "now", "change"), differing) if differing else [])]
