"""The offline teacher: a question and its accepted answer in, a workflow over the platform's own tools out. Pure.

    error signature, component --DIAGNOSES-->  what to look at first      names from the question
    commands of the answer      --REMEDIES-->   what to do about it        names from the question

Names (namespace, pod, deployment, node) are read from the question alone: a name that only the answer has is its
author's example. A manifest, a PromQL expression or a number of lines is read from the answer. A required parameter
that the question does not name is not invented: the teacher asks for it. Where no tool helps, the message says so, with
the facts of the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.tools import APPROVAL, REGISTRY, Environment
from schemas.workflow import Call, answer
from tasks.curate.text.html import code_blocks
from tasks.pipelines.ds3_stackoverflow.entities import (
    INLINE,
    WORKLOADS,
    Command,
    Entities,
    commands,
    entities_in,
    manifest,
    promql,
)
from tasks.pipelines.ds3_stackoverflow.words import ERROR_TYPE, IN_CLUSTER

Params = Mapping[str, str | int | list[str]]  # parameters of a call


@dataclass(frozen=True)
class Lesson:
    """What the teacher is shown: cleaned texts ("" where there is no answer) and the question's features."""

    title: str
    question: str
    accepted: str
    signature: str  # "" for none
    component: str
    question_type: str
    tag: str
    environment: Environment


@dataclass(frozen=True)
class Plan:
    """Steps for a question that names the things in `needs`. In parameters {name} is replaced by one, {{ by a brace."""

    needs: tuple[str, ...]
    steps: tuple[tuple[str, Mapping[str, str]], ...]


_POD = {"namespace": "{namespace}", "pod": "{pod}"}
_NODE = {"node": "{node}"}


def _query(expression: str, *needs: str) -> Plan:
    return Plan(needs, (("query_prometheus", {"query": expression}),))


def _pod_plan(*tools: str) -> Plan:
    return Plan(("namespace", "pod"), tuple((tool, _POD) for tool in tools))


def _script(script: str, kind: str) -> tuple[str, Mapping[str, str]]:
    return "run_diagnostic_script", {"script": script, "target": f"{{{kind}}}"}


def _waiting(reason: str) -> tuple[Plan, ...]:
    """Plans to find pods that wait for a reason, by kube-state-metrics: a named pod, those of a namespace, all."""
    metric = "kube_pod_container_status_waiting_reason"
    return (
        _query(f'{metric}{{{{reason=~"{reason}",pod="{{pod}}"}}}} == 1', "pod"),
        _query(f'{metric}{{{{reason=~"{reason}",namespace="{{namespace}}"}}}} == 1', "namespace"),
        _query(f'{metric}{{{{reason=~"{reason}"}}}} == 1'),
    )


_OF_POD = '{{namespace="{namespace}",pod="{pod}"}}'
_KILLED = "kube_pod_container_status_last_terminated_reason"
_PRESSURE = 'kube_node_status_condition{{condition=~"MemoryPressure|DiskPressure|PIDPressure",status="true"}} == 1'
_NODE_PRESSURE = Plan(("node",), (("get_node_status", _NODE), _script("check-disk", "node")))
_GPU_NODE = Plan(("node",), (("get_node_status", _NODE), _script("check-gpu", "node")))

