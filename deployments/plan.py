"""What bootstrap is about to do, decided before anything is done: wanted beside present gives steps.

Prefect is not known here. A *stage* is a function that looks at the server and returns the steps that are left;
`settle` runs them and looks again, until nothing is left: so a second bootstrap finds nothing to do, and two at once
mend what the other got in the way of.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verb = Literal["created", "updated", "unchanged", "removed", "kept"]
CHANGES: tuple[Verb, ...] = ("created", "updated", "removed")
PASSES = 4  # the first acts, the second finds nothing left; two more for another bootstrap at the same moment


@dataclass(frozen=True)
class Step:
    """One thing on the server and what becomes of it; `act` does it, None where nothing is to be done (or by another).

    `kept` is for what the files no longer name and what stays all the same; `why` says why.
    """

    thing: str
    verb: Verb
    why: str = ""
    act: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def told(self, dry_run: bool = False) -> str:
        """`created    work pool automend (process)`, as one line."""
        verb = f"would be {self.verb}" if dry_run and self.verb in CHANGES else self.verb
        return f"{verb:<{18 if dry_run else 9}}  {self.thing}" + (f" ({self.why})" if self.why else "")


def decide(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Verb]:
    """What becomes of each name, wanted ones first, in their order; `present` holds only what is ours to remove.

    >>> decide({"a": 1, "b": 2}, {"b": 3, "c": 4})
    {'a': 'created', 'b': 'updated', 'c': 'removed'}
    """
    verbs: dict[str, Verb] = {name: _verb(wanted[name], present, name) for name in wanted}
    return verbs | {name: "removed" for name in present if name not in wanted}


def _verb(value: Any, present: Mapping[str, Any], name: str) -> Verb:
    if name not in present:
        return "created"
    return "unchanged" if present[name] == value else "updated"


def differing(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Names of the fields whose wanted value is not the present one, sorted.

    >>> differing({"tags": ["a"], "version": "2"}, {"tags": ["a"], "version": "1", "id": 7})
    ['version']
    """
    return sorted(name for name, value in wanted.items() if present.get(name) != value)


def only_when_both(wanted: bool, present: bool | None) -> bool:
    """Whether a switch is on: the file may switch off, a person may switch off, and neither switches on for the other.

    `present` is None for what does not exist yet.
    """
    return wanted and present is not False


def settle(
    stage: Callable[[], Iterable[Step]], *, conflicts: tuple[type[Exception], ...] = (), dry_run: bool = False
) -> list[Step]:
    """Do a stage's steps and look again until none is left; what was first said of each thing.

    A conflict (somebody else made it, or removed it, in between) ends a pass, and the next one looks again. Raises the
    conflict when it is still there in the last pass.
    """
    said: dict[str, Step] = {}
    for number in range(1, PASSES + 1):
        try:
            acted = [_done(step, said, dry_run) for step in stage()]
        except conflicts:
            if number == PASSES:
                raise
            time.sleep(random.uniform(0.1, 0.5))  # two that collide do not collide again
            continue
        if not any(acted):
            break
    return list(said.values())


def _done(step: Step, said: dict[str, Step], dry_run: bool) -> bool:
    """Whether the step acted; a change is said once, and is not talked over by `unchanged` in a later pass."""
    acts = step.act is not None and not dry_run
    if acts:
        step.act()  # type: ignore[misc]
    if step.thing not in said or (said[step.thing].verb not in CHANGES and step.verb in CHANGES):
        said[step.thing] = step
    return acts
