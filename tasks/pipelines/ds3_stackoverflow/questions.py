"""Posts into questions and answers: cleaned of HTML, then of personal data, and only then read for features. Pure.

So names that a workflow uses are names that its question shows. Both steps run a batch at a time: a dump of any size
needs the memory of its wanted questions.
"""

import re
from collections.abc import Collection
from typing import TypedDict, cast

import pandas as pd
import polars as pl

from schemas.ds3_stackoverflow import (
    ANSWER,
    ANSWER_COLUMNS,
    ANSWER_ROW_COLUMNS,
    BODY_LIMIT,
    CODE_LIMIT,
    PAIR,
    QUESTION_COLUMNS,
    RATIONALE_LIMIT,
    Answer,
    AnswerRow,
    Post,
    Question,
)
from tasks.curate.privacy import pii
from tasks.curate.text import html
from tasks.pipelines.ds3_stackoverflow.features import (
    cleaned,
    complexity,
    component,
    credit,
    environment,
    licence_of,
    question_type,
    signatures,
)
from tasks.pipelines.ds3_stackoverflow.posts import TAG, frame_of, pandas_of, rejected_posts
from tasks.pipelines.ds3_stackoverflow.rows import (
    NO_ANSWER,
    Reject,
    Tables,
    post_rows,
    reject_table,
    table_of,
)


class WantedIds(TypedDict):
    """Ids by which `answers` recognises the answers of the questions that are used."""

    questions: list[int]
    accepted: list[int]


def questions(batch: pd.DataFrame, *, site: str) -> Tables:
    """(questions, rejects) of posts: cleaned, with their features. A row of a table of pairs brings its answer along.

    Rows that are answers are in neither: `answers` judges them.
    """
    rows = post_rows(batch[batch["kind"] != ANSWER])
    made = [_question_of(post, site) for post in rows]
    kept = [
        (*question, *(_answer_of(post, site) if post.kind == PAIR else NO_ANSWER))
        for post, question in zip(rows, made, strict=True)
        if question.text
    ]
    empty = [
        Reject("body_missing", post.question.title or "", post.file, post.line)
        for post, question in zip(rows, made, strict=True)
        if not question.text
    ]
    return table_of(kept, {**QUESTION_COLUMNS, **ANSWER_COLUMNS}), reject_table("questions", empty)


def _question_of(post: Post, site: str) -> Question:
    asked = post.question
    body = cleaned(asked.body or "", CODE_LIMIT, BODY_LIMIT)
    title = pii.redact(html.plain(asked.title or ""))
    tags = re.findall(TAG, (asked.tags or "").lower())
    whole = f"{title.text}\n{body.text}"
    errors = signatures(title.text) or signatures(whole)
    return Question(
        file=post.file,
        line=post.line,
        question=cast("int", asked.id),  # null only in a table of pairs without ids of questions
        title=title.text,
        text=body.text,
        tags=tags,
        tag=post.tag or "",
        score=asked.score or 0,
        views=asked.views or 0,
        accepted=asked.accepted,
        words=body.words,
        blocks=body.blocks,
        redactions=body.redactions + len(title.spans),
        licence=licence_of(asked.licence, asked.created),
        credit=credit(asked, f"{site}/q/{asked.id}", site),
        signatures=errors,
        component=component(tags, title.text, whole),
        question_type=question_type(title.text, body.text, errors),
        complexity=complexity(body.words, body.blocks, errors),
        environment=environment(whole),
    )


def _answer_of(post: Post, site: str) -> Answer:
    answer = post.answer
    body = cleaned(answer.body or "", RATIONALE_LIMIT, RATIONALE_LIMIT)
    link = f"{site}/a/{answer.id}" if answer.id else f"{site}/q/{post.question.id}"
    return Answer(
        answer=answer.id,
        rationale=body.text,
        answer_score=answer.score or 0,
        answer_words=body.words,
        answer_blocks=body.blocks,
        answer_redactions=body.redactions,
        answer_licence=licence_of(answer.licence, answer.created),
        answer_credit=credit(answer, link, site),
    )


def wanted(questions: pd.DataFrame) -> WantedIds:
    """Ids of the questions, and of their accepted answers."""
    return {
        "questions": sorted(set(questions["question"].dropna().astype(int))),
        "accepted": sorted(set(questions["accepted"].dropna().astype(int))),
    }


def answers(batch: pd.DataFrame, *, questions: Collection[int], accepted: Collection[int], site: str) -> Tables:
    """(answers, rejects) of posts: answers that a question accepted by id, or that are marked as a question's accepted.

    `questions` and `accepted` are what `wanted` gives. Rows that are questions are in neither.
    """
    asked = pl.col("question_id").is_in(pl.Series(list(questions), dtype=pl.Int64).implode())
    known = pl.col("answer_id").is_in(pl.Series(list(accepted), dtype=pl.Int64).implode())
    chosen = pl.col("answer_chosen").str.to_lowercase().is_in(["true", "1", "1.0"]) & asked
    names_its_question = pl.any_horizontal(pl.col(name).is_not_null() for name in ("question_tags", "question_score"))
    judged = (
        frame_of(batch)
        .filter(pl.col("kind") == ANSWER)
        .with_columns(
            unreadable=pl.lit(None, pl.String),
            text=pl.lit(None, pl.String),
            chosen=chosen.fill_null(value=False),
            unwanted=pl.when((known | chosen).fill_null(value=False))
            .then(None)
            .when(asked)
            .then(pl.lit("not_the_accepted_answer"))
            .when(names_its_question)
            .then(pl.lit("question_text_missing"))
            .otherwise(pl.lit("question_not_used")),
        )
    )
    table = pandas_of(judged.filter(pl.col("unwanted").is_null()))
    rows = [
        AnswerRow(post.file, post.line, post.question.id, bool(is_chosen), _answer_of(post, site))
        for post, is_chosen in zip(post_rows(table), table["chosen"], strict=True)
    ]
    kept = table_of([(*row[:-1], *row.answer) for row in rows], ANSWER_ROW_COLUMNS)
    return kept, rejected_posts("answers", judged.filter(pl.col("unwanted").is_not_null()))
