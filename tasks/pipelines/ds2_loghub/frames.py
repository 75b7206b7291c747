"""DS2's tables between Polars, in which they are made, and pandas, in which they travel."""

import pandas as pd
import polars as pl


def as_pandas(table: pl.DataFrame) -> pd.DataFrame:
    """Arrow-backed columns, with a fresh index."""
    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
    return arrow.to_pandas(types_mapper=pd.ArrowDtype)
