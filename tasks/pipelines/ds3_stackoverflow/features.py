"""Cleaned texts, licences and credits of posts, and the features of a question. Pure.

The words by which a question gets its features are in words.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import pandas as pd

from schemas import format_b
from schemas.ds3_stackoverflow import (
    COMPLEXITIES,
    HIGH_POINTS,
    HTML_LIMIT,
    LICENCES,
    MEDIUM_POINTS,
    WORDS_A_POINT,
    PostAnswer,
    PostQuestion,
)
from schemas.tools import Environment
from tasks.curate.privacy import pii
from tasks.curate.text import html
from tasks.pipelines.ds3_stackoverflow.words import (
    CLUSTER_PARTS,
    COMPONENTS,
    ENVIRONMENT_RULES,
    ERROR_TYPE,
    OTHER_COMPONENT,
    OTHER_TYPE,
    QUESTION_TYPES,
    SIGNATURES,
    WHOLE_CLUSTER,
    TextRule,
)

# ---------------------------------------------------------------------------------------------------------------------
# Text without HTML and without personal data


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


# ---------------------------------------------------------------------------------------------------------------------
# Licence and credit


def licence_of(written: str | None, created: str | None) -> str:
    """SPDX id of a post's licence: the version its row names, else that of its day, else the latest."""
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
    day = re.match(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)", text)
    return day[1] if day else ""


def credit(post: PostQuestion | PostAnswer, link: str, site: str) -> str:
    """Author and address of a post, as CC BY-SA asks: "ada (https://.../users/7), https://.../q/1".

    `link` is the address of a post whose row has none.
    """
    name = html.plain(post.owner or "")
    number = re.fullmatch(r"(\d+)(?:\.0)?", post.owner_id or "")
    profile = f" ({site}/users/{number[1]})" if number else ""
    author = name or (f"user {number[1]}" if number else "a user whose account was deleted")
    return f"{author}{profile}, {post.link or link}"


# ---------------------------------------------------------------------------------------------------------------------
# Features


@cache
def _rule_pattern(rule: TextRule) -> re.Pattern[str]:
    lines = re.sub(r"\s*\n\s*\|", "|", rule.patterns.strip()).split("\n")
    alternatives = "|".join(line.strip() for line in lines)
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{alternatives})(?![A-Za-z0-9])", re.IGNORECASE)


def _matching_names(rules: Sequence[TextRule], text: str) -> list[str]:
    """Names of the rules whose patterns a text matches, in the rules' order."""
    return [rule.name for rule in rules if _rule_pattern(rule).search(text)]


def signatures(text: str) -> list[str]:
    """Error signatures in a text, the one that explains most first."""
    return _matching_names(SIGNATURES, text)


def component(tags: Sequence[str], title: str, text: str) -> str:
    """The part of the infrastructure that a question is about: by its tags, else the one its text names most often.

    Where the tags name the cluster as a whole: the part that the title names, else the part that the text names at
    least as often as workloads.
    """
    tagged = [rule.name for rule in COMPONENTS if set(rule.tags) & set(tags)]
    if tagged and tagged[0] != WHOLE_CLUSTER:
        return tagged[0]
    matches = {rule.name: sum(1 for _ in _rule_pattern(rule).finditer(text)) for rule in COMPONENTS}
    if tagged:
        titled = _matching_names([rule for rule in COMPONENTS if rule.name in CLUSTER_PARTS], title)
        most = titled[0] if titled else max(CLUSTER_PARTS, key=matches.__getitem__)
        return most if titled or 0 < matches[most] >= matches[WHOLE_CLUSTER] else WHOLE_CLUSTER
    most = max(matches, key=matches.__getitem__)
    return most if matches[most] else OTHER_COMPONENT


def question_type(title: str, text: str, errors: Sequence[str]) -> str:
    """The kind of answer that a question asks for: by its title, else by an error it shows, else by its text."""
    by_title = _matching_names(QUESTION_TYPES, title)
    if by_title:
        return by_title[0]
    return ERROR_TYPE if errors else next(iter(_matching_names(QUESTION_TYPES, text)), OTHER_TYPE)


def complexity(words: int, blocks: int, errors: Sequence[str]) -> str:
    """low, medium or high, by length, code and errors."""
    points = words // WORDS_A_POINT + blocks + max(len(errors) - 1, 0)
    return COMPLEXITIES[(points >= MEDIUM_POINTS) + (points >= HIGH_POINTS)]


def environment(text: str) -> Environment:
    """The strictest environment that a text names; production where it names none."""
    return cast("Environment", next(iter(_matching_names(ENVIRONMENT_RULES, text)), format_b.DEFAULT_ENVIRONMENT))
