"""One Prefect server and one process worker, shared by every test of the deployments: each takes 15 s to start."""

from collections.abc import Iterator

import pytest

from tests.production import Staffed, production_server, staffed
from tests.servers import Platform, server


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server with an empty database, and a worker of the process pool `automend`."""
    with server(tmp_path_factory.mktemp("platform")) as made, made.worker():
        yield made


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """A server on PostgreSQL and Redis with authentication, a worker, and planted secrets: tests/production.py."""
    with production_server(tmp_path_factory.mktemp("production")) as made, staffed(made) as working:
        yield working
