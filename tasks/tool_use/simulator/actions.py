"""The effect of each tool of the registry on a cluster, as in a real one: new state and changes, or a refusal.

The model has what a workflow can be judged by: which objects exist, how many, at which revision, and where pods run.
It has no causes of failures: a restart is a fact about the workload, and pods keep their names and states.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from schemas.scenario import (
    Applied,
    ClusterState,
    Cordoned,
    Drained,
    Kind,
    Namespace,
    Node,
    Pod,
    Replicas,
    Restarted,
    RolledBack,
    Workload,
)
from schemas.tools import APPROVAL, DNS_NAME
from schemas.workflow import Params
from tasks.curate.text.yaml_manifests import Refused as Unread
from tasks.curate.text.yaml_manifests import Resource, documents, images, number, resources, text_of
from tasks.tool_use.simulator.trace import Change, Refused

Done: TypeAlias = tuple[ClusterState, tuple[Change, ...]]

DEFAULT_NAMESPACE = "default"  # every cluster has it, and a manifest that names none goes there
WORKLOADS: Mapping[str, Kind] = {"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}
# Kinds of Kubernetes' own groups that belong to no namespace (`kubectl api-resources --namespaced=false`, 1.31).
# Other people's kinds of that sort begin with "Cluster" by custom.
WITHOUT_NAMESPACE = frozenset(
    (
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    )
)
CLOSING = {")": "(", "]": "[", "}": "{"}
QUOTED = re.compile(r"""("(?:\\.|[^"\\])*")|('(?:\\.|[^'\\])*')|(`[^`]*`)|(#[^\n]*)""")


# --- looking things up -----------------------------------------------------------------------------------------------


def _known_names(names: Iterable[str]) -> str:
    """Some of the known names, for the error about a wrong one."""
    known = sorted(names)
    return f"known are {', '.join(known[:5])}" if known else "there are none"


def _namespace(state: ClusterState, name: str) -> Namespace:
    namespace = state.namespaces.get(name)
    if namespace is None and name != DEFAULT_NAMESPACE:
        raise Refused(f"there is no namespace {name}; {_known_names(state.namespaces)}")
    return namespace or Namespace()


def _node(state: ClusterState, name: str) -> Node:
    if name not in state.nodes:
        raise Refused(f"there is no node {name}; {_known_names(state.nodes)}")
    return state.nodes[name]


def _pod(state: ClusterState, namespace: str, name: str) -> Pod:
    pods = _namespace(state, namespace).pods
    if name not in pods:
        raise Refused(f"there is no pod {name} in {namespace}; {_known_names(pods)}")
    return pods[name]


def _workload(state: ClusterState, namespace: str, kind: Kind, name: str) -> Workload:
    workloads = _namespace(state, namespace).workloads
    if name not in workloads:
        raise Refused(f"there is no {kind} {name} in {namespace}; {_known_names(workloads)}")
    if workloads[name].kind != kind:
        raise Refused(f"{name} in {namespace} is a {workloads[name].kind}, not a {kind}")
    return workloads[name]


# --- putting things back ---------------------------------------------------------------------------------------------


def _with_namespace(state: ClusterState, name: str, namespace: Namespace) -> ClusterState:
    return state.model_copy(update={"namespaces": {**state.namespaces, name: namespace}})


def _with_workload(state: ClusterState, namespace: str, name: str, workload: Workload) -> ClusterState:
    before = _namespace(state, namespace)
    after = before.model_copy(update={"workloads": {**before.workloads, name: workload}})
    return _with_namespace(state, namespace, after)


def _with_node(state: ClusterState, name: str, **changed: bool) -> ClusterState:
    return state.model_copy(update={"nodes": {**state.nodes, name: state.nodes[name].model_copy(update=changed)}})


# --- tools that read -------------------------------------------------------------------------------------------------


def _fetch_pod_logs(state: ClusterState, params: Params) -> Done:
    pod, container = _pod(state, params["namespace"], params["pod"]), params.get("container")
    if container is not None and container not in pod.containers:
        raise Refused(f"pod {params['pod']} has no container {container}; {_known_names(pod.containers)}")
    return state, ()


def _describe_pod(state: ClusterState, params: Params) -> Done:
    _pod(state, params["namespace"], params["pod"])
    return state, ()


def _get_node_status(state: ClusterState, params: Params) -> Done:
    _node(state, params["node"])
    return state, ()


