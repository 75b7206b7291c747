"""The Stack's shards: known by their columns, read in batches, every row numbered."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.ds6_the_stack import RAW_ROWS
from schemas.finding import SourceError
from tasks.pipelines.ds6_the_stack import source as the_stack
from tasks.pipelines.ds6_the_stack.sample import SHARD
from tasks.sources import huggingface

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

ROW: dict[str, Any] = {
    "content": "a: 1\n",
    "max_stars_repo_path": "a.yaml",
    "max_stars_repo_licenses": ["MIT", "ISC"],
    "max_stars_repo_name": "ada/x",
    "alphanum_fraction": 0.5,
    "unused": 7,
}


def shard(path: Path, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def decoded(path: Path) -> pa.Table:
    return pa.concat_tables(the_stack.decode(path, path.name))


# --- which files -----------------------------------------------------------------------------------------------------


def test_a_shard_is_known_by_its_columns_whatever_its_name(tmp_path: Path) -> None:
    """Other Parquet files, and files of other kinds, are none."""
    mine = shard(tmp_path / "anything.parquet", [ROW])
    other = shard(tmp_path / "data-00000-of-00001.parquet", [{"content": "x", "path": "a.py", "licence": "MIT"}])
    (tmp_path / "a.csv").write_text("content,max_stars_repo_path,max_stars_repo_licenses\n")
    assert the_stack.identify(mine) == "shards"
    assert the_stack.identify(other) is None
    assert the_stack.identify(tmp_path / "a.csv") is None


@pytest.mark.parametrize("size", [0, 4, 200, -4])
def test_a_truncated_shard_is_ours_and_is_refused_by_name_and_size(tmp_path: Path, size: int) -> None:
    """Left aside in silence, its rows would be lost; its size and what to do are told."""
    path = shard(tmp_path / "cut.parquet", [ROW] * 50)
    path.write_bytes(path.read_bytes()[:size])
    assert the_stack.identify(path) == "shards"
    expected = r"cut\.parquet \([\d,]+ bytes\) is not a whole Parquet file.*Bring it again"
    with pytest.raises(SourceError, match=expected):
        the_stack.count(path)
    with pytest.raises(SourceError, match=expected):
        decoded(path)


def test_a_damaged_page_is_told_with_the_rows_read_before_it(tmp_path: Path) -> None:
    """The footer is whole, what it points to is not."""
    path = tmp_path / "bad.parquet"
    table = pa.Table.from_pylist([ROW | {"content": "x" * 100 + str(n)} for n in range(3_000)])
    pq.write_table(table, path, row_group_size=1_500, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[second : second + 60] = b"\xff" * 60
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"bad\.parquet, after row 1,\d+: a page cannot be read"):
        decoded(path)


def test_a_shard_that_lacks_a_column_is_refused_with_the_column(tmp_path: Path) -> None:
    """Reading it as all null would quarantine everything and say nothing."""
    path = shard(tmp_path / "x.parquet", [{"content": "x", "max_stars_repo_path": "y"}])
    with pytest.raises(SourceError, match=r"x\.parquet has no column max_stars_repo_licenses; it has content"):
        decoded(path)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_numbered_from_one_and_further_columns_may_be_missing(tmp_path: Path) -> None:
    """Lists are joined, numbers are written, what is not read is left."""
    (row, other) = decoded(shard(tmp_path / "x.parquet", [ROW, ROW])).to_pylist()
    assert row == {
        "file": "x.parquet",
        "line": 1,
        "content": "a: 1\n",
        "max_stars_repo_path": "a.yaml",
        "max_stars_repo_licenses": "MIT,ISC",
        "max_stars_repo_name": "ada/x",
        "max_stars_repo_head_hexsha": None,
        "hexsha": None,
        "alphanum_fraction": "0.5",
        "fault": None,
    }
    assert other["line"] == 2


def test_an_empty_shard_gives_a_table_without_rows(tmp_path: Path) -> None:
    """Nothing is lost, and nothing fails."""
    path = shard(tmp_path / "x.parquet", [], SHARD)
    assert the_stack.count(path) == 0
    assert decoded(path).schema == RAW_ROWS


def test_lines_go_on_from_batch_to_batch_and_rows_agree_with_the_count(tmp_path: Path) -> None:
    """The count comes from the footer alone."""
    path = shard(tmp_path / "x.parquet", [ROW] * 2_500)
    sizes = [len(table) for table in the_stack.decode(path, "x")]
    assert decoded(path)["line"].to_pylist() == list(range(1, 2_501))
    assert max(sizes) <= the_stack.BATCH_ROWS
    assert sum(sizes) == the_stack.count(path) == 2_500


def test_a_row_without_content_and_one_that_is_no_utf8_have_a_fault(tmp_path: Path) -> None:
    """Both are rows still; the bytes that are no text are replaced. In any column, of any type of text."""
    rows = [ROW, ROW | {"content": None}, ROW | {"content": b"a\xffb"}]
    for kind in (pa.binary(), pa.large_binary()):
        table = pa.table(
            {
                "content": pa.array([row["content"] and _bytes(row["content"]) for row in rows], kind),
                "max_stars_repo_path": pa.array([b"a.yaml", b"\xfe", None], pa.binary()),
                "max_stars_repo_licenses": ["MIT", "MIT", "MIT"],
            }
        )
        pq.write_table(table, tmp_path / "x.parquet")
        found = decoded(tmp_path / "x.parquet")
        assert found["fault"].to_pylist() == [None, "null_content", "invalid_utf8"]
        assert found["content"].to_pylist() == ["a: 1\n", None, "a\ufffdb"]
        assert found["max_stars_repo_path"].to_pylist() == ["a.yaml", "\ufffd", None]


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


# --- live ------------------------------------------------------------------------------------------------------------


def test_live_brings_the_pinned_shards_or_those_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pin tells repository, revision and files, so that another one is another download."""
    asked: list[Any] = []

    def bring(repo: str, revision: str, names: list[str], folder: Path) -> list[Path]:
        asked.append((repo, revision, names))
        return [folder / "x.parquet"]

    monkeypatch.setattr(huggingface, "bring", bring)
    other = the_stack.at("ada/stack", "0" * 40, "*.parquet")
    for source in (the_stack.SOURCE, other):
        assert source.bring is not None
        assert source.bring(tmp_path) == [tmp_path / "x.parquet"]
    assert asked == [
        (the_stack.REPO, the_stack.REVISION, [the_stack.SHARDS]),
        ("ada/stack", "0" * 40, ["*.parquet"]),
    ]
    assert other.pin == f"ada/stack@{'0' * 40}/*.parquet" != the_stack.SOURCE.pin
    assert len(the_stack.REVISION) == 40
    assert the_stack.at(the_stack.REPO, the_stack.REVISION, the_stack.SHARDS).pin == the_stack.SOURCE.pin
    assert "accept its terms" in the_stack.SOURCE.how_to_get
