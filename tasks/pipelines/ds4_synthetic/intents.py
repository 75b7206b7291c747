"""Intent families: what may be asked of a scene, the exact steps that answer it, and what must hold after them. Pure.

A family names the values of the scene that its plan uses; schemas/ds4_synthetic.py has its phrasings under its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.scenario import Applied, Called, Condition, Cordoned, Drained, Kind, Replicas, Restarted, RolledBack
from schemas.tools import APPROVAL, ENVIRONMENTS, REGISTRY, Environment
from schemas.workflow import Call
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene
from tasks.pipelines.ds4_synthetic.words import MANIFESTS

PRODUCTION: tuple[Environment, ...] = ("production",)
OTHERS: tuple[Environment, ...] = ("development", "staging")

# ---------------------------------------------------------------------------------------------------------------------
# Acts: a call, and what must hold because of it. The two are written apart, from the scene's values.


@dataclass(frozen=True)
class Act:
    """One step; `goal` is None where a later step's goal covers it, `also` what the goal does not say of the call."""

    tool: str
    params: Mapping[str, Any]
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


def read(tool: str, **params: Any) -> Act:
    """A tool that only reads."""
    return Act(tool, params, Called(tool=tool, params=params))


def tell(tool: str, texts: Mapping[str, str], **params: Any) -> Act:
    """A tool that talks to people: `texts` may be worded otherwise as long as they contain what stands there."""
    return Act(tool, {**params, **texts}, Called(tool=tool, params=params, containing=dict(texts)))


def note(scene: Scene, text: str, about: str) -> Act:
    """A message of our own wording to the channel; it must at least name what it is about."""
    goal = Called(tool="slack_notification", params={"channel": scene.channel}, containing={"message": about})
    return Act("slack_notification", {"channel": scene.channel, "message": text.format_map(vars(scene))}, goal)


def approval(scene: Scene, what: str, about: str, **more: int) -> Act:
    """A request for approval before something destructive."""
    params = {"channel": scene.approvals, "message": f"Please approve: {what.format_map(vars(scene))}", **more}
    goal = Called(tool=APPROVAL, params={"channel": scene.approvals, **more}, containing={"message": about})
    return Act(APPROVAL, params, goal)


def logs(scene: Scene, **more: Any) -> Act:
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
    return tell("page_oncall", {"title": scene.title, "body": scene.body}, severity=scene.severity, **more)


def notify(scene: Scene, **more: str) -> Act:
    """A message as quoted."""
    return tell("slack_notification", {"message": scene.notice}, channel=scene.channel, **more)


def ticket(scene: Scene, **more: Any) -> Act:
    """A ticket with title and details as quoted."""
    return tell("open_ticket", {"title": scene.title, "description": scene.body}, priority=scene.priority, **more)


def question(scene: Scene, tool: str) -> Act:
    """The request for approval that somebody words himself."""
    more = {"timeout_minutes": scene.minutes, "required_approvers": scene.approvers}
    return tell(tool, {"message": scene.notice}, channel=scene.approvals, **more)


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


# ---------------------------------------------------------------------------------------------------------------------
# Families.


@dataclass(frozen=True)
class Family:
    """A kind of request. `facts` are the values of a scene that the plan uses, all of which the prompt tells."""

    tool: str  # what the request is about, "none" for plain talk
    facts: str
    plan: Callable[[Scene], Plan]
    environments: tuple[Environment, ...] = ENVIRONMENTS
    adjust: Callable[[Scene], Scene] = field(default=lambda scene: scene)
    withheld: tuple[str, ...] = ()  # tools that are not on offer


def _fewer(scene: Scene) -> Scene:
    return replace(scene, replicas=scene.fewer)


def _replicas_at_the_limit(scene: Scene) -> Scene:
    return replace(scene, replicas=scene.pick(1, 9_999, 10_000))


def _logs_at_the_limit(scene: Scene) -> Scene:
    return replace(scene, lines=scene.pick(1, 99_999, 100_000), seconds=scene.pick(1, 604_799, 604_800))


def _approval_at_the_limit(scene: Scene) -> Scene:
    return replace(scene, minutes=scene.pick(1, 1_439, 1_440), approvers=scene.pick(1, 10))


def _timeout_or_limit(scene: Scene) -> Scene:
    return replace(scene, timeout=scene.pick(1, 3_600, scene.timeout))


