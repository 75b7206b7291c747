"""The one module that touches Parquet: immutable, content-addressed files in, tables out, and back.

A file is written below `<root>/.tmp`, fsynced, then renamed to a name that carries the start of its sha256: a reader
never sees half a file, and two writers of one content meet in one file. Bytes are a function of the table alone.
"""

import errno
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.finding import SourceError, UserError
from schemas.snapshot import Mode, Snapshot

Item = TypeVar("Item")
Table: TypeAlias = pd.DataFrame | pl.DataFrame | pa.Table
Content: TypeAlias = Table | Iterator[Table] | Mapping[str, Any] | list[Any] | str | bytes
CHUNK = 1 << 20  # bytes read at a time while hashing
BINARY = ".bin"
TEXTS = (".txt", ".md", ".html", ".svg", ".jsonl")  # what is read as text; JSON and Parquet aside, all else is bytes
BATCH_ROWS = 4_096  # conversations of 10 kB each are 40 MB


class SnapshotLost(UserError):
    """A snapshot's file is missing or no longer has the content it is named for."""


class Place(NamedTuple):
    """Where a snapshot will lie, but for the hash in its name."""

    name: str
    folder: Path
    root: Path
    mode: Mode


def write(content: Content, name: str, folder: Path, root: Path, mode: Mode) -> Snapshot:
    """Write a table (Parquet), a mapping or list (JSON), text or bytes as `<root>/<folder>/<name>-<sha12>.<ext>`.

    A table may come in parts, an iterator of tables, of which one at a time is in memory. Bytes keep the suffix of
    `name`, such as model.onnx; without one they get `.bin`.
    """
    place = Place(name, folder, root, mode)
    if isinstance(content, bytes):
        return _write_bytes(content, place, _suffix_of(name, BINARY))
    if isinstance(content, str):
        return _write_bytes(content.encode(), place, _suffix_of(name, ".txt"))
    if isinstance(content, Mapping | list):
        return _write_bytes(to_json(content), place, ".json")
    with TableWriter(name, folder, root, mode) as writer:
        for part in ahead(content) if isinstance(content, Iterator) else (content,):
            writer.append(part)
    return writer.snapshot


def _suffix_of(name: str, default: str) -> str:
    return "" if Path(name).suffix else default


