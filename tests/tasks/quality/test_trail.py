"""A row is followed through tables: from its place to the windows that contain it, and back."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.format_a import STATES
from tasks.quality.trail import (
    Origin,
    parsed_sequence_id,
    places_of,
    rows_at,
    sequence_id,
    sequences_with,
    window_stops,
)

pytestmark = pytest.mark.unit

START = datetime(2005, 12, 31, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


def sequences(*windows: int, history: int = 1, entity: str = "linux/mars0") -> pl.LazyFrame:
    """Sequences of one entity whose labelled windows have these numbers."""
    rows = [
        {
            "entity": entity,
            "window_start": START + n * MINUTES,
            "window_end": START + (n + 1) * MINUTES,
            "context_start": START + (n - history) * MINUTES,
            "label": 0,
            "label_rule": "normal",
            "sequence_ids": [1000 + n],
        }
        for n in windows
    ]
    return pl.DataFrame(rows).lazy()


@given(st.text("abc/@:_ 0", min_size=1), st.integers(0, 4_000_000_000))
def test_a_sequence_is_found_again_by_its_id_whatever_its_entity_is_called(entity: str, second: int) -> None:
    start = datetime.fromtimestamp(second, UTC)
    assert parsed_sequence_id(sequence_id({"entity": entity, "window_start": start})) == (entity, start)


def test_text_that_is_no_sequence_id_is_refused() -> None:
    with pytest.raises(ValueError, match=r"format|Invalid"):
        parsed_sequence_id("ds5_glaive:0f3a")


def test_the_window_that_contains_the_moment_comes_first_then_those_that_have_it_as_history() -> None:
    found = sequences_with(sequences(3, 1, 2), "linux/mars0", START + MINUTES)
    assert [row["sequence_ids"] for row in found] == [[1001], [1002]]


def test_a_windows_start_belongs_to_it_and_its_end_to_the_next() -> None:
    found = sequences_with(sequences(0, history=0), "linux/mars0", START + MINUTES)
    assert found == []
    assert sequences_with(sequences(0, history=0), "linux/mars0", START) != []


def test_another_entity_is_not_followed() -> None:
    assert sequences_with(sequences(1), "linux/mars9", START + MINUTES) == []


def test_rows_are_found_by_file_and_line_together() -> None:
    table = pl.DataFrame({"file": ["a", "a", "b"], "line": [1, 2, 1], "id": ["x", "y", "z"]}).lazy()
    assert [row["id"] for row in rows_at(table, "a", 1)] == ["x"]
    assert places_of(table, "z") == [Origin("b", 1)]
    assert str(Origin("b", 1)) == "b:1"


def test_a_label_is_shown_with_its_rule_and_what_the_rule_means() -> None:
    (stop,) = window_stops(sequences(1).collect().to_dicts(), STATES, {"normal": "no word of failure"})
    assert stop.details[0] == "label 0 Normal, by rule normal: no word of failure"


def test_a_row_of_no_published_sequence_says_so() -> None:
    assert window_stops([], STATES, {})[0].words == "No published sequence has it."
