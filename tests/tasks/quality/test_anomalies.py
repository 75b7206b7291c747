"""Anomalies: clean data raises none, and each planted fault raises its own finding and no other."""

from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import format_b
from schemas.finding import Finding
from schemas.limits import MISSING, OUTLIERS
from tasks.quality.anomalies import anomalies, conversation_anomalies, outlier_share, severity_of
from tests.tasks.quality.conversations import conversations
from tests.tasks.quality.rows import ANY_ROWS, sequences

pytestmark = pytest.mark.unit

LIMITS = {"missing_limit": MISSING, "outlier_limit": OUTLIERS, "rejected_limit": 0.05, "volume_drop": 0.2}

CLEAN = sequences([{"ids": range(100, 108 + n % 9), "minute": 5 * n} for n in range(100)], status=["Running"] * 100)


def report(table: pd.DataFrame, **parameters: Any) -> dict[str, Any]:
    """The anomalies of a table, at the usual limits unless others are given."""
    return anomalies(table, **{"previous_rows": None, "rejected_rows": 0, **LIMITS, **parameters})


def broken(table: pd.DataFrame, **told: Any) -> list[tuple[str, str]]:
    """(kind, name) of the findings that fail."""
    found = report(table, **{"previous_rows": len(table), **told})
    assert found["total"] == len(found["anomalies"]) == sum(not finding["holds"] for finding in found["findings"])
    return [(finding["kind"], finding["name"]) for finding in found["anomalies"]]


@settings(max_examples=30, deadline=None)
@given(rows=ANY_ROWS.filter(bool))
def test_clean_data_raises_none(rows: list[dict[str, Any]]) -> None:
    found = report(sequences(rows))
    assert (found["total"], found["severity"], found["anomalies"]) == (0, "none", [])
    assert orjson.loads(orjson.dumps(found)) == found


def without(column: str) -> pd.DataFrame:
    table = CLEAN.copy()
    table.loc[3, column] = None
    return table


def cut(rows: int) -> pd.DataFrame:
    """A step that left one token of the first sequences, which had 64."""
    return sequences([{"ids": range(100, 101 if n < rows else 164), "minute": 5 * n} for n in range(100)])


@pytest.mark.parametrize(
    ("table", "told", "expected"),
    [
        (without("entity"), {}, ("missing", "share without entity")),
        (without("sequence_ids"), {}, ("missing", "share without sequence_ids")),
        (cut(6), {}, ("outlier", "share of sequences of unusual length")),
        (CLEAN, {"rejected_rows": 6}, ("format", "share of rows not understood")),
        (CLEAN, {"rejected_rows": 6, "rows_in": 110}, ("format", "share of rows not understood")),
        (CLEAN, {"previous_rows": 126}, ("volume", "fall in rows since the last run")),
        (CLEAN.drop(columns="label_rule"), {}, ("schema", "column label_rule")),
        (CLEAN.astype({"label": "int64[pyarrow]"}), {}, ("schema", "column label")),
        (CLEAN, {"extra": ()}, ("schema", "column status")),
        (CLEAN.head(0), {}, ("volume", "rows")),
    ],
)
def test_each_fault_raises_its_own_finding_and_no_other(
    table: pd.DataFrame, told: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert broken(table, **told) == [expected]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (cut(5), {}),
        (CLEAN, {"rejected_rows": 5}),
        (CLEAN, {"rejected_rows": 6, "rows_in": 120}),
        (CLEAN, {"previous_rows": 125}),
        (CLEAN, {"previous_rows": 10}),
        (CLEAN, {"previous_rows": 0}),
        (CLEAN, {"extra": ("status",)}),
        (without("entity"), {"missing_limit": 0.01}),
    ],
)
def test_what_reaches_a_limit_and_does_not_pass_it_holds(table: pd.DataFrame, told: dict[str, Any]) -> None:
    assert broken(table, **told) == []


def test_every_limit_is_a_parameter() -> None:
    faulty = cut(6).drop(index=range(90, 100))
    limits = {"outlier_limit": 0.1, "rejected_limit": 0.2, "volume_drop": 0.5}
    assert len(broken(faulty, previous_rows=150, rejected_rows=10)) == 3
    assert broken(faulty, previous_rows=150, rejected_rows=10, **limits) == []


def test_any_number_of_rows_can_follow_any_other() -> None:
    for previous in (None, 0, 1, 10**9):
        found = report(CLEAN, previous_rows=previous)
        assert all(0 <= f["measured"] <= 10**9 for f in found["findings"])


