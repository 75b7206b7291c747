"""Label accuracy against a plain-Python reading of truth.json's definition."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.format_a import SEVERITY_ORDER, STATES, Incident, Taxonomy, Truth
from tasks.quality import label_accuracy as accuracies
from tasks.quality.label_accuracy import Accuracy
from tests.tasks.quality.rows import ANY_ROWS, MINUTE, sequences

pytestmark = pytest.mark.unit


def label_accuracy(table: pd.DataFrame, truth: Truth, taxonomy: Taxonomy = "five") -> Accuracy:
    return accuracies.label_accuracy(table, truth, taxonomy=taxonomy)


def at(minute: float) -> str:
    return pd.Timestamp(int(minute * MINUTE), unit="us", tz="UTC").isoformat()


def incident(state: int, start: float, end: float, entity: str = "m1") -> Incident:
    return {"entity": entity, "start": at(start), "end": at(end), "state": state}


def expected(row: Any, incidents: list[Incident]) -> int:
    """The worst state among the incidents of the entity that intersect the window, else Normal."""
    states = [
        i["state"]
        for i in incidents
        if i["entity"] == row.entity
        and pd.Timestamp(i["start"]) < row.window_end
        and row.window_start < pd.Timestamp(i["end"])
    ]
    return min(states, key=SEVERITY_ORDER.index, default=0)


ANY_INCIDENT = st.builds(
    lambda state, start, length, entity: incident(state, start, start + length, entity),
    st.integers(1, 6),
    st.integers(-1_000, 10_000),
    st.sampled_from([1, 5, 700, 5_000]),
    st.sampled_from(["m1", "m2", "m9"]),
)


@settings(max_examples=20, deadline=None)
@given(rows=ANY_ROWS, incidents=st.lists(ANY_INCIDENT, max_size=8))
def test_every_number_is_that_of_the_definition(rows: list[dict[str, Any]], incidents: list[Incident]) -> None:
    table = sequences(rows)
    accuracy = label_accuracy(table, {"incidents": incidents}, taxonomy="seven")
    truth = [expected(row, incidents) for row in table.itertuples()]
    labels = table["label"].tolist()
    for state, name in enumerate(STATES):
        planted, predicted = truth.count(state), labels.count(state)
        correct = sum(a == b == state for a, b in zip(truth, labels, strict=True))
        assert accuracy["states"][name]["planted"] == planted
        assert accuracy["states"][name]["predicted"] == predicted
        assert accuracy["states"][name]["correct"] == correct
        assert accuracy["states"][name]["recall"] == (pytest.approx(correct / planted, abs=1e-6) if planted else None)
        assert accuracy["states"][name]["precision"] == (
            pytest.approx(correct / predicted, abs=1e-6) if predicted else None
        )
    right = [(rule, a == b) for rule, a, b in zip(table["label_rule"], truth, labels, strict=True)]
    assert {rule: (m["sequences"], m["correct"]) for rule, m in accuracy["rules"].items()} == {
        name: (sum(rule == name for rule, _ in right), sum(ok for rule, ok in right if rule == name))
        for name in {rule for rule, _ in right}
    }


def test_a_day_by_hand() -> None:
    """Windows at 0, 5, 10, 15; a crash in [4, 10): two windows of it, one found; a false alarm at 15."""
    table = sequences(
        [
            {"minute": 0, "label": 2, "rule": "harderror"},
            {"minute": 5},
            {"minute": 10},
            {"minute": 15, "label": 2, "rule": "harderror"},
        ]
    )
    accuracy = label_accuracy(table, {"incidents": [incident(2, 4, 10)]})
    assert accuracy["sequences"] == 4
    assert accuracy["states"]["System_Crash"] == {
        "planted": 2,
        "predicted": 2,
        "correct": 1,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "incidents": 1,
        "incidents_without_sequence": 0,
    }
    assert accuracy["rules"] == {
        "harderror": {"sequences": 2, "correct": 1, "precision": 0.5},
        "normal": {"sequences": 2, "correct": 1, "precision": 0.5},
    }


@pytest.mark.parametrize(
    ("start", "end", "planted"), [(0, 5, 0), (4, 5, 0), (10, 20, 0), (5, 6, 1), (9, 10, 1), (0, 99, 1), (7, 7, 0)]
)
def test_an_incident_that_only_touches_a_window_is_not_in_it(start: float, end: float, planted: int) -> None:
    accuracy = label_accuracy(sequences([{"minute": 5}]), {"incidents": [incident(1, start, end)]})
    assert accuracy["states"]["Resource_Exhaustion"]["planted"] == planted


@pytest.mark.parametrize(("states", "worst"), [((4, 1), 1), ((1, 3), 3), ((3, 2), 2), ((5, 4), 4), ((5, 6), 6)])
def test_of_incidents_at_once_the_worst_is_expected(states: tuple[int, int], worst: int) -> None:
    for order in (states, states[::-1]):
        truth = {"incidents": [incident(state, 0, 5) for state in order]}
        accuracy = label_accuracy(sequences([{"label": worst}]), truth, taxonomy="seven")
        assert accuracy["states"][STATES[worst]]["recall"] == 1.0


def test_history_is_not_the_window() -> None:
    accuracy = label_accuracy(sequences([{"minute": 30, "history": 25}]), {"incidents": [incident(1, 5, 30)]})
    assert accuracy["states"]["Resource_Exhaustion"]["planted"] == 0


def test_states_that_do_not_occur_have_no_ratio() -> None:
    accuracy = label_accuracy(sequences([{}]), {"incidents": []})
    assert accuracy["states"]["System_Crash"]["precision"] is None
    assert accuracy["states"]["System_Crash"]["recall"] is None
    assert accuracy["states"]["System_Crash"]["f1"] is None
    assert accuracy["states"]["Normal"]["f1"] == 1.0


def test_a_state_that_is_planted_and_never_found_has_a_recall_of_zero() -> None:
    found = label_accuracy(sequences([{}]), {"incidents": [incident(3, 0, 5)]})["states"]["Network_Failure"]
    assert (found["recall"], found["precision"], found["f1"]) == (0.0, None, 0.0)


def test_an_incident_of_which_no_row_is_left_is_counted() -> None:
    """Its windows were lost on the way: no recall would tell."""
    incidents = [incident(2, 0, 5), incident(2, 50, 60), incident(2, 0, 5, "m7")]
    found = label_accuracy(sequences([{"label": 2}]), {"incidents": incidents})["states"]["System_Crash"]
    assert (found["recall"], found["incidents"], found["incidents_without_sequence"]) == (1.0, 3, 2)


def test_security_is_normal_among_five_states_and_a_state_among_seven() -> None:
    table, truth = sequences([{"minute": 0, "rule": "security"}]), {"incidents": [incident(5, 0, 5)]}
    five, seven = label_accuracy(table, truth), label_accuracy(table, truth, taxonomy="seven")
    assert five["rules"]["security"]["precision"] == 1.0
    assert "Auth_Failure" not in five["states"]
    assert seven["states"]["Auth_Failure"]["recall"] == 0.0


def test_no_sequences_and_no_incidents_have_no_ratio_at_all() -> None:
    accuracy = label_accuracy(sequences([]), {"incidents": []})
    assert all(measures["recall"] is None for measures in accuracy["states"].values())
    assert accuracy["rules"] == {}
