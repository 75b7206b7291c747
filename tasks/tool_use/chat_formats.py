r"""A conversation in the formats that trainers and servers read, and back: ChatML, Llama 3, OpenAI, Hermes. Pure.

In: the messages of a line in Format B. Out: text, or for OpenAI a mapping. FORMATS has them all, by name.

  chatml   every message as it is, the answer's workflow as JSON. The plainest format, with nothing special to tools.
  llama3   Llama 3.1: calls as JSON after <|python_tag|>, several joined by "; "; results have the role `ipython`.
  openai   `tools` and `tool_calls`, as chat completions take them and fine-tuning does.
  hermes   Hermes and Qwen 2.5: JSON within <tools>, <tool_call> and <tool_response>, inside ChatML.

A workflow's steps become calls of one answer, in their order: step n is the n-th call, and a result's step_id is, for
OpenAI, the tool_call_id "call_<answer>_<step>" (answers counted from 1). These formats mean calls that may run side by
side; ours are steps in order, so a server that runs them has to keep it. An answer's `message` is its text.

The round trip is exact: from_x(to_x(messages)) == messages, for any text in them. All formats but ChatML parse the JSON
and write it again as schemas/workflow.py and schemas/format_b.py do: lines of Track B come back to the letter, and JSON
that was written otherwise comes back with the same value.

Text never becomes a message boundary. Within JSON, the < of a mark (<|...|>, and for Hermes also its six tags) is
written as \u003c, which JSON readers undo. Within plain text, such as a user's, one backslash is added after the < and
the backslashes that follow it, and removed again by the reader: "<|im_end|>" is written "<\|im_end|>".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

import orjson

from schemas.document import Document
from schemas.finding import UserError
from schemas.format_b import SYSTEM_PREFIX, Message, message, system_message
from schemas.workflow import Call, answer, result

Messages: TypeAlias = Sequence[Message]

PERSONA = SYSTEM_PREFIX.removesuffix(" Available Tools: ")
OFFERED = ("name", "description", "parameters")  # of a tool, in all formats; other fields are the platform's

# What follows the < of a mark, as regular expressions.
SPECIAL = r"\|"
TAGGED = r"(?:\||/?(?:tools|tool_call|tool_response)>)"

# Llama 3.1's prompt format, https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
LLAMA_BEGIN = "<|begin_of_text|>"
LLAMA_BLOCK = re.compile(
    r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n(.*?)(?:<\|eot_id\|>|<\|eom_id\|>)", re.DOTALL
)
LLAMA_CALLS = "<|python_tag|>"
LLAMA_JOINED = "; "
LLAMA_TOOLS = (
    f"Environment: ipython\n\n{PERSONA}\n\nYou have access to the functions below. To call one, respond with JSON: "
    '{"name": function name, "parameters": its arguments by name}. Separate several calls by "; ".\n'
)

CHATML_BLOCK = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n", re.DOTALL)
# The words around the tools that Hermes and Qwen 2.5 were trained with (chat template of Qwen2.5-Instruct, Apache-2.0).
HERMES_TOOLS = (
    f"{PERSONA}\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
)
HERMES_CALLING = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)

OPENAI_RULES = f"{PERSONA} Rules for your tools: "  # the API's function objects have no field for rules


Given = TypeVar("Given")
Made = TypeVar("Made")


class ChatError(UserError):
    """A conversation that cannot be written in a format, or text that is not in the expected format."""


def _with_clear_errors(convert: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """The converter with its errors as sentences: a missing key, another type, JSON that cannot be read."""

    @wraps(convert)
    def explained(given: Given) -> Made:
        try:
            return convert(given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ChatError(
                f"{convert.__name__} cannot convert this, {str(given)[:80]!r}...: {error!r}. "
                "Expected a conversation of Format B, or one that this module converted."
            ) from error

    return explained


# --- chatml ----------------------------------------------------------------------------------------------------------


@_with_clear_errors
def to_chatml(messages: Messages) -> str:
    """The messages as they are, between <|im_start|>role and <|im_end|>."""
    return "".join(_chatml_block(turn["role"], _escaped_content(turn, SPECIAL)) for turn in messages)


@_with_clear_errors
def from_chatml(text: str) -> list[dict[str, str]]:
    """The messages of `to_chatml`. Raises ChatError for other text."""
    blocks = _parsed_blocks(text, CHATML_BLOCK, "ChatML")
    return [_message_of(role, content, SPECIAL) for role, content in blocks]


def _chatml_block(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def _escaped_content(turn: Message, marks: str) -> str:
    """A message's content with its marks escaped: as text for a user's message, as JSON for others."""
    return (_escaped if turn["role"] == "user" else _escaped_in_json)(turn["content"], marks)


def _message_of(role: str, content: str, marks: str) -> dict[str, str]:
    """The message with the content that `_escaped_content` wrote."""
    if role not in {"system", "user", "assistant", "tool"}:
        raise ChatError(f"A message has the role {role!r}; system, user, assistant and tool are known.")
    return {"role": role, "content": (_unescaped if role == "user" else _unescaped_in_json)(content, marks)}


# --- llama3 ----------------------------------------------------------------------------------------------------------


@_with_clear_errors
def to_llama3(messages: Messages) -> str:
    """The prompt format of Llama 3.1. An answer that waits for results ends in <|eom_id|>, any other in <|eot_id|>.

    Raises ChatError for messages that are not in Format B.
    """
    first, rest = _tools_and_rest(messages)
    followed = [turn["role"] for turn in rest[1:]] + [""]
    blocks = (_llama3_block(turn, follower) for turn, follower in zip(rest, followed, strict=True))
    return LLAMA_BEGIN + _llama3_text("system", _llama3_system(first)) + "".join(blocks)


@_with_clear_errors
def from_llama3(text: str) -> list[dict[str, str]]:
    """The messages of `to_llama3`. Raises ChatError for other text."""
    if not text.startswith(LLAMA_BEGIN):
        raise ChatError(f"A text in Llama 3's format begins with {LLAMA_BEGIN}; this one with {text[:40]!r}.")
    (role, system), *rest = _parsed_blocks(text.removeprefix(LLAMA_BEGIN), LLAMA_BLOCK, "Llama 3")
    if role != "system":
        raise ChatError(f"The first message has the role {role!r}; it should be the system's.")
    return [message("system", system_message(_llama3_tools(system))), *(_llama3_message(*block) for block in rest)]


def _llama3_text(role: str, content: str, end: str = "<|eot_id|>") -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{content}{end}"


def _llama3_system(tools: list[Document]) -> str:
    return LLAMA_TOOLS + "".join(f"\n{tool}" for tool in _function_lines(tools, SPECIAL)) if tools else PERSONA


def _llama3_tools(content: str) -> list[Document]:
    if content == PERSONA:
        return []
    if not content.startswith(LLAMA_TOOLS):
        raise ChatError(f"The system message does not offer tools as this module writes it: {content[:80]!r}.")
    return [orjson.loads(line)["function"] for line in content.removeprefix(LLAMA_TOOLS).split("\n")[1:]]


def _llama3_block(turn: Message, follower: str) -> str:
    if turn["role"] == "assistant":
        return _llama3_text(
            "assistant", _llama3_answer(*_calls_and_text(turn)), "<|eom_id|>" if follower == "tool" else "<|eot_id|>"
        )
    return _llama3_text("ipython" if turn["role"] == "tool" else turn["role"], _escaped_content(turn, SPECIAL))


def _llama3_answer(calls: list[Call], text: str) -> str:
    objects = LLAMA_JOINED.join(_escaped_json({"name": tool, "parameters": params}, SPECIAL) for tool, params in calls)
    return _escaped(text, SPECIAL) + (LLAMA_CALLS + objects if calls else "")


def _llama3_message(role: str, content: str) -> dict[str, str]:
    if role != "assistant":
        return _message_of("tool" if role == "ipython" else role, content, SPECIAL)
    text, _, called = content.partition(LLAMA_CALLS)
    calls = [_call_of(orjson.loads(text), "parameters") for text in _objects(called)]
    return _answer_message(calls, _unescaped(text, SPECIAL))


def _objects(text: str) -> list[str]:
    """The texts of JSON objects joined by "; ", which their strings may have too."""
    objects, depth, begin = [], 0, 0
    for token in re.finditer(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            objects.append(text[begin : token.end()])
            begin = token.end() + len(LLAMA_JOINED)
    if LLAMA_JOINED.join(objects) != text:
        raise ChatError(f'The calls are not JSON objects joined by "; ": {text[:80]!r}.')
    return objects


# --- openai ----------------------------------------------------------------------------------------------------------


@_with_clear_errors
def to_openai(messages: Messages) -> Document:
    """`messages`, and `tools` where some are offered, as chat completions take them.

    The platform's rules for a tool (effect, approvals, environments) are in the system message. Raises ChatError for
    messages that are not in Format B, and for a result of a step that the answer before it does not have.
    """
    first, rest = _tools_and_rest(messages)
    calls: list[Call] = []  # of the last answer
    answers, turns = 0, []
    for turn in rest:
        if turn["role"] == "assistant":
            answers, (calls, text) = answers + 1, _calls_and_text(turn)
            turns.append(_openai_answer(calls, text, answers))
        else:
            turns.append(_openai_result(turn, calls, answers) if turn["role"] == "tool" else dict(turn))
    tools = [_function_object({name: value for name, value in tool.items() if name in OFFERED}) for tool in first]
    system = {"role": "system", "content": _openai_system(first)}
    return {"messages": [system, *turns], **({"tools": tools} if tools else {})}


@_with_clear_errors
def from_openai(chat: Document) -> list[dict[str, str]]:
    """The messages of `to_openai`. Raises ChatError for other JSON."""
    system, *rest = chat["messages"]
    messages = [message("system", system_message(_openai_tools(system["content"], chat.get("tools", []))))]
    called: dict[str, tuple[int, str]] = {}  # tool_call_id -> step and tool
    for turn in rest:
        if turn["role"] == "tool":
            messages.append(_openai_result_message(turn, called))
        elif turn["role"] == "assistant":
            functions = [call["function"] for call in turn.get("tool_calls", ())]
            ids = (call["id"] for call in turn.get("tool_calls", ()))
            called |= {
                name: (n, call["name"]) for n, (name, call) in enumerate(zip(ids, functions, strict=True), start=1)
            }
            calls = [(call["name"], orjson.loads(call["arguments"])) for call in functions]
            messages.append(_answer_message(calls, turn["content"] or ""))
        else:
            messages.append(message(turn["role"], turn["content"]))
    return messages


def _openai_system(tools: list[Document]) -> str:
    """The persona, and the rules of each tool in the tools' order where there are any."""
    rules = [{"name": tool["name"], **_rules_of(tool)} for tool in tools]
    return OPENAI_RULES + _json_text(rules) if any(map(_rules_of, tools)) else PERSONA


