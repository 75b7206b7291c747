"""Numbers, shares and text of unknown origin are written for people."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.publish import wording
from tasks.publish.wording import number, plural, ratio, readable, share

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (5e-7, "5e-07"),
        (1_234_567, "1,234,567"),
        (0.123456, "0.1235"),
        (12_345.6, "12,346"),
        (-0.34, "-0.34"),
        (2.0, "2"),
    ],
)
def test_numbers_are_written_for_people(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_a_dash(nothing: Any) -> None:
    assert number(nothing) == wording.NOTHING
    assert ratio(None) == wording.NOTHING


@example(9_999_999, 10_000_000)
@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_only_nothing_is_0_per_cent_and_only_all_is_100(count: int, total: int) -> None:
    count = min(count, total)
    assert (share(count, total) == "0.0 %") == (count == 0)
    assert (share(count, total) == "100.0 %") == (count == total)


def test_one_is_singular() -> None:
    assert [plural(n, "row") for n in (0, 1, 1_000)] == ["0 rows", "1 row", "1,000 rows"]


@given(st.text(), st.integers(2, 50))
def test_readable_text_is_one_short_printable_line(text: str, limit: int) -> None:
    made = readable(text, limit)
    assert len(made) <= limit
    assert made.isprintable()
