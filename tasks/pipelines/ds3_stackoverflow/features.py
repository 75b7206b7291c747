"""Features of ds3_stackoverflow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from schemas import format_b
from schemas.ds3_stackoverflow import (
    CLUSTER_PARTS,
    COMPLEXITIES,
    COMPONENTS,
    ENVIRONMENT_WORDS,
    ERROR_TYPE,
    HIGH_POINTS,
    HTML_LIMIT,
    LICENCES,
    MEDIUM_POINTS,
    OTHER_COMPONENT,
    OTHER_TYPE,
    QUESTION_TYPES,
    SIGNATURES,
    WHOLE_CLUSTER,
    WORDS_A_POINT,
    Words,
)
from tasks.curate.privacy import pii
from tasks.curate.text import html

# ---------------------------------------------------------------------------------------------------------------------
# Text: clean of HTML, then of personal data.


@dataclass(frozen=True)
class Text:
    """A cleaned body, how many words and code blocks it has, and how many values were redacted in it."""

    text: str
    words: int
    blocks: int
    redactions: int


def cleaned(body: str, block_limit: int, limit: int) -> Text:
    """A body as Markdown within `limit` characters, without personal data; words and blocks as before the cut."""
    whole = html.markdown(body[:HTML_LIMIT])
    redacted = pii.redact(html.shortened(whole, block_limit, limit))
    return Text(redacted.text, len(whole.split()), len(html.code_blocks(whole)), len(redacted.spans))


def licence_of(written: str | None, created: str | None) -> str:
    """SPDX id of a post's licence: the version written beside it, else the one of its day, else the latest."""
    version = re.search(r"[234]\.[05]", written or "")
    if version:
        return f"CC-BY-SA-{version[0]}"
    day = day_of(created)
    return [licence for start, licence in LICENCES if start <= day][-1] if day else LICENCES[-1][1]


def day_of(created: str | None) -> str:
    """2014-01-21 of "2014-01-21T20:26:05.383" or of seconds since 1970; "" for what is no time."""
    text = (created or "").strip()
    if re.fullmatch(r"\d{9,10}(?:\.\d+)?", text):
        return str(pd.Timestamp(int(float(text)), unit="s").date())
    found = re.match(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)", text)
    return found[1] if found else ""


def credit(row: Mapping[str, Any], part: str, path: str, site: str) -> str:
    """Who wrote a post and where it is, as CC BY-SA asks: "ada (https://.../users/7), https://.../q/1"."""
    user, name = row[f"{part}_owner_id"], html.plain(row[f"{part}_owner"] or "")
    number = re.fullmatch(r"(\d+)(?:\.0)?", user or "")
    profile = f" ({site}/users/{number[1]})" if number else ""
    author = name or (f"user {number[1]}" if number else "a user whose account was deleted")
    return f"{author}{profile}, {row[f'{part}_link'] or f'{site}/{path}'}"


# ---------------------------------------------------------------------------------------------------------------------
# Features.


@cache
def _pattern(words: Words) -> re.Pattern[str]:
    lines = re.sub(r"\s*\n\s*\|", "|", words.patterns.strip()).split("\n")
    alternatives = "|".join(line.strip() for line in lines)
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{alternatives})(?![A-Za-z0-9])", re.IGNORECASE)


def _told(words: Sequence[Words], text: str) -> list[str]:
    """Names of those of whom a text speaks, in their order."""
    return [one.name for one in words if one.patterns and _pattern(one).search(text)]


def signatures(text: str) -> list[str]:
    """Error signatures in a text, the one that explains most first."""
    return _told(SIGNATURES, text)


def component(tags: Sequence[str], title: str, text: str) -> str:
    """What part of the infrastructure a question is about: by its tags, else that of which it speaks most.

    Where the tags name the cluster as a whole: the part that the title names, else one named as often as workloads are.
    """
    tagged = [one.name for one in COMPONENTS if set(one.tags) & set(tags)]
    if tagged and tagged[0] != WHOLE_CLUSTER:
        return tagged[0]
    said = {one.name: sum(1 for _ in _pattern(one).finditer(text)) for one in COMPONENTS}
    if tagged:
        titled = _told([one for one in COMPONENTS if one.name in CLUSTER_PARTS], title)
        most = titled[0] if titled else max(CLUSTER_PARTS, key=said.__getitem__)
        return most if titled or 0 < said[most] >= said[WHOLE_CLUSTER] else WHOLE_CLUSTER
    most = max(said, key=said.__getitem__)
    return most if said[most] else OTHER_COMPONENT


def question_type(title: str, text: str, errors: Sequence[str]) -> str:
    """What kind of answer a question wants: the title tells, else an error it shows, else the text."""
    by_title = _told(QUESTION_TYPES, title)
    if by_title:
        return by_title[0]
    return ERROR_TYPE if errors else next(iter(_told(QUESTION_TYPES, text)), OTHER_TYPE)


def complexity(words: int, blocks: int, errors: Sequence[str]) -> str:
    """low, medium or high, by length, code and errors."""
    points = words // WORDS_A_POINT + blocks + max(len(errors) - 1, 0)
    return COMPLEXITIES[(points >= MEDIUM_POINTS) + (points >= HIGH_POINTS)]


def environment(text: str) -> str:
    """The environment that a text names first in the order of strictness; production where it names none."""
    return next(iter(_told(ENVIRONMENT_WORDS, text)), format_b.DEFAULT_ENVIRONMENT)
