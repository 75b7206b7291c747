"""Near duplicates among texts, by exact Jaccard of their word shingles. Pure.

What is compared: a text's *words* are its runs of letters, digits and underscores in lower case; its *shingles* are the
set of each `ngram` words in a row. White space, punctuation and case make no difference. Words in fives are the usual
measure for code (Kocetkov et al., The Stack, 2022, arxiv.org/abs/2211.15533). For requests of a line or two, `ngram=2`
forgives more: with fives, one changed word in twenty leaves a Jaccard of about one half.

How pairs are found, in four steps. Only the first and the last read the texts, a few megabytes at a time.
1. *Sign* each text: a sketch of 150 bins, of which two texts share each with probability Jaccard (`kernels.fill`).
2. *Collapse* copies: of texts with the same words in the same order, only the first goes on.
3. *Meet*: texts whose sketches share a whole band of bins, and most bins, are candidates.
4. *Verify* each candidate by its sets of shingles. No wrong pair is listed; `MISSED` says how many right ones are not.

Shingles are compared by 64-bit hashes: among a million texts, the odds of one wrong verdict are about 1e-7.
Speed and memory beside datasketch and rensa: `python -m tests.benchmarks.bench_minhash`.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.finding import SourceError
from tasks.curate.text.text_file import TextFile, encoded, in_a_row

Array = np.ndarray[Any, Any]
Texts: TypeAlias = "Sequence[str] | pa.Array | pa.ChunkedArray | pd.Series | pl.Series | TextFile"
Column: TypeAlias = "Sequence[str] | pa.ChunkedArray | TextFile"
Part = TypeVar("Part")
Result = TypeVar("Result")

NGRAM = 5  # words
MISSED = 1e-5  # odds that a pair exactly at the threshold shares no band; at .85: 25 bands of 6 rows
BINS = 192  # at most; below a threshold of .06 that is too few for MISSED
SPREAD = 6.0  # standard deviations below the threshold where candidates are dropped unread: one in 1e8 wrongly
# Where more texts than CROWD share a band, it says little (a licence, a form) and their pairs would be too many: each
# is compared with the NEIGHBOURS next to it. Near duplicates among them share other bands, with fewer texts.
CROWD = 128
NEIGHBOURS = 16
COPIES = 100  # of one text that are paired with each other and with its near duplicates; more, only with the first
BATCH = 8 << 20  # bytes of text that one thread reads at a time


@dataclass(frozen=True)
class Duplicates:
    """Pairs of near duplicates and the groups they form. Unpacks: `pairs, clusters = near_duplicates(texts, 0.85)`.

    pairs: `left`, `right` (row numbers, left < right), `jaccard` (exact, at least the threshold), sorted by row.
    clusters: int64, for each text the smallest row of its connected component: itself, where it has no duplicate.
    """

    pairs: pl.DataFrame
    clusters: Array

    def __iter__(self) -> Iterator[Any]:
        """`pairs`, then `clusters`."""
        return iter((self.pairs, self.clusters))


def near_duplicates(texts: Texts, threshold: float, *, workers: int = 1, ngram: int = NGRAM) -> Duplicates:
    """All pairs of texts whose Jaccard is at least `threshold`, and the groups they form.

    Texts in a `TextFile` stay on disk: in memory is only the signature of each, 358 bytes at the usual threshold.
    The same texts give the same answer on any number of `workers` (threads). Every pair listed is right. One that
    should be listed is missed with odds of 1e-5 at the threshold and less above, but for two limits that keep time
    linear. Of more than `COPIES` texts with the same words, the rest is paired with the first only. And where more than
    `CROWD` texts are much alike, each is compared with some of the others only. Neither parts a group, but for crowds
    in which hardly any two texts reach the threshold.

    Raises ValueError for a threshold outside (0, 1] and for less than one word or worker, SourceError where a text is
    missing: two rows without a text are no duplicates, and only the caller knows what they are. Empty texts are
    equal.
    """
    _check_arguments(threshold, workers, ngram)
    column = _as_column(texts)
    if not len(column):
        return _with_clusters(_pairs_frame([], [], []), 0)
    candidates, firsts = _candidates_and_firsts(column, threshold, ngram, workers)
    near = _measured_candidates(column, candidates, ngram, workers).filter(pl.col("jaccard") >= threshold)
    return _with_clusters(_with_copies(near, firsts), len(column))


def jaccard(left: str, right: str, ngram: int = NGRAM) -> float:
    """Shingles that two texts share, per shingle that either has: 1.0 for two empty texts. The measure of this module.

    "a b c d e f" and "a b c d e g" have two shingles each, share one, and so measure 1 / 3.
    """
    one, other = shingles(left, ngram), shingles(right, ngram)
    return len(one & other) / len(one | other)


def shingles(text: str, ngram: int = NGRAM) -> frozenset[tuple[str, ...]]:
    """Each `ngram` words in a row. Fewer words are one shingle; without words, all but white space is one word.

    "Stop the web-pod now, please" -> (stop, the, web, pod, now), (the, web, pod, now, please).
    """
    found = [_lower_word(word) for word in re.findall(r"\w+", text)] or ["".join(text.split())]
    return frozenset(tuple(found[at : at + ngram]) for at in range(max(len(found) - ngram, 0) + 1))


def hashed(texts: Texts, ngram: int = NGRAM) -> tuple[Array, Array]:
    """(starts, hashes): 64-bit hashes, none twice, of the shingles of text i are `hashes[starts[i]:starts[i + 1]]`."""
    from tasks.curate.dedup import minhash_kernels as kernels

    column = _as_column(texts)
    text, offsets = _utf8_of(column, np.arange(len(column)))
    scratch = np.empty(kernels.room(kernels.longest(offsets)), np.uint64)
    starts, hashes = kernels.spread(text, offsets, _fold_table(), ngram, scratch)
    return starts, hashes[: starts[-1]]


def banding(threshold: float) -> tuple[int, int]:
    """(bands, rows) of the most selective sketch that misses a pair at the threshold with odds of at most `MISSED`.

    Two texts share a band of `rows` bins with probability `jaccard ** rows`. .85 -> (25, 6), .5 -> (41, 2).
    """
    for rows in range(BINS, 0, -1):
        apart = 1 - threshold**rows
        if apart ** (BINS // rows) <= MISSED:
            return (math.ceil(math.log(MISSED) / math.log(apart)) if apart else 1), rows
    return BINS, 1


def _check_arguments(threshold: float, workers: int, ngram: int) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; a Jaccard above 0 and up to 1 is expected, such as 0.85")
    if ngram < 1:
        raise ValueError(f"ngram is {ngram}; a shingle has at least one word")
    if workers < 1:
        raise ValueError(f"workers is {workers}; at least one thread must work")


# --- texts in, bytes out ---------------------------------------------------------------------------------------------


def _as_column(texts: Texts) -> Column:
    """Texts without a copy: those on disk, Arrow's in chunks, others as a list."""
    if isinstance(texts, TextFile):
        return texts
    if isinstance(texts, pd.Series):
        texts = pa.array(texts) if isinstance(texts.dtype, pd.ArrowDtype | pd.StringDtype) else texts.tolist()
    elif isinstance(texts, pl.Series):
        texts = texts.to_arrow()
    if isinstance(texts, pa.Array):
        texts = pa.chunked_array([texts])
    if isinstance(texts, pa.ChunkedArray):
        if texts.type not in {pa.string(), pa.large_string()}:
            texts = texts.cast(pa.large_string())
        missing = pc.index(texts.is_null(), True).as_py()
    else:
        missing = next((row for row, text in enumerate(texts) if not isinstance(text, str)), -1)
    if missing >= 0:
        raise SourceError(
            f"text {missing} of {len(texts):,} is {texts[missing]!r}, and a string is expected: "
            "quarantine rows without a text, or fill them with an empty one, before duplicates are sought"
        )
    return texts


