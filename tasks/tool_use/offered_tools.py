"""The tools that a system message offers, with their schemas compiled once.

Offers come from other people's data: a schema may be invalid, and a reference in it is never fetched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import jsonschema_rs
import orjson

from schemas.document import Document
from schemas.format_b import OFFER_SCHEMA, SYSTEM_PREFIX
from schemas.tools import ENVIRONMENTS, REGISTRY
from tasks.tool_use.strict_json import Unreadable, read

KEPT_OFFERS = 1_024  # of different system messages; 10 kB each for the platform's fifteen tools
KEPT_SCHEMAS = 1_024  # of different parameters, compiled: 2 to 100 kB each, and as many microseconds to make
Fits: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool on offer. `approvals`: people who must agree to it in production, 0 where it is not destructive."""

    fits: Fits
    approvals: int
    environments: frozenset[str]


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of a system message, or the fault why they cannot be read (format_fault) or used (tools_fault)."""

    tools: Mapping[str, OfferedTool] = field(default_factory=dict)
    format_fault: str = ""
    tools_fault: str = ""


def compiled(schema: Document) -> Fits:
    """Whether a value fits a JSON Schema, as a function (draft 2020-12 where the schema names no other).

    Raises ValueError for an invalid schema, and for a reference outside it: nothing is fetched.
    """
    return jsonschema_rs.validator_for(schema, offline=True).is_valid


_is_offer = compiled(OFFER_SCHEMA)


@lru_cache(maxsize=KEPT_OFFERS)
def offer_of(system: str) -> Offer:
    """The offer in a system message. The same text is read and compiled once."""
    if not system.startswith(SYSTEM_PREFIX):
        return Offer(format_fault="system_is_no_offer")
    try:
        tools = read(system[len(SYSTEM_PREFIX) :])
    except Unreadable as fault:
        return Offer(format_fault=f"offer_{fault.reason}")
    return _compiled_offer(tools) if _is_offer(tools) else Offer(format_fault="offer_schema")


def _compiled_offer(tools: Sequence[Document]) -> Offer:
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        return Offer(tools_fault="tool_offered_twice")
    if any(_altered(tool) for tool in tools):
        return Offer(tools_fault="registry_tool_altered")
    try:
        return Offer({tool["name"]: _compiled_tool(tool) for tool in tools})
    except ValueError:
        return Offer(tools_fault="offer_invalid")


def _compiled_tool(tool: Document) -> OfferedTool:
    destructive = tool.get("effect") == "destructive"
    approvals = max(1, tool.get("approvals", 0)) if destructive else 0
    fits = _compiled_text(orjson.dumps(tool["parameters"]))
    return OfferedTool(fits, approvals, frozenset(tool.get("environments", ENVIRONMENTS)))


@lru_cache(maxsize=KEPT_SCHEMAS)
def _compiled_text(schema: bytes) -> Fits:
    """The check of one schema, compiled once for all offers with the same tool."""
    return compiled(orjson.loads(schema))


def _altered(tool: Document) -> bool:
    """Whether a tool of the platform is offered with other parameters or weaker conditions; its words may differ."""
    own = REGISTRY.get(tool["name"])
    if own is None:
        return False
    return (
        tool["parameters"] != own.parameters
        or tool.get("effect") != own.effect
        or tool.get("approvals", 0) < own.approvals
        or not set(tool.get("environments", ENVIRONMENTS)) <= set(own.environments)
    )
