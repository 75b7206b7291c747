"""A flow that says that it ran, and when: what tests/deployments/test_queue.py queues."""

import json
import os
import time
from pathlib import Path

from prefect import flow, task
from prefect.runtime import flow_run

from tasks.observe.pipeline import pipeline

BEGAN = time.time()


@flow
def queued(number: int, folder: Path, seconds: float = 1.0) -> None:
    """Append one line to the run's own file: number, and when its process came to this module and its work ended.

    Both in Unix time by one clock: a process's own start time is counted from the boot's, which is a whole second.
    """
    time.sleep(seconds)
    line = {"number": number, "began": BEGAN, "ended": time.time()}
    with (folder / f"{flow_run.id}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


@task
def connect() -> None:
    """What a database driver does with an address it cannot use: it quotes it, in a cause and in its own words."""
    address = os.environ["PLANTED_DSN"]
    raise RuntimeError(f"could not connect: {address}") from ConnectionError(f"connection to {address} refused")


@pipeline("careless")
def careless(data_dir: Path) -> None:
    """Fails with a secret in its error's text, in a task, and tells Slack so."""
    connect()
