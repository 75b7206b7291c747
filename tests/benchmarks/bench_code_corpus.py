"""The code corpus as people run it: seconds and MB/s of each step, and memory, on the real files and ten times them.

`python -m tests.benchmarks.bench_code_corpus [--times 10]` runs `python flows/code_corpus.py --mode local` with every
stage on, in a process and a data folder of its own, on `code/source_files.parquet` of `$AUTOMEND_REAL_DATA` (or
`../shared/data`); seconds of a stage are those of the run's own metrics. The larger corpus is made of the files
and of copies in which every name of several words is another, so that they are no near duplicates of each other. The
peer, in the same run, is gzip -6 over the same bytes: what a core of this machine takes to look at each byte once.

Limits: 5 MB/s over all stages, 1.5 GiB at the peak; with more files the peak stays within 20 %.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from prometheus_client.parser import text_string_to_metric_families

PROJECT = Path(__file__).resolve().parents[2]
FASTEST, LARGEST_PEAK, SAME = 5.0, 1536, 1.2  # MB/s, MiB, ratio
STAGE_SECONDS = "pipeline_processing_seconds_sum"
NAMES = re.compile(r"\b(?=\w*[a-z])(\w+_\w+|[a-z]+[A-Z]\w+|[A-Z][a-z]+[A-Z]\w*)\b")


def real_file() -> Path:
    """The real files, or an exit that says where they were searched."""
    folder = Path(os.environ.get("AUTOMEND_REAL_DATA", PROJECT.parent / "shared" / "data"))
    path = folder / "code" / "source_files.parquet"
    return path if path.is_file() else sys.exit(f"no real code at {path}: set AUTOMEND_REAL_DATA")


def copies(file: Path, times: int) -> Iterator[pa.Table]:
    """The files, then `times - 1` copies in other repositories, with other names in them and no hash to keep."""
    table = pq.read_table(file)
    yield table
    for number in range(1, times):
        renamed = [NAMES.sub(rf"\1_v{number}", text) for text in table["content"].to_pylist()]
        columns = {
            **{name: table[name] for name in table.column_names},
            "repo": pa.array([f"{repo}-{number}" for repo in table["repo"].to_pylist()]),
            "content": pa.array(renamed),
            "size": pa.array([len(text.encode()) for text in renamed]),
            "blob_sha": pa.nulls(len(renamed), pa.string()),
        }
        yield pa.table(columns)


def run(source: Path, data: Path) -> tuple[float, int, dict[str, float]]:
    """(seconds of the whole process, MiB at its peak, seconds by stage)."""
    command = [
        sys.executable,
        "flows/code_corpus.py",
        "--mode",
        "local",
        "--source",
        str(source),
        "--data-dir",
        str(data),
    ]
    env = {**os.environ, "AUTOMEND_DVC": "false", "PREFECT_HOME": str(data / "home"), "PREFECT_LOGGING_LEVEL": "ERROR"}
    env.pop("PREFECT_API_URL", None)
    (data / "home").mkdir(parents=True)
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss // 1024, stages((data / "logs/metrics/code-corpus.prom").read_text())


def stages(page: str) -> dict[str, float]:
    """Seconds of each step, by the run's metrics."""
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    found = {sample.labels["stage"]: sample.value for sample in samples if sample.name == STAGE_SECONDS}
    return {stage: seconds for stage, seconds in found.items() if stage != "flow"}  # which is all of them


def written(source: Path, times: int) -> float:
    """Write the corpus as Parquet files into a folder; MB of it."""
    size = 0
    for number, table in enumerate(copies(real_file(), times)):
        pq.write_table(table, source / f"files-{number:02d}.parquet", compression="zstd", row_group_size=1024)
        size += sum(table["size"].to_pylist())
    return size / 1e6


def measured(times: int) -> int:
    """One size: print its table, and return the peak in MiB.

    The corpus is written by another process: until a process has become the flow its memory is that of the one that
    started it, and counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            size = other.submit(written, source, times).result()
        files = sum(pq.read_metadata(path).num_rows for path in source.glob("*.parquet"))
        seconds, peak, found = run(source, Path(folder) / "data")
    print_stages(files, size, seconds, peak, found)
    return peak


def print_stages(files: int, size: float, seconds: float, peak: int, found: dict[str, float]) -> None:
    """Print seconds and MB/s of each stage, and the peak."""
    total = sum(found.values())
    print(f"\n{files:,} files, {size:,.1f} MB, every stage on")
    print(f"{'step':28}{'seconds':>9}{'MB/s':>9}")
    for stage, spent in sorted(found.items(), key=lambda pair: -pair[1]):
        if spent > 0.005 * total:
            print(f"{stage:28}{spent:9.2f}{size / spent:9.1f}")
    print(f"{'all steps':28}{total:9.2f}{size / total:9.1f}   {FASTEST:g} MB/s {_verdict(size / total >= FASTEST)}")
    print(f"{'the process, start to end':28}{seconds:9.2f}{size / seconds:9.1f}")
    print(f"peak {peak:,} MiB; {LARGEST_PEAK:,} {_verdict(peak <= LARGEST_PEAK)}")
    sys.stdout.flush()


def gzip_seconds(file: Path) -> float:
    """The peer: one core, every byte once."""
    texts = pq.read_table(file, columns=["content"])["content"].to_pylist()
    started = time.process_time()
    for text in texts:
        zlib.compress(text.encode(), 6)
    return time.process_time() - started


def main() -> None:
    """Both sizes, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="size of the larger corpus")
    parser.add_argument("--only", type=int, metavar="TIMES", help="this size alone")
    given = parser.parse_args()
    peaks = [measured(times) for times in ([given.only] if given.only else (1, given.times))]
    if not given.only:
        ratio = peaks[1] / peaks[0]
        print(f"\npeak {ratio:.2f} times at {given.times} times the files; {SAME:.2f} {_verdict(ratio <= SAME)}")
    size = sum(pq.read_table(real_file(), columns=["size"])["size"].to_pylist()) / 1e6
    spent = gzip_seconds(real_file())
    print(f"peer: gzip -6 of the real files on one core: {spent:.2f} s, {size / spent:.1f} MB/s")


def _verdict(holds: bool) -> str:
    return "holds" if holds else "does not hold"


if __name__ == "__main__":
    main()
