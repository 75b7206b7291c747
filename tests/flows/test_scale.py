"""The same bytes wherever shards run: this process, a local Dask cluster, a scheduler with a worker that is killed."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import distributed
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from prefect import flow
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from schemas.ds1_alibaba import MACHINE_CORES
from schemas.settings import settings
from schemas.snapshot import Snapshot
from tasks.engine import shards, snapshots
from tasks.engine.derive import derive_batches
from tasks.pipelines.ds1_alibaba import parse as ds1_parse
from tasks.pipelines.ds1_alibaba import source as alibaba
from tasks.pipelines.ds2_loghub import parse as ds2_parse
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds6_the_stack import conversations as ds6_the_stack
from tasks.pipelines.ds6_the_stack import source as the_stack
from tests.servers import free_port, running, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.flow,
    pytest.mark.xdist_group("dask"),
    pytest.mark.usefixtures("prefect_server"),
]

SEED = 43  # not the tracks': a result that they found here would have to be made again in their folder


def select(batch: Any) -> Any:
    """DS1's first step on machines of the trace's size."""
    return ds1_parse.select(batch, machine_cores=MACHINE_CORES)


STEPS: Mapping[str, tuple[Any, Callable[..., Any], Any, float]] = {
    "ds1": (alibaba.SOURCE, select, alibaba.decode, 0.3),
    "ds2": (loghub.SOURCE, ds2_parse.parse, loghub.decode, 0.1),
    "ds6": (
        the_stack.at(the_stack.REPO, the_stack.REVISION, the_stack.SHARDS),
        ds6_the_stack.conversations,
        the_stack.decode,
        0.5,
    ),
}


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Dask scheduler with two workers of one thread, each a process as a person starts it."""
    port, home = free_port(), tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{port}"
    program = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    here = ["--host", "127.0.0.1", "--no-dashboard", "--protocol", "tcp"]
    with ExitStack() as stack:
        stack.enter_context(running([*program, *here, "--port", str(port)], home / "scheduler.log"))
        for name in ("one", "two"):
            place = ["--name", name, "--local-directory", str(home / name)]
            command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", *place]
            environment = {**os.environ, **shards.ONE_THREAD}
            stack.enter_context(running([*command, "--no-dashboard"], home / f"{name}.log", environment))
        yield address


@contextmanager
def runner(name: str) -> Iterator[None]:
    """The setting AUTOMEND_RUNNER; nothing is taken from an earlier run."""
    with pytest.MonkeyPatch.context() as patch, temporary_settings(updates={PREFECT_TASKS_REFRESH_CACHE: True}):
        patch.setenv("AUTOMEND_RUNNER", name)
        settings.cache_clear()
        yield
    settings.cache_clear()


@flow
def step(fn: Any, files: Any, decode: Any, parameters: Any) -> tuple[Snapshot, Snapshot]:
    return derive_batches(fn, *files, decode=decode, **parameters)


def made_by(name: str, fn: Any, files: tuple[Snapshot, ...], decode: Any, **parameters: Any) -> list[str]:
    """Hashes of what a step writes with this runner."""
    with runner(name):
        return [made.sha256 for made in step(fn, files, decode, parameters)]


def threads_of_libraries() -> tuple[int, int]:
    """What Polars and Arrow take for themselves in this process."""
    return pl.thread_pool_size(), pa.cpu_count()


def raw_files(source: Any, root: Path, scale: float) -> tuple[Snapshot, ...]:
    folder = root / "raw" / source.stem / "sample"
    folder.mkdir(parents=True)
    source.sample(folder, SEED, scale)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "truth.json")
    return tuple(snapshots.as_snapshot(file, root, "sample", source.count) for file in files)


