"""Shards: every batch once, in order, whatever the sizes; parts hold the very tables that were made."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine import shards, snapshots
from tasks.engine.shards import MOST_TURNS, Shard, Work, cut, in_order, in_turn, read_part, write_part

pytestmark = pytest.mark.unit


# ------------------------------------------------------------------------------------------------------------- cutting


def cut_alike(sizes: list[int], most: int = 10, divisible: bool = False) -> tuple[Shard, ...]:
    return cut(sizes, [divisible] * len(sizes), most)


def batches_of(shards: tuple[Shard, ...], counts: list[int]) -> list[tuple[int, int]]:
    """(file, batch) in the order in which parts are joined, of files with so many batches each."""

    def stream(shard: Shard) -> Iterator[tuple[int, int]]:
        for file in range(shard.first, shard.last):
            yield from ((file, n) for n in range(counts[file])[shard.turn :: shard.turns])

    groups = itertools.groupby(shards, key=lambda shard: shard.first)
    return [pair for _, sisters in groups for pair in in_order(map(stream, sisters))]  # type: ignore[arg-type]


def test_no_files_give_no_shards() -> None:
    assert cut_alike([]) == ()


def test_small_neighbours_share_a_shard() -> None:
    assert cut_alike([3, 3, 4]) == (Shard(0, 3),)


def test_a_full_shard_is_closed_before_the_next_file() -> None:
    assert cut_alike([6, 6, 6]) == (Shard(0, 1), Shard(1, 2), Shard(2, 3))


def test_an_indivisible_large_file_is_one_shard() -> None:
    assert cut_alike([95]) == (Shard(0, 1),)


def test_a_divisible_large_file_is_shared_out_by_turns() -> None:
    assert cut_alike([25], divisible=True) == tuple(Shard(0, 1, turn, 3) for turn in range(3))


def test_a_file_of_exactly_a_shards_size_is_not_divided() -> None:
    assert cut_alike([10], divisible=True) == (Shard(0, 1),)


def test_small_files_before_and_after_a_large_one_keep_their_places() -> None:
    assert cut_alike([1, 25, 1], divisible=True) == (
        Shard(0, 1),
        *(Shard(1, 2, turn, 3) for turn in range(3)),
        Shard(2, 3),
    )


def test_empty_files_belong_to_a_shard_too() -> None:
    assert cut_alike([0, 0, 0]) == (Shard(0, 3),)


def test_no_file_is_read_more_often_than_most_turns() -> None:
    assert len(cut_alike([10_000], divisible=True)) == MOST_TURNS


def test_a_shard_of_many_small_files_costs_one_task_not_one_each() -> None:
    assert len(cut_alike([1] * 1_000)) == 100


FILES = st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 40)), max_size=12)


@given(FILES, st.integers(1, 20))
def test_law_shards_cover_every_batch_once_and_in_order(files: list[tuple[int, bool, int]], most: int) -> None:
    made = cut([size for size, _, _ in files], [divisible for _, divisible, _ in files], most)
    expected = [(file, n) for file, (_, _, count) in enumerate(files) for n in range(count)]
    assert batches_of(made, [count for *_, count in files]) == expected


@given(FILES, st.integers(1, 20))
def test_law_only_a_single_file_makes_a_shard_larger_than_asked(files: list[tuple[int, bool, int]], most: int) -> None:
    for shard in cut([size for size, _, _ in files], [divisible for _, divisible, _ in files], most):
        held = sum(size for size, _, _ in files[shard.first : shard.last])
        assert held <= most or shard.last - shard.first == 1


def test_joining_holds_one_pair_at_a_time() -> None:
    opened = 0

    def counted(n: int) -> Iterator[Any]:
        nonlocal opened
        for at in range(2):
            opened += 1
            yield (n, at)

    joined = in_order(counted(n) for n in range(3))
    assert next(joined) == (0, 0)
    assert opened == 1


# ------------------------------------------------------------------------------------------------------------ decoders


def ten(_path: Path, _name: str) -> Iterator[pa.Table]:
    yield from (pa.table({"n": [n]}) for n in range(10))


def able(_path: Path, _name: str, turn: tuple[int, int] = (0, 1)) -> Iterator[pa.Table]:
    yield from (pa.table({"n": [n]}) for n in range(turn[0], 10, turn[1]))


@pytest.mark.parametrize("decode", [ten, able])
@pytest.mark.parametrize("turns", [1, 2, 3, 16])
def test_turns_of_a_decoder_together_are_all_of_it(decode: Any, turns: int) -> None:
    parts = [
        [t["n"][0].as_py() for t in in_turn(decode, turn, turns)(Path(), "")]
        for turn in range(turns)
    ]  # fmt: skip
    assert sorted(itertools.chain(*parts)) == list(range(10))
    assert [part[:1] for part in parts] == [[n] if n < 10 else [] for n in range(turns)]


def test_only_a_decoder_that_says_so_takes_turns() -> None:
    assert shards.takes_turns(able)
    assert not shards.takes_turns(ten)


# --------------------------------------------------------------------------------------------------------------- parts


def frame(*values: Any) -> pd.DataFrame:
    return pa.table({"x": pa.array(values, pa.int64())}).to_pandas(types_mapper=pd.ArrowDtype)


def round_trip(tmp_path: Path, *made: tuple[Any, Any]) -> list[tuple[pa.Table, pa.Table]]:
    write_part(made, tmp_path / "part")
    return list(read_part(tmp_path / "part"))


def test_a_part_gives_back_pairs_in_order(tmp_path: Path) -> None:
    found = round_trip(tmp_path, (frame(1, 2), frame(3)), (frame(4), frame()))
    assert [(k["x"].to_pylist(), r["x"].to_pylist()) for k, r in found] == [([1, 2], [3]), ([4], [])]


def test_a_part_counts_the_rows_of_both(tmp_path: Path) -> None:
    assert write_part([(frame(1, 2), frame(3))], tmp_path / "part") == 3


def test_a_part_of_no_batches_is_empty(tmp_path: Path) -> None:
    assert round_trip(tmp_path) == []


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    [(kept, _)] = round_trip(tmp_path, (frame(), frame()))
    assert kept.schema == pa.schema({"x": pa.int64()})


def test_every_batch_keeps_a_schema_of_its_own(tmp_path: Path) -> None:
    """What a writer casts, it casts once, from what the function gave."""
    other = pa.table({"x": pa.nulls(2)})
    found = round_trip(tmp_path, (frame(1), frame()), (other, frame()))
    assert [kept.schema.field("x").type for kept, _ in found] == [pa.int64(), pa.null()]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", None, ""]),
        pa.array([1.5, None, float("nan")]),
        pa.array([[1], None, []]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([{"a": 1}, None, {"a": 2}]),
        pa.array([b"\0", b"", None]),
        pa.array([True, None, False]),
        pa.array([0, 1, None], pa.timestamp("us", tz="UTC")),
    ],
    ids=lambda array: str(array.type),
)
def test_parquet_of_a_part_has_the_bytes_of_parquet_of_the_table(tmp_path: Path, array: pa.Array) -> None:
    table = pa.table({"c": array, "n": [1, 2, 3]})
    [(kept, _)] = round_trip(tmp_path, (table, table.slice(0, 0)))
    pq.write_table(table, tmp_path / "direct")
    pq.write_table(kept, tmp_path / "through")
    assert (tmp_path / "direct").read_bytes() == (tmp_path / "through").read_bytes()


# ---------------------------------------------------------------------------------------------------------------- work


def halves(batch: pd.DataFrame, *, at: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    return batch[batch["x"] >= at], batch[batch["x"] < at]


def work_on(root: Path, files: int = 3, rows: int = 9_000, at: int = 0, decode: Any = snapshots.row_groups) -> Work:
    made = tuple(
        snapshots.write(pa.table({"x": range(n, n + rows)}), f"t{n}", Path("interim/toy"), root, "sample")
        for n in range(files)
    )
    return Work(root, halves, made, decode, {"at": at})


def test_the_same_files_are_cut_the_same_at_another_place(tmp_path: Path) -> None:
    assert shards.shards_of(work_on(tmp_path / "a")) == shards.shards_of(work_on(tmp_path / "b"))


def test_only_parquet_is_divided_where_the_decoder_takes_no_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 20_000)
    (tmp_path / "raw/toy/local").mkdir(parents=True)
    (tmp_path / "raw/toy/local/a.txt").write_text("line\n" * 10_000)
    text = snapshots.as_snapshot(tmp_path / "raw/toy/local/a.txt", tmp_path)
    parquet = work_on(tmp_path, files=1).files[0]
    cut_up = shards.shards_of(Work(tmp_path, halves, (text, parquet), ten, {}))
    assert [shard.first for shard in cut_up].count(0) == 1
    assert [shard.first for shard in cut_up].count(1) > 1
    assert len(shards.shards_of(Work(tmp_path, halves, (text,), able, {}))) > 1


def test_a_shards_key_tells_content_parameters_and_turn_apart(tmp_path: Path) -> None:
    work, other = work_on(tmp_path), work_on(tmp_path, at=1)
    keys = [
        work.key(Shard(0, 1)),
        work.key(Shard(1, 2)),
        work.key(Shard(0, 2)),
        work.key(Shard(0, 1, 0, 2)),
        work.key(Shard(0, 1, 1, 2)),
        other.key(Shard(0, 1)),
    ]
    assert len(set(keys)) == len(keys)
    assert work.key(Shard(0, 1)) == work_on(tmp_path / "elsewhere").key(Shard(0, 1))


def test_files_of_the_same_content_under_other_names_are_not_one(tmp_path: Path) -> None:
    """Their rows say which file they are of."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("the same line\n")
    files = tuple(snapshots.as_snapshot(tmp_path / name, tmp_path) for name in ("a.txt", "b.txt"))
    work = Work(tmp_path, halves, files, ten, {})
    assert work.key(Shard(0, 1)) != work.key(Shard(1, 2))


