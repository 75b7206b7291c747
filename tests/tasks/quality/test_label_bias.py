"""Bias: Fairlearn's own numbers, no bias by definition or by chance, and a mitigation that was done."""

from collections.abc import Sequence

import orjson
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, count, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.document import Document
from schemas.format_a import STATES
from tasks.quality import label_bias as biases
from tasks.quality.label_bias import wilson
from tests.tasks.quality.rows import labelled

pytestmark = pytest.mark.unit

Groups = dict[str | None, tuple[int, int]]


def table(groups: Groups) -> pd.DataFrame:
    """`system` -> (failed sequences, all sequences)."""
    labels = [int(n < failed) for failed, rows in groups.values() for n in range(rows)]
    systems = [name for name, (_, rows) in groups.items() for _ in range(rows)]
    return labelled(*labels).assign(system=pd.Series(systems, dtype="string[pyarrow]"))


def label_bias(rows: pd.DataFrame, slices: Sequence[str], outcome_slices: Sequence[str] = ("label",)) -> Document:
    return biases.label_bias(rows, slices=slices, outcome_slices=outcome_slices, disparity_limit=0.10)


def of(groups: Groups, outcome_slices: Sequence[str] = ("label",)) -> Document:
    return label_bias(table(groups), slices=("system",), outcome_slices=outcome_slices)


EVEN: Groups = {"hdfs": (40, 100), "linux": (42, 100)}
BIASED: Groups = {"hdfs": (30, 100), "linux": (60, 100)}
APART: Groups = {"hdfs": (2, 100), "linux": (95, 100)}


@settings(max_examples=8, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda g: (min(g), g[1])),
        min_size=1,
    )
)
def test_rates_rows_and_disparity_are_fairlearns_on_all_rows(groups: Groups) -> None:
    rows = table(groups)
    failed = (rows["label"] != 0).astype(int)
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate, "count": count},
        y_true=failed,
        y_pred=failed,
        sensitive_features=rows["system"].astype(object),
    )
    found = label_bias(rows, slices=("system",))["fairlearn_analysis"]
    assert found["system_by_group"]["selection_rate"] == pytest.approx(
        frame.by_group["selection_rate"].to_dict(), abs=1e-6
    )
    assert found["system_by_group"]["count"] == frame.by_group["count"].to_dict()
    assert found["system_disparity"] == pytest.approx(frame.difference()["selection_rate"], abs=1e-6)


def test_the_report_has_the_reference_documents_keys() -> None:
    rows = table(BIASED).assign(status="Failed")
    bias = label_bias(rows, slices=("status", "system", "label"))
    assert {"status_by_group", "status_disparity", "bias_detected"} <= set(bias["fairlearn_analysis"])
    assert set(bias["fairlearn_analysis"]["status_by_group"]) == {"selection_rate", "count"}
    assert {"status_slice", "system_slice", "label_slice", "failure_rate_by_system"} <= set(bias["raw_data_slicing"])
    assert set(bias["raw_data_slicing"]["status_slice"]) == {"distribution", "bias_detected", "dominant_classes"}
    assert set(bias["sequence_bias"]) == {"label_distribution", "normal_dominance_pct", "bias_detected"}
    assert set(bias["mitigation"]) == {"techniques_applied", "before_mitigation", "after_mitigation", "tradeoffs"}
    assert {"issue", "normal_dominance"} <= set(bias["mitigation"]["before_mitigation"])
    assert {"label_distribution", "bias_resolved"} <= set(bias["mitigation"]["after_mitigation"])
    assert orjson.loads(orjson.dumps(bias)) == bias


def test_a_slice_by_hand() -> None:
    bias = of(BIASED)
    assert bias["fairlearn_analysis"]["system_by_group"]["selection_rate"] == {"hdfs": 0.3, "linux": 0.6}
    assert bias["fairlearn_analysis"]["system_disparity"] == 0.3
    assert bias["raw_data_slicing"]["failure_rate_by_system"] == {"hdfs": 30.0, "linux": 60.0}
    assert bias["raw_data_slicing"]["system_slice"]["distribution"] == {"hdfs": 50.0, "linux": 50.0}
    assert bias["sequence_bias"]["normal_dominance_pct"] == 55.0
    # 30 of 100: at most 0.3960; 60 of 100: at least 0.5020
    assert bias["fairlearn_analysis"]["system_disparity_beyond_chance"] == pytest.approx(0.106, abs=1e-3)
    assert bias["findings"] == [
        "failure rate by system: linux 60.0%, hdfs 30.0%: disparity 0.300, limit 0.1; 0.106 of it is beyond chance"
    ]


@pytest.mark.parametrize(
    ("groups", "detected", "severity"), [(EVEN, False, "none"), (BIASED, True, "warning"), (APART, True, "high")]
)
def test_severity_grows_with_the_gap_between_slices(groups: Groups, detected: bool, severity: str) -> None:
    bias = of(groups)
    assert (bias["fairlearn_analysis"]["bias_detected"], bias["severity"]) == (detected, severity)
    assert bool(bias["findings"]) == (severity != "none")


def test_a_group_too_small_to_know_is_no_bias() -> None:
    bias = of({"hdfs": (40, 100), "spark": (40, 100), "linux": (1, 1)})
    assert bias["fairlearn_analysis"]["system_disparity"] == 0.6
    assert bias["fairlearn_analysis"]["system_disparity_beyond_chance"] == 0.0
    assert bias["severity"] == "none"
    smallest = bias["fairlearn_analysis"]["system_smallest"]
    assert (smallest["group"], smallest["count"], smallest["failure_rate"]) == ("linux", 1, 1.0)
    assert smallest["wilson_95"] == pytest.approx([0.2065, 1.0], abs=1e-4)


