"""Flows that the tests of automations and outages deploy. Imports no test module: a worker's process runs it."""

import time
import zlib
from pathlib import Path

import pandas as pd
from prefect import get_run_logger

from schemas.finding import UserError
from tasks.engine import snapshots
from tasks.engine.derive import derive
from tasks.observe.pipeline import pipeline

FOLDER = Path("interim/watched")


class Refused(UserError):
    """What the failing flow says."""


@pipeline("refusing")
def refusing(data_dir: Path) -> None:
    """Fails at once, with a reason."""
    raise Refused(f"nothing to be found in {data_dir.name}")


def slow_step(table: pd.DataFrame, number: int, seconds: float) -> pd.DataFrame:
    """One more column, after a while: work that can be interrupted, and whose result is known."""
    time.sleep(seconds)
    return table.assign(**{f"step_{number}": table["seed"] * number})


@pipeline("watched")
def watched(data_dir: Path, count: int = 12, seconds: float = 10.0) -> Path:
    """`count` cached steps of `seconds`, one after the other; `processed/watched.parquet` has a column of each.

    The numbers are the folder's own, so that no run finds the results of another folder's.
    """
    first = zlib.crc32(data_dir.name.encode())
    made = snapshots.write(pd.DataFrame({"seed": range(first, first + 1_000)}), "seed", FOLDER, data_dir, "sample")
    for number in range(1, count + 1):
        made = derive(slow_step, made, number=number, seconds=seconds)
        get_run_logger().info("step %s of %s is done", number, count)
    target = data_dir / "processed" / "watched.parquet"
    snapshots.publish(made, target)
    return target