def _byte_sizes(column: Column) -> Array:
    """About how many bytes each text has."""
    if isinstance(column, TextFile):
        return column.sizes
    if isinstance(column, pa.ChunkedArray):
        return pc.binary_length(column).to_numpy().astype(np.int64)
    return np.fromiter(map(len, column), np.int64, len(column))


def _utf8_of(column: Column, rows: Array) -> tuple[Array, Array]:
    """The UTF-8 of some texts in a row, uint8, and where each begins and the last one ends in it, int64."""
    if isinstance(column, TextFile):
        return column.read(rows)
    if isinstance(column, pa.ChunkedArray):
        return in_a_row(pa.concat_arrays(column.take(pa.array(rows)).cast(pa.large_binary()).chunks))
    return in_a_row(encoded([column[row] for row in rows]))


def _byte_batches(sizes: Array) -> list[Array]:
    """Consecutive positions whose sizes add up to about `BATCH`."""
    ends = np.flatnonzero(np.diff(np.cumsum(sizes) // BATCH)) + 1
    return np.split(np.arange(len(sizes)), ends)


@cache
def _fold_table() -> Array:
    """uint32 for each number below 2^21: 0 for white space, 1 for what else is no word, and the lower case of a letter.

    Other characters of a word map to themselves.
    """
    letters = {
        ord(letter): ord(_lower_word(letter)) for letter in re.findall(r"\w", "".join(map(chr, range(0x110000))))
    }
    table = np.ones(1 << 21, np.uint32)
    table[[code for code in range(0x3001) if chr(code).isspace()]] = 0
    table[list(letters)] = list(letters.values())
    return table


def _lower_word(word: str) -> str:
    """Lower case, letter by letter: one may become two ("İ"), of which the first counts."""
    return "".join(letter.lower()[0] for letter in word)


# --- the four steps --------------------------------------------------------------------------------------------------


def _map_in_threads(work: Callable[[Part], Result], parts: Sequence[Part], workers: int) -> list[Result]:
    """Results in the order of the parts, whichever thread is the first to finish."""
    if workers == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, parts))


