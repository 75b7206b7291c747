"""Alibaba's cluster trace: machine load, batch work and machine events into labelled five-minute windows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from prefect import flow

from flows.assure import FORMAT_A, assure
from schemas.ds1_alibaba import TRACE_START, Sequences
from schemas.limits import Limits, LoadRules
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Mode
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds1_alibaba.parse import select
from tasks.pipelines.ds1_alibaba.reports import schema_stats, vocabulary
from tasks.pipelines.ds1_alibaba.rules import MEANINGS
from tasks.pipelines.ds1_alibaba.source import SOURCE, decode
from tasks.pipelines.ds1_alibaba.windows import windows
from tasks.sources.acquire import acquire


@flow(name="ds1-alibaba", **ANNOUNCED)
def ds1_alibaba(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    window: timedelta = timedelta(minutes=5),
    history: int = 5,
    load: LoadRules | None = None,
    machine_cores: int = 64,
    limits: Limits | None = None,
    scale: float = 1.0,
) -> Published:
    """Alibaba's cluster trace: one labelled token sequence per machine (or batch task) and five-minute window.

    Args:
        mode: sample: generated data; local: read from `source`; live: from the configured address of the trace.
        source: Folder with the trace's CSV tables, for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        window: Length of the window that is labelled. In a form PT5M is five minutes, on the command line 5m.
        history: Earlier windows whose tokens precede it.
        load: Thresholds of the label rules; left out: the variable automend_thresholds, or the defaults.
        machine_cores: Cores of a machine, to read requests and instance loads as shares of one (the trace's
            documentation: 64).
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, load=load)
    span = {"window_seconds": int(window.total_seconds()), "history": history}
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    observations, malformed = derive_batches(select, *raw.files, decode=decode, machine_cores=machine_cores)
    sequences, left_out = derive(windows, observations, **span, trace_start=TRACE_START, load=agreed.load)
    return assure(
        sequences,
        form=replace(FORMAT_A, contract=Sequences),
        source=SOURCE,
        acquired=raw,
        slices=("status", "task_type", "label"),
        outcomes=("label", "status"),
        statistics={"schema_stats.json": derive(schema_stats, sequences)},
        rejected=(malformed, left_out),
        vocabulary=derive(vocabulary, sequences),
        rules=MEANINGS,
        limits=agreed.limits,
        parameters={**span, **agreed.load.model_dump(), "machine_cores": machine_cores},
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds1_alibaba, published_summary)
