"""What travels between tasks: the name of an immutable file, never the data itself.

`Snapshot` is a file known by its content, `Scan` a table larger than memory as a function sees it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pandas as pd

Mode = Literal["sample", "local", "live"]


class Snapshot(BaseModel):
    """One immutable file below the data folder `root`; its name carries the start of its sha256.

    `path` is relative to `root`, so that a cached result is good for any copy of the data folder.
    `rows` is lines for text, rows for tables, 1 for a JSON document. `schema_hash` identifies columns and types
    ("" for raw files). `columns` are those that a reader of a table gets, () all: see `only`.
    """

    model_config = ConfigDict(frozen=True)

    root: Path
    path: Path
    sha256: str
    rows: int
    schema_hash: str
    mode: Mode
    columns: tuple[str, ...] = ()

    def only(self, *columns: str) -> "Snapshot":
        """The same table, of which readers get no more than these columns: for what rests in columns too large."""
        return self.model_copy(update={"columns": columns})

    @property
    def file(self) -> Path:
        """Absolute place of the file."""
        return self.root / self.path


class Scan(Protocol):
    """A table of any size, read as far as a function asks for."""

    @property
    def rows(self) -> int: ...

    def read(self, *columns: str) -> "pd.DataFrame":
        """All rows of a few columns, which must fit into memory."""

    def batches(self, *columns: str) -> Iterator["pd.DataFrame"]:
        """The rows in their order, a batch at a time, at least one; all columns where none is named."""
