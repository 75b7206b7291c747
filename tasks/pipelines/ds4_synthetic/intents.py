"""Families of requests that are answered with steps, and FAMILIES, all of them by name. Pure.

A family names the values of the scene that its plan uses; words.py has its phrasings under its name.
"""

from collections.abc import Mapping
from dataclasses import replace

from schemas.tools import APPROVAL, Environment
from tasks.pipelines.ds4_synthetic.acts import (
    PRODUCTION,
    Family,
    Plan,
    apply,
    cordon,
    describe,
    drain,
    drain_approval,
    logs,
    note,
    notify,
    page,
    query,
    question,
    read,
    restart,
    rollback,
    rollback_approval,
    scale,
    status,
    steps,
    ticket,
)
from tasks.pipelines.ds4_synthetic.intents_in_words import ASKING, REFUSING, TALKING
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene

OTHERS: tuple[Environment, ...] = ("development", "staging")


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
