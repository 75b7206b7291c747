"""The words of requests: enough phrasings for every family, and none that could quote a manifest."""

import string

import pytest

from schemas.ds6_the_stack import LONGEST_NAME, LONGEST_QUOTE
from tasks.pipelines.ds6_the_stack.words import FAMILIES, FAMILY_OF, MAIN_KINDS, PHRASINGS, PLACES

pytestmark = pytest.mark.unit

FIELDS = {"several": {"app", "what", "where"}, "definition": {"what"}, "namespace": {"what"}}


@pytest.mark.parametrize("family", PHRASINGS)
def test_every_family_has_three_phrasings_of_its_own_that_are_sentences(family: str) -> None:
    """With a place for what is wanted, and for where, unless it is nowhere."""
    phrasings = PHRASINGS[family]
    assert len(set(phrasings)) == len(phrasings) >= 3
    for phrasing in phrasings:
        fields = {name for _, name, _, _ in string.Formatter().parse(phrasing) if name}
        assert fields == FIELDS.get(family, {"what", "where"})
        assert phrasing[0].isupper()
        assert phrasing[-1] in ".?"


def test_every_family_has_a_phrasing_too_short_to_be_a_quotation() -> None:
    """Whatever a manifest's comments say: names apart, its words are no longer than what may be in common."""
    for family, phrasings in PHRASINGS.items():
        assert any(len(p.format(what="", where="", app="")) < LONGEST_QUOTE for p in phrasings), family
    assert max(map(len, PLACES)) < LONGEST_QUOTE
    assert LONGEST_NAME + 2 < LONGEST_QUOTE


def test_every_family_has_phrasings_and_no_kind_two_families() -> None:
    """FAMILY_OF would keep the last."""
    assert set(FAMILIES) | {"other", "several", "several_unnamed"} == set(PHRASINGS)
    assert len(FAMILY_OF) == sum(map(len, FAMILIES.values()))
    assert set(MAIN_KINDS) <= set(FAMILY_OF)
