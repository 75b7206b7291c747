"""Metrics of a pipeline, for Prometheus: a text file always, the Pushgateway where one is set. Knows no Prefect.

In: what tasks/engine/stage_log.py noted about a run. Out: `<logs>/metrics/<pipeline>.prom`, written whole
(node_exporter's textfile collector may read that folder), and the group {job="automend", pipeline=...} of the
Pushgateway. Scrape one of the two, or every series is there twice.

Each run is a process of its own, so counters go on from what is written: the larger of the text file's value and the
Pushgateway's, sample by sample. So two machines that take turns go on from each other, a Pushgateway that lost its
memory gets it back, and a push that failed is made up for by the next. Lost are only counts of a machine that could
not push while another one could, and of two machines that end a run of one pipeline in the same second.

No host is among the labels: a container has a new name in every run, and each would be a series for ever.
"""

import logging
import math
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
from filelock import FileLock, Timeout
from prometheus_client import CollectorRegistry, delete_from_gateway, generate_latest, push_to_gateway
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from schemas.metrics import (
    BUCKETS,
    BY_SAMPLE,
    FAILED,
    FLOW,
    LONGEST_VALUE,
    MOST_VALUES,
    OTHER,
    PUSHED,
    RUNNING,
    STOPPED,
    Metric,
)
from tasks.engine.secrets import mask
from tasks.engine.stage_log import Content, Run

JOB = "automend"
REQUEST_S = 2.0  # seconds to connect, and to wait for each part of an answer
TOTAL_S = 4.0  # seconds that one telling may spend on the Pushgateway, whatever it does
LOCK_S = 5.0  # seconds to wait for another run of the same pipeline
DAY_S = 86_400.0
STALE_S = (
    30 * DAY_S
)  # a group this old belongs to a pipeline that is gone; an alert said after 26 hours that it stopped

# (name of a sample, its labels as pairs in the order of schemas/metrics.py) -> value
Key = tuple[str, tuple[tuple[str, str], ...]]
Samples = dict[Key, float]

log = logging.getLogger(__name__)


# ---- what a run changes


def started(before: Samples, pipeline: str, machine: Mapping[str, float]) -> Samples:
    """The samples with the pipeline running."""
    return _with_status(before, pipeline, RUNNING, machine)


def finished(before: Samples, pipeline: str, run: Run, machine: Mapping[str, float], now: float) -> Samples:
    """The samples after a run that completed at `now` (seconds since 1970)."""
    after = _counted(_with_status(before, pipeline, STOPPED, machine), pipeline, run)
    return {**after, _sample_key("pipeline_last_success_timestamp_seconds", pipeline_name=pipeline): now}


def stopped(before: Samples, pipeline: str, run: Run, machine: Mapping[str, float]) -> Samples:
    """The samples after a run that a person stopped."""
    return _counted(_with_status(before, pipeline, STOPPED, machine), pipeline, run)


def failed(before: Samples, pipeline: str, run: Run, machine: Mapping[str, float], error: str) -> Samples:
    """The samples after a run that ended by an exception of class `error`.

    It is counted under stage `flow` unless a step has already been counted with it.
    """
    after = _counted(_with_status(before, pipeline, FAILED, machine), pipeline, run)
    if error not in {stage.error for stage in run.stages}:
        _add(after, "pipeline_errors_total", 1, pipeline_name=pipeline, stage=FLOW, error_type=error)
    return after


def _with_status(before: Samples, pipeline: str, status: int, machine: Mapping[str, float]) -> Samples:
    usage = {_sample_key(name): value for name, value in machine.items()}
    return {**before, _sample_key("pipeline_status", pipeline_name=pipeline): status, **usage}


def _counted(before: Samples, pipeline: str, run: Run) -> Samples:
    """The samples with a run's stages, rows and labels."""
    after = dict(before)
    for stage in run.stages:
        of_stage = {"pipeline_name": pipeline, "stage": stage.name}
        _observe(after, "pipeline_processing_seconds", stage.seconds, **of_stage)
        if stage.error:
            _add(after, "pipeline_errors_total", 1, **of_stage, error_type=stage.error)
        else:
            _add(after, "data_volume_bytes_total", stage.written, **of_stage)
            _add(after, "pipeline_cache_lookups_total", 1, **of_stage, result="hit" if stage.hit else "miss")
    if run.seconds is not None:
        _observe(after, "pipeline_processing_seconds", run.seconds, pipeline_name=pipeline, stage=FLOW)
    if run.cpu_percent is not None:
        after[_sample_key("system_cpu_usage_percent")] = run.cpu_percent
    return after if run.content is None else _with_content(after, pipeline, run.content)


