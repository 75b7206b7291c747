"""What a flow does at its end: close or open the gate, publish files, version them, show the run in the Prefect UI."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from filelock import FileLock
from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger

from schemas import format_a
from schemas.document import Document
from schemas.finding import Finding, GateFailed
from schemas.limits import Limits
from schemas.run_report import RunReport
from schemas.settings import settings
from schemas.snapshot import Snapshot
from tasks.engine import caching, snapshots, stage_log, store
from tasks.engine.derive import cached, current_run, derive
from tasks.observe import alerts, events
from tasks.observe.hooks import alert
from tasks.publish import artifacts, dvc
from tasks.publish.comparison import history_of, with_history
from tasks.publish.manifest import Ledgers, inputs_of, manifest, track_manifest
from tasks.publish.release import Release, TrackRelease, findings_of
from tasks.quality import gate, vocabulary
from tasks.sources.acquire import Acquired


def read_json(path: Path) -> dict[str, Any]:
    """A published JSON file, {} where there is none yet."""
    return orjson.loads(path.read_bytes()) if path.is_file() else {}


def latest(path: Path, root: Path) -> dict[str, Any]:
    """A published JSON file as the last run on any machine left it, {} where there is none yet."""
    content = latest_bytes(path, root)
    return orjson.loads(content) if content else {}


def latest_bytes(path: Path, root: Path) -> bytes:
    """A published file as the last run on any machine left it, empty where there is none yet."""
    published = store.read(path, root)
    if published is not None:
        return published
    return path.read_bytes() if path.is_file() else b""


@contextmanager
def lock(root: Path, name: str) -> Iterator[None]:
    """Held while the files of one dataset or track are replaced: two runs at once leave one run's set, no mixture.

    With a store the runs may be on two machines: there a concurrency limit of the Prefect server is held too.
    """
    (root / ".tmp").mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".tmp" / f"{name}.lock"), _alone(f"automend-publish-{name}"):
        yield


@contextmanager
def _alone(limit: str) -> Iterator[None]:
    """No other machine is in here with the same `limit`, which is made where it is missing."""
    if settings().store is None:
        yield
        return
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(limit, 1)
    with concurrency(limit, strict=True):
        yield


def _put(snapshot: Snapshot, target: Path) -> None:
    """A snapshot under the name that others rely on, here and in the store."""
    snapshots.publish(snapshot, target)
    store.push(target, snapshot.root)


def _put_text(target: Path, text: str | bytes, root: Path) -> None:
    snapshots.replace_text(target, text, root)
    store.push(target, root)


def baseline(root: Path, stem: str, acquired: Acquired, parameters: Mapping[str, Any]) -> int | None:
    """Sequences of the last run on *other* input, None for the first.

    A run of the same input compares itself with what that input was compared with before, so it gives the same bytes.
    """
    old = latest(root / "processed" / stem / "manifest.json", root)
    if not old:
        return None
    own = orjson.loads(snapshots.to_json(dict(parameters)))  # as the manifest has them: a tuple is a list there
    same = old["inputs"] == inputs_of(acquired.files) and old["parameters"] == own
    return old["previous_rows"] if same else old["sequences"]["kept"]


@task(task_run_name="publish {release.stem}")
def publish_dataset(
    release: Release, limits: Limits, previous_rows: int | None, parameters: Mapping[str, Any]
) -> Document:
    """Gate, then put the dataset's files in their places, the manifest last. Returns the manifest.

    Documents and quarantine are written even when the gate closes: they say why. Raises GateFailed.
    """
    root, stem, made, kept = release.kept.root, release.stem, release.made, release.kept
    folder = root / "processed" / stem
    left_out = snapshots.read(release.rejected)
    rows = gate.ledger(release.acquired.rows, _source_rows(made), left_out[left_out["line"] > 0])
    through = gate.ledger(made.rows, kept.rows, left_out[left_out["line"] == 0])
    document = manifest(release, left_out, Ledgers(rows, through), parameters, previous_rows)
    errors = [finding for finding in release.findings if finding.severity == "error" and not finding.holds]
    budget = gate.quarantine_budget(rows, limits.quarantined)
    with lock(root, stem):
        for name, snapshot in {"quarantine.parquet": release.rejected, **release.documents}.items():
            _put(snapshot, folder / name)
        gate.gate(stem, [budget, *errors], rejects_at=str(folder / "quarantine.parquet"))
        for name, snapshot in {**release.rows, **release.tables}.items():
            _put(snapshot, root / "interim" / name)
        for name, snapshot in release.rows.items():
            _put(snapshot, folder / name)
        _put_text(folder / "manifest.json", snapshots.to_json(document), root)
    get_run_logger().info("%s: %s", stem, _ledger_line(rows, kept.rows))
    return document


def _source_rows(made: Snapshot) -> int:
    """Number of raw rows that these rows were made of."""
    if "rows" not in pq.read_schema(made.file).names:
        raise GateFailed(
            f"{made.path.name} has no column `rows`, so its raw rows cannot be counted. Give each row the number of "
            "raw rows that it was made of."
        )
    column = pq.read_table(made.file, columns=["rows"])["rows"]
    return int(sum(column.to_pylist()) if len(column) else 0)


def _ledger_line(rows: Mapping[str, Any], published: int) -> str:
    dropped, quarantined = sum(rows["dropped"].values()), sum(rows["quarantined"].values())
    return (
        f"{rows['in']:,} rows in = {rows['kept']:,} kept ({published:,} published) + {dropped:,} dropped"
        f" + {quarantined:,} quarantined"
    )


@task(task_run_name="extend_vocabulary track_a")
def extend_vocabulary(root: Path, entries: Sequence[Snapshot]) -> dict[str, Any]:
    """Add new tokens to `processed/track_A/vocabulary.json`; what stands in it is never changed.

    Returns its entries, count and sha256. Raises VocabularyConflict when an id would get a second meaning.
    """
    path = root / "processed" / "track_A" / "vocabulary.json"
    with lock(root, "vocabulary"):
        merged = vocabulary.merge(latest(path, root), *map(snapshots.read, entries))
        ordered = json.dumps(merged, indent=1, ensure_ascii=False) + "\n"  # by number, not by text
        if not (path.is_file() and path.read_text(encoding="utf-8") == ordered):
            snapshots.replace_text(path, ordered, root)
        store.push(path, root)
    return {"entries": merged, "tokens": len(merged), "sha256": hashlib.sha256(ordered.encode()).hexdigest()}


def compared(run: Snapshot, folder: Path) -> Snapshot:
    """The run's report beside the last different run, as a snapshot."""
    history = history_of(report_of(run), latest_bytes(folder / "run.json", run.root))
    beside: Snapshot = derive(with_history, run, history=history)
    return beside


