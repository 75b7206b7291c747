"""Statistics, pass rate and alerts of the published manifests."""

import itertools

import pandas as pd
import pytest

from schemas.tools import REGISTRY
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.reports import quality_report, schema_stats
from tests.tasks.pipelines.ds6_the_stack.manifest_files import MANIFEST, PAD, SECRET, SERVICE, rows

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_statistics_count_what_is_there() -> None:
    """By kind, licence, repository; and of no rows nothing."""
    made, _ = conversations(rows(PAD + MANIFEST, PAD + SERVICE, SECRET))
    kept, _ = distinct(made)
    stats = schema_stats(kept)
    assert stats["total_records"] == 3
    assert stats["kind_distribution"] == {"Deployment": 1, "Secret": 1, "Service": 1}
    assert stats["licence_distribution"] == {"MIT": 3}
    assert (stats["repositories"], stats["redacted_records"], stats["with_scenario"]) == (1, 1, 3)
    assert stats["distinct_requests"] == 3
    assert 4 <= stats["tools_offered"]["min"] <= stats["tools_offered"]["max"] <= len(REGISTRY)
    assert schema_stats(kept.iloc[:0])["answer_characters"] == {"min": 0, "max": 0, "mean": 0.0}


def rejected(**counts: int) -> pd.DataFrame:
    reasons = list(itertools.chain.from_iterable([reason] * count for reason, count in counts.items()))
    return pd.DataFrame({"reason": pd.Series(reasons, dtype="string[pyarrow]")})


def test_the_pass_rate_is_that_of_manifests_and_each_alert_is_a_finding() -> None:
    """Files of other kinds say nothing about the manifests, however many they are."""
    table = pd.DataFrame({"id": [str(n) for n in range(90)]})
    report = quality_report(table, rejected(not_yaml=900, template=90, invalid_yaml=9), rejected(leak=1))
    assert (report["pass_rate"], report["manifests"]) == (0.9, 100)
    assert report["violations"] == {"invalid_yaml": 9, "leak": 1}
    assert sum(report["left_out"].values()) == 1_000
    assert [alert.partition(":")[2].split(":")[0].strip() for alert in report["alerts"]] == ["leaks"]
    assert quality_report(table, rejected(not_yaml=5))["alerts"] == []


@pytest.mark.parametrize(
    ("kept", "left", "alerts"),
    [
        (100, {"invalid_yaml": 25}, []),
        (100, {"invalid_yaml": 26}, ["pass_rate"]),
        (1_000, {"invalid_yaml": 50}, []),
        (1_000, {"invalid_yaml": 51}, ["violation_invalid_yaml"]),
        (9, {}, ["records"]),
        (10, {}, []),
        (0, {}, ["pass_rate", "records"]),
    ],
)
def test_alerts_begin_just_past_their_limits(kept: int, left: dict[str, int], alerts: list[str]) -> None:
    """80 %, 50 of one violation, 10 records."""
    report = quality_report(pd.DataFrame({"id": range(kept)}), rejected(**left))
    assert [f["name"] for f in report["findings"] if not f["holds"]] == alerts
