"""A workflow run step by step: the verdict and its reason, permissions, and that no input stops the cluster."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.scenario import ClusterState, Drained, Namespace, Node, Replicas, Scenario, Workload
from schemas.tools import REGISTRY
from tasks.tool_use.simulator.cluster import Outcome, outcome, run
from tests.tasks.tool_use.scenarios import cases

pytestmark = pytest.mark.unit

CLUSTER = ClusterState(
    namespaces={"shop": Namespace(workloads={"web": Workload(revisions=("a", "b"), revision=2)})},
    nodes={"n1": Node(), "n2": Node()},
)
Steps = list[dict[str, Any]]


def step(tool: str, **params: Any) -> dict[str, Any]:
    return {"tool": tool, "params": params}


def ask(**told: Any) -> dict[str, Any]:
    return step("slack_approval", channel="#ops", message="May I?", **told)


DRAIN = step("drain_node", node="n1")
ROLL_BACK = step("rollback_release", namespace="shop", deployment_name="web")
SCALE = step("scale_deployment", namespace="shop", deployment_name="web", replicas=5)
FIVE = Scenario(before=CLUSTER, goal=(Replicas(namespace="shop", name="web", replicas=5),))


def test_the_verdict_is_refused_unmet_too_much_or_well_done() -> None:
    """One word each, and a sentence that is empty only when all is well."""
    assert outcome(FIVE, [SCALE]) == Outcome(holds=True, why="")
    refused = outcome(FIVE, [step("scale_deployment", namespace="x", deployment_name="web", replicas=5)])
    assert (refused.holds, refused.fault) == (False, "step_refused")
    assert refused.why == "Step 1 (scale_deployment) is refused: there is no namespace x; known are shop."
    assert (outcome(FIVE, []).fault, outcome(FIVE, [SCALE, ROLL_BACK]).fault) == ("goal_not_met", "step_refused")
    too_much = outcome(FIVE, [SCALE, step("cordon_node", node="n1")])
    assert (too_much.holds, too_much.fault) == (False, "beyond_goal")
    assert "step 2 (cordon_node)" in too_much.why


def test_a_goal_that_is_not_exact_lets_more_be_done() -> None:
    loose = FIVE.model_copy(update={"exact": False})
    assert outcome(loose, [SCALE, step("cordon_node", node="n1")]).holds
    assert not outcome(loose, [step("cordon_node", node="n1")]).holds


def test_nothing_happens_after_a_refusal() -> None:
    """Steps before it stay done."""
    ended = run(CLUSTER, [step("cordon_node", node="n1"), step("cordon_node", node="n9"), SCALE])
    assert ended.refusal.startswith("Step 2 (cordon_node) is refused")
    assert [call.tool for call in ended.calls] == ["cordon_node"]
    assert ended.state.namespaces == CLUSTER.namespaces


@pytest.mark.parametrize("destructive", [DRAIN, ROLL_BACK], ids=["drain", "rollback"])
def test_what_destroys_in_production_needs_people_who_agreed_before(destructive: dict[str, Any]) -> None:
    """Asked, agreed, enough of them, earlier; in staging nobody is needed."""
    assert "1 must approve it first; 0 agreed" in run(CLUSTER, [destructive]).refusal
    assert not run(CLUSTER, [ask(), destructive]).refusal
    assert not run(CLUSTER, [ask(), SCALE, destructive]).refusal
    against = CLUSTER.model_copy(update={"approves": False})
    assert "they were asked and refused" in run(against, [ask(), destructive]).refusal
    careful = CLUSTER.model_copy(update={"approvers": 2})
    assert "2 must approve it first; 1 agreed" in run(careful, [ask(), destructive]).refusal
    assert not run(careful, [ask(required_approvers=2), ask(), destructive]).refusal
    assert not run(CLUSTER.model_copy(update={"environment": "staging"}), [destructive]).refusal


def test_a_tool_is_refused_in_an_environment_that_does_not_have_it() -> None:
    development = CLUSTER.model_copy(update={"environment": "development"})
    assert "may not be used in development" in run(development, [ROLL_BACK]).refusal
    assert not run(development, [DRAIN]).refusal


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tool": "delete_namespace", "params": {}}, "no such tool"),
        ({"tool": "cord\u043en_node", "params": {"node": "n1"}}, "no such tool"),
        ({"tool": ["cordon_node"], "params": {"node": "n1"}}, "no such tool"),
        ({}, "no such tool"),
        ({"tool": "cordon_node"}, "do not fit"),
        ({"tool": "cordon_node", "params": {}}, "do not fit"),
        ({"tool": "cordon_node", "params": {"node": 1}}, "do not fit: node 1 is not of type"),
        ({"tool": "cordon_node", "params": {"node": "n1", "force": True}}, "do not fit"),
        ({"tool": "cordon_node", "params": {"node": "\ud800"}}, "not JSON"),
        ({"tool": "cordon_node", "params": {"node": object()}}, "not JSON"),
        ({"tool": "cordon_node", "params": {"node": float("nan")}}, "do not fit"),
    ],
)
def test_a_step_that_is_none_is_refused(wrong: dict[str, Any], words: str) -> None:
    """Whatever stands there, the answer is a refusal, never an exception."""
    assert words in run(CLUSTER, [wrong]).refusal


def test_a_sentence_stays_short_whatever_value_it_is_about() -> None:
    """A schema's complaint quotes the value; a manifest of 5 MB is not quoted."""
    told = run(CLUSTER, [step("apply_manifest", manifest_content="x" * 5_000_000)]).refusal
    assert len(told) < 400