def report_of(run: Snapshot) -> RunReport:
    """The report in a run.json."""
    return RunReport.model_validate(snapshots.read(run))


@task(task_run_name="publish {release.name}")
def publish_track(root: Path, release: TrackRelease) -> Document:
    """Put a track's files in their places: the combined rows, the others and `run.json` below `processed/<name>/`.

    The manifest goes last. Returns it. Raises ValueError when the rows do not add up.
    """
    name = release.name
    document = track_manifest(release, report_of(release.run))
    with lock(root, name):
        for file, snapshot in {**release.files, "run.json": release.run}.items():
            _put(snapshot, root / "processed" / name / file)
        _put(release.combined, root / "processed" / f"{name}_combined{release.suffix}")
        _put_text(root / "processed" / name / "manifest.json", snapshots.to_json(document), root)
    return document


def version(targets: Sequence[Path], root: Path, key: Any) -> None:
    """DVC-version what was published; see tasks/publish/dvc.py. Nothing to do while `key` and pointers are the same.

    AUTOMEND_DVC=false switches it off. Raises PushFailed when a remote is set and cannot be reached, after three tries.
    """
    if settings().dvc:
        remote = settings().dvc_remote
        name = [str(target.relative_to(root)) for target in targets]
        content = caching.key(_version_files, (), {"content": key, "targets": name, "remote": remote})
        of = targets[0].name
        cached("version", _version_files, content, root, PUSH_RETRIES, of, targets=list(targets), remote=remote)


