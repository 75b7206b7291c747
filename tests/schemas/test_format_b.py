"""Format B: the schemas say what the words say, for every message and not just some, and tables keep their types."""

from typing import Any

import jsonschema
import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contracts import Conversations
from schemas.format_b import (
    COLUMNS,
    LINE_SCHEMA,
    MESSAGE_SCHEMA,
    MESSAGES_SCHEMA,
    METADATA,
    METADATA_SCHEMA,
    OFFER_SCHEMA,
    SYSTEM_PREFIX,
    VERIFIED,
    message,
    messages_json,
    system_message,
    table,
)
from schemas.tools import REGISTRY, offered_in
from tasks.quality.contract import check
from tasks.tool_use.verify import verified
from tests.tasks.tool_use.conversations import NODE_STATUS, asked, conversations, published, row, split

pytestmark = pytest.mark.unit

SCHEMAS = [OFFER_SCHEMA, MESSAGE_SCHEMA, MESSAGES_SCHEMA, METADATA_SCHEMA, LINE_SCHEMA]
GOOD = asked([NODE_STATUS])
LINE = orjson.loads(published(GOOD))
MESSAGES = jsonschema.Draft202012Validator(MESSAGES_SCHEMA)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_schemas_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize(
    "wrong",
    [{"content": ""}, {"content": None}, {"content": ["x"]}, {"role": "function"}, {"name": "x"}],
    ids=str,
)
def test_every_message_has_a_role_and_content_and_nothing_else(at: int, wrong: dict[str, Any]) -> None:
    """Also the first two, whose role is fixed: `items` of a schema does not reach them."""
    assert MESSAGES.is_valid(GOOD)
    assert not MESSAGES.is_valid([{**m, **wrong} if n == at else m for n, m in enumerate(GOOD)])
    for missing in ("role", "content"):
        without = [{k: v for k, v in m.items() if n != at or k != missing} for n, m in enumerate(GOOD)]
        assert not MESSAGES.is_valid(without)


def test_a_conversation_begins_with_system_and_user() -> None:
    assert not MESSAGES.is_valid(GOOD[::-1])
    assert not MESSAGES.is_valid([GOOD[1], *GOOD[1:]])
    assert not MESSAGES.is_valid(GOOD[:2])


@pytest.mark.parametrize("name", METADATA)
def test_a_line_has_all_metadata_and_no_more(name: str) -> None:
    """The same keys in every line."""
    line = jsonschema.Draft202012Validator(LINE_SCHEMA)
    assert line.is_valid(LINE)
    rest = {key: value for key, value in LINE["metadata"].items() if key != name}
    assert not line.is_valid({**LINE, "metadata": rest})
    assert not line.is_valid({**LINE, "metadata": {**rest, name: {"nested": 1}}})
    assert not line.is_valid({**LINE, "metadata": {**LINE["metadata"], f"{name}_": ""}})
    assert not line.is_valid({**LINE, "scenario": ""})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "system", "user", *METADATA, GOOD[0]]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "messages", "metadata", *METADATA]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(JSON, st.sampled_from(["", "messages", "metadata", *METADATA]))
def test_both_validators_say_the_same(value: Any, place: str) -> None:
    """The fast one and the pure-Python one, on anything put anywhere into a line."""
    line = value
    if place in LINE:
        line = {**LINE, place: value}
    elif place:
        line = {**LINE, "metadata": {**LINE["metadata"], place: value}}
    slow = jsonschema.Draft202012Validator(LINE_SCHEMA)
    assert jsonschema_rs.validator_for(LINE_SCHEMA).is_valid(line) == slow.is_valid(line)


def test_the_same_tools_give_the_same_system_message() -> None:
    """From the registry or as mappings; it reads back as it was."""
    tools = offered_in("production")
    text = system_message(tools)
    assert text == system_message([tool.offer() for tool in tools])
    assert text.startswith(SYSTEM_PREFIX)
    assert [tool["name"] for tool in orjson.loads(text.removeprefix(SYSTEM_PREFIX))] == list(REGISTRY)


def test_messages_are_written_as_they_are() -> None:
    told = [message("user", 'A "quoted"\nline'), message("assistant", "\u202e")]
    assert orjson.loads(messages_json(told)) == told


def test_a_table_has_its_columns_and_types_with_rows_or_without() -> None:
    """Slice columns after them."""
    slices = {"kind": COLUMNS["id"]}
    for rows in ([], [row(GOOD) | {"kind": "x"}]):
        made = table(rows, slices)
        assert list(made.columns) == [*COLUMNS, "kind"]
        assert made.dtypes.to_dict() == {**COLUMNS, **slices}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"licence": ""}, "licence_empty"),
        ({"group": ""}, "group_empty"),
        ({"weight": -1.0}, "weight_negative"),
        ({"rationale": None}, "rationale_missing"),
    ],
)
def test_the_contract_names_what_a_row_lacks(wrong: dict[str, Any], reason: str) -> None:
    """Verified and split rows pass it."""
    kept, bad = check(split(verified(conversations(row(GOOD), row(GOOD, **wrong)))[0]), Conversations)
    assert len(kept) == 1
    assert kept["verified"].dtype == VERIFIED
    assert bad["reason"].tolist() == [reason]
