"""The numbers every dataset's report needs, from its sequences alone: JSON-ready, the same input gives the same text.

In: a table in Format A, with the dataset's slice columns after it. Out: nested dicts of counts; rows are sequences.
"""

from collections.abc import Sequence
from itertools import chain, count
from typing import TypedDict, cast

import pandas as pd
import polars as pl

from schemas.format_a import PERMISSION_DENIED, STATES

FIVE = 5  # states of taxonomy "five": always listed, so that a zero is seen; the two others only where they occur
LENGTH_EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # octaves; 512 (Format A's longest) has its own bin
MINUTE, HOUR, DAY = 60, 3_600, 86_400
# Bucket sizes in seconds; the smallest that needs at most MOST_BUCKETS is taken.
ROUND_SECONDS = (
    *(MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY, 364 * DAY),
)
MOST_BUCKETS = 60  # what a plot shows legibly
TOP_TOKENS = 20
TOP_VALUES = 50  # of a slice; the rest is counted as OTHER
MISSING, OTHER = "missing", "other"


# `from` and `to` are both included; the last bin is open.
LengthBin = TypedDict("LengthBin", {"from": int, "to": int | None, "rows": int})


class Lengths(TypedDict):
    """How long sequences are, in tokens; None for a table without rows."""

    min: int | None
    max: int | None
    mean: float | None
    median: float | None
    histogram: list[LengthBin]


class TokenCount(TypedDict):
    """How often one token occurs."""

    token: int
    rows: int


class Tokens(TypedDict):
    """Occurrences of tokens, distinct ones, and the most frequent (ties by id)."""

    total_tokens: int
    unique_tokens: int
    top_tokens: list[TokenCount]


class OverTime(TypedDict):
    """Sequences by time: `starts` of the buckets (ISO, UTC), and for each state one number a bucket."""

    bucket_seconds: int | None
    starts: list[str]
    counts: dict[str, list[int]]


class QualityChecks(TypedDict):
    """Rows that no valid table has."""

    empty_sequences: int
    invalid_labels: int


class Description(TypedDict):
    """What a table of sequences is, in numbers."""

    total_sequences: int
    total_weight: int
    entities: int
    label_distribution: dict[str, int]
    rule_distribution: dict[str, int]
    sequence_length: Lengths
    token_stats: Tokens
    quality_checks: QualityChecks
    slices: dict[str, dict[str, int]]
    events_over_time: OverTime


def describe(sequences: pd.DataFrame, slices: Sequence[str] = ()) -> Description:
    """Counts, lengths, tokens, time and slices of a table of sequences. An empty table gives zeros and None."""
    table = pl.from_pandas(sequences)
    lengths = table["sequence_ids"].list.len()
    return {
        "total_sequences": len(table),
        "total_weight": int(table["weight"].sum()),
        "entities": table.select(pl.struct("source", "entity").n_unique()).item() if len(table) else 0,
        "label_distribution": state_counts(sequences["label"]),
        "rule_distribution": _frequencies(table["label_rule"]),
        "sequence_length": length_statistics(lengths),
        "token_stats": token_statistics(table["sequence_ids"]),
        "quality_checks": {
            "empty_sequences": int((lengths.fill_null(0) == 0).sum()),
            "invalid_labels": int((~table["label"].is_in(range(len(STATES))).fill_null(value=False)).sum()),
        },
        "slices": {name: _frequencies(named(table[name], TOP_VALUES)) for name in slices},
        "events_over_time": over_time(table),
    }


def state_counts(labels: pd.Series) -> dict[str, int]:
    """Rows of each state by name: the five always, the security states where they occur.

    Labels that are no state are counted as "unknown_<label>", absent ones as "missing": every row is counted.
    """
    counts = {int(str(label)): int(n) for label, n in labels.value_counts(dropna=True).items()}
    known = {STATES[label]: counts.pop(label, 0) for label in range(FIVE)}
    rest = {STATES[n] if FIVE <= n <= PERMISSION_DENIED else f"unknown_{n}": counts[n] for n in sorted(counts)}
    absent = int(labels.isna().sum())
    return known | rest | ({MISSING: absent} if absent else {})


