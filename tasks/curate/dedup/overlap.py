"""Decontamination: how much of a text is in a benchmark, or in the files of the test split. Pure.

Two measures. `mentions` finds the strings of a benchmark in a text, letter by letter but for case and white space.
`shares` measures how much of a text is in the test files, by runs of `WIDTH` words (words as in
`tasks.curate.dedup.minhash`): renamed, shifted or re-indented copies are found by what they still share. Copyright
notices count on neither side: they do not show where the code comes from.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from schemas.finding import SourceError
from tasks.curate.dedup.minhash import hashed

Array = np.ndarray[Any, Any]

# Characters of a benchmark's string; shorter ones are in every other file ("return a + b").
SHORTEST = 20
HEAD = 64  # characters of a string that are sought; the rest is compared only where they are found

WIDTH = 8  # words in a row, as PaLM's authors took (Chowdhery et al., 2022, section 8)
MOST = 1 << 22  # runs in memory, 8 bytes each, several times that while they are sorted; of more, a sample
SIEVE = 24  # bits: of 16 million ends, a hundred megabytes of code take one in sixteen
TOP = 8_192  # characters at the start of a file, where its notices are

_COMMENT = re.compile(
    r'/\*.*?\*/|<!--.*?-->|"""(?:.*?)"""|' + r"'''.*?'''|(?:^[ \t]*(?:#|//|--)[^\n]*(?:\n|\Z))+",
    re.DOTALL | re.MULTILINE,
)
_NOTICE = ("copyright", "license", "licence", "spdx-")


# --- strings of benchmarks -------------------------------------------------------------------------------------------


def mentions(texts: Sequence[str], needles: Sequence[str]) -> list[str | None]:
    """For each text the first of `needles`, in their order, that it contains; None where it contains none.

    Both are compared in lower case, with a run of white space as one blank: "Return  the SUM of x" has "the sum of".
    All needles are searched at once, so thousands cost little more than one. Raises SourceError for a needle that has
    fewer than `SHORTEST` characters when compared so.
    """
    sought = [_lower_on_one_line(needle) for needle in needles]
    _refuse_short(needles, sought)
    if not sought:
        return [None] * len(texts)
    heads = defaultdict(list)
    for at, needle in enumerate(sought):
        heads[needle[:HEAD]].append(at)
    folded = [_lower_on_one_line(text) for text in texts]
    hits = pl.Series(folded, dtype=pl.String).str.extract_many(list(heads), overlapping=True).to_list()
    found = (
        _first_in_text(text, sorted({at for head in hit for at in heads[head]}), sought)
        for text, hit in zip(folded, hits, strict=True)
    )
    return [None if at is None else needles[at] for at in found]


def _lower_on_one_line(text: str) -> str:
    """Half of a surrogate pair, which no Arrow string may hold, is a question mark."""
    return " ".join(text.lower().split()).encode("utf-8", "replace").decode()


def _refuse_short(needles: Sequence[str], folded: Sequence[str]) -> None:
    short = next((at for at, needle in enumerate(folded) if len(needle) < SHORTEST), None)
    if short is not None:
        raise SourceError(
            f"string {short} of {len(needles):,} to be kept out of the corpus is {needles[short]!r}: "
            f"{len(folded[short])} characters without case and layout, and at least {SHORTEST} are expected, "
            "for it would match files that have nothing to do with it: leave it out, or give more of its surroundings"
        )


def _first_in_text(text: str, candidates: Sequence[int], needles: Sequence[str]) -> int | None:
    return next((at for at in candidates if needles[at] in text), None)


# --- test files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Runs:
    """The runs of words of test files, as hashes.

    hashes: uint64, sorted, each once: those of all runs up to `limit`. wholes: uint64, sorted: of each file, the hash
    of all its runs. limit: the highest 64-bit number where all runs are here, half of it where every second one is.
    """

    hashes: Array
    wholes: Array
    limit: int

    @cached_property
    def sieve(self) -> Array:
        """Whether a run's hash ends in these `SIEVE` bits: bool, 16 MB. Makes most searches unnecessary."""
        ends = np.zeros(1 << SIEVE, bool)
        ends[_low_bits(self.hashes)] = True
        return ends


