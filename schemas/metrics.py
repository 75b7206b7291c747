"""The one list of metrics: what the pipelines tell Prometheus, by which names and labels.

tasks/observe/metrics.py writes and pushes these and no others; the rules and the dashboard of deployments/monitoring
name these and no others. Rows are gauges of the last run, not counters: a run over the same input publishes the same
rows again, so a sum over runs would count runs; and the last run's ledger adds up (in = kept + dropped + quarantined).
Ages are pushed as the time they count from, for a pushed age would stand still between two runs.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram", "recorded"]

RUNNING, STOPPED, FAILED = 1, 0, -1
FLOW = "flow"  # the stage of what belongs to a whole run: its duration, an error outside every step

# Seconds. A step of the sample takes tenths, a dataset of millions of rows minutes; an hour is too long for any.
BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)

# A label's values are names from our own code; these bounds hold should one ever come from data.
MOST_VALUES = {"stage": 100, "error_type": 30, "label": 30}
LONGEST_VALUE = 60  # characters
OTHER = "other"  # what the values beyond a bound are counted as


@dataclass(frozen=True)
class Metric:
    """One metric. `recorded` ones are computed by Prometheus itself, from `expr`, as rules.yml says."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str = ""
    expr: str = ""

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of its samples in the text format."""
        return tuple(f"{self.name}_{part}" for part in HISTOGRAM_PARTS) if self.kind == "histogram" else (self.name,)


HISTOGRAM_PARTS = ("bucket", "sum", "count")

METRICS = (
    Metric("pipeline_status", "gauge", ("pipeline_name",), "1 running, 0 stopped, -1 failed."),
    Metric(
        "pipeline_processing_seconds",
        "histogram",
        ("pipeline_name", "stage"),
        "Time a stage took, its cache hits included; stage flow is the whole run.",
        "seconds",
    ),
    Metric(
        "data_volume_bytes_total",
        "counter",
        ("pipeline_name", "stage"),
        "Bytes of the files a stage wrote; a cache hit writes none.",
        "bytes",
    ),
    Metric(
        "pipeline_errors_total",
        "counter",
        ("pipeline_name", "stage", "error_type"),
        "Errors that ended a stage, by the exception's class; stage flow is outside every step.",
        "errors",
    ),
    Metric(
        "system_cpu_usage_percent",
        "gauge",
        (),
        "CPU of the machine, all cores together; pushed by a run: the mean over that run.",
        "percent",
    ),
    Metric("system_memory_usage_percent", "gauge", (), "Memory in use on the machine.", "percent"),
    Metric("system_disk_usage_percent", "gauge", (), "Disk in use where the data folder lies.", "percent"),
    Metric(
        "pipeline_rows",
        "gauge",
        ("pipeline_name", "outcome"),
        "Rows of the last run: in, and what became of them (kept, dropped, quarantined).",
        "rows",
    ),
    Metric(
        "pipeline_quarantine_share",
        "gauge",
        ("pipeline_name",),
        "Share of the last run's rows that went to quarantine, also when its gate closed.",
        "share",
    ),
    Metric(
        "pipeline_label_share",
        "gauge",
        ("pipeline_name", "label"),
        "Share of the last run's kept rows by label (Track A: state, Track B: environment).",
        "share",
    ),
    Metric(
        "pipeline_cache_lookups_total",
        "counter",
        ("pipeline_name", "stage", "result"),
        "Stages by where their result came from: hit (an earlier run) or miss (made now).",
        "lookups",
    ),
    Metric(
        "pipeline_newest_input_timestamp_seconds",
        "gauge",
        ("pipeline_name",),
        "When the newest raw file of the last run was brought in.",
        "timestamp",
    ),
    Metric(
        "pipeline_last_success_timestamp_seconds",
        "gauge",
        ("pipeline_name",),
        "When a run last completed.",
        "timestamp",
    ),
    Metric(
        "pipeline_data_age_seconds",
        "recorded",
        ("pipeline_name",),
        "Time since the newest raw file was brought in.",
        "seconds",
        "time() - max by (pipeline_name) (pipeline_newest_input_timestamp_seconds)",
    ),
    Metric(
        "pipeline_success_age_seconds",
        "recorded",
        ("pipeline_name",),
        "Time since a run last completed.",
        "seconds",
        "time() - max by (pipeline_name) (pipeline_last_success_timestamp_seconds)",
    ),
)

BY_NAME = {metric.name: metric for metric in METRICS}
PUSHED = tuple(metric for metric in METRICS if metric.kind != "recorded")
BY_SAMPLE = {sample: metric for metric in PUSHED for sample in metric.samples}
