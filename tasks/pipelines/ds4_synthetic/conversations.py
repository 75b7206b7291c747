"""Synthetic scenarios into conversations. Pure: tables in, tables out.

    export of the prompt store --conversations--> conversations (Format B)

A row of the export is a prompt with its answer, a prompt without one, or a raw row that is no prompt. Each becomes one
conversation or one reject.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import orjson
import pandas as pd
import pyarrow as pa

from schemas import format_b
from schemas.ds4_synthetic import DROPPED, EXTRA, LICENCE, STEM, TEXT_LIMIT
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT
from schemas.tools import ENVIRONMENTS, REGISTRY, Environment, Tool, offered_in
from schemas.workflow import WORKFLOW_SCHEMA, steps_of
from tasks.tool_use.offered_tools import compiled
from tasks.tool_use.strict_json import Unreadable, read

Offer = Tool | Mapping[str, Any]
DEFAULT = cast("Environment", format_b.DEFAULT_ENVIRONMENT)

_is_answer = compiled(WORKFLOW_SCHEMA)


class ContextUnreadable(ValueError):
    """A `tool_context` that offers nothing that can be offered; the message is a snake_case word."""


@dataclass(frozen=True)
class Context:
    """What `tool_context` says: where, with which tools; `told` is text that goes to the user message."""

    environment: Environment
    tools: tuple[Offer, ...]
    told: str = ""


def context_of(text: str) -> Context:
    """The context of a prompt.

    "" is production with all its tools; a JSON object may have `environment` and `tools`; a JSON list is the tools. A
    tool is the name of one of the registry, or an object with name, description and parameters. Any other text is
    context in words: it is told to the model, and production with all its tools is meant.
    Raises ContextUnreadable: tool_context_unreadable, environment_unknown, tool_unknown.
    """
    if text.strip()[:1] not in ("{", "["):
        return Context(DEFAULT, offered_in(DEFAULT), text.strip())
    try:
        found = read(text)
    except Unreadable as fault:
        raise ContextUnreadable("tool_context_unreadable") from fault
    if isinstance(found, list):
        found = {"tools": found}
    environment = found.get("environment", DEFAULT)
    if environment not in ENVIRONMENTS:
        raise ContextUnreadable("environment_unknown")
    rest = {name: value for name, value in found.items() if name not in {"environment", "tools"}}
    told = orjson.dumps(rest).decode() if rest else ""
    return Context(environment, _offers(found.get("tools"), environment), told)


def _offers(tools: Any, environment: Environment) -> tuple[Offer, ...]:
    if tools is None:
        return offered_in(environment)
    if not isinstance(tools, list):
        raise ContextUnreadable("tool_context_unreadable")
    return tuple(_offered(tool) for tool in tools)


def _offered(tool: Any) -> Offer:
    """A tool by name, or described; one described under a name of the registry is the registry's."""
    name = tool.get("name") if isinstance(tool, dict) else tool
    if isinstance(name, str) and name in REGISTRY:
        return REGISTRY[name]
    known = format_b.OFFER_SCHEMA["items"]["properties"]
    if isinstance(tool, dict) and {"name", "description", "parameters"} <= set(tool) <= set(known):
        return tool
    raise ContextUnreadable("tool_unknown")


@dataclass(frozen=True)
class Prompt:
    """What a teacher, and later the model, is shown."""

    system: str
    user: str
    environment: Environment


def prompt_of(user_intent: str, tool_context: str) -> Prompt:
    """System and user message of a prompt. Raises ContextUnreadable.

    The user's text is data: whatever it says, it stands in the user message and nowhere else.
    """
    context = context_of(tool_context)
    user = f"{user_intent}\n\nContext: {context.told}" if context.told else user_intent
    return Prompt(_system(tool_context, context), user, context.environment)


def _system(tool_context: str, context: Context) -> str:
    return _known_system(tool_context) if not context.told else format_b.system_message(context.tools)


@cache
def _known_system(tool_context: str) -> str:
    """The same few offers stand before most prompts, and take 100 microseconds each to write."""
    return format_b.system_message(context_of(tool_context).tools)


def fault_of(user_intent: Any, tool_context: Any) -> str:
    """Why the two fields of a raw row make no prompt, as a snake_case word; "" if they do."""
    if not isinstance(user_intent, str) or not user_intent.strip():
        return "user_intent_missing"
    if not isinstance(tool_context, str):
        return "tool_context_unreadable"
    if max(len(user_intent), len(tool_context)) > TEXT_LIMIT:
        return "text_too_long"
    if "\0" in user_intent + tool_context:
        return "nul_bytes"
    try:
        context_of(tool_context)
    except ContextUnreadable as fault:
        return str(fault)
    return ""


