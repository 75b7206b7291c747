"""One observation of DS1 packed into 15 bits, and what each of the 2**15 values means: its tokens, its evidence.

There are sixteen million observations, and they have few distinct contents. So a content is a small number, a `slot`,
and everything that depends on the content alone is looked up in a table over all slots.
"""

import numpy as np
import pyarrow as pa

from schemas import ds1_alibaba as ds1
from schemas import format_a
from tasks.pipelines.ds1_alibaba.arrays import Bools, Ints, encoded
from tasks.pipelines.ds1_alibaba.rules import long_waits

CODES = (0, *ds1.STATUS_TOKENS.values(), *ds1.EVENT_TOKENS.values())  # 0: a usage row, which has none
FIRST_EVENT = CODES.index(ds1.EVENT_TOKENS["add"])
SLOT_BITS = 15  # code 4 | cpu 4 | memory 4 | network 1 | requested 1 | long wait 1
CODE, CPU, MEMORY, NETWORK_BIT, REQUESTED_BIT, LONG_BIT = 11, 7, 3, 2, 1, 0  # where each begins
NO_MEASURE, UNKNOWN, FIRST_BIN = 0, 1, 2  # values of a slot's cpu and memory

# A bit for each of CODES that a window's rows have, then one for each of the three flags.
NETWORK_SEEN, REQUESTED_SEEN, LONG_SEEN = (1 << bit for bit in range(len(CODES), len(CODES) + 3))
MACHINE_SEEN = 1 | sum(1 << n for n in range(FIRST_EVENT, len(CODES)))
STATUS_SEEN = sum(1 << n for n in range(1, FIRST_EVENT))


def _code_index() -> Ints:
    """Position in CODES of a token: CODE_INDEX[301] == 2."""
    index = np.zeros(max(CODES) + 1, np.uint16)
    index[list(CODES)] = np.arange(len(CODES))
    return index


def _slot_field(begin: int, bits: int) -> Ints:
    """One field of every slot."""
    return (np.arange(1 << SLOT_BITS) >> begin) & ((1 << bits) - 1)


def _slot_tokens() -> Ints:
    """(slots, 3) int16: CPU token, memory token, token of the status or event; 0 where a slot has none."""
    parts = []
    for begin, base in ((CPU, ds1.CPU_BINS), (MEMORY, ds1.MEMORY_BINS)):
        value = _slot_field(begin, 4)
        without_bin = np.where(value == UNKNOWN, format_a.UNK, 0)
        parts.append(np.where(value >= FIRST_BIN, base + value - FIRST_BIN, without_bin))
    codes = np.array(CODES + (0,) * (16 - len(CODES)))
    return np.stack([*parts, codes[_slot_field(CODE, 4)]], axis=1).astype(np.int16)


def _slot_bits() -> Ints:
    """(slots,) uint32: a bit for the code's position in CODES, then one each for network, requested, long wait."""
    seen = 1 << _slot_field(CODE, 4)
    for bit, mask in ((NETWORK_BIT, NETWORK_SEEN), (REQUESTED_BIT, REQUESTED_SEEN), (LONG_BIT, LONG_SEEN)):
        seen = seen | _slot_field(bit, 1) * mask
    return seen.astype(np.uint32)


CODE_INDEX = _code_index()
TOKENS = _slot_tokens()
LENGTHS = (TOKENS > 0).sum(axis=1).astype(np.uint8)
SEEN = _slot_bits()


def slots(observations: pa.Table, wait_quantile: float) -> Ints:
    """The slot of each observation. `wait_quantile` decides which waits are long (rules.long_waits)."""
    code = CODE_INDEX[observations["code"].fill_null(0).to_numpy()]
    measures = code < FIRST_EVENT
    slot = code << CODE
    slot |= _bins(observations["cpu"], measures) << CPU
    slot |= _bins(observations["memory"], measures) << MEMORY
    slot |= observations["network"].to_numpy().astype(np.uint16) << NETWORK_BIT
    slot |= of_tables(observations, ("batch_task",)).astype(np.uint16) << REQUESTED_BIT
    slot |= long_waits(observations["wait"], wait_quantile).astype(np.uint16) << LONG_BIT
    return slot


def _bins(column: pa.ChunkedArray, measures: Bools) -> Ints:
    """A slot's value for a percentage: its decile, UNKNOWN where it is missing, NO_MEASURE where there is none."""
    values = column.to_numpy()
    missing = np.isnan(values)
    deciles = np.minimum(np.where(missing, 0, values).astype(np.uint16) // 10, ds1.BINS - 1)  # 9.99 -> 0, 10 -> 1
    return np.where(measures, np.where(missing, UNKNOWN, deciles + FIRST_BIN), NO_MEASURE).astype(np.uint16)


def of_tables(observations: pa.Table, names: tuple[str, ...]) -> Bools:
    """Observations that come from one of these raw tables."""
    tables = encoded(observations["table"])
    return np.isin(tables.dictionary.to_pylist(), names)[tables.indices.to_numpy()]


def has_code(seen: Ints, name: str) -> Bools:
    """Windows with a row of this status or event; `seen` is the union of their rows' SEEN."""
    token = {**ds1.STATUS_TOKENS, **ds1.EVENT_TOKENS}[name]
    return (seen & (1 << CODES.index(token))) > 0
