"""A local Prefect server and its worker, in the background: `python -m deployments.up start | stop | status`.

`start` returns once the server answers, the bootstrap has made pools, blocks, automations and deployments, and the
worker asks for runs. Process ids and logs are in `build/up/`. `prefect.toml` beside pyproject.toml points every command
of this folder to the server; `stop` removes it. Prefect's own `server start --background` is not used: its server
writes into a pipe that nobody reads, and it keeps no log.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import psutil
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from deployments.api_types import RunAnswer, WorkerAnswer
from schemas.document import Document
from schemas.settings import PROJECT

STATE = PROJECT / "build" / "up"
CONFIG = PROJECT / "prefect.toml"
POOL = "automend"
WORKER = "automend-local"
MARKER = "# Written by `make up`, removed by `make down`: leads the commands of this folder to the local server."
HEARTBEAT_S = 30  # the shortest that Prefect accepts; a run that misses three heartbeats is marked Crashed
START_S = 300  # a server starts in 15 s on a quiet machine; nine others may share its two cores
STOP_S = 20  # a worker or a server ends within 5 s; after this time it is killed
SAME_S = 60  # a process's start time is counted from the boot's, which moves when the clock is set
LAST_LINES = 15  # of a log, when its process died: a Python traceback's end and its cause

Name = Literal["server", "worker"]


def print_line(sentence: str) -> None:
    """To the terminal at once: the bootstrap, another process, writes there too."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


class NotUp(Exception):
    """Why `start` cannot go on, and what to do."""


class Address(NamedTuple):
    """Where the server listens."""

    host: str
    port: int

    @property
    def ui(self) -> str:
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  every address: ask the nearest
        return f"http://{host}:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.ui}/api"


class Started(BaseModel):
    """A process that `start` began, as it is kept in build/up/<name>.json."""

    model_config = ConfigDict(frozen=True)

    name: Name
    pid: int
    created: float  # seconds since the epoch, by psutil
    command: list[str]
    health: str  # answers 200 once the process does its work
    api: str  # of the server, without a trailing slash

    @property
    def log(self) -> Path:
        return STATE / f"{self.name}.log"


# ---------------------------------------------------------------- decisions


def written_config(api: str) -> str:
    """prefect.toml: two settings, and a first line that marks the file as ours."""
    return f'{MARKER}\n[api]\nurl = "{api}"\n\n[flows]\nheartbeat_frequency = {HEARTBEAT_S}\n'


def is_ours(config: str | None) -> bool:
    """Whether prefect.toml is missing or was written by `start`."""
    return config is None or config.startswith(MARKER)


def is_same(started: Started, created: float, command: Sequence[str]) -> bool:
    """Whether the process with this id is the one that was started: the system reuses ids."""
    return list(command[1:]) == started.command[1:] and abs(created - started.created) < SAME_S


def configured_api(config: str | None) -> str | None:
    """The API that our prefect.toml points to, None for no file and for a person's own."""
    return str(tomllib.loads(config)["api"]["url"]) if config and is_ours(config) else None


def chosen_elsewhere(configured: str | None, address: Address, ours: str | None) -> str | None:
    """The API that a person chose, None if it is the one that `start` would serve or has served (`ours`)."""
    if configured is None:
        return None
    here = {address.api, f"http://localhost:{address.port}/api", ours}
    return None if configured.rstrip("/") in here else configured


def port_in_use(address: Address, health: int | None) -> str:
    """Why the port is not free. `health`: status of /api/health there, None where no program answers HTTP."""
    other = f"PREFECT_SERVER_API_PORT={address.port + 1} make up"
    if health == 200:
        return (
            f"Port {address.port} is in use by a Prefect server that `make up` did not start in this folder. Use it "
            f"(PREFECT_API_URL={address.api}), stop it, or choose another port: `{other}`."
        )
    return f"Port {address.port} of {address.host} is in use by another program. Stop it, or choose another: `{other}`."


def start_failure(started: Started, log: str) -> str:
    """The sentence about a process that ended while it was expected to start."""
    lines = "\n".join(f"  {line}" for line in log.strip().splitlines()[-LAST_LINES:])
    return f"The {started.name} ended while it started. The last lines of {started.log}:\n{lines or '  (nothing)'}"


