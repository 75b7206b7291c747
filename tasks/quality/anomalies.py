"""Anomalies of a table: missing values, outliers, format and schema violations, a fall in rows.

In: a table and two counts. Out: findings, each with its measure and limit, ready for JSON; clean data has none that
fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd
import polars as pl

from schemas import format_b
from schemas.document import Document
from schemas.finding import Finding
from schemas.format_a import COLUMNS

Columns: TypeAlias = Mapping[str, pd.ArrowDtype]  # name -> type

MANY = 10  # more anomalies than this are an error (DOMAIN.md, stages)
# Sequence lengths are counts and spread by factors, so they are measured in octaves (log2). A length is an outlier
# when it is further from its group's median than REACH deviations of its own side. A deviation is 1.4826 MAD (which
# estimates a normal standard deviation: Rousseeuw and Croux 1993) of the lengths on that side, at least one octave:
# fixed-size windows have a MAD of 0, and then every other length would be an outlier.
# So no length within a factor of 2 ** REACH = 32 of the median is an outlier. REACH is ours: clean lengths of nine
# shapes have no outliers (test_anomalies), nor have five-minute windows of LogHub's 2k files; a step that wrongly cuts
# or joins sequences gives more than 5 %.
REACH = 5.0
MAD_TO_DEVIATION = 1.4826


def anomalies(
    table: pd.DataFrame,
    *,
    previous_rows: int | None,
    rejected_rows: int,
    missing_limit: float,
    outlier_limit: float,
    rejected_limit: float,
    volume_drop: float,
    rows_in: int | None = None,
    by: Sequence[str] = (),
    columns: Columns = COLUMNS,
    extra: Sequence[str] | None = None,
) -> Document:
    """{"total", "severity", "anomalies": failed findings, "findings": all findings} of a table.

    `previous_rows`: rows of the last run, None for the first. `rejected_rows`: rows quarantined by earlier steps, of
    `rows_in`, by default the table's and the rejected ones together. `by`: lengths are compared within groups of these
    columns; use it where kinds of entities differ in length by nature (tasks of 3 tokens, machines of 512). `columns`:
    name -> type of the required columns; `extra`: names of further columns that are allowed, None for any. Limits are
    shares.
    severity: "none"; "error" for more than 10 anomalies or one that is an error by itself; else "warning".
    """
    findings = [
        *_schema_findings(table, columns, extra),
        *_missing_findings(table, columns, missing_limit),
        *_outlier_findings(table, by, outlier_limit),
        _format_finding(len(table) + rejected_rows if rows_in is None else rows_in, rejected_rows, rejected_limit),
        *_volume_findings(len(table), previous_rows, volume_drop),
    ]
    broken = [finding for finding in findings if not finding.holds]
    return {
        "total": len(broken),
        "severity": severity_of(broken),
        "anomalies": [finding.model_dump() for finding in broken],
        "findings": [finding.model_dump() for finding in findings],
    }


def conversation_anomalies(table: pd.DataFrame, **parameters: Any) -> Document:
    """`anomalies` of a table of conversations (Format B)."""
    return anomalies(table, columns=format_b.COLUMNS, **parameters)


def severity_of(broken: Sequence[Finding]) -> str:
    """Severity of failed findings together: "none", "warning", or "error" (see `anomalies`)."""
    if not broken:
        return "none"
    is_error = len(broken) > MANY or any(finding.severity == "error" for finding in broken)
    return "error" if is_error else "warning"


def _schema_findings(table: pd.DataFrame, columns: Columns, extra: Sequence[str] | None) -> Iterator[Finding]:
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


def _missing_findings(table: pd.DataFrame, columns: Columns, limit: float) -> Iterator[Finding]:
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


def _outlier_findings(table: pd.DataFrame, by: Sequence[str], limit: float) -> Iterator[Finding]:
    """The share of rows of unusual length; no finding for a table without tokens and messages."""
    measured = _length_of(table)
    if measured is None:
        return
    column, length, rows, unit = measured
    frame = pl.from_pandas(table[[column, *by]])
    lengths = frame.select(length=length, group=pl.struct(by) if by else pl.lit(0))
    share = outlier_share(lengths.drop_nulls("length"))
    yield Finding(
        kind="outlier",
        name=f"share of {rows} of unusual length",
        measured=share,
        limit=limit,
        holds=share <= limit,
        detail="" if share <= limit else f"the median is {lengths.select(pl.median('length')).item():g} {unit}",
    )


def _length_of(table: pd.DataFrame) -> tuple[str, pl.Expr, str, str] | None:
    """(column, its length, noun of a row, unit) of either format; None for another table."""
    if "sequence_ids" in table.columns and str(table["sequence_ids"].dtype).startswith(("list", "large_list")):
        return "sequence_ids", pl.col("sequence_ids").list.len(), "sequences", "tokens"
    if "messages" in table.columns:
        return "messages", pl.col("messages").str.len_chars(), "conversations", "characters"
    return None


def outlier_share(lengths: pl.DataFrame) -> float:
    """Share of rows (length, group) further than REACH deviations from their group's median; 0 of nothing.

    By hand: 95 lengths of 64 and 5 of 1: the median is 2 ** 6, the MAD 0, so the reach is 5 octaves; 1 = 2 ** 0 lies
    6 octaves below, so the share is 0.05. With 4 instead of 1 (4 octaves) it is 0. An empty sequence counts as half.
    """
    octaves = pl.max_horizontal(pl.col("length").cast(pl.Float64), 0.5).log(2)
    away = lengths.select("group", away=octaves - octaves.median().over("group"))
    far = (-pl.col("away") > REACH * _deviation(pl.col("away") <= 0)) | (
        pl.col("away") > REACH * _deviation(pl.col("away") >= 0)
    )
    return float(away.select(far.mean()).item() or 0.0)


def _deviation(side: pl.Expr) -> pl.Expr:
    """Of the rows of a group on one side of its median; those on the median belong to both."""
    deviation = pl.col("away").abs().filter(side).median().over("group") * MAD_TO_DEVIATION
    return pl.max_horizontal(deviation.fill_null(1.0), 1.0)


def _format_finding(rows_in: int, rejected: int, limit: float) -> Finding:
    share = rejected / rows_in if rows_in else 0.0
    return Finding(
        kind="format",
        name="share of rows not understood",
        measured=share,
        limit=limit,
        holds=share <= limit,
        detail=f"{rejected:,} of {rows_in:,} rows" if rejected else "",
    )


def _volume_findings(rows: int, previous: int | None, limit: float) -> Iterator[Finding]:
    """No rows is an error. The first run and a run after an empty one have no fall in rows."""
    yield Finding(kind="volume", name="rows", measured=rows, limit=1, holds=rows >= 1, unit="rows", severity="error")
    fall = max(previous - rows, 0) / previous if previous else 0.0
    yield Finding(
        kind="volume",
        name="fall in rows since the last run",
        measured=fall,
        limit=limit,
        holds=fall <= limit,
        detail="no earlier run to compare with" if previous is None else f"{rows:,} after {previous:,} rows",
    )
