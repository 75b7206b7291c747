"""The loops of `tasks.curate.dedup.minhash` over bytes and hashes, compiled by numba. Pure; threads run them side by
side.

A module of its own, imported at the first call: numba takes a second to import, and a cached run never pays for it.
Kernels also run uncompiled (`kernel.py_func`), hence the explicit 64-bit types. All arithmetic wraps around at 2^64.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = np.ndarray[Any, Any]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

ZERO, ONE = np.uint64(0), np.uint64(1)
PRIME = np.uint64(0x100000001B3)  # FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
BASIS = np.uint64(0xCBF29CE484222325)
STEP = np.uint64(
    0x9E3779B97F4A7C15
)  # of the sequence, and below it the multipliers, of splitmix64 (Steele et al., 2014)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
LOW_32 = np.uint64(0xFFFFFFFF)
EMPTY = np.uint32(0xFFFFFFFF)  # a bin that no shingle has fallen into
WORD = 2  # from here on, the value of a character in `folded` says that it belongs to a word


def compiled(kernel: Kernel) -> Kernel:
    """The kernel in machine code, kept on disk beside this file between processes."""
    return cast("Kernel", numba.njit(nogil=True, cache=True, error_model="numpy")(kernel))


@compiled
def mixed(value: Any) -> Any:
    """A 64-bit number stirred so that each bit depends on every bit; never 0, which marks a free slot in tables."""
    value = (value ^ (value >> S30)) * MIX_1
    value = (value ^ (value >> S27)) * MIX_2
    value ^= value >> S31
    return value if value != ZERO else ONE


@compiled
def character(text: Array, at: int, end: int) -> Any:
    """(code point, where the next one begins) in UTF-8. Bytes that are no UTF-8 give some number below 2^21."""
    lead = np.int64(text[at])
    at += 1
    if lead < 0x80:
        return lead, at
    code = lead & (0x1F if lead < 0xE0 else 0x0F if lead < 0xF0 else 0x07)
    while at < end and text[at] & 0xC0 == 0x80:
        code = (code << 6 | np.int64(text[at] & 0x3F)) & 0x1FFFFF
        at += 1
    return code, at


@compiled
def words(text: Array, begin: int, end: int, folded: Array, out: Array) -> Any:
    """Writes the hash of each word of `text[begin:end]` to `out`; returns how many.

    A text without a word has one: all of it but white space.
    """
    count = 0
    inside = False
    word = bare = BASIS
    at = begin
    while at < end:
        code, at = character(text, at, end)
        value = folded[code]
        if value >= WORD:
            word = (word ^ np.uint64(value)) * PRIME
            inside = True
        elif inside:
            out[count] = mixed(word)
            count += 1
            word = BASIS
            inside = False
        elif count == 0 and value:
            bare = (bare ^ np.uint64(code)) * PRIME
    if inside or count == 0:
        out[count] = mixed(word if inside else bare)
        count += 1
    return count


@compiled
def fingerprint(hashes: Array, count: int) -> Any:
    """Hash of a sequence of word hashes."""
    total = np.uint64(count)
    for at in range(count):
        total = total * STEP + hashes[at]
    return mixed(total)


@compiled
def shingles(hashes: Array, count: int, ngram: int) -> Any:
    """Overwrites the hashes of words by those of each `ngram` words in a row, as often as they occur; returns how many.

    Fewer words than `ngram` are one shingle. Subtle: the word that leaves the window has just been overwritten.
    """
    width = min(count, ngram)
    weight = ONE  # STEP ** width
    window = ZERO
    for at in range(width):
        window = window * STEP + hashes[at]
        weight *= STEP
    for at in range(width, count):
        leaving = hashes[at - width]
        hashes[at - width] = mixed(window)
        window = window * STEP + hashes[at] - leaving * weight
    hashes[count - width] = mixed(window)
    return count - width + 1


@compiled
def room(count: int) -> Any:
    """Slots of a table that `count` hashes fill to a half at the most: a power of two."""
    size = 8
    while size < 2 * count:
        size *= 2
    return size


@compiled
def cleared(scratch: Array, count: int) -> Any:
    """A free table for `count` hashes, in memory used before: fresh memory costs as much as what is done with it."""
    table = scratch[: room(count)]
    table[:] = 0
    return table


@compiled
def slot(table: Array, value: Any) -> Any:
    """Where in the table the value is or, if it is not there, belongs."""
    mask = len(table) - 1
    at = np.int64(value & np.uint64(mask))
    while table[at] != ZERO and table[at] != value:
        at = (at + 1) & mask
    return at


@compiled
def distinct(hashes: Array, count: int, scratch: Array) -> Any:
    """Moves the different ones among the first `count` hashes to the front; returns how many."""
    table = cleared(scratch, count)
    kept = 0
    for index in range(count):
        value = hashes[index]
        at = slot(table, value)
        if table[at] == ZERO:
            table[at] = value
            hashes[kept] = value
            kept += 1
    return kept


@compiled
def throw(value: Any, sketch: Array, turns: Array, turn: int) -> None:
    """Lets one shingle fall into one bin, unless an earlier turn filled it. A bin keeps the least number it sees."""
    bins = len(sketch)
    into = turn - bins if turn >= bins else np.int64((value >> S32) * np.uint64(bins) >> S32)
    number = np.uint32(value & LOW_32)
    if turns[into] >= turn and number < sketch[into]:
        sketch[into] = number
        turns[into] = turn


@compiled
def fill(hashes: Array, count: int, sketch: Array, turns: Array, scratch: Array) -> None:
    """One-permutation sketch of a set of shingles, in which every bin is full and matches with probability Jaccard.

    Each shingle falls into one bin. While a bin is empty, all shingles are thrown again with fresh hashes and only into
    empty bins; from turn `len(sketch)` on, all into one. Texts of ten shingles so have sketches as good as long ones.
    (Fast similarity sketching: Dahlgaard, Knudsen and Thorup, FOCS 2017, arxiv.org/abs/1704.04370.)
    """
    sketch[:] = EMPTY
    turns[:] = 2 * len(sketch)
    for index in range(count):
        throw(hashes[index], sketch, turns, 0)
    if not (sketch == EMPTY).any():
        return
    count = distinct(hashes, count, scratch)
    for turn in range(1, 2 * len(sketch)):
        for index in range(count):
            throw(mixed(hashes[index] + STEP * np.uint64(turn)), sketch, turns, turn)
        if not (sketch == EMPTY).any():
            return


@compiled
def longest(offsets: Array) -> Any:
    """The most words that one of the texts can have: they are a byte long, and a byte apart."""
    most = 0
    for row in range(len(offsets) - 1):
        most = max(most, offsets[row + 1] - offsets[row])
    return most // 2 + 1


@compiled
def sign(text: Array, offsets: Array, folded: Array, ngram: int, prints: Array, keys: Array, marks: Array) -> None:
    """Writes of each text: its fingerprint, the key of each band of its sketch, the low byte of each bin.

    prints: uint64 (texts,); keys: uint64 (bands, texts); marks: uint8 (texts, bins), bands times rows bins.
    """
    bins = marks.shape[1]
    rows = bins // keys.shape[0]
    most = longest(offsets)
    hashes, scratch = np.empty(most, np.uint64), np.empty(room(most), np.uint64)
    sketch, turns = np.empty(bins, np.uint32), np.empty(bins, np.int64)
    for row in range(len(offsets) - 1):
        count = words(text, offsets[row], offsets[row + 1], folded, hashes)
        prints[row] = fingerprint(hashes, count)
        fill(hashes, shingles(hashes, count, ngram), sketch, turns, scratch)
        for band in range(keys.shape[0]):
            key = ZERO
            for at in range(band * rows, (band + 1) * rows):
                key = key * STEP + np.uint64(sketch[at])
                marks[row, at] = sketch[at] & 0xFF
            keys[band, row] = mixed(key)


@compiled
def alike(left: Array, right: Array) -> Any:
    """How many bins of two sketches match."""
    count = 0
    for at in range(len(left)):
        count += left[at] == right[at]
    return count


@compiled
def meet(order: Array, reach: Array, keys: Array, marks: Array, least: int) -> Any:
    """Pairs of texts, as left << 32 | right, that share a key and `least` bins.

    order: texts sorted by key. Each is compared with the next ones that have its key, but at most with `reach` of them.
    """
    found = np.empty(1024, np.uint64)
    size = 0
    for left in range(len(order)):
        for right in range(left + 1, min(left + 1 + reach[left], len(order))):
            one, other = order[left], order[right]
            if keys[one] != keys[other]:
                break
            if alike(marks[one], marks[other]) < least:
                continue
            if size == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            found[size] = np.uint64(min(one, other)) << S32 | np.uint64(max(one, other))
            size += 1
    return found[:size]


@compiled
def compare(text: Array, offsets: Array, folded: Array, ngram: int, lefts: Array, rights: Array) -> Any:
    """Exact Jaccard of the shingles of texts `lefts[i]` and `rights[i]`, for every i; quicker if sorted by `lefts`."""
    scratch = np.empty(room(longest(offsets)), np.uint64)
    starts, sets = spread(text, offsets, folded, ngram, scratch)
    measured = np.empty(len(lefts), np.float64)
    table = scratch
    for index in range(len(lefts)):
        left, right = lefts[index], rights[index]
        if index == 0 or left != lefts[index - 1]:
            table = cleared(scratch, starts[left + 1] - starts[left])
            for at in range(starts[left], starts[left + 1]):
                table[slot(table, sets[at])] = sets[at]
        shared = 0
        for at in range(starts[right], starts[right + 1]):
            shared += table[slot(table, sets[at])] != ZERO
        both = starts[left + 1] - starts[left] + starts[right + 1] - starts[right]
        measured[index] = shared / (both - shared)
    return measured


@compiled
def spread(text: Array, offsets: Array, folded: Array, ngram: int, scratch: Array) -> Any:
    """(starts, hashes): the different shingles of text i are `hashes[starts[i]:starts[i + 1]]`."""
    starts = np.zeros(len(offsets), np.int64)
    hashes = np.empty((offsets[-1] - offsets[0]) // 2 + len(offsets), np.uint64)
    for row in range(len(offsets) - 1):
        own = hashes[starts[row] :]
        count = words(text, offsets[row], offsets[row + 1], folded, own)
        starts[row + 1] = starts[row] + distinct(own, shingles(own, count, ngram), scratch)
    return starts, hashes


@compiled
def join(lefts: Array, rights: Array, count: int) -> Any:
    """The smallest row of each row's connected component, given the edges between `count` rows."""
    parent = np.arange(count)
    for index in range(len(lefts)):
        ends = lefts[index], rights[index]
        one, other = root(parent, ends[0]), root(parent, ends[1])
        parent[max(one, other)] = min(one, other)
    for row in range(count):
        parent[row] = parent[parent[row]]
    return parent


@compiled
def root(parent: Array, row: int) -> Any:
    """The root of a row, halving the way to it."""
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
