"""System logs into labelled template sequences. Pure: tables in, tables out.

    lines --parse--> parsed --events--> events --windows--> sequences (Format A)

A line's header is split by the layout of its file (schemas/ds2_loghub.py). What it says is judged by EVENT_RULES, words
as data: the first rule that speaks gives event type and state. No rule knows a system; the words are those of
operating systems, storage, networks, clusters and batch work in general. Each distinct line is judged once.

Every step returns (kept, rejects) and loses nothing: lines = events + rejects; events = sum of `rows` + rejects.
"""

from typing import Literal

import pandas as pd
import polars as pl

from schemas import format_a
from schemas.ds2_loghub import (
    EVENT_STATES,
    SECURITY,
    SEVERITIES,
)
from tasks.pipelines.ds2_loghub.events import _pandas, _rejects
from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF, SECURITY_RULE, _state, _state_of
from tasks.quality.vocabulary import template_tokens

SOURCE = "ds2_loghub"
SLICES = ("system", "severity", "event_type")
WINDOW_SECONDS = 300
SingleEvents = Literal["merge", "keep", "drop"]

# A lone event is joined to the window right after its own and to none later: the pair then spans two windows, and an
# event is never told as the context of another that came longer than that after it. See `merged`.
MERGE_WITHIN_SECONDS = 300


# ---------------------------------------------------------------------------------------------------------------------
# events -> sequences


