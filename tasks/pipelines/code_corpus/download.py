"""Mode live: metadata of The Stack v2 from the Hugging Face Hub, contents from Software Heritage.

The Stack v2 names contents by their hashes and does not contain them. What is wanted by its metadata is downloaded, a
batch at a time.
"""

import functools
import logging
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.code_corpus import FEWEST_STARS, LARGEST, RAW_ROWS, SMALLEST
from schemas.finding import SourceError
from tasks.pipelines.code_corpus.raw_files import NAMES, opened, raw_columns, require_columns
from tasks.pipelines.code_corpus.rules import is_permissive
from tasks.sources import huggingface, software_heritage
from tasks.sources.parquet import HOLDING_CODE
from tasks.sources.software_heritage import Fetched

log = logging.getLogger(__name__)

METADATA = "metadata"  # folder below that of the contents
WANTED_ROWS = 100  # contents of a batch: all are in memory at once, and a broken run repeats at most one batch
READ_ROWS = 50_000  # rows of a batch at most, where few are wanted
METADATA_ROWS = 1_024  # read at a time
GROUPS = 10  # row groups of a batch: if one is damaged on the disk, the others stay
KEPT = pa.schema([field for field in RAW_ROWS if field.name not in {"file", "line"}])
NEEDED = ("path", "language", "blob")  # without these columns no content can be downloaded


def wanted(rows: pa.Table, languages: Sequence[str]) -> pa.ChunkedArray:
    """Which rows have a content that is worth a download, by the other columns of RAW_ROWS; never null.

    Wanted is a file in one of `languages`, with a SHA-1, under a permissive licence, of SMALLEST to LARGEST bytes, in a
    repository with FEWEST_STARS or more. Stars or size that are not known rule nothing out.
    """
    size, stars = rows["size"], rows["stars"]
    free = [text for text in pc.unique(rows["licence"]).to_pylist() if text is not None and is_permissive(text)]
    conditions = (
        pc.is_in(rows["language"], pa.array(list(languages), pa.string())),
        pc.is_in(rows["licence"], pa.array(free, pa.string())),
        pc.fill_null(pc.match_substring_regex(rows["blob"], "^[0-9a-f]{40}$"), False),
        pc.fill_null(pc.and_(pc.greater_equal(size, SMALLEST), pc.less_equal(size, LARGEST)), True),
        pc.fill_null(pc.greater_equal(stars, FEWEST_STARS), True),
    )
    return functools.reduce(pc.and_, conditions)


def bring(
    folder: Path,
    repo: str,
    revision: str,
    shards: Sequence[str],
    languages: Sequence[str],
    max_samples: int | None,
) -> list[Path]:
    """Download metadata shards, and the contents of the first `max_samples` files wanted of each language.

    Every row that was read is written to a Parquet file in `folder`, in its order; one that is not wanted has no
    content and the fault not_fetched. A content that is on the disk and has its hash is not downloaded again. Raises
    SourceError where the hub or the archive cannot be reached, and for shards without the columns that are needed.
    """
    metadata = huggingface.bring(repo, revision, list(shards), folder / METADATA)
    batches = _download_batches(
        _rows_until_enough(metadata, languages, math.inf if max_samples is None else max_samples)
    )
    return [_write_batch(folder / f"files-{number:05d}.parquet", *batch) for number, batch in enumerate(batches)]


RowsAndWanted: TypeAlias = tuple[pa.Table, list[bool]]  # rows in KEPT's columns, and whether each is wanted


def _rows_until_enough(paths: Sequence[Path], languages: Sequence[str], most: float) -> Iterator[RowsAndWanted]:
    """Rows of the metadata in their order; those of a language end once `most` of them are wanted."""
    left = dict.fromkeys(languages, most)
    for path in paths:
        with opened(path, path.name) as shard:
            require_columns(shard.schema_arrow, NEEDED, path.name)
            for rows in _metadata_rows(shard, path.name, left):
                wants = wanted(rows, languages).to_pylist()
                taken = _take_needed(rows["language"].to_pylist(), wants, left)
                yield rows.filter(pa.array(taken)), [want for want, take in zip(wants, taken, strict=True) if take]


