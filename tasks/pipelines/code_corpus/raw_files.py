"""Parquet files of source code: which files these are, and how their rows are read.

Two layouts are read, each known by its columns: our own, in which a folder of plain files is packed (`source_tree`),
and that of The Stack v2 with the content beside it, which mode live writes (`download`).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.code_corpus import FAULTS, RAW_ROWS, Fault
from schemas.finding import SourceError
from tasks.quality import licences
from tasks.sources import parquet, software_heritage
from tasks.sources.parquet import BATCH_BYTES, BATCH_ROWS
from tasks.sources.software_heritage import Fetched

Raw: TypeAlias = "str | bytes | int | float | list[Raw] | None"  # a value of a Parquet file
Columns: TypeAlias = Mapping[str, list[Any]]
Value = TypeVar("Value", str, int)

# Raw column -> the names it has in the layouts; of several columns the first with a value counts.
NAMES: dict[str, tuple[str, ...]] = {
    "repo": ("repo", "repo_name"),
    "path": ("path",),
    "language": ("language",),
    "licence": ("licence", "detected_licenses", "gha_license_id"),
    "revision": ("revision", "commit", "revision_id"),
    "blob": ("blob", "blob_sha", "blob_id"),
    "stars": ("stars", "star_events_count"),
    "encoding": ("encoding", "src_encoding"),
    "size": ("size", "length_bytes"),
    "content": ("content",),
    "fault": ("fault",),
}
COUNTS = ("stars", "size")
NO_VALUE = frozenset({"", licences.NOASSERTION})

READ_ROWS = 8  # taken from Arrow at a time: it counts rows, and eight may have 10 MB each
READ_BUFFER = 1 << 20  # bytes of a column read ahead; without it, Arrow reads a whole row group


def identify(path: Path) -> str | None:
    """Return "files" for a Parquet file with columns for path and content, None for any other file.

    The columns of a Parquet file without its end cannot be read. It counts as "files", so that reading it raises an
    error: if it were skipped, its rows would be missing without a word.
    """
    if path.suffix != ".parquet" and not parquet.begins_like_one(path):
        return None
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return "files"
    return "files" if "path" in schema.names and _has_content(schema) else None


def _has_content(schema: pa.Schema) -> bool:
    kinds = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return schema.names.count("content") == 1 and schema.field("content").type in kinds


def count(path: Path) -> int:
    """Rows of a file by its footer. Raises SourceError for a file that is no whole Parquet file."""
    with opened(path, path.name) as file:
        return int(file.metadata.num_rows)


def opened(path: Path, name: str) -> pq.ParquetFile:
    """A file to be read column by column. Raises SourceError for one that is no whole Parquet file."""
    return parquet.opened(path, name, "if it has no source code", pre_buffer=False, buffer_size=READ_BUFFER)


def decode(path: Path, name: str, turn: tuple[int, int] = (0, 1)) -> Iterator[pa.Table]:
    """Rows of a file as RAW_ROWS, at most BATCH_ROWS and about BATCH_BYTES of content at a time, in their order.

    A column that the file lacks is null, and so is blank text. Faults: null_content; wrong_content, where the content
    does not have the hash `blob` (the content is null then); and those that the file itself names. A content that was
    converted to UTF-8 is converted back to the bytes with the hash `blob`, if its encoding is known. An empty file
    gives one table without rows. With a turn (k, n) only tables number k, k + n, ... are returned.
    Raises SourceError for a file that is no whole Parquet file, or lacks a column that is needed.
    """
    with opened(path, name) as file:
        require_columns(file.schema_arrow, ("path", "content"), name)
        first, turns = turn
        line = 1
        for number, rows in enumerate(_in_batches(_record_batches(file, name))):
            if number % turns == first:
                yield _as_raw_rows(rows, name, line)
            line += len(rows)
    if line == 1 and first == 0:
        yield RAW_ROWS.empty_table()


def require_columns(schema: pa.Schema, columns: Sequence[str], name: str) -> None:
    """Raise SourceError where a file has none of the names of one of `columns`."""
    missing = [" or ".join(NAMES[column]) for column in columns if not set(NAMES[column]) & set(schema.names)]
    if missing:
        raise SourceError(
            f"{name} has no column {', '.join(missing)}; it has {', '.join(schema.names)}. Give a Parquet file in the "
            "columns of The Stack v2, with the content beside them, or in those of our own export."
        )


def _record_batches(file: pq.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    known = {own for names in NAMES.values() for own in names}
    columns, done = [column for column in file.schema_arrow.names if column in known], 0
    try:
        for batch in file.iter_batches(READ_ROWS, columns=columns, use_threads=False):
            yield batch
            done += len(batch)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(
            f"{name}, after row {done:,}: a page cannot be read ({fault}). The file was altered: copy it again."
        ) from fault


def _in_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in tables of at most BATCH_ROWS rows and BATCH_BYTES of content."""
    waiting: list[pa.RecordBatch] = []
    rows, room = 0, BATCH_BYTES
    for batch in batches:
        start = 0
        for row, size in enumerate(pc.binary_length(batch.column("content")).to_pylist()):
            if rows and (rows == BATCH_ROWS or (size or 0) > room):
                yield pa.Table.from_batches([*waiting, batch.slice(start, row - start)]).combine_chunks()
                waiting, rows, room, start = [], 0, BATCH_BYTES, row
            rows, room = rows + 1, room - (size or 0)
        waiting.append(batch.slice(start))
    if rows:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _as_raw_rows(rows: pa.Table, name: str, first: int) -> pa.Table:
    known, column = raw_columns(rows), rows["content"].cast(pa.large_binary())
    contents = column.to_pylist()
    checked = [
        _checked_content(*row) for row in zip(contents, known["blob"], known["encoding"], known["fault"], strict=True)
    ]
    as_they_are = all(fetched.content is content for fetched, content in zip(checked, contents, strict=True))
    whole = {
        **known,
        "file": [name] * len(rows),
        "line": list(range(first, first + len(rows))),
        "content": column if as_they_are else [fetched.content for fetched in checked],
        "fault": [fetched.fault for fetched in checked],
    }
    return pa.table(whole, schema=RAW_ROWS)


