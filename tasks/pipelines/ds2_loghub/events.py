"""Events of ds2_loghub."""

from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd
import polars as pl

from schemas.ds2_loghub import (
    BY_NAME,
    EPOCH,
    EVENT_COLUMNS,
    FIRST_YEAR,
    LAST_YEAR,
    MONTHS,
    PARSED_COLUMNS,
    SESSIONS,
    Layout,
)
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT
from tasks.pipelines.ds2_loghub import templates
from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF, _state_of, judge

# ---------------------------------------------------------------------------------------------------------------------
# lines -> parsed


def system_of(file: str) -> str:
    """A system's name from its file's: what stands before the first `_`, `-` or `.`, in small letters.

    "2k/Linux_2k.log" -> "linux"; "hadoop-worker.log" -> "hadoop". "" where nothing stands there.
    """
    head = PurePosixPath(file).name.replace("-", "_").replace(".", "_").partition("_")[0]
    return "".join(character for character in head.lower() if character.isascii() and character.isalnum())


def best_layout(lines: Iterable[str]) -> Layout | None:
    """The layout that most of these lines have; the first of LAYOUTS among equals; None where no line has any."""
    texts = pl.Series(list(lines), dtype=pl.String)
    hits = {name: int(texts.str.contains(layout.pattern).sum() or 0) for name, layout in BY_NAME.items()}
    best = max(hits, key=lambda name: hits[name])
    return BY_NAME[best] if hits[best] else None


def parse(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the header off each line, by the layout of its file.

    `lines`: file, line, text, fault (null: none), layout, as tasks.pipelines.ds2_loghub.source.decode gives them.
    Returns PARSED_COLUMNS and rejects. A line without a header has no time where its layout has records of several
    lines (`events` reads it with the record it belongs to), and is quarantined as no_header elsewhere. A faulty line is
    quarantined under its fault.
    """
    table = pl.from_pandas(lines)
    faulty = table.filter(pl.col("fault").is_not_null())
    sound = table.filter(pl.col("fault").is_null())
    parts = [_headers(part, BY_NAME[name[0]]) for name, part in sound.group_by(["layout"], maintain_order=True)]
    parsed = pl.concat([_nothing_parsed(), *parts]).sort("file", "line", maintain_order=True)
    whole = pl.col("time").is_not_null() | pl.col("layout").is_in([name for name in BY_NAME if BY_NAME[name].multiline])
    titles = pl.col("fault") == "csv_header"
    outcome = pl.when(titles).then(pl.lit("dropped")).otherwise(pl.lit("quarantined"))
    rejects = pl.concat(
        [
            _rejects(faulty, outcome, pl.col("fault"), "text"),
            _rejects(parsed.filter(~whole), pl.lit("quarantined"), pl.lit("no_header"), "message"),
        ]
    )
    return _pandas(parsed.filter(whole)), _pandas(rejects.sort("file", "line"))


def _headers(lines: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """PARSED_COLUMNS of lines of one layout; time is null and message the whole text where there is no header."""
    header = pl.col("text").str.extract_groups(layout.pattern).alias("header")
    found = lines.select("file", "line", "layout", "text", header)
    systems = {file: system_of(file) for file in found["file"].unique()}
    groups = set(found.schema["header"].to_schema())  # type: ignore[attr-defined]
    fields = {
        name: pl.col("header").struct.field(name) if name in groups else pl.lit(None, dtype=pl.String)
        for name in ("time", "host", "level", "source", "message")
    }
    return (
        found.with_columns(**fields)
        .with_columns(
            system=pl.col("file").replace_strict(systems, return_dtype=pl.String),
            source=pl.col("source").fill_null("").str.strip_chars(),
            message=pl.when(pl.col("time").is_null()).then("text").otherwise(pl.col("message")).str.strip_chars_end(),
        )
        .select(PARSED_COLUMNS)
    )


def _nothing_parsed() -> pl.DataFrame:
    types = {column: pl.Int64 if column == "line" else pl.String for column in PARSED_COLUMNS}
    return pl.DataFrame(schema=types)


def _rejects(rows: pl.DataFrame, outcome: pl.Expr, reason: pl.Expr, text: str) -> pl.DataFrame:
    """REJECT_COLUMNS of rows with file and line; `text` names the column that holds the row."""
    return rows.select(
        outcome.alias("outcome"), reason.alias("reason"), "file", "line", row=pl.col(text).str.head(ROW_TEXT_LIMIT)
    ).select(REJECT_COLUMNS)


def _pandas(table: pl.DataFrame) -> pd.DataFrame:
    """Arrow-backed, with a fresh index."""
    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
    return arrow.to_pandas(types_mapper=pd.ArrowDtype)


# ---------------------------------------------------------------------------------------------------------------------
# parsed -> events


def events(parsed: pd.DataFrame, *, year: int = 2005) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One event a log line, judged by the rules; columns of EVENT_COLUMNS, in order of system, time, file, line.

    `year`: of the first line of a log that does not write it (Linux' 2005); it is counted on where the month falls by
    half a year or more. A clock that goes back by less is left as it is. No log here writes a time zone: UTC.
    Rejects: bad_time (no such day or hour, or a year no log has; quarantined), continuation (a line of a stack trace,
    whose exceptions are read with the record before it; dropped), no_header (one before any record; quarantined).
    """
    table = pl.from_pandas(parsed).cast({"level": pl.String, "host": pl.String}).sort("file", "line")
    records, orphans = _with_continuations(table)
    records = records.with_columns(_timestamps(records, year))
    good = records.filter(pl.col("timestamp").is_not_null())
    timeless = records.filter(pl.col("timestamp").is_null())
    rejects = pl.concat(
        [
            _rejects(orphans, pl.col("outcome"), pl.col("reason"), "message"),
            _rejects(timeless, pl.lit("quarantined"), pl.lit("bad_time"), "line_text"),
        ]
    )
    judged = _with_templates(good).with_columns(entity=_entity()).pipe(_judge)
    return _as_events(judged), _pandas(rejects.sort("file", "line"))


def _with_continuations(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with `evidence` (the message and the exceptions its continuation names), and the continuation lines."""
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
    lost = pl.col("record").is_null()
    orphans = rest.with_columns(
        outcome=pl.when(lost).then(pl.lit("quarantined")).otherwise(pl.lit("dropped")),
        reason=pl.when(lost).then(pl.lit("no_header")).otherwise(pl.lit("continuation")),
    )
    return records.with_columns(evidence=evidence).drop("exceptions", "record"), orphans


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
    """Year of each record of a layout without one, counted on from line to line of its file.

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


def _judge(records: pl.DataFrame) -> pl.DataFrame:
    """severity, rule, event_type and state of each record; every distinct (level, evidence) is judged once."""
    key = records.select("level", text=pl.col("evidence").str.replace_all(r"\d*[1-9]\d*", "9")).with_row_index()
    distinct = key.unique(["level", "text"]).select("level", "text")
    verdicts = distinct.with_columns(judge(distinct))
    found = key.join(verdicts, on=["level", "text"], how="left", nulls_equal=True, maintain_order="left")
    return records.with_columns(found["severity"], found["rule"]).with_columns(
        event_type=pl.col("rule").replace_strict(EVENT_TYPE_OF, return_dtype=pl.String),
        state=_state_of("rule", "five"),
    )


def _as_events(judged: pl.DataFrame) -> pd.DataFrame:
    return _pandas(judged.select(*EVENT_COLUMNS)).astype(EVENT_COLUMNS)
