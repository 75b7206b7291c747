"""One step over raw files, here or on a cluster: `results(work)` gives what its function makes of each batch, in order.

Files are cut by their size alone, never by the number of workers. A shard is a few small files, or every n-th batch of
a large one; each is a task of its own on Dask, cached by content, and writes one part. Whoever joins the parts sees the
very tables, in the very order, that one process would have made: the bytes of what is written are the same.
"""

import inspect
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from prefect import task
from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL, temporary_settings

from schemas.finding import UserError
from schemas.settings import settings
from schemas.snapshot import Snapshot
from tasks.engine import caching, snapshots, store
from tasks.engine.runtime import start

Decode = Callable[..., Iterator[pa.Table]]  # of (path, name), and of `turn` where it can pass over batches
Pair = tuple[Any, Any]  # kept and rejects of one batch

THREADS = "threads"  # AUTOMEND_RUNNER: everything in this process
DASK = "dask"  # a local cluster, one process for each core
SHARD_BYTES = 64 << 20  # 1.3 s of our fastest step, more of any other (deployments/SCALING.md); a task costs 0.1-0.3 s
MOST_TURNS = 16  # shards of one file: each reads the whole file, and most of what it reads is another's
PACKED = 8  # bytes that one byte of Parquet stands for: 20.7 MB of real manifests are 2.5 MB
WAIT_S = 60  # for a scheduler's answer

# What a worker's libraries may use: it is one of many processes, each meant for one core. Polars reads its variable
# when it is imported, Arrow and BLAS read OMP_NUM_THREADS: these must be set before a worker's process starts.
BEFORE_START = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Read at numba's first import, which comes later. What must come before, Dask sets in our environment too, and numba,
# which reads it again before each compilation, would then refuse to compile here ("Cannot set NUMBA_NUM_THREADS").
AFTER_START = {"NUMBA_NUM_THREADS": "1"}
ONE_THREAD = {**BEFORE_START, **AFTER_START}


class RunnerUnknown(UserError):
    """AUTOMEND_RUNNER names nothing that can run shards."""


@dataclass(frozen=True)
class Shard:
    """Of the files [first, last), the batches number `turn`, `turn + turns`, `turn + 2 * turns`, ...; from 0."""

    first: int
    last: int
    turn: int = 0
    turns: int = 1


@dataclass(frozen=True)
class Work:
    """`fn(batch, **parameters) -> (kept, rejects)` of every batch that `decode` reads of `files`, below `root`."""

    root: Path
    fn: Callable[..., Pair]
    files: tuple[Snapshot, ...]
    decode: Decode
    parameters: Mapping[str, Any]

    def of(self, shard: Shard) -> "Work":
        """The same of a shard's batches only."""
        own = self.files[shard.first : shard.last]
        return replace(self, files=own, decode=in_turn(self.decode, shard.turn, shard.turns))

    def key(self, shard: Shard) -> str:
        """Cache key of a shard's part: content, names (decoders write them into rows), code, and which batches."""
        files = self.files[shard.first : shard.last]
        which = {"names": [str(raw.path) for raw in files], "turn": [shard.turn, shard.turns]}
        how = {"decode": self.decode, "format": write_part, "parameters": dict(self.parameters)}
        return caching.key(self.fn, files, {**which, **how})


# ------------------------------------------------------------------------------------------------------------- cutting


