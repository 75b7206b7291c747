"""Glaive function calling v2: which files are read, how, and the published file.

The hub's file is one JSON array of rows {"system", "chat"}; lines of JSON with the same keys are read as well. A file
is recognised by these keys, whatever its name.
"""

import itertools
import json
import mmap
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa

from schemas.ds5_glaive import ATTRIBUTION, LICENCE, LONGEST, RAW_COLUMNS, RAW_ROWS, STEM, RawRow
from schemas.finding import SourceError
from schemas.reject import ROW_TEXT_LIMIT
from schemas.source import Source
from tasks.pipelines.ds5_glaive import sample as glaive_sample
from tasks.pipelines.ds5_glaive.loose_json import whole_characters
from tasks.sources import huggingface

REPO = "glaiveai/glaive-function-calling-v2"
REVISION = "e7f4b6456019f5d8bcb991ef0dd67d8ff23221ac"  # 112,960 rows, 271 MB
FILE = "glaive-function-calling-v2.json"

HEAD = 1 << 20  # bytes read to recognise a file
BLOCK = 4 << 20  # bytes read at a time
MOST = 32 << 20  # bytes of one row that are read; a row with more than LONGEST characters is rejected
BATCH_ROWS = 2_048

_KEYS = [re.compile(rb'(?<!\\)"%s"\s*:' % name.encode()) for name in RAW_COLUMNS]
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_LEVELS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_SPACE = b" \t\r\n"


def identify(path: Path) -> str | None:
    """Return "chats" for a JSON file whose rows have the keys of RAW_COLUMNS, None for any other file."""
    if path.suffix.lower() not in {".json", ".jsonl"} or path.name == "truth.json":
        return None
    with path.open("rb") as file:
        head = file.read(HEAD)
    return "chats" if all(key.search(head) for key in _KEYS) else None


def count(path: Path) -> int:
    """Rows of a file: elements of an array, or lines that are not blank."""
    with path.open("rb") as file:
        if not _is_array(file):
            return sum(1 for line in file if line.strip(_SPACE))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _count_elements(data, data.find(b"[") + 1)


def _count_elements(data: mmap.mmap, start: int) -> int:
    """Number of elements of an array whose first begins at `start`: a separate, simpler walk than `_elements`."""
    rows = level = 0
    for token in _TOKEN.finditer(data, start):
        first = token[0][:1]
        if level == 0 and first in b",]}":
            rows += bool(data[start : token.start()].strip(_SPACE))
            start = token.end()
        elif first == b'"' and len(token[0]) == 1:
            break
        else:
            level += _LEVELS.get(first, 0)
    return rows + bool(data[start:].strip(_SPACE))


def _is_array(file: BinaryIO) -> bool:
    """Whether the first character of a file opens an array. The file is rewound."""
    head = file.read(HEAD).removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    file.seek(0)
    return head.startswith(b"[")


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """Rows of a file as RAW_ROWS, BATCH_ROWS at a time; `line` is the row's number in the file, from 1.

    Faults: invalid_utf8, invalid_json, not_an_object, system_missing, chat_missing, too_long, nul_bytes. A file without
    rows gives one table without rows. Raises SourceError for an array that is cut off.
    """
    with path.open("rb") as file:
        pieces = _elements(file, name) if _is_array(file) else _non_blank_lines(file)
        rows = (_raw_row(piece, name, line) for line, piece in enumerate(pieces, start=1))
        empty = True
        while batch := list(itertools.islice(rows, BATCH_ROWS)):
            yield _raw_table(batch)
            empty = False
    if empty:
        yield RAW_ROWS.empty_table()


def _raw_table(rows: Iterable[RawRow]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, RAW_ROWS.types, strict=True)], schema=RAW_ROWS
    )


