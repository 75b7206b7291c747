"""Acts: a call of a tool, and what must be true after it. Plans of acts, and families of requests. Pure.

A call and its goal are written apart, from the values of a scene: a mistake in one is seen by the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.scenario import Applied, Called, Condition, Cordoned, Drained, Kind, Replicas, Restarted, RolledBack
from schemas.tools import APPROVAL, ENVIRONMENTS, Environment
from schemas.workflow import Call, Params
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene
from tasks.pipelines.ds4_synthetic.words import MANIFESTS

PRODUCTION: tuple[Environment, ...] = ("production",)


@dataclass(frozen=True)
class Act:
    """One step; `goal` is None where a later step's goal covers it, `also` is a second condition on the call."""

    tool: str
    params: Params
    goal: Condition | None
    also: Condition | None = None

    @property
    def call(self) -> Call:
        """Tool and parameters, as schemas/workflow.py takes them."""
        return self.tool, self.params


@dataclass(frozen=True)
class Plan:
    """The right answer: steps, or a message instead, or both."""

    acts: tuple[Act, ...] = ()
    message: str = ""
    asks: bool = False  # the message asks something back
    approvers: int = 1


def read(tool: str, **params: object) -> Act:
    """A tool that only reads."""
    return Act(tool, params, Called(tool=tool, params=params))


def message(tool: str, texts: Mapping[str, str], **params: object) -> Act:
    """A tool that writes to people: `texts` may be worded otherwise if they contain the words given here."""
    return Act(tool, {**params, **texts}, Called(tool=tool, params=params, containing=dict(texts)))


def note(scene: Scene, text: str, about: str) -> Act:
    """A message in our own words to the channel; it must contain `about`."""
    goal = Called(tool="slack_notification", params={"channel": scene.channel}, containing={"message": about})
    return Act("slack_notification", {"channel": scene.channel, "message": text.format_map(vars(scene))}, goal)


def approval(scene: Scene, what: str, about: str, **more: int) -> Act:
    """A request for approval before something destructive."""
    params = {"channel": scene.approvals, "message": f"Please approve: {what.format_map(vars(scene))}", **more}
    goal = Called(tool=APPROVAL, params={"channel": scene.approvals, **more}, containing={"message": about})
    return Act(APPROVAL, params, goal)


def logs(scene: Scene, **more: object) -> Act:
    """The log of the pod."""
    return read("fetch_pod_logs", namespace=scene.ns, pod=scene.pod, **more)


def describe(scene: Scene) -> Act:
    """The description of the pod."""
    return read("describe_pod", namespace=scene.ns, pod=scene.pod)


def status(scene: Scene) -> Act:
    """The status of the node."""
    return read("get_node_status", node=scene.node)


def query(scene: Scene, **more: str) -> Act:
    """The scene's first query."""
    return read("query_prometheus", query=scene.query, **more)


def restart(scene: Scene, kind: Kind, name: str) -> Act:
    """A restart of a workload in the namespace."""
    params = {"namespace": scene.ns, "workload_type": kind, "workload_name": name}
    return Act("restart_workload", params, Restarted(namespace=scene.ns, workload_type=kind, name=name))


def scale(scene: Scene, name: str, replicas: int) -> Act:
    """Another number of replicas for a deployment of the namespace."""
    params = {"namespace": scene.ns, "deployment_name": name, "replicas": replicas}
    return Act("scale_deployment", params, Replicas(namespace=scene.ns, name=name, replicas=replicas))


def cordon(scene: Scene) -> Act:
    """No new pods on the node."""
    return Act("cordon_node", {"node": scene.node}, Cordoned(node=scene.node))


def drain(scene: Scene, **more: int) -> Act:
    """No pods on the node; a period of grace that was named is kept to."""
    named = Called(tool="drain_node", params=more) if more else None
    return Act("drain_node", {"node": scene.node, **more}, Drained(node=scene.node), named)


def rollback(scene: Scene, revision: int | None = None) -> Act:
    """To `revision`, or to the one before the current."""
    params = {"namespace": scene.ns, "deployment_name": scene.deployment}
    named = {} if revision is None else {"revision": revision}
    goal = RolledBack(namespace=scene.ns, name=scene.deployment, revision=revision or scene.latest - 1)
    return Act("rollback_release", {**params, **named}, goal)


def apply(scene: Scene, kind: str) -> Act:
    """A manifest of one of MANIFESTS' kinds, with the scene's values."""
    name, manifest = (text.format_map(vars(scene)) for text in MANIFESTS[kind])
    goal = Applied(resource=kind, name=name, namespace=scene.ns)
    return Act("apply_manifest", {"manifest_content": manifest, "namespace": scene.ns}, goal)


def page(scene: Scene, **more: str) -> Act:
    """A page with title and details as quoted."""
    return message("page_oncall", {"title": scene.title, "body": scene.body}, severity=scene.severity, **more)


def notify(scene: Scene, **more: str) -> Act:
    """A message as quoted."""
    return message("slack_notification", {"message": scene.notice}, channel=scene.channel, **more)


def ticket(scene: Scene, **more: object) -> Act:
    """A ticket with title and details as quoted."""
    return message("open_ticket", {"title": scene.title, "description": scene.body}, priority=scene.priority, **more)


def question(scene: Scene, tool: str) -> Act:
    """A request for approval in the words of the user."""
    more = {"timeout_minutes": scene.minutes, "required_approvers": scene.approvers}
    return message(tool, {"message": scene.notice}, channel=scene.approvals, **more)


def steps(*acts: Act, message: str = "") -> Plan:
    """An answer of steps, perhaps with a message."""
    return Plan(acts, message)


def ask(scene: Scene, *wordings: str) -> Plan:
    """An answer that asks back, in one of several wordings."""
    return Plan(message=scene.say(*wordings), asks=True)


def refuse(scene: Scene, *wordings: str) -> Plan:
    """An answer that does nothing and says why, in one of several wordings."""
    return Plan(message=scene.say(*wordings))


DRAIN_WHAT = "drain {node} in {environment}"
ROLLBACK_WHAT = "roll back {deployment} in {ns} ({environment})"


def drain_approval(scene: Scene, **more: int) -> Act:
    """The request for approval before a drain."""
    return approval(scene, DRAIN_WHAT, scene.node, **more)


def rollback_approval(scene: Scene) -> Act:
    """The request for approval before a rollback."""
    return approval(scene, ROLLBACK_WHAT, scene.deployment)


@dataclass(frozen=True)
class Family:
    """A kind of request. `facts` are the values of a scene that the plan uses; the prompt names all of them."""

    tool: str  # the tool that the request is about, "none" for plain talk
    facts: str
    plan: Callable[[Scene], Plan]
    environments: tuple[Environment, ...] = ENVIRONMENTS
    adjust: Callable[[Scene], Scene] = field(default=lambda scene: scene)
    withheld: tuple[str, ...] = ()  # tools that are not on offer
