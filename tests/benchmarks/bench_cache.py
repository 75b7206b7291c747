"""A second run of Track A against the first, on generated data: `python -m tests.benchmarks.bench_cache [scale]`.

Both runs are processes of their own, started like a user starts them, with a temporary Prefect server each. Printed:
the flow's own time (Prefect's record of the run) and the whole command's (imports and the server's start included).
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.conftest import PROJECT

STAMP = re.compile(
    r"^(\d\d:\d\d:\d\d\.\d{3}) \|.*(Beginning flow run .* for flow 'track-a'|Finished in state)", re.MULTILINE
)


def seconds(root: Path, home: Path, scale: str) -> tuple[float, float]:
    """(flow, command) wall seconds of one run."""
    env = {**os.environ, "PREFECT_HOME": str(home)}
    command = [sys.executable, "flows/track_a.py", "--scale", scale, "--data-dir", str(root)]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - begun
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    stamps = [datetime.strptime(stamp, "%H:%M:%S.%f") for stamp, _ in STAMP.findall(done.stdout + done.stderr)]  # noqa: DTZ007
    return (stamps[-1] - stamps[0]).total_seconds(), taken


def main(scale: str = "1.0") -> None:
    """Print both runs and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [seconds(Path(folder) / "data", Path(folder) / "home", scale) for _ in range(2)]
    for name, (flow, command) in zip(("first", "second"), runs, strict=True):
        print(f"{name:7} run, sample at scale {scale}: flow {flow:6.1f} s, whole command {command:6.1f} s")
    (flow_1, command_1), (flow_2, command_2) = runs
    print(f"second / first: flow {flow_2 / flow_1:.2f} (target 0.25), whole command {command_2 / command_1:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
