"""System logs (LogHub's layouts): one labelled template sequence per five-minute window and host."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from prefect import flow

from flows.assure import FORMAT_A, assure
from schemas import format_a
from schemas.ds2_loghub import MERGE_WITHIN, WINDOW
from schemas.limits import Limits
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Mode
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds2_loghub import events as loghub
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.reports import statistics_report, vocabulary
from tasks.pipelines.ds2_loghub.rules import MEANINGS
from tasks.pipelines.ds2_loghub.source import SOURCE, decode
from tasks.pipelines.ds2_loghub.windows import windows
from tasks.sources.acquire import acquire


@flow(name="ds2-loghub", **ANNOUNCED)
def ds2_loghub(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    window: timedelta = timedelta(minutes=5),
    taxonomy: format_a.Taxonomy = "five",
    year: int = 2005,
    single_events: Literal["merge", "keep", "drop"] = "merge",
    limits: Limits | None = None,
    scale: float = 1.0,
) -> Published:
    """System logs: one labelled sequence of template ids per host, container or block and five-minute window.

    Args:
        mode: sample: generated data; local: read from `source`; live: LogHub's repository at a pinned revision.
        source: Folder with the raw logs, for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        window: Length of a window. In a form PT5M is five minutes, on the command line 5m.
        taxonomy: five: security events are Normal, with the rule `security`; seven: they are states 5 and 6.
        year: Year of the first line of logs that do not write it (syslog); it rolls over from December to January.
        single_events: What becomes of a window with one event: merged with the next one of its host, kept, or dropped.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    rules = {"window_seconds": int(window.total_seconds()), "taxonomy": taxonomy, "single_events": single_events}
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    parsed, no_header = derive_batches(parse, *raw.files, decode=decode)
    events, no_time = derive(loghub.events, parsed, year=year)
    merge_within = int(MERGE_WITHIN.total_seconds())
    sequences, left_out = derive(windows, events, **rules, merge_within_seconds=merge_within)
    five_minutes = {"window_seconds": int(WINDOW.total_seconds()), "merge_within_seconds": merge_within}
    return assure(
        sequences,
        form=FORMAT_A,
        source=SOURCE,
        acquired=raw,
        slices=("system", "severity", "event_type", "label"),
        outcomes=("label", "severity", "event_type"),
        statistics={"statistics_report.json": derive(statistics_report, events, **five_minutes)},
        rejected=(no_header, no_time, left_out),
        vocabulary=derive(vocabulary, events),
        rules=MEANINGS,
        limits=thresholds(limits=limits).limits,
        parameters={**rules, "year": year},
        also={"ds2_loghub_events.parquet": events},
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds2_loghub, published_summary)
