"""`make up` and `make down`: what they decide, and once for real, in a copy of the project with a home of its own."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from deployments import up
from tests.conftest import PROJECT
from tests.servers import free_port, wait_until

ADDRESS = up.Address("127.0.0.1", 4200)
COMMAND = ["/venv/bin/python", "-m", "prefect", "server", "start"]
SERVER = up.Started(
    name="server", pid=7, created=1000.0, command=COMMAND, health=f"{ADDRESS.api}/health", api=ADDRESS.api
)
WORKER = SERVER.model_copy(update={"name": "worker"})


# ---------------------------------------------------------------- decisions


@pytest.mark.unit
def test_the_file_that_leads_to_the_server_is_toml_knows_its_owner_and_leads_there() -> None:
    text = up.written_config(ADDRESS.api)
    assert tomllib.loads(text) == {"api": {"url": ADDRESS.api}, "flows": {"heartbeat_frequency": 30}}
    assert up.is_ours(text)
    assert up.configured_api(text) == ADDRESS.api


@pytest.mark.unit
@pytest.mark.parametrize(
    "theirs",
    ["", '[api]\nurl = "http://x/api"\n', f"# mine\n{up.written_config('http://x/api')}"],
    ids=["empty", "an address", "ours with a line before"],
)
def test_a_persons_own_prefect_toml_is_not_taken_for_ours(theirs: str) -> None:
    assert not up.is_ours(theirs)
    assert up.configured_api(theirs) is None


@pytest.mark.unit
@pytest.mark.parametrize(
    ("created", "command", "same"),
    [
        (1000.0, COMMAND, True),
        (1030.0, COMMAND, True),  # the clock was set in between
        (1000.0, ["/System/python", *COMMAND[1:]], True),  # an interpreter that runs another in its place
        (5000.0, COMMAND, False),  # the id was given out again, to another start of the same
        (1000.0, ["/usr/bin/editor"], False),
        (1000.0, [], False),
    ],
)
def test_a_stranger_that_has_the_process_id_now_is_known_as_one(created: float, command: list[str], same: bool) -> None:
    assert up.is_same(SERVER, created, command) is same


@pytest.mark.unit
@pytest.mark.parametrize(
    ("configured", "ours", "theirs"),
    [
        (None, None, None),
        (ADDRESS.api, None, None),
        (ADDRESS.api + "/", None, None),
        ("http://localhost:4200/api", None, None),
        ("http://127.0.0.1:4201/api", "http://127.0.0.1:4201/api", None),  # started here on another port before
        ("http://127.0.0.1:4201/api", None, "http://127.0.0.1:4201/api"),
        ("https://prefect.example.org/api", ADDRESS.api, "https://prefect.example.org/api"),
    ],
)
def test_a_server_that_a_person_chose_is_respected(
    configured: str | None, ours: str | None, theirs: str | None
) -> None:
    assert up.chosen_elsewhere(configured, ADDRESS, ours) == theirs


@pytest.mark.unit
@pytest.mark.parametrize(("health", "words"), [(200, "a Prefect server"), (404, "another program"), (None, "program")])
def test_a_port_in_use_comes_with_what_to_do(health: int | None, words: str) -> None:
    sentence = up.port_in_use(ADDRESS, health)
    assert words in sentence
    assert "PREFECT_SERVER_API_PORT=4201 make up" in sentence


@pytest.mark.unit
def test_a_server_that_listens_everywhere_is_asked_here() -> None:
    assert up.Address("0.0.0.0", 4200).api == ADDRESS.api  # noqa: S104


@pytest.mark.unit
def test_a_process_that_died_is_reported_with_the_last_lines_of_its_log() -> None:
    sentence = up.start_failure(SERVER, "\n".join(f"line {n}" for n in range(100)))
    assert "line 99" in sentence
    assert "line 5\n" not in sentence
    assert str(SERVER.log) in sentence
    assert "(nothing)" in up.start_failure(SERVER, "")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "heard", "reported"),
    [
        (up.WORKER, "1970-01-01T00:16:41Z", True),
        (up.WORKER, "1970-01-01T00:16:00+00:00", False),  # of the worker before
        ("ProcessWorker x", "1970-01-01T00:16:41Z", False),
    ],
)
def test_a_worker_counts_as_started_once_the_server_heard_of_this_one(name: str, heard: str, reported: bool) -> None:
    assert up.has_reported([{"name": name, "last_heartbeat_time": heard}], WORKER) is reported


@pytest.mark.unit
def test_of_a_week_without_a_server_each_deployment_makes_up_for_one_run() -> None:
    def run(id_: str, deployment: str, day: int, auto: bool = True) -> dict[str, object]:
        when = f"2026-01-{day:02}T03:00:00Z"
        return {"id": id_, "deployment_id": deployment, "auto_scheduled": auto, "expected_start_time": when}

    runs = [
        run("a3", "a", 3),
        run("a1", "a", 1),
        run("a2", "a", 2),
        run("b1", "b", 1),
        run("asked", "a", 1, auto=False),
    ]
    assert up.missed(runs) == ["a1", "a2"]
    assert up.missed([]) == []


@pytest.mark.unit
def test_what_would_fail_later_is_refused_before_anything_starts() -> None:
    plain = up.Configured(None, ADDRESS, None, None)
    up.refuse(plain, up.written_config(ADDRESS.api))
    with pytest.raises(up.NotUp, match=r"prefect\.toml is your own file"):
        up.refuse(plain, "[server]\n")
    with pytest.raises(up.NotUp, match="set PREFECT_API_AUTH_STRING") as refused:
        up.refuse(plain._replace(server_auth="amy:hunter2"), None)
    assert "hunter2" not in str(refused.value)


@pytest.mark.unit
@pytest.mark.parametrize("words", [[], ["restart"], ["start", "now"]])
def test_an_unknown_word_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert up.main(words) == 2
    assert "usage" in capsys.readouterr().err


# ---------------------------------------------------------------- processes


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(up, "STATE", tmp_path)
    return tmp_path


def python(code: str) -> up.Started:
    return up.begin("server", [sys.executable, "-c", code], dict(os.environ), f"http://127.0.0.1:{free_port()}/", "x")


@pytest.mark.integration
def test_a_server_that_dies_while_it_starts_is_reported_with_its_last_lines(state: Path) -> None:
    started = python("import sys; sys.exit('the database is locked')")
    with pytest.raises(up.NotUp, match="the database is locked"):
        up.wait_healthy(started, 60)


@pytest.mark.integration
def test_one_that_never_answers_is_reported_and_killed_though_it_ignores_sigterm(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "STOP_S", 1)
    started = python(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    wait_until(lambda: "deaf" in started.log.read_text(), 60, "its start")
    with pytest.raises(up.NotUp, match=f"process {started.pid}.*is alive but did not answer"):
        up.wait_healthy(started, 0)
    assert "is stopped" in up.end(started, "server")
    assert up.process_of(started) is None
    assert up.recorded("server") is None


@pytest.mark.integration
def test_a_stranger_is_not_killed(state: Path) -> None:
    started = python("import time; time.sleep(600)")
    stranger = started.model_copy(update={"command": [sys.executable, "-c", "something else"]})
    assert up.end(stranger, "server") == "The server was not running."
    assert psutil.pid_exists(started.pid)
    assert "is stopped" in up.end(started, "server")


# ---------------------------------------------------------------- for real


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project in another folder: the developer's own prefect.toml and server are left alone."""
    folder = tmp_path_factory.mktemp("up") / "project"
    folder.mkdir()
    for name in ("deployments", "schemas", "tasks", "flows"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "prefect.yaml", "prefect.prod.yaml", "requirements.txt"):
        shutil.copy(PROJECT / name, folder)
    yield folder
    assert made(folder, "stop").returncode == 0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Without what would lead elsewhere, with a port and a home that are nobody else's."""
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    port = folder.parent / "port"
    if not port.exists():
        port.write_text(str(free_port()))
    own = {"PREFECT_HOME": str(folder.parent / "home"), "PREFECT_SERVER_API_PORT": port.read_text()}
    return {**kept, **own, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", **more}


def made(folder: Path, word: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """`make up` (start) or `make down` (stop)."""
    command = [sys.executable, "-m", "deployments.up", word]
    return subprocess.run(
        command, cwd=folder, env=environment(folder, **env), capture_output=True, text=True, timeout=900, check=False
    )


def settings_seen(folder: Path) -> list[str]:
    """API address, analytics and start-up timeout of the temporary server, as a command of the folder sees them."""
    code = (
        "from prefect.settings import get_current_settings as s; s = s();"
        "print(s.api.url, s.server.analytics_enabled, s.server.ephemeral.startup_timeout_seconds)"
    )
    env = {name: value for name, value in environment(folder).items() if name != "PREFECT_SERVER_ANALYTICS_ENABLED"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.e2e
@pytest.mark.operations
@pytest.mark.xdist_group("deployments")
def test_up_is_up_is_idempotent_leads_every_command_there_and_down_leaves_nothing(copy: Path) -> None:
    before = settings_seen(copy)
    first = made(copy, "start")
    assert first.returncode == 0, first.stdout + first.stderr
    api = f"http://127.0.0.1:{environment(copy)['PREFECT_SERVER_API_PORT']}/api"

    # pyproject's own settings are not shadowed by the file beside it
    assert before == ["None", "False", "120"]
    assert settings_seen(copy) == [api, "False", "120"]
    deployed = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    assert httpx.post(f"{api}/deployments/count", json={}).json() == len(deployed)
    assert [each["status"] for each in up.workers(api)] == ["ONLINE"]

    # again: the same processes, nothing doubled
    pids = {name: (copy / f"build/up/{name}.json").read_text() for name in ("server", "worker")}
    again = made(copy, "start")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is already running" in again.stdout
    assert pids == {name: (copy / f"build/up/{name}.json").read_text() for name in pids}
    assert made(copy, "status").returncode == 0

    down = made(copy, "stop")
    assert down.returncode == 0, down.stdout + down.stderr
    for text in pids.values():
        assert not psutil.pid_exists(up.Started.model_validate_json(text).pid)
    assert not (copy / "prefect.toml").exists()
    assert settings_seen(copy) == before
    assert made(copy, "status").returncode == 1


@pytest.mark.integration
def test_a_chosen_server_starts_nothing_and_a_held_port_is_a_sentence(copy: Path) -> None:
    chosen = made(copy, "start", PREFECT_API_URL="https://prefect.example.org/api")
    assert chosen.returncode == 0
    assert "Nothing is started here" in chosen.stdout
    held = up.socket.socket()
    with held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        refused = made(copy, "start", PREFECT_SERVER_API_PORT=str(held.getsockname()[1]))
    assert refused.returncode == 1
    assert "is in use by another program" in refused.stderr
    assert not (copy / "prefect.toml").exists()


@pytest.mark.integration
def test_two_at_once_do_not_race(copy: Path) -> None:
    lock = copy / "build/up/lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with up.FileLock(lock):
        refused = made(copy, "stop")
    assert refused.returncode == 1
    assert "is running in this folder" in refused.stderr
