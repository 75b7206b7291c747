"""The datasheet says what is in the data, from where, on what terms, what its reasons mean, and what is missing."""

import re
from pathlib import Path
from typing import Any

import pytest

from schemas.reject import REJECT_COLUMNS
from schemas.run_report import Ledger, Section
from tasks.publish import datasheet as sheets
from tests.tasks.publish.reports import empty, hostile, invented, source, table_of

pytestmark = pytest.mark.unit


def datasheet(**parts: Any) -> str:
    return sheets.datasheet(invented(**parts).model_dump(mode="json"))


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_source_is_named_with_its_terms_and_its_gaps() -> None:
    absent = {"ds2_loghub": "SourceError: no such folder"}
    sheet = datasheet(sources=(source("ds1_alibaba", missing=("two",)),), absent=absent)
    text = section(sheet, "Where it comes from")
    for words in (
        "Title of ds1_alibaba",
        "https://example.org/ds1_alibaba",
        "research, cite",
        "A. Author, 2017",
        "Missing here: two (of one, two)",
        "`ds2_loghub` is missing",
        "no such folder",
    ):
        assert words in text


def test_the_counts_are_the_runs_own_and_add_up() -> None:
    items = Ledger(stem="ds1_alibaba", of="sequences", rows=700, kept=690, dropped={"short_window": 10})
    text = section(datasheet(item_ledgers=(items,)), "Where the rows went")
    assert "| ds1_alibaba | rows | 1,000 | 990 | 7 | 3 | ✓ yes |" in text
    assert "| ds1_alibaba | sequences | 700 | 690 | 10 | 0 | ✓ yes |" in text
    assert "| short_window | dropped | 10 | 1.4 % |" in text
    assert "2,001 sequences were combined into 1,250 distinct sequences." in text
    assert "Not used when they were combined: 17 context_crosses_split." in text


def test_each_reason_has_its_meaning() -> None:
    text = section(datasheet(), "Where the rows went")
    assert "| cpu_out_of_range | quarantined | CPU is not from 0 to 100 %. | 3 | 0.3 % |" in text


def test_every_column_of_a_quarantine_is_explained_in_order() -> None:
    text = section(datasheet(), "Rows that are not used")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(REJECT_COLUMNS)


def test_own_sections_are_tables_and_those_of_the_page_only_are_left_to_it() -> None:
    only = Section(id="x", title="Only here", parts=(table_of(("a|b", 1_402, 0.991)),), on="datasheet")
    sheet = datasheet(sections=(*invented().sections, only))
    assert r"| a\|b | 1,402 | 0.991 |" in section(sheet, "Only here")
    assert "| train | 1,000 | 80.0 % |" in section(sheet, "Splits and lengths")
    assert "Events over time" not in sheet


@pytest.mark.parametrize(
    ("mode", "says", "command"),
    [
        ("sample", "not real", "make run"),
        ("local", "Local data", "python flows/track_a.py --mode local --source"),
        ("live", "Live data", "python flows/track_a.py --mode live"),
    ],
)
def test_the_mode_is_said_and_how_to_make_it_again(mode: str, says: str, command: str) -> None:
    text = datasheet(mode=mode)
    assert says in text.splitlines()[2]
    assert section(text, "How to make it again").split("```")[1].strip().startswith(command)
    assert ("says nothing about real machines" in text) == (mode == "sample")


def test_files_and_known_limits_are_there() -> None:
    text = datasheet()
    assert "| `train.parquet` | for training |" in text
    assert "- A batch task's CPU is a request." in text


def test_a_run_of_nothing_is_a_datasheet_that_says_so() -> None:
    text = sheets.datasheet(empty().model_dump(mode="json"))
    assert text.count("Not recorded.") == 2
    assert "recorded no row counts" in text


def test_the_same_run_gives_the_same_bytes() -> None:
    assert datasheet() == datasheet()


def test_hostile_text_breaks_no_table() -> None:
    run = hostile().model_copy(
        update={"sources": (source("ds1_alibaba", title="a | b", licence="<b>", citation="x\n# y"),)}
    )
    text = sheets.datasheet(run.model_dump(mode="json"))
    for block in re.split(r"\n(?!\|)", text):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block
    assert "\n# y" not in text
    assert "<script" not in re.sub(r"`[^`]*`", "", text)  # in a code span it is text


def test_it_names_no_folder_of_this_machine() -> None:
    assert str(Path.cwd()) not in datasheet()
