"""Posts' columns under any spelling, and the words by which posts are judged."""

import pytest

from schemas.ds3_stackoverflow import COMPONENTS, IN_CLUSTER, LICENCES, PREFIXES, QUALITIES, SPELLINGS, TAGS, place_of

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


def test_every_wanted_tag_has_a_component_and_every_component_one_name() -> None:
    """Else a question of that tag would be about its words alone."""
    tagged = {tag for one in COMPONENTS for tag in one.tags}
    assert set(TAGS) <= tagged
    assert len({one.name for one in COMPONENTS}) == len(COMPONENTS)
    assert {one.name for one in COMPONENTS} >= IN_CLUSTER


def test_steps_are_in_order() -> None:
    """The first that fits is taken."""
    assert [start for start, _ in LICENCES] == sorted(start for start, _ in LICENCES)
    assert [least for least, _ in QUALITIES] == sorted((least for least, _ in QUALITIES), reverse=True)