def _non_blank_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines that are not blank. A line longer than MOST is cut: it is no JSON then, so the row is rejected."""
    while line := file.readline(MOST):
        rest = line
        while len(rest) == MOST and not rest.endswith(b"\n"):
            rest = file.readline(MOST)
        if line.strip(_SPACE):
            yield line


def _elements(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Elements of an array, one after the other. Memory: one block and one row.

    Raises SourceError for an array that ends in the middle of a row, and for a row of more than MOST bytes.
    """
    buffer, at, level, rows = b"", -1, 0, 0  # at: where the search goes on in `buffer`, -1 before the array is opened
    for block in itertools.chain(iter(lambda: file.read(BLOCK), b""), [None]):
        buffer += block or b""
        if at < 0:
            buffer, at = buffer[buffer.index(b"[") + 1 :], 0
        start = 0
        for token in _TOKEN.finditer(buffer, at):
            first = token[0][:1]
            if first == b'"' and len(token[0]) == 1:  # a text that goes on in the next block
                break
            at = token.end()
            if level == 0 and first in b",]}":
                piece, start = buffer[start : token.start()], at
                if piece.strip(_SPACE):
                    rows += 1
                    yield piece
            else:
                level += _LEVELS.get(first, 0)
        buffer, at = buffer[start:], at - start
        _require_end(buffer, name, rows, last=block is None)


def _require_end(buffer: bytes, name: str, rows: int, *, last: bool) -> None:
    """Raise SourceError where a row has no end: the file is over, or the row is longer than MOST bytes."""
    if last and buffer.strip(_SPACE):
        raise SourceError(
            f"{name} ends in the middle of row {rows + 1:,}, after {buffer[-40:]!r}: the file was cut short, or a "
            "quote is missing in that row. Fetch the file again, or correct the row."
        )
    if len(buffer) > MOST + BLOCK:
        raise SourceError(
            f"{name}: row {rows + 1:,} has more than {MOST:,} bytes, or a quote is missing in it. It begins with "
            f"{buffer[:80]!r}. Correct it, or remove it from the file."
        )


def _raw_row(piece: bytes, name: str, line: int) -> RawRow:
    """One row. One that cannot be read has no texts, but its fault and its own text."""
    try:
        system, chat = _system_and_chat(piece)
    except _Fault as fault:
        shown = piece[: 4 * ROW_TEXT_LIMIT].decode(errors="replace").strip()[:ROW_TEXT_LIMIT]
        return RawRow(name, line, "", "", str(fault), shown)
    return RawRow(name, line, system, chat, None, None)


class _Fault(ValueError):
    """A row that cannot be read; the message is the name of a reason (rules.REASONS)."""


def _system_and_chat(piece: bytes) -> tuple[str, str]:
    """A row's two texts. Raises _Fault."""
    if len(piece) > 8 * LONGEST:  # bytes: no text of LONGEST characters takes more, escaped or not
        raise _Fault("too_long")
    row = _parsed_row(piece)
    if not isinstance(row, dict):
        raise _Fault("not_an_object")
    for name in RAW_COLUMNS:
        if not isinstance(row.get(name), str):
            raise _Fault(f"{name}_missing")
    system, chat = (whole_characters(row[name]) for name in RAW_COLUMNS)
    if len(system) + len(chat) > LONGEST:
        raise _Fault("too_long")
    if "\0" in system or "\0" in chat:
        raise _Fault("nul_bytes")
    return system, chat


def _parsed_row(piece: bytes) -> object:
    """A row's JSON value; raw line breaks in a text and half a surrogate pair are accepted. Raises _Fault."""
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(piece.decode("utf-8-sig"), strict=False)
    except UnicodeDecodeError as why:
        raise _Fault("invalid_utf8") from why
    except (ValueError, RecursionError) as why:
        raise _Fault("invalid_json") from why


def bring(folder: Path) -> list[Path]:
    """The hub's file at REVISION, below `folder`."""
    return huggingface.bring(REPO, REVISION, [FILE], folder)


SOURCE = Source(
    stem=STEM,
    title="Glaive function calling v2",
    homepage=f"https://huggingface.co/datasets/{REPO}",
    licence=LICENCE,
    citation=f"Glaive AI: glaive-function-calling-v2, 2023. {ATTRIBUTION.split(', ')[1]}",
    expected=("chats",),
    patterns=("*.json", "*.jsonl"),
    identify=identify,
    sample=glaive_sample.sample,
    count=count,
    bring=bring,
    pin=REVISION,
)
