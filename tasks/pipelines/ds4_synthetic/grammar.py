"""The grammar of scenarios: intent families x scenes x phrasings -> requests with their exact workflow and goal. Pure.

A phrasing names some values of the scene. Values that the plan uses and the phrasing does not name go to the context of
the request: every value of an answer can be read from its prompt.

The n-th request of a family depends on seed, family and n alone: more of them never change the earlier ones.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter

import orjson

from schemas.scenario import Condition, InOrder, Scenario, Untouched
from schemas.tools import Environment, offered_in
from schemas.workflow import answer
from tasks.pipelines.ds4_synthetic import words
from tasks.pipelines.ds4_synthetic.acts import Family, Plan
from tasks.pipelines.ds4_synthetic.intents import FAMILIES
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene, cluster, scene
from tasks.pipelines.ds4_synthetic.words import FACTS, PHRASINGS

PER_TOOL = 70  # requests about each tool at scale 1, shared by its families: no tool is rare
TRIES = 20  # draws without a new text before a family counts as exhausted
SEED = 42
SILENT = 0.25  # share of requests for production that do not name it: production is the default
CHOSEN = 0.25  # share of requests with some tools on offer instead of all
SPOKEN = 0.4  # share with an opener, share with a closer, and share with a detail beside the point


@dataclass(frozen=True)
class Request:
    """One prompt with everything known about it; `intent` is the same for the same wish in other words."""

    family: str
    tool: str  # the tool that the request is about
    intent: str
    user: str
    environment: Environment
    tools: tuple[str, ...]  # names of those on offer, in the registry's order
    answer: str  # JSON text, schemas/workflow.py
    scenario: Scenario


def requests(scale: float, seed: int) -> Iterator[Request]:
    """All requests of the grammar: about 70 x scale for each tool, at least one of each family, no text twice.

    A family with fewer texts than asked for gives those it has.
    """
    texts: set[str] = set()
    families = Counter(family.tool for family in FAMILIES.values())
    for name, family in FAMILIES.items():
        yield from _of_family(name, max(1, round(PER_TOOL * scale / families[family.tool])), seed, texts)


def _of_family(name: str, count: int, seed: int, texts: set[str]) -> Iterator[Request]:
    for number in range(count):
        for attempt in range(TRIES):
            made = _drawn_request(name, number, random.Random(f"{seed}/{name}/{number}/{attempt}"))
            text = normalised(made.user)
            if text not in texts:
                texts.add(text)
                yield made
                break


def normalised(text: str) -> str:
    """A text as it is compared: small letters, single blanks."""
    return " ".join(text.casefold().split())


def _drawn_request(name: str, number: int, rng: random.Random) -> Request:
    """The phrasings of a family take turns, so that each is used as often as the others."""
    family, phrasings = FAMILIES[name], PHRASINGS[name]
    environment = family.environments[rng.randrange(len(family.environments))]
    drawn = family.adjust(scene(rng, environment))
    plan = family.plan(drawn)
    phrasing = phrasings[number % len(phrasings)]
    calls = [act.call for act in plan.acts]
    before = cluster(drawn).model_copy(update={"approvers": plan.approvers})
    return Request(
        family=name,
        tool=family.tool,
        intent=_intent(name, family, phrasing, drawn),
        user=_user_text(family, phrasing, drawn, rng),
        environment=environment,
        tools=_offered_names(family, [tool for tool, _ in calls], environment, rng),
        answer=answer(calls, plan.message),
        scenario=Scenario(before=before, goal=_goal(plan)),
    )


def _goal(plan: Plan) -> tuple[Condition, ...]:
    """The goals of the acts, and their order; without acts: that nothing happens."""
    if not plan.acts:
        return (Untouched(asks=plan.asks),)
    goals = [goal for act in plan.acts for goal in (act.goal, act.also) if goal is not None]
    order = [InOrder(tools=tuple(act.tool for act in plan.acts))] if len(plan.acts) > 1 else []
    return (*goals, *order)


def _intent(name: str, family: Family, phrasing: str, scene: Scene) -> str:
    """The family and all values of the request: the same whatever the words, courtesies and form of context."""
    facts = sorted({*family.facts.split(), *_values_named(phrasing)} - {"person", "clock", "team"})
    values = {fact: getattr(scene, fact) for fact in facts}
    return f"{name}:{_digest([scene.environment, values])}"


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _offered_names(family: Family, used: list[str], environment: Environment, rng: random.Random) -> tuple[str, ...]:
    """All tools of the environment but those withheld, or some of them with all that are needed."""
    names = [tool.name for tool in offered_in(environment) if tool.name not in family.withheld]
    if rng.random() >= CHOSEN:
        return tuple(names)
    needed = {*used, family.tool}
    others = set(rng.sample(names, rng.randint(3, 8)))
    return tuple(name for name in names if name in needed | others)


def context_text(request: Request) -> str:
    """The `tool_context` of a request."""
    return orjson.dumps({"environment": request.environment, "tools": request.tools}).decode()


# --- text ------------------------------------------------------------------------------------------------------------


@cache
def _values_named(phrasing: str) -> frozenset[str]:
    """The values that a phrasing names."""
    return frozenset(name for _, name, _, _ in Formatter().parse(phrasing) if name)


def _user_text(family: Family, phrasing: str, scene: Scene, rng: random.Random) -> str:
    """The user's message: courtesies, the request, and a context with the values that the request does not name."""
    request = phrasing.format_map(vars(scene))
    opener = _courtesy(words.OPENERS, scene, rng)
    closer = _courtesy(words.CLOSERS, scene, rng)
    block = "```" in request or "EOF" in request or request.endswith("\n")
    body = ("\n" if block else " ").join(part for part in (opener, request, closer) if part)
    return _with_context(body, _context_entries(family, phrasing, scene, rng), rng)


