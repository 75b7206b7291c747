"""What happens when a run starts, succeeds, fails or is stopped: alerts to people, metrics to Prometheus.

Prefect calls these hooks in the run's own process, and, where that process is gone, in the worker's: each begins with
`start()`. A killed process calls none; the server's automations (deployments/automations.py) are for that.
"""

import functools
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.logging import get_logger
from prefect.utilities.urls import url_for

from schemas.run_report import RunReport
from schemas.settings import data_folder, settings
from tasks.engine import secrets, stage_log
from tasks.engine.runtime import start
from tasks.observe import alerts, events, metrics

SLACK_BLOCK = "automend-alerts"
NO_BLOCK = "Unable to find block document"  # how Prefect says it
SLACK_TIMEOUT_S = 10.0  # a run waits no longer for one alert


def alert(
    kind: alerts.KindName, pipeline: str, root: Path, message: str = "", details: Mapping[str, Any] | None = None
) -> None:
    """Tell people: always to the two files in the logs folder, and to Slack where the block exists. Never raises."""
    _send(alerts.make(kind, pipeline, message, details, url=_run_url()), root)


def _send(message: alerts.Alert, root: Path) -> bool:
    """Record an alert, and post it to Slack. True when Slack took it."""
    alerts.record(message, settings().logs_dir(root))
    client = _slack_client()
    return client is not None and alerts.deliver(client, message, total_s=SLACK_TIMEOUT_S) is None


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


Hook: TypeAlias = Callable[[Flow[..., Any], FlowRun, State[Any]], None]


def begins(hook: Hook) -> Hook:
    """A hook that begins its process first: a worker calls it in its own for a run whose process is gone."""

    @functools.wraps(hook)
    def begun(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
        start()
        hook(flow, flow_run, state)

    return begun


def _root(run: FlowRun) -> Path:
    """The data folder of a run: its parameter, else the setting."""
    given = run.parameters.get("data_dir")
    return data_folder(Path(given) if given else None)


@begins
def alert_start(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _send(alerts.make("pipeline_start", flow.name, "", details, url=url_for(run) or ""), _root(run))


@begins
def alert_success(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    details = {"mode": run.parameters.get("mode"), "run": run.name}
    _send(alerts.make("pipeline_success", flow.name, "", details, url=url_for(run) or ""), _root(run))


@begins
def alert_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's names of the parameters: where the flow's process is gone, a worker passes them by name."""
    message = (state.message or "").removeprefix("Flow run encountered an exception: ")
    link = url_for(flow_run) or ""
    failure = alerts.make("pipeline_failure", flow.name, message, {"run": flow_run.name}, url=link)
    if _send(failure, _root(flow_run)):
        events.emit_alert_delivered(flow_run, state)


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


def _update_metrics(flow: Flow[..., Any], run: FlowRun, change: Callable[[metrics.Samples], metrics.Samples]) -> None:
    metrics.update(flow.name, settings().logs_dir(_root(run)), change, settings().pushgateway_url)


@begins
def measure_start(flow: Flow[..., Any], run: FlowRun, _state: State[Any]) -> None:
    stage_log.begin(str(run.id))
    _update_metrics(flow, run, partial(metrics.started, pipeline=flow.name, machine=metrics.machine_usage(_root(run))))


@begins
def measure_success(flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
    """A track's rows are in what it returned; a dataset's are noted by assure."""
    report = _outcome(state)
    content = _measured_track(report) if isinstance(report, RunReport) else None
    if content:
        stage_log.note_content(str(run.id), content)
    noted, machine, now = stage_log.take(str(run.id)), metrics.machine_usage(_root(run)), time.time()
    _update_metrics(flow, run, partial(metrics.finished, pipeline=flow.name, run=noted, machine=machine, now=now))


@begins
def measure_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A crash too: where the run's process is gone, a worker calls this in its own, and only the state is known."""
    result = _outcome(state)
    error = type(result).__name__ if isinstance(result, BaseException) else state.name or state.type.value.title()
    noted, machine = stage_log.take(str(flow_run.id)), metrics.machine_usage(_root(flow_run))
    _update_metrics(
        flow, flow_run, partial(metrics.failed, pipeline=flow.name, run=noted, machine=machine, error=error)
    )


@begins
def measure_stop(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  given by name
    noted, machine = stage_log.take(str(flow_run.id)), metrics.machine_usage(_root(flow_run))
    _update_metrics(flow, flow_run, partial(metrics.stopped, pipeline=flow.name, run=noted, machine=machine))
