"""Processes that tests start and stop by themselves: Prefect servers and workers, and whatever else listens on a port.

Everything listens on a free port of 127.0.0.1 and is stopped by its process id, gently first.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import PROJECT

TIMEOUT_S = 300  # a server starts in 15 s on a quiet machine; two cores may be shared with many others
CLI = [sys.executable, "-m", "prefect"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(true: Callable[[], Any], seconds: float, what: str, pause: float = 0.5) -> Any:
    """What `true` returns once it is true; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(pause)
    return found


def answers(url: str, status: int = 200) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == status
    except httpx.HTTPError:
        return False


def needs(program: str, package: str) -> str:
    """Path of a program; skips the test, saying how to get it, where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs {program}: `apt-get install {package}` or `make test-tools`")
    return found


def stop(process: "subprocess.Popen[bytes]", seconds: float = 10) -> None:
    """SIGTERM, then SIGKILL to what is left of its group: a worker may not stop on the first signal."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:  # children of a session of its own
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def running(command: list[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a session of its own, its output in `log`, stopped at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=dict(env or os.environ), stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            stop(process)


@dataclass(frozen=True)
class Platform:
    """A Prefect server of the test's own: `env` leads every client to it."""

    home: Path
    api: str
    env: dict[str, str] = field(repr=False)

    @property
    def log(self) -> Path:
        return self.home / "log"

    def prefect(self, *args: str, timeout: float = 400) -> "subprocess.CompletedProcess[str]":
        """`prefect <args>` in the project's folder."""
        return self.run(*CLI, *args, timeout=timeout)

    def run(self, *command: str, timeout: float = 400) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=PROJECT, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def told(self, *args: str) -> Any:
        """The JSON that a `prefect … --output json` prints; the test fails with its words when it fails."""
        done = self.prefect(*args, "--output", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def post(self, path: str, body: Any = None) -> Any:
        """POST to the server's API, its JSON answer."""
        for _ in range(5):
            answer = httpx.post(f"{self.api}/{path}", json=body or {}, timeout=30, auth=self._auth())
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:  # SQLite is locked for a moment
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.api}/{path}", timeout=30, auth=self._auth())
        answer.raise_for_status()
        return answer.json()

    def _auth(self) -> tuple[str, str] | None:
        user, _, password = self.env.get("PREFECT_API_AUTH_STRING", "").partition(":")
        return (user, password) if password else None

    @contextmanager
    def here(self) -> Iterator[None]:
        """Let the Prefect client of our own process talk to the server meanwhile.

        Prefect keeps the connection that its events go through for as long as the process lives, whatever is set
        later: without an end before and after, events of other tests would be sent to a server that is gone.
        """
        from prefect.events.worker import EventsWorker
        from prefect.settings import PREFECT_API_URL, temporary_settings

        EventsWorker.drain_all(at_exit=False)
        try:
            with temporary_settings({PREFECT_API_URL: self.api}):
                yield
        finally:
            EventsWorker.drain_all(at_exit=False)

    @contextmanager
    def worker(self, *args: str, pool: str = "automend", kind: str = "process") -> Iterator["subprocess.Popen[bytes]"]:
        """`prefect worker start` on a pool, made if it is missing."""
        self.prefect("work-pool", "create", pool, "--type", kind)  # refused when it is there
        command = [*CLI, "worker", "start", "--pool", pool, "--type", kind, *args]
        with running(command, self.home / "worker.log", self.env) as process:
            yield process


@contextmanager
def server(home: Path, env: Mapping[str, str] | None = None, port: int | None = None) -> Iterator[Platform]:
    """A Prefect server on a free port; `env` adds to its environment and to its clients'. SQLite unless told else."""
    port = port or free_port()
    api = f"http://127.0.0.1:{port}/api"
    every = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # the default of 10 is most of a short test
        **(env or {}),
    }
    platform = Platform(home, api, every)
    home.mkdir(parents=True, exist_ok=True)
    with running([*CLI, "server", "start", "--port", str(port)], platform.log, every):
        wait_until(lambda: answers(f"{api}/health"), TIMEOUT_S, "the server's start")
        yield platform
