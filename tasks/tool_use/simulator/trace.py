"""What a workflow did to the simulated cluster: calls, what they brought about, and where the cluster refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.scenario import Applied, ClusterState, Cordoned, Drained, Replicas, Restarted, RolledBack

Change = Replicas | Restarted | RolledBack | Cordoned | Drained | Applied  # in the words of the goals


class Refused(ValueError):
    """A step the cluster does not carry out; the message is a sentence without its subject, the step."""


class Call(NamedTuple):
    """A step that was carried out."""

    tool: str
    params: Mapping[str, Any]


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
        """What was brought about, in order."""
        return tuple(deed.change for deed in self.deeds)
