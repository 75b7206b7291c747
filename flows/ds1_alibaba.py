"""Alibaba's cluster trace: machine load, batch work and machine events into labelled five-minute windows."""

from dataclasses import replace

from flows.assure import FORMAT_A, Dataset, Made, assure
from schemas.contracts import MachineSequences
from schemas.ds1_alibaba import HISTORY, MACHINE_CORES, TRACE_START, WINDOW
from schemas.parameters import DataDir, History, Limits, Load, MachineCores, Mode, Scale, Source, Window
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds1_alibaba.parse import select
from tasks.pipelines.ds1_alibaba.reports import schema_stats, vocabulary
from tasks.pipelines.ds1_alibaba.rules import MEANINGS, REASONS
from tasks.pipelines.ds1_alibaba.source import SOURCE, decode
from tasks.pipelines.ds1_alibaba.windows import windows
from tasks.sources.acquire import acquire

DATASET = Dataset(
    stem=SOURCE.stem,
    form=replace(FORMAT_A, contract=MachineSequences),
    slices=("status", "task_type", "label"),
    outcomes=("label", "status"),
    rules=MEANINGS,
    reasons=REASONS,
)


@pipeline("ds1-alibaba")
def ds1_alibaba(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    window: Window = WINDOW,
    history: History = HISTORY,
    load: Load = None,
    machine_cores: MachineCores = MACHINE_CORES,
    limits: Limits = None,
    scale: Scale = 1.0,
) -> Published:
    """Labels one token sequence per window and machine, or batch task, of Alibaba's cluster trace. Feeds Track A.

    Mode live reads the trace from the address in AUTOMEND_SOURCES__DS1_ALIBABA__URL: it has no public one.
    """
    root = data_folder(data_dir)
    agreed = thresholds(limits=limits, ds1_alibaba={"load": load})
    rules = agreed.ds1_alibaba.load
    span = {"window_seconds": int(window.total_seconds()), "history": history}
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    observations, malformed = derive_batches(select, *raw.files, decode=decode, machine_cores=machine_cores)
    sequences, left_out = derive(windows, observations, **span, trace_start=TRACE_START, load=rules)
    made = Made(
        rows=sequences,
        rejected=(malformed, left_out),
        reports={"schema_stats.json": derive(schema_stats, sequences)},
        vocabulary=derive(vocabulary, sequences),
    )
    parameters = {**span, **rules.model_dump(), "machine_cores": machine_cores}
    return assure(DATASET, raw, made, limits=agreed.limits, parameters=parameters)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds1_alibaba, published_summary)
