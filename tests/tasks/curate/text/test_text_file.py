"""Texts on disk: what is read is what was written, from any thread, and nothing is left behind."""

import os
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from tasks.curate.text.text_file import TextFile
from tests.benchmarks.bench_minhash import megabytes

pytestmark = pytest.mark.unit

LETTERS = "aZ09 \n\0é漢😀\ud83d"  # the last one is half of a pair
TEXTS = ["", "a", "é漢😀", "x" * 5_000, "", "b\n"]


def written(text: str) -> bytes:
    """The bytes that are kept of a text."""
    return text.encode("utf-8", "surrogatepass")


def read(texts: TextFile, rows: Sequence[int]) -> list[bytes]:
    """Some texts, cut apart again."""
    text, offsets = texts.read(np.array(rows, np.int64))
    assert (text.dtype, offsets.dtype, offsets[0], offsets[-1]) == (np.uint8, np.int64, 0, len(text))
    return [text[begin:end].tobytes() for begin, end in pairwise(offsets)]


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(st.text(LETTERS, max_size=8), max_size=6), max_size=5), data=st.data())
def test_any_rows_in_any_order_are_read_as_they_were_written(batches: list[list[str]], data: st.DataObject) -> None:
    """Also twice, and however the texts came in batches."""
    texts = [text for batch in batches for text in batch]
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=12)) if texts else []
    with TextFile.of(batches) as file:
        assert len(file) == len(texts)
        assert file.sizes.tolist() == [len(written(text)) for text in texts]
        assert read(file, rows) == [written(texts[row]) for row in rows]


@pytest.mark.parametrize(
    "held",
    [
        pa.array,
        lambda texts: pa.array(texts, pa.large_string()),
        lambda texts: pa.array(["other", *texts, "other"])[1:-1],
        lambda texts: pa.chunked_array([texts[:2], [], texts[2:]]),
        lambda texts: pa.array(texts).dictionary_encode(),
        tuple,
    ],
    ids=["array", "large", "slice", "chunks", "dictionary", "tuple"],
)
def test_arrow_arrays_are_written_as_lists_are(held: Callable[[list[str]], Any]) -> None:
    """Only what a slice shows is written."""
    with TextFile.of([held(TEXTS), held(TEXTS)]) as file:
        assert read(file, range(12)) == [written(text) for text in TEXTS * 2]


def test_threads_read_side_by_side() -> None:
    """No thread moves the place at which another one reads."""
    rng = np.random.default_rng(1)
    texts = [chr(97 + row % 26) * int(size) for row, size in enumerate(rng.integers(0, 3_000, 300))]
    choices = [rng.permutation(300) for _ in range(40)]
    with TextFile.of([texts]) as file, ThreadPoolExecutor(8) as pool:
        for rows, got in zip(choices, pool.map(lambda rows: read(file, rows), choices), strict=True):
            assert got == [texts[row].encode() for row in rows]


def test_neighbours_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand rows in a row are one request of the disk, and each gap is one more."""
    requests = []
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *request: requests.append(request) or real(*request))
    with TextFile.of([[f"text {row}" for row in range(2_000)]]) as file:
        read(file, range(1_000))
        assert len(requests) == 1
        read(file, [5, 6, 7, 9, 3])
        assert len(requests) == 4


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The file has no name while it is used, and its disk is free afterwards: it can no longer be read."""
    with TextFile.of([TEXTS], tmp_path) as file:
        assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="closed"):
        file.read(np.array([1]))


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([["a", "b"], ["c", None]], "text 3 is None"),
        ([["a"], pa.array(["b", None])], "text 2 is <pyarrow.StringScalar"),
    ],
)
def test_a_missing_text_is_refused(batches: Any, said: str) -> None:
    """It is neither empty nor a word; the sentence counts rows over all batches."""
    with pytest.raises(SourceError, match=rf"{said}.*a string is expected: quarantine rows without a text"):
        TextFile.of(batches)


def test_a_full_disk_is_a_sentence() -> None:
    """A file system says so when it is asked to write; here it is a limit on the size of files."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(
            SourceError, match=r"9,000 more bytes .* after 9,000 could not be written \(File too large\)"
        ):
            TextFile.of([["x" * 9_000], ["y" * 9_000]])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_memory_does_not_grow_with_the_texts() -> None:
    """64 MB of text, written and read in parts, take less than 16 MB; 8 bytes a text are not noticed."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak until now is none of the file's
    before = megabytes("VmRSS")
    with TextFile.of(
        [f"{row}{'x' * 1_000}" for row in range(at, at + 1_000)] for at in range(0, 64_000, 1_000)
    ) as file:
        assert file.sizes.sum() > 64_000_000
        for at in range(0, 64_000, 1_000):
            file.read(np.arange(at, at + 1_000))
    assert megabytes("VmHWM") - before < 16