def windows(
    events: pd.DataFrame,
    *,
    window_seconds: int = WINDOW_SECONDS,
    taxonomy: format_a.Taxonomy = "five",
    single_events: SingleEvents = "merge",
    merge_within_seconds: int = MERGE_WITHIN_SECONDS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Format A: one labelled sequence per entity and window of `window_seconds`, cut by the clock.

    Tokens are those of the templates in order of (time, line), the last 512. The label is the worst state of the
    window's events (format_a.SEVERITY_ORDER), its rule that of the first event with that state.
    `single_events`: what becomes of a window with one event: joined to the entity's next window if that begins within
    `merge_within_seconds` (merge), left as it is (keep), or dropped with the reason single_event_window.
    After format_a.COLUMNS: system, severity (worst), event_type (of the deciding event; the most frequent in a normal
    window), rows (events in the window).
    """
    table = pl.from_pandas(events).sort("system", "entity", "timestamp", "file", "line")
    table = table.with_columns(window_start=_floor(pl.col("timestamp"), window_seconds))
    spans = _spans(table, window_seconds)
    if single_events == "merge":
        spans = merged(spans, merge_within_seconds)
    placed = table.join(spans, on=["entity", "window_start"], how="left", maintain_order="left")
    lone = (pl.col("size") == 1) & pl.lit(single_events == "drop")
    rejects = _rejects(placed.filter(lone), pl.lit("dropped"), pl.lit("single_event_window"), "message")
    return _sequences(_with_tokens(placed.filter(~lone)), taxonomy), _pandas(rejects)


def _floor(time: pl.Expr, seconds: int) -> pl.Expr:
    """Start of the window that holds a time; windows are cut from 1970-01-01T00:00Z on."""
    width = seconds * 1_000_000
    return (time.dt.epoch("us") // width * width).cast(pl.Datetime("us", "UTC"))


def _spans(table: pl.DataFrame, window_seconds: int) -> pl.DataFrame:
    """Windows in order: entity, window_start, the `start` and `end` of the sequence they give, and its `size`."""
    return (
        table.group_by("entity", "window_start")
        .agg(size=pl.len().cast(pl.Int32))
        .sort("entity", "window_start")
        .with_columns(start="window_start", end=pl.col("window_start") + pl.duration(seconds=window_seconds))
    )


def merged(spans: pl.DataFrame, within_seconds: int) -> pl.DataFrame:
    """Join each window of one event to its entity's next, if that begins at most `within_seconds` after it.

    A window that was joined to is no longer alone: of three lone windows in a row the first two make a pair, and the
    third waits for a fourth. The default joins neighbours only. A merge over hours would call yesterday's line the
    context of today's, and give the pair one label.
    """
    gap = pl.col("window_start").shift(-1).over("entity") - pl.col("window_start")
    near = (gap <= pl.duration(seconds=within_seconds)).fill_null(value=False)
    spans = spans.with_columns(alone=(pl.col("size") == 1) & near)
    spans = spans.with_columns(run=pl.col("alone").rle_id().over("entity"))
    # In a run of lone windows every second one is joined to the one before it, and so is no longer alone itself.
    spans = spans.with_columns(into_next=pl.col("alone") & (pl.int_range(pl.len()).over("entity", "run") % 2 == 0))
    joined = pl.col("into_next").shift(1).over("entity").fill_null(value=False)
    return (
        spans.with_columns(
            start=pl.when(joined).then(pl.col("start").shift(1).over("entity")).otherwise("start"),
            end=pl.when("into_next").then(pl.col("end").shift(-1).over("entity")).otherwise("end"),
        )
        .with_columns(size=pl.col("size").sum().over("entity", "start"))
        .select("entity", "window_start", "size", "start", "end")
    )


def _with_tokens(placed: pl.DataFrame) -> pl.DataFrame:
    tokens = pl.from_pandas(template_tokens(_pandas(placed.select("system", "template").unique())))
    return placed.join(tokens, on=["system", "template"], how="left", maintain_order="left")


def _sequences(placed: pl.DataFrame, taxonomy: format_a.Taxonomy) -> pd.DataFrame:
    """One row a sequence. `placed`: events in order, with token, start and end of their sequence."""
    graded = placed.with_columns(
        rank=pl.col("rule").replace_strict(_ranks(), return_dtype=pl.Int8),
        grade=pl.col("severity").replace_strict({name: at for at, name in enumerate(SEVERITIES)}, return_dtype=pl.Int8),
    )
    told = _summaries(graded).join(_most_frequent(graded), on=["entity", "start"], how="left", maintain_order="left")
    frame = _pandas(_labelled(told, taxonomy).select(*format_a.COLUMNS, *SLICES, "rows"))
    return frame.astype(format_a.COLUMNS | dict.fromkeys(SLICES, format_a.TEXT))


def _ranks() -> dict[str, int]:
    """How bad each rule's state is, 0 the worst; security has its place in the order under either taxonomy."""
    order = {state: rank for rank, state in enumerate(format_a.SEVERITY_ORDER)}
    return {rule: order[_state(rule, "seven")] for rule in EVENT_TYPE_OF}


def _summaries(graded: pl.DataFrame) -> pl.DataFrame:
    """Tokens, worst severity and deciding event (the first of the worst) of each sequence."""
    deciding = pl.col("rank").arg_min()
    return graded.group_by("entity", "start", maintain_order=True).agg(
        pl.col("token").tail(format_a.MAX_LENGTH).cast(pl.Int32).alias("sequence_ids"),
        pl.col("end").first(),
        pl.col("system").first(),
        pl.col("grade").max(),
        pl.col("rule").get(deciding),
        pl.col("event_type").get(deciding).alias("deciding_type"),
        pl.len().cast(pl.Int32).alias("rows"),
    )


def _most_frequent(graded: pl.DataFrame) -> pl.DataFrame:
    """The event type met most often in each sequence; among equals the first by name."""
    return (
        graded.group_by("entity", "start", "event_type")
        .agg(count=pl.len())
        .sort("count", "event_type", descending=[True, False])
        .group_by("entity", "start", maintain_order=True)
        .agg(usual_type=pl.col("event_type").first())
    )


def _labelled(told: pl.DataFrame, taxonomy: format_a.Taxonomy) -> pl.DataFrame:
    """Format A's columns and the slices of each sequence."""
    calm = pl.col("deciding_type").replace_strict(EVENT_STATES, return_dtype=pl.Int8) == format_a.NORMAL
    security = pl.col("deciding_type").is_in(SECURITY) & pl.lit(taxonomy == "five")
    kept_rule = pl.when(security).then(pl.lit(SECURITY_RULE)).otherwise("rule")
    return told.with_columns(
        label=_state_of("rule", taxonomy),
        source=pl.lit(SOURCE),
        window_start="start",
        window_end="end",
        label_rule=pl.when(calm).then(pl.lit("normal")).otherwise(kept_rule),
        weight=pl.lit(1, pl.Int64),
        split=pl.lit(""),
        context_start="start",
        severity=pl.col("grade").replace_strict(dict(enumerate(SEVERITIES)), return_dtype=pl.String),
        event_type=pl.when(calm).then("usual_type").otherwise("deciding_type"),
    ).sort("entity", "window_start")


def vocabulary(events: pd.DataFrame) -> pd.DataFrame:
    """token, source, meaning of every template: "<system>: <template>"."""
    tokens = template_tokens(events[["system", "template"]].drop_duplicates())
    tokens["source"] = SOURCE
    tokens["meaning"] = tokens["system"] + ": " + tokens["template"]
    return tokens[["token", "source", "meaning"]].astype({"source": format_a.TEXT, "meaning": format_a.TEXT})
