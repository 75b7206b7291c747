"""Tables in Format A for tests, written in minutes: only what a test is about is said."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from schemas.format_a import COLUMNS

MINUTE = 60_000_000  # microseconds
DEFAULTS = {"ids": (100,), "label": 0, "source": "ds1", "entity": "m1", "minute": 0, "history": 0, "rule": "normal"}


def row(**told: Any) -> dict[str, Any]:
    """One sequence: a window of 5 minutes from `minute` on, with `history` minutes before it; times in microseconds."""
    given = {**DEFAULTS, **told}
    start = given.pop("minute") * MINUTE
    return {
        "weight": 1,
        "split": "",
        "sequence_ids": list(given.pop("ids")),
        "label_rule": given.pop("rule"),
        "window_start": start,
        "window_end": start + 5 * MINUTE,
        "context_start": start - given.pop("history") * MINUTE,
        **given,
    }


def sequences(rows: Sequence[dict[str, Any]], **slices: Sequence[Any]) -> pd.DataFrame:
    """A table of `row(...)`s with the contract's types, then slice columns."""
    made = [row(**told) for told in rows]
    columns = {name: pa.array([r[name] for r in made], dtype.pyarrow_dtype) for name, dtype in COLUMNS.items()}
    texts = {name: pa.array(list(values), pa.string()) for name, values in slices.items()}
    return pa.table(columns | texts).to_pandas(types_mapper=pd.ArrowDtype)


def labelled(*labels: int) -> pd.DataFrame:
    """Distinct sequences with these labels."""
    return sequences([{"ids": (100 + n,), "label": label, "minute": 5 * n} for n, label in enumerate(labels)])


# Few tokens, entities and labels, so that sequences meet; a week of minutes on a grid of five, so that blocks do too.
ANY_ROW = st.fixed_dictionaries(
    {
        "ids": st.lists(st.integers(100, 102), min_size=1, max_size=3).map(tuple),
        "label": st.integers(0, 6),
        "entity": st.sampled_from(["m1", "m2", "m3"]),
        "minute": st.integers(-200, 2_000).map(lambda n: 5 * n),
        "history": st.sampled_from([0, 5, 25, 1_500]),
        "rule": st.sampled_from(["a", "b"]),
    }
)
ANY_ROWS = st.lists(ANY_ROW, max_size=30)
