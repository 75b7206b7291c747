"""Redact a Kubernetes manifest without changing what it parses to, redacted values apart. Pure.

The detector is `pii.find`; this module asks YAML for the places of values, so that a placeholder is legal at its place:
quotes stay quotes, block scalars stay block scalars, keys are never touched. Values that only YAML can read (on the
line after their key, behind a tag or an anchor, with escapes) are shown to the detector as YAML reads them, and every
value under `data` and `stringData` of a `kind: Secret` is a secret.

YAML is read as events (libyaml, iterative): nothing is constructed and no alias expanded, so that tags, recursive
anchors and "bombs" are inert. Text that is no YAML is redacted as text.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from json import dumps
from typing import Any

import yaml

from tasks.curate.privacy import pii
from tasks.curate.privacy.pii import Redacted, Span
from tasks.curate.privacy.pii_kubernetes import is_blank
from tasks.curate.privacy.pii_literals import fold

Edit = tuple[int, int, str]  # start, end, replacement

SECRET_FIELDS = frozenset({"data", "stringData"})
# Where YAML may read what the text does not show: a key of secrets whose line has no value, an escape, a Secret.
UNSEEN = re.compile(
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|key)[\"']?[ \t]*:[ \t]*"
    r"(?:[&!]|(?:#[^\n]*)?\r?\n[ \t]+[^\s:#-][^:\n]*$)"
    r"|\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})|kind[\"']?[ \t]*:[ \t]*[\"']?secret\b",
    re.MULTILINE,
)
DEEPEST = 200  # lists and mappings within one another; libyaml's time grows with the square of it
PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*")
TYPED = re.compile(r"!!(?:binary|int|float|bool|timestamp|null)\b")  # tags whose value a placeholder cannot be


@dataclass
class Mapping:
    """A mapping or a list that is being read: the key it is the value of, the key waiting for its own value, `kind`."""

    parent: "Mapping | None"
    key: str | None
    is_list: bool
    depth: int = 0
    waiting: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Scalar:
    """One scalar: characters `start` to `end` with its tag and quotes, what YAML reads there, and its place."""

    start: int
    end: int
    value: str
    style: str | None
    is_key: bool
    key: str | None
    home: Mapping = field(compare=False)


@dataclass(frozen=True)
class Outline:
    """What a YAML text is made of: its scalars, in order, and everything else about its structure."""

    scalars: list[Scalar]
    shape: list[tuple[Any, ...]]


def redact_manifest(text: str) -> Redacted:
    """The manifest with placeholders for its personal data and secrets; it parses to the same structure as before.

    What `leaks` finds is gone afterwards, except in keys: a manifest that names a person in a key cannot be mended,
    only dropped.
    """
    found = pii.find(text)
    outline = _outline_of(text) if found or UNSEEN.search(fold(text)) else None
    if outline is None:
        return pii.replace(text, found)
    closed = pii.replace(text, _all_spans(text, outline, found)).spans
    spans = tuple(span for span in closed if not _in_key(outline, span))
    edited = _with_edits(text, outline, spans, _edit_content)
    if not _is_same(outline, edited, spans):  # a span cut an escape in two, say
        edited = _with_edits(text, outline, spans, _edit_whole_scalar)
    return Redacted(edited, spans)


def leaks(text: str) -> list[Span]:
    """What the same detector finds in a manifest: nothing after redaction, or it is not to be published."""
    found = pii.find(text)
    outline = _outline_of(text) if found or UNSEEN.search(fold(text)) else None
    return found if outline is None else _all_spans(text, outline, found)


def _all_spans(text: str, outline: Outline, found: Sequence[Span]) -> list[Span]:
    """What was found in the text, and what the detector finds in other values as YAML reads them."""
    seen = {i for span in found for i in _touched_scalars(outline, span)}
    hidden = (
        span for i, scalar in enumerate(outline.scalars) for span in _spans_in_value(text, scalar, seen=i in seen)
    )
    return pii.without_overlaps((span.start, span.end, span.kind) for span in (*found, *hidden))


def _spans_in_value(text: str, scalar: Scalar, *, seen: bool) -> Iterator[Span]:
    begin, end = _content_bounds(text, scalar)
    if scalar.is_key or begin == end:
        return
    if _is_secret_data(scalar) and not is_blank(scalar.value):
        yield Span(begin, end, "k8s_secret_data")
    elif not seen and scalar.style not in {"|", ">"} and _is_disguised(text, scalar, begin, end):
        key = f"{dumps(scalar.key or '-', ensure_ascii=False)}: "
        for span in pii.find(key + dumps(scalar.value, ensure_ascii=False)):
            if span.start >= len(key):
                yield Span(begin, end, span.kind)


def _is_secret_data(scalar: Scalar) -> bool:
    home = scalar.home
    return home.key in SECRET_FIELDS and home.parent is not None and home.parent.kind == "Secret"


def _is_disguised(text: str, scalar: Scalar, begin: int, end: int) -> bool:
    """Whether the text alone does not show the value beside its key."""
    line = text[text.rfind("\n", 0, begin) + 1 : begin]
    alone = scalar.key is not None and scalar.key not in line
    return alone or text[begin:end] != scalar.value or PROPERTIES.match(text, scalar.start, scalar.end)[0] != ""  # type: ignore[index]


def _content_bounds(text: str, scalar: Scalar) -> tuple[int, int]:
    """Start and end of a scalar's own characters: without tag, anchor, quotes, or a block's head."""
    start = PROPERTIES.match(text, scalar.start, scalar.end).end()  # type: ignore[union-attr]  # matches nothing too
    end = scalar.end
    if scalar.style in {"|", ">"}:
        start = min(text.find("\n", start, end) % (end + 1) + 1, end)
        body = text[start:end]
        return start + len(body) - len(body.lstrip()), start + len(body.rstrip())
    quote = scalar.style in {"'", '"'}
    return (start + 1, end - 1) if quote else (start, end)


def _in_key(outline: Outline, span: Span) -> bool:
    return any(outline.scalars[i].is_key for i in _touched_scalars(outline, span))


def _touched_scalars(outline: Outline, span: Span) -> range:
    """The scalars, by number, that a span overlaps: none where it is in a comment."""
    first = bisect_right(outline.scalars, span.start, key=lambda scalar: scalar.end)
    last = bisect_right(outline.scalars, span.end - 1, key=lambda scalar: scalar.start)
    return range(first, last)


def _with_edits(
    text: str, outline: Outline, spans: Sequence[Span], edit: Callable[[str, Scalar, Span], Iterator[Edit]]
) -> str:
    edits: dict[Edit, None] = {}  # in order, each once: two spans in one scalar ask for the same change of its tag
    for span in spans:
        touched = _touched_scalars(outline, span)
        found = [e for i in touched for e in edit(text, outline.scalars[i], span)]
        edits |= dict.fromkeys(found if touched else [(span.start, span.end, pii.PLACEHOLDERS[span.kind])])
    return _apply_edits(text, sorted(edits))


def _apply_edits(text: str, edits: Iterable[Edit]) -> str:
    pieces, done = [], 0
    for start, end, replacement in edits:
        if start >= done:
            pieces += [text[done:start], replacement]
            done = end
    return "".join([*pieces, text[done:]])


def _edit_content(text: str, scalar: Scalar, span: Span) -> Iterator[Edit]:
    """A placeholder in the scalar's content; a tag that demands a number or base64 becomes `!!str`."""
    begin, end = _content_bounds(text, scalar)
    if typed := TYPED.search(text, scalar.start, begin):
        yield *typed.span(), "!!str"
    start, stop = max(begin, span.start), min(end, span.end)
    if start < stop:
        yield start, stop, pii.PLACEHOLDERS[span.kind]