def test_the_same_steps_give_the_same_run_and_leave_the_state_before_alone() -> None:
    """Deterministic, and pure: the cluster given is as it was."""
    before = CLUSTER.model_dump_json()
    steps = [
        ask(),
        DRAIN,
        SCALE,
        step("apply_manifest", manifest_content="apiVersion: v1\nkind: Pod\nmetadata: {name: p}"),
    ]
    assert run(CLUSTER, steps) == run(CLUSTER, steps)
    assert CLUSTER.model_dump_json() == before


def test_draining_a_node_twice_is_no_error() -> None:
    twice = Scenario(before=CLUSTER, goal=(Drained(node="n1"),), exact=False)
    assert outcome(twice, [ask(), DRAIN, DRAIN]).holds


CALLS = [{"tool": tool, "params": params} for case in cases(60) for tool, params in case.calls]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def odd_steps(draw: st.DrawFn) -> Steps:
    """Steps of good workflows in any order, some with a parameter replaced, added or left out."""
    steps = draw(st.lists(st.sampled_from(CALLS), max_size=5))
    return [{"tool": s["tool"], "params": draw(odd_params(s["params"]))} for s in steps]


@st.composite
def odd_params(draw: st.DrawFn, params: dict[str, Any]) -> Any:
    name = draw(st.sampled_from([*params, "other"]))
    how = draw(st.sampled_from(["keep", "keep", "replace", "drop", "all"]))
    if how == "keep":
        return params
    if how == "all":
        return draw(JSON)
    rest = {key: value for key, value in params.items() if key != name}
    return rest if how == "drop" else {**rest, name: draw(JSON)}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(cases(20)), odd_steps(), st.text(max_size=10))
def test_no_workflow_stops_the_cluster(case: Any, steps: Steps, message: str) -> None:
    """Any steps: a verdict, with a sentence and a word exactly when it does not hold."""
    ended = outcome(case.scenario, steps, message)
    assert ended.holds == (ended.why == "") == (ended.fault == "")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(cases(20)), st.sampled_from(sorted(REGISTRY)), JSON)
def test_no_parameters_stop_a_tool(case: Any, tool: str, params: Any) -> None:
    """What the schema lets through, the action takes."""
    ended = run(case.scenario.before, [{"tool": tool, "params": params}])
    assert bool(ended.refusal) != bool(ended.calls)