def test_a_parameter_that_is_called_turn_hides_no_turn(tmp_path: Path) -> None:
    work = Work(tmp_path, halves, work_on(tmp_path, files=1).files, ten, {"turn": 7, "names": 1})
    assert work.key(Shard(0, 1, 0, 2)) != work.key(Shard(0, 1, 1, 2))


def test_a_shard_has_its_own_files_only(tmp_path: Path) -> None:
    work = work_on(tmp_path)
    assert work.of(Shard(1, 2)).files == work.files[1:2]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_parts_made_one_by_one_are_what_one_process_makes(tmp_path: Path, turns: int) -> None:
    work = work_on(tmp_path, files=1, rows=20_000, at=5_000)
    parts = [shards.make_part(work, Shard(0, 1, turn, turns))[0] for turn in range(turns)]
    joined = list(in_order(read_part(part.file) for part in parts))
    expected = [tuple(map(snapshots.to_arrow, pair)) for pair in shards.pairs(work)]
    assert joined == expected
    assert sum(part.rows for part in parts) == 20_000
    assert all(snapshots.fault_of(part) is None for part in parts)


def test_a_worker_without_the_input_says_what_it_needs(tmp_path: Path) -> None:
    work = work_on(tmp_path, files=1)
    work.files[0].file.unlink()
    with pytest.raises(snapshots.SnapshotLost, match="needs AUTOMEND_STORE, or a data folder shared"):
        shards.make_part(work, Shard(0, 1))