def to_json(content: Any) -> bytes:
    """Indented JSON with sorted keys: the same content gives the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(content, option=options | orjson.OPT_NON_STR_KEYS, default=str)


def _write_bytes(data: bytes, place: Place, suffix: str) -> Snapshot:
    with scratch(place.root) as temporary:
        temporary.write_bytes(data)
        return _named_by_content(temporary, place, suffix, rows=1, schema_hash="")


def write_lines(lines: Iterable[bytes], name: str, folder: Path, root: Path, mode: Mode) -> Snapshot:
    """JSON Lines, written as they come: each of `lines` is one line, without its end."""
    rows = 0
    with scratch(root) as temporary:
        with temporary.open("wb") as file:
            for line in lines:
                file.write(line)
                file.write(b"\n")
                rows += 1
        return _named_by_content(temporary, Place(name, folder, root, mode), ".jsonl", rows, schema_hash="")


class TableWriter:
    """Appends tables of one schema to a Parquet file; `snapshot` is set when the `with` block ends well.

    The schema is that of the first table appended; later ones are cast to it. Raises SourceError when nothing at all
    was appended, for then the columns are not known.
    """

    def __init__(self, name: str, folder: Path, root: Path, mode: Mode) -> None:
        self._place = Place(name, folder, root, mode)
        self._scratch = scratch(root)
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        self._temporary = self._scratch.__enter__()
        return self

    def append(self, table: Table) -> None:
        """Add the rows of a table of any of the three kinds."""
        arrow = to_arrow(table)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._temporary, arrow.schema, compression="zstd", use_dictionary=repetitive(arrow.schema)
            )
        self._writer.write_table(arrow.cast(self._writer.schema), row_group_size=1 << 20)
        self.rows += arrow.num_rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                self.snapshot = self._finish()
        finally:
            self._scratch.__exit__(kind, error, trace)

    def _finish(self) -> Snapshot:
        if self._writer is None:
            raise SourceError(
                f"{self._place.name}: no table was made, not even an empty one: every input file is empty."
            )
        columns = hashlib.sha256(str(self._writer.schema).encode()).hexdigest()[:16]
        return _named_by_content(self._temporary, self._place, ".parquet", self.rows, columns)


def _named_by_content(temporary: Path, place: Place, suffix: str, rows: int, schema_hash: str) -> Snapshot:
    """Give a finished scratch file its lasting name."""
    sha256 = sha256_of(temporary)
    stem, own_suffix = Path(place.name).stem, Path(place.name).suffix
    path = place.folder / f"{stem}-{sha256[:12]}{own_suffix or suffix}"
    move(temporary, place.root / path)
    return Snapshot(root=place.root, path=path, sha256=sha256, rows=rows, schema_hash=schema_hash, mode=place.mode)


def read(snapshot: Snapshot) -> Any:
    """The content of a snapshot: an Arrow-backed DataFrame of its `columns`, the value of JSON, a text, or bytes.

    Raises SnapshotLost when the file is missing or altered.
    """
    _require_whole(snapshot)
    if snapshot.path.suffix == ".parquet":
        columns = list(snapshot.columns) or None
        return pq.read_table(snapshot.file, columns=columns).to_pandas(types_mapper=pd.ArrowDtype)
    if snapshot.path.suffix == ".json":
        return orjson.loads(snapshot.file.read_bytes())
    if snapshot.path.suffix in TEXTS:
        return snapshot.file.read_text(encoding="utf-8")
    return snapshot.file.read_bytes()


def _require_whole(snapshot: Snapshot) -> None:
    if fault := fault_of(snapshot):
        raise SnapshotLost(f"{fault} Run the flow again: the step that made it makes it anew.")


class ParquetScan:
    """A table snapshot as a schemas.snapshot.Scan. Raises SnapshotLost when the file is missing or altered."""

    def __init__(self, snapshot: Snapshot) -> None:
        _require_whole(snapshot)
        self._snapshot = snapshot
        self.rows = snapshot.rows

    def read(self, *columns: str) -> pd.DataFrame:
        """All rows of a few columns."""
        return pq.read_table(self._snapshot.file, columns=list(columns)).to_pandas(types_mapper=pd.ArrowDtype)

    def batches(self, *columns: str) -> Iterator[pd.DataFrame]:
        """A row group, or BATCH_ROWS of it, at a time."""
        for table in ahead(row_groups(self._snapshot.file, "", columns)):
            yield table.to_pandas(types_mapper=pd.ArrowDtype)


def fault_of(snapshot: Snapshot) -> str | None:
    """A sentence when the file is not there or not what it was, else None. Reads the whole file."""
    if not snapshot.file.is_file():
        return f"{snapshot.path} is missing from {snapshot.root}."
    measured = sha256_of(snapshot.file)
    if measured != snapshot.sha256:
        return f"{snapshot.path} was altered: its sha256 is {measured[:12]}…, {snapshot.sha256[:12]}… was written."
    return None


def repetitive(schema: pa.Schema) -> list[str]:
    """Columns worth a dictionary: words and tokens. For numbers and times it doubles the time of writing."""
    words = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_string(f.type)]
    return words + [f"{f.name}.list.element" for f in schema if pa.types.is_list(f.type)]


def to_arrow(table: Table) -> pa.Table:
    """Arrow without pandas' metadata, so that bytes do not depend on who made the table."""
    if isinstance(table, pl.DataFrame):
        table = table.to_arrow(compat_level=pl.CompatLevel.oldest())
    elif isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    return table.replace_schema_metadata(None)


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def publish(snapshot: Snapshot, target: Path) -> None:
    """Copy a snapshot to a name that others rely on, whole or not at all; nothing happens if it is there already."""
    if not (target.is_file() and sha256_of(target) == snapshot.sha256):
        with scratch(snapshot.root) as temporary:
            shutil.copyfile(snapshot.file, temporary)
            move(temporary, target)


