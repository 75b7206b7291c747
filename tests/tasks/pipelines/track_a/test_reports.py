"""Track A's report: its numbers are those of the datasets' descriptions, and every section and column is there."""

from typing import Any

import pandas as pd
import pytest

from schemas import format_a
from schemas.document import Document
from schemas.run_report import RunReport, Table
from tasks.pipelines.track_a import reports
from tasks.pipelines.track_a.reports import LabelledDataset, Vocabulary
from tasks.publish.datasheet import datasheet
from tasks.publish.page import render
from tasks.publish.terminal import summary_lines
from tasks.publish.verdict import remarks, verdict
from tests.tasks.publish.reports import source
from tests.tasks.quality.rows import sequences

pytestmark = pytest.mark.unit

STATES = format_a.STATES[:5]
ALL_RIGHT = {state: {"planted": 9, "predicted": 9, "precision": 1.0, "recall": 0.99} for state in STATES}
MANIFEST: Document = {
    "rows": {"in": 10, "kept": 7, "dropped": {"no_time": 3}, "quarantined": {}},
    "sequences": {"in": 5, "kept": 5, "dropped": {}, "quarantined": {}},
    "findings": [],
    "missing": [],
}


def description(rows: tuple[int, int] = (1, 4), tokens: dict[int, int] | None = None) -> Document:
    histogram = [{"from": 0, "to": 0, "rows": rows[0]}, {"from": 1, "to": None, "rows": rows[1]}]
    top = [{"token": token, "rows": count} for token, count in (tokens or {}).items()]
    over_time = {"bucket_seconds": 300, "starts": ["1970-01-01T00:00:00+00:00"], "counts": {"Normal": [5]}}
    return {
        "sequence_length": {"histogram": histogram},
        "token_stats": {"top_tokens": top},
        "events_over_time": over_time,
        "rule_distribution": {"cpu_high": 5},
    }


def dataset(accuracy: Document | None = None, **more: Any) -> LabelledDataset:
    parts = {
        "source": source("ds1_alibaba"),
        "manifest": MANIFEST,
        "reasons": {"no_time": "The row has no time."},
        "description": description(),
        "accuracy": accuracy,
        "rules": {"cpu_high": "CPU of at least 80 %", "oom": "out of memory"},
    }
    return LabelledDataset(**{**parts, **more})


def vocabulary(*tokens: int) -> Vocabulary:
    return Vocabulary(entries={str(token): {"meaning": f"m{token}", "source": "s"} for token in tokens}, sha256="ab")


def content(of: LabelledDataset, conflicts: int = 0) -> Document:
    """A report of five sequences, one of each state."""
    one = {"source": "ds1_alibaba", "rule": "cpu_high", "split": "train"}
    combined = sequences([{**one, "ids": (100, n), "label": n} for n in range(5)])
    return reports.summary(
        combined,
        combined,
        pd.DataFrame(index=range(conflicts)),
        combined.iloc[:0],
        datasets=[of],
        vocabulary=vocabulary(100),
        absent={},
        mode="sample",
    )


@pytest.fixture(scope="module")
def report() -> RunReport:
    return RunReport.model_validate(
        content(dataset({"states": ALL_RIGHT, "rules": {"cpu_high": {"precision": 0.991}}}))
    )


def rows(report: RunReport, name: str) -> list[tuple[object, ...]]:
    section = next(section for section in report.sections if section.id == name)
    return [row for part in section.parts if isinstance(part, Table) for row in part.rows]


def test_lengths_of_all_datasets_are_added_bin_by_bin() -> None:
    both = [dataset(description=description((1, 2))), dataset(description=description((10, 20)))]
    made = reports.lengths(both)
    assert (made.edges, made.counts) == ((0, 1, 513), (11, 22))


def test_templates_are_log_templates_only_most_frequent_first_with_their_meaning() -> None:
    both = [
        dataset(description=description(tokens={100: 99, 1001: 5})),
        dataset(description=description(tokens={1002: 7})),
    ]
    assert reports.templates(both, vocabulary(100, 1001, 1002)) == [(1002, "m1002", 7), (1001, "m1001", 5)]


