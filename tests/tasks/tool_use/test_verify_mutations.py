"""The verifier against itself: every correct workflow passes all stages, and no mutant of one does.

What is no mutant, by argument: reading once more than asked (reads change nothing, and are allowed besides), and
dropping a read that no condition names (the cases here name every step). Everything else must be caught.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from schemas.tools import REGISTRY, offered_in
from schemas.workflow import Call, answer
from tasks.tool_use.verify import stage_counts, verified
from tests.tasks.tool_use.conversations import conversations, offer_text, row, said
from tests.tasks.tool_use.scenarios import CHANNELS, SEVERITIES, Case, cases

pytestmark = pytest.mark.unit

CASES = cases(220)
ACTING = [case for case in CASES if case.calls]
Mutants = Iterator[tuple[str, str]]  # (what was done, the answer)
Kind = Callable[[Case], Mutants]
CYRILLIC = str.maketrans("aeopc", "\u0430\u0435\u043e\u0440\u0441")  # letters that look the same


def case_row(case: Case, content: str) -> dict[str, Any]:
    environment = case.scenario.before.environment
    messages = said("Please help.", f"assistant: {content}", offer=offer_text(environment=environment))
    return row(messages, environment=environment, scenario=case.scenario)


def steps_answer(case: Case, calls: tuple[Call, ...], message: str | None = None) -> str:
    told = case.message if message is None else message
    return answer(calls, told or ("" if calls else "Done."))


def put(calls: tuple[Call, ...], at: int, *instead: Call) -> tuple[Call, ...]:
    return (*calls[:at], *instead, *calls[at + 1 :])


# --- mutants of the calls --------------------------------------------------------------------------------------------


def dropped_steps(case: Case) -> Mutants:
    for at in range(len(case.calls)):
        yield f"drop {case.calls[at][0]}", steps_answer(case, put(case.calls, at))


def swapped_tools(case: Case) -> Mutants:
    """Every tool in place of each, the parameters as they are."""
    for at, (tool, params) in enumerate(case.calls):
        for other in REGISTRY:
            if other != tool:
                yield f"{other} for {tool}", steps_answer(case, put(case.calls, at, (other, params)))
        for name in (tool.translate(CYRILLIC), tool.upper(), f"{tool} ", f"{tool}s", f"functions.{tool}"):
            yield f"{name!a} for {tool}", steps_answer(case, put(case.calls, at, (name, params)))


def wrong_types(case: Case) -> Mutants:
    for at, (tool, params) in enumerate(case.calls):
        for name, value in params.items():
            told = str(value) if isinstance(value, int) else 7
            for wrong in (told, None, [value], {"value": value}, True, 1.5):
                yield f"{tool}.{name} = {wrong!a:.20}", with_params(case, at, {**params, name: wrong})


def other_params(case: Case) -> Mutants:
    """One more, one less, and one under another name."""
    for at, (tool, params) in enumerate(case.calls):
        for extra in ("force", "dry_run", "Namespace", "namespace "):
            yield f"{tool} with {extra}", with_params(case, at, {**params, extra: True})
        for name in params:
            rest = {n: value for n, value in params.items() if n != name}
            yield f"{tool} without {name}", with_params(case, at, rest)
            yield f"{tool}.{name} renamed", with_params(case, at, {**rest, f"{name}_": params[name]})


def wrong_values(case: Case) -> Mutants:
    for at, (tool, params) in enumerate(case.calls):
        for name, value in params.items():
            for wrong in OTHER.get(name, other_text)(value, case):
                if wrong != value:
                    yield f"{tool}.{name} = {wrong!a:.40}", with_params(case, at, {**params, name: wrong})


def with_params(case: Case, at: int, params: dict[str, Any]) -> str:
    return steps_answer(case, put(case.calls, at, (case.calls[at][0], params)))


def other_text(value: Any, case: Case) -> list[Any]:
    return [f"{value}x", "", f"x{value}"] if isinstance(value, str) else []


def other_number(value: Any, case: Case) -> list[Any]:
    return [value - 1, value + 1, -value, 0, 10**9]


def other_space(value: Any, case: Case) -> list[Any]:
    return [*case.scenario.before.namespaces, "nowhere", value.upper(), f"{value} "]


def other_workload(value: Any, case: Case) -> list[Any]:
    names = (name for space in case.scenario.before.namespaces.values() for name in space.workloads)
    return [*names, "nothing", f"{value}-2"]


def other_pod(value: Any, case: Case) -> list[Any]:
    return [*(name for space in case.scenario.before.namespaces.values() for name in space.pods), "nothing"]


def other_node(value: Any, case: Case) -> list[Any]:
    return [*case.scenario.before.nodes, "node-z"]


def other_manifest(value: str, case: Case) -> list[Any]:
    return [
        value.replace("name: ", "name: other-"),
        value.replace("kind: ", "kind: Other"),
        value.replace("metadata:", "metadata:\n  namespace: elsewhere"),
        f"{value}---\n{value}",
        value.replace("apiVersion", "version"),
        value.replace("metadata:", "metadata: ["),
        f"!!python/object/apply:os.getcwd []\n---\n{value}",
    ]


OTHER: dict[str, Callable[[Any, Case], list[Any]]] = {
    "namespace": other_space,
    "pod": other_pod,
    "node": other_node,
    "target": other_node,
    "deployment_name": other_workload,
    "workload_name": other_workload,
    "manifest_content": other_manifest,
    "workload_type": lambda *_: ["deployment", "statefulset", "daemonset", "job"],
    "container": lambda *_: ["app", "nothing"],
    "channel": lambda *_: [*CHANNELS, "#nowhere", "ops"],
    "severity": lambda *_: [*SEVERITIES, "urgent"],
    "priority": lambda *_: [*SEVERITIES, "urgent"],
    "severity_color": lambda *_: ["danger", "green"],
    "labels": lambda value, _: [value[:1], value[::-1], ["disk", 1]],
    **dict.fromkeys(
        (
            "tail_lines",
            "since_seconds",
            "timeout_seconds",
            "timeout_minutes",
            "required_approvers",
            "replicas",
            "revision",
            "grace_period_seconds",
        ),
        other_number,
    ),
}


def bad_order(case: Case) -> Mutants:
    for at in range(len(case.calls) - 1):
        one, other = case.calls[at], case.calls[at + 1]
        swapped = (*case.calls[:at], other, one, *case.calls[at + 2 :])
        if one[0] != other[0]:  # two calls of one tool, named by conditions that say no order, may come in any
            yield f"{other[0]} before {one[0]}", steps_answer(case, swapped)


def missing_approvals(case: Case) -> Mutants:
    """None at all, or only after everything."""
    asked = [call for call in case.calls if call[0] == "slack_approval"]
    rest = tuple(call for call in case.calls if call[0] != "slack_approval")
    if asked:
        yield "no approval", steps_answer(case, rest)
    if asked and rest:
        yield "approval last", steps_answer(case, (*rest, *asked))


def effects_beyond(case: Case) -> Mutants:
    """Each step that has an effect once more, and effects that nobody asked for."""
    for tool, params in case.calls:
        if REGISTRY[tool].effect != "read":
            yield f"{tool} twice", steps_answer(case, (*case.calls, (tool, params)))
    for extra in (
        ("cordon_node", {"node": "node-b"}),
        ("page_oncall", {"severity": "low", "title": "Note", "body": "For your information."}),
        ("slack_notification", {"channel": "#ops", "message": "Hello."}),
        ("slack_approval", {"channel": "#ops", "message": "May I?"}),
        ("open_ticket", {"title": "Later", "description": "Look again.", "priority": "low"}),
    ):
        yield f"{extra[0]} besides", steps_answer(case, (*case.calls, extra))


# --- mutants of the text ---------------------------------------------------------------------------------------------


def renumbered(case: Case) -> Mutants:
    count = len(case.calls)
    for ids in (range(count), range(2, count + 2), [1] * count, range(count, 0, -1), [n + 1.0 for n in range(count)]):
        if list(ids) != list(range(1, count + 1)) or any(isinstance(n, float) for n in ids):
            yield f"step_ids {list(ids)}", rewritten(case, lambda step, at, ids=list(ids): step | {"step_id": ids[at]})
    for wrong in ("1", None, True, -1):
        yield f"step_id {wrong!a}", rewritten(case, lambda step, at, wrong=wrong: step | {"step_id": wrong})


def other_shapes(case: Case) -> Mutants:
    for name in ("step_id", "tool", "params"):
        yield f"no {name}", rewritten(case, lambda step, at, name=name: {k: v for k, v in step.items() if k != name})
    yield "a step with a reason", rewritten(case, lambda step, at: step | {"reason": "because"})
    yield "params as text", rewritten(case, lambda step, at: step | {"params": orjson.dumps(step["params"]).decode()})
    yield "params as list", rewritten(case, lambda step, at: step | {"params": list(step["params"].values())})
    yield "arguments", rewritten(case, lambda step, at: {"step_id": at + 1, "name": step["tool"], "arguments": {}})


def rewritten(case: Case, change: Callable[[dict[str, Any], int], dict[str, Any]]) -> str:
    told = orjson.loads(steps_answer(case, case.calls))
    told["workflow"]["steps"] = [change(step, at) for at, step in enumerate(told["workflow"]["steps"])]
    return orjson.dumps(told).decode()


def broken_texts(case: Case) -> Mutants:
    good = steps_answer(case, case.calls)
    told = orjson.loads(good)
    yield "single quotes", good.replace('"', "'")
    yield "cut", good[:-1]
    yield "trailing comma", f"{good[:-1]},}}"
    yield "fenced", f"```json\n{good}\n```"
    yield "prose before", f"Sure! {good}"
    yield "steps without a workflow", orjson.dumps(told["workflow"]).decode()
    yield "bare steps", orjson.dumps(told["workflow"]["steps"]).decode()
    yield "a text", orjson.dumps(good).decode()
    yield "repeated key", good.replace('{"workflow"', '{"workflow":{"steps":[]},"workflow"', 1)
    yield "NaN", good[:-1] + ',"message":NaN}'
    yield "one more key", orjson.dumps({**told, "explanation": "Because."}).decode()
    yield "neither steps nor message", '{"workflow":{"steps":[]}}'
    yield "only a message", '{"message":"Done."}'


def talking(case: Case) -> Mutants:
    """An answer that should ask or refuse acts, or asks nothing."""
    yield "acts", answer([("get_node_status", {"node": "node-a"})], case.message)
    if "?" in case.message:
        yield "asks nothing", answer((), case.message.replace("?", "."))
    yield from broken_texts(case)


OF_CALLS = (
    dropped_steps,
    swapped_tools,
    wrong_types,
    other_params,
    wrong_values,
    bad_order,
    missing_approvals,
    effects_beyond,
    renumbered,
    other_shapes,
    broken_texts,
)


def test_the_cases_use_every_tool_and_each_passes_all_three_stages() -> None:
    """A verifier that refuses everything would kill every mutant too."""
    assert {tool for case in CASES for tool, _ in case.calls} == set(REGISTRY)
    kept, rejects = verified(conversations(*(case_row(case, steps_answer(case, case.calls)) for case in CASES)))
    assert rejects["reason"].tolist() == []
    assert [list(stages) for stages in kept["verified"]] == [["format", "tools", "execution"]] * len(CASES)


def mutants(kind: Kind, case: Case) -> list[tuple[str, str]]:
    """What a kind makes of a case; an answer with the same steps as the correct one is no mutant of it."""
    good = steps_answer(case, case.calls)
    return [(name, content) for name, content in kind(case) if content != good]


def survivors(made: list[tuple[Case, str, str]]) -> tuple[list[str], Counter[str]]:
    """Mutants that pass, and how many each stage caught."""
    kept, rejects = verified(conversations(*(case_row(case, content) for case, _, content in made)))
    caught = Counter(reason.split("_")[0] for reason in rejects["reason"])
    assert len(kept) + len(rejects) == len(made)
    return [made[int(name.removeprefix("test:"))][1] for name in kept["id"]], caught


@pytest.mark.parametrize("kind", OF_CALLS, ids=lambda kind: kind.__name__)
def test_a_mutant_of_each_workflow_is_caught(kind: Kind) -> None:
    """Kill rate 100 % over one mutant of each kind, drawn by seed, of every workflow."""
    r = random.Random(11)
    found = ((case, mutants(kind, case)) for case in ACTING)
    made = [(case, *r.choice(of)) for case, of in found if of]
    alive, caught = survivors(made)
    assert alive == []
    assert caught.total() >= len(ACTING) // 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_CALLS, ids=lambda kind: kind.__name__)
def test_every_mutant_of_every_workflow_is_caught(kind: Kind) -> None:
    """Kill rate 100 % over all mutants, some 45,000."""
    alive, _ = survivors([(case, *mutant) for case in ACTING for mutant in mutants(kind, case)])
    assert alive == []


def test_an_answer_that_should_only_talk_may_do_nothing_else() -> None:
    """Questions back and refusals are workflows too."""
    chosen = [case for case in CASES if not case.calls]
    alive, caught = survivors([(case, *mutant) for case in chosen for mutant in mutants(talking, case)])
    assert alive == []
    assert caught.total() > 0


def test_a_tool_is_caught_in_an_environment_that_does_not_have_it() -> None:
    """The same answer and offer, said to be in development, where no release is rolled back."""
    chosen = [case for case in CASES if any(tool == "rollback_release" for tool, _ in case.calls)]
    offered = offer_text(tools=offered_in("production"))
    moved = [
        row(said("Please.", f"assistant: {answer(case.calls)}", offer=offered), environment="development")
        for case in chosen
    ]
    kept, rejects = verified(conversations(*moved))
    assert set(rejects["reason"]) == {"tools_tool_not_in_environment"}
    assert stage_counts(kept, rejects)["tools"]["failed"] == {"tool_not_in_environment": len(chosen)}
