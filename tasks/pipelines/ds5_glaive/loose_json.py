r"""JSON as people and models write it: read it where its meaning is certain, else refuse it. Pure.

`read_at("x = {'a': 'it is', b: True,}, y", 4)` is ({"a": "it is", "b": True}, 28).

Beyond JSON it accepts: single quotes; apostrophes and quotes inside a text, where what follows shows that they do not
end it; Python's True, False and None; trailing commas; names without quotes as keys; raw line breaks in a text; `\'`. A
value under EMBEDDED may be JSON in quotes: `"arguments": '{"city": "Coeur d'Alene"}'`. A brace that the end of the text
cuts off counts as closed at the outermost level. It never accepts: bare words as values, 1,000, NaN, a missing comma.

Three readings are tried, the strictest first: JSON itself, a quote ends a text, a quote ends a text only where the
grammar can go on after it. Time is linear in the text for each of them.
"""

import json
import re
from typing import Any

from schemas.document import Document

EMBEDDED = frozenset({"arguments", "parameters"})  # keys whose value may be JSON in quotes
DEEPEST = 64  # levels
QUOTES = "\"'"

_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"[A-Za-z_$][\w$.-]{0,100}")
_WORD = re.compile(r"[A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*)?(?:\.\d*)?(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_PLAIN = {quote: re.compile(rf"[^\\{quote}]*+") for quote in QUOTES}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CODE = re.compile(r"u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})")

# What may follow a quote that ends a text, by the place of the text. A comma alone proves little: the start of a member
# or an item must follow it.
_NEXT_KEY = r"(?:\"[^\"\n]{0,100}\"|'[^'\n]{0,100}'|[A-Za-z_$][\w$.-]{0,100})\s{0,64}:"
_ENDS = {
    "key": re.compile(r"\s{0,64}:"),
    "member": re.compile(rf"\s{{0,64}}(?:\}}|,\s{{0,64}}(?:{_NEXT_KEY}|\}})|\Z)"),
    "item": re.compile(r"\s{0,64}(?:\]|,\s{0,64}(?:[\"'\[{\d.+-]|true|false|null|True|False|None|\]))"),
    "whole": re.compile(r"\s{0,64}\Z"),
}
_NEXT_MEMBER = re.compile(r"[\"']\s{0,64},?\s{0,64}[\"'][\w$. -]{1,100}[\"']\s{0,64}:")


class Unreadable(ValueError):
    """A text whose meaning is not certain."""


def _refuse_constant(word: str) -> Any:
    raise Unreadable(f"{word} is not JSON.")


_STRICT = json.JSONDecoder(strict=False, parse_constant=_refuse_constant)


def read(text: str) -> Any:
    """The value of a whole text. Raises Unreadable."""
    value, end = read_at(text, 0)
    if text[end:].strip():
        raise Unreadable(f"After the value comes {text[end : end + 40]!r}.")
    return value


def read_at(text: str, start: int) -> tuple[Any, int]:
    """(value, end) of the value that begins at `start`, white space before it skipped. Raises Unreadable."""
    start = _space(text, start)
    try:
        return _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    try:
        return _Reading(text, patient=False).value(start, "whole")
    except Unreadable:
        return _Reading(text, patient=True).value(start, "whole")


def _space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


