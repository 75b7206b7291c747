"""How well label rules find what a sample planted: measured against truth, per state and per rule."""

from collections.abc import Iterable
from typing import TypedDict

import numpy as np
import pandas as pd
import pyarrow as pa

from schemas.format_a import NORMAL, PERMISSION_DENIED, SEVERITY_ORDER, STATES, Incident, Taxonomy, Truth

FIVE = 5  # states of taxonomy "five"


class StateAccuracy(TypedDict):
    """How well one state is found. Counts are of sequences, but for the last two, which are of incidents."""

    planted: int
    predicted: int
    correct: int
    precision: float | None
    recall: float | None
    f1: float | None
    incidents: int
    incidents_without_sequence: int


class RuleAccuracy(TypedDict):
    """Sequences that one rule labelled, and how many of them have that state."""

    sequences: int
    correct: int
    precision: float | None


class Accuracy(TypedDict):
    """Labels of a dataset against what its sample planted, by name of the state and by rule."""

    sequences: int
    states: dict[str, StateAccuracy]
    rules: dict[str, RuleAccuracy]


def label_accuracy(sequences: pd.DataFrame, truth: Truth, *, taxonomy: Taxonomy) -> Accuracy:
    """Labels against planted incidents, counted in sequences; a ratio of nothing is None, never 1.

    A sequence's true state is the worst (SEVERITY_ORDER) among the incidents of its entity that share an instant with
    [window_start, window_end), else Normal. Under taxonomy "five" incidents of the two security states count as Normal,
    as their labels do. An incident without a sequence lowers no recall, for there is no row to count: it has its own
    number. Linear in both but for sorting: 100,000 sequences and 1,000 incidents take 0.1 s.
    """
    incidents = _known_incidents(truth["incidents"], taxonomy)
    expected, seen = _expected(sequences, incidents)
    predicted = sequences["label"].to_numpy(dtype="int64")
    states = [state for state in range(len(STATES)) if state < FIVE or taxonomy == "seven"]
    return {
        "sequences": len(sequences),
        "states": {STATES[s]: _state_accuracy(s, expected, predicted, incidents, seen) for s in states},
        "rules": _rule_accuracy(sequences["label_rule"], expected == predicted),
    }


def _known_incidents(incidents: Iterable[Incident], taxonomy: Taxonomy) -> pd.DataFrame:
    """entity, start, end (microseconds), state of the incidents that may be found under the taxonomy."""
    rows = [(i["entity"], i["start"], i["end"], int(i["state"])) for i in incidents]
    table = pd.DataFrame(rows, columns=["entity", "start", "end", "state"])
    for end in ("start", "end"):
        table[end] = _microseconds(pd.to_datetime(table[end], utc=True, format="ISO8601"))
    known = (table["state"] > NORMAL) & (table["state"] < (FIVE if taxonomy == "five" else PERMISSION_DENIED + 1))
    return table[known & (table["start"] < table["end"])].reset_index(drop=True)


def _microseconds(times: pd.Series) -> np.ndarray:
    """UTC times as int64 microseconds since 1970."""
    return pa.array(times, pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _expected(sequences: pd.DataFrame, incidents: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """True state of each sequence, and whether each incident shares an instant with one."""
    windows = pd.DataFrame(
        {
            "entity": sequences["entity"].to_numpy(dtype=object),
            "start": _microseconds(sequences["window_start"]),
            "end": _microseconds(sequences["window_end"]),
        }
    )
    ours, theirs = _on_one_axis(windows, incidents)
    expected = np.full(len(windows), NORMAL)
    for state in reversed(SEVERITY_ORDER):  # the worst is written last
        expected[_intersects(ours, theirs[incidents["state"].to_numpy() == state])] = state
    return expected, _intersects(theirs, ours)


def _on_one_axis(*tables: pd.DataFrame) -> list[np.ndarray]:
    """Intervals as int64 (n, 2) on one axis: entities behind each other, times within each by rank."""
    joined = pd.concat(tables)
    entity = pd.factorize(joined["entity"])[0].astype(np.int64)
    times, rank = np.unique(joined[["start", "end"]].to_numpy().astype(np.int64), return_inverse=True)
    placed = entity[:, None] * (len(times) + 1) + rank.reshape(-1, 2)
    return np.split(placed, np.cumsum([len(table) for table in tables])[:-1])


def _intersects(intervals: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each [start, end) shares a point with one of the others: more start before its end than end by its start.

    By hand: [3, 5) and the others [1, 3), [4, 9): two start before 5, one ends by 3, so one shares a point.
    """
    starts, ends = np.sort(others[:, 0]), np.sort(others[:, 1])
    begun = np.searchsorted(starts, intervals[:, 1], side="left")
    over = np.searchsorted(ends, intervals[:, 0], side="right")
    return begun > over


def _state_accuracy(
    state: int, expected: np.ndarray, predicted: np.ndarray, incidents: pd.DataFrame, seen: np.ndarray
) -> StateAccuracy:
    """The measures of one state. `expected`, `predicted`: of each sequence; `seen`: incidents that have a sequence."""
    correct = int(((expected == state) & (predicted == state)).sum())
    n_planted, n_predicted = int((expected == state).sum()), int((predicted == state).sum())
    of_state = incidents["state"].to_numpy() == state
    return {
        "planted": n_planted,
        "predicted": n_predicted,
        "correct": correct,
        "precision": _share_of(correct, n_predicted),
        "recall": _share_of(correct, n_planted),
        "f1": _share_of(2 * correct, n_planted + n_predicted),
        "incidents": int(of_state.sum()),
        "incidents_without_sequence": int((of_state & ~seen).sum()),
    }


def _share_of(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _rule_accuracy(rules: pd.Series, right: np.ndarray) -> dict[str, RuleAccuracy]:
    """Of each rule: the sequences it labelled, and the share whose true state is the label it gave."""
    counts = pd.DataFrame({"rule": rules.to_numpy(dtype=object), "right": right}).groupby("rule")["right"]
    return {
        str(rule): {"sequences": int(n), "correct": int(correct), "precision": _share_of(int(correct), int(n))}
        for rule, n, correct in counts.agg(["size", "sum"]).itertuples()
    }
