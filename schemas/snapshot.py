"""What travels between tasks: the name of an immutable file, never the data itself.

In: nothing. Out: `Snapshot`, a file known by its content, and `Rejects`, the columns of every row that was left out.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Mode = Literal["sample", "local", "live"]


class Snapshot(BaseModel):
    """One immutable file below the data folder `root`; its name carries the start of its sha256.

    `path` is relative to `root`, so that a cached result is good for any copy of the data folder.
    `rows` is lines for text, rows for tables, 1 for a JSON document. `schema_hash` identifies columns and types
    ("" for raw files).
    """

    model_config = ConfigDict(frozen=True)

    root: Path
    path: Path
    sha256: str
    rows: int
    schema_hash: str
    mode: Mode

    @property
    def file(self) -> Path:
        """Absolute place of the file."""
        return self.root / self.path


# Columns of a rejects table, the companion of every kept table:
#   outcome  "dropped" (understood, and not wanted) | "quarantined" (not understood, or out of range)
#   reason   a snake_case word; the datasheet counts them
#   file     the raw file's name, line: its 1-based line there (0: the row has no single line, e.g. a sequence)
#   row      the row itself as text, cut at 2,000 characters
REJECT_COLUMNS = ("outcome", "reason", "file", "line", "row")
ROW_TEXT_LIMIT = 2_000