class _Reading:
    """One way to read a text. `patient`: a quote ends a text only where the grammar can go on after it."""

    def __init__(self, text: str, *, patient: bool) -> None:
        self.text = text
        self.patient = patient

    def value(self, at: int, where: str, depth: int = 0, *, embedded: bool = False) -> tuple[Any, int]:
        at = _space(self.text, at)
        first = self.text[at : at + 1]
        if depth > DEEPEST:
            raise Unreadable(f"It is nested deeper than {DEEPEST} levels.")
        if first == "{":
            return self.members(at + 1, depth)
        if first == "[":
            return self.items(at + 1, depth)
        if first and first in QUOTES:
            return (self.inner(at, depth) if embedded else None) or self.quoted(at, where)
        return self.word(at)

    def members(self, at: int, depth: int) -> tuple[Document, int]:
        members: Document = {}
        while True:
            at = _space(self.text, at)
            if self.text.startswith("}", at):
                return members, at + 1
            if self.patient and not depth and members and at == len(self.text):
                return members, at
            key, at = self.key(at)
            at = self.after(at, ":")
            members[key], at = self.value(at, "member", depth + 1, embedded=not depth and key in EMBEDDED)
            at = self.separated(at, "}")

    def items(self, at: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            at = _space(self.text, at)
            if self.text.startswith("]", at):
                return items, at + 1
            item, at = self.value(at, "item", depth + 1)
            items.append(item)
            at = self.separated(at, "]")

    def key(self, at: int) -> tuple[str, int]:
        if self.text[at : at + 1] in {'"', "'"}:
            return self.quoted(at, "key")
        bare = _KEY.match(self.text, at)
        if bare is None:
            raise Unreadable(f"A key is expected at {at}, not {self.text[at : at + 20]!r}.")
        return bare[0], bare.end()

    def after(self, at: int, mark: str) -> int:
        at = _space(self.text, at)
        if not self.text.startswith(mark, at):
            raise Unreadable(f"{mark!r} is expected at {at}, not {self.text[at : at + 20]!r}.")
        return at + 1

    def separated(self, at: int, closing: str) -> int:
        """The place after a comma, or the place of `closing`, or the end of the text (which `members` judges)."""
        at = _space(self.text, at)
        if self.text.startswith(closing, at) or at == len(self.text):
            return at
        return self.after(at, ",")

    def inner(self, at: int, depth: int) -> tuple[Any, int] | None:
        """JSON in quotes, read in place, so that its own apostrophes do not end it. None where it is not JSON."""
        start = _space(self.text, at + 1)
        if not self.text.startswith("{", start):
            return None
        try:
            value, end = self.braced(start, depth)
        except (ValueError, RecursionError):
            return None
        end = _space(self.text, end)
        closed = self.text.startswith(self.text[at], end) and _ENDS["member"].match(self.text, end + 1)
        return (value, end + 1) if closed else None

    def braced(self, start: int, depth: int) -> tuple[Any, int]:
        try:
            return _STRICT.raw_decode(self.text, start)
        except (ValueError, RecursionError):
            return self.members(start + 1, depth + 1)

    def quoted(self, at: int, where: str) -> tuple[str, int]:
        quote, parts, at = self.text[at], [], at + 1
        while True:
            plain = _PLAIN[quote].match(self.text, at)
            parts.append(plain[0])  # type: ignore[index]  # it matches nothing, too
            at = plain.end()  # type: ignore[union-attr]
            if at == len(self.text):
                raise Unreadable(f"The text that {quote} opens has no end.")
            if self.text[at] == "\\":
                part, at = self.escape(at + 1)
            elif not self.patient or _ENDS[where].match(self.text, at + 1):
                return self.certain("".join(parts)), at + 1
            else:
                part, at = quote, at + 1
            parts.append(part)

    def certain(self, text: str) -> str:
        """A text's characters. Raises Unreadable where patient reading may have included the next member."""
        if self.patient and _NEXT_MEMBER.search(text):
            raise Unreadable(f"{text[:40]!r} may be more than one text.")
        return whole_characters(text)

    def escape(self, at: int) -> tuple[str, int]:
        """The character that an escape means; a backslash before anything else is itself, as in Python."""
        code = _CODE.match(self.text, at)
        if code:
            return chr(int(code[1] or code[2], 16)), code.end()
        mark = self.text[at : at + 1]
        if mark in _ESCAPES:
            return _ESCAPES[mark], at + 1
        return (mark if mark in {'"', "'", "\\", "/"} else "\\" + mark), at + 1

    def word(self, at: int) -> tuple[Any, int]:
        word = _WORD.match(self.text, at)
        if word is None:
            raise Unreadable(f"A value is expected at {at}, not {self.text[at : at + 20]!r}.")
        if word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        if word[0][0].isalpha() or not _NUMBER.fullmatch(word[0]):
            raise Unreadable(f"{word[0][:40]!r} is no value.")
        return _parsed_number(word[0]), word.end()


def _parsed_number(word: str) -> int | float:
    try:
        return float(word) if any(mark in word for mark in ".eE") else int(word)
    except ValueError as fault:  # a number of thousands of digits
        raise Unreadable(f"{word[:40]!r} is no number.") from fault


def whole_characters(text: str) -> str:
    """Pairs of surrogates as the character they encode; half a pair as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def portable(value: Any) -> Any:
    """The same value, if every JSON reader can read it. Raises Unreadable.

    At most DEEPEST levels; numbers are finite and, where whole, of 64 bits; whole characters; no NUL.
    """
    return _portable(value, 0)


def _portable(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise Unreadable(f"It is nested deeper than {DEEPEST} levels.")
    if isinstance(value, dict):
        return {_portable(key, depth): _portable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_portable(item, depth + 1) for item in value]
    if isinstance(value, str):
        if "\0" in value:
            raise Unreadable("It has a NUL character.")
        return whole_characters(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Unreadable(f"{str(value)[:40]} has more than 64 bits.")
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        raise Unreadable("A number is too large.")
    return value
