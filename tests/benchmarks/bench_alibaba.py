"""DS1 at the trace's size: raw rows to labelled windows, against merely reading the same CSV files.

`python -m tests.benchmarks.bench_alibaba [--rows 16000000]` writes that many batch_instance rows and an eighth of it in
server_usage rows, 1,313 machines in the real layout, into a temporary folder. Then, each in a process of its own, best
of REPEATS: polars and pyarrow read both files, all columns; and the flow's two steps run on them: decode and select,
batch by batch into a Parquet snapshot, then windows from that snapshot. Limits: 4 times the reading, 3 GiB, linear.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv

from schemas import ds1_alibaba as ds1
from schemas.limits import LoadRules
from tasks.engine import snapshots
from tasks.pipelines.ds1_alibaba import source as alibaba
from tasks.pipelines.ds1_alibaba.parse import select
from tasks.pipelines.ds1_alibaba.windows import windows

MACHINES = 1_313
CHUNK = 500_000
SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
REPEATS = 2
USUAL = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
FILES = ("server_usage.csv", "batch_instance.csv")
STATUSES = ("Terminated", "Failed", "Running", "Interupted")


def usage(first: int, count: int) -> pa.Table:
    """server_usage rows `first` and on: every machine every 300 s."""
    number = np.arange(first, first + count)
    draw = np.random.default_rng([1, first])
    percent = [np.round(draw.uniform(low, high, count), 6) for low, high in ((5, 75), (30, 75), (20, 60))]
    loads = [np.round(draw.uniform(1, 20, count), 2) for _ in range(3)]
    return _table([39_600 + number // MACHINES * 300, number % MACHINES + 1, *percent, *loads])


def instances(first: int, count: int) -> pa.Table:
    """batch_instance rows `first` and on, eight for each usage row; one in twenty has no usage."""
    draw = np.random.default_rng([2, first])
    end = np.sort(
        39_600 + (first + draw.integers(0, count, count)) // (8 * MACHINES) * 300 + draw.integers(0, 300, count)
    )
    ids = [draw.integers(1, high, count) for high in (13_000, 90_000, MACHINES + 1)]
    status = pa.array(STATUSES).take(pa.array(draw.choice(4, count, p=(0.97, 0.01, 0.01, 0.01))))
    missing = draw.random(count) < 0.05
    used = [pa.array(np.round(draw.uniform(0, high, count), 6), mask=missing) for high in (3, 2, 0.05, 0.03)]
    return _table([end - draw.integers(5, 400, count), end, *ids, status, *[np.ones(count, int)] * 2, *used])


def _table(columns: list[object]) -> pa.Table:
    return pa.table(columns, names=[f"c{n}" for n in range(len(columns))])


def generate(folder: Path, rows: int) -> None:
    """Write the files; a smaller share of the rows is a prefix of both files, copied to a folder of its own."""
    for name, make, total in zip(FILES, (usage, instances), (rows // 8, rows), strict=True):
        with (folder / name).open("wb") as file:
            ends, chunk = {0: 0}, min(CHUNK, -(-total // 16))
            for first in range(0, total, chunk):
                count = min(chunk, total - first)
                pyarrow.csv.write_csv(make(first, count), file, USUAL)
                ends[first + count] = file.tell()
        for share in SHARES[:-1]:
            wanted = max(end for row, end in ends.items() if row <= total * share)
            _prefix(folder / name, folder / str(share) / name, wanted)


def _prefix(whole: Path, part: Path, size: int) -> None:
    part.parent.mkdir(exist_ok=True)
    with whole.open("rb") as source, part.open("wb") as target:
        while size and (data := source.read(min(size, 1 << 24))):
            target.write(data)
            size -= len(data)


def read_polars(folder: Path) -> int:
    return sum(pl.read_csv(folder / name, has_header=False).height for name in FILES)


def read_pyarrow(folder: Path) -> int:
    names = pyarrow.csv.ReadOptions(autogenerate_column_names=True)
    return sum(pyarrow.csv.read_csv(folder / name, names).num_rows for name in FILES)


def ours(folder: Path) -> int:
    """Raw files to labelled windows, as the flow does it; the ledger must add up."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder) as root:
        kept = snapshots.TableWriter("kept", Path("interim"), Path(root), "sample")
        rejects = snapshots.TableWriter("rejects", Path("interim"), Path(root), "sample")
        with kept, rejects:
            for batch in _batches(folder):
                for writer, part in zip((kept, rejects), select(batch, machine_cores=ds1.MACHINE_CORES), strict=True):
                    writer.append(part)
        selected = time.perf_counter()
        sequences, left_out = windows(
            snapshots.read(kept.snapshot),
            window_seconds=int(ds1.WINDOW.total_seconds()),
            history=ds1.HISTORY,
            trace_start=ds1.TRACE_START,
            load=LoadRules(),
        )
    told = int(sequences["rows"].sum()) + len(left_out) + rejects.snapshot.rows
    print(f"select {selected - began:.1f} s, windows {time.perf_counter() - selected:.1f} s", end=" ", file=sys.stderr)
    print(f"({len(sequences):,} sequences)", file=sys.stderr)
    return told


def _batches(folder: Path) -> Iterator[pd.DataFrame]:
    for name in FILES:
        for table in alibaba.decode(folder / name, name):
            yield table.to_pandas(types_mapper=pd.ArrowDtype)


WORKS: dict[str, Callable[[Path], int]] = {"polars": read_polars, "pyarrow": read_pyarrow, "ours": ours}


def measure(work: str, folder: Path) -> None:
    """Run one work in this process and print what it took."""
    began, busy = time.perf_counter(), time.process_time()
    rows = WORKS[work](folder)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "busy": busy, "peak": peak}))


def measured(work: str, folder: Path, repeats: int = REPEATS) -> dict[str, float]:
    """The fastest of some runs of one work, each in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_alibaba", "--measure", work, "--folder", str(folder)]
    runs = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(repeats)]
    return min(runs, key=lambda run: run["seconds"])


def report(folder: Path) -> None:
    """Print one line for each share of the rows; the ratios are of seconds on the clock, and of processor seconds."""
    titles = (*(f"{work} s" for work in WORKS), "x polars", "x pyarrow", "(cpu)", "(cpu)", "us/row", "peak GiB")
    print(f"{'rows':>12}" + "".join(f"{title:>11}" for title in titles))
    for share in SHARES:
        runs = {work: measured(work, folder if share == 1 else folder / str(share)) for work in WORKS}
        if len({run["rows"] for run in runs.values()}) != 1:
            raise SystemExit(f"The ledger does not add up: {runs}")
        print(f"{runs['ours']['rows']:>12,}" + "".join(f"{number:>11.2f}" for number in _line(runs)), flush=True)


def _line(runs: dict[str, dict[str, float]]) -> Iterator[float]:
    mine = runs["ours"]
    yield from (run["seconds"] for run in runs.values())
    yield from (mine[unit] / runs[peer][unit] for unit in ("seconds", "busy") for peer in ("polars", "pyarrow"))
    yield mine["seconds"] / mine["rows"] * 1e6
    yield mine["peak"] / 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=16_000_000, help="batch_instance rows; server_usage has an eighth")
    parser.add_argument(
        "--folder", type=Path, help="where the files are kept for another run (default: a temporary one)"
    )
    parser.add_argument("--measure", choices=WORKS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / FILES[-1]).exists():
            folder.mkdir(exist_ok=True)
            generate(folder, given.rows)
        report(folder)


if __name__ == "__main__":
    main()
