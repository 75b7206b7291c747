"""What the functions of the sample's programs do, as trees of statements in no language. Drawn by a seed. Pure.

An *idea* adds up, finds the longest run, keeps what is above a limit, and so on. In expressions, `#name` is the length
of a list and `@name` a field of the object. Names are in snake_case.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tasks.pipelines.code_corpus.sample_texts import ADJECTIVES, FAILURES, NOUNS, sentence


@dataclass(frozen=True)
class Statement:
    """One statement: `kind` is one of a dialect's `ways`, `fields` fill its gaps, `body` is what it encloses."""

    kind: str
    fields: dict[str, str]
    body: tuple["Statement", ...] | None = None


@dataclass(frozen=True)
class Idea:
    """What a function takes (name, "int" or "list"), gives back ("int" or "list") and does."""

    params: tuple[tuple[str, str], ...]
    returns: str
    body: tuple[Statement, ...]


def declare(name: str, value: object) -> Statement:
    return Statement("let", {"name": name, "value": str(value)})


def assign(name: str, value: str) -> Statement:
    return Statement("set", {"name": name, "value": value})


def increase(name: str, value: object) -> Statement:
    return Statement("add", {"name": name, "value": str(value)})


def new_list(name: str) -> Statement:
    return Statement("new", {"name": name})


def append(name: str, value: str) -> Statement:
    return Statement("push", {"name": name, "value": value})


def give_back(value: str) -> Statement:
    return Statement("give", {"value": value})


def for_each(item: str, items: str, *body: Statement) -> Statement:
    return Statement("each", {"item": item, "items": items}, body)


def repeat(item: str, limit: str, *body: Statement) -> Statement:
    return Statement("times", {"item": item, "limit": limit}, body)


def while_(test: str, *body: Statement) -> Statement:
    return Statement("loop", {"test": test}, body)


def if_(test: str, *body: Statement) -> Statement:
    return Statement("when", {"test": test}, body)


def else_(*body: Statement) -> Statement:
    return Statement("otherwise", {}, body)


Names: TypeAlias = Sequence[str]  # six different names in the singular, for an idea to use
IdeaMaker: TypeAlias = Callable[[random.Random, Names], Idea]


def _total_idea(rng: random.Random, n: Names) -> Idea:
    items, item, limit, total = f"{n[0]}s", n[0], n[1], f"{n[2]}_total"
    weigh = if_(f"{item} > {limit}", increase(total, f"{item} * {rng.randrange(2, 99)} - {limit}"))
    return Idea(
        ((items, "list"), (limit, "int")), "int", (declare(total, 0), for_each(item, items, weigh), give_back(total))
    )


def _matching_idea(rng: random.Random, n: Names) -> Idea:
    items, item, found = f"{n[0]}s", n[0], f"{n[1]}_count"
    every = rng.randrange(3, 60)
    test = if_(f"{item} % {every} == {rng.randrange(every)}", increase(found, 1))
    return Idea(
        ((items, "list"),), "int", (declare(found, rng.randrange(4)), for_each(item, items, test), give_back(found))
    )


def _largest_idea(rng: random.Random, n: Names) -> Idea:
    items, item, best, first = f"{n[0]}s", n[0], f"best_{n[1]}", n[2]
    better = if_(f"{item} + {rng.randrange(40)} > {best}", assign(best, item))
    return Idea(
        ((items, "list"), (first, "int")), "int", (declare(best, first), for_each(item, items, better), give_back(best))
    )


def _longest_run_idea(rng: random.Random, n: Names) -> Idea:
    items, item, last, run, best = f"{n[0]}s", n[0], f"last_{n[1]}", f"{n[2]}_run", f"longest_{n[3]}"
    longer = (increase(run, 1), if_(f"{run} > {best}", assign(best, run)))
    walk = (if_(f"{item} >= {last}", *longer), else_(assign(run, "1")), assign(last, item))
    start = (declare(last, -rng.randrange(1, 500)), declare(run, 0), declare(best, 0))
    return Idea(((items, "list"),), "int", (*start, for_each(item, items, *walk), give_back(best)))


def _selection_idea(rng: random.Random, n: Names) -> Idea:
    items, item, kept, limit = f"{n[0]}s", n[0], f"kept_{n[1]}s", f"{n[2]}_limit"
    choose = if_(f"{item} < {limit}", append(kept, f"{item} + {rng.randrange(1, 700)}"))
    return Idea(
        ((items, "list"), (limit, "int")), "list", (new_list(kept), for_each(item, items, choose), give_back(kept))
    )


def _halvings_idea(rng: random.Random, n: Names) -> Idea:
    start, rest, steps = n[0], f"{n[1]}_rest", f"{n[2]}_steps"
    odd = (if_(f"{rest} % 2 == 1", assign(rest, f"{rest} * 3 + 1")), else_(assign(rest, f"{rest} >> 1")))
    loop = while_(f"{rest} > {rng.randrange(1, 30)}", *odd, increase(steps, 1))
    return Idea(((start, "int"),), "int", (declare(rest, start), declare(steps, 0), loop, give_back(steps)))


