"""Intent families: each plan, in each environment it is for, works in the simulated cluster and is what is allowed."""

import random
from dataclasses import replace

import pytest

from schemas.scenario import Scenario, Untouched
from schemas.tools import APPROVAL, REGISTRY
from tasks.pipelines.ds4_synthetic.acts import Act, Family, Plan, cordon, drain, rollback
from tasks.pipelines.ds4_synthetic.intents import FAMILIES
from tasks.pipelines.ds4_synthetic.scenario_generator import cluster, scene
from tasks.pipelines.ds4_synthetic.words import FACTS, PHRASINGS
from tasks.tool_use.simulator.cluster import outcome

pytestmark = pytest.mark.unit


def plans(name: str, count: int = 5) -> list[tuple[Family, Scenario, Plan]]:
    """Plans of a family in scenes of its own, with the scenario each is for."""
    family, made = FAMILIES[name], []
    for number in range(count):
        environment = family.environments[number % len(family.environments)]
        drawn = family.adjust(scene(random.Random(f"{name} {number}"), environment))
        plan = family.plan(drawn)
        goal = tuple(act.goal for act in plan.acts if act.goal) or (Untouched(asks=plan.asks),)
        before = cluster(drawn).model_copy(update={"approvers": plan.approvers})
        made.append((family, Scenario(before=before, goal=goal), plan))
    return made


def steps(acts: tuple[Act, ...]) -> list[dict]:
    return [{"tool": act.tool, "params": dict(act.params)} for act in acts]


def test_every_family_is_phrased_and_every_phrasing_has_a_family() -> None:
    """The two files name the same families, at least forty of them, so that splits by family are possible."""
    assert set(FAMILIES) == set(PHRASINGS)
    assert len(FAMILIES) >= 40


def test_every_tool_is_asked_for_and_used() -> None:
    """All fifteen."""
    used = {act.tool for name in FAMILIES for _, _, plan in plans(name, 1) for act in plan.acts}
    assert used == set(REGISTRY) == {family.tool for family in FAMILIES.values()} - {"none"}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_plan_works_and_does_nothing_else(name: str) -> None:
    """The cluster runs every step, the goal holds, and nothing beyond it happened."""
    for _, scenario, plan in plans(name):
        ended = outcome(scenario, steps(plan.acts), plan.message)
        assert ended.holds, ended.why


@pytest.mark.parametrize("name", [name for name in FAMILIES if len(plans(name, 1)[0][2].acts) > 0])
def test_no_step_of_a_plan_is_idle(name: str) -> None:
    """Without any one of its steps the goal is missed or the cluster refuses; a cordon before a drain apart."""
    for _, scenario, plan in plans(name, 2):
        for position, act in enumerate(plan.acts):
            rest = plan.acts[:position] + plan.acts[position + 1 :]
            assert act.goal is None or not outcome(scenario, steps(rest), plan.message).holds


def test_facts_have_a_name_in_the_context() -> None:
    """What a phrasing leaves out can be told."""
    assert {fact for family in FAMILIES.values() for fact in family.facts.split()} <= set(FACTS)


def test_what_destroys_in_production_is_approved_first() -> None:
    """By as many people as the request asks for, in every family."""
    for name in FAMILIES:
        for _, scenario, plan in plans(name, 3):
            tools = [act.tool for act in plan.acts]
            destructive = [n for n, tool in enumerate(tools) if REGISTRY[tool].effect == "destructive"]
            if destructive and scenario.before.environment == "production":
                assert APPROVAL in tools[: destructive[0]]


def test_a_plan_without_steps_says_why_and_asks_where_it_asks() -> None:
    """A refusal has a message; a question back has a question mark."""
    silent = {name: plan for name in FAMILIES for _, _, plan in plans(name) if not plan.acts}
    assert len(silent) > 20
    assert all(plan.message and ("?" in plan.message or not plan.asks) for plan in silent.values())


def test_a_rollback_without_a_revision_is_to_the_one_before() -> None:
    """The goal knows the number that the call leaves out."""
    drawn = scene(random.Random(1), "staging")
    act = rollback(drawn)
    assert "revision" not in act.params
    assert act.goal.revision == drawn.latest - 1


def test_the_goal_of_a_drain_is_not_met_by_a_cordon() -> None:
    """Acts and goals are written apart; a wrong call does not bring its goal along."""
    drawn = replace(scene(random.Random(1), "staging"))
    scenario = Scenario(before=cluster(drawn), goal=(drain(drawn).goal,))
    assert not outcome(scenario, steps((cordon(drawn),))).holds
