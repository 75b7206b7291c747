"""DS2: time, entity and record of each line, on made lines and on LogHub's real files."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from schemas.contracts import Events
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.reports import vocabulary
from tasks.pipelines.ds2_loghub.source import decode
from tests.tasks.pipelines.ds2_loghub.logs import events_of, lines, read, report, syslog

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_dates_have_the_right_century_and_month() -> None:
    made = events_of(
        lines(["081109 203518 1 INFO a.B: x"], "hdfs.log", "hdfs"),
        lines(["17/06/09 20:10:40 INFO a.B: x"], "spark.log", "spark"),
        lines(["1 n u s 1077804742 1 x"], "hpc.log", "hpc"),
    )
    days = dict(zip(made["system"], made["timestamp"].astype(str).str[:10], strict=True))
    assert days == {"hdfs": "2008-11-09", "spark": "2017-06-09", "hpc": "2004-02-26"}


def test_the_year_rolls_over_from_december_to_january_and_over_a_quiet_christmas() -> None:
    made = events_of(syslog("Nov 30 10:00:00", "Feb  1 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"), year=2003)
    assert made["timestamp"].astype(str).str[:10].tolist() == [
        "2003-11-30",
        "2004-02-01",
        "2004-12-31",
        "2005-01-01",
    ]


@pytest.mark.parametrize("back", ["Jun 14 09:59:00", "Jun 12 10:00:00", "May 20 10:00:00"])
def test_a_clock_that_goes_back_by_minutes_or_days_is_no_new_year_and_is_counted(back: str) -> None:
    made = events_of(syslog("Jun 14 10:00:00", back, "Jun 14 10:00:05"))
    assert set(made["timestamp"].dt.year) == {2005}
    assert made["timestamp"].is_monotonic_increasing
    assert made["line"].tolist() == [2, 1, 3]
    assert report(made)["statistics"]["clock_steps_back"] == 1


def test_a_clock_that_goes_back_over_new_year_takes_the_year_back() -> None:
    made = events_of(syslog("Dec 31 23:59:50", "Jan  1 00:00:05", "Dec 31 23:59:58", "Jan  1 00:00:10"))
    years = made.sort_values("line")["timestamp"].dt.year.tolist()
    assert years == [2005, 2006, 2005, 2006]


def test_a_silent_year_from_january_to_december_stays_in_its_year() -> None:
    made = events_of(syslog("Jan  2 00:00:00", "Dec  1 00:00:00"))
    assert made["timestamp"].dt.year.tolist() == [2005, 2005]


def test_each_file_counts_its_own_years() -> None:
    made = events_of(
        lines(["Dec 31 00:00:00 a x: y", "Jan  1 00:00:00 a x: y"], "a.log"),
        lines(["Mar  1 00:00:00 b x: y"], "b.log"),
    )
    assert made["timestamp"].dt.year.tolist() == [2005, 2006, 2005]


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
    parsed = pd.concat([parse(part)[0] for part in parts], ignore_index=True)
    made, rejects = read(parsed, year=2005)
    assert made.empty
    assert rejects[["outcome", "reason", "file", "line"]].to_numpy().tolist() == [
        ["quarantined", "bad_time", f"f{at}.log", 2] for at in range(len(NO_TIMES))
    ]
    assert list(rejects.columns) == list(REJECT_COLUMNS)


def test_the_twenty_ninth_of_february_is_a_day_in_a_leap_year() -> None:
    assert events_of(syslog("Feb 29 10:00:00"), year=2004)["timestamp"].dt.day.tolist() == [29]


TRACE = """\
no header yet
2015-10-18 18:01:47,978 ERROR [main] org.x.Y: child ended
java.lang.OutOfMemoryError: Java heap space
\tat org.x.Y.connectionTimeout(Y.java:1)
Caused by: java.lang.IllegalStateException
2015-10-18 18:01:48,000 INFO [main] org.x.Y: next
"""


def test_exceptions_of_a_stack_trace_are_read_with_their_record_and_its_lines_are_counted() -> None:
    parsed, unparsed = parse(lines(TRACE, "hadoop.log", "log4j"))
    made, rejects = read(parsed)
    assert unparsed.empty
    assert made["line"].tolist() == [2, 6]
    assert made["rule"].tolist() == ["out_of_memory", "normal"]
    assert made["message"].tolist() == ["child ended", "next"]
    assert rejects[["outcome", "reason", "line"]].to_numpy().tolist() == [
        ["quarantined", "no_header", 1],
        ["dropped", "continuation", 3],
        ["dropped", "continuation", 4],
        ["dropped", "continuation", 5],
    ]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_batch_may_end_anywhere(cut: int) -> None:
    whole = lines(TRACE, "hadoop.log", "log4j")
    parts = [parse(part.reset_index(drop=True))[0] for part in (whole[:cut], whole[cut:])]
    together = read(parse(whole)[0])
    apart = read(pd.concat(parts, ignore_index=True))
    for one, other in zip(together, apart, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_a_trace_at_the_head_of_a_file_does_not_go_on_with_another_files_record() -> None:
    header = "2015-10-18 18:01:47,978 ERROR [main] org.x.Y: child ended"
    parts = [
        lines([header], "a.log", "log4j"),
        lines(["java.lang.OutOfMemoryError: heap", header], "b.log", "log4j"),
    ]
    parsed = pd.concat([parse(part)[0] for part in parts], ignore_index=True)
    made, rejects = read(parsed)
    assert made["rule"].tolist() == ["error_level", "error_level"]
    assert rejects[["reason", "file", "line"]].to_numpy().tolist() == [["no_header", "b.log", 1]]


def test_events_fulfil_their_contract_and_one_line_gives_one_row() -> None:
    made = events_of(lines([f"Jun 14 10:00:{at:02d} h x[{at}]: job {at} done" for at in range(60)]))
    Events.validate(made)
    assert made["line"].tolist() == list(range(1, 61))
    assert made["template"].nunique() == 1


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
    made = events_of(lines(text, "a.log"), lines(text, "b.log"))
    assert made.groupby("system")["template"].first().nunique() == 1
    meanings = {f"{system}: {made['template'][0]}" for system in ("a", "b")}
    assert set(vocabulary(made)["meaning"]) == meanings


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
    parsed = [parse(t.to_pandas(types_mapper=pd.ArrowDtype))[0] for t in decode(path, path.name)]
    made, rejects = read(pd.concat(parsed, ignore_index=True))
    ours = real[real["system"] == system.lower()].reset_index(drop=True)
    assert rejects.empty
    pd.testing.assert_frame_equal(made.drop(columns="file"), ours.drop(columns="file"))


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


def test_a_real_log_cut_into_batches_of_any_size_gives_the_same_events(real_data: Path) -> None:
    path = real_data / "loghub" / "2k" / "Hadoop" / "Hadoop_2k.log"
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for table in decode(path, path.name)]
    whole = pd.concat(batches, ignore_index=True)
    cuts = np.cumsum([0, 1, 7, 500, 1492])
    parts = [parse(whole[a:b].reset_index(drop=True))[0] for a, b in itertools.pairwise(cuts)]
    together, _ = read(parse(whole)[0])
    apart, _ = read(pd.concat(parts, ignore_index=True))
    pd.testing.assert_frame_equal(together, apart)
