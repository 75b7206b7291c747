"""The page opens offline, says what is wrong first, survives missing parts and any text, and is always the same."""

import hashlib
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.document import Document
from schemas.run_report import Count, Histogram, Ledger, RunReport, Section
from tasks.publish import page as pages
from tasks.publish import plots
from tasks.publish.page import bar_width, marked, sections_of
from tests.tasks.publish.reports import HOSTILE, after, bars, empty, hostile, invented, table_of, timeline

pytestmark = pytest.mark.unit


def content(report: RunReport) -> Document:
    return report.model_dump(mode="json")


def render(report: RunReport) -> str:
    return pages.render(content(report))


@pytest.fixture(scope="module")
def page() -> str:
    """A page with everything in it: a history, faults, and hostile text wherever text of the data goes."""
    run = hostile()
    splits = tuple(Count(name=split.name, n=900 if split.name == "train" else split.n) for split in run.splits)
    return render(run.model_copy(update={"history": after(invented(splits=splits)).history}))


class Reader(HTMLParser):
    """Tags in order, and that each one is closed."""

    VOID = frozenset({"meta", "br", "path", "use", "rect", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_reaches_for_nothing_outside_itself(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|<script|<link|<iframe|@import|\bsrc=", page.replace(HOSTILE, ""))
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    assert set(re.findall(r'href="(.)', page)) == {"#"}


def test_the_page_is_well_formed_and_can_be_read_aloud(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    headings = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    assert ("html", {"lang": "en"}) in read.tags
    assert all(attrs.get("aria-label") and attrs["role"] == "img" for tag, attrs in read.tags if tag == "svg")
    assert all(attrs.get("scope") for tag, attrs in read.tags if tag == "th")
    assert sum(tag == "svg" for tag, _ in read.tags) == 6


def test_no_id_is_used_twice_and_every_reference_leads_somewhere(page: str) -> None:
    ids = Counter(re.findall(r'\bid="([^"]*)"', page))
    assert not [name for name, count in ids.items() if count > 1]
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', page)) <= set(ids)


def test_text_of_the_data_stays_text(page: str) -> None:
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert "\x00" not in page
    assert Reader(page).text.count("<script>alert(1)</script>") > 10


def test_sections_come_in_the_order_in_which_a_person_wants_them() -> None:
    own = ["labels", "splits", "time", "templates", "accuracy"]
    order = ["verdict", "changes", *own, "rows", "findings", "sources"]
    assert re.findall(r'<h2 id="(\w+)"', render(invented())) == order


def test_what_is_for_the_datasheet_only_is_not_on_the_page() -> None:
    section = Section(id="columns", title="Columns of the file", parts=(table_of(("a", 1, None)),), on="datasheet")
    assert "Columns of the file" not in render(invented(sections=(section,)))


def test_sample_data_never_pass_for_real() -> None:
    sample, real = (render(invented(mode=mode)) for mode in ("sample", "local"))
    assert "Sample data: generated, not real" in sample
    assert "<title>[sample data]" in sample
    assert "not real" not in real


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_also_side_by_side() -> None:
    run = content(invented())
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(pages.render, [run, json.loads(json.dumps(run)), {**run, "title": "Other"}, run]))
    assert made[0] == made[1] == made[3]
    assert made[2] == made[0].replace("Track A", "Other")


def test_the_constant_that_stands_for_the_template_is_right() -> None:
    """What `derive(render, ...)` remembers depends on page.TEMPLATE: put the new value there after a change."""
    template = (Path(pages.__file__).parent / "report.html.j2").read_bytes()
    assert hashlib.sha256(template).hexdigest()[:12] == pages.TEMPLATE


MISSING = {
    "sources": "recorded no sources",
    "ledgers": "recorded no row counts",
    "findings": "recorded no checks",
    "history": "no earlier run to compare with",
}


def test_a_run_of_nothing_is_a_page_that_says_what_is_missing() -> None:
    text = render(empty())
    assert [words for words in MISSING.values() if words not in text] == []
    assert "Do not use this yet" in text


@pytest.mark.parametrize("key", MISSING)
def test_one_missing_part_is_said_and_hides_no_other(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_draw", lambda *_args: "plot")
    bare = {"history": {}, "ledgers": (), "sources": (), "findings": ()}
    lacking = {key: bare[key], **({"combined": None} if key == "ledgers" else {})}
    text = render(invented(**lacking))
    assert MISSING[key] in text
    assert [words for other, words in MISSING.items() if other not in (key, "history") and words in text] == []


def test_a_part_without_rows_is_its_own_sentence_and_without_one_the_sections() -> None:
    silent = table_of()
    spoken = silent.model_copy(update={"empty": "No splits were counted."})
    of_section = Section(id="x", title="X", parts=(silent,), empty="The section has none.")
    texts = [
        render(invented(sections=(of_section.model_copy(update={"parts": (part,)}),))) for part in (silent, spoken)
    ]
    assert ["The section has none." in text for text in texts] == [True, False]
    assert ["No splits were counted." in text for text in texts] == [False, True]


def test_counts_of_nothing_draw_nothing_and_break_nothing() -> None:
    nothing = Histogram(of="tokens", edges=(0, 1, 2), counts=(0, 0))
    parts = (bars((0,) * 5, (0,) * 5), nothing, timeline("x", [], Normal=[]))
    assert "<svg" not in render(invented(sections=(Section(id="x", title="X", parts=parts),)))


def test_a_number_below_its_least_is_marked_and_no_other() -> None:
    text = render(invented(sections=(Section(id="x", title="X", parts=(table_of(("a", 1, 0.9), ("b", 2, 0.99)),)),)))
    assert re.findall(r'<span class="mark warning">!</span>\s*([\d.]+)', text) == ["0.900"]
    assert "0.990" in text


def test_a_bar_is_in_proportion_to_the_largest_number_of_its_column() -> None:
    table = table_of(("a", 50, None), ("b", 200, None), ("c", None, None))
    assert [bar_width(row[1], table.columns[1], table) for row in table.rows] == ["25.0", "100.0", "0.0"]


def test_only_known_signs_are_marks() -> None:
    assert marked("✓ yes") == ("✓", "good", "yes")
    assert marked("yes and no") == ("", "", "yes and no")


def test_each_reason_is_shown_with_its_meaning() -> None:
    text = render(invented())
    assert "CPU is not from 0 to 100 %." in text
    unexplained = Ledger(stem="ds1", of="rows", rows=2, kept=1, dropped={"odd": 1})
    assert "meaning</th>" not in render(invented(ledgers=(unexplained,), sections=(), combined=None))


def test_a_models_page_is_the_same_page_with_other_sections() -> None:
    """Metrics by slice, a confusion matrix and gates are tables and findings: no new kind of page."""
    matrix = table_of(("Normal", 90, 0.99), ("System crash", 7, 0.7))
    run = invented(
        name="trigger_model",
        title="Trigger model",
        noun="prediction",
        rows=100,
        sections=(Section(id="slices", title="Metrics by slice", parts=(matrix,)),),
        splits=(),
        combined=None,
    )
    text = render(run)
    assert "Metrics by slice" in text
    assert [section.id for section in sections_of(run)] == ["changes", "slices", "rows", "findings", "sources"]
    assert "recorded no" not in text


@pytest.mark.slow
def test_dollar_signs_in_a_plot_are_no_mathematics() -> None:
    series = bars().model_copy(update={"names": ("$y$", *bars().names[1:])})
    assert ">$y$<" in str(plots.drawn(series, "x"))
