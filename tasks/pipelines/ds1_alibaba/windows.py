"""Observations of DS1 into labelled windows: one token sequence for each entity and window that has an observation.

There are sixteen million observations, so (entity, time, slot) is packed into one integer that is sorted as such
(slots.py). Rows that tie have the same content, so the order of lines in the file does not matter. All tokens are then
one stream, a window is a slice of it, and a sequence is a longer slice that ends with its window.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ds1_alibaba as ds1
from schemas import format_a
from schemas.limits import LoadRules
from tasks.pipelines.ds1_alibaba.arrays import Bools, Floats, Ints, as_frame, encoded, first_true
from tasks.pipelines.ds1_alibaba.rules import DUPLICATE_ROW, LABEL_RULES, REASONS, Evidence, deciding_rule
from tasks.pipelines.ds1_alibaba.slots import (
    LENGTHS,
    LONG_SEEN,
    MACHINE_SEEN,
    NETWORK_SEEN,
    REQUESTED_SEEN,
    SEEN,
    SLOT_BITS,
    STATUS_SEEN,
    TOKENS,
    has_code,
    of_tables,
    slots,
)
from tasks.quality.rejects import rejected

KEY_BITS = 64
EXACT = 1e6  # loads are summed as whole millionths: a float sum would depend on the order of the rows
PART = 1 << 21  # rows handled at a time
SPARSE = 64  # cells for each window, at which a table of them is no longer worth its memory
LISTS = 1 << 16  # sequences made at a time: Arrow needs some 300 bytes for each besides its tokens


@dataclass(frozen=True)
class Rows:
    """Observations as arrays of one length, in any order but after `_sorted_rows`. `entity` counts the sorted names."""

    entity: Ints  # int32
    time: Ints  # int32
    slot: Ints  # uint16

    def __len__(self) -> int:
        return len(self.slot)


@dataclass(frozen=True)
class Windows:
    """The windows with a row, as arrays of one length, in order of entity and time."""

    entity: Ints
    number: Ints  # time // window_seconds
    rows: Ints  # observations
    seen: Ints  # the union of its rows' bits: see slots.SEEN
    ends: Ints  # where its tokens end in the stream

    def __len__(self) -> int:
        return len(self.entity)


@dataclass(frozen=True)
class Trace:
    """All windows of a trace, what they are made of, and how loaded the machine was in each."""

    names: pa.Array  # of the entities, sorted
    windows: Windows
    stream: Ints  # int16: the tokens of all windows, in their order
    cpu: Floats  # measured percent, NaN where nothing is measured
    memory: Floats


def windows(
    observations: pd.DataFrame, *, window_seconds: int, history: int, trace_start: str, load: LoadRules
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One labelled sequence for each entity and window that has an observation, and the rejected duplicates.

    A sequence has the tokens of its window after those of the entity's windows up to `history` before it in time
    (a gap stays a gap), oldest first, the last 512. `trace_start`: the instant of the trace's second 0 (the trace
    does not publish it). `load`: thresholds of the label rules, in percent of a machine, measured: a request is no
    load. `load.wait_quantile` is over the waits given, so more data can move `wait_long`, and nothing else of an
    earlier window.
    Returns (schemas.contracts.MachineSequences, rejects); the sum of `rows` is the number of observations not rejected.
    """
    table, rejects = _without_duplicates(pa.Table.from_pandas(observations, preserve_index=False))
    trace = _trace(table, window_seconds, load.wait_quantile)
    rule = deciding_rule(_evidence(trace), load)
    clock = _Clock(pd.Timestamp(trace_start), window_seconds)
    return as_frame(_sequences(trace, rule, history, clock)), rejects


def _trace(table: pa.Table, window_seconds: int, wait_quantile: float) -> Trace:
    """The windows of a table of observations.

    Apart from `windows`, so that arrays with one value a row are gone when the sequences are made.
    """
    names, entity = _ranked_entities(table["entity"])
    rows = Rows(entity, table["time"].to_numpy().astype(np.int32), slots(table, wait_quantile))
    cut, stream = _cut_windows(_sorted_rows(rows), window_seconds)
    return Trace(names, cut, stream, *_loads(table, rows, cut, window_seconds))


