"""Laws of the grammar: enough of it, exact, derivable from what is said, the same by seed."""

import re
from collections import Counter, defaultdict
from itertools import chain
from typing import Any

import orjson
import pytest

from schemas.tools import REGISTRY
from schemas.workflow import steps_of
from tasks.curate.dedup.minhash import near_duplicates
from tasks.pipelines.ds4_synthetic import grammar
from tasks.pipelines.ds4_synthetic.grammar import Request, normalised
from tasks.pipelines.ds4_synthetic.intents import FAMILIES
from tasks.pipelines.ds4_synthetic.words import DEPLOYMENTS, NAMESPACES, STATEFULSETS
from tasks.tool_use.simulator.cluster import outcome

pytestmark = pytest.mark.unit

REQUESTS = list(grammar.requests(1.0, grammar.SEED))
# Parameters whose words the grammar may choose; all others must stand in the request as they are.
WORDED = {"message", "title", "body", "description", "manifest_content"}


def test_scale_one_has_a_thousand_requests_and_five_hundred_intents() -> None:
    """An intent is a family with all values told; texts are compared in small letters and single blanks."""
    assert 900 <= len(REQUESTS) <= 1300
    assert len({request.intent for request in REQUESTS}) >= 500
    assert len({normalised(request.user) for request in REQUESTS}) == len(REQUESTS)


def test_intents_tell_wishes_apart_not_words() -> None:
    """Requests of one intent have one answer, its wording and its own texts apart."""
    tools = defaultdict(set)
    for request in REQUESTS:
        tools[request.intent].add(tuple(step["tool"] for step in steps_of(request.answer)))
    assert all(len(answers) == 1 for answers in tools.values())
    assert len(tools) < len(REQUESTS)


def test_every_tool_is_asked_for_about_as_often() -> None:
    """No tool has less than one in twenty requests, and none more than one in ten."""
    counts = Counter(request.tool for request in REQUESTS)
    assert set(counts) == {*REGISTRY, "none"}
    assert min(counts.values()) > 0.05 * len(REQUESTS)
    assert max(counts.values()) < 0.10 * len(REQUESTS)


def test_every_request_works_in_the_simulated_cluster() -> None:
    """All of them: the grammar is exact by construction, and this is the proof."""
    failed = []
    for request in REQUESTS:
        told = orjson.loads(request.answer)
        ended = outcome(request.scenario, told["workflow"]["steps"], told.get("message", ""))
        failed += [] if ended.holds else [(request.family, ended.why)]
    assert failed == []


def test_tools_used_are_on_offer_and_allowed_there() -> None:
    """Also where only a choice of tools is offered; some requests have fewer than all."""
    for request in REQUESTS:
        assert {step["tool"] for step in steps_of(request.answer)} <= set(request.tools)
        assert all(request.environment in REGISTRY[name].environments for name in request.tools)
        assert not set(FAMILIES[request.family].withheld) & set(request.tools)
        assert list(request.tools) == [name for name in REGISTRY if name in request.tools]
    assert 0.1 < sum(len(request.tools) < 13 for request in REQUESTS) / len(REQUESTS) < 0.5


def test_an_answer_uses_nothing_that_the_prompt_does_not_tell() -> None:
    """Numbers, names, addresses, queries: each stands in the request, or is the same in the whole family."""
    hidden = []
    constant = _constants(REQUESTS)
    for request in REQUESTS:
        for place, value in _values(request):
            if (request.family, place, str(value)) not in constant and not _told(place, value, request.user):
                hidden.append((request.family, place, value))
    assert hidden == []


def _values(request: Request) -> list[tuple[str, Any]]:
    params = [(step["tool"], step["params"]) for step in steps_of(request.answer)]
    pairs = [(f"{tool}.{name}", value) for tool, given in params for name, value in given.items()]
    return [(place, one) for place, value in pairs for one in (value if isinstance(value, list) else [value])]


