"""derive: pure functions as cached Prefect tasks over immutable files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from schemas.reject import REJECT_COLUMNS
from schemas.snapshot import Scan, Snapshot
from tasks.engine import snapshots
from tasks.engine.derive import derive, derive_batches, derive_lines, derive_scan

pytestmark = [pytest.mark.integration, pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

CALLS: list[str] = []


def doubled(table: pd.DataFrame, *, factor: int = 2) -> pd.DataFrame:
    CALLS.append("doubled")
    return table.assign(x=table["x"] * factor)


def parted(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rejects = pd.DataFrame({c: pd.Series([], dtype="string") for c in REJECT_COLUMNS})
    return table, rejects


def counted(table: pd.DataFrame) -> dict[str, int]:
    return {"rows": len(table)}


def columns_of(table: pd.DataFrame) -> list[str]:
    return table.columns.tolist()


def written(batch: pd.DataFrame, *, prefix: str = "") -> Iterable[bytes]:
    CALLS.append("written")
    return (f"{prefix}{x}".encode() for x in batch["x"])


def above_mean(table: Scan) -> tuple[Iterator[pd.DataFrame], dict[str, float]]:
    CALLS.append("above_mean")
    mean = float(table.read("x")["x"].mean())
    return (batch[batch["x"] > mean] for batch in table.batches()), {"mean": mean}


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    CALLS.append(name)
    lines = path.read_text().splitlines()
    for start in range(0, len(lines), 2):
        yield pa.table({"x": [int(line) for line in lines[start : start + 2]]})


def split_odd(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    odd = batch["x"].to_numpy() % 2 == 1
    rejects = pd.DataFrame(
        {
            "outcome": "dropped",
            "reason": "odd",
            "file": "f",
            "line": batch["x"][odd],
            "row": batch["x"][odd].astype(str),
        }
    )
    return batch[~odd], rejects


@pytest.fixture
def table(tmp_path: Path) -> Snapshot:
    CALLS.clear()
    return snapshots.write(pd.DataFrame({"x": [1, 2]}), "made", Path("interim/toy"), tmp_path, "sample")


@flow
def double(snapshot: Snapshot, factor: int = 2) -> Snapshot:
    return derive(doubled, snapshot, factor=factor)


def test_a_second_run_with_the_same_content_is_cached_under_the_functions_name(table: Snapshot) -> None:
    first = double(table)
    state = double(table, return_state=True)
    assert state.result() == first
    assert CALLS == ["doubled"]
    assert task_states(state.state_details.flow_run_id) == {("doubled", "Cached")}


def task_states(flow_run_id: object) -> set[tuple[str, str]]:
    from prefect.client.schemas.filters import FlowRunFilter

    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [flow_run_id]}))
    return {(run.name.split(" ")[0], run.state.name) for run in runs if run.state}


def test_another_parameter_or_input_runs_it_again(table: Snapshot) -> None:
    double(table)
    double(table, factor=3)
    double(snapshots.write(pd.DataFrame({"x": [9]}), "made", Path("interim/toy"), table.root, "sample"))
    assert len(CALLS) == 3


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_deleted_or_altered_result_is_made_again(table: Snapshot, harm: object) -> None:
    first = double(table)
    harm(first.file)  # type: ignore[operator]
    assert double(table) == first
    assert snapshots.fault_of(first) is None
    assert len(CALLS) == 2


def test_the_same_work_in_another_data_folder_is_written_there(table: Snapshot, tmp_path: Path) -> None:
    double(table)
    other = snapshots.write(pd.DataFrame({"x": [1, 2]}), "made", Path("interim/toy"), tmp_path / "b", "sample")
    assert double(other).file.is_relative_to(tmp_path / "b")
    assert snapshots.fault_of(double(other)) is None


def test_an_altered_input_is_refused_with_a_sentence(table: Snapshot) -> None:
    table.file.write_bytes(b"PAR1")
    with pytest.raises(snapshots.SnapshotLost, match="was altered"):
        double(table)


def test_tuples_give_one_snapshot_each_and_dicts_give_json(table: Snapshot) -> None:
    @flow
    def both() -> tuple[Snapshot, Snapshot, Snapshot]:
        kept, rejects = derive(parted, table)
        return kept, rejects, derive(counted, kept, into="elsewhere")

    kept, rejects, count = both()
    assert [s.path.name.rpartition("-")[0] for s in (kept, rejects, count)] == ["parted", "parted_rejects", "counted"]
    assert count.path.parts[:2] == ("interim", "elsewhere")
    assert snapshots.read(count) == {"rows": 2}


def test_batches_of_several_files_become_one_table_and_one_of_rejects(tmp_path: Path) -> None:
    for name, text in {"a.txt": "1\n2\n3\n4\n5\n", "b.txt": "6\n"}.items():
        (tmp_path / "raw/toy/sample").mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw/toy/sample" / name).write_text(text)
    files = [
        Snapshot(
            root=tmp_path,
            path=Path("raw/toy/sample") / name,
            sha256=snapshots.sha256_of(tmp_path / "raw/toy/sample" / name),
            rows=5,
            schema_hash="",
            mode="sample",
        )
        for name in ("a.txt", "b.txt")
    ]

    @flow
    def run() -> tuple[Snapshot, Snapshot]:
        return derive_batches(split_odd, *files, decode=decode)

    kept, rejects = run()
    assert snapshots.read(kept)["x"].tolist() == [2, 4, 6]
    assert snapshots.read(rejects)["line"].tolist() == [1, 3, 5]
    assert (kept.rows, rejects.rows) == (3, 3)


def test_lines_of_a_table_are_written_once_under_the_name_given(table: Snapshot) -> None:
    CALLS.clear()

    @flow
    def both() -> tuple[Snapshot, Snapshot]:
        return derive_lines(written, table, name="d", prefix="n"), derive_lines(written, table, name="d", prefix="n")

    first, second = both()
    assert first == second
    assert CALLS.count("written") <= 1
    assert first.file.read_text() == "".join(f"n{x}\n" for x in snapshots.read(table)["x"])
    assert first.path.name.startswith("d-")


def test_what_looks_at_all_rows_of_a_large_table_gives_them_back_in_parts_and_is_cached(tmp_path: Path) -> None:
    """No part is larger than those of the input."""
    CALLS.clear()
    parts = (pd.DataFrame({"x": [n, n + 10]}) for n in range(3))
    table = snapshots.write(parts, "made", Path("interim/toy"), tmp_path, "sample")

    @flow
    def run() -> tuple[Snapshot, Snapshot]:
        kept, told = derive_scan(above_mean, table)
        return kept, told

    kept, told = run()
    assert (kept, told) == run()
    assert CALLS == ["above_mean"]
    assert [part["x"].tolist() for part in snapshots.ParquetScan(kept).batches()] == [[10], [11], [12]]
    assert snapshots.read(told) == {"mean": 6.0}


def test_other_columns_of_the_same_table_are_another_input(table: Snapshot) -> None:
    wide = snapshots.write(pd.DataFrame({"x": [1], "y": [2]}), "made", Path("interim/toy"), table.root, "sample")

    @flow
    def names(*columns: str) -> Snapshot:
        made: Snapshot = derive(columns_of, wide.only(*columns))
        return made

    assert snapshots.read(names("x")) == ["x"]
    assert snapshots.read(names("y")) == ["y"]
    assert snapshots.read(names()) == ["x", "y"]