def cut(sizes: Sequence[int], divisible: Sequence[bool], most: int) -> tuple[Shard, ...]:
    """Shards of files of these sizes in bytes, about `most` bytes each, in order; no batch is in two of them.

    A divisible file larger than that gives up to MOST_TURNS of them, another one is a shard; smaller ones go together.
    """
    shards: list[Shard] = []
    first = held = 0
    for at, (size, splits) in enumerate(zip(sizes, divisible, strict=True)):
        turns = min(MOST_TURNS, -(-size // most)) if splits else 1
        if at > first and (turns > 1 or held + size > most):
            shards.append(Shard(first, at))
            first, held = at, 0
        held += size
        if turns > 1:
            shards += [Shard(at, at + 1, turn, turns) for turn in range(turns)]
            first, held = at + 1, 0
    return (*shards, Shard(first, len(sizes))) if first < len(sizes) else tuple(shards)


def shards_of(work: Work) -> tuple[Shard, ...]:
    """`cut` for the files as they lie here."""
    packed = [raw.path.suffix == ".parquet" for raw in work.files]
    sizes = [raw.file.stat().st_size * (PACKED if small else 1) for raw, small in zip(work.files, packed, strict=True)]
    return cut(sizes, [small or takes_turns(work.decode) for small in packed], SHARD_BYTES)


def takes_turns(decode: Decode) -> bool:
    """Whether a decoder can pass over batches cheaply: it has the parameter `turn`, a pair (turn, turns)."""
    return "turn" in inspect.signature(decode).parameters


def in_turn(decode: Decode, turn: int, turns: int) -> Decode:
    """The decoder of a shard's batches. One that cannot pass over the others reads them too: cheap for Parquet only."""
    if turns == 1:
        return decode
    if takes_turns(decode):
        return partial(decode, turn=(turn, turns))
    return lambda path, name: itertools.islice(decode(path, name), turn, None, turns)


def in_order(streams: Iterable[Iterator[Pair]]) -> Iterator[Pair]:
    """One of each stream in turn, until one has none left: batch n of a file is in the stream n modulo their number."""
    for stream in itertools.cycle(list(streams)):
        pair = next(stream, None)
        if pair is None:
            return
        yield pair


# ----------------------------------------------------------------------------------------------------------- the parts


def pairs(work: Work) -> Iterator[Pair]:
    """What the function makes of each batch, in this process."""
    return (work.fn(batch, **work.parameters) for _, batch in snapshots.batches(work.decode, work.files))


def write_part(made: Iterable[Pair], path: Path) -> int:
    """Tables of all pairs one after the other, each an Arrow stream with a schema of its own. Returns their rows."""
    rows = 0
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with path.open("wb") as file:
        for table in map(snapshots.to_arrow, itertools.chain.from_iterable(made)):
            with pa.ipc.new_stream(file, table.schema, options=options) as stream:
                stream.write_table(table)
            rows += table.num_rows
    return rows


def read_part(path: Path) -> Iterator[Pair]:
    """The pairs that `write_part` wrote, a pair in memory at a time."""
    with pa.OSFile(str(path)) as file:
        while file.tell() < file.size():
            yield pa.ipc.open_stream(file).read_all(), pa.ipc.open_stream(file).read_all()


def make_part(work: Work, shard: Shard) -> list[Snapshot]:
    """One shard's part below `interim/<dataset>/parts/`, on whatever machine this runs."""
    start()
    own = work.of(shard)
    for raw in own.files:
        _fetched(raw)
    with snapshots.scratch(work.root) as temporary:
        rows = write_part(pairs(own), temporary)
        sha256 = snapshots.sha256_of(temporary)
        path = Path("interim") / own.files[0].path.parts[1] / "parts" / f"{work.fn.__name__}-{sha256[:12]}.arrows"
        snapshots.move(temporary, work.root / path)
    made = Snapshot(root=work.root, path=path, sha256=sha256, rows=rows, schema_hash="", mode=own.files[0].mode)
    store.keep(made)
    return [made]


def _fetched(snapshot: Snapshot) -> Snapshot:
    fault = store.fetch(snapshot)
    if fault:
        raise snapshots.SnapshotLost(
            f"{fault} A worker on another machine needs AUTOMEND_STORE, or a data folder shared under the same path."
        )
    return snapshot


# --------------------------------------------------------------------------------------------------------- the cluster


def results(work: Work) -> Iterator[Pair]:
    """What the function makes of every batch, in order; where AUTOMEND_RUNNER says so, made on a cluster.

    What is too small to share out is made here. Raises what the function raises, and RunnerUnknown.
    """
    runner = settings().runner
    shards = () if runner == THREADS else shards_of(work)
    if len(shards) < 2:
        yield from snapshots.ahead(pairs(work))
        return
    with _cluster(runner) as cluster:
        jobs = [_Job(cluster, work, shard, f"{n} of {len(shards)}") for n, shard in enumerate(shards, 1)]
        for _, sisters in itertools.groupby(jobs, key=lambda job: job.shard.first):
            parts = [job.part() for job in sisters]  # of a file in turns, all are needed at once
            yield from in_order(read_part(part.file) for part in parts)


class _Job:
    """A shard's task on a cluster, begun when this is made; `part()` waits for it."""

    def __init__(self, cluster: Any, work: Work, shard: Shard, which: str) -> None:
        key, name = work.key(shard), f"{work.fn.__name__} part"
        named = task(name=name, task_run_name=f"{name} {which}", cache_key_fn=lambda _context, _inputs: key)
        own = replace(work, files=work.files[shard.first : shard.last])  # nothing else travels
        self.shard = shard
        self._cluster, self._root = cluster, work.root
        self._inputs = {"work": own, "shard": replace(shard, first=0, last=len(own.files))}
        self._step = named(make_part).with_options(persist_result=True, result_serializer="json")
        self._future = cluster.submit(self._step, self._inputs)

    def part(self) -> Snapshot:
        """The part, below this run's data folder. One that is remembered and lost is made again."""
        made = self._made(self._future)
        fault = store.fetch(made)
        if fault:
            get_run_logger().warning("%s %s runs again.", fault, self._step.name)
            made = self._made(self._cluster.submit(self._step.with_options(refresh_cache=True), self._inputs))
        return _fetched(made)

    def _made(self, future: Any) -> Snapshot:
        made: Snapshot = future.result()[0]
        return made.model_copy(update={"root": self._root})


@contextmanager
def _cluster(runner: str) -> Iterator[Any]:
    """A task runner on the cluster that the setting names, for one step.

    Workers talk to the server that this process talks to, also to one that it started for itself.
    """
    from prefect_dask.task_runners import DaskTaskRunner

    logging.getLogger("distributed").setLevel(logging.WARNING)  # it logs every connection
    with get_client(sync_client=True) as client:
        api = str(client.api_url)
    client_settings = {"timeout": WAIT_S, "name": "automend"}
    with (
        temporary_settings(updates={PREFECT_API_URL: api}),
        DaskTaskRunner(address=_scheduler_address(runner), client_kwargs=client_settings) as cluster,
    ):
        yield cluster


_STARTING = threading.Lock()  # datasets of a track ask at the same moment


def _scheduler_address(runner: str) -> str:
    """Of the scheduler. Raises RunnerUnknown."""
    if runner == DASK:
        with _STARTING:
            return str(_own_cluster().scheduler_address)
    if "://" in runner:
        return runner
    raise RunnerUnknown(
        f"AUTOMEND_RUNNER is {runner!r}. Known: {THREADS} (everything in this process), {DASK} (a process for "
        "each core of this machine), or the address of a running scheduler such as tcp://host:8786."
    )


@cache
def _own_cluster() -> Any:
    """One cluster for the whole process, stopped with it."""
    return local_cluster(len(os.sched_getaffinity(0)))


def local_cluster(workers: int) -> Any:
    """A Dask cluster of single-threaded processes on this machine."""
    import dask
    import distributed

    start: Any = distributed.LocalCluster  # untyped
    quiet = {"DASK_LOGGING__DISTRIBUTED": "warning"}  # at info, a worker begins with twenty lines
    early = {**BEFORE_START, **quiet}
    workers_settings = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in early.items()}
    workers_settings |= {f"distributed.nanny.environ.{name}": value for name, value in AFTER_START.items()}
    own = dict(os.environ)
    try:
        with dask.config.set(workers_settings):
            return start(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    finally:
        _restore(own)


def _restore(own: Mapping[str, str]) -> None:
    """Set our environment back: Dask sets a worker's variables, its own defaults too, in the process that starts it."""
    for name in set(os.environ) - set(own):
        del os.environ[name]
    os.environ.update(own)