@pytest.mark.parametrize("dataset", [pytest.param("ds1", marks=pytest.mark.operations), "ds2", "ds6"])
def test_a_dataset_has_the_same_bytes_on_a_running_scheduler(
    dataset: str, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, fn, decode, scale = STEPS[dataset]
    files = raw_files(source, tmp_path, scale)
    monkeypatch.setattr(shards, "SHARD_BYTES", max(raw.file.stat().st_size for raw in files) // 2 + 1)
    assert len(shards.shards_of(shards.Work(tmp_path, fn, files, decode, {}))) > 1
    alone = made_by("threads", fn, files, decode)
    assert made_by(scheduler, fn, files, decode) == alone
    assert list((tmp_path / "interim" / source.stem / "parts").iterdir())


@pytest.mark.operations
def test_a_local_cluster_of_single_threaded_workers_makes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = numbers(tmp_path, monkeypatch)
    made = made_by("dask", odd_and_even, work, snapshots.row_groups)
    with distributed.Client(shards._scheduler_address("dask"), set_as_default=False) as client:
        assert set(client.run(threads_of_libraries).values()) == {(1, 1)}
    assert made_by("threads", odd_and_even, work, snapshots.row_groups) == made


def threads_of_kernels() -> int:
    """What numba takes for itself in this process."""
    import numba

    return int(numba.get_num_threads())


def test_a_cluster_of_our_own_leaves_this_process_as_it_was_and_free_to_compile() -> None:
    """Dask sets its workers' variables in our environment too; numba reads it before each compilation."""
    before, threads = dict(os.environ), threads_of_kernels()
    with shards.local_cluster(1) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        assert [*client.run(threads_of_libraries).values()] == [(1, 1)]
        assert [*client.run(threads_of_kernels).values()] == [1]
        assert dict(os.environ) == before
    compile_anew()
    assert threads_of_kernels() == threads


def compile_anew() -> None:
    """A kernel that no cache knows: raises where numba does not take its environment."""
    import numba

    assert numba.njit(lambda number: number + 1)(1) == 2


def test_a_worker_killed_in_the_middle_changes_nothing_and_only_its_shard_runs_again(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, diary = numbers(tmp_path, monkeypatch), tmp_path / "diary"
    diary.mkdir()
    alone = made_by("threads", odd_and_even, files, snapshots.row_groups)
    killer = threading.Thread(target=_kill_the_first, args=(diary,))
    killer.start()
    assert made_by(scheduler, slow_odd_and_even, files, snapshots.row_groups, diary=str(diary)) == alone
    killer.join()
    begun = [entry.name.partition("-")[0] for entry in diary.iterdir()]
    shards_made = len(shards.shards_of(shards.Work(tmp_path, odd_and_even, files, snapshots.row_groups, {})))
    assert len(set(begun)) == shards_made
    assert len(begun) == shards_made + 1


def test_a_failing_shard_fails_the_step_with_its_own_words(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = numbers(tmp_path, monkeypatch)
    with pytest.raises(ValueError, match="12288 is no good"):
        made_by(scheduler, refusing, files, snapshots.row_groups)


def numbers(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Snapshot, ...]:
    """A file of five batches, which gives three shards, and a small one."""
    counts = {"many": 4 * snapshots.BATCH_ROWS + 100, "few": 50}
    files = tuple(
        snapshots.write(
            pa.table({"x": range(n), "text": [f"text {i % 97}" for i in range(n)]}), name, PLACE, root, "local"
        )
        for name, n in counts.items()
    )
    monkeypatch.setattr(shards, "SHARD_BYTES", shards.PACKED * files[0].file.stat().st_size // 3 + 1)
    return files


PLACE = Path("interim/toy")


def odd_and_even(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    odd = batch["x"].to_numpy() % 2 == 1
    return batch[odd], batch[~odd]


def slow_odd_and_even(batch: pd.DataFrame, *, diary: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Writes who begins which batch, and takes its time."""
    first = batch["x"].iloc[0]
    (Path(diary) / f"{_shard(first, len(batch))}-{os.getpid()}").touch()
    time.sleep(1.0)
    return odd_and_even(batch)


def _shard(first: int, rows: int) -> str:
    """Every third batch of the large file is one shard's; the small file is one."""
    return "few" if rows == 50 else str(first // snapshots.BATCH_ROWS % 3)


def refusing(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    first = batch["x"].iloc[0]
    if first == 3 * snapshots.BATCH_ROWS:
        raise ValueError(f"{first} is no good")
    return odd_and_even(batch)


def _kill_the_first(diary: Path) -> None:
    begun = wait_until(lambda: list(diary.iterdir()), 300, "a shard's begin", pause=0.05)
    os.kill(int(begun[0].name.partition("-")[2]), signal.SIGKILL)
