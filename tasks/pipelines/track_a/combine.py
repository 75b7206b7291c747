"""Track A's one table: every distinct sequence once, with how often it occurred, its worst label, and its split.

In: tables in Format A that passed the contract, one a dataset. Out: frames in exactly format_a.COLUMNS.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa

from schemas.format_a import COLUMNS, SEVERITY_ORDER, SPLITS, STATES
from tasks.quality.balance import balance, positions_in_order, token_bytes
from tasks.quality.splits import assign

CONFLICTS = pa.schema(
    {
        "sequence_ids": pa.list_(pa.int32()),
        "labels": pa.string(),
        "rows": pa.int64(),
        "label": pa.int8(),
        "state": pa.string(),
    }
)


def combine(*sequences: pd.DataFrame, block: timedelta, shares: Sequence[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(combined, rejects): the tables as one; each distinct `sequence_ids` one row, in order of time.

    Rows that cross splits are rejected first (tasks/quality/splits.py). Of those with the same tokens one is kept: it
    has the sum of their weights, the worst of their labels (SEVERITY_ORDER) with the rule of the earliest row that has
    it, and entity, window and split of the earliest (window_start, then source and entity).
    So the sum of `weight` over combined plus the number of rejects is the number of rows that came in, each with
    weight 1.

    One thing can move an old row: an identical sequence that occurred earlier, in a new entity. A later day, and
    entities with tokens of their own such as another log system, move none.
    """
    kept, rejects = assign(_stacked(sequences), block=block, shares=shares, step="combine")
    return _distinct_sequences(kept), rejects


def _stacked(sequences: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all tables, without slices, in total order. No table at all gives an empty one."""
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})
    table = pd.concat([empty, *(part[list(COLUMNS)] for part in sequences)], ignore_index=True).astype(COLUMNS)
    return table.iloc[positions_in_order(table)].reset_index(drop=True)


def _distinct_sequences(ordered: pd.DataFrame) -> pd.DataFrame:
    """One row for each distinct sequence of a table in total order: the first, with weight, label and rule of all."""
    groups = (
        _keyed(ordered)
        .group_by("tokens", maintain_order=True)
        .agg(pl.col("row").first(), pl.col("weight").sum(), worst=pl.col("row").get(pl.col("severity").arg_min()))
    )
    first, worst = groups["row"].to_numpy(), groups["worst"].to_numpy()
    return (
        ordered.iloc[first]
        .reset_index(drop=True)
        .assign(
            label=ordered["label"].iloc[worst].array,
            label_rule=ordered["label_rule"].iloc[worst].array,
            weight=pd.Series(groups["weight"].to_numpy(), dtype=COLUMNS["weight"]),
        )
    )


def _keyed(ordered: pd.DataFrame) -> pl.DataFrame:
    """A row's tokens (as bytes), row, weight, label and severity (0 is the worst)."""
    severity = np.argsort(SEVERITY_ORDER)
    table = pl.from_pandas(ordered[["sequence_ids", "weight", "label"]])
    return table.with_row_index("row").select(
        pl.Series("tokens", token_bytes(table["sequence_ids"])),
        pl.col("row").cast(pl.Int64),
        "weight",
        "label",
        severity=pl.Series(severity[table["label"].to_numpy()]),
    )


def conflicts(*sequences: pd.DataFrame, block: timedelta, shares: Sequence[float]) -> pd.DataFrame:
    """Sequences that `combine`, called with the same arguments, gets with more than one label, most rows first.

    Columns: sequence_ids; labels, JSON text of state name -> occurrences; rows; label and state, which won.
    """
    kept, _ = assign(_stacked(sequences), block=block, shares=shares, step="conflicts")
    counts = _keyed(kept).group_by("tokens", "label").agg(pl.col("weight").sum(), pl.col("row", "severity").min())
    several = (
        counts.sort("severity")
        .group_by("tokens", maintain_order=True)
        .agg("label", "weight", pl.col("row").min())
        .filter(pl.col("label").list.len() > 1)
        .with_columns(rows=pl.col("weight").list.sum())
        .sort(["rows", "row"], descending=[True, False])
    )
    return _conflict_rows(several, kept)


def _conflict_rows(several: pl.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """One row a sequence, with CONFLICTS' columns. `several`: its labels with their weights, worst label first."""
    named = [
        {STATES[label]: n for label, n in zip(labels, weights, strict=True)}
        for labels, weights in several.select("label", "weight").iter_rows()
    ]
    winners = [labels[0] for labels in several["label"].to_list()]
    columns = {
        "sequence_ids": pa.array(kept["sequence_ids"].iloc[several["row"].to_numpy()], pa.list_(pa.int32())),
        "labels": [orjson.dumps(counts).decode() for counts in named],
        "rows": several["rows"].to_list(),
        "label": winners,
        "state": [STATES[label] for label in winners],
    }
    return pa.table(columns, schema=CONFLICTS).to_pandas(types_mapper=pd.ArrowDtype)


def parts(combined: pd.DataFrame, *, normal_ratio: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(train, validation, test), ready for a trainer. Only train is balanced, after the split: nothing can leak."""
    train, validation, test = (combined[combined["split"] == name].reset_index(drop=True) for name in SPLITS)
    return balance(train, normal_ratio=normal_ratio, seed=seed), validation, test
