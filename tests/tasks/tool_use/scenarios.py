"""Requests, clusters and correct workflows over all fifteen tools, from a seed; each step is named by the goal.

Values are drawn so that nothing is said twice: no parameter has its tool's default, no two steps are equal, no state
is what the request asks for already. So no mutant of such a workflow means the same as it did (see the mutation test).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.scenario import (
    Applied,
    Called,
    ClusterState,
    Condition,
    Cordoned,
    Drained,
    InOrder,
    Namespace,
    Node,
    Pod,
    Replicas,
    Restarted,
    RolledBack,
    Scenario,
    Untouched,
    Workload,
)
from schemas.workflow import Call

CHANNELS = ("#ops", "#sre", "#platform", "@amira")
SEVERITIES = ("critical", "high", "medium", "low")
MANIFEST = """apiVersion: {version}
kind: {kind}
metadata:
  name: {name}
{more}"""


@dataclass(frozen=True)
class Case:
    """A scenario, the calls that meet it, and the message beside them."""

    scenario: Scenario
    calls: tuple[Call, ...]
    message: str = ""


@dataclass(frozen=True)
class Part:
    """Calls for one thing, and the conditions that name all they do."""

    calls: tuple[Call, ...]
    goal: tuple[Condition, ...]


def cases(count: int, seed: int = 7) -> list[Case]:
    """`count` cases: every part alone, in turn, then several parts together, then answers that only talk."""
    return [_case(number, random.Random(f"{seed} {number}")) for number in range(count)]


def _case(number: int, r: random.Random) -> Case:
    state = _cluster(r)
    if number % 20 == 19:
        return _talk(state, asks=r.random() < 0.5)
    chosen = [PARTS[number % len(PARTS)]]
    if number >= len(PARTS):
        others = [part for part in PARTS if part not in chosen and part in PRODUCTION + ANYWHERE]
        chosen += r.sample(others, r.randrange(0, 4))
    if any(part in PRODUCTION for part in chosen):
        state = state.model_copy(update={"environment": "production"})
    r.shuffle(chosen)
    parts = [make(state, r) for make in chosen]
    calls = tuple(call for part in parts for call in part.calls)
    named = tuple(condition for part in parts for condition in part.goal)
    order = InOrder(tools=tuple(tool for tool, _ in calls))
    return Case(Scenario(before=state, goal=(*named, order)), calls, r.choice(("", "Done.", "Here is the plan.")))


def _talk(state: ClusterState, *, asks: bool) -> Case:
    message = "Which node do you mean?" if asks else "I cannot do that: nobody may delete production data."
    return Case(Scenario(before=state, goal=(Untouched(asks=asks),)), (), message)


# --- the cluster -----------------------------------------------------------------------------------------------------


def _cluster(r: random.Random) -> ClusterState:
    """Three namespaces with one workload of each kind and their pods, three nodes."""
    names = r.sample(("payments", "search", "ml-serving", "billing", "edge"), 3)
    nodes = {f"node-{letter}": Node() for letter in "abc"}
    return ClusterState(
        environment=r.choice(("production", "staging")),
        namespaces={name: _namespace(name, sorted(nodes), r) for name in names},
        nodes=nodes,
        channels=CHANNELS,
    )


def _namespace(name: str, nodes: Sequence[str], r: random.Random) -> Namespace:
    kinds = {"api": "deployment", "store": "statefulset", "agent": "daemonset"}
    made = {f"{name}-{stem}": Workload.model_validate({"kind": kind, **_releases(r)}) for stem, kind in kinds.items()}
    pods = {
        f"{workload}-{number}": Pod(workload=workload, node=nodes[number], containers=("app", "proxy"))
        for workload in made
        for number in range(3)
    }
    return Namespace(workloads=made, pods=pods, services=(f"{name}-svc",))


def _releases(r: random.Random) -> dict[str, Any]:
    count = r.randrange(3, 6)
    return {"replicas": 3, "revisions": tuple(f"registry.internal/app:{n}" for n in range(count)), "revision": count}


# --- parts -----------------------------------------------------------------------------------------------------------


def _space(state: ClusterState, r: random.Random) -> str:
    return r.choice(sorted(state.namespaces))


def _read(tool: str, params: dict[str, Any]) -> Part:
    """A call that only reads or tells: the goal names all its parameters."""
    return Part(((tool, params),), (Called(tool=tool, params=params),))


def _logs(state: ClusterState, r: random.Random) -> Part:
    space = _space(state, r)
    params = {"namespace": space, "pod": r.choice(sorted(state.namespaces[space].pods))}
    more = {"container": "proxy", "tail_lines": r.randrange(300, 900), "since_seconds": r.randrange(700, 4000)}
    return _read("fetch_pod_logs", params | more)


def _instant(_: ClusterState, r: random.Random) -> Part:
    return _read("query_prometheus", {"query": f"sum(rate(errors[{r.randrange(2, 9)}m]))", "time": "1760000000"})


def _range(_: ClusterState, r: random.Random) -> Part:
    params = {"query": 'up{job="api"}', "range_start": "2026-01-02T03:00:00Z", "range_end": "2026-01-02T04:00:00Z"}
    return _read("query_prometheus", {**params, "step": f"{r.randrange(2, 50)}s"})


def _describe(state: ClusterState, r: random.Random) -> Part:
    space = _space(state, r)
    return _read("describe_pod", {"namespace": space, "pod": r.choice(sorted(state.namespaces[space].pods))})


def _status(state: ClusterState, r: random.Random) -> Part:
    return _read("get_node_status", {"node": r.choice(sorted(state.nodes))})


def _diagnose(state: ClusterState, r: random.Random) -> Part:
    target = r.choice([*state.nodes, *(f"{space}-svc" for space in state.namespaces)])
    return _read("run_diagnostic_script", {"script": "check-disk", "target": target, "timeout_seconds": 90})


def _page(_: ClusterState, r: random.Random) -> Part:
    words = {"title": f"Latency {r.randrange(100)}", "body": "Requests time out."}
    return _read(
        "page_oncall",
        {"severity": r.choice(SEVERITIES), **words, "service_id": "svc-1", "incident_url": "https://status.example/1"},
    )


def _notify(_: ClusterState, r: random.Random) -> Part:
    return _read(
        "slack_notification",
        {"channel": r.choice(CHANNELS), "message": f"Deploy {r.randrange(99)} ended.", "severity_color": "good"},
    )


def _ticket(_: ClusterState, r: random.Random) -> Part:
    words = {"title": f"Clean up {r.randrange(100)}", "description": "Old volumes remain."}
    more = {"priority": r.choice(SEVERITIES), "team": "storage", "labels": ["disk", "later"]}
    return _read("open_ticket", words | more)


def _ask(_: ClusterState, r: random.Random) -> Part:
    """A request for approval, with more people than the default."""
    params = {"channel": r.choice(CHANNELS), "message": "May I go on?", "timeout_minutes": 15, "required_approvers": 2}
    return _read("slack_approval", params)


def _restart(state: ClusterState, r: random.Random) -> Part:
    space = _space(state, r)
    name, workload = r.choice(sorted(state.namespaces[space].workloads.items()))
    params = {"namespace": space, "workload_type": workload.kind, "workload_name": name}
    return Part((("restart_workload", params),), (Restarted(namespace=space, workload_type=workload.kind, name=name),))


def _scale(state: ClusterState, r: random.Random) -> Part:
    space = _space(state, r)
    name, replicas = f"{space}-api", r.choice((1, 2, 4, 8))
    params = {"namespace": space, "deployment_name": name, "replicas": replicas}
    return Part((("scale_deployment", params),), (Replicas(namespace=space, name=name, replicas=replicas),))


def _cordon(_: ClusterState, r: random.Random) -> Part:
    return Part((("cordon_node", {"node": "node-a"}),), (Cordoned(node="node-a"),))


def _drain(state: ClusterState, r: random.Random) -> Part:
    """Never the node that may be cordoned beside it; with the approval it needs in production."""
    asked = _ask(state, r)
    node = r.choice(("node-b", "node-c"))
    drain: Call = ("drain_node", {"node": node, "grace_period_seconds": r.randrange(10, 99)})
    return Part((*asked.calls, drain), (*asked.goal, Drained(node=node), Called(tool=drain[0], params=dict(drain[1]))))


def _roll_back(state: ClusterState, r: random.Random) -> Part:
    asked, space = _ask(state, r), _space(state, r)
    name = f"{space}-api"
    revision = r.randrange(1, state.namespaces[space].workloads[name].revision - 1)  # not the one before: the default
    params = {"namespace": space, "deployment_name": name, "revision": revision}
    return Part(
        (*asked.calls, ("rollback_release", params)),
        (*asked.goal, RolledBack(namespace=space, name=name, revision=revision)),
    )


def _apply(state: ClusterState, r: random.Random) -> Part:
    space = _space(state, r)
    version, kind, more = r.choice(
        (("v1", "ConfigMap", "data:\n  mode: fast\n"), ("apps/v1", "Deployment", "spec:\n  replicas: 2\n"))
    )
    name = f"made-{r.randrange(1000)}"
    params = {"manifest_content": MANIFEST.format(version=version, kind=kind, name=name, more=more), "namespace": space}
    return Part((("apply_manifest", params),), (Applied(resource=kind, name=name, namespace=space),))


Make = Callable[[ClusterState, random.Random], Part]
PRODUCTION: tuple[Make, ...] = (_drain, _roll_back)
ANYWHERE: tuple[Make, ...] = (
    _logs,
    _instant,
    _describe,
    _status,
    _diagnose,
    _page,
    _notify,
    _ticket,
    _restart,
    _scale,
    _cordon,
    _apply,
)
PARTS: tuple[Make, ...] = (*ANYWHERE, *PRODUCTION, _range, _ask)
