"""The gate before publication: counts that add up, a budget for quarantine, and findings."""

from collections.abc import Iterable
from typing import TypedDict

import pandas as pd
import polars as pl

from schemas.finding import Finding, GateFailed

OUTCOMES = ("dropped", "quarantined")
# Counts of a step's rows; dropped and quarantined by reason.
Ledger = TypedDict("Ledger", {"in": int, "kept": int, "dropped": dict[str, int], "quarantined": dict[str, int]})


def gate(what: str, findings: Iterable[Finding], *, rejects_at: str = "", next_step: str = "") -> None:
    """Raise GateFailed when a finding of severity "error" does not hold; nothing else closes the gate.

    `what` is the dataset, `rejects_at` the place of its rejected rows, `next_step` what to do.
    """
    failed = [finding for finding in findings if finding.severity == "error" and not finding.holds]
    if not failed:
        return
    lines = [f"{what} is withheld; {len(failed)} {'check' if len(failed) == 1 else 'checks'} failed:"]
    lines += [f"  {finding}" for finding in failed]
    lines += [f"Rejected rows, each with its reason: {rejects_at}"] if rejects_at else []
    raise GateFailed("\n".join([*lines, next_step or _next_step(what)]))


def _next_step(what: str) -> str:
    return (
        "The last published version is unchanged. Correct the input and run again; if the source changed on purpose, "
        f"change its contract or rules (schemas/{what}.py, tasks/pipelines/{what}/), or raise the limit it broke."
    )


def ledger(rows_in: int, kept: int, *rejects: pd.DataFrame) -> Ledger:
    """{"in", "kept", "dropped": {reason: n}, "quarantined": {reason: n}} of a step, reasons in alphabetical order.

    `rejects`: tables with the columns of schemas.reject.REJECT_COLUMNS. Raises GateFailed unless
    rows in = kept + dropped + quarantined, and where a rejected row has another outcome or no reason.
    """
    counts = _counts_by_outcome(rejects)
    dropped, quarantined = (sum(counts[outcome].values()) for outcome in OUTCOMES)
    rows_out = kept + dropped + quarantined
    if rows_in != rows_out:
        raise GateFailed(
            f"The counts do not add up: {rows_in:,} rows in, but {kept:,} kept + {dropped:,} dropped + "
            f"{quarantined:,} quarantined = {rows_out:,}: {abs(rows_out - rows_in):,} "
            f"{'too many' if rows_out > rows_in else 'lost'}. "
            "A step loses or repeats rows: look for a join, a filter or a merge that writes no rejects."
        )
    return {"in": rows_in, "kept": kept, "dropped": counts["dropped"], "quarantined": counts["quarantined"]}


def _counts_by_outcome(rejects: Iterable[pd.DataFrame]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {outcome: {} for outcome in OUTCOMES}
    for table in rejects:
        pairs = pl.from_pandas(table[["outcome", "reason"]]).group_by("outcome", "reason").len()
        for outcome, reason, n in pairs.iter_rows():
            if outcome not in counts or not reason:
                raise GateFailed(
                    f"{n:,} rejected rows have outcome {outcome!r} and reason {reason!r}; the outcome must be one of "
                    f"{', '.join(OUTCOMES)} and the reason a word. Check the step that rejected them."
                )
            counts[outcome][reason] = counts[outcome].get(reason, 0) + n
    return {outcome: dict(sorted(reasons.items())) for outcome, reasons in counts.items()}


def quarantine_budget(rows: Ledger, limit: float) -> Finding:
    """Share of a ledger's rows that were quarantined; closes the gate above `limit`. Without rows the share is 0.

    Dropped rows do not count: they were understood, and not wanted.
    """
    quarantined = sum(rows["quarantined"].values())
    share = quarantined / rows["in"] if rows["in"] else 0.0
    reasons = sorted(rows["quarantined"].items(), key=lambda item: (-item[1], item[0]))
    most = ", ".join(f"{reason} {n:,}" for reason, n in reasons[:3])
    return Finding(
        kind="contract",
        name="quarantined share of rows",
        measured=share,
        limit=limit,
        holds=share <= limit,
        severity="error",
        detail=f"{quarantined:,} of {rows['in']:,}: {most}" if quarantined else "",
    )
