"""The reports of ds5_glaive: measures against their thresholds, rare tiers, and rows that count nowhere."""

from typing import Any

import pandas as pd
import pytest

from schemas.limits import Representation
from schemas.thresholds import Thresholds
from tasks.pipelines.ds5_glaive import reports
from tests.tasks.pipelines.ds5_glaive.chats import ASK, SYSTEM, call, chat, converted, raw

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def quality(table: pd.DataFrame, *rejects: pd.DataFrame) -> dict[str, Any]:
    """The report with the default thresholds."""
    return reports.quality_report(table, *rejects, representation=Thresholds().ds5_glaive.representation)


def test_a_measure_beyond_its_threshold_is_a_finding() -> None:
    good = raw(*[(SYSTEM, chat(("U", f"{n}"), ("A", call()))) for n in range(9)])
    bad = raw((SYSTEM, "x"), (SYSTEM, chat(ASK, ("A", call()[:-6]))))
    kept, _ = converted(good)
    _, unread = converted(bad)
    report = quality(kept, unread)
    assert report["measured"] == {
        "malformed": round(2 / 11, 6),
        "unreadable_calls": round(1 / 11, 6),
        "none": 0.0,
        "mean_turns": 2.0,
        "mean_calls": 1.0,
        "defined_functions": 1.0,
    }
    failed = {finding["name"]: finding["detail"] for finding in report["findings"] if not finding["holds"]}
    assert set(failed) == {"malformed", "unreadable_calls", "tier_none", "tier_simple", "tier_complex"}
    assert failed["tier_complex"] == "high"
    assert not report["success"]


def test_rows_outside_the_share_count_nowhere() -> None:
    rows = [(SYSTEM, chat(("U", f"{n}"), ("A", call()))) for n in range(50)]
    kept, rejects = converted(raw(*rows), share=0.5)
    _, unread = converted(raw((SYSTEM, "no label")))
    measured = quality(kept, rejects, unread)["measured"]
    assert measured["malformed"] == round(1 / (len(kept) + 1), 6)


def test_a_rare_tier_is_flagged() -> None:
    rows = [(SYSTEM, chat(("U", f"{n}"), ("A", call() if n < 2 else "b"))) for n in range(100)]
    findings = quality(converted(raw(*rows))[0])["findings"]
    details = {finding["name"]: finding["detail"] for finding in findings if finding["kind"] == "bias"}
    assert details == {"tier_none": "", "tier_simple": "high", "tier_moderate": "flagged", "tier_complex": "high"}


def test_what_counts_as_rare_is_the_runs_own_threshold() -> None:
    rows = [(SYSTEM, chat(("U", f"{n}"), ("A", call() if n < 2 else "b"))) for n in range(100)]
    kept, _ = converted(raw(*rows))
    lax = reports.quality_report(kept, representation=Representation(rare=0.02, very_rare=0.01))
    assert {f["detail"] for f in lax["findings"] if f["name"] == "tier_moderate"} == {""}


def test_no_conversations_give_reports_of_nothing() -> None:
    empty, rejects = converted(raw())
    assert reports.schema_stats(empty)["turns"] == {"min": 0, "max": 0, "mean": 0.0}
    assert quality(empty, rejects)["measured"]["malformed"] == 0
