"""`make doctor`: each thing has a line when it is well, one when it is not, and a command that fixes it."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments import diagnosis, doctor, up
from schemas.thresholds import Thresholds
from tests.conftest import PROJECT
from tests.fakes.server import serving
from tests.servers import TIMEOUT_S, Platform, free_port, wait_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GB = 10**9
POOL = {"type": "process", "is_paused": False}
ONLINE = {"status": "ONLINE", "last_heartbeat_time": "2025-12-31T23:59:30+00:00"}
SLEEPING = {"status": "OFFLINE", "last_heartbeat_time": "2025-12-31T00:00:00Z"}
ADDRESS = up.Address("127.0.0.1", 4200)

OUTCOMES: dict[str, tuple[diagnosis.Line, str, str]] = {
    "right Python": (diagnosis.python("3.11.7", ">=3.11.4,<3.12"), "ok", "3.11.7"),
    "Python too old": (diagnosis.python("3.11.2", ">=3.11.4,<3.12"), "bad", ">=3.11.4"),
    "Python too new": (diagnosis.python("3.12.0", ">=3.11.4,<3.12"), "bad", "<3.12"),
    "packages of the lock": (diagnosis.packages({"a": "1"}, {"a": "1", "b": "2"}), "ok", "all 1"),
    "another version": (diagnosis.packages({"fastapi": "0.139"}, {"fastapi": "0.165"}), "bad", "fastapi 0.165"),
    "a package missing": (diagnosis.packages({"fastapi": "0.139"}, {}), "bad", "fastapi missing"),
    "many packages off": (diagnosis.packages(dict.fromkeys("abcde", "1"), {}), "bad", "and 2 more"),
    "installed from here": (diagnosis.project(str(PROJECT)), "ok", "this folder"),
    "installed from elsewhere": (diagnosis.project("/srv/other"), "bad", "/srv/other"),
    "not installed": (diagnosis.project(None), "bad", "not installed"),
    "much space": (diagnosis.space("disk", Path("/d"), 50 * GB), "ok", "50.0 GB"),
    "little space": (diagnosis.space("disk", Path("/d"), 4 * GB), "note", "4.0 GB"),
    "no space": (diagnosis.space("disk", Path("/d"), GB // 2), "bad", "0.5 GB"),
    "a folder to write": (diagnosis.writable(Path("/d"), None), "ok", "/d is writable"),
    "a folder of others": (diagnosis.writable(Path("/d"), "Permission denied"), "bad", "Permission denied"),
    "a key": (diagnosis.key("HF_TOKEN", SecretStr("hunter2"), "nothing"), "ok", "set"),
    "no key": (diagnosis.key("HF_TOKEN", None, "mode live needs it"), "note", "mode live needs it"),
    "contracts on": (diagnosis.checks_on(None), "ok", "checked"),
    "contracts off": (diagnosis.checks_on("False"), "bad", "unchecked"),
    "clock kept": (diagnosis.ntp("yes"), "ok", "synchronised"),
    "clock free": (diagnosis.ntp("no"), "note", "not synchronised"),
    "a clock unknown": (diagnosis.ntp(None), "ok", "unknown"),
    "heartbeat": (diagnosis.heartbeat(30), "ok", "30 s"),
    "heartbeat too rare": (diagnosis.heartbeat(180), "bad", "marked Crashed"),
    "no heartbeat": (diagnosis.heartbeat(None), "bad", "off"),
    "port free": (diagnosis.port(ADDRESS, free=True), "ok", "free"),
    "port held": (diagnosis.port(ADDRESS, free=False), "bad", "in use"),
    "store": (diagnosis.reached("store", "s3://b", None, "see AWS"), "ok", "s3://b"),
    "no store": (diagnosis.reached("store", "s3://b", "refused", "see AWS"), "bad", "refused"),
    "our server is gone": (diagnosis.unreachable(ADDRESS.api, ours=True), "bad", "not running"),
    "their server is gone": (diagnosis.unreachable(ADDRESS.api, ours=False), "bad", "not running"),
    "let in": (diagnosis.auth(200), "ok", "accepts"),
    "not let in": (diagnosis.auth(401), "bad", "401"),
    "a server in trouble": (diagnosis.auth(503), "bad", "503"),
    "same version": (diagnosis.version("3.8.8", "3.8.8"), "ok", "3.8.8"),
    "another server": (diagnosis.version("3.8.8", "3.9.0"), "bad", "3.9.0"),
    "same clock": (diagnosis.clock(-4.9), "ok", "server"),
    "behind": (diagnosis.clock(60), "bad", "60 s behind"),
    "ahead": (diagnosis.clock(-60), "bad", "60 s ahead"),
    "SQLite, one worker": (diagnosis.database("sqlite+aiosqlite", 1), "ok", "SQLite"),
    "SQLite, two workers": (diagnosis.database("sqlite+aiosqlite", 2), "note", "2 workers"),
    "PostgreSQL": (diagnosis.database("postgresql+asyncpg", 9), "ok", "PostgreSQL"),
    "a server that does not say": (diagnosis.database(None, 9), "ok", "does not say"),
    "pool": (diagnosis.pool(POOL, 1), "ok", "1 worker online"),
    "pool paused": (diagnosis.pool({**POOL, "is_paused": True}, 1), "bad", "paused"),
    "no pool": (diagnosis.pool(None, 0), "bad", "missing"),
    "worker": (diagnosis.worker([SLEEPING, ONLINE], NOW), "ok", "30 s ago"),
    "worker asleep": (diagnosis.worker([SLEEPING], NOW), "bad", "none is online"),
    "no worker": (diagnosis.worker([], NOW), "bad", "none has ever"),
    "deployments": (diagnosis.deployments(["a"], ["a", "b"]), "ok", "all 1"),
    "deployments missing": (diagnosis.deployments(["a", "c"], ["a"]), "bad", "missing: c"),
    "automations": (diagnosis.automations([{"name": "automend: x", "enabled": True}]), "ok", "1"),
    "an automation off": (diagnosis.automations([{"name": "automend: x", "enabled": False}]), "note", "automend: x"),
    "others' automations": (diagnosis.automations([{"name": "x", "enabled": True}]), "bad", "none"),
    "thresholds": (diagnosis.variable({"value": Thresholds().model_dump(mode="json")}), "ok", "valid"),
    "thresholds misspelt": (diagnosis.variable({"value": {"limit": {}}}), "bad", "limit"),
    "no thresholds": (diagnosis.variable(None), "bad", "missing"),
    "runs ahead": (diagnosis.schedules({"1": "a"}, ["1", "1"]), "ok", "1 deployments"),
    "a scheduler that fails": (diagnosis.schedules({"1": "a", "2": "b"}, ["1"]), "bad", "no run for b"),
    "block": (diagnosis.slack_block(["automend-alerts"]), "ok", "Slack"),
    "no block": (diagnosis.slack_block(["automend-alerts-server"]), "note", "not saved"),
    "nothing waits": (diagnosis.waiting(0, 0), "ok", "none"),
    "late": (diagnosis.waiting(3, 0), "note", "3 Late"),
    "stuck": (diagnosis.waiting(0, 2), "bad", "2 Pending"),
}


@pytest.mark.unit
@pytest.mark.parametrize("case", OUTCOMES)
def test_each_thing_is_judged_and_what_is_bad_comes_with_its_fix(case: str) -> None:
    line, status, words = OUTCOMES[case]
    assert (line.status, words in line.text) == (status, True), line
    assert (status != "bad") or len(line.fix) > 5
    assert str(line).startswith(f"{status:<4}  {line.name}: ")
    assert "hunter2" not in str(line)


@pytest.mark.unit
def test_a_variable_that_is_fixed_as_the_line_says_is_valid_again() -> None:
    """`prefect variable set` takes JSON: an empty object is every default."""
    assert diagnosis.variable({"value": {}}).status == "ok"


@pytest.mark.unit
def test_the_lock_is_read_by_canonical_name_without_extras_and_foreign_markers() -> None:
    lock = 'Foo_Bar==1.0\n    # via x\nasync-lib[extra]==2.1\nwinthing==3 ; sys_platform == "win32"\n'
    assert doctor.pins(lock) == {"foo-bar": "1.0", "async-lib": "2.1"}


@pytest.mark.unit
def test_a_folder_that_is_not_there_yet_is_measured_where_it_would_be(tmp_path: Path) -> None:
    assert doctor.nearest_existing(tmp_path / "a/b") == tmp_path
    assert doctor.refusal_to_write(tmp_path / "a/b") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert doctor.refusal_to_write(tmp_path / "file") is not None


@pytest.mark.unit
def test_the_installed_project_is_found_behind_what_its_build_left_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "automend.egg-info").mkdir()
    (tmp_path / "automend.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: automend\nVersion: 0\n")
    installed = tmp_path / "site/automend-0.1.0.dist-info"
    installed.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(installed.parent)])
    assert doctor.installed_from() is None
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: automend\nVersion: 0.1.0\n")
    (installed / "direct_url.json").write_text('{"url": "file:///srv/a%20b", "dir_info": {"editable": true}}')
    importlib.invalidate_caches()
    assert doctor.installed_from() == "/srv/a b"


@pytest.mark.unit
def test_a_look_that_fails_is_a_line_and_ends_no_other() -> None:
    def broken() -> list[diagnosis.Line]:
        raise RuntimeError("no such thing")

    lines = doctor.together([("look_at_pool", broken), ("x", lambda: [diagnosis.Line("ok", "x", "is well")])])
    assert [line.status for line in lines] == ["bad", "ok"]
    assert "no such thing" in lines[0].text


@pytest.mark.unit
def test_a_store_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert doctor.refusal_to_list(f"file://{tmp_path}") is None
    assert doctor.refusal_to_list("nosuch://bucket") is not None


# ---------------------------------------------------------------- servers


def transported(answers: dict[str, tuple[int, Any]], skew: timedelta = timedelta()) -> doctor.Server:
    """A server with these answers, whose clock is off by `skew`."""

    def answer(request: httpx.Request) -> httpx.Response:
        status, body = answers[request.url.path.removeprefix("/api/")]
        date = (datetime.now(UTC) + skew).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return httpx.Response(status, json=body, headers={"date": date})

    client = httpx.Client(base_url="http://server/api/", transport=httpx.MockTransport(answer))
    return doctor.Server(client, local_database="")


def statuses(lines: Iterable[diagnosis.Line]) -> dict[str, str]:
    return {line.name: line.status for line in lines}


@pytest.mark.unit
def test_version_auth_and_clock_are_read_off_one_answer() -> None:
    mine = doctor.importlib.metadata.version("prefect")
    good = doctor.look_at_version(transported({"admin/version": (200, mine)}))
    assert statuses(good) == {"auth": "ok", "server version": "ok", "clock": "ok"}
    late = doctor.look_at_version(transported({"admin/version": (200, "3.0.0")}, timedelta(minutes=-3)))
    assert statuses(late) == {"auth": "ok", "server version": "bad", "clock": "bad"}
    assert statuses(doctor.look_at_version(transported({"admin/version": (401, None)}))) == {"auth": "bad"}


@pytest.mark.unit
def test_a_pool_that_is_missing_is_one_line_without_its_workers() -> None:
    settings = {"server": {"database": {"driver": None}}}
    server = transported({f"work_pools/{up.POOL}": (404, {}), "admin/settings": (200, settings)})
    assert statuses(doctor.look_at_pool(server)) == {f"pool {up.POOL}": "bad", "database": "ok"}


@pytest.mark.unit
def test_a_server_that_is_not_there_is_one_line() -> None:
    assert [line.text[:11] for line in doctor.look_at_server(f"http://127.0.0.1:{free_port()}/api", {}, "")] == [
        "not running"
    ]


def doctored(env: dict[str, str], *args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deployments.doctor", *args]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.e2e
@pytest.mark.xdist_group("deployments")
def test_a_real_server_and_worker_are_seen_and_what_bootstrap_makes_is_missed_or_found(platform: Platform) -> None:
    # the fixture's worker is started, and takes some seconds until the server hears of it
    wait_until(lambda: platform.post(f"work_pools/{up.POOL}/workers/filter"), TIMEOUT_S, "the worker's first heartbeat")
    lines = json.loads(doctored({**platform.env, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}, "--json").stdout)
    found = {line["name"]: line for line in lines}
    for name in (
        "packages",
        "project",
        "server",
        "auth",
        "server version",
        "clock",
        "worker",
        "pool automend",
        "heartbeat",
    ):
        assert found[name]["status"] == "ok", found[name]
    kind = "PostgreSQL" if "PREFECT_SERVER_DATABASE_CONNECTION_URL" in platform.env else "SQLite"
    assert kind in found["database"]["text"]
    assert {
        "deployments",
        "schedules",
        "automations",
        "variable automend_thresholds",
        "block automend-alerts",
        "runs",
    } <= set(found)
    assert "could not be checked" not in str(found)


@pytest.mark.integration
def test_without_a_server_it_says_so_at_once_and_a_misspelt_variable_too(tmp_path: Path) -> None:
    port = free_port()
    env = {**os.environ, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PREFECT_HOME": str(tmp_path)}
    done = doctored({**env, "AUTOMEND_DATA_DIRR": "x", "GOOGLE_API_KEY": "hunter2"})
    assert done.returncode == 1
    assert f"bad   server: not running: http://127.0.0.1:{port}/api" in done.stdout
    assert "AUTOMEND_DATA_DIRR is set, but there is no such setting" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.integration
def test_a_pushgateway_is_asked_whether_it_is_ready() -> None:
    with serving(lambda _, asked: ((200, 503)[asked], b"", {})) as gateway:
        assert doctor.refusal_to_answer(f"{gateway.url}/-/ready") is None
        assert doctor.refusal_to_answer(f"{gateway.url}/-/ready") == "answers 503"
    assert doctor.refusal_to_answer(f"http://127.0.0.1:{free_port()}/-/ready") is not None
