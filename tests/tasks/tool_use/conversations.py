"""Conversations in Format B for tests: only what a test is about is said."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pandas as pd

from schemas.format_b import COLUMNS, messages_json, system_message, table
from schemas.scenario import Scenario
from schemas.tools import REGISTRY, Environment, Tool, offered_in
from schemas.workflow import Call, answer

NODE_STATUS: Call = ("get_node_status", {"node": "n1"})
APPROVE: Call = ("slack_approval", {"channel": "#ops", "message": "May I?"})
DRAIN: Call = ("drain_node", {"node": "n1"})
Messages = list[dict[str, str]]


def offer_text(*names: str, environment: Environment = "production", tools: Sequence[Any] = ()) -> str:
    """The system message that offers these tools of the registry, or all of an environment, or any others."""
    named: Sequence[Tool | Mapping[str, Any]] = tools or [REGISTRY[name] for name in names] or offered_in(environment)
    return system_message(named)


def said(*turns: str, offer: str = "") -> Messages:
    """A system message, then turns as "role: content"; a turn without a role is a user's."""
    split = [turn.split(": ", 1) if turn.startswith(ROLES) else ("user", turn) for turn in turns]
    told = [{"role": role, "content": content} for role, content in split]
    return [{"role": "system", "content": offer or offer_text()}, *told]


ROLES = ("user: ", "assistant: ", "tool: ", "system: ")


def asked(calls: Sequence[Call] = (), message: str = "", **told: Any) -> Messages:
    """The shortest conversation: an offer, a request, and an answer with these calls."""
    return said("Please help.", f"assistant: {answer(calls, message)}", **told)


def row(messages: Any, **told: Any) -> dict[str, Any]:
    """One row of a table; `scenario` may be a Scenario, `messages` JSON text or messages."""
    scenario = told.pop("scenario", "")
    return {
        "id": "test:1",
        "source": "test",
        "group": "g1",
        "messages": messages if isinstance(messages, str | None) else messages_json(messages),
        "licence": "MIT",
        "attribution": "",
        "environment": "production",
        "weight": 1.0,
        "rationale": "",
        "scenario": scenario.model_dump_json() if isinstance(scenario, Scenario) else scenario,
        "rows": 1,
        **told,
    }


def conversations(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """A table of `row(...)`s, the ids numbered."""
    return table([{**row, "id": f"test:{number}"} for number, row in enumerate(rows)])


def published(messages: Messages, **metadata: Any) -> bytes:
    """A line as it is published, written without our own code."""
    told = {
        "id": "test:1",
        "source": "test",
        "group": "g1",
        "licence": "MIT",
        "attribution": "",
        "split": "train",
        "verified": ["format", "tools"],
        "environment": "production",
        "weight": 1.0,
        "rationale": "",
        "mode": "local",
        **metadata,
    }
    return orjson.dumps({"messages": messages, "metadata": told})


def split(kept: pd.DataFrame, name: str = "train") -> pd.DataFrame:
    """A verified table with the column `split`."""
    return kept.assign(split=pd.Series([name] * len(kept), dtype=COLUMNS["id"], index=kept.index))
