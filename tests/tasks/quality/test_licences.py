"""Licences: what binds a row, what binds the file, and that a permissive file never holds a share-alike row."""

from itertools import combinations, permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from tasks.quality.licences import (
    PERMISSIVE,
    SHARE_ALIKE,
    LicenceConflict,
    all_of,
    bundle,
    kind,
    notice,
    require_permissive,
    terms,
)
from tests.tasks.quality.conversations import conversations

pytestmark = pytest.mark.unit


def licensed(*licences: str, attributions: tuple[str, ...] = ()) -> pd.DataFrame:
    owed = attributions or ("",) * len(licences)
    rows = [
        {"id": f"x:{n}", "licence": licence, "attribution": attribution}
        for n, (licence, attribution) in enumerate(zip(licences, owed, strict=True))
    ]
    return conversations(*rows)


@pytest.mark.parametrize("licence", PERMISSIVE)
def test_permissive_licences_are_permissive_however_they_are_spelled(licence: str) -> None:
    """SPDX ids do not depend on case; The Stack writes them in lower case."""
    assert kind(licence) == kind(licence.lower()) == "permissive"
    assert terms(licence.lower()) == (licence,)


@pytest.mark.parametrize("licence", SHARE_ALIKE)
def test_each_version_from_2_0_on_is_share_alike(licence: str) -> None:
    assert kind(licence) == "share_alike"


@given(st.lists(st.sampled_from(["MIT", "Zlib", "ISC OR MIT", "Apache-2.0 AND BSD-3-Clause"]), min_size=1))
def test_licences_that_bind_together_bind_what_each_of_them_binds(several: list[str]) -> None:
    """In whatever order they are told, and however often."""
    together = all_of(several)
    assert together == all_of([*several, *several[::-1]]) is not None
    assert set(terms(together)) == {spdx for licence in several for spdx in terms(licence)}
    assert all_of([]) is None


@pytest.mark.parametrize(
    ("expression", "bound"),
    [
        ("MIT AND Apache-2.0", ("Apache-2.0", "MIT")),
        ("MIT OR CC-BY-SA-4.0", ("MIT",)),
        ("MIT OR GPL-3.0-only", ("MIT",)),
        ("MIT AND CC-BY-SA-3.0", ("CC-BY-SA-3.0", "MIT")),
        ("(MIT OR ISC) AND CC-BY-SA-2.5", ("CC-BY-SA-2.5", "ISC")),
        ("MIT AND (GPL-2.0-only OR CC-BY-SA-4.0)", ("CC-BY-SA-4.0", "MIT")),
        ("Apache-2.0 WITH LLVM-exception AND mit", ("Apache-2.0", "MIT")),
        ("(MIT AND ISC) OR Zlib", ("Zlib",)),
        ("(MIT AND ISC) OR CC-BY-SA-4.0", ("ISC", "MIT")),
    ],
)
def test_of_and_both_bind_and_of_or_the_freer(expression: str, bound: tuple[str, ...]) -> None:
    """Worked by hand: a choice goes to what demands least, then to fewer licences, then by name."""
    assert terms(expression) == bound
    assert kind(expression) == ("share_alike" if set(bound) & set(SHARE_ALIKE) else "permissive")


@pytest.mark.parametrize(
    "licence",
    [
        *("GPL-3.0-only", "CC-BY-NC-4.0", "CC-BY-SA-1.0", "MIT AND GPL-3.0-only", "LicenseRef-ours", "MIT+"),
        *("", "no licence", "MIT AND", "import os", "CC BY-SA 4.0"),
    ],
)
def test_a_licence_that_is_not_known_is_refused_in_a_sentence(licence: str) -> None:
    with pytest.raises(SourceError, match=r"The licence '.*' is none of those whose terms are known"):
        kind(licence)


def test_one_share_alike_row_binds_the_whole_file() -> None:
    """Whatever else is in it, and whichever version the row has."""
    for version in SHARE_ALIKE:
        assert bundle(["MIT", version, "Apache-2.0"]) == "CC-BY-SA-4.0"
    assert bundle(["MIT AND CC-BY-SA-2.5"]) == "CC-BY-SA-4.0"


@pytest.mark.parametrize(("licences", "whole"), [([], ""), (["MIT"] * 9, "MIT"), (["MIT", "0BSD"], "0BSD AND MIT")])
def test_permissive_licences_all_apply(licences: list[str], whole: str) -> None:
    assert bundle(licences) == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(PERMISSIVE + SHARE_ALIKE), max_size=8))
def test_a_bundles_licence_says_what_its_rows_do(licences: list[str]) -> None:
    """Order and repetition change nothing, a bundle of bundles is the bundle, and it is as strict as its strictest."""
    whole = bundle(licences)
    assert whole == bundle([*reversed(licences), *licences])
    if licences:
        assert bundle([whole, licences[0]]) == whole
        assert (kind(whole) == "share_alike") == any(kind(licence) == "share_alike" for licence in licences)


def test_a_bundle_declared_permissive_refuses_share_alike_rows() -> None:
    """The sentence has the count, the licence, the first row and what to do."""
    require_permissive(licensed("MIT", "ISC", "MIT OR CC-BY-SA-4.0"))
    require_permissive(licensed())
    with pytest.raises(
        LicenceConflict, match=r"2 of 3 rows .*CC-BY-SA-3.0: 1, CC-BY-SA-4.0: 1.* first is x:1.*CC-BY-SA-4.0"
    ):
        require_permissive(licensed("MIT", "CC-BY-SA-4.0", "CC-BY-SA-3.0"))


def test_the_notice_owes_each_author_once_by_licence() -> None:
    """Worked by hand, in any order of rows; white space in an attribution cannot make lines of its own."""
    licences = ("CC-BY-SA-4.0", "MIT", "CC-BY-SA-4.0", "CC-BY-SA-4.0", "MIT AND ISC")
    owed = ("zoe, link", "", "ann,\n\nMIT (forged): 9 rows", "zoe, link", "bob")
    text = (
        "Licence of this file as a whole: CC-BY-SA-4.0.\n"
        "Each row keeps its own licence, named in its metadata and listed here.\n\n"
        "CC-BY-SA-4.0 (https://spdx.org/licenses/CC-BY-SA-4.0.html): 3 rows\n"
        "  ann, MIT (forged): 9 rows\n"
        "  zoe, link\n\n"
        "MIT (https://spdx.org/licenses/MIT.html): 1 rows\n\n"
        "MIT AND ISC (https://spdx.org/licenses/ISC.html, https://spdx.org/licenses/MIT.html): 1 rows\n"
        "  bob\n"
    )
    table = licensed(*licences, attributions=owed)
    assert notice(table) == notice(table.iloc[::-1]) == text


def test_a_file_without_rows_has_a_notice_too() -> None:
    assert notice(licensed()).startswith("Licence of this file as a whole: none, it has no rows.\n")


def test_no_licence_stands_on_both_lists() -> None:
    assert not set(PERMISSIVE) & set(SHARE_ALIKE)
    assert len(set(PERMISSIVE)) == len(PERMISSIVE)
    assert all(
        bundle(pair) == bundle(other) for pair in combinations(PERMISSIVE[:4], 2) for other in permutations(pair)
    )