def replace_text(target: Path, text: str | bytes, root: Path) -> None:
    """Write a small file whole or not at all."""
    with scratch(root) as temporary:
        temporary.write_bytes(text.encode() if isinstance(text, str) else text)
        move(temporary, target)


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A path for a file or folder on the same disk as `root`, removed afterwards. A full disk is named in the error."""
    temporary = root / ".tmp" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    except OSError as error:
        raise explained(error, root) from error
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def explained(error: OSError, root: Path) -> OSError:
    """The same error with a sentence about the disk, where the disk is the reason."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    free = shutil.disk_usage(root).free
    return OSError(
        error.errno,
        f"The disk is full: {free:,} bytes are free below {root}. No half-written file was left; "
        f"free some space ({root / 'interim'}/*/ can be deleted, it is made again) and run again.",
    )


def move(temporary: Path, target: Path) -> None:
    """fsync, then rename: what bears the name is complete, also after a power cut."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(target)


def as_snapshot(file: Path, root: Path, mode: Mode = "local", count: Callable[[Path], int] | None = None) -> Snapshot:
    """A file that keeps its own name; `rows` is what `count` says, by default its lines that are not blank."""
    return Snapshot(
        root=root,
        path=file.relative_to(root),
        sha256=sha256_of(file),
        rows=(count or count_rows)(file),
        schema_hash="",
        mode=mode,
    )


def count_rows(path: Path) -> int:
    """Lines of a text file that are not blank, whether or not the last one ends in a line end."""
    rows, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            block, newline, tail = (tail + chunk).rpartition(b"\n")
            rows += _lines_in(block + newline)
    return rows + bool(tail.strip())


def _lines_in(block: bytes) -> int:
    """Non-blank lines of a block that ends in a line end; blank: nothing, or a carriage return alone."""
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    lengths = np.diff(ends, prepend=-1) - 1
    bare_return = (lengths == 1) & (text[ends - 1] == ord("\r"))
    return int(((lengths > 0) & ~bare_return).sum())


def sweep(root: Path) -> None:
    """Remove scratch files whose process is gone: it was killed in the middle of a write."""
    for path in (root / ".tmp").glob(f"{socket.gethostname()}-*"):
        if not _alive(int(path.name.split("-")[-2])):
            _remove(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def row_groups(
    path: Path, _name: str, columns: Sequence[str] = (), turn: tuple[int, int] = (0, 1)
) -> Iterator[pa.Table]:
    """A Parquet file a batch at a time, an empty one as one batch without rows: the `decode` of our own tables.

    No batch is larger than what was written at once: where rows are large, few of them are a row group. With a turn
    (k, n) only the batches number k, k + n, k + 2 n, ... come, from 0; groups without one are not read.
    """
    chosen = list(columns) or None
    own, turns = turn
    with pq.ParquetFile(path) as file:
        number = 0
        for group in range(file.num_row_groups):
            batches = -(-file.metadata.row_group(group).num_rows // BATCH_ROWS)
            if any(at % turns == own for at in range(number, number + min(batches, turns))):
                for at, batch in enumerate(file.iter_batches(BATCH_ROWS, row_groups=[group], columns=chosen), number):
                    if at % turns == own:
                        yield pa.Table.from_batches([batch])
            number += batches
        if number == 0 and own == 0:
            yield pa.schema([file.schema_arrow.field(name) for name in chosen or file.schema_arrow.names]).empty_table()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in another thread while the one before is worked on: at most one lies ready.

    Reading, packing and hashing leave the interpreter to others, so that a core computes while one reads or writes.
    """
    nothing: Any = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, nothing)
        while (item := coming.result()) is not nothing:
            coming = thread.submit(next, items, nothing)
            yield item


def batches(
    decode: Callable[[Path, str], Iterator[pa.Table]], files: tuple[Snapshot, ...]
) -> Iterator[tuple[Snapshot, pd.DataFrame]]:
    """Frames of raw files, a record batch at a time; `decode(path, name)` gets the name below the mode's folder."""
    for raw in files:
        for table in ahead(decode(raw.file, "/".join(raw.path.parts[3:]))):
            yield raw, table.to_pandas(types_mapper=pd.ArrowDtype)