# ---------------------------------------------------------------------------------------------------------------------


def conversations(batch: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) of rows of the export (columns RAW).

    A raw row that is no prompt is dropped or quarantined for its fault; a prompt without an answer is dropped as
    not_answered: it waits in the store.
    """
    kept: list[dict[str, Any]] = []
    left: list[tuple[str, ...]] = []
    for row in _records(batch):
        fault = row["fault"] or _fault_of_prompt(row)
        if fault:
            left.append(_reject(row, fault))
        else:
            kept.append(_conversation(row))
    return format_b.table(kept, EXTRA), _rejects(left)


def _records(batch: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing."""
    names = [str(name) for name in batch.columns]
    columns = (pa.array(batch[name]).to_pylist() for name in names)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _fault_of_prompt(row: Mapping[str, Any]) -> str:
    if fault := fault_of(row["user_intent"], row["tool_context"]):
        return fault
    return "not_answered" if row["answer"] is None else fault_of_answer(row["answer"])


def fault_of_answer(text: str) -> str:
    """The word answer_unreadable for what is no workflow in JSON; "" otherwise."""
    try:
        return "" if _is_answer(read(text)) else "answer_unreadable"
    except Unreadable:
        return "answer_unreadable"


def _conversation(row: Mapping[str, Any]) -> dict[str, Any]:
    prompt, answer = prompt_of(row["user_intent"], row["tool_context"]), row["answer"]
    called = [step["tool"] for step in steps_of(answer)]
    messages = [
        format_b.message("system", prompt.system),
        format_b.message("user", prompt.user),
        format_b.message("assistant", answer),
    ]
    return {
        "id": f"{STEM}:{row['id']}",
        "source": STEM,
        "group": row["family"] or row["id"],
        "messages": format_b.messages_json(messages),
        "licence": LICENCE,
        "attribution": "",
        "environment": prompt.environment,
        "weight": 1.0,
        "rationale": "",
        "scenario": row["scenario"] or "",
        "rows": 1,
        "tool": row["tool"] or next(iter(called), "none"),
        "complexity": "none" if not called else "single" if len(called) == 1 else "multi",
        "outcome": bool(called),
        "intent": row["intent"] or row["id"],
        "teacher": row["teacher"],
    }


def _reject(row: Mapping[str, Any], fault: str) -> tuple[str, ...]:
    """Of a prompt that stands in no raw file of this run, the place is that in the export."""
    outcome = "dropped" if fault in DROPPED else "quarantined"
    place = (row["origin"], int(row["number"])) if row["origin"] else (row["file"], row["line"])
    text = row["row"] or row["user_intent"] or ""
    return (outcome, fault, *place, text[:ROW_TEXT_LIMIT])


def _rejects(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(REJECT_COLUMNS)
    series = {
        name: pd.Series(list(column), dtype=pd.ArrowDtype(pa.int64() if name == "line" else pa.string()))
        for name, column in zip(REJECT_COLUMNS, columns, strict=True)
    }
    return pd.DataFrame(series)


def schema_stats(table: pd.DataFrame) -> dict[str, Any]:
    """Counts for schema_stats.json: conversations, intents, tools, shapes of answers.

    An intent is one wish: a family and all the values told in the request, whatever the words.
    """
    answers = [orjson.loads(text)[-1]["content"] for text in table["messages"]]
    users = [orjson.loads(text)[1]["content"] for text in table["messages"]]
    steps = [steps_of(answer) for answer in answers]
    return {
        "total_conversations": len(table),
        "distinct_intents": table["intent"].nunique(),
        "distinct_texts": len({" ".join(text.casefold().split()) for text in users}),
        "intent_families": table["group"].nunique(),
        "teachers": _counts(table["teacher"]),
        "environments": _counts(table["environment"]),
        "tools_asked_for": _counts(table["tool"]),
        "tools_called": dict(sorted(Counter(step["tool"] for called in steps for step in called).items())),
        "complexity": _counts(table["complexity"]),
        "steps": dict(sorted(Counter(map(len, steps)).items())),
        "messages_without_steps": sum(not called for called in steps),
        "characters_of_requests": _lengths(users),
    }


def _counts(column: pd.Series) -> dict[str, int]:
    return dict(sorted(Counter(column.tolist()).items()))


def _lengths(texts: Sequence[str]) -> dict[str, float]:
    lengths = [len(text) for text in texts] or [0]
    return {"min": min(lengths), "max": max(lengths), "mean": round(sum(lengths) / len(lengths), 1)}
