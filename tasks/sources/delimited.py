"""Headerless comma-separated text of any size as typed Arrow tables: at once if it is clean, else line by line.

In: a path and the type of each column. Out: one table a block of text, with three columns after the file's own: `line`
(1-based), `fault` and `text`. A line that cannot be read is a row too: `fault` says why, `text` has its first
2,000 characters, its values are null. Blank lines alone give no row. An empty field is null for a number, "" for text.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from schemas.finding import SourceError
from schemas.reject import ROW_TEXT_LIMIT

Columns = Mapping[str, pa.DataType]

BLOCK = 16 << 20  # bytes parsed at a time
PIECE = 128 << 10  # bytes of a block that are parsed apart when the block as a whole is not clean
LONGEST = 64 << 20  # bytes of a line; what has a longer one is no table
HEAD = 64 << 10  # bytes at the start that are searched for bytes that no text has
BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
BOM = b"\xef\xbb\xbf"

PLACE: Columns = {"line": pa.int32(), "fault": pa.string(), "text": pa.string()}
# Reasons why a line cannot be read: values of `fault`.
TOO_FEW, TOO_MANY, NOT_UTF8, BAD_QUOTES, BAD_NUMBER = (
    "too_few_columns",
    "too_many_columns",
    "not_utf8",
    "bad_quotes",
    "bad_number",
)


def read(path: Path, name: str, columns: Columns, block: int = BLOCK) -> Iterator[pa.Table]:
    """Stream the tables of one file; `name` is what errors call it. An empty file yields nothing.

    Memory is that of one block of `block` bytes. Raises SourceError for a binary file and for a line without end.
    """
    with ThreadPoolExecutor(1) as pool:  # the next block is parsed while the caller works on this one
        ahead = None
        for first_line, text in _line_blocks(path, name, block):
            following = pool.submit(_block_table, text, first_line, columns)
            if ahead is not None:
                yield from _unless_empty(ahead.result())
            ahead = following
        if ahead is not None:
            yield from _unless_empty(ahead.result())


def _unless_empty(table: pa.Table) -> Iterator[pa.Table]:
    if table.num_rows:  # blank lines alone are no rows
        yield table


def _block_table(text: bytes, first_line: int, columns: Columns) -> pa.Table:
    return pa.concat_tables(_parse_block(text, first_line, columns))


def _line_blocks(path: Path, name: str, size: int) -> Iterator[tuple[int, bytes]]:
    """(number of its first line, text) of each block; a block ends where a line does."""
    first_line, offset, rest = 1, 0, b""
    with path.open("rb") as file:
        while chunk := file.read(size):
            text = rest + (_text_head(chunk, name) if first_line == 1 and not rest else chunk)
            cut = text.rfind(b"\n") + 1
            if not cut and len(text) > LONGEST:
                raise _endless(name, first_line, offset, len(text))
            if cut:
                yield first_line, text[:cut]
            first_line, offset, rest = first_line + text.count(b"\n"), offset + cut, text[cut:]
        if rest.strip():
            yield first_line, rest


def _text_head(head: bytes, name: str) -> bytes:
    """The first chunk without a byte-order mark. Raises SourceError when it is not text."""
    found = BINARY.search(head, 0, HEAD)
    if found:
        at = found.start()
        line = head.count(b"\n", 0, at) + 1
        raise SourceError(
            f"{name} is no text: byte {at} (line {line}) is 0x{head[at]:02x}; expected lines of "
            "comma-separated values in UTF-8. Unpack it if it is an archive, or take it out of the folder."
        )
    return head.removeprefix(BOM)


def _endless(name: str, line: int, offset: int, length: int) -> SourceError:
    return SourceError(
        f"{name}: line {line}, from byte {offset} on, has no end within {length:,} bytes; a line of a table has "
        f"at most {LONGEST:,}. Fetch the file again, or take it out of the folder."
    )


def _parse_block(text: bytes, first_line: int, columns: Columns) -> Iterator[pa.Table]:
    """Tables of a block's rows, in order: at once if it is clean, else piece by piece, the unclean ones patiently."""
    clean = _parse_clean(text, first_line, columns)
    if clean is not None:
        yield clean
        return
    for piece in _split_block(text):
        clean = _parse_clean(piece, first_line, columns)
        yield _parse_by_line(piece, first_line, columns) if clean is None else clean
        first_line += piece.count(b"\n")


