"""Kubernetes and Docker jobs as the workers make them, the charts' values, and the manifests beside them."""

import asyncio
import copy
import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from docker.models.containers import _create_container_args
from docker.types import HostConfig
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings
from prefect_docker.worker import DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorker, KubernetesWorkerJobConfiguration

from tests import dockerfile
from tests.conftest import PROJECT
from tests.deployments.names import SECRET, leaves, read_by_nobody
from tests.deployments.rendered import GIVEN, prepared, production, template, variables
from tests.production import server_settings

pytestmark = pytest.mark.unit

FOLDER = PROJECT / "deployments/kubernetes"
VALUES = {name: yaml.safe_load((FOLDER / f"{name}-values.yaml").read_text()) for name in ("server", "worker")}
MANIFESTS = list(yaml.safe_load_all((FOLDER / "platform.yaml").read_text()))
NAMES = [entry["name"] for entry in production("automend-kubernetes")]
VERSION = "1.33"  # of Kubernetes; what is checked is the same in every one from 1.27 on
PASSWORD = "automend:plantedAuth3Xk"  # noqa: S105


def job(name: str) -> dict[str, Any]:
    """The manifest that the worker sends for a run of a deployment."""
    made = prepared(KubernetesWorkerJobConfiguration, "automend-kubernetes", variables("automend-kubernetes", name))
    manifest: dict[str, Any] = made.job_manifest
    return manifest


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = job(name)["spec"]["template"]["spec"]
    return spec


def assert_taken(manifest: dict[str, Any]) -> None:
    """Kubernetes' own schema holds, nothing unknown in it but two fields that Prefect demands in the wrong place."""
    known = copy.deepcopy(manifest)
    misplaced = {known["spec"]["template"]["spec"].pop(name) for name in ("completions", "parallelism")}
    assert misplaced == {1}  # the server drops them; a Job's own default is 1
    kubernetes_validate.validate(known, VERSION, strict=True)


def environments(document: Any) -> list[list[dict[str, Any]]]:
    """Every list of environment variables in a document."""
    if isinstance(document, dict):
        own = [value for key, value in document.items() if key in {"env", "extraEnvVars"} and isinstance(value, list)]
        return own + [found for value in document.values() for found in environments(value)]
    return [found for each in document for found in environments(each)] if isinstance(document, list) else []


@pytest.mark.parametrize("name", NAMES)
def test_a_run_becomes_a_job_that_kubernetes_takes(name: str) -> None:
    manifest = job(name)
    assert_taken(manifest)
    assert not [path for path, value in leaves(manifest) if "{{" in str(value)]
    wanted = variables("automend-kubernetes", name)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["image"] == GIVEN["AUTOMEND_IMAGE"]
    assert container["resources"]["limits"] == {
        "cpu": f"{wanted['cpu_millis']}m",
        "memory": f"{wanted['memory_mib']}Mi",
    }
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
    assert "command" not in container  # the image's entry point stays: it makes the folders and brings the kernels


