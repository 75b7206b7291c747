"""What prefect.prod.yaml and the pools' templates become: job variables, Kubernetes manifests, Docker settings."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings
from prefect.workers.base import BaseJobConfiguration

from deployments import prefect_file
from tests.conftest import PROJECT

GIVEN = {
    "AUTOMEND_IMAGE": "registry.example.org/automend:3.8.8-0.1.0",
    "AUTOMEND_STORE": "s3://bucket/prefix",
    "AUTOMEND_PUSHGATEWAY_URL": "http://pushgateway:9091",
}
RUN = FlowRun(id=UUID(int=7), flow_id=UUID(int=8), name="a run", parameters={})

# What a server that other tests of this process started leaves in the settings: a worker copies them into every job.
OF_OTHER_TESTS = {PREFECT_API_URL, PREFECT_SERVER_DATABASE_CONNECTION_URL}


def template(pool: str) -> dict[str, Any]:
    """The base job template of a pool."""
    told: dict[str, Any] = json.loads((PROJECT / f"deployments/pools/{pool}.json").read_text())
    return told


def production(pool: str) -> list[dict[str, Any]]:
    """The deployments of prefect.prod.yaml on a pool, its environment given."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in GIVEN.items():
            patch.setenv(name, value)
        entries = prefect_file.read(PROJECT / "prefect.prod.yaml")
    return [{**entry, "work_pool": {**entry["work_pool"], "name": pool}} for entry in entries]


def variables(pool: str, name: str) -> dict[str, Any]:
    """Job variables of one deployment."""
    (entry,) = [entry for entry in production(pool) if entry["name"] == name]
    told: dict[str, Any] = entry["work_pool"]["job_variables"]
    return told


def prepared(kind: type[BaseJobConfiguration], pool: str, values: dict[str, Any]) -> Any:
    """The worker's own configuration of a run, as it is when the worker starts it."""
    nobody = PrefectClient("http://127.0.0.1:9/api")  # a client of its own would start a server; none is asked anything
    made = asyncio.run(kind.from_template_and_values(template(pool), values, client=nobody))
    with temporary_settings(restore_defaults=OF_OTHER_TESTS):
        made.prepare_for_flow_run(RUN)
    return made