def _with_content(before: Samples, pipeline: str, content: Content) -> Samples:
    """The samples with the last run's rows and labels in place of the run's before it."""
    after = {key: value for key, value in before.items() if key[0] not in ("pipeline_rows", "pipeline_label_share")}
    for outcome, rows in content.rows.items():
        after[_sample_key("pipeline_rows", pipeline_name=pipeline, outcome=outcome)] = rows
    rows_in = content.rows.get("in", 0)
    share = content.rows.get("quarantined", 0) / rows_in if rows_in else 0.0
    after[_sample_key("pipeline_quarantine_share", pipeline_name=pipeline)] = share
    for label, rows in content.labels.items():
        part = rows / (sum(content.labels.values()) or 1)
        _add(after, "pipeline_label_share", part, pipeline_name=pipeline, label=label)
    if content.newest_input is not None:
        after[_sample_key("pipeline_newest_input_timestamp_seconds", pipeline_name=pipeline)] = content.newest_input
    return after


def _sample_key(sample: str, /, **labels: str) -> Key:
    names = BY_SAMPLE[sample].labels + (("le",) if "le" in labels else ())
    return sample, tuple((name, labels[name][:LONGEST_VALUE]) for name in names)


def _edge(seconds: float) -> str:
    """A bucket's upper edge as its label says it."""
    return "+Inf" if math.isinf(seconds) else str(seconds)


def _add(samples: Samples, name: str, amount: float, /, **labels: str) -> None:
    _grow(samples, _sample_key(name, **_bounded(samples, name, labels)), amount)


def _grow(samples: Samples, key: Key, amount: float) -> None:
    samples[key] = samples.get(key, 0.0) + amount


def _observe(samples: Samples, name: str, value: float, /, **labels: str) -> None:
    """One observation of a histogram, whose buckets are cumulative."""
    bounded = _bounded(samples, f"{name}_count", labels)
    for edge in (*BUCKETS, math.inf):
        _grow(samples, _sample_key(f"{name}_bucket", **bounded, le=_edge(edge)), float(value <= edge))
    _grow(samples, _sample_key(f"{name}_sum", **bounded), value)
    _grow(samples, _sample_key(f"{name}_count", **bounded), 1)


def _bounded(samples: Samples, name: str, labels: dict[str, str]) -> dict[str, str]:
    """The labels, with `other` for a value that would be one more than a metric may have of that label."""
    return {
        label: value
        if value[:LONGEST_VALUE] in (known := _values(samples, name, label)) or _room(known, label)
        else OTHER
        for label, value in labels.items()
    }


def _values(samples: Samples, name: str, label: str) -> set[str]:
    return (
        {dict(labels).get(label, "") for sample, labels in samples if sample == name} if label in MOST_VALUES else set()
    )


def _room(known: Collection[str], label: str) -> bool:
    return label not in MOST_VALUES or len(known) < MOST_VALUES[label] - 1


# ---- text


def merged(newer: Samples, older: Samples) -> Samples:
    """The newer samples, each count raised to the older one's where that is larger: counts only grow.

    Gauges are the newer's only: what it no longer has (a label that did not occur again) stays away.
    """
    counts = {key: value for key, value in older.items() if BY_SAMPLE[key[0]].kind != "gauge"}
    return {**counts, **{key: max(value, counts.get(key, value)) for key, value in newer.items()}}


def registry(samples: Samples) -> CollectorRegistry:
    """The samples as prometheus_client's writers take them."""
    made = CollectorRegistry()
    made.register(_Fixed(samples))
    return made


class _Fixed:
    """A collector of samples that were counted before."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def collect(self) -> Iterable[Family]:
        for metric in PUSHED:
            own = [item for item in self.samples.items() if BY_SAMPLE[item[0][0]] is metric]
            family = Family(metric.name.removesuffix("_total"), metric.help, metric.kind)
            for (name, labels), value in sorted(own, key=_in_order):
                family.add_sample(name, dict(labels), value)
            if own:
                yield family


def _in_order(item: tuple[Key, float]) -> tuple[Any, ...]:
    """By labels, then the buckets of a histogram by their edge, its sum and its count."""
    (name, labels), _ = item
    edge = float(dict(labels).get("le", "inf"))
    return tuple(pair for pair in labels if pair[0] != "le"), edge, name.endswith("_count"), name


def parsed(text: str, of: Mapping[str, str] | None = None) -> Samples:
    """The samples of a text that schemas/metrics.py knows; others, such as a metric that was dropped, are left out.

    `of` are labels that a sample must have, such as the Pushgateway's. Raises ValueError for text of another format.
    """
    wanted = dict(of or {})
    return {
        key: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if wanted.items() <= sample.labels.items() and (key := _known(sample, set(wanted)))
    }


def _known(sample: Sample, group: Collection[str]) -> Key | None:
    """The sample's key; None for one that is not in the list. Go writes le="1" where Python writes le="1.0"."""
    metric: Metric | None = BY_SAMPLE.get(sample.name)
    own = {name: value for name, value in sample.labels.items() if name not in {*group, "instance"}}
    if "le" in own:
        own["le"] = _edge(float(own["le"]))
    if metric is None or set(own) != {*metric.labels, *(("le",) if sample.name.endswith("_bucket") else ())}:
        return None
    return _sample_key(sample.name, **own)


