"""What an assistant answers: a workflow of tool calls as one JSON text, the same for every dataset of Track B.

`{"workflow": {"steps": [{"step_id": 1, "tool": "...", "params": {...}}]}, "message": "..."}`; `message` is optional,
an answer without steps (a refusal, a question back, plain talk) has a message.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import orjson

from schemas.document import Document

STEP_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "step_id": {"type": "integer", "minimum": 1},
        "tool": {"type": "string", "minLength": 1},
        "params": {"type": "object"},
    },
    "required": ["step_id", "tool", "params"],
    "additionalProperties": False,
}
WORKFLOW_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "workflow": {
            "type": "object",
            "properties": {"steps": {"type": "array", "items": STEP_SCHEMA}},
            "required": ["steps"],
            "additionalProperties": False,
        },
        "message": {"type": "string", "minLength": 1},
    },
    "required": ["workflow"],
    "additionalProperties": False,
    "anyOf": [
        {"required": ["message"]},
        {"properties": {"workflow": {"properties": {"steps": {"minItems": 1}}}}},
    ],
}

# Content of a message of role `tool`, which `result` writes; the value under "result" may be anything.
RESULT_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "step_id": {"type": "integer", "minimum": 1},
        "tool": {"type": "string", "minLength": 1},
        "result": {},
    },
    "required": ["step_id", "tool", "result"],
    "additionalProperties": False,
}

Params: TypeAlias = Mapping[str, Any]  # the arguments of a tool, by name: any JSON
Call: TypeAlias = tuple[str, Params]  # (tool, params)


class Step(TypedDict):
    """A step of a workflow that passed the format check."""

    step_id: int
    tool: str
    params: Document


def answer(calls: Sequence[Call] = (), message: str = "") -> str:
    """The assistant's message: `calls` numbered from 1, and `message` where there is one.

    answer([("get_node_status", {"node": "n1"})]) is
    '{"workflow":{"steps":[{"step_id":1,"tool":"get_node_status","params":{"node":"n1"}}]}}'.
    Raises ValueError where there is neither a call nor a message.
    """
    if not calls and not message:
        raise ValueError("An answer needs a step or a message; this one has neither.")
    steps = [{"step_id": n, "tool": tool, "params": dict(params)} for n, (tool, params) in enumerate(calls, start=1)]
    text = {"message": message} if message else {}
    return orjson.dumps({"workflow": {"steps": steps}, **text}).decode()


def steps_of(content: str) -> list[Step]:
    """The steps of an answer that passed the format check."""
    return orjson.loads(content)["workflow"]["steps"]


def result(step_id: int, tool: str, value: object) -> str:
    """Content of a message of role `tool`: what the call of that step of the last answer returned."""
    return orjson.dumps({"step_id": step_id, "tool": tool, "result": value}).decode()
