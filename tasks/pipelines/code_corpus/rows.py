"""Tables of files: their columns on the way to the corpus, and the split into kept files and rejects. Pure.

A reject names repository and path, never content: it may not be redacted yet, and some of it belongs to people who
opted out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.code_corpus import COLUMNS
from schemas.snapshot import Scan
from tasks.pipelines.code_corpus.rules import REASONS
from tasks.quality.rejects import rejected

Array = np.ndarray[Any, Any]
KeptAndRejects: TypeAlias = tuple[pd.DataFrame, pd.DataFrame]

TEXT, COUNT = pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.int64())
_PLACE = {"file": TEXT, "line": COUNT}  # of the raw row; the published table has neither
MEASURED_LAST = ("size", "lines", "tokens", "complexity", "digest")  # of the text as it is published
DECODED = {**{name: kind for name, kind in COLUMNS.items() if name not in MEASURED_LAST}, "bytes": COUNT, **_PLACE}
SELECTED = {**DECODED, "content": pd.ArrowDtype(pa.large_binary())}


def values(column: pd.Series) -> list[Any]:
    """A column as Python's values; polars is several times as fast as pandas at it."""
    return pl.from_pandas(column).to_list()


def texts(several: Iterable[str]) -> pd.Series:
    """Texts as a column."""
    return pd.Series(list(several), dtype=TEXT)


def column(name: str, several: Sequence[Any], like: pd.DataFrame) -> pd.Series:
    """Values as the corpus's column of that name, with the index of `like`."""
    kind = COLUMNS[name]
    return pd.Series(pd.array(pa.array(several, kind.pyarrow_dtype), dtype=kind), index=like.index)


def with_texts(files: pd.DataFrame, before: Sequence[str], after: Sequence[str]) -> pd.DataFrame:
    """The files with the texts `after`; a text that is the same object as `before` is not written again."""
    changed = np.array([old is not new for old, new in zip(before, after, strict=True)], bool)
    if not changed.any():
        return files
    others = pa.array([text for text, is_new in zip(after, changed, strict=True) if is_new], pa.large_string())
    replaced = pc.replace_with_mask(pa.array(files["content"]), pa.array(changed), others)
    return files.assign(content=pd.Series(pd.array(replaced, dtype=COLUMNS["content"]), index=files.index))


def split_batch(step: str, files: pd.DataFrame, reasons: Sequence[str | None]) -> KeptAndRejects:
    """A batch as (files without a reason, the others as rejects of `step`)."""
    goes = np.array([reason is not None for reason in reasons], bool)
    return files[~goes].reset_index(drop=True), file_rejects(step, files[goes], [r for r in reasons if r])


def split_scan(step: str, files: Scan, reasons: Sequence[str | None]) -> tuple[Iterator[pd.DataFrame], pd.DataFrame]:
    """All files as (batches of those without a reason, the others as rejects of `step`)."""
    goes = np.array([reason is not None for reason in reasons], bool)
    places = files.read("repo", "path", "file", "line")[goes]
    return _batches_of(files, ~goes), file_rejects(step, places, [r for r in reasons if r])


def _batches_of(files: Scan, chosen: Array) -> Iterator[pd.DataFrame]:
    at = 0
    for batch in files.batches():
        yield batch[chosen[at : at + len(batch)]]
        at += len(batch)


def file_rejects(step: str, files: pd.DataFrame, reasons: Sequence[str]) -> pd.DataFrame:
    """The rejects table of some files, each named by repository and path."""
    repos, paths = (values(files[name].fillna("?")) for name in ("repo", "path"))
    return rejected(
        step,
        REASONS,
        reasons=reasons,
        rows=[f"{repo}/{path}" for repo, path in zip(repos, paths, strict=True)],
        files=values(files["file"]),
        lines=values(files["line"]),
    )


def no_rejects(step: str, files: pd.DataFrame) -> pd.DataFrame:
    """The rejects table of a step that keeps every file."""
    return file_rejects(step, files.iloc[:0], [])
