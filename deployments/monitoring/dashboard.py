"""The Grafana dashboard: `python -m deployments.monitoring.dashboard` writes grafana/dashboards/automend.json.

In: the list of schemas/metrics.py and the panels below, in reading order. A panel that names a metric outside that list
is refused here, so the dashboard cannot ask for a metric that nothing sends.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.document import Document
from schemas.metrics import BY_NAME, BY_SAMPLE, FLOW
from tasks.observe.metrics import JOB

FILE = Path(__file__).parent / "grafana" / "dashboards" / "automend.json"
SOURCE = {"type": "prometheus", "uid": "automend-prometheus"}
COLUMNS = 24  # Grafana's grid

SPAN = "pipeline_processing_seconds"
OURS = 'pipeline_name=~"$pipeline"'  # the list at the top of the page
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
Steps = tuple[tuple[float | None, str], ...]  # from this value on, this colour

# Words of PromQL that are not a metric's name and come before no bracket.
_WORDS = {
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "inf",
}


class UnknownMetric(ValueError):
    """A panel asks for a metric that is not in the list."""


@dataclass(frozen=True)
class Panel:
    """One panel. `queries` are (PromQL, legend); `steps` colour a value; `events`: empty until something happens."""

    title: str
    kind: str
    queries: tuple[tuple[str, str], ...]
    unit: str
    width: int
    description: str
    height: int = 8
    steps: Steps = ((None, GREEN),)
    words: tuple[tuple[str, str, str], ...] = ()  # value, text, colour
    events: bool = False


def _usage(metric: str) -> str:
    """The fullest machine: of those with an exporter, else of those that ran a pipeline last."""
    return f'max({metric}{{job="machines"}}) or max({metric}{{job="{JOB}"}})'


def _mean(by: str, stage: str) -> str:
    """Seconds, over all runs counted so far."""
    total, runs = (f"sum by ({by}) ({SPAN}_{part}{{{OURS}, {stage}}})" for part in ("sum", "count"))
    return f"{total} / {runs}"


FULL: Steps = ((None, GREEN), (75, YELLOW), (90, RED))
LATE: Steps = ((None, GREEN), (26 * 3600, RED))
PANELS = (
    Panel(
        "Pipeline Status",
        "stat",
        ((f"max by (pipeline_name) (pipeline_status{{{OURS}}})", "{{pipeline_name}}"),),
        "none",
        24,
        "State of each pipeline's last run.",
        height=5,
        words=(("-1", "failed", RED), ("0", "stopped", GREEN), ("1", "running", BLUE)),
    ),
    *(
        Panel(f"{name} Usage", "gauge", ((_usage(metric), name),), "percent", 8, description, height=6, steps=FULL)
        for name, metric, description in (
            ("CPU", "system_cpu_usage_percent", "The busiest machine, all cores together."),
            ("Memory", "system_memory_usage_percent", "The fullest machine."),
            ("Disk", "system_disk_usage_percent", "The fullest disk with a data folder."),
        )
    ),
    Panel(
        "System Resources Over Time",
        "timeseries",
        (
            (_usage("system_cpu_usage_percent"), "CPU"),
            (_usage("system_memory_usage_percent"), "memory"),
            (_usage("system_disk_usage_percent"), "disk"),
        ),
        "percent",
        24,
        "The three above over time. Without an exporter the values change only when a run ends.",
    ),
    Panel(
        "Data Volume Processed",
        "timeseries",
        ((f"sum by (pipeline_name) (rate(data_volume_bytes_total{{{OURS}}}[5m]))", "{{pipeline_name}}"),),
        "Bps",
        12,
        "Bytes per second written by stages, mean of five minutes. A run whose stages are all cached writes none.",
    ),
    Panel(
        "Pipeline Errors",
        "timeseries",
        (
            (
                f"sum by (pipeline_name, stage, error_type) (increase(pipeline_errors_total{{{OURS}}}[1h]))",
                "{{pipeline_name}} {{stage}}: {{error_type}}",
            ),
        ),
        "short",
        12,
        "Errors in one hour, by stage and class of the exception.",
        steps=((None, RED),),
        events=True,
    ),
    Panel(
        "Rows of the Last Run",
        "bargauge",
        ((f"max by (pipeline_name, outcome) (pipeline_rows{{{OURS}}})", "{{pipeline_name}} {{outcome}}"),),
        "locale",
        12,
        "in = kept + dropped + quarantined.",
        height=12,
    ),
    Panel(
        "Labels",
        "bargauge",
        ((f"max by (pipeline_name, label) (pipeline_label_share{{{OURS}}})", "{{pipeline_name}} {{label}}"),),
        "percentunit",
        12,
        "Share of kept rows by label. Track A: state; Track B: environment.",
        height=12,
    ),
    Panel(
        "Quarantine",
        "timeseries",
        ((f"max by (pipeline_name) (pipeline_quarantine_share{{{OURS}}})", "{{pipeline_name}}"),),
        "percentunit",
        12,
        "Share of rows in quarantine: not understood or out of range. The gate closes at 5 %, the alert comes at half.",
        steps=((None, GREEN), (0.025, YELLOW), (0.05, RED)),
    ),
    Panel(
        "Cache",
        "timeseries",
        (
            (
                f"sum by (pipeline_name, result) (increase(pipeline_cache_lookups_total{{{OURS}}}[1d]))",
                "{{pipeline_name}} {{result}}",
            ),
        ),
        "short",
        12,
        "Stages of the last day by result: hit (taken from an earlier run) or miss (computed).",
    ),
    Panel(
        "Time Since the Last Success",
        "stat",
        ((f"pipeline_success_age_seconds{{{OURS}}}", "{{pipeline_name}}"),),
        "s",
        8,
        "Red after 26 hours: one day, plus two hours for the run.",
        steps=LATE,
    ),
    Panel(
        "Last Success",
        "stat",
        ((f"1000 * max by (pipeline_name) (pipeline_last_success_timestamp_seconds{{{OURS}}})", "{{pipeline_name}}"),),
        "dateTimeAsIso",
        8,
        "Time of the last completed run.",
    ),
    Panel(
        "Age of the Data",
        "timeseries",
        (
            (f"pipeline_data_age_seconds{{{OURS}}}", "{{pipeline_name}}"),
            (f"time() - max(pipeline_newest_input_timestamp_seconds{{{OURS}}})", "newest of all"),
        ),
        "s",
        8,
        "Time since the newest raw file was acquired.",
    ),
    Panel(
        "Duration of a Run",
        "bargauge",
        (
            (
                _mean("pipeline_name", f'stage="{FLOW}"'),
                "{{pipeline_name}} mean",
            ),
            (
                f'histogram_quantile(0.95, sum by (pipeline_name, le) ({SPAN}_bucket{{{OURS}, stage="{FLOW}"}}))',
                "{{pipeline_name}} 95 %",
            ),
        ),
        "s",
        12,
        "Over all runs so far.",
        height=12,
    ),
    Panel(
        "Slowest Stages",
        "bargauge",
        (
            (
                "topk(10, " + _mean("pipeline_name, stage", f'stage!="{FLOW}"') + ")",
                "{{pipeline_name}} {{stage}}",
            ),
        ),
        "s",
        12,
        "Mean time of a stage over all runs so far, cache hits included.",
        height=12,
    ),
)


def metrics_of(expression: str) -> set[str]:
    """Names of the metrics that a PromQL expression asks for.

    >>> sorted(metrics_of('sum by (le) (rate(a_bucket{b="c"}[5m])) / on (d) e'))
    ['a_bucket', 'e']
    """
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\w|\s*\()", bare)
    return {name for name in names if name.lower() not in _WORDS}


def refuse_unknown(panels: Iterable[Panel]) -> None:
    """Raise UnknownMetric for a panel that asks for what schemas/metrics.py does not list."""
    for panel in panels:
        for expression, _ in panel.queries:
            for name in sorted(metrics_of(expression) - {*BY_NAME, *BY_SAMPLE}):
                raise UnknownMetric(
                    f"Panel '{panel.title}' asks for {name}, which schemas/metrics.py does not list. "
                    f"Known: {', '.join(BY_NAME)}."
                )


def dashboard(panels: Sequence[Panel] = PANELS) -> Document:
    """The dashboard as Grafana reads it. Raises UnknownMetric."""
    refuse_unknown(panels)
    return {
        "uid": "automend",
        "title": "AutoMend",
        "tags": ["automend"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "templating": {"list": [_choice()]},
        "panels": [
            _panel(number, panel, place)
            for number, (panel, place) in enumerate(zip(panels, _places(panels), strict=True), 1)
        ],
    }


def _choice() -> Document:
    """The list of pipelines at the top of the page."""
    return {
        "name": "pipeline",
        "label": "Pipeline",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(pipeline_status, pipeline_name)", "refId": "pipelines"},
        "refresh": 2,  # when the time range changes
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _places(panels: Sequence[Panel]) -> list[dict[str, int]]:
    """Panels from left to right; a row is as high as its highest panel."""
    places: list[dict[str, int]] = []
    column = top = height = 0
    for panel in panels:
        if column + panel.width > COLUMNS:
            column, top, height = 0, top + height, 0
        places.append({"x": column, "y": top, "w": panel.width, "h": panel.height})
        column, height = column + panel.width, max(height, panel.height)
    return places


def _panel(number: int, panel: Panel, place: dict[str, int]) -> Document:
    return {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for n, (expression, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel.kind),
    }


def _field(panel: Panel) -> Document:
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    words = {value: {"text": text, "color": colour, "index": n} for n, (value, text, colour) in enumerate(panel.words)}
    limits = {"min": 0, "max": 100} if panel.unit == "percent" else {}
    return {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [{"type": "value", "options": words}] if words else [],
        **limits,
    }


def _options(kind: str) -> Document:
    if kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    last = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return {**last, "colorMode": "background"} if kind == "stat" else last


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
