"""DS1's rules: which state a window is labelled with, which rows cannot be used, and what each reason means.

To change a label rule, change its row in LABEL_RULES: name, state, meaning, threshold and condition stand there
together. The thresholds' values are those of schemas/limits.py: LoadRules.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ds1_alibaba import LATEST_SECOND
from schemas.format_a import DATA_DRIFT, NETWORK_FAILURE, NORMAL, RESOURCE_EXHAUSTION, SYSTEM_CRASH
from schemas.limits import LoadRules
from schemas.reject import Reason, reasons
from tasks.pipelines.ds1_alibaba.arrays import Bools, Floats, Ints, first_true

# ---------------------------------------------------------------------------------------------------------- label rules


@dataclass(frozen=True)
class Evidence:
    """What the label rules look at: one value for each window. A load that is not measured is NaN: no rule applies."""

    harderror: Bools
    softerror: Bools
    network: Bools  # an event whose detail has one of NETWORK_WORDS
    failed: Bools  # a row with status Failed
    long_wait: Bools  # a row of `long_waits`
    cpu: Floats  # measured percent of the machine
    memory: Floats

    @property
    def any_window(self) -> Bools:
        """True for every window."""
        return np.ones(len(self.cpu), bool)


@dataclass(frozen=True)
class LabelRule:
    """A window that `applies` is true for has this state, unless an earlier rule applies.

    `threshold` is the field of LoadRules that the condition reads, "" for none.
    """

    name: str
    state: int
    meaning: str
    applies: Callable[[Evidence, LoadRules], Bools]
    threshold: str = ""


# The first rule that applies gives the label, so the worst state comes first (format_a.SEVERITY_ORDER).
LABEL_RULES = (
    LabelRule("harderror", SYSTEM_CRASH, "A harderror event.", lambda seen, _: seen.harderror),
    LabelRule(
        "failed_idle",
        SYSTEM_CRASH,
        "A Failed row while the measured CPU is at most idle_cpu.",
        lambda seen, load: seen.failed & (seen.cpu <= load.idle_cpu),
        "idle_cpu",
    ),
    LabelRule(
        "network_event",
        NETWORK_FAILURE,
        "An event whose detail names a link, a switch or the network.",
        lambda seen, _: seen.network,
    ),
    LabelRule("softerror", NETWORK_FAILURE, "A softerror event.", lambda seen, _: seen.softerror),
    LabelRule(
        "cpu_high",
        RESOURCE_EXHAUSTION,
        "Measured CPU of at least cpu_high.",
        lambda seen, load: seen.cpu >= load.cpu_high,
        "cpu_high",
    ),
    LabelRule(
        "memory_high",
        RESOURCE_EXHAUSTION,
        "Measured memory of at least memory_high.",
        lambda seen, load: seen.memory >= load.memory_high,
        "memory_high",
    ),
    LabelRule(
        "failed_other",
        DATA_DRIFT,
        "A Failed row under load, or where no load is measured.",
        lambda seen, _: seen.failed,
    ),
    LabelRule(
        "wait_long",
        DATA_DRIFT,
        "A Waiting row that waited longer than the quantile wait_quantile of all waits.",
        lambda seen, _: seen.long_wait,
        "wait_quantile",
    ),
    LabelRule("normal", NORMAL, "No other rule applies.", lambda seen, _: seen.any_window),
)
MEANINGS = {rule.name: rule.meaning for rule in LABEL_RULES}

# Words of an event's detail that name the network, as whole words: not "symlink", not "linked list".
NETWORK_WORDS = r"(?i)(?:^|[^a-z])(?:link|switch|network)(?:s|es|down|up)?(?:[^a-z]|$)"


def deciding_rule(seen: Evidence, load: LoadRules) -> Ints:
    """Position in LABEL_RULES of the first rule that applies, for each window."""
    return first_true([rule.applies(seen, load) for rule in LABEL_RULES])


def long_waits(waits: pa.ChunkedArray, quantile: float) -> Bools:
    """Rows that waited longer than the smallest wait that `quantile` of all waits do not exceed: of 99 waits none."""
    ordered = np.sort(waits.drop_null().to_numpy())
    if not len(ordered):
        return np.zeros(len(waits), bool)
    limit = ordered[max(math.ceil(quantile * len(ordered)) - 1, 0)]
    return pc.fill_null(pc.greater(waits, limit), fill_value=False).to_numpy()


# ------------------------------------------------------------------------------------------------------------ row rules


def _outside_percent(column: str) -> pl.Expr:
    return (pl.col(column) < 0) | (pl.col(column) > 100)


@dataclass(frozen=True)
class RowRule:
    """A row for which `fails` is true is rejected with this reason, unless an earlier rule rejects it."""

    reason: Reason
    fails: pl.Expr


# Faults that tasks/sources/delimited.py reports: the line cannot be read as a row of its table.
FAULTS = (
    Reason("too_few_columns", "quarantined", "The line has fewer columns than its table."),
    Reason("too_many_columns", "quarantined", "The line has more columns than its table."),
    Reason("not_utf8", "quarantined", "The line is not valid UTF-8."),
    Reason("bad_quotes", "quarantined", "The line's quotes or carriage returns do not form CSV fields."),
    Reason("bad_number", "quarantined", "A field that must be a number is not one."),
)
UNKNOWN_STATUS = Reason("unknown_status", "quarantined", "The trace's documentation does not name this status.")
ROW_RULES = (
    RowRule(
        Reason("no_entity", "quarantined", "The row names no machine, or no job and task."), pl.col("entity").is_null()
    ),
    RowRule(Reason("no_time", "dropped", "The row has no time, so it belongs to no window."), pl.col("time").is_null()),
    RowRule(Reason("negative_time", "quarantined", "The row's time is before the trace's start."), pl.col("time") < 0),
    RowRule(
        Reason("time_too_large", "quarantined", "The row's time is more than 68 years after the trace's start."),
        pl.col("time") > LATEST_SECOND,
    ),
    RowRule(Reason("ends_before_start", "quarantined", "The row's end is before its start."), pl.col("duration") < 0),
    RowRule(
        Reason("nan", "quarantined", "The CPU or memory reading is NaN."),
        pl.col("cpu").is_nan() | pl.col("memory").is_nan(),
    ),
    RowRule(
        Reason("infinite", "quarantined", "The CPU or memory reading is infinite."),
        pl.col("cpu").is_infinite() | pl.col("memory").is_infinite(),
    ),
    RowRule(
        Reason("cpu_out_of_range", "quarantined", "The CPU reading is not between 0 and 100 % of the machine."),
        _outside_percent("cpu"),
    ),
    RowRule(
        Reason("memory_out_of_range", "quarantined", "The memory reading is not between 0 and 100 % of the machine."),
        _outside_percent("memory"),
    ),
    RowRule(UNKNOWN_STATUS, pl.col("code").is_null()),
)
DUPLICATE_ROW = Reason("duplicate_row", "dropped", "An earlier row of the same table has the same values.")

REASONS = reasons(*FAULTS, *(rule.reason for rule in ROW_RULES), DUPLICATE_ROW)
