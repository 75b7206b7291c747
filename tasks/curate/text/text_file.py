"""Texts on disk, for corpora larger than memory: written once, one after the other, then read by row. Pure but for one
temporary file without a name, which is gone when it is closed.

In memory is only the place of each text: 8 bytes. The file is read by `pread`, not mapped: mapped pages would be
counted as memory of the process.
"""

import os
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.finding import SourceError

Array = np.ndarray[Any, Any]
Batch: TypeAlias = "Sequence[str] | pa.Array | pa.ChunkedArray"


class TextFile:
    """Texts in the order in which they came: `with TextFile.of(batches) as texts:`. Several threads may read at once.

    Raises ValueError where texts are read after the end of the `with`.
    """

    def __init__(self, file: IO[bytes], offsets: Array) -> None:
        """Use `TextFile.of`. offsets: int64, where each text begins in the file, and where the last one ends."""
        self._file = file
        self._offsets = offsets

    @classmethod
    def of(cls, batches: Iterable[Batch], folder: Path | None = None) -> Self:
        """All texts of some batches, each a list or an Arrow array of strings; one batch is in memory at a time.

        folder: on whose disk they go, the machine's temporary folder by default. Raises SourceError where a text is
        missing, and where the disk has no room.
        """
        with ExitStack() as opened:
            file = opened.enter_context(tempfile.TemporaryFile(dir=folder))
            offsets = _write_texts(batches, file)
            opened.pop_all()
        return cls(file, np.frombuffer(offsets, np.int64))

    def __enter__(self) -> Self:
        """The texts."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the disk back."""
        self._file.close()

    def __len__(self) -> int:
        """How many texts."""
        return len(self._offsets) - 1

    @property
    def sizes(self) -> Array:
        """Bytes of each text in UTF-8: int64."""
        return np.diff(self._offsets)

    def read(self, rows: Array) -> tuple[Array, Array]:
        """The UTF-8 of some texts in a row, uint8, and where each begins and the last one ends in it, int64.

        rows: positions from 0 on, in any order; those of neighbours are read at once.
        """
        starts, ends = self._offsets[rows], self._offsets[np.add(rows, 1)]
        offsets = np.zeros(len(starts) + 1, np.int64)
        np.cumsum(ends - starts, out=offsets[1:])
        text = np.empty(offsets[-1], np.uint8)
        breaks = np.flatnonzero(starts[1:] != ends[:-1]) + 1
        for head, tail in pairwise((0, *breaks, len(starts)) if len(starts) else ()):
            self._read_into(text.data[offsets[head] : offsets[tail]], int(starts[head]))
        return text, offsets

    def _read_into(self, part: memoryview, at: int) -> None:
        """Read the bytes at a place in the file; a single read gives 2 GB at the most."""
        while part:
            count = os.preadv(self._file.fileno(), [part], at)
            if not count:
                raise SourceError(
                    f"the file of texts ends at byte {at:,}, {len(part):,} early: it was cut from outside"
                )
            part, at = part[count:], at + count


def encoded(texts: Sequence[str]) -> pa.Array:
    """Texts in UTF-8. Half of a surrogate pair, which JSON may contain, is no valid UTF-8, but is kept."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-8", "surrogatepass") for text in texts], pa.large_binary())


def in_a_row(texts: pa.Array) -> tuple[Array, Array]:
    """The bytes of an array of strings, uint8, and where each begins and the last one ends in it, int64. No copy."""
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    texts = texts.cast(pa.large_binary())
    _, ends, data = texts.buffers()
    offsets = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), offsets


def _write_texts(batches: Iterable[Batch], file: IO[bytes]) -> "array[int]":
    """Writes the texts; returns where each begins and the last one ends: an array that grows where it is."""
    ends = array("q", [0])
    for batch in batches:
        for chunk in _as_arrow_arrays(batch, len(ends) - 1):
            text, offsets = in_a_row(chunk)
            try:
                file.write(text[offsets[0] : offsets[-1]].data)
                file.flush()
            except OSError as error:
                raise SourceError(
                    f"{offsets[-1] - offsets[0]:,} more bytes of text after {ends[-1]:,} could not be written "
                    f"({error.strerror}): name a folder on a disk with more room (TMPDIR, or `folder`)"
                ) from error
            ends.frombytes((offsets[1:] + (ends[-1] - offsets[0])).tobytes())
    return ends


def _as_arrow_arrays(batch: Batch, before: int) -> Sequence[pa.Array]:
    """A batch as Arrow arrays of strings. before: how many texts came before it."""
    if isinstance(batch, pa.Array | pa.ChunkedArray):
        chunks = batch.chunks if isinstance(batch, pa.ChunkedArray) else [batch]
        missing = pc.index(pa.chunked_array(chunks, batch.type).is_null(), True).as_py()
    else:
        missing = next((row for row, text in enumerate(batch) if not isinstance(text, str)), -1)
        chunks = [] if missing >= 0 else [encoded(batch)]
    if missing >= 0:
        raise SourceError(
            f"text {before + missing} is {batch[missing]!r}, and a string is expected: "
            "quarantine rows without a text, or fill them with an empty one, before they are written"
        )
    return chunks
