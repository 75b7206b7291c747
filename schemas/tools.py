"""The platform's own fifteen tools: what each does, its parameters as JSON Schema, and where it may be used.

Out: `REGISTRY`, name -> Tool, in the order in which the system prompt offers them.
Source of names, effects, approvals and environments: the platform's tool registry (design, "Tool registry").
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from schemas.document import Document

Effect = Literal["read", "write", "destructive"]
Environment = Literal["development", "staging", "production"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)

APPROVAL = "slack_approval"  # the step that a destructive one in production needs before it
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"  # RFC 1123 label: namespaces, containers
DNS_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"  # RFC 1123 subdomain: pods, workloads, nodes
DURATION = r"^[1-9][0-9]*(ms|s|m|h|d)$"  # as Prometheus writes a step
CHANNEL = r"^[#@][\w.-]{1,80}$"


class Tool(BaseModel):
    """A function on offer. `parameters` is a JSON Schema of type object that allows no further keys.

    `approvals` is how many people must agree where the platform asks for agreement; a destructive step in production
    without an approval step before it is invalid.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    parameters: Document
    effect: Effect
    approvals: int = 0
    environments: tuple[Environment, ...] = ENVIRONMENTS

    def offer(self) -> Document:
        """The tool as the system prompt shows it, without the fields that have their default."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _tool(
    name: str,
    description: str,
    effect: Effect,
    required: Mapping[str, Document],
    optional: Mapping[str, Document] | None = None,
    approvals: int = 0,
    environments: tuple[Environment, ...] = ENVIRONMENTS,
) -> Tool:
    schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(
        name=name,
        description=description,
        parameters=schema,
        effect=effect,
        approvals=approvals,
        environments=environments,
    )


def _text_schema(description: str, limit: int = 4_000, **more: object) -> Document:
    return {"type": "string", "description": description, "minLength": 1, "maxLength": limit, **more}


def _integer_schema(description: str, minimum: int, maximum: int, **more: object) -> Document:
    return {"type": "integer", "description": description, "minimum": minimum, "maximum": maximum, **more}


def _choice_schema(description: str, *values: str) -> Document:
    return {"type": "string", "description": description, "enum": list(values)}


NAMESPACE = _text_schema("Kubernetes namespace", 63, pattern=DNS_LABEL)
POD = _text_schema("Name of the pod", 253, pattern=DNS_NAME)
NODE = _text_schema("Name of the node", 253, pattern=DNS_NAME)
DEPLOYMENT = _text_schema("Name of the deployment", 253, pattern=DNS_NAME)
MESSAGE = _text_schema("What to say")
URL = _text_schema("Web address", 2_000, pattern="^https?://")
TIME = _text_schema("RFC 3339 time, or seconds since 1970", 40)

_TOOLS = (
    _tool(
        "fetch_pod_logs",
        "Read the latest log lines of a pod",
        "read",
        {"namespace": NAMESPACE, "pod": POD},
        {
            "container": _text_schema("Container, where the pod has several", 63, pattern=DNS_LABEL),
            "tail_lines": _integer_schema("Lines from the end", 1, 100_000, default=200),
            "since_seconds": _integer_schema("Not older than this many seconds", 1, 604_800, default=600),
        },
    ),
    _tool(
        "query_prometheus",
        "Evaluate a PromQL expression, at one time or over a range",
        "read",
        {"query": _text_schema("PromQL expression")},
        {
            "time": TIME,
            "range_start": TIME,
            "range_end": TIME,
            "step": _text_schema("Resolution of a range", 10, pattern=DURATION, default="60s"),
        },
    ),
    _tool(
        "describe_pod",
        "State, events, restarts and conditions of a pod",
        "read",
        {"namespace": NAMESPACE, "pod": POD},
    ),
    _tool("get_node_status", "Conditions, capacity and taints of a node", "read", {"node": NODE}),
    _tool(
        "run_diagnostic_script",
        "Run a read-only script of the diagnostics library on a target",
        "read",
        {
            "script": _text_schema("Name of the script, such as check-disk", 100, pattern=r"^[a-z0-9][\w.-]*$"),
            "target": _text_schema("Node, pod or service to look at", 253),
        },
        {"timeout_seconds": _integer_schema("Stop after this many seconds", 1, 3_600)},
    ),
    _tool(
        "restart_workload",
        "Restart all pods of a workload, one after the other",
        "write",
        {
            "namespace": NAMESPACE,
            "workload_type": _choice_schema("Kind of workload", "deployment", "statefulset", "daemonset"),
            "workload_name": _text_schema("Name of the workload", 253, pattern=DNS_NAME),
        },
        approvals=1,
    ),
    _tool(
        "scale_deployment",
        "Set the number of replicas of a deployment",
        "write",
        {
            "namespace": NAMESPACE,
            "deployment_name": DEPLOYMENT,
            "replicas": _integer_schema("Replicas wanted", 0, 10_000),
        },
        approvals=1,
    ),
    _tool("cordon_node", "Let no new pod be placed on a node", "write", {"node": NODE}, approvals=1),
    _tool(
        "apply_manifest",
        "Create or change the resources that a YAML manifest describes",
        "write",
        {"manifest_content": _text_schema("The manifest, YAML, one document or several", 500_000)},
        {"namespace": NAMESPACE},
        approvals=1,
    ),
    _tool(
        "page_oncall",
        "Wake the person on call",
        "write",
        {
            "severity": _choice_schema("How bad it is", "critical", "high", "medium", "low"),
            "title": _text_schema("One line", 300),
            "body": MESSAGE,
        },
        {"service_id": _text_schema("Service concerned", 100), "incident_url": URL},
    ),
    _tool(
        "slack_notification",
        "Post a message to a Slack channel",
        "write",
        {"channel": _text_schema("Channel or person", 81, pattern=CHANNEL), "message": MESSAGE},
        {
            "severity_color": _text_schema(
                "good, warning, danger or #rrggbb", 7, pattern="^(good|warning|danger|#[0-9a-fA-F]{6})$"
            )
        },
    ),
    _tool(
        APPROVAL,
        "Ask people in a Slack channel to approve the next steps, and wait",
        "write",
        {"channel": _text_schema("Channel or person", 81, pattern=CHANNEL), "message": MESSAGE},
        {
            "timeout_minutes": _integer_schema("Give up after this many minutes", 1, 1_440, default=30),
            "required_approvers": _integer_schema("People who must agree", 1, 10, default=1),
        },
    ),
    _tool(
        "open_ticket",
        "Open a ticket for work that can wait",
        "write",
        {
            "title": _text_schema("One line", 300),
            "description": MESSAGE,
            "priority": _choice_schema("How soon", "critical", "high", "medium", "low"),
        },
        {
            "team": _text_schema("Team that owns it", 100),
            "labels": {
                "type": "array",
                "description": "Labels",
                "items": _text_schema("Label", 100),
                "maxItems": 20,
            },
        },
    ),
    _tool(
        "rollback_release",
        "Return a deployment to an earlier revision (the one before, if none is named)",
        "destructive",
        {"namespace": NAMESPACE, "deployment_name": DEPLOYMENT},
        {"revision": _integer_schema("Revision to return to", 1, 1_000_000)},
        approvals=1,
        environments=("staging", "production"),
    ),
    _tool(
        "drain_node",
        "Evict all pods from a node, and let no new one be placed there",
        "destructive",
        {"node": NODE},
        {"grace_period_seconds": _integer_schema("Seconds a pod gets to end", 0, 86_400)},
        approvals=1,
    ),
)

REGISTRY: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in _TOOLS})


def offered_in(environment: Environment) -> tuple[Tool, ...]:
    """The tools that may be used in an environment, in the registry's order."""
    return tuple(tool for tool in REGISTRY.values() if environment in tool.environments)
