"""Track B's report: counted from the combined rows and the manifests; page, datasheet and terminal show all of it."""

import orjson
import pytest

from schemas.document import Document
from schemas.format_b import METADATA, SPLITS
from schemas.limits import NEAR_DUPLICATES
from schemas.run_report import DatasetFacts, RunReport, Section, Table
from tasks.engine.snapshots import to_json
from tasks.pipelines.track_b.combine import combine, overview, parts
from tasks.pipelines.track_b.mixture import mixture_report
from tasks.pipelines.track_b.reports import METADATA_MEANINGS, conversation_summary, lengths
from tasks.publish import pii_benchmark
from tasks.publish.artifacts import summary_markdown
from tasks.publish.datasheet import datasheet
from tasks.publish.page import render
from tasks.publish.terminal import summary_lines
from tests.tasks.publish.reports import source
from tests.tasks.quality.conversations import conversations, words

pytestmark = pytest.mark.unit

MANIFEST: Document = {
    "rows": {"in": 9, "kept": 6, "dropped": {"not_yaml": 3}, "quarantined": {}},
    "sequences": {"in": 6, "kept": 4, "dropped": {}, "quarantined": {"tools_params_invalid": 2}},
    "findings": [],
    "missing": [],
}


def content(manifest: Document = MANIFEST, **absent: str) -> Document:
    """Four conversations of one dataset, two of them equal."""
    ran = {"verified": ["format", "tools", "execution"]}
    rows = [
        {"id": "a:1", "source": "a", "user": words(0, 40)},
        {"id": "a:2", "source": "a", "user": words(0, 40)},
        {"id": "a:3", "source": "a", "user": words(50, 90), "licence": "CC-BY-SA-4.0"},
        {"id": "a:4", "source": "a", "user": words(90, 130), **ran},
    ]
    every, duplicates, left_out = combine(conversations(*rows), threshold=NEAR_DUPLICATES)
    counts = orjson.loads(to_json(overview(every, duplicates, left_out)))  # as a step reads it: keys in order
    train, _, _ = parts(every, None, 42)
    facts = DatasetFacts(source=source("a"), manifest=manifest, reasons={"not_yaml": "The file is not YAML."})
    mixture = mixture_report(every, train, None)
    return conversation_summary(
        every, counts, mixture, datasets=[facts], absent=absent, pii_benchmark=pii_benchmark.stored(), mode="sample"
    )


@pytest.fixture(scope="module")
def report() -> RunReport:
    return RunReport.model_validate(content())


def section(report: RunReport, name: str) -> Section:
    return next(part for part in report.sections if part.id == name)


def rows(report: RunReport, name: str) -> list[tuple[object, ...]]:
    (part,) = section(report, name).parts
    assert isinstance(part, Table)
    return list(part.rows)


def test_rows_combined_and_removed_add_up_to_what_the_datasets_kept(report: RunReport) -> None:
    assert report.combined is not None
    assert report.combined.dropped == {"exact_duplicate": 1, "near_duplicate": 0, "payload_duplicate": 0}
    assert (report.combined.rows, report.combined.kept, report.combined.gap) == (4, 3, 0)
    assert sum(split.n for split in report.splits) == report.rows == 3


def test_verification_counts_what_passed_each_stage_and_what_failed_why(report: RunReport) -> None:
    assert rows(report, "verification") == [("a", "tools_params_invalid 2", 2, 3, 3, 3, 1)]


def test_each_splits_rows_are_below_its_name(report: RunReport) -> None:
    (part,) = section(report, "datasets").parts
    assert isinstance(part, Table)
    headers = [column.name for column in part.columns]
    (cells,) = part.rows
    assert {name: cells[headers.index(name)] for name in SPLITS} == {split.name: split.n for split in report.splits}


def test_a_share_alike_line_makes_the_files_licence(report: RunReport) -> None:
    assert "as a whole: CC-BY-SA-4.0." in section(report, "licences").text
    assert rows(report, "licences") == [("MIT", 2), ("CC-BY-SA-4.0", 1)]


def test_the_detectors_recall_and_precision_are_those_of_its_test_set(report: RunReport) -> None:
    by_kind = {row[0]: row for row in rows(report, "personal-data")}
    assert {"email", "ipv4", "jwt"} <= set(by_kind)
    for *_, recall, precision in by_kind.values():
        assert float(str(recall)) >= 0.98
        assert float(str(precision)) >= 0.95


def test_lengths_lie_in_bins_of_four_characters_a_token_the_last_one_open() -> None:
    table = conversations({"id": "a:1"}, {"id": "a:2"})
    table["messages"] = ["x" * (4 * 64), "x" * (4 * 70_000)]
    made = lengths(table)
    assert [(made.edges[n], count) for n, count in enumerate(made.counts) if count] == [(64, 1), (65_536, 1)]


def test_an_empty_split_is_a_check_that_fails(report: RunReport) -> None:
    passed = {finding.name: finding.holds for finding in report.findings}
    assert passed == {f"rows in {split.name}": split.n > 0 for split in report.splits}


@pytest.mark.slow
def test_page_datasheet_and_markdown_show_every_section_and_no_label(report: RunReport) -> None:
    page, markdown, sheet = render(content()), summary_markdown(report), datasheet(content())
    for part in report.sections:
        assert part.title in sheet
        if part.on == "everywhere":
            assert part.title in page
            assert part.title in markdown
    for nothing in ("Labels of the training split", "Events over time", "Label accuracy", "This run recorded no"):
        assert nothing not in page
    assert "Conversations in each split" in page
    assert "track_B_combined.jsonl" in sheet
    assert "The file is not YAML." in sheet


def test_every_key_of_a_lines_metadata_is_explained() -> None:
    assert set(METADATA_MEANINGS) == set(METADATA)


def test_the_terminal_shows_conversations_splits_verification_and_licence(report: RunReport) -> None:
    text = "\n".join(summary_lines(report))
    for part in ("3 distinct conversations", "format 3, tools 3, execution 1 of 3", "CC-BY-SA-4.0", "1 duplicates"):
        assert part in text
    assert "accuracy" not in text


@pytest.mark.slow
def test_a_dataset_that_is_absent_and_one_with_faults_come_first() -> None:
    broken = {**MANIFEST, "rows": {"in": 9, "kept": 6, "dropped": {}, "quarantined": {}}}
    page = render(content(broken, b="it failed"))
    assert "b is missing from these data: it failed" in page
    assert "a: the rows do not add up" in page
