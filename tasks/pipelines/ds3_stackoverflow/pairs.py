"""Questions and answers into pairs: each question once, with its accepted answer, its quality and its weight. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import pandas as pd

from schemas.ds3_stackoverflow import (
    PAIR_COLUMNS,
    QUALITIES,
    REAL,
    UNANSWERED,
    Answer,
    AnswerRow,
    Pair,
    Question,
)
from tasks.pipelines.ds3_stackoverflow.rows import (
    NO_ANSWER,
    Reject,
    Tables,
    answer_rows,
    question_rows,
    reject_table,
    table_of,
)

Asked = tuple[Question, Answer | None]  # a question, and the answer in its own raw row
Row = TypeVar("Row")


def pairs(questions: pd.DataFrame, answers: pd.DataFrame, *, require_answer: bool) -> Tables:
    """(pairs, rejects): each question once, with its accepted answer, by id.

    A question without an accepted answer is dropped. One whose accepted answer is not in the data is used without it
    (rationale null, quality "unanswered"), unless `require_answer`.
    """
    asked, repeated = _first_by_id(question_rows(questions), lambda row: row[0].question)
    given, repeated_answers = _first_by_id(answer_rows(answers), lambda row: row.answer.answer)
    accepted = _accepted_answers(asked, given)
    reasons = [
        _unpaired_reason(question, answer, require_answer)
        for (question, _), answer in zip(asked, accepted, strict=True)
    ]
    made = [
        _pair(question, answer)
        for (question, _), answer, reason in zip(asked, accepted, reasons, strict=True)
        if not reason
    ]
    used = {pair.answer.answer for pair in made if pair.answer and pair.answer_line is not None}
    unused = [row for row in given if row.answer.answer not in used]
    left_out = [
        *_question_rejects("duplicate_id", repeated),
        *_answer_rejects("duplicate_id", repeated_answers),
        *_unpaired_rejects(asked, reasons),
        *_answer_rejects("question_not_used", unused),
    ]
    return _with_weights(table_of([_pair_values(pair) for pair in made], PAIR_COLUMNS)), reject_table("pairs", left_out)


def _first_by_id(rows: Iterable[Row], key: Callable[[Row], int | None]) -> tuple[list[Row], list[Row]]:
    """(rows with a new id, rows with an id that came before), in order."""
    first: dict[int | None, Row] = {}
    repeated = [row for row in rows if first.setdefault(key(row), row) is not row]
    return list(first.values()), repeated


def _accepted_answers(asked: Sequence[Asked], given: Sequence[AnswerRow]) -> list[AnswerRow | None]:
    """The accepted answer of each question. No two questions share one: it belongs to the first."""
    by_id = {row.answer.answer: row for row in given}
    by_question = {row.question: row for row in reversed(given) if row.chosen}
    accepted: list[AnswerRow | None] = []
    for question, own in asked:
        if own:
            accepted.append(AnswerRow(None, None, question.question, chosen=True, answer=own))
            continue
        row = _accepted_of(question, by_id, by_question)
        accepted.append(by_id.pop(row.answer.answer, None) if row else None)
    return accepted


def _accepted_of(
    question: Question, by_id: dict[int | None, AnswerRow], by_question: dict[int | None, AnswerRow]
) -> AnswerRow | None:
    """A question's accepted answer: by its id, or, where the question names no id, one that is marked as accepted.

    Not one that belongs to another question.
    """
    answer = by_question.get(question.question) if question.accepted is None else by_id.get(question.accepted)
    if answer is None or answer.question not in {None, question.question}:
        return None
    return answer


def _unpaired_reason(question: Question, answer: AnswerRow | None, require_answer: bool) -> str:
    if answer is not None:
        return ""
    if question.accepted is None:
        return "no_accepted_answer"
    return "accepted_answer_missing" if require_answer else ""


def _pair(question: Question, row: AnswerRow | None) -> Pair:
    answer = row.answer if row else None
    score = quality_score(question, answer)
    return Pair(
        question=question,
        answer=answer,
        answer_file=row.file if row else None,
        answer_line=row.line if row else None,
        rows=2 if row and row.line is not None else 1,
        quality_score=score,
        quality=next(name for least, name in QUALITIES if score >= least) if answer else UNANSWERED,
        weight=1.0,
    )


def quality_score(question: Question, answer: Answer | None) -> float:
    """2 q_score + 3 a_score + 0.001 views + min(q_words/50, 2) + min(a_words/100, 3) + 0.5 code_blocks.

    Without an answer its terms are 0.
    """
    answer_score, answer_words, answer_blocks = (
        (answer.answer_score, answer.answer_words, answer.answer_blocks) if answer else (0, 0, 0)
    )
    return float(
        2 * question.score
        + 3 * answer_score
        + 0.001 * question.views
        + min(question.words / 50, 2)
        + min(answer_words / 100, 3)
        + 0.5 * (question.blocks + answer_blocks)
    )


def _pair_values(pair: Pair) -> tuple[object, ...]:
    """A pair in the order of PAIR_COLUMNS."""
    return (*pair.question, *(pair.answer or NO_ANSWER), *pair[2:])


def _with_weights(pairs: pd.DataFrame) -> pd.DataFrame:
    """Weight = 0.5 + quality between the least (0) and the most (1); 1.0 where all are of one quality."""
    scores = pairs["quality_score"]
    span = scores.max() - scores.min() if len(pairs) else 0.0
    weight = 0.5 + (scores - scores.min()) / span if span else pd.Series([1.0] * len(pairs), index=pairs.index)
    return pairs.assign(weight=weight.astype(REAL))


# ---------------------------------------------------------------------------------------------------------------------
# Rejects


def _unpaired_rejects(asked: Sequence[Asked], reasons: Sequence[str]) -> Iterator[Reject]:
    """Rejects of the questions with a reason, those of one reason together."""
    for name in ("no_accepted_answer", "accepted_answer_missing"):
        rows = [row for row, reason in zip(asked, reasons, strict=True) if reason == name]
        yield from _question_rejects(name, rows)


def _question_rejects(reason: str, rows: Iterable[Asked]) -> Iterator[Reject]:
    for question, own in rows:
        text = question.title or (own.rationale if own else "")
        yield Reject(reason, text, question.file, question.line)


def _answer_rejects(reason: str, rows: Iterable[AnswerRow]) -> Iterator[Reject]:
    for row in rows:
        yield Reject(reason, row.answer.rationale, row.file, row.line)
