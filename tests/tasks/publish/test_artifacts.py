"""What the Prefect UI shows of a run adds up, stays small, and contains no row of data."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from schemas.finding import Finding
from schemas.run_report import BarGroup, Count, GroupedBars
from tasks.publish import artifacts
from tasks.publish.artifacts import summary_markdown
from tests.tasks.publish.reports import after, hostile, invented, own_sections, table_of

pytestmark = pytest.mark.unit

GROUPS = GroupedBars(
    of="conversations",
    groups=(
        BarGroup(heading="by dataset", bars=(Count(name="ds1", n=7), Count(name="ds2", n=5))),
        BarGroup(heading="by split", bars=(Count(name="train", n=9), Count(name="validation", n=3))),
    ),
)


def finding(name: str, *, holds: bool = True, measured: float = 0.0) -> Finding:
    detail = "row 7: jane@example.org"
    return Finding(kind="missing", limit=0.1, detail=detail, name=name, measured=measured, holds=holds)


def text_of(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())  # noqa: S314  our own


def plot(picture: object) -> str:
    return artifacts.plot(invented(picture=picture).model_dump(mode="json"))


def test_a_key_is_lower_case_with_dashes_and_the_same_for_every_run() -> None:
    assert artifacts.key("track_A", "rows") == "track-a-rows"


def test_failed_checks_come_first_and_a_table_ends_at_a_hundred_rows() -> None:
    rows = artifacts.check_rows([*(finding(f"fine {n}") for n in range(150)), finding("bad", holds=False)])
    assert (rows[0]["check"], rows[0]["outcome"], rows[1]["outcome"]) == ("bad", "warning", "passes")
    assert len(rows) == artifacts.MAX_ROWS


def test_a_measured_number_has_four_digits_that_count() -> None:
    rows = artifacts.check_rows([finding("share", measured=0.0013339261894), finding("rows", measured=22490.0)])
    assert [str(row["measured"]) for row in rows] == ["0.001334", "22490"]


def test_what_a_check_found_in_a_row_is_not_shown() -> None:
    assert "jane" not in str(artifacts.check_rows([finding("mail", holds=False)]))


def test_the_sentence_above_a_table_says_how_many_pass_and_that_it_is_cut() -> None:
    found = [*(finding(f"fine {n}") for n in range(150)), finding("bad", holds=False)]
    assert artifacts.checks_sentence("ds1", found) == "ds1: 150 of 151 checks pass. The first 100 are shown."
    assert artifacts.checks_sentence("ds1", found[:1]) == "ds1: 1 of 1 checks pass."


def test_rows_add_up_by_dataset_and_in_all() -> None:
    rows = artifacts.ledger_rows(invented())
    assert all(row["rows in"] == row["kept"] + row["dropped"] + row["quarantined"] for row in rows)  # type: ignore[operator]
    assert rows[-1] == {"dataset": "all", "rows in": 3_500, "kept": 3_490, "dropped": 7, "quarantined": 3}


def test_a_run_is_one_line_with_its_verdict_first() -> None:
    assert artifacts.headline(invented()) == "No problem was found. Mode sample. Track A."


def test_the_plot_of_labelled_rows_shows_every_state_before_and_after() -> None:
    text = text_of(artifacts.plot(invented().model_dump(mode="json")))
    assert all(state in text for state in ("Normal", "Data drift", "System crash", "900 · 90.0 %", "120 · 42.9 %"))


def test_the_plot_of_groups_shows_each_bar_with_its_share_of_the_group() -> None:
    text = text_of(plot(GROUPS))
    assert all(words in text for words in ("ds1", "7 · 58.3 %", "train", "9 · 75.0 %", "validation"))


@pytest.mark.parametrize("picture", [invented().picture, GROUPS, None])
def test_a_plot_is_an_svg_file_of_its_own_and_its_address_is_small(picture: object) -> None:
    svg = plot(picture)
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  our own
    address = artifacts.data_uri(svg)
    assert len(address) < 100_000
    assert base64.b64decode(address.partition(",")[2]).decode() == svg


def test_markdown_is_short_and_its_tables_are_whole() -> None:
    run = hostile()
    ledgers = (run.ledgers[0].model_copy(update={"quarantined": {f"reason_{n}": n for n in range(200)}}), *run.ledgers)
    long = table_of(*((f"state {n}", n, 0.5) for n in range(60)))
    sections = tuple(section.model_copy(update={"parts": (long,)}) for section in own_sections()[:3])
    text = summary_markdown(
        after(invented(figures={f"f{n}": n for n in range(99)}), ledgers=ledgers, sections=(*sections, *run.sections))
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) < 100
    for block in re.split(r"\n(?!\|)", text):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block
    assert not any("<script" in re.sub(r"`[^`]*`", "", line) for line in text.splitlines())


def test_markdown_says_the_mode_the_reasons_meaning_and_shows_no_empty_chapter_for_a_plot() -> None:
    text = summary_markdown(invented())
    assert "not real" in text
    assert "CPU is not from 0 to 100 %." in text
    assert "Events over time" not in text
