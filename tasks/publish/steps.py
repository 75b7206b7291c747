"""Effects at the end of a flow: gate and publish, version, alert, artifacts. Each a task, or a hook, of its own."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from filelock import FileLock
from prefect import Flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_logger, get_run_logger
from prefect.utilities.urls import url_for

from schemas.finding import Finding
from schemas.limits import Limits
from schemas.published import Published
from schemas.settings import settings
from schemas.snapshot import Snapshot
from schemas.source import Source
from tasks import caching, masking, tables
from tasks.acquire.steps import Acquired
from tasks.check import gate
from tasks.combine import vocabulary
from tasks.derive import cached, derive
from tasks.publish import alerts, dvc
from tasks.publish.manifest import inputs_of, track_manifest
from tasks.publish.manifest import manifest as make_manifest
from tasks.publish.summary import last_different, with_history

masking.install()  # before any client of this process logs an address

SLACK_BLOCK = "automend-alerts"
NO_BLOCK = "Unable to find block document"  # how Prefect says it
SLACK_PATIENCE_S = 10.0  # a run waits no longer for one alert


def read_json(path: Path) -> dict[str, Any]:
    """A published JSON file, {} where there is none yet."""
    return orjson.loads(path.read_bytes()) if path.is_file() else {}


def lock(root: Path, name: str) -> FileLock:
    """Held while the files of one dataset or track are replaced: two runs at once leave one run's set, no mixture."""
    (root / ".tmp").mkdir(parents=True, exist_ok=True)
    return FileLock(root / ".tmp" / f"{name}.lock")


def baseline(root: Path, stem: str, acquired: Acquired, parameters: Mapping[str, Any]) -> int | None:
    """Sequences of the last run on *other* input, None for the first.

    A run of the same input compares itself with what that input was compared with before, so it gives the same bytes.
    """
    old = read_json(root / "processed" / stem / "manifest.json")
    if not old:
        return None
    told = orjson.loads(tables.to_json(dict(parameters)))  # as the manifest holds them: a tuple is a list there
    same = old["inputs"] == inputs_of(acquired.files) and old["parameters"] == told
    return old["previous_rows"] if same else old["sequences"]["kept"]


