"""A small deterministic cluster: it runs a workflow step by step and decides whether the request was met.

It refuses what a real cluster would; the first refusal ends the run, as it would end a real workflow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from schemas.scenario import ClusterState, Scenario
from schemas.tools import APPROVAL, REGISTRY, Tool
from tasks.tool_use.simulator.actions import ACTIONS
from tasks.tool_use.simulator.goals import beyond, unmet
from tasks.tool_use.simulator.trace import Call, Deed, Refused, Run

ERROR_LIMIT = 200  # characters of a schema's error: it quotes the value, which may be a whole manifest
_schemas = {name: jsonschema_rs.validator_for(tool.parameters, offline=True) for name, tool in REGISTRY.items()}


@dataclass(frozen=True)
class Outcome:
    """Whether the post-condition is met; else why, and the fault: step_refused, goal_not_met or beyond_goal."""

    holds: bool
    why: str
    fault: str = ""


def outcome(scenario: Scenario, steps: Sequence[Mapping[str, Any]], message: str = "") -> Outcome:
    """The outcome of a workflow's steps in a scenario; `message` is the text of the answer."""
    ended = run(scenario.before, steps)
    if ended.refusal:
        return Outcome(holds=False, why=ended.refusal, fault="step_refused")
    if why := unmet(scenario.goal, ended, message):
        return Outcome(holds=False, why=why, fault="goal_not_met")
    if scenario.exact and (why := beyond(scenario.goal, ended)):
        return Outcome(holds=False, why=why, fault="beyond_goal")
    return Outcome(holds=True, why="")


def run(state: ClusterState, steps: Sequence[Mapping[str, Any]]) -> Run:
    """The trace of a workflow: {"tool", "params"} of each step in turn (other keys are not looked at)."""
    calls: list[Call] = []
    deeds: list[Deed] = []
    agreed = 0  # people who approved so far
    for step in steps:
        tool, params = step.get("tool"), step.get("params")
        try:
            known = _known_tool(tool, params)
            _require_permission(known, state, agreed)
            state, changes = ACTIONS[known.name](state, params or {})
        except Refused as refusal:
            return Run(state, tuple(calls), tuple(deeds), f"Step {len(calls) + 1} ({tool}) is refused: {refusal}.")
        deeds += [Deed(len(calls), change) for change in changes]
        calls.append(Call(known.name, params or {}))
        if known.name == APPROVAL and state.approves:
            agreed = max(agreed, int((params or {}).get("required_approvers", 1)))
    return Run(state, tuple(calls), tuple(deeds))


def _known_tool(tool: Any, params: Any) -> Tool:
    """The tool of that name, if the parameters fit it."""
    known = REGISTRY.get(tool) if isinstance(tool, str) else None
    if known is None:
        raise Refused("there is no such tool")
    try:
        _schemas[known.name].validate(params)
    except jsonschema_rs.ValidationError as fault:
        place = "/".join(map(str, fault.instance_path))
        raise Refused(f"its parameters do not fit: {place} {fault.message[:ERROR_LIMIT]}") from fault
    except (ValueError, TypeError) as fault:
        raise Refused("its parameters are not JSON") from fault
    return known


def _require_permission(tool: Tool, state: ClusterState, agreed: int) -> None:
    if state.environment not in tool.environments:
        raise Refused(f"it may not be used in {state.environment}")
    if tool.effect != "destructive" or state.environment != "production":
        return
    needed = max(tool.approvals, state.approvers)
    if agreed < needed:
        answer = "they were asked and refused" if not state.approves else f"{agreed} agreed"
        raise Refused(f"it is destructive, and in production {needed} must approve it first; {answer}")
