"""The gate: counts that add up, a budget, and a sentence that says what to do."""

from typing import Any

import pandas as pd
import pytest

from schemas.finding import Finding, GateFailed
from tasks.quality.gate import gate, ledger, quarantine_budget

pytestmark = pytest.mark.unit

FAILED = Finding(
    kind="missing", name="share without template", measured=0.31, limit=0.05, holds=False, severity="error"
)


def rejected(outcome: str, *reasons: str | None) -> pd.DataFrame:
    """A rejects table, of which the ledger reads two columns; `rejected` refuses what some of these tests plant."""
    return pd.DataFrame({"outcome": [outcome] * len(reasons), "reason": list(reasons)}, dtype="str")


def test_a_failed_check_says_what_where_and_what_next() -> None:
    with pytest.raises(GateFailed) as told:
        gate("ds2_loghub", [FAILED], rejects_at="data/quarantine.parquet")
    assert str(told.value).splitlines() == [
        "ds2_loghub is withheld; 1 check failed:",
        "  missing: share without template: measured 0.31, limit 0.05",
        "Rejected rows, each with its reason: data/quarantine.parquet",
        (
            "The last published version is unchanged. Correct the input and run again; if the source changed on "
            "purpose, change its contract or rules (schemas/ds2_loghub.py, tasks/pipelines/ds2_loghub/), or raise the "
            "limit it broke."
        ),
    ]


def test_every_failed_check_is_told_and_the_next_step_may_be_given() -> None:
    with pytest.raises(GateFailed, match=r"2 checks failed:\n  missing.*\n  missing.*\nCall the owner\.$"):
        gate("ds1", [FAILED, FAILED], next_step="Call the owner.")


@pytest.mark.parametrize("change", [{"holds": True}, {"severity": "warning"}, {"severity": "info"}])
def test_what_holds_or_only_warns_leaves_the_gate_open(change: dict[str, Any]) -> None:
    gate("ds1", [FAILED.model_copy(update=change)])
    gate("ds1", [])


def test_a_ledger_counts_each_reason_over_all_tables() -> None:
    tables = (
        rejected("dropped", "short", "blank", "short"),
        rejected("quarantined", "short"),
        rejected("dropped", "blank"),
    )
    told = ledger(9, 4, *tables)
    assert told == {"in": 9, "kept": 4, "dropped": {"blank": 2, "short": 2}, "quarantined": {"short": 1}}
    assert list(told["dropped"]) == ["blank", "short"]


def test_no_rejects_and_no_rows_add_up() -> None:
    assert ledger(0, 0) == {"in": 0, "kept": 0, "dropped": {}, "quarantined": {}}


@pytest.mark.parametrize(("rows_in", "words"), [(4, "1 lost"), (2, "1 too many")])
def test_counts_that_do_not_add_up_are_refused(rows_in: int, words: str) -> None:
    with pytest.raises(GateFailed, match=rf"{rows_in} rows in, but 2 kept \+ 1 dropped \+ 0 quarantined = 3: {words}"):
        ledger(rows_in, 2, rejected("dropped", "short"))


@pytest.mark.parametrize("table", [rejected("lost", "short"), rejected("dropped", None), rejected("dropped", "")])
def test_a_row_rejected_without_outcome_or_reason_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(GateFailed, match="1 rejected rows have outcome"):
        ledger(1, 0, table)


@pytest.mark.parametrize(("quarantined", "holds"), [(0, True), (5, True), (6, False)])
def test_the_budget_is_a_share_of_the_rows_that_came_in(quarantined: int, holds: bool) -> None:
    rows = {"in": 100, "kept": 100 - quarantined, "dropped": {}, "quarantined": {"bad": quarantined}}
    finding = quarantine_budget(rows, 0.05)
    assert (finding.measured, finding.holds, finding.severity) == (quarantined / 100, holds, "error")


def test_the_budget_names_the_most_frequent_reasons_and_ignores_drops() -> None:
    rows = {"in": 10, "kept": 0, "dropped": {"x": 4}, "quarantined": {"a": 1, "b": 3, "c": 1, "d": 1}}
    assert quarantine_budget(rows, 0.05).detail == "6 of 10: b 3, a 1, c 1"
    assert quarantine_budget({"in": 0, "kept": 0, "dropped": {}, "quarantined": {}}, 0.05).holds