def named(values: pl.Series, top: int) -> pl.Series:
    """A slice's values as text: absent ones "missing", all but the `top` most frequent (ties by name) "other"."""
    text = values.cast(pl.String).fill_null(MISSING).rename("value")
    counts = text.value_counts().sort(["count", "value"], descending=[True, False])
    if len(counts) <= top:
        return text
    return pl.select(
        pl.when(text.is_in(counts["value"].head(top).to_list())).then(text).otherwise(pl.lit(OTHER))
    ).to_series()


def _frequencies(values: pl.Series) -> dict[str, int]:
    """Value -> rows, most frequent first, ties by name."""
    counts = values.cast(pl.String).fill_null(MISSING).rename("value").value_counts()
    return dict(counts.sort(["count", "value"], descending=[True, False]).iter_rows())


def length_statistics(lengths: pl.Series) -> Lengths:
    """min, max, mean, median and a histogram over fixed bins."""
    lengths = lengths.fill_null(0)
    return {
        "min": cast("int | None", lengths.min()),
        "max": cast("int | None", lengths.max()),
        "mean": _rounded(cast("float | None", lengths.mean())),
        "median": cast("float | None", lengths.median()),
        "histogram": [
            {"from": low, "to": high - 1 if high else None, "rows": _between(lengths, low, high)}
            for low, high in zip(LENGTH_EDGES, (*LENGTH_EDGES[1:], None), strict=True)
        ],
    }


def _between(lengths: pl.Series, low: int, high: int | None) -> int:
    inside = lengths >= low if high is None else (lengths >= low) & (lengths < high)
    return int(inside.sum())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def token_statistics(ids: pl.Series) -> Tokens:
    """Tokens in all, distinct ones, and the TOP_TOKENS most frequent; every occurrence counts."""
    counts = (
        ids.explode().drop_nulls().rename("token").value_counts().sort(["count", "token"], descending=[True, False])
    )
    return {
        "total_tokens": int(counts["count"].sum()),
        "unique_tokens": len(counts),
        "top_tokens": cast("list[TokenCount]", counts.head(TOP_TOKENS).rename({"count": "rows"}).to_dicts()),
    }


def over_time(table: pl.DataFrame) -> OverTime:
    """Sequences of each state by time of their window's start, in at most MOST_BUCKETS buckets of one round size.

    The starts are multiples of the size since 1970; zeros are included.
    """
    times = table.select(second=pl.col("window_start").dt.epoch("s"), label="label").drop_nulls()
    if not len(times):
        return {"bucket_seconds": None, "starts": [], "counts": {}}
    first, last = int(times["second"].min()), int(times["second"].max())  # type: ignore[arg-type]
    size = bucket_seconds(first, last)
    starts = list(range(first // size * size, last + 1, size))
    return {
        "bucket_seconds": size,
        "starts": [pd.Timestamp(start, unit="s", tz="UTC").isoformat() for start in starts],
        "counts": _by_state(times.with_columns(pl.col("second") // size * size), starts),
    }


def _by_state(times: pl.DataFrame, starts: list[int]) -> dict[str, list[int]]:
    """For each state that occurs, its sequences in each bucket."""
    counts = {(second, label): n for second, label, n in times.group_by("second", "label").len().iter_rows()}
    labels = sorted({label for _, label in counts} & set(range(len(STATES))))
    return {STATES[label]: [counts.get((start, label), 0) for start in starts] for label in labels}


def bucket_seconds(first: int, last: int) -> int:
    """The smallest round size with which first..last (seconds) fall into at most MOST_BUCKETS buckets.

    bucket_seconds(0, 3599) = 60; bucket_seconds(0, 3600) = 300. Past the list the largest is doubled.
    """
    sizes = chain(ROUND_SECONDS, (ROUND_SECONDS[-1] << doubled for doubled in count(1)))
    return next(size for size in sizes if last // size - first // size < MOST_BUCKETS)
