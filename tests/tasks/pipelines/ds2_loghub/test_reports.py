"""DS2: the vocabulary has one meaning a token, and the report counts what the events are."""

import pandas as pd
import pytest

from schemas import format_a
from tasks.pipelines.ds2_loghub.reports import vocabulary
from tests.tasks.pipelines.ds2_loghub.logs import events_of, lines, lone, planted, report

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_a_vocabulary_has_one_meaning_a_token() -> None:
    made = events_of(lines(["Jun 14 10:00:00 h x: up", "Jun 14 10:00:01 h x: down"]))
    table = vocabulary(made)
    assert table.columns.tolist() == ["token", "source", "meaning"]
    assert table["token"].is_unique
    assert set(table["source"]) == {"ds2_loghub"}
    assert set(table["meaning"]) == {"linux: up", "linux: down"}


def test_the_report_has_the_domains_keys_and_says_how_many_windows_are_lone() -> None:
    made = report(planted([*lone(0, 1, 9), ("b", "h", 0, "crashed"), ("b", "h", 1, "crashed")]))
    assert made["validation"]["success"]
    assert {"expectation", "column", "success"} == set(made["validation"]["results"][0])
    statistics = made["statistics"]
    assert (statistics["total_rows"], statistics["rows_per_system"]) == (5, {"a": 3, "b": 2})
    assert statistics["severity_distribution"] == {"INFO": 5}
    assert statistics["event_type_distribution"] == {"normal_ops": 3, "system_crash": 2}
    assert made["windows"] == {
        "window_seconds": 300,
        "before_merging": {"windows": 4, "single_event": 3},
        "after_merging": {"windows": 3, "single_event": 1},
    }


def test_the_report_names_the_check_that_fails() -> None:
    made = planted(lone(0, 1))
    made["severity"] = pd.Series(["INFO", "LOUD"], dtype=format_a.TEXT)
    made["line"] = pd.Series([1, 1], dtype=made["line"].dtype)
    validation = report(made)["validation"]
    assert not validation["success"]
    assert {result["expectation"] for result in validation["results"] if not result["success"]} == {
        "known_severity",
        "no_line_twice",
    }


def test_errors_that_end_normal_are_counted_by_rule() -> None:
    made = planted(lone(0, 1))
    made["severity"] = pd.Series(["ERROR", "INFO"], dtype=format_a.TEXT)
    assert report(made)["statistics"]["unexplained_errors"] == {"normal": 1}
