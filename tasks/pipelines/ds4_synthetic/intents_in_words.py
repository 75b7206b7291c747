"""Families of requests that are answered in words alone: questions back, refusals, talk. Pure."""

from schemas.tools import APPROVAL, REGISTRY
from tasks.pipelines.ds4_synthetic.acts import PRODUCTION, Family, Plan, ask, refuse
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene


def _tool_explanation(scene: Scene) -> str:
    """A tool of the registry in two sentences."""
    tool = REGISTRY[scene.known_tool]
    effects = {
        "read": "It changes nothing.",
        "write": "It changes something or tells somebody.",
        "destructive": "It is destructive: in production an approval comes first.",
    }
    needs = ", ".join(tool.parameters["required"])
    return f"{tool.name}: {tool.description}. {effects[tool.effect]} It needs {needs}."


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
    "explain": Family("none", "", lambda s: Plan(message=_tool_explanation(s))),
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