def _constants(requests: list[Request]) -> set[tuple[str, str, str]]:
    """(family, parameter, value) where the family never has another value."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for request in requests:
        for place, value in _values(request):
            found[request.family, place].add(str(value))
    return {(*key, next(iter(values))) for key, values in found.items() if len(values) == 1}


def _told(place: str, value: Any, user: str) -> bool:
    if place.split(".")[1] not in WORDED:
        apart = rf"(?<!\d){value}(?!\d)" if isinstance(value, int) else rf"(?<![\w.-]){re.escape(value)}(?![\w-])"
        return re.search(apart, user) is not None
    names = {word for word in re.findall(r"[\w#-]+", str(value)) if _is_name(word)}
    return all(name in user or name.removesuffix("-config") in user for name in names)


def _is_name(word: str) -> bool:
    return word in {*NAMESPACES, *DEPLOYMENTS, *STATEFULSETS} or (bool(re.search(r"\d", word)) and word not in _YAML)


_YAML = {"v1", "v2"}


def test_the_environment_is_told_unless_it_is_production() -> None:
    """Where nothing is said, production is meant; some requests say nothing."""
    silent = [request for request in REQUESTS if request.environment not in request.user]
    assert {request.environment for request in silent} == {"production"}
    assert 30 < len(silent) < 300


def test_more_requests_leave_the_earlier_ones_as_they_are() -> None:
    """Scale only adds."""
    assert {request.user for request in REQUESTS} <= {request.user for request in grammar.requests(1.2, grammar.SEED)}


def test_a_seed_decides_everything() -> None:
    """Same seed, same requests, field by field; another seed, others."""
    assert list(grammar.requests(0.2, grammar.SEED)) == list(grammar.requests(0.2, grammar.SEED))
    assert {r.user for r in grammar.requests(0.2, grammar.SEED)} != {r.user for r in grammar.requests(0.2, seed=1)}


def test_the_smallest_scale_still_has_every_family() -> None:
    """One request of each."""
    assert Counter(request.family for request in grammar.requests(0.0, grammar.SEED)) == dict.fromkeys(FAMILIES, 1)


def test_a_family_that_runs_out_of_texts_gives_those_it_has() -> None:
    """No endless search for a text that does not exist."""
    told = {normalised(request.user) for request in REQUESTS if request.family == "describe"}
    again = list(grammar._of_family("describe", 3, grammar.SEED, texts=_Everything()))
    assert told
    assert again == []


class _Everything(set[str]):
    def __contains__(self, _text: object) -> bool:
        return True


@pytest.mark.slow
def test_few_requests_are_near_duplicates() -> None:
    """Less than one in ten would go when datasets are combined (Jaccard .85 over five words, request and answer)."""
    _, clusters = near_duplicates([f"{request.user}\n{request.answer}" for request in REQUESTS], 0.85)
    assert len(set(clusters.tolist())) > 0.9 * len(REQUESTS)


def test_all_layouts_of_a_context_and_every_phrasing_occur() -> None:
    """Variety that nobody draws is none."""
    shapes = ("\n\nContext: ", "\n\nContext:\n- ", "\n--\n", " | ", "[environment=", "\n(")
    assert all(any(shape in request.user for request in REQUESTS) for shape in shapes)
    for name in FAMILIES:
        assert sum(request.family == name for request in REQUESTS) >= 4


def test_boundaries_are_drilled() -> None:
    """Replicas 0 and 10,000, one line and 100,000, an approval of a day by ten people, no grace at all."""
    given = [(step["tool"], step["params"]) for request in REQUESTS for step in steps_of(request.answer)]
    values = defaultdict(set)
    for tool, params in given:
        for name, value in params.items():
            if isinstance(value, int):
                values[tool, name].add(value)
    for place, limits in {
        ("scale_deployment", "replicas"): {0, 1, 10_000},
        ("fetch_pod_logs", "tail_lines"): {1, 100_000},
        ("fetch_pod_logs", "since_seconds"): {1, 604_800},
        ("slack_approval", "timeout_minutes"): {1, 1_440},
        ("slack_approval", "required_approvers"): {1, 10},
        ("drain_node", "grace_period_seconds"): {0, 86_400},
        ("run_diagnostic_script", "timeout_seconds"): {1, 3_600},
    }.items():
        assert limits <= values[place], place


def test_every_optional_parameter_is_used() -> None:
    """A parameter never seen is never learnt."""
    given = chain.from_iterable(steps_of(request.answer) for request in REQUESTS)
    used = {(step["tool"], name) for step in given for name in step["params"]}
    assert used == {(tool.name, name) for tool in REGISTRY.values() for name in tool.parameters["properties"]}
