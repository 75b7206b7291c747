"""Hooks of observe."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.events import Event, emit_event
from prefect.logging import get_logger
from prefect.utilities.urls import url_for

from schemas.events import ALERT_DELIVERED
from schemas.run_report import RunReport
from schemas.settings import settings
from tasks.engine import secrets, stage_log
from tasks.observe import alerts, metrics
from tasks.observe import run_names as names

SLACK_BLOCK = "automend-alerts"
NO_BLOCK = "Unable to find block document"  # how Prefect says it
SLACK_TIMEOUT_S = 10.0  # a run waits no longer for one alert


def alert(
    kind: alerts.KindName, pipeline: str, root: Path, message: str = "", details: Mapping[str, Any] | None = None
) -> None:
    """Tell people: always to the two files in the logs folder, and to Slack where the block exists. Never raises."""
    _tell(alerts.make(kind, pipeline, message, details, url=_run_url()), root)


def _tell(told: alerts.Alert, root: Path) -> bool:
    """True when Slack took it."""
    alerts.record(told, settings().logs_dir(root))
    client = _slack_client()
    return client is not None and alerts.deliver(client, told, total_s=SLACK_TIMEOUT_S) is None


def _run_url() -> str:
    """Address of the run in the Prefect UI, "" where no server with a UI is set."""
    context = FlowRunContext.get()
    return (url_for(context.flow_run) if context and context.flow_run else None) or ""


def _slack_client() -> Any:
    """The client of the block automend-alerts; None where there is no such block, or no server to ask for it."""
    from prefect_slack import SlackWebhook

    try:
        return SlackWebhook.load(SLACK_BLOCK).get_client(sync_client=True)
    except Exception as fault:  # noqa: BLE001  an alert never changes a run's outcome, whatever the server does
        if NO_BLOCK not in str(fault):  # without the block: log and files only, as documented
            get_logger(__name__).warning("The block %s cannot be loaded: %s", SLACK_BLOCK, secrets.mask(str(fault)))
        return None


def _emit(name: str, resource: dict[str, str], **more: Any) -> None:
    """Hand an event to Prefect's own thread, which sends it; a run neither waits for that nor fails of it."""
    try:
        emit_event(name, resource, **more)
    except Exception as fault:  # noqa: BLE001  whatever it is, the run goes on
        get_logger(__name__).warning("The event %s is not sent: %s", name, secrets.mask(str(fault)))


def run_name() -> str:
    """Name of the running flow run: what, of which data, when it was due; a name that a person gave it stays.

    Prefect asks for it before the first state `Running`, and again when the run is tried once more.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow is None:
        raise RuntimeError("A run is named by Prefect, as it begins; there is no run here.")
    run = context.flow_run
    due = (run.expected_start_time or datetime.now(UTC)).astimezone(UTC)
    return names.run_name(run.name, context.flow.name, (context.parameters or {}).get("mode"), due)


def _root(run: FlowRun) -> Path:
    """The data folder of a run: its parameter, else the setting."""
    return Path(run.parameters.get("data_dir") or settings().data_dir).resolve()


def alert_start(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _tell(alerts.make("pipeline_start", flow.name, "", details, url=url_for(run) or ""), _root(run))


def alert_success(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _tell(alerts.make("pipeline_success", flow.name, "", details, url=url_for(run) or ""), _root(run))


def alert_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's names of the parameters: where the flow's process is gone, a worker passes them by name."""
    message = (state.message or "").removeprefix("Flow run encountered an exception: ")
    link = url_for(flow_run) or ""
    told = alerts.make("pipeline_failure", flow.name, message, {"run": flow_run.name}, url=link)
    if _tell(told, _root(flow_run)):
        _emit_delivered(flow_run, state)


def _emit_delivered(run: FlowRun, state: State[Any]) -> None:
    """People know of this failure: the server's automation, which waits for this event, need not tell them.

    The event follows that of the state, whose id is the state's: however they arrive, the server takes them in order.
    """
    resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    deployment = {"prefect.resource.id": f"prefect.deployment.{run.deployment_id}"}
    _emit(
        ALERT_DELIVERED,
        resource,
        related=[{**deployment, "prefect.resource.role": "deployment"}] if run.deployment_id else [],
        follows=Event(id=state.id, occurred=state.timestamp, event=f"prefect.flow-run.{state.name}", resource=resource),
    )


def _measured_track(report: RunReport) -> stage_log.Content | None:
    """Rows and labels of a track's report: sequences or conversations that came, and what became of them."""
    ledger = report.combined
    if ledger is None:
        return None
    kept, dropped = ledger.kept, ledger.rows_dropped
    rows = {"in": kept + dropped, "kept": kept, "dropped": dropped, "quarantined": 0}
    return stage_log.Content(rows, report.labels)


def _outcome(state: State[Any]) -> Any:
    """What the run returned or raised; something else where its process is gone."""
    return getattr(state.data, "result", state.data)


def _tell_metrics(flow: Flow[..., Any], run: FlowRun, change: Callable[[metrics.Samples], metrics.Samples]) -> None:
    metrics.tell(flow.name, settings().logs_dir(_root(run)), change, settings().pushgateway_url)


def measure_start(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    stage_log.begin(str(run.id))
    _tell_metrics(flow, run, partial(metrics.started, pipeline=flow.name, machine=metrics.machine_usage(_root(run))))


def measure_success(flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    """A track's rows are in what it returned; a dataset's are noted by assure."""
    report = _outcome(state)
    content = _measured_track(report) if isinstance(report, RunReport) else None
    if content:
        stage_log.note_content(str(run.id), content)
    seen, machine, now = stage_log.take(str(run.id)), metrics.machine_usage(_root(run)), time.time()
    _tell_metrics(flow, run, partial(metrics.finished, pipeline=flow.name, run=seen, machine=machine, now=now))


def measure_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A crash too: where the run's process is gone, a worker calls this in its own, and only the state is known."""
    fault = _outcome(state)
    error = type(fault).__name__ if isinstance(fault, BaseException) else state.name or state.type.value.title()
    seen, machine = stage_log.take(str(flow_run.id)), metrics.machine_usage(_root(flow_run))
    _tell_metrics(flow, flow_run, partial(metrics.failed, pipeline=flow.name, run=seen, machine=machine, error=error))


def measure_stop(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  given by name
    seen, machine = stage_log.take(str(flow_run.id)), metrics.machine_usage(_root(flow_run))
    _tell_metrics(flow, flow_run, partial(metrics.stopped, pipeline=flow.name, run=seen, machine=machine))


# For `@flow(**ANNOUNCED)`: a name that says what ran; and hooks, which tell start, success and failure of every flow.
# Hooks run in the flow's own process; a killed process tells nothing, which is what the server's automations are for.
ANNOUNCED: dict[str, Any] = {
    "flow_run_name": run_name,
    "on_running": [alert_start, measure_start],
    "on_completion": [alert_success, measure_success],
    "on_failure": [alert_failure, measure_failure],
    "on_crashed": [alert_failure, measure_failure],
    "on_cancellation": [measure_stop],
}
