"""Helpers for the arrays and Arrow columns of DS1: their types, a column as one dictionary, the first true mask."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


def encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of few distinct values as one dictionary array."""
    return pc.dictionary_encode(column).combine_chunks()


def as_frame(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a pandas table with Arrow-backed columns."""
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def first_true(masks: list[Bools]) -> Ints:
    """Position of the first mask that is true, for each element; the last mask must be true everywhere."""
    position_of = np.full(len(masks[0]), len(masks) - 1, np.int8)
    for position in reversed(range(len(masks) - 1)):
        position_of[masks[position]] = position
    return position_of
