"""What a million rows cost, step by step, and what a second worker gains: `python -m tests.benchmarks.bench_scale`.

Three tables, in Markdown, all of one run:

    cost      every cached step of the real flows of DS1, DS2 and DS6 on generated data at two sizes: processor seconds
              and peak memory above what the process had before, per million raw rows, from the difference of the two
    runners   the sharded step of each, in this process, on one Dask worker and on two: wall-clock seconds, and the
              processor seconds of this process (what cannot be shared out) and of the workers (what can)
    shard     what a shard costs that has nothing to do

`--rows 200000`: raw rows of the larger size (the smaller is a quarter); `--only ds2`; `--table cost`. Linux only: the
peak is read and set back in /proc/self.
"""

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from schemas.ds1_alibaba import MACHINE_CORES
from schemas.settings import settings
from tasks.engine import derive, shards, snapshots
from tasks.pipelines.ds1_alibaba import parse as ds1_parse
from tasks.pipelines.ds1_alibaba import source as alibaba
from tasks.pipelines.ds2_loghub import parse as ds2_parse
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds6_the_stack import conversations as ds6_the_stack
from tasks.pipelines.ds6_the_stack import source as the_stack
from tests.conftest import PROJECT

# Raw rows of a sample of scale 1 (measured at scale 3), and the share of --rows a dataset is given: a manifest costs
# a hundred times what a log line does.
ROWS_OF_SCALE = {"ds1_alibaba": 123_000, "ds2_loghub": 101_000, "ds6_the_stack": 297}
SHARE = {"ds1_alibaba": 1.0, "ds2_loghub": 1.0, "ds6_the_stack": 0.05}


def select(batch: Any) -> Any:
    """DS1's first step on machines of the trace's size."""
    return ds1_parse.select(batch, machine_cores=MACHINE_CORES)


STEPS: Mapping[str, tuple[Any, Callable[..., Any], Any]] = {
    "ds1_alibaba": (alibaba.SOURCE, select, alibaba.decode),
    "ds2_loghub": (loghub.SOURCE, ds2_parse.parse, loghub.decode),
    "ds6_the_stack": (
        the_stack.at(the_stack.REPO, the_stack.REVISION, the_stack.SHARDS),
        ds6_the_stack.conversations,
        the_stack.decode,
    ),
}
MILLION = 1e6
TRIVIAL = 40  # shards with nothing to do


# ------------------------------------------------------------------------------------------------------------- the cost