# Signature -> plans. The first whose needs are named is used; where none is, the needs of the first are asked for.
# Metrics are those of kube-state-metrics, cAdvisor and NVIDIA's DCGM exporter.
DIAGNOSES: Final[Mapping[str, tuple[Plan, ...]]] = {
    "OOMKilled": (
        Plan(
            ("namespace", "pod"),
            (("describe_pod", _POD), ("query_prometheus", {"query": f"container_memory_working_set_bytes{_OF_POD}"})),
        ),
        _query(f'{_KILLED}{{{{reason="OOMKilled",pod="{{pod}}"}}}} == 1', "pod"),
        _query(f'{_KILLED}{{{{reason="OOMKilled",namespace="{{namespace}}"}}}} == 1', "namespace"),
        _query(f'{_KILLED}{{{{reason="OOMKilled"}}}} == 1'),
    ),
    "ImagePullBackOff": (_pod_plan("describe_pod"), *_waiting("ImagePullBackOff|ErrImagePull")),
    "CrashLoopBackOff": (_pod_plan("describe_pod", "fetch_pod_logs"), *_waiting("CrashLoopBackOff")),
    "GPUError": (_GPU_NODE, _pod_plan("describe_pod", "fetch_pod_logs"), _query("DCGM_FI_DEV_XID_ERRORS > 0")),
    "ResourceExhausted": (_NODE_PRESSURE, _pod_plan("describe_pod"), _query(_PRESSURE)),
    "PermissionDenied": (_pod_plan("describe_pod", "fetch_pod_logs"),),
    "ConnectionRefused": (_pod_plan("describe_pod", "fetch_pod_logs"),),
    "NetworkError": (
        Plan(("namespace", "pod"), (("describe_pod", _POD), _script("check-dns", "pod"))),
        Plan(("node",), (("get_node_status", _NODE), _script("check-network", "node"))),
    ),
    "ConfigError": (_pod_plan("describe_pod"),),
    "Timeout": (
        _pod_plan("describe_pod", "fetch_pod_logs"),
        Plan(("node",), (("get_node_status", _NODE), _script("check-network", "node"))),
    ),
}

# Components that the cluster's tools cannot see -> what their owners own: the owners get a ticket.
OWNERS: Final[Mapping[str, str]] = {
    "infrastructure_code": "the infrastructure code",
    "configuration_management": "the playbooks",
    "ci_cd": "the build pipeline",
    "serverless": "the functions",
    "scheduler": "the scheduler's DAGs",
    "container": "the container images",
    "ml_platform": "the machine-learning platform",
    "ml_framework": "the model code",
    "monitoring": "the monitoring setup",
}

# What kubectl does -> the tool that does it.
REMEDIES: Final[Mapping[str, str]] = {
    "rollout restart": "restart_workload",
    "scale": "scale_deployment",
    "rollout undo": "rollback_release",
    "cordon": "cordon_node",
    "drain": "drain_node",
}
READS: Final[Mapping[tuple[str, str], str]] = {
    ("logs", "pod"): "fetch_pod_logs",
    ("describe", "pod"): "describe_pod",
    ("describe", "node"): "get_node_status",
    ("top", "node"): "get_node_status",
}
_WORKLOAD: Final = "the name of the deployment, stateful set or daemon set"
THINGS: Final[Mapping[str, str]] = {  # parameter -> its name in a question back
    "namespace": "the namespace",
    "pod": "the name of the pod",
    "node": "the name of the node",
    "deployment_name": "the name of the deployment",
    "workload_type": _WORKLOAD,
    "workload_name": _WORKLOAD,
    "replicas": "the number of replicas",
}
DEEDS: Final[Mapping[str, str]] = {  # tool -> what it does, in a message
    "restart_workload": "restart the workload",
    "scale_deployment": "scale the deployment",
    "rollback_release": "roll the deployment back",
    "cordon_node": "cordon the node",
    "drain_node": "drain the node",
    "fetch_pod_logs": "read the pod's logs",
    "describe_pod": "look at the pod",
    "get_node_status": "look at the node",
    "run_diagnostic_script": "run the diagnostics",
}


@dataclass(frozen=True)
class Step:
    """A call, and those of its required parameters that are not known."""

    tool: str
    params: Params
    missing: tuple[str, ...] = ()


def teach(lesson: Lesson, channel: str) -> str:
    """The assistant's answer: a workflow, or a message that asks back or explains; approvals go to `channel`."""
    names = entities_in(f"{lesson.title}\n\n{lesson.question}")
    steps = [*_diagnosis(lesson, names), *_remedies(lesson, names)]
    known = [step for step in steps if not step.missing]
    asked = [step for step in steps if step.missing]
    calls = _with_approvals([(step.tool, step.params) for step in known], lesson, channel)
    if asked:
        return answer(calls, _question_back(asked, lesson))
    return answer(calls) if calls else answer((), _explanation(lesson))


