"""The combined table against a plain one that compares every pair, and the laws a trainer relies on."""

import re
from collections import Counter
from functools import cache
from itertools import combinations
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from schemas.format_a import SPLIT_SHARES
from schemas.format_b import COLUMNS, SPLITS, VERIFIED, message, messages_json
from schemas.reject import REJECT_COLUMNS
from schemas.workflow import answer, result
from tasks.curate.dedup import minhash
from tasks.pipelines.track_b import combine as module
from tasks.pipelines.track_b.combine import overview, parts
from tasks.pipelines.track_b.duplicates import compared
from tasks.quality.licences import bundle, kind, require_permissive
from tasks.quality.splits import split_of
from tests.tasks.quality.conversations import SYSTEM, conversations, words

pytestmark = pytest.mark.unit

Rows = list[dict[str, Any]]
THRESHOLD = 0.85
jaccard = cache(minhash.jaccard)  # few texts, in many pairs of many examples

# Requests and manifests that overlap in 200 of up to 240 words: duplicates, chains, and pairs just below the threshold.
SLIDING = st.integers(0, 10).map(lambda n: words(4 * n, 4 * n + 200))
USERS = SLIDING | st.sampled_from(["Restart web", "restart WEB!", "Restart  web", "Scale web to 3", "Scale web to 4"])
BODIES = SLIDING.map(lambda body: (("apply_manifest", {"manifest_content": body}),))
ANY_ROW = st.fixed_dictionaries(
    {
        "user": USERS,
        "calls": BODIES | st.just((("get_node_status", {"node": "n1"}),)),
        "group": st.sampled_from(["g1", "g2", "g3"]),
        "licence": st.sampled_from(["MIT", "Apache-2.0", "CC-BY-SA-4.0", "CC-BY-SA-2.5"]),
        "verified": st.sampled_from([["format"], ["format", "tools"], ["format", "tools", "execution"]]),
    }
)
ANY_ROWS = st.lists(ANY_ROW, max_size=10)
DUPLICATE_REASONS = {"exact_duplicate", "near_duplicate", "payload_duplicate"}


