"""What the simulated cluster needs to run a workflow: the state before it, and the conditions after it.

`Scenario` is JSON in the column `scenario` of a table in Format B; tasks/tool_use/simulator/cluster.py runs it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.document import Document
from schemas.tools import Environment

PodState = Literal[
    "Running", "Pending", "CrashLoopBackOff", "ImagePullBackOff", "OOMKilled", "Error", "Completed", "Terminating"
]
Kind = Literal["deployment", "statefulset", "daemonset"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Workload(_Frozen):
    """A workload; `revisions` are the images of its releases, oldest first, and `revision` (from 1) is the current."""

    kind: Kind = "deployment"
    replicas: int = Field(1, ge=0)
    revisions: tuple[str, ...] = ("registry.internal/app:1",)
    revision: int = Field(1, ge=1)


class Pod(_Frozen):
    """A pod, the workload it belongs to ("" for none) and the node it runs on ("" while Pending)."""

    workload: str = ""
    node: str = ""
    state: PodState = "Running"
    containers: tuple[str, ...] = ("app",)


class Namespace(_Frozen):
    """Workloads and pods by name; `services` are names that a diagnostic script may look at."""

    workloads: dict[str, Workload] = {}
    pods: dict[str, Pod] = {}
    services: tuple[str, ...] = ()


class Node(_Frozen):
    """A node; an unready one still answers questions about it."""

    ready: bool = True
    schedulable: bool = True


class ClusterState(_Frozen):
    """A cluster before a workflow. `channels` are the Slack channels that exist; () means any.

    `approves` says whether the people asked for approval agree; `approvers` of them must, before anything destructive
    in production.
    """

    environment: Environment = "production"
    namespaces: dict[str, Namespace] = {}
    nodes: dict[str, Node] = {}
    channels: tuple[str, ...] = ()
    approves: bool = True
    approvers: int = Field(1, ge=1)


class Replicas(_Frozen):
    """The deployment has this many replicas."""

    kind: Literal["replicas"] = "replicas"
    namespace: str
    name: str
    replicas: int


class Restarted(_Frozen):
    """The workload was restarted."""

    kind: Literal["restarted"] = "restarted"
    namespace: str
    workload_type: Kind
    name: str


class RolledBack(_Frozen):
    """The deployment is at this revision."""

    kind: Literal["rolled_back"] = "rolled_back"
    namespace: str
    name: str
    revision: int


class Cordoned(_Frozen):
    """The node takes no new pod, and was not drained."""

    kind: Literal["cordoned"] = "cordoned"
    node: str


class Drained(_Frozen):
    """No pod (but of daemonsets) is on the node, and it takes no new one."""

    kind: Literal["drained"] = "drained"
    node: str


class Applied(_Frozen):
    """A resource of this kind and name was applied in this namespace ("" for none)."""

    kind: Literal["applied"] = "applied"
    resource: str
    name: str
    namespace: str = ""


class Called(_Frozen):
    """A tool that only reads, or writes to people, was called with at least these parameters.

    Text parameters named in `containing` must contain the text there (case is ignored) instead of being equal.
    """

    kind: Literal["called"] = "called"
    tool: str
    params: Document = {}
    containing: dict[str, str] = {}


class InOrder(_Frozen):
    """These tools were called in this order (others may be called between them)."""

    kind: Literal["in_order"] = "in_order"
    tools: tuple[str, ...]


class Untouched(_Frozen):
    """Nothing was called; the answer is a message (a refusal, or a question back)."""

    kind: Literal["untouched"] = "untouched"
    asks: bool = False  # the message must ask something


Condition = Annotated[
    Replicas | Restarted | RolledBack | Cordoned | Drained | Applied | Called | InOrder | Untouched,
    Field(discriminator="kind"),
]


class Scenario(_Frozen):
    """A cluster, and the post-condition of the request: every condition is met, and nothing else was changed.

    `exact`: no effect beyond those of the conditions; further calls of tools that only read are always allowed.
    """

    before: ClusterState
    goal: tuple[Condition, ...] = Field(min_length=1)
    exact: bool = True
