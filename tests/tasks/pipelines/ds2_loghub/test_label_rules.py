"""Precision and recall of every DS2 rule on 300 log lines that were written and labelled by hand.

`hand_labelled.tsv`: 60 raw lines in each of the five layouts, with the rule, event type, state and severity that a
reader gives them by their meaning. A label is never changed to please the code. `python -m
tests.tasks.pipelines.ds2_loghub.test_label_rules` prints the table.
"""

import csv
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from schemas.ds2_loghub import EVENT_TYPES, SECURITY
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.rules import EVENT_STATES, EVENT_TYPE_OF
from tasks.pipelines.ds2_loghub.source import decode
from tests.tasks.pipelines.ds2_loghub.logs import read

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.dataset]

HAND_LABELLED = Path(__file__).with_name("hand_labelled.tsv")
COLUMNS = ("rule", "event_type", "state", "severity")
FLOOR = 0.9


def hand_labelled() -> pd.DataFrame:
    """layout, rule, event_type, state, severity, line, and `number`, the line's place among those of its layout."""
    with HAND_LABELLED.open(encoding="utf-8", newline="") as file:
        rows = pd.DataFrame(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows["number"] = rows.groupby("layout").cumcount() + 1
    return rows.astype({"state": int})


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the pipeline's own rule, event type, state and severity as `found_...`."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [_through_pipeline(Path(folder), name, part) for name, part in rows.groupby("layout")]
    found = pd.concat(parts, ignore_index=True)
    return rows.merge(found, on=["layout", "number"], how="left", validate="1:1")


def _through_pipeline(folder: Path, layout: str, rows: pd.DataFrame) -> pd.DataFrame:
    path = folder / f"{layout}.log"
    path.write_text("".join(line + "\n" for line in rows["line"]), encoding="utf-8")
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for table in decode(path, path.name)]
    parsed = pd.concat([parse(batch)[0] for batch in batches], ignore_index=True)
    events, _ = read(parsed)
    found = events[list(COLUMNS)].add_prefix("found_")
    return found.assign(layout=layout, number=events["line"].astype("int64")).astype({"found_state": int})


@cache
def verdicts() -> pd.DataFrame:
    """The 300 lines, judged once."""
    return judged(hand_labelled())


def rule_accuracy(column: str = "rule") -> pd.DataFrame:
    """Precision and recall of each value of a column, with how many lines were labelled so and how many were found."""
    rows = verdicts()
    right: defaultdict[object, int] = defaultdict(
        int, rows.loc[rows[column] == rows[f"found_{column}"], column].value_counts()
    )
    labelled, found = rows[column].value_counts(), rows[f"found_{column}"].value_counts()
    values = sorted(set(labelled.index) | set(found.index), key=str)
    return pd.DataFrame(
        {
            "labelled": [labelled.get(value, 0) for value in values],
            "found": [found.get(value, 0) for value in values],
            "precision": [right[value] / found[value] if value in found else 0.0 for value in values],
            "recall": [right[value] / labelled[value] if value in labelled else 0.0 for value in values],
        },
        index=pd.Index(values, name=column),
    )


def test_there_are_three_hundred_lines_sixty_a_layout_and_every_rule_has_its_share() -> None:
    rows = hand_labelled()
    assert rows.groupby("layout").size().to_dict() == dict.fromkeys(("hadoop", "hdfs", "hpc", "linux", "spark"), 60)
    assert not rows["line"].duplicated().any()
    assert set(rows["event_type"]) == set(EVENT_TYPES)
    assert set(rows["rule"]) == set(EVENT_TYPE_OF)


def test_labels_agree_with_the_domains_table_of_states() -> None:
    rows = hand_labelled()
    expected = [0 if kind in SECURITY else EVENT_STATES[kind] for kind in rows["event_type"]]
    assert rows["state"].tolist() == expected


@pytest.mark.parametrize("column", COLUMNS)
def test_every_value_has_precision_and_recall_above_the_floor(column: str) -> None:
    accuracy = rule_accuracy(column)
    print(accuracy.round(3).to_string())
    low = accuracy[(accuracy["precision"] < FLOOR) | (accuracy["recall"] < FLOOR)]
    assert low.empty, f"below {FLOOR}:\n{low}"


def test_no_line_of_plain_information_is_taken_for_a_failure() -> None:
    rows = verdicts()
    wrong = rows[(rows["event_type"] == "normal_ops") & (rows["found_state"] != 0)]
    assert wrong.empty, wrong[["line", "found_rule"]].to_string()


if __name__ == "__main__":
    for name in COLUMNS:
        print(rule_accuracy(name).round(3).to_string(), end="\n\n")
    missed = verdicts().query("rule != found_rule or severity != found_severity")
    print(missed[["line", "rule", "found_rule", "severity", "found_severity"]].to_string(index=False, max_colwidth=110))
