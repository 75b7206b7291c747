"""Glaive's nouns fit together."""

import pytest

from schemas.ds5_glaive import LABELS, MEASURES, OUTCOME_SLICES, PLACE, RAW_COLUMNS, RAW_ROWS, SLICES, THRESHOLDS
from schemas.format_b import COLUMNS

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_no_column_has_two_meanings() -> None:
    names = [*COLUMNS, *SLICES, *MEASURES, *PLACE]
    assert len(set(names)) == len(names)


def test_the_outcome_is_no_slice_and_its_slices_are_slices() -> None:
    assert "outcome" in MEASURES
    assert "outcome" not in SLICES
    assert set(OUTCOME_SLICES) < set(SLICES)


def test_raw_rows_hold_the_raw_columns_with_place_and_fault() -> None:
    assert RAW_ROWS.names == ["file", "line", *RAW_COLUMNS, "fault", "text"]


def test_every_label_has_a_role_and_every_threshold_a_direction() -> None:
    assert set(LABELS.values()) == {"user", "assistant", "tool"}
    assert [threshold.name for threshold in THRESHOLDS if not threshold.at_most] == ["defined_functions"]
