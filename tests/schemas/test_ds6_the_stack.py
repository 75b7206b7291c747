"""DS6's columns: nothing contradicts anything."""

import pytest

from schemas.ds6_the_stack import NEEDED_COLUMNS, RAW_ROWS, SLICE_NAMES, SLICES
from schemas.format_b import COLUMNS

pytestmark = pytest.mark.unit


def test_columns_do_not_collide_and_slices_are_columns() -> None:
    """Slices are the dataset's own, or Format B's."""
    assert set(NEEDED_COLUMNS) <= set(RAW_ROWS.names)
    assert not set(SLICES) & set(COLUMNS)
    assert set(SLICE_NAMES) <= {*SLICES, *COLUMNS}