# ---------------------------------------------------------------------------------------------------------------------
# What to look at first


def _diagnosis(lesson: Lesson, names: Entities) -> list[Step]:
    """Steps for the question's error: the first plan whose needs are named, else the first plan and what it lacks."""
    if not _within_reach(lesson, names):
        fails = lesson.signature or lesson.question_type == ERROR_TYPE
        return _ticket(lesson) if fails and lesson.component in OWNERS else []
    if not lesson.signature:
        return []
    known = {kind: name for kind in ("namespace", "pod", "node") if (name := names.first(kind))}
    plans = DIAGNOSES[lesson.signature]
    plan = next((plan for plan in plans if set(plan.needs) <= known.keys()), None)
    if plan is not None:
        return [_with_names(tool, params, known, names) for tool, params in plan.steps]
    missing = tuple(need for need in plans[0].needs if need not in known)
    tool, params = plans[0].steps[0]
    return [Step(tool, params, missing)]


def _within_reach(lesson: Lesson, names: Entities) -> bool:
    """Whether the cluster's tools can see it: its component is the cluster's, or the question names a pod or node."""
    return lesson.component in IN_CLUSTER or bool(names.first("pod") or names.first("node"))


def _with_names(tool: str, params: Mapping[str, str], known: Mapping[str, str], names: Entities) -> Step:
    """A plan's step with the names of the question in its parameters."""
    made: dict[str, str | int | list[str]] = {name: value.format(**known) for name, value in params.items()}
    if tool == "fetch_pod_logs" and names.containers:
        made["container"] = names.containers[0]
    return Step(tool, made)


def _ticket(lesson: Lesson) -> list[Step]:
    error = _error_line(lesson)
    seen = f" The error reads: {error}" if error else ""
    urgent = lesson.environment == "production" and re.search(r"\bproduction\b|\boutage\b", lesson.question)
    return [
        Step(
            "open_ticket",
            {
                "title": f"{lesson.signature or 'Error'} in {OWNERS[lesson.component]}: {lesson.title}"[:300],
                "description": f"Reported: {lesson.title}.{seen} It lies in {OWNERS[lesson.component]}, out of "
                "reach of the cluster's tools.",
                "priority": "high" if urgent else "medium",
                "labels": [label for label in (lesson.tag, lesson.signature) if label],
            },
        )
    ]


_ERROR_LINE: Final = re.compile(
    r"^.*\b(?:error|exception|denied|refused|failed|timed? ?out|fatal|killed)\b.*$", re.IGNORECASE | re.MULTILINE
)


def _error_line(lesson: Lesson) -> str:
    """The first line of the question's code that names an error, cut at 300 characters."""
    matches = (_ERROR_LINE.search(block) for block in code_blocks(lesson.question))
    return next((match[0].strip()[:300] for match in matches if match), "")


# ---------------------------------------------------------------------------------------------------------------------
# What to do about it


def _remedies(lesson: Lesson, names: Entities) -> list[Step]:
    """The change that the answer makes; without one, and without an error in the question, what it looks at."""
    if lesson.component in IN_CLUSTER or lesson.component == "monitoring":
        written = commands(lesson.accepted)
        changes = _change_of_answer(lesson, names, written)
        return changes or ([] if lesson.signature else _look_of_answer(lesson.accepted, names, written))
    return []


def _change_of_answer(lesson: Lesson, names: Entities, written: Sequence[Command]) -> list[Step]:
    """The first command with a tool that does the same; else the manifest to apply; else nothing."""
    for command in written:
        tool = REMEDIES.get(command.verb, "")
        if tool and lesson.environment in REGISTRY[tool].environments:
            step = _change_step(tool, command, names)
            if step is not None:
                return [step]
    applied = manifest(lesson.accepted)
    if not applied or lesson.component == "monitoring":
        return []
    return [Step("apply_manifest", {"manifest_content": applied})]


