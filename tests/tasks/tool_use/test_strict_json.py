"""JSON that means one thing to every reader: what is read, and the word for what is not."""

import json
import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.tool_use.strict_json import LONGEST, Unreadable, read

pytestmark = pytest.mark.unit

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_json"),
        ("{'a': 1}", "not_json"),
        ('{"a": 1,}', "not_json"),
        ("NaN", "not_json"),
        ('{"a": Infinity}', "not_json"),
        ("-Infinity", "not_json"),
        ("1e999", "not_json"),
        ('"\\ud800"', "not_json"),
        ('"\ud800"', "not_json"),
        ('"a\nb"', "not_json"),
        ('"a\0b"', "not_json"),
        ("[1] [2]", "not_json"),
        ("\ufeff[1]", "not_json"),
        ('{"a": 1, "a": 2}', "repeated_key"),
        ('{"a":1,"a":1}', "repeated_key"),
        ('{"a":1,"\\u0061":2}', "repeated_key"),
        ('[{"b": {"a": 1, "a": 2}}]', "repeated_key"),
        ('"a\\u0000b"', "nul"),
        ('{"a\\u0000": 1}', "nul"),
        ('"\\\\\\u0000"', "nul"),
        ("[" * 300 + "]" * 300, "too_deep"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ('{"a":' * 2_000 + "1" + "}" * 2_000, "too_deep"),
        ('"' + "x" * (LONGEST - 1) + '"', "too_long"),
    ],
)
def test_a_text_that_readers_disagree_about_is_refused_with_a_word(text: str, reason: str) -> None:
    """Never another exception, and soon."""
    with pytest.raises(Unreadable) as refused:
        read(text)
    assert refused.value.reason == reason


def test_a_text_as_long_as_allowed_is_read() -> None:
    """One character more is not (see above)."""
    assert len(read('"' + "x" * (LONGEST - 2) + '"')) == LONGEST - 2


def test_an_escape_that_is_only_written_about_is_no_nul() -> None:
    """A backslash before it makes it text."""
    assert read('"\\\\u0000"') == "\\u0000"


@settings(max_examples=150)
@given(VALUES)
def test_what_is_read_is_what_was_written_however_it_was_written(value: object) -> None:
    """As orjson writes it, and as the standard library does with spaces and escapes."""
    assert read(orjson.dumps(value).decode()) == value
    assert read(json.dumps(value, indent=2)) == value


@settings(max_examples=150)
@given(st.text(st.sampled_from('[]{}",:\\u0eE1.-anNI \n'), max_size=20))
def test_any_text_is_read_as_the_standard_library_reads_it_or_refused(text: str) -> None:
    """The oracle reads more; what both read is equal."""
    try:
        value = read(text)
    except Unreadable:
        return
    expected = json.loads(text)
    assert value == expected or math.isclose(value, expected)
