"""prefect.prod.yaml is prefect.yaml in containers: the same deployments, on other pools, with resources."""

from typing import Any

import pytest
import yaml
from prefect.utilities.schema_tools import validate

from deployments import prefect_file
from tests.conftest import PROJECT
from tests.deployments.names import read_by_nobody
from tests.deployments.rendered import GIVEN, production, template

pytestmark = pytest.mark.unit

LOCAL = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
TEXT = (PROJECT / "prefect.prod.yaml").read_text()
PRODUCTION = yaml.safe_load(TEXT)
POOLS = ("automend-kubernetes", "automend-docker")


def without_pool(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "work_pool"}


def test_both_files_describe_the_same_deployments_but_for_pool_and_resources() -> None:
    names = [[entry["name"] for entry in file["deployments"]] for file in (PRODUCTION, LOCAL)]
    assert names[0] == names[1], "prefect.prod.yaml and prefect.yaml list different deployments, or in another order"
    assert list(map(without_pool, PRODUCTION["deployments"])) == list(map(without_pool, LOCAL["deployments"]))
    assert PRODUCTION["prefect-version"] == LOCAL["prefect-version"]


def test_nothing_is_pulled_or_built_the_code_is_in_the_image() -> None:
    assert (PRODUCTION["pull"], PRODUCTION["build"], PRODUCTION["push"]) == ([], [], [])


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_it_is_refused_while_a_variable_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, value in GIVEN.items():
        monkeypatch.setenv(other, value)
    monkeypatch.delenv(name)
    with pytest.raises(prefect_file.BadFile, match=name):
        prefect_file.read(PROJECT / "prefect.prod.yaml")


@pytest.mark.parametrize("pool", POOLS)
def test_every_deployment_fits_its_pools_template(pool: str) -> None:
    for entry in production(pool):
        assert entry["work_pool"]["name"] == pool
        assert validate(entry["work_pool"]["job_variables"], template(pool)["variables"]) == []
    assert TEXT.count("automend-kubernetes") == 2  # the comment that says where to write automend-docker, and there


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    "image", ["", "automend", "automend:latest", "registry.example.org:5000/automend", "a b:1", "automend@sha256:12"]
)
def test_a_pool_refuses_an_image_without_a_version(pool: str, image: str) -> None:
    (fault,) = validate({"image": image}, template(pool)["variables"])
    assert "does not match" in fault.message


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    "image", ["automend:1", "registry.example.org:5000/team/automend:3.8.8-0.1.0", f"automend@sha256:{'0a' * 32}"]
)
def test_a_pool_takes_an_image_with_a_version(pool: str, image: str) -> None:
    assert validate({"image": image}, template(pool)["variables"]) == []


@pytest.mark.parametrize("pool", POOLS)
def test_a_pool_refuses_a_run_without_an_image(pool: str) -> None:
    (fault,) = validate({}, template(pool)["variables"])
    assert "'image' is a required property" in fault.message


def test_a_track_gets_more_than_each_of_its_datasets() -> None:
    memory = {entry["name"]: entry["work_pool"]["job_variables"]["memory_mib"] for entry in production(POOLS[0])}
    for track, datasets in {"track-a": ("ds1", "ds2"), "track-b": ("ds3", "ds4", "ds5", "ds6")}.items():
        assert memory[track] > max(size for name, size in memory.items() if name.startswith(datasets))


def test_every_run_is_watched_keeps_its_results_on_the_store_and_knows_only_real_settings() -> None:
    for entry in production(POOLS[0]):
        env = entry["work_pool"]["job_variables"]["env"]
        assert env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
        assert env["PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK"] == "remote-file-system/automend-results"
        assert (env["AUTOMEND_STORE"], env["AUTOMEND_DVC"]) == (GIVEN["AUTOMEND_STORE"], "false")
        assert read_by_nobody(env) == []
