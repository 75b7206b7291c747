"""The tail every dataset shares: contract, statistics, anomalies, bias, gate, publish, version, metrics, alerts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandera.pandas as pa

from schemas import contracts
from schemas.document import Document
from schemas.finding import GateFailed
from schemas.limits import MISSING, OUTLIERS, Limits, Representation
from schemas.published import Published
from schemas.reject import Reasons
from schemas.snapshot import Snapshot
from tasks.engine import snapshots, stage_log
from tasks.engine.derive import current_run, derive, derive_batches, derive_lines
from tasks.engine.snapshots import row_groups
from tasks.observe import hooks
from tasks.publish import artifacts, publish
from tasks.publish.page import render
from tasks.publish.release import Release
from tasks.quality import rejects
from tasks.quality.anomalies import anomalies, conversation_anomalies
from tasks.quality.contract import check, contract_reasons, require_validation
from tasks.quality.label_bias import label_bias
from tasks.quality.outcome_bias import outcome_bias
from tasks.sources.acquire import Acquired
from tasks.tool_use.jsonl import lines
from tasks.tool_use.verify import REASONS as VERIFICATION_REASONS
from tasks.tool_use.verify import stage_counts
from tasks.tool_use.verify_and_split import verify_and_split


@dataclass(frozen=True)
class Form:
    """What differs between the rows of the two tracks.

    `verify(batch) -> (kept, rejects)` looks at rows one by one before the contract does, and `verification(kept,
    rejects)` counts what passed and failed each of its stages (`verification.json`). `anomalies` makes the report of
    that name, `bias` the bias report; `lines(batch)` gives the published lines of JSON, None for Parquet.
    `columns` are those that these two reports read, () all. Naming them says that the table may be larger than memory:
    then the contract is checked a batch at a time, and must have no rule across rows.
    """

    contract: pa.DataFrameSchema
    anomalies: Callable[..., Document]
    bias: Callable[..., Document]
    verify: Callable[..., Any] | None = None
    verification: Callable[..., Document] | None = None
    verification_reasons: Reasons = field(default_factory=dict)
    lines: Callable[..., Any] | None = None
    columns: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Of the published file's name."""
        return ".jsonl" if self.lines else ".parquet"


FORMAT_A = Form(contract=contracts.Sequences, anomalies=anomalies, bias=label_bias)
FORMAT_B = Form(
    contract=contracts.Conversations,
    anomalies=conversation_anomalies,
    bias=outcome_bias,
    verify=verify_and_split,
    verification=stage_counts,
    verification_reasons=VERIFICATION_REASONS,
    lines=lines,
)


@dataclass(frozen=True)
class Dataset:
    """What is the same in every run of a dataset: one value, given once in its flow's file.

    `slices` are the columns by which bias is looked for; `outcomes` are those of them that the label rules read: their
    failure rates are reported, but are no bias. `rules` explains each label rule, `reasons` each reason for which a
    step of the dataset's own leaves rows out.
    """

    stem: str
    form: Form
    slices: tuple[str, ...]
    outcomes: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    reasons: Reasons = field(default_factory=dict)

    @property
    def every_reason(self) -> Reasons:
        """Also those of verification and of the contract."""
        return {**contract_reasons(self.form.contract), **self.form.verification_reasons, **self.reasons}


@dataclass(frozen=True)
class Made:
    """What one run made of its raw files, before any check.

    `rejected` are the reject tables of all steps, `reports` the dataset's own documents by file name, `tables` further
    tables to publish in `interim/` by file name. `summarise(anomalies, bias)` makes the summary of the run
    (schemas/run_report.py) where a dataset has a page of its own: `report.html`, artifacts as a track has them, and
    `interim/<stem>/run.json`, with which the next run is compared.
    """

    rows: Snapshot
    rejected: tuple[Snapshot, ...]
    reports: Mapping[str, Snapshot]
    vocabulary: Snapshot | None = None
    tables: Mapping[str, Snapshot] = field(default_factory=dict)
    summarise: Callable[[Snapshot, Snapshot], Snapshot] | None = None


@dataclass(frozen=True)
class _Checked:
    """Rows that passed, and what the checks report. `verified` are those that verification let through."""

    verified: Snapshot
    kept: Snapshot
    rejected: tuple[Snapshot, ...]  # by verification, then by the contract
    anomalies: Snapshot
    bias: Snapshot


