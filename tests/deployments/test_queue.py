"""Runs queued on a pool with two places: each is done once, none is lost, and never are more than two at work."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.production import Production, Staffed, deploy, ended, start
from tests.servers import Platform, server

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("production")]

PLACES = 2
ENTRYPOINT = "tests.deployments.queued.queued"


def done(platform: Platform, folder: Path, count: int, seconds: float) -> dict[str, Any]:
    """Queue `count` runs at once, wait for them all: run id -> the lines it wrote, measured on the way."""
    deployment = deploy(platform, ENTRYPOINT)
    begun = time.monotonic()
    runs = [start(platform, deployment, number=number, folder=str(folder)) for number in range(count)]
    states = {run: ended(platform, run, seconds)["state_name"] for run in runs}
    print(f"{count} runs, {PLACES} places: {time.monotonic() - begun:.0f} s")
    assert set(states.values()) == {"Completed"}, states
    return {run: _lines(folder / f"{run}.jsonl") for run in runs}


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def check(wrote: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Every run wrote once and nobody else did, and no more were at work than there are places."""
    assert {run: len(lines) for run, lines in wrote.items()} == dict.fromkeys(wrote, 1)
    assert {file.stem for file in folder.iterdir()} == set(wrote)
    lines = list(itertools.chain.from_iterable(wrote.values()))
    assert sorted(line["number"] for line in lines) == list(range(len(wrote)))
    assert most_at_once([(line["began"], line["ended"]) for line in lines]) <= PLACES


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """Most spans that hold one moment in common; one that ends as another begins holds none with it."""
    changes = sorted((time, step) for began, end in spans for time, step in ((began, 1), (end, -1)))
    return max(itertools.accumulate(step for _, step in changes))


def line(number: int, began: float) -> dict[str, float]:
    return {"number": number, "began": began, "ended": began + 1.5}


@pytest.mark.parametrize(
    "wrote",
    [
        {"a": [line(0, 0)], "b": []},  # lost
        {"a": [line(0, 0), line(0, 5)], "b": [line(1, 2)]},  # doubled
        {"a": [line(0, 0)], "b": [line(0, 2)]},  # one number done by two runs, another by none
        {"a": [line(0, 0)], "b": [line(1, 0.5)], "c": [line(2, 1)]},  # three at once
    ],
)
def test_a_lost_or_doubled_run_and_a_third_at_work_are_noticed(
    tmp_path: Path, wrote: dict[str, list[dict[str, Any]]]
) -> None:
    for run in wrote:
        (tmp_path / f"{run}.jsonl").touch()
    with pytest.raises(AssertionError):
        check(wrote, tmp_path)
    check({"a": [line(0, 0)], "b": [line(1, 1)], "c": [line(2, 1.5)]}, _touched(tmp_path / "whole", "abc"))


def _touched(folder: Path, names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / f"{name}.jsonl").touch()
    return folder


@pytest.mark.operations
def test_six_queued_runs_are_each_done_once_on_postgresql(production: Staffed[Production], tmp_path: Path) -> None:
    check(done(production.server, tmp_path, 6, 300), tmp_path)


@pytest.mark.operations
def test_fifty_queued_runs_are_each_done_once_on_postgresql(production: Staffed[Production], tmp_path: Path) -> None:
    check(done(production.server, tmp_path, 50, 1800), tmp_path)


@pytest.mark.operations
def test_fifty_queued_runs_are_each_done_once_on_sqlite(tmp_path: Path) -> None:
    folder = tmp_path / "wrote"
    folder.mkdir()
    with server(tmp_path / "home", {"PYTHONPATH": str(PROJECT)}) as made:
        made.post("work_pools/", {"name": "automend", "type": "process", "concurrency_limit": PLACES})
        with made.worker():
            check(done(made, folder, 50, 1800), folder)