@task
def publish(
    source: Source,
    acquired: Acquired,
    made: Snapshot,
    kept: Snapshot,
    published: dict[str, Snapshot],
    rejected: Snapshot,
    documents: dict[str, Snapshot],
    also: dict[str, Snapshot],
    limits: Limits,
    previous_rows: int | None,
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Gate, then put the dataset's files in their places, the manifest last. Returns the manifest.

    `made` are the rows before any check, `kept` those that passed, `published` the file they become, by name.

    Reports and quarantine are written even when the gate closes: they say why. Raises GateFailed.
    """
    root, stem = kept.root, source.stem
    folder = root / "processed" / stem
    rows_in = sum(raw.rows for raw in acquired.files)
    left_out = tables.read(rejected)
    rows = gate.ledger(rows_in, _covered(made), left_out[left_out["line"] > 0])
    through = gate.ledger(made.rows, kept.rows, left_out[left_out["line"] == 0])
    findings = [finding for document in documents.values() for finding in findings_of(document)]
    document = make_manifest(
        source,
        inputs_of(acquired.files),
        acquired.missing,
        acquired.unused,
        mode=kept.mode,
        rows=rows,
        sequences=through,
        findings=findings,
        outputs={**published, **also},
        parameters=parameters,
        previous_rows=previous_rows,
    )
    with lock(root, stem):
        for name, snapshot in {"quarantine.parquet": rejected, **documents}.items():
            tables.publish(snapshot, folder / name)
        gate.gate(
            stem,
            [gate.quarantine_budget(rows, limits.quarantined), *_errors(findings)],
            rejects_at=str(folder / "quarantine.parquet"),
        )
        for name, snapshot in {**published, **also}.items():
            tables.publish(snapshot, root / "interim" / name)
        for name, snapshot in published.items():
            tables.publish(snapshot, folder / name)
        tables.replace_text(folder / "manifest.json", tables.to_json(document), root)
    get_run_logger().info("%s: %s", stem, _told(rows, kept.rows))
    return document


def findings_of(document: Snapshot) -> list[dict[str, Any]]:
    """The checks a published report tells, [] for one that tells none, or in sentences (the bias report)."""
    told = tables.read(document)
    found = told.get("findings", []) if isinstance(told, Mapping) else []
    return [dict(finding) for finding in found if isinstance(finding, Mapping)]


def _covered(made: Snapshot) -> int:
    """Source rows that the rows made of them stand for."""
    column = pq.read_table(made.file, columns=["rows"])["rows"]
    return int(sum(column.to_pylist()) if len(column) else 0)


def _errors(findings: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Findings that close the gate by themselves."""
    found = [Finding(**finding) for finding in findings]
    return [finding for finding in found if finding.severity == "error" and not finding.holds]


def _told(rows: Mapping[str, Any], published: int) -> str:
    dropped, quarantined = sum(rows["dropped"].values()), sum(rows["quarantined"].values())
    return (
        f"{rows['in']:,} rows in = {rows['kept']:,} kept ({published:,} published) + {dropped:,} dropped"
        f" + {quarantined:,} quarantined"
    )


@task
def extend_vocabulary(root: Path, entries: Sequence[Snapshot]) -> dict[str, Any]:
    """Add new tokens to `processed/track_A/vocabulary.json`; what stands in it is never changed.

    Returns its entries, count and sha256. Raises VocabularyConflict when an id would get a second meaning.
    """
    path = root / "processed" / "track_A" / "vocabulary.json"
    with lock(root, "vocabulary"):
        merged = vocabulary.merge(read_json(path), *map(tables.read, entries))
        ordered = json.dumps(merged, indent=1, ensure_ascii=False) + "\n"  # by number, not by text
        if not (path.is_file() and path.read_text(encoding="utf-8") == ordered):
            tables.replace_text(path, ordered, root)
    return {"entries": merged, "tokens": len(merged), "sha256": hashlib.sha256(ordered.encode()).hexdigest()}


def compared(run: Snapshot, folder: Path) -> Snapshot:
    """The run's summary beside the last different run's, as a snapshot."""
    before = last_different(tables.read(run), read_json(folder / "run.json"))
    beside: Snapshot = derive(with_history, run, previous=before)
    return beside


@task
def publish_track(
    root: Path,
    name: str,
    combined: Snapshot,
    files: Mapping[str, Snapshot],
    run: Snapshot,
    published: Mapping[str, Published],
    also: Mapping[str, Any],
    suffix: str = ".parquet",
) -> dict[str, Any]:
    """Put a track's files in their places: the combined rows, `files` and `run.json` below `processed/<name>/`.

    The manifest goes last; `also` is what only this kind of track tells in it. Returns it. Raises ValueError when the
    rows do not add up.
    """
    told = tables.read(run)
    manifests = {stem: dataset.manifest for stem, dataset in published.items()}
    document = track_manifest(name, combined, manifests, told["absent"], {**files, "combined": combined}, told, also)
    with lock(root, name):
        for file, snapshot in {**files, "run.json": run}.items():
            tables.publish(snapshot, root / "processed" / name / file)
        tables.publish(combined, root / "processed" / f"{name}_combined{suffix}")
        tables.replace_text(root / "processed" / name / "manifest.json", tables.to_json(document), root)
    return document


def version(targets: Sequence[Path], root: Path, key: Any) -> None:
    """DVC-version what was published; see tasks/publish/dvc.py. Nothing to do while `key` and pointers are the same.

    AUTOMEND_DVC=false switches it off. Raises PushFailed when a remote is set and cannot be reached, after three tries.
    """
    if settings().dvc:
        remote = settings().dvc_remote
        name = [str(target.relative_to(root)) for target in targets]
        content = caching.key(_version, (), {"content": key, "targets": name, "remote": remote})
        cached("version", _version, content, root, targets=list(targets), remote=remote, options=PUSH_RETRIES)


def _version(root: Path, targets: list[Path], remote: str | None) -> list[Snapshot]:
    pointers = dvc.version(targets, root, remote)
    get_run_logger().info("versioned: %s", ", ".join(str(p.relative_to(root)) for p in pointers))
    return [tables.as_snapshot(pointer, root) for pointer in pointers]


def _push_failed(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Only a push may pass on another try; a broken repository does not."""
    return isinstance(state.result(raise_on_failure=False), dvc.PushFailed)


PUSH_RETRIES = {"retries": 2, "retry_delay_seconds": [1, 5], "retry_condition_fn": _push_failed}


def alert(
    kind: alerts.KindName, pipeline: str, root: Path, message: str = "", details: Mapping[str, Any] | None = None
) -> None:
    """Tell people: always to the two files in the logs folder, and to Slack where the block exists. Never raises."""
    _tell(alerts.make(kind, pipeline, message, details, url=_run_url()), root)


def _tell(told: alerts.Alert, root: Path) -> None:
    alerts.record(told, settings().logs_dir(root))
    client = _slack_client()
    if client is not None:
        alerts.deliver(client, told, total_s=SLACK_PATIENCE_S)


def _run_url() -> str:
    """Address of the run in the Prefect UI, "" where no server with a UI is set."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return (url_for(context.flow_run) if context and context.flow_run else None) or ""


def _slack_client() -> Any:
    """The client of the block automend-alerts; None where there is no such block, or no server to ask for it."""
    from prefect_slack import SlackWebhook

    try:
        return SlackWebhook.load(SLACK_BLOCK).get_client(sync_client=True)
    except Exception as fault:  # noqa: BLE001  an alert never changes a run's outcome, whatever the server does
        if NO_BLOCK not in str(fault):  # without the block: log and files only, as documented
            get_logger(__name__).warning("The block %s cannot be loaded: %s", SLACK_BLOCK, masking.mask(str(fault)))
        return None


def announce_findings(
    stem: str, root: Path, anomalies: Snapshot, bias: Snapshot, quality: Sequence[Snapshot] = ()
) -> None:
    """Alert on what does not hold, and show every check as an artifact. `quality`: a dataset's own reports."""
    slants = tables.read(bias)
    found = findings_of(anomalies)
    own = [finding for document in quality for finding in findings_of(document)]
    kinds: tuple[tuple[alerts.KindName, list[dict[str, Any]]], ...] = (
        ("anomaly_detected", found),
        ("data_quality", own),
    )
    for kind, of_kind in kinds:
        broken = [finding for finding in of_kind if not finding["holds"]]
        if broken:
            told = "; ".join(str(Finding(**finding)) for finding in broken[:5])
            alert(kind, stem, root, told, {"anomalies": len(broken)})
    if slants["severity"] != "none":
        told = "; ".join(slants["findings"][:5])
        alert("bias_detected", stem, root, told, {"level": slants["severity"]})
    show_checks(stem, [*found, *own])


def show_checks(stem: str, findings: Sequence[Mapping[str, Any]]) -> None:
    """The checks as a table in the Prefect UI; one key a dataset, so that the UI keeps a history. No rows of data."""
    columns = ("kind", "name", "measured", "limit", "unit", "holds", "severity")
    rows = [{column: finding[column] for column in columns} for finding in findings[:100]]
    key = f"{stem.replace('_', '-')}-checks"
    create_table_artifact(key=key, table=rows, description=f"Checks of {stem}")


def show_report(track: str, markdown: str) -> None:
    """The track's summary in the Prefect UI."""
    create_markdown_artifact(
        key=f"{track.replace('_', '-')}-report", markdown=markdown, description=f"Report of {track}"
    )


def _root(run: FlowRun) -> Path:
    """The data folder of a run: its parameter, else the setting."""
    return Path(run.parameters.get("data_dir") or settings().data_dir).resolve()


def alert_start(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _tell(alerts.make("pipeline_start", flow.name, "", details, url=url_for(run) or ""), _root(run))


def alert_success(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _tell(alerts.make("pipeline_success", flow.name, "", details, url=url_for(run) or ""), _root(run))


def alert_failure(flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    message = (state.message or "").removeprefix("Flow run encountered an exception: ")
    _tell(alerts.make("pipeline_failure", flow.name, message, {"run": run.name}, url=url_for(run) or ""), _root(run))


# Hooks for `@flow(**ANNOUNCED)`: start, success and failure of every flow are told. They run in the flow's own process;
# a killed process tells nothing, which is what the server's automations are for.
ANNOUNCED: dict[str, Any] = {
    "on_running": [alert_start],
    "on_completion": [alert_success],
    "on_failure": [alert_failure],
    "on_crashed": [alert_failure],
}
