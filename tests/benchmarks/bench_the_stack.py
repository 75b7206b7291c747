"""DS6's pure path on the real infrastructure files, by stage, in files a second.

`python -m tests.benchmarks.bench_the_stack [--rounds 3]` reads `iac/iac_files.parquet` of `$AUTOMEND_REAL_DATA` (or
`../shared/data`) in one process. Limit: 5 times the 490 files/s of the earlier implementation, over everything:
reading the shard, rules, YAML, redaction with its checks, requests, scenarios, duplicates. Stages are timed apart, the
whole is timed as the flow runs it; wall-clock, best round.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.curate.privacy import pii, pii_manifest
from tasks.curate.text import yaml_manifests as manifests
from tasks.pipelines.ds6_the_stack import conversations as stack
from tasks.pipelines.ds6_the_stack import source as the_stack
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.manifest import manifest
from tasks.pipelines.ds6_the_stack.rules import file_rules
from tasks.quality import row_rules

EARLIER = 490  # files/s, the earlier implementation on these files
LIMIT = 5 * EARLIER
PROJECT = Path(__file__).resolve().parents[2]


def real_file() -> Path:
    """The real files, wherever they are."""
    folder = os.environ.get("AUTOMEND_REAL_DATA", PROJECT.parent / "shared" / "data")
    return Path(folder) / "iac" / "iac_files.parquet"


def read(path: Path) -> list[pd.DataFrame]:
    """The shard's batches."""
    return [table.to_pandas(types_mapper=pd.ArrowDtype) for table in the_stack.decode(path, path.name)]


def whole(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the flow does, in one process: (kept, left out)."""
    made, left = zip(*map(stack.conversations, read(path)), strict=True)
    kept, copies = distinct(pd.concat(made, ignore_index=True))
    return kept, pd.concat([*left, copies], ignore_index=True)


def timed(step: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """(seconds, result)."""
    started = time.perf_counter()
    result = step(*arguments)
    return time.perf_counter() - started, result


def stages(path: Path) -> dict[str, float]:
    """Seconds of each stage by itself; every one gets what the ones before it keep."""
    seconds, frames = {}, []
    seconds["read"], frames = timed(read, path)
    rules = file_rules(())
    seconds["rules"], reasons = timed(lambda: [row_rules.first_reason(frame, rules) for frame in frames])
    texts = [text for frame, found in zip(frames, reasons, strict=True) for text in frame.loc[found.isna(), "content"]]
    seconds["YAML"], trees = timed(lambda: [_or_none(manifests.documents, text) for text in texts])
    sound = [text for text, tree in zip(texts, trees, strict=True) if tree is not None]
    seconds["redact"], redacted = timed(lambda: [pii_manifest.redact_manifest(text).text for text in sound])
    seconds["leaks"], _ = timed(lambda: [pii_manifest.leaks(text) for text in redacted])
    ready = [made for text in sound if (made := _or_none(manifest, text))]
    seconds["requests"], asked = timed(stack._requests, ready)
    seconds["requests' leaks"], _ = timed(pii.find_all, asked)
    return seconds


def _or_none(step: Callable[[str], Any], text: str) -> Any:
    try:
        return step(text)
    except manifests.Refused:
        return None


def main(arguments: list[str] | None = None) -> int:
    """Print files/s by stage and over all; 1 when the whole is slower than the limit, 0 too where there is no data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args(arguments).rounds
    path = real_file()
    if not path.is_file():
        print(f"needs the public infrastructure files; {path} is not there (set AUTOMEND_REAL_DATA)")
        return 0
    files = the_stack.count(path)
    best = {name: min(times) for name, times in _columns([stages(path) for _ in range(rounds)]).items()}
    for name, seconds in best.items():
        print(f"{name:>16} {seconds:6.2f} s {files / seconds:10,.0f} files/s")
    busy = time.process_time()
    seconds, (kept, left) = min((timed(whole, path) for _ in range(rounds)), key=lambda result: result[0])
    busy = (time.process_time() - busy) / rounds
    rate = files / seconds
    print(f"{'whole path':>16} {seconds:6.2f} s {rate:10,.0f} files/s, {rate / EARLIER:.1f} times {EARLIER}; limit 5")
    print(f"{'processor':>16} {busy:6.2f} s {files / busy:10,.0f} files/s, mean of all rounds")
    print(f"{files:,} files: {len(kept):,} kept, {len(left):,} left out")
    print(left.groupby(["outcome", "reason"]).size().sort_values(ascending=False).to_string())
    return int(rate < LIMIT)


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


if __name__ == "__main__":
    sys.exit(main())
