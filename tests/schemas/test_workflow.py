"""The answer format: what `answer` and `result` write fits the schemas, and what is almost it does not."""

from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.workflow import RESULT_SCHEMA, STEP_SCHEMA, WORKFLOW_SCHEMA, answer, result, steps_of

pytestmark = pytest.mark.unit

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
CALLS = st.lists(st.tuples(TEXT, st.dictionaries(TEXT, VALUES, max_size=3)), max_size=4)
WORKFLOW = jsonschema.Draft202012Validator(WORKFLOW_SCHEMA)
STEP = {"step_id": 1, "tool": "get_node_status", "params": {}}


@pytest.mark.parametrize("schema", [STEP_SCHEMA, WORKFLOW_SCHEMA, RESULT_SCHEMA])
def test_the_schemas_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@settings(max_examples=100)
@given(CALLS, TEXT | st.just(""))
def test_an_answer_fits_the_schema_and_gives_its_calls_back_numbered_from_one(calls: Any, message: str) -> None:
    """Any calls, with a message or without."""
    message = message or ("" if calls else "Done.")
    content = answer(calls, message)
    told = orjson.loads(content)
    WORKFLOW.validate(told)
    assert [(step["tool"], step["params"]) for step in steps_of(content)] == calls
    assert [step["step_id"] for step in steps_of(content)] == list(range(1, len(calls) + 1))
    assert told.get("message", "") == message


def test_the_worked_example_of_the_docstring() -> None:
    written = '{"workflow":{"steps":[{"step_id":1,"tool":"get_node_status","params":{"node":"n1"}}]}}'
    assert answer([("get_node_status", {"node": "n1"})]) == written
    assert steps_of(written) == [{"step_id": 1, "tool": "get_node_status", "params": {"node": "n1"}}]


def test_neither_calls_nor_message_is_no_answer() -> None:
    with pytest.raises(ValueError, match="needs a step or a message"):
        answer()


@pytest.mark.parametrize(
    "told",
    [
        {"workflow": {"steps": []}},
        {"message": "Hello."},
        {"workflow": {"steps": []}, "message": ""},
        {"workflow": {"steps": []}, "message": None},
        {"workflow": {"steps": [STEP], "name": "x"}},
        {"workflow": {"steps": [STEP]}, "plan": "x"},
        {"workflow": [STEP]},
        {"steps": [STEP]},
        {"workflow": {"steps": [{**STEP, "step_id": 0}]}},
        {"workflow": {"steps": [{**STEP, "step_id": "1"}]}},
        {"workflow": {"steps": [{**STEP, "params": "{}"}]}},
        {"workflow": {"steps": [{**STEP, "tool": ""}]}},
        {"workflow": {"steps": [{**STEP, "why": "x"}]}},
        {"workflow": {"steps": [{"tool": "x", "params": {}}]}},
    ],
)
def test_what_is_almost_an_answer_is_none(told: Any) -> None:
    """Above all: without a step, a message is all there is, and must be there."""
    assert not WORKFLOW.is_valid(told)


@settings(max_examples=50)
@given(st.integers(1, 99), TEXT, VALUES)
def test_a_result_fits_its_schema_whatever_was_found(step_id: int, tool: str, found: Any) -> None:
    told = orjson.loads(result(step_id, tool, found))
    jsonschema.Draft202012Validator(RESULT_SCHEMA).validate(told)
    assert told == {"step_id": step_id, "tool": tool, "result": found}