def test_a_timeline_of_the_trace_counts_from_its_beginning_and_one_without_windows_is_none() -> None:
    line = reports.timeline("ds1", description()["events_over_time"])
    assert line is not None
    assert (line.seconds, line.relative, line.series[0].counts) == (300, True, (5,))
    assert "does not publish its date" in line.note
    assert reports.timeline("ds1", {"bucket_seconds": None, "starts": [], "counts": {}}) is None


def test_every_column_of_format_a_is_explained_in_order(report: RunReport) -> None:
    assert [row[0] for row in rows(report, "columns")] == list(format_a.COLUMNS) == list(reports.COLUMN_MEANINGS)
    assert "| `sequence_ids` | `list<int32>` |" in datasheet(report.model_dump(mode="json"))


def test_each_rule_has_a_row_with_its_precision_or_none(report: RunReport) -> None:
    assert rows(report, "rules") == [
        ("cpu_high", "ds1_alibaba", "Normal", "CPU of at least 80 %", 5, 0.991),
        ("oom", "ds1_alibaba", "not given here", "out of memory", 0, None),
    ]


def test_labels_are_counted_before_and_after_balancing(report: RunReport) -> None:
    assert rows(report, "labels")[0] == ("Normal", 1, "20.0 %", 1, "20.0 %")
    assert rows(report, "labels")[-1] == ("all", 5, "", 5, "")
    assert report.labels == dict.fromkeys(STATES, 1)


def test_a_run_in_which_nothing_is_wrong_says_so(report: RunReport) -> None:
    assert [remark.level for remark in report.remarks] == []
    assert report.figures["ds1_alibaba: recall of Data drift"] == 0.99
    assert len(report.figures) == 5 + 1 + 2 * 5


def test_the_combination_adds_up(report: RunReport) -> None:
    assert report.combined is not None
    assert report.combined.gap == 0
    assert verdict(report)[0] == "warning"  # validation and test are empty here


@pytest.mark.parametrize(
    ("measures", "says"),
    [
        ({"planted": 3, "predicted": 3, "precision": None, "recall": 0.9}, "recall of System crash is 0.900"),
        ({"planted": 0, "predicted": 0, "precision": None, "recall": 0.0}, ""),
    ],
)
def test_labels_worse_than_expected_are_a_warning_unless_nothing_was_planted(measures: Document, says: str) -> None:
    states = {**ALL_RIGHT, "System_Crash": measures}
    made = RunReport.model_validate(content(dataset({"states": states, "rules": {}})))
    assert any(says in remark.text for remark in made.remarks) == bool(says)


def test_a_state_that_train_lacks_is_a_warning() -> None:
    (warning,) = reports._remarks({"Normal": 5, "System_Crash": 1}, [], 0)
    assert "no row labelled Resource exhaustion or Network failure or Data drift" in warning.text


def test_sequences_with_more_than_one_label_are_a_note() -> None:
    made = RunReport.model_validate(content(dataset(), conflicts=2))
    assert any("2 distinct sequences occurred with more than one label" in remark.text for remark in remarks(made))
    assert made.figures["more than one label"] == 2


def test_without_a_truth_it_names_the_command_that_measures() -> None:
    made = content(dataset())
    for text in (datasheet(made), render(made)):
        assert "Not measured" in text
        assert "make run" in text
    assert "accuracy  not measured" in "\n".join(summary_lines(RunReport.model_validate(made)))


def test_the_terminal_shows_labels_splits_and_the_lowest_accuracy(report: RunReport) -> None:
    text = "\n".join(summary_lines(report))
    assert "labels    Normal 1 · Resource exhaustion 1 · System crash 1 · Network failure 1 · Data drift 1" in text
    assert "splits    train 5 · validation 0 · test 0 (train balanced to 5)" in text
    assert "accuracy  lowest of 10 measures: recall 0.990 (ds1_alibaba, Data drift)" in text


def test_states_are_written_for_people() -> None:
    assert reports.state_name("Resource_Exhaustion") == "Resource exhaustion"
