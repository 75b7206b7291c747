"""Alibaba's cluster trace: machine load, batch work and machine events into labelled five-minute windows."""

from dataclasses import replace
from datetime import timedelta

from flows.assure import FORMAT_A, Dataset, Made, assure
from schemas.ds1_alibaba import Sequences
from schemas.parameters import DataDir, History, Limits, Load, MachineCores, Mode, Scale, Source, Window
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds1_alibaba import windows as alibaba
from tasks.pipelines.ds1_alibaba.source import SOURCE, decode
from tasks.sources.acquire import acquire

DATASET = Dataset(
    stem=SOURCE.stem,
    form=replace(FORMAT_A, contract=Sequences),
    slices=("status", "task_type", "label"),
    outcomes=("label", "status"),
    rules=alibaba.RULES,
)


@pipeline("ds1-alibaba")
def ds1_alibaba(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    window: Window = timedelta(minutes=5),
    history: History = 5,
    load: Load = None,
    machine_cores: MachineCores = 64,
    limits: Limits = None,
    scale: Scale = 1.0,
) -> Published:
    """Labels one token sequence per window and machine, or batch task, of Alibaba's cluster trace. Feeds Track A.

    Mode live reads the trace from the address in AUTOMEND_SOURCES__DS1_ALIBABA__URL: it has no public one.
    """
    root = data_folder(data_dir)
    agreed = thresholds(limits=limits, ds1_alibaba={"load": load})
    rules = {
        "window_seconds": int(window.total_seconds()),
        "history": history,
        **agreed.ds1_alibaba.load.model_dump(),
    }
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    observations, malformed = derive_batches(alibaba.select, *raw.files, decode=decode, machine_cores=machine_cores)
    sequences, left_out = derive(alibaba.windows, observations, **rules)
    made = Made(
        rows=sequences,
        rejected=(malformed, left_out),
        reports={"schema_stats.json": derive(alibaba.schema_stats, sequences)},
        vocabulary=derive(alibaba.vocabulary, sequences),
    )
    parameters = {**rules, "machine_cores": machine_cores}
    return assure(DATASET, raw, made, limits=agreed.limits, parameters=parameters)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds1_alibaba, published_summary)
