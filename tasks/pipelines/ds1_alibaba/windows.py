"""DS1, Alibaba cluster trace: raw rows -> observations -> labelled windows of one entity (Format A).

In: batches of one raw table each (schemas/ds1_alibaba.py: TABLES). Out: one observation a row that was understood, then
one token sequence for every entity and window of `window_seconds` that has an observation, labelled by RULES.
Entities: a machine (server and batch-instance tables), or a task of a job (batch_task, which names no machine).
Percent are of a whole machine. Times are seconds since the trace's start.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ds1_alibaba as ds1
from schemas import format_a
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT

Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

MACHINE_CORES = 64  # trace_201708.md: "For the 64 cpus machine in the dataset"
LATEST = 2**31 - 1  # seconds, 68 years: a later time is a fault, and would not fit a timestamp in the end

# --------------------------------------------------------------------------------------------- raw rows -> observations

# Words of an event's detail that speak of the network, as words: not "symlink", not "linked list".
NETWORK = r"(?i)(?:^|[^a-z])(?:link|switch|network)(?:s|es|down|up)?(?:[^a-z]|$)"

Expressions = dict[str, pl.Expr]


def _percent_of_cores(column: str, cores: float) -> pl.Expr:
    return pl.col(column) * (100.0 / cores)


def _state_time(start: str, end: str) -> Expressions:
    """A batch row's time is its state's: the end; where there is none (0), the start; neither: null.

    `wait` is the time from start to end, where both are known.
    """
    first, last = pl.col(start).fill_null(0), pl.col(end).fill_null(0)
    time = pl.when(last > 0).then(last).when(first != 0).then(first).when(last != 0).then(last)
    return {"time": time, "wait": pl.when((first > 0) & (last > 0)).then(last - first)}


def _server_usage(_cores: int) -> Expressions:
    return {"time": pl.col("timestamp"), "cpu": pl.col("cpu"), "memory": pl.col("memory")}


def _machine_usage(_cores: int) -> Expressions:
    return {
        "time": pl.col("time_stamp"),
        "cpu": pl.col("cpu_util_percent"),
        "memory": pl.col("mem_util_percent"),
    }


def _batch_instance(cores: int) -> Expressions:
    return {
        **_state_time("start_timestamp", "end_timestamp"),
        "cpu": _percent_of_cores("real_cpu_avg", cores),
        "memory": pl.col("real_mem_avg") * 100,
    }


def _batch_task(cores: int) -> Expressions:
    return {
        **_state_time("create_timestamp", "modify_timestamp"),
        "cpu": _percent_of_cores("plan_cpu", 100 * cores),
        "memory": pl.col("plan_mem") * 100,
    }


def _server_event(_cores: int) -> Expressions:
    return {"time": pl.col("timestamp"), "network": pl.col("event_detail").str.contains(NETWORK).fill_null(value=False)}


READINGS = {
    "server_usage": _server_usage,
    "machine_usage": _machine_usage,
    "batch_instance": _batch_instance,
    "batch_task": _batch_task,
    "server_event": _server_event,
}
ABSENT: Expressions = {  # what a table has not got
    "cpu": pl.lit(None, pl.Float64),
    "memory": pl.lit(None, pl.Float64),
    "network": pl.lit(value=False),
    "wait": pl.lit(None, pl.Int64),
}

STATUS_CODES = {spelt: ds1.STATUS_TOKENS[name] for name, all_ in ds1.STATUS_SPELLINGS.items() for spelt in all_}
UNKNOWN_EVENT = ds1.EVENT_TOKENS["unknown event"]
WAITING = ds1.STATUS_TOKENS["Waiting"]


def _outside(column: str) -> pl.Expr:
    return (pl.col(column) < 0) | (pl.col(column) > 100)


# Reasons in the order they are asked; a row has the first that holds. A fault is the reader's own word.
FAULT = "fault"
REASONS: Expressions = {
    FAULT: pl.col("fault").is_not_null(),
    "no_entity": pl.col("entity").is_null(),
    "no_time": pl.col("time").is_null(),
    "negative_time": pl.col("time") < 0,
    "time_too_large": pl.col("time") > LATEST,
    "ends_before_start": pl.col("duration") < 0,
    "nan": pl.col("cpu").is_nan() | pl.col("memory").is_nan(),
    "infinite": pl.col("cpu").is_infinite() | pl.col("memory").is_infinite(),
    "cpu_out_of_range": _outside("cpu"),
    "memory_out_of_range": _outside("memory"),
    "unknown_status": pl.col("code").is_null(),
}
# Understood, and not wanted: there is no window to put it in, or it is there already. The others are quarantined.
DROPPED = ("no_time", "duplicate_row")
OLDEST = pl.CompatLevel.oldest()


def select(rows: pd.DataFrame, *, machine_cores: int = MACHINE_CORES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What windows need of the rows of one raw table, and the rows that cannot be used, each with its reason.

    `rows`: the table's columns (TABLES), then PLACE; column `table` is constant. `machine_cores` turns cores into
    percent of a machine. Returns (observations, rejects); every row is in one of them, whatever rows stand beside it.
    """
    raw = pa.Table.from_pandas(rows, preserve_index=False)
    if not raw.num_rows:
        return _frame(pa.schema(ds1.OBSERVATION.items()).empty_table()), _refused(raw, raw["fault"])
    table = raw["table"][0].as_py()
    entities = _entities(raw, table)
    read = _read(raw, table, entities, machine_cores)
    reason = read["reason"].to_arrow()
    kept, left_out = pc.equal(reason, 0), pc.greater(reason, 0)
    reasons = pa.array([None, *REASONS], pa.string()).take(reason.filter(left_out))
    return _observations(raw, read, entities, kept), _refused(raw.filter(left_out), reasons)


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _read(raw: pa.Table, table: str, entities: pa.DictionaryArray, cores: int) -> pl.DataFrame:
    """Columns time, cpu, memory, network, wait, code, row_hash; `reason` is 0 or 1 + a position in REASONS."""
    known = [column for column, kind in ds1.TABLES[table].items() if kind != ds1.WORD]
    frame = pl.DataFrame(pl.from_arrow(raw.select([*known, "fault"])))
    read = frame.select("fault", **{**ABSENT, **READINGS[table](cores)}).with_columns(
        pl.Series("code", _codes(raw, table)),
        pl.Series("row_hash", _row_hash(raw, table)),
        pl.Series("entity", entities.indices),
    )
    read = read.with_columns(wait=pl.when(pl.col("code") == WAITING).then("wait"), duration="wait")
    return read.with_columns(reason=_first_reason(has_status="status" in ds1.TABLES[table]))


