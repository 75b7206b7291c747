"""What a workflow did to the simulated cluster: its calls, their changes, and the refusal that ended it."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.scenario import Applied, ClusterState, Cordoned, Drained, Replicas, Restarted, RolledBack
from schemas.workflow import Params

Change = Replicas | Restarted | RolledBack | Cordoned | Drained | Applied  # in the words of the goals


class Refused(ValueError):
    """A step that the cluster does not run; the message is a sentence without its subject, the step."""


class Call(NamedTuple):
    """A step that the cluster ran."""

    tool: str
    params: Params


class Deed(NamedTuple):
    """A change, and the position in `Run.calls` of the call that made it."""

    call: int
    change: Change


@dataclass(frozen=True)
class Run:
    """The cluster after a workflow; after a refusal ("" for none) no step was tried."""

    state: ClusterState
    calls: tuple[Call, ...] = ()
    deeds: tuple[Deed, ...] = ()
    refusal: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, in order."""
        return tuple(deed.change for deed in self.deeds)