def test_no_rows_are_an_error_by_themselves() -> None:
    assert report(CLEAN.head(0))["severity"] == "error"


FAILED = Finding(kind="missing", name="x", measured=1, limit=0, holds=False)


@pytest.mark.parametrize(
    ("count", "severity", "expected"),
    [
        (0, "warning", "none"),
        (1, "warning", "warning"),
        (10, "warning", "warning"),
        (11, "warning", "error"),
        (1, "error", "error"),
    ],
)
def test_more_than_ten_anomalies_or_an_error_among_them_are_an_error(count: int, severity: str, expected: str) -> None:
    assert severity_of([FAILED.model_copy(update={"severity": severity})] * count) == expected


def test_a_table_of_another_kind_is_looked_at_as_far_as_it_goes() -> None:
    columns = {"id": np.dtype("int64"), "text": "string[pyarrow]"}
    table = pd.DataFrame({"id": [1, 2]})
    assert broken(table, columns=columns) == [("schema", "column text")]


def shares(lengths: Any, groups: Any = 0) -> float:
    return outlier_share(
        pl.DataFrame({"length": np.asarray(lengths)}).with_columns(
            group=pl.lit(groups) if isinstance(groups, int) else pl.Series(groups)
        )
    )


RANDOM = np.random.default_rng(3)
SHAPES = {
    "one length": np.full(1_000, 60),
    "counts about 40": RANDOM.poisson(40, 5_000) + 1,
    "many short, few long": np.clip(RANDOM.geometric(0.1, 5_000), 1, 512),
    "log-normal": np.clip(RANDOM.lognormal(3, 1, 5_000), 1, 512).astype(int),
    "wide log-normal": np.clip(RANDOM.lognormal(3, 1.5, 5_000), 1, 512).astype(int),
    "tasks and machines": np.r_[np.full(300, 3), np.full(700, 60)],
    "few tasks among machines": np.r_[np.full(100, 3), np.full(900, 60)],
    "mostly at the limit": np.r_[RANDOM.integers(20, 512, 300), np.full(700, 512)],
    "any length": RANDOM.integers(1, 513, 5_000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_clean_lengths_of_many_shapes_have_no_outliers(shape: str) -> None:
    assert shares(SHAPES[shape]) < 0.005


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([64] * 95 + [1] * 5, 0.05),
        ([64] * 95 + [4] * 5, 0.0),
        ([8] * 95 + [512] * 5, 0.05),
        ([], 0.0),
        ([7], 0.0),
        ([0], 0.0),
    ],
)
def test_outliers_by_hand(lengths: list[int], expected: float) -> None:
    """64 = 2 ** 6 is more than 5 octaves from 1, and less from 4."""
    assert shares(np.array(lengths, dtype="int64")) == pytest.approx(expected)


def test_lengths_are_compared_within_their_kind() -> None:
    kinds = ["task"] * 300 + ["machine"] * 700
    lengths = [3] * 300 + [512] * 700
    assert shares(lengths) == 0.3
    assert shares(lengths, kinds) == 0.0
    assert shares([*lengths, *[512] * 20], [*kinds, *["task"] * 20]) == 20 / 1_020  # usual for a machine only
    table = sequences([{"ids": range(100, 100 + n)} for n in (3, 3, 3, 512)], kind=["a", "a", "a", "b"])
    assert broken(table) == [("outlier", "share of sequences of unusual length")]
    assert broken(table, by=("kind", "source")) == []


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(0, 512), min_size=1, max_size=40), factor=st.sampled_from([2, 4]))
def test_outliers_are_about_factors_not_about_tokens(lengths: list[int], factor: int) -> None:
    filled = [length + 1 for length in lengths]
    assert shares([factor * length for length in filled]) == shares(filled)


def test_conversations_of_unusual_length_and_a_missing_column_are_told() -> None:
    rows = [{"id": f"x:{n}", "user": "w " * (20_000 if n < 6 else 5)} for n in range(60)]
    found = conversation_anomalies(conversations(*rows), previous_rows=None, rejected_rows=0, **LIMITS)
    assert [finding["name"] for finding in found["anomalies"]] == []
    texts = pd.Series(["x" if n < 6 else "x" * 9_000 for n in range(60)], dtype=format_b.COLUMNS["messages"])
    short = conversations(*rows).assign(messages=texts)
    told = conversation_anomalies(short.drop(columns="licence"), previous_rows=None, rejected_rows=0, **LIMITS)
    assert {finding["name"] for finding in told["anomalies"]} == {
        "column licence",
        "share of conversations of unusual length",
    }
