"""Parquet files of source code: known by their columns, read in batches, each content checked by its hash."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.code_corpus import RAW_ROWS
from schemas.finding import SourceError
from tasks.pipelines.code_corpus import raw_files, source_tree
from tasks.sources.software_heritage import git_sha1, plain_sha1

pytestmark = pytest.mark.unit

CODE = b"def one():\n    return 1\n" * 10
JAPANESE = "名前 = 1  # 変数\n" * 10
OURS: dict[str, Any] = {
    "repo": "ada/x",
    "path": "src/a.py",
    "language": "Python",
    "licence": "MIT",
    "commit": "c" * 40,
    "blob_sha": git_sha1(CODE),
    "size": len(CODE),
    "content": CODE,
}
THEIRS: dict[str, Any] = {
    "repo_name": "ada/x",
    "path": "/src/a.py",
    "language": "Python",
    "detected_licenses": ["MIT"],
    "license_type": "permissive",
    "revision_id": "c" * 40,
    "blob_id": plain_sha1(CODE),
    "content_id": git_sha1(CODE),
    "src_encoding": "UTF-8",
    "length_bytes": len(CODE),
    "star_events_count": 12,
    "gha_license_id": None,
    "is_vendor": False,
    "content": CODE,
}


def write(path: Path, rows: list[dict[str, Any]], **types: pa.DataType) -> Path:
    """Rows as a file; columns in `types` are of that type."""
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, pa.array([r[name] for r in rows], kind))
    pq.write_table(table, path)
    return path


def decoded(path: Path) -> list[dict[str, Any]]:
    return pa.concat_tables(raw_files.decode(path, path.name)).to_pylist()


def first(path: Path, row: dict[str, Any], **types: pa.DataType) -> dict[str, Any]:
    return decoded(write(path / "one.parquet", [row], **types))[0]


# --- which files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [OURS, THEIRS], ids=["ours", "the_stack_v2"])
def test_a_file_is_known_by_its_columns_whatever_its_name(tmp_path: Path, row: dict[str, Any]) -> None:
    assert raw_files.identify(write(tmp_path / "anything", [row])) == "files"


@pytest.mark.parametrize(
    "row",
    [
        {name: value for name, value in THEIRS.items() if name != "content"},
        {name: value for name, value in OURS.items() if name != "path"},
        OURS | {"content": 7},
        {"max_stars_repo_path": "a.yaml", "max_stars_repo_licenses": ["MIT"], "content": "a: 1"},
    ],
    ids=["metadata_alone", "no_path", "content_is_a_number", "the_stack_v1"],
)
def test_other_parquet_files_are_none_of_ours(tmp_path: Path, row: dict[str, Any]) -> None:
    assert raw_files.identify(write(tmp_path / "files.parquet", [row])) is None


def test_files_of_other_kinds_are_none_of_ours(tmp_path: Path) -> None:
    for name in ("truth.json", "a.csv", "empty"):
        (tmp_path / name).write_text("path,content\n"[: 99 * (name != "empty")])
        assert raw_files.identify(tmp_path / name) is None


@pytest.mark.parametrize("size", [0, 4, 200, -4])
def test_a_truncated_file_is_ours_and_is_refused_by_name_and_size(tmp_path: Path, size: int) -> None:
    """Left aside in silence, its rows would be lost."""
    path = write(tmp_path / "cut.parquet", [OURS] * 50)
    path.write_bytes(path.read_bytes()[:size])
    assert raw_files.identify(path) == "files"
    for read in (raw_files.count, decoded):
        with pytest.raises(SourceError, match=r"cut\.parquet \([\d,]+ bytes\) is not a whole Parquet.*Bring it again"):
            read(path)


def test_a_damaged_page_is_told_with_the_rows_read_before_it(tmp_path: Path) -> None:
    """The footer is whole, what it points to is not."""
    path = tmp_path / "bad.parquet"
    table = pa.Table.from_pylist([{"path": f"{n}.py", "content": os.urandom(50).hex()} for n in range(600)])
    pq.write_table(table, path, row_group_size=300, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    data[second : second + 60] = b"\xff" * 60
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"bad\.parquet, after row (29|30)\d: a page cannot be read"):
        decoded(path)


def test_a_file_that_lacks_a_column_is_refused_with_the_column(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [{"content": "x", "file": "y"}])
    with pytest.raises(SourceError, match=r"x\.parquet has no column path; it has content, file"):
        decoded(path)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_both_layouts_tell_the_same(tmp_path: Path) -> None:
    """Names, lists, types and the first slash of a path are the layouts' business; the name of a content may differ."""
    ours = first(tmp_path, OURS | {"stars": 12, "encoding": "utf-8", "blob_sha": plain_sha1(CODE)})
    assert first(tmp_path, THEIRS) == ours
    assert ours == {
        "file": "one.parquet",
        "line": 1,
        "repo": "ada/x",
        "path": "src/a.py",
        "language": "Python",
        "licence": "MIT",
        "revision": "c" * 40,
        "blob": plain_sha1(CODE),
        "stars": 12,
        "encoding": "utf-8",
        "size": len(CODE),
        "content": CODE,
        "fault": None,
    }


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str)
def test_a_content_of_any_type_is_its_bytes(tmp_path: Path, kind: pa.DataType) -> None:
    assert first(tmp_path, OURS | {"content": CODE}, content=kind)["content"] == CODE