def combine(*tables: pd.DataFrame, **parameters: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The combined table at this file's threshold."""
    return module.combine(*tables, threshold=THRESHOLD, **parameters)


def of_source(rows: Rows, source: str) -> pd.DataFrame:
    return conversations(*({**row, "source": source, "id": f"{source}:{n}"} for n, row in enumerate(rows)))


def alike(one: Any, other: Any) -> bool:
    """Whether two rows are duplicates, by the words of the contract."""
    (_, said, payload), (_, other_said, other_payload) = (compared(orjson.loads(r.messages)) for r in (one, other))
    same_group = (one.source, one.group) == (other.source, other.group)
    return jaccard(said, other_said) >= THRESHOLD or (
        not same_group and bool(payload and other_payload) and jaccard(payload, other_payload) >= THRESHOLD
    )


def plainly(*tables: pd.DataFrame) -> list[Any]:
    """The rows that stay: one after the other by priority, each compared with all that stay."""
    rows = [row for table in tables for row in table.itertuples()]
    rows.sort(key=lambda r: (-len(r.verified), kind(r.licence) == "share_alike", r.source, r.id))
    kept: list[Any] = []
    for row in rows:
        if not any(alike(row, other) for other in kept):
            kept.append(row)
    return sorted(kept, key=lambda r: (r.source, r.id))


def by_id(*tables: pd.DataFrame) -> dict[str, Any]:
    return {row.id: row for table in tables for row in table.itertuples()}


@settings(max_examples=40, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_combined_is_what_the_words_say(one: Rows, other: Rows) -> None:
    tables = of_source(one, "a"), of_source(other, "b")
    combined, duplicates, rejected = combine(*tables)
    assert combined["id"].tolist() == [row.id for row in plainly(*tables)]
    assert len(combined) + len(rejected) == len(one) + len(other)
    assert len(duplicates) == len(rejected)
    for _, pair in combined.groupby("source"):
        assert pair["id"].is_monotonic_increasing


@settings(max_examples=40, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_no_duplicates_are_left_and_each_that_went_has_its_own(one: Rows, other: Rows) -> None:
    """None across splits, as none is left at all; the table's Jaccard is the exact one of what its kind compares."""
    tables = of_source(one, "a"), of_source(other, "b")
    combined, duplicates, _ = combine(*tables)
    assert not any(alike(*pair) for pair in combinations(combined.itertuples(), 2))
    rows, kept = by_id(*tables), set(combined["id"])
    for told in duplicates.itertuples():
        removed, stays = (compared(orjson.loads(rows[name].messages)) for name in (told.removed, told.kept))
        assert told.kept in kept
        assert told.removed not in kept
        assert (told.source_removed, told.source_kept) == (rows[told.removed].source, rows[told.kept].source)
        assert (removed[0] == stays[0]) == (told.kind == "exact")
        place = 2 if told.kind == "payload" else 1
        assert told.jaccard == pytest.approx(jaccard(removed[place], stays[place]))
        assert told.jaccard >= THRESHOLD


@settings(max_examples=20, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_the_order_of_tables_and_rows_and_the_workers_change_nothing(one: Rows, other: Rows) -> None:
    a, b = of_source(one, "a"), of_source(other, "b")
    again = combine(b.iloc[::-1], a.iloc[::-1], licence="permissive", workers=3)
    for made, same in zip(combine(a, b, licence="permissive"), again, strict=True):
        assert made.equals(same)


@settings(max_examples=20, deadline=None)
@given(rows=ANY_ROWS)
def test_combining_again_changes_nothing(rows: Rows) -> None:
    combined, _, _ = combine(of_source(rows, "a"))
    again, duplicates, _ = combine(combined)
    assert again.equals(combined)
    assert duplicates.empty


@settings(max_examples=20, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_a_rows_split_is_that_of_its_group_and_no_other_row_moves_it(one: Rows, other: Rows) -> None:
    alone, together = (
        by_id(combine(of_source(one, "a"))[0]),
        by_id(combine(of_source(one, "a"), of_source(other, "b"))[0]),
    )
    assert all(row.split == split_of(row.source, row.group, 0, SPLIT_SHARES) for row in together.values())
    assert all(together[name].split == alone[name].split for name in alone.keys() & together.keys())


@settings(max_examples=20, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS)
def test_the_permissive_table_is_that_of_the_permissive_rows(one: Rows, other: Rows) -> None:
    """Share-alike rows go before duplicates are sought; so none takes with it the permissive row it duplicates."""
    tables = of_source(one, "a"), of_source(other, "b")
    combined, duplicates, rejected = combine(*tables, licence="permissive")
    require_permissive(combined)
    only = [table[table["licence"].isin(["MIT", "Apache-2.0"])] for table in tables]
    for made, expected in zip((combined, duplicates), combine(*only), strict=False):
        assert made.equals(expected)
    assert sum(rejected["reason"] == "share_alike") == len(one) + len(other) - sum(map(len, only))
    assert set(rejected["reason"]) <= {"share_alike", *DUPLICATE_REASONS}
    assert set(rejected["outcome"]) <= {"dropped"}


@settings(max_examples=20, deadline=None)
@given(one=ANY_ROWS, other=ANY_ROWS, licence=st.sampled_from(["all", "permissive"]))
def test_every_row_is_combined_or_rejected_with_its_reason(one: Rows, other: Rows, licence: Any) -> None:
    """A duplicate's reason is the kind in the table of duplicates; rejects are by source and id."""
    tables = of_source(one, "a"), of_source(other, "b")
    combined, duplicates, rejected = combine(*tables, licence=licence)
    lost = [orjson.loads(re.sub(r',"messages".*', "}", row))["id"] for row in rejected["row"]]
    assert sorted([*combined["id"], *lost]) == sorted(by_id(*tables))
    assert lost == sorted(lost, key=lambda name: (name.split(":")[0], name))
    reason_of = dict(zip(lost, rejected["reason"], strict=True))
    kinds = dict(zip(duplicates["removed"], duplicates["kind"], strict=True))
    assert {name: f"{kind}_duplicate" for name, kind in kinds.items()} == {
        name: reason for name, reason in reason_of.items() if reason != "share_alike"
    }


def test_a_permissive_twin_survives_its_share_alike_twin() -> None:
    """Although the share-alike row passed more stages, and would stay before it."""
    rows = [
        {"id": "a:1", "source": "a", "user": "Restart web", "licence": "CC-BY-SA-4.0", "verified": ["format", "tools"]},
        {"id": "b:1", "source": "b", "user": "Restart web", "licence": "MIT", "verified": ["format"]},
    ]
    assert combine(conversations(*rows))[0]["id"].tolist() == ["a:1"]
    combined, duplicates, rejected = combine(conversations(*rows), licence="permissive")
    assert (combined["id"].tolist(), len(duplicates)) == (["b:1"], 0)
    assert '"id":"a:1"' in rejected["row"].iloc[0]


def test_priority_is_stages_then_licence_then_source_then_id() -> None:
    """Each twin differs from the next best in one thing; worked by hand."""
    best = {"verified": ["format", "tools"], "licence": "MIT", "source": "a"}
    ranked = [
        {**best, "id": "a:1"},
        {**best, "id": "a:2"},
        {**best, "id": "a:0", "source": "b"},
        {**best, "id": "a:-1", "licence": "CC-BY-SA-4.0"},
        {**best, "id": "a:-2", "verified": ["format"]},
    ]
    for n in range(len(ranked)):
        left = [{**row, "user": "Restart web"} for row in ranked[n:]]
        assert combine(conversations(*left[::-1]))[0]["id"].tolist() == [ranked[n]["id"]]


def test_columns_are_format_b_verified_and_split_and_slices_are_left_out() -> None:
    one, other = conversations({"id": "a:1"}, topic=["gpu"]), conversations({"id": "b:1", "source": "b"}, kind=["Pod"])
    combined, _, rejected = combine(one, other)
    types = {**COLUMNS, "verified": VERIFIED}
    assert list(combined.columns) == [*types, "split"]
    assert {name: combined[name].dtype for name in types} == types
    assert dict(rejected.dtypes) == REJECT_COLUMNS


def test_tables_without_rows_and_no_tables_give_empty_ones() -> None:
    for made in (combine(), combine(conversations()), combine(conversations(), licence="permissive")):
        assert [len(table) for table in made] == [0, 0, 0]
        assert list(made[0].columns) == [*COLUMNS, "verified", "split"]
        assert overview(*made)["ledger"] == {"rows_in": 0, "combined": 0, "duplicates": 0, "rejected": {}}


def test_one_row_stays_and_of_rows_all_alike_one() -> None:
    assert len(combine(conversations({}))[0]) == 1
    combined, duplicates, _ = combine(conversations(*({"id": f"x:{n}", "user": "Restart web"} for n in range(9))))
    assert (combined["id"].tolist(), len(duplicates)) == (["x:0"], 8)


def test_rows_stand_by_source_and_id_whatever_their_priority() -> None:
    """Kept rows and rejects; and of rows out of order the share-alike ones are left out, no others."""
    rows = [
        {"id": name, "source": name[0], "licence": licence, "verified": verified}
        for name, licence, verified in (
            ("b:2", "CC-BY-SA-4.0", ["format", "tools", "execution"]),
            ("b:1", "MIT", ["format"]),
            ("a:3", "CC-BY-SA-2.5", ["format"]),
            ("b:3", "ISC", ["format", "tools", "execution"]),
            ("a:1", "MIT", ["format", "tools"]),
        )
    ]
    assert combine(conversations(*rows))[0]["id"].tolist() == ["a:1", "a:3", "b:1", "b:2", "b:3"]
    combined, _, rejected = combine(conversations(*rows), licence="permissive")
    assert combined["id"].tolist() == ["a:1", "b:1", "b:3"]
    assert [orjson.loads(row)["id"] for row in rejected["row"].str.replace(r',"messages".*', "}", regex=True)] == [
        "a:3",
        "b:2",
    ]


def test_an_id_that_stands_twice_is_refused() -> None:
    """Else nobody could tell which row was removed for which."""
    with pytest.raises(SourceError, match=r"1 of 3 rows have an id that another row has too, such as x:1"):
        combine(conversations({}), conversations({}, {"id": "x:2"}))


@pytest.mark.parametrize("licence", ["all", "permissive"])
def test_an_unknown_licence_is_refused(licence: Any) -> None:
    with pytest.raises(SourceError, match=r"The licence 'GPL-3.0-only' is none"):
        combine(conversations({"licence": "GPL-3.0-only"}), licence=licence)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.2, -0.1), (0.5, 0.1, 0.1)])
def test_shares_that_are_not_three_parts_of_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="three parts of 1"):
        combine(conversations({}), shares=shares)


def test_shares_are_of_groups() -> None:
    """Within three standard deviations of a sample of 600; all in train when train has all."""
    table = conversations(*({"id": f"x:{n}"} for n in range(600)))
    found = Counter(combine(table, shares=(0.5, 0.3, 0.2))[0]["split"])
    for name, share in zip(SPLITS, (0.5, 0.3, 0.2), strict=True):
        assert abs(found[name] - 600 * share) < 3 * (600 * share * (1 - share)) ** 0.5
    assert set(combine(table, shares=(1, 0, 0))[0]["split"]) == {"train"}


def many() -> pd.DataFrame:
    rows = [
        {"id": f"{source}:{n}", "source": source} for source in ("a", "b") for n in range(40 if source == "a" else 90)
    ]
    return combine(conversations(*rows))[0]


def test_parts_mix_train_alone() -> None:
    combined = many()
    whole = parts(combined, None, 42)
    train, validation, test = parts(combined, {"a": 1, "b": 1}, 3)
    assert pd.concat(whole).sort_values(["source", "id"]).reset_index(drop=True).equals(combined)
    assert (validation.equals(whole[1]), test.equals(whole[2])) == (True, True)
    found = Counter(train["source"])
    assert found["a"] == found["b"] == Counter(whole[0]["source"])["a"]
    assert not train.equals(parts(combined, {"a": 1, "b": 1}, 4)[0])


def test_the_overview_worked_by_hand() -> None:
    """Two datasets, a duplicate within one and two across both, and an answer of two steps before results."""
    long = messages_json(
        [
            message("system", SYSTEM),
            message("user", "How are n1 and n2?"),
            message("assistant", answer([("get_node_status", {"node": node}) for node in ("n1", "n2")])),
            message("tool", result(1, "get_node_status", "Ready")),
            message("assistant", answer((), "Fine.")),
            message("user", "Thanks"),
            message("assistant", answer((), "You are welcome.")),
        ]
    )
    rows = [
        {"id": "a:1", "source": "a", "user": "Restart web"},
        {"id": "a:2", "source": "a", "user": "restart web!"},
        {"id": "b:1", "source": "b", "user": "Restart web", "licence": "CC-BY-SA-3.0"},
        {"id": "b:4", "source": "b", "user": "Restart, web"},
        {"id": "b:2", "source": "b", "messages": long, "group": "g", "verified": ["format", "tools", "execution"]},
        {"id": "b:3", "source": "b", "user": "Something else", "group": "g", "environment": "staging"},
    ]
    made = combine(conversations(*rows), shares=(1, 0, 0))
    seen = overview(*made)
    assert orjson.loads(orjson.dumps(seen)) == seen
    assert seen["ledger"] == {"rows_in": 6, "combined": 3, "duplicates": 3, "rejected": {}}
    assert seen["rows"] == {
        "a": {"train": 1, "validation": 0, "test": 0},
        "b": {"train": 2, "validation": 0, "test": 0},
    }
    assert seen["splits"] == {"train": 3, "validation": 0, "test": 0}
    assert seen["groups"] == {"a": 1, "b": 1}
    assert seen["licences"] == {"MIT": 3}
    assert seen["bundle_licence"] == bundle(["MIT"]) == "MIT"
    assert seen["environments"] == {"production": 2, "staging": 1}
    assert seen["verified"] == {"format": 3, "tools": 3, "execution": 1}
    assert seen["turns"] == {"min": 1, "max": 2, "mean": 1.333333, "counts": {"1": 2, "2": 1}}
    assert seen["steps_per_answer"] == {"min": 0, "max": 2, "mean": 0.8, "counts": {"0": 2, "1": 2, "2": 1}}
    assert seen["tools"] == {"distinct": 1, "calls": 4, "top": {"get_node_status": 4}}
    characters = {
        source: sum(
            len(turn["content"]) for m in made[0]["messages"][made[0]["source"] == source] for turn in orjson.loads(m)
        )
        for source in ("a", "b")
    }
    assert seen["characters"] == {
        source: {"characters": count, "approximate_tokens": count // 4} for source, count in characters.items()
    }
    assert seen["duplicates"] == {
        "removed": 3,
        "kinds": {"exact": 1, "near": 2, "payload": 0},
        "within_a_dataset": 1,
        "across_datasets": 2,
        "by_sources": [{"removed": "a", "kept": "a", "rows": 1}, {"removed": "b", "kept": "a", "rows": 2}],
    }


def test_the_overview_counts_rejects_by_reason_and_is_free_of_the_order_of_rows() -> None:
    made = combine(conversations({}, {"id": "x:2", "licence": "CC-BY-SA-4.0"}, {"id": "x:3"}), licence="permissive")
    assert overview(*made)["ledger"]["rejected"] == {"share_alike": 1}
    assert overview(*(table.iloc[::-1] for table in made)) == overview(*made)
