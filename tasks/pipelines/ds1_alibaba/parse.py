"""Raw rows of the trace into observations: the columns that windows and labels need, in the same units for all tables.

In: batches of one raw table each (schemas/ds1_alibaba.py: TABLES). Out: one observation for each row that passes the
row rules, and the others as rejects. Entities: a machine (server and batch-instance tables), or a task of a job
(batch_task, which names no machine). Percent are of a whole machine. Times are seconds since the trace's start.
"""

from collections.abc import Mapping

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ds1_alibaba as ds1
from tasks.pipelines.ds1_alibaba.arrays import as_frame, encoded
from tasks.pipelines.ds1_alibaba.rules import NETWORK_WORDS, REASONS, ROW_RULES, UNKNOWN_STATUS
from tasks.quality.rejects import rejected

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
    names_network = pl.col("event_detail").str.contains(NETWORK_WORDS).fill_null(value=False)
    return {"time": pl.col("timestamp"), "network": names_network}


READINGS = {
    "server_usage": _server_usage,
    "machine_usage": _machine_usage,
    "batch_instance": _batch_instance,
    "batch_task": _batch_task,
    "server_event": _server_event,
}
ABSENT: Expressions = {  # columns of an observation that a table does not have
    "cpu": pl.lit(None, pl.Float64),
    "memory": pl.lit(None, pl.Float64),
    "network": pl.lit(value=False),
    "wait": pl.lit(None, pl.Int64),
}

STATUS_CODES = {spelt: ds1.STATUS_TOKENS[name] for name, all_ in ds1.STATUS_SPELLINGS.items() for spelt in all_}
UNKNOWN_EVENT = ds1.EVENT_TOKENS["unknown event"]
WAITING = ds1.STATUS_TOKENS["Waiting"]
OLDEST = pl.CompatLevel.oldest()

# Values of the column `reject`: 0 keeps the row, 1 is a fault that the reader reports, then the rows of ROW_RULES.
KEPT, FAULTY, FIRST_RULE = 0, 1, 2


