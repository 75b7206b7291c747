"""Do failures, or rows, belong to one slice more than to others? Fairlearn's measures, and what balancing would change.

The outcome is failure (label other than Normal); a slice is a column that says where a sequence comes from.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TypedDict

import numpy as np
import pandas as pd
import polars as pl

from schemas.document import Document
from schemas.format_a import BALANCE_SEED, DOMINANCE_LIMIT, HIGH_GAP, NORMAL, NORMAL_RATIO, STATES
from tasks.quality.balance import BalanceReport, balance, report
from tasks.quality.statistics import OTHER, named, state_counts

LABEL = "label"  # as a slice it has a distribution only: its failure rates would be 0 and 1 by definition
TOP = 20  # values of a slice; the rest is "other" (Format A's longest slice, log event types, has 11)
Z95 = 1.959964  # two-sided 95 % of a normal distribution
TRADEOFFS = (
    "Repeated rows of a small failure state add weight, not information: a model may learn them by heart",
    "Normal rows that are left out are lost to training",
    "Only the training part is balanced; validation and test keep the frequencies of the data",
)


def label_bias(
    table: pd.DataFrame,
    *,
    slices: Sequence[str],
    outcome_slices: Sequence[str],
    disparity_limit: float,
) -> Document:
    """The bias report of a table of sequences; the reference report's keys, with the names of `slices` in them.

    Disparity of a slice: the largest minus the smallest failure rate of its groups (Fairlearn's difference). It is
    bias when it exceeds `disparity_limit` and is more than chance: the 95 % Wilson intervals of two groups lie apart.
    A group with more than DOMINANCE_LIMIT of the rows dominates its slice. `outcome_slices` are made of the label, or
    of what its rules read: the report has their rates and shares, but they are no bias.
    severity: "none"; "high" when two groups' intervals lie more than HIGH_GAP apart; else "warning". `findings` has a
    sentence for each. Rows are counted, not weights.
    """
    groups = {name: _groups(table, name) for name in slices}
    rates = {name: group_rates(counts, disparity_limit) for name, counts in groups.items() if name != LABEL}
    biased = [name for name in rates if name not in outcome_slices and rates[name]["bias_detected"]]
    sequences = _sequence_bias(table["label"], NORMAL_RATIO)
    distributions = {name: group_shares(counts, DOMINANCE_LIMIT) for name, counts in groups.items()}
    document = {
        "fairlearn_analysis": _fairlearn_part(rates, bool(biased)),
        "raw_data_slicing": _slicing_part(distributions, rates),
        "sequence_bias": sequences,
        "mitigation": _balancing(table, sequences, NORMAL_RATIO, BALANCE_SEED),
    }
    own = {name: shares for name, shares in distributions.items() if name not in (LABEL, *outcome_slices)}
    sentences = [*_rate_sentences(rates, biased, disparity_limit), *_row_sentences(own, sequences)]
    high = any(rates[name]["gap"] > HIGH_GAP for name in biased)
    severity = "high" if high else "warning" if sentences else "none"
    limits = {"disparity": disparity_limit, "dominance": DOMINANCE_LIMIT, "high": HIGH_GAP}
    return {**document, "severity": severity, "findings": sentences, "limits": limits}


def _groups(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of each group of a slice by outcome: group, failure (0 or 1), n; groups in alphabetical order."""
    frame = pl.from_pandas(table[list(dict.fromkeys([name, "label"]))])
    values = _states(frame["label"]) if name == LABEL else named(frame[name], TOP)
    pairs = pl.DataFrame({"group": values, "failure": (frame["label"] != NORMAL).cast(pl.Int8)})
    return pairs.group_by("group", "failure").agg(n=pl.len()).sort("group", "failure").to_pandas()


def _states(labels: pl.Series) -> pl.Series:
    return labels.replace_strict(dict(enumerate(STATES)), default=OTHER, return_dtype=pl.String)


class ByGroup(TypedDict):
    """Failure rate and rows of each group of a slice."""

    selection_rate: dict[str, float]
    count: dict[str, int]


class SmallestGroup(TypedDict):
    """The group with the fewest rows, and how little they show; None where there are no groups."""

    group: str | None
    count: int
    failure_rate: float | None
    wilson_95: list[float] | None


class Rates(TypedDict):
    """Failure rates of a slice: Fairlearn's disparity, and the `gap` of it that is more than chance."""

    by_group: ByGroup
    disparity: float
    gap: float
    bias_detected: bool
    smallest: SmallestGroup


class Shares(TypedDict):
    """Rows of each group in per cent, and the groups that dominate."""

    distribution: dict[str, float]
    bias_detected: bool
    dominant_classes: dict[str, float]


class SequenceBias(TypedDict):
    """States in per cent, and whether Normal has too many."""

    label_distribution: dict[str, float]
    normal_dominance_pct: float
    bias_detected: bool


def group_rates(counts: pd.DataFrame, limit: float) -> Rates:
    """Failure rates of the groups of a slice.

    Subtle: MetricFrame runs on one row for each (group, outcome) with its count as weight: the same numbers as on all
    rows, which take 5.5 s for a million against 0.1 s.
    """
    by_group, disparity = _fairlearn(counts) if len(counts) else (ByGroup(selection_rate={}, count={}), 0.0)
    failures = counts["n"].where(counts["failure"] == 1, 0).groupby(counts["group"]).sum()
    intervals = {group: wilson(int(failures[group]), rows) for group, rows in by_group["count"].items()}
    lows, highs = [low for low, _ in intervals.values()], [high for _, high in intervals.values()]
    gap = max(max(lows, default=0.0) - min(highs, default=0.0), 0.0)
    return {
        "by_group": by_group,
        "disparity": disparity,
        "gap": gap,
        "bias_detected": disparity > limit and gap > 0,
        "smallest": _smallest(by_group, intervals),
    }


def _fairlearn(counts: pd.DataFrame) -> tuple[ByGroup, float]:
    """Rates and rows of the groups, and the difference of rates between them."""
    from fairlearn.metrics import MetricFrame, selection_rate

    weights = {"sample_weight": counts["n"]}
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate, "count": _row_count},
        y_true=counts["failure"],
        y_pred=counts["failure"],
        sensitive_features=counts["group"].rename("group"),
        sample_params={"selection_rate": weights, "count": weights},
    )
    rates, rows = frame.by_group["selection_rate"], frame.by_group["count"]
    by_group: ByGroup = {
        "selection_rate": {str(group): round(float(rate), 6) for group, rate in rates.items()},
        "count": {str(group): int(n) for group, n in rows.items()},
    }
    return by_group, round(float(frame.difference(method="between_groups")["selection_rate"]), 6)


