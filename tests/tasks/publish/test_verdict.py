"""What is wrong with a run is named, weighed, and comes first."""

from typing import Any

import pytest

from schemas.run_report import Count, Ledger
from tasks.publish.verdict import made_sentence, remarks, sorted_findings, verdict
from tests.tasks.publish.reports import empty, finding, invented, ledger, source

pytestmark = pytest.mark.unit


def test_nothing_wrong_is_said_when_nothing_is_wrong() -> None:
    assert verdict(invented()) == (None, "No problem was found.")
    assert remarks(invented()) == []


@pytest.mark.parametrize(
    ("parts", "level", "says"),
    [
        ({"rows": 0}, "error", "The run made no distinct sequence."),
        (
            {"ledgers": (ledger("ds1", 10, 8, dropped={"x": 1}),)},
            "error",
            "ds1: the rows do not add up: 10 in, but 8 kept + 1 dropped + 0 quarantined = 9.",
        ),
        (
            {"findings": (finding("ds1", kind="schema", holds=False, severity="error"),)},
            "error",
            "ds1: schema: share of entity",
        ),
        ({"findings": (finding("ds1", holds=False),)}, "warning", "measured 0.01, limit 0.05"),
        ({"findings": (finding("ds1", holds=False, severity="info"),)}, None, ""),
        ({"splits": (Count(name="train", n=5), Count(name="test", n=0))}, "warning", "The split test is empty."),
        (
            {"absent": {"ds2": "SourceError: no file"}},
            "warning",
            "ds2 is missing from these data: SourceError: no file",
        ),
        ({"sources": (source("ds1", missing=("server_event",)),)}, "note", "ds1 was made without server_event."),
        ({"remarks": ({"level": "warning", "text": "Recall is low."},)}, "warning", "Recall is low."),
    ],
)
def test_what_is_wrong_is_named_and_weighed(parts: dict[str, Any], level: str | None, says: str) -> None:
    run = invented(**parts)
    assert verdict(run)[0] == (level if level != "note" else None)
    assert any(says in remark.text for remark in remarks(run)) == bool(says)


def test_the_worst_is_said_first() -> None:
    note = {"level": "note", "text": "A note."}
    splits = (Count(name="train", n=1), Count(name="test", n=0))
    run = invented(remarks=(note,), splits=splits, ledgers=(ledger("a", 1, 0),))
    assert [remark.level for remark in remarks(run)] == ["error", "warning", "note"]


def test_failed_checks_come_first_and_the_most_severe_of_them_before_others() -> None:
    run = invented(
        findings=(finding("a", holds=True), finding("b", holds=False), finding("c", holds=False, severity="error"))
    )
    assert [check.stem for check in sorted_findings(run)] == ["c", "b", "a"]


def test_a_run_of_nothing_is_not_to_be_used() -> None:
    assert verdict(empty()) == ("error", "Do not use this yet: 1 error, listed below.")


def test_the_ledger_of_a_case_worked_by_hand() -> None:
    book = Ledger(stem="x", of="rows", rows=10, kept=5, dropped={"b": 2, "a": 2}, quarantined={"c": 1})
    assert (book.rows_dropped, book.rows_quarantined, book.gap) == (4, 1, 0)
    assert book.reasons == [("a", "dropped", 2), ("b", "dropped", 2), ("c", "quarantined", 1)]


def test_what_was_made_is_one_sentence_that_adds_up() -> None:
    ledgers = [ledger("ds1", 10, 8, dropped={"x": 1}, quarantined={"y": 1}), ledger("ds2", 5, 5)]
    assert made_sentence(9, "file", ledgers) == (
        "9 files were made from 15 rows of 2 datasets (ds1, ds2). 1 row was dropped and 1 quarantined, "
        "each for a reason that is counted below."
    )
    assert made_sentence(1, "file", []) == "1 file was made. How many rows they come from is not recorded."