def _run_diagnostic_script(state: ClusterState, params: Params) -> Done:
    """A target is a node, pod, workload or service, by its name or as namespace/name or kind/name."""
    target = params["target"]
    namespaces = state.namespaces.items()
    inside = {(space, name) for space, each in namespaces for name in (*each.pods, *each.workloads, *each.services)}
    place, _, name = target.rpartition("/")
    known = {*state.nodes, *(name for _, name in inside)}
    if not (name in known and (place not in state.namespaces or (place, name) in inside)):
        raise Refused(f"there is no node, pod, workload or service {target}; {_known_names(known)}")
    return state, ()


def _query_prometheus(state: ClusterState, params: Params) -> Done:
    """The server's own complaints: times it cannot read, half a range, a range that ends before it starts."""
    if not _has_balanced_brackets(params["query"]):
        raise Refused("the query has a bracket or quote that is not closed")
    times = {name: _seconds(params[name], name) for name in ("time", "range_start", "range_end") if name in params}
    if ("range_start" in times) != ("range_end" in times):
        raise Refused("a range needs both range_start and range_end")
    if len(times) == len(("time", "range_start", "range_end")):
        raise Refused("a query is for one time or for a range, not for both")
    if "range_end" in times and times["range_end"] < times["range_start"]:
        raise Refused("the range ends before it starts")
    return state, ()


