"""Reports of the code corpus: their figures add up, and what the checks find is on the page."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from schemas.code_corpus import CHECKED, CLUSTERS, COLUMNS, SLICES, STEM, StageCount
from schemas.contracts import Files
from schemas.run_report import RunReport
from tasks.pipelines.code_corpus import reports
from tasks.publish.page import render
from tasks.publish.verdict import failed, verdict
from tasks.quality.contract import check
from tasks.quality.outcome_bias import outcome_bias
from tests.tasks.pipelines.code_corpus.files import measured
from tests.tasks.publish.reports import source

LIMITS = {"missing_limit": 0.0, "outlier_limit": 0.05, "rejected_limit": 0.05}
pytestmark = pytest.mark.unit


def clusters(*pairs: tuple[str, str], kind: str = "exact") -> pd.DataFrame:
    rows = [{"cluster": stays, "id": goes, "kind": kind, "jaccard": 1.0} for stays, goes in pairs]
    return pa.Table.from_pylist(rows, schema=CLUSTERS).to_pandas(types_mapper=pd.ArrowDtype)


def statistics(*removed: pd.DataFrame, stages: Sequence[StageCount] = ()) -> dict[str, Any]:
    made = measured({}, {"path": "b.py", "repo": "bob/x", "licence": "ISC"})
    return reports.data_statistics(made[list(CHECKED)], *removed, stages=stages)


def test_a_cluster_counts_all_files_that_left_for_the_one_that_stays_in_the_end() -> None:
    """First b left for a; then a left for z, as did y: one cluster of four."""
    told = statistics(clusters(("a", "b")), clusters(("z", "a"), ("z", "y"), kind="near"))["duplicates"]
    assert told["clusters"] == 1
    assert told["by_cluster_size"]["4"] == 1
    assert told["removed"] == {"near": 2, "exact": 1}


def test_the_statistics_add_up_and_a_stage_that_loses_a_file_closes_the_gate() -> None:
    stage: StageCount = {"stage": "malformed", "in": 5, "kept": 3, "left_out": {"long_lines": 2}}
    told = statistics(stages=[stage])
    assert told["files"] == sum(group["files"] for group in told["by_licence"].values()) == 2
    assert all(finding["holds"] for finding in told["findings"])
    told = statistics(stages=[{**stage, "kept": 2}])
    broken = [finding for finding in told["findings"] if not finding["holds"]]
    assert [(finding["name"], finding["severity"]) for finding in broken] == [("files lost between stages", "error")]


def test_an_id_that_comes_twice_closes_the_gate() -> None:
    made = measured({}, {})
    told = reports.data_statistics(made[list(CHECKED)], stages=[])
    assert [finding["name"] for finding in told["findings"] if not finding["holds"]] == ["repeated ids"]


def test_the_validation_report_counts_who_keeps_the_contract_and_why_others_do_not() -> None:
    made = measured({}, {"path": "b.py"}, {"path": "c.py"})
    made.loc[1, "digest"] = "short"
    valid, refused = check(made, Files)
    told = reports.validation_report(valid, refused)
    assert (told["total_files"], told["valid_files"], told["invalid_files"]) == (3, 2, 1)
    assert told["invalid_by_reason"] == {"digest_malformed": 1}
    assert set(told["columns"]) == set(COLUMNS)


def test_the_licence_card_names_every_licence_with_its_terms() -> None:
    made = measured({}, {"path": "b.py", "licence": "Apache-2.0"})
    card = reports.licence_card(made)
    assert "| MIT | 1 | 1 |" in card
    assert "https://spdx.org/licenses/Apache-2.0.html" in card


def test_a_run_of_no_files_has_statistics_a_card_and_a_summary_too() -> None:
    made = measured({})
    none = made.iloc[:0][list(CHECKED)]
    told = reports.data_statistics(none, stages=[])
    validation = reports.validation_report(*check(made.iloc[:0], Files))
    bias = outcome_bias(none, slices=SLICES, disparity_limit=0.1)
    found = reports.code_anomalies(none, previous_rows=None, rejected_rows=0, volume_drop=0.2, **LIMITS)
    run = reports.corpus_summary(none, told, validation, found, bias, mode="sample", source=source(STEM), reasons={})
    assert (told["files"], run["splits"]) == (0, [])
    assert "none, it has no files" in reports.licence_card(none)


def test_what_the_checks_and_the_bias_report_find_is_on_the_page() -> None:
    """A page that says nothing is wrong while a report beside it says otherwise would be believed."""
    made = measured({}, {"path": "b.py"})
    seen = made[list(CHECKED)]
    told, validation = reports.data_statistics(seen, stages=[]), reports.validation_report(*check(made, Files))
    fall = reports.code_anomalies(seen, previous_rows=100, rejected_rows=0, volume_drop=0.5, **LIMITS)
    bias = outcome_bias(seen, slices=SLICES, disparity_limit=0.1)
    bias |= {"severity": "high", "findings": ["repo: one/of has 99 % of the rows"]}
    run = reports.corpus_summary(seen, told, validation, fall, bias, mode="sample", source=source(STEM), reasons={})
    report = RunReport.model_validate(run)
    assert verdict(report)[0] == "warning"
    wrong = {"groups far from the others", *(found["name"] for found in fall["anomalies"])}
    assert {finding.name for finding in failed(report)} == wrong
    page = render(run)
    assert "repo: one/of has 99 % of the rows" in page
    assert "Severity: high" in page
