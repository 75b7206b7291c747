"""Fixtures every test may use. Nothing here touches the network or the developer's own Prefect home."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, so that a gate never closes by chance; and none is timed: a machine may be busy.
# The nightly workflow looks further, with --hypothesis-profile=exploring.
settings.register_profile("automend", deadline=None, derandomize=True)
settings.register_profile("exploring", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("automend")

# Before anything imports prefect: a home of its own, so that no test sees or leaves a cached result or a block.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="automend-prefect-")
atexit.register(shutil.rmtree, os.environ["PREFECT_HOME"], ignore_errors=True)
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.pop("PREFECT_API_URL", None)
for name in [n for n in os.environ if n.startswith("AUTOMEND_") and n != "AUTOMEND_REAL_DATA"]:
    del os.environ[name]

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The public files in `$AUTOMEND_REAL_DATA` or `../shared/data`; skips, saying so, where there are none."""
    folder = Path(os.environ.get("AUTOMEND_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the public sample files; {folder} is no folder (set AUTOMEND_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One temporary Prefect server with an empty database for all flow tests of this process."""
    from tests.production import database
    from tests.servers import server

    with database("flows") as env, server(tmp_path_factory.mktemp("server"), env) as made, made.here():
        yield


def pytest_itemcollected(item: pytest.Item) -> None:
    """Laws tried on many generated examples are slow: `make test` runs them, `make check` does not.

    Marked here, before `-m` chooses: what is marked in pytest_collection_modifyitems may come too late for it.
    """
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Look at the groups once pytest-xdist has marked them."""
    if getattr(config.option, "loadgroup", False):
        _refuse_torn_groups(items)


def _refuse_torn_groups(items: list[pytest.Item]) -> None:
    """pytest-xdist marks a group in the test's id; where it cannot, groups are torn apart and servers start twice."""
    torn = [item.nodeid for item in items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if torn:
        raise pytest.UsageError(
            f"{len(torn)} tests of groups would run on any worker, {torn[0]} first: this pytest-xdist does not know "
            "this pytest. Install the versions of tests/requirements.txt."
        )
