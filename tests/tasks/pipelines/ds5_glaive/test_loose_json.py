"""JSON as models write it: what is certain is read, what is not is refused, and strict JSON is read as JSON."""

import contextlib
import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pipelines.ds5_glaive.loose_json import DEEPEST, Unreadable, portable, read, read_at, whole_characters

pytestmark = pytest.mark.unit

CALLS = {  # what stands after <functioncall> -> the arguments that are meant
    """{"name": "f", "arguments": '{"city": "Coeur d'Alene"}'}""": {"city": "Coeur d'Alene"},
    """{"name": "f", "arguments": '{"a": "it's", "b": "isn't"}'}""": {"a": "it's", "b": "isn't"},
    r"""{"name": "f", "arguments": '{"city": "Coeur d\'Alene"}'}""": {"city": "Coeur d'Alene"},
    r"""{"name": "f", "arguments": '{"code": "print(\"hi\")"}'}""": {"code": 'print("hi")'},
    r"""{"name": "f", "arguments": '{"code": "print(\\"hi\\")"}'}""": {"code": 'print("hi")'},
    r"""{"name": "f", "arguments": '{\"a\": \"b\"}'}""": {"a": "b"},
    """{"name": "f", "arguments": '{"text": "He said "hi" to me"}'}""": {"text": 'He said "hi" to me'},
    """{"name": "f", "arguments": '{"text": "He said "it's ok", then left", "n": 1}'}""": {
        "text": 'He said "it\'s ok", then left',
        "n": 1,
    },
    """{"name": "f", "arguments": {"a": "it's"}}""": {"a": "it's"},
    r"""{"name": "f", "arguments": "{\"a\": \"it's\"}"}""": {"a": "it's"},
    """{"name": "f", "arguments": "{"a": "b"}"}""": {"a": "b"},
    """{'name': 'f', 'arguments': {'a': True, 'b': None, 'c': [1, 2.5, False]}}""": {
        "a": True,
        "b": None,
        "c": [1, 2.5, False],
    },
    """{'name': 'f', 'arguments': {'a': "it's"}}""": {"a": "it's"},
    """{'name': 'f', 'arguments': {'a': 'it's here', 'b': 1}}""": {"a": "it's here", "b": 1},
    """{"name": "f", "arguments": '{"a": True, "b": None}'}""": {"a": True, "b": None},
    """{"name": "f", "arguments": '{"a": [1, 2,], "b": {"c": 1,},}',}""": {"a": [1, 2], "b": {"c": 1}},
    """{"name": "f", "arguments": '{"a": "one\ntwo"}'}""": {"a": "one\ntwo"},
    """{"name": "f", "arguments": '\n{\n"a": 1\n}\n'\n}""": {"a": 1},
    """{"name": "f", "arguments": '{"a": {"b": {"c": ["it's"]}}}'}""": {"a": {"b": {"c": ["it's"]}}},
    """{"name": "f", "arguments": '{"a": "x"}'""": {"a": "x"},
    """{name: "f", arguments: '{a: 1, b_c: "x"}'}""": {"a": 1, "b_c": "x"},
    r"""{"name": "f", "arguments": '{"a": "caf\u00e9 \ud83d\ude00"}'}""": {"a": "café 😀"},
    r"""{"name": "f", "arguments": '{"re": "\d+\'s"}'}""": {"re": r"\d+'s"},
    """{"name": "f", "arguments": '{"a": "{}", "b": "[1, 'x']"}'}""": {"a": "{}", "b": "[1, 'x']"},
    """{"name": "f", "arguments": '{"sql": "SELECT * FROM t WHERE a = 'b' AND c = 'd'"}'}""": {
        "sql": "SELECT * FROM t WHERE a = 'b' AND c = 'd'"
    },
    """{"name": "f", "arguments": '{"a": -1, "b": 1e3, "c": 0.5}'}""": {"a": -1, "b": 1000.0, "c": 0.5},
    """{"name": "f", "arguments": '{"a": "5'11\\"", "b": ""}'}""": {"a": "5'11\"", "b": ""},
    """{"name": "f", "arguments": '{}'}""": {},
    r"""{'name': 'f', 'arguments': {'a': 'caf\u00e9 \x41\n\ud83d\ude00'}}""": {"a": "café A\n😀"},
    """{"arguments": '{"a": "it's"}', "name": "f"}""": {"a": "it's"},
}


