"""What the Prefect UI shows of a run adds up, stays small, and holds no row of data."""

import base64
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tasks.publish import artifacts

pytestmark = pytest.mark.unit

LABELLED: dict[str, Any] = {
    "track": "track_a",
    "title": "Track A",
    "mode": "sample",
    "rows": {
        "ds1_alibaba": {"in": 10, "kept": 7, "dropped": {"no_time": 2}, "quarantined": {"negative_time": 1}},
        "ds2_loghub": {"in": 5, "kept": 5, "dropped": {}, "quarantined": {}},
    },
    "sequences": {"ds1_alibaba": {"kept": 7}, "ds2_loghub": {"kept": 5}},
    "labels": {
        "before": {"Normal": 9, "Data_Drift": 1, "System_Crash": 1, "Network_Failure": 1, "Resource_Exhaustion": 1},
        "after": {"Normal": 3, "Data_Drift": 1, "System_Crash": 1, "Network_Failure": 1, "Resource_Exhaustion": 1},
    },
    "splits": {"train": 9, "validation": 2, "test": 1},
}
CONVERSATIONS = {**LABELLED, "track": "track_b", "title": "Track B", "noun": "conversation", "labels": None}


def finding(name: str, *, holds: bool = True, measured: float = 0.0) -> dict[str, Any]:
    told = {"kind": "missing", "limit": 0.1, "unit": "", "severity": "warning", "detail": "row 7: jane@example.org"}
    return {**told, "name": name, "measured": measured, "holds": holds}


def text_of(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())  # noqa: S314  our own


def test_a_key_is_lower_case_with_dashes_and_the_same_for_every_run() -> None:
    assert artifacts.key("track_A", "rows") == "track-a-rows"


def test_broken_checks_come_first_and_a_table_ends_at_a_hundred_rows() -> None:
    rows = artifacts.check_rows([*(finding(f"fine {n}") for n in range(150)), finding("bad", holds=False)])
    assert (rows[0]["check"], rows[0]["outcome"], rows[1]["outcome"]) == ("bad", "warning", "holds")
    assert len(rows) == artifacts.MAX_ROWS


def test_a_measured_number_has_four_digits_that_count() -> None:
    rows = artifacts.check_rows([finding("share", measured=0.0013339261894), finding("rows", measured=22490.0)])
    assert [str(row["measured"]) for row in rows] == ["0.001334", "22490"]


def test_what_a_check_found_in_a_row_is_not_shown() -> None:
    assert "jane" not in str(artifacts.check_rows([finding("mail", holds=False)]))


def test_the_sentence_above_a_table_says_how_many_hold_and_that_it_is_cut() -> None:
    found = [*(finding(f"fine {n}") for n in range(150)), finding("bad", holds=False)]
    assert artifacts.checks_told("ds1", found) == "ds1: 150 of 151 checks hold. The first 100 are shown."
    assert artifacts.checks_told("ds1", found[:1]) == "ds1: 1 of 1 checks hold."


def test_rows_add_up_by_dataset_and_in_all() -> None:
    rows = artifacts.ledger_rows(LABELLED)
    assert all(row["rows in"] == row["kept"] + row["dropped"] + row["quarantined"] for row in rows)
    assert rows[-1] == {"dataset": "all", "rows in": 15, "kept": 12, "dropped": 2, "quarantined": 1}


def test_a_run_is_told_in_one_line_with_its_verdict() -> None:
    assert artifacts.told(LABELLED) == "Nothing wrong was found. Mode sample. Track A."


def test_the_plot_of_labelled_rows_shows_every_state_before_and_after() -> None:
    text = text_of(artifacts.plot(LABELLED))
    assert all(state in text for state in ("Normal", "Data drift", "System crash", "9 · 69.2 %", "3 · 42.9 %"))


def test_the_plot_of_conversations_shows_datasets_and_splits() -> None:
    text = text_of(artifacts.plot(CONVERSATIONS))
    assert all(told in text for told in ("ds1_alibaba", "7 · 58.3 %", "train", "9 · 75.0 %", "validation", "test"))


@pytest.mark.parametrize("run", [LABELLED, CONVERSATIONS, {"noun": "conversation"}])
def test_a_plot_is_an_svg_file_of_its_own_and_its_address_is_small(run: dict[str, Any]) -> None:
    svg = artifacts.plot(run)
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  our own
    address = artifacts.data_uri(svg)
    assert len(address) < 100_000
    assert base64.b64decode(address.partition(",")[2]).decode() == svg
