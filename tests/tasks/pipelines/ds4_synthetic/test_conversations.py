"""Rows of the prompt store into conversations: each becomes one conversation or one reject."""

from typing import Any

import pandas as pd
import pytest

from schemas.ds4_synthetic import EXTRA
from schemas.format_b import COLUMNS
from schemas.reject import REJECT_COLUMNS
from schemas.workflow import answer
from tasks.pipelines.ds4_synthetic.conversations import conversations
from tasks.tool_use.verify import verified
from tests.tasks.pipelines.ds4_synthetic.export_rows import GRAMMAR, STATUS, batch, row

pytestmark = pytest.mark.unit


def test_all_of_the_grammar_passes_all_three_stages() -> None:
    """Format, tools and execution, every row."""
    made, left = conversations(batch(*GRAMMAR))
    kept, rejects = verified(made)
    assert (len(kept), len(left), len(rejects)) == (len(GRAMMAR), 0, 0)
    assert {tuple(stages) for stages in kept["verified"]} == {("format", "tools", "execution")}


def test_it_does_not_matter_where_a_batch_ends() -> None:
    """Two halves give what the whole gives, types included; an empty batch has the same columns."""
    whole, _ = conversations(batch(*GRAMMAR))
    halves = [conversations(batch(*part))[0] for part in (GRAMMAR[:30], GRAMMAR[30:], [])]
    pd.testing.assert_frame_equal(pd.concat(halves, ignore_index=True), whole)
    assert list(whole.columns) == [*COLUMNS, *EXTRA]


def test_a_row_of_the_grammar_keeps_its_family_and_an_answer_of_a_teacher_stands_alone() -> None:
    """The group is the family; of a teacher's answer the prompt. Slices come from the request, or from the answer."""
    made, _ = conversations(batch(GRAMMAR[0], row()))
    assert made["group"].tolist() == [GRAMMAR[0]["family"], "a1"]
    assert made["id"].tolist()[1] == "ds4_synthetic:a1"
    assert made["tool"].tolist() == [GRAMMAR[0]["tool"], "get_node_status"]
    assert made["teacher"].tolist() == ["grammar", "gemini/x"]
    assert made["scenario"].tolist()[1] == ""
    assert made["rows"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (answer((), "Which node?"), ("none", "none", False)),
        (STATUS, ("get_node_status", "single", True)),
        (
            answer([("get_node_status", {"node": "n"}), ("cordon_node", {"node": "n"})]),
            ("get_node_status", "multi", True),
        ),
    ],
    ids=["none", "single", "multi"],
)
def test_slices_tell_the_shape_of_the_answer(told: str, expected: tuple[str, str, bool]) -> None:
    """Tool, complexity and outcome of an answer without a family."""
    made, _ = conversations(batch(row(answer=told)))
    assert tuple(made.iloc[0][["tool", "complexity", "outcome"]]) == expected


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        ({"answer": None}, "dropped", "not_answered"),
        ({"answer": "{}"}, "quarantined", "answer_unreadable"),
        ({"answer": "{"}, "quarantined", "answer_unreadable"),
        ({"fault": "duplicate_prompt"}, "dropped", "duplicate_prompt"),
        ({"fault": "not_json", "user_intent": None}, "quarantined", "not_json"),
        ({"user_intent": " "}, "quarantined", "user_intent_missing"),
        ({"user_intent": "x" * 20_001}, "quarantined", "text_too_long"),
        ({"user_intent": "a\0b"}, "quarantined", "nul_bytes"),
        ({"tool_context": None}, "quarantined", "tool_context_unreadable"),
        ({"tool_context": '{"environment": "mars"}'}, "quarantined", "environment_unknown"),
    ],
)
def test_what_is_no_conversation_is_a_reject_with_its_reason(given: dict[str, Any], outcome: str, reason: str) -> None:
    """Nothing is lost in silence, and what only waits is told apart from what is broken."""
    made, left = conversations(batch(row(**given)))
    assert len(made) == 0
    assert dict(left.dtypes) == REJECT_COLUMNS
    assert left.iloc[0][["outcome", "reason"]].tolist() == [outcome, reason]


def test_a_reject_points_to_the_raw_row_or_to_the_export() -> None:
    """Whoever repairs it must find it."""
    _, left = conversations(
        batch(row(answer=None, origin="mine.jsonl", number="12"), row(answer=None), row(fault="not_json", row="{oh"))
    )
    assert left["file"].tolist() == ["mine.jsonl", "generations.jsonl", "generations.jsonl"]
    assert left["line"].tolist() == [12, 7, 7]
    assert left["row"].tolist() == ["How is n1?", "How is n1?", "{oh"]