def _courtesy(options: Sequence[str], scene: Scene, rng: random.Random) -> str:
    return rng.choice(options).format_map(vars(scene)) if rng.random() < SPOKEN else ""


def _context_entries(family: Family, phrasing: str, scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """(name, value) of the facts that the phrasing does not name, the environment, and a detail beside the point."""
    silent = scene.environment == "production" and rng.random() < SILENT
    facts = ["environment"] if not silent and "environment" not in _values_named(phrasing) else []
    facts += [fact for fact in family.facts.split() if fact not in _values_named(phrasing) and fact != "environment"]
    entries = [(FACTS[fact], str(getattr(scene, fact))) for fact in facts]
    if rng.random() < SPOKEN:
        name, _, value = rng.choice(words.BYSTANDERS).format_map(vars(scene)).partition(": ")
        entries.append((name, value))
    rng.shuffle(entries)
    return entries


def _with_context(body: str, context: list[tuple[str, str]], rng: random.Random) -> str:
    if not context:
        return body
    return rng.choice(LAYOUTS)(body, context)


def _joined_entries(context: list[tuple[str, str]], between: str, each: str) -> str:
    return between.join(each.format(name=name, value=value) for name, value in context)


LAYOUTS: tuple[Callable[[str, list[tuple[str, str]]], str], ...] = (
    lambda body, context: f"{body}\n\nContext: {_joined_entries(context, '; ', '{name}: {value}')}.",
    lambda body, context: f"{body}\n\nContext:\n{_joined_entries(context, chr(10), '- {name}: {value}')}",
    lambda body, context: f"{body}\n({_joined_entries(context, ', ', '{name} {value}')})",
    lambda body, context: f"{_joined_entries(context, ' ', '[{name}={value}]')} {body}",
    lambda body, context: f"{_joined_entries(context, ' | ', '{name}: {value}')}\n\n{body}",
    lambda body, context: f"{body}\n--\n{_joined_entries(context, chr(10), '{name}: {value}')}",
)
