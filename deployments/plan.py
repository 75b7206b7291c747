"""What the bootstrap does to a server, decided before anything is done: wanted beside present gives steps.

Pure of Prefect. A *stage* is a function that reads the server and returns the steps that are still to do; `apply` runs
them and reads the server again until no step is left. So a second bootstrap finds nothing to do, and two bootstraps at
the same time repair what each did to the other.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Verb = Literal["created", "updated", "unchanged", "removed", "kept"]
CHANGES: tuple[Verb, ...] = ("created", "updated", "removed")
PASSES = 4  # the first acts, the second finds nothing to do; two more for another bootstrap at the same time
PAUSE_S = (0.1, 0.5)  # after a conflict, at random, so that two bootstraps do not collide again


@dataclass(frozen=True)
class Step:
    """One thing on the server and what becomes of it; `act` does it, None where there is nothing to do.

    `kept`: the files no longer name the thing, and it stays anyway; `why` is the reason.
    """

    thing: str
    verb: Verb
    why: str = ""
    act: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def line(self, dry_run: bool = False) -> str:
        """`created    work pool automend (process)`."""
        verb = f"would be {self.verb}" if dry_run and self.verb in CHANGES else self.verb
        return f"{verb:<{18 if dry_run else 9}}  {self.thing}" + (f" ({self.why})" if self.why else "")


def decide(wanted: Mapping[str, object], present: Mapping[str, object]) -> dict[str, Verb]:
    """What becomes of each name: wanted ones first, in their order. `present` has only things that are ours to remove.

    >>> decide({"a": 1, "b": 2}, {"b": 3, "c": 4})
    {'a': 'created', 'b': 'updated', 'c': 'removed'}
    """
    verbs: dict[str, Verb] = {name: _verb(value, present, name) for name, value in wanted.items()}
    return verbs | {name: "removed" for name in present if name not in wanted}


def _verb(value: object, present: Mapping[str, object], name: str) -> Verb:
    if name not in present:
        return "created"
    return "unchanged" if present[name] == value else "updated"


def differing(wanted: Mapping[str, object], present: Mapping[str, object]) -> list[str]:
    """Names of the fields whose wanted value is not the present one, sorted.

    >>> differing({"tags": ["a"], "version": "2"}, {"tags": ["a"], "version": "1", "id": 7})
    ['version']
    """
    return sorted(name for name, value in wanted.items() if present.get(name) != value)


def only_when_both(wanted: bool, present: bool | None) -> bool:
    """Whether a switch is on. The file can switch it off, a person can switch it off; neither overrides the other.

    `present` is None for what does not exist yet.
    """
    return wanted and present is not False


def apply(
    stage: Callable[[], Iterable[Step]], *, conflicts: tuple[type[Exception], ...] = (), dry_run: bool = False
) -> list[Step]:
    """Do a stage's steps and read the server again until none is left. One step for each thing.

    A conflict (somebody else made or removed it in between) ends a pass; the next pass reads again. Raises the conflict
    when it is still there in the last pass.
    """
    reported: dict[str, Step] = {}
    for number in range(1, PASSES + 1):
        try:
            acted = [_perform(step, reported, dry_run) for step in stage()]
        except conflicts:
            if number == PASSES:
                raise
            time.sleep(random.uniform(*PAUSE_S))
            continue
        if not any(acted):
            break
    return list(reported.values())


def _perform(step: Step, reported: dict[str, Step], dry_run: bool) -> bool:
    """Whether the step acted. A change is reported once; `unchanged` in a later pass does not replace it."""
    act = None if dry_run else step.act
    if act is not None:
        act()
    if step.thing not in reported or (reported[step.thing].verb not in CHANGES and step.verb in CHANGES):
        reported[step.thing] = step
    return act is not None
