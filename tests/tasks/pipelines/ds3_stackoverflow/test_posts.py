"""Which raw rows become posts: each row that is left out has its line, its outcome and its reason."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ds3_stackoverflow import MIN_SCORE, TAGS
from tasks.pipelines.ds3_stackoverflow.posts import posts
from tests.tasks.pipelines.ds3_stackoverflow.raw_posts import ROWS, answer, question, raw, reasons, run

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def judged(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return posts(batch, tags=TAGS, min_score=MIN_SCORE)


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"kind": "other"}, "dropped", "not_a_question_or_answer"),
        ({"question_tags": "<cooking>"}, "dropped", "no_wanted_tag"),
        ({"question_tags": None}, "dropped", "no_wanted_tag"),
        ({"question_score": "4"}, "dropped", "score_below_minimum"),
        ({"question_score": None}, "dropped", "score_missing"),
        ({"question_title": " "}, "dropped", "title_missing"),
        ({"question_body": None}, "dropped", "body_missing"),
        ({"question_body": "<p> </p><script>x</script>"}, "dropped", "body_missing"),
        ({"question_accepted": None}, "dropped", "no_accepted_answer"),
        ({"question_id": "x7"}, "quarantined", "bad_id"),
        ({"question_id": None}, "quarantined", "bad_id"),
        ({"question_accepted": "none"}, "quarantined", "bad_id"),
        ({"question_score": "many"}, "quarantined", "bad_number"),
        ({"question_views": "1e99"}, "quarantined", "bad_number"),
        ({"fault": "malformed_xml", "text": "<row"}, "quarantined", "malformed_xml"),
    ],
)
def test_a_question_that_is_not_used_has_a_reason(changes: dict[str, Any], outcome: str, reason: str) -> None:
    """And its line."""
    assert reasons(raw(question(2), question(**changes)))[-1] == (2, outcome, reason)


@pytest.mark.parametrize(
    ("row", "outcome", "reason"),
    [
        (answer(11), "dropped", "not_the_accepted_answer"),
        (answer(90, 9), "dropped", "question_not_used"),
        (answer(90, 9, question_tags="<kubernetes>", question_score="9"), "dropped", "question_text_missing"),
        (answer(answer_body=" "), "dropped", "body_missing"),
        (answer(answer_id="z"), "quarantined", "bad_id"),
        (answer(answer_score="z"), "quarantined", "bad_number"),
    ],
)
def test_an_answer_that_is_not_used_has_a_reason(row: dict[str, Any], outcome: str, reason: str) -> None:
    """Also the one whose question's text is in no file."""
    assert reasons(raw(question(), row)) == [(2, outcome, reason)]


@pytest.mark.slow
def test_tags_and_score_are_parameters() -> None:
    """Every spelling of a list of tags is read."""
    for spelling in ("<beer><hops>", "beer,hops", "beer hops", "['beer', 'hops']", "|beer|hops|", "Beer"):
        batch = raw(question(question_tags=spelling, question_score="1"))
        assert run(batch, tags=("hops", "beer"), min_score=1)[0]["tag"].tolist() == ["beer"]
        assert len(run(batch)[0]) == 0


@settings(deadline=None, max_examples=50)
@given(ROWS, st.integers(0, 12))
def test_it_does_not_matter_where_a_batch_ends(rows: list[dict[str, Any]], cut: int) -> None:
    """A row is judged alone."""
    batch = raw(*rows)
    whole, parts = judged(batch), [judged(part) for part in (batch[:cut], batch[cut:])]
    for at in (0, 1):
        together = pd.concat([part[at] for part in parts], ignore_index=True)
        assert together.to_dict("records") == whole[at].to_dict("records")