def _without_duplicates(table: pa.Table) -> tuple[pa.Table, pd.DataFrame]:
    """The first of equal source rows, by file and line; the others as rejects."""
    hashes = table["row_hash"].to_numpy()
    ordered = np.sort(hashes)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    suspects = np.flatnonzero(np.isin(hashes, repeated)) if len(repeated) else np.empty(0, np.int64)
    places = table.select(["row_hash", "file", "line"]).take(suspects)
    places = pl.DataFrame(
        {
            "position": suspects,
            "hash": places["row_hash"].to_numpy(),
            "file": places["file"].cast(pa.string()).to_pylist(),
            "line": places["line"].to_numpy(),
        }
    ).sort("file", "line", "position")
    again = places.filter(~pl.col("hash").is_first_distinct())["position"].sort().to_numpy()
    kept = np.ones(table.num_rows, bool)
    kept[again] = False
    return table.filter(pa.array(kept)) if len(again) else table, _duplicate_rejects(table.take(again))


def _duplicate_rejects(table: pa.Table) -> pd.DataFrame:
    """Observations as rejects; the text is what was observed, for the source row is not at hand."""
    values = [
        pc.binary_join_element_wise(name, table[name].cast(pa.string()), "=", null_handling="replace")
        for name in ds1.OBSERVATION
        if name not in ("row_hash", *ds1.PLACE)
    ]
    reasons = pa.repeat(DUPLICATE_ROW.name, table.num_rows)
    texts = pc.binary_join_element_wise(*values, " ")
    return rejected("windows", REASONS, reasons=reasons, rows=texts, files=table["file"], lines=table["line"])


