"""A prompt: what a teacher, and later the model, is given. Made of a request and its `tool_context`. Pure."""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias, cast

import orjson

from schemas import format_b
from schemas.document import Document
from schemas.ds4_synthetic import TEXT_LIMIT
from schemas.tools import ENVIRONMENTS, REGISTRY, Environment, Tool, offered_in
from schemas.workflow import WORKFLOW_SCHEMA
from tasks.pipelines.ds4_synthetic.rules import ANSWER_UNREADABLE
from tasks.tool_use.offered_tools import compiled
from tasks.tool_use.strict_json import Unreadable, read

OfferedTool: TypeAlias = Tool | Document  # a tool of the registry, or one that the context describes
DEFAULT = cast("Environment", format_b.DEFAULT_ENVIRONMENT)

_is_answer = compiled(WORKFLOW_SCHEMA)


class ContextUnreadable(ValueError):
    """A `tool_context` that cannot be used; the message is the reason, a snake_case word."""


@dataclass(frozen=True)
class Context:
    """A `tool_context`, read: environment, tools on offer, and further text for the user message."""

    environment: Environment
    tools: tuple[OfferedTool, ...]
    text: str = ""


def context_of(text: str) -> Context:
    """The context of a prompt.

    "" is production with all its tools; a JSON object may have `environment` and `tools`; a JSON list is the tools. A
    tool is the name of one of the registry, or an object with name, description and parameters. Any other text is
    context in words: it goes to the user message, and the prompt is for production with all its tools.
    Raises ContextUnreadable: tool_context_unreadable, environment_unknown, tool_unknown.
    """
    if text.strip()[:1] not in ("{", "["):
        return Context(DEFAULT, offered_in(DEFAULT), text.strip())
    try:
        value = read(text)
    except Unreadable as fault:
        raise ContextUnreadable("tool_context_unreadable") from fault
    if isinstance(value, list):
        value = {"tools": value}
    environment = value.get("environment", DEFAULT)
    if environment not in ENVIRONMENTS:
        raise ContextUnreadable("environment_unknown")
    rest = {name: further for name, further in value.items() if name not in {"environment", "tools"}}
    further_text = orjson.dumps(rest).decode() if rest else ""
    return Context(environment, _offered_tools(value.get("tools"), environment), further_text)


def _offered_tools(tools: object, environment: Environment) -> tuple[OfferedTool, ...]:
    if tools is None:
        return offered_in(environment)
    if not isinstance(tools, list):
        raise ContextUnreadable("tool_context_unreadable")
    return tuple(_offered_tool(tool) for tool in tools)


def _offered_tool(tool: object) -> OfferedTool:
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
    """System and user message, and the environment they are for."""

    system: str
    user: str
    environment: Environment


def prompt_of(user_intent: str, tool_context: str) -> Prompt:
    """System and user message of a prompt. Raises ContextUnreadable.

    The user's text is data: whatever it says, it goes to the user message and nowhere else.
    """
    context = context_of(tool_context)
    user = f"{user_intent}\n\nContext: {context.text}" if context.text else user_intent
    return Prompt(_system_text(tool_context, context), user, context.environment)


def _system_text(tool_context: str, context: Context) -> str:
    return _known_system(tool_context) if not context.text else format_b.system_message(context.tools)


@cache
def _known_system(tool_context: str) -> str:
    """The system message of a context without further text, cached: most prompts have one of a few."""
    return format_b.system_message(context_of(tool_context).tools)


def fault_of(user_intent: object, tool_context: object) -> str:
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


def fault_of_answer(text: str) -> str:
    """The word answer_unreadable for what is no workflow in JSON; "" otherwise."""
    try:
        return "" if _is_answer(read(text)) else ANSWER_UNREADABLE
    except Unreadable:
        return ANSWER_UNREADABLE
