"""One Prefect server and one process worker, shared by every test of the deployments: each takes 15 s to start."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.production import Staffed, address, postgres_database, postgres_is_there, production_server, staffed
from tests.servers import Platform, server


@contextmanager
def database() -> Iterator[Mapping[str, str]]:
    """PostgreSQL where there is one, else SQLite, as a server's environment.

    Prefect's server waits 60 s for itself, now and then, where automations write into SQLite beside a run's events;
    one such wait is longer than some tests have. `make operations` runs `make up`, which is on SQLite.
    """
    if not postgres_is_there():
        yield {}
        return
    with postgres_database("platform") as name:
        yield {"PREFECT_SERVER_DATABASE_CONNECTION_URL": address(name)}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server with an empty database, and a worker of the process pool `automend`."""
    with database() as env, server(tmp_path_factory.mktemp("platform"), env) as made, made.worker():
        yield made


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """A server on PostgreSQL and Redis with authentication, a worker, and planted secrets: tests/production.py."""
    with production_server(tmp_path_factory.mktemp("production")) as made, staffed(made) as working:
        yield working
