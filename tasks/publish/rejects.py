"""All rejected rows of a run in one table: pure."""

import pandas as pd

from schemas.snapshot import REJECT_COLUMNS

TEXT, NUMBER = "string[pyarrow]", "int64[pyarrow]"


def quarantine(*tables: pd.DataFrame) -> pd.DataFrame:
    """Rejects of all steps, in their order: REJECT_COLUMNS; a step without rejects adds nothing."""
    types = dict.fromkeys(REJECT_COLUMNS, TEXT) | {"line": NUMBER}
    parts = [table.loc[:, list(REJECT_COLUMNS)].astype(types) for table in tables]
    return pd.concat(parts, ignore_index=True)
