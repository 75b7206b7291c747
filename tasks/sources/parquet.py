"""Raw Parquet files: opened, or refused in a sentence that says what is wrong; and how files of code are written."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.finding import SourceError

MAGIC = b"PAR1"  # Parquet's first and last four bytes

BATCH_ROWS, BATCH_BYTES = 1_024, 16_000_000  # files of code, and their bytes, at a time; a larger file comes alone
# How files of source code are written. Contents seldom repeat: a dictionary of them is of no use.
HOLDING_CODE: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["repo", "language", "licence", "encoding", "fault"],
    "write_statistics": False,  # the least and the greatest content, whole, in the file's footer
    "write_batch_size": 8,  # rows after which a page may end: readers unpack a page whole
}


def begins_like_one(path: Path) -> bool:
    """Whether a file begins as Parquet files do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def opened(path: Path, name: str, unless: str, **options: Any) -> pq.ParquetFile:
    """The file, by pyarrow with `options`. Raises SourceError for one that is not whole, or none.

    `unless` ends the advice to bring it again, or to move it away: "if it is no shard of The Stack".
    """
    try:
        return pq.ParquetFile(path, **options)
    except (pa.ArrowInvalid, OSError) as fault:
        cut = "begins like one but has lost its end: it was cut short, or its download was"
        raise SourceError(
            f"{name} ({path.stat().st_size:,} bytes) is not a whole Parquet file: it "
            f"{cut if begins_like_one(path) else 'is none'}. Bring it again, or move it out of the folder {unless}."
        ) from fault