def machine_usage(folder: Path) -> dict[str, float]:
    """Memory of this machine, and of the disk that holds `folder`, in percent."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    return {
        "system_memory_usage_percent": psutil.virtual_memory().percent,
        "system_disk_usage_percent": psutil.disk_usage(str(place)).percent,
    }


# ---- effects


def update(pipeline: str, logs: Path, change: Callable[[Samples], Samples], gateway: str | None) -> str | None:
    """Apply `change` to the pipeline's samples, write them, and push them where a gateway is set.

    None when that was done, else what was not, in a sentence, also logged as a warning. Never raises because of the
    Pushgateway or the disk, and spends at most TOTAL_S on the one, LOCK_S on another run of this pipeline.
    """
    file = logs / "metrics" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', pipeline)}.prom"
    deadline = time.monotonic() + TOTAL_S
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=LOCK_S):
            return _updated(pipeline, file, change, gateway, deadline)
    except (OSError, Timeout) as fault:
        return _warned(f"The metrics of {pipeline} are not written to {file}: {fault}.")


def _updated(
    pipeline: str, file: Path, change: Callable[[Samples], Samples], gateway: str | None, deadline: float
) -> str | None:
    here = _read(file)
    if gateway is None:
        _write(change(here), file)
        return None
    try:
        page = _bounded_by(deadline, lambda: _page(gateway))
        there, pushed = parsed(page, {"job": JOB, "pipeline": pipeline}), push_times(page).get(pipeline, 0.0)
    except Exception as fault:  # noqa: BLE001  metrics never change a run, whatever the other side answers
        _write(change(here), file)
        return _warned(_unpushed(pipeline, fault))
    newer_here = file.is_file() and file.stat().st_mtime > pushed
    after = change(merged(here, there) if newer_here else merged(there, here))
    _write(after, file)
    try:
        _bounded_by(deadline, lambda: _push_samples(gateway, pipeline, after, stale(page, time.time())))
    except Exception as fault:  # noqa: BLE001  as above
        return _warned(_unpushed(pipeline, fault))
    return None


def _page(gateway: str) -> str:
    answer = httpx.get(f"{gateway.rstrip('/')}/metrics", timeout=REQUEST_S)
    answer.raise_for_status()
    return answer.text


def _push_samples(gateway: str, pipeline: str, samples: Samples, gone: Iterable[str]) -> None:
    push_to_gateway(gateway, JOB, registry(samples), {"pipeline": pipeline}, timeout=REQUEST_S)
    for other in gone:
        if other != pipeline:
            delete_from_gateway(gateway, JOB, {"pipeline": other}, timeout=REQUEST_S)


def stale(page: str, now: float) -> list[str]:
    """Pipelines whose group on the Pushgateway was last pushed more than STALE_S before `now`."""
    return sorted(pipeline for pipeline, pushed in push_times(page).items() if now - pushed > STALE_S)


def push_times(page: str) -> dict[str, float]:
    """When each pipeline's group was last pushed, in seconds since 1970, by the Pushgateway's clock."""
    lines = "\n".join(line for line in page.splitlines() if line.startswith("push_time_seconds"))
    samples = [sample for family in text_string_to_metric_families(lines + "\n") for sample in family.samples]
    ours = [sample for sample in samples if sample.labels.get("job") == JOB and "pipeline" in sample.labels]
    return {sample.labels["pipeline"]: sample.value for sample in ours}


def _bounded_by(deadline: float, ask: Callable[[], Any]) -> Any:
    """What `ask` returns or raises; TimeoutError at the deadline.

    On a daemon thread, because a server that sends a byte now and then outlives every timeout of a socket.
    """
    answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except Exception as fault:  # noqa: BLE001  raised again by the one who waits
            answers.put((None, fault))

    threading.Thread(target=run, name="pushgateway", daemon=True).start()
    try:
        answer, fault = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError(f"no answer within {TOTAL_S:g} s") from None
    if fault is not None:
        raise fault
    return answer


def _unpushed(pipeline: str, fault: Exception) -> str:
    why = re.sub(r"\s+", " ", f"{type(fault).__name__}: {fault}")[:200]
    return f"The metrics of {pipeline} are not pushed, but stand in the text file, and go with the next push: {why}."


def _warned(sentence: str) -> str:
    sentence = mask(sentence)
    log.warning("%s", sentence)
    return sentence


def _read(file: Path) -> Samples:
    """The samples of a text file, none where there is none yet. A torn file begins anew, with a warning."""
    try:
        return parsed(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as fault:
        _warned(f"{file} holds no metrics (torn, or edited by hand: {fault}); its counters begin anew.")
        return {}


def _write(samples: Samples, file: Path) -> None:
    """Whole under another name, then renamed: no reader sees half of it."""
    temporary = file.with_suffix(".tmp")
    with temporary.open("wb") as target:
        target.write(generate_latest(registry(samples)))
        target.flush()
        os.fsync(target.fileno())
    temporary.replace(file)
