"""Read a text file of any size as numbered lines, in record batches: `read(path, name)`.

Nothing is guessed: a binary file stops the run with its name and offset; a line with bytes that
are no UTF-8, with NUL bytes, or longer than LONGEST is handed on with a `fault`, for the caller to quarantine.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa

from schemas.finding import SourceError
from schemas.reject import ROW_TEXT_LIMIT

BATCH = 32 << 20  # bytes read at a time; a batch of lines needs about four times that in memory
LONGEST = 64 << 10  # bytes of a line that is still one; the longest of LogHub's five samples has 2,496
HEAD = 64 << 10  # bytes at the start by which a file is text or binary
STRANGE = 0.3  # share of strange bytes above which a file is binary: perl's -B (perldoc -f -X)
BOM = "\ufeff"

LINES = pa.schema({"file": pa.string(), "line": pa.int64(), "text": pa.string(), "fault": pa.string()})

# Bytes that no text has: control characters but \b \t \n \f \r and escape.
CONTROL = bytes(byte for byte in range(32) if byte not in b"\b\t\n\f\r\x1b") + b"\x7f"


def read(path: Path, name: str, turn: tuple[int, int] = (0, 1)) -> Iterator[pa.Table]:
    r"""Lines of a text file: file (= `name`), line (1-based, blank ones counted), text, fault (null: none).

    Lines end in \n or \r\n; the end of the last may be missing. Blank lines are skipped, as tables.count_rows does.
    Faults: invalid_utf8 (the bytes are replaced), nul_bytes, line_too_long (the text is cut). An empty file gives one
    empty table. `turn` (k, n): only the tables number k, k + n, ...; the blocks of the others are counted, not split.
    Raises SourceError for a binary file.
    """
    mine, turns = turn
    with path.open("rb") as file:
        refuse_binary(file, name)
        first = 1
        for at, block in enumerate(itertools.chain(_whole_line_blocks(file), [b""])):
            ends = block.count(b"\n")
            if (block or first == 1) and at % turns == mine:
                yield _line_table(block, name, first)
            first += max(ends, 1)


def refuse_binary(file: BinaryIO, name: str) -> None:
    """Raise SourceError when the head of an open file is no text; otherwise leave it at its start."""
    head = file.read(HEAD)
    file.seek(0)
    strange = len(head) - len(head.translate(None, CONTROL)) + head.decode("utf-8", "replace").count("\ufffd")
    if strange > STRANGE * len(head):
        raise SourceError(
            f"{name} is binary, not text: {strange / len(head):.0%} of its first {len(head):,} bytes are no text, "
            f"the first at offset {_first_strange(head)}; at most {STRANGE:.0%} may be. "
            "Give the unpacked UTF-8 text file, or take this one out of the folder."
        )


def _first_strange(head: bytes) -> int:
    """Offset of the first byte that no UTF-8 text has."""
    control = next((at for at, byte in enumerate(head) if byte in CONTROL), len(head))
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        return min(control, fault.start)
    return control


def _whole_line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines. Of a line without end no more than LONGEST + 1 bytes are in memory."""
    carry = b""
    while chunk := file.read(BATCH):
        whole, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield carry + whole + newline
            carry = tail
        else:
            carry = (carry + chunk)[: LONGEST + 1]
    if carry.strip():
        yield carry


def _line_table(block: bytes, name: str, first: int) -> pa.Table:
    """One block's lines, numbered from `first`."""
    frame = _decode_lines(block.removesuffix(b"\n")).with_columns(line=pl.int_range(pl.len(), dtype=pl.Int64) + first)
    frame = frame.filter(pl.col("text") != "").with_columns(
        file=pl.lit(name),
        text=pl.when(pl.col("line") == 1).then(pl.col("text").str.strip_prefix(BOM)).otherwise("text"),
        fault=pl.when(pl.col("text").str.len_bytes() > LONGEST)
        .then(pl.lit("line_too_long"))
        .when("broken")
        .then(pl.lit("invalid_utf8"))
        .when(pl.col("text").str.contains("\0", literal=True))
        .then(pl.lit("nul_bytes")),
    )
    short = pl.when(pl.col("fault") == "line_too_long").then(pl.col("text").str.head(ROW_TEXT_LIMIT)).otherwise("text")
    return frame.with_columns(text=short).select(LINES.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(LINES)


def _decode_lines(block: bytes) -> pl.DataFrame:
    """Columns text (without its line end) and broken (its bytes are no UTF-8)."""
    try:
        text, broken = block.decode("utf-8"), None
    except UnicodeDecodeError:
        text = block.decode("utf-8", "replace")
        broken = [not _is_utf8(line) for line in block.split(b"\n")]
    lines = pl.Series([text]).str.split("\n").explode().str.strip_suffix("\r")
    return pl.DataFrame({"text": lines, "broken": [False] * len(lines) if broken is None else broken})


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
