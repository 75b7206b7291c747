"""System logs (LogHub's layouts): one labelled template sequence per five-minute window and host."""

from flows.assure import FORMAT_A, Dataset, Made, assure
from schemas.ds2_loghub import MERGE_WITHIN, WINDOW, YEAR
from schemas.parameters import DataDir, Limits, Mode, Scale, SingleEvents, Source, Taxonomy, Window, Year
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds2_loghub import events as loghub
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.reports import statistics_report, vocabulary
from tasks.pipelines.ds2_loghub.rules import MEANINGS, REASONS
from tasks.pipelines.ds2_loghub.source import SOURCE, decode
from tasks.pipelines.ds2_loghub.windows import windows
from tasks.sources.acquire import acquire

DATASET = Dataset(
    stem=SOURCE.stem,
    form=FORMAT_A,
    slices=("system", "severity", "event_type", "label"),
    outcomes=("label", "severity", "event_type"),
    rules=MEANINGS,
    reasons=REASONS,
)


@pipeline("ds2-loghub")
def ds2_loghub(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    window: Window = WINDOW,
    taxonomy: Taxonomy = "five",
    year: Year = YEAR,
    single_events: SingleEvents = "merge",
    limits: Limits = None,
    scale: Scale = 1.0,
) -> Published:
    """Labels one sequence of template ids per window and host, container or block of system logs. Feeds Track A.

    Mode live downloads LogHub's repository.
    """
    root = data_folder(data_dir)
    how = {"window_seconds": int(window.total_seconds()), "taxonomy": taxonomy, "single_events": single_events}
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    parsed, no_header = derive_batches(parse, *raw.files, decode=decode)
    events, no_time = derive(loghub.events, parsed, year=year)
    merge_within = int(MERGE_WITHIN.total_seconds())
    sequences, left_out = derive(windows, events, **how, merge_within_seconds=merge_within)
    five_minutes = {"window_seconds": int(WINDOW.total_seconds()), "merge_within_seconds": merge_within}
    made = Made(
        rows=sequences,
        rejected=(no_header, no_time, left_out),
        reports={"statistics_report.json": derive(statistics_report, events, **five_minutes)},
        vocabulary=derive(vocabulary, events),
        tables={"ds2_loghub_events.parquet": events},
    )
    return assure(DATASET, raw, made, limits=thresholds(limits=limits).limits, parameters={**how, "year": year})


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds2_loghub, published_summary)
