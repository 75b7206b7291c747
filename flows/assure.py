"""The tail every dataset shares: contract, statistics, anomalies, bias, gate, version, metrics, alerts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandera.pandas as pa

from schemas.finding import GateFailed
from schemas.limits import Limits
from schemas.published import Published
from schemas.snapshot import Snapshot
from schemas.source import Source
from tasks.acquire.steps import Acquired
from tasks.check.anomalies import anomalies
from tasks.check.bias import bias
from tasks.check.contract import check, require_validation
from tasks.derive import derive
from tasks.publish import rejects, steps


def assure(
    sequences: Snapshot,
    *,
    source: Source,
    acquired: Acquired,
    contract: pa.DataFrameSchema,
    slices: tuple[str, ...],
    outcomes: tuple[str, ...] = (),
    statistics: Mapping[str, Snapshot],
    rejected: Sequence[Snapshot],
    vocabulary: Snapshot,
    rules: Mapping[str, str],
    limits: Limits,
    parameters: Mapping[str, Any],
    also: Mapping[str, Snapshot] | None = None,
    metrics: Callable[[Mapping[str, Any]], None] | None = None,
) -> Published:
    """Check, gate and publish a dataset's sequences below `interim/` and `processed/<stem>/`.

    `outcomes` are slices that the label rules themselves read: their failure rates are told, but are no bias.
    `statistics` maps the report's file name to its JSON; `rejected` are the reject tables of all earlier steps; `also`
    are further tables to publish in `interim/` by file name; `metrics` is called with the manifest at the end.
    Raises GateFailed (ContractFailed) when the data is withheld; what was published before stays as it is.
    """
    stem, root = source.stem, sequences.root
    before = steps.baseline(root, stem, acquired, parameters)
    try:
        require_validation()  # also when everything is cached
        kept, refused = derive(check, sequences, schema=contract)
        found = derive(
            anomalies,
            kept,
            previous_rows=before,
            rejected_rows=refused.rows,
            rejected_limit=limits.quarantined,
            volume_drop=limits.volume_drop,
            by=[name for name in slices if name not in outcomes],
        )
        slants = derive(bias, kept, slices=slices, outcome_slices=outcomes, disparity_limit=limits.disparity)
        left_out = derive(rejects.quarantine, *rejected, refused)
        manifest = steps.publish(
            source=source,
            acquired=acquired,
            sequences=sequences,
            kept=kept,
            rejected=left_out,
            documents={**statistics, "anomalies.json": found, "bias_report.json": slants},
            also=dict(also or {}),
            limits=limits,
            previous_rows=before,
            parameters=dict(parameters),
        )
    except GateFailed as failure:
        steps.alert("validation_failure", stem, root, str(failure))
        raise
    steps.version([root / "processed" / stem, root / "raw" / stem], root, key=manifest)
    steps.announce_findings(stem, root, found, slants)
    if metrics is not None:
        metrics(manifest)
    return Published(
        stem=stem,
        mode=kept.mode,
        sequences=kept,
        vocabulary=vocabulary,
        manifest=manifest,
        truth=acquired.truth,
        rules=dict(rules),
    )
