"""DS1, Alibaba cluster trace: raw rows -> observations -> labelled windows of one entity (Format A).

In: batches of one raw table each (schemas/ds1_alibaba.py: TABLES). Out: one observation a row that was understood, then
one token sequence for every entity and window of `window_seconds` that has an observation, labelled by RULES.
Entities: a machine (server and batch-instance tables), or a task of a job (batch_task, which names no machine).
Percent are of a whole machine. Times are seconds since the trace's start.
"""

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

# ---------------------------------------------------------------------------------------------- raw rows -> observations

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
    kept = pa.array(read["reason"] == 0)
    left_out = pc.invert(kept)
    reasons = pl.Series([None, *REASONS]).gather(read["reason"].filter(pl.Series(left_out))).to_arrow(compat_level=OLDEST)
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
    return pa.array([codes.get(word, other) for word in words.dictionary.to_pylist()], pa.int16()).take(words.indices)


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
    table = pa.table({n: c.to_arrow(compat_level=OLDEST) if isinstance(c, pl.Series) else c for n, c in columns.items()})
    return _frame(table.filter(kept).cast(pa.schema(ds1.OBSERVATION.items())))


def _refused(raw: pa.Table, reasons: pa.Array) -> pd.DataFrame:
    """Rows of a raw table as rejects. What the reader could not read stands there as it was, the rest joined anew."""
    reasons = pc.if_else(pc.equal(reasons, FAULT), raw["fault"].combine_chunks(), reasons)
    values = [raw[column].cast(pa.string()) for column in raw.column_names if column not in ds1.PLACE]
    joined = pc.binary_join_element_wise(*values, ",", null_handling="replace")
    return rejects(reasons, raw["file"], raw["line"], pc.coalesce(raw["text"], joined))


def rejects(reasons: pa.Array, files: pa.ChunkedArray, lines: pa.ChunkedArray, texts: pa.ChunkedArray) -> pd.DataFrame:
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
EXACT = 1e6  # loads are summed as whole millionths: a float sum would depend on the order of the rows


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
    time: Ints  # int64
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
    names, entity = _ranked(table["entity"])
    rows = Rows(entity, _array(table["time"]), _slots(table, wait_quantile))
    told, stream = _windows(_sorted(rows), window_seconds)
    place = _Places(told)
    load = {
        column: _load(table, column, told, place, Rows(entity, rows.time // window_seconds, rows.slot))
        for column in ("cpu", "memory")
    }
    rule = _rule(told, load["cpu"], load["memory"], cpu_high, memory_high, idle_cpu)
    return _sequences(told, stream, names, rule, history, window_seconds, trace_start), rejected
