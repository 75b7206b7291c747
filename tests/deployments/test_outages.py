"""What happens when something dies in the middle of a run: real processes, killed; a real server, stopped.

Minutes: `make operations` runs it. The automations wait as long as in production. What was measured is written to
`build/operations/outages.md`, the table in deployments/OPERATIONS.md.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.types import SecretDict
from prefect_slack import SlackWebhook

from deployments.automations import automations
from tests.conftest import PROJECT
from tests.fakes.slack import SlackServer
from tests.servers import CLI, Platform, answers, free_port, running, server, wait_until

pytestmark = [pytest.mark.operations, pytest.mark.xdist_group("deployments")]

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
# Of every worker, as prefect.yaml gives it to its runs. A client's 5 retries (62 s) are too few for a server that was
# away for a minute and takes some more to start; 8 last 8 minutes.
OF_WORKERS = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_CLIENT_MAX_RETRIES": "8"}
STEPS, STEP_S = 12, 10.0  # of the flow `watched`: two minutes
DONE_BEFORE = 2  # steps that have ended when the harm is done
START_S = 300  # until a run has got so far, on a machine that is shared
OVER_S = 420  # until everything that may happen has happened
AFTERWARDS_S = 150  # the server waits two minutes for the run's own alert


@dataclass
class Case:
    """One run, what was done to it, and what was seen of it, in seconds since the harm."""

    name: str
    data: Path
    pool: str
    deployment: str
    run: str
    harmed: float = 0.0
    states: list[tuple[float, str]] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)
    final: bool = False

    def see(self, platform: Platform, slack: SlackServer) -> None:
        """Note a state, and a Slack message that names the run, when it is first seen."""
        now = round(time.monotonic() - self.harmed, 1)
        try:
            state = platform.get(f"flow_runs/{self.run}")["state"]
        except httpx.HTTPError:
            state = {"name": "(server away)", "type": "", "message": ""}
        if not self.states or self.states[-1][1] != state["name"]:
            self.states.append((now, state["name"]))
        self.final = state["type"] in FINAL
        texts = [text for text in map(json.dumps, slack.messages) if self.run in text]  # in its link
        self.told += [(now, text) for text in texts[len(self.told) :]]

    def heard_of_failure(self) -> list[tuple[float, str]]:
        return [(at, text) for at, text in self.told if "Pipeline Failed" in text or "*Run " in text]


def post(platform: Platform, path: str, body: Any) -> Any:
    """POST, again for a minute while the server is too busy: on a shared machine SQLite may be locked for long."""

    def attempt() -> Any:
        try:
            return platform.post(path, body)
        except (httpx.TimeoutException, httpx.HTTPStatusError) as fault:
            if (
                isinstance(fault, httpx.HTTPStatusError)
                and fault.response.status_code != httpx.codes.SERVICE_UNAVAILABLE
            ):
                raise
            return None

    return wait_until(attempt, 60, f"an answer to POST {path}", pause=2)


@contextmanager
def worker(platform: Platform, pool: str) -> Iterator[psutil.Process]:
    """A process worker; it makes its pool by itself."""
    command = [*CLI, "worker", "start", "--pool", pool, "--type", "process"]
    with running(command, platform.home / f"{pool}.log", platform.env) as process:
        yield psutil.Process(process.pid)


def deploy(platform: Platform, pool: str, seconds: float) -> str:
    """Id of a deployment of the flow `watched` on a pool of its own, once a worker has made the pool."""
    wait_until(lambda: answers(f"{platform.api}/work_pools/{pool}"), START_S, f"the pool {pool}", pause=2)
    flow = post(platform, "flows/", {"name": "watched"})["id"]
    body = {
        "name": f"watched-{pool}",
        "flow_id": flow,
        "entrypoint": "tests.deployments.watched.watched",
        "work_pool_name": pool,
        "pull_steps": [],
        "parameters": {"count": STEPS, "seconds": seconds},
        "job_variables": {"env": {"PYTHONPATH": str(PROJECT), "AUTOMEND_DVC": "false"}},
    }
    return str(post(platform, "deployments/", body)["id"])


def begin(platform: Platform, name: str, folder: Path, seconds: float = STEP_S) -> Case:
    """A run of `watched` named `name`, on the pool of that name."""
    deployment = deploy(platform, name, seconds)
    return Case(name, folder / name, name, deployment, start(platform, deployment, name, folder / name))


def start(platform: Platform, deployment: str, name: str, data: Path) -> str:
    body = {"name": name, "parameters": {"data_dir": str(data)}, "idempotency_key": name}
    return str(post(platform, f"deployments/{deployment}/create_flow_run", body)["id"])


def steps_done(case: Case) -> int:
    return len(list((case.data / "interim" / "watched").glob("slow_step*"))) if case.data.is_dir() else 0


def flow_processes(case: Case) -> list[psutil.Process]:
    """Every process of this machine that runs the case's flow run."""
    return [
        process for process in psutil.process_iter() if _environment(process).get("PREFECT__FLOW_RUN_ID") == case.run
    ]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def watch(cases: list[Case], platform: Platform, slack: SlackServer, seconds: float = OVER_S) -> None:
    """Look at every case each second until all have ended, and AFTERWARDS_S more for late messages."""
    deadline = time.monotonic() + seconds
    until = deadline
    while time.monotonic() < until:
        for case in cases:
            case.see(platform, slack)
        if all(case.final for case in cases):
            until = min(until, time.monotonic() + AFTERWARDS_S) if until == deadline else until
        time.sleep(1)


