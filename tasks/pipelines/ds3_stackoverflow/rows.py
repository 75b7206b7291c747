"""Tables of ds3_stackoverflow as typed rows, and rows as tables and rejects. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa

from schemas.ds3_stackoverflow import REJECT_TEXT, Answer, AnswerRow, Pair, Post, PostAnswer, PostQuestion, Question
from tasks.pipelines.ds3_stackoverflow.rules import REASONS
from tasks.quality.rejects import rejected

Tables = tuple[pd.DataFrame, pd.DataFrame]
NO_ANSWER: Final = (None,) * len(Answer._fields)  # the columns of an answer in a row without one


class Reject(NamedTuple):
    """A raw row that is rejected, the reason, and the text to keep of it."""

    reason: str
    text: str
    file: str | None
    line: int | None


def reject_table(step: str, rejects: Sequence[Reject]) -> pd.DataFrame:
    """The rejects of a step; of each text the first REJECT_TEXT characters."""
    return rejected(
        step,
        REASONS,
        reasons=[reject.reason for reject in rejects],
        rows=[reject.text[:REJECT_TEXT] for reject in rejects],
        files=[reject.file for reject in rejects],
        lines=[reject.line for reject in rejects],
    )


def table_of(rows: Sequence[Sequence[object]], columns: Mapping[str, pd.ArrowDtype]) -> pd.DataFrame:
    """A table of rows whose values are in the order of `columns`; without rows it has the same columns."""
    data = {name: pd.Series([row[at] for row in rows], dtype=dtype) for at, (name, dtype) in enumerate(columns.items())}
    return pd.DataFrame(data, columns=list(columns))


def post_rows(table: pd.DataFrame) -> list[Post]:
    """The rows of a table of `posts`."""
    own = _tuples(table, ("file", "line", "kind", "tag"))
    questions = _tuples(table, (f"question_{field}" for field in PostQuestion._fields))
    answers = _tuples(table, (f"answer_{field}" for field in PostAnswer._fields))
    return [
        Post(file, line, kind, tag, PostQuestion(*question), PostAnswer(*answer))
        for (file, line, kind, tag), question, answer in zip(own, questions, answers, strict=True)
    ]


def question_rows(table: pd.DataFrame) -> list[tuple[Question, Answer | None]]:
    """The rows of a table of `questions`, each with the answer that its own raw row has."""
    questions = (Question(*values) for values in _tuples(table, Question._fields))
    return list(zip(questions, _answers_in(table), strict=True))


def answer_rows(table: pd.DataFrame) -> list[AnswerRow]:
    """The rows of a table of `answers`."""
    own = _tuples(table, ("file", "line", "question", "chosen"))
    answers = (Answer(*values) for values in _tuples(table, Answer._fields))
    return [
        AnswerRow(file, line, question, chosen, answer)
        for (file, line, question, chosen), answer in zip(own, answers, strict=True)
    ]


def pair_rows(table: pd.DataFrame) -> list[Pair]:
    """The rows of a table of `pairs`."""
    rest = _tuples(table, Pair._fields[2:])
    return [
        Pair(question, answer, *values) for (question, answer), values in zip(question_rows(table), rest, strict=True)
    ]


def _answers_in(table: pd.DataFrame) -> Iterator[Answer | None]:
    """The answer of each row, None where its columns are null."""
    for values in _tuples(table, Answer._fields):
        answer = Answer(*values)
        yield None if answer.answer_words is None else answer


def _tuples(table: pd.DataFrame, columns: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """The values of columns row by row, null as None."""
    return zip(*(pa.array(table[column]).to_pylist() for column in columns), strict=True)