def _rules_of(tool: Document) -> Document:
    return {name: value for name, value in tool.items() if name not in OFFERED}


def _openai_tools(content: str, tools: Sequence[Document]) -> list[Document]:
    if content == PERSONA:
        return [dict(tool["function"]) for tool in tools]
    rules = orjson.loads(content.removeprefix(OPENAI_RULES))
    if len(rules) != len(tools):
        raise ChatError(f"The system message has rules for {len(rules)} tools, and {len(tools)} are offered.")
    return [{**tool["function"], **_rules_of(rule)} for tool, rule in zip(tools, rules, strict=True)]


def _openai_answer(calls: list[Call], text: str, answers: int) -> Document:
    turn: Document = {"role": "assistant", "content": text or None}
    made = [
        {"id": _call_id(answers, step), **_function_object({"name": tool, "arguments": _json_text(params)})}
        for step, (tool, params) in enumerate(calls, start=1)
    ]
    return {**turn, "tool_calls": made} if made else turn


def _call_id(answers: int, step: int) -> str:
    return f"call_{answers}_{step}"


def _openai_result(turn: Message, calls: list[Call], answers: int) -> Document:
    value = orjson.loads(turn["content"])
    step, tool = value["step_id"], value["tool"]
    if not 1 <= step <= len(calls) or calls[step - 1][0] != tool:
        raise ChatError(
            f"A result is of step {step}, {tool}; the answer before it calls "
            f"{', '.join(name for name, _ in calls) or 'nothing'}, so it belongs to no call."
        )
    return {"role": "tool", "tool_call_id": _call_id(answers, step), "content": _json_text(value["result"])}