def _metadata_rows(shard: pq.ParquetFile, name: str, left: Mapping[str, float]) -> Iterator[pa.Table]:
    """Rows of languages that need more files; a row group of other languages is not read."""
    readable = {own for column, names in NAMES.items() if column not in {"content", "fault"} for own in names}
    columns = [column for column in shard.schema_arrow.names if column in readable]
    try:
        for group in range(shard.num_row_groups):
            only = _only_language(shard, group)
            if not _needs_more(only, left):
                continue  # Arrow reads before it gives the first batch
            for batch in shard.iter_batches(METADATA_ROWS, row_groups=[group], columns=columns, use_threads=False):
                if not _needs_more(only, left):
                    break
                known = raw_columns(pa.Table.from_batches([batch]))
                none = [None] * len(batch)
                yield pa.table({**known, "content": none, "fault": none}, schema=KEPT)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(f"{name}: a page cannot be read ({fault}). Remove it and run again.") from fault


def _needs_more(only: str | None, left: Mapping[str, float]) -> bool:
    """Whether more rows of that language, or of any language (None), are needed."""
    return any(left.values()) if only is None else left.get(only, 0) > 0


def _only_language(shard: pq.ParquetFile, group: int) -> str | None:
    """The language of all rows of a row group, by its statistics; None for several or unknown languages."""
    column = shard.schema_arrow.names.index("language")
    found = shard.metadata.row_group(group).column(column).statistics
    return found.min if found is not None and found.has_min_max and found.min == found.max else None


def _take_needed(languages: Sequence[str | None], wants: Sequence[bool], left: dict[str, float]) -> list[bool]:
    """Which rows are taken: all but those of a language that has enough. Counts down `left`."""
    taken = []
    for language, want in zip(languages, wants, strict=True):
        taken.append(language is None or left.get(language, 1) > 0)
        if want and taken[-1] and language is not None:
            left[language] -= 1
    return taken


def _download_batches(parts: Iterable[RowsAndWanted]) -> Iterator[RowsAndWanted]:
    """The same rows in batches that end with their WANTED_ROWS-th wanted row, or at READ_ROWS."""
    waiting: list[pa.Table] = []
    wants: list[bool] = []
    room = WANTED_ROWS
    for rows, wanted_rows in parts:
        start = 0
        for end, want in enumerate(wanted_rows, start=1):
            wants.append(want)
            room -= want
            if room == 0 or len(wants) == READ_ROWS:
                yield pa.concat_tables([*waiting, rows.slice(start, end - start)]), wants
                waiting, wants, room, start = [], [], WANTED_ROWS, end
        waiting.append(rows.slice(start))
    if wants:
        yield pa.concat_tables(waiting), wants


def _write_batch(target: Path, rows: pa.Table, wants: Sequence[bool]) -> Path:
    """Write a batch with the contents of its wanted rows; valid contents of an earlier run are reused."""
    before = list(_readable_row_groups(target))
    blobs, known = rows["blob"].to_pylist(), _still_valid(before)
    asked = [blob for blob, want in zip(blobs, wants, strict=True) if want]
    missing = [blob for blob in asked if blob not in known]
    found = known | software_heritage.contents(missing)
    outcomes = [found[blob] if want else UNWANTED for blob, want in zip(blobs, wants, strict=True)]
    fetched = {"content": [o.content for o in outcomes], "fault": [o.fault for o in outcomes]}
    table = pa.table({name: fetched.get(name, rows[name]) for name in KEPT.names}, schema=KEPT)
    if missing or not before or not pa.concat_tables(before).equals(table):
        _write_parquet(table, target)
    return target


UNWANTED = Fetched(None, "not_fetched")


def _readable_row_groups(path: Path) -> Iterator[pa.Table]:
    """Readable row groups of a batch that an earlier run wrote; none where there is no such file."""
    try:
        file = opened(path, path.name)
    except (SourceError, FileNotFoundError):
        return
    for group in range(file.num_row_groups if file.schema_arrow == KEPT else 0):
        try:
            yield file.read_row_group(group, use_threads=False)
        except (pa.ArrowInvalid, OSError):
            log.warning("%s: row group %d is damaged; its contents are downloaded again.", path.name, group)


def _still_valid(groups: Iterable[pa.Table]) -> dict[str, Fetched]:
    """Contents that have their hash, and those known to be missing or wrong."""
    valid: dict[str, Fetched] = {}
    for group in groups:
        for blob, content, fault in zip(
            *(group[name].to_pylist() for name in ("blob", "content", "fault")), strict=True
        ):
            if content is not None and software_heritage.is_named(content, blob):
                valid[blob] = Fetched(content)
            elif fault in {"not_found", "wrong_content"}:
                valid[blob] = Fetched(None, fault)
    return valid


def _write_parquet(table: pa.Table, target: Path) -> None:
    """Write the file in one move, so that a batch is there whole or not at all."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    pq.write_table(table, temporary, row_group_size=-(-len(table) // GROUPS), **HOLDING_CODE)
    temporary.replace(target)