def _seconds(text: str, name: str) -> float:
    """Seconds since 1970 of an RFC 3339 time or of such a number; a time without a zone is none."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Refused(f"{name} is neither an RFC 3339 time with a zone nor seconds since 1970")
    return time.timestamp()


def _has_balanced_brackets(query: str) -> bool:
    """Whether every bracket is closed, those in texts and comments apart, and every quote."""
    opened: list[str] = []
    for character in QUOTED.sub("", query):
        if character in "([{":
            opened.append(character)
        elif character in "\"'`" or (character in CLOSING and (not opened or opened.pop() != CLOSING[character])):
            return False
    return not opened


# --- tools that change the cluster -----------------------------------------------------------------------------------


def _restart_workload(state: ClusterState, params: Params) -> Done:
    namespace, kind, name = params["namespace"], params["workload_type"], params["workload_name"]
    _workload(state, namespace, kind, name)
    return state, (Restarted(namespace=namespace, workload_type=kind, name=name),)


def _scale_deployment(state: ClusterState, params: Params) -> Done:
    """Pods beyond the wanted number are removed; new pods get names that are not known yet."""
    namespace, name, replicas = params["namespace"], params["deployment_name"], int(params["replicas"])
    workload = _workload(state, namespace, "deployment", name)
    before = state.namespaces[namespace]
    gone = sorted(pod for pod, of in before.pods.items() if of.workload == name)[replicas:]
    pods = {pod: of for pod, of in before.pods.items() if pod not in gone}
    state = _with_namespace(state, namespace, before.model_copy(update={"pods": pods}))
    state = _with_workload(state, namespace, name, workload.model_copy(update={"replicas": replicas}))
    return state, (Replicas(namespace=namespace, name=name, replicas=replicas),)


def _rollback_release(state: ClusterState, params: Params) -> Done:
    namespace, name = params["namespace"], params["deployment_name"]
    workload = _workload(state, namespace, "deployment", name)
    revision = int(params.get("revision", workload.revision - 1))
    if not 1 <= revision <= len(workload.revisions):
        raise Refused(f"{name} has no revision {revision}; it has {len(workload.revisions)}, now {workload.revision}")
    if revision == workload.revision:
        raise Refused(f"{name} is at revision {revision} already")
    state = _with_workload(state, namespace, name, workload.model_copy(update={"revision": revision}))
    return state, (RolledBack(namespace=namespace, name=name, revision=revision),)


def _cordon_node(state: ClusterState, params: Params) -> Done:
    _node(state, params["node"])
    return _with_node(state, params["node"], schedulable=False), (Cordoned(node=params["node"]),)


def _drain_node(state: ClusterState, params: Params) -> Done:
    """Pods of daemonsets are not moved, those of other workloads go to the first free node, the others are removed."""
    name = params["node"]
    _node(state, name)
    state = _with_node(state, name, schedulable=False)
    place = next((n for n, node in sorted(state.nodes.items()) if node.ready and node.schedulable), "")
    for space, before in state.namespaces.items():
        pods = {pod: moved for pod, of in before.pods.items() if (moved := _evicted(of, before, name, place))}
        state = _with_namespace(state, space, before.model_copy(update={"pods": pods}))
    return state, (Drained(node=name),)


def _evicted(pod: Pod, namespace: Namespace, node: str, place: str) -> Pod | None:
    """A pod after `node` was drained; `place` is the node that takes it, "" for none."""
    if pod.node != node or stays(pod, namespace):
        return pod
    if not pod.workload:
        return None
    return pod.model_copy(update={"node": place, **({} if place else {"state": "Pending"})})


def stays(pod: Pod, namespace: Namespace) -> bool:
    """Whether a drain does not move a pod: it belongs to a daemonset."""
    workload = namespace.workloads.get(pod.workload)
    return workload is not None and workload.kind == "daemonset"


# --- manifests -------------------------------------------------------------------------------------------------------


def _apply_manifest(state: ClusterState, params: Params) -> Done:
    """Apply the objects in their order: a namespace may be created before the objects in it."""
    try:
        applied = resources(documents(params["manifest_content"]))
    except Unread as fault:
        raise Refused(f"the manifest cannot be read ({fault.reason}: {fault})") from fault
    changes: list[Change] = []
    for resource in applied:
        namespace = home(resource.kind, _agreed_namespace(resource, params.get("namespace", "")))
        state = _with_resource(state, resource, namespace)
        changes.append(Applied(resource=resource.kind, name=resource.name, namespace=namespace))
    return state, tuple(changes)


def home(kind: str, namespace: str) -> str:
    """The namespace an object is in, "" for kinds that are in none."""
    if kind in WITHOUT_NAMESPACE or kind.startswith("Cluster"):
        return ""
    return namespace or DEFAULT_NAMESPACE


def _agreed_namespace(resource: Resource, namespace: str) -> str:
    """The namespace of the manifest or of the call. They must not contradict each other."""
    if namespace and resource.namespace and home(resource.kind, namespace) not in ("", resource.namespace):
        raise Refused(f"the manifest puts {resource.name} into {resource.namespace}, the call into {namespace}")
    return resource.namespace or namespace


def _with_resource(state: ClusterState, resource: Resource, namespace: str) -> ClusterState:
    kind, name = resource.kind, resource.name
    if not name:
        raise Refused(f"a {kind} has no name of its own (generateName), and cannot be applied")
    if namespace:
        _namespace(state, namespace)
    if kind not in {*WORKLOADS, "Pod", "Namespace"}:
        return state
    if not re.fullmatch(DNS_NAME, name):
        raise Refused(f"{name} cannot be the name of a {kind}")
    if kind == "Namespace":
        return _with_namespace(state, name, state.namespaces.get(name, Namespace()))
    if kind == "Pod":
        before = _namespace(state, namespace)
        return _with_namespace(state, namespace, before.model_copy(update={"pods": {name: Pod(), **before.pods}}))
    return _with_applied_workload(state, resource, namespace)


def _with_applied_workload(state: ClusterState, resource: Resource, namespace: str) -> ClusterState:
    """A new image is a new release. A workload of another kind with the same name is not changed."""
    kind, before = WORKLOADS[resource.kind], _namespace(state, namespace).workloads.get(resource.name)
    if before is not None and before.kind != kind:
        return state
    replicas, image = _wanted_replicas(resource), tuple(images(resource)[:1])
    if before is None:
        after = Workload(kind=kind, replicas=1 if replicas is None else replicas, revisions=image or ("",))
    else:
        revisions = before.revisions if image == before.revisions[-1:] else (*before.revisions, *image)
        after = before.model_copy(
            update={
                "revisions": revisions,
                "revision": len(revisions) if image else before.revision,
                "replicas": before.replicas if replicas is None else replicas,
            }
        )
    return _with_workload(state, namespace, resource.name, after)


def _wanted_replicas(resource: Resource) -> int | None:
    text = text_of(resource.body, "spec", "replicas")
    if text and number(text) is None:
        raise Refused(f"spec.replicas of {resource.name} is no whole number from 0")
    return number(text)


# --- tools that tell -------------------------------------------------------------------------------------------------


def _message_people(state: ClusterState, params: Params) -> Done:
    channel = params.get("channel")
    if channel is not None and state.channels and channel not in state.channels:
        raise Refused(f"there is no channel {channel}; {_known_names(state.channels)}")
    return state, ()


ACTIONS: Mapping[str, Callable[[ClusterState, Params], Done]] = {
    "fetch_pod_logs": _fetch_pod_logs,
    "query_prometheus": _query_prometheus,
    "describe_pod": _describe_pod,
    "get_node_status": _get_node_status,
    "run_diagnostic_script": _run_diagnostic_script,
    "restart_workload": _restart_workload,
    "scale_deployment": _scale_deployment,
    "cordon_node": _cordon_node,
    "apply_manifest": _apply_manifest,
    "page_oncall": _message_people,
    "slack_notification": _message_people,
    APPROVAL: _message_people,
    "open_ticket": _message_people,
    "rollback_release": _rollback_release,
    "drain_node": _drain_node,
}
MESSAGING = tuple(name for name, action in ACTIONS.items() if action is _message_people)
