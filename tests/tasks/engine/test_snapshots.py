"""Snapshots: named by content, whole or absent, and the same bytes for the same table."""

import errno
import os
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.finding import SourceError
from schemas.snapshot import Snapshot
from tasks.engine import snapshots as tables

pytestmark = pytest.mark.unit
TEXT = pd.ArrowDtype(pa.string())
FOLDER = Path("interim/toy")


def made(root: Path, content: tables.Content, name: str = "made") -> Snapshot:
    return tables.write(content, name, FOLDER, root, "sample")


@pytest.mark.parametrize(
    "content",
    [
        pd.DataFrame({"x": pd.array([1, None], dtype="int64[pyarrow]"), "y": pd.array(["a", "ü"], dtype=TEXT)}),
        {"a": [1, 2.5, None], "b": {"c": "ü"}},
        [1, "two"],
        "text\nof two lines\n",
        b"\x00\xff\x80 bytes of a model",
    ],
)
def test_what_is_read_is_what_was_written(tmp_path: Path, content: tables.Content) -> None:
    back = tables.read(made(tmp_path, content))
    if isinstance(content, pd.DataFrame):
        pd.testing.assert_frame_equal(back, content)
    else:
        assert back == content


def test_bytes_keep_the_suffix_of_their_name_and_come_back_as_bytes(tmp_path: Path) -> None:
    """A trained model is a snapshot like any other."""
    model = made(tmp_path, b"\x08\x07\x12", "model.onnx")
    assert (model.path.suffix, model.rows, tables.read(model)) == (".onnx", 1, b"\x08\x07\x12")
    assert model.sha256.startswith(model.path.stem.removeprefix("model-"))


def test_the_same_rows_give_the_same_file_from_pandas_polars_and_arrow(tmp_path: Path) -> None:
    arrow = pa.table({"x": [1, 2], "y": ["a", "b"]})
    frames = (arrow, arrow.to_pandas(types_mapper=pd.ArrowDtype), pl.DataFrame({"x": [1, 2], "y": ["a", "b"]}))
    snapshots = [made(tmp_path, frame) for frame in frames]
    assert snapshots[0] == snapshots[1]
    assert tables.read(snapshots[2])["x"].tolist() == [1, 2]


def test_the_name_carries_the_start_of_the_hash(tmp_path: Path) -> None:
    snapshot = made(tmp_path, {"a": 1})
    assert snapshot.path == FOLDER / f"made-{snapshot.sha256[:12]}.json"
    assert made(tmp_path, "x", "report.html").path.suffix == ".html"


def test_parts_are_appended_and_cast_to_the_first_ones_types(tmp_path: Path) -> None:
    with tables.TableWriter("made", FOLDER, tmp_path, "sample") as writer:
        writer.append(pa.table({"x": pa.array([1], pa.int64())}))
        writer.append(pa.table({"x": pa.array([2], pa.int32())}))
    assert writer.snapshot.rows == 2
    assert tables.read(writer.snapshot)["x"].tolist() == [1, 2]