@pytest.mark.parametrize(
    ("told", "licence"),
    [
        ({"detected_licenses": ["MIT", "Apache-2.0"]}, "Apache-2.0 AND MIT"),
        ({"detected_licenses": ["MIT OR ISC", "Zlib"]}, "(MIT OR ISC) AND Zlib"),
        ({"detected_licenses": ["MIT OR ISC"]}, "MIT OR ISC"),
        ({"detected_licenses": [None, "MIT", ""]}, "MIT"),
        ({"detected_licenses": []}, None),
        ({"detected_licenses": None}, None),
        ({"detected_licenses": [], "gha_license_id": "ISC"}, "ISC"),
        ({"detected_licenses": ["MIT"], "gha_license_id": "ISC"}, "MIT"),
        ({"detected_licenses": [], "gha_license_id": "NOASSERTION"}, None),
    ],
)
def test_several_licences_bind_together_and_none_is_null(
    tmp_path: Path, told: dict[str, Any], licence: str | None
) -> None:
    assert first(tmp_path, THEIRS | told, detected_licenses=pa.list_(pa.string()))["licence"] == licence


def test_what_a_file_does_not_tell_is_null(tmp_path: Path) -> None:
    """No column, null, text of no letters, a number that is none."""
    row = first(tmp_path, {"path": "a.py", "content": b"x", "repo": " ", "language": None, "stars": float("nan")})
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == set(RAW_ROWS.names) - {"file", "line", "path", "content"}


def test_a_name_that_is_no_text_is_a_name_still(tmp_path: Path) -> None:
    """Parquet files say string of any bytes; one of them must not end the run."""
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xffa.py"], pa.binary()).buffers())
    pq.write_table(pa.table({"path": broken, "content": [b"x"]}), tmp_path / "x.parquet")
    assert decoded(tmp_path / "x.parquet")[0]["path"] == "\ufffda.py"


@pytest.mark.parametrize("blob", [git_sha1(CODE), plain_sha1(CODE), git_sha1(CODE).upper()])
def test_a_content_may_have_either_of_its_names(tmp_path: Path, blob: str) -> None:
    row = first(tmp_path, OURS | {"blob_sha": blob})
    assert (row["content"], row["fault"], row["blob"]) == (CODE, None, blob.lower())


@pytest.mark.parametrize("content", [CODE + b" ", CODE[:-1], b""])
def test_another_content_is_none(tmp_path: Path, content: bytes) -> None:
    row = first(tmp_path, OURS | {"content": content})
    assert (row["content"], row["fault"]) == (None, "wrong_content")


def test_a_content_without_a_name_is_taken_as_it_is(tmp_path: Path) -> None:
    row = first(tmp_path, OURS | {"blob_sha": None}, blob_sha=pa.string())
    assert (row["content"], row["fault"]) == (CODE, None)


