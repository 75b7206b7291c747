"""A real server, pool and worker run what prefect.yaml describes."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deployments.booted import FILE, boot
from tests.servers import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployments")]

TRACK = "track-b"
SCALE = 0.02  # of the sample: every step of every dataset of the track, on few rows


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, Any]:
    """The server's deployments by name, after the bootstrap."""
    boot(platform)
    return {each["name"]: each for each in platform.post("deployments/filter", {})}


@pytest.mark.parametrize("entry", yaml.safe_load(FILE.read_text())["deployments"], ids=lambda entry: entry["name"])
def test_every_flow_is_deployed_as_the_file_describes_it(deployed: dict[str, Any], entry: dict[str, Any]) -> None:
    found = deployed[entry["name"]]
    assert {key: found[key] for key in ("entrypoint", "description", "parameters", "enforce_parameter_schema")} == {
        key: entry[key] for key in ("entrypoint", "description", "parameters", "enforce_parameter_schema")
    }
    assert set(found["tags"]) == set(entry["tags"])
    assert found["work_pool_name"] == entry["work_pool"]["name"]
    assert found["job_variables"] == entry["work_pool"]["job_variables"]
    assert found["global_concurrency_limit"]["limit"] == entry["concurrency_limit"]["limit"]
    assert found["concurrency_options"]["collision_strategy"] == entry["concurrency_limit"]["collision_strategy"]
    assert {schedule["slug"]: schedule["schedule"]["cron"] for schedule in found["schedules"]} == {
        schedule["slug"]: schedule["cron"] for schedule in entry["schedules"]
    }


def test_each_deployment_shows_its_parameters_as_a_form_with_explanations(deployed: dict[str, Any]) -> None:
    for found in (deployed[entry["name"]] for entry in yaml.safe_load(FILE.read_text())["deployments"]):
        fields = found["parameter_openapi_schema"]["properties"]
        assert fields["mode"]["enum"] == ["sample", "local", "live"]
        assert all(field.get("description") for field in fields.values()), found["name"]


def test_a_parameter_of_the_wrong_kind_is_refused_before_anything_is_scheduled(
    platform: Platform, deployed: dict[str, Any]
) -> None:
    path = f"{platform.api}/deployments/{deployed['track-a']['id']}/create_flow_run"
    refused = httpx.post(path, json={"parameters": {"mode": "smaple"}}, timeout=30)
    assert refused.status_code in {409, 422}
    assert "smaple" in refused.text


def test_a_worker_runs_a_track_to_completed_and_its_files_are_there(
    platform: Platform, deployed: dict[str, Any], tmp_path: Path
) -> None:
    parameters = json.dumps({"mode": "sample", "data_dir": str(tmp_path), "scale": SCALE})
    options = ("--params", parameters, "--watch", "--watch-timeout", "300")
    told = platform.prefect("deployment", "run", f"{TRACK}/{TRACK}", *options)
    assert told.returncode == 0, told.stdout + told.stderr
    assert (tmp_path / "processed" / "track_B_combined.jsonl").is_file()
    ours = {"deployments": {"name": {"any_": [TRACK]}}}
    assert {run["state"]["name"] for run in platform.post("flow_runs/filter", ours) if run["start_time"]} == {
        "Completed"
    }