def test_a_writer_that_got_no_table_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match="not even an empty one"),
        tables.TableWriter("made", FOLDER, tmp_path, "sample"),
    ):
        pass
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_a_failure_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> None:
        with tables.TableWriter("made", FOLDER, tmp_path, "sample") as writer:
            writer.append(pa.table({"x": [1]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert not (tmp_path / FOLDER).exists()
    assert list((tmp_path / ".tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "told"), [(Path.unlink, "is missing"), (lambda p: p.write_bytes(b"x"), "was altered")]
)
def test_a_missing_or_altered_file_is_never_read(tmp_path: Path, harm: object, told: str) -> None:
    snapshot = made(tmp_path, {"a": 1})
    harm(snapshot.file)  # type: ignore[operator]
    with pytest.raises(tables.SnapshotLost, match=told):
        tables.read(snapshot)


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tables.os, "fsync", full)
    with pytest.raises(OSError, match=r"The disk is full: [\d,]+ bytes are free .* No half-written file"):
        made(tmp_path, {"a": 1})
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_other_disk_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), tables.scratch(tmp_path) as temporary:
        temporary.read_bytes()


def test_sweep_removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    made(tmp_path, {"a": 1})
    host = tables.socket.gethostname()
    dead, dead_folder = (tmp_path / ".tmp" / f"{host}-999999999-{n}" for n in "ab")
    alive = tmp_path / ".tmp" / f"{host}-{os.getpid()}-c"
    other_host = tmp_path / ".tmp" / "elsewhere-999999999-d"
    dead_folder.mkdir()
    for path in (dead, alive, other_host):
        path.write_text("x")
    tables.sweep(tmp_path)
    assert sorted(p.name for p in (tmp_path / ".tmp").iterdir()) == sorted((alive.name, other_host.name))


def test_publishing_copies_once_and_mends_what_differs(tmp_path: Path) -> None:
    snapshot, target = made(tmp_path, {"a": 1}), tmp_path / "interim" / "made.json"
    tables.publish(snapshot, target)
    first = target.stat().st_mtime_ns
    tables.publish(snapshot, target)
    assert target.stat().st_mtime_ns == first
    target.write_text("altered")
    tables.publish(snapshot, target)
    assert tables.sha256_of(target) == snapshot.sha256


@given(st.lists(st.sampled_from([b"a,b", b"", b"\r", b"x\r", b" y", b"z" * 40])), st.booleans())
def test_rows_are_the_lines_that_are_not_blank(lines: list[bytes], ends: bool) -> None:
    import tempfile

    data = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        expected = sum(1 for line in data.split(b"\n") if line.strip(b"\r"))
        assert tables.count_rows(Path(file.name)) == expected


def test_rows_are_counted_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK", 3)
    (tmp_path / "f").write_bytes(b"abcdefg\r\n\r\n\nhi\nlast")
    assert tables.count_rows(tmp_path / "f") == 3


def test_lines_are_written_as_they_come_and_counted(tmp_path: Path) -> None:
    made = tables.write_lines((b"%d" % n for n in range(3)), "x", Path("interim/d"), tmp_path, "sample")
    assert (made.file.read_bytes(), made.rows, made.path.suffix) == (b"0\n1\n2\n", 3, ".jsonl")
    assert made.path.name == f"x-{made.sha256[:12]}.jsonl"


@pytest.mark.parametrize("rows", [0, 1, 10])
def test_a_table_comes_back_whole_in_batches_and_an_empty_one_keeps_its_columns(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 4)
    written = tables.write(
        pa.table({"x": list(range(rows))}, schema=pa.schema({"x": pa.int64()})), "t", Path("i"), tmp_path, "local"
    )
    parts = list(tables.row_groups(written.file, ""))
    assert [len(part) for part in parts] == {0: [0], 1: [1], 10: [4, 4, 2]}[rows]
    assert pa.concat_tables(parts)["x"].to_pylist() == list(range(rows))


def test_a_batch_is_never_larger_than_what_was_written_at_once_and_has_only_the_columns_asked_for(
    tmp_path: Path,
) -> None:
    """Few large rows were written at once, so few are read at once."""
    parts = [pa.table({"x": [n, n], "y": ["a", "b"]}) for n in range(3)]
    written = made(tmp_path, iter(parts))
    assert [len(part) for part in tables.row_groups(written.file, "")] == [2, 2, 2]
    assert next(tables.row_groups(written.file, "", ["y"])).column_names == ["y"]


def test_a_table_in_parts_is_the_same_file_as_the_parts_appended(tmp_path: Path) -> None:
    parts = [pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2, 3]})]
    with tables.TableWriter("made", FOLDER, tmp_path, "sample") as writer:
        for part in parts:
            writer.append(part)
    assert made(tmp_path, iter(parts)) == writer.snapshot


def test_a_snapshot_of_some_columns_is_read_as_those_and_is_the_same_file(tmp_path: Path) -> None:
    whole = made(tmp_path, pd.DataFrame({"x": [1], "y": [2], "z": [3]}))
    assert tables.read(whole.only("z", "x")).columns.tolist() == ["z", "x"]
    assert whole.only("x").file == whole.file


def test_a_scan_reads_what_it_is_asked_for_in_order_and_refuses_an_altered_file(tmp_path: Path) -> None:
    written = made(tmp_path, iter([pa.table({"x": [n], "y": [-n]}) for n in range(4)]))
    scan = tables.ParquetScan(written)
    assert scan.rows == 4
    assert scan.read("y")["y"].tolist() == [0, -1, -2, -3]
    assert [batch["x"].tolist() for batch in scan.batches("x")] == [[0], [1], [2], [3]]
    assert next(scan.batches()).columns.tolist() == ["x", "y"]
    written.file.write_bytes(b"altered")
    with pytest.raises(tables.SnapshotLost, match="was altered"):
        tables.ParquetScan(written)


@pytest.mark.parametrize("turns", [1, 2, 3, 7])
@pytest.mark.parametrize("sizes", [[], [1], [3, 9, 1, 4, 8], [2] * 6])
def test_batches_in_turns_are_all_batches_in_their_order(
    tmp_path: Path, turns: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a group is several batches, and where there is none: one table without rows, in the first turn."""
    monkeypatch.setattr(tables, "BATCH_ROWS", 4)
    schema = pa.schema({"x": pa.int64()})
    parts = [pa.table({"x": [n] * size}, schema=schema) for n, size in enumerate(sizes)] or [schema.empty_table()]
    file = made(tmp_path, iter(parts)).file
    whole = list(tables.row_groups(file, ""))
    streams = [tables.row_groups(file, "", turn=(own, turns)) for own in range(turns)]
    again = [next(streams[at % turns]) for at in range(len(whole))]
    assert again == whole
    assert [next(stream, None) for stream in streams] == [None] * turns