def _split_block(text: bytes) -> Iterator[bytes]:
    """Parts of about PIECE bytes that end where a line does; a longer line is a part of its own."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + PIECE // 2) + 1 or len(text)
        yield text[start:end]
        start = end


def _parse_clean(text: bytes, first_line: int, columns: Columns) -> pa.Table | None:
    """All rows of a clean text, None if a line is blank, is split, has another width, or a value of another type."""
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(text),
            pyarrow.csv.ReadOptions(column_names=list(columns), block_size=1 << 20),
            # Arrow splits at a lone carriage return, too: the count of lines shows it.
            pyarrow.csv.ParseOptions(newlines_in_values=False),
            # By default "NaN" and "NULL" would be read as missing: here only nothing is.
            pyarrow.csv.ConvertOptions(column_types=dict(columns), null_values=[""], strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    return _with_place(table, np.arange(first_line, first_line + lines)) if table.num_rows == lines else None


def _parse_by_line(text: bytes, first_line: int, columns: Columns) -> pa.Table:
    """All rows of a text of any kind, line by line."""
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    numbers = [number for number, line in enumerate(lines) if line]
    lines = [lines[number] for number in numbers]
    rows, faults = _split_lines(lines, len(columns))
    values: dict[str, pa.Array] = {}
    for position, (column, kind) in enumerate(columns.items()):
        values[column], bad = _convert_column([row[position] if row else None for row in rows], kind)
        for number in bad:
            faults[number] = BAD_NUMBER
    good = pa.array([fault is None for fault in faults], pa.bool_())
    table = pa.table({column: pa.compute.if_else(good, array, None) for column, array in values.items()})
    texts = [None if fault is None else _readable_start(line) for line, fault in zip(lines, faults, strict=True)]
    return _with_place(table, [first_line + number for number in numbers], faults, texts)


def _split_lines(lines: Sequence[bytes], width: int) -> tuple[list[list[str] | None], list[str | None]]:
    """Fields of each line (None where it has a fault), and its fault (None where it has fields)."""
    rows: list[list[str] | None] = []
    faults: list[str | None] = []
    for line in lines:
        found = _fields_or_fault(line, width)
        rows.append(found if isinstance(found, list) else None)
        faults.append(found if isinstance(found, str) else None)
    return rows, faults


def _fields_or_fault(line: bytes, width: int) -> list[str] | str:
    """The `width` fields of a line, or the reason why it has none."""
    try:
        text = line.decode()
        fields = next(csv.reader([text])) if '"' in text else text.split(",")
    except UnicodeDecodeError:
        return NOT_UTF8
    except csv.Error:  # a bare carriage return, or a quoted field beyond the csv module's limit
        return BAD_QUOTES
    if len(fields) == width:
        return fields
    return TOO_FEW if len(fields) < width else TOO_MANY


def _convert_column(values: list[str | None], kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Values as `kind`, and the positions of those that are no such thing."""
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).cast(kind), []
    numbers = [_as_number(value, kind) for value in values]
    bad = [n for n, (value, number) in enumerate(zip(values, numbers, strict=True)) if value and number is None]
    return pa.array(numbers, kind), bad


def _as_number(value: str | None, kind: pa.DataType) -> Any:
    """A number as Arrow reads it; None for nothing and for what is none. "3.0" is an integer, "3.5" is not."""
    if not value:
        return None
    try:
        return pa.scalar(value.strip(" \t")).cast(kind).as_py()
    except pa.ArrowInvalid:
        return _as_integer(value) if pa.types.is_integer(kind) else None


def _as_integer(value: str) -> int | None:
    """The integer that a decimal such as "3.0" or "1e3" equals, None if there is none."""
    number = _as_number(value, pa.float64())
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**53 else None


def _readable_start(line: bytes) -> str:
    """A line's start as text; bytes that are no UTF-8 are written in hexadecimal."""
    return line[: 4 * ROW_TEXT_LIMIT].decode(errors="backslashreplace")[:ROW_TEXT_LIMIT]


def _with_place(
    table: pa.Table,
    lines: Sequence[int] | np.ndarray,
    faults: Sequence[str | None] | None = None,
    texts: Sequence[str | None] | None = None,
) -> pa.Table:
    """`table` with its rows' places, without faults unless they are given."""
    place = {"line": lines, "fault": faults, "text": texts}
    for column, kind in PLACE.items():
        given = place[column]
        array = pa.nulls(table.num_rows, kind) if given is None else pa.array(given, kind)
        table = table.append_column(column, array)
    return table
