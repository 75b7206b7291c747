"""Automations: laws that all of them keep, and what a real server does with them."""

import inspect
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events import AutomationCore
from prefect.exceptions import EventTooLarge
from prefect.states import Failed
from prefect.types import SecretDict
from prefect_slack import SlackWebhook
from slack_sdk.webhook import WebhookClient

from deployments.automations import DEPLOYMENTS, PREFIX, Waits, automations
from deployments.prefect_file import longest_gap, periods
from flows.ds1_alibaba import ds1_alibaba
from schemas.events import ALERT_DELIVERED, DataAnomaly, DataBias
from schemas.settings import settings
from tasks.observe import events, hooks
from tasks.observe.pipeline import HOOKS
from tests.conftest import PROJECT
from tests.deployments.watched import refusing
from tests.fakes.slack import REFUSE, SlackServer
from tests.servers import Platform, wait_until

BLOCK = uuid4()
ALL = automations(BLOCK)
SHORT = timedelta(seconds=10)  # a proactive trigger waits no less
TIMEOUT_S = 150  # for what takes 15 s on a quiet machine

law = pytest.mark.parametrize("automation", ALL, ids=lambda automation: automation.name)


# ---------------------------------------------------------------- laws


@pytest.mark.unit
@law
def test_every_automation_bears_our_prefix_and_a_description(automation: AutomationCore) -> None:
    assert automation.name.startswith(PREFIX)
    assert automation.name != PREFIX
    assert automation.description.endswith((".", "?"))
    assert automation.enabled


@pytest.mark.unit
@law
def test_every_trigger_matches_flow_runs_of_a_deployment_only(automation: AutomationCore) -> None:
    """Without `match` a trigger looks at every event of the server, and a subflow would double its parent."""
    trigger = automation.trigger.model_dump(mode="json")
    assert trigger["match"] == {"prefect.resource.id": "prefect.flow-run.*"}
    assert trigger["match_related"]["prefect.resource.role"] == "deployment"
    assert trigger["after"]
    assert trigger["expect"]
    assert trigger["for_each"]


@pytest.mark.unit
def test_one_lost_event_neither_cancels_a_live_run_nor_hides_a_crash() -> None:
    """An overloaded SQLite loses events: heartbeats prove that a run began, and Crashed concerns few automations."""
    expect = {automation.name: automation.trigger.expect for automation in ALL}
    assert {"prefect.flow-run.Running", "prefect.flow-run.heartbeat"} <= expect[f"{PREFIX}stuck in Pending"]
    assert "prefect.flow-run.Crashed" not in expect[f"{PREFIX}no heartbeat"]


@pytest.mark.unit
def test_no_two_automations_share_a_name() -> None:
    assert len({automation.name for automation in ALL}) == len(ALL)


@pytest.mark.unit
def test_every_deployment_with_a_schedule_has_a_dead_mans_switch_of_its_longest_gap() -> None:
    assert set(periods(DEPLOYMENTS)) == {"track-a", "track-b", "code-corpus"}
    within = {a.name: a.trigger.within for a in ALL if "nothing completed" in a.name}
    assert sorted(within.values()) == [timedelta(hours=26)] * 2 + [timedelta(days=7, hours=2)]


