"""The datasheet says what is in the data, from where, on what terms, how good the labels are, and what is missing."""

import re
from pathlib import Path
from typing import Any

import pytest

from schemas.format_a import COLUMNS
from schemas.source import Source
from tasks.publish.datasheet import COLUMN_MEANINGS, datasheet
from tests.tasks.publish.test_report import changed, hostile, invented

pytestmark = pytest.mark.unit


def nothing(*_args: Any) -> None:
    """A source's functions are not called here."""


def source(stem: str, **parts: Any) -> Source:
    words = {"title": f"Title of {stem}", "homepage": f"https://example.org/{stem}", "licence": "research, cite"}
    rest = {"citation": "A. Author, 2017", "expected": ("one", "two"), "patterns": ("*.csv",)}
    return Source(stem, **{**words, **rest, **parts}, identify=nothing, sample=nothing)


SOURCES = [source("ds1_alibaba"), source("ds2_loghub")]
RULES = [
    {
        "rule": "cpu_high",
        "state": 1,
        "stem": "ds1_alibaba",
        "meaning": "CPU >= 80 %",
        "rows": 1_402,
        "precision": 0.991,
    },
    {"rule": "oom", "state": "", "stem": "ds2_loghub", "meaning": "out|of memory", "rows": 0, "precision": None},
]
MORE = {
    "rules": RULES,
    "sequences": {"ds1_alibaba": {"in": 700, "kept": 690, "dropped": {"short_window": 10}, "quarantined": {}}},
    "combined": {"rows": 1_250, "weight": 2_001, "dropped": {"context_crosses_split": 17}},
    "vocabulary": {"tokens": 1_321, "sha256": "ab" * 32},
    "limits": ["A batch task's CPU is a request."],
}


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_column_of_format_a_is_explained_in_order() -> None:
    assert list(COLUMN_MEANINGS) == list(COLUMNS)
    assert re.findall(r"^\| `(\w+)` \|", section(datasheet(invented(), SOURCES), "Columns"), re.MULTILINE) == list(
        COLUMNS
    )
    assert "| `sequence_ids` | `list<int32>` |" in datasheet(invented(), SOURCES)


def test_every_source_is_named_with_its_terms_and_its_gaps() -> None:
    run = changed(absent={"ds2_loghub": "SourceError: no such folder"})
    run["sources"][0]["missing"] = ["two"]
    text = section(datasheet(run, SOURCES[:1]), "Where it comes from")
    for words in (
        "Title of ds1_alibaba",
        "https://example.org/ds1_alibaba",
        "research, cite",
        "A. Author, 2017",
        "Missing here: two (of one, two)",
        "Without `ds2_loghub`",
        "no such folder",
    ):
        assert words in text


def test_the_counts_are_the_runs_own_and_add_up() -> None:
    text = section(datasheet(changed(**MORE), SOURCES), "Counts")
    assert "| ds1_alibaba | rows | 1,000 | 990 | 7 | 3 |" in text
    assert "| ds1_alibaba | sequences | 700 | 690 | 10 | 0 |" in text
    assert "| ds1_alibaba | sequences | short_window | dropped | 10 |" in text
    assert "2,001 occurrences are 1,250 distinct sequences. Left out while combining: 17 context_crosses_split." in text


def test_each_rule_has_a_row_with_its_precision_or_a_dash() -> None:
    text = section(datasheet(changed(**MORE), SOURCES), "Label rules")
    assert "| `cpu_high` | ds1_alibaba | Resource_Exhaustion | CPU >= 80 % | 1,402 | 0.991 |" in text
    assert r"| `oom` | ds2_loghub | not given here | out\|of memory | 0 | – |" in text  # noqa: RUF001
    assert "| ds1_alibaba | System_Crash | 9 | 9 | 1 | 0.99 |" in text


def test_without_a_truth_it_names_the_command_that_measures() -> None:
    text = section(datasheet(changed(accuracy={}, mode="local"), SOURCES), "Label rules")
    assert "Not measured on these data" in text
    assert "`make run`" in text


@pytest.mark.parametrize(
    ("mode", "says", "command"),
    [
        ("sample", "not real", "make run"),
        ("local", "Local data", "python flows/track_a.py --mode local --source"),
        ("live", "Live data", "python flows/track_a.py --mode live"),
    ],
)
def test_the_mode_is_said_and_how_to_make_it_again(mode: str, says: str, command: str) -> None:
    text = datasheet(changed(mode=mode), SOURCES)
    assert says in text.splitlines()[2]
    assert section(text, "How to make it again").split("```")[1].strip().startswith(command)
    assert ("says nothing about real machines" in text) == (mode == "sample")


def test_splits_balance_vocabulary_and_limits_are_there() -> None:
    text = datasheet(changed(**MORE), SOURCES)
    assert "| train | 1,000 | 80.0 % |" in text
    assert "| Normal | 900 | 120 |" in text
    assert "1,321 tokens" in text
    assert "`" + "ab" * 32 + "`" in text
    assert "- A batch task's CPU is a request." in text


def test_an_empty_run_is_a_datasheet_that_says_so() -> None:
    text = datasheet({}, [])
    assert text.count("Not recorded.") == 6
    assert "| Normal" not in text


def test_the_same_run_gives_the_same_bytes() -> None:
    assert datasheet(changed(**MORE), SOURCES) == datasheet(changed(**MORE), SOURCES)


def test_hostile_text_breaks_no_table() -> None:
    text = datasheet(hostile(), [source("ds1_alibaba", title="a | b", licence="<b>", citation="x\n# y")])
    for block in re.split(r"\n(?!\|)", text):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block
    assert "\n# y" not in text
    assert "<script" not in re.sub(r"`[^`]*`", "", text)  # in a code span it is text


def test_it_names_no_folder_of_this_machine() -> None:
    assert str(Path.cwd()) not in datasheet(changed(**MORE), SOURCES)
