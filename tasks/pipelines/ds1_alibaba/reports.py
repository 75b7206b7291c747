"""What is published beside DS1's sequences: the meaning of every token, and counts (schema_stats.json)."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ds1_alibaba as ds1
from schemas import format_a
from schemas.document import Document
from tasks.pipelines.ds1_alibaba.arrays import as_frame


def vocabulary(_sequences: pd.DataFrame) -> pd.DataFrame:
    """Columns token (int32), source, meaning of every id this dataset can use, whether or not a sequence has it."""
    meanings = {
        base + decile: f"{name} {10 * decile} to {10 * decile + 10} %"
        for base, name in ((ds1.CPU_BINS, "CPU"), (ds1.MEMORY_BINS, "memory"))
        for decile in range(ds1.BINS)
    }
    meanings |= {token: f"status {name}" for name, token in ds1.STATUS_TOKENS.items()}
    meanings |= {token: f"event {name}" for name, token in ds1.EVENT_TOKENS.items()}
    columns = {
        "token": pa.array(meanings, pa.int32()),
        "source": pa.repeat(ds1.STEM, len(meanings)),
        "meaning": pa.array(meanings.values(), pa.string()),
    }
    return as_frame(pa.table(columns))


def schema_stats(sequences: pd.DataFrame) -> Document:
    """Counts of a sequences table, for schema_stats.json. Of an empty table every number is 0.

    `cpu_tokens` and `memory_tokens` count occurrences; `label_distribution` names every state, by its name.
    """
    table = pa.Table.from_pandas(sequences[["sequence_ids", "label"]], preserve_index=False)
    lengths = pc.list_value_length(table["sequence_ids"]).fill_null(0).to_numpy()
    labels = table["label"].fill_null(-1).to_numpy()
    states = format_a.STATES[: format_a.DATA_DRIFT + 1]
    return {
        "total_sequences": len(labels),
        "label_distribution": {state: int((labels == number).sum()) for number, state in enumerate(states)},
        "sequence_length": {
            "min": int(min(lengths, default=0)),
            "max": int(lengths.max(initial=0)),
            "mean": float(lengths.mean()) if len(lengths) else 0.0,
        },
        "token_stats": _token_counts(table["sequence_ids"]),
        "quality_checks": {
            "empty_sequences": int((lengths == 0).sum()),
            "invalid_labels": int((~np.isin(labels, range(len(states)))).sum()),
        },
    }


def _token_counts(ids: pa.ChunkedArray) -> dict[str, int]:
    """Distinct tokens, and occurrences of CPU and of memory tokens."""
    tokens = pc.value_counts(pc.list_flatten(ids))
    token, count = tokens.field("values").to_numpy(), tokens.field("counts").to_numpy()

    def occurrences(first: int) -> int:
        return int(count[(token >= first) & (token < first + ds1.BINS)].sum())

    return {
        "unique_tokens": len(token),
        "cpu_tokens": occurrences(ds1.CPU_BINS),
        "memory_tokens": occurrences(ds1.MEMORY_BINS),
    }