@contextmanager
def watched_platform(home: Path, slack: SlackServer, port: int) -> Iterator[Platform]:
    """A server with the alerts' blocks and all automations as in production, applied if they are not there yet."""
    with server(home, OF_WORKERS, port=port) as platform:
        with platform.here(), get_client(sync_client=True) as client:
            SlackWebhook(url=slack.url).save("automend-alerts", overwrite=True)
            webhook = Webhook(method="POST", url=slack.url, headers=SecretDict({"Content-Type": "application/json"}))
            block = webhook.save("automend-alerts-server", overwrite=True)
            if not client.read_automations():
                for automation in automations(block):
                    client.create_automation(automation)
        yield platform


def table(case: Case) -> str:
    """The case's row for OPERATIONS.md."""
    states = ", ".join(f"{name} at {at:+.0f} s" for at, name in case.states)
    told = "; ".join(f"{at:+.0f} s {json.loads(text).get('text', '')[:70]!r}" for at, text in case.told) or "nothing"
    return f"| {case.name} | {states} | {told} |\n"


def record(title: str, lines: list[str]) -> None:
    folder = PROJECT / "build" / "operations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{title}.md").write_text("".join(lines), encoding="utf-8")


def cached_steps(platform: Platform, run: str) -> int:
    """Steps that a run took from an earlier one; the server learns of them by events, a little later."""
    body = {"flow_runs": {"id": {"any_": [run]}}, "limit": 200}
    return sum(task["state_name"] == "Cached" for task in post(platform, "task_runs/filter", body))


def right(data: Path) -> bool:
    """The published file is whole and holds what every step makes."""
    made = pd.read_parquet(data / "processed" / "watched.parquet")
    return all((made[f"step_{number}"] == made["seed"] * number).all() for number in range(1, STEPS + 1))


# ---------------------------------------------------------------- something is killed


def kill_flow(case: Case, worker: psutil.Process) -> None:
    for process in flow_processes(case):
        process.kill()


def terminate_worker(case: Case, worker: psutil.Process) -> None:
    worker.send_signal(signal.SIGTERM)


def kill_worker(case: Case, worker: psutil.Process) -> None:
    worker.kill()


def lose_machine(case: Case, worker: psutil.Process) -> None:
    """Everything at once, the worker first, so that nobody can say anything."""
    doomed = [worker, *flow_processes(case)]
    for process in doomed:
        process.kill()


HARMS: dict[str, Callable[[Case, psutil.Process], None]] = {
    "flow-killed": kill_flow,
    "worker-terminated": terminate_worker,
    "worker-killed": kill_worker,
    "machine-lost": lose_machine,
}