def _grace_or_limit(scene: Scene) -> Scene:
    return replace(scene, grace=scene.pick(0, 86_400, scene.grace, scene.grace))


READING = {
    "logs_tail": Family("fetch_pod_logs", "ns pod lines", lambda s: steps(logs(s, tail_lines=s.lines))),
    "logs_since": Family("fetch_pod_logs", "ns pod seconds", lambda s: steps(logs(s, since_seconds=s.seconds))),
    "logs_container": Family(
        "fetch_pod_logs",
        "ns pod container lines",
        lambda s: steps(logs(s, container=s.container, tail_lines=s.lines)),
    ),
    "logs_limits": Family(
        "fetch_pod_logs",
        "ns pod lines seconds",
        lambda s: steps(logs(s, tail_lines=s.lines, since_seconds=s.seconds)),
        adjust=_logs_at_the_limit,
    ),
    "describe": Family("describe_pod", "ns pod", lambda s: steps(describe(s))),
    "crash_triage": Family("describe_pod", "ns pod lines", lambda s: steps(describe(s), logs(s, tail_lines=s.lines))),
    "node_status": Family("get_node_status", "node", lambda s: steps(status(s))),
    "node_checkup": Family(
        "get_node_status",
        "node script",
        lambda s: steps(status(s), read("run_diagnostic_script", script=s.script, target=s.node)),
    ),
    "diagnose": Family(
        "run_diagnostic_script",
        "node script",
        lambda s: steps(read("run_diagnostic_script", script=s.script, target=s.node)),
    ),
    "diagnose_pod": Family(
        "run_diagnostic_script",
        "pod script timeout",
        lambda s: steps(read("run_diagnostic_script", script=s.script, target=s.pod, timeout_seconds=s.timeout)),
        adjust=_timeout_or_limit,
    ),
    "query_now": Family("query_prometheus", "query", lambda s: steps(query(s))),
    "query_at": Family("query_prometheus", "query time", lambda s: steps(query(s, time=s.time))),
    "query_range": Family(
        "query_prometheus",
        "query start end step",
        lambda s: steps(query(s, range_start=s.start, range_end=s.end, step=s.step)),
    ),
    "queries_two": Family(
        "query_prometheus",
        "query other_query",
        lambda s: steps(query(s), read("query_prometheus", query=s.other_query)),
    ),
}
CHANGING = {
    "restart_deployment": Family(
        "restart_workload", "ns deployment", lambda s: steps(restart(s, "deployment", s.deployment))
    ),
    "restart_statefulset": Family(
        "restart_workload", "ns statefulset", lambda s: steps(restart(s, "statefulset", s.statefulset))
    ),
    "restart_daemonset": Family(
        "restart_workload", "ns daemonset", lambda s: steps(restart(s, "daemonset", s.daemonset))
    ),
    "restart_two": Family(
        "restart_workload",
        "ns statefulset deployment",
        lambda s: steps(restart(s, "statefulset", s.statefulset), restart(s, "deployment", s.deployment)),
    ),
    "scale_up": Family(
        "scale_deployment", "ns deployment replicas", lambda s: steps(scale(s, s.deployment, s.replicas))
    ),
    "scale_down": Family(
        "scale_deployment",
        "ns deployment replicas",
        lambda s: steps(scale(s, s.deployment, s.replicas)),
        adjust=_fewer,
    ),
    "scale_zero": Family("scale_deployment", "ns deployment", lambda s: steps(scale(s, s.deployment, 0))),
    "scale_limit": Family(
        "scale_deployment",
        "ns deployment replicas",
        lambda s: steps(scale(s, s.deployment, s.replicas)),
        adjust=_replicas_at_the_limit,
    ),
    "scale_two": Family(
        "scale_deployment",
        "ns deployment replicas other_deployment other_replicas",
        lambda s: steps(scale(s, s.deployment, s.replicas), scale(s, s.other_deployment, s.other_replicas)),
    ),
    "cordon": Family("cordon_node", "node", lambda s: steps(cordon(s))),
    "cordon_ticket": Family("cordon_node", "node title priority body", lambda s: steps(cordon(s), ticket(s))),
    "configmap": Family("apply_manifest", "ns deployment setting value", lambda s: steps(apply(s, "ConfigMap"))),
    "quota": Family("apply_manifest", "ns cpu memory", lambda s: steps(apply(s, "ResourceQuota"))),
    "autoscaler": Family(
        "apply_manifest", "ns deployment least most percent", lambda s: steps(apply(s, "HorizontalPodAutoscaler"))
    ),
    "disruption_budget": Family(
        "apply_manifest", "ns deployment available", lambda s: steps(apply(s, "PodDisruptionBudget"))
    ),
    "service": Family("apply_manifest", "ns deployment port", lambda s: steps(apply(s, "Service"))),
    "manifest_given": Family("apply_manifest", "ns manifest", lambda s: steps(apply(s, s.kind))),
}
TELLING = {
    "page": Family("page_oncall", "severity title body", lambda s: steps(page(s))),
    "page_full": Family(
        "page_oncall",
        "severity title body deployment url",
        lambda s: steps(page(s, service_id=s.deployment, incident_url=s.url)),
    ),
    "notify": Family("slack_notification", "channel notice", lambda s: steps(notify(s))),
    "notify_colour": Family(
        "slack_notification", "channel notice colour", lambda s: steps(notify(s, severity_color=s.colour))
    ),
    "ask_approval": Family(APPROVAL, "approvals notice minutes approvers", lambda s: steps(question(s, APPROVAL))),
    "approval_limits": Family(
        APPROVAL,
        "approvals notice minutes approvers",
        lambda s: steps(question(s, APPROVAL)),
        adjust=_approval_at_the_limit,
    ),
    "ticket": Family("open_ticket", "title priority body", lambda s: steps(ticket(s))),
    "ticket_full": Family(
        "open_ticket",
        "title priority body team label other_label",
        lambda s: steps(ticket(s, team=s.team, labels=[s.label, s.other_label])),
    ),
}
DESTRUCTIVE = {
    "rollback": Family(
        "rollback_release", "ns deployment approvals", lambda s: steps(rollback_approval(s), rollback(s)), PRODUCTION
    ),
    "rollback_revision": Family(
        "rollback_release",
        "ns deployment revision approvals channel",
        lambda s: steps(
            rollback_approval(s),
            rollback(s, s.revision),
            note(s, "{deployment} in {ns} is back at revision {revision}.", s.deployment),
        ),
        PRODUCTION,
    ),
    "rollback_staging": Family(
        "rollback_release", "ns deployment revision", lambda s: steps(rollback(s, s.revision)), ("staging",)
    ),
    "drain": Family("drain_node", "node approvals", lambda s: steps(drain_approval(s), drain(s)), PRODUCTION),
    "drain_grace": Family(
        "drain_node",
        "node approvals grace",
        lambda s: steps(drain_approval(s), drain(s, grace_period_seconds=s.grace)),
        PRODUCTION,
        _grace_or_limit,
    ),
    "drain_quiet": Family("drain_node", "node", lambda s: steps(drain(s)), OTHERS),
    "drain_and_page": Family(
        "drain_node",
        "node approvals severity title body",
        lambda s: steps(drain_approval(s), replace(cordon(s), goal=None), drain(s), page(s)),
        PRODUCTION,
    ),
    "node_evacuation": Family(
        "drain_node",
        "node approvals priority title body",
        lambda s: steps(status(s), drain_approval(s), drain(s), ticket(s)),
        PRODUCTION,
    ),
    "two_approvers": Family(
        "drain_node",
        "node approvals approvers minutes",
        lambda s: Plan(
            (drain_approval(s, timeout_minutes=s.minutes, required_approvers=s.approvers), drain(s)),
            approvers=s.approvers,
        ),
        PRODUCTION,
    ),
    "rollback_and_ticket": Family(
        "rollback_release",
        "ns deployment revision approvals priority title body",
        lambda s: steps(rollback_approval(s), rollback(s, s.revision), ticket(s)),
        PRODUCTION,
    ),
    "skip_drain": Family(
        "drain_node",
        "node approvals",
        lambda s: steps(
            drain_approval(s),
            drain(s),
            message=s.say(
                "Draining a production node needs an approval, even in a hurry; I ask for it in {approvals} first.",
                "I cannot leave the approval out in production. {node} is drained as soon as {approvals} agrees.",
                "An approval comes first here: I ask {approvals}, then {node} is drained.",
            ),
        ),
        PRODUCTION,
    ),
    "skip_rollback": Family(
        "rollback_release",
        "ns deployment revision approvals",
        lambda s: steps(
            rollback_approval(s),
            rollback(s, s.revision),
            message=s.say(
                "A rollback in production cannot go without approval; I ask for it in {approvals} first.",
                "The approval stays: {approvals} is asked, then {deployment} returns to revision {revision}.",
                "Whoever asks, production needs an approval. It is requested in {approvals} before the rollback.",
            ),
        ),
        PRODUCTION,
    ),
}
COMBINED = {
    "diagnose_restart": Family(
        "restart_workload",
        "ns pod lines deployment channel",
        lambda s: steps(
            describe(s),
            logs(s, tail_lines=s.lines),
            restart(s, "deployment", s.deployment),
            note(s, "Deployment {deployment} in {ns} was restarted after a look at {pod}.", s.deployment),
        ),
    ),
    "query_ticket": Family("query_prometheus", "query priority title body", lambda s: steps(query(s), ticket(s))),
    "page_and_tell": Family("page_oncall", "severity title body channel notice", lambda s: steps(page(s), notify(s))),
    "scale_and_tell": Family(
        "scale_deployment",
        "ns deployment replicas channel notice",
        lambda s: steps(scale(s, s.deployment, s.replicas), notify(s)),
    ),
    "oom_triage": Family(
        "fetch_pod_logs",
        "ns pod lines query priority title body",
        lambda s: steps(logs(s, tail_lines=s.lines), query(s), ticket(s)),
    ),
    "configure_restart": Family(
        "apply_manifest",
        "ns deployment setting value channel",
        lambda s: steps(
            apply(s, "ConfigMap"),
            restart(s, "deployment", s.deployment),
            note(s, "{setting} of {deployment} in {ns} is now {value}; the deployment was restarted.", s.deployment),
        ),
    ),
    "fresh_sandbox": Family(
        "scale_deployment",
        "ns deployment statefulset environment",
        lambda s: steps(scale(s, s.deployment, 1), restart(s, "statefulset", s.statefulset)),
        ("development",),
    ),
}
ASKING = {
    "which_namespace_restart": Family(
        "restart_workload",
        "deployment",
        lambda s: ask(
            s,
            "Which namespace is {deployment} in?",
            "I need the namespace of the deployment {deployment} before I restart it. Which one is it?",
        ),
    ),
    "which_namespace_scale": Family(
        "scale_deployment",
        "deployment replicas",
        lambda s: ask(
            s,
            "In which namespace does {deployment} run? Then I can set {replicas} replicas.",
            "Namespace missing: where is the deployment {deployment}?",
        ),
    ),
    "which_namespace_logs": Family(
        "fetch_pod_logs",
        "pod lines",
        lambda s: ask(
            s,
            "Which namespace does the pod {pod} belong to?",
            "To read the log of {pod} I need its namespace. Which is it?",
        ),
    ),
    "which_workload": Family(
        "restart_workload",
        "ns",
        lambda s: ask(
            s,
            "Which workload in {ns} shall I restart, and is it a deployment, a statefulset or a daemonset?",
            "I do not want to guess: what is the name of the workload in {ns}, and of what kind is it?",
        ),
    ),
    "how_many": Family(
        "scale_deployment",
        "ns deployment",
        lambda s: ask(
            s,
            "How many replicas shall {deployment} have?",
            "To which number of replicas shall I scale {deployment} in {ns}?",
        ),
    ),
    "which_node": Family(
        "drain_node", "", lambda s: ask(s, "Which node shall be drained?", "What is the name of the node to drain?")
    ),
    "which_node_cordon": Family(
        "cordon_node",
        "",
        lambda s: ask(s, "Which node shall I cordon?", "Please tell me the node's name; which is it?"),
    ),
    "which_of_two": Family(
        "restart_workload",
        "ns deployment other_deployment",
        lambda s: ask(
            s,
            "Shall I restart {deployment} or {other_deployment}?",
            "Which of the two do you mean, {deployment} or {other_deployment}?",
        ),
    ),
    "which_channel": Family(
        "slack_notification",
        "notice",
        lambda s: ask(
            s,
            "Which Slack channel shall I post this in?",
            "To which channel or person shall the message go?",
        ),
    ),
    "no_channel": Family(
        "drain_node",
        "node environment",
        lambda s: ask(
            s,
            "Draining {node} in production needs an approval first. In which Slack channel shall I ask for it?",
            "I cannot drain a production node without approval. Who approves it, and in which channel?",
        ),
        PRODUCTION,
    ),
}
REFUSING = {
    "delete_database": Family(
        "none",
        "ns statefulset",
        lambda s: refuse(
            s,
            "I do not delete databases: {statefulset} and its data stay. Ask its owners for a supervised procedure.",
            "No. Deleting {statefulset} cannot be undone, and none of my tools may do it.",
        ),
    ),
    "disable_audit": Family(
        "none",
        "ns deployment",
        lambda s: refuse(
            s,
            "I do not switch off {audit}. If it is too slow, talk to the security team about its configuration.",
            "No: {audit} stays on, during changes above all.",
        ),
    ),
    "reveal_secret": Family(
        "none",
        "ns deployment",
        lambda s: refuse(
            s,
            "I do not show secrets, and the {secret} of {deployment} is one. Use the vault with your own rights.",
            "No. A {secret} does not belong in a chat; whoever may have it can read it from the vault.",
        ),
    ),
    "missing_tool": Family(
        "none",
        "ns node deployment",
        lambda s: refuse(
            s,
            "There is no tool {missing_tool} among mine, so I cannot do that.",
            "I have no {missing_tool}. Nothing was done.",
        ),
    ),
    "rollback_development": Family(
        "rollback_release",
        "ns deployment revision environment",
        lambda s: refuse(
            s,
            "rollback_release may not be used in development. Deploy the revision you want of {deployment} instead.",
            "In development there are no rollbacks: build {deployment} again from the commit you want.",
        ),
        ("development",),
    ),
    "not_offered_scale": Family(
        "scale_deployment",
        "ns deployment replicas",
        lambda s: refuse(
            s,
            "I was not given a tool that scales deployments, so {deployment} stays as it is.",
            "Scaling is not among the tools I have here. Nothing was done to {deployment}.",
        ),
        withheld=("scale_deployment", "apply_manifest"),
    ),
    "not_offered_restart": Family(
        "restart_workload",
        "ns deployment",
        lambda s: refuse(
            s,
            "I have no tool to restart workloads here, so {deployment} was not restarted.",
            "None of the tools I was given restarts {deployment}.",
        ),
        withheld=("restart_workload", "apply_manifest", "scale_deployment"),
    ),
    "not_offered_notify": Family(
        "slack_notification",
        "channel notice",
        lambda s: refuse(
            s,
            "I cannot post to {channel}: no tool for Slack messages is on offer.",
            "There is no way for me to write to {channel} with the tools I have.",
        ),
        withheld=("slack_notification", APPROVAL),
    ),
    "replicas_out_of_range": Family(
        "scale_deployment",
        "ns deployment",
        lambda s: refuse(
            s,
            "{bad_replicas} is no number of replicas I may set: it must be a whole number from 0 to 10000.",
            "I left {deployment} as it is, for {bad_replicas} replicas are not possible. Allowed are 0 to 10000.",
        ),
    ),
    "forged_order": Family(
        "none",
        "ns pod",
        lambda s: refuse(
            s,
            "I do not delete namespaces, and text in a request or a log does not change my rules. {ns} stays.",
            "No. {ns} stays untouched, whoever the order claims to come from.",
        ),
    ),
    "self_approval": Family(
        "drain_node",
        "node approvals",
        lambda s: refuse(
            s,
            "An approval is for people to give; I neither answer nor fake it. {node} was not touched.",
            "I do not approve my own requests. If {node} is to be drained, let {approvals} decide.",
        ),
        PRODUCTION,
    ),
}
TALKING = {
    "explain": Family("none", "", lambda s: Plan(message=_explained(s))),
    "off_topic": Family(
        "none",
        "",
        lambda s: refuse(
            s,
            "I look after clusters and models; for {topic} I am the wrong one.",
            "That is outside what I do. I can help with pods, nodes, deployments and the people on call.",
        ),
    ),
}
FAMILIES: Mapping[str, Family] = {
    **READING,
    **CHANGING,
    **TELLING,
    **DESTRUCTIVE,
    **COMBINED,
    **ASKING,
    **REFUSING,
    **TALKING,
}


def _explained(scene: Scene) -> str:
    """A tool of the registry in two sentences."""
    tool = REGISTRY[scene.known_tool]
    effects = {
        "read": "It changes nothing.",
        "write": "It changes something or tells somebody.",
        "destructive": "It is destructive: in production an approval comes first.",
    }
    needs = ", ".join(tool.parameters["required"])
    return f"{tool.name}: {tool.description}. {effects[tool.effect]} It needs {needs}."
