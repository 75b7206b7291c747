"""Pairs: each question once with its accepted answer, its quality and weight, and every other row rejected."""

import pytest

from schemas.ds3_stackoverflow import MIN_SCORE, SITE, TAGS, UNANSWERED, Answer
from tasks.pipelines.ds3_stackoverflow.pairs import quality_score
from tasks.pipelines.ds3_stackoverflow.posts import posts
from tasks.pipelines.ds3_stackoverflow.questions import questions
from tasks.pipelines.ds3_stackoverflow.rows import question_rows
from tests.tasks.pipelines.ds3_stackoverflow.raw_posts import answer, question, raw, reasons, run

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_the_formula_of_quality_is_the_designs() -> None:
    """With both caps, and code blocks of question and answer."""
    made, _ = questions(posts(raw(question()), tags=TAGS, min_score=MIN_SCORE)[0], site=SITE)
    ((plain, _),) = question_rows(made)
    asked = plain._replace(score=10, views=5_000, words=500, blocks=2)
    accepted = Answer(10, "", 20, 1_000, 3, 0, "CC-BY-SA-4.0", "ada")
    assert quality_score(asked, accepted) == pytest.approx(20 + 60 + 5 + 2 + 3 + 2.5)
    assert quality_score(asked, None) == pytest.approx(20 + 5 + 2 + 1)


def test_weight_is_a_half_and_the_place_between_least_and_most() -> None:
    """0.5 for the least, 1.5 for the most."""
    rows = [
        part
        for n, score in ((1, 5), (2, 10), (3, 15))
        for part in (question(n, question_score=str(score)), answer(n * 10, n))
    ]
    assert run(raw(*rows))[0]["weight"].tolist() == [0.5, 1.0, 1.5]


def test_a_pair_in_one_row_stands_for_one_row() -> None:
    """A table of pairs."""
    both = {**answer(), **question(), "kind": "pair"}
    table, _, _ = run(raw(both))
    assert (table["rows"].tolist(), table["rationale"].tolist()) == ([1], ["Raise the limit."])
    assert reasons(raw({**both, "answer_id": "11"})) == [(1, "dropped", "not_the_accepted_answer")]
    assert reasons(raw({**both, "answer_chosen": "false"})) == [(1, "dropped", "not_the_accepted_answer")]
    assert reasons(raw({**both, "answer_id": None, "question_accepted": None})) == []


def test_of_repeated_ids_the_first_is_used() -> None:
    """Questions and answers alike, across files."""
    batch = raw(question(), answer(), question(), answer(answer_body="<p>Other.</p>"))
    assert reasons(batch) == [(3, "dropped", "duplicate_id"), (4, "dropped", "duplicate_id")]
    assert run(batch)[0]["rationale"].tolist() == ["Raise the limit."]


def test_an_absent_answer_has_its_own_slice_or_drops_the_question() -> None:
    """As the parameter says."""
    table, _, _ = run(raw(question()))
    assert (table["quality"].tolist(), table["rationale"].tolist(), table["rows"].tolist()) == ([UNANSWERED], [""], [1])
    assert "accepted answer" not in table["attribution"][0]
    assert reasons(raw(question()), require_answer=True) == [(1, "dropped", "accepted_answer_missing")]


@pytest.mark.slow
def test_an_answer_marked_as_accepted_counts_where_the_question_names_no_id() -> None:
    """Tables without AcceptedAnswerId; the id goes before."""
    batch = raw(
        question(question_accepted=None), answer(11), answer(12, answer_chosen="True"), answer(13, answer_chosen="1")
    )
    table, pairs, _ = run(batch)
    assert pairs["answer"].tolist() == [12]
    assert reasons(batch) == [(2, "dropped", "not_the_accepted_answer"), (4, "dropped", "question_not_used")]
    assert table["rows"].tolist() == [2]


def test_an_accepted_answer_whose_question_is_dropped_later_is_rejected() -> None:
    """The text of the question is empty once it is clean; its answer was still wanted."""
    batch = raw(
        question(question_body="<p></p>x"), answer(), question(2, question_body="<script>x</script>"), answer(20, 2)
    )
    assert reasons(batch) == [(3, "dropped", "body_missing"), (4, "dropped", "question_not_used")]


def test_an_answer_to_another_question_is_nobodys_accepted_one() -> None:
    """Question 2 names an answer of question 1, which accepted none: neither has it, and it is counted once."""
    rows = [question(1, question_accepted=None), question(2, question_accepted="10"), answer(10, 1)]
    table, _, rejects = run(raw(*rows))
    assert table["rows"].to_list() == [1]
    assert sorted(rejects["reason"]) == ["no_accepted_answer", "question_not_used"]
