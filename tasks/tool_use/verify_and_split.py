"""What every conversation goes through before it is counted: verification, then the split of its group."""

import pandas as pd

from schemas.format_a import SPLIT_SHARES
from tasks.quality.splits import by_group
from tasks.tool_use.verify import verified


def verify_and_split(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, rejects) of a batch of Format B: kept rows have `verified` and `split`; no row depends on another."""
    kept, rejects = verified(batch)
    return by_group(kept, SPLIT_SHARES), rejects
