"""Log lines and events for DS2's tests, and its steps with the defaults of schemas/ds2_loghub.py."""

from pathlib import Path

import pandas as pd
import polars as pl

from schemas import ds2_loghub as ds2
from schemas.document import Document
from schemas.ds2_loghub import EVENT_COLUMNS, SingleEvents
from schemas.format_a import Taxonomy
from tasks.pipelines.ds2_loghub.events import events
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.reports import statistics_report
from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF
from tasks.pipelines.ds2_loghub.source import decode
from tasks.pipelines.ds2_loghub.windows import windows

WINDOW_SECONDS = int(ds2.WINDOW.total_seconds())
MERGE_WITHIN_SECONDS = int(ds2.MERGE_WITHIN.total_seconds())

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


def read(parsed: pd.DataFrame, *, year: int = ds2.YEAR) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(events, rejects) of parsed lines."""
    return events(parsed, year=year)


def label(
    made: pd.DataFrame,
    *,
    taxonomy: Taxonomy = "five",
    single_events: SingleEvents = "merge",
    merge_within_seconds: int = MERGE_WITHIN_SECONDS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(sequences, rejects) of events, in windows of five minutes."""
    return windows(
        made,
        window_seconds=WINDOW_SECONDS,
        taxonomy=taxonomy,
        single_events=single_events,
        merge_within_seconds=merge_within_seconds,
    )


def report(made: pd.DataFrame) -> Document:
    """The statistics report of events, in windows of five minutes."""
    return statistics_report(made, window_seconds=WINDOW_SECONDS, merge_within_seconds=MERGE_WITHIN_SECONDS)


def decoded(path: Path) -> pd.DataFrame:
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for table in decode(path, path.name)]
    return pd.concat(batches, ignore_index=True)


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
    parsed = [parse(part)[0] for part in raw]
    return read(pd.concat(parsed, ignore_index=True), year=year)[0]


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
    made, _ = read(frame(parsed))
    return list(made[["severity", "event_type", "rule"]].itertuples(index=False, name=None))


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
        event_type=pl.col("rule").replace_strict(EVENT_TYPE_OF, return_dtype=pl.String),
        state=pl.lit(0, pl.Int8),
        entity=pl.concat_str("system", pl.lit("/"), "name"),
        file=pl.lit("x.log"),
    )
    return frame(table.select(*EVENT_COLUMNS)).astype(EVENT_COLUMNS)


def lone(*windows: int, name: str = "h") -> list[tuple[str, str, int, str]]:
    """One event in each of these windows."""
    return [("a", name, 300 * window + 10, "normal") for window in windows]