def _edit_whole_scalar(text: str, scalar: Scalar, span: Span) -> Iterator[Edit]:
    """The whole scalar as a quoted placeholder."""
    begin = PROPERTIES.match(text, scalar.start, scalar.end).end()  # type: ignore[union-attr]
    if typed := TYPED.search(text, scalar.start, begin):
        yield *typed.span(), "!!str"
    tail = text[begin : scalar.end]
    yield begin, scalar.end, f'"{pii.PLACEHOLDERS[span.kind]}"' + tail[len(tail.rstrip()) :]


def _is_same(before: Outline, text: str, spans: Sequence[Span]) -> bool:
    after = _outline_of(text)
    if after is None or after.shape != before.shape or len(after.scalars) != len(before.scalars):
        return False
    touched = {i for span in spans for i in _touched_scalars(before, span)}
    pairs = zip(before.scalars, after.scalars, strict=True)
    return all(a.value == b.value or i in touched for i, (a, b) in enumerate(pairs))


def _outline_of(text: str) -> Outline | None:
    """The text as YAML reads it; None where it is no YAML, or nested so deep that only an attacker writes it."""
    outline = Outline([], [])
    home = Mapping(None, None, is_list=True)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            home = _take_event(outline, home, event)
            if home.depth > DEEPEST:
                return None
    except (yaml.YAMLError, UnicodeEncodeError):
        return None
    return outline


def _take_event(outline: Outline, home: Mapping, event: yaml.Event) -> Mapping:
    """Add one event to the outline; the mapping or list that the next event belongs to."""
    if isinstance(event, yaml.ScalarEvent):
        _take_scalar(outline, home, event)
        return home
    outline.shape.append((type(event), getattr(event, "anchor", None), getattr(event, "tag", None)))
    if isinstance(event, yaml.CollectionStartEvent):
        key, home.waiting = home.waiting, None
        return Mapping(home, key, isinstance(event, yaml.SequenceStartEvent), home.depth + 1)
    if isinstance(event, yaml.AliasEvent):
        home.waiting = "" if home.waiting is None and not home.is_list else None
    return home.parent or home if isinstance(event, yaml.CollectionEndEvent) else home


def _take_scalar(outline: Outline, home: Mapping, event: yaml.ScalarEvent) -> None:
    is_key = not home.is_list and home.waiting is None
    key = None if is_key else home.waiting
    if key == "kind":
        home.kind = event.value
    outline.shape.append((type(event), event.anchor, event.value if is_key else None))
    outline.scalars.append(
        Scalar(event.start_mark.index, event.end_mark.index, event.value, event.style, is_key, key, home)
    )
    home.waiting = event.value if is_key else None
