"""What each tool does to the simulated cluster, and what it refuses: as the real thing would, in a sentence."""

from typing import Any

import pytest

from schemas.scenario import Applied, ClusterState, Drained, Namespace, Node, Pod, Replicas, RolledBack, Workload
from schemas.tools import REGISTRY
from tasks.tool_use.simulator.actions import ACTIONS, MESSAGING, home
from tasks.tool_use.simulator.cluster import run
from tasks.tool_use.simulator.trace import Run

pytestmark = pytest.mark.unit

SHOP = Namespace(
    workloads={
        "web": Workload(replicas=3, revisions=("web:1", "web:2", "web:3"), revision=3),
        "new": Workload(),
        "db": Workload(kind="statefulset"),
        "agent": Workload(kind="daemonset"),
    },
    pods={
        "web-0": Pod(workload="web", node="n1", containers=("app", "proxy")),
        "web-1": Pod(workload="web", node="n1"),
        "web-2": Pod(workload="web", node="n2"),
        "agent-0": Pod(workload="agent", node="n1"),
        "lonely": Pod(node="n1"),
        "waiting": Pod(state="Pending"),
    },
    services=("web-svc",),
)
CLUSTER = ClusterState(
    environment="staging",
    namespaces={"shop": SHOP, "empty": Namespace()},
    nodes={"n1": Node(), "n2": Node(), "n0": Node(ready=False)},
    channels=("#ops",),
)
MANIFEST = "apiVersion: {v}\nkind: {k}\nmetadata:\n  name: {n}\n{more}"


def did(tool: str, state: ClusterState = CLUSTER, **params: Any) -> Run:
    """The run of one step."""
    return run(state, [{"tool": tool, "params": params}])


def refusal(tool: str, **params: Any) -> str:
    ended = did(tool, **params)
    assert ended.state == CLUSTER
    assert not ended.calls
    assert not ended.deeds
    return ended.refusal


def manifest(kind: str = "ConfigMap", name: str = "made", more: str = "", version: str = "v1") -> str:
    return MANIFEST.format(v=version, k=kind, n=name, more=more)


def test_every_tool_of_the_registry_has_an_action() -> None:
    assert set(ACTIONS) == set(REGISTRY)
    assert MESSAGING == ("page_oncall", "slack_notification", "slack_approval", "open_ticket")


POD = {"namespace": "shop", "pod": "web-0"}
LATER, SOONER = "2026-01-01T02:00:00Z", "2026-01-01T01:00:00+00:00"


@pytest.mark.parametrize(
    ("tool", "params"),
    [
        ("fetch_pod_logs", POD),
        ("fetch_pod_logs", {**POD, "container": "proxy"}),
        ("describe_pod", POD),
        ("get_node_status", {"node": "n0"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "n1"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "web-0"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "db"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "web-svc"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "shop/web-0"}),
        ("run_diagnostic_script", {"script": "check-disk", "target": "node/n1"}),
        ("query_prometheus", {"query": "up"}),
        ("query_prometheus", {"query": "rate(x{a=\"}\",b='{'}[5m]) # :-)", "time": "1760000000.5"}),
        ("query_prometheus", {"query": "up", "range_start": SOONER, "range_end": LATER, "step": "5m"}),
        ("query_prometheus", {"query": "up", "range_start": "10", "range_end": "10"}),
        ("page_oncall", {"severity": "high", "title": "Down", "body": "All of it."}),
        ("slack_notification", {"channel": "#ops", "message": "Hello."}),
        ("slack_approval", {"channel": "#ops", "message": "May I?"}),
        ("open_ticket", {"title": "Later", "description": "Look.", "priority": "low"}),
    ],
)
def test_reading_and_telling_changes_nothing(tool: str, params: dict[str, Any]) -> None:
    """The call is in the trace, the cluster as before."""
    ended = did(tool, **params)
    assert ended == Run(CLUSTER, calls=((tool, params),))


