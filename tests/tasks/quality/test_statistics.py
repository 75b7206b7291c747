"""Counts of a table, worked by hand, and that they add up on any table."""

from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.quality.statistics import MOST_BUCKETS, ROUND_SECONDS, bucket_seconds, describe, named, state_counts
from tests.tasks.quality.rows import ANY_ROWS, labelled, sequences

pytestmark = pytest.mark.unit


def test_a_table_counted_by_hand() -> None:
    made = describe(
        sequences(
            [
                {"ids": (100, 200), "minute": 0},
                {"ids": (100, 101, 102), "minute": 5, "label": 2, "rule": "died"},
                {"ids": (100,), "minute": 121, "entity": "m2"},
            ],
            status=["Running", None, "Running"],
        ),
        slices=("status",),
    )
    lengths = made["sequence_length"]
    assert (made["total_sequences"], made["total_weight"], made["entities"]) == (3, 3, 2)
    assert {state: n for state, n in made["label_distribution"].items() if n} == {"Normal": 2, "System_Crash": 1}
    assert made["rule_distribution"] == {"normal": 2, "died": 1}
    assert (lengths["min"], lengths["max"], lengths["mean"], lengths["median"]) == (1, 3, 2.0, 2.0)
    assert [(b["from"], b["to"], b["rows"]) for b in lengths["histogram"] if b["rows"]] == [(1, 1, 1), (2, 3, 2)]
    assert made["token_stats"] == {
        "total_tokens": 6,
        "unique_tokens": 4,
        "top_tokens": [
            {"token": 100, "rows": 3},
            {"token": 101, "rows": 1},
            {"token": 102, "rows": 1},
            {"token": 200, "rows": 1},
        ],
    }
    assert made["slices"] == {"status": {"Running": 2, "missing": 1}}
    assert made["quality_checks"] == {"empty_sequences": 0, "invalid_labels": 0}
    over_time = made["events_over_time"]
    assert over_time["bucket_seconds"] == 300
    assert over_time["starts"][:2] == ["1970-01-01T00:00:00+00:00", "1970-01-01T00:05:00+00:00"]
    assert over_time["counts"] == {"Normal": [1, *[0] * 23, 1], "System_Crash": [0, 1, *[0] * 23]}


@settings(max_examples=30, deadline=None)
@given(rows=ANY_ROWS)
def test_every_distribution_adds_up_and_is_json(rows: list[dict[str, Any]]) -> None:
    made = describe(sequences(rows, slice=[row["rule"] for row in rows]), ("slice", "entity"))
    assert sum(made["label_distribution"].values()) == len(rows)
    assert sum(made["rule_distribution"].values()) == len(rows)
    assert sum(part["rows"] for part in made["sequence_length"]["histogram"]) == len(rows)
    assert all(sum(values.values()) == len(rows) for values in made["slices"].values())
    assert sum(map(sum, made["events_over_time"]["counts"].values())) == len(rows)
    assert len(made["events_over_time"]["starts"]) <= MOST_BUCKETS
    assert orjson.loads(orjson.dumps(made)) == made


@settings(max_examples=15, deadline=None)
@given(rows=ANY_ROWS)
def test_the_order_of_rows_changes_nothing(rows: list[dict[str, Any]]) -> None:
    assert describe(sequences(rows[::-1]), ("entity",)) == describe(sequences(rows), ("entity",))


def test_a_table_without_rows_has_zeros_and_none() -> None:
    made = describe(sequences([], status=[]), ("status",))
    assert made["total_sequences"] == made["total_weight"] == made["entities"] == 0
    assert set(made["label_distribution"].values()) == {0}
    assert made["sequence_length"]["mean"] is None
    assert made["events_over_time"] == {"bucket_seconds": None, "starts": [], "counts": {}}
    assert made["slices"] == {"status": {}}


def test_faulty_rows_are_counted_as_such() -> None:
    made = describe(sequences([{"ids": ()}, {"label": 9}, {"label": None}]))
    assert made["quality_checks"] == {"empty_sequences": 1, "invalid_labels": 2}
    assert made["label_distribution"] | {"unknown_9": 1, "missing": 1, "Normal": 1} == made["label_distribution"]


def test_security_states_are_listed_where_they_occur_only() -> None:
    assert list(state_counts(labelled(0)["label"])) == [
        "Normal",
        "Resource_Exhaustion",
        "System_Crash",
        "Network_Failure",
        "Data_Drift",
    ]
    assert state_counts(labelled(6, 6)["label"])["Permission_Denied"] == 2


@pytest.mark.parametrize(
    ("first", "last", "size"),
    [(0, 0, 60), (0, 3_599, 60), (0, 3_600, 300), (59, 3_600, 300), (60, 3_659, 60), (-60, 3_539, 60)],
)
def test_the_bucket_is_the_smallest_round_size_that_fits(first: int, last: int, size: int) -> None:
    assert bucket_seconds(first, last) == size


@settings(deadline=None)
@given(first=st.integers(-(10**11), 10**11), span=st.integers(0, 10**11))
def test_no_span_needs_more_buckets_than_a_plot_shows(first: int, span: int) -> None:
    size = bucket_seconds(first, first + span)
    assert (first + span) // size - first // size < MOST_BUCKETS
    assert size in ROUND_SECONDS or size % ROUND_SECONDS[-1] == 0


def test_rare_values_of_a_slice_are_other() -> None:
    found = named(pl.Series(["a", "a", "c", "b", None, None]), top=3)
    assert found.to_list() == ["a", "a", "other", "b", "missing", "missing"]


def test_512_tokens_stand_apart_from_fewer() -> None:
    histogram = describe(sequences([{"ids": range(100, 612)}, {"ids": range(100, 611)}]))["sequence_length"][
        "histogram"
    ]
    assert histogram[-2:] == [{"from": 256, "to": 511, "rows": 1}, {"from": 512, "to": None, "rows": 1}]
