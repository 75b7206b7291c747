"""The trace's files: recognised by name, and read with their file and line."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas import ds1_alibaba as ds1
from schemas.finding import SourceError
from tasks.pipelines.ds1_alibaba.source import decode, identify

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("batch_task.csv", "batch_task"),
        ("deep/below/machine_usage.csv", "machine_usage"),
        ("schema.csv", None),
        ("container_usage.csv", None),
        ("batch_task.txt", None),
        ("batch_task.csv.gz", None),
    ],
)
def test_a_file_is_known_by_its_name(path: str, table: str | None) -> None:
    assert identify(Path(path)) == table


def test_decoded_rows_have_the_tables_columns_then_their_place(tmp_path: Path) -> None:
    path = tmp_path / "kept-under-another-name"
    path.write_text("300,7,12.5,50,30,1,2,3\n300,7\n")
    (rows,) = decode(path, "year/server_usage.csv")
    assert rows.schema == pa.schema([*ds1.TABLES["server_usage"].items(), *ds1.PLACE.items()])
    good, bad = rows.to_pylist()
    assert (good["table"], good["file"], good["line"]) == ("server_usage", "year/server_usage.csv", 1)
    assert (good["machine_id"], good["cpu"], good["fault"]) == (7, 12.5, None)
    assert (bad["line"], bad["fault"], bad["text"]) == (2, "too_few_columns", "300,7")


def test_an_archive_with_a_tables_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server_usage.csv"
    path.write_bytes(b"\x1f\x8b\x08\x00rest")
    with pytest.raises(SourceError, match=r"server_usage\.csv is no text: byte 0 .*Unpack it"):
        list(decode(path, "server_usage.csv"))