def has_reported(workers: Sequence[WorkerAnswer], worker: Started) -> bool:
    """Whether the server has had a heartbeat of the worker since it was started."""
    heard = [datetime.fromisoformat(each["last_heartbeat_time"]) for each in workers if each["name"] == WORKER]
    return any(each.timestamp() >= worker.created - 1 for each in heard)  # its start time is exact to 10 ms


def missed(runs: Sequence[RunAnswer]) -> list[str]:
    """Ids of scheduled runs whose time is past, except the newest of each deployment: a week offline is one run.

    `runs`: runs in state Scheduled whose time is past. A run that a person started is never among them.
    """
    scheduled = sorted((run for run in runs if run["auto_scheduled"]), key=lambda run: run["expected_start_time"])
    newest = {run["deployment_id"]: run["id"] for run in scheduled}
    return [run["id"] for run in scheduled if newest[run["deployment_id"]] != run["id"]]


# ---------------------------------------------------------------- settings and server


class Configured(NamedTuple):
    """Prefect's settings, from the environment, .env, prefect.toml, pyproject.toml and the profile."""

    api: str | None
    address: Address
    server_auth: str | None
    client_auth: str | None


def configured() -> Configured:
    """Prefect's settings as every command of this folder sees them."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    server = settings.server.api
    secrets = [value.get_secret_value() if value else None for value in (server.auth_string, settings.api.auth_string)]
    return Configured(settings.api.url, Address(server.host, server.port), *secrets)


def post(api: str, path: str, body: Document) -> Any:
    """POST to the server, its JSON answer. Raises httpx.HTTPError."""
    user, _, password = (configured().client_auth or "").partition(":")
    answer = httpx.post(f"{api}/{path}", json=body, timeout=10, auth=(user, password) if password else None)
    answer.raise_for_status()
    return answer.json()


def workers(api: str) -> list[WorkerAnswer]:
    """The pool's workers. Raises httpx.HTTPError."""
    return post(api, f"work_pools/{POOL}/workers/filter", {})


def cancel(api: str, runs: Iterable[str], why: str) -> None:
    """Mark runs Cancelled that have no process. Raises httpx.HTTPError."""
    state = {"type": "CANCELLED", "name": "Cancelled", "message": why}
    for run in runs:
        post(api, f"flow_runs/{run}/set_state", {"state": state, "force": True})


def skip_missed(api: str, report: Callable[[str], None]) -> None:
    """Cancel scheduled runs whose time passed while nothing ran here, except the newest of each deployment."""
    late = {
        "state": {"type": {"any_": ["SCHEDULED"]}},
        "expected_start_time": {"before_": datetime.now(UTC).isoformat()},
    }
    runs = missed(post(api, "flow_runs/filter", {"flow_runs": late}))
    cancel(api, runs, "Its time passed while nothing ran here.")
    if runs:
        report(
            f"{len(runs)} scheduled runs were missed while nothing ran here, and are skipped. The newest of each "
            "deployment runs now."
        )


# ---------------------------------------------------------------- processes


def read(path: Path) -> str | None:
    """The file's text, None where there is none."""
    return path.read_text() if path.is_file() else None


def recorded(name: Name) -> Started | None:
    """The process that was started under this name, alive or not."""
    text = read(STATE / f"{name}.json")
    return Started.model_validate_json(text) if text else None


