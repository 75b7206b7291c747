"""The Stack, infrastructure as code: Kubernetes manifests, each with a request that a person would write to get it."""

from flows.assure import FORMAT_B, Dataset, Made, assure
from schemas.ds6_the_stack import SLICE_NAMES, STEM
from schemas.parameters import DataDir, HubRepo, HubRevision, Limits, Mode, OptOut, Representation, Scale, Source
from schemas.published import Published
from schemas.settings import data_folder
from tasks.curate.privacy import opt_out as opt_outs
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.reports import quality_report, schema_stats
from tasks.pipelines.ds6_the_stack.rules import REASONS
from tasks.pipelines.ds6_the_stack.source import REPO, REVISION, SHARDS, at, decode
from tasks.sources.acquire import acquire

DATASET = Dataset(stem=STEM, form=FORMAT_B, slices=SLICE_NAMES, reasons=REASONS)


@pipeline("ds6-the-stack")
def ds6_the_stack(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    opt_out: OptOut = None,
    repo: HubRepo = REPO,
    revision: HubRevision = REVISION,
    shards: str = SHARDS,
    limits: Limits = None,
    representation: Representation = None,
    scale: Scale = 1.0,
) -> Published:
    """Pairs each Kubernetes manifest of The Stack with a request that it answers. Feeds Track B.

    Mode live downloads from the Hugging Face Hub: accept The Stack's terms there first, and set HF_TOKEN.

    Args:
        shards: Files of that dataset, with * for any text. data/yaml/*.parquet is all YAML of The Stack.
    """
    root = data_folder(data_dir)
    agreed = thresholds(limits=limits, ds6_the_stack={"representation": representation})
    opted_out = opt_outs.read(opt_out)
    raw = acquire(at(repo, revision, shards), mode, source, root, scale=scale)
    paired, left_out = derive_batches(conversations, *raw.files, decode=decode, opted_out=opted_out)
    rows, copies = derive(distinct, paired)
    rejected = (left_out, copies)
    made = Made(
        rows=rows,
        rejected=rejected,
        reports={
            "schema_stats.json": derive(schema_stats, rows),
            "quality_report.json": derive(quality_report, rows, *rejected),
        },
    )
    return assure(
        DATASET,
        raw,
        made,
        limits=agreed.limits,
        parameters=opt_outs.as_parameters(opted_out),
        representation=agreed.ds6_the_stack.representation,
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds6_the_stack, published_summary)
