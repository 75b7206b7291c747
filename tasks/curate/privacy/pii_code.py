"""Redact source code so that a program stays one. Pure.

The detector is `pii.find`. A value in a string or a comment is replaced by its placeholder, as in any text. But
`<EMAIL>` is a tag in JSX, and is no number: if a file would no longer parse, names and zeros replace the values
instead, which are legal nearly everywhere. A file that does not parse even then must not be published, nor one in
which the detector still finds something.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.curate.privacy import pii
from tasks.curate.privacy.pii import Span
from tasks.curate.text import languages as grammars

Outcome = Literal["clean", "redacted", "breaks", "leak"]


@dataclass(frozen=True)
class Redaction:
    """A file's text without personal data and secrets, and where in the original text they stood.

    `breaks`: redacted, it would not parse though it did; `leak`: something is still found in it.
    """

    text: str
    spans: tuple[Span, ...]
    outcome: Outcome


def redact_code(texts: Sequence[str], languages: Sequence[str]) -> list[Redaction]:
    """Each text redacted, in their order; `languages` are those of LANGUAGES that the texts are in."""
    marked = pii.replace_all(texts, pii.find_all(texts))
    return [_redaction(*file) for file in zip(texts, languages, marked, strict=True)]


def _redaction(text: str, language: str, marked: pii.Redacted) -> Redaction:
    if not marked.spans:
        return Redaction(text, (), "clean")
    if all(_is_in_comment(text, language, span) for span in marked.spans):
        return Redaction(marked.text, marked.spans, "redacted")
    if grammars.parses(marked.text, language) or not grammars.parses(text, language):
        return Redaction(marked.text, marked.spans, "redacted")
    named = _with_stand_ins(text, marked.spans)
    if not grammars.parses(named, language):
        return Redaction(marked.text, marked.spans, "breaks")
    return Redaction(named, marked.spans, "leak" if pii.find(named) else "redacted")


# How lines begin that are comments: or text within a literal, to which a placeholder does no more. Not in JavaScript,
# where a tag in JSX would be one. `*` also begins an expression, but no address is in one.
_COMMENTS = {
    "Python": (re.compile(r"[ \t]*#"), None),
    "Java": (re.compile(r"[ \t]*//"), re.compile(r"[ \t]*/?\*")),
    "C++": (re.compile(r"[ \t]*//"), re.compile(r"[ \t]*/?\*")),
}
_PLAIN = re.compile(r"[\w.@:+-]+")  # nothing that ends a comment or a literal


def _is_in_comment(text: str, language: str, span: Span) -> bool:
    """Whether a value is where no placeholder can break a program: most are, and parsing is slow."""
    line, block = _COMMENTS.get(language, (None, None))
    begin = text.rfind("\n", 0, span.start) + 1
    marks = (line, block if span.kind == "email" else None)
    return _PLAIN.fullmatch(text, span.start, span.end) is not None and any(
        mark is not None and mark.match(text, begin, span.start) is not None for mark in marks
    )


def _with_stand_ins(text: str, spans: Sequence[Span]) -> str:
    """The text with a name such as `REDACTED_EMAIL` for each value, and noughts for the digits of a number."""
    pieces, done = [], 0
    for span in spans:
        pieces += [text[done : span.start], _stand_in(text[span.start : span.end], span.kind)]
        done = span.end
    return "".join([*pieces, text[done:]])


_NUMBER = re.compile(r"[0-9 ().+-]+")


def _stand_in(value: str, kind: str) -> str:
    return re.sub("[0-9]", "0", value) if _NUMBER.fullmatch(value) else f"REDACTED_{kind.upper()}"
