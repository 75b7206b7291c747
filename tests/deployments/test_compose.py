"""deployments/compose.yaml: it refuses to start without its secrets, and lets nobody in but by the two doors."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from tests import dockerfile
from tests.conftest import PROJECT
from tests.deployments.names import SECRET, read_by_nobody
from tests.servers import free_port, needs, running, wait_until

pytestmark = pytest.mark.unit

FILE = PROJECT / "deployments/compose.yaml"
EXAMPLE = PROJECT / "deployments/production.env.example"
TEXT = FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
REQUIRED = dict(re.findall(r"\$\{(\w+):\?([^}]*)\}", TEXT))
OURS = {name for name, service in SERVICES.items() if "AUTOMEND_IMAGE" in service["image"]}
LASTING = set(SERVICES) - {"bootstrap"}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What a service is given, server.env included."""
    listed = [line for file in service.get("env_file", []) for line in (FILE.parent / file).read_text().splitlines()]
    of_files = dict(line.split("=", 1) for line in listed if line and not line.startswith("#"))
    return {**of_files, **service.get("environment", {})}


def interpolated(text: str, values: dict[str, str]) -> str:
    """As the compose specification has it: ${A:-default}, ${A:?error}, $$. Raises KeyError with the sentence."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, kind, rest = match[1], match[2], match[3]
        if not values.get(name) and kind == ":?":
            raise KeyError(f"{name}: {rest}")
        return values.get(name) or rest or ""

    return re.sub(r"\$\$|\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", value, text)


def of_example() -> dict[str, str]:
    """production.env.example, filled in."""
    names = re.findall(r"^(\w+)=$", EXAMPLE.read_text(), re.MULTILINE)
    return dict.fromkeys(names, "filled")


def test_it_is_a_compose_file_by_the_specifications_own_schema() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_what_docker_compose_reads(tmp_path: Path) -> None:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode:
        pytest.skip(
            "needs docker with its compose plugin: `apt-get install docker-compose-plugin` (no engine is asked)"
        )
    (tmp_path / "env").write_text("".join(f"{name}=filled\n" for name in of_example()))
    read = ["docker", "compose", "--file", str(FILE), "--env-file", str(tmp_path / "env"), "config", "--quiet"]
    assert subprocess.run(read, capture_output=True, check=False).returncode == 0
    (tmp_path / "env").write_text("")
    assert subprocess.run(read, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("name", REQUIRED)
def test_without_a_secret_it_refuses_and_says_how_to_make_one(name: str) -> None:
    values = of_example()
    assert interpolated(TEXT, values)
    with pytest.raises(KeyError, match=name):
        interpolated(TEXT, {**values, name: ""})
    assert len(REQUIRED[name].split()) > 5, f"{name} is refused with no advice: {REQUIRED[name]!r}"


def test_every_secret_is_asked_for_and_every_name_asked_for_stands_in_the_example() -> None:
    assert set(of_example()) == set(REQUIRED)
    assert {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "SERVER_PASSWORD", "ENCRYPTION_KEY", "GRAFANA_PASSWORD"} <= set(
        REQUIRED
    )
    optional = set(re.findall(r"\$\{(\w+):-", TEXT))
    assert optional <= set(re.findall(r"^#(\w+)=", EXAMPLE.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_has_a_value_in_the_file(name: str) -> None:
    for key, value in environment(SERVICES[name]).items():
        if SECRET.search(key):
            left = re.sub(r"\$\{\w+:[?-][^}]*\}", "", str(value))
            assert re.fullmatch(r"(\w+(\+\w+)?://\w+:@[\w:/.-]+|automend:)?", left), f"{name}: {key} is {value!r}"
            assert "${" in str(value), f"{name}: {key} is {value!r}"
            assert not re.search(r":-[^}]", str(value)), f"{name}: {key} has a default"


def test_only_the_ui_and_grafana_are_published_and_to_this_machine_unless_told_else() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"server", "grafana"}
    assert all(len(of_one) == 1 and of_one[0].startswith("${BIND_ADDRESS:-127.0.0.1}:") for of_one in ports.values())
    assert not any("network_mode" in service or "privileged" in service for service in SERVICES.values())
    assert "docker.sock" not in re.sub(r"#.*", "", TEXT)


def test_the_database_and_messages_are_reached_by_the_server_only_and_have_no_way_out() -> None:
    inside = {name for name, service in SERVICES.items() if "state" in service["networks"]}
    assert inside == {"server", "postgres", "redis"}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["state"]
    closed = {name for name, network in COMPOSE["networks"].items() if network.get("internal")}
    assert closed == {"state", "platform", "watch"}
    assert all(set(service["networks"]) <= set(COMPOSE["networks"]) for service in SERVICES.values())


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_fenced_in(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["restart"] == ("on-failure:3" if name == "bootstrap" else "unless-stopped")
    assert service.get("user", "1001:1001") != "0:0"


@pytest.mark.parametrize("name", sorted(LASTING))
def test_every_lasting_service_is_asked_how_it_is(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_a_service_waits_for_what_it_needs_and_the_worker_for_the_bootstraps_end() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert waits["server"] == {"postgres": {"condition": "service_healthy"}, "redis": {"condition": "service_healthy"}}
    assert waits["bootstrap"] == {"server": {"condition": "service_healthy"}}
    assert waits["worker"] == {"bootstrap": {"condition": "service_completed_successfully"}}


def test_every_image_is_pinned_and_ours_is_one_image() -> None:
    for name in set(SERVICES) - OURS:
        tag = SERVICES[name]["image"].rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-\w+)?", tag), f"{name}: {SERVICES[name]['image']}"
    assert {"server", "worker", "bootstrap"} <= OURS
    assert {SERVICES[name]["image"] for name in OURS} == {SERVICES["server"]["image"]}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_of_our_containers_is_read_by_somebody(name: str) -> None:
    assert read_by_nobody(environment(SERVICES[name])) == []


def test_the_server_is_closed_and_speaks_to_nobody_it_need_not() -> None:
    given = environment(SERVICES["server"])
    assert given["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "true"
    assert given["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert given["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] != "*"
    assert given["PREFECT_SERVER_DOCKET_URL"] == given["PREFECT_REDIS_MESSAGING_URL"]
    assert {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY"} <= set(given)
    client = environment(SERVICES["worker"])
    assert client["PREFECT_API_AUTH_STRING"] == given["PREFECT_SERVER_API_AUTH_STRING"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_that_is_mounted_is_there_and_every_volume_is_named(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (FILE.parent / source).exists(), f"{name} mounts {source}, which is not there"
            assert rest.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_what_is_told_about_the_image_is_what_the_image_has() -> None:
    instructions = dockerfile.stages((PROJECT / "Dockerfile").read_text())["image"]
    (volume,) = [one.text for one in instructions if one.name == "VOLUME"]
    for name in OURS:
        mounted = [*SERVICES[name].get("volumes", []), *SERVICES[name]["tmpfs"]]
        assert any(volume in mount for mount in mounted), f"{name}: {volume} is not mounted, so nothing can be written"
    assert all(
        (PROJECT / word.removeprefix("/opt/automend/")).exists() for word in COMPOSE["x-healthcheck"]["test"][3:]
    )


def test_redis_lets_nobody_in_without_the_password_and_does_not_show_it(tmp_path: Path) -> None:
    needs("redis-server", "redis-server")
    port, service = free_port(), SERVICES["redis"]
    script = interpolated(service["command"][0], {}).replace("/run/secrets", str(tmp_path))
    script = script.rstrip() + f" --port {port} --dir {tmp_path}"
    env = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": "plantedRedis5Qz"}
    with running([*service["entrypoint"], script], tmp_path / "log", env) as process:
        stranger, friend = redis.Redis(port=port), redis.Redis(port=port, password="plantedRedis5Qz")  # noqa: S106

        def lets_in() -> bool:
            try:
                return bool(friend.ping())
            except redis.ConnectionError:
                return False

        wait_until(lets_in, 60, "Redis' start", pause=0.1)
        with pytest.raises(redis.AuthenticationError):
            stranger.get("anything")
        assert friend.config_get("appendonly") == {"appendonly": "yes"}
        assert b"plantedRedis5Qz" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