def _weighted_idea(rng: random.Random, n: Names) -> Idea:
    items, item, place, total = f"{n[0]}s", n[0], f"{n[1]}_place", f"{n[2]}_sum"
    add = (increase(total, f"{item} * {place}"), increase(place, rng.randrange(1, 12)))
    start = (declare(place, rng.randrange(20)), declare(total, 0))
    return Idea(((items, "list"),), "int", (*start, for_each(item, items, *add), give_back(f"{total} - #{items}")))


def _common_measure_idea(rng: random.Random, n: Names) -> Idea:
    left, right, rest = n[0], n[1], f"{n[2]}_rest"
    big, small = f"larger_{left}", f"smaller_{right}"
    turn = (declare(rest, f"{big} % {small}"), assign(big, small), assign(small, rest))
    start = (declare(big, f"{left} + {rng.randrange(50)}"), declare(small, right))
    return Idea(((left, "int"), (right, "int")), "int", (*start, while_(f"{small} > 0", *turn), give_back(big)))


def _pairs_idea(rng: random.Random, n: Names) -> Idea:
    items, item, others, other, found = f"{n[0]}s", n[0], f"{n[1]}s", n[1], f"{n[2]}_pairs"
    meet = if_(f"{item} + {other} == {rng.randrange(10, 2_000)}", increase(found, 1))
    walk = for_each(item, items, for_each(other, others, meet))
    return Idea(((items, "list"), (others, "list")), "int", (declare(found, 0), walk, give_back(found)))


def _clamped_idea(rng: random.Random, n: Names) -> Idea:
    value, low, high = n[0], f"lowest_{n[1]}", f"highest_{n[1]}"
    inner = (if_(f"{value} > {high}", give_back(high)), else_(give_back(f"{value} - {rng.randrange(90)}")))
    tests = (if_(f"{value} < {low}", give_back(low)), *inner)
    return Idea(((value, "int"), (low, "int"), (high, "int")), "int", tests)


def _smoothed_idea(rng: random.Random, n: Names) -> Idea:
    items, item, last, kept = f"{n[0]}s", n[0], f"{n[1]}_level", f"smooth_{n[2]}s"
    shift = rng.randrange(2, 9)
    step = (assign(last, f"({last} * {2**shift - 1} + {item}) >> {shift}"), append(kept, last))
    start = (declare(last, rng.randrange(400)), new_list(kept))
    return Idea(((items, "list"),), "list", (*start, for_each(item, items, *step), give_back(kept)))


def _checked_sum_idea(rng: random.Random, n: Names) -> Idea:
    items, item, state = f"{n[0]}s", n[0], f"{n[1]}_state"
    mix = assign(state, f"({state} * {rng.randrange(17, 257)} + {item}) % {rng.randrange(1_009, 9_973)}")
    return Idea(
        ((items, "list"),), "int", (declare(state, rng.randrange(1, 99)), for_each(item, items, mix), give_back(state))
    )


def _ladder_idea(rng: random.Random, n: Names) -> Idea:
    limit, step, kept, at = f"{n[0]}_limit", n[1], f"{n[2]}_steps", f"{n[3]}_index"
    skip = if_(f"{at} % {rng.randrange(2, 19)} > 0", append(kept, f"{at} * {step}"))
    return Idea(((limit, "int"), (step, "int")), "list", (new_list(kept), repeat(at, limit, skip), give_back(kept)))


IDEAS: tuple[IdeaMaker, ...] = (
    *(_total_idea, _matching_idea, _largest_idea, _longest_run_idea, _selection_idea, _halvings_idea, _weighted_idea),
    *(_common_measure_idea, _pairs_idea, _clamped_idea, _smoothed_idea, _checked_sum_idea, _ladder_idea),
)


def random_idea(rng: random.Random) -> Idea:
    """An idea with names of its own, with asides: notes, messages, and a guard of what it is given."""
    names = [f"{rng.choice(ADJECTIVES)}_{n}" if rng.random() < 0.4 else n for n in rng.sample(NOUNS, 6)]
    idea = rng.choice(IDEAS)(rng, names)
    body = [*_guards(rng, idea.params), *idea.body]
    if rng.random() < 0.6:
        body.insert(rng.randrange(len(body)), Statement("note", {"text": sentence(rng)}))
    shown = idea.params[0]
    if shown[1] == "int" and rng.random() < 0.4:
        body.insert(0, Statement("say", {"text": sentence(rng, FAILURES), "value": shown[0]}))
    return Idea(idea.params, idea.returns, _without_split_branches(body))


def _without_split_branches(body: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements, in which nothing comes between `when` and its `otherwise`."""
    notes = [s for at, s in enumerate(body) if s.kind == "note" and body[at + 1].kind == "otherwise"]
    return (*notes, *(statement for statement in body if statement not in notes))


def _guards(rng: random.Random, params: Sequence[tuple[str, str]]) -> list[Statement]:
    name, kind = rng.choice(params)
    if rng.random() < 0.5:
        return []
    test = f"#{name} > {rng.randrange(100, 9_000)}" if kind == "list" else f"{name} < {rng.randrange(60)}"
    return [if_(test, Statement("fail", {"text": sentence(rng, FAILURES)}))]