def _openai_result_message(turn: Document, called: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    return message("tool", result(*called[turn["tool_call_id"]], orjson.loads(turn["content"])))


# --- hermes ----------------------------------------------------------------------------------------------------------


@_with_clear_errors
def to_hermes(messages: Messages) -> str:
    """ChatML with Hermes' tags. As in Qwen's template, results in a row are one message of the user's role.

    Raises ChatError for messages that are not in Format B.
    """
    first, rest = _tools_and_rest(messages)
    blocks = [_chatml_block("system", _hermes_system(first))]
    for role, same in groupby(rest, key=lambda turn: turn["role"]):
        if role == "tool":
            results = (f"<tool_response>\n{_escaped_content(turn, TAGGED)}\n</tool_response>" for turn in same)
            blocks.append(_chatml_block("user", "\n".join(results)))
        else:
            blocks += [_chatml_block(role, _hermes_content(turn)) for turn in same]
    return "".join(blocks)


@_with_clear_errors
def from_hermes(text: str) -> list[dict[str, str]]:
    """The messages of `to_hermes`. Raises ChatError for other text."""
    (role, system), *rest = _parsed_blocks(text, CHATML_BLOCK, "Hermes")
    if role != "system":
        raise ChatError(f"The first message has the role {role!r}; it should be the system's.")
    messages = [message("system", system_message(_hermes_tools(system)))]
    for role, content in rest:
        messages += _hermes_messages(role, content)
    return messages


def _hermes_system(tools: list[Document]) -> str:
    return HERMES_TOOLS + "\n".join(_function_lines(tools, TAGGED)) + HERMES_CALLING if tools else PERSONA


def _hermes_tools(content: str) -> list[Document]:
    if content == PERSONA:
        return []
    if not content.startswith(HERMES_TOOLS) or not content.endswith(HERMES_CALLING):
        raise ChatError(f"The system message does not offer tools as this module writes it: {content[:80]!r}.")
    lines = content.removeprefix(HERMES_TOOLS).removesuffix(HERMES_CALLING).split("\n")
    return [orjson.loads(line)["function"] for line in lines]


def _hermes_content(turn: Message) -> str:
    if turn["role"] != "assistant":
        return _escaped_content(turn, TAGGED)
    calls, text = _calls_and_text(turn)
    objects = (_escaped_json({"name": tool, "arguments": params}, TAGGED) for tool, params in calls)
    parts = [_escaped(text, TAGGED)] if text else []
    return "\n".join([*parts, *(f"<tool_call>\n{call}\n</tool_call>" for call in objects)])


def _hermes_messages(role: str, content: str) -> list[dict[str, str]]:
    if role == "user" and content.startswith("<tool_response>\n"):
        return [_message_of("tool", text, TAGGED) for text in _tagged(content, "tool_response")]
    if role != "assistant":
        return [_message_of(role, content, TAGGED)]
    text, tag, called = content.partition("<tool_call>\n")
    calls = [_call_of(orjson.loads(text), "arguments") for text in _tagged(tag + called, "tool_call")] if tag else []
    return [_answer_message(calls, _unescaped(text.removesuffix("\n") if tag else text, TAGGED))]


def _tagged(text: str, tag: str) -> list[str]:
    """The texts between tags of one kind, one below the other."""
    begin, end = f"<{tag}>\n", f"\n</{tag}>"
    if not text.endswith(end):
        raise ChatError(f"The text after {begin.strip()} does not end in {end.strip()}: {text[-80:]!r}.")
    return text.removeprefix(begin).removesuffix(end).split(f"{end}\n{begin}")


# --- parts of all formats --------------------------------------------------------------------------------------------


def _tools_and_rest(messages: Messages) -> tuple[list[Document], Messages]:
    """The tools on offer, and the messages after the system's."""
    first = messages[0] if messages else {"role": "none", "content": ""}
    if first["role"] != "system" or not first["content"].startswith(SYSTEM_PREFIX):
        raise ChatError(
            f"A conversation begins with a system message {SYSTEM_PREFIX!r}...; this one with the role "
            f"{first['role']!r}: {first['content'][:80]!r}."
        )
    return orjson.loads(first["content"].removeprefix(SYSTEM_PREFIX)), messages[1:]


def _calls_and_text(turn: Message) -> tuple[list[Call], str]:
    """Calls and text of an assistant's message."""
    workflow = orjson.loads(turn["content"])
    steps = workflow["workflow"]["steps"]
    ids = [step["step_id"] for step in steps]
    if ids != list(range(1, len(ids) + 1)):
        raise ChatError(f"The steps of an answer are numbered {ids}; calls have no numbers, so 1, 2, ... is expected.")
    return [(step["tool"], step["params"]) for step in steps], workflow.get("message", "")


def _answer_message(calls: Sequence[Call], text: str) -> dict[str, str]:
    return message("assistant", answer(calls, text))


def _call_of(function: Document, arguments: str) -> Call:
    return function["name"], function[arguments]


def _function_object(function: Document) -> Document:
    return {"type": "function", "function": function}


def _function_lines(tools: list[Document], marks: str) -> Iterator[str]:
    return (_escaped_json(_function_object(tool), marks) for tool in tools)


def _parsed_blocks(text: str, block: re.Pattern[str], name: str) -> list[tuple[str, str]]:
    """(role, content) of every block of a text with nothing between its blocks."""
    blocks, at = [], 0
    while match := block.match(text, at):
        blocks.append((match[1], match[2]))
        at = match.end()
    if at < len(text) or not blocks:
        raise ChatError(f"The text is not in the format {name} from character {at} on: {text[at : at + 80]!r}.")
    return blocks


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def _escaped_json(value: object, marks: str) -> str:
    return _escaped_in_json(_json_text(value), marks)


def _escaped(text: str, marks: str) -> str:
    return re.sub(rf"<(\\*)(?={marks})", r"<\1\\", text)


def _unescaped(text: str, marks: str) -> str:
    return re.sub(rf"<(\\*)\\(?={marks})", r"<\1", text)


def _escaped_in_json(text: str, marks: str) -> str:
    return re.sub(rf"<(?={marks})", r"\\u003c", text)


def _unescaped_in_json(text: str, marks: str) -> str:
    r"""Subtle: \\u003c, a backslash and then letters, is no escape and does not change."""
    if "\\u003c" not in text:  # nearly always; the pattern below is tried at every character
        return text
    return re.sub(rf"((?<!\\)(?:\\\\)*)\\u003c(?={marks})", r"\1<", text)


class Format(NamedTuple):
    """A format's writer, and the reader of what it writes."""

    write: Callable[[Messages], Any]
    read: Callable[[Any], list[dict[str, str]]]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "chatml": Format(to_chatml, from_chatml),
        "llama3": Format(to_llama3, from_llama3),
        "openai": Format(to_openai, from_openai),
        "hermes": Format(to_hermes, from_hermes),
    }
)
