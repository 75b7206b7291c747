"""Splits: a function of the group, so nothing moves; and no instant of an entity in two of them."""

from collections import Counter
from datetime import timedelta
from itertools import combinations
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from schemas.format_a import TEXT
from schemas.reject import REJECT_COLUMNS
from tasks.quality.splits import assign, by_group, findings, sizes, split_of
from tests.tasks.quality.rows import ANY_ROWS, MINUTE, sequences

pytestmark = pytest.mark.unit

DAY = 24 * 60  # minutes


def entity_with(*splits: str) -> str:
    """The first machine whose days 0, 1, ... have these splits."""
    days = [day * DAY * MINUTE for day in range(len(splits))]
    names = (f"m{n}" for n in range(100_000))
    return next(name for name in names if tuple(split_of("ds1", name, day) for day in days) == splits)


def kept(rows: list[dict[str, Any]], **told: Any) -> pd.DataFrame:
    return assign(sequences(rows), **told)[0]


@settings(max_examples=20, deadline=None)
@given(old=ANY_ROWS, new=ANY_ROWS)
def test_more_rows_of_any_kind_never_move_an_old_one(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    """Neither into another split nor into or out of the rejects."""
    columns = ["entity", "window_start", "context_start", "split"]
    alone, together = kept(old), kept(old + new)
    assert together.head(len(alone))[columns].equals(alone[columns])


@settings(max_examples=25, deadline=None)
@given(rows=ANY_ROWS)
def test_two_sequences_of_an_entity_that_share_an_instant_share_a_split(rows: list[dict[str, Any]]) -> None:
    table = kept(rows)
    for one, other in combinations(table.itertuples(), 2):
        overlap = one.context_start < other.window_end and other.context_start < one.window_end
        if one.entity == other.entity and overlap:
            assert one.split == other.split


@settings(max_examples=30, deadline=None)
@given(rows=ANY_ROWS)
def test_every_row_is_kept_or_rejected_and_has_its_groups_split(rows: list[dict[str, Any]]) -> None:
    table = sequences(rows)
    good, bad = assign(table)
    assert len(good) + len(bad) == len(table)
    for r in good.itertuples():
        microseconds = r.window_start.value // 1_000
        assert r.split == split_of(r.source, r.entity, microseconds // (DAY * MINUTE) * DAY * MINUTE)


def test_a_context_that_reaches_into_another_split_is_dropped_with_its_reason() -> None:
    entity = entity_with("train", "test")
    good, bad = assign(
        sequences(
            [
                {"entity": entity, "minute": DAY - 5},
                {"entity": entity, "minute": DAY, "history": 5, "ids": (7, 8)},
                {"entity": entity, "minute": DAY + 5, "history": 5},
            ]
        )
    )
    assert list(good["split"]) == ["train", "test"]
    assert tuple(bad.columns) == tuple(REJECT_COLUMNS)
    assert list(bad["outcome"]) == ["dropped"]
    assert list(bad["reason"]) == ["context_crosses_split"]
    assert '"sequence_ids":[7,8]' in bad["row"].iloc[0]


def test_a_context_that_reaches_into_another_day_of_the_same_split_is_kept() -> None:
    entity = entity_with("test", "test")
    assert list(kept([{"entity": entity, "minute": DAY, "history": 5}])["split"]) == ["test"]


def test_a_day_of_another_split_between_two_of_the_same_is_seen() -> None:
    entity = entity_with("train", "test", "train")
    assert kept([{"entity": entity, "minute": 2 * DAY, "history": DAY + 5}]).empty


def test_a_window_that_ends_where_the_next_day_starts_does_not_touch_it() -> None:
    entity = entity_with("train", "test")
    assert len(kept([{"entity": entity, "minute": DAY - 5}])) == 1
    assert kept([{"entity": entity, "minute": DAY - 4}]).empty


def test_days_before_1970_are_days_too() -> None:
    expected = split_of("ds1", "m1", -DAY * MINUTE)
    assert list(kept([{"minute": -5}, {"minute": -DAY}])["split"]) == [expected, expected]


def test_shares_are_kept_over_many_groups() -> None:
    """Three standard errors of 20,000 draws."""
    found = Counter(split_of("ds1", f"m{n}", 0) for n in range(20_000))
    for name, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        assert abs(found[name] / 20_000 - share) < 3 * (share * (1 - share) / 20_000) ** 0.5


def test_a_group_keeps_its_split_from_release_to_release() -> None:
    assert [split_of("ds1_alibaba", f"m{n}", 0) for n in range(8)] == [
        "train",
        "validation",
        "train",
        "train",
        "test",
        "train",
        "test",
        "test",
    ]


def test_a_smaller_block_and_other_shares_are_obeyed() -> None:
    rows = [{"minute": 5 * n} for n in range(200)]
    assert set(kept(rows)["split"]) == {split_of("ds1", "m1", 0)}
    assert set(kept(rows, block=timedelta(minutes=5))["split"]) == {"train", "validation", "test"}
    assert set(kept(rows, block=timedelta(minutes=5), shares=(0, 0, 1))["split"]) == {"test"}


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2)])
def test_shares_that_are_no_parts_of_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be three parts of 1"):
        kept([{}], shares=shares)


def test_a_block_of_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        kept([{}], block=timedelta(0))


def test_no_rows_give_no_rows() -> None:
    good, bad = assign(sequences([]))
    assert (len(good), len(bad)) == (0, 0)


def test_an_empty_split_is_seen_and_not_filled() -> None:
    table = kept([{"minute": 5 * n, "label": n % 2} for n in range(10)])
    name = table["split"].iloc[0]
    found = {finding.name: finding for finding in findings(table)}
    assert sizes(table)[name] == {
        "rows": 10,
        "weight": 10,
        "entities": 1,
        "label_distribution": {
            "Normal": 5,
            "Resource_Exhaustion": 5,
            "System_Crash": 0,
            "Network_Failure": 0,
            "Data_Drift": 0,
        },
    }
    assert found[f"rows in {name}"].holds
    others = [finding for finding in found.values() if not finding.holds]
    assert len(others) == 2
    assert all(f.severity == "warning" and "1 entities in all" in f.detail for f in others)


def test_a_groups_split_is_its_own_whatever_else_is_in_the_table() -> None:
    groups = [f"g{n}" for n in range(60)] * 2
    table = pd.DataFrame({"source": ["ds"] * 120, "group": groups})
    split = by_group(table)["split"]
    assert (split[:60].to_list(), set(split)) == (split[60:].to_list(), {"train", "validation", "test"})
    assert split.to_list() == [split_of("ds", group, 0) for group in groups]
    assert by_group(table[7:9])["split"].to_list() == split[7:9].to_list()
    assert by_group(table)["split"].dtype == TEXT
    assert by_group(table[:0])["split"].to_list() == []