def _version_files(root: Path, targets: list[Path], remote: str | None) -> list[Snapshot]:
    pointers = dvc.version(targets, root, remote)
    get_run_logger().info("versioned: %s", ", ".join(str(p.relative_to(root)) for p in pointers))
    return [snapshots.as_snapshot(pointer, root) for pointer in pointers]


def _push_failed(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Only a push may pass on another try; a broken repository does not."""
    return isinstance(state.result(raise_on_failure=False), dvc.PushFailed)


PUSH_RETRIES = {"retries": 2, "retry_delay_seconds": [1, 5], "retry_condition_fn": _push_failed}


def announce_findings(stem: str, root: Path, anomalies: Snapshot, bias: Snapshot, reports: Sequence[Snapshot]) -> None:
    """Alert people to every check that fails, and show all checks in the UI. `reports`: a dataset's own."""
    found = findings_of(anomalies)
    own = [finding for document in reports for finding in findings_of(document)]
    kinds: tuple[tuple[alerts.KindName, list[Finding]], ...] = (("anomaly_detected", found), ("data_quality", own))
    for kind, of_kind in kinds:
        if broken := [finding for finding in of_kind if not finding.holds]:
            alert(kind, stem, root, "; ".join(map(str, broken[:5])), {"anomalies": len(broken)})
    report = snapshots.read(bias)
    if report["severity"] != "none":
        alert("bias_detected", stem, root, "; ".join(report["findings"][:5]), {"level": report["severity"]})
    show_checks(stem, [*found, *own])


def emit_findings(stem: str, anomalies: Snapshot, bias: Snapshot, reports: Sequence[Snapshot]) -> None:
    """The events of the checks that fail (tasks/observe/events.py)."""
    found = [finding for document in (anomalies, *reports) for finding in findings_of(document)]
    events.emit_findings(stem, anomalies.mode, found, snapshots.read(bias))


def show_checks(stem: str, findings: Sequence[Finding]) -> None:
    """The checks as a table in the Prefect UI; one key per dataset, so that the UI keeps a history. No rows of data."""
    create_table_artifact(
        key=artifacts.key(stem, "checks"),
        table=artifacts.check_rows(findings),
        description=artifacts.checks_sentence(stem, findings),
    )


def show_track(report: RunReport, plot: str) -> None:
    """A track in the Prefect UI: its report, where its rows went, and its plot (an SVG file), each with a history.

    The plot is markdown, not an image artifact: below one of those the UI prints the whole address, here 11,000
    characters in one line across the page.
    """
    headline, picture = artifacts.headline(report), artifacts.data_uri(plot)
    show = partial(create_markdown_artifact, description=headline)
    show(key=artifacts.key(report.name, "plot"), markdown=f"![{headline}]({picture})")
    rows = artifacts.ledger_rows(report)
    create_table_artifact(key=artifacts.key(report.name, "rows"), table=rows, description=headline)
    show(key=artifacts.key(report.name, "report"), markdown=artifacts.summary_markdown(report, picture))


def measure(acquired: Acquired, kept: Snapshot, rejected: Snapshot) -> None:
    """Note for the metrics what this run's dataset read, kept and left out. A hook sends them as the flow ends."""
    rows_in = acquired.rows
    table = pq.read_table(rejected.file, columns=["outcome"], filters=[("line", ">", 0)])
    left_out = Counter(table["outcome"].to_pylist())
    rows = {"in": rows_in, "kept": rows_in - left_out.total(), "dropped": 0, "quarantined": 0, **left_out}
    newest = max((raw.file.stat().st_mtime for raw in acquired.files), default=None)
    stage_log.note_content(current_run(), stage_log.Content(rows, _labels(kept), newest))


def _labels(kept: Snapshot) -> dict[str, int]:
    """Rows by state (Format A), by environment (Format B) or by language (code)."""
    names = pq.read_schema(kept.file).names
    column = next(name for name in ("label", "environment", "language") if name in names)
    values = Counter(pq.read_table(kept.file, columns=[column])[column].to_pylist())
    return {format_a.STATES[value] if column == "label" else value: rows for value, rows in values.items()}
