"""Every function definition becomes a valid offer, with a word for each repair; parameters get the types asked for."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.format_b import OFFER_SCHEMA
from tasks.pipelines.ds5_glaive.functions import OfferedFunctions, Unusable, coerced, offered_functions
from tasks.pipelines.ds5_glaive.rules import ARGUMENT_REPAIRS, DEFINITION_REPAIRS

pytestmark = pytest.mark.unit

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
CLOSED = {**WEATHER, "parameters": {**WEATHER["parameters"], "additionalProperties": False}}
JOKE = {"name": "tell_joke", "description": "Joke", "parameters": {"type": "object", "properties": {}}}
OPENING = "SYSTEM: You are helpful [really], and {user} is your guest. Use these:\n"


def names(found: OfferedFunctions) -> list[str]:
    return [function["name"] for function in found.functions]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WEATHER, indent=4) + "\n\n" + json.dumps(JOKE, indent=4) + "\n",
        json.dumps(WEATHER) + json.dumps(JOKE),
        json.dumps(WEATHER) + ", " + json.dumps(JOKE),
        json.dumps([WEATHER, JOKE], indent=2) + " Good luck.",
        json.dumps({"functions": [WEATHER, JOKE]}),
        json.dumps({"tools": [{"type": "function", "function": WEATHER}, {"type": "function", "function": JOKE}]}),
        "first " + json.dumps(WEATHER) + '\nan example: {"city": "Oslo"}, [1, 2]\nthen ' + json.dumps(JOKE),
        str(WEATHER) + "\n" + str(JOKE),
        json.dumps(WEATHER)[:-1] + ",}" + json.dumps(JOKE),
    ],
    ids=["pretty", "glued", "commas", "list", "wrapped", "openai", "prose", "python", "trailing_comma"],
)
def test_two_functions_are_two_however_they_are_written(text: str) -> None:
    """The trap: a greedy pattern from the first brace to the last lost both."""
    found = offered_functions(OPENING + text)
    assert found.functions[0] == CLOSED
    assert names(found) == ["get_weather", "tell_joke"]
    assert not found.repairs


def test_a_text_without_functions_offers_none() -> None:
    assert offered_functions("SYSTEM: no access {to} [external] functions, e.g. {}.") == OfferedFunctions()
    assert offered_functions("") == OfferedFunctions()


@pytest.mark.parametrize(
    ("parameters", "expected", "repairs"),
    [
        (None, {"type": "object", "properties": {}}, {"parameters_missing"}),
        ("", {"type": "object", "properties": {}}, {"parameters_missing"}),
        ({}, {"type": "object", "properties": {}}, {"type_renamed"}),
        ({"type": "dict", "properties": {"a": {"type": "float"}}}, {"a": {"type": "number"}}, {"type_renamed"}),
        ({"type": "object", "properties": {"a": {"type": "Tuple"}}}, {"a": {"type": "array"}}, {"type_renamed"}),
        ({"type": "object", "properties": {"a": {"type": "widget"}}}, {"a": {}}, {"type_unknown"}),
        (
            {"type": "object", "properties": {"a": {"type": ["str", "none"]}}},
            {"a": {"type": ["string", "null"]}},
            {"type_renamed"},
        ),
        ({"type": "object", "properties": {"a": "integer"}}, {"a": {"type": "integer"}}, {"property_repaired"}),
        (
            {"type": "object", "properties": {"a": "The city"}},
            {"a": {"description": "The city"}},
            {"property_repaired"},
        ),
        ({"type": "object", "properties": {"a": None}}, {"a": {}}, {"property_repaired"}),
        ({"a": {"type": "string"}}, {"a": {"type": "string"}}, {"properties_wrapped", "type_renamed"}),
        (
            {"type": "object", "properties": [{"name": "a", "type": "string"}, 5]},
            {"a": {"name": "a", "type": "string"}},
            {"properties_listed"},
        ),
        ({"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}, {"a": {}}, {"reference_left_out"}),
        ({"type": "object", "properties": {"a": {"enum": "b"}}}, {"a": {}}, {"keyword_left_out"}),
        (
            {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}},
            {"a": {"type": "string"}},
            {"keyword_left_out"},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": "string"}}},
            {"a": {"type": "array", "items": {"type": "string"}}},
            {"items_repaired", "property_repaired"},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": [{"type": "int"}]}}},
            {"a": {"type": "array", "items": {"type": "integer"}}},
            {"items_repaired", "type_renamed"},
        ),
        ({"type": "object", "properties": {"a": {"items": [{}, {}]}}}, {"a": {"items": {}}}, {"items_repaired"}),
        ({"type": "object", "properties": {"a": {"items": True}}}, {"a": {"items": True}}, set()),
        (
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "int"}, {"type": "null"}]}}},
            {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
            {"type_renamed"},
        ),
    ],
    ids=range(20),
)
def test_an_odd_schema_becomes_a_valid_one_and_the_repair_is_told(
    parameters: Any, expected: Any, repairs: set[str]
) -> None:
    found = offered_functions(json.dumps({"name": "f", "description": "", "parameters": parameters}))
    (function,) = found.functions
    written = function["parameters"]
    assert written == expected if "properties" in expected else written["properties"] == expected
    assert found.repairs == repairs
    jsonschema.Draft202012Validator.check_schema(written)


@pytest.mark.parametrize(
    ("properties", "required", "expected"),
    [
        ({"a": {}}, ["a", "b"], ["a"]),
        ({"a": {}}, "a", ["a"]),
        ({"a": {}}, [1, None, "a"], ["a"]),
        ({"a": {"required": True}, "b": {"required": False}}, None, ["a"]),
        ({"a": {"required": True}}, ["a"], ["a"]),
        ({}, ["b"], []),
    ],
)
def test_required_names_properties_alone(properties: Any, required: Any, expected: list[str]) -> None:
    given = {"type": "object", "properties": properties, **({} if required is None else {"required": required})}
    found = offered_functions(json.dumps({"name": "f", "description": "", "parameters": given}))
    assert found.functions[0]["parameters"]["required"] == expected
    assert found.repairs == {"required_repaired"}
    assert all("required" not in part for part in found.functions[0]["parameters"]["properties"].values())


def test_a_schema_in_order_stays_as_it_is_but_closed() -> None:
    assert offered_functions(json.dumps(WEATHER)).functions == [CLOSED]
    free = {**WEATHER, "parameters": {**WEATHER["parameters"], "additionalProperties": True}}
    assert offered_functions(json.dumps(free)).functions == [free]


def test_properties_beside_the_name_are_the_parameters() -> None:
    found = offered_functions(json.dumps({"name": "f", "type": "object", "properties": {"a": {}}, "required": ["a"]}))
    assert found.functions[0]["parameters"]["properties"] == {"a": {}}
    assert found.repairs == {"definition_keys_left_out", "description_missing", "properties_wrapped"}


def test_a_function_with_a_name_alone_is_one() -> None:
    found = offered_functions('{"name": " ping "}')
    assert found.functions == [{"name": "ping", "description": "", "parameters": {"type": "object", "properties": {}}}]
    assert found.repairs == {"description_missing", "parameters_missing"}


def test_of_a_function_defined_twice_the_first_stays_and_that_is_told() -> None:
    found = offered_functions(json.dumps(WEATHER) + json.dumps({**WEATHER, "description": "again"}))
    assert found.functions == [CLOSED]
    assert found.repairs == {"definition_twice"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "f", "parameters": {"type": "obj', "function_unreadable"),
        (json.dumps(JOKE) + '\n{\n  "name": "g" "description": ""}', "function_unreadable"),
        ('{"description": "no name", "parameters": {}}', "function_without_name"),
        ('{"name": " ", "description": ""}', "function_without_name"),
        ('{"name": "f", "description": "", "parameters": {"type": "object", "allOf": [{"$ref": 5}], "not": 5}}', ""),
        ("{[" * 2_000, "function_unreadable"),
        (
            '{"name": "f", "description": "", "parameters": {"not": {"$ref": "http://x/y"}, "a": 1}}',
            "function_schema_invalid",
        ),
    ],
)
def test_a_definition_that_is_none_is_told_never_passed_over(text: str, reason: str) -> None:
    if not reason:
        assert offered_functions(text).repairs == {"reference_left_out", "keyword_left_out"}
        return
    with pytest.raises(Unusable, match=f"^{reason}$"):
        offered_functions(text)


def test_a_schema_that_no_removal_mends_is_told() -> None:
    """More faults than are taken out one by one."""
    properties = {f"p{n}": {"enum": "x"} for n in range(80)}
    with pytest.raises(Unusable, match="function_schema_invalid"):
        offered_functions(
            json.dumps({"name": "f", "description": "", "parameters": {"type": "object", "properties": properties}})
        )


schemas = st.recursive(
    st.sampled_from(["string", "int", None, 5, {}, {"type": "float"}, {"type": 3}, {"required": True}, {"enum": 1}]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "dict", "array", "x", None, ["string", "null"]]),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
            "items": inner,
            "required": st.sampled_from([["a"], "a", [1], True]),
            "anyOf": st.lists(inner, max_size=2),
            "minimum": st.sampled_from([1, "1"]),
        },
    ),
    max_leaves=8,
)


@given(schemas)
def test_whatever_the_parameters_the_offer_is_valid_and_every_repair_has_a_meaning(parameters: Any) -> None:
    found = offered_functions(json.dumps({"name": "f", "description": "", "parameters": parameters}))
    jsonschema.validate(found.functions, OFFER_SCHEMA)
    jsonschema.Draft202012Validator.check_schema(found.functions[0]["parameters"])
    assert found.repairs <= DEFINITION_REPAIRS.keys()


@given(schemas)
def test_a_repaired_offer_needs_no_repair(parameters: Any) -> None:
    first = offered_functions(json.dumps({"name": "f", "description": "", "parameters": parameters}))
    again = offered_functions(json.dumps(first.functions[0]))
    if "parameters_missing" not in first.repairs:  # what takes anything because nobody knew is closed the next time
        first.functions[0]["parameters"].setdefault("additionalProperties", False)
        assert again.functions == first.functions


SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "yes": {"type": "boolean"},
        "text": {"type": "string"},
        "list": {"type": "array", "items": {"type": "integer"}},
        "inner": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "free": {},
        "both": {"type": ["string", "null"]},
    },
    "required": ["n"],
}


@pytest.mark.parametrize(
    ("given", "expected", "repair"),
    [
        ({"n": "5"}, {"n": 5}, "number_from_text"),
        ({"n": " -5 "}, {"n": -5}, "number_from_text"),
        ({"n": 5.0}, {"n": 5}, "integer_from_float"),
        ({"x": "5.5"}, {"x": 5.5}, "number_from_text"),
        ({"x": "5"}, {"x": 5}, "number_from_text"),
        ({"yes": "True"}, {"yes": True}, "boolean_from_text"),
        ({"text": 5}, {"text": "5"}, "text_from_number"),
        ({"list": ["1", 2]}, {"list": [1, 2]}, "number_from_text"),
        ({"inner": {"n": "1"}}, {"inner": {"n": 1}}, "number_from_text"),
        ({"text": None}, {}, "optional_null_left_out"),
        ({"n": None}, {"n": None}, ""),
        ({"both": None, "free": None}, {"both": None, "free": None}, ""),
        ({"n": "five"}, {"n": "five"}, ""),
        ({"n": "5.5"}, {"n": "5.5"}, ""),
        ({"x": "1,000"}, {"x": "1,000"}, ""),
        ({"n": True, "text": False}, {"n": True, "text": False}, ""),
        ({"n": 5.5, "yes": "yes"}, {"n": 5.5, "yes": "yes"}, ""),
        ({"list": "1"}, {"list": "1"}, ""),
        ({"unknown": "5"}, {"unknown": "5"}, ""),
    ],
)
def test_a_type_is_mended_where_there_is_one_way_to_read_the_value(given: Any, expected: Any, repair: str) -> None:
    repairs: set[str] = set()
    found = coerced(given, SCHEMA, repairs)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]
    assert repairs == ({repair} if repair else set())
    assert repairs <= ARGUMENT_REPAIRS.keys()


@given(
    st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.integers() | st.text() | st.none() | st.booleans())
)
def test_what_is_valid_is_never_touched(value: Any) -> None:
    """Nor does a repair make anything invalid that was valid."""
    repairs: set[str] = set()
    validator = jsonschema.Draft202012Validator(SCHEMA)
    found = coerced(value, SCHEMA, repairs)
    if validator.is_valid(value):
        assert (found, repairs) == (value, set())