@pytest.mark.unit
def test_every_deployment_says_that_it_lives_three_times_before_it_is_taken_for_dead() -> None:
    """With Prefect's own 180 s between two heartbeats every run of more than 90 s would be crashed."""
    listed = yaml.safe_load(DEPLOYMENTS.read_text())["deployments"]
    beats = [d["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] for d in listed]
    assert {3 * timedelta(seconds=int(beat)) for beat in beats} == {Waits().silence}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("cron", "gap"),
    [
        ("0 3 * * *", timedelta(days=1)),
        ("*/10 * * * *", timedelta(minutes=10)),
        ("0 3 * * 1-5", timedelta(days=3)),
        ("0 0 1 * *", timedelta(days=31)),
    ],
)
def test_the_longest_gap_of_a_schedule_is_the_one_over_weekends_and_long_months(cron: str, gap: timedelta) -> None:
    assert longest_gap(cron) == gap


@pytest.mark.unit
def test_a_schedule_that_is_switched_off_in_the_file_is_not_missed(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    off = {"name": "off", "schedules": [{"cron": "0 3 * * *", "active": False}]}
    file.write_text(json.dumps({"deployments": [off, {"name": "none"}, {"name": "empty", "schedules": []}]}))
    assert periods(file) == {}


@pytest.mark.unit
def test_without_a_block_nothing_is_posted_and_what_acts_on_runs_remains() -> None:
    acting = automations(None)
    assert {automation.name for automation in acting} == {f"{PREFIX}no heartbeat", f"{PREFIX}stuck in Pending"}
    assert {action.type for automation in acting for action in automation.actions} == {"change-flow-run-state"}


def rendered(template: str, **context: Any) -> dict[str, Any]:
    """What the server would post: rendered by its own sandbox, read as the JSON it must be."""
    from prefect.server.events.jinja_filters import all_filters
    from prefect.server.utilities.user_templates import register_user_template_filters, render_user_template_sync

    register_user_template_filters(all_filters)
    told: dict[str, Any] = json.loads(render_user_template_sync(template, context))
    return told


TEMPLATES = [(a.name, action.payload) for a in ALL for action in a.actions if action.type == "call-webhook"]


@pytest.mark.unit
@pytest.mark.parametrize("template", [t for _, t in TEMPLATES], ids=[name for name, _ in TEMPLATES])
def test_every_message_is_json_whatever_stands_in_it_and_cannot_mention_a_channel(template: str) -> None:
    hostile = 'he said "no" <!channel> & \\ \n {{ 1 }} ' + "x" * 5_000
    state = {"name": "Crashed", "message": hostile}
    told = rendered(template, flow={"name": hostile}, flow_run={"name": hostile, "state": state})
    assert set(told) == {"text"}
    assert "<!channel>" not in told["text"]
    assert len(told["text"]) < 3_000


@pytest.mark.unit
@pytest.mark.parametrize("template", [t for _, t in TEMPLATES], ids=[name for name, _ in TEMPLATES])
def test_every_message_renders_when_the_server_knows_nothing_of_the_run_any_more(template: str) -> None:
    assert rendered(template)["text"].startswith(":")


# ---------------------------------------------------------------- what the flows emit


@pytest.mark.integration
@pytest.mark.parametrize(("mode", "told"), [("ok", 1), ("500", 0), ("not_ok", 0), (REFUSE, 0)])
def test_a_failure_counts_as_told_only_when_slack_took_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, told: int
) -> None:
    emitted: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(events, "emit_event", lambda name, resource, **more: emitted.append((name, resource)))
    monkeypatch.setattr(hooks, "SLACK_TIMEOUT_S", 2.0)
    run = FlowRun(flow_id=uuid4(), name="odd-otter", parameters={"data_dir": str(tmp_path)})
    with SlackServer(mode) as slack:
        monkeypatch.setattr(hooks, "_slack_client", lambda: WebhookClient(slack.url))
        hooks.alert_failure(refusing, run, Failed(message="no rows"))
    assert [(name, resource["prefect.resource.id"]) for name, resource in emitted] == [
        (ALERT_DELIVERED, f"prefect.flow-run.{run.id}")
    ] * told


@pytest.mark.unit
@pytest.mark.parametrize("hook", [*HOOKS["on_crashed"], *HOOKS["on_cancellation"]])
def test_a_hook_that_a_worker_calls_in_a_dead_runs_place_takes_its_arguments_by_prefects_names(hook: Any) -> None:
    """A flow's own process passes them by position, a worker by name: with others it logs a TypeError, and no alert."""
    assert list(inspect.signature(hook).parameters) == ["flow", "flow_run", "state"]


@pytest.mark.unit
def test_an_event_that_cannot_be_sent_is_logged_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_large(*_args: object, **_more: object) -> None:
        raise EventTooLarge(2_000_000, 1_500_000)

    monkeypatch.setattr(events, "emit_event", too_large)
    monkeypatch.setattr(events, "get_logger", logging.getLogger)  # Prefect's own does not propagate to the test
    events.emit("data.anomaly", {"prefect.resource.id": "automend.dataset.x"})
    assert "The event data.anomaly is not sent" in caplog.text


# ---------------------------------------------------------------- a real server


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[SyncPrefectClient]:
    with platform.here(), get_client(sync_client=True) as made:
        yield made


OWN_ALERT = timedelta(
    seconds=20
)  # a run sends its alert after 1 s, after more than 10 s on a machine 15 times overloaded
SHORT_WAITS = Waits(own_alert=OWN_ALERT, late=SHORT, pending=SHORT, beyond_schedule=SHORT - timedelta(minutes=1))
EVERY_MINUTE = {"deployments": [{"name": "refusing", "schedules": [{"cron": "* * * * *"}]}]}


@pytest.fixture(scope="module")
def slack(
    platform: Platform, client: SyncPrefectClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SlackServer]:
    """A Slack that both the flows' block and the server's automations post to, these with short waits."""
    file = tmp_path_factory.mktemp("deployments") / "prefect.yaml"
    file.write_text(json.dumps(EVERY_MINUTE))
    with SlackServer() as stand_in:
        SlackWebhook(url=stand_in.url).save("automend-alerts", overwrite=True)
        headers = SecretDict({"Content-Type": "application/json"})
        block = Webhook(method="POST", url=stand_in.url, headers=headers).save("automend-alerts-server", overwrite=True)
        made = [client.create_automation(automation) for automation in automations(block, SHORT_WAITS, file)]
        yield stand_in
        for automation in made:
            client.delete_automation(automation)
        SlackWebhook.delete("automend-alerts")
        Webhook.delete("automend-alerts-server")


def deploy(platform: Platform, name: str, pool: str | None) -> str:
    """Id of a deployment of the flow `refusing`; without a pool no worker takes its runs."""
    flow_id = platform.post("flows/", {"name": "refusing"})["id"]
    body = {
        "name": name,
        "flow_id": flow_id,
        "entrypoint": "tests.deployments.watched.refusing",
        "work_pool_name": pool,
        "pull_steps": [],
        "job_variables": {"env": {"PYTHONPATH": str(PROJECT)}},  # tests are no part of the installed project
    }
    return str(platform.post("deployments/", body)["id"])


def state_of(platform: Platform, run: str) -> str:
    return str(platform.get(f"flow_runs/{run}")["state"]["name"])


def events_of(platform: Platform, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.post("events/filter", {"filter": {"event": {"name": [name]}}})["events"]
    return found


def texts_about(slack: SlackServer, word: str) -> list[str]:
    return [text for text in map(json.dumps, slack.messages) if word in text]


@pytest.mark.e2e
@pytest.mark.xdist_group("deployments")
def test_what_was_applied_is_read_back_equal(platform: Platform, client: SyncPrefectClient) -> None:
    """Else the bootstrap would update it every time."""
    made = [client.create_automation(automation) for automation in ALL]
    try:
        for automation, automation_id in zip(ALL, made, strict=True):
            found = client.read_automation(automation_id)
            assert found is not None
            assert AutomationCore.model_validate(found.model_dump()).model_dump() == automation.model_dump()
    finally:
        for automation_id in made:
            client.delete_automation(automation_id)


@pytest.mark.e2e
@pytest.mark.xdist_group("deployments")
def test_each_failure_is_told_once_by_whoever_knows_it_and_what_is_stuck_or_late_is_found(
    platform: Platform, slack: SlackServer, tmp_path: Path
) -> None:
    """Side by side: a run fails by itself, one crashes unseen, one is stuck, one is late, and one ends well."""
    create = f"deployments/{deploy(platform, 'refusing', 'automend')}/create_flow_run"
    folder = {"parameters": {"data_dir": str(tmp_path)}}
    late = f"deployments/{deploy(platform, 'nobody-takes-it', None)}/create_flow_run"
    tardy = platform.post(late, {**folder, "name": "late-run"})["id"]
    failing = platform.post(create, {**folder, "name": "failing-run"})["id"]
    pending = {**folder, "state": {"type": "PENDING"}}
    crashed, stuck, fine = (
        platform.post(create, {**pending, "name": name})["id"] for name in ("crashed-run", "stuck-run", "fine-run")
    )
    crash = {"type": "CRASHED", "message": 'its "process" is gone'}
    platform.post(f"flow_runs/{crashed}/set_state", {"state": crash})
    platform.post(f"flow_runs/{fine}/set_state", {"state": {"type": "RUNNING"}})
    platform.post(f"flow_runs/{fine}/set_state", {"state": {"type": "COMPLETED"}})

    wait_until(lambda: state_of(platform, failing) == "Failed", TIMEOUT_S, "the failure")
    for what in (crashed, stuck, tardy, "No run of `refusing` has completed for 10 s"):
        wait_until(lambda what=what: texts_about(slack, what), TIMEOUT_S, f"the message about {what}")
    (delivered,) = wait_until(lambda: events_of(platform, ALERT_DELIVERED), TIMEOUT_S, "the event of the told failure")
    failed_at = datetime.fromisoformat(delivered["occurred"])
    told_again_by = failed_at + OWN_ALERT + timedelta(seconds=6)  # the server looks every 5 s
    time.sleep(max(0.0, (told_again_by - datetime.now(UTC)).total_seconds()))

    assert delivered["resource"]["prefect.resource.id"] == f"prefect.flow-run.{failing}"
    assert state_of(platform, stuck) == "Cancelled"
    assert state_of(platform, fine) == "Completed"
    told = {run: texts_about(slack, run) for run in (crashed, stuck, tardy, fine)}
    assert [len(texts) for texts in told.values()] == [1, 1, 1, 0]
    assert 'its \\"process\\" is gone' in told[crashed][0]
    assert f"/runs/flow-run/{crashed}|open the run" in told[crashed][0]
    (failure,) = [t for t in texts_about(slack, failing) if "Pipeline Failed" in t or "*Run Failed*" in t]
    assert "nothing to be found in" in failure


@pytest.mark.e2e
@pytest.mark.xdist_group("deployments")
def test_what_a_real_run_finds_odd_arrives_as_typed_events_of_its_dataset(
    platform: Platform, client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample's labels are nearly all Normal (bias), and the second run has half of the first one's rows."""
    monkeypatch.setenv("AUTOMEND_DVC", "false")
    settings.cache_clear()
    for scale in (0.1, 0.05):
        ds1_alibaba(data_dir=tmp_path, scale=scale)
    settings.cache_clear()
    wait_until(lambda: len(events_of(platform, DataBias.NAME)) == 2, TIMEOUT_S, "the events' arrival")
    wait_until(lambda: events_of(platform, DataAnomaly.NAME), TIMEOUT_S, "the events' arrival")
    (anomaly,), bias = events_of(platform, DataAnomaly.NAME), events_of(platform, DataBias.NAME)[0]
    assert anomaly["resource"]["prefect.resource.id"] == "automend.dataset.ds1_alibaba"
    assert {"flow-run", "flow"} <= {related["prefect.resource.role"] for related in anomaly["related"]}
    told = DataAnomaly.model_validate(anomaly["payload"])
    assert (told.stem, told.mode, told.broken) == ("ds1_alibaba", "sample", 1)
    assert told.findings[0].kind == "volume"
    assert told.findings[0].measured > told.findings[0].limit == 0.2
    assert "Normal" in DataBias.model_validate(bias["payload"]).findings[0]