@pytest.mark.parametrize(
    ("hits", "rows", "expected"),
    [
        (0, 10, (0.0, 0.2775)),
        (10, 10, (0.7225, 1.0)),
        (5, 10, (0.2366, 0.7634)),
        (0, 0, (0.0, 1.0)),
        (81, 263, (0.2553, 0.3662)),
    ],
)
def test_wilsons_interval_is_the_published_one(hits: int, rows: int, expected: tuple[float, float]) -> None:
    """81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I."""
    assert wilson(hits, rows) == pytest.approx(expected, abs=1e-4)


def test_missing_values_are_a_group_of_their_own() -> None:
    bias = of({"hdfs": (40, 100), None: (90, 100)})
    assert bias["fairlearn_analysis"]["system_by_group"]["selection_rate"] == {"hdfs": 0.4, "missing": 0.9}
    assert bias["fairlearn_analysis"]["bias_detected"]


def test_the_label_as_a_slice_is_a_distribution_and_never_a_disparity() -> None:
    bias = label_bias(table(EVEN), slices=("label",))
    assert set(bias["fairlearn_analysis"]) == {"bias_detected"}
    assert "failure_rate_by_label" not in bias["raw_data_slicing"]
    assert bias["raw_data_slicing"]["label_slice"]["distribution"] == {"Normal": 59.0, "Resource_Exhaustion": 41.0}
    assert bias["severity"] == "none"


def test_a_slice_the_rules_read_is_reported_and_is_no_bias() -> None:
    bias = of(APART, outcome_slices=("system",))
    assert bias["fairlearn_analysis"]["system_disparity"] == 0.93
    assert not bias["fairlearn_analysis"]["bias_detected"]
    assert (bias["severity"], bias["findings"]) == ("none", [])
    assert of({"hdfs": (90, 180), "linux": (10, 20)}, outcome_slices=("system",))["findings"] == []


def test_one_slice_of_two_may_be_biased() -> None:
    rows = table(BIASED)
    even = pd.Series([("x", "y")[n % 2] for n in range(len(rows))], dtype="string[pyarrow]")
    bias = label_bias(rows.assign(even=even), slices=("even", "system"))
    assert len(bias["findings"]) == 1
    assert bias["findings"][0].startswith("failure rate by system")


def test_a_group_with_nearly_all_rows_dominates() -> None:
    bias = of({"hdfs": (90, 180), "linux": (10, 20)})
    assert bias["raw_data_slicing"]["system_slice"]["dominant_classes"] == {"hdfs": 90.0}
    assert bias["findings"] == ["system: hdfs has 90% of the rows"]
    assert bias["severity"] == "warning"


def test_the_only_group_and_a_mixture_dominate_nothing() -> None:
    many: Groups = {f"s{n:02}": (1, 2) for n in range(200)}
    assert of({"hdfs": (40, 100)})["findings"] == []
    bias = of(many)
    assert bias["raw_data_slicing"]["system_slice"]["distribution"]["other"] == 90.0
    assert bias["raw_data_slicing"]["system_slice"]["dominant_classes"] == {}


def test_mitigation_is_counted_before_and_after() -> None:
    rows = labelled(*[0] * 90, *[1] * 8, 3, 3)
    bias = label_bias(rows, slices=())
    before, after = bias["mitigation"]["before_mitigation"], bias["mitigation"]["after_mitigation"]
    assert bias["sequence_bias"]["bias_detected"]
    assert before["normal_dominance"] == "90% Normal before balancing"
    assert {state: n for state, n in before["counts"].items() if n} == {
        "Normal": 90,
        "Resource_Exhaustion": 8,
        "Network_Failure": 2,
    }
    assert {state: n for state, n in after["counts"].items() if n} == {
        "Normal": 24,
        "Resource_Exhaustion": 8,
        "Network_Failure": 8,
    }
    assert after["label_distribution"]["Normal"] == 60.0
    assert after["bias_resolved"]
    assert bias["findings"] == ["90% of the sequences are Normal"]
    assert len(bias["mitigation"]["techniques_applied"]) == 4


def test_what_was_not_done_is_not_said_to_have_been() -> None:
    bias = label_bias(labelled(0, 0, 1), slices=())["mitigation"]
    assert bias["techniques_applied"] == ["Fairlearn MetricFrame over slices, failure as the outcome"]
    assert bias["after_mitigation"]["bias_resolved"]
    assert bias["after_mitigation"]["unchanged_because"] == "it was balanced already"


def test_balancing_cannot_resolve_a_table_without_failures() -> None:
    bias = label_bias(labelled(0, 0, 0), slices=())
    assert bias["sequence_bias"]["bias_detected"]
    assert not bias["mitigation"]["after_mitigation"]["bias_resolved"]
    assert "no failure" in bias["mitigation"]["before_mitigation"]["issue"]


def test_no_rows_are_no_bias() -> None:
    bias = label_bias(table({}), slices=("system", "label"))
    assert bias["severity"] == "none"
    assert bias["fairlearn_analysis"]["system_smallest"] == {
        "group": None,
        "count": 0,
        "failure_rate": None,
        "wilson_95": None,
    }
    assert set(bias["sequence_bias"]["label_distribution"]) == set(STATES[:5])


def test_the_order_of_rows_changes_nothing() -> None:
    rows = table(BIASED | {None: (3, 9)})
    assert label_bias(rows.iloc[::-1], slices=("system",)) == label_bias(rows, slices=("system",))