def runs(batches: Iterable[Sequence[str]], most: int = MOST) -> Runs:
    """The runs of test texts, which come in batches; neither their order nor the batches change anything.

    Of more than `most` different runs, those with the higher hashes are dropped, half of them at a time.
    """
    hashes, wholes, limit = np.empty(0, np.uint64), [np.empty(0, np.uint64)], (1 << 64) - 1
    waiting: list[Array] = []
    for texts in batches:
        starts, own = _runs_of_each(texts)
        wholes.append(_whole_hashes(starts, own))
        waiting.append(own[own <= np.uint64(limit)])
        if sum(map(len, waiting)) > len(hashes):  # not for each batch: sorting takes the time
            hashes, limit = _sampled_hashes([hashes, *waiting], limit, most)
            waiting = []
    hashes, limit = _sampled_hashes([hashes, *waiting], limit, most)
    return Runs(hashes, _distinct_sorted(wholes), limit)


def _sampled_hashes(parts: list[Array], limit: int, most: int) -> tuple[Array, int]:
    """(the different hashes up to the limit, sorted, the limit), which is halved until they are no more than `most`."""
    hashes = _distinct_sorted(parts)
    while len(hashes) > most:
        limit //= 2
        hashes = hashes[: np.searchsorted(hashes, np.uint64(limit), "right")]
    return hashes.copy(), limit


def shares(texts: Sequence[str], tested: Runs) -> Array:
    """For each text, the share of its runs that are in `tested`: float64, 0 to 1.

    Counted are the different runs of `WIDTH` words, of fewer words the text as one run, outside of notices, whose
    hashes are up to `tested.limit`. A text with just the runs of a test text has 1.0 even where these are sampled. A
    text of which nothing is left without its notice has 0.0, as has one none of whose runs are in the sample.
    """
    starts, own = _runs_of_each(texts)
    counted = own <= np.uint64(tested.limit)
    known = counted & tested.sieve[_low_bits(own)]
    known[known] = _is_among(own[known], tested.hashes)
    total = np.diff(np.append(0, np.cumsum(counted))[starts])
    shared = np.diff(np.append(0, np.cumsum(known))[starts])
    measured = np.where(_is_among(_whole_hashes(starts, own), tested.wholes), 1.0, shared / np.maximum(total, 1))
    return np.where(np.diff(starts) == 0, 0.0, measured)


def _runs_of_each(texts: Sequence[str]) -> tuple[Array, Array]:
    """(starts, hashes): the different runs of text i, none if it is blank, are `hashes[starts[i]:starts[i + 1]]`."""
    bare = [_without_notices(text) for text in texts]
    starts, hashes = hashed(bare, WIDTH)
    full = np.array([not text.isspace() and bool(text) for text in bare], bool)
    sizes = np.diff(starts) * full
    return np.append(0, np.cumsum(sizes)), hashes[np.repeat(full, np.diff(starts))]


def _without_notices(text: str) -> str:
    """The text without the comments at its top that name a licence or a copyright."""
    top = text[:TOP]
    if not _is_notice(top):
        return text
    return _COMMENT.sub(lambda comment: "" if _is_notice(comment[0]) else comment[0], top) + text[TOP:]


def _is_notice(text: str) -> bool:
    small = text.lower()  # and four plain searches: ten times as fast as one expression for either case
    return any(word in small for word in _NOTICE)


def _whole_hashes(starts: Array, hashes: Array) -> Array:
    """One number for the set of runs of each text that has some: their sum, which wraps around at 2^64."""
    return np.diff(np.append(np.uint64(0), np.cumsum(hashes, dtype=np.uint64))[starts])


def _distinct_sorted(parts: list[Array]) -> Array:
    """All values, sorted, each once. `np.unique` takes ten times as long for random numbers: it hashes them first."""
    values = np.concatenate(parts)
    values.sort()
    return values[np.diff(values, prepend=~values[:1]) != 0]


def _low_bits(hashes: Array) -> Array:
    return (hashes & np.uint64((1 << SIEVE) - 1)).astype(np.int64)


def _is_among(values: Array, known: Array) -> Array:
    """Whether each value is one of the known ones, which are sorted."""
    found = np.zeros(len(values), bool)
    if len(known):
        order = np.argsort(values)  # searching in order stays in the processor's cache
        values = values[order]
        found[order] = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found
