"""Parquet files that are whole are opened; of others the error says what they are and what to do."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.finding import SourceError
from tasks.sources import parquet

pytestmark = pytest.mark.unit


def test_a_whole_file_is_opened_and_a_cut_one_and_another_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), file)
    assert parquet.opened(file, "x", "if it is none").metadata.num_rows == 2
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(SourceError, match=r"x \([0-9,]+ bytes\) is not a whole .* has lost its end.* if it is none\."):
        parquet.opened(file, "x", "if it is none")
    file.write_text("x,y\n")
    with pytest.raises(SourceError, match=r"it is none\. Bring it again"):
        parquet.opened(file, "x", "if it is none")
