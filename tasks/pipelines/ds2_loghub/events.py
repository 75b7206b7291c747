"""Parsed log lines into events: time, entity, template, severity and label rule of each record.

In: schemas/ds2_loghub.py: PARSED_COLUMNS. Out: EVENT_COLUMNS. Each distinct line is judged once (judge.py).
"""

import pandas as pd
import polars as pl

from schemas.ds2_loghub import (
    BY_NAME,
    EPOCH,
    EVENT_COLUMNS,
    FIRST_YEAR,
    LAST_YEAR,
    MONTHS,
    SESSIONS,
    Layout,
)
from tasks.pipelines.ds2_loghub import templates
from tasks.pipelines.ds2_loghub.frames import as_pandas
from tasks.pipelines.ds2_loghub.judge import judge
from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF, REASONS, states_of
from tasks.quality.rejects import rejected


def events(parsed: pd.DataFrame, *, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(events, rejects): one event a record, in order of system, time, file, line.

    `year`: of the first line of a log that does not write it; a month that falls by half a year or more begins a new
    one. A clock that goes back by less is kept as it is. No log here writes a time zone: UTC.
    Rejects: bad_time, continuation (a line of a stack trace, whose exceptions are read with the record before it),
    no_header (such a line before any record).
    """
    table = pl.from_pandas(parsed).cast({"level": pl.String, "host": pl.String}).sort("file", "line")
    records, rest = _with_continuations(table)
    records = records.with_columns(_timestamps(records, year))
    good = records.filter(pl.col("timestamp").is_not_null())
    timeless = records.filter(pl.col("timestamp").is_null())
    bad = pl.concat(
        [
            rest.select("file", "line", "reason", row="message"),
            timeless.select("file", "line", reason=pl.lit("bad_time"), row="line_text"),
        ]
    ).sort("file", "line")
    rejects = rejected("events", REASONS, reasons=bad["reason"], rows=bad["row"], files=bad["file"], lines=bad["line"])
    judged = _with_templates(good).with_columns(entity=_entity()).pipe(_with_verdicts)
    return as_pandas(judged.select(*EVENT_COLUMNS)).astype(EVENT_COLUMNS), rejects


def _with_continuations(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with `evidence` (the message and the exceptions its continuation names), and the other lines.

    The other lines have a `reason`: continuation, or no_header where there is no record before them.
    """
    head = pl.col("time").is_not_null()
    table = table.with_columns(
        line_text=pl.concat_str(pl.col("time").fill_null(""), pl.col("message"), separator=" "),
        record=pl.when(head).then("line").forward_fill().over("file"),
    )
    rest = table.filter(~head)
    named = (
        rest.filter(pl.col("message").str.contains(r"^\s*(?:Caused by: )?[\w.$]+(?:Exception|Error|Fault)\b"))
        .group_by("file", "record")
        .agg(pl.col("message").sort_by("line").str.join(" ; ").alias("exceptions"))
    )
    records = table.filter(head).join(named, on=["file", "record"], how="left", maintain_order="left")
    evidence = pl.concat_str("message", pl.lit(" ; "), "exceptions").fill_null(pl.col("message"))
    reason = pl.when(pl.col("record").is_null()).then(pl.lit("no_header")).otherwise(pl.lit("continuation"))
    return records.with_columns(evidence=evidence).drop("exceptions", "record"), rest.with_columns(reason=reason)


def _timestamps(records: pl.DataFrame, year: int) -> pl.Series:
    """UTC time of each record; null for a day, hour or year that is none. Records are in order of file and line."""
    years = _years(records, year)
    time = pl.lit(None, dtype=pl.Datetime("us"))
    for name in records["layout"].unique(maintain_order=True):
        time = pl.when(pl.col("layout") == name).then(_time_of(BY_NAME[name], years)).otherwise(time)
    inside = time.dt.year().is_between(FIRST_YEAR, LAST_YEAR)
    return records.with_columns(timestamp=pl.when(inside).then(time).dt.replace_time_zone("UTC"))["timestamp"]


def _time_of(layout: Layout, years: pl.Series) -> pl.Expr:
    """Time of a layout's lines, without zone; null where it cannot be read."""
    text = pl.col("time")
    if "%.f" in layout.time:  # ISO: a comma before the fraction and a T before the hour are allowed
        text = text.str.replace(",", ".", literal=True).str.replace("T", " ", literal=True)
    if layout.time == EPOCH:
        seconds = text.cast(pl.Int64, strict=False)
        last = (LAST_YEAR + 1 - 1970) * 366 * 86_400  # past it microseconds would not fit
        return pl.from_epoch(pl.when(seconds < last).then(seconds), "s").cast(pl.Datetime("us"))
    if layout.has_year:
        return text.str.to_datetime(layout.time, time_unit="us", strict=False)
    dated = pl.concat_str(pl.lit(years).cast(pl.String), pl.lit(" "), text.str.replace_all(r" +", " "))
    return dated.str.to_datetime(f"%Y {layout.time}", time_unit="us", strict=False)


def _years(records: pl.DataFrame, first: int) -> pl.Series:
    """Year of each record of a layout without one, counted from line to line of its file.

    A month that falls by six or more is a new year (Dec -> Jan, or Nov -> Feb over a quiet Christmas). January to
    December within a week is a clock that goes back over New Year, and takes the year back.
    """
    months = {name: number for number, name in enumerate(MONTHS, 1)}
    word = pl.col("time").str.extract(r"^([A-Z][a-z]{2}) ")
    month = word.replace_strict(months, default=None, return_dtype=pl.Int64)
    month = month.fill_null(pl.col("time").str.extract(r"^(\d\d)-\d\d ").cast(pl.Int64))
    day = pl.col("time").str.extract(r"^\w+[ -]+(\d+)").cast(pl.Int64)
    step = month - month.shift(1).over("file")
    back = (step == 11) & (day.shift(1).over("file") + 31 - day <= 7)
    turn = pl.when(step <= -6).then(1).when(back).then(-1).otherwise(0)
    return records.select((turn.cum_sum().over("file") + first).alias("year"))["year"]


def _with_templates(records: pl.DataFrame) -> pl.DataFrame:
    """template_id and template of each record's message, mined per system."""
    parts = [_mined(part) for _, part in records.group_by(["system"], maintain_order=True)]
    return pl.concat([_mined(records.clear()), *parts]).sort("system", "timestamp", "file", "line")


def _mined(records: pl.DataFrame) -> pl.DataFrame:
    if records.is_empty():
        return records.with_columns(template_id=pl.lit("", pl.String), template=pl.lit("", pl.String))
    mined = templates.mine(records["message"].to_pandas())
    columns = ("template_id", "template")
    return records.with_columns(pl.Series(name, mined[name].to_list(), dtype=pl.String) for name in columns)


def _entity() -> pl.Expr:
    """Whose line it is: its host, else the block, container or machine it names, else its file's process."""
    named = pl.coalesce(pl.col("message").str.extract(session) for session in SESSIONS)
    process = pl.col("file").str.extract(r"([^/]+?)(?:\.log(?:_structured\.csv)?)?$")
    return pl.concat_str("system", pl.lit("/"), pl.coalesce(pl.col("host"), named, process))


def _with_verdicts(records: pl.DataFrame) -> pl.DataFrame:
    """severity, rule, event_type and state of each record; every distinct (level, evidence) is judged once."""
    key = records.select("level", text=pl.col("evidence").str.replace_all(r"\d*[1-9]\d*", "9")).with_row_index()
    distinct = key.unique(["level", "text"]).select("level", "text")
    judged = distinct.with_columns(judge(distinct))
    verdicts = key.join(judged, on=["level", "text"], how="left", nulls_equal=True, maintain_order="left")
    return records.with_columns(verdicts["severity"], verdicts["rule"]).with_columns(
        event_type=pl.col("rule").replace_strict(EVENT_TYPE_OF, return_dtype=pl.String),
        state=states_of("rule", "five"),
    )