def test_a_content_that_was_written_anew_in_utf_8_gets_its_bytes_back(tmp_path: Path) -> None:
    """As the dataset's own page shows how to bring it: decoded, and stored as text. Its name proves the bytes."""
    raw = JAPANESE.encode("shift_jis")
    row = THEIRS | {"content": JAPANESE, "src_encoding": "Shift_JIS", "blob_id": plain_sha1(raw)}
    assert first(tmp_path, row)["content"] == raw
    for other in ("utf-16", "no-such-code", None):
        told = first(tmp_path, row | {"src_encoding": other}, src_encoding=pa.string())
        assert (told["content"], told["fault"]) == (None, "wrong_content")


def test_a_null_content_is_told_with_the_fault_that_the_file_tells(tmp_path: Path) -> None:
    """Ours, of a download; a word of another's in such a column is none."""
    faults = [None, "not_fetched", "not_found", "wrong_content", "flaky"]
    rows = [OURS | {"content": None, "fault": fault} for fault in faults]
    found = decoded(write(tmp_path / "x.parquet", rows, content=pa.binary()))
    told = ["null_content", "not_fetched", "not_found", "wrong_content", "null_content"]
    assert [row["fault"] for row in found] == told


def test_an_empty_file_gives_a_table_without_rows(tmp_path: Path) -> None:
    pq.write_table(source_tree.PACKED.empty_table(), tmp_path / "x.parquet")
    assert raw_files.count(tmp_path / "x.parquet") == 0
    assert pa.concat_tables(raw_files.decode(tmp_path / "x.parquet", "x")).schema == RAW_ROWS


@settings(max_examples=30, deadline=None)
@example(sizes=[0, None, 1] * 9)
@given(sizes=st.lists(st.one_of(st.none(), st.integers(0, 60)), max_size=40))
def test_batches_are_small_and_have_every_row_in_its_order(sizes: list[int | None]) -> None:
    """However the sizes fall: at most so many rows, at most so many bytes or a row alone; no row twice, none lost."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(raw_files, "BATCH_ROWS", 7)
        patch.setattr(raw_files, "BATCH_BYTES", 50)
        path = Path(folder, "x.parquet")
        contents = [None if size is None else os.urandom(size) for size in sizes]
        names = [str(number) for number in range(len(sizes))]
        pq.write_table(pa.table({"path": names, "content": pa.array(contents, pa.binary())}), path)
        tables = list(raw_files.decode(path, "x"))
    weights = [sum(len(content or b"") for content in table["content"].to_pylist()) for table in tables]
    assert all(len(table) <= 7 for table in tables)
    assert all(weight <= 50 or len(table) == 1 for table, weight in zip(tables, weights, strict=True))
    rows = pa.concat_tables(tables).to_pylist()
    expected = list(zip(range(1, len(sizes) + 1), names, contents, strict=True))
    assert [(row["line"], row["path"], row["content"]) for row in rows] == expected


@pytest.mark.parametrize("turns", [2, 5])
def test_tables_in_turns_are_all_tables_in_their_order(
    tmp_path: Path, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lines they have in the whole."""
    monkeypatch.setattr(raw_files, "BATCH_ROWS", 3)
    path = tmp_path / "x.parquet"
    rows = [{"repo": "a/b", "path": f"{n}.py", "content": f"x = {n}\n"} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    whole = list(raw_files.decode(path, "x"))
    streams = [raw_files.decode(path, "x", turn=(own, turns)) for own in range(turns)]
    assert [next(streams[at % turns]) for at in range(len(whole))] == whole
    assert [next(stream, None) for stream in streams] == [None] * turns


def test_the_real_files_are_all_what_their_names_say(real_data: Path) -> None:
    """Every one of a file of a single row group, which must not be held as a whole."""
    path = real_data / "code" / "source_files.parquet"
    assert raw_files.identify(path) == "files"
    rows, before = 0, pa.total_allocated_bytes()
    for table in raw_files.decode(path, path.name):
        rows += len(table)
        assert table["fault"].null_count == len(table)
        assert table["content"].null_count == 0
        assert pa.total_allocated_bytes() - before < 100_000_000  # it unpacks to 112 MB
    assert rows == raw_files.count(path) > 10_000
