"""Tables of a report in markdown: cells escaped, one line each. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence

from schemas.run_report import Cell, Column, Section, Table
from tasks.publish.wording import number, ratio, readable


def cell_text(value: Cell, column: Column) -> str:
    """A cell as it is read, before any escaping; a number below `column.least` begins with a warning sign."""
    if value is None or not isinstance(value, str):
        written = ratio(value) if column.kind == "ratio" else number(value)
        return f"! {written}" if column.least is not None and value is not None and value < column.least else written
    return value


def is_text(column: Column) -> bool:
    """Whether the column is written from the left; figures are written from the right."""
    return column.kind in {"text", "code", "mark"}


def cell(text: object) -> str:
    """Text for a cell of a markdown table: one line, no markup of its own."""
    plain = readable(text).replace("\\", "\\\\").replace("|", "\\|").replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([*`\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", plain)


def code(text: object) -> str:
    """Text for a cell of a markdown table, in a typewriter face."""
    return "`" + (readable(text).replace("`", "'").replace("|", "\\|") or " ") + "`"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a markdown table; the first `left` columns are text, the others numbers. Cells are escaped already."""
    rule = ["---" if column < left else "---:" for column in range(len(headers))]
    return [f"| {' | '.join(row)} |" for row in (headers, rule, *rows)] + [""]


def table_lines(part: Table, most: int | None = None) -> list[str]:
    """A table of the report as markdown, its first `most` rows."""
    rule = ["---" if is_text(column) else "---:" for column in part.columns]
    headers = [cell(column.name) for column in part.columns]
    rows = [[_escaped(value, column) for value, column in zip(row, part.columns, strict=True)] for row in part.rows]
    return [f"| {' | '.join(row)} |" for row in (headers, rule, *rows[:most])] + [""]


def _escaped(value: Cell, column: Column) -> str:
    return code(value) if column.kind == "code" else cell(cell_text(value, column))


def section_lines(section: Section, most: int | None = None) -> Iterator[str]:
    """A section as markdown: its heading, its text and its tables. Nothing where it has only plots."""
    if section.parts and not any(isinstance(part, Table) for part in section.parts):
        return
    yield from (f"## {cell(section.title)}", "")
    if section.text:
        yield from (cell(section.text), "")
    shown = [line for part in section.parts if isinstance(part, Table) for line in _part_lines(part, most)]
    yield from shown or (cell(section.empty), "")


def _part_lines(part: Table, most: int | None) -> Iterator[str]:
    if not part.rows and not part.empty:
        return
    if part.title:
        yield from (f"### {cell(part.title)}", "")
    yield from table_lines(part, most) if part.rows else (cell(part.empty), "")
    if part.note:
        yield from (cell(part.note), "")
