"""A real server, pool and worker run what prefect.yaml describes."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.conftest import PROJECT

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployments")]

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(0.5)


def healthy(api: str) -> bool:
    try:
        return httpx.get(f"{api}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def stop(process: "subprocess.Popen[bytes]") -> None:
    """A worker may not stop on the first SIGTERM."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """`prefect ...` against a server, a process pool and a worker of our own."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": api, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    cli = [sys.executable, "-m", "prefect"]

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*cli, *args], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=400, check=False
        )

    with (home / "log").open("wb") as log:
        server = subprocess.Popen([*cli, "server", "start", "--port", str(port)], env=env, stdout=log, stderr=log)
        try:
            wait_until(lambda: healthy(api), 120, "the server's start")
            assert run("work-pool", "create", "automend", "--type", "process").returncode == 0
            worker = subprocess.Popen(
                [*cli, "worker", "start", "--pool", "automend", "--type", "process"], env=env, stdout=log, stderr=log
            )
            yield run
            stop(worker)
        finally:
            stop(server)


@pytest.fixture(scope="module")
def deployed(prefect: Command) -> "subprocess.CompletedProcess[str]":
    return prefect("--no-prompt", "deploy", "--all")


def test_every_flow_is_deployed(prefect: Command, deployed: "subprocess.CompletedProcess[str]") -> None:
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    listed = json.loads(prefect("deployment", "ls", "--output", "json").stdout)
    names = {deployment["name"] for deployment in listed}
    assert {
        deployment["name"] for deployment in yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    } <= names
    assert {"track-a", "track-b", "ds6-the-stack"} <= names


@pytest.mark.parametrize(
    ("track", "made"), [("track-a", "track_A_combined.parquet"), ("track-b", "track_B_combined.jsonl")]
)
def test_a_worker_runs_a_track_to_completed_and_its_files_are_there(
    prefect: Command, deployed: "subprocess.CompletedProcess[str]", tmp_path: Path, track: str, made: str
) -> None:
    parameters = json.dumps({"mode": "sample", "data_dir": str(tmp_path), "scale": 0.1})
    told = prefect("deployment", "run", f"{track}/{track}", "--params", parameters, "--watch", "--watch-timeout", "300")
    assert told.returncode == 0, told.stdout + told.stderr
    assert (tmp_path / "processed" / made).is_file()
    runs = json.loads(prefect("flow-run", "ls", "--output", "json").stdout)
    assert {run["state_name"] if "state_name" in run else run["state"]["name"] for run in runs} == {"Completed"}


def test_a_parameter_of_the_wrong_kind_is_refused_before_anything_is_scheduled(
    prefect: Command, deployed: "subprocess.CompletedProcess[str]"
) -> None:
    told = prefect("deployment", "run", "track-a/track-a", "--params", json.dumps({"mode": "smaple"}))
    assert told.returncode != 0
