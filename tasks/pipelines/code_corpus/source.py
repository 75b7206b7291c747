"""Files of source code in Parquet: which files hold them, how rows are read, where they come from.

Two layouts are read, each known by its columns: the one in which we export files ourselves, and that of The Stack v2
with the content beside it. The Stack v2 has names of contents only: what is wanted by its metadata is brought from
Software Heritage, a batch at a time. A folder of plain files is packed into one Parquet file first (`source_tree`).
"""

import dataclasses
import functools
import logging
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.code_corpus import (
    FAULTS,
    FEWEST_STARS,
    LANGUAGES,
    LARGEST,
    RAW_ROWS,
    SMALLEST,
    STEM,
    Fault,
)
from schemas.finding import SourceError
from schemas.source import Source
from tasks.pipelines.code_corpus.sample import sample
from tasks.pipelines.code_corpus.source_tree import pack
from tasks.quality import licences
from tasks.sources import huggingface, parquet, software_heritage
from tasks.sources.parquet import BATCH_BYTES, BATCH_ROWS, HOLDING_CODE
from tasks.sources.software_heritage import Fetched

log = logging.getLogger(__name__)

REPO = "bigcode/the-stack-v2-dedup"  # near-duplicates removed; its terms are accepted on its page
# Its terms ask for the latest that can be used, for authors may take their files out: look at its commits now and then.
# Who brings contents in bulk makes an agreement with Software Heritage first, the terms say.
REVISION = "94d47b4385264b30f228e28a5d63e9b2eee8c2c5"
SHARDS = tuple(f"data/{language}/train-00000-of-*.parquet" for language in LANGUAGES)  # the first of each language
MAX_SAMPLES = 1_000  # wanted files of a language
METADATA = "metadata"  # folder below that of the contents

# Raw column -> the names it has in the layouts; the first that a file has and that tells something is taken.
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
UNTOLD = frozenset({"", licences.NOASSERTION})

READ_ROWS = 8  # taken from Arrow at a time: it counts rows, and eight may have 10 MB each
READ_BUFFER = 1 << 20  # bytes of a column read ahead; without it, Arrow holds all of a row group's


# ---------------------------------------------------------------------------------------------------------------------
# Which files, and their rows


def identify(path: Path) -> str | None:
    """Say "files" of a Parquet file with a column for the path and one for the content, None of any other file.

    A Parquet file whose end is missing tells no columns. It counts as one of ours: reading it says what is wrong,
    where leaving it aside would lose its rows in silence.
    """
    if path.suffix != ".parquet" and not parquet.begins_like_one(path):
        return None
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return "files"
    return "files" if "path" in schema.names and _holds_bytes(schema) else None


def _holds_bytes(schema: pa.Schema) -> bool:
    kinds = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return schema.names.count("content") == 1 and schema.field("content").type in kinds


def count(path: Path) -> int:
    """Rows of a file, as its footer tells. Raises SourceError for a file that is no whole Parquet file."""
    with _opened(path, path.name) as file:
        return int(file.metadata.num_rows)


def _opened(path: Path, name: str) -> pq.ParquetFile:
    return parquet.opened(path, name, "if it holds no source code", pre_buffer=False, buffer_size=READ_BUFFER)


def decode(path: Path, name: str, turn: tuple[int, int] = (0, 1)) -> Iterator[pa.Table]:
    """Rows of a file as RAW_ROWS, at most BATCH_ROWS and about BATCH_BYTES of content at a time, in their order.

    A column that the file lacks is null, and so is text of no letters. Faults: null_content; wrong_content, where the
    content is not what `blob` names (it is null then); and those that the file itself tells. A content that was
    written anew in UTF-8 gets the bytes back that its blob names, if its encoding is told. An empty file gives one
    table without rows. With a turn (k, n) only tables number k, k + n, ... come; the others are read, not looked at.
    Raises SourceError for a file that is no whole Parquet file, or lacks a column that is needed.
    """
    with _opened(path, name) as file:
        _require(file.schema_arrow, ("path", "content"), name)
        own, turns = turn
        line = 1
        for number, rows in enumerate(_parcels(_read(file, name))):
            if number % turns == own:
                yield _raw(rows, name, line)
            line += len(rows)
    if line == 1 and own == 0:
        yield RAW_ROWS.empty_table()


def _require(schema: pa.Schema, columns: Sequence[str], name: str) -> None:
    missing = [" or ".join(NAMES[column]) for column in columns if not set(NAMES[column]) & set(schema.names)]
    if missing:
        raise SourceError(
            f"{name} has no column {', '.join(missing)}; it has {', '.join(schema.names)}. Give a Parquet file in the "
            "columns of The Stack v2, with the content beside them, or in those of our own export."
        )


