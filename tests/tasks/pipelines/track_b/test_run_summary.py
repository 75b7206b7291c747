"""Track B's summary: counted from the combined rows and the manifests, and told on the page, in the sheet, in words."""

from typing import Any

import orjson
import pytest

from schemas.format_b import SPLITS
from schemas.limits import NEAR_DUPLICATES
from schemas.source import Source
from tasks.engine.snapshots import to_json
from tasks.pipelines.track_b.combine import combine, overview, parts
from tasks.pipelines.track_b.mixture import mixture_report
from tasks.pipelines.track_b.run_summary import conversation_summary, lengths
from tasks.publish.datasheet import datasheet
from tasks.publish.report import render, summary_lines, summary_markdown
from tests.tasks.quality.conversations import conversations, words

pytestmark = pytest.mark.unit

MANIFEST: dict[str, Any] = {
    "rows": {"in": 9, "kept": 6, "dropped": {"not_yaml": 3}, "quarantined": {}},
    "sequences": {"in": 6, "kept": 4, "dropped": {}, "quarantined": {"tools_params_invalid": 2}},
    "findings": [],
    "missing": [],
}


def run(**told: Any) -> dict[str, Any]:
    """Four conversations of one dataset, one of them said twice."""
    ran = {"verified": ["format", "tools", "execution"]}
    rows = [
        {"id": "a:1", "source": "a", "user": words(0, 40)},
        {"id": "a:2", "source": "a", "user": words(0, 40)},
        {"id": "a:3", "source": "a", "user": words(50, 90), "licence": "CC-BY-SA-4.0"},
        {"id": "a:4", "source": "a", "user": words(90, 130), **ran},
    ]
    every, duplicates, left_out = combine(conversations(*rows), threshold=NEAR_DUPLICATES)
    counts = orjson.loads(to_json(overview(every, duplicates, left_out)))  # as the flow reads it: keys in order
    train, _, _ = parts(every, None, 42)
    return conversation_summary(
        every,
        counts=counts,
        mixture=mixture_report(every, train, None),
        **{
            "track": "track_b",
            "title": "Track B",
            "mode": "sample",
            "sources": [{"stem": "a", "title": "A", "licence": "MIT", "missing": []}],
            "manifests": {"a": MANIFEST},
            "absent": {},
            "limits": ["A limit."],
            **told,
        },
    )


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return run()


def section(told: dict[str, Any], name: str) -> list[list[str]]:
    return next(part["rows"] for part in told["sections"] if part["id"] == name)


def test_rows_combined_and_left_out_add_up_to_what_the_datasets_kept(told: dict[str, Any]) -> None:
    assert told["combined"] == {
        "rows": 3,
        "weight": 3,
        "dropped": {"exact_duplicate": 1, "near_duplicate": 0, "payload_duplicate": 0},
    }
    assert sum(told["splits"].values()) == 3


def test_verification_tells_what_passed_each_stage_and_what_was_withheld_why(told: dict[str, Any]) -> None:
    assert section(told, "verification") == [["a", "tools_params_invalid 2", "2", "3", "3", "3", "1"]]


def test_each_splits_rows_stand_below_its_name(told: dict[str, Any]) -> None:
    headers = next(part["headers"] for part in told["sections"] if part["id"] == "datasets")
    ((_, *cells),) = section(told, "datasets")
    assert {name: int(cells[headers.index(name) - 1]) for name in SPLITS} == told["splits"]


def test_a_share_alike_line_makes_the_files_licence(told: dict[str, Any]) -> None:
    assert told["licence"] == "CC-BY-SA-4.0"
    assert section(told, "licences") == [["MIT", "2"], ["CC-BY-SA-4.0", "1"]]


def test_the_detectors_recall_and_precision_are_measured_by_the_run(told: dict[str, Any]) -> None:
    rows = {row[0]: row for row in section(told, "personal-data")}
    assert {"email", "ipv4", "jwt"} <= set(rows)
    assert all(float(recall) >= 0.98 and float(precision) >= 0.95 for *_, recall, precision in rows.values())


def test_lengths_lie_in_bins_of_four_characters_a_token_the_last_one_open() -> None:
    table = conversations({"id": "a:1"}, {"id": "a:2"})
    table["messages"] = ["x" * (4 * 64), "x" * (4 * 70_000)]
    told = lengths(table)
    assert [(told["edges"][n], count) for n, count in enumerate(told["counts"]) if count] == [(64, 1), (65_536, 1)]


def test_an_empty_split_is_told_as_a_check_that_does_not_hold(told: dict[str, Any]) -> None:
    held = {finding["name"]: finding["holds"] for finding in told["findings"]}
    assert held == {f"rows in {split}": count > 0 for split, count in told["splits"].items()}


@pytest.mark.slow
def test_page_sheet_and_words_tell_every_section_and_no_label(told: dict[str, Any]) -> None:
    page, markdown = render(told), summary_markdown(told)
    source = Source("a", "A", "home", "MIT", "cite", ("a",), (), lambda _path: None, lambda *_args: None)
    sheet = datasheet(told, [source])
    for part in told["sections"]:
        for text in (page, markdown, sheet):
            assert part["title"] in text
    for nothing in ("Labels of the training split", "Events over time", "Label accuracy", "This run recorded no"):
        assert nothing not in page
    assert "Distinct conversations in each split" in page
    assert "track_B_combined.jsonl" in sheet
    assert "[{" not in sheet.replace('[{"step_id"', "")


def test_the_terminal_is_told_conversations_splits_verification_and_licence(told: dict[str, Any]) -> None:
    text = "\n".join(summary_lines(told))
    for part in ("3 distinct conversations", "format 3, tools 3, execution 1 of 3", "CC-BY-SA-4.0", "1 duplicates"):
        assert part in text
    assert "accuracy" not in text


@pytest.mark.slow
def test_a_dataset_that_is_absent_and_one_with_faults_are_told_first() -> None:
    broken = {**MANIFEST, "rows": {"in": 9, "kept": 6, "dropped": {}, "quarantined": {}}}
    page = render(run(absent={"b": "it failed"}, manifests={"a": broken}))
    assert "b is not in these data: it failed" in page
    assert "a: the rows do not add up" in page
