"""The turns of a chat, in the order in which a conversation has them. Pure.

A conversation ends with an assistant's turn: it is kept up to the last turn that is in order. What was repaired or cut
is added to `repairs` (rules.TURN_REPAIRS).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from schemas.document import Document
from schemas.ds5_glaive import CALL, END, LABELS
from tasks.pipelines.ds5_glaive.loose_json import Unreadable, portable, read, read_at

_LABEL = "|".join(sorted(LABELS, key=len, reverse=True))
# A label begins a turn at the start of a paragraph. Only where a chat has no such turns, at the start of any line.
_PARAGRAPHS = re.compile(rf"(?:\A|\n[ \t\r]*\n)\s*({_LABEL}):")
_LINES = re.compile(rf"(?:\A|\n)[ \t]*({_LABEL}):")
_CLOSED = re.compile(r"\s*</functioncall>")

Call = tuple[str, Document]  # (name, arguments)


class Rejected(ValueError):
    """A row that becomes no conversation; the message is the name of a reason (rules.REASONS)."""


@dataclass
class Turn:
    """A turn of a chat. The assistant's has text, calls, or both; a function's has `response`, any JSON value."""

    role: str
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    response: Any = None


def ordered_turns(chat: str, repairs: set[str]) -> list[Turn]:
    """The turns of a chat from the first user turn to the last assistant turn that is in order. Raises Rejected."""
    return _longest_valid_start(_merged_turns(turns(chat, repairs), repairs), repairs)


# ---------------------------------------------------------------------------------------------------------------------
# Reading turns


def turns(chat: str, repairs: set[str]) -> list[Turn]:
    """The turns of a chat that are not empty. Raises Rejected for text before the first label and for bad calls."""
    if not chat.replace(END, "").strip():
        raise Rejected("empty_chat")
    marks = list(_PARAGRAPHS.finditer(chat))
    if len(marks) < 2:
        marks = list(_LINES.finditer(chat))
    if not marks or chat[: marks[0].start()].strip():
        raise Rejected("no_label_at_start")
    ends = [*(mark.start() for mark in marks[1:]), len(chat)]
    every = [_labelled_turn(mark[1], chat[mark.end() : end], repairs) for mark, end in zip(marks, ends, strict=True)]
    filled = [turn for turn in every if turn.text or turn.calls or turn.role == "tool"]
    if len(filled) < len(every):
        repairs.add("empty_turn_left_out")
    return filled


def _labelled_turn(label: str, text: str, repairs: set[str]) -> Turn:
    """The turn of the text after a label."""
    text = text.replace("\0", "").replace(END, "").strip()
    role = LABELS[label]
    if role == "tool":
        return Turn(role, response=_function_response(text))
    return _assistant_turn(text, repairs) if role == "assistant" else Turn(role, text)


def _function_response(text: str) -> Any:
    """What a function returned: a JSON value where the text is JSON, else the text."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return portable(read(text))
    except Unreadable:
        return text


def _assistant_turn(text: str, repairs: set[str]) -> Turn:
    """Text and calls of one turn. Raises Rejected."""
    texts, calls, at = [], [], 0
    while (mark := text.find(CALL, at)) >= 0:
        texts.append(text[at:mark].strip())
        call, at = _call_at(text, mark + len(CALL))
        calls.append(call)
        closed = _CLOSED.match(text, at)
        at = closed.end() if closed else at
    texts.append(text[at:].strip())
    if calls and texts[-1]:
        repairs.add("text_after_call")
    return Turn("assistant", "\n".join(part for part in texts if part), calls)


def _call_at(text: str, at: int) -> tuple[Call, int]:
    """((name, arguments), end) of the call that begins at `at`. Raises Rejected when it cannot be read for certain."""
    try:
        call, end = read_at(text, at)
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise Rejected("call_unreadable")
        arguments = next((call[key] for key in ("arguments", "parameters") if key in call), None)
        return (call["name"].strip(), portable(_arguments(arguments))), end
    except Unreadable as why:
        raise Rejected("call_unreadable") from why


def _arguments(written: Any) -> Document:
    """A call's arguments as an object. Null and "" are no arguments; JSON in quotes is read. Raises Unreadable."""
    if isinstance(written, str) and written.strip():
        written = read(written)
    if written is None or written == "" or (isinstance(written, str) and not written.strip()):
        return {}
    if not isinstance(written, dict):
        raise Unreadable(f"Arguments are an object, not {type(written).__name__}.")
    return written


# ---------------------------------------------------------------------------------------------------------------------
# Putting turns in order


def _merged_turns(turns: Iterable[Turn], repairs: set[str]) -> list[Turn]:
    """Consecutive turns of one role as one turn.

    Two cases stay apart: function responses, and text of the assistant after its calls (it presumes a response).
    """
    merged: list[Turn] = []
    for turn in turns:
        last = merged[-1] if merged else None
        if last is None or last.role != turn.role or turn.role == "tool" or (last.calls and not turn.calls):
            merged.append(Turn(turn.role, turn.text, list(turn.calls), turn.response))
            continue
        repairs.add(f"{turn.role}_turns_joined")
        last.text = "\n\n".join(part for part in (last.text, turn.text) if part)
        last.calls += turn.calls
    return merged


def _longest_valid_start(turns: Sequence[Turn], repairs: set[str]) -> list[Turn]:
    """The longest run of turns in order from the first user turn, up to its last assistant turn. Raises Rejected.

    In order: a user, then the assistant; after calls their responses, one each, and the assistant; or the user again.
    """
    first = next((at for at, turn in enumerate(turns) if turn.role == "user"), len(turns))
    if first:
        repairs.add("leading_turns_cut")
    kept: list[Turn] = []
    waiting = 0  # calls of the last answer that have no response yet
    for last, turn in pairwise((None, *turns[first:])):
        fault = _order_fault(last, turn, waiting) if turn else ""
        if fault:
            repairs.add(fault)
            break
        if turn:
            waiting = len(turn.calls) if turn.role == "assistant" else waiting - (turn.role == "tool")
            kept.append(turn)
    return _up_to_last_answer(kept, repairs)


def _order_fault(last: Turn | None, turn: Turn, waiting: int) -> str:
    """Why `turn` cannot follow `last`; "" if it can."""
    if turn.role == "tool":
        return "" if waiting else "result_without_call"
    if waiting and last is not None:
        return "call_without_result"
    if last is not None and last.role == "tool" and turn.role == "user":
        return "result_unanswered"
    return ""


def _up_to_last_answer(kept: list[Turn], repairs: set[str]) -> list[Turn]:
    """`kept` up to its last assistant turn; responses that no assistant turn follows are cut with the rest."""
    end = max((at for at, turn in enumerate(kept, start=1) if turn.role == "assistant"), default=0)
    if not end:
        raise Rejected("no_answer")
    if end < len(kept):
        repairs.add("ends_with_user" if kept[-1].role == "user" else "ends_with_result")
    return kept[:end]
