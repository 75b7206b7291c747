"""Token ids: stable for ever, one meaning each."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.format_a import RESERVED
from tasks.quality import vocabulary
from tasks.quality.vocabulary import CEILING, FIRST_TEMPLATE, VocabularyConflict, home_token, merge, template_tokens

pytestmark = pytest.mark.unit

PAIRS = st.lists(st.tuples(st.sampled_from(["hdfs", "linux", "spark"]), st.text(max_size=8)), max_size=12)


def pairs(rows: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["system", "template"], dtype="string[pyarrow]")


def ids(rows: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
    made = template_tokens(pairs(rows))
    return {(system, template): int(token) for system, template, token in made.itertuples(index=False)}


def entries(*rows: tuple[int, str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["token", "source", "meaning"])


@settings(max_examples=50, deadline=None)
@given(old=PAIRS, new=PAIRS)
def test_more_templates_of_any_system_move_no_id(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    before, after = ids(old), ids(old + new)
    assert {pair: after[pair] for pair in before} == before


@settings(max_examples=50, deadline=None)
@given(rows=PAIRS, data=st.data())
def test_order_and_repetition_change_nothing(rows: list[tuple[str, str]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows + rows))
    assert template_tokens(pairs(shuffled)).equals(template_tokens(pairs(rows)))


def test_the_ids_of_the_first_release_are_still_the_ids() -> None:
    """A changed hash would silently give every trained model another language."""
    assert home_token("linux", "session opened for user <*>") == 2_017_463
    assert home_token("hdfs", "session opened for user <*>") == 3_468_994


def test_ids_lie_in_range_and_survive_float32() -> None:
    tokens = template_tokens(pairs([("hpc", f"template {n}") for n in range(5_000)]))["token"].to_numpy()
    assert tokens.dtype == np.int32
    assert tokens.min() >= FIRST_TEMPLATE
    assert tokens.max() < CEILING
    assert len(set(tokens)) == 5_000
    assert (tokens.astype(np.float32).astype(np.int32) == tokens).all()


def test_pairs_that_meet_in_one_id_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight templates and eight free ids: every one gets its own, going round at the ceiling."""
    monkeypatch.setattr(vocabulary, "CEILING", FIRST_TEMPLATE + 8)
    found = ids([("hpc", str(n)) for n in range(8)])
    assert sorted(found.values()) == list(range(FIRST_TEMPLATE, FIRST_TEMPLATE + 8))


def test_a_system_and_a_template_are_not_run_together() -> None:
    assert len(set(ids([("ab", "c"), ("a", "bc")]).values())) == 2


def test_no_templates_give_an_empty_table_of_the_same_types() -> None:
    empty, full = template_tokens(pairs([])), template_tokens(pairs([("a", "b")]))
    assert len(empty) == 0
    assert empty.dtypes.equals(full.dtypes)


A = entries((100, "ds1", "CPU 0-10 %"), (300, "ds1", "Terminated"))
B = entries((1_500, "ds2", "linux: session opened"), (999, "ds2", "x"))


def test_the_first_vocabulary_has_the_reserved_ids_and_is_sorted_by_number() -> None:
    made = merge({}, B, A)
    assert list(made) == ["0", "1", "2", "3", "4", "100", "300", "999", "1500"]
    assert [made[str(token)]["meaning"] for token in RESERVED] == list(RESERVED.values())
    assert made["100"] == {"source": "ds1", "meaning": "CPU 0-10 %"}


def test_merging_step_by_step_twice_or_in_any_order_gives_the_same() -> None:
    at_once = merge({}, A, B)
    assert merge(merge({}, A), B) == merge({}, B, A) == at_once
    assert merge(at_once, A, B) == at_once
    assert merge(at_once) == at_once


def test_nothing_is_ever_taken_out() -> None:
    assert merge(merge({}, A, B), entries())["1500"]["meaning"] == "linux: session opened"


@pytest.mark.parametrize(
    ("old", "tables"),
    [
        (merge({}, A), [entries((100, "ds1", "something else"))]),
        (merge({}, A), [entries((100, "ds2", "CPU 0-10 %"))]),
        ({}, [A, entries((100, "ds1", "something else"))]),
        ({}, [entries((100, "ds1", "one"), (100, "ds1", "two"))]),
        ({}, [entries((0, "ds1", "one"))]),
        ({"0": {"source": "ds1", "meaning": "one"}}, []),
    ],
)
def test_a_second_meaning_is_refused_and_both_are_named(old: dict, tables: list[pd.DataFrame]) -> None:
    with pytest.raises(VocabularyConflict, match=r"Token \d+ means '.+' \(.+\) already and would now mean '.+' \(.+\)"):
        merge(old, *tables)


def test_a_row_without_a_meaning_is_refused() -> None:
    with pytest.raises(VocabularyConflict, match=r"1 of 2 rows .* no token, source or meaning"):
        merge({}, entries((100, "ds1", "one"), (101, "ds1", None)))  # type: ignore[arg-type]
