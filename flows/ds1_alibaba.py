"""Alibaba's cluster trace: machine load, batch work and machine events into labelled five-minute windows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from flows.assure import FORMAT_A, assure
from schemas.ds1_alibaba import Sequences
from schemas.limits import Limits
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Mode
from tasks import ds1_alibaba as alibaba
from tasks.acquire.alibaba import SOURCE, decode
from tasks.acquire.steps import acquire
from tasks.derive import derive, derive_batches
from tasks.publish.steps import ANNOUNCED


class LoadRules(BaseModel):
    """Thresholds of the label rules, as the domain documents them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_high: float = Field(80.0, description="Machine CPU %, at or above: Resource_Exhaustion.")
    memory_high: float = Field(80.0, description="Machine memory %, at or above: Resource_Exhaustion.")
    idle_cpu: float = Field(30.0, description="Failed at or below this CPU % died without load: System_Crash.")
    wait_quantile: float = Field(0.99, description="Waiting longer than this quantile of all waits: Data_Drift.")


@flow(name="ds1-alibaba", **ANNOUNCED)
def ds1_alibaba(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    window: timedelta = timedelta(minutes=5),
    history: int = 5,
    load: LoadRules = LoadRules(),  # noqa: B008  frozen
    machine_cores: int = 64,
    limits: Limits = Limits(),  # noqa: B008  frozen
    scale: float = 1.0,
) -> Published:
    """Alibaba's cluster trace: one labelled token sequence per machine (or batch task) and five-minute window.

    Parameters
    ----------
    mode:
        sample: generated data; local: read from --source; live: from the configured address of the trace.
    source:
        Folder with the trace's CSV tables, for mode local.
    data_dir:
        Folder that takes the place of `data`.
    window:
        Length of the window that is labelled.
    history:
        Earlier windows whose tokens precede it.
    load:
        Thresholds of the label rules.
    machine_cores:
        Cores of a machine, to read requests and instance loads as shares of one (the trace's documentation: 64).
    limits:
        Thresholds of the checks.
    scale:
        Size of the generated sample.
    """
    root = (data_dir or settings().data_dir).resolve()
    rules = {"window_seconds": int(window.total_seconds()), "history": history, **load.model_dump()}
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    observations, malformed = derive_batches(alibaba.select, *raw.files, decode=decode, machine_cores=machine_cores)
    sequences, left_out = derive(alibaba.windows, observations, **rules)
    return assure(
        sequences,
        form=replace(FORMAT_A, contract=Sequences),
        source=SOURCE,
        acquired=raw,
        slices=("status", "task_type", "label"),
        outcomes=("label", "status"),
        statistics={"schema_stats.json": derive(alibaba.schema_stats, sequences)},
        rejected=(malformed, left_out),
        vocabulary=derive(alibaba.vocabulary, sequences),
        rules=alibaba.RULES,
        limits=limits,
        parameters={**rules, "machine_cores": machine_cores},
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds1_alibaba, published_summary)
