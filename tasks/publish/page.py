"""The page of a run: one HTML file that opens offline. It renders sections and knows no kind of run.

In: a RunReport (schemas/run_report.py). Out: text; the same report gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from schemas.document import Document
from schemas.run_report import AnyPart, Cell, Column, Histogram, RunReport, Section, Table, Timeline
from tasks.publish.markdown import cell_text, is_text
from tasks.publish.plots import drawn, middle
from tasks.publish.sections import changes_section, checks_section, rows_section, sources_section
from tasks.publish.time_axis import bars_of, caption
from tasks.publish.verdict import remarks, verdict
from tasks.publish.wording import MODES, number, readable_report

SHOWN_REMARKS = 8

# Start of the SHA-256 of report.html.j2, kept right by a test: what is remembered of `render` depends on the source of
# what it reaches, and so on this line, but not on other files.
TEMPLATE = "f1b493b66cad"


@cache
def _template() -> Any:
    """The page's template, of the content TEMPLATE."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": number}
    environment.globals |= {"cell_text": cell_text, "is_text": is_text, "bar_width": bar_width, "marked": marked}
    return environment.get_template("report.html.j2")


def render(content: Document) -> str:
    """The page of a run.json, without scripts or addresses; the verdict comes first."""
    report = readable_report(content)
    level, sentence = verdict(report)
    every = remarks(report)
    shown = [remark for remark in every if remark.level != "note"]
    return str(
        _template().render(
            title=report.title,
            mode=report.mode,
            mode_words=MODES[report.mode],
            generator=f"AutoMend, page {TEMPLATE}",
            level=level or "good",
            sentence=sentence,
            made=report.made,
            remarks=shown[:SHOWN_REMARKS],
            more_remarks=max(0, len(shown) - SHOWN_REMARKS),
            notes=[remark for remark in every if remark.level == "note"],
            tiles=[(tile.name, _figure(tile.figure), tile.part_of) for tile in report.tiles],
            sections=[(section, list(_blocks(section))) for section in sections_of(report)],
        )
    )


def sections_of(report: RunReport) -> list[Section]:
    """All sections of the page, in its order: what changed, the run's own, then where rows and sources are."""
    own = [section for section in report.sections if section.on != "datasheet"]
    return [
        changes_section(report),
        *own,
        rows_section(report),
        checks_section(report),
        sources_section(report),
    ]


def _figure(figure: float | str) -> str:
    return figure if isinstance(figure, str) else number(figure)


@dataclass(frozen=True)
class Block:
    """A part of a section as the template shows it: a table, a plot or, without both, the sentence in its place."""

    part: AnyPart
    table: Table | None
    plot: Markup | None
    note: str
    wide: bool


def _blocks(section: Section) -> Iterator[Block]:
    """The parts that have something to show, or a sentence in its place."""
    for order, part in enumerate(section.parts):
        table = part if isinstance(part, Table) and part.rows else None
        plot = drawn(part, f"{section.id}-{order}")
        if table or plot or part.empty:
            yield Block(part, table, plot, _note(part) if table or plot else "", isinstance(part, Timeline))


def _note(part: AnyPart) -> str:
    """The line below a part: its own, or what a plot's numbers say."""
    if isinstance(part, Histogram):
        return part.note or f"Half of them have at most {number(middle(part.edges, part.counts))}."
    if isinstance(part, Timeline):
        bars = bars_of(part)
        return caption(part, bars) if bars else part.note
    return part.note


def bar_width(value: Cell, column: Column, table: Table) -> str:
    """Width of a row's bar in per cent of the column's largest number."""
    place = table.columns.index(column)
    numbers = [row[place] for row in table.rows]
    most = max((cell for cell in numbers if isinstance(cell, int | float)), default=0)
    return f"{100 * value / most:.1f}" if isinstance(value, int | float) and most else "0.0"


SIGNS = {"✓": "good", "!": "warning", "✕": "error"}


def marked(text: str) -> tuple[str, str, str]:
    """(sign, its class, the rest) of a text that begins with a sign; ("", "", text) for any other."""
    sign, _, rest = text.partition(" ")
    return (sign, SIGNS[sign], rest) if sign in SIGNS else ("", "", text)
