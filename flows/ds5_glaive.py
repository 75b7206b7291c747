"""Glaive function calling v2: chats with function calls, one verified conversation each."""

from pathlib import Path

from prefect import flow

from flows.assure import FORMAT_B, assure
from schemas.ds5_glaive import ALWAYS_JOINED, LARGEST_GROUP, OUTCOME_SLICES, SLICES
from schemas.limits import Limits, Representation
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Mode
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds5_glaive import conversations as glaive
from tasks.pipelines.ds5_glaive import reports
from tasks.pipelines.ds5_glaive.source import SOURCE, decode
from tasks.sources.acquire import acquire

LIVE_SHARE = 0.1  # of the published file's 112,960 rows


@flow(name="ds5-glaive", **ANNOUNCED)
def ds5_glaive(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    share: float | None = None,
    seed: int = 42,
    limits: Limits | None = None,
    representation: Representation | None = None,
    scale: float = 1.0,
) -> Published:
    """Glaive function calling v2: every turn of its chats, each call in its own, with the functions on offer.

    Args:
        mode: sample: generated data; local: read from `source`; live: the hub's file at a pinned revision.
        source: Folder with files of rows {system, chat}, for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        share: Part of the rows that is taken, by a hash of their content; by default a tenth in mode live, else all.
        seed: Which part that is.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        representation: Shares of a slice's groups that are told; left out: the variable automend_thresholds,
            or the defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, ds5_representation=representation)
    taken = share if share is not None else LIVE_SHARE if mode == "live" else 1.0
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    read, unread = derive_batches(glaive.conversations, *raw.files, decode=decode, share=taken, seed=seed)
    conversations, repeated = derive(glaive.grouped, read, largest_group=LARGEST_GROUP, always_joined=ALWAYS_JOINED)
    return assure(
        conversations,
        form=FORMAT_B,
        source=SOURCE,
        acquired=raw,
        slices=tuple(SLICES),
        outcomes=OUTCOME_SLICES,
        statistics={
            "schema_stats.json": derive(reports.schema_stats, conversations),
            "quality_report.json": derive(
                reports.quality_report, conversations, unread, repeated, representation=agreed.ds5_representation
            ),
        },
        rejected=(unread, repeated),
        rules={},
        limits=agreed.limits,
        representation=agreed.ds5_representation,
        parameters={"share": taken, "seed": seed},
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds5_glaive, published_summary)
