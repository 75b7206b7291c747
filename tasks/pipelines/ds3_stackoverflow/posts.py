"""Posts of ds3_stackoverflow."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import polars as pl
import pyarrow as pa

from schemas.ds3_stackoverflow import (
    ANSWER,
    MIN_SCORE,
    OTHER,
    PAIR,
    QUESTION,
    REJECT_TEXT,
    TAGS,
)
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT

Tables = tuple[pd.DataFrame, pd.DataFrame]

# ---------------------------------------------------------------------------------------------------------------------
# Posts: what a row alone decides.

NUMBERS: Final = ("question_score", "question_views", "answer_score")
IDS: Final = ("question_id", "question_accepted", "answer_id")
TAG: Final = r"[^<>|,;\s\[\]'\"]+"  # <a><b>, |a|b|, "a b", ['a', 'b']


def posts(batch: pd.DataFrame, *, tags: Sequence[str] = TAGS, min_score: int = MIN_SCORE) -> Tables:
    """(posts, rejects) of raw rows: questions with a wanted tag and score, and all answers. Nothing is cleaned yet.

    Ids and numbers become integers (null: none is told), `tag` is a question's first wanted one.
    """
    frame = _frame(batch)
    frame = frame.with_columns(broken=_brokenness())
    frame = frame.with_columns(
        *(_id(name) for name in IDS),
        *(_number(name) for name in NUMBERS),
        tag=pl.col("question_tags")
        .str.to_lowercase()
        .str.extract_all(TAG)
        .list.eval(pl.element().filter(pl.element().is_in(list(tags))))
        .list.first(),
    ).with_columns(unwanted=_unwanted(min_score))
    kept = frame.filter(pl.col("broken").is_null(), pl.col("unwanted").is_null())
    left = frame.filter(pl.col("broken").is_not_null() | pl.col("unwanted").is_not_null())
    return _pandas(kept.drop("fault", "text", "broken", "unwanted")), _left_out(left)


def _frame(batch: pd.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({str(name): pl.Series(pl.from_arrow(pa.array(column.array))) for name, column in batch.items()})


def _pandas(frame: pl.DataFrame) -> pd.DataFrame:
    table: pd.DataFrame = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_pandas(types_mapper=pd.ArrowDtype)
    return table


def _id(name: str) -> pl.Expr:
    """7 of " 7" and "7.0", as tables with gaps write it."""
    return pl.col(name).str.strip_chars().str.strip_suffix(".0").cast(pl.Int64, strict=False)


def _number(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)


def _no_id(name: str) -> pl.Expr:
    """Something stands there that is no id."""
    return pl.col(name).is_not_null() & ~pl.col(name).str.contains(r"^\s*\d{1,18}(?:\.0)?\s*$")


def _no_number(name: str) -> pl.Expr:
    return pl.col(name).is_not_null() & ~pl.col(name).str.contains(r"^\s*[+-]?\d{1,12}(?:\.\d+)?\s*$")


def _empty(name: str) -> pl.Expr:
    return pl.col(name).is_null() | pl.col(name).str.contains(r"^\s*$")


def _asks() -> pl.Expr:
    return pl.col("kind").is_in([QUESTION, PAIR])


def _brokenness() -> pl.Expr:
    """Why a row cannot be understood (its outcome is quarantined), null if it can."""
    own = pl.when(pl.col("kind") == ANSWER).then(pl.col("answer_id")).otherwise(pl.col("question_id"))
    nameless = own.is_null() & pl.col("kind").is_in([QUESTION, ANSWER])
    wrong = {
        "bad_id": nameless | _no_id("question_id") | _no_id("answer_id") | _no_id("question_accepted"),
        "bad_number": pl.any_horizontal(*map(_no_number, NUMBERS)),
    }
    found = pl.coalesce(pl.when(faulty).then(pl.lit(reason)) for reason, faulty in wrong.items())
    return pl.coalesce(pl.col("fault"), pl.when(pl.col("kind") != OTHER).then(found))


def _unwanted(min_score: int) -> pl.Expr:
    """Why a row that was understood is not used, null if it may be."""
    other_answer = (pl.col("answer_id") != pl.col("question_accepted")) | pl.col("answer_chosen").is_in(["false", "0"])
    of_question = {
        "no_wanted_tag": pl.col("tag").is_null(),
        "score_missing": pl.col("question_score").is_null(),
        "score_below_minimum": pl.col("question_score") < min_score,
        "title_missing": _empty("question_title"),
        "body_missing": _empty("question_body"),
        "not_the_accepted_answer": (pl.col("kind") == PAIR) & other_answer,
    }
    return pl.coalesce(
        pl.when(pl.col("kind") == OTHER).then(pl.lit("not_a_question_or_answer")),
        *(pl.when(_asks() & unwanted).then(pl.lit(reason)) for reason, unwanted in of_question.items()),
        pl.when((pl.col("kind") == ANSWER) & _empty("answer_body")).then(pl.lit("body_missing")),
    )


def _left_out(frame: pl.DataFrame) -> pd.DataFrame:
    """Rejects of rows with `broken` or `unwanted`; of those not wanted a few words are told, for there are many."""
    said = pl.concat_str(
        [
            pl.col(name).fill_null("").str.head(ROW_TEXT_LIMIT)
            for name in ("question_title", "question_body", "answer_body")
        ],
        separator=" ",
    ).str.strip_chars()
    return _pandas(
        frame.select(
            outcome=pl.when(pl.col("broken").is_null()).then(pl.lit("dropped")).otherwise(pl.lit("quarantined")),
            reason=pl.coalesce("broken", "unwanted"),
            file="file",
            line="line",
            row=pl.when(pl.col("broken").is_null())
            .then(said.str.head(REJECT_TEXT))
            .otherwise(pl.coalesce("text", said).str.head(ROW_TEXT_LIMIT)),
        )
    ).loc[:, list(REJECT_COLUMNS)]
