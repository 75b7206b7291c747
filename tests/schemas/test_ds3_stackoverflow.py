"""Posts' columns under any spelling, and rows that fit their tables."""

import pytest

from schemas.ds3_stackoverflow import (
    ANSWER_COLUMNS,
    ANSWER_ROW_COLUMNS,
    LICENCES,
    PAIR_COLUMNS,
    PREFIXES,
    QUALITIES,
    QUESTION_COLUMNS,
    SPELLINGS,
    Answer,
    AnswerRow,
    Pair,
    Question,
    place_of,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("column", "place"),
    [
        ("Id", ("", "id")),
        ("post_body", ("", "body")),
        ("PostTypeId", ("", "type")),
        ("post_type_id", ("", "type")),
        ("ParentId", ("", "parent")),
        ("AcceptedAnswerId", ("", "accepted")),
        ("accepted_answer_id", ("", "accepted")),
        ("is_accepted", ("", "chosen")),
        ("ViewCount", ("", "views")),
        ("view_count", ("", "views")),
        ("content_license", ("", "licence")),
        ("ContentLicense", ("", "licence")),
        ("OwnerUserId", ("", "owner_id")),
        ("owner_display_name", ("", "owner")),
        ("q_Id", ("question", "id")),
        ("QuestionId", ("question", "id")),
        ("q_AcceptedAnswerId", ("question", "accepted")),
        ("question_body", ("question", "body")),
        ("AnswerId", ("answer", "id")),
        ("AnswerBody", ("answer", "body")),
        ("accepted_answer_body", ("answer", "body")),
        ("a_score", ("answer", "score")),
        ("AnswerCount", None),
        ("CommentCount", None),
        ("LastActivityDate", None),
        ("messages", None),
    ],
)
def test_a_column_is_known_under_every_spelling(column: str, place: tuple[str, str] | None) -> None:
    """Names of the dump, the API, tables of pairs and of three public files."""
    assert place_of(column) == place
    assert place_of(column.lower()) == place_of(column.upper()) == place


def test_no_prefix_swallows_a_spelling() -> None:
    """A bare name is the row's own, whatever it begins with."""
    assert all(place_of(spelling) == ("", field) for spelling, field in SPELLINGS.items())
    assert len({prefix for prefix, _ in PREFIXES}) == len(PREFIXES)


def test_rows_have_the_columns_of_their_tables_in_order() -> None:
    """A row is written by position."""
    assert list(Question._fields) == list(QUESTION_COLUMNS)
    assert list(Answer._fields) == list(ANSWER_COLUMNS)
    assert [*AnswerRow._fields[:-1], *Answer._fields] == list(ANSWER_ROW_COLUMNS)
    assert [*Question._fields, *Answer._fields, *Pair._fields[2:]] == list(PAIR_COLUMNS)


def test_steps_are_in_order() -> None:
    """The first that fits is taken."""
    assert [start for start, _ in LICENCES] == sorted(start for start, _ in LICENCES)
    assert [least for least, _ in QUALITIES] == sorted((least for least, _ in QUALITIES), reverse=True)
