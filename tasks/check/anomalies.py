"""Is this table as it should be? Missing values, outliers, format and schema violations, a fall in rows.

Findings, each with its measure and limit; clean data raises none. In: a table and two counts. Out: JSON-ready.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.finding import Finding
from schemas.format_a import COLUMNS

MANY = 10  # more anomalies than this are an error (DOMAIN.md, stages)
# Sequence lengths are counts and spread by factors, so they are measured in octaves (log2). A length is an outlier
# when it lies further from the median than REACH deviations of its own side. A deviation is 1.4826 MAD (it estimates a
# normal standard deviation: Rousseeuw and Croux 1993) of the lengths on that side, at least one octave: fixed-size
# windows have a MAD of 0, and then every other length would be an outlier.
# So nothing within a factor of 2 ** REACH = 32 of the median is one. Ours: on generated clean data of four shapes and
# on the real logs and tasks the share is under 1 % (test_anomalies); a step that cuts or joins sequences passes 5 %.
REACH = 5.0
MAD_TO_DEVIATION = 1.4826


def anomalies(
    table: pd.DataFrame,
    *,
    previous_rows: int | None,
    rejected_rows: int,
    rows_in: int | None = None,
    missing_limit: float = 0.0,
    outlier_limit: float = 0.05,
    rejected_limit: float = 0.05,
    volume_drop: float = 0.20,
    columns: Mapping[str, Any] = COLUMNS,
    extra: Sequence[str] | None = None,
) -> dict[str, Any]:
    """{"total", "severity", "anomalies": what does not hold, "findings": all that was checked} of a table.

    `previous_rows`: rows of the last run, None for the first. `rejected_rows`: rows quarantined on the way, of
    `rows_in`, by default the table's and the rejected ones together. `columns`: name -> type of the required ones;
    `extra`: names of the further ones that may stand there, None for any. Limits are shares.
    severity: "none"; "error" for more than 10 anomalies or one that is an error by itself; else "warning".
    """
    found = [
        *_schema(table, columns, extra),
        *_missing(table, columns, missing_limit),
        *_outliers(table, outlier_limit),
        _format(len(table) + rejected_rows if rows_in is None else rows_in, rejected_rows, rejected_limit),
        *_volume(len(table), previous_rows, volume_drop),
    ]
    broken = [finding for finding in found if not finding.holds]
    return {
        "total": len(broken),
        "severity": severity_of(broken),
        "anomalies": [finding.model_dump() for finding in broken],
        "findings": [finding.model_dump() for finding in found],
    }


def severity_of(broken: Sequence[Finding]) -> str:
    """How loud to be about findings that do not hold: "none", "warning", or "error" (see `anomalies`)."""
    if not broken:
        return "none"
    loud = len(broken) > MANY or any(finding.severity == "error" for finding in broken)
    return "error" if loud else "warning"


def _schema(table: pd.DataFrame, columns: Mapping[str, Any], extra: Sequence[str] | None) -> Iterator[Finding]:
    """A finding for each required column that is absent or of another type, and for each that is not expected."""
    expected = set(columns) | set(table.columns if extra is None else extra)
    faults = [f"{name} is missing" for name in columns if name not in table.columns]
    faults += [
        f"{name} is {table[name].dtype}, expected {kind}"
        for name, kind in columns.items()
        if name in table.columns and table[name].dtype != kind
    ]
    faults += [f"{name} is not expected" for name in table.columns if name not in expected]
    for fault in faults or [""]:
        name = fault.partition(" ")[0]
        yield Finding(
            kind="schema",
            name=f"column {name}" if fault else "columns",
            measured=float(bool(fault)),
            limit=0,
            holds=not fault,
            unit="faults",
            detail=fault,
        )


def _missing(table: pd.DataFrame, columns: Mapping[str, Any], limit: float) -> Iterator[Finding]:
    for name in (name for name in columns if name in table.columns):
        count = int(table[name].isna().sum())
        share = count / len(table) if len(table) else 0.0
        yield Finding(
            kind="missing",
            name=f"share without {name}",
            measured=share,
            limit=limit,
            holds=share <= limit,
            detail=f"{count:,} of {len(table):,} rows" if count else "",
        )


def _outliers(table: pd.DataFrame, limit: float) -> Iterator[Finding]:
    """The share of sequences whose length is far from the usual one; nothing where there are no token lists."""
    lengths = _lengths(table)
    if lengths is None:
        return
    share = outlier_share(lengths)
    median = float(np.median(lengths)) if len(lengths) else 0.0
    yield Finding(
        kind="outlier",
        name="share of sequences of unusual length",
        measured=share,
        limit=limit,
        holds=share <= limit,
        detail="" if share <= limit else f"the median is {median:g} tokens",
    )


def _lengths(table: pd.DataFrame) -> np.ndarray | None:
    """Token counts of the rows that have a list, int64; None when the column is not one of lists."""
    column = pa.array(table["sequence_ids"]) if "sequence_ids" in table.columns else pa.nulls(0)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return None
    return pc.list_value_length(column).drop_null().to_numpy(zero_copy_only=False).astype(np.int64)


def outlier_share(lengths: np.ndarray) -> float:
    """Share of lengths further than REACH deviations from the median, each side by its own deviation; 0 of nothing.

    By hand: 95 lengths of 64 and 5 of 1: the median is 2 ** 6, the MAD 0, so the reach is 5 octaves; 1 = 2 ** 0 lies
    6 octaves below, so the share is 0.05. With 4 instead of 1 (4 octaves) it is 0. An empty sequence counts as -1.
    """
    if not len(lengths):
        return 0.0
    octaves = np.log2(np.maximum(lengths, 0.5))
    away = octaves - np.median(octaves)
    outlying = (-away > REACH * _deviation(away[away <= 0])) | (away > REACH * _deviation(away[away >= 0]))
    return float(outlying.mean())


def _deviation(away: np.ndarray) -> float:
    return max(MAD_TO_DEVIATION * float(np.median(np.abs(away))), 1.0) if len(away) else 1.0


def _format(rows_in: int, rejected: int, limit: float) -> Finding:
    share = rejected / rows_in if rows_in else 0.0
    return Finding(
        kind="format",
        name="share of rows not understood",
        measured=share,
        limit=limit,
        holds=share <= limit,
        detail=f"{rejected:,} of {rows_in:,} rows" if rejected else "",
    )


def _volume(rows: int, previous: int | None, limit: float) -> Iterator[Finding]:
    """No rows at all is an error; a first run, or one after an empty run, cannot have fallen."""
    yield Finding(kind="volume", name="rows", measured=rows, limit=1, holds=rows >= 1, unit="rows", severity="error")
    fall = max(1 - rows / previous, 0.0) if previous else 0.0
    yield Finding(
        kind="volume",
        name="fall in rows since the last run",
        measured=fall,
        limit=limit,
        holds=fall <= limit,
        detail="no earlier run to compare with" if previous is None else f"{rows:,} after {previous:,} rows",
    )
