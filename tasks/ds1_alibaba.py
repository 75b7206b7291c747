"""DS1, Alibaba cluster trace: raw rows -> observations -> labelled windows of one entity (Format A).

In: batches of one raw table each (schemas/ds1_alibaba.py: TABLES). Out: one observation a row that was understood, then
one token sequence for every entity and window of `window_seconds` that has an observation, labelled by RULES.
Entities: a machine (server and batch-instance tables), or a task of a job (batch_task, which names no machine).
Percent are of a whole machine. Times are seconds since the trace's start.
"""

from collections.abc import Iterator, Mapping
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

STATUS_CODES = {**ds1.STATUS_TOKENS, **{spelt: ds1.STATUS_TOKENS[name] for spelt, name in ds1.STATUS_SPELLINGS.items()}}
del STATUS_CODES["Unknown"]  # the token's name, not a status the trace has
UNKNOWN_EVENT = ds1.EVENT_TOKENS["unknown event"]
WAITING = ds1.STATUS_TOKENS["Waiting"]
DROPPED = "no_time"  # understood, but there is no window to put it in; every other reason quarantines


def select(rows: pd.DataFrame, *, machine_cores: int = MACHINE_CORES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What windows need of the rows of one raw table, and the rows that cannot be used, each with its reason.

    `rows`: the table's columns (TABLES), then PLACE; column `table` is constant. `machine_cores` turns cores into
    percent of a machine. Returns (observations, rejects); every row is in one of them.
    """
    raw = pa.Table.from_pandas(rows, preserve_index=False)
    if not raw.num_rows:
        return _frame(_observation_schema().empty_table()), _rejects_of([], [], [], [], [])
    table = raw["table"][0].as_py()
    read = _read(raw, table, machine_cores)
    kept = read["reason"] == 0
    return _observations(raw, read, kept.to_arrow(), table), _select_rejects(raw, read, ~kept)


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _observation_schema() -> pa.Schema:
    return pa.schema(list(ds1.OBSERVATION.items()))


def _read(raw: pa.Table, table: str, cores: int) -> pl.DataFrame:
    """time, cpu, memory, network, wait, code, entity (an index, see _entities), reason (a position in REASONS + 1)."""
    columns = [c for c, kind in ds1.TABLES[table].items() if kind != ds1.WORD]
    frame = pl.DataFrame(pl.from_arrow(raw.select([*columns, "fault"])))
    frame = frame.with_columns(code=pl.Series(_codes(raw, table)), entity=pl.Series(_entities(raw, table).indices))
    read = frame.select("fault", "code", "entity", **{**ABSENT, **READINGS[table](cores)})
    read = read.with_columns(wait=pl.when(pl.col("code") == WAITING).then("wait"), duration="wait")
    return read.with_columns(reason=_first_reason(has_status="status" in ds1.TABLES[table]))


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


def _words(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """One dictionary array of a column of few distinct values."""
    return pc.dictionary_encode(column).combine_chunks()


def _entities(raw: pa.Table, table: str) -> pa.DictionaryArray:
    """Name of each row's entity; null where the row does not say. Ids of the two traces are not the same machines."""
    if table == "batch_task":
        job, task = (raw[column].cast(pa.string()) for column in ("job_id", "task_id"))
        return _words(pc.binary_join_element_wise("j_", job, "/t_", task, ""))
    ids = _words(raw["machine_id"])
    prefix = "2018/" if table == "machine_usage" else "m_"
    names = [f"{prefix}{id_}" for id_ in ids.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(ids.indices, pa.array(names, pa.string()))


def _either(condition: Any) -> pl.Expr:
    return condition(pl.col("cpu")) | condition(pl.col("memory"))


def _outside(column: str) -> pl.Expr:
    return (pl.col(column) < 0) | (pl.col(column) > 100)


# Reasons in the order they are asked; a row has the first that holds. A fault is the reader's own word.
FAULT = "fault"
REASONS: Expressions = {
    FAULT: pl.col("fault").is_not_null(),
    "no_entity": pl.col("entity").is_null(),
    DROPPED: pl.col("time").is_null(),
    "negative_time": pl.col("time") < 0,
    "time_too_large": pl.col("time") > LATEST,
    "ends_before_start": pl.col("duration") < 0,
    "nan": pl.col("cpu").is_nan() | pl.col("memory").is_nan(),
    "infinite": pl.col("cpu").is_infinite() | pl.col("memory").is_infinite(),
    "cpu_out_of_range": _outside("cpu"),
    "memory_out_of_range": _outside("memory"),
    "unknown_status": pl.col("code").is_null(),
}