@pytest.mark.parametrize("text", CALLS, ids=range(len(CALLS)))
def test_calls_as_models_write_them_are_read_as_they_are_meant(text: str) -> None:
    call, end = read_at(text, 0)
    arguments = call["arguments"] if isinstance(call["arguments"], dict) else read(call["arguments"])
    assert (call["name"], arguments) == ("f", CALLS[text])
    assert end == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "}",
        "hello",
        '{"a": hello}',
        '{"a": 1,000}',
        '{"a": 1 "b": 2}',
        '{"a": "x" "b": "y"}',
        "{'a': 'x' 'b': 'y'}",
        '{"a" 1}',
        "{1: 2}",
        '{"a": NaN}',
        "{'a': NaN}",
        "{'a': Infinity}",
        "{'a': 007}",
        "{'a': 2021-01-01}",
        "{'a': 12abc}",
        "{'a': .}",
        "{'a': }",
        '{"a": "no end}',
        "{'a': 'no end",
        "[1, 2",
        "[1 2]",
        "{'a': [1}",
        "{'a': " + "9" * 5_000 + "}",
        '{"a": 1} trailing',
        "[" * 100_000,
        "{'a':" * 1_000,
    ],
    ids=range(28),
)
def test_what_is_not_certain_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_a_value_is_read_where_it_stands_and_the_place_after_it_is_told() -> None:
    assert read_at("x = {'a': 'it\\'s', \"b\": True,}, y", 4) == ({"a": "it's", "b": True}, 30)


def test_of_a_text_in_quotes_only_arguments_are_looked_into() -> None:
    """A parameter that holds JSON as text stays text."""
    assert read("""{'data': '{"a": 1}', 'n': True}""") == {"data": '{"a": 1}', "n": True}


def test_arguments_that_are_no_object_are_the_text_that_stands_there() -> None:
    assert read("""{'name': 'f', 'arguments': 'none'}""") == {"name": "f", "arguments": "none"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_is_read_as_json(value: object) -> None:
    assert read(json.dumps(value)) == value


def _plain(value: object) -> bool:
    """Of values that repr writes in JSON's own words."""
    return not any(mark in repr(value) for mark in ("\\x", "\\U", "e-", "e+", "inf"))


@given(json_values.filter(_plain))
def test_python_is_read_as_python_wrote_it(value: object) -> None:
    """An oracle: repr, whose quotes are escaped as they must be."""
    try:
        assert read(repr(value)) == value
    except Unreadable:
        assert "\\" in repr(value)


@given(st.dictionaries(st.text("abc_", min_size=1), st.text("ab' ,:{}[]é\n"), max_size=4))
def test_arguments_in_single_quotes_survive_every_apostrophe(arguments: dict[str, str]) -> None:
    """The published form: JSON in single quotes, its own apostrophes as they are."""
    call = f"""{{"name": "f", "arguments": '{json.dumps(arguments, ensure_ascii=False)}'}}"""
    assert read(call) == {"name": "f", "arguments": arguments}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_at(text, 0)
    except Unreadable:
        return


@pytest.mark.parametrize("text", ["{'a': \"" + '"' * 20_000, "{'a': '" + "\\" * 40_001, "{'a': '" + "', " * 20_000])
def test_a_text_full_of_quotes_takes_no_more_than_linear_time(text: str) -> None:
    begin = time.perf_counter()
    with contextlib.suppress(Unreadable):
        read(text)
    assert time.perf_counter() - begin < 2


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert whole_characters("a\ud83d\ude00b") == "a😀b"
    assert whole_characters("a\ud83db") == "a\ufffdb"


@pytest.mark.parametrize(
    ("value", "word"),
    [(2**64, "64 bits"), (-(2**63) - 1, "64 bits"), (math.inf, "too large"), ("a\0", "NUL"), ({"a\0": 1}, "NUL")],
)
def test_what_another_reader_could_not_hold_is_refused(value: object, word: str) -> None:
    with pytest.raises(Unreadable, match=word):
        portable({"x": [value]})


def test_a_portable_value_is_given_back_with_whole_characters() -> None:
    assert portable({"a": ["x\ud800", 1, 2.5, None, True]}) == {"a": ["x\ufffd", 1, 2.5, None, True]}


def test_nesting_has_an_end() -> None:
    value: object = 1
    for _ in range(DEEPEST):
        value = [value]
    assert portable(value) == value
    with pytest.raises(Unreadable, match="deeper"):
        portable([value])
