"""DS2: log lines into events into labelled sequences. Laws, traps of the domain, and the real 2,000-line files."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import format_a
from schemas.ds2_loghub import BY_NAME, EVENT_COLUMNS, EVENT_STATES, EVENT_TYPES, LAYOUTS, Events
from schemas.snapshot import REJECT_COLUMNS
from tasks.pipelines.ds2_loghub import events, reports
from tasks.pipelines.ds2_loghub import rules as ds2_loghub_rules
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds2_loghub import windows as ds2_loghub
from tasks.quality.vocabulary import template_tokens

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

# A line of each layout, written by us, with what is in it: time, host, level, source, message.
LINES = {
    "syslog": (
        "Jun  4 05:06:07 tulip sshd(pam_unix)[123]: session opened for user ada",
        ("2005-06-04 05:06:07", "tulip", None, "sshd(pam_unix)", "session opened for user ada"),
    ),
    "hpc": (
        "4711 node-7 unix.hw state_change 1077804742 1 Link ok",
        ("2004-02-26 14:12:22", "node-7", None, "unix.hw", "Link ok"),
    ),
    "hdfs": (
        "081109 203518 148 INFO dfs.DataNode$Xceiver: Receiving block blk_-1 src: /10.0.0.1:5",
        ("2008-11-09 20:35:18", None, "INFO", "dfs.DataNode$Xceiver", "Receiving block blk_-1 src: /10.0.0.1:5"),
    ),
    "log4j": (
        "2015-10-18 18:01:47,978 WARN [IPC Server handler 3 on 41] org.x.ipc.Client: Old: a/b New: c",
        ("2015-10-18 18:01:47.978", None, "WARN", "org.x.ipc.Client", "Old: a/b New: c"),
    ),
    "spark": (
        "17/06/09 20:10:40 ERROR executor.Executor: Task 3 failed",
        ("2017-06-09 20:10:40", None, "ERROR", "executor.Executor", "Task 3 failed"),
    ),
    "zookeeper": (
        "2015-07-29 17:41:44,747 - INFO  [Peer[myid=1]/0:0:2181:FastElection@774] - Notification: 3",
        ("2015-07-29 17:41:44.747", None, "INFO", "FastElection", "Notification: 3"),
    ),
    "openstack": (
        "api.log.1 2017-05-16 00:00:00.008 25746 INFO nova.wsgi [req-1-2 a b - - -] GET status: 200",
        ("2017-05-16 00:00:00.008", None, "INFO", "nova.wsgi", "GET status: 200"),
    ),
    "apache": (
        "[Sun Dec 04 04:47:44 2005] [error] child in error state 6",
        ("2005-12-04 04:47:44", None, "error", "", "child in error state 6"),
    ),
    "bluegene": (
        "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL FATAL data storage interrupt",
        ("2005-06-03 15:42:50.675872", "R02-M1", "FATAL", "KERNEL", "data storage interrupt"),
    ),
    "supercomputer": (
        "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond[29]: job started",
        ("2005-11-09 20:01:01", "dn228", None, "crond", "job started"),
    ),
    "windows": (
        "2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack",
        ("2016-09-28 04:30:30", None, "Info", "CBS", "Loaded Servicing Stack"),
    ),
    "android": (
        "03-17 16:13:38.811  1702  2395 D WindowManager: opening app",
        ("2005-03-17 16:13:38.811", None, "D", "WindowManager", "opening app"),
    ),
}


def lines(text: str | list[str], file: str = "linux.log", layout: str = "syslog") -> pd.DataFrame:
    """Raw lines as decode gives them."""
    rows = text.splitlines() if isinstance(text, str) else text
    table = pl.DataFrame(
        {"file": [file] * len(rows), "line": range(1, len(rows) + 1), "text": rows, "fault": None, "layout": layout},
        schema={"file": pl.String, "line": pl.Int64, "text": pl.String, "fault": pl.String, "layout": pl.String},
    )
    return frame(table.filter(pl.col("text") != ""))


def frame(table: pl.DataFrame) -> pd.DataFrame:
    return table.to_arrow(compat_level=pl.CompatLevel.oldest()).to_pandas(types_mapper=pd.ArrowDtype)


def events_of(*raw: pd.DataFrame, year: int = 2005) -> pd.DataFrame:
    parsed = [events.parse(part)[0] for part in raw]
    return events.events(pd.concat(parsed, ignore_index=True), year=year)[0]


def syslog(*moments: str, host: str = "tulip", message: str = "crond[1]: started") -> pd.DataFrame:
    return lines([f"{moment} {host} {message}" for moment in moments])


def judged(rows: list[tuple[str, str | None]]) -> list[tuple[str, str, str]]:
    """(severity, event type, rule) of each (message, level)."""
    count = len(rows)
    parsed = pl.DataFrame(
        {
            "system": ["x"] * count,
            "file": ["x.log"] * count,
            "line": range(1, count + 1),
            "layout": ["log4j"] * count,
            "time": ["2020-01-01 00:00:00"] * count,
            "host": [None] * count,
            "level": [level for _, level in rows],
            "source": [""] * count,
            "message": [message for message, _ in rows],
        },
        schema_overrides=dict.fromkeys(("system", "file", "layout", "time", "host", "level", "source"), pl.String)
        | {"line": pl.Int64, "message": pl.String},
    )
    told, _ = events.events(frame(parsed))
    return list(told[["severity", "event_type", "rule"]].itertuples(index=False, name=None))


BASE = 1_118_707_200  # 2005-06-14T00:00Z, the start of a window


def planted(rows: list[tuple[str, str, int, str]]) -> pd.DataFrame:
    """Events from (system, entity's name, seconds after BASE, rule); the template is the rule's name."""
    table = pl.DataFrame(
        rows, schema={"system": pl.String, "name": pl.String, "at": pl.Int64, "rule": pl.String}, orient="row"
    ).with_columns(
        timestamp=pl.from_epoch(pl.col("at") + BASE, "s").cast(pl.Datetime("us", "UTC")),
        severity=pl.lit("INFO"),
        source=pl.lit(""),
        template_id=pl.lit("t"),
        template=pl.col("rule"),
        message=pl.lit("m"),
        line=pl.int_range(pl.len(), dtype=pl.Int64) + 1,
        event_type=pl.col("rule").replace_strict(ds2_loghub_rules.EVENT_TYPE_OF, return_dtype=pl.String),
        state=pl.lit(0, pl.Int8),
        entity=pl.concat_str("system", pl.lit("/"), "name"),
        file=pl.lit("x.log"),
    )
    return frame(table.select(*EVENT_COLUMNS)).astype(EVENT_COLUMNS)


# ------------------------------------------------------------------------------------------------------------ layouts


def test_a_line_of_each_layout_is_found_by_content_and_split() -> None:
    assert list(LINES) == [layout.name for layout in LAYOUTS]
    for layout, (line, _) in LINES.items():
        assert events.best_layout([line]) is BY_NAME[layout]
    parts = [events.parse(lines([line], f"{layout}_2k.log", layout)) for layout, (line, _) in LINES.items()]
    assert all(rejects.empty for _, rejects in parts)
    parsed = pd.concat([kept for kept, _ in parts], ignore_index=True)
    told = events.events(parsed)[0].set_index("system")["timestamp"]
    for row in parsed.itertuples():
        time, host, level, source, message = LINES[row.layout][1]
        assert (row.system, row.source, row.message) == (row.layout, source, message)
        assert [None if pd.isna(value) else value for value in (row.host, row.level)] == [host, level]
        assert told[row.system] == pd.Timestamp(time, tz="UTC")


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_no_two_layouts_claim_one_line(layout: str) -> None:
    texts = pl.Series([LINES[layout][0]])
    claims = {other.name for other in LAYOUTS if texts.str.contains(other.pattern).all()}
    assert claims == {layout}


def test_the_layout_of_a_file_is_that_of_most_lines() -> None:
    found = events.best_layout(["banner", LINES["spark"][0], LINES["syslog"][0], LINES["spark"][0]])
    assert found is BY_NAME["spark"]
    assert events.best_layout(["to do: buy milk", ""]) is None
    assert events.best_layout([]) is None


@pytest.mark.parametrize(
    ("line", "source", "message"),
    [
        ("2024-01-02T03:04:05.123 ERROR [main] c.e.Foo - went: wrong", "c.e.Foo", "went: wrong"),
        ("2015-10-18 18:01:47,978 INFO [main] org.x.Y: ", "org.x.Y", ""),
    ],
)
def test_log4js_relatives_are_read_too(line: str, source: str, message: str) -> None:
    parsed, _ = events.parse(lines([line], "zk.log", "log4j"))
    assert (parsed.loc[0, "source"], parsed.loc[0, "message"]) == (source, message)


def test_syslog_without_a_tag_keeps_its_message() -> None:
    parsed, _ = events.parse(lines(["Jun 14 15:16:01 combo last message repeated 2 times"]))
    assert (parsed.loc[0, "source"], parsed.loc[0, "message"]) == ("", "last message repeated 2 times")


def test_system_names_are_small_letters_and_digits() -> None:
    names = ["2k/Linux_2k.log", "hadoop-xyz.log", "HDFS.log", "Web1.log", "_.log"]
    assert [events.system_of(name) for name in names] == ["linux", "hadoop", "hdfs", "web1", ""]


# -------------------------------------------------------------------------------------------------------------- times


def test_dates_have_the_right_century_and_month() -> None:
    told = events_of(
        lines(["081109 203518 1 INFO a.B: x"], "hdfs.log", "hdfs"),
        lines(["17/06/09 20:10:40 INFO a.B: x"], "spark.log", "spark"),
        lines(["1 n u s 1077804742 1 x"], "hpc.log", "hpc"),
    )
    days = dict(zip(told["system"], told["timestamp"].astype(str).str[:10], strict=True))
    assert days == {"hdfs": "2008-11-09", "spark": "2017-06-09", "hpc": "2004-02-26"}


def test_the_year_rolls_over_from_december_to_january_and_over_a_quiet_christmas() -> None:
    told = events_of(syslog("Nov 30 10:00:00", "Feb  1 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"), year=2003)
    assert told["timestamp"].astype(str).str[:10].tolist() == ["2003-11-30", "2004-02-01", "2004-12-31", "2005-01-01"]


@pytest.mark.parametrize("back", ["Jun 14 09:59:00", "Jun 12 10:00:00", "May 20 10:00:00"])
def test_a_clock_that_goes_back_by_minutes_or_days_is_no_new_year_and_is_counted(back: str) -> None:
    told = events_of(syslog("Jun 14 10:00:00", back, "Jun 14 10:00:05"))
    assert set(told["timestamp"].dt.year) == {2005}
    assert told["timestamp"].is_monotonic_increasing
    assert told["line"].tolist() == [2, 1, 3]
    assert reports.statistics_report(told)["statistics"]["clock_steps_back"] == 1


def test_a_clock_that_goes_back_over_new_year_takes_the_year_back() -> None:
    told = events_of(syslog("Dec 31 23:59:50", "Jan  1 00:00:05", "Dec 31 23:59:58", "Jan  1 00:00:10"))
    years = told.sort_values("line")["timestamp"].dt.year.tolist()
    assert years == [2005, 2006, 2005, 2006]


def test_a_silent_year_from_january_to_december_stays_in_its_year() -> None:
    told = events_of(syslog("Jan  2 00:00:00", "Dec  1 00:00:00"))
    assert told["timestamp"].dt.year.tolist() == [2005, 2005]


def test_each_file_counts_its_own_years() -> None:
    told = events_of(
        lines(["Dec 31 00:00:00 a x: y", "Jan  1 00:00:00 a x: y"], "a.log"),
        lines(["Mar  1 00:00:00 b x: y"], "b.log"),
    )
    assert told["timestamp"].dt.year.tolist() == [2005, 2006, 2005]


NO_TIMES = [
    ("Feb 29 10:00:00 h x: y", "syslog"),
    ("Jun 31 10:00:00 h x: y", "syslog"),
    ("Jun 14 25:00:00 h x: y", "syslog"),
    ("1 n u s 1077804742000 1 x", "hpc"),
    ("1 n u s 100000 1 x", "hpc"),
    ("0015-10-18 18:01:47,978 INFO a.B: x", "log4j"),
    ("081399 203518 1 INFO a.B: x", "hdfs"),
]


def test_a_time_that_is_none_is_quarantined_with_its_line() -> None:
    parts = [lines(["", line], f"f{at}.log", layout) for at, (line, layout) in enumerate(NO_TIMES)]
    parsed = pd.concat([events.parse(part)[0] for part in parts], ignore_index=True)
    told, rejects = events.events(parsed, year=2005)
    assert told.empty
    assert rejects[["outcome", "reason", "file", "line"]].to_numpy().tolist() == [
        ["quarantined", "bad_time", f"f{at}.log", 2] for at in range(len(NO_TIMES))
    ]
    assert tuple(rejects.columns) == REJECT_COLUMNS


def test_the_twenty_ninth_of_february_is_a_day_in_a_leap_year() -> None:
    assert events_of(syslog("Feb 29 10:00:00"), year=2004)["timestamp"].dt.day.tolist() == [29]


# ----------------------------------------------------------------------------------------------- damage and many lines

TRACE = """\
no header yet
2015-10-18 18:01:47,978 ERROR [main] org.x.Y: child ended
java.lang.OutOfMemoryError: Java heap space
\tat org.x.Y.connectionTimeout(Y.java:1)
Caused by: java.lang.IllegalStateException
2015-10-18 18:01:48,000 INFO [main] org.x.Y: next
"""


def test_exceptions_of_a_stack_trace_are_read_with_their_record_and_its_lines_are_counted() -> None:
    parsed, unparsed = events.parse(lines(TRACE, "hadoop.log", "log4j"))
    told, rejects = events.events(parsed)
    assert unparsed.empty
    assert told["line"].tolist() == [2, 6]
    assert told["rule"].tolist() == ["out_of_memory", "normal"]
    assert told["message"].tolist() == ["child ended", "next"]
    assert rejects[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["quarantined", "no_header", 1],
        ["dropped", "continuation", 3],
        ["dropped", "continuation", 4],
        ["dropped", "continuation", 5],
    ]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_batch_may_end_anywhere(cut: int) -> None:
    whole = lines(TRACE, "hadoop.log", "log4j")
    parts = [events.parse(part.reset_index(drop=True))[0] for part in (whole[:cut], whole[cut:])]
    together = events.events(events.parse(whole)[0])
    apart = events.events(pd.concat(parts, ignore_index=True))
    for one, other in zip(together, apart, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_a_trace_at_the_head_of_a_file_does_not_go_on_with_another_files_record() -> None:
    header = "2015-10-18 18:01:47,978 ERROR [main] org.x.Y: child ended"
    parts = [
        lines([header], "a.log", "log4j"),
        lines(["java.lang.OutOfMemoryError: heap", header], "b.log", "log4j"),
    ]
    parsed = pd.concat([events.parse(part)[0] for part in parts], ignore_index=True)
    told, rejects = events.events(parsed)
    assert told["rule"].tolist() == ["error_level", "error_level"]
    assert rejects[["reason", "file", "line"]].to_numpy().tolist() == [["no_header", "b.log", 1]]


def test_where_a_line_is_a_record_one_without_header_is_quarantined() -> None:
    parsed, rejects = events.parse(lines(["Jun 14 10:00:00 h x: y", "\x00garb\x00age", "Jun 14 10:0"]))
    assert len(parsed) == 1
    assert rejects[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["quarantined", "no_header", 2],
        ["quarantined", "no_header", 3],
    ]


def test_faults_of_the_reader_are_quarantined_under_their_name() -> None:
    raw = lines(["Jun 14 10:00:00 h x: y", "Jun 14 10:00:00 h x: z"])
    raw.loc[1, "fault"] = "invalid_utf8"
    parsed, rejects = events.parse(raw)
    assert parsed["message"].tolist() == ["y"]
    assert rejects[["outcome", "reason", "line", "row"]].to_numpy().tolist() == [
        ["quarantined", "invalid_utf8", 2, "Jun 14 10:00:00 h x: z"]
    ]


def test_nothing_in_gives_empty_tables_of_the_right_columns_and_types() -> None:
    parsed, rejects = events.parse(lines([]))
    told, untimed = events.events(parsed)
    sequences, left_out = ds2_loghub.windows(told)
    assert (len(parsed), len(told), len(sequences)) == (0, 0, 0)
    assert {tuple(table.columns) for table in (rejects, untimed, left_out)} == {REJECT_COLUMNS}
    assert dict(told.dtypes) == EVENT_COLUMNS
    assert list(sequences.dtypes)[: len(format_a.COLUMNS)] == list(format_a.COLUMNS.values())
    assert ds2_loghub.vocabulary(told).empty
    assert reports.statistics_report(told)["statistics"]["total_rows"] == 0


# -------------------------------------------------------------------------------------------------------------- rules


def test_the_order_of_the_rules_is_the_domains_order_of_event_types() -> None:
    order = [EVENT_TYPES.index(rule.event_type) for rule in ds2_loghub_rules.EVENT_RULES]
    assert order == sorted(order)
    assert set(ds2_loghub_rules.EVENT_TYPE_OF.values()) == set(EVENT_TYPES)


def test_every_rule_is_explained_and_no_braces_were_lost_in_its_pattern() -> None:
    assert set(ds2_loghub_rules.RULES) == {*ds2_loghub_rules.EVENT_TYPE_OF, "security"}
    for rule in ds2_loghub_rules.EVENT_RULES:
        pattern = ds2_loghub_rules._pattern(rule.words)
        assert "<" not in pattern.replace("(?<", "")
        assert "||" not in pattern


TRAPS = [
    ("Recalculating schedule, headroom=<memory:0, vCores:0>", "INFO", "normal"),
    ("boardroom and showroom are free", None, "normal"),
    ("OOM: killed", "INFO", "out_of_memory"),
    ("Retrying connect to server: a/b:8030. Already tried 0 time(s)", "INFO", "normal"),
    ("Retrying connect to server: a/b:8030. Already tried 9 time(s)", "WARN", "retrying"),
    ("Failed to renew lease for [DFS] for 30 seconds.  Will retry shortly ...", "WARN", "unreachable"),
    ("ERROR IN CONTACTING RM.", "ERROR", "unreachable"),
    ("Verification succeeded for blk_1", "INFO", "normal"),
    ("Verification failed for blk_1", "WARN", "corrupt_data"),
    ("Input split: hdfs://a/b:0+12", "INFO", "normal"),
    ("could not read input split 7", "ERROR", "bad_input"),
    ("ALERT exited abnormally with [1]", None, "abnormal_exit"),
    ("Out of Memory: Killed process 28473 (httpd).", None, "out_of_memory"),
    ("java.net.NoRouteToHostException: from a to b", "INFO", "unreachable"),
    ("java.net.SocketTimeoutException: 480000 millis", "ERROR", "timed_out"),
    ("Broken pipe", "WARN", "connection_lost"),
    ("session timeout = 30000", "INFO", "normal"),
    ("Expiring session 0x1, timeout of 10000ms exceeded", "INFO", "timed_out"),
    ("12 ddr error(s) detected and corrected", "INFO", "normal"),
    ("3 succeeded, 2 failed tasks", "INFO", "work_failed"),
    ("maxTaskFailuresPerNode is 3", "INFO", "normal"),
    ("Container killed by the ApplicationMaster.", "INFO", "normal"),
    ("something odd", "WARN", "warning"),
    ("something odd", "ERROR", "error_level"),
    ("something odd", "fatal", "fatal_level"),
    ("something odd", "NOTICE", "normal"),
]


def test_traps() -> None:
    verdicts = judged([(message, level) for message, level, _ in TRAPS])
    assert {message: verdict[2] for (message, *_), verdict in zip(TRAPS, verdicts, strict=True)} == {
        message: rule for message, _, rule in TRAPS
    }


def test_severity_is_the_levels_where_there_is_one() -> None:
    levels = {"TRACE": "INFO", "debug": "INFO", "W": "WARN", "Warning": "WARN", "SEVERE": "ERROR", "FATAL": "ERROR"}
    assert [verdict[0] for verdict in judged([("fine", level) for level in levels])] == list(levels.values())


WORDED = [
    ("Link error", "ERROR"),
    ("not responding", "WARN"),
    ("authentication failure; user=root", "WARN"),
    ("terror in the mirror", "INFO"),
    ("scan done, no errors", "INFO"),
    ("running", "INFO"),
    ("power/control problem", "WARN"),
    ("No route to host", "WARN"),
    ("EDAC sbridge: nmi received", "WARN"),
]


def test_severity_is_told_by_words_on_word_boundaries_where_there_is_no_level() -> None:
    found = [verdict[0] for verdict in judged([(message, None) for message, _ in WORDED])]
    assert list(zip([message for message, _ in WORDED], found, strict=True)) == WORDED


@given(st.lists(st.tuples(st.text(max_size=60), st.sampled_from([None, "INFO", "WARN", "ERROR"])), max_size=50))
@settings(max_examples=5, deadline=None)
def test_any_text_has_exactly_one_verdict(rows: list[tuple[str, str | None]]) -> None:
    verdicts = judged(rows)
    assert len(verdicts) == len(rows)
    for (_, level), (severity, event_type, rule) in zip(rows, verdicts, strict=True):
        assert event_type == ds2_loghub_rules.EVENT_TYPE_OF[rule]
        assert level in {None, severity}


# ------------------------------------------------------------------------------------------------------------- events


def test_events_fulfil_their_contract_and_one_line_gives_one_row() -> None:
    told = events_of(lines([f"Jun 14 10:00:{at:02d} h x[{at}]: job {at} done" for at in range(60)]))
    Events.validate(told)
    assert told["line"].tolist() == list(range(1, 61))
    assert told["template"].nunique() == 1


WHOSE = [
    ("syslog", "Jun 14 10:00:00 tulip x: about blk_1", "/tulip"),
    ("hdfs", "081109 203518 1 INFO a.B: Deleting block blk_-77 file /a/blk_-77", "/blk_-77"),
    ("hdfs", "081109 203518 1 INFO a.B: starting", "/sys_2k"),
    (
        "log4j",
        "2015-10-18 18:01:47,978 INFO [m] a.B: Assigned container_1445_0020_01_000002 to x",
        "/container_1445_0020_01_000002",
    ),
    ("spark", "17/06/09 20:10:40 INFO a.B: rdd_42_3", "/sys_2k"),
]


def test_whose_line_it_is() -> None:
    raw = [lines([line], f"2k/sys{at}_2k.log", layout) for at, (layout, line, _) in enumerate(WHOSE)]
    found = events_of(*raw).set_index("system")["entity"]
    expected = [f"sys{at}{name.replace('sys_2k', f'sys{at}_2k')}" for at, (_, _, name) in enumerate(WHOSE)]
    assert [found[f"sys{at}"] for at in range(len(WHOSE))] == expected


def test_templates_are_mined_per_system() -> None:
    text = ["Jun 14 10:00:00 h x: took 5 s"]
    told = events_of(lines(text, "a.log"), lines(text, "b.log"))
    assert told.groupby("system")["template"].first().nunique() == 1
    meanings = {f"{system}: {told['template'][0]}" for system in ("a", "b")}
    assert set(ds2_loghub.vocabulary(told)["meaning"]) == meanings


def test_a_vocabulary_has_one_meaning_a_token() -> None:
    told = events_of(lines(["Jun 14 10:00:00 h x: up", "Jun 14 10:00:01 h x: down"]))
    table = ds2_loghub.vocabulary(told)
    assert table.columns.tolist() == ["token", "source", "meaning"]
    assert table["token"].is_unique
    assert set(table["source"]) == {"ds2_loghub"}
    assert set(table["meaning"]) == {"linux: up", "linux: down"}


# ------------------------------------------------------------------------------------------------------------ windows


def test_windows_are_cut_by_the_clock_per_entity_and_worked_by_hand() -> None:
    told = planted(
        [
            ("a", "h1", 301, "normal"),
            ("a", "h1", 599, "timed_out"),
            ("a", "h1", 600, "normal"),
            ("a", "h1", 605, "normal"),
            ("a", "h2", 302, "crashed"),
            ("a", "h2", 303, "timed_out"),
        ]
    )
    sequences, rejects = ds2_loghub.windows(told, taxonomy="five")
    tokens = template_tokens(told[["system", "template"]]).set_index("template")["token"]
    assert rejects.empty
    assert sequences["entity"].tolist() == ["a/h1", "a/h1", "a/h2"]
    assert [moment.timestamp() - BASE for moment in sequences["window_start"]] == [300, 600, 300]
    assert [moment.timestamp() - BASE for moment in sequences["window_end"]] == [600, 900, 600]
    assert [list(ids) for ids in sequences["sequence_ids"]] == [
        [tokens["normal"], tokens["timed_out"]],
        [tokens["normal"]] * 2,
        [tokens["crashed"], tokens["timed_out"]],
    ]
    assert sequences["label"].tolist() == [3, 0, 2]
    assert sequences["label_rule"].tolist() == ["timed_out", "normal", "crashed"]
    assert sequences["event_type"].tolist() == ["network_issue", "normal_ops", "system_crash"]
    assert sequences["rows"].tolist() == [2, 2, 2]
    format_a.Sequences.validate(sequences)


def test_columns_are_format_as_and_then_the_slices() -> None:
    sequences, _ = ds2_loghub.windows(planted([("a", "h", 1, "normal")]))
    assert sequences.columns.tolist() == [*format_a.COLUMNS, "system", "severity", "event_type", "rows"]
    assert sequences["rows"].dtype == pd.ArrowDtype(pa.int32())


@pytest.mark.parametrize(("taxonomy", "expected"), [("five", (0, "security")), ("seven", (5, "authentication_failed"))])
def test_security_is_normal_among_five_states_and_a_state_of_its_own_among_seven(
    taxonomy: format_a.Taxonomy, expected: tuple[int, str]
) -> None:
    told = planted([("a", "h", at, rule) for at, rule in enumerate(["normal", "authentication_failed", "normal"])])
    sequences, _ = ds2_loghub.windows(told, taxonomy=taxonomy)
    assert (sequences["label"][0], sequences["label_rule"][0]) == expected
    assert sequences["event_type"][0] == "auth_failure"


@pytest.mark.parametrize("taxonomy", ["five", "seven"])
@given(rules=st.lists(st.sampled_from(sorted(ds2_loghub_rules.EVENT_TYPE_OF)), min_size=1, max_size=8))
@settings(max_examples=8, deadline=None)
def test_the_worst_state_wins_by_severity_whatever_the_order(taxonomy: format_a.Taxonomy, rules: list[str]) -> None:
    told = planted([("a", "h", at, rule) for at, rule in enumerate(rules)])
    sequences, _ = ds2_loghub.windows(told, taxonomy=taxonomy)
    states = [EVENT_STATES[ds2_loghub_rules.EVENT_TYPE_OF[rule]] for rule in rules]
    worst = min(states, key=format_a.SEVERITY_ORDER.index)
    assert sequences["label"].tolist() == [0 if taxonomy == "five" and worst > format_a.DATA_DRIFT else worst]


def test_the_worst_severity_and_the_most_frequent_type_describe_a_normal_window() -> None:
    told = planted([("a", "h", at, rule) for at, rule in enumerate(["warning", "normal", "warning"])])
    told["severity"] = pd.Series(["WARN", "INFO", "INFO"], dtype=format_a.TEXT)
    sequences, _ = ds2_loghub.windows(told)
    assert sequences[["severity", "event_type", "label_rule"]].to_numpy().tolist() == [["WARN", "unknown", "normal"]]


def test_the_last_512_tokens_are_kept_and_every_row_is_counted() -> None:
    told = planted([("a", "h", 0, "crashed"), *(("a", "h", 1 + at // 4, "normal") for at in range(600))])
    sequences, _ = ds2_loghub.windows(told)
    assert (len(sequences["sequence_ids"][0]), sequences["rows"][0], sequences["label"][0]) == (512, 601, 2)
    assert len(set(sequences["sequence_ids"][0])) == 1


def lone(*windows: int, name: str = "h") -> list[tuple[str, str, int, str]]:
    """One event in each of these windows."""
    return [("a", name, 300 * window + 10, "normal") for window in windows]


@pytest.mark.parametrize(
    ("windows", "sizes"),
    [
        ((0, 1), [2]),
        ((0, 1, 2), [2, 1]),
        ((0, 1, 2, 3), [2, 2]),
        ((0, 2), [1, 1]),
        ((0, 1, 1), [3]),
        ((0, 0, 1), [2, 1]),
        ((0, 1, 1, 2, 3), [3, 2]),
        ((0, 1000), [1, 1]),
    ],
)
def test_a_lone_event_joins_the_next_window_if_that_is_its_neighbour(
    windows: tuple[int, ...], sizes: list[int]
) -> None:
    sequences, rejects = ds2_loghub.windows(planted(lone(*windows)))
    assert sequences["rows"].tolist() == sizes
    assert rejects.empty


def test_a_joined_pair_spans_both_windows_and_has_the_worse_label() -> None:
    told = planted([("a", "h", 10, "normal"), ("a", "h", 310, "crashed"), ("a", "h", 320, "normal")])
    sequences, _ = ds2_loghub.windows(told)
    row = sequences.iloc[0]
    assert (row["window_end"].timestamp() - BASE, row["label"], row["rows"]) == (600, 2, 3)
    assert row["window_start"] == row["context_start"] == pd.Timestamp(BASE, unit="s", tz="UTC")


def test_how_near_is_a_parameter() -> None:
    sequences, _ = ds2_loghub.windows(planted(lone(0, 3)), merge_within_seconds=900)
    assert sequences["rows"].tolist() == [2]
    assert sequences["window_end"][0].timestamp() - BASE == 1200


def test_lone_events_may_be_kept_or_dropped_with_their_line() -> None:
    told = planted([*lone(0, 1), ("a", "h", 900, "normal"), ("a", "h", 901, "normal")])
    kept, nothing = ds2_loghub.windows(told, single_events="keep")
    assert (kept["rows"].tolist(), len(nothing)) == ([1, 1, 2], 0)
    left, dropped = ds2_loghub.windows(told, single_events="drop")
    assert left["rows"].tolist() == [2]
    assert dropped[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["dropped", "single_event_window", 1],
        ["dropped", "single_event_window", 2],
    ]


MOMENTS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["h1", "h2"]),
        st.integers(0, 4000),
        st.sampled_from(["normal", "crashed"]),
    ),
    max_size=40,
)


@given(rows=MOMENTS, policy=st.sampled_from(["merge", "keep", "drop"]), within=st.sampled_from([300, 900]))
@settings(max_examples=12, deadline=None)
def test_every_event_stands_in_one_window_or_in_the_rejects_and_no_window_mixes_entities(
    rows: list[tuple[str, str, int, str]], policy: ds2_loghub.SingleEvents, within: int
) -> None:
    told = planted(rows)
    sequences, rejects = ds2_loghub.windows(told, single_events=policy, merge_within_seconds=within)
    assert sequences["rows"].sum() + len(rejects) == len(told)
    for row in sequences.itertuples():
        assert row.entity.startswith(f"{row.system}/")
        mine = told[told["entity"] == row.entity]
        inside = mine[(mine["timestamp"] >= row.window_start) & (mine["timestamp"] < row.window_end)]
        assert len(inside) == row.rows == len(row.sequence_ids)
        assert row.window_end - row.window_start <= pd.Timedelta(seconds=300 + within)
    spans = sequences.sort_values(["entity", "window_start"])
    same = spans["entity"] == spans["entity"].shift(-1)
    assert (~same | (spans["window_end"] <= spans["window_start"].shift(-1)).fillna(value=True)).all()


def test_permuting_lines_of_different_entities_changes_nothing() -> None:
    names = ["h1", "h2", "h3"]
    of = {name: [f"Jun 14 10:{at:02d}:00 {name} x: job {at} failed" for at in range(9)] for name in names}
    one = lines([line for name in names for line in of[name]])
    other = lines([line for same_time in zip(*of.values(), strict=True) for line in same_time])
    first, second = (ds2_loghub.windows(events_of(part))[0] for part in (one, other))
    pd.testing.assert_frame_equal(first, second)


def test_a_later_day_or_another_system_changes_no_earlier_id_and_no_earlier_window() -> None:
    day = lines([f"Jun 14 10:{at:02d}:{at:02d} h{at % 3} x: took {at} ms" for at in range(50)])
    later = lines(
        [f"Jun 14 10:{at:02d}:{at:02d} h{at % 3} x: took {at} ms" for at in range(50)]
        + [f"Jun 15 10:00:0{at} h{at % 3} x: disk sda{at} failed" for at in range(9)]
    )
    other = lines(["17/06/09 20:10:40 INFO a.B: took 3 ms"] * 2, "spark.log", "spark")
    before, _ = ds2_loghub.windows(events_of(day))
    after, _ = ds2_loghub.windows(events_of(later, other))
    kept = after[after["window_start"] < pd.Timestamp("2005-06-15", tz="UTC")].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, kept)
    old, new = (ds2_loghub.vocabulary(events_of(*parts)) for parts in ((day,), (later, other)))
    assert set(map(tuple, old.to_numpy())) < set(map(tuple, new.to_numpy()))


# ------------------------------------------------------------------------------------------------------------- report


def test_the_report_has_the_domains_keys_and_says_how_many_windows_are_lone() -> None:
    report = reports.statistics_report(planted([*lone(0, 1, 9), ("b", "h", 0, "crashed"), ("b", "h", 1, "crashed")]))
    assert report["validation"]["success"]
    assert {"expectation", "column", "success"} == set(report["validation"]["results"][0])
    statistics = report["statistics"]
    assert (statistics["total_rows"], statistics["rows_per_system"]) == (5, {"a": 3, "b": 2})
    assert statistics["severity_distribution"] == {"INFO": 5}
    assert statistics["event_type_distribution"] == {"normal_ops": 3, "system_crash": 2}
    assert report["windows"] == {
        "window_seconds": 300,
        "before_merging": {"windows": 4, "single_event": 3},
        "after_merging": {"windows": 3, "single_event": 1},
    }


def test_the_report_names_the_check_that_fails() -> None:
    told = planted(lone(0, 1))
    told["severity"] = pd.Series(["INFO", "LOUD"], dtype=format_a.TEXT)
    told["line"] = pd.Series([1, 1], dtype=told["line"].dtype)
    validation = reports.statistics_report(told)["validation"]
    assert not validation["success"]
    assert {result["expectation"] for result in validation["results"] if not result["success"]} == {
        "known_severity",
        "no_line_twice",
    }


def test_errors_that_end_normal_are_counted_by_rule() -> None:
    told = planted(lone(0, 1))
    told["severity"] = pd.Series(["ERROR", "INFO"], dtype=format_a.TEXT)
    assert reports.statistics_report(told)["statistics"]["unexplained_errors"] == {"normal": 1}


# ---------------------------------------------------------------------------------------------------------- real logs


@pytest.fixture(scope="module")
def real(real_data: Path) -> pd.DataFrame:
    """Events of the five 2,000-line files."""
    parts = []
    for path in sorted((real_data / "loghub" / "2k").glob("*/*_2k.log")):
        for table in loghub.decode(path, path.name):
            parsed, rejects = events.parse(table.to_pandas(types_mapper=pd.ArrowDtype))
            assert rejects.empty
            parts.append(parsed)
    told, rejects = events.events(pd.concat(parts, ignore_index=True))
    assert rejects.empty
    return told


def structured(real_data: Path, system: str) -> pl.DataFrame:
    path = next((real_data / "loghub" / "2k").glob(f"*/{system}_2k.log_structured.csv"))
    return pl.read_csv(path, infer_schema=False)


@pytest.mark.parametrize("system", ["Linux", "HPC", "HDFS", "Hadoop", "Spark"])
def test_messages_and_components_of_real_lines_equal_loghubs_own(
    real: pd.DataFrame, real_data: Path, system: str
) -> None:
    truth = structured(real_data, system)
    ours = real[real["system"] == system.lower()].sort_values("line")
    assert ours["line"].tolist() == list(range(1, 2_001))
    assert [text.rstrip() for text in ours["message"]] == [text.rstrip() for text in truth["Content"]]
    assert ours["source"].tolist() == truth["Component"].to_list()


@pytest.mark.parametrize("system", ["Linux", "HPC", "HDFS", "Hadoop", "Spark"])
def test_the_structured_copy_of_a_real_log_gives_the_same_events(
    real: pd.DataFrame, real_data: Path, system: str
) -> None:
    path = next((real_data / "loghub" / "2k").glob(f"*/{system}_2k.log_structured.csv"))
    parsed = [events.parse(t.to_pandas(types_mapper=pd.ArrowDtype))[0] for t in loghub.decode(path, path.name)]
    told, rejects = events.events(pd.concat(parsed, ignore_index=True))
    ours = real[real["system"] == system.lower()].reset_index(drop=True)
    assert rejects.empty
    pd.testing.assert_frame_equal(told.drop(columns="file"), ours.drop(columns="file"))


def test_real_dates_are_those_of_the_logs(real: pd.DataFrame) -> None:
    spans = real.groupby("system")["timestamp"].agg(["min", "max"])
    days = {system: (str(row["min"])[:10], str(row["max"])[:10]) for system, row in spans.iterrows()}
    assert days == {
        "hadoop": ("2015-10-18", "2015-10-18"),
        "hdfs": ("2008-11-09", "2008-11-11"),
        "hpc": ("2003-08-06", "2006-04-27"),  # by `date -u -d @...` of the smallest and largest epoch
        "linux": ("2005-06-14", "2005-07-27"),
        "spark": ("2017-06-09", "2017-06-09"),
    }


def test_no_headroom_is_out_of_memory_and_hardly_an_error_line_ends_normal(real: pd.DataFrame) -> None:
    headroom = real[real["message"].str.contains("headroom")]
    assert len(headroom) == 131
    assert not (headroom["event_type"] == "compute_oom").any()
    normal_errors = real[(real["severity"] == "ERROR") & (real["state"] == 0)]
    print(normal_errors["rule"].value_counts().to_dict())
    assert len(normal_errors) < 50
    assert (real["severity"] == "ERROR").sum() >= 152  # Hadoop's own levels alone


def test_real_network_lines_of_the_domain_are_network_failures(real: pd.DataFrame) -> None:
    for words, count in {"Failed to renew lease": 326, "ERROR IN CONTACTING RM": 147}.items():
        found = real[real["message"].str.contains(words)]
        assert (len(found), set(found["state"])) == (count, {3})


def test_real_windows_are_sequences_of_format_a_and_lose_nothing(real: pd.DataFrame) -> None:
    sequences, rejects = ds2_loghub.windows(real)
    format_a.Sequences.validate(sequences)
    Events.validate(real)
    assert sequences["rows"].sum() + len(rejects) == 10_000
    windows = reports.statistics_report(real)["windows"]
    assert windows["after_merging"]["windows"] == len(sequences)
    assert windows["after_merging"]["single_event"] == int((sequences["rows"] == 1).sum())


def test_a_real_log_cut_into_batches_of_any_size_gives_the_same_events(real_data: Path) -> None:
    path = real_data / "loghub" / "2k" / "Hadoop" / "Hadoop_2k.log"
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for table in loghub.decode(path, path.name)]
    whole = pd.concat(batches, ignore_index=True)
    cuts = np.cumsum([0, 1, 7, 500, 1492])
    parts = [events.parse(whole[a:b].reset_index(drop=True))[0] for a, b in itertools.pairwise(cuts)]
    together, _ = events.events(events.parse(whole)[0])
    apart, _ = events.events(pd.concat(parts, ignore_index=True))
    pd.testing.assert_frame_equal(together, apart)
