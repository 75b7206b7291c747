"""Format B, the instruction data of Track B: as lines of JSON for a trainer, as a table inside the pipeline.

A line: {"messages": [system, user, assistant, ...], "metadata": {...}}. The system message offers the tools, every
assistant message is a workflow (schemas/workflow.py), results are messages of role `tool`, the last message is the
assistant's. Every message has exactly `role` and `content`, and every line the same metadata, so that a loader that
infers types from the first lines (datasets, pandas, polars) reads all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict, get_args

import orjson
import pandas as pd
import pyarrow as arrow

from schemas.document import Document
from schemas.snapshot import Mode
from schemas.tools import ENVIRONMENTS, Tool

Role = Literal["system", "user", "assistant", "tool"]
Stage = Literal["format", "tools", "execution"]
STAGES: tuple[Stage, ...] = ("format", "tools", "execution")
SPLITS = ("train", "validation", "test")

SYSTEM_PREFIX = "You are AutoMend. Available Tools: "
DEFAULT_ENVIRONMENT = "production"  # where a request names none: the one with the strictest rules

# Columns of the table. Slice columns of a dataset follow them.
COLUMNS: dict[str, pd.ArrowDtype] = {
    "id": pd.ArrowDtype(arrow.string()),  # "<stem>:<what the source calls it, or a hash of the content>"
    "source": pd.ArrowDtype(arrow.string()),  # the dataset's stem
    "group": pd.ArrowDtype(arrow.string()),  # question, intent family, function or repository: never in two splits
    "messages": pd.ArrowDtype(arrow.string()),  # JSON text of the list of messages
    "licence": pd.ArrowDtype(arrow.string()),  # SPDX id
    "attribution": pd.ArrowDtype(arrow.string()),  # author and link, as the licence asks; "" where it asks for none
    "environment": pd.ArrowDtype(arrow.string()),
    "weight": pd.ArrowDtype(arrow.float64()),
    "rationale": pd.ArrowDtype(arrow.string()),  # text behind the answer that is not part of it; "" for none
    "scenario": pd.ArrowDtype(arrow.string()),  # JSON of schemas/scenario.py; "" where no post-condition is known
    "rows": pd.ArrowDtype(arrow.int32()),  # rows of the raw files it was made of
}


class Row(TypedDict):
    """A row of COLUMNS. A dataset extends it by its slice columns."""

    id: str
    source: str
    group: str
    messages: str
    licence: str
    attribution: str
    environment: str
    weight: float
    rationale: str
    scenario: str
    rows: int


Message: TypeAlias = Mapping[str, str]  # role, content
VERIFIED = pd.ArrowDtype(arrow.list_(arrow.string()))  # stages passed, of a table that was verified
METADATA = (
    "id",
    "source",
    "group",
    "licence",
    "attribution",
    "split",
    "verified",
    "environment",
    "weight",
    "rationale",
    "mode",
)

OFFER_SCHEMA: Document = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "description": {"type": "string"},
            "parameters": {"type": "object"},
            "effect": {"enum": ["read", "write", "destructive"]},
            "approvals": {"type": "integer", "minimum": 0},
            "environments": {"type": "array", "items": {"enum": list(ENVIRONMENTS)}},
        },
        "required": ["name", "description", "parameters"],
        "additionalProperties": False,
    },
}
MESSAGE_SCHEMA: Document = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "user", "assistant", "tool"]},
        "content": {"type": "string", "minLength": 1},
    },
    "required": ["role", "content"],
    "additionalProperties": False,
}


def _message_from(role: Role) -> Document:
    return {**MESSAGE_SCHEMA, "properties": {**MESSAGE_SCHEMA["properties"], "role": {"const": role}}}


MESSAGES_SCHEMA: Document = {
    "type": "array",
    "minItems": 3,
    # `items` is only for those after the prefix (draft 2020-12), so the first two have a whole schema each.
    "prefixItems": [_message_from("system"), _message_from("user")],
    "items": MESSAGE_SCHEMA,
}
METADATA_SCHEMA: Document = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in ("id", "source", "group", "licence")},
        **{name: {"type": "string"} for name in ("attribution", "rationale")},
        "split": {"enum": list(SPLITS)},
        "verified": {"type": "array", "items": {"enum": list(STAGES)}, "uniqueItems": True},
        "environment": {"enum": list(ENVIRONMENTS)},
        "weight": {"type": "number", "minimum": 0},
        "mode": {"enum": list(get_args(Mode))},
    },
    "required": list(METADATA),
    "additionalProperties": False,
}
LINE_SCHEMA: Document = {
    "type": "object",
    "properties": {"messages": MESSAGES_SCHEMA, "metadata": METADATA_SCHEMA},
    "required": ["messages", "metadata"],
    "additionalProperties": False,
}


def system_message(tools: Iterable[Tool | Mapping[str, object]]) -> str:
    """The system message that offers `tools`; the same tools give the same text."""
    offers = [tool.offer() if isinstance(tool, Tool) else dict(tool) for tool in tools]
    return SYSTEM_PREFIX + orjson.dumps(offers).decode()


def message(role: Role, content: str) -> dict[str, str]:
    """One message."""
    return {"role": role, "content": content}


def messages_json(messages: Sequence[Message]) -> str:
    """The `messages` column of a table."""
    return orjson.dumps(list(messages)).decode()


def table(rows: Sequence[Mapping[str, object]], extra: Mapping[str, pd.ArrowDtype] | None = None) -> pd.DataFrame:
    """A table of Format B from rows that have every column of COLUMNS, and of `extra` (slice columns and their types).

    No rows give an empty table with the same columns.
    """
    types = {**COLUMNS, **(extra or {})}
    columns = {name: arrow.array([row[name] for row in rows], dtype.pyarrow_dtype) for name, dtype in types.items()}
    return arrow.table(columns).to_pandas(types_mapper=pd.ArrowDtype)
