"""The words of the grammar: every family can be said, in several ways, with values that a scene has."""

from dataclasses import fields
from string import Formatter

import pytest

from schemas.tools import CHANNEL, REGISTRY
from tasks.pipelines.ds4_synthetic import words
from tasks.pipelines.ds4_synthetic.scenario_generator import Scene

pytestmark = pytest.mark.unit

VALUES = {field.name for field in fields(Scene)}


def named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_family_has_at_least_four_phrasings_none_twice() -> None:
    """Across families too: a phrasing in two groups would be a near duplicate across splits."""
    said = [text for phrasings in words.PHRASINGS.values() for text in phrasings]
    assert min(map(len, words.PHRASINGS.values())) >= 4
    assert len(said) == len(set(said))


def test_phrasings_courtesies_and_texts_speak_only_of_what_a_scene_has() -> None:
    """A misspelt placeholder would stop the grammar in the middle."""
    texts = [text for phrasings in words.PHRASINGS.values() for text in phrasings]
    texts += [
        *words.OPENERS,
        *words.CLOSERS,
        *words.BYSTANDERS,
        *words.SYMPTOMS,
        *words.TASKS,
        *words.DETAILS,
    ]
    texts += [*words.QUERIES, *(text for pair in words.MANIFESTS.values() for text in pair)]
    assert set().union(*map(named, texts)) <= VALUES


def test_every_fact_is_a_value_of_a_scene_under_a_name_of_its_own() -> None:
    """Two values under one name could not be told apart in a context."""
    assert set(words.FACTS) <= VALUES
    assert len(set(words.FACTS.values())) == len(words.FACTS)


def test_tools_said_to_be_missing_are_missing() -> None:
    """Refusing a tool that is there would be a lie."""
    assert not set(words.MISSING_TOOLS) & set(REGISTRY)


def test_no_list_of_names_repeats_itself() -> None:
    """A name twice would be drawn twice as often, and a pair of two names could be one."""
    lists = [value for value in vars(words).values() if isinstance(value, tuple) and len(value) > 5]
    assert len(lists) > 20
    assert all(len(names) == len(set(names)) for names in lists)


def test_channels_are_such_as_the_tools_accept() -> None:
    """The grammar writes # before them, and -approvals after some."""
    import re

    assert all(re.match(CHANNEL, f"#{name}-approvals") for name in words.CHANNELS)
