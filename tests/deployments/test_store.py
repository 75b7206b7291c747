"""Data and results on object storage: what one machine made another takes, damage is seen, an outage stops the run."""

import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fakes.object_store import SECRET_KEY, ObjectStore, environment, object_store
from tests.flows.tree import published
from tests.servers import Platform, free_port, running

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployments")]

FLOW = [sys.executable, "flows/ds5_glaive.py"]
SAVE_RESULTS = """
import sys
from prefect.filesystems import RemoteFileSystem
RemoteFileSystem(basepath=sys.argv[1]).save(sys.argv[2], overwrite=True)
"""


@dataclass(frozen=True)
class Machine:
    """Somewhere a flow runs: a home and a data folder of its own, the platform's server, and the one store."""

    home: Path
    platform: Platform
    env: dict[str, str]
    scale: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def command(self) -> list[str]:
        return [*FLOW, "--scale", self.scale, "--data-dir", str(self.data)]

    def run(self) -> CompletedProcess[str]:
        return Platform(self.home, self.platform.api, self.env).run(*self.command)


def states(told: str) -> dict[str, list[str]]:
    """Task name -> the states its runs ended in, from what a run prints."""
    found: dict[str, list[str]] = {}
    for name, state in re.findall(r"Task run '(\w+)[^']*' - Finished in state (\w+)", told):
        found.setdefault(name, []).append(state)
    return found


@dataclass(frozen=True)
class Shop:
    """The store with one prefix for one test, and machines that use it."""

    store: ObjectStore
    platform: Platform
    folder: Path
    prefix: str
    block: str = ""  # where Prefect's results are; "": on the machine itself

    def machine(self, name: str, endpoint: str = "", scale: str = "0.2") -> Machine:
        home = self.folder / name
        home.mkdir()
        env = {
            **self.platform.env,
            **environment(endpoint or self.store.endpoint),
            "PREFECT_HOME": str(home / "prefect"),
            "AUTOMEND_STORE": self.store.url(self.prefix),
            "AUTOMEND_DVC": "false",
        }
        if self.block:
            env["PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK"] = f"remote-file-system/{self.block}"
        return Machine(home, self.platform, env, scale)

    def published(self) -> dict[str, str]:
        """Published files on the store, by name, with the hash of their bytes."""
        objects = self.store.objects(self.prefix)
        return {
            name: hashlib.sha256(content).hexdigest()
            for name, content in objects.items()
            if name.startswith("processed/") or (name.startswith("interim/") and name.count("/") == 1)
        }


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture
def shop(store: ObjectStore, platform: Platform, tmp_path: Path) -> Shop:
    """A prefix that no other test uses."""
    return Shop(store, platform, tmp_path, prefix=f"automend-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def shared(shop: Shop) -> Shop:
    """The same with Prefect's results on the store too."""
    made = replace(shop, block=shop.prefix)
    first = made.machine("bootstrap")
    place = f"{made.store.url(made.prefix)}/results"
    done = Platform(first.home, made.platform.api, first.env).run(sys.executable, "-c", SAVE_RESULTS, place, made.block)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_a_fresh_machine_takes_all_from_the_store_and_makes_only_what_is_damaged_again(shared: Shop) -> None:
    first, second = shared.machine("first"), shared.machine("second")
    done = first.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert shared.published() == published(first.data)

    damaged = next(key for key in shared.store.objects(shared.prefix) if "/grouped-" in key)
    before = shared.store.read(f"{shared.prefix}/{damaged}")
    shared.store.write(f"{shared.prefix}/{damaged}", before[:-1] + b"?")

    again = second.run()
    told = again.stdout + again.stderr
    assert again.returncode == 0, told
    assert published(second.data) == published(first.data) == shared.published()
    assert "The store's copy is damaged" in told
    assert shared.store.read(f"{shared.prefix}/{damaged}") == before
    made = {name: ended for name, ended in states(told).items() if ended != ["Cached"]}
    assert made == {"grouped": ["Cached", "Completed"], "publish": ["Completed"]}
    assert len(states(told)) > 10


def test_a_store_that_is_down_stops_the_run_with_a_sentence(shop: Shop) -> None:
    cut_off = shop.machine("cut-off", endpoint=f"http://127.0.0.1:{free_port()}")
    cut_off.env["AWS_MAX_ATTEMPTS"] = "2"  # of five, to be done sooner
    done = cut_off.run()
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("StoreFailed: The store (AUTOMEND_STORE=s3://")
    assert "run again" in last
    assert SECRET_KEY not in done.stdout + done.stderr
    assert not (cut_off.data / "processed").exists()


@pytest.mark.operations
def test_two_machines_at_once_leave_one_consistent_set_of_published_files(shared: Shop) -> None:
    """Of different content: each machine's sample has a size of its own, so a mixture would show."""
    machines = [shared.machine(f"machine-{scale}", scale=scale) for scale in ("0.2", "0.3")]
    with ExitStack() as both:
        at_work = [both.enter_context(running(each.command, each.home / "log", each.env)) for each in machines]
        assert [process.wait(1200) for process in at_work] == [0, 0]
    assert shared.published() in [published(machine.data) for machine in machines]
    assert whole(shared) == []


def whole(shop: Shop) -> list[str]:
    """Published files on the store that are not what the manifest there says."""
    objects = shop.store.objects(shop.prefix)
    outputs = json.loads(objects["processed/ds5_glaive/manifest.json"])["outputs"]
    return [name for name, told in outputs.items() if _sha256(objects, name) != told["sha256"]]


def _sha256(objects: dict[str, bytes], name: str) -> str:
    return hashlib.sha256(objects[f"processed/ds5_glaive/{name}"]).hexdigest()