@pytest.mark.parametrize(
    ("tool", "params", "words"),
    [
        ("fetch_pod_logs", {**POD, "namespace": "shopp"}, "no namespace shopp; known are empty, shop"),
        ("fetch_pod_logs", {**POD, "pod": "web-9"}, "no pod web-9 in shop; known are agent-0, lonely, waiting"),
        ("fetch_pod_logs", {**POD, "namespace": "empty"}, "no pod web-0 in empty; there are none"),
        ("fetch_pod_logs", {**POD, "namespace": "default"}, "no pod web-0 in default"),
        ("fetch_pod_logs", {**POD, "container": "db"}, "has no container db; known are app, proxy"),
        ("describe_pod", {**POD, "pod": "web"}, "no pod web "),
        ("get_node_status", {"node": "n9"}, "no node n9; known are n0, n1, n2"),
        ("run_diagnostic_script", {"script": "check-disk", "target": "n9"}, "no node, pod, workload or service n9"),
        ("run_diagnostic_script", {"script": "check-disk", "target": "empty/web-0"}, "service empty/web-0"),
        ("run_diagnostic_script", {"script": "check-disk", "target": "shop/"}, "service shop/"),
        ("query_prometheus", {"query": "rate(up[5m]"}, "not closed"),
        ("query_prometheus", {"query": "rate(up[5m)]"}, "not closed"),
        ("query_prometheus", {"query": "up)"}, "not closed"),
        ("query_prometheus", {"query": 'up{a="b}'}, "not closed"),
        ("query_prometheus", {"query": "up", "range_start": "1"}, "both range_start and range_end"),
        ("query_prometheus", {"query": "up", "range_end": "1"}, "both range_start and range_end"),
        ("query_prometheus", {"query": "up", "range_start": LATER, "range_end": SOONER}, "ends before it starts"),
        ("query_prometheus", {"query": "up", "time": "1", "range_start": "1", "range_end": "2"}, "not for both"),
        ("query_prometheus", {"query": "up", "time": "yesterday"}, "time is neither"),
        ("query_prometheus", {"query": "up", "time": "2026-01-01T01:00:00"}, "with a zone"),
        (
            "restart_workload",
            {"namespace": "shop", "workload_type": "deployment", "workload_name": "x"},
            "deployment x",
        ),
        (
            "restart_workload",
            {"namespace": "shop", "workload_type": "deployment", "workload_name": "db"},
            "db in shop is a statefulset, not a deployment",
        ),
        ("scale_deployment", {"namespace": "shop", "deployment_name": "db", "replicas": 2}, "is a statefulset"),
        ("scale_deployment", {"namespace": "x", "deployment_name": "web", "replicas": 2}, "no namespace x"),
        ("scale_deployment", {"namespace": "shop", "deployment_name": "web", "replicas": -1}, "replicas -1 is less"),
        (
            "rollback_release",
            {"namespace": "shop", "deployment_name": "web", "revision": 4},
            "has no revision 4; it has 3",
        ),
        ("rollback_release", {"namespace": "shop", "deployment_name": "web", "revision": 3}, "at revision 3 already"),
        ("rollback_release", {"namespace": "shop", "deployment_name": "new"}, "has no revision 0; it has 1, now 1"),
        ("rollback_release", {"namespace": "shop", "deployment_name": "agent"}, "is a daemonset"),
        ("cordon_node", {"node": "n9"}, "no node n9"),
        ("drain_node", {"node": "n9"}, "no node n9"),
        ("slack_notification", {"channel": "#random", "message": "Hello."}, "no channel #random; known are #ops"),
        ("slack_approval", {"channel": "@amira", "message": "May I?"}, "no channel @amira"),
    ],
)
def test_what_the_real_thing_would_refuse_is_refused_in_a_sentence(
    tool: str, params: dict[str, Any], words: str
) -> None:
    """The sentence names the step, the tool, what is wrong, and what there is instead."""
    told = refusal(tool, **params)
    assert told.startswith(f"Step 1 ({tool}) is refused: ")
    assert words in told
    assert told.endswith(".")


def test_without_a_list_of_channels_any_channel_will_do() -> None:
    anywhere = CLUSTER.model_copy(update={"channels": ()})
    assert not did("slack_notification", anywhere, channel="#random", message="Hello.").refusal


