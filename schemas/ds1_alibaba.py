"""DS1, Alibaba cluster trace: its raw tables, its tokens, and the contracts of what is made of them.

Raw layout: `schema.csv` of the 2017 trace (headerless, comma separated; an INTEGER is int64 here, a FLOAT float64), and
`trace_2018.md` for the 2018 table. Names of columns follow `trace_201708.md`, which describes them.
Documentation read at github.com/alibaba/clusterdata, folders cluster-trace-v2017 and cluster-trace-v2018.
"""

from collections.abc import Mapping
from datetime import timedelta

import pandas as pd
import pyarrow as arrow

STEM = "ds1_alibaba"

# Defaults of the pipeline. The functions in tasks/ have none of their own.
MACHINE_CORES = 64  # trace_201708.md: "For the 64 cpus machine in the dataset"
WINDOW = timedelta(minutes=5)  # the labelled window; usage is published every 300 s
HISTORY = 5  # earlier windows whose tokens precede those of the labelled window
TRACE_START = "1970-01-01T00:00:00Z"  # the instant of second 0; the trace does not publish it
LATEST_SECOND = 2**31 - 1  # 68 years: a later time is a fault, and would not fit a timestamp after some windows

INTEGER = arrow.int64()
FLOAT = arrow.float64()
TEXT = arrow.string()
WORD = arrow.dictionary(arrow.int32(), arrow.string())  # few distinct values: kept once, referred to by number

TABLES: Mapping[str, Mapping[str, arrow.DataType]] = {
    "batch_instance": {
        "start_timestamp": INTEGER,  # seconds since the trace's start, as all its times
        "end_timestamp": INTEGER,  # 0 for a state that has not ended
        "job_id": INTEGER,
        "task_id": INTEGER,
        "machine_id": INTEGER,
        "status": WORD,
        "seq_no": INTEGER,
        "total_seq_no": INTEGER,
        "real_cpu_max": FLOAT,  # cores
        "real_cpu_avg": FLOAT,  # cores
        "real_mem_max": FLOAT,  # share of a machine's memory, 0-1
        "real_mem_avg": FLOAT,  # share, 0-1
    },
    "batch_task": {
        "create_timestamp": INTEGER,
        "modify_timestamp": INTEGER,  # of the latest state
        "job_id": INTEGER,
        "task_id": INTEGER,
        "instance_num": INTEGER,
        "status": WORD,
        "plan_cpu": INTEGER,  # requested for each instance, cores x 100: 50 is half a core
        "plan_mem": FLOAT,  # requested share, 0-1
    },
    "container_event": {
        "timestamp": INTEGER,
        "event_type": WORD,
        "instance_id": INTEGER,
        "machine_id": INTEGER,
        "plan_cpu": INTEGER,
        "plan_mem": FLOAT,
        "plan_disk": FLOAT,
        "cpuset": TEXT,
    },
    "container_usage": {
        "timestamp": INTEGER,
        "instance_id": INTEGER,
        "cpu_util": FLOAT,
        "mem_util": FLOAT,
        "disk_util": FLOAT,
        "load1": FLOAT,
        "load5": FLOAT,
        "load15": FLOAT,
        "avg_cpi": FLOAT,
        "avg_mpki": FLOAT,
        "max_cpi": FLOAT,
        "max_mpki": FLOAT,
    },
    "server_event": {
        "timestamp": INTEGER,  # 0: before the trace
        "machine_id": INTEGER,
        "event_type": WORD,
        "event_detail": TEXT,
        "capacity_cpu": INTEGER,  # cores
        "capacity_memory": FLOAT,
        "capacity_disk": FLOAT,
    },
    "server_usage": {
        "timestamp": INTEGER,  # every 300 s: the mean of that time
        "machine_id": INTEGER,
        "cpu": FLOAT,  # percent of the machine, as the next two
        "memory": FLOAT,
        "disk": FLOAT,
        "load1": FLOAT,
        "load5": FLOAT,
        "load15": FLOAT,
    },
    # 2018: its own layout, every 10 s or so. What is not used is read as a number of any kind.
    "machine_usage": {
        "machine_id": WORD,
        "time_stamp": INTEGER,  # documented as double, whole seconds in the file
        "cpu_util_percent": FLOAT,
        "mem_util_percent": FLOAT,
        "mem_gps": FLOAT,
        "mkpi": FLOAT,
        "net_in": FLOAT,
        "net_out": FLOAT,
        "disk_io_percent": FLOAT,
    },
}
USED = ("server_usage", "batch_instance", "batch_task", "server_event", "machine_usage")
USAGE_TABLES = ("server_usage", "machine_usage")  # a machine's own load

# What a reader adds to a table's columns; `fault` and `text` are null unless the line could not be read.
PLACE: Mapping[str, arrow.DataType] = {
    "table": arrow.dictionary(arrow.int8(), arrow.string()),
    "file": arrow.dictionary(arrow.int16(), arrow.string()),
    "line": arrow.int32(),
    "fault": arrow.string(),  # reason word
    "text": arrow.string(),  # the line itself, cut
}

# Token ids: first id of ten bins each, then one id a state. Terminated is "finished normally". Append-only.
CPU_BINS = 100
MEMORY_BINS = 200
BINS = 10
STATUS_TOKENS: Mapping[str, int] = {
    "Terminated": 300,
    "Failed": 301,
    "Waiting": 302,
    "Running": 303,
    "Unknown": 304,  # the trace leaves the field empty
    "Ready": 305,
    "Cancelled": 306,
    "Interrupted": 307,
}
# What the tables write for each; nothing else is a status.
STATUS_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in STATUS_TOKENS},
    "Unknown": ("",),
    "Interrupted": ("Interrupted", "Interupted"),
}
EVENT_TOKENS: Mapping[str, int] = {"add": 400, "softerror": 401, "harderror": 402, "unknown event": 403}

# One row for each source row that was understood: what windows and labels need of it, and its file and line.
OBSERVATION: Mapping[str, arrow.DataType] = {
    "table": PLACE["table"],
    "entity": arrow.dictionary(arrow.int32(), arrow.string()),  # m_<id>, 2018/<id>, j_<job>/t_<task>
    "time": arrow.int64(),  # seconds since the trace's start
    "cpu": arrow.float32(),  # percent of a machine, used or (batch_task) requested; null: not measured
    "memory": arrow.float32(),  # percent, as cpu
    "code": arrow.int16(),  # token of the status or event; null in usage tables
    "network": arrow.bool_(),  # the event's detail names a link, a switch or the network
    "wait": arrow.int32(),  # seconds from start to end of a Waiting row, else null
    "row_hash": arrow.uint64(),  # of the source row's values: equal for exact duplicates
    "file": PLACE["file"],
    "line": PLACE["line"],
}


# Where rows of a window have different statuses, its `status` is the first of these.
STATUS_ORDER = ("Failed", "Interrupted", "Cancelled", "Waiting", "Unknown", "Ready", "Running", "Terminated")

# Which tables the rows of a labelled window are from. The 2017 trace has no task type.
TASK_TYPES = ("batch_task", "batch", "machine", "machine+batch")
NO_STATUS = "none"
ROWS = pd.ArrowDtype(arrow.int32())