def test_a_job_is_fenced_in_and_does_not_stay_for_ever() -> None:
    spec = pod("track-a")
    (container,) = spec["containers"]
    user = dockerfile.stages((PROJECT / "Dockerfile").read_text())["image"]
    (uid,) = {one.text.split(":")[0] for one in user if one.name == "USER"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == int(uid)
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert job("track-a")["spec"]["ttlSecondsAfterFinished"] == 86400
    assert job("track-a")["spec"]["backoffLimit"] == 0  # Prefect schedules an evicted run again, not Kubernetes


def test_a_job_can_write_where_the_image_writes_and_nowhere_else() -> None:
    (container,) = pod("track-a")["containers"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    instructions = dockerfile.stages((PROJECT / "Dockerfile").read_text())["image"]
    assert mounts == {"/tmp", *(one.text for one in instructions if one.name == "VOLUME")}  # noqa: S108
    assert {volume["name"] for volume in pod("track-a")["volumes"]} == {
        one["name"] for one in container["volumeMounts"]
    }


def test_a_jobs_secrets_are_references() -> None:
    (container,) = pod("track-a")["containers"]
    secret = [one for one in container["env"] if SECRET.search(one["name"])]
    assert {"AUTOMEND_SLACK_WEBHOOK_URL", "AUTOMEND_HF_TOKEN", "AWS_SECRET_ACCESS_KEY"} <= {
        one["name"] for one in secret
    }
    assert all(set(one) == {"name", "valueFrom"} and set(one["valueFrom"]) == {"secretKeyRef"} for one in secret)
    (own,) = environments(template("automend-kubernetes"))
    assert read_by_nobody(one["name"] for one in own) == []


def test_the_servers_password_becomes_a_reference_too_where_the_worker_is_told_its_secret() -> None:
    """The worker copies its own settings into each job; worker-values.yaml names the secret that holds this one."""
    given = {one["name"]: one.get("value") for one in VALUES["worker"]["worker"]["extraEnvVars"]}
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_"
    with temporary_settings({PREFECT_API_AUTH_STRING: PASSWORD}):
        made = prepared(
            KubernetesWorkerJobConfiguration, "automend-kubernetes", variables("automend-kubernetes", "track-a")
        )
    assert PASSWORD in json.dumps(made.job_manifest)  # so it would be
    replace = KubernetesWorker._replace_env_variable_with_secret
    worker = KubernetesWorker(work_pool_name="automend-kubernetes")
    asyncio.run(
        replace(
            worker,
            env_variable_name="PREFECT_API_AUTH_STRING",
            configuration=made,
            secret_name=given[f"{prefix}NAME"],
            secret_key=given[f"{prefix}KEY"],
        )
    )
    assert PASSWORD not in json.dumps(made.job_manifest)
    assert_taken(made.job_manifest)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_becomes_a_container_that_docker_takes(name: str) -> None:
    wanted = variables("automend-docker", name)
    made = prepared(DockerWorkerJobConfiguration, "automend-docker", wanted)
    extra = made.container_create_kwargs
    asked = {
        "image": made.image,
        "command": "x",
        "mem_limit": made.mem_limit,
        "memswap_limit": made.memswap_limit,
        **extra,
    }
    host = _create_container_args({**asked, "version": "1.45"})["host_config"]
    assert isinstance(host, HostConfig)
    assert host["Memory"] == host["MemorySwap"] == wanted["memory_mib"] << 20
    assert host["CpuQuota"] / host["CpuPeriod"] == wanted["cpu_millis"] / 1000
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert made.image == GIVEN["AUTOMEND_IMAGE"]
    assert not made.privileged


def test_both_pools_take_the_same_sizes() -> None:
    sizes = {"image", "memory_mib", "cpu_millis", "disk_mib", "env"}
    for pool in ("automend-kubernetes", "automend-docker"):
        assert sizes <= set(template(pool)["variables"]["properties"])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}/{one['metadata']['name']}")
def test_the_manifests_beside_the_charts_are_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_nodes_maintenance_leaves_a_server_and_a_worker() -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS if one["kind"] == "PodDisruptionBudget"}
    for name, values in VALUES.items():
        assert budgets[f"prefect-{name}"]["minAvailable"] == 1
        assert values[name]["replicaCount"] > 1  # else the budget would keep the node from ever being emptied
        assert budgets[f"prefect-{name}"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == name


@pytest.mark.parametrize("chart", VALUES)
def test_a_charts_secrets_are_references(chart: str) -> None:
    for one in [one for env in environments(VALUES[chart]) for one in env]:
        secret = SECRET.search(one["name"]) and not one["name"].endswith(("SECRET_NAME", "SECRET_KEY"))
        assert ("valueFrom" in one) == bool(secret), one
    assert not [path for path, _ in leaves(VALUES[chart]) if re.search(r"(password|authString)$", path)]


@pytest.mark.parametrize("chart", VALUES)
def test_every_variable_of_a_chart_is_read_by_somebody(chart: str) -> None:
    assert read_by_nobody(one["name"] for env in environments(VALUES[chart]) for one in env) == []


def test_every_secret_that_is_named_is_one_that_platform_yaml_says_how_to_make() -> None:
    made = dict.fromkeys(re.findall(r"create secret generic ([\w-]+)", (FOLDER / "platform.yaml").read_text()))
    texts = [(FOLDER / f"{name}-values.yaml").read_text() for name in VALUES]
    texts.append((PROJECT / "deployments/pools/automend-kubernetes.json").read_text())
    named = {
        name
        for text in texts
        for name in re.findall(r'(?:secretKeyRef"?: \{"?name"?: |existingSecret: )"?([\w-]+)', text)
    }
    named.add(VALUES["server"]["secret"]["name"])
    assert named == set(made)


def test_the_server_is_told_in_kubernetes_what_it_is_told_in_compose_and_in_its_tests() -> None:
    env = VALUES["server"]["global"]["prefect"]["env"]
    assert {one["name"]: one["value"] for one in env if "value" in one} == server_settings()
    assert VALUES["server"]["server"]["basicAuth"]["enabled"] is True
    assert not any(VALUES["server"][own]["enabled"] for own in ("sqlite", "postgresql", "redis"))
    assert VALUES["server"]["secret"]["create"] is False


@pytest.mark.parametrize("chart", VALUES)
def test_a_charts_pods_are_asked_how_they_are_fenced_in_and_limited(chart: str) -> None:
    values = VALUES[chart][chart]
    assert values["livenessProbe"]["enabled"] is True
    assert set(values["resources"]) == {"requests", "limits"}
    assert values["podSecurityContext"]["runAsNonRoot"] is True
    assert values["containerSecurityContext"]["readOnlyRootFilesystem"] is True
    assert values["containerSecurityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_worker_asks_the_pool_that_runs_are_sent_to() -> None:
    config = VALUES["worker"]["worker"]["config"]
    assert config["workPool"] == yaml.safe_load((PROJECT / "prefect.prod.yaml").read_text())["definitions"]["pool"]
    assert config["installPolicy"] == "never"