def process_of(started: Started | None) -> psutil.Process | None:
    """The process, if it is alive and still the one that was started."""
    if started is None:
        return None
    try:
        process = psutil.Process(started.pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process if alive and is_same(started, process.create_time(), process.cmdline()) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended, or a process of another user
        return None


def status_of(url: str, timeout_s: float = 3) -> int | None:
    """HTTP status of a GET, None where there is no answer in time."""
    try:
        return httpx.get(url, timeout=timeout_s).status_code
    except httpx.HTTPError:
        return None


def is_free(address: Address) -> bool:
    """Whether a server can listen there now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def begin(name: Name, command: list[str], env: dict[str, str], health: str, api: str) -> Started:
    """Start a process in a session of its own, so that neither Ctrl-C nor the closed terminal ends it; keep its id."""
    log = STATE / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    seen = psutil.Process(process.pid)
    started = Started(name=name, pid=process.pid, created=seen.create_time(), command=command, health=health, api=api)
    (STATE / f"{name}.json").write_text(started.model_dump_json(indent=2))
    return started


def is_healthy(started: Started) -> bool:
    """Whether it does its work. A worker answers before it knows its pool: the server must also have its heartbeat."""
    if status_of(started.health) != 200:
        return False
    try:
        return started.name == "server" or has_reported(workers(started.api), started)
    except httpx.HTTPError:
        return False


def wait_healthy(started: Started, seconds: float = START_S) -> None:
    """Return once it does its work. Raises NotUp with the end of its log when it dies, or does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_healthy(started):
        if process_of(started) is None:
            raise NotUp(start_failure(started, read(started.log) or ""))
        if time.monotonic() > deadline:
            raise NotUp(
                f"The {started.name} (process {started.pid}) is alive but did not answer at {started.health} within "
                f"{seconds:.0f} s. See {started.log}; to start again: `make down`, then `make up`."
            )
        time.sleep(0.5)


def end(started: Started | None, name: Name) -> str:
    """Stop the process and its children: SIGTERM, after STOP_S SIGKILL. Another process with its id is not touched."""
    process = process_of(started)
    (STATE / f"{name}.json").unlink(missing_ok=True)
    if started is None or process is None:
        return f"The {name} was not running."
    family = [process, *process.children(recursive=True)]
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
    psutil.wait_procs([process], timeout=STOP_S)
    survivors = [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    for one in survivors:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(survivors, timeout=STOP_S)
    return f"The {name} (process {started.pid}) is stopped."


# ---------------------------------------------------------------- start


def environment(api: str) -> dict[str, str]:
    """Variables of the server, the bootstrap and the worker."""
    return {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S), **os.environ, "PREFECT_API_URL": api}


def serve(address: Address, report: Callable[[str], None]) -> Started:
    """The server that runs already, or a new one that answers. Raises NotUp."""
    running = recorded("server")
    if running is not None and process_of(running) is not None:
        wait_healthy(running)
        report(f"The server is already running (process {running.pid}): {running.api.removesuffix('/api')}")
        return running
    if not is_free(address):
        raise NotUp(port_in_use(address, status_of(f"{address.api}/health")))
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", address.host, "--port", str(address.port)]
    started = begin("server", command, environment(address.api), f"{address.api}/health", address.api)
    report(f"The server is starting (process {started.pid}). The first start on a machine creates its database.")
    wait_healthy(started)
    report(f"The server answers: {address.ui}")
    return started


def bootstrap(api: str) -> None:
    """Pools, blocks, variables, automations, deployments. Raises NotUp."""
    command = [sys.executable, "-m", "deployments.bootstrap"]
    code = subprocess.run(command, cwd=PROJECT, env=environment(api), check=False).returncode  # noqa: S603
    if code != 0:
        raise NotUp(
            f"The bootstrap failed (exit status {code}, see the error above). The server keeps running: correct the "
            "error, then `make up` again."
        )


def work(api: str, report: Callable[[str], None]) -> Started:
    """The worker that runs already, or a new one that asks for runs. Raises NotUp."""
    running = recorded("worker")
    if running is not None and process_of(running) is not None and running.api == api:
        wait_healthy(running)
        report(f"The worker is already running (process {running.pid}).")
        return running
    skip_missed(api, report)
    port = int(os.environ.get("PREFECT_WORKER_WEBSERVER_PORT") or free_port())
    env = {**environment(api), "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": str(port)}
    options = ["--pool", POOL, "--type", "process", "--name", WORKER, "--with-healthcheck"]
    command = [sys.executable, "-m", "prefect", "worker", "start", *options]
    started = begin("worker", command, env, f"http://127.0.0.1:{port}/health", api)
    wait_healthy(started)
    report(f"The worker (process {started.pid}) asks the pool {POOL} for runs.")
    return started


def refuse(settings: Configured, config: str | None) -> None:
    """Raise NotUp where a person's settings would make `start` fail later."""
    if not is_ours(config):
        raise NotUp(
            f"{CONFIG} is your own file, and `make up` would have to write [api] url into it. Either write url = "
            f'"{settings.address.api}" there and run `prefect server start`, or move the file away.'
        )
    if settings.server_auth and settings.server_auth != settings.client_auth:
        raise NotUp("PREFECT_SERVER_API_AUTH_STRING is set: set PREFECT_API_AUTH_STRING to the same, then `make up`.")


def start(report: Callable[[str], None] = print_line) -> None:
    """Server, prefect.toml, bootstrap, worker; a running process is kept. Raises NotUp."""
    settings, config = configured(), read(CONFIG)
    theirs = chosen_elsewhere(settings.api, settings.address, configured_api(config))
    if theirs is not None:
        report(
            f"Nothing is started here: PREFECT_API_URL points to {theirs}. To use that server, run `make bootstrap` "
            f"and `prefect worker start --pool {POOL}`. To use a local server, unset PREFECT_API_URL, then `make up`."
        )
        return
    refuse(settings, config)
    server = serve(settings.address, report)
    CONFIG.write_text(written_config(server.api))
    bootstrap(server.api)
    work(server.api, report)
    report(
        f"Up. UI: {server.api.removesuffix('/api')}. Logs: {STATE}. Stop it with `make down`. Run a flow, for example:"
    )
    report("  .venv/bin/prefect deployment run track-b/track-b --watch")


# ---------------------------------------------------------------- stop


def unfinished(api: str) -> dict[str, str]:
    """Names by id of the pool's runs that have begun and not ended, with their subflows."""
    begun = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    level = post(api, "flow_runs/filter", {"flow_runs": begun, "work_pools": {"name": {"any_": [POOL]}}})
    runs: dict[str, str] = {}
    while level:
        runs |= {run["id"]: run["name"] for run in level}
        children = {**begun, "parent_flow_run_id": {"any_": [run["id"] for run in level]}}
        level = post(api, "flow_runs/filter", {"flow_runs": children})
    return runs


def stop_worker(worker: Started | None, server: Started | None, report: Callable[[str], None]) -> None:
    """Stop the worker and its runs, and mark those runs Cancelled on the server."""
    api = server.api if server is not None and process_of(server) is not None else None
    try:
        runs = unfinished(api) if api and process_of(worker) is not None else {}
        report(end(worker, "worker"))
        if api and runs:
            cancel(api, runs, "Stopped by `make down`.")  # otherwise they stay Running for ever (Prefect #16746)
            report(f"Cancelled, because they had not finished: {', '.join(sorted(runs.values()))}.")
    except httpx.HTTPError as refused:
        report(f"The server does not answer ({refused}): unfinished runs stay Running there.")
        report(end(recorded("worker"), "worker"))


def stop(report: Callable[[str], None] = print_line) -> None:
    """Stop worker and server, then remove prefect.toml; each only if `start` made it."""
    server = recorded("server")
    stop_worker(recorded("worker"), server, report)
    report(end(server, "server"))
    if is_ours(read(CONFIG)):
        CONFIG.unlink(missing_ok=True)


# ---------------------------------------------------------------- status


def describe(started: Started | None, process: psutil.Process | None, health: int | None, name: Name) -> str:
    """One line about a process."""
    if started is None or process is None:
        return f"{name}: not running. Start it with `make up`."
    if health != 200:
        return f"{name}: process {started.pid} is alive, but does not answer at {started.health}. See {started.log}"
    return f"{name}: running (process {started.pid}), {started.api if name == 'server' else f'pool {POOL}'}"


def status(report: Callable[[str], None] = print_line) -> bool:
    """Report on both; whether both do their work."""
    names: tuple[Name, Name] = ("server", "worker")
    good = True
    for name in names:
        started = recorded(name)
        process = process_of(started)
        health = status_of(started.health) if started and process else None
        report(describe(started, process, health, name))
        good = good and health == 200
    return good


COMMANDS: dict[str, Callable[[], None]] = {"start": start, "stop": stop}


def main(args: Sequence[str]) -> int:
    """Exit status: 0 done (or up), 1 not up, 2 an unknown word."""
    word = args[0] if len(args) == 1 else ""
    if word not in {*COMMANDS, "status"}:
        sys.stderr.write("usage: python -m deployments.up start | stop | status\n")
        return 2
    os.chdir(PROJECT)  # prefect.toml and pyproject.toml are read from the working folder
    if word == "status":
        return int(not status())
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(STATE / "lock", timeout=0):
            COMMANDS[word]()
    except Timeout:
        sys.stderr.write("Another `make up` or `make down` is running in this folder: wait for it, then try again.\n")
        return 1
    except NotUp as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