def _change_step(tool: str, command: Command, names: Entities) -> Step | None:
    """The step that a command amounts to, None where the tool cannot do it."""
    kind = next((kind for kind, _ in command.things if kind in {*WORKLOADS, "node"}), "")
    params: dict[str, str | int | list[str]] = {"namespace": names.first("namespace")}
    if tool == "restart_workload":
        kind = kind or names.workload()[0]
        params |= {"workload_type": kind, "workload_name": names.first(kind)}
    elif tool in {"cordon_node", "drain_node"}:
        params = {"node": names.first("node")}
    elif kind in {"", "deployment"}:
        params["deployment_name"] = names.first("deployment")
    else:  # a stateful set is not scaled by this tool
        return None
    params |= _number_params(tool, command, names)
    return _step_of(tool, params)


def _number_params(tool: str, command: Command, names: Entities) -> Params:
    """Numbers of a command that are the tool's parameters too; the question's own number of replicas comes first."""
    flags = {flag: int(value) for flag, value in command.flags.items() if re.fullmatch(r"\d{1,6}", value)}
    if tool == "scale_deployment":
        return {"replicas": names.replicas[0] if names.replicas else flags.get("replicas", "")}
    if tool == "rollback_release" and flags.get("revision"):
        return {"revision": flags["revision"]}
    if tool == "drain_node" and flags.get("grace", 86_401) <= 86_400:
        return {"grace_period_seconds": flags["grace"]}
    return {}


def _step_of(tool: str, params: Params) -> Step:
    """A step with the parameters that are known; "" counts as missing."""
    required = REGISTRY[tool].parameters["required"]
    missing = tuple(name for name in required if params.get(name, "") == "")
    return Step(tool, {name: value for name, value in params.items() if value != ""}, missing)


_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}


def _look_of_answer(accepted: str, names: Entities, written: Sequence[Command]) -> list[Step]:
    """What the answer looks at: a PromQL expression, or the first command that reads."""
    expression = promql(accepted)
    if expression:
        return [Step("query_prometheus", {"query": expression})]
    for command in written:
        kind = next((kind for kind, _ in command.things), "pod" if command.verb == "logs" else "")
        tool = READS.get((command.verb.split()[0], kind))
        if tool:
            return [_look_step(tool, command, names)]
    return []


def _look_step(tool: str, command: Command, names: Entities) -> Step:
    if tool == "get_node_status":
        return _step_of(tool, {"node": names.first("node")})
    params: dict[str, str | int | list[str]] = {"namespace": names.first("namespace"), "pod": names.first("pod")}
    if tool == "fetch_pod_logs":
        tail = command.flags.get("tail", "")
        since = re.fullmatch(r"(\d{1,6})([smh])", command.flags.get("since", ""))
        params["container"] = names.containers[0] if names.containers else ""
        params["tail_lines"] = int(tail) if re.fullmatch(r"[1-9]\d{0,4}", tail) else ""
        seconds = int(since[1]) * _UNIT_SECONDS[since[2]] if since else 0
        params["since_seconds"] = seconds if 1 <= seconds <= 604_800 else ""
    return _step_of(tool, params)


def _with_approvals(calls: Sequence[Call], lesson: Lesson, channel: str) -> list[Call]:
    """The calls, with a step that asks for approval before the first destructive one in production."""
    destructive = [tool for tool, _ in calls if REGISTRY[tool].effect == "destructive"]
    if not destructive or lesson.environment != "production":
        return list(calls)
    at = next(n for n, (tool, _) in enumerate(calls) if tool in destructive)
    targets = " ".join(str(value) for value in calls[at][1].values() if isinstance(value, str))
    approvers = max(REGISTRY[tool].approvals for tool in destructive)
    wanted = {
        "channel": channel,
        "message": f"Approval wanted to {DEEDS[calls[at][0]]} in production: {targets}.",
        "required_approvers": approvers,
    }
    return [*calls[:at], (APPROVAL, wanted), *calls[at:]]


