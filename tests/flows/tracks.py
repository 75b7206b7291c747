"""Both tracks as values: what their common tests must know of each. Runs of them, in this process and in others."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.settings import PREFECT_API_URL

from flows.track_a import track_a
from flows.track_b import track_b
from tests import stems
from tests.conftest import PROJECT


@dataclass(frozen=True)
class Track:
    """A track: its flow, the size of its sample, and what must hold of its runs."""

    flow: Flow[..., Any]
    name: str  # of its folder below processed/
    stems: tuple[str, ...]
    scale: float
    ending: str  # of its data files
    of_dataset: tuple[str, ...]  # files that each dataset publishes beside its data
    of_track: tuple[str, ...]  # files of the track's own folder
    more: tuple[str, ...]  # further files, below the data folder
    never_cached: frozenset[str]  # tasks that run each time; subflows are among them
    most_task_runs: int  # of one dataset
    real: str  # folder of public files in which some datasets have none
    absent: tuple[str, ...]  # those datasets

    @property
    def combined(self) -> str:
        return f"processed/{self.name}_combined{self.ending}"

    @property
    def files(self) -> list[str]:
        """Every file that others rely on, below the data folder."""
        parts = [f"{split}{self.ending}" for split in ("train", "validation", "test")]
        own = (*parts, "DATASHEET.md", "report.html", "manifest.json", "run.json", "quarantine.parquet", *self.of_track)
        return [
            *(f"interim/{stem}{self.ending}" for stem in self.stems),
            *(f"processed/{stem}/{name}" for stem in self.stems for name in (f"{stem}{self.ending}", *self.of_dataset)),
            self.combined,
            *(f"processed/{self.name}/{name}" for name in own),
            *self.more,
        ]

    def run(self, root: Path, **parameters: Any) -> Any:
        """The final state of a run on the sample, in this process."""
        return self.flow(mode="sample", scale=self.scale, data_dir=root, return_state=True, **parameters)

    def start(self, root: Path, home: Path) -> "subprocess.Popen[bytes]":
        """A run in a process of its own, with a result store of its own: nothing is cached at first."""
        env = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_LOCAL_STORAGE_PATH": str(home)}
        program = f"flows/{self.flow.fn.__name__}.py"
        command = [sys.executable, program, "--scale", str(self.scale), "--data-dir", str(root)]
        return subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@dataclass(frozen=True)
class Run:
    """One undisturbed run of a track: its data folder and its final state."""

    track: Track
    root: Path
    state: Any


def moved(run: Run, folder: Path) -> Path:
    """A copy of a run's data folder: a run there finds everything that the first one made."""
    shutil.copytree(run.root, folder, dirs_exist_ok=True, symlinks=True)
    return folder


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    """Until the condition is true or the process has ended."""
    while process.poll() is None and not condition():
        time.sleep(0.01)


TRACK_A = Track(
    flow=track_a,
    name="track_A",
    stems=stems.TRACK_A,
    scale=0.1,
    ending=".parquet",
    of_dataset=("anomalies.json", "bias_report.json", "manifest.json", "quarantine.parquet"),
    of_track=("vocabulary.json",),
    more=(
        "interim/ds2_loghub_events.parquet",
        "processed/ds1_alibaba/schema_stats.json",
        "processed/ds2_loghub/statistics_report.json",
    ),
    never_cached=frozenset({"publish", "publish_track", "extend_vocabulary", "ds1-alibaba", "ds2-loghub"}),
    most_task_runs=12,
    real="loghub/2k",
    absent=("ds1_alibaba",),
)
TRACK_B = Track(
    flow=track_b,
    name="track_B",
    stems=stems.TRACK_B,
    scale=0.2,
    ending=".jsonl",
    of_dataset=(
        "anomalies.json",
        "bias_report.json",
        "manifest.json",
        "quarantine.parquet",
        "schema_stats.json",
        "verification.json",
    ),
    of_track=("duplicates.parquet", "NOTICE.txt"),
    more=(),
    never_cached=frozenset({"publish", "publish_track", "generate", *(s.replace("_", "-") for s in stems.TRACK_B)}),
    most_task_runs=18,
    real="glaive",
    absent=("ds3_stackoverflow", "ds6_the_stack"),
)
