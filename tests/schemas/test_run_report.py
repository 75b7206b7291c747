"""A report is written to JSON and read from it without a difference, and nothing unknown is taken for one."""

import json

import pytest
from pydantic import ValidationError

from schemas.run_report import Ledger, RunReport
from tests.tasks.publish.reports import after, hostile, invented

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("report", [invented(), hostile(), after(invented(rows=9))], ids=["plain", "hostile", "after"])
def test_a_report_survives_json_whatever_the_order_of_its_keys(report: RunReport) -> None:
    content = json.loads(json.dumps(report.model_dump(mode="json"), sort_keys=True))
    assert RunReport.model_validate(content) == report


def test_a_key_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError):
        RunReport.model_validate({**invented().model_dump(), "track": "track_a"})


def test_a_report_does_not_change() -> None:
    with pytest.raises(ValidationError):
        invented().rows = 3  # type: ignore[misc]


def test_a_manifests_ledger_keeps_the_meanings_of_its_own_reasons() -> None:
    counts = {"in": 5, "kept": 3, "dropped": {"a": 1}, "quarantined": {"b": 1}}
    ledger = Ledger.of_manifest("x", "rows", counts, {"a": "A.", "c": "C."})
    assert (ledger.gap, ledger.meanings) == (0, {"a": "A."})
