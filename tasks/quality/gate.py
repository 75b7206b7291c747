"""What decides whether a table is published: counts that add up, a budget for quarantine, and the findings."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import polars as pl

from schemas.finding import Finding, GateFailed

OUTCOMES = ("dropped", "quarantined")


def gate(what: str, findings: Iterable[Finding], *, rejects_at: str = "", next_step: str = "") -> None:
    """Raise GateFailed when a finding of severity "error" does not hold; nothing else closes the gate.

    `what` is the dataset that would be withheld, `rejects_at` where its rejected rows lie, `next_step` what to do.
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
        "What was published before stays as it is. Mend the input and run again; if the source changed on purpose, "
        f"change its contract or rules (schemas/{what}.py, tasks/pipelines/{what}/), or raise the limit it broke."
    )


def ledger(rows_in: int, kept: int, *rejects: pd.DataFrame) -> dict[str, Any]:
    """{"in", "kept", "dropped": {reason: n}, "quarantined": {reason: n}} of a step, reasons in alphabetical order.

    `rejects`: tables with the columns of schemas.snapshot.REJECT_COLUMNS. Raises GateFailed when
    rows in = kept + dropped + quarantined does not hold, or a rejected row has another outcome or no reason.
    """
    counts = _counted(rejects)
    dropped, quarantined = (sum(counts[outcome].values()) for outcome in OUTCOMES)
    found = kept + dropped + quarantined
    if rows_in != found:
        raise GateFailed(
            f"The counts do not add up: {rows_in:,} rows in, but {kept:,} kept + {dropped:,} dropped + "
            f"{quarantined:,} quarantined = {found:,}: {abs(found - rows_in):,} "
            f"{'too many' if found > rows_in else 'lost'}. "
            "A step loses or repeats rows; look for a join, a filter or a merge that writes no rejects."
        )
    return {"in": rows_in, "kept": kept, **counts}


def _counted(rejects: Iterable[pd.DataFrame]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {outcome: {} for outcome in OUTCOMES}
    for table in rejects:
        pairs = pl.from_pandas(table[["outcome", "reason"]]).group_by("outcome", "reason").len()
        for outcome, reason, n in pairs.iter_rows():
            if outcome not in counts or not reason:
                raise GateFailed(
                    f"{n:,} rejected rows have outcome {outcome!r} and reason {reason!r}; the outcome must be one of "
                    f"{', '.join(OUTCOMES)} and the reason a word. Look at the step that rejected them."
                )
            counts[outcome][reason] = counts[outcome].get(reason, 0) + n
    return {outcome: dict(sorted(reasons.items())) for outcome, reasons in counts.items()}


def quarantine_budget(rows: Mapping[str, Any], limit: float = 0.05) -> Finding:
    """Share of a ledger's rows that were quarantined; closes the gate above `limit`. No rows at all: a share of 0.

    Dropped rows do not count: they were understood, and not wanted.
    """
    quarantined = sum(rows["quarantined"].values())
    share = quarantined / rows["in"] if rows["in"] else 0.0
    reasons = sorted(rows["quarantined"].items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{reason} {n:,}" for reason, n in reasons[:3])
    return Finding(
        kind="contract",
        name="quarantined share of rows",
        measured=share,
        limit=limit,
        holds=share <= limit,
        severity="error",
        detail=f"{quarantined:,} of {rows['in']:,}: {told}" if quarantined else "",
    )
