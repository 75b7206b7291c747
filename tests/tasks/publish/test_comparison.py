"""A run is compared with the last different one; a repeated run gives the same bytes; an older file breaks nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.run_report import History, RunReport
from tasks.publish.comparison import (
    Change,
    all_figures,
    as_previous,
    change_sentence,
    changes,
    history_of,
    ranking_changes,
    with_history,
)
from tests.tasks.publish.reports import SPLITS, after, invented, ledger

pytestmark = pytest.mark.unit


def published(report: RunReport) -> bytes:
    return report.model_dump_json().encode()


def test_the_first_run_is_compared_with_nothing() -> None:
    assert history_of(invented(), b"") == History()
    assert "first run published here" in change_sentence(invented())


def test_another_run_is_compared_with_the_published_one() -> None:
    other = invented(rows=9)
    assert history_of(invented(), published(other)).previous == as_previous(other)


def test_a_repeated_run_is_compared_with_what_the_published_one_was_compared_with() -> None:
    run = invented()
    content = with_history(run.model_dump(mode="json"), history=history_of(run, published(invented(rows=9))))
    again = history_of(run, json.dumps(content).encode())
    assert with_history(run.model_dump(mode="json"), history=again) == content


OLDER = {"track": "track_a", "mode": "sample", "rows": {"ds1": {"in": 1, "kept": 1}}, "previous": None}


@pytest.mark.parametrize(
    "content", [json.dumps(OLDER), "{", "[]", json.dumps({**invented().model_dump(mode="json"), "newer": 1})]
)
def test_a_run_json_that_cannot_be_read_counts_as_no_run_and_the_page_says_so(content: str) -> None:
    history = history_of(invented(), content.encode())
    run = invented(history=history)
    assert (history.previous, changes(run)) == (None, [])
    assert "run.json cannot be read by this version" in change_sentence(run)
    assert history_of(invented(), published(run)) == history  # a repeated run gives the same bytes


def test_changes_are_those_of_a_case_worked_by_hand() -> None:
    splits = (SPLITS[0].model_copy(update={"n": 900}), *SPLITS[1:])
    older = ledger("ds1_alibaba", 1_000, 990, quarantined={"cpu_out_of_range": 3, "older_reason": 1})
    before = invented(
        splits=splits,
        rows=1_150,
        ledgers=(older, invented().ledgers[1]),
        figures={"train: Normal": 900, "recall of Normal": 0.98},
    )
    assert {change.name: change.difference for change in changes(after(before))} == {
        "distinct sequences": "+100 (+8.7 %)",
        "in train": "+100 (+11.1 %)",
        "ds1_alibaba: dropped, duplicate": "new",
        "ds1_alibaba: quarantined, older_reason": "gone",
        "recall of Normal": "+0.010",
    }
    assert Change("n", 100_000, 100_001).difference == "+1"  # not "+0.0 %"
    assert Change("n", 0, 3).difference == "+3"


def test_runs_of_different_modes_are_not_compared() -> None:
    run = after(invented(mode="live", rows=9))
    assert changes(run) == []
    assert "Figures of different modes are not compared" in change_sentence(run)


def test_a_repeated_run_says_that_nothing_changed() -> None:
    run = after(invented())
    assert changes(run) == []
    assert change_sentence(run).startswith("Nothing changed: all ")


@given(st.lists(st.sampled_from(["splits", "ledgers", "figures", "findings"]), unique=True))
def test_a_run_never_differs_from_itself(keys: list[str]) -> None:
    lacking = {key: {} if key == "figures" else () for key in keys}
    assert changes(after(invented(**lacking), **lacking)) == []


def test_figures_are_named_once_each() -> None:
    assert len(all_figures(invented())) == 1 + 2 * 2 + 2 + 3 + 2 + 1


def test_members_that_enter_and_leave_a_ranking_are_counted() -> None:
    run = after(invented(), rankings={"Most frequent templates": ("b", "c", "d")})
    assert ranking_changes(run) == ["Most frequent templates: 2 new, 1 no longer in the list."]
    assert ranking_changes(after(invented())) == []
