"""Reject tables: one row for each row left out, in their order, with an outcome that follows from the reason."""

from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reject import REJECT_COLUMNS, ROW_TEXT_LIMIT, Reason, reasons
from tasks.quality.rejects import quarantine, rejected, rejected_rows

pytestmark = pytest.mark.unit

KNOWN = reasons(
    Reason("blank", "dropped", "The line is blank."),
    Reason("not_json", "quarantined", "The line is not JSON."),
    Reason("too_old", "dropped", "The line is from before 2020."),
)
# The same column in every kind that a step may have.
KINDS: dict[str, Any] = {
    "list": list,
    "pandas": pd.Series,
    "pandas with an index": lambda values: pd.Series(values, index=range(7, 7 + len(values))),
    "pandas of arrow": lambda values: pd.Series(values, dtype=pd.ArrowDtype(pa.string())),
    "polars": lambda values: pl.Series(values, dtype=pl.String),
    "numpy": lambda values: np.array(values, dtype=object),
    "arrow": lambda values: pa.array(values, pa.string()),
    "arrow in chunks": lambda values: pa.chunked_array([values[:1], values[1:]], pa.string()),
    "arrow by dictionary": lambda values: pa.array(values, pa.string()).dictionary_encode(),
}


@given(rows=st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.text(), st.integers(1, 9)), max_size=9))
def test_one_reject_a_row_in_their_order_and_the_outcome_follows_from_the_reason(rows: Any) -> None:
    names, texts, lines = ([row[n] for row in rows] for n in range(3))
    made = rejected("parse", KNOWN, reasons=names, rows=texts, files="a.log", lines=lines)
    assert dict(made.dtypes) == REJECT_COLUMNS
    assert made.to_numpy().tolist() == [
        ["parse", KNOWN[name].outcome, name, "a.log", line, text]
        for name, text, line in zip(names, texts, lines, strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_column_makes_the_same_table(kind: str) -> None:
    of = KINDS[kind]
    made = rejected("parse", KNOWN, reasons=of(["blank", "not_json"]), rows=of(["", "{"]), files=of(["a", "b"]))
    plain = rejected("parse", KNOWN, reasons=["blank", "not_json"], rows=["", "{"], files=["a", "b"])
    pd.testing.assert_frame_equal(made, plain)


def test_without_files_and_lines_a_row_has_no_single_line() -> None:
    made = rejected("windows", KNOWN, reasons=["blank"], rows=["x"])
    assert made[["file", "line"]].to_numpy().tolist() == [["", 0]]


def test_no_row_left_out_makes_an_empty_table_of_the_same_types() -> None:
    for made in (
        rejected("parse", KNOWN, reasons=[], rows=[]),
        rejected("parse", KNOWN, reasons=[], rows=[], files=[], lines=[]),
        rejected_rows("parse", KNOWN, pd.DataFrame({"a": [1]}).iloc[:0], []),
        rejected_rows("parse", KNOWN, pd.DataFrame(), "blank"),
    ):
        assert made.empty
        assert dict(made.dtypes) == REJECT_COLUMNS


def test_a_rows_text_is_cut_at_the_limit_in_characters() -> None:
    made = rejected("parse", KNOWN, reasons=["blank"] * 2, rows=["é" * (ROW_TEXT_LIMIT + 1), "é" * ROW_TEXT_LIMIT])
    assert made["row"].tolist() == ["é" * ROW_TEXT_LIMIT] * 2
    (cut,) = rejected_rows("parse", KNOWN, pd.DataFrame({"a": ["é" * ROW_TEXT_LIMIT]}), "blank")["row"]
    assert cut == '{"a":"' + "é" * (ROW_TEXT_LIMIT - 6)


@pytest.mark.parametrize(("name", "words"), [("late", "'late'"), (None, "no reason"), ("", "''")])
def test_a_reason_that_nothing_explains_is_refused(name: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=f"parse left rows out for {words}, which nothing explains. Add a Reason"):
        rejected("parse", KNOWN, reasons=["blank", name], rows=["x", "y"])
    with pytest.raises(ValueError, match="which nothing explains"):
        rejected_rows("parse", KNOWN, pd.DataFrame({"a": [1, 2]}), ["blank", name])


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        rejected("parse", KNOWN, reasons=["blank"], rows=["x", "y"])


def test_rows_without_a_line_are_json_with_all_their_columns() -> None:
    table = pd.DataFrame({"id": ["a", "b"], "tokens": [[1, 2], []], "label": [3, None]}, index=[5, 5])
    made = rejected_rows("check", KNOWN, table, ["too_old", "not_json"])
    assert made[["step", "outcome", "reason", "file", "line"]].to_numpy().tolist() == [
        ["check", "dropped", "too_old", "", 0],
        ["check", "quarantined", "not_json", "", 0],
    ]
    assert [orjson.loads(text) for text in made["row"]] == [
        {"id": "a", "tokens": [1, 2], "label": 3.0},
        {"id": "b", "tokens": [], "label": None},
    ]


def test_one_reason_may_be_given_for_all_rows() -> None:
    made = rejected_rows("select", KNOWN, pd.DataFrame({"a": [1, 2]}), "too_old")
    assert made[["outcome", "reason"]].to_numpy().tolist() == [["dropped", "too_old"]] * 2


def test_the_rejects_of_all_steps_are_one_table_in_their_order() -> None:
    first = rejected("parse", KNOWN, reasons=["not_json", "blank"], rows=["x", "y"], files="a", lines=[2, 1])
    none = rejected("parse", KNOWN, reasons=[], rows=[])
    last = rejected_rows("check", KNOWN, pd.DataFrame({"a": [1]}), "too_old")
    whole = quarantine(first, none, last)
    assert whole["step"].tolist() == ["parse", "parse", "check"]
    assert whole["reason"].tolist() == ["not_json", "blank", "too_old"]
    assert dict(whole.dtypes) == REJECT_COLUMNS


def test_reasons_named_twice_or_without_a_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match=r"named twice: \['blank'\]; without a meaning: \['late'\]"):
        reasons(Reason("blank", "dropped", "Blank."), Reason("blank", "dropped", "."), Reason("late", "dropped", " "))