def test_scaling_changes_the_replicas_and_ends_pods_beyond_them() -> None:
    """Only pods of that workload."""
    ended = did("scale_deployment", namespace="shop", deployment_name="web", replicas=2)
    assert ended.state.namespaces["shop"].workloads["web"].replicas == 2
    assert set(SHOP.pods) - set(ended.state.namespaces["shop"].pods) == {"web-2"}
    assert ended.changes == (Replicas(namespace="shop", name="web", replicas=2),)


def test_a_restart_is_a_change_though_the_cluster_looks_the_same() -> None:
    ended = did("restart_workload", namespace="shop", workload_type="daemonset", workload_name="agent")
    assert ended.state == CLUSTER
    assert [change.kind for change in ended.changes] == ["restarted"]


@pytest.mark.parametrize(("told", "revision"), [({}, 2), ({"revision": 1}, 1), ({"revision": 2}, 2)])
def test_a_rollback_goes_to_the_revision_named_or_the_one_before(told: dict[str, int], revision: int) -> None:
    ended = did("rollback_release", namespace="shop", deployment_name="web", **told)
    assert ended.state.namespaces["shop"].workloads["web"].revision == revision
    assert ended.changes == (RolledBack(namespace="shop", name="web", revision=revision),)


def test_a_cordoned_node_keeps_its_pods_and_takes_no_more() -> None:
    ended = did("cordon_node", node="n1")
    assert not ended.state.nodes["n1"].schedulable
    assert ended.state.namespaces == CLUSTER.namespaces


def test_a_drain_moves_pods_to_a_ready_node_and_leaves_those_of_daemonsets() -> None:
    """A pod that belongs to nothing is gone; n0 is not ready, so n2 takes the rest."""
    ended = did("drain_node", node="n1")
    pods = ended.state.namespaces["shop"].pods
    assert {name: pod.node for name, pod in pods.items()} == {
        "web-0": "n2",
        "web-1": "n2",
        "web-2": "n2",
        "agent-0": "n1",
        "waiting": "",
    }
    assert ended.changes == (Drained(node="n1"),)


def test_draining_twice_is_as_draining_once_and_the_last_node_leaves_pods_waiting() -> None:
    """The state after does not depend on how often it is done; without a node that takes them, pods are pending."""
    once = did("drain_node", node="n1").state
    assert did("drain_node", once, node="n1").state == once
    both = did("drain_node", once, node="n2").state.namespaces["shop"].pods
    assert (both["web-0"].node, both["web-0"].state) == ("", "Pending")


def applied(text: str, **told: str) -> list[tuple[str, str, str]]:
    ended = did("apply_manifest", manifest_content=text, **told)
    assert ended.refusal == ""
    return [(c.resource, c.name, c.namespace) for c in ended.changes if isinstance(c, Applied)]


def test_a_manifest_is_applied_object_by_object_where_it_says_or_the_call_or_by_default() -> None:
    """Objects that belong to no namespace have none, whatever is said."""
    text = "---\n".join(
        (manifest(), manifest("Service", "svc", "  namespace: empty\n"), manifest("ClusterRole", "all"))
    )
    assert applied(text) == [("ConfigMap", "made", "default"), ("Service", "svc", "empty"), ("ClusterRole", "all", "")]
    assert applied(manifest(), namespace="shop") == [("ConfigMap", "made", "shop")]
    assert applied(manifest("Service", "svc", "  namespace: shop\n"), namespace="shop") == [("Service", "svc", "shop")]
    assert applied(manifest("Node", "n7", "  namespace: empty\n"), namespace="shop") == [("Node", "n7", "")]


def test_a_list_is_its_items_and_a_namespace_may_be_made_before_what_lives_in_it() -> None:
    inside = manifest("ConfigMap", "made", "  namespace: fresh\n")
    assert applied(f"{manifest('Namespace', 'fresh')}---\n{inside}")[-1] == ("ConfigMap", "made", "fresh")
    assert "no namespace fresh" in refusal("apply_manifest", manifest_content=inside)
    items = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: one}}]"
    assert applied(items) == [("Secret", "one", "default")]