def _ranked_entities(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Sorted names of the entities that occur, and each row's position among them."""
    entities = encoded(column)
    indices = entities.indices.to_numpy()
    used = np.bincount(indices, minlength=len(entities.dictionary)) > 0
    order = pc.sort_indices(entities.dictionary).to_numpy()
    order = order[used[order]]
    rank = np.zeros(len(used), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return entities.dictionary.take(pa.array(order)), rank[indices]


def _sorted_rows(rows: Rows) -> Rows:
    """Rows by entity, time and slot; as one integer where they fit, for NumPy sorts that seven times faster."""
    if not len(rows):
        return rows
    origin = rows.time.min()
    time_bits = int(rows.time.max() - origin).bit_length()
    if int(rows.entity.max()).bit_length() + time_bits + SLOT_BITS > KEY_BITS:
        order = np.lexsort((rows.slot, rows.time, rows.entity))
        return Rows(rows.entity[order], rows.time[order], rows.slot[order])
    key = rows.entity.astype(np.uint64) << time_bits
    key |= (rows.time - origin).astype(np.uint64)
    key <<= SLOT_BITS
    key |= rows.slot
    key.sort()
    slot = (key & ((1 << SLOT_BITS) - 1)).astype(np.uint16)
    key >>= SLOT_BITS
    time = (key & ((1 << time_bits) - 1)).astype(np.int32) + origin
    return Rows((key >> time_bits).astype(np.int32), time, slot)


def _cut_windows(rows: Rows, window_seconds: int) -> tuple[Windows, Ints]:
    """The windows of sorted rows, and the stream of all their tokens (int16)."""
    number = rows.time // window_seconds
    first = np.flatnonzero(_run_starts(rows.entity) | _run_starts(number))
    tokens = TOKENS[rows.slot]  # (rows, 3), 0 where a row has fewer
    cut = Windows(
        entity=rows.entity[first],
        number=number[first],
        rows=np.diff(first, append=len(rows)).astype(np.int32),
        seen=np.bitwise_or.reduceat(SEEN[rows.slot], first) if len(first) else first,
        ends=np.cumsum(np.add.reduceat(LENGTHS[rows.slot], first, dtype=np.int64)) if len(first) else first,
    )
    return cut, tokens[tokens > 0]


def _run_starts(values: Ints) -> Bools:
    """Where a run of equal values begins."""
    changes = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


# ---------------------------------------------------------------------------------------------------------------- loads


def _loads(table: pa.Table, rows: Rows, cut: Windows, window_seconds: int) -> tuple[Floats, Floats]:
    """Measured percent of CPU and of memory in each window; NaN where nothing is measured.

    The mean of the machine's own usage rows; where it has none, the largest share of one of its batch instances.
    """
    columns = [table[column].to_numpy() for column in ("cpu", "memory")]
    window_of = _WindowFinder(cut, window_seconds)
    usage = np.flatnonzero(of_tables(table, ds1.USAGE_TABLES))
    where = window_of(rows, usage)
    cpu, memory = (_means(values[usage], where, len(cut)) for values in columns)
    lacking = np.isnan(cpu) | np.isnan(memory)
    if lacking.any():
        instances = np.flatnonzero(of_tables(table, ("batch_instance",)))
        largest = _largest_loads(columns, rows, instances, window_of, lacking)
        cpu, memory = (np.where(np.isnan(own), most, own) for own, most in zip((cpu, memory), largest, strict=True))
    return cpu, memory


def _means(values: Floats, where: Ints, count: int) -> Floats:
    """Mean of the values of each of `count` windows; NaN where there is none."""
    known = ~np.isnan(values)
    exact = np.rint(values[known].astype(np.float64) * EXACT)
    sums = np.bincount(where[known], weights=exact, minlength=count)
    numbers = np.bincount(where[known], minlength=count)
    return np.divide(sums, numbers * EXACT, out=np.full(count, np.nan), where=numbers > 0)


def _largest_loads(
    columns: list[Floats], rows: Rows, chosen: Ints, window_of: "_WindowFinder", lacking: Bools
) -> list[Floats]:
    """Largest value of the `chosen` rows in each window that is `lacking`, for each column; NaN where there is none."""
    most = [np.full(len(lacking), -np.inf) for _ in columns]
    for start in range(0, len(chosen), PART):
        part = chosen[start : start + PART]
        where = window_of(rows, part)
        part, where = part[lacking[where]], where[lacking[where]]
        for largest, values in zip(most, columns, strict=True):
            np.fmax.at(largest, where, values[part])
    return [np.where(np.isinf(largest), np.nan, largest) for largest in most]


class _WindowFinder:
    """Finds the window of a row. `cell` numbers the windows between each entity's first and last, with or without rows.

    Mostly a table over the cells is small, and fastest; where times lie far apart, it is searched instead.
    """

    def __init__(self, cut: Windows, window_seconds: int) -> None:
        self.window_seconds = window_seconds
        first = np.flatnonzero(_run_starts(cut.entity))
        last = np.append(first, len(cut))[1:] - 1
        spans = (cut.number[last] - cut.number[first] + 1).astype(np.int64)
        self.shift = np.cumsum(spans) - spans - cut.number[first]
        self.known = self.shift[cut.entity] + cut.number
        self.table = None
        if spans.sum() <= SPARSE * len(cut):
            self.table = np.zeros(spans.sum(), np.int32)
            self.table[self.known] = np.arange(len(cut), dtype=np.int32)

    def __call__(self, rows: Rows, positions: Ints) -> Ints:
        cell = self.shift[rows.entity[positions]] + rows.time[positions] // self.window_seconds
        return np.searchsorted(self.known, cell) if self.table is None else self.table[cell]


# ------------------------------------------------------------------------------------------------ labels and sequences


def _evidence(trace: Trace) -> Evidence:
    """What the label rules look at."""
    seen = trace.windows.seen
    return Evidence(
        harderror=has_code(seen, "harderror"),
        softerror=has_code(seen, "softerror"),
        network=(seen & NETWORK_SEEN) > 0,
        failed=has_code(seen, "Failed"),
        long_wait=(seen & LONG_SEEN) > 0,
        cpu=trace.cpu,
        memory=trace.memory,
    )


@dataclass(frozen=True)
class _Clock:
    """Turns window numbers into instants."""

    trace_start: pd.Timestamp
    window_seconds: int

    def start_of(self, number: Ints) -> pa.Array:
        """Start of each window, in microseconds UTC."""
        begin = self.trace_start if self.trace_start.tzinfo else self.trace_start.tz_localize("UTC")
        microseconds = number.astype(np.int64) * self.window_seconds * 1_000_000 + begin.value // 1_000
        return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


def _sequences(trace: Trace, rule: Ints, history: int, clock: _Clock) -> pa.Table:
    """One row a window, with the columns of schemas.contracts.MachineSequences. `rule`: positions in LABEL_RULES."""
    cut, count = trace.windows, len(trace.windows)
    first, context = _token_slices(cut, history)
    columns = {
        "sequence_ids": _lists(trace.stream, first, cut.ends - first),
        "label": pa.array([known.state for known in LABEL_RULES], pa.int8()).take(pa.array(rule)),
        "source": pa.repeat(ds1.STEM, count),
        "entity": trace.names.take(pa.array(cut.entity)),
        "window_start": clock.start_of(cut.number),
        "window_end": clock.start_of(cut.number + 1),
        "label_rule": pa.array([known.name for known in LABEL_RULES]).take(pa.array(rule)),
        "weight": pa.repeat(pa.scalar(1, pa.int64()), count),
        "split": pa.repeat("", count),
        "context_start": clock.start_of(cut.number[context]),
        "status": _status(cut.seen),
        "task_type": _task_type(cut.seen),
        "rows": pa.array(cut.rows),
    }
    return pa.table(columns)


def _token_slices(cut: Windows, history: int) -> tuple[Ints, Ints]:
    """Where each sequence begins in the stream, and the window that its first token is of."""
    span = int(cut.number.max(initial=0)) + history + 1  # wider than any entity's windows and their history
    key = cut.entity * np.int64(span) + cut.number
    oldest = np.searchsorted(key, np.maximum(key - history, cut.entity * np.int64(span)))
    begins = np.concatenate([[0], cut.ends])[oldest]
    first = np.maximum(begins, cut.ends - format_a.MAX_LENGTH)
    return first, np.searchsorted(cut.ends, first, side="right")


def _lists(stream: Ints, first: Ints, length: Ints) -> pa.ChunkedArray:
    """list<int32> of slices of the stream, which overlap; in parts, since a list array has less than 2**31 values."""
    values, parts = pa.array(stream), []
    for start in range(0, len(first), LISTS):
        sizes = length[start : start + LISTS]
        views = pa.LargeListViewArray.from_arrays(pa.array(first[start : start + LISTS]), pa.array(sizes), values)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        parts.append(pa.ListArray.from_arrays(pa.array(offsets), views.flatten().cast(pa.int32())))
    return pa.chunked_array(parts, pa.list_(pa.int32()))


def _status(seen: Ints) -> pa.Array:
    """The first of STATUS_ORDER that a window has a row of, else NO_STATUS."""
    return _first_word({status: has_code(seen, status) for status in ds1.STATUS_ORDER}, ds1.NO_STATUS)


def _task_type(seen: Ints) -> pa.Array:
    """The tables a window's rows are from: batch_task, a machine's own tables, its batch instances, or the last two."""
    machine, batch = (seen & MACHINE_SEEN) > 0, (seen & STATUS_SEEN) > 0
    masks = {"batch_task": (seen & REQUESTED_SEEN) > 0, "machine+batch": machine & batch, "batch": batch}
    return _first_word(masks, "machine")


def _first_word(masks: dict[str, Bools], otherwise: str) -> pa.Array:
    """The first word whose mask is true, for each window, else `otherwise`."""
    count = len(next(iter(masks.values())))
    words = pa.array([*masks, otherwise], pa.string())
    return words.take(pa.array(first_true([*masks.values(), np.ones(count, bool)])))