class Meter:
    """Processor seconds and peak memory of each step of a flow, as it runs."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}

    def watching(self, cached: Callable[..., Any]) -> Callable[..., Any]:
        """`derive.cached` that measures what runs in it."""

        def watched(name: str, run: Callable[..., Any], *rest: Any, **inputs: Any) -> Any:
            return cached(name, self._measured(name, run), *rest, **inputs)

        return watched

    def _measured(self, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def measured(**inputs: Any) -> Any:
            before = _rested()
            started = time.process_time()
            made = run(**inputs)
            seconds = time.process_time() - started
            peak = _memory("VmHWM") - before
            held = self.steps.setdefault(name, {"seconds": 0.0, "peak": 0.0})
            held["seconds"] += seconds
            held["peak"] = max(held["peak"], peak)
            return made

        return measured


def _rested() -> int:
    """Bytes held after everything that can be given back is, with the peak set back to them."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str, process: str | int = "self") -> int:
    """Bytes of one of a process's numbers."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def watch_flow(stem: str, rows: int) -> dict[str, Any]:
    """The flow on a sample of about `rows` rows, in this process: its steps, its rows, its peak."""
    import importlib

    from tasks.publish import publish as publishing
    from tasks.sources import acquire as acquiring

    meter = Meter()
    for module in (derive, acquiring, publishing):
        module.cached = meter.watching(module.cached)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as root:
        run = getattr(importlib.import_module(f"flows.{stem}"), stem)
        started = time.process_time()
        published = run(data_dir=Path(root), scale=rows / ROWS_OF_SCALE[stem])
        seconds = time.process_time() - started
    manifest = published.manifest
    return {"rows": manifest["rows"]["in"], "steps": meter.steps, "seconds": seconds}


def cost(stem: str, rows: int) -> None:
    """Print the table of one dataset: the difference of two sizes, so that what does not grow is not counted."""
    small, large = (_in_a_process(stem, size) for size in (rows // 4, rows))
    more = (large["rows"] - small["rows"]) / MILLION
    print(f"\n{stem}: {small['rows']:,} and {large['rows']:,} raw rows\n")
    print("| step | processor s / 1M rows | peak memory, bytes / row | peak at the larger size, MB |")
    print("|---|---|---|---|")
    for step, measured in large["steps"].items():
        before = small["steps"].get(step, {"seconds": 0.0, "peak": 0.0})
        seconds = (measured["seconds"] - before["seconds"]) / more
        slope = (measured["peak"] - before["peak"]) / more / MILLION
        print(f"| {step} | {seconds:.1f} | {slope:.0f} | {measured['peak'] / 1e6:.0f} |")
    print(f"| whole flow | {(large['seconds'] - small['seconds']) / more:.1f} | | |", flush=True)


def _in_a_process(stem: str, rows: int) -> dict[str, Any]:
    """A process of its own, so that one size's memory is not the other's."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_scale", "--watch", stem, "--rows", str(rows)]
    environment = {**os.environ, "PREFECT_HOME": tempfile.mkdtemp(), "AUTOMEND_DVC": "false"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


# ---------------------------------------------------------------------------------------------------------- the runners


@flow
def step(fn: Any, files: Any, decode: Any) -> Any:
    return derive.derive_batches(fn, *files, decode=decode)


@contextmanager
def workers(count: int) -> Iterator[Any]:
    """A cluster of so many workers that the shards go to; 0: this process. Yields it, or None."""
    cluster = shards.local_cluster(count) if count else None
    os.environ["AUTOMEND_RUNNER"] = str(cluster.scheduler_address) if cluster else shards.THREADS
    settings.cache_clear()
    try:
        yield cluster
    finally:
        if cluster:
            cluster.close(timeout=60)


def runners(stem: str, rows: int) -> None:
    """Print wall-clock seconds of the sharded step, on warm workers, and the workers' peak memory."""
    source, fn, decode = STEPS[stem]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        warm = _files(source, root / "warm", 300 / ROWS_OF_SCALE[stem] if stem == "ds6_the_stack" else 0.05)
        files = _files(source, root / "data", rows / ROWS_OF_SCALE[stem])
        size = sum(raw.file.stat().st_size for raw in files)
        shards.SHARD_BYTES = max(1, size // 12)
        count = len(shards.shards_of(shards.Work(root, fn, files, decode, {})))
        alone: tuple[float, list[str]] | None = None
        for number in (0, 1, 2):
            with workers(number) as cluster:
                _timed(fn, warm, decode)
                before = _processor(cluster)
                seconds, hashes = _timed(fn, files, decode)
                here, there = (after - at for after, at in zip(_processor(cluster), before, strict=True))
                peaks = _worker_peaks(cluster)
            alone = alone or (seconds, hashes)
            told = "same" if hashes == alone[1] else "OTHER"
            where = f"{number} Dask workers, {count} shards" if number else "this process"
            numbers = f"{seconds:.1f} | {alone[0] / seconds:.2f} | {here:.1f} | {there:.1f} | {peaks}"
            print(f"| {stem} | {where} | {numbers} | {told} |", flush=True)


def _processor(cluster: Any) -> tuple[float, float]:
    """Processor seconds so far of this process, and of the cluster's workers together."""
    spent = [psutil.Process(pid).cpu_times() for pid in _pids(cluster)]
    return time.process_time(), sum(times.user + times.system for times in spent)


def _pids(cluster: Any) -> list[int]:
    return [nanny.process.pid for nanny in cluster.workers.values()] if cluster else []


def _files(source: Any, root: Path, scale: float) -> tuple[Any, ...]:
    folder = root / "raw" / source.stem / "sample"
    folder.mkdir(parents=True)
    source.sample(folder, 42, scale)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "truth.json")
    return tuple(snapshots.as_snapshot(file, root, "sample", source.count) for file in files)


def _timed(fn: Any, files: Any, decode: Any) -> tuple[float, list[str]]:
    """(seconds, hashes of what was written); nothing is taken from an earlier run."""
    from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

    with temporary_settings(updates={PREFECT_TASKS_REFRESH_CACHE: True}):
        started = time.perf_counter()
        made = step(fn, files, decode)
        return time.perf_counter() - started, [snapshot.sha256 for snapshot in made]


def _worker_peaks(cluster: Any) -> str:
    """Peak memory of each worker process in MB, "" without a cluster."""
    return ", ".join(f"{_memory('VmHWM', pid) / 1e6:.0f}" for pid in _pids(cluster))


def nothing(batch: Any) -> tuple[Any, Any]:
    return batch, batch[:0]


def trivial() -> None:
    """Print what a shard costs that has nothing to do, on two warm workers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = tuple(
            snapshots.write(pa.table({"x": [n]}), f"t{n}", Path("interim/toy"), root, "local") for n in range(TRIVIAL)
        )
        shards.SHARD_BYTES = 1
        with workers(2):
            _timed(nothing, files[:4], snapshots.row_groups)
            seconds, _ = _timed(nothing, files, snapshots.row_groups)
        with workers(0):
            alone, _ = _timed(nothing, files, snapshots.row_groups)
    each = (seconds - alone) / TRIVIAL
    print(
        f"\n{TRIVIAL} shards with nothing to do, two workers: {seconds:.1f} s, {each:.2f} s a shard (one after another)"
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--only", choices=[stem[:3] for stem in STEPS])
    parser.add_argument("--table", choices=["cost", "runners", "shard"])
    parser.add_argument("--watch", choices=list(STEPS), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.watch:
        with prefect_test_harness(server_startup_timeout=300):
            found = watch_flow(asked.watch, asked.rows)
        print(json.dumps(found))
        return
    stems = [stem for stem in STEPS if asked.only in (None, stem[:3])]
    if asked.table in (None, "cost"):
        for stem in stems:
            cost(stem, round(asked.rows * SHARE[stem]))
    if asked.table in (None, "runners", "shard"):
        with prefect_test_harness(server_startup_timeout=300):
            _shared_out(stems, asked)


def _shared_out(stems: list[str], asked: argparse.Namespace) -> None:
    if asked.table != "shard":
        columns = ["wall-clock s", "times as fast", "processor s here", "of the workers", "their peaks, MB", "bytes"]
        print(f"\n| dataset | where | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
        for stem in stems:
            runners(stem, round(asked.rows * SHARE[stem]))
    if asked.table != "runners":
        trivial()


if __name__ == "__main__":
    main()