def workload_after(text: str, name: str = "web", namespace: str = "shop") -> Workload:
    return did("apply_manifest", manifest_content=text, namespace=namespace).state.namespaces[namespace].workloads[name]


def deployment(name: str = "web", replicas: str = "", image: str = "", kind: str = "Deployment") -> str:
    spec = "spec:\n" + (f"  replicas: {replicas}\n" if replicas else "  paused: false\n")
    pod = f"  template: {{spec: {{containers: [{{name: app, image: {image}}}]}}}}\n" if image else ""
    return manifest(kind, name, spec + pod, "apps/v1")


def test_applying_a_workload_makes_it_or_changes_what_is_said_of_it() -> None:
    """A new image is a new release at the end; without replicas, those there stay."""
    assert workload_after(deployment("made", "4", "app:7"), "made") == Workload(replicas=4, revisions=("app:7",))
    assert workload_after(deployment("made"), "made") == Workload(revisions=("",))
    assert workload_after(deployment("bare"), "bare", "empty").replicas == 1
    before = SHOP.workloads["web"]
    assert workload_after(deployment(replicas="5")) == before.model_copy(update={"replicas": 5})
    assert workload_after(deployment(image="web:3")) == before
    newer = workload_after(deployment(image="web:4"))
    assert (newer.revisions[-1], newer.revision, newer.replicas) == ("web:4", 4, 3)
    assert workload_after(deployment("db", "9"), "db") == SHOP.workloads["db"]


def test_an_applied_pod_and_namespace_are_there_afterwards() -> None:
    ended = did("apply_manifest", manifest_content=manifest("Pod", "probe"), namespace="shop").state
    assert not did("describe_pod", ended, namespace="shop", pod="probe").refusal
    assert did("apply_manifest", manifest_content=manifest("Namespace", "shop")).state == CLUSTER


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("just words", "not_a_manifest"),
        ("a: [", "invalid_yaml"),
        ("---\n---\n", "not_a_manifest"),
        (manifest(name=""), "not_a_manifest"),
        (manifest().replace("kind", "knid"), "not_a_manifest"),
        (manifest().replace("apiVersion", "version"), "not_a_manifest"),
        (manifest().replace("name:", "generateName:"), "no name of its own"),
        (manifest(name="!!python/object/apply:os.system [exit]"), "unknown_tag"),
        (manifest(more=BOMB), "yaml_bomb"),
        (manifest(more="data: &loop [*loop]\n"), "recursive_anchor"),
        (manifest(more="data: " + "[" * 500 + "]" * 500), "too_deep"),
        (deployment(replicas="-1"), "spec.replicas of web"),
        (deployment(replicas="many"), "spec.replicas of web"),
        (deployment("My_App"), "cannot be the name of a Deployment"),
        (manifest("Secret", "x", "  namespace: nowhere\n"), "no namespace nowhere"),
    ],
)
def test_a_manifest_nobody_can_apply_is_refused_and_constructs_nothing(text: str, words: str) -> None:
    """Whatever its documents say: the process is the same afterwards, and soon."""
    assert words in refusal("apply_manifest", manifest_content=text)


def test_a_manifest_and_a_call_that_name_two_namespaces_are_refused() -> None:
    text = manifest("Service", "svc", "  namespace: empty\n")
    assert "into empty, the call into shop" in refusal("apply_manifest", manifest_content=text, namespace="shop")


def test_nothing_of_a_manifest_is_applied_when_one_of_its_objects_is_refused() -> None:
    text = f"{deployment(replicas='9')}---\n{manifest('Service', 'svc', '  namespace: nowhere')}"
    assert "nowhere" in refusal("apply_manifest", manifest_content=text)


def test_kinds_of_other_people_that_begin_with_cluster_belong_to_no_namespace() -> None:
    assert [home(kind, "") for kind in ("ClusterIssuer", "Issuer", "StorageClass")] == ["", "default", ""]
