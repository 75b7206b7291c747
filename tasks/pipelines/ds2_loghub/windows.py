"""Log events into labelled windows: one sequence of template tokens for each entity and window of the clock.

In: EVENT_COLUMNS. Out: Format A with the slices of DS2. Every event is in one sequence or in the rejects: events =
sum of `rows` + rejects.
"""

import pandas as pd
import polars as pl

from schemas import format_a
from schemas.ds2_loghub import SECURITY, SEVERITIES, SLICES, STEM, SingleEvents
from tasks.pipelines.ds2_loghub.frames import as_pandas
from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF, NORMAL_RULE, REASONS, SECURITY_RULE, state_of, states_of
from tasks.quality.rejects import rejected
from tasks.quality.vocabulary import template_tokens


def windows(
    events: pd.DataFrame,
    *,
    window_seconds: int,
    taxonomy: format_a.Taxonomy,
    single_events: SingleEvents,
    merge_within_seconds: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(sequences, rejects): one labelled sequence per entity and window of `window_seconds`, cut by the clock.

    Tokens are those of the templates in order of (time, line), the last 512. The label is the worst state of the
    window's events (format_a.SEVERITY_ORDER), its rule that of the first event with that state.
    `single_events`, for a window with one event: merge joins it to the entity's next window if that begins within
    `merge_within_seconds`, keep keeps it, drop rejects it as single_event_window.
    After format_a.COLUMNS: system, severity (worst), event_type (of the deciding event; the most frequent in a normal
    window), rows (events in the window).
    """
    table = pl.from_pandas(events).sort("system", "entity", "timestamp", "file", "line")
    table = table.with_columns(window_start=window_start(window_seconds))
    spans = spans_of(table, window_seconds)
    if single_events == "merge":
        spans = merged(spans, merge_within_seconds)
    placed = table.join(spans, on=["entity", "window_start"], how="left", maintain_order="left")
    lone = (pl.col("size") == 1) & pl.lit(single_events == "drop")
    return _sequences(_with_tokens(placed.filter(~lone)), taxonomy), _single_events(placed.filter(lone))


def _single_events(lone: pl.DataFrame) -> pd.DataFrame:
    """Events that are alone in their window, as rejects."""
    reasons = ["single_event_window"] * len(lone)
    return rejected("windows", REASONS, reasons=reasons, rows=lone["message"], files=lone["file"], lines=lone["line"])


def window_start(seconds: int) -> pl.Expr:
    """Start of the window that an event's timestamp falls into; windows are cut from 1970-01-01T00:00Z on."""
    width = seconds * 1_000_000
    return (pl.col("timestamp").dt.epoch("us") // width * width).cast(pl.Datetime("us", "UTC"))


def spans_of(table: pl.DataFrame, window_seconds: int) -> pl.DataFrame:
    """Windows in order: entity, window_start, the `start` and `end` of the sequence they give, and its `size`."""
    return (
        table.group_by("entity", "window_start")
        .agg(size=pl.len().cast(pl.Int32))
        .sort("entity", "window_start")
        .with_columns(start="window_start", end=pl.col("window_start") + pl.duration(seconds=window_seconds))
    )


def merged(spans: pl.DataFrame, within_seconds: int) -> pl.DataFrame:
    """Join each window of one event to its entity's next, if that begins at most `within_seconds` after it.

    A window that another was joined to is no longer alone: of three lone windows in a row the first two make a pair,
    and the third may be joined to a fourth.
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
    """Events with the token of their template."""
    tokens = pl.from_pandas(template_tokens(as_pandas(placed.select("system", "template").unique())))
    return placed.join(tokens, on=["system", "template"], how="left", maintain_order="left")


def _sequences(placed: pl.DataFrame, taxonomy: format_a.Taxonomy) -> pd.DataFrame:
    """One row a sequence. `placed`: events in order, with token, start and end of their sequence."""
    graded = placed.with_columns(
        rank=pl.col("rule").replace_strict(_ranks(), return_dtype=pl.Int8),
        grade=pl.col("severity").replace_strict({name: at for at, name in enumerate(SEVERITIES)}, return_dtype=pl.Int8),
    )
    usual = _usual_types(graded)
    summaries = _summaries(graded).join(usual, on=["entity", "start"], how="left", maintain_order="left")
    frame = as_pandas(_labelled(summaries, taxonomy).select(*format_a.COLUMNS, *SLICES, "rows"))
    return frame.astype(format_a.COLUMNS | dict.fromkeys(SLICES, format_a.TEXT))


def _ranks() -> dict[str, int]:
    """How bad each rule's state is, 0 the worst; security has its place in the order under either taxonomy."""
    order = {state: rank for rank, state in enumerate(format_a.SEVERITY_ORDER)}
    return {rule: order[state_of(rule, "seven")] for rule in EVENT_TYPE_OF}


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


def _usual_types(graded: pl.DataFrame) -> pl.DataFrame:
    """The event type met most often in each sequence; among equals the first by name."""
    return (
        graded.group_by("entity", "start", "event_type")
        .agg(count=pl.len())
        .sort("count", "event_type", descending=[True, False])
        .group_by("entity", "start", maintain_order=True)
        .agg(usual_type=pl.col("event_type").first())
    )


def _labelled(summaries: pl.DataFrame, taxonomy: format_a.Taxonomy) -> pl.DataFrame:
    """Format A's columns and the slices of each sequence."""
    calm = states_of("rule", "seven") == format_a.NORMAL
    security = pl.col("deciding_type").is_in(SECURITY) & pl.lit(taxonomy == "five")
    kept_rule = pl.when(security).then(pl.lit(SECURITY_RULE)).otherwise("rule")
    return summaries.with_columns(
        label=states_of("rule", taxonomy),
        source=pl.lit(STEM),
        window_start="start",
        window_end="end",
        label_rule=pl.when(calm).then(pl.lit(NORMAL_RULE)).otherwise(kept_rule),
        weight=pl.lit(1, pl.Int64),
        split=pl.lit(""),
        context_start="start",
        severity=pl.col("grade").replace_strict(dict(enumerate(SEVERITIES)), return_dtype=pl.String),
        event_type=pl.when(calm).then("usual_type").otherwise("deciding_type"),
    ).sort("entity", "window_start")
