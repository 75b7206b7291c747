"""The bias report of conversations: Fairlearn's numbers, shares of rows, and a mitigation that is only offered."""

from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, count, selection_rate

from schemas.limits import Representation
from tasks.quality.outcome_bias import LEVEL, outcome_bias

pytestmark = pytest.mark.unit

Groups = dict[str, tuple[int, int]]  # kind -> (rows whose outcome is true, all rows)


def table(groups: Groups) -> pd.DataFrame:
    kinds = [kind for kind, (_, rows) in groups.items() for _ in range(rows)]
    outcomes = [n < hits for hits, rows in groups.values() for n in range(rows)]
    return pd.DataFrame(
        {
            "kind": pd.Series(kinds, dtype=pd.ArrowDtype(pa.string())),
            "outcome": pd.Series(outcomes, dtype=pd.ArrowDtype(pa.bool_())),
        }
    )


def of(groups: Groups, **told: Any) -> dict[str, Any]:
    return outcome_bias(table(groups), slices=("kind",), **{"disparity_limit": 0.1, **told})


EVEN: Groups = {"a": (50, 100), "b": (52, 100), "c": (48, 100)}


def test_rates_and_rows_are_fairlearns_on_all_rows() -> None:
    rows = table({"a": (3, 7), "b": (0, 4), "c": (5, 5)})
    outcome = rows["outcome"].astype(int)
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate, "count": count},
        y_true=outcome,
        y_pred=outcome,
        sensitive_features=rows["kind"].astype(object),
    )
    found = outcome_bias(rows, slices=("kind",), disparity_limit=0.1)["fairlearn_analysis"]
    assert found["kind_by_group"]["selection_rate"] == pytest.approx(
        frame.by_group["selection_rate"].to_dict(), abs=1e-6
    )
    assert found["kind_by_group"]["count"] == frame.by_group["count"].to_dict()


def test_level_groups_of_like_size_are_no_bias() -> None:
    found = of(EVEN)
    assert (found["severity"], found["findings"]) == ("none", [])


def test_an_outcome_that_follows_the_slice_is_told() -> None:
    found = of({"a": (90, 100), "b": (10, 100), "c": (50, 100)})
    assert found["fairlearn_analysis"]["bias_detected"]
    assert any(text.startswith("outcome rate by kind: a 90.0%, b 10.0%") for text in found["findings"])
    assert any("off the mean of 50.0%: a 90.0%, b 10.0%" in text for text in found["findings"])


def test_a_slice_made_of_the_outcome_is_told_but_is_no_bias() -> None:
    found = of({"a": (100, 100), "b": (0, 100), "c": (50, 100)}, outcome_slices=("kind",))
    assert found["findings"] == []
    assert found["fairlearn_analysis"]["kind_disparity"] == 1.0


def test_a_group_with_too_few_rows_is_not_compared_with_the_mean() -> None:
    few = of({"a": (50, 100), "b": (0, 29)}, representation={"dominant": 1})
    assert not any("off the mean" in text and "b 0.0%" in text for text in few["findings"])
    enough = of({"a": (50, 100), "b": (0, 30)}, representation={"dominant": 1})
    assert any("off the mean" in text and "b 0.0%" in text for text in enough["findings"])


def test_dominant_and_rare_groups_are_told_with_their_shares() -> None:
    found = of({"a": (48, 96), "b": (2, 4)})
    assert "kind: a has 96% of the rows" in found["findings"]
    assert "kind: 1 group has less than 5% of the rows: b 4%" in found["findings"]
    assert found["severity"] == "warning"


def test_a_very_rare_group_is_high_where_a_dataset_says_so() -> None:
    groups: Groups = {"a": (500, 999), "b": (0, 1)}
    assert of(groups)["severity"] == "warning"
    assert of(groups, representation=Representation(very_rare=0.01))["severity"] == "high"


def test_levelling_weights_bring_groups_closer_and_stay_within_their_bounds() -> None:
    offered = of({"a": (10, 800), "b": (10, 100), "c": (10, 100)})["mitigation"]["kind"]
    assert not offered["applied"]
    assert all(LEVEL[0] <= weight <= LEVEL[1] for weight in offered["weights"].values())
    assert offered["after_pct"]["a"] < offered["before_pct"]["a"]
    assert sum(offered["after_pct"].values()) == pytest.approx(100, abs=0.05)


def test_an_empty_table_is_no_bias_and_the_report_is_json() -> None:
    found = of({})
    assert found["severity"] == "none"
    assert orjson.dumps(found)
