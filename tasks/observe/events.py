"""Events on the Prefect server (schemas/events.py): what automations, and a person's own tools, may listen to."""

from collections.abc import Sequence
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import Event, emit_event
from prefect.logging import get_logger

from schemas.document import Document
from schemas.events import ALERT_DELIVERED, DataAnomaly, DataBias
from schemas.finding import Finding
from schemas.snapshot import Mode
from tasks.engine import secrets


def emit_findings(stem: str, mode: Mode, findings: Sequence[Finding], bias: Document) -> None:
    """The events data.anomaly and data.bias, where a check fails. Secrets are hidden."""
    checks = [Finding(**secrets.mask_values(finding.model_dump())) for finding in findings]
    report = secrets.mask_values({name: bias.get(name) or {} for name in ("severity", "findings", "limits")})
    for event in (DataAnomaly.of(stem, mode, checks), DataBias.of(stem, mode, report)):
        if event is not None:
            emit(event.NAME, event.resource, payload=event.payload())


def emit_alert_delivered(run: FlowRun, state: State[Any]) -> None:
    """People know of this failure: the server's automation, which waits for this event, need not alert them again.

    The event follows that of the state, whose id is the state's: however they arrive, the server orders them so.
    """
    resource = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    deployment = {"prefect.resource.id": f"prefect.deployment.{run.deployment_id}"}
    emit(
        ALERT_DELIVERED,
        resource,
        related=[{**deployment, "prefect.resource.role": "deployment"}] if run.deployment_id else [],
        follows=Event(id=state.id, occurred=state.timestamp, event=f"prefect.flow-run.{state.name}", resource=resource),
    )


def emit(name: str, resource: dict[str, str], **more: Any) -> None:
    """Hand an event to Prefect's own thread, which sends it. A run neither waits for that nor fails because of it."""
    try:
        emit_event(name, resource, **more)
    except Exception as error:  # noqa: BLE001  whatever it is, the run goes on
        get_logger(__name__).warning("The event %s is not sent: %s", name, secrets.mask(str(error)))
