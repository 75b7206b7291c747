"""Filters as data: every row has one reason or none, the first rule that speaks decides, and nothing is lost."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.quality.row_rules import Rule, first_reason

pytestmark = pytest.mark.unit

RULES = (
    Rule("negative", lambda f: f["n"] >= 0),
    Rule("large", lambda f: f["n"] <= 10, "two hands"),
    Rule("odd", lambda f: f["n"] % 2 == 0),
)


def table(*numbers: int | None) -> pd.DataFrame:
    return pd.DataFrame({"n": pd.Series(numbers, dtype="Int64")})


def reasons(frame: pd.DataFrame, rules: tuple[Rule, ...] = RULES) -> list[str | None]:
    return [None if pd.isna(reason) else reason for reason in first_reason(frame, rules)]


def test_the_first_rule_that_does_not_keep_a_row_gives_its_reason() -> None:
    """-3 is negative and odd: the rule that stands first decides."""
    assert reasons(table(-3, 4, 11, 7, 12)) == ["negative", None, "large", "odd", "large"]


@given(st.lists(st.integers(-30, 30)))
def test_the_reasons_are_those_of_asking_each_row_alone(numbers: list[int]) -> None:
    """A row's reason does not depend on its neighbours, and kept and left out add up to the input."""
    whole = reasons(table(*numbers))
    assert whole == [reasons(table(n))[0] for n in numbers]
    assert sum(r is None for r in whole) == sum(n in {0, 2, 4, 6, 8, 10} for n in numbers)


def test_a_rule_is_asked_only_about_rows_that_the_rules_before_it_keep() -> None:
    """So a costly rule may stand last, and may rely on what the rules before it hold."""
    asked: list[int] = []

    def costly(frame: pd.DataFrame) -> list[bool]:
        asked.extend(frame["n"])
        return [True] * len(frame)

    first_reason(table(1, -1, 2), (*RULES[:1], Rule("costly", costly)))
    assert asked == [1, 2]


def test_a_missing_value_is_no_reason_to_keep() -> None:
    """A comparison with a missing value is missing, and a rule keeps only what it says it keeps."""
    assert reasons(table(None, 2)) == ["negative", None]


def test_index_and_length_are_those_of_the_rows() -> None:
    """So that rows[reasons.isna()] is what is kept."""
    frame = table(1, 2, 3).set_axis([7, 3, 3])
    assert list(first_reason(frame, RULES).index) == [7, 3, 3]
    assert reasons(table()) == []
    assert reasons(table(5), rules=()) == [None]


def test_a_rule_that_answers_with_another_number_of_rows_is_named() -> None:
    """A rule that forgets rows must not shift the reasons of others."""
    with pytest.raises(ValueError, match="Rule short returned 1 values for 2 rows"):
        first_reason(table(1, 2), (Rule("short", lambda _: [True]),))
