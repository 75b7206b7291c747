"""The bias report of conversations: outcome rates and shares of rows of the groups of each slice.

The outcome is the boolean column `outcome` (answered with steps, or as a dataset defines it); a slice is a column.
"""

from collections.abc import Mapping, Sequence

import pandas as pd
import polars as pl

from schemas.document import Document
from schemas.limits import Representation
from tasks.quality.label_bias import TOP, Rates, Shares, group_rates, group_shares, percent
from tasks.quality.statistics import OTHER, named

OUTCOME = "outcome"
LEVEL = (0.5, 2.0)  # range of a group's sampling weight: with more, a rare group would be learnt by heart


def outcome_bias(
    table: pd.DataFrame,
    *,
    slices: Sequence[str],
    outcome_slices: Sequence[str] = (),
    disparity_limit: float,
    representation: Representation | Mapping[str, float] | None = None,
) -> Document:
    """The report, with the reference document's keys and the names of `slices` in them.

    A slice is biased when its groups' outcome rates differ by more than `disparity_limit` and by more than chance (95 %
    Wilson intervals apart), or when a group of enough rows lies too far off the mean rate. Rows are biased when a
    group dominates or is rare. `outcome_slices` are made of the outcome: their rates are reported, but are no bias.
    severity: "none", "warning", or "high" for a group below `representation.very_rare`.
    """
    limits = Representation.model_validate(representation or {})
    groups = {name: _groups(table, name) for name in slices}
    rates = {name: group_rates(counts, disparity_limit) for name, counts in groups.items()}
    shares = {name: group_shares(counts, limits.dominant) for name, counts in groups.items()}
    judged = [name for name in slices if name not in outcome_slices]
    sentences = [
        *_rate_sentences({name: rates[name] for name in judged}, disparity_limit),
        *_off_mean_sentences({name: groups[name] for name in judged}, limits),
        *_share_sentences({name: shares[name] for name in judged}, limits),
    ]
    high = any(_below(shares[name], limits.very_rare) for name in judged)
    return {
        "fairlearn_analysis": _fairlearn_part(rates, judged),
        "raw_data_slicing": _slicing_part(shares, rates),
        "mitigation": {name: _mitigation(counts) for name, counts in groups.items()},
        "severity": "high" if high else "warning" if sentences else "none",
        "findings": sentences,
        "limits": {"disparity": disparity_limit, **limits.model_dump()},
    }


def _groups(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of each group of a slice by outcome: group, failure (1: the outcome is true), n; groups in order."""
    frame = pl.from_pandas(table[[name, OUTCOME]])
    pairs = pl.DataFrame({"group": named(frame[name], TOP), "failure": frame[OUTCOME].cast(pl.Int8)})
    return pairs.group_by("group", "failure").agg(n=pl.len()).sort("group", "failure").to_pandas()


def _fairlearn_part(rates: Mapping[str, Rates], judged: Sequence[str]) -> Document:
    part: Document = {}
    for name, rate in rates.items():
        part[f"{name}_by_group"] = rate["by_group"]
        part[f"{name}_disparity"] = rate["disparity"]
        part[f"{name}_disparity_beyond_chance"] = round(rate["gap"], 6)
        part[f"{name}_smallest"] = rate["smallest"]
    return {**part, "bias_detected": any(rates[name]["bias_detected"] for name in judged)}


def _slicing_part(shares: Mapping[str, Shares], rates: Mapping[str, Rates]) -> Document:
    part: Document = {f"{name}_slice": each for name, each in shares.items()}
    for name, rate in rates.items():
        by_group = rate["by_group"]["selection_rate"]
        part[f"outcome_rate_by_{name}"] = {group: percent(rate) for group, rate in by_group.items()}
    return part


def _mitigation(counts: pd.DataFrame) -> Document:
    """Shares of the groups, and those with levelling sampling weights. The weights are not applied."""
    rows = counts.groupby("group")["n"].sum()
    weights = (rows.median() / rows).clip(*LEVEL).round(3) if len(rows) else rows
    drawn = rows * weights
    return {
        "applied": False,
        "technique": f"sampling weights: median rows of a group / its rows, within {LEVEL[0]:g} and {LEVEL[1]:g}",
        "weights": {str(group): float(weight) for group, weight in weights.items()},
        "before_pct": {str(group): percent(n / rows.sum()) for group, n in rows.items()},
        "after_pct": {str(group): percent(n / drawn.sum()) for group, n in drawn.items()},
    }


def _rate_sentences(rates: Mapping[str, Rates], limit: float) -> list[str]:
    sentences = []
    for name, rate in rates.items():
        if rate["bias_detected"]:
            by_group = rate["by_group"]["selection_rate"]
            most, least = max(by_group, key=by_group.__getitem__), min(by_group, key=by_group.__getitem__)
            sentences.append(
                f"outcome rate by {name}: {most} {by_group[most]:.1%}, {least} {by_group[least]:.1%}: disparity "
                f"{rate['disparity']:.3f}, limit {limit:g}; {rate['gap']:.3f} of it is beyond chance"
            )
    return sentences


def _off_mean_sentences(groups: Mapping[str, pd.DataFrame], limits: Representation) -> list[str]:
    """One sentence for each slice that has groups of enough rows too far off the mean rate."""
    sentences = []
    for name, counts in groups.items():
        rows = counts.groupby("group")["n"].sum()
        hits = counts["n"].where(counts["failure"] == 1, 0).groupby(counts["group"]).sum()
        mean = hits.sum() / rows.sum() if rows.sum() else 0.0
        rates = (hits / rows)[rows >= limits.smallest]
        off = rates[(rates - mean).abs() > limits.off_mean * mean] if mean else rates.iloc[:0]
        if len(off):
            listed = ", ".join(f"{group} {rate:.1%}" for group, rate in off.items())
            sentences.append(
                f"outcome rate by {name} more than {limits.off_mean:.0%} off the mean of {mean:.1%}: {listed}"
            )
    return sentences


def _share_sentences(shares: Mapping[str, Shares], limits: Representation) -> list[str]:
    sentences = []
    for name, share_of in shares.items():
        sentences += [
            f"{name}: {group} has {share:g}% of the rows" for group, share in share_of["dominant_classes"].items()
        ]
        rare = _below(share_of, limits.rare)
        if rare:
            few = ", ".join(f"{group} {share:g}%" for group, share in list(rare.items())[:5])
            more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
            have = "1 group has" if len(rare) == 1 else f"{len(rare)} groups have"
            sentences.append(f"{name}: {have} less than {limits.rare:.0%} of the rows: {few}{more}")
    return sentences


def _below(share_of: Shares, limit: float) -> dict[str, float]:
    """Groups with less than `limit` of the rows, rarest first; "other" is many groups and is not counted."""
    shares = {group: share for group, share in share_of["distribution"].items() if group != OTHER}
    few = {group: share for group, share in shares.items() if share < 100 * limit}
    return dict(sorted(few.items(), key=lambda item: (item[1], item[0])))
