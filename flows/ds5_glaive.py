"""Glaive function calling v2: chats with function calls, one verified conversation each."""

from typing import Annotated

from pydantic import Field

from flows.assure import FORMAT_B, Dataset, Made, assure
from schemas.ds5_glaive import ALWAYS_JOINED, LARGEST_GROUP, OUTCOME_SLICES, SLICES
from schemas.parameters import DataDir, Limits, Mode, Representation, Scale, Seed, Source
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds5_glaive import conversations as glaive
from tasks.pipelines.ds5_glaive import reports
from tasks.pipelines.ds5_glaive.rules import REASONS
from tasks.pipelines.ds5_glaive.source import SOURCE, decode
from tasks.sources.acquire import acquire

DATASET = Dataset(stem=SOURCE.stem, form=FORMAT_B, slices=tuple(SLICES), outcomes=OUTCOME_SLICES, reasons=REASONS)
LIVE_SHARE = 0.1  # of the published file's 112,960 rows


@pipeline("ds5-glaive")
def ds5_glaive(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    share: Annotated[float, Field(gt=0, le=1)] | None = None,
    seed: Seed = 42,
    limits: Limits = None,
    representation: Representation = None,
    scale: Scale = 1.0,
) -> Published:
    """Turns Glaive's function-calling chats into conversations: every turn, each call in its own. Feeds Track B.

    Mode live downloads the dataset's one file from the Hugging Face Hub.

    Args:
        share: Share of the rows to use, chosen by a hash of their content and `seed`. Default: 0.1 in mode live,
            else 1.
    """
    root = data_folder(data_dir)
    agreed = thresholds(limits=limits, ds5_glaive={"representation": representation})
    shares = agreed.ds5_glaive.representation
    taken = share if share is not None else LIVE_SHARE if mode == "live" else 1.0
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    read, unread = derive_batches(glaive.conversations, *raw.files, decode=decode, share=taken, seed=seed)
    conversations, repeated = derive(glaive.grouped, read, largest_group=LARGEST_GROUP, always_joined=ALWAYS_JOINED)
    made = Made(
        rows=conversations,
        rejected=(unread, repeated),
        reports={
            "schema_stats.json": derive(reports.schema_stats, conversations),
            "quality_report.json": derive(
                reports.quality_report, conversations, unread, repeated, representation=shares
            ),
        },
    )
    return assure(
        DATASET,
        raw,
        made,
        limits=agreed.limits,
        parameters={"share": taken, "seed": seed},
        representation=shares,
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds5_glaive, published_summary)
