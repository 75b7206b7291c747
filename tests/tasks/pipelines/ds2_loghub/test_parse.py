"""DS2: the layout of a file is found by its content, and a line is split into what its layout has."""

import pandas as pd
import polars as pl
import pytest

from schemas.ds2_loghub import BY_NAME, LAYOUTS
from tasks.pipelines.ds2_loghub.parse import best_layout, parse, system_of
from tests.tasks.pipelines.ds2_loghub.logs import LINES, lines, read

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_a_line_of_each_layout_is_found_by_content_and_split() -> None:
    assert list(LINES) == [layout.name for layout in LAYOUTS]
    for layout, (line, _) in LINES.items():
        assert best_layout([line]) is BY_NAME[layout]
    parts = [parse(lines([line], f"{layout}_2k.log", layout)) for layout, (line, _) in LINES.items()]
    assert all(rejects.empty for _, rejects in parts)
    parsed = pd.concat([kept for kept, _ in parts], ignore_index=True)
    made = read(parsed)[0].set_index("system")["timestamp"]
    for row in parsed.itertuples():
        time, host, level, source, message = LINES[row.layout][1]
        assert (row.system, row.source, row.message) == (row.layout, source, message)
        assert [None if pd.isna(value) else value for value in (row.host, row.level)] == [host, level]
        assert made[row.system] == pd.Timestamp(time, tz="UTC")


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_no_two_layouts_claim_one_line(layout: str) -> None:
    texts = pl.Series([LINES[layout][0]])
    claims = {other.name for other in LAYOUTS if texts.str.contains(other.pattern).all()}
    assert claims == {layout}


def test_the_layout_of_a_file_is_that_of_most_lines() -> None:
    found = best_layout(["banner", LINES["spark"][0], LINES["syslog"][0], LINES["spark"][0]])
    assert found is BY_NAME["spark"]
    assert best_layout(["to do: buy milk", ""]) is None
    assert best_layout([]) is None


@pytest.mark.parametrize(
    ("line", "source", "message"),
    [
        ("2024-01-02T03:04:05.123 ERROR [main] c.e.Foo - went: wrong", "c.e.Foo", "went: wrong"),
        ("2015-10-18 18:01:47,978 INFO [main] org.x.Y: ", "org.x.Y", ""),
    ],
)
def test_log4js_relatives_are_read_too(line: str, source: str, message: str) -> None:
    parsed, _ = parse(lines([line], "zk.log", "log4j"))
    assert (parsed.loc[0, "source"], parsed.loc[0, "message"]) == (source, message)


def test_syslog_without_a_tag_keeps_its_message() -> None:
    parsed, _ = parse(lines(["Jun 14 15:16:01 combo last message repeated 2 times"]))
    assert (parsed.loc[0, "source"], parsed.loc[0, "message"]) == ("", "last message repeated 2 times")


def test_system_names_are_small_letters_and_digits() -> None:
    names = ["2k/Linux_2k.log", "hadoop-xyz.log", "HDFS.log", "Web1.log", "_.log"]
    assert [system_of(name) for name in names] == ["linux", "hadoop", "hdfs", "web1", ""]


def test_where_a_line_is_a_record_one_without_header_is_quarantined() -> None:
    parsed, rejects = parse(lines(["Jun 14 10:00:00 h x: y", "\x00garb\x00age", "Jun 14 10:0"]))
    assert len(parsed) == 1
    assert rejects[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["quarantined", "no_header", 2],
        ["quarantined", "no_header", 3],
    ]


def test_faults_of_the_reader_are_quarantined_under_their_name() -> None:
    raw = lines(["Jun 14 10:00:00 h x: y", "Jun 14 10:00:00 h x: z"])
    raw.loc[1, "fault"] = "invalid_utf8"
    parsed, rejects = parse(raw)
    assert parsed["message"].tolist() == ["y"]
    assert rejects[["outcome", "reason", "line", "row"]].to_numpy().tolist() == [
        ["quarantined", "invalid_utf8", 2, "Jun 14 10:00:00 h x: z"]
    ]