def assure(
    dataset: Dataset,
    acquired: Acquired,
    made: Made,
    *,
    limits: Limits,
    parameters: Mapping[str, Any],
    representation: Representation | None = None,
) -> Published:
    """Check, gate and publish the rows a dataset made, below `interim/` and `processed/<stem>/`.

    `representation` limits the share of one group of a slice, where the form's bias report looks at that.
    Raises GateFailed (ContractFailed) when the data is withheld; what was published before stays as it is.
    """
    stem, root = dataset.stem, made.rows.root
    before = publish.baseline(root, stem, acquired, parameters)
    try:
        checked = _checked(dataset, made, before, limits, representation)
        reports = list(made.reports.values())
        publish.emit_findings(stem, checked.anomalies, checked.bias, reports)  # also when the gate closes
        summary = _summary(dataset, made, checked)
        release = _release(dataset, acquired, made, checked, summary)
        publish.measure(acquired, checked.kept, release.rejected)  # before the gate: it may close over the quarantine
        manifest = publish.publish_dataset(release, limits, before, parameters)
    except GateFailed as failure:
        hooks.alert("validation_failure", stem, root, str(failure))
        raise
    publish.version([root / "processed" / stem, root / "raw" / stem], root, key=manifest)
    publish.announce_findings(stem, root, checked.anomalies, checked.bias, reports)
    if summary:
        publish.show_track(publish.report_of(summary), snapshots.read(derive(artifacts.plot, summary)))
    return Published(
        stem=stem,
        mode=checked.kept.mode,
        kept=checked.kept,
        vocabulary=made.vocabulary,
        manifest=manifest,
        truth=acquired.truth,
        rules=dict(dataset.rules),
        reasons={name: reason.meaning for name, reason in dataset.every_reason.items()},
    )


def _checked(
    dataset: Dataset, made: Made, before: int | None, limits: Limits, representation: Representation | None
) -> _Checked:
    """Verify row by row where the form does, check the contract, look for anomalies and bias."""
    require_validation()  # also when everything is cached
    form = dataset.form
    verified, *unverified = _verified(made.rows, form)
    kept, refused = _in_contract(verified, form)
    rejected = (*unverified, refused)
    seen = kept.only(*form.columns)
    found = derive(
        form.anomalies,
        seen,
        previous_rows=before,
        missing_limit=MISSING,
        outlier_limit=OUTLIERS,
        rejected_limit=limits.quarantined,
        volume_drop=limits.volume_drop,
        rejected_rows=sum(table.rows for table in rejected),
        by=[name for name in dataset.slices if name not in dataset.outcomes],
    )
    shares = {"representation": representation} if representation else {}
    bias = derive(
        form.bias,
        seen,
        slices=dataset.slices,
        outcome_slices=dataset.outcomes,
        disparity_limit=limits.disparity,
        **shares,
    )
    return _Checked(verified, kept, rejected, found, bias)


def _verified(rows: Snapshot, form: Form) -> tuple[Snapshot, ...]:
    """(rows that passed, rejects), or the rows as they are where a form has nothing to verify row by row."""
    return derive_batches(form.verify, rows, decode=row_groups) if form.verify else (rows,)


def _in_contract(rows: Snapshot, form: Form) -> tuple[Snapshot, Snapshot]:
    """(rows that keep the contract, rejects)."""
    if form.columns:
        return derive_batches(check, rows, decode=row_groups, schema=form.contract)
    kept, refused = derive(check, rows, schema=form.contract)
    return kept, refused


def _summary(dataset: Dataset, made: Made, checked: _Checked) -> Snapshot | None:
    """The run beside the last different one, where the dataset has a page of its own."""
    if made.summarise is None:
        return None
    folder = made.rows.root / "interim" / dataset.stem
    return publish.compared(made.summarise(checked.anomalies, checked.bias), folder)


def _release(dataset: Dataset, acquired: Acquired, made: Made, checked: _Checked, summary: Snapshot | None) -> Release:
    """Every file of the dataset under the name it is published by."""
    form, stem, kept = dataset.form, dataset.stem, checked.kept
    documents = dict(made.reports)
    if form.verification:
        documents["verification.json"] = derive(form.verification, checked.verified, *checked.rejected[:-1])
    documents |= {"anomalies.json": checked.anomalies, "bias_report.json": checked.bias}
    if summary:
        documents["report.html"] = derive(render, summary)
    return Release(
        stem=stem,
        acquired=acquired,
        made=made.rows,
        kept=kept,
        rejected=derive(rejects.quarantine, *made.rejected, *checked.rejected),
        rows={
            f"{stem}{form.suffix}": derive_lines(form.lines, kept, name=stem, mode=kept.mode) if form.lines else kept
        },
        documents=documents,
        tables={**made.tables, **({f"{stem}/run.json": summary} if summary else {})},
        reasons=dataset.every_reason,
        steps=stage_log.stages(current_run()),
    )