def raw_columns(rows: pa.Table) -> Columns:
    """The columns of RAW_ROWS that a file has for its rows, without place and content."""
    texts = {name: _first_known(rows, name, _text_of_value) for name in NAMES if name not in COUNTS}
    counts = {name: _first_known(rows, name, _count_of_value) for name in COUNTS}
    for name in ("blob", "encoding"):
        texts[name] = [value and value.lower() for value in texts[name]]
    texts["path"] = [value and value.lstrip("/") for value in texts["path"]]  # The Stack v2 begins paths with "/"
    texts["fault"] = [value if value in FAULTS else None for value in texts["fault"]]
    return {**texts, **counts}


def _first_known(rows: pa.Table, column: str, read: Callable[[Raw], Value | None]) -> list[Value | None]:
    """Of each row, the first value that is not None under one of the names of a column."""
    none: list[Value | None] = [None] * len(rows)
    present = [
        [read(value) for value in _python_values(rows[name])] for name in NAMES[column] if name in rows.column_names
    ]
    return [next((value for value in found if value is not None), None) for found in zip(none, *present, strict=True)]


def _python_values(column: pa.ChunkedArray) -> list[Raw]:
    """A column as Python's values; text as its bytes, since a file may call bytes text that are no UTF-8."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.large_binary())
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = column.cast(pa.list_(pa.binary()))
    values: list[Raw] = column.to_pylist()
    return values


def _text_of_value(value: Raw) -> str | None:
    """A value as text; several licences in order, joined by AND; None for a blank value and for NOASSERTION."""
    if isinstance(value, list):
        return licences.all_of(text for item in value if (text := _text_of_value(item)))
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
    return None if text.strip() in NO_VALUE else text


def _count_of_value(value: Raw) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _checked_content(content: bytes | None, blob: str | None, encoding: str | None, fault: Fault | None) -> Fetched:
    """A row's content if it has the hash `blob`, else why there is none."""
    if fault is not None or content is None:
        return Fetched(None, fault or "null_content")
    if blob is None or software_heritage.is_named(content, blob):
        return Fetched(content)
    original = _converted_back(content, encoding)
    if original is not None and software_heritage.is_named(original, blob):
        return Fetched(original)
    return Fetched(None, "wrong_content")


def _converted_back(content: bytes, encoding: str | None) -> bytes | None:
    """UTF-8 text in another encoding; None where that is unknown, or has not all of the characters."""
    try:
        return content.decode().encode(encoding) if encoding else None
    except (ValueError, LookupError):
        return None
