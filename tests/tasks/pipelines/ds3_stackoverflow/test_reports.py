"""The reports of ds3_stackoverflow: counts of what was made, and checks of the pairs."""

import pandas as pd
import pytest

from tasks.pipelines.ds3_stackoverflow import reports
from tests.tasks.pipelines.ds3_stackoverflow.raw_posts import answer, question, raw, run

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_the_reports_count_what_was_made() -> None:
    """Slices, tools, lengths; missing values against their limit."""
    table, pairs, _ = run(raw(question(), answer(), question(2, question_score="300"), question(3)))
    stats = reports.schema_stats(table, pairs)
    assert (stats["total_conversations"], stats["answers_in_the_data"]) == (3, 1)
    assert stats["tools"] == {"describe_pod": 3, "query_prometheus": 3}
    assert stats["signatures"] == {"OOMKilled": 3}
    assert stats["steps"] == {"min": 2.0, "mean": 2.0, "max": 2.0}
    report = reports.quality_report(pairs)
    findings = {finding["name"]: finding for finding in report["findings"]}
    rationale = findings["questions without rationale"]
    assert (rationale["measured"], rationale["limit"], rationale["holds"]) == (0.6667, 0.1, False)
    assert findings["repeated questions"]["holds"] is False
    assert report["slices"]["tag"]["kubernetes"]["rows"] == 3
    assert report["slices"]["tag"]["kubernetes"]["from_the_mean"] == 0.0
    assert report["slices"]["quality"]["medium"]["from_the_mean"] > 0.25


def test_a_large_slice_whose_quality_is_far_from_the_mean_is_a_finding() -> None:
    """Thirty rows make a slice large enough; one of 29 is not judged."""

    def failed(rows: int) -> list[str]:
        tags = ["docker"] * rows + ["ansible"] * 200
        scores = [10.0] * rows + [100.0] * 200
        pairs = pd.DataFrame({"tag": tags, "quality_score": scores})
        findings = reports.furthest_slice("tag", reports.quality_by(pairs, "tag"))
        return [finding.name for finding in findings if not finding.holds]

    assert failed(30) == ["quality of tag docker, off the mean"]
    assert failed(29) == []


def test_outliers_are_those_beyond_the_quartiles_reach() -> None:
    """One far view count among equal ones."""
    rows = [question(n, question_views="100" if n < 9 else "999999") for n in range(1, 10)]
    assert reports.quality_report(run(raw(*rows))[1])["outliers"]["views"] == 1
