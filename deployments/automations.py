"""What the Prefect server does by itself: tell people what no process could tell, and end what nobody ends.

    failure nobody told    a run failed or crashed, and its own alert did not arrive    -> Slack
    not started            its time has come, and no worker takes it                    -> Slack
    nothing completed      a scheduled deployment has not completed for too long        -> Slack
    no heartbeat           a run's process is silent                                    -> Crashed (then told as above)
    stuck in Pending       a worker took it, and it never began                         -> Cancelled, and Slack

Anomalies and bias of the data need none: the flow tells them, and an error among them fails the run.
Only runs of a deployment count; a subflow's end is in its parent's message, and `python flows/x.py` has its terminal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from cronsim import CronSim
from prefect.client.schemas.objects import StateType
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.events import ResourceSpecification

from schemas.events import ALERT_DELIVERED
from schemas.settings import PROJECT

PREFIX = "automend: "
DEPLOYMENTS = PROJECT / "prefect.yaml"
FIRES = 400  # of a cron expression, among which the longest gap is looked for: more than a year of nights


@dataclass(frozen=True)
class Waits:
    """How long the server waits before it acts. A proactive trigger waits 10 s at least.

    `silence` is three heartbeats: every worker needs PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30. With Prefect's default of
    180 s, each run of more than 90 s would be taken for dead.
    """

    told: timedelta = timedelta(minutes=2)  # a worker tells of a killed run: 7 s, 68 s on a machine 20 times overloaded
    late: timedelta = timedelta(minutes=5)  # a run is Late 15 s after its time; workers ask every 15 s
    silence: timedelta = timedelta(seconds=90)
    pending: timedelta = timedelta(minutes=10)  # an image is pulled meanwhile
    beyond_schedule: timedelta = timedelta(hours=2)


def _states(*names: str) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


HEARTBEAT = "prefect.flow-run.heartbeat"
FAILED = _states("Failed", "Crashed", "TimedOut")
OVER = FAILED | _states("Completed", "Cancelled")
STOPPED = _states("Paused", "Suspended", "AwaitingRetry")  # alive, or at rest on purpose
TAKEN = OVER | _states("Pending", "Running", "Cancelling", "AwaitingConcurrencySlot")
BEGUN = OVER | STOPPED | {HEARTBEAT} | _states("Running", "Cancelling", "Scheduled", "AwaitingConcurrencySlot")

# Slack's three control characters as text, and no more of a message than a channel can bear.
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

    Without it, only those that act on a run are made. Nothing is applied here.
    """
    tell = _Teller(alert_block_id)
    every = [
        failure_nobody_told(tell, waits),
        not_started(tell, waits),
        *nothing_completed(tell, waits, periods(deployments)),
        no_heartbeat(waits),
        stuck_in_pending(tell, waits),
    ]
    return [automation for automation in every if automation.actions]


@dataclass(frozen=True)
class _Teller:
    """Makes the action that posts to Slack; none without a block."""

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
    """Fires when none of `expect` has come `within` so long `after` an event of the same run (or deployment)."""
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


def failure_nobody_told(tell: _Teller, waits: Waits) -> AutomationCore:
    return AutomationCore(
        name=f"{PREFIX}failure nobody told",
        description=(
            "A run's own alert tells Slack why it failed, and says so by the event alert.delivered. Where that does not"
            f" come within {_words(waits.told)} (the process was killed, Slack was away), the server tells it."
        ),
        trigger=absent(FAILED, {ALERT_DELIVERED}, waits.told),
        actions=tell(
            ":x: *Run {{ flow_run.state.name }}* · {{ safe(flow.name) }}\n"
            "`{{ safe(flow_run.name) }}`: {{ safe(flow_run.state.message or 'no reason given') }}" + RUN_LINK
        ),
    )


def not_started(tell: _Teller, waits: Waits) -> AutomationCore:
    return AutomationCore(
        name=f"{PREFIX}not started",
        description=(
            f"The time of a run has come, and {_words(waits.late)} after it was found Late no worker has taken it:"
            " is a worker of its pool alive (`prefect work-pool ls`), and has it room?"
        ),
        trigger=absent(_states("Late"), TAKEN, waits.late),
        actions=tell(
            f":hourglass: *Run not started* · {{{{ safe(flow.name) }}}}\n"
            f"`{{{{ safe(flow_run.name) }}}}` is late by {_words(waits.late)}, and no worker has taken it." + RUN_LINK
        ),
    )


