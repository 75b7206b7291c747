"""What bootstrap decides: laws on any names and values."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.plan import CHANGES, PASSES, Step, apply, decide, differing, only_when_both

pytestmark = pytest.mark.unit

THINGS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


class Busy(Exception):
    """Somebody else was quicker."""


def applied(wanted: dict[str, int], present: dict[str, int]) -> dict[str, int]:
    """The server after every decision is carried out."""
    verbs = decide(wanted, present)
    kept = {name: value for name, value in present.items() if verbs[name] != "removed"}
    return kept | {name: wanted[name] for name, verb in verbs.items() if verb in {"created", "updated"}}


@given(THINGS, THINGS)
def test_what_is_decided_makes_the_server_what_the_files_say_and_then_nothing_is_left(
    wanted: dict[str, int], present: dict[str, int]
) -> None:
    after = applied(wanted, present)
    assert after == wanted
    assert set(decide(wanted, after).values()) <= {"unchanged"}


@given(THINGS, THINGS)
def test_each_name_is_decided_once_and_created_is_only_what_is_missing(
    wanted: dict[str, int], present: dict[str, int]
) -> None:
    verbs = decide(wanted, present)
    assert set(verbs) == set(wanted) | set(present)
    assert {name for name, verb in verbs.items() if verb == "created"} == set(wanted) - set(present)
    assert {name for name, verb in verbs.items() if verb == "removed"} == set(present) - set(wanted)


@given(THINGS, THINGS)
def test_fields_that_differ_are_those_that_an_update_has_to_write(
    wanted: dict[str, int], present: dict[str, int]
) -> None:
    changed = differing(wanted, present)
    assert differing(wanted, present | {name: wanted[name] for name in changed}) == []
    assert not set(changed) - set(wanted)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_off_on_the_server_is_never_switched_on(wanted: bool) -> None:
    assert not only_when_both(wanted, False)
    assert only_when_both(wanted, True) is only_when_both(wanted, None) is wanted


class Shelf:
    """A server of one kind of thing. `rivals` are made by somebody else just before our first act."""

    def __init__(self, *rivals: str) -> None:
        self.names: list[str] = []
        self.rivals = list(rivals)

    def stage(self, *wanted: str) -> Iterator[Step]:
        for name in wanted:
            if name in self.names:
                yield Step(name, "unchanged")
            else:
                yield Step(name, "created", "", lambda name=name: self.create(name))

    def create(self, name: str) -> None:
        self.names, self.rivals = self.names + self.rivals, []
        if name in self.names:
            raise Busy(name)
        self.names.append(name)


def test_a_stage_that_meets_a_rival_looks_again_and_doubles_nothing() -> None:
    shelf = Shelf("a")
    steps = apply(lambda: shelf.stage("a", "b"), conflicts=(Busy,))
    assert shelf.names == ["a", "b"]
    assert [(step.thing, step.verb) for step in steps] == [("a", "unchanged"), ("b", "created")]


def test_a_change_is_reported_once_and_a_later_unchanged_does_not_replace_it() -> None:
    shelf = Shelf()
    reported = apply(lambda: shelf.stage("a"), conflicts=(Busy,))
    assert [step.verb for step in reported] == ["created"]
    assert [step.verb for step in apply(lambda: shelf.stage("a"))] == ["unchanged"]


def test_a_conflict_that_stays_is_raised_and_not_tried_for_ever() -> None:
    tries = []

    def stage() -> Iterator[Step]:
        tries.append(1)
        raise Busy
        yield

    with pytest.raises(Busy):
        apply(stage, conflicts=(Busy,))
    assert len(tries) == PASSES


def test_a_dry_run_acts_on_nothing_and_says_what_would_be() -> None:
    shelf = Shelf()
    (step,) = apply(lambda: shelf.stage("a"), dry_run=True)
    assert shelf.names == []
    assert step.line(dry_run=True).startswith("would be created")


@pytest.mark.parametrize("verb", ["created", "updated", "removed", "unchanged", "kept"])
def test_a_line_begins_with_its_verb_and_a_dry_run_promises_only_changes(verb) -> None:
    step = Step("work pool automend", verb, "why")
    assert step.line().split() == [verb, "work", "pool", "automend", "(why)"]
    assert step.line(dry_run=True).startswith("would be") is (verb in CHANGES)
