"""The server as production runs it: PostgreSQL, Redis messaging, authentication, CSRF protection, encrypted blocks."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from tests.production import AUTH, Production, Staffed, ended, in_postgres, server_settings, with_csrf
from tests.servers import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("production")]

OPEN = ("health", "ready")  # for probes; every other route of the API asks for the auth string
CLOSED = (
    "version",
    "hello",
    "docs",
    "openapi.json",
    "admin/settings",
    "flow_runs/00000000-0000-0000-0000-000000000000",
)


@pytest.mark.parametrize("route", OPEN)
def test_a_probe_needs_no_auth_string(production: Staffed[Production], route: str) -> None:
    assert httpx.get(f"{production.server.api}/{route}").status_code == 200


@pytest.mark.parametrize("route", CLOSED)
@pytest.mark.parametrize("auth", [None, ("automend", "wrong"), ("automend", ""), ("", AUTH.partition(":")[2])])
def test_every_other_route_answers_401_without_the_right_auth_string(
    production: Staffed[Production], route: str, auth: tuple[str, str] | None
) -> None:
    assert httpx.get(f"{production.server.api}/{route}", auth=auth).status_code == 401


def test_a_change_is_answered_401_without_the_auth_string_and_403_without_a_csrf_token(
    production: Staffed[Production],
) -> None:
    api, body = production.server.api, {"name": "theirs", "type": "process"}
    with with_csrf(api, AUTH) as client:
        headers = {name: client.headers[name] for name in ("Prefect-Csrf-Token", "Prefect-Csrf-Client")}
        assert httpx.post(f"{api}/work_pools/", json=body, headers=headers).status_code == 401
        assert httpx.post(f"{api}/work_pools/", json=body, auth=client.auth).status_code == 403
        assert client.get("work_pools/theirs").status_code == 404


@pytest.mark.operations
def test_a_client_without_the_auth_string_is_told_so(production: Staffed[Production]) -> None:
    env = {name: value for name, value in production.server.env.items() if name != "PREFECT_API_AUTH_STRING"}
    env.pop("PREFECT_SERVER_API_AUTH_STRING")
    stranger = type(production.server)(production.server.home, production.server.api, env)
    told = stranger.prefect("work-pool", "ls")
    assert told.returncode != 0
    assert "401" in told.stdout + told.stderr


async def _first_words(api: str, token: str | None, protocol: bool) -> str:
    """What the events' websocket says to a client that gives `token`."""
    address = api.replace("http://", "ws://") + "/events/in"
    subprotocols = [Subprotocol("prefect")] if protocol else None
    async with connect(address, subprotocols=subprotocols) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        return str(await asyncio.wait_for(socket.recv(), 30))


def test_the_events_websocket_asks_for_the_auth_string_too(production: Staffed[Production]) -> None:
    api = production.server.api
    for token in (None, "wrong", ""):
        with pytest.raises(ConnectionClosedError) as closed:
            asyncio.run(_first_words(api, token, protocol=True))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008  # policy violation
    with pytest.raises(InvalidStatus):
        asyncio.run(_first_words(api, AUTH, protocol=False))
    assert "auth_success" in asyncio.run(_first_words(api, AUTH, protocol=True))


def test_a_worker_runs_a_dataset_to_completed_and_events_pass_through_redis(production: Staffed[Production]) -> None:
    server, run = production.server, production.runs["good"]
    assert ended(server, run)["state_type"] == "COMPLETED", production.worker_log.read_text()[-3000:]
    assert json.loads((production.data / "processed/ds5_glaive/manifest.json").read_bytes())["sequences"]["kept"]
    assert server.memory is not None
    assert server.memory.exists("events")
    resource = {"id": [f"prefect.flow-run.{run}"]}
    expected = {f"prefect.flow-run.{state}" for state in ("Pending", "Running", "Completed")}

    def told() -> set[str]:
        found = server.post("events/filter", {"filter": {"resource": resource}})["events"]
        return {event["event"] for event in found}

    wait_until(lambda: expected <= told(), 30, "the events' way through Redis into the database")


def test_the_database_was_empty_and_the_server_migrated_it(production: Staffed[Production]) -> None:
    async def head(connection: object) -> list[str]:
        rows = await connection.fetch("SELECT version_num FROM alembic_version")  # type: ignore[attr-defined]
        return [row[0] for row in rows]

    (migrated,) = in_postgres(head, production.server.database)
    versions = Path(httpx.__file__).parent.parent / "prefect/server/database/_migrations/versions/postgresql"
    assert any(migrated in file.name for file in versions.iterdir())


def test_the_server_uses_every_setting_of_the_file(production: Staffed[Production]) -> None:
    """A misspelt Prefect setting is ignored without a word: what counts is what the server says that it uses."""
    used = production.server.get("admin/settings")["server"]
    told = server_settings()
    assert told.pop("PREFECT_MESSAGING_BROKER") == used["events"]["messaging_broker"]
    assert told.pop("PREFECT_MESSAGING_CACHE") == used["events"]["messaging_cache"]
    for name, value in told.items():
        assert value in {str(found).lower() for found in _below(used, name.removeprefix("PREFECT_SERVER_").lower())}


def _below(settings: dict[str, Any], name: str) -> list[Any]:
    """The value of a setting whose name joins the groups it lies in: events_causal_ordering."""
    if name in settings:
        return [settings[name]]
    groups = [group for group in settings if name.startswith(f"{group}_") and isinstance(settings[group], dict)]
    return [found for group in groups for found in _below(settings[group], name.removeprefix(f"{group}_"))]