def _read(file: pq.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    known = {own for names in NAMES.values() for own in names}
    columns, done = [column for column in file.schema_arrow.names if column in known], 0
    try:
        for batch in file.iter_batches(READ_ROWS, columns=columns, use_threads=False):
            yield batch
            done += len(batch)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(
            f"{name}, after row {done:,}: a page cannot be read ({fault}). The file was altered: bring it again."
        ) from fault


def _parcels(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in tables of at most BATCH_ROWS rows and BATCH_BYTES of content."""
    held: list[pa.RecordBatch] = []
    rows, room = 0, BATCH_BYTES
    for batch in batches:
        start = 0
        for row, size in enumerate(pc.binary_length(batch.column("content")).to_pylist()):
            if rows and (rows == BATCH_ROWS or (size or 0) > room):
                yield pa.Table.from_batches([*held, batch.slice(start, row - start)]).combine_chunks()
                held, rows, room, start = [], 0, BATCH_BYTES, row
            rows, room = rows + 1, room - (size or 0)
        held.append(batch.slice(start))
    if rows:
        yield pa.Table.from_batches(held).combine_chunks()


def _raw(rows: pa.Table, name: str, first: int) -> pa.Table:
    told, column = _told(rows), rows["content"].cast(pa.large_binary())
    contents = column.to_pylist()
    checked = [_checked(*row) for row in zip(contents, told["blob"], told["encoding"], told["fault"], strict=True)]
    as_they_are = all(fetched.content is content for fetched, content in zip(checked, contents, strict=True))
    told |= {
        "file": [name] * len(rows),
        "line": list(range(first, first + len(rows))),
        "content": column if as_they_are else [fetched.content for fetched in checked],
        "fault": [fetched.fault for fetched in checked],
    }
    return pa.table(told, schema=RAW_ROWS)


def _told(rows: pa.Table) -> dict[str, list[Any]]:
    """The raw columns that a file tells of its rows, but for the content."""
    none = [None] * len(rows)
    told: dict[str, list[Any]] = {}
    for column, names in NAMES.items():
        read = _count if column in COUNTS else _text
        present = [[read(value) for value in _values(rows[name])] for name in names if name in rows.column_names]
        told[column] = [next((v for v in values if v is not None), None) for values in zip(none, *present, strict=True)]
    lower: dict[str, list[Any]] = {name: [v and v.lower() for v in told[name]] for name in ("blob", "encoding")}
    inside = [value and value.lstrip("/") for value in told["path"]]  # The Stack v2 begins a repository with "/"
    faults = [value if value in FAULTS else None for value in told["fault"]]
    return told | lower | {"path": inside, "fault": faults}


def _values(column: pa.ChunkedArray) -> list[Any]:
    """As Python's values; text as its bytes, for a file may call text what is no UTF-8."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.large_binary())
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = column.cast(pa.list_(pa.binary()))
    return column.to_pylist()


def _text(value: Any) -> str | None:
    """Text of a value; several, which are licences, in order and joined by AND; None for what tells nothing."""
    if isinstance(value, list):
        return licences.all_of(text for item in value if (text := _text(item)))
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
    return None if text.strip() in UNTOLD else text


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _checked(content: bytes | None, blob: str | None, encoding: str | None, fault: Fault | None) -> Fetched:
    """A row's content if it is what its blob names, else why not."""
    if fault is not None or content is None:
        return Fetched(None, fault or "null_content")
    if blob is None or software_heritage.is_named(content, blob):
        return Fetched(content)
    original = _encoded(content, encoding)
    if original is not None and software_heritage.is_named(original, blob):
        return Fetched(original)
    return Fetched(None, "wrong_content")


def _encoded(content: bytes, encoding: str | None) -> bytes | None:
    """UTF-8 in another encoding; None where that is unknown, or the text is not of its letters."""
    try:
        return content.decode().encode(encoding) if encoding else None
    except (ValueError, LookupError):
        return None


# ---------------------------------------------------------------------------------------------------------------------
# Mode live: metadata from the Hugging Face Hub, contents from Software Heritage

WANTED_ROWS = 100  # contents of a batch: they are in memory together, and what a broken run does again at most
LOOKED_AT_ROWS = 50_000  # of a batch, where few rows are wanted
METADATA_ROWS = 1_024  # read at a time
GROUPS = 10  # row groups of a batch: one that was damaged on the disk takes no other's contents with it
KEPT = pa.schema([field for field in RAW_ROWS if field.name not in {"file", "line"}])
NEEDED = ("path", "language", "blob")  # metadata without these names no contents


def wanted(rows: pa.Table, languages: Sequence[str]) -> pa.ChunkedArray:
    """Which rows of RAW_ROWS' columns are worth their content, told by everything but it; never null.

    A file of one of `languages`, named by a SHA-1, under a permissive licence, of SMALLEST to LARGEST bytes, in a
    repository of FEWEST_STARS or more. Where stars or size are not told, nothing speaks against it.
    """
    size, stars = rows["size"], rows["stars"]
    free = [text for text in pc.unique(rows["licence"]).to_pylist() if text is not None and _is_permissive(text)]
    conditions = (
        pc.is_in(rows["language"], pa.array(list(languages), pa.string())),
        pc.is_in(rows["licence"], pa.array(free, pa.string())),
        pc.fill_null(pc.match_substring_regex(rows["blob"], "^[0-9a-f]{40}$"), False),
        pc.fill_null(pc.and_(pc.greater_equal(size, SMALLEST), pc.less_equal(size, LARGEST)), True),
        pc.fill_null(pc.greater_equal(stars, FEWEST_STARS), True),
    )
    return functools.reduce(pc.and_, conditions)


def _is_permissive(licence: str) -> bool:
    try:
        return licences.kind(licence) == "permissive"
    except SourceError:  # not known, so not known to be permissive
        return False


def bring(
    folder: Path,
    repo: str = REPO,
    revision: str = REVISION,
    shards: Sequence[str] = SHARDS,
    languages: Sequence[str] = tuple(LANGUAGES),
    max_samples: int | None = MAX_SAMPLES,
) -> list[Path]:
    """Download metadata shards, and the contents of the first `max_samples` files wanted of each language.

    Every row that was looked at is written to a Parquet file in `folder`, in its order; one that is not wanted has no
    content and the fault not_fetched. What is there, and still is what its name says, is not fetched again. Raises
    SourceError where the hub or the archive cannot be asked, and for shards without the columns that are needed.
    """
    metadata = huggingface.bring(repo, revision, list(shards), folder / METADATA)
    batches = _batches(_looked_at(metadata, languages, math.inf if max_samples is None else max_samples))
    return [_settle(folder / f"files-{number:05d}.parquet", *batch) for number, batch in enumerate(batches)]


def at(
    repo: str = REPO,
    revision: str = REVISION,
    shards: Sequence[str] = SHARDS,
    languages: Sequence[str] = tuple(LANGUAGES),
    max_samples: int | None = MAX_SAMPLES,
) -> Source:
    """The source with other shards, languages or numbers of files, or another copy or revision of The Stack v2."""
    fetch = functools.partial(
        bring, repo=repo, revision=revision, shards=tuple(shards), languages=tuple(languages), max_samples=max_samples
    )
    pin = f"{repo}@{revision}/{','.join(shards)}#{','.join(languages)}:{max_samples}"
    return dataclasses.replace(SOURCE, bring=fetch, pin=pin)


Looked = tuple[pa.Table, list[bool]]  # rows in KEPT's columns, and whether each is wanted


def _looked_at(paths: Sequence[Path], languages: Sequence[str], most: float) -> Iterator[Looked]:
    """Rows of the metadata in their order, until each language has `most` that are wanted; then its rows are passed."""
    left = dict.fromkeys(languages, most)
    for path in paths:
        with _opened(path, path.name) as shard:
            _require(shard.schema_arrow, NEEDED, path.name)
            for rows in _metadata(shard, path.name, left):
                wants = wanted(rows, languages).to_pylist()
                looked = _take(rows["language"].to_pylist(), wants, left)
                yield rows.filter(pa.array(looked)), [want for want, look in zip(wants, looked, strict=True) if look]


def _metadata(shard: pq.ParquetFile, name: str, left: Mapping[str, float]) -> Iterator[pa.Table]:
    """Rows as far as their language is still open; a row group of one that is not is passed over unread."""
    known = {own for column, names in NAMES.items() if column not in {"content", "fault"} for own in names}
    columns = [column for column in shard.schema_arrow.names if column in known]
    try:
        for group in range(shard.num_row_groups):
            only = _only_language(shard, group)
            if not _is_open(only, left):
                continue  # Arrow reads before it gives the first batch
            for batch in shard.iter_batches(METADATA_ROWS, row_groups=[group], columns=columns, use_threads=False):
                if not _is_open(only, left):
                    break
                told = _told(pa.Table.from_batches([batch]))
                none = [None] * len(batch)
                yield pa.table(told | {"content": none, "fault": none}, schema=KEPT)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(f"{name}: a page cannot be read ({fault}). Remove it and run again.") from fault


def _is_open(only: str | None, left: Mapping[str, float]) -> bool:
    """Whether rows of that language, or of several (None), may still be wanted."""
    return any(left.values()) if only is None else left.get(only, 0) > 0


def _only_language(shard: pq.ParquetFile, group: int) -> str | None:
    """The language of all rows of a row group, by its statistics; None for several, or where they do not tell."""
    column = shard.schema_arrow.names.index("language")
    found = shard.metadata.row_group(group).column(column).statistics
    return found.min if found is not None and found.has_min_max and found.min == found.max else None


def _take(languages: Sequence[str | None], wants: Sequence[bool], left: dict[str, float]) -> list[bool]:
    """Which rows are looked at: all but those of a language that has enough. Counts down `left`."""
    looked = []
    for language, want in zip(languages, wants, strict=True):
        looked.append(language is None or left.get(language, 1) > 0)
        if want and looked[-1] and language is not None:
            left[language] -= 1
    return looked


def _batches(looked: Iterable[Looked]) -> Iterator[Looked]:
    """The same rows in batches that end with their WANTED_ROWS-th wanted row, or at LOOKED_AT_ROWS."""
    held: list[pa.Table] = []
    wants: list[bool] = []
    room = WANTED_ROWS
    for rows, wanted_rows in looked:
        start = 0
        for end, want in enumerate(wanted_rows, start=1):
            wants.append(want)
            room -= want
            if room == 0 or len(wants) == LOOKED_AT_ROWS:
                yield pa.concat_tables([*held, rows.slice(start, end - start)]), wants
                held, wants, room, start = [], [], WANTED_ROWS, end
        held.append(rows.slice(start))
    if wants:
        yield pa.concat_tables(held), wants


def _settle(target: Path, rows: pa.Table, wants: Sequence[bool]) -> Path:
    """Write a batch with the contents of its wanted rows; those of an earlier run that still hold are taken over."""
    before = list(_groups(target))
    blobs, held = rows["blob"].to_pylist(), _held(before)
    asked = [blob for blob, want in zip(blobs, wants, strict=True) if want]
    missing = [blob for blob in asked if blob not in held]
    found = held | software_heritage.contents(missing)
    outcomes = [found[blob] if want else UNWANTED for blob, want in zip(blobs, wants, strict=True)]
    brought = {"content": [o.content for o in outcomes], "fault": [o.fault for o in outcomes]}
    table = pa.table({name: brought.get(name, rows[name]) for name in KEPT.names}, schema=KEPT)
    if missing or not before or not pa.concat_tables(before).equals(table):
        _write(table, target)
    return target


UNWANTED = Fetched(None, "not_fetched")


def _groups(path: Path) -> Iterator[pa.Table]:
    """Row groups of a batch of an earlier run that can be read; none where there is no file, or none of ours."""
    try:
        file = _opened(path, path.name)
    except (SourceError, FileNotFoundError):
        return
    for group in range(file.num_row_groups if file.schema_arrow == KEPT else 0):
        try:
            yield file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError):
            log.warning("%s: row group %d was damaged; what it held is fetched again.", path.name, group)


def _held(groups: Iterable[pa.Table]) -> dict[str, Fetched]:
    """Contents that still are what their names say, and what was found to be missing or wrong."""
    held: dict[str, Fetched] = {}
    for group in groups:
        for blob, content, fault in zip(
            *(group[name].to_pylist() for name in ("blob", "content", "fault")), strict=True
        ):
            if content is not None and software_heritage.is_named(content, blob):
                held[blob] = Fetched(content)
            elif fault in {"not_found", "wrong_content"}:
                held[blob] = Fetched(None, fault)
    return held


def _write(table: pa.Table, target: Path) -> None:
    """In one move, so that a batch is there whole or not at all."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    pq.write_table(table, temporary, row_group_size=-(-len(table) // GROUPS), **HOLDING_CODE)
    temporary.replace(target)


# ---------------------------------------------------------------------------------------------------------------------

SOURCE = Source(
    stem=STEM,
    title="Source code: The Stack v2 (deduplicated), or files of one's own",
    homepage=f"https://huggingface.co/datasets/{REPO}",
    licence="The licence of each file, told in every row; permissive ones only are kept",
    citation=(
        "Anton Lozhkov, Raymond Li, Loubna Ben Allal, Federico Cassano, Joel Lamy-Poirier, Nouamane Tazi, Ao Tang, "
        "Dmytro Pykhtar, Jiawei Liu, Yuxiang Wei, et al. StarCoder 2 and The Stack v2: The Next Generation. 2024. "
        "arXiv:2402.19173."
    ),
    expected=("files",),
    patterns=("*.parquet",),
    identify=identify,
    sample=sample,
    count=count,
    bring=bring,
    pack=pack,
    pin=f"{REPO}@{REVISION}/{','.join(SHARDS)}#{','.join(LANGUAGES)}:{MAX_SAMPLES}",
    how_to_get=(
        f"The Stack v2 is gated: sign in, accept its terms at https://huggingface.co/datasets/{REPO}, and set HF_TOKEN "
        f"to a token that may read it. {software_heritage.KEYS}"
    ),
)