def test_a_failing_shard_leaves_no_file(tmp_path: Path) -> None:
    work = Work(tmp_path, failing, work_on(tmp_path, files=1).files, snapshots.row_groups, {})
    with pytest.raises(ZeroDivisionError):
        shards.make_part(work, Shard(0, 1))
    assert not list((tmp_path / ".tmp").iterdir())
    assert not (tmp_path / "interim/toy/parts").exists()


def failing(_batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    raise ZeroDivisionError


@pytest.mark.parametrize("runner", ["process", "dask-local", "8786", ""])
def test_an_unknown_runner_is_told_with_the_known_ones(runner: str) -> None:
    with pytest.raises(shards.RunnerUnknown, match=r"threads .*, dask .*, or the address .* tcp://host:8786"):
        shards._scheduler_address(runner)


def test_an_address_is_taken_as_it_is() -> None:
    assert shards._scheduler_address("tcp://10.0.0.7:8786") == "tcp://10.0.0.7:8786"


def test_a_parts_place_is_relative_to_the_data_folder(tmp_path: Path) -> None:
    """So a remembered part is good for any copy of the folder."""
    part = shards.make_part(work_on(tmp_path, files=1), Shard(0, 1))[0]
    assert not part.path.is_absolute()
    assert part.path.parts[:3] == ("interim", "toy", "parts")