# ---------------------------------------------------------------------------------------------------------------------
# Messages


def _question_back(asked: Sequence[Step], lesson: Lesson) -> str:
    missing = list(dict.fromkeys(name for step in asked for name in step.missing))
    wanted = _enumerated(list(dict.fromkeys(THINGS[name] for name in missing)))
    deed = DEEDS[asked[-1].tool]
    about = f" ({lesson.signature})" if lesson.signature else ""
    return f"To {deed}{about} I need {wanted}. Which {'are they' if ' and ' in wanted else 'is it'}?"


def _enumerated(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _explanation(lesson: Lesson) -> str:
    """The message where no tool helps: the facts of the accepted answer, or what could be done next."""
    place = OWNERS.get(lesson.component, "the cluster's setup" if lesson.component in IN_CLUSTER else "your own setup")
    lead = f"None of my tools changes this: it is settled in {place}."
    facts = [fact for fact in (_command_fact(lesson), _terms_fact(lesson), _link_fact(lesson)) if fact]
    if facts:
        return " ".join([lead, *facts])
    topic = lesson.title.rstrip(" ?!.")
    if not lesson.accepted:
        return f"{lead} {_LEADS.get(lesson.question_type, _LEADS['other'])} {_topic_terms(lesson, topic)}."
    return f"{lead} It was answered in words rather than commands; see the answer to \u201c{topic}\u201d."


_LEADS: Final[Mapping[str, str]] = {
    "how_to": "Somebody who may edit it has to make that change; I can open a ticket for them, on",
    "best_practice": "It is a choice for the team that owns it; I can bring it to them as a ticket, on",
    "comparison": "It is a choice between ways of working, and nothing has to be run for it:",
    "explanation": "It asks for an explanation, and nothing has to be run for it:",
    "other": "If something has to be done I can open a ticket; tell me the team and how soon, on",
}


def _topic_terms(lesson: Lesson, topic: str) -> str:
    terms = list(dict.fromkeys(term for term in INLINE.findall(lesson.question) if _TERM.fullmatch(term)))[:3]
    return f"\u201c{topic}\u201d" + (f" (it names {_enumerated([f'`{term}`' for term in terms])})" if terms else "")


_SHELL: Final = re.compile(
    r"^(?:\$ |# |> )?((?:sudo )?(?:kubectl|helm|docker|docker-compose|terraform|ansible(?:-\w+)?|aws|gcloud|az|pip3?"
    r"|conda|nvidia-smi|airflow|minikube|curl|systemctl|git|gh|python3?|npm|yarn) [^\n]{2,120})$",
    re.MULTILINE,
)
_TERM: Final = re.compile(r"[A-Za-z@./$_-][\w@./:$ =\"'{}()\[\],-]{1,59}")
_LINK: Final = re.compile(r"\]\((https?://[^()\s]{4,300})\)")


def _command_fact(lesson: Lesson) -> str:
    shell = [command for block in code_blocks(lesson.accepted) for command in _SHELL.findall(block)]
    return f"The accepted answer runs `{shell[0].strip()}`." if shell else ""


def _terms_fact(lesson: Lesson) -> str:
    """The names in backticks in the answer, at most four."""
    prose = re.sub(r"(?ms)^(`{3,}).*?^\1", "", lesson.accepted)
    terms = list(dict.fromkeys(term for term in INLINE.findall(prose) if _TERM.fullmatch(term)))[:4]
    return f"The answer turns on {_enumerated([f'`{term}`' for term in terms])}." if terms else ""


def _link_fact(lesson: Lesson) -> str:
    link = _LINK.search(lesson.accepted)
    return f"Read on at {link[1]}." if link else ""