def nothing_completed(tell: _Teller, waits: Waits, scheduled: Mapping[str, timedelta]) -> list[AutomationCore]:
    """A dead man's switch for each deployment with a schedule: counted from its last completed run, or its first try.

    It fires once, and again only after another try: a schedule that a person paused is told once.
    """
    return [_nothing_completed(tell, name, period + waits.beyond_schedule) for name, period in scheduled.items()]


def _nothing_completed(tell: _Teller, name: str, within: timedelta) -> AutomationCore:
    completed = _states("Completed")
    trigger = absent(
        completed | _states("Pending", "Late"),
        completed,
        within,
        each="related:deployment:prefect.resource.id",
        deployment={"prefect.resource.name": name},
    )
    return AutomationCore(
        name=f"{PREFIX}nothing completed, {name}",
        description=(
            f"No run of {name} has completed for {_words(within)}, its schedule's longest gap and some more: its data"
            " grow old, whatever the reason."
        ),
        trigger=trigger,
        actions=tell(
            f":skull: *Nothing completed* · {name}\nNo run of `{name}` has completed for {_words(within)}."
            + DEPLOYMENT_LINK
        ),
    )


def no_heartbeat(waits: Waits) -> AutomationCore:
    """It does not look out for Crashed, the state that it sets itself: on SQLite the two meet in one row, and the
    event was lost to the automation that tells it (measured: one of four). A run that crashed before keeps its state.
    """
    return AutomationCore(
        name=f"{PREFIX}no heartbeat",
        description=(
            f"A run whose process is silent for {_words(waits.silence)} is taken for dead and marked Crashed; that is"
            " then told as any crash. Workers need PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30."
        ),
        trigger=absent({HEARTBEAT}, {HEARTBEAT} | STOPPED | OVER - _states("Crashed"), waits.silence),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {_words(waits.silence)}: the process, its machine or the network is gone.",
            )
        ],
    )


def stuck_in_pending(tell: _Teller, waits: Waits) -> AutomationCore:
    """Cancelled at once, not Cancelling: that waits for a worker, which is most likely what is missing.

    A heartbeat is as good a proof that it began as Running: an overloaded SQLite loses an event (measured), not all.
    """
    reason = f"Pending for {_words(waits.pending)}: a worker took the run, and its process never began."
    return AutomationCore(
        name=f"{PREFIX}stuck in Pending",
        description=(
            f"A run that a worker took and that has not begun {_words(waits.pending)} later is cancelled, so that it"
            " does not hold the deployment's only slot; Slack is told."
        ),
        trigger=absent(_states("Pending"), BEGUN, waits.pending),
        actions=[
            ChangeFlowRunState(state=StateType.CANCELLED, message=reason),
            *tell(
                ":no_entry_sign: *Run cancelled* · {{ safe(flow.name) }}\n"
                f"`{{{{ safe(flow_run.name) }}}}` was {reason} Its schedule goes on; see the worker's log." + RUN_LINK
            ),
        ],
    )


def periods(deployments: Path) -> dict[str, timedelta]:
    """The longest gap between two scheduled runs, for each deployment of the file that has an active cron schedule."""
    listed: list[Mapping[str, Any]] = yaml.safe_load(deployments.read_text())["deployments"]
    crons = {
        deployment["name"]: [entry["cron"] for entry in deployment.get("schedules") or [] if _active(entry)]
        for deployment in listed
    }
    return {name: min(map(longest_gap, own)) for name, own in crons.items() if own}


def _active(schedule: Mapping[str, Any]) -> bool:
    return "cron" in schedule and schedule.get("active", True) is not False


def longest_gap(cron: str) -> timedelta:
    """Between two consecutive times of a cron expression."""
    times = islice(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)), FIRES)
    return max(later - earlier for earlier, later in pairwise(times))


def _words(time: timedelta) -> str:
    """`2 hours`, `10 minutes`, `90 s`: the largest unit that leaves no rest."""
    seconds = int(time.total_seconds())
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} s"