def select(rows: pd.DataFrame, *, machine_cores: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(observations, rejects) of the rows of one raw table. A row's outcome does not depend on the other rows.

    `rows`: the table's columns (TABLES), then PLACE; column `table` is constant. `machine_cores` turns cores into
    percent of a machine.
    """
    raw = pa.Table.from_pandas(rows, preserve_index=False)
    if not raw.num_rows:
        return as_frame(pa.schema(ds1.OBSERVATION.items()).empty_table()), _unusable_rows(raw, raw["fault"])
    table = raw["table"][0].as_py()
    entities = _entity_names(raw, table)
    read = _read_columns(raw, table, entities, machine_cores)
    reject = read["reject"].to_arrow()
    kept, unusable = pc.equal(reject, KEPT), pc.greater(reject, KEPT)
    bad_rows = raw.filter(unusable)
    return _observations(raw, read, entities, kept), _unusable_rows(
        bad_rows, _reasons(bad_rows, reject.filter(unusable))
    )


def _read_columns(raw: pa.Table, table: str, entities: pa.DictionaryArray, cores: int) -> pl.DataFrame:
    """Columns time, cpu, memory, network, wait, code, row_hash and `reject` (see KEPT)."""
    known = [column for column, kind in ds1.TABLES[table].items() if kind != ds1.WORD]
    frame = pl.DataFrame(pl.from_arrow(raw.select([*known, "fault"])))
    read = frame.select("fault", **{**ABSENT, **READINGS[table](cores)}).with_columns(
        pl.Series("code", _codes(raw, table)),
        pl.Series("row_hash", _row_hash(raw, table)),
        pl.Series("entity", entities.indices),
    )
    read = read.with_columns(wait=pl.when(pl.col("code") == WAITING).then("wait"), duration="wait")
    return read.with_columns(reject=_first_failure(has_status="status" in ds1.TABLES[table]))


def _entity_names(raw: pa.Table, table: str) -> pa.DictionaryArray:
    """Name of each row's entity; null where the row gives none. A machine of 2018 is not the one of 2017."""
    if table == "batch_task":
        job, task = (raw[column].cast(pa.string()) for column in ("job_id", "task_id"))
        return encoded(pc.binary_join_element_wise(pc.binary_join_element_wise("j_", job, ""), task, "/t_"))
    ids = encoded(raw["machine_id"])
    prefix = "2018/" if table == "machine_usage" else "m_"
    names = [f"{prefix}{id_}" for id_ in ids.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(ids.indices, pa.array(names, pa.string()))


def _codes(raw: pa.Table, table: str) -> pa.Array:
    """Token of each row's status or event (int16); null for a status that no table documents, and in usage tables."""
    if "status" in ds1.TABLES[table]:
        return _translated(raw["status"], STATUS_CODES, None)
    if "event_type" in ds1.TABLES[table]:
        return _translated(raw["event_type"], ds1.EVENT_TOKENS, UNKNOWN_EVENT)
    return pa.nulls(raw.num_rows, pa.int16())


def _translated(column: pa.ChunkedArray, codes: Mapping[str, int], other: int | None) -> pa.Array:
    words = encoded(column)
    tokens = pa.array([codes.get(word, other) for word in words.dictionary.to_pylist()], pa.int16())
    return pc.if_else(words.is_null(), pa.scalar(codes.get("", other), pa.int16()), tokens.take(words.indices))


def _row_hash(raw: pa.Table, table: str) -> pl.Series:
    """64 bits of a row's values in its own table; equal rows have equal ones, whatever their line."""
    values = {
        column: _word_hash(raw[column]) if kind == ds1.WORD else pl.Series(raw[column])
        for column, kind in ds1.TABLES[table].items()
    }
    return pl.DataFrame(values).hash_rows(seed=ds1.USED.index(table))


def _word_hash(column: pa.ChunkedArray) -> pl.Series:
    """Hash of each word, computed once a distinct word."""
    words = encoded(column)
    return pl.Series(words.dictionary).hash().gather(pl.Series(words.indices))


def _first_failure(*, has_status: bool) -> pl.Expr:
    """FAULTY, else FIRST_RULE + the position of the first of ROW_RULES that fails, else KEPT."""
    first = pl.lit(KEPT, pl.UInt8)
    for position, rule in reversed(list(enumerate(ROW_RULES, FIRST_RULE))):
        if has_status or rule.reason is not UNKNOWN_STATUS:
            first = pl.when(rule.fails).then(pl.lit(position, pl.UInt8)).otherwise(first)
    return pl.when(pl.col("fault").is_not_null()).then(pl.lit(FAULTY, pl.UInt8)).otherwise(first)


def _observations(raw: pa.Table, read: pl.DataFrame, entities: pa.DictionaryArray, kept: pa.Array) -> pd.DataFrame:
    """The rows to keep, with OBSERVATION's columns."""
    of_raw = {"table": raw["table"], "file": raw["file"], "line": raw["line"], "entity": entities}
    columns = {column: of_raw.get(column, read.get_column(column, default=None)) for column in ds1.OBSERVATION}
    arrays = [c.to_arrow(compat_level=OLDEST) if isinstance(c, pl.Series) else c for c in columns.values()]
    table = pa.table(dict(zip(columns, arrays, strict=True)))
    return as_frame(table.filter(kept).cast(pa.schema(ds1.OBSERVATION.items())))


def _reasons(raw: pa.Table, reject: pa.Array) -> pa.Array:
    """Name of the reason for each rejected row; for a faulty one the reader's own."""
    names = pa.array([None, None, *(rule.reason.name for rule in ROW_RULES)], pa.string())
    return pc.coalesce(names.take(reject), raw["fault"])


def _unusable_rows(raw: pa.Table, reasons: pa.Array) -> pd.DataFrame:
    """Rows of a raw table as rejects. The text of a faulty row is its line, that of another its values joined again."""
    values = [raw[column].cast(pa.string()) for column in raw.column_names if column not in ds1.PLACE]
    joined = pc.binary_join_element_wise(*values, ",", null_handling="replace")
    texts = pc.coalesce(raw["text"], joined)
    return rejected("select", REASONS, reasons=reasons, rows=texts, files=raw["file"], lines=raw["line"])
