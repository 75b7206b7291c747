"""All rejected rows of a run in one table: pure."""

import pandas as pd
import pyarrow as pa

from schemas.snapshot import REJECT_COLUMNS

TEXT, NUMBER = pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.int64())


def quarantine(*tables: pd.DataFrame) -> pd.DataFrame:
    """Rejects of all steps, in their order: REJECT_COLUMNS; a step without rejects adds nothing."""
    types = {column: NUMBER if column == "line" else TEXT for column in REJECT_COLUMNS}
    parts = [table.loc[:, list(REJECT_COLUMNS)].astype(types) for table in tables]
    return pd.concat(parts, ignore_index=True)
