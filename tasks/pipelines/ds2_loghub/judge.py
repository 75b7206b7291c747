"""Severity and label rule of each log line: the words of words.py, asked in the order of rules.py."""

import polars as pl

from schemas.ds2_loghub import LEVELS, SECURITY
from tasks.pipelines.ds2_loghub.rules import EVENT_RULES, LABEL_RULES, NORMAL_RULE, Rule
from tasks.pipelines.ds2_loghub.words import COUNTS_FAILURES, HARMLESS, SEVERITY_WORDS, WELL, pattern, words_of

# Security events are warnings: the guard did its work, and syslog's own auth facility logs them as notices.
SECURITY_WORDS = "\n".join(rule.words for rule in EVENT_RULES if rule.event_type in SECURITY)
NAMES_OF_EVENT_RULES = tuple(rule.name for rule in EVENT_RULES)


def judge(lines: pl.DataFrame) -> list[pl.Series]:
    """Severity and rule of each line. `lines`: level (as written, null: none), text (every number not zero is 9)."""
    text = words_of(pl.col("text"))
    for replacement, words in HARMLESS:
        text = text.str.replace_all(pattern(words), f"{replacement} ")
    read = lines.select(words=text, level=pl.col("level").str.to_uppercase())
    by_level = pl.col("level").replace_strict(LEVELS, default=None, return_dtype=pl.String)
    read = read.with_columns(level_severity=by_level)
    well = _has(WELL) & ~_has(COUNTS_FAILURES)
    read = read.with_columns(severity=pl.coalesce("level_severity", _severity_by_words(well)))
    read = read.with_columns(rule=_first_rule(well & (pl.col("severity") == "INFO")))
    # A line without a level, to which an event rule applies, is at least a warning.
    failing = pl.col("severity").eq("INFO") & pl.col("rule").is_in(NAMES_OF_EVENT_RULES)
    worded = pl.col("level_severity").is_null() & failing
    read = read.with_columns(severity=pl.when(worded).then(pl.lit("WARN")).otherwise("severity"))
    return [read["severity"], read["rule"]]


def _has(words: str) -> pl.Expr:
    """Whether one of the patterns matches."""
    return pl.col("words").str.contains(pattern(words))


def _severity_by_words(well: pl.Expr) -> pl.Expr:
    severity = pl.lit("INFO")
    for name, words in reversed((("WARN", SECURITY_WORDS), *SEVERITY_WORDS)):
        severity = pl.when(_has(words)).then(pl.lit(name)).otherwise(severity)
    return pl.when(well).then(pl.lit("INFO")).otherwise(severity)


def _first_rule(fine: pl.Expr) -> pl.Expr:
    """Name of the first rule that applies; `normal` for lines that are `fine`."""
    name = pl.lit(NORMAL_RULE)
    for rule in reversed(LABEL_RULES):
        name = pl.when(_applies(rule)).then(pl.lit(rule.name)).otherwise(name)
    return pl.when(fine).then(pl.lit(NORMAL_RULE)).otherwise(name)


def _applies(rule: Rule) -> pl.Expr:
    applies = pl.col("severity").is_in(rule.severities)
    if rule.words:
        applies = _has(rule.words) & applies
    if rule.levels:
        applies = pl.col("level").is_in(rule.levels) & applies
    return applies
