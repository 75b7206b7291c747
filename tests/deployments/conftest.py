"""One Prefect server and one process worker, shared by every test of the deployments: each takes 15 s to start.

They end with the last of these tests: an idle server and its worker take a tenth of a core from whatever follows.
"""

from collections.abc import Iterator

import pytest

from tests.production import Staffed, database, production_server, staffed
from tests.servers import Platform, server


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server with an empty database, and a worker of the process pool `automend`."""
    with database("platform") as env, server(tmp_path_factory.mktemp("platform"), env) as made, made.worker():
        yield made


@pytest.fixture(scope="package")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """A server on PostgreSQL and Redis with authentication, a worker, and planted secrets: tests/production.py."""
    with production_server(tmp_path_factory.mktemp("production")) as made, staffed(made) as working:
        yield working