@dataclass
class Aftermath:
    """What was seen of each case, and the server, which still runs."""

    cases: dict[str, Case]
    platform: Platform


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """All four harms side by side on one server, looked at until nothing more happens."""
    folder = tmp_path_factory.mktemp("outages")
    with SlackServer() as slack, watched_platform(folder / "home", slack, free_port()) as platform:
        with ExitStack() as stack:
            workers = {name: stack.enter_context(worker(platform, name)) for name in HARMS}
            cases = {name: begin(platform, name, folder) for name in HARMS}
            for case in cases.values():
                wait_until(lambda case=case: steps_done(case) >= DONE_BEFORE, START_S, f"{case.name}'s steps")
            for name, case in cases.items():
                case.harmed = time.monotonic()
                HARMS[name](case, workers[name])
            watch(list(cases.values()), platform, slack)
            orphans = [process for case in cases.values() for process in flow_processes(case)]
            for orphan in orphans:
                orphan.kill()
        header = ["| case | states after the harm | Slack |\n", "|---|---|---|\n"]
        record("killed", [*header, *map(table, cases.values())])
        yield Aftermath(cases, platform)


@pytest.fixture(scope="module")
def second_runs(aftermath: Aftermath) -> dict[str, tuple[str, int]]:
    """(state, steps taken from the first run) of the next run of each case, by a new worker."""
    platform = aftermath.platform
    with ExitStack() as stack:
        for name in HARMS:
            stack.enter_context(worker(platform, name))
        runs = {
            name: start(platform, case.deployment, f"{name}-again", case.data) for name, case in aftermath.cases.items()
        }
        for name, run in runs.items():
            wait_until(lambda run=run: _final(platform, run), OVER_S, f"the second run of {name}", pause=2)
    time.sleep(5)  # the states of its tasks arrive as events
    seen = {name: (str(_final(platform, run)), cached_steps(platform, run)) for name, run in runs.items()}
    record("second_runs", [f"| {name} | {state} | {cached} steps cached |\n" for name, (state, cached) in seen.items()])
    return seen


def _final(platform: Platform, run: str) -> str | None:
    try:
        state = platform.get(f"flow_runs/{run}")["state"]
    except httpx.HTTPError:  # busy
        return None
    return str(state["name"]) if state["type"] in FINAL else None


@pytest.mark.parametrize("name", HARMS)
def test_whatever_is_killed_the_run_ends_crashed_and_slack_is_told_once(aftermath: Aftermath, name: str) -> None:
    case = aftermath.cases[name]
    assert case.states[-1][1] == "Crashed"
    assert len(case.heard_of_failure()) == 1


@pytest.mark.parametrize("name", HARMS)
def test_the_next_run_goes_on_where_the_harmed_one_was_and_its_file_is_right(
    aftermath: Aftermath, second_runs: dict[str, tuple[str, int]], name: str
) -> None:
    state, cached = second_runs[name]
    assert state == "Completed"
    assert cached >= DONE_BEFORE
    assert right(aftermath.cases[name].data)


# ---------------------------------------------------------------- the server is stopped


AWAY_S = 60


def test_a_run_outlives_a_minute_without_the_server(tmp_path: Path) -> None:
    """One run that goes on long after the server is back, one that ends while it is away."""
    port = free_port()
    with SlackServer() as slack, ExitStack() as stack:
        with watched_platform(tmp_path / "home", slack, port) as platform:
            pools = {"long-run": STEP_S, "short-run": 3.0}
            for name in pools:
                stack.enter_context(worker(platform, name))
            cases = [begin(platform, name, tmp_path, seconds) for name, seconds in pools.items()]
            for case in cases:
                wait_until(lambda case=case: steps_done(case) >= 1, START_S, f"{case.name}'s first step")
        for case in cases:
            case.harmed = time.monotonic()
        away_until = time.monotonic() + AWAY_S
        while time.monotonic() < away_until:
            for case in cases:
                case.see(platform, slack)
            time.sleep(1)
        with watched_platform(tmp_path / "home", slack, port) as platform:
            watch(cases, platform, slack)
            lines = ["| case | states after the server stopped | Slack |\n", "|---|---|---|\n", *map(table, cases)]
            record("server_away", lines)
            assert all(right(case.data) for case in cases)
            assert [case.states[-1][1] for case in cases] == ["Completed", "Completed"]
