"""The registry: fifteen tools, their effects, approvals and environments as designed, and schemas that say no."""

from typing import Any

import jsonschema
import pytest

from schemas.format_b import OFFER_SCHEMA
from schemas.tools import APPROVAL, ENVIRONMENTS, REGISTRY, Environment, offered_in

pytestmark = pytest.mark.unit

READ = ("fetch_pod_logs", "query_prometheus", "describe_pod", "get_node_status", "run_diagnostic_script")
DESTRUCTIVE = ("rollback_release", "drain_node")
GOOD: dict[str, dict[str, Any]] = {
    "fetch_pod_logs": {"namespace": "a", "pod": "b", "container": "c", "tail_lines": 1, "since_seconds": 1},
    "query_prometheus": {"query": "up", "range_start": "1", "range_end": "2", "step": "60s"},
    "describe_pod": {"namespace": "a", "pod": "b-5f6c7.x"},
    "get_node_status": {"node": "ip-10-0-0-1.internal"},
    "run_diagnostic_script": {"script": "check-disk", "target": "Node 1", "timeout_seconds": 3600},
    "restart_workload": {"namespace": "a", "workload_type": "daemonset", "workload_name": "b"},
    "scale_deployment": {"namespace": "a", "deployment_name": "b", "replicas": 0},
    "cordon_node": {"node": "n1"},
    "apply_manifest": {"manifest_content": "kind: Pod", "namespace": "a"},
    "page_oncall": {"severity": "low", "title": "a", "body": "b", "incident_url": "https://a.example"},
    "slack_notification": {"channel": "#ops", "message": "a", "severity_color": "#36a64f"},
    "slack_approval": {"channel": "@amira", "message": "a", "timeout_minutes": 30, "required_approvers": 1},
    "open_ticket": {"title": "a", "description": "b", "priority": "high", "team": "c", "labels": ["d"]},
    "rollback_release": {"namespace": "a", "deployment_name": "b", "revision": 1},
    "drain_node": {"node": "n1", "grace_period_seconds": 0},
}
BAD: list[tuple[str, dict[str, Any]]] = [
    ("fetch_pod_logs", {"tail_lines": 0}),
    ("fetch_pod_logs", {"namespace": "A"}),
    ("fetch_pod_logs", {"namespace": "a" * 64}),
    ("fetch_pod_logs", {"pod": "b\nc"}),
    ("query_prometheus", {"step": "1 minute"}),
    ("query_prometheus", {"query": ""}),
    ("run_diagnostic_script", {"script": "rm -rf /"}),
    ("restart_workload", {"workload_type": "Deployment"}),
    ("scale_deployment", {"replicas": -1}),
    ("scale_deployment", {"replicas": "3"}),
    ("scale_deployment", {"replicas": True}),
    ("page_oncall", {"incident_url": "file:///etc/passwd"}),
    ("slack_notification", {"channel": "ops"}),
    ("slack_notification", {"severity_color": "red"}),
    ("slack_approval", {"required_approvers": 0}),
    ("open_ticket", {"labels": "d"}),
    ("open_ticket", {"labels": [1]}),
    ("rollback_release", {"revision": 0}),
    ("drain_node", {"grace_period_seconds": -1}),
]


def fits(tool: str, params: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(REGISTRY[tool].parameters).is_valid(params)


def test_there_are_fifteen_tools_with_the_effects_of_the_design() -> None:
    """All but reading and telling ask one person to agree."""
    effects = {name: tool.effect for name, tool in REGISTRY.items()}
    assert set(effects) == set(GOOD)
    assert {name for name, effect in effects.items() if effect == "read"} == set(READ)
    assert {name for name, effect in effects.items() if effect == "destructive"} == set(DESTRUCTIVE)
    assert {name for name, tool in REGISTRY.items() if tool.approvals} == {
        *DESTRUCTIVE,
        "restart_workload",
        "scale_deployment",
        "cordon_node",
        "apply_manifest",
    }
    assert APPROVAL in REGISTRY


def test_only_a_rollback_has_no_place_in_development() -> None:
    everywhere = {name for name, tool in REGISTRY.items() if tool.environments == ENVIRONMENTS}
    assert set(REGISTRY) - everywhere == {"rollback_release"}
    offered: dict[Environment, int] = {environment: len(offered_in(environment)) for environment in ENVIRONMENTS}
    assert offered == {"development": 14, "staging": 15, "production": 15}
    assert "rollback_release" not in {tool.name for tool in offered_in("development")}


@pytest.mark.parametrize("name", REGISTRY)
def test_a_tool_takes_what_it_says_and_nothing_else(name: str) -> None:
    """Every required parameter, no other one; its schema is one."""
    schema = REGISTRY[name].parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    assert fits(name, GOOD[name])
    assert not fits(name, {**GOOD[name], "force": True})
    for required in schema["required"]:
        assert not fits(name, {key: value for key, value in GOOD[name].items() if key != required})


@pytest.mark.parametrize(("name", "wrong"), BAD)
def test_a_value_out_of_range_does_not_fit(name: str, wrong: dict[str, Any]) -> None:
    assert set(wrong) <= set(REGISTRY[name].parameters["properties"])
    assert not fits(name, GOOD[name] | wrong)


def test_an_offer_leaves_out_what_is_as_for_any_function() -> None:
    """And fits the schema of offers."""
    offers = [tool.offer() for tool in REGISTRY.values()]
    jsonschema.Draft202012Validator(OFFER_SCHEMA).validate(offers)
    named = {offer["name"]: set(offer) for offer in offers}
    assert named["get_node_status"] == {"name", "description", "parameters", "effect"}
    assert named["rollback_release"] == {*named["get_node_status"], "approvals", "environments"}