def _entities(raw: pa.Table, table: str) -> pa.DictionaryArray:
    """Name of each row's entity; null where the row does not say. A machine of 2018 is not the one of 2017."""
    if table == "batch_task":
        job, task = (raw[column].cast(pa.string()) for column in ("job_id", "task_id"))
        return _words(pc.binary_join_element_wise(pc.binary_join_element_wise("j_", job, ""), task, "/t_"))
    ids = _words(raw["machine_id"])
    prefix = "2018/" if table == "machine_usage" else "m_"
    names = [f"{prefix}{id_}" for id_ in ids.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(ids.indices, pa.array(names, pa.string()))


def _words(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """One dictionary array of a column of few distinct values."""
    return pc.dictionary_encode(column).combine_chunks()


def _codes(raw: pa.Table, table: str) -> pa.Array:
    """Token of each row's status or event (int16); null for a status that no table documents, and in usage tables."""
    if "status" in ds1.TABLES[table]:
        return _translated(raw["status"], STATUS_CODES, None)
    if "event_type" in ds1.TABLES[table]:
        return _translated(raw["event_type"], ds1.EVENT_TOKENS, UNKNOWN_EVENT)
    return pa.nulls(raw.num_rows, pa.int16())


def _translated(column: pa.ChunkedArray, codes: Mapping[str, int], other: int | None) -> pa.Array:
    words = _words(column)
    tokens = pa.array([codes.get(word, other) for word in words.dictionary.to_pylist()], pa.int16())
    return pc.if_else(words.is_null(), pa.scalar(codes.get("", other), pa.int16()), tokens.take(words.indices))


def _row_hash(raw: pa.Table, table: str) -> pl.Series:
    """64 bits of a row's values in its own table; equal rows have equal ones, wherever they stand."""
    values = {
        column: _word_hash(raw[column]) if kind == ds1.WORD else pl.Series(raw[column])
        for column, kind in ds1.TABLES[table].items()
    }
    return pl.DataFrame(values).hash_rows(seed=ds1.USED.index(table))


def _word_hash(column: pa.ChunkedArray) -> pl.Series:
    """Hash of each word, reckoned once a distinct word."""
    words = _words(column)
    return pl.Series(words.dictionary).hash().gather(pl.Series(words.indices))


def _first_reason(*, has_status: bool) -> pl.Expr:
    """0 for a row that is kept, else 1 + the position of the first of REASONS that holds."""
    found = pl.lit(0, pl.UInt8)
    for position, (reason, holds) in reversed(list(enumerate(REASONS.items()))):
        if has_status or reason != "unknown_status":
            found = pl.when(holds).then(pl.lit(position + 1, pl.UInt8)).otherwise(found)
    return found


def _observations(raw: pa.Table, read: pl.DataFrame, entities: pa.DictionaryArray, kept: pa.Array) -> pd.DataFrame:
    """The rows to keep, with OBSERVATION's columns."""
    of_raw = {"table": raw["table"], "file": raw["file"], "line": raw["line"], "entity": entities}
    columns = {column: of_raw.get(column, read.get_column(column, default=None)) for column in ds1.OBSERVATION}
    arrays = [c.to_arrow(compat_level=OLDEST) if isinstance(c, pl.Series) else c for c in columns.values()]
    table = pa.table(dict(zip(columns, arrays, strict=True)))
    return _frame(table.filter(kept).cast(pa.schema(ds1.OBSERVATION.items())))


def _refused(raw: pa.Table, reasons: pa.Array) -> pd.DataFrame:
    """Rows of a raw table as rejects. What the reader could not read stands there as it was, the rest joined anew."""
    reasons = pc.if_else(pc.equal(reasons, FAULT), raw["fault"].combine_chunks(), reasons)
    values = [raw[column].cast(pa.string()) for column in raw.column_names if column not in ds1.PLACE]
    joined = pc.binary_join_element_wise(*values, ",", null_handling="replace")
    return _left_out(reasons, raw["file"], raw["line"], pc.coalesce(raw["text"], joined))


def _left_out(
    reasons: pa.Array, files: pa.ChunkedArray, lines: pa.ChunkedArray, texts: pa.ChunkedArray
) -> pd.DataFrame:
    """The rejects table of rows left out, with REJECT_COLUMNS."""
    dropped = pc.is_in(reasons, pa.array(DROPPED))
    outcome = pc.if_else(dropped, "dropped", "quarantined")
    columns = [outcome, reasons, files, lines, pc.utf8_slice_codeunits(texts, 0, ROW_TEXT_LIMIT)]
    kinds = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.string())
    typed = [column.cast(kind) for column, kind in zip(columns, kinds, strict=True)]
    return _frame(pa.table(dict(zip(REJECT_COLUMNS, typed, strict=True))))


# ------------------------------------------------------------------------------------------ observations -> sequences
#
# Sixteen million rows, so: what a row says is packed into a `slot` of 15 bits, and (entity, time, slot) into one
# integer that is sorted as such. Rows that tie say the same, so the order in the file never shows. All tokens are then
# one stream, a window is a slice of it, and a sequence is a longer slice that ends with its window.

CODES = (0, *ds1.STATUS_TOKENS.values(), *ds1.EVENT_TOKENS.values())  # 0: a usage row, which has none
FIRST_EVENT = CODES.index(ds1.EVENT_TOKENS["add"])
SLOT_BITS = 15  # code 4 | cpu 4 | memory 4 | network 1 | requested 1 | long wait 1
CODE, CPU, MEMORY, NETWORK_BIT, REQUESTED_BIT, LONG_BIT = 11, 7, 3, 2, 1, 0  # where each begins
NO_MEASURE, UNKNOWN, FIRST_BIN = 0, 1, 2  # values of a slot's cpu and memory
KEY_BITS = 64
EXACT = 1e6  # loads are summed as whole millionths: a float sum would depend on the order of the rows
PART = 1 << 21  # rows handled at a time
SPARSE = 64  # cells for each window, at which a table of them is no longer worth its memory
LISTS = 1 << 16  # sequences made at a time: Arrow needs some 300 bytes for each besides its tokens

# A bit for each of CODES that a window's rows have, then one for each of the three flags.
NETWORK_SEEN, REQUESTED_SEEN, LONG_SEEN = (1 << bit for bit in range(len(CODES), len(CODES) + 3))
MACHINE_SEEN = 1 | sum(1 << n for n in range(FIRST_EVENT, len(CODES)))
STATUS_SEEN = sum(1 << n for n in range(1, FIRST_EVENT))


def _code_index() -> Ints:
    """Position in CODES of a token: CODE_INDEX[301] == 2."""
    index = np.zeros(max(CODES) + 1, np.uint16)
    index[list(CODES)] = np.arange(len(CODES))
    return index


def _field(begin: int, bits: int) -> Ints:
    """One field of every slot there is."""
    return (np.arange(1 << SLOT_BITS) >> begin) & ((1 << bits) - 1)


def _tokens() -> Ints:
    """(slots, 3) int16: CPU token, memory token, token of the status or event; 0 where a slot has none."""
    parts = []
    for begin, base in ((CPU, ds1.CPU_BINS), (MEMORY, ds1.MEMORY_BINS)):
        value = _field(begin, 4)
        without_bin = np.where(value == UNKNOWN, format_a.UNK, 0)
        parts.append(np.where(value >= FIRST_BIN, base + value - FIRST_BIN, without_bin))
    codes = np.array(CODES + (0,) * (16 - len(CODES)))
    return np.stack([*parts, codes[_field(CODE, 4)]], axis=1).astype(np.int16)


def _seen() -> Ints:
    """(slots,) uint32: a bit for the code's position in CODES, then one each for network, requested, long wait."""
    seen = 1 << _field(CODE, 4)
    for bit, mask in ((NETWORK_BIT, NETWORK_SEEN), (REQUESTED_BIT, REQUESTED_SEEN), (LONG_BIT, LONG_SEEN)):
        seen = seen | _field(bit, 1) * mask
    return seen.astype(np.uint32)


CODE_INDEX = _code_index()
TOKENS = _tokens()
LENGTHS = (TOKENS > 0).sum(axis=1).astype(np.uint8)
SEEN = _seen()


@dataclass(frozen=True)
class Rule:
    """Why a window has its label."""

    label: int
    looks_at: str


# Worst first; a window has the first that holds. DOMAIN.md, "DS1", 4.
RULE: Mapping[str, Rule] = {
    "harderror": Rule(format_a.SYSTEM_CRASH, "a harderror event"),
    "failed_idle": Rule(format_a.SYSTEM_CRASH, "a Failed row while the measured CPU is at most idle_cpu"),
    "network_event": Rule(format_a.NETWORK_FAILURE, "an event whose detail speaks of a link, a switch or the network"),
    "softerror": Rule(format_a.NETWORK_FAILURE, "a softerror event"),
    "cpu_high": Rule(format_a.RESOURCE_EXHAUSTION, "measured CPU of at least cpu_high"),
    "memory_high": Rule(format_a.RESOURCE_EXHAUSTION, "measured memory of at least memory_high"),
    "failed_other": Rule(format_a.DATA_DRIFT, "a Failed row under load, or where no load is measured"),
    "wait_long": Rule(format_a.DATA_DRIFT, "a Waiting row longer than the wait_quantile of all waits"),
    "normal": Rule(format_a.NORMAL, "none of the others"),
}
RULES: Mapping[str, str] = {name: rule.looks_at for name, rule in RULE.items()}


@dataclass(frozen=True)
class Rows:
    """Observations as arrays of one length, in any order but after `_sorted`. `entity` counts the sorted names."""

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
    seen: Ints  # what its rows say, a bit each: see SEEN
    ends: Ints  # where its tokens end in the stream

    def __len__(self) -> int:
        return len(self.entity)


def windows(
    observations: pd.DataFrame,
    *,
    window_seconds: int = 300,
    history: int = 5,
    trace_start: str = "1970-01-01T00:00:00Z",
    cpu_high: float = 80.0,
    memory_high: float = 80.0,
    idle_cpu: float = 30.0,
    wait_quantile: float = 0.99,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One labelled sequence for each entity and window that has an observation, and the rows left out.

    A sequence holds the tokens of its window after those of the entity's windows up to `history` before it in time
    (a gap stays a gap), oldest first, the last 512. `trace_start`: the instant of the trace's second 0 (the trace
    keeps it secret). `cpu_high`, `memory_high`, `idle_cpu` are percent of a machine, measured: a request is no load.
    `wait_quantile` is over the waits given, so more data can move `wait_long`, and nothing else of an earlier window.
    Returns (schemas.ds1_alibaba.Sequences, rejects); the sum of `rows` is the number of observations not rejected.
    """
    table, rejected = _without_duplicates(pa.Table.from_pandas(observations, preserve_index=False))
    names, told, stream, cpu, memory = _told(table, window_seconds, wait_quantile)
    rule = _rule(told, cpu, memory, cpu_high, memory_high, idle_cpu)
    times = _Times(pd.Timestamp(trace_start), window_seconds)
    return _frame(_sequences(told, stream, names, rule, history, times)), rejected


def _told(table: pa.Table, window_seconds: int, wait_quantile: float) -> tuple[pa.Array, Windows, Ints, Floats, Floats]:
    """Names of the entities, the windows, the stream of tokens, and the measured loads of each window (see _loads).

    Apart from `windows`, so that the arrays of a row each are gone when the sequences are made.
    """
    names, entity = _ranked(table["entity"])
    rows = Rows(entity, table["time"].to_numpy().astype(np.int32), _slots(table, wait_quantile))
    told, stream = _windows(_sorted(rows), window_seconds)
    return names, told, stream, *_loads(table, rows, told, window_seconds)


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
    return table.filter(pa.array(kept)) if len(again) else table, _duplicates(table.take(again))


def _duplicates(table: pa.Table) -> pd.DataFrame:
    """Observations as rejects; the row's text is what was observed, for the source row is not at hand."""
    values = [
        pc.binary_join_element_wise(name, table[name].cast(pa.string()), "=", null_handling="replace")
        for name in ds1.OBSERVATION
        if name not in ("row_hash", *ds1.PLACE)
    ]
    reasons = pa.array(["duplicate_row"] * table.num_rows, pa.string())
    return _left_out(reasons, table["file"], table["line"], pc.binary_join_element_wise(*values, " "))


def _ranked(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Sorted names of the entities there are, and each row's position among them."""
    words = _words(column)
    indices = words.indices.to_numpy()
    used = np.bincount(indices, minlength=len(words.dictionary)) > 0
    order = pc.sort_indices(words.dictionary).to_numpy()
    order = order[used[order]]
    rank = np.zeros(len(used), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return words.dictionary.take(pa.array(order)), rank[indices]


def _slots(table: pa.Table, wait_quantile: float) -> Ints:
    """What each row says, in SLOT_BITS bits."""
    code = CODE_INDEX[table["code"].fill_null(0).to_numpy()]
    measures = code < FIRST_EVENT
    slot = code << CODE
    slot |= _bins(table["cpu"], measures) << CPU
    slot |= _bins(table["memory"], measures) << MEMORY
    slot |= table["network"].to_numpy().astype(np.uint16) << NETWORK_BIT
    slot |= _of_table(table, ("batch_task",)).astype(np.uint16) << REQUESTED_BIT
    slot |= _long(table["wait"], wait_quantile).astype(np.uint16) << LONG_BIT
    return slot


def _bins(column: pa.ChunkedArray, measures: Bools) -> Ints:
    """A slot's value for a percentage: its decile, UNKNOWN where it is missing, NO_MEASURE where there is none."""
    values = column.to_numpy()
    missing = np.isnan(values)
    deciles = np.minimum(np.where(missing, 0, values).astype(np.uint16) // 10, ds1.BINS - 1)  # 9.99 -> 0, 10 -> 1
    return np.where(measures, np.where(missing, UNKNOWN, deciles + FIRST_BIN), NO_MEASURE).astype(np.uint16)


def _of_table(table: pa.Table, names: tuple[str, ...]) -> Bools:
    words = _words(table["table"])
    return np.isin(words.dictionary.to_pylist(), names)[words.indices.to_numpy()]


def _long(column: pa.ChunkedArray, quantile: float) -> Bools:
    """Waits longer than the smallest wait that `quantile` of all waits do not exceed: of 99 waits none is."""
    waits = np.sort(column.drop_null().to_numpy())
    if not len(waits):
        return np.zeros(len(column), bool)
    limit = waits[max(math.ceil(quantile * len(waits)) - 1, 0)]
    return pc.fill_null(pc.greater(column, limit), fill_value=False).to_numpy()


def _sorted(rows: Rows) -> Rows:
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


def _windows(rows: Rows, window_seconds: int) -> tuple[Windows, Ints]:
    """The windows of sorted rows, and the stream of all their tokens (int16)."""
    number = rows.time // window_seconds
    first = np.flatnonzero(_changes(rows.entity) | _changes(number))
    tokens = TOKENS[rows.slot]  # (rows, 3), 0 where a row has fewer
    told = Windows(
        entity=rows.entity[first],
        number=number[first],
        rows=np.diff(first, append=len(rows)).astype(np.int32),
        seen=np.bitwise_or.reduceat(SEEN[rows.slot], first) if len(first) else first,
        ends=np.cumsum(np.add.reduceat(LENGTHS[rows.slot], first, dtype=np.int64)) if len(first) else first,
    )
    return told, tokens[tokens > 0]


def _changes(values: Ints) -> Bools:
    """Where a run of equal values begins."""
    changes = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _loads(table: pa.Table, rows: Rows, told: Windows, window_seconds: int) -> tuple[Floats, Floats]:
    """Measured percent of CPU and of memory in each window; NaN where nothing is measured.

    The mean of the machine's own usage rows; where it has none, the largest share of one of its batch instances.
    """
    columns = [table[column].to_numpy() for column in ("cpu", "memory")]
    place = _Places(told, window_seconds)
    usage = np.flatnonzero(_of_table(table, ds1.USAGE_TABLES))
    where = place(rows, usage)
    cpu, memory = (_means(values[usage], where, len(told)) for values in columns)
    lacking = np.isnan(cpu) | np.isnan(memory)
    if lacking.any():
        largest = _largest(columns, rows, np.flatnonzero(_of_table(table, ("batch_instance",))), place, lacking)
        cpu, memory = (np.where(np.isnan(own), most, own) for own, most in zip((cpu, memory), largest, strict=True))
    return cpu, memory


def _means(values: Floats, where: Ints, count: int) -> Floats:
    """Mean of the values of each of `count` windows; NaN where there is none."""
    known = ~np.isnan(values)
    exact = np.rint(values[known].astype(np.float64) * EXACT)
    sums = np.bincount(where[known], weights=exact, minlength=count)
    numbers = np.bincount(where[known], minlength=count)
    return np.divide(sums, numbers * EXACT, out=np.full(count, np.nan), where=numbers > 0)


def _largest(columns: list[Floats], rows: Rows, chosen: Ints, place: "_Places", lacking: Bools) -> list[Floats]:
    """Largest value of the `chosen` rows in each window that is `lacking`, for each column; NaN where there is none."""
    most = [np.full(len(lacking), -np.inf) for _ in columns]
    for start in range(0, len(chosen), PART):
        part = chosen[start : start + PART]
        where = place(rows, part)
        part, where = part[lacking[where]], where[lacking[where]]
        for largest, values in zip(most, columns, strict=True):
            np.fmax.at(largest, where, values[part])
    return [np.where(np.isinf(largest), np.nan, largest) for largest in most]


class _Places:
    """Finds the window of a row. `cell` numbers the windows between each entity's first and last, told or not.

    Mostly a table over the cells is small, and fastest; where times lie far apart, a search takes its place.
    """

    def __init__(self, told: Windows, window_seconds: int) -> None:
        self.window_seconds = window_seconds
        first = np.flatnonzero(_changes(told.entity))
        last = np.append(first, len(told))[1:] - 1
        spans = (told.number[last] - told.number[first] + 1).astype(np.int64)
        self.shift = np.cumsum(spans) - spans - told.number[first]
        self.known = self.shift[told.entity] + told.number
        self.table = None
        if spans.sum() <= SPARSE * len(told):
            self.table = np.zeros(spans.sum(), np.int32)
            self.table[self.known] = np.arange(len(told), dtype=np.int32)

    def __call__(self, rows: Rows, positions: Ints) -> Ints:
        cell = self.shift[rows.entity[positions]] + rows.time[positions] // self.window_seconds
        return np.searchsorted(self.known, cell) if self.table is None else self.table[cell]


def _rule(told: Windows, cpu: Floats, memory: Floats, cpu_high: float, memory_high: float, idle_cpu: float) -> Ints:
    """Position in RULE of the first rule that holds, for each window. A load that is not measured fulfils none."""
    failed = _has(told, "Failed")
    holds = {
        "harderror": _has(told, "harderror"),
        "failed_idle": failed & (cpu <= idle_cpu),
        "network_event": (told.seen & NETWORK_SEEN) > 0,
        "softerror": _has(told, "softerror"),
        "cpu_high": cpu >= cpu_high,
        "memory_high": memory >= memory_high,
        "failed_other": failed,
        "wait_long": (told.seen & LONG_SEEN) > 0,
        "normal": np.ones(len(told), bool),
    }
    return _first([holds[name] for name in RULE])


def _has(told: Windows, name: str) -> Bools:
    """Windows with a row of this status or event."""
    token = {**ds1.STATUS_TOKENS, **ds1.EVENT_TOKENS}[name]
    return (told.seen & (1 << CODES.index(token))) > 0


def _first(masks: list[Bools]) -> Ints:
    """Position of the first mask that holds; the last one must hold everywhere."""
    found = np.full(len(masks[0]), len(masks) - 1, np.int8)
    for position in reversed(range(len(masks) - 1)):
        found[masks[position]] = position
    return found


@dataclass(frozen=True)
class _Times:
    """Turns window numbers into instants."""

    trace_start: pd.Timestamp
    window_seconds: int

    def start_of(self, number: Ints) -> pa.Array:
        """Start of each window, in microseconds UTC."""
        begin = self.trace_start if self.trace_start.tzinfo else self.trace_start.tz_localize("UTC")
        microseconds = number.astype(np.int64) * self.window_seconds * 1_000_000 + begin.value // 1_000
        return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


def _sequences(told: Windows, stream: Ints, names: pa.Array, rule: Ints, history: int, times: _Times) -> pa.Table:
    """One row a window, with the columns of schemas.ds1_alibaba.Sequences."""
    first, context = _slices(told, history)
    statuses = [_has(told, status) for status in ds1.STATUS_ORDER]
    columns = {
        "sequence_ids": _lists(stream, first, told.ends - first),
        "label": pa.array([r.label for r in RULE.values()], pa.int8()).take(pa.array(rule)),
        "source": pa.repeat(ds1.STEM, len(told)),
        "entity": names.take(pa.array(told.entity)),
        "window_start": times.start_of(told.number),
        "window_end": times.start_of(told.number + 1),
        "label_rule": pa.array(list(RULE)).take(pa.array(rule)),
        "weight": pa.repeat(pa.scalar(1, pa.int64()), len(told)),
        "split": pa.repeat("", len(told)),
        "context_start": times.start_of(told.number[context]),
        "status": _worded((*ds1.STATUS_ORDER, ds1.NO_STATUS), [*statuses, np.ones(len(told), bool)]),
        "task_type": _task_type(told),
        "rows": pa.array(told.rows),
    }
    return pa.table(columns)


def _slices(told: Windows, history: int) -> tuple[Ints, Ints]:
    """Where each sequence begins in the stream, and the window that its first token is of."""
    span = int(told.number.max(initial=0)) + history + 1  # wider than any entity's windows and their history
    key = told.entity * np.int64(span) + told.number
    oldest = np.searchsorted(key, np.maximum(key - history, told.entity * np.int64(span)))
    begins = np.concatenate([[0], told.ends])[oldest]
    first = np.maximum(begins, told.ends - format_a.MAX_LENGTH)
    return first, np.searchsorted(told.ends, first, side="right")


def _lists(stream: Ints, first: Ints, length: Ints) -> pa.ChunkedArray:
    """list<int32> of slices of the stream, which overlap; in parts, since a list array holds less than 2**31 values."""
    values, parts = pa.array(stream), []
    for start in range(0, len(first), LISTS):
        sizes = length[start : start + LISTS]
        views = pa.LargeListViewArray.from_arrays(pa.array(first[start : start + LISTS]), pa.array(sizes), values)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        parts.append(pa.ListArray.from_arrays(pa.array(offsets), views.flatten().cast(pa.int32())))
    return pa.chunked_array(parts, pa.list_(pa.int32()))


def _worded(words: tuple[str, ...], masks: list[Bools]) -> pa.Array:
    """The first word whose mask holds, for each window."""
    return pa.array(words, pa.string()).take(pa.array(_first(masks)))


def _task_type(told: Windows) -> pa.Array:
    """Who speaks in a window: a batch_task, a machine's own tables, its batch instances, or both of these."""
    requested = (told.seen & REQUESTED_SEEN) > 0
    machine = (told.seen & MACHINE_SEEN) > 0
    batch = (told.seen & STATUS_SEEN) > 0
    masks = {"batch_task": requested, "machine+batch": machine & batch, "batch": batch}
    return _worded((*masks, "machine"), [*masks.values(), np.ones(len(told), bool)])


# -------------------------------------------------------------------------------------------- what is told about them


def vocabulary(_sequences: pd.DataFrame) -> pd.DataFrame:
    """Columns token (int32), source, meaning of every id this dataset can use, whether or not a sequence has it."""
    meanings = {
        base + decile: f"{name} {10 * decile} to {10 * decile + 10} %"
        for base, name in ((ds1.CPU_BINS, "CPU"), (ds1.MEMORY_BINS, "memory"))
        for decile in range(ds1.BINS)
    }
    meanings |= {token: f"status {name}" for name, token in ds1.STATUS_TOKENS.items()}
    meanings |= {token: f"event {name}" for name, token in ds1.EVENT_TOKENS.items()}
    columns = {
        "token": pa.array(meanings, pa.int32()),
        "source": pa.repeat(ds1.STEM, len(meanings)),
        "meaning": pa.array(meanings.values(), pa.string()),
    }
    return _frame(pa.table(columns))


def schema_stats(sequences: pd.DataFrame) -> dict[str, Any]:
    """Counts of a sequences table, for schema_stats.json. Of an empty table every number is 0.

    `cpu_tokens` and `memory_tokens` count occurrences; `label_distribution` names every state, by its name.
    """
    table = pa.Table.from_pandas(sequences[["sequence_ids", "label"]], preserve_index=False)
    lengths = pc.list_value_length(table["sequence_ids"]).fill_null(0).to_numpy()
    tokens = pc.value_counts(pc.list_flatten(table["sequence_ids"]))
    token, count = tokens.field("values").to_numpy(), tokens.field("counts").to_numpy()
    labels = table["label"].fill_null(-1).to_numpy()
    states = format_a.STATES[: format_a.DATA_DRIFT + 1]
    return {
        "total_sequences": len(labels),
        "label_distribution": {state: int((labels == number).sum()) for number, state in enumerate(states)},
        "sequence_length": {
            "min": int(min(lengths, default=0)),
            "max": int(lengths.max(initial=0)),
            "mean": float(lengths.mean()) if len(lengths) else 0.0,
        },
        "token_stats": {
            "unique_tokens": len(token),
            "cpu_tokens": int(count[(token >= ds1.CPU_BINS) & (token < ds1.CPU_BINS + ds1.BINS)].sum()),
            "memory_tokens": int(count[(token >= ds1.MEMORY_BINS) & (token < ds1.MEMORY_BINS + ds1.BINS)].sum()),
        },
        "quality_checks": {
            "empty_sequences": int((lengths == 0).sum()),
            "invalid_labels": int((~np.isin(labels, range(len(states)))).sum()),
        },
    }
