"""The layout of source code: what makes a file no program worth keeping, and white space that means nothing. Pure.

`malformed` names the reason why a text is rejected. `clean_controls` removes invisible characters, and `tidied` the
blanks at the ends of lines; neither changes what a program does. For Python that is checked: the syntax tree is the
same before and after, or the text stays as it was. In other languages, literals of several lines stay as they are.

Nearly every file needs no change, so each function first searches, which is fast, whether there is anything to do.
"""

import ast
import re
from dataclasses import dataclass
from typing import Any

from schemas.code_corpus import FEWEST_ALPHANUMERIC, LONGEST_LINE, LONGEST_MEAN_LINE, MOST_CONTROLS
from tasks.curate.text import languages


@dataclass(frozen=True)
class Cleaned:
    """A text without invisible characters, and how many were removed."""

    text: str
    removed: int


# Control characters but tab, line ends and form feed; the mark of byte order inside a text; and those that turn the
# direction of writing, behind which code hides from its reader (CVE-2021-42574, "Trojan Source").
_UNSEEN = re.compile("[\0-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]")
_UNSEEN_ASCII = bytes({*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F})
_SEEN_ASCII = bytes(set(range(256)) - set(_UNSEEN_ASCII))


def clean_controls(text: str, language: str) -> Cleaned:
    """The text without invisible characters. A program that parsed still does, and Python's tree is the same,
    save in its literals; where it would not, the text stays as it was.
    """
    if _control_count(text) == 0:
        return Cleaned(text, 0)
    cleaned, removed = _UNSEEN.subn("", text)
    return Cleaned(cleaned, removed) if _is_as_sound(text, cleaned, language) else Cleaned(text, 0)


def _is_as_sound(before: str, after: str, language: str) -> bool:
    if language != "Python":
        return languages.parses(after, language) or not languages.parses(before, language)
    tree = languages.tree(before)
    return tree is None or same(tree, languages.tree(after), literals=False)


def _control_count(text: str) -> int:
    """How many characters of the text are invisible."""
    if not text.isascii():
        return sum(1 for _ in _UNSEEN.finditer(text))
    return len(text.encode().translate(None, _SEEN_ASCII))


def malformed(text: str) -> str | None:
    """Why a text is no source code worth keeping, the first of the reasons here; None where it is."""
    if not text or text.isspace():
        return "empty"
    if _control_count(text) + text.count("\ufffd") > MOST_CONTROLS * len(text):
        return "control_characters"
    if "<<<<<<< " in text and _is_conflict(text):
        return "merge_conflict"
    if _is_long(text):
        return "long_lines"
    return "low_alphanumeric" if _alphanumeric_count(text) < FEWEST_ALPHANUMERIC * len(text) else None


_CONFLICT = tuple(re.compile(mark, re.MULTILINE) for mark in ("^<{7} ", r"^={7}\r?$", "^>{7} "))


def _is_conflict(text: str) -> bool:
    """Whether git's three marks of an unfinished merge follow each other, each on a line of its own."""
    at = 0
    for mark in _CONFLICT:
        found = mark.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _is_long(text: str) -> bool:
    """Whether a line, or the mean line, has more characters than people write: the file is minified, or data."""
    lines = _with_line_ends(text).removesuffix("\n").split("\n")
    lengths = list(map(len, lines))
    return max(lengths) > LONGEST_LINE or sum(lengths) > LONGEST_MEAN_LINE * len(lengths)


_NO_ALPHANUMERIC = bytes(set(range(256)) - set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
_BEYOND_ASCII = re.compile("[^\0-\x7f]+")


def _alphanumeric_count(text: str) -> int:
    """How many characters of the text are letters or digits of any script."""
    count = len(text.encode("utf-8", "replace").translate(None, _NO_ALPHANUMERIC))
    if not text.isascii():
        count += sum(sum(map(str.isalnum, run)) for run in _BEYOND_ASCII.findall(text))
    return count


# The literals that may go over several lines: their node in tree-sitter's grammar, and what a text with one contains.
_LITERALS = {
    "Python": ("string", re.compile(r"\"\"\"|'''|\\\n")),
    "Java": ("string_literal", re.compile(r'"""')),
    "C++": ("raw_string_literal", re.compile(r'R"')),
    "JavaScript": ("template_string", re.compile("`")),
}
_BLANKS = re.compile(r"(?<![\\ \t])[ \t]+$", re.MULTILINE)  # not behind a backslash: to end a line, it must end it


def tidied(text: str, language: str) -> str:
    """The text with line feeds for line ends, one of them at the end, and no blanks before them. Twice is once.

    Blanks stay within literals, and behind a backslash, which would then continue the line.
    """
    lines = _with_line_ends(text)
    if " \n" in lines or "\t\n" in lines:
        lines = _without_blanks(lines, language)
    tidy = _with_one_end(lines)
    if language != "Python" or tidy == _with_line_ends(text):  # line ends are one to Python's parser
        return tidy
    return tidy if _is_same_program(text, tidy) else text


def _with_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _with_one_end(text: str) -> str:
    body = text.rstrip(" \t\n")
    return text if body.endswith("\\") else body + "\n" if body else ""


def _without_blanks(text: str, language: str) -> str:
    kind, sign = _LITERALS[language]
    if not sign.search(text):
        return _BLANKS.sub("", text)
    spans = languages.rows(text, language, kind)
    if spans is None:  # where the grammar lost its way, a literal may be anywhere
        return text
    inside = {row for first, last in spans for row in range(first, last)}
    lines = text.split("\n")
    return "\n".join(line if row in inside else _BLANKS.sub("", line) for row, line in enumerate(lines))


def _is_same_program(before: str, after: str) -> bool:
    tree = languages.tree(before)
    return tree is None or same(tree, languages.tree(after))


def same(one: ast.AST | None, other: ast.AST | None, *, literals: bool = True) -> bool:
    """Whether two trees of Python are the same, places of nodes apart; with `literals` the content of strings counts.

    Iterative: a program may be nested as deep as the parser lets it. Most of a tree are names and contexts, of which
    Python keeps one object each.
    """
    pairs: list[tuple[Any, Any]] = [(one, other)]
    while pairs:
        a, b = pairs.pop()
        if type(a) is not type(b):
            return False
        if type(a) is list:
            if len(a) != len(b):
                return False
            pairs += zip(a, b, strict=True)
        elif isinstance(a, ast.AST):
            for name in a._fields:
                pair = getattr(a, name, None), getattr(b, name, None)
                if pair[0] is not pair[1]:
                    pairs.append(pair)
        elif a != b and (literals or not isinstance(a, str | bytes)):
            return False
    return True
