"""Tables in Format B for tests: only what a test is about is said."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schemas import format_b
from schemas.format_b import message, messages_json, system_message
from schemas.tools import REGISTRY
from schemas.workflow import answer

SYSTEM = system_message(REGISTRY.values())
CALLS = (("get_node_status", {"node": "n1"}),)


def words(begin: int, end: int) -> str:
    """The words w<begin> ... w<end - 1>: texts whose Jaccard can be counted on one's fingers."""
    return " ".join(f"w{n}" for n in range(begin, end))


def talk(user: str, calls: Sequence[tuple[str, Mapping[str, Any]]] = CALLS, text: str = "") -> str:
    """The `messages` of one request and its answer."""
    return messages_json([message("system", SYSTEM), message("user", user), message("assistant", answer(calls, text))])


def row(**told: Any) -> dict[str, Any]:
    """One conversation. `user` and `calls` are what was asked and called; a group of its own where none is told."""
    given: dict[str, Any] = {"id": "x:1", "source": "x", "licence": "MIT", "attribution": "", **told}
    user, calls = given.pop("user", given["id"]), given.pop("calls", CALLS)
    defaults = {
        "group": given["id"],
        "messages": talk(user, calls),
        "environment": "production",
        "weight": 1.0,
        "rationale": "",
        "scenario": "",
        "rows": 1,
        "verified": ["format", "tools"],
    }
    return {**defaults, **given}


def conversations(*rows: Mapping[str, Any], **slices: Sequence[str]) -> pd.DataFrame:
    """A verified table of `row(...)`s, then slice columns."""
    made = [row(**told) for told in rows]
    table = format_b.table(made, {"verified": format_b.VERIFIED})
    return table.assign(**{name: list(values) for name, values in slices.items()})
