"""Raw rows into posts: what a row alone decides. Pure.

Questions with a wanted tag and score are kept, and all answers: whether an answer is wanted is decided by `answers`,
which knows the questions. Nothing is cleaned yet.
"""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import polars as pl
import pyarrow as pa

from schemas.ds3_stackoverflow import OTHER, REJECT_TEXT
from schemas.reject import ROW_TEXT_LIMIT
from tasks.pipelines.ds3_stackoverflow.rows import Tables
from tasks.pipelines.ds3_stackoverflow.rules import IDS, NUMBERS, REASONS, UNREADABLE, UNWANTED, PostRule
from tasks.quality.rejects import rejected

TAG: Final = r"[^<>|,;\s\[\]'\"]+"  # <a><b>, |a|b|, "a b", ['a', 'b']


def posts(batch: pd.DataFrame, *, tags: Sequence[str], min_score: int) -> Tables:
    """(posts, rejects) of raw rows: questions with one of `tags` and at least `min_score`, and all answers.

    Ids and numbers become integers, null where the row has none; `tag` is a question's first wanted one.
    """
    frame = frame_of(batch).with_columns(unreadable=_unreadable(min_score))
    frame = frame.with_columns(
        *(_as_id(name) for name in IDS),
        *(_as_number(name) for name in NUMBERS),
        tag=pl.col("question_tags")
        .str.to_lowercase()
        .str.extract_all(TAG)
        .list.eval(pl.element().filter(pl.element().is_in(list(tags))))
        .list.first(),
    ).with_columns(unwanted=_first_reason(UNWANTED, min_score))
    used = pl.col("unreadable").is_null() & pl.col("unwanted").is_null()
    kept = frame.filter(used).drop("fault", "text", "unreadable", "unwanted")
    return pandas_of(kept), rejected_posts("posts", frame.filter(~used))


def frame_of(table: pd.DataFrame) -> pl.DataFrame:
    """The same table for polars."""
    return pl.DataFrame({str(name): pl.Series(pl.from_arrow(pa.array(column.array))) for name, column in table.items()})


def pandas_of(frame: pl.DataFrame) -> pd.DataFrame:
    """The same table for pandas."""
    table: pd.DataFrame = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_pandas(types_mapper=pd.ArrowDtype)
    return table


def _as_id(name: str) -> pl.Expr:
    """7 of " 7" and "7.0", as tables with gaps write it."""
    return pl.col(name).str.strip_chars().str.strip_suffix(".0").cast(pl.Int64, strict=False)


def _as_number(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)


def _first_reason(rules: Sequence[PostRule], min_score: int) -> pl.Expr:
    """The reason of the first rule that applies, null where none does."""
    return pl.coalesce(pl.when(rule.applies(min_score)).then(pl.lit(rule.reason.name)) for rule in rules)


def _unreadable(min_score: int) -> pl.Expr:
    """Why a row cannot be read, null where it can: the fault that `decode` gives, else a bad id or number."""
    is_post = pl.col("kind") != OTHER
    return pl.coalesce(pl.col("fault"), pl.when(is_post).then(_first_reason(UNREADABLE, min_score)))


def rejected_posts(step: str, frame: pl.DataFrame) -> pd.DataFrame:
    """Rejects of rows with a reason in `unreadable` or `unwanted`.

    Of a row that is not wanted the first REJECT_TEXT characters of its text are kept: a dump has millions of them.
    """
    parts = ("question_title", "question_body", "answer_body")
    words = pl.concat_str(
        [pl.col(name).fill_null("").str.head(ROW_TEXT_LIMIT) for name in parts], separator=" "
    ).str.strip_chars()
    readable = pl.col("unreadable").is_null()
    rows = frame.select(
        "file",
        "line",
        reason=pl.coalesce("unreadable", "unwanted"),
        row=pl.when(readable).then(words.str.head(REJECT_TEXT)).otherwise(pl.coalesce("text", words)),
    )
    return rejected(step, REASONS, reasons=rows["reason"], rows=rows["row"], files=rows["file"], lines=rows["line"])
