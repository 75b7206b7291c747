"""The Stack, infrastructure as code: Kubernetes manifests, each with a request that a person would write to get it."""

from pathlib import Path

from prefect import flow

from flows.assure import FORMAT_B, assure
from schemas.ds6_the_stack import SLICE_NAMES
from schemas.limits import Limits, Representation
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Mode
from tasks.curate.privacy import opt_out as opt_outs
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.reports import quality_report, schema_stats
from tasks.pipelines.ds6_the_stack.source import REPO, REVISION, SHARDS, at, decode
from tasks.sources.acquire import acquire


@flow(name="ds6-the-stack", **ANNOUNCED)
def ds6_the_stack(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    opt_out: Path | None = None,
    repo: str = REPO,
    revision: str = REVISION,
    shards: str = SHARDS,
    limits: Limits | None = None,
    representation: Representation | None = None,
    scale: float = 1.0,
) -> Published:
    """The Stack: one request and the manifest that answers it for every Kubernetes file that may be used.

    Args:
        mode: sample: generated data; local: read from `source`; live: The Stack's shards on the Hugging Face Hub, which
            ask that their terms be accepted there first.
        source: Folder with Parquet shards in The Stack's columns, for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        opt_out: File with repositories whose owners asked to be left out, one a line: owner/name, or an owner alone.
        repo: Dataset on the hub, for mode live.
        revision: Its revision, 40 hexadecimal digits.
        shards: Its files, with * for any text: data/yaml/*.parquet is all YAML of The Stack.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        representation: Shares of a slice's groups that are told; left out: the variable automend_thresholds,
            or the defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, ds6_representation=representation)
    opted_out = opt_outs.read(opt_out)
    origin = at(repo, revision, shards)
    raw = acquire(origin, mode, source, root, scale=scale)
    made, left_out = derive_batches(conversations, *raw.files, decode=decode, opted_out=opted_out)
    kept, copies = derive(distinct, made)
    rejected = (left_out, copies)
    return assure(
        kept,
        form=FORMAT_B,
        source=origin,
        acquired=raw,
        slices=SLICE_NAMES,
        statistics={
            "schema_stats.json": derive(schema_stats, kept),
            "quality_report.json": derive(quality_report, kept, *rejected),
        },
        rejected=rejected,
        rules={},
        limits=agreed.limits,
        representation=agreed.ds6_representation,
        parameters=opt_outs.told(opted_out),
    )


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds6_the_stack, published_summary)
