"""Automations: what the Prefect server does when no process of a run can act.

    failure without alert  a run failed or crashed, and its own alert did not reach Slack   -> message in Slack
    not started            a run is late, and no worker has taken it                        -> message in Slack
    nothing completed      a scheduled deployment has not completed for too long            -> message in Slack
    no heartbeat           a run's process is silent                                        -> Crashed, then as above
    stuck in Pending       a worker took a run, and the run never began                     -> Cancelled, and a message

Anomalies and bias of the data need no automation: the flow itself sends them, and an error among them fails the run.
Only runs of a deployment count. A subflow's end is in its parent's message; `python flows/x.py` has its terminal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.events import ResourceSpecification

from deployments.prefect_file import periods
from schemas.events import ALERT_DELIVERED
from schemas.settings import PROJECT

PREFIX = "automend: "
DEPLOYMENTS = PROJECT / "prefect.yaml"


@dataclass(frozen=True)
class Waits:
    """How long the server waits before it acts. A proactive trigger waits at least 10 s.

    `silence` is three heartbeats: every worker needs PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30. With Prefect's default of
    180 s, each run of more than 90 s would be marked Crashed.
    """

    own_alert: timedelta = timedelta(minutes=2)  # a worker reports a killed run: 7 s, 68 s under 20-fold load
    late: timedelta = timedelta(minutes=5)  # a run is Late 15 s after its time; workers ask every 15 s
    silence: timedelta = timedelta(seconds=90)
    pending: timedelta = timedelta(minutes=10)  # an image is pulled meanwhile
    beyond_schedule: timedelta = timedelta(hours=2)


def _run_states(*names: str) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


HEARTBEAT = "prefect.flow-run.heartbeat"
FAILED = _run_states("Failed", "Crashed", "TimedOut")
OVER = FAILED | _run_states("Completed", "Cancelled")
STOPPED = _run_states("Paused", "Suspended", "AwaitingRetry")  # alive, or at rest on purpose
TAKEN = OVER | _run_states("Pending", "Running", "Cancelling", "AwaitingConcurrencySlot")
BEGUN = OVER | STOPPED | {HEARTBEAT} | _run_states("Running", "Cancelling", "Scheduled", "AwaitingConcurrencySlot")

# Escapes Slack's three control characters, and cuts a message at a length that fits a channel.
_SAFE = (
    "{% macro safe(text) %}{{ (text | string | truncate(600))"
    " | replace('&', '&amp;') | replace('<', '&lt;') | replace('>', '&gt;') }}{% endmacro %}"
)
_LINK = "{% if {thing} and {thing} | ui_url %}\n<{{ {thing} | ui_url }}|{words}>{% endif %}"
RUN_LINK = _LINK.replace("{thing}", "flow_run").replace("{words}", "open the run")
DEPLOYMENT_LINK = _LINK.replace("{thing}", "deployment").replace("{words}", "open the deployment")


def automations(
    alert_block_id: UUID | None, waits: Waits = Waits(), deployments: Path = DEPLOYMENTS
) -> list[AutomationCore]:
    """All automations, each known by its name. `alert_block_id` is the Webhook block that posts to Slack.

    Without it, only those that change a run's state are made. Nothing is created on the server here.
    """
    slack = _SlackMessage(alert_block_id)
    every = [
        failure_without_alert(slack, waits),
        not_started(slack, waits),
        *nothing_completed(slack, waits, periods(deployments)),
        no_heartbeat(waits),
        stuck_in_pending(slack, waits),
    ]
    return [automation for automation in every if automation.actions]


@dataclass(frozen=True)
class _SlackMessage:
    """Makes the action that posts a message to Slack; no action without a block."""

    block: UUID | None

    def __call__(self, template: str) -> list[CallWebhook]:
        if self.block is None:
            return []
        text = f"{_SAFE}{{% set text %}}{template}{{% endset %}}"
        return [CallWebhook(block_document_id=self.block, payload=text + '{"text": {{ text | tojson }}}')]


def absent(
    after: Iterable[str],
    expect: Iterable[str],
    within: timedelta,
    *,
    each: str | None = "prefect.resource.id",
    deployment: Mapping[str, str] | None = None,
) -> EventTrigger:
    """Fires when none of `expect` arrives `within` so long `after` an event of the same run (or deployment)."""
    return EventTrigger(
        match=ResourceSpecification.model_validate({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification.model_validate(
            {"prefect.resource.role": "deployment", **(deployment or {})}
        ),
        after=set(after),
        expect=set(expect),
        for_each={each} if each else set(),
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def failure_without_alert(slack: _SlackMessage, waits: Waits) -> AutomationCore:
    return AutomationCore(
        name=f"{PREFIX}failure without alert",
        description=(
            "A failed run sends its own alert to Slack and then the event alert.delivered. If that event does not"
            f" arrive within {_duration(waits.own_alert)} (the process was killed, Slack was down), the server sends"
            " the alert."
        ),
        trigger=absent(FAILED, {ALERT_DELIVERED}, waits.own_alert),
        actions=slack(
            ":x: *Run {{ flow_run.state.name }}* · {{ safe(flow.name) }}\n"
            "`{{ safe(flow_run.name) }}`: {{ safe(flow_run.state.message or 'no reason given') }}" + RUN_LINK
        ),
    )


def not_started(slack: _SlackMessage, waits: Waits) -> AutomationCore:
    return AutomationCore(
        name=f"{PREFIX}not started",
        description=(
            f"No worker has taken a run {_duration(waits.late)} after it became Late. Check that a worker of its pool"
            " is alive (`prefect work-pool ls`) and has a free slot."
        ),
        trigger=absent(_run_states("Late"), TAKEN, waits.late),
        actions=slack(
            f":hourglass: *Run not started* · {{{{ safe(flow.name) }}}}\n"
            f"`{{{{ safe(flow_run.name) }}}}` is late by {_duration(waits.late)}, and no worker has taken it."
            + RUN_LINK
        ),
    )


def nothing_completed(slack: _SlackMessage, waits: Waits, scheduled: Mapping[str, timedelta]) -> list[AutomationCore]:
    """A dead man's switch for each deployment with a schedule: counted from its last completed run, or its first try.

    It fires once, and again only after another try: a schedule that a person paused is reported once.
    """
    return [_deployment_silent(slack, name, period + waits.beyond_schedule) for name, period in scheduled.items()]


def _deployment_silent(slack: _SlackMessage, name: str, within: timedelta) -> AutomationCore:
    completed = _run_states("Completed")
    trigger = absent(
        completed | _run_states("Pending", "Late"),
        completed,
        within,
        each="related:deployment:prefect.resource.id",
        deployment={"prefect.resource.name": name},
    )
    return AutomationCore(
        name=f"{PREFIX}nothing completed, {name}",
        description=(
            f"No run of {name} has completed for {_duration(within)}: the longest gap of its schedule plus a margin."
            " Its data are getting old."
        ),
        trigger=trigger,
        actions=slack(
            f":skull: *Nothing completed* · {name}\nNo run of `{name}` has completed for {_duration(within)}."
            + DEPLOYMENT_LINK
        ),
    )


def no_heartbeat(waits: Waits) -> AutomationCore:
    """Crashed is not among the states it waits for, because it sets that state itself: on SQLite the two meet in one
    row, and the event is lost to "failure without alert" (measured: one of four). A run that crashed before keeps its
    state.
    """
    return AutomationCore(
        name=f"{PREFIX}no heartbeat",
        description=(
            f"A run whose process is silent for {_duration(waits.silence)} is marked Crashed, and reported like any"
            " crash. Workers need PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30."
        ),
        trigger=absent({HEARTBEAT}, {HEARTBEAT} | STOPPED | OVER - _run_states("Crashed"), waits.silence),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {_duration(waits.silence)}: process, machine or network is down.",
            )
        ],
    )


def stuck_in_pending(slack: _SlackMessage, waits: Waits) -> AutomationCore:
    """Cancelled at once, not Cancelling: that state waits for a worker, which is probably missing.

    A heartbeat proves as well as Running that the run began: an overloaded SQLite loses an event (measured), not all.
    """
    reason = f"Pending for {_duration(waits.pending)}: a worker took the run, and its process never began."
    return AutomationCore(
        name=f"{PREFIX}stuck in Pending",
        description=(
            f"A run that a worker took and that has not begun {_duration(waits.pending)} later is cancelled, so that it"
            " does not block the next run of its deployment. Slack gets a message."
        ),
        trigger=absent(_run_states("Pending"), BEGUN, waits.pending),
        actions=[
            ChangeFlowRunState(state=StateType.CANCELLED, message=reason),
            *slack(
                ":no_entry_sign: *Run cancelled* · {{ safe(flow.name) }}\n"
                f"`{{{{ safe(flow_run.name) }}}}` was {reason} Its schedule continues; see the worker's log." + RUN_LINK
            ),
        ],
    )


def _duration(time: timedelta) -> str:
    """`2 hours`, `10 minutes`, `90 s`: in the largest unit that divides it."""
    seconds = int(time.total_seconds())
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} s"
