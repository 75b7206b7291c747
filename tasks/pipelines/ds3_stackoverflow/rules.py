"""Why rows of ds3_stackoverflow are rejected: a rule for each reason of `posts`, and the meaning of every reason.

The rules by which a question's text is judged are in words.py.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import polars as pl

from schemas.ds3_stackoverflow import ANSWER, OTHER, PAIR, QUESTION
from schemas.reject import Reason, reasons


class PostRule(NamedTuple):
    """A reason to reject a row, and the condition: an expression over a batch of rows, given the least score.

    Of several rules that apply to a row, the first gives the reason.
    """

    reason: Reason
    applies: Callable[[int], pl.Expr]


NUMBERS: Final = ("question_score", "question_views", "answer_score")
IDS: Final = ("question_id", "question_accepted", "answer_id")
_KIND: Final = pl.col("kind")
_ASKS: Final = _KIND.is_in([QUESTION, PAIR])
_OWN_ID: Final = pl.when(_KIND == ANSWER).then(pl.col("answer_id")).otherwise(pl.col("question_id"))
_OTHER_ANSWER: Final = (pl.col("answer_id") != pl.col("question_accepted")) | pl.col("answer_chosen").is_in(
    ["false", "0"]
)


def _is_text_but_no_id(name: str) -> pl.Expr:
    return pl.col(name).is_not_null() & ~pl.col(name).str.contains(r"^\s*\d{1,18}(?:\.0)?\s*$")


def _is_text_but_no_number(name: str) -> pl.Expr:
    return pl.col(name).is_not_null() & ~pl.col(name).str.contains(r"^\s*[+-]?\d{1,12}(?:\.\d+)?\s*$")


def _is_blank(name: str) -> pl.Expr:
    return pl.col(name).is_null() | pl.col(name).str.contains(r"^\s*$")


BODY_MISSING: Final = Reason("body_missing", "dropped", "The question or answer has no text.")

# Conditions over the raw texts. Rows of the kind "other" are not looked at.
UNREADABLE: Final = (
    PostRule(
        Reason("bad_id", "quarantined", "An id is missing or is not a whole number."),
        lambda _least: (
            (_OWN_ID.is_null() & _KIND.is_in([QUESTION, ANSWER])) | pl.any_horizontal(*map(_is_text_but_no_id, IDS))
        ),
    ),
    PostRule(
        Reason("bad_number", "quarantined", "A score or a number of views is not a number."),
        lambda _least: pl.any_horizontal(*map(_is_text_but_no_number, NUMBERS)),
    ),
)
# Conditions after ids and numbers are read and `tag` is known.
UNWANTED: Final = (
    PostRule(
        Reason("not_a_question_or_answer", "dropped", "The post is neither a question nor an answer."),
        lambda _least: _KIND == OTHER,
    ),
    PostRule(
        Reason("no_wanted_tag", "dropped", "The question has none of the wanted tags."),
        lambda _least: _ASKS & pl.col("tag").is_null(),
    ),
    PostRule(
        Reason("score_missing", "dropped", "The question has no score."),
        lambda _least: _ASKS & pl.col("question_score").is_null(),
    ),
    PostRule(
        Reason("score_below_minimum", "dropped", "The question's score is below the minimum."),
        lambda least: _ASKS & (pl.col("question_score") < least),
    ),
    PostRule(
        Reason("title_missing", "dropped", "The question has no title."),
        lambda _least: _ASKS & _is_blank("question_title"),
    ),
    PostRule(BODY_MISSING, lambda _least: _ASKS & _is_blank("question_body")),
    PostRule(BODY_MISSING, lambda _least: (_KIND == ANSWER) & _is_blank("answer_body")),
    PostRule(
        Reason("not_the_accepted_answer", "dropped", "The answer is not the accepted one of its question."),
        lambda _least: (_KIND == PAIR) & _OTHER_ANSWER,
    ),
)

REASONS: Final = reasons(
    Reason("malformed_xml", "quarantined", "The row is not well-formed XML."),
    Reason("wrong_column_count", "quarantined", "The CSV record has more or fewer fields than the header."),
    Reason("invalid_utf8", "quarantined", "The CSV record's bytes are not UTF-8."),
    Reason("line_too_long", "quarantined", "The line is longer than 64 MiB."),
    Reason("malformed_json", "quarantined", "The line is not JSON."),
    Reason("not_an_object", "quarantined", "The line is JSON, but not an object."),
    *dict.fromkeys(rule.reason for rule in (*UNREADABLE, *UNWANTED)),
    Reason("question_not_used", "dropped", "The answer belongs to no question that is used."),
    Reason("question_text_missing", "dropped", "The answer's row names its question, but no file has the question."),
    Reason("duplicate_id", "dropped", "An earlier row has the same id."),
    Reason("no_accepted_answer", "dropped", "The question has no accepted answer."),
    Reason(
        "accepted_answer_missing",
        "dropped",
        "The question's accepted answer is not in the data, and the run requires it.",
    ),
    Reason("teacher_gave_no_answer", "dropped", "The teacher wrote no workflow for the question."),
)