def _row_count(_true: pd.Series, _predicted: pd.Series, sample_weight: pd.Series) -> int:
    """Fairlearn's `count` would count the grouped rows, not those they stand for."""
    return int(np.sum(sample_weight))


def wilson(hits: int, rows: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of hits / rows (Wilson 1927); (0, 1) for no rows. By hand: 0 of 10 gives (0, 0.2775)."""
    if not rows:
        return 0.0, 1.0
    rate, square = hits / rows, z * z
    middle = (rate + square / (2 * rows)) / (1 + square / rows)
    half = z / (1 + square / rows) * sqrt(rate * (1 - rate) / rows + square / (4 * rows * rows))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _smallest(by_group: ByGroup, intervals: Mapping[str, tuple[float, float]]) -> SmallestGroup:
    """The group with the fewest rows (ties by name), and how well its failure rate is known."""
    if not intervals:
        return {"group": None, "count": 0, "failure_rate": None, "wilson_95": None}
    group = min(intervals, key=lambda name: (by_group["count"][name], name))
    return {
        "group": group,
        "count": by_group["count"][group],
        "failure_rate": by_group["selection_rate"][group],
        "wilson_95": [round(end, 6) for end in intervals[group]],
    }


def _fairlearn_part(rates: Mapping[str, Rates], detected: bool) -> Document:
    part: Document = {}
    for name, of_slice in rates.items():
        part[f"{name}_by_group"] = of_slice["by_group"]
        part[f"{name}_disparity"] = of_slice["disparity"]
        part[f"{name}_disparity_beyond_chance"] = round(of_slice["gap"], 6)
        part[f"{name}_smallest"] = of_slice["smallest"]
    return {**part, "bias_detected": detected}


def _slicing_part(distributions: Mapping[str, Shares], rates: Mapping[str, Rates]) -> Document:
    part: Document = {f"{name}_slice": shares for name, shares in distributions.items()}
    for name, of_slice in rates.items():
        by_group = of_slice["by_group"]["selection_rate"]
        part[f"failure_rate_by_{name}"] = {group: percent(rate) for group, rate in by_group.items()}
    return part


def group_shares(counts: pd.DataFrame, limit: float) -> Shares:
    """Rows of each group in per cent, and the groups that dominate: more than `limit` of the rows, and not all.

    "other" is a mixture, and dominates nothing.
    """
    rows = counts.groupby("group")["n"].sum()
    shares = {str(group): n / rows.sum() for group, n in rows.items()}
    single = {group: share for group, share in shares.items() if group != OTHER and len(shares) > 1}
    dominant = {group: percent(share) for group, share in single.items() if share > limit}
    return {
        "distribution": {group: percent(share) for group, share in shares.items()},
        "bias_detected": bool(dominant),
        "dominant_classes": dominant,
    }


def _sequence_bias(labels: pd.Series, normal_ratio: float) -> SequenceBias:
    """States in per cent; biased when Normal has more than balancing leaves beside a single failure state (75 %)."""
    shares = _percentages(state_counts(labels))
    normal = shares[STATES[NORMAL]]
    limit = percent(normal_ratio / (normal_ratio + 1))
    return {"label_distribution": shares, "normal_dominance_pct": normal, "bias_detected": normal > limit}


def _balancing(table: pd.DataFrame, sequences: SequenceBias, normal_ratio: float, seed: int) -> Document:
    """What balancing does to this very table, counted before and after."""
    balanced = balance(table, normal_ratio=normal_ratio, seed=seed)
    done = report(table, balanced)
    after = _percentages(done["after"])
    return {
        "techniques_applied": _techniques(done, normal_ratio, seed),
        "before_mitigation": {
            "issue": _issue(sequences),
            "normal_dominance": f"{sequences['normal_dominance_pct']:g}% Normal before balancing",
            "counts": done["before"],
        },
        "after_mitigation": {
            "label_distribution": after,
            "counts": done["after"],
            "bias_resolved": _resolved(done["after"], normal_ratio),
            "unchanged_because": done["unchanged_because"],
        },
        "tradeoffs": list(TRADEOFFS),
    }


def _techniques(done: BalanceReport, normal_ratio: float, seed: int) -> list[str]:
    """Only what was done to this table."""
    applied = ["Fairlearn MetricFrame over slices, failure as the outcome"]
    if done["removed"]:
        applied.append(f"Undersampling of Normal (label 0) to at most {normal_ratio:g}x the largest failure state")
    if done["repeated"]:
        applied.append(f"Oversampling with replacement of {', '.join(done['repeated'])} to the largest failure state")
    return [*applied, f"Random seed {seed}"] if len(applied) > 1 else applied


def _issue(sequences: SequenceBias) -> str:
    if sequences["normal_dominance_pct"] == 100:
        return "Every sequence is Normal: there is no failure to learn"
    return "Most sequences are Normal" if sequences["bias_detected"] else "Normal does not dominate"


def _resolved(counts: Mapping[str, int], normal_ratio: float) -> bool:
    """Whether, in the balanced table, Normal is within the ratio and the failure states that occur are level."""
    failures = [n for state, n in counts.items() if state != STATES[NORMAL] and n]
    return bool(failures) and min(failures) == max(failures) and counts[STATES[NORMAL]] <= normal_ratio * max(failures)


def _percentages(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {state: percent(n / total) if total else 0.0 for state, n in counts.items()}


def percent(share: float) -> float:
    return round(100 * float(share), 2)


def _rate_sentences(rates: Mapping[str, Rates], biased: Sequence[str], limit: float) -> list[str]:
    sentences = []
    for name in biased:
        by_group = rates[name]["by_group"]["selection_rate"]
        worst, best = max(by_group, key=by_group.__getitem__), min(by_group, key=by_group.__getitem__)
        sentences.append(
            f"failure rate by {name}: {worst} {by_group[worst]:.1%}, {best} {by_group[best]:.1%}: disparity "
            f"{rates[name]['disparity']:.3f}, limit {limit:g}; {rates[name]['gap']:.3f} of it is beyond chance"
        )
    return sentences


def _row_sentences(distributions: Mapping[str, Shares], sequences: SequenceBias) -> list[str]:
    sentences = [
        f"{name}: {group} has {share:g}% of the rows"
        for name, shares in distributions.items()
        for group, share in shares["dominant_classes"].items()
    ]
    if sequences["bias_detected"]:
        sentences.append(f"{sequences['normal_dominance_pct']:g}% of the sequences are Normal")
    return sentences
