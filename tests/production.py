"""A Prefect server as production runs it, for tests: PostgreSQL, Redis, authentication, CSRF, encrypted blocks.

Database, role and Redis database are made for one test session and are gone after it. PostgreSQL is found as its own
clients find it (PGHOST, PGPORT, PGUSER, PGPASSWORD; 127.0.0.1 by default), Redis at REDIS_HOST.
"""

import asyncio
import base64
import os
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import asyncpg
import httpx
import pytest
import redis
from cryptography.fernet import Fernet

from tests.conftest import PROJECT
from tests.fakes.server import serving
from tests.fakes.slack import PATH, SlackServer
from tests.servers import CLI, Platform, running, server, wait_until

POSTGRES_HOST = os.environ.get("PGHOST", "127.0.0.1")
POSTGRES_PORT = os.environ.get("PGPORT", "5432")
REDIS_HOST = os.environ.get("REDIS_HOST", "127.0.0.1")
PASSWORD = "plantedDatabase7Qx"  # noqa: S105  of a role that lives as long as the test
REDIS_PASSWORD = "plantedRedis4Zk9"  # noqa: S105  a Redis without a password takes any
AUTH = "automend:plantedAuth8Wd2"
CLAIM = "automend:tests"  # the key that says a Redis database is taken


def server_settings() -> dict[str, str]:
    """Names and values of deployments/server.env."""
    lines = (PROJECT / "deployments/server.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def in_postgres(work: Callable[[asyncpg.Connection], Awaitable[Any]], database: str = "postgres") -> Any:
    """What `work(connection)` gives, as the administrator; skips the test where no PostgreSQL answers."""

    async def run() -> Any:
        connection = await asyncpg.connect(host=POSTGRES_HOST, port=POSTGRES_PORT, database=database, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(run())
    except (OSError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError) as fault:
        pytest.skip(
            f"needs PostgreSQL at {POSTGRES_HOST}:{POSTGRES_PORT} with a role that may create databases ({fault}): "
            "`apt-get install postgresql`, and set PGUSER and PGPASSWORD"
        )


def postgres_is_there() -> bool:
    """Whether anything answers where PostgreSQL is sought."""
    try:
        with socket.create_connection((POSTGRES_HOST, int(POSTGRES_PORT)), timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def postgres_database(purpose: str = "test") -> Iterator[str]:
    """Name of an empty database that a role of the same name owns; both are dropped at the end."""
    name = f"automend_{purpose}_{os.getpid()}"

    async def make(connection: asyncpg.Connection) -> None:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        await connection.execute(f"CREATE DATABASE {name} OWNER {name}")

    async def drop(connection: asyncpg.Connection) -> None:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"DROP ROLE IF EXISTS {name}")

    in_postgres(drop)  # of a process of the same id that was killed
    in_postgres(make)
    try:
        yield name
    finally:
        in_postgres(drop)


def address(name: str) -> str:
    """Of a database that `postgres_database` made, as Prefect's server wants it."""
    return f"postgresql+asyncpg://{name}:{PASSWORD}@{POSTGRES_HOST}:{POSTGRES_PORT}/{name}"


@contextmanager
def database(purpose: str) -> Iterator[Mapping[str, str]]:
    """PostgreSQL where there is one, else SQLite, as a server's environment.

    Prefect's server waits 60 s for itself, now and then, where automations write into SQLite beside a run's events;
    one such wait is longer than some tests have. `make operations` runs `make up`, which is on SQLite.
    """
    if not postgres_is_there():
        yield {}
        return
    with postgres_database(purpose) as name:
        yield {"PREFECT_SERVER_DATABASE_CONNECTION_URL": address(name)}


@contextmanager
def redis_database() -> Iterator["redis.Redis"]:
    """A client of an empty Redis database that no other test uses; emptied at the end."""
    for number in range(15, 0, -1):
        client = redis.Redis(host=REDIS_HOST, db=number)
        try:
            free = client.dbsize() == 0 and client.set(CLAIM, os.getpid(), nx=True)
        except redis.ConnectionError as fault:
            pytest.skip(f"needs Redis: none answers at {REDIS_HOST}:6379 ({fault}); `apt-get install redis-server`")
        if free:
            break
    else:
        pytest.skip(f"needs an empty Redis database: all of 1 to 15 at {REDIS_HOST} hold keys; FLUSHDB one of them")
    try:
        yield client
    finally:
        client.flushdb()
        client.close()


@contextmanager
def with_csrf(api: str, auth: str) -> Iterator[httpx.Client]:
    """A client that does by hand what Prefect's own does where CSRF protection is on."""
    user, _, password = auth.partition(":")
    with httpx.Client(base_url=api, auth=(user, password), timeout=60) as client:
        token = client.get("csrf-token", params={"client": "tests"}).raise_for_status().json()["token"]
        client.headers.update({"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "tests"})
        yield client


@dataclass(frozen=True)
class Production(Platform):
    """The server, and all that it keeps: `stored()` is every byte of its databases."""

    database: str = ""
    memory: "redis.Redis | None" = field(default=None, repr=False)

    def post(self, path: str, body: Any = None) -> Any:
        with with_csrf(self.api, AUTH) as client:
            answer = client.post(path, json=body or {}).raise_for_status()
        return answer.json() if answer.content else None

    def stored(self) -> dict[str, str]:
        """Table or Redis key -> its whole content as text."""
        tables = in_postgres(_tables, self.database)
        assert self.memory is not None
        keys = {f"redis {key.decode()}": _content(self.memory, key) for key in self.memory.scan_iter()}
        return {**tables, **keys}


async def _tables(connection: asyncpg.Connection) -> dict[str, str]:
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dumped = {}
    for (name,) in names:
        rows = await connection.fetch(f'SELECT t::text FROM "{name}" t')  # noqa: S608  a table's name has no placeholder
        dumped[f"table {name}"] = "\n".join(row[0] for row in rows)
    return dumped


def _content(memory: "redis.Redis", key: bytes) -> str:
    """A key's value as text, whatever its type."""
    read: Mapping[bytes, Callable[[], Any]] = {
        b"string": lambda: memory.get(key),
        b"hash": lambda: memory.hgetall(key),
        b"set": lambda: memory.smembers(key),
        b"zset": lambda: memory.zrange(key, 0, -1),
        b"list": lambda: memory.lrange(key, 0, -1),
        b"stream": lambda: memory.xrange(key),
    }
    kind = memory.type(key)
    return "" if kind == b"none" else repr(read[kind]())  # none: it expired since it was listed


def basic(auth: str) -> str:
    """What an Authorization header carries."""
    return base64.b64encode(auth.encode()).decode()


@contextmanager
def production_server(home: Path, env: Mapping[str, str] | None = None) -> Iterator[Production]:
    """A server that starts on an empty PostgreSQL database and an empty Redis one; `env` adds to its environment."""
    with postgres_database() as name, redis_database() as memory:
        number = memory.connection_pool.connection_kwargs["db"]
        shared = f"redis://default:{REDIS_PASSWORD}@{REDIS_HOST}:6379/{number}"
        told = {
            **server_settings(),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": (address(name)),
            "PREFECT_REDIS_MESSAGING_URL": shared,
            "PREFECT_SERVER_DOCKET_URL": shared,
            "PREFECT_SERVER_API_AUTH_STRING": AUTH,
            "PREFECT_API_AUTH_STRING": AUTH,
            "PREFECT_SERVER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            **(env or {}),
        }
        with server(home, told) as plain:
            yield Production(plain.home, plain.api, plain.env, name, memory)


WEBHOOK_TOKEN = PATH.rpartition("/")[2]
BLOCKS = """
import os
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect_slack import SlackWebhook
address = os.environ["AUTOMEND_SLACK_WEBHOOK_URL"]
SlackWebhook(url=address).save("automend-alerts", overwrite=True)
Webhook(url=address, method="POST").save("automend-alerts-server", overwrite=True)
Secret(value=os.environ["AUTOMEND_GOOGLE_API_KEY"]).save("automend-google-api-key", overwrite=True)
Secret(value=os.environ["AUTOMEND_HF_TOKEN"]).save("automend-hf-token", overwrite=True)
"""


def planted(source: str) -> dict[str, str]:
    """The secrets of a machine that runs flows; `source` is where DS1's trace is said to lie, below a login."""
    login = f"reader:{SECRETS['login of a source']}@"
    return {
        "AUTOMEND_GOOGLE_API_KEY": SECRETS["Google API key"],
        "AUTOMEND_HF_TOKEN": SECRETS["Hugging Face token"],
        "AUTOMEND_SOURCES__DS1_ALIBABA__URL": f"{source.replace('://', '://' + login)}/trace.csv",
        "AUTOMEND_SOURCES__DS1_ALIBABA__SHA256": "0" * 64,
        "PLANTED_DSN": f"postgresql://amy:{SECRETS['password of a DSN']}@127.0.0.1:1/warehouse",
        "PYTHONPATH": str(PROJECT),  # tests/deployments/queued.py is no part of the installed project
    }


# What must not be found anywhere. No value but the webhook's has a shape by which it could be known for a secret.
SECRETS = {
    "webhook's token": WEBHOOK_TOKEN,
    "Google API key": "plantedGoogle3Vm1",
    "Hugging Face token": "plantedHugging5Tn8",
    "login of a source": "plantedSource6Hy2",
    "password of a DSN": "plantedDsn9Lc4",
    "database's password": PASSWORD,
    "Redis' password": REDIS_PASSWORD,
    "auth string": AUTH,
    "Authorization header": basic(AUTH),
}


def save_blocks(platform: Platform) -> None:
    """The blocks that bootstrap makes of a machine's secrets."""
    done = platform.run(sys.executable, "-c", BLOCKS)
    assert done.returncode == 0, done.stdout + done.stderr


def deploy(platform: Platform, entrypoint: str, pool: str = "automend") -> str:
    """Id of a deployment of a flow by its dotted entrypoint."""
    name = entrypoint.rpartition(".")[2].replace("_", "-")
    flow = platform.post("flows/", {"name": name})
    body = {"name": name, "flow_id": flow["id"], "entrypoint": entrypoint, "work_pool_name": pool, "pull_steps": []}
    return str(platform.post("deployments/", body)["id"])


def start(platform: Platform, deployment: str, **parameters: Any) -> str:
    """Id of a flow run that is scheduled for now; asking twice makes one run."""
    body = {"parameters": parameters, "idempotency_key": uuid.uuid4().hex}
    return str(patiently(lambda: platform.post(f"deployments/{deployment}/create_flow_run", body))["id"])


FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


def ended(platform: Platform, run: str, seconds: float = 300) -> dict[str, Any]:
    """The flow run once it is over."""

    def final() -> dict[str, Any] | None:
        found: dict[str, Any] = patiently(lambda: platform.get(f"flow_runs/{run}"))
        return found if found["state_type"] in FINAL else None

    return dict(wait_until(final, seconds, f"the end of flow run {run}", pause=1))


def patiently(ask: Callable[[], Any], seconds: float = 120) -> Any:
    """What `ask` returns, asked again while the server is busy, as Prefect's own clients do: SQLite's one lock."""

    def asked() -> tuple[Any] | None:
        try:
            return (ask(),)
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                raise
            return None

    return wait_until(asked, seconds, "an answer other than 503")[0]


P = TypeVar("P", bound=Platform)


@dataclass(frozen=True)
class Staffed(Generic[P]):
    """A server with one worker, what both of them talk to, and three runs into `data` that were started by name.

    "good" publishes a dataset; "source" and "careless" fail with a secret in the error's text.
    """

    server: P
    slack: SlackServer
    data: Path
    runs: Mapping[str, str]

    @property
    def worker_log(self) -> Path:
        return self.server.home / "worker.log"


@contextmanager
def staffed(made: P) -> Iterator[Staffed[P]]:
    """Slack's stand-in, the blocks, a pool with two places, and a worker that knows every planted secret."""
    with SlackServer("ok") as slack, serving(lambda _path, _before: (404, b"", {})) as source:
        told = replace(made, env={**made.env, **planted(source.url), "AUTOMEND_SLACK_WEBHOOK_URL": slack.url})
        save_blocks(told)
        made.post("work_pools/", {"name": "automend", "type": "process", "concurrency_limit": 2})
        worker = [*CLI, "worker", "start", "--pool", "automend", "--type", "process"]
        with running(worker, made.home / "worker.log", told.env):
            data = made.home / "data"
            yield Staffed(told, slack, data, _three_runs(told, data))


def _three_runs(on: Platform, data: Path) -> dict[str, str]:
    """Ids of flow runs that begin while the tests look at other things."""
    root = str(data)
    return {
        "good": start(on, deploy(on, "flows.ds5_glaive.ds5_glaive"), data_dir=root, scale=0.2),
        "source": start(on, deploy(on, "flows.ds1_alibaba.ds1_alibaba"), data_dir=root, mode="live"),
        "careless": start(on, deploy(on, "tests.deployments.queued.careless"), data_dir=root),
    }
