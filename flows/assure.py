"""The tail every dataset shares: contract, statistics, anomalies, bias, gate, version, metrics, alerts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandera.pandas as pa

from schemas import format_a, format_b
from schemas.finding import GateFailed
from schemas.limits import MISSING, OUTLIERS, Limits, Representation
from schemas.published import Published
from schemas.snapshot import Snapshot
from schemas.source import Source
from tasks.engine import snapshots
from tasks.engine.derive import derive, derive_batches, derive_lines
from tasks.engine.snapshots import row_groups
from tasks.observe import hooks
from tasks.publish import artifacts
from tasks.publish import publish as steps
from tasks.publish.report import render
from tasks.quality import rejects
from tasks.quality.anomalies import anomalies, conversation_anomalies
from tasks.quality.contract import check, require_validation
from tasks.quality.label_bias import label_bias
from tasks.quality.outcome_bias import outcome_bias
from tasks.sources.acquire import Acquired
from tasks.tool_use.jsonl import lines
from tasks.tool_use.verify import stage_counts
from tasks.tool_use.verify_and_split import verify_and_split


@dataclass(frozen=True)
class Form:
    """What differs between the rows of the two tracks.

    `verify(batch) -> (kept, rejects)` looks at rows one by one before the contract does, and `verification(kept,
    rejects)` counts what passed and failed each of its stages (`verification.json`); `anomalies` makes the report
    of that name, `bias` the bias report; `lines(batch)` gives the published lines of JSON, None for Parquet.
    `columns` are those that these two reports read, () all. Naming them says that the table may be larger than memory:
    then the contract is checked a batch at a time, and must have no rule across rows.
    """

    contract: pa.DataFrameSchema
    anomalies: Callable[..., dict[str, Any]]
    bias: Callable[..., dict[str, Any]]
    verify: Callable[..., Any] | None = None
    verification: Callable[..., dict[str, Any]] | None = None
    lines: Callable[..., Any] | None = None
    columns: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Of the published file's name."""
        return ".jsonl" if self.lines else ".parquet"


FORMAT_A = Form(contract=format_a.Sequences, anomalies=anomalies, bias=label_bias)
FORMAT_B = Form(
    contract=format_b.Conversations,
    anomalies=conversation_anomalies,
    bias=outcome_bias,
    verify=verify_and_split,
    verification=stage_counts,
    lines=lines,
)


def assure(
    made: Snapshot,
    *,
    form: Form,
    source: Source,
    acquired: Acquired,
    slices: tuple[str, ...],
    outcomes: tuple[str, ...] = (),
    statistics: Mapping[str, Snapshot],
    rejected: Sequence[Snapshot],
    vocabulary: Snapshot | None = None,
    rules: Mapping[str, str],
    limits: Limits,
    representation: Representation | None = None,
    parameters: Mapping[str, Any],
    also: Mapping[str, Snapshot] | None = None,
    summarise: Callable[[Snapshot, Snapshot], Snapshot] | None = None,
) -> Published:
    """Check, gate and publish the rows a dataset made, below `interim/` and `processed/<stem>/`, in its track's form.

    `representation` says how much one group of a slice may have, where a form's bias report looks at that;
    `outcomes` are slices that the label rules themselves read: their failure rates are told, but are no bias.
    `statistics` maps the report's file name to its JSON; `rejected` are the reject tables of all earlier steps; `also`
    are further tables to publish in `interim/` by file name. `summarise(anomalies, bias)` makes the summary of a
    run (tasks/publish/run.py) where a dataset has a page of its own: `report.html`, artifacts as a track has them, and
    `interim/<stem>/run.json`, with which the next run is compared.
    Raises GateFailed (ContractFailed) when the data is withheld; what was published before stays as it is.
    """
    stem, root = source.stem, made.root
    before = steps.baseline(root, stem, acquired, parameters)
    try:
        require_validation()  # also when everything is cached
        passed, *unverified = _verified(made, form)
        kept, refused = _checked(passed, form)
        seen = kept.only(*form.columns)
        found = derive(
            form.anomalies,
            seen,
            previous_rows=before,
            missing_limit=MISSING,
            outlier_limit=OUTLIERS,
            rejected_limit=limits.quarantined,
            volume_drop=limits.volume_drop,
            rejected_rows=refused.rows + sum(table.rows for table in unverified),
            by=[name for name in slices if name not in outcomes],
        )
        shares = {"representation": representation} if representation else {}
        bias = derive(
            form.bias, seen, slices=slices, outcome_slices=outcomes, disparity_limit=limits.disparity, **shares
        )
        steps.emit_findings(stem, found, bias, list(statistics.values()))  # also when the gate closes
        counted = {"verification.json": derive(form.verification, passed, *unverified)} if form.verification else {}
        summary = steps.compared(summarise(found, bias), root / "interim" / stem) if summarise else None
        page = {"report.html": derive(render, summary)} if summary else {}
        run = {f"{stem}/run.json": summary} if summary else {}
        left_out = derive(rejects.quarantine, *rejected, *unverified, refused)
        published = derive_lines(form.lines, kept, name=stem, mode=kept.mode) if form.lines else kept
        steps.measure(acquired, kept, left_out)  # before the gate: a share of quarantine that closes it is told too
        manifest = steps.publish(
            source=source,
            acquired=acquired,
            made=made,
            kept=kept,
            published={f"{stem}{form.suffix}": published},
            rejected=left_out,
            documents={**statistics, **counted, "anomalies.json": found, "bias_report.json": bias, **page},
            also={**(also or {}), **run},
            limits=limits,
            previous_rows=before,
            parameters=dict(parameters),
        )
    except GateFailed as failure:
        hooks.alert("validation_failure", stem, root, str(failure))
        raise
    steps.version([root / "processed" / stem, root / "raw" / stem], root, key=manifest)
    steps.announce_findings(stem, root, found, bias, list(statistics.values()))
    if summary:
        steps.show_track(snapshots.read(summary), snapshots.read(derive(artifacts.plot, summary)))
    return Published(
        stem=stem,
        mode=kept.mode,
        kept=kept,
        vocabulary=vocabulary,
        manifest=manifest,
        truth=acquired.truth,
        rules=dict(rules),
    )


def _verified(made: Snapshot, form: Form) -> tuple[Snapshot, ...]:
    """(rows that passed, rejects), or the rows as they are where a form has nothing to verify row by row."""
    return derive_batches(form.verify, made, decode=row_groups) if form.verify else (made,)


def _checked(passed: Snapshot, form: Form) -> tuple[Snapshot, Snapshot]:
    """(rows that keep the contract, rejects)."""
    if form.columns:
        return derive_batches(check, passed, decode=row_groups, schema=form.contract)
    kept, refused = derive(check, passed, schema=form.contract)
    return kept, refused
