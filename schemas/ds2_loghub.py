"""System logs: the layouts of raw lines, and the one event schema that comes out of all of them.

A layout is found by a file's content, never by its name; a further system whose lines look like one of these needs no
code. Every layout splits a line into time, host, level, source (the component that logs) and message.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pandas as pd
import pyarrow as arrow

from schemas.format_a import LABEL, TEXT, UTC

STEM = "ds2_loghub"

# What becomes of a window with one event: joined to the next window, kept, or dropped.
SingleEvents = Literal["merge", "keep", "drop"]

# Defaults of the pipeline. The functions in tasks/ have none of their own.
WINDOW = timedelta(minutes=5)
YEAR = 2005  # of the first line of logs that do not write it: LogHub's Linux log begins in June 2005
# A lone event is joined to the window right after its own and to none later. A merge over hours would make yesterday's
# line the context of today's, and give the pair one label.
MERGE_WITHIN = timedelta(minutes=5)

SEVERITIES = ("INFO", "WARN", "ERROR")  # from mild to bad

# Levels as programs write them, in capitals. Single letters are Android's; SEVERE and FAILURE are Blue Gene's.
LEVELS = {
    **dict.fromkeys(("TRACE", "DEBUG", "VERBOSE", "FINE", "FINER", "FINEST", "CONFIG", "INFO", "NOTICE"), "INFO"),
    **dict.fromkeys(("V", "D", "I"), "INFO"),
    **dict.fromkeys(("WARN", "WARNING", "W"), "WARN"),
    **dict.fromkeys(("ERROR", "ERR", "SEVERE", "FAILURE", "FATAL", "CRITICAL", "CRIT", "ALERT", "E", "F"), "ERROR"),
    **dict.fromkeys(("EMERG", "EMERGENCY", "PANIC"), "ERROR"),
}
FATAL = ("FATAL", "F", "CRITICAL", "CRIT", "EMERG", "EMERGENCY", "PANIC")  # the program says that it cannot go on

# In the order in which the rules are asked. Which rule gives which type and state: tasks/pipelines/ds2_loghub/rules.py.
EVENT_TYPES = (
    "auth_failure",
    "permission_denied",
    "storage_unavailable",
    "compute_oom",
    "network_issue",
    "data_ingestion_failed",
    "executor_failure",
    "system_crash",
    "job_failed",
    "normal_ops",
    "unknown",
)
SECURITY = ("auth_failure", "permission_denied")  # under taxonomy "five" they are state 0 with the rule `security`
SLICES = ("system", "severity", "event_type")  # columns of a sequence after Format A's

LINE = pd.ArrowDtype(arrow.int64())

# One row a log line: DOMAIN's columns in their order, then the entity it is about and its file.
EVENT_COLUMNS = {
    "system": TEXT,
    "timestamp": UTC,
    "severity": TEXT,
    "source": TEXT,  # the component that logs; "" where a line names none
    "template_id": TEXT,
    "template": TEXT,
    "message": TEXT,
    "line": LINE,  # 1-based, in the raw file
    "event_type": TEXT,
    "rule": TEXT,
    "state": LABEL,
    "entity": TEXT,  # <system>/<host, block or container>
    "file": TEXT,
}

# What `parse` makes of a line. A line without a header of its own has no time, and its text as message.
PARSED_COLUMNS = ("system", "file", "line", "layout", "time", "host", "level", "source", "message")

FIRST_YEAR, LAST_YEAR = 1980, 2099  # a time outside is a fault: an epoch in milliseconds, a year cut in half


EPOCH = "epoch"  # seconds since 1970 instead of a format

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = "|".join(MONTHS)
_CLOCK = r"\d\d:\d\d:\d\d"
_ISO = rf"\d{{4}}-\d\d-\d\d[ T]{_CLOCK}(?:[.,]\d{{1,9}})?"
_LEVEL = "(?P<level>(?i:trace|debug|verbose|info|notice|warn|warning|error|err|severe|fatal|critical|crit|alert|emerg))"
_CLASS = r"(?P<source>[\w.$#@/-]+)"


@dataclass(frozen=True)
class Layout:
    """How one family of programs writes a line.

    `pattern` has the groups time and message, and host, level and source where lines have them. `time` is a strftime
    format (chrono's), or EPOCH; without a year in it the year is counted on from line to line. `multiline`: a line
    without a header goes on with the record before it (a stack trace); elsewhere it is damaged.
    `csv` renders a row of LogHub's `_structured.csv` as the raw line it came from; its fields are the file's columns.
    """

    name: str
    pattern: str
    time: str
    multiline: bool = False
    csv: str = ""

    @property
    def has_year(self) -> bool:
        """Whether a line's time says its year."""
        return self.time == EPOCH or "%Y" in self.time or "%y" in self.time


LAYOUTS = (
    Layout(  # RFC 3164: Linux, OpenSSH, macOS; `tag[pid]:` is missing in "last message repeated 2 times"
        "syslog",
        rf"^(?:<\d{{1,3}}>)?(?P<time>(?:{_MONTHS}) +\d{{1,2}} {_CLOCK}) +(?P<host>\S+) +"
        r"(?:(?P<source>[^:\[\]]*?)(?:\[\d+\])?(?: \([^)]*\))?:(?:\s+|$))?(?P<message>.*)$",
        "%b %d %H:%M:%S",
        csv="{Month} {Date} {Time} {Level} {Component}[{PID}]: {Content}",
    ),
    Layout(  # Los Alamos' HPC cluster
        "hpc",
        r"^\d+ (?P<host>\S+) (?P<source>\S+) \S+ (?P<time>\d{6,13}) -?\d+ ?(?P<message>.*)$",
        EPOCH,
        csv="{LogId} {Node} {Component} {State} {Time} {Flag} {Content}",
    ),
    Layout(
        "hdfs",
        rf"^(?P<time>\d{{6}} \d{{6}}) +\d+ +{_LEVEL} +{_CLASS}: ?(?P<message>.*)$",
        "%y%m%d %H%M%S",
        multiline=True,
        csv="{Date} {Time} {Pid} {Level} {Component}: {Content}",
    ),
    Layout(  # Hadoop, and what Java writes in general
        "log4j",
        rf"^(?P<time>{_ISO}) +{_LEVEL} +(?:\[.*?\] +)?(?:- +)?(?:{_CLASS}(?::| -) )?(?P<message>.*)$",
        "%Y-%m-%d %H:%M:%S%.f",
        multiline=True,
        csv="{Date} {Time} {Level} [{Process}] {Component}: {Content}",
    ),
    Layout(
        "spark",
        rf"^(?P<time>\d\d/\d\d/\d\d {_CLOCK}) +{_LEVEL} +{_CLASS}: ?(?P<message>.*)$",
        "%y/%m/%d %H:%M:%S",
        multiline=True,
        csv="{Date} {Time} {Level} {Component}: {Content}",
    ),
    Layout(  # `- LEVEL [thread:class@line] - message`
        "zookeeper",
        rf"^(?P<time>{_ISO}) +- +{_LEVEL} +\[.*?(?::(?P<source>[\w$.]+)@-?\d+)?\] +- +(?P<message>.*)$",
        "%Y-%m-%d %H:%M:%S%.f",
        multiline=True,
    ),
    Layout(  # OpenStack, sometimes behind the name of the file it was collected from
        "openstack",
        rf"^(?:\S+ )?(?P<time>{_ISO}) \d+ {_LEVEL} (?P<source>\S+) (?:\[(?:req-[^\]]*|-)\] )?(?P<message>.*)$",
        "%Y-%m-%d %H:%M:%S%.f",
        multiline=True,
    ),
    Layout(
        "apache",
        rf"^\[(?P<time>\w{{3}} (?:{_MONTHS}) +\d{{1,2}} {_CLOCK}(?:\.\d+)? \d{{4}})\] "
        rf"\[(?:(?P<source>\w*):)?{_LEVEL}\] (?:\[pid [^\]]*\] )?(?P<message>.*)$",
        "%a %b %d %H:%M:%S%.f %Y",
    ),
    Layout(  # Blue Gene/L: the host's own clock, with microseconds; the first word is an analyst's mark
        "bluegene",
        r"^\S+ \d{10} \d{4}\.\d\d\.\d\d (?P<host>\S+) (?P<time>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+) \S+ \S+ "
        r"(?P<source>\S+) (?P<level>[A-Z]+) ?(?P<message>.*)$",
        "%Y-%m-%d-%H.%M.%S%.f",
    ),
    Layout(  # Thunderbird, Spirit, Liberty: syslog behind an epoch
        "supercomputer",
        rf"^\S+ (?P<time>\d{{10}}) \d{{4}}\.\d\d\.\d\d (?P<host>\S+) (?:{_MONTHS}) +\d{{1,2}} {_CLOCK} \S+ "
        r"(?:(?P<source>[^:\[\]]*?)(?:\[\d+\])?:(?:\s+|$))?(?P<message>.*)$",
        EPOCH,
    ),
    Layout(  # Windows' component store
        "windows",
        rf"^(?P<time>{_ISO}), {_LEVEL} +(?P<source>\S+) +(?P<message>.*)$",
        "%Y-%m-%d %H:%M:%S%.f",
    ),
    Layout(
        "android",
        rf"^(?P<time>\d\d-\d\d {_CLOCK}\.\d+) +\d+ +\d+ (?P<level>[VDIWEF]) (?P<source>.*?): ?(?P<message>.*)$",
        "%m-%d %H:%M:%S%.f",
        multiline=True,
    ),
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}

# Where a header names no host, the first of these in a message says whose line it is.
SESSIONS = (
    r"\b(blk_-?\d+)",  # HDFS block
    r"\b(container_(?:e\d+_)?\d+_\d+_\d+_\d+)",  # YARN container
    r"\[instance: ([0-9a-f-]{36})\]",  # virtual machine
)
