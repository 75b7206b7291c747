"""Shards of The Stack with infrastructure files: which Parquet files are read, and how.

A shard is recognised by its columns, whatever its name. The real ones are on the Hugging Face Hub, behind terms that
have to be accepted there once; mode live downloads REPO at REVISION.
"""

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.ds6_the_stack import FURTHER_COLUMNS, LICENCE_SEPARATOR, NEEDED_COLUMNS, RAW_ROWS, STEM
from schemas.finding import SourceError
from schemas.source import Source
from tasks.pipelines.ds6_the_stack.sample import sample
from tasks.sources import huggingface, parquet

REPO = "bigcode/the-stack-dedup"  # the near-deduplicated copy; its terms are accepted on its page
REVISION = "17cad72c886a2858e08d4c349a00d6466f54df63"  # of 17 August 2023, its latest
SHARDS = "data/yaml/data-00000-of-*.parquet"  # the first of the YAML shards; data/yaml/*.parquet are all of them

BATCH_ROWS = 1_024  # files of 3 kB on average, of 1 MB at most


def identify(path: Path) -> str | None:
    """The word shards for a Parquet file with The Stack's columns, None for any other file.

    The columns of a Parquet file without its end cannot be read. It counts as a shard: reading it raises an error,
    and no row is lost unnoticed.
    """
    if path.suffix != ".parquet":
        return None
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        return "shards"
    return "shards" if set(NEEDED_COLUMNS) <= set(names) else None


def count(path: Path) -> int:
    """Rows of a shard by its footer. Raises SourceError for a file that is no whole Parquet file."""
    with _opened(path, path.name) as shard:
        return int(shard.metadata.num_rows)


def _opened(path: Path, name: str) -> pq.ParquetFile:
    return parquet.opened(path, name, "if it is no shard of The Stack")


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """Rows of a shard as RAW_ROWS, BATCH_ROWS at a time; a column that the shard lacks is null.

    Faults: null_content, invalid_utf8 (bytes that are not UTF-8 are replaced). An empty shard gives one table without
    rows. Raises SourceError for a file that is no whole Parquet file, or lacks a column that is needed.
    """
    with _opened(path, name) as shard:
        present = [column for column in (*NEEDED_COLUMNS, *FURTHER_COLUMNS) if column in shard.schema_arrow.names]
        missing = [column for column in NEEDED_COLUMNS if column not in present]
        if missing:
            raise SourceError(
                f"{name} has no column {', '.join(missing)}; it has {', '.join(shard.schema_arrow.names)}. "
                "A shard of The Stack has them: give one of its Parquet files."
            )
        yield from _batches(shard, present, name)


def _batches(shard: pq.ParquetFile, present: list[str], name: str) -> Iterator[pa.Table]:
    line = 1
    try:
        for batch in shard.iter_batches(BATCH_ROWS, columns=present):
            yield _raw_rows(batch, name, line)
            line += len(batch)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(
            f"{name}, after row {line - 1:,}: a page cannot be read ({fault}). The file was altered: bring it again."
        ) from fault
    if line == 1:
        yield RAW_ROWS.empty_table()


def _raw_rows(batch: pa.RecordBatch, name: str, first: int) -> pa.Table:
    texts = {column: _as_text(batch.column(column)) for column in batch.schema.names}
    content, damaged = _valid_utf8(texts["content"])
    fault = pc.if_else(damaged, "invalid_utf8", pc.if_else(pc.is_null(content), "null_content", None))
    rows = len(batch)
    columns = {
        "file": pa.repeat(name, rows),
        "line": pa.array(range(first, first + rows), pa.int64()),
        **{column: _valid_utf8(values)[0] for column, values in texts.items()},
        "content": content,
        "fault": fault,
    }
    return pa.table([columns.get(f.name, pa.nulls(rows, f.type)) for f in RAW_ROWS], schema=RAW_ROWS)


def _as_text(values: pa.Array) -> pa.Array:
    """A column as strings: lists joined by LICENCE_SEPARATOR, numbers as they are written, bytes as they are."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pc.binary_join(values.cast(pa.list_(pa.string())), LICENCE_SEPARATOR)
    return values.cast(pa.string(), safe=False) if not pa.types.is_binary(values.type) else _unchecked(values)


def _unchecked(values: pa.Array) -> pa.Array:
    """Bytes as text without a check: `_valid` checks all text."""
    return pa.Array.from_buffers(pa.string(), len(values), values.buffers(), offset=values.offset)


def _valid_utf8(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(texts with bytes that are not UTF-8 replaced, whether a text had such bytes)."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.binary()).to_pylist()
        text = [None if value is None else value.decode("utf-8", "replace") for value in raw]
        damaged = [value is not None and _is_damaged(value) for value in raw]
        return pa.array(text, pa.string()), pa.array(damaged)
    return texts, pa.repeat(False, len(texts))


def _is_damaged(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def bring(folder: Path, repo: str = REPO, revision: str = REVISION, shards: str = SHARDS) -> list[Path]:
    """Download the shards of a pinned revision into `folder`; files that are there and whole are not downloaded."""
    return huggingface.bring(repo, revision, [shards], folder)


def at(repo: str, revision: str, shards: str) -> Source:
    """SOURCE with other shards, or another copy or revision of The Stack."""
    fetch = functools.partial(bring, repo=repo, revision=revision, shards=shards)
    return dataclasses.replace(SOURCE, bring=fetch, pin=f"{repo}@{revision}/{shards}")


SOURCE = Source(
    stem=STEM,
    title="The Stack (deduplicated), infrastructure as code",
    homepage=f"https://huggingface.co/datasets/{REPO}",
    licence="The licence of each file's repository, named in every row; permissive licences alone are kept",
    citation=(
        "Denis Kocetkov, Raymond Li, Loubna Ben Allal, Jia Li, Chenghao Mou, Carlos Munoz Ferrandis, Yacine Jernite, "
        "Margaret Mitchell, Sean Hughes, Thomas Wolf, Dzmitry Bahdanau, Leandro von Werra, Harm de Vries. The Stack: "
        "3 TB of permissively licensed source code. 2022. arXiv:2211.15533."
    ),
    expected=("shards",),
    patterns=("*.parquet",),
    identify=identify,
    sample=sample,
    count=count,
    bring=bring,
    pin=f"{REPO}@{REVISION}/{SHARDS}",
    how_to_get=(
        f"The Stack is gated: sign in at huggingface.co, accept its terms at https://huggingface.co/datasets/{REPO}, "
        "and set HF_TOKEN to a token that may read it."
    ),
)