def _candidates_and_firsts(column: Column, threshold: float, ngram: int, workers: int) -> tuple[Array, Array]:
    """(candidates, the first text with the words of each text).

    Steps 1 to 3. The signatures, which take most of the memory, are let go of here: nothing after needs them.
    """
    prints, keys, marks = _signatures(column, banding(threshold), ngram, workers)
    _, firsts, groups = np.unique(prints, return_index=True, return_inverse=True)
    return _candidate_pairs(np.sort(firsts), keys, marks, threshold, workers), firsts[groups]


def _signatures(column: Column, shape: tuple[int, int], ngram: int, workers: int) -> tuple[Array, Array, Array]:
    """Fingerprint (uint64), keys (uint64, bands by texts) and marks (uint8, texts by bins) of all texts."""
    from tasks.curate.dedup import minhash_kernels as kernels

    bands, rows = shape
    prints = np.empty(len(column), np.uint64)
    keys = np.empty((bands, len(column)), np.uint64)
    marks = np.empty((len(column), bands * rows), np.uint8)

    def sign(batch: Array) -> None:
        part = slice(batch[0], batch[-1] + 1)
        kernels.sign(*_utf8_of(column, batch), _fold_table(), ngram, prints[part], keys[:, part], marks[part])

    _map_in_threads(sign, _byte_batches(_byte_sizes(column)), workers)
    return prints, keys, marks


def _candidate_pairs(texts: Array, keys: Array, marks: Array, threshold: float, workers: int) -> Array:
    """Pairs of texts that share a band and nearly enough bins, sorted, each once: uint64, left << 32 | right."""
    from tasks.curate.dedup import minhash_kernels as kernels

    bins = marks.shape[1]
    least = math.ceil(bins * threshold - SPREAD * math.sqrt(bins * threshold * (1 - threshold)))

    def meet(band: int) -> Array:
        order, reach = _band_order(texts, keys[band])
        return kernels.meet(order, reach, keys[band], marks, least)

    found = np.empty(0, np.uint64)
    for first in range(0, len(keys), workers):  # not all at once: bands repeat each other, and memory is for texts
        bands = range(first, min(first + workers, len(keys)))
        found = np.concatenate((found, *_map_in_threads(meet, bands, workers)))
        found.sort()
        found = found[np.diff(found, prepend=~found[:1]) != 0]
    return found


def _band_order(texts: Array, keys: Array) -> tuple[Array, Array]:
    """Texts sorted by the keys of one band, and with how many of the next ones each is to be compared."""
    order = texts[np.argsort(keys[texts], kind="stable")]
    own = keys[order]
    sizes = np.diff(np.flatnonzero(own[1:] != own[:-1]), prepend=-1, append=len(own) - 1)
    return order, np.repeat(np.where(sizes > CROWD, NEIGHBOURS, CROWD).astype(np.int16), sizes)


def _measured_candidates(column: Column, candidates: Array, ngram: int, workers: int) -> pl.DataFrame:
    """Candidates with their exact Jaccard."""
    from tasks.curate.dedup import minhash_kernels as kernels

    left, right = (candidates >> np.uint64(32)).astype(np.int64), (candidates & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def compare(batch: Array) -> Array:
        rows, ends = np.unique((left[batch], right[batch]), return_inverse=True)
        return kernels.compare(*_utf8_of(column, rows), _fold_table(), ngram, *ends.reshape(2, -1))

    measured = _map_in_threads(compare, _byte_batches(_byte_sizes(column)[right]), workers) if len(candidates) else []
    return _pairs_frame(left, right, np.concatenate([[], *measured]))


def _pairs_frame(left: Any, right: Any, measured: Any) -> pl.DataFrame:
    columns = {"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64}
    return pl.DataFrame([left, right, measured], schema=columns)


def _with_copies(near: pl.DataFrame, firsts: Array) -> pl.DataFrame:
    """Pairs of first texts, extended to their copies and sorted. firsts: the first text with the words of each text."""
    texts = pl.DataFrame({"first": firsts, "row": np.arange(len(firsts))})
    listed = texts.filter(pl.int_range(pl.len()).over("first") < COPIES)
    rest = texts.join(listed, on="row", how="anti").select(left="first", right="row")
    copies = (
        listed.join(listed, on="first").select(left="row", right="row_right").filter(pl.col("left") < pl.col("right"))
    )
    ends = near.join(listed.rename({"first": "left"}), on="left").join(
        listed.rename({"first": "right"}), on="right", suffix="_right"
    )
    across = ends.select(
        pl.min_horizontal("row", "row_right").alias("left"),
        pl.max_horizontal("row", "row_right").alias("right"),
        "jaccard",
    )
    same = pl.concat([copies, rest]).with_columns(jaccard=1.0)
    return pl.concat([across, same]).sort("left", "right")


def _with_clusters(pairs: pl.DataFrame, count: int) -> Duplicates:
    from tasks.curate.dedup import minhash_kernels as kernels

    return Duplicates(pairs, kernels.join(pairs["left"].to_numpy(), pairs["right"].to_numpy(), count))
