"""Alerts: the seven kinds, the two files under many writers and after damage, and Slack at its worst over real HTTP."""

import json
import logging
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.webhook import WebhookClient

from tasks.engine import secrets
from tasks.engine.secrets import HIDDEN
from tasks.observe import alerts
from tasks.observe.alerts import Alert, deliver, make, record, slack_message
from tests.fakes.slack import PATH, REFUSE, SlackServer

# Pure tests bear `unit`; those with several processes, damaged files or a server bear `integration`.
pure, real = pytest.mark.unit, pytest.mark.integration

NOON = datetime(2026, 2, 24, 10, 15, 32, tzinfo=UTC)
SECRET = "https://hooks.slack.com/" + "services/T012AB/B034CD/xYz0123456789abcdefABCDE"


def failure(**details: Any) -> Alert:
    return make(
        "pipeline_failure",
        "ds1_alibaba",
        "Flow `ds1_alibaba` failed at `windows`.",
        details or {"failed_task": "windows", "error": "SourceError: batch_task.csv line 7"},
        url="http://127.0.0.1:4200/runs/flow-run/1",
        now=NOON,
    )


def history(logs: Path) -> list[dict[str, Any]]:
    return json.loads((logs / "alerts_history.json").read_text())


# ---- kinds


@pure
@pytest.mark.parametrize(
    ("kind", "details", "severity", "colour"),
    [
        ("pipeline_start", {}, "info", "#36a64f"),
        ("pipeline_success", {}, "info", "#36a64f"),
        ("pipeline_failure", {}, "critical", "#ff0000"),
        ("anomaly_detected", {"anomalies": 10}, "warning", "#ffcc00"),
        ("anomaly_detected", {"anomalies": 11}, "error", "#ff6600"),
        ("anomaly_detected", {"anomalies": ["x"] * 11}, "error", "#ff6600"),
        ("anomaly_detected", {"anomalies": "a text of many words"}, "warning", "#ffcc00"),
        ("anomaly_detected", {}, "warning", "#ffcc00"),
        ("validation_failure", {}, "error", "#ff6600"),
        ("bias_detected", {"level": "low"}, "warning", "#ffcc00"),
        ("bias_detected", {"level": "high"}, "error", "#ff6600"),
        ("data_quality", {}, "warning", "#ffcc00"),
    ],
)
def test_each_kind_has_the_documented_severity_and_colour(kind: Any, details: Any, severity: str, colour: str) -> None:
    alert = make(kind, "ds2_loghub", details=details)
    assert alert.severity == severity
    assert slack_message(alert)["attachments"][0]["color"] == colour
    assert "ds2_loghub" in alert.message


@pure
def test_every_kind_is_in_the_table_with_an_emoji_of_its_own() -> None:
    kinds = alerts.KINDS.values()
    assert set(alerts.KINDS) == set(alerts.KindName.__args__)
    assert len({kind.emoji for kind in kinds}) == len({kind.title for kind in kinds}) == 7


@pure
def test_time_is_utc_whatever_zone_it_came_in() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    alert = make("pipeline_start", "ds1_alibaba", now=there)
    assert alert.time.utcoffset() == timedelta(0)
    assert alerts.history_record(alert)["timestamp"] == "2026-02-24T10:15:32Z"
    assert abs(make("pipeline_start", "x").time - datetime.now(UTC)) < timedelta(seconds=5)


# ---- what it looks like


@pure
def test_slack_message_reads_like_the_documented_one() -> None:
    message = slack_message(failure())
    assert message["text"] == ":x: *Pipeline Failed* · ds1_alibaba"
    texts = [block.get("text", block.get("elements", [{}])[0]) for block in message["attachments"][0]["blocks"]]
    assert [text["text"] for text in texts] == [
        "Flow `ds1_alibaba` failed at `windows`.",
        ":gear: *Pipeline:* ds1_alibaba",
        "*failed_task:* windows\n*error:* SourceError: batch_task.csv line 7",
        ":clock1: 2026-02-24 10:15:32 UTC · CRITICAL · <http://127.0.0.1:4200/runs/flow-run/1|open the run>",
    ]


@pure
@pytest.mark.parametrize("details", [{}, {"one": "x" * 100_000}, {f"key {n}": "y" * 900 for n in range(500)}])
def test_slack_limits_are_kept_and_the_cut_is_told(details: dict[str, str]) -> None:
    alert = make("data_quality", "p", "<&>" * 5_000, details)
    blocks = slack_message(alert)["attachments"][0]["blocks"]
    texts = [element["text"] for block in blocks for element in block.get("elements", [block.get("text")])]
    assert len(blocks) <= 50
    assert max(map(len, texts)) <= 3_000
    assert "more characters)" in texts[0]
    assert bool(details) == any("more characters)" in t or "more details" in t for t in texts[1:])


@pure
def test_text_from_the_data_can_neither_mention_the_channel_nor_hide_a_link() -> None:
    message = json.dumps(slack_message(make("data_quality", "p", "<!channel> <http://evil|ok>", {"<@U1>": "<!here>"})))
    assert not any(control in message for control in ("<!", "<@", "<http"))
    assert "&lt;!channel&gt;" in message


@pure
def test_no_secret_leaves_by_any_door(tmp_path: Path) -> None:
    alert = make("pipeline_failure", "p", f"lost {SECRET}", {"error": {"deep": [SECRET]}, "password": "hunter2"})
    record(alert, tmp_path)
    written = "".join(path.read_text() for path in tmp_path.iterdir()) + json.dumps(slack_message(alert))
    assert "xYz0123456789" not in written
    assert "hunter2" not in written
    assert HIDDEN in written


# ---- files


@real
def test_record_writes_a_readable_line_and_the_documented_record(tmp_path: Path) -> None:
    assert record(failure(), tmp_path / "logs") is None
    assert (tmp_path / "logs" / "alerts.log").read_text() == (
        "2026-02-24 10:15:32 UTC | CRITICAL | pipeline_failure   | ds1_alibaba: Pipeline Failed: Flow `ds1_alibaba` "
        "failed at `windows`. | failed_task=windows error=SourceError: batch_task.csv line 7 | "
        "http://127.0.0.1:4200/runs/flow-run/1\n"
    )
    assert history(tmp_path / "logs") == [
        {
            "timestamp": "2026-02-24T10:15:32Z",
            "type": "pipeline_failure",
            "severity": "critical",
            "title": "Pipeline Failed",
            "message": "Flow `ds1_alibaba` failed at `windows`.",
            "pipeline": "ds1_alibaba",
            "details": {"failed_task": "windows", "error": "SourceError: batch_task.csv line 7"},
            "url": "http://127.0.0.1:4200/runs/flow-run/1",
        }
    ]


@real
def test_an_alert_is_one_line_and_json_whatever_its_details_hold(tmp_path: Path) -> None:
    odd = {"trace": "a\r\nb\n\nc", "path": Path("/x"), "nan": float("nan"), "set": {1}, "long": "z" * 9_000}
    assert record(make("data_quality", "p", "two\nlines", odd), tmp_path) is None
    assert (tmp_path / "alerts.log").read_text().count("\n") == 1
    details = history(tmp_path)[0]["details"]
    assert (details["path"], details["nan"], details["set"]) == ("/x", "nan", [1])
    assert len(details["long"]) <= 4_000


@real
def test_history_keeps_the_last_thousand_in_order(tmp_path: Path) -> None:
    before = [{"n": n} for n in range(1_000)]
    (tmp_path / "alerts_history.json").write_text(json.dumps(before))
    record(failure(), tmp_path)
    record(make("pipeline_start", "last", now=NOON), tmp_path)
    kept = history(tmp_path)
    assert len(kept) == 1_000
    assert kept[:998] == before[2:]
    assert [item["pipeline"] for item in kept[998:]] == ["ds1_alibaba", "last"]


def _write_many(logs: Path, writer: int, count: int) -> None:
    for number in range(count):
        record(make("data_quality", f"{writer}-{number}"), logs)


@real
def test_eight_processes_at_once_lose_no_alert(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write_many, args=(tmp_path, writer, 12)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    expected = {f"{writer}-{number}" for writer in range(8) for number in range(12)}
    assert {item["pipeline"] for item in history(tmp_path)} == expected
    assert len((tmp_path / "alerts.log").read_text().splitlines()) == len(expected)


@real
def test_a_writer_killed_at_any_moment_leaves_a_whole_history(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    for attempt in range(5):
        writer = fork.Process(target=_write_many, args=(tmp_path, attempt, 10_000))
        writer.start()
        time.sleep(0.05 + attempt * 0.013)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(10)
        assert record(make("data_quality", f"after {attempt}"), tmp_path) is None
        assert history(tmp_path)[-1]["pipeline"] == f"after {attempt}"
    assert not list(tmp_path.glob("*damaged*"))


@real
@pytest.mark.parametrize("damage", ['[{"type": "x"}, {"ty', "", '{"not": "a list"}', '["no record"]', "\udcff\udcfe["])
def test_a_damaged_history_is_set_aside_not_lost(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = damage.encode("utf-8", "surrogateescape")
    (tmp_path / "alerts_history.json").write_bytes(data)
    assert record(failure(), tmp_path) is None
    (aside,) = tmp_path.glob("alerts_history.damaged-*.json")
    assert aside.read_bytes() == data
    assert len(history(tmp_path)) == 1
    assert aside.name in caplog.text


@real
def test_an_alert_that_cannot_be_written_is_told_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    reason = record(failure(), tmp_path / "logs")
    assert "Pipeline Failed" in reason
    assert reason in caplog.text


# ---- Slack, over real HTTP with Slack's own client


def send(slack: SlackServer, **limits: float) -> tuple[str | None, float]:
    """The sentence, and the seconds it took."""
    start = time.monotonic()
    return deliver(WebhookClient(slack.url), failure(), **limits), time.monotonic() - start


@real
def test_slack_takes_the_alert_once() -> None:
    with SlackServer("ok") as slack:
        assert send(slack)[0] is None
    assert slack.messages == [slack_message(failure())]
    assert slack.requests == [("POST", PATH)]


@real
@pytest.mark.parametrize(
    ("script", "asked", "says"),
    [
        (["not_ok"], 1, 'answered 200 with a body that is not "ok".'),
        (["no_service"], 1, "answered with status 404 (no_service)."),
        (["redirect"], 1, "redirects elsewhere (status 302), which is not followed."),
        (["500"], 3, "answered with status 500."),
        (["cut"], 1, 'answered 200 with a body that is not "ok" (o).'),
        ([REFUSE], 0, "connection failed (ConnectionRefusedError"),
    ],
)
def test_a_refusal_is_a_sentence_without_the_address(
    script: list[str], asked: int, says: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SERVER_PAUSE_S", 0.01)
    with caplog.at_level(logging.DEBUG), SlackServer(*script) as slack:
        reason, seconds = send(slack)
    assert reason.startswith("Slack did not take the alert 'Pipeline Failed' of ds1_alibaba: ")
    assert says in reason
    assert slack.requests == [("POST", PATH)] * asked  # in particular no GET: the redirect went nowhere
    assert seconds < 3
    assert [entry.levelno for entry in caplog.records] == [logging.WARNING]
    assert slack.base not in caplog.text
    assert PATH not in caplog.text


@real
def test_a_server_error_that_passes_does_no_harm() -> None:
    with SlackServer("500", "ok") as slack:
        assert send(slack)[0] is None
    assert len(slack.messages) == 1


@real
def test_a_short_retry_after_is_waited_for() -> None:
    with SlackServer("429", "ok", retry_after="1") as slack:
        reason, seconds = send(slack)
    assert reason is None
    assert 1 <= seconds < 3
    assert len(slack.messages) == 1


@real
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("3600", "rate limited (status 429), to be asked again in 3600 s."),
        ("", "rate limited (status 429)."),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "rate limited (status 429)."),
        ("-1", "to be asked again in -1 s."),
        ("nan", "rate limited"),
    ],
)
def test_a_long_or_unreadable_retry_after_is_not_waited_for(asked: str, says: str) -> None:
    with SlackServer("429", retry_after=asked) as slack:
        reason, seconds = send(slack)
    assert says in reason
    assert seconds < 1
    assert len(slack.requests) == 1


@real
def test_a_retry_after_beyond_the_time_left_is_not_waited_for() -> None:
    with SlackServer("429", retry_after="2") as slack:
        reason, seconds = send(slack, total_s=1.5)
    assert "rate limited" in reason
    assert seconds < 1


@real
def test_a_server_that_hangs_costs_one_timeout() -> None:
    with SlackServer("hang") as slack:
        reason, seconds = send(slack, request_s=0.3)
    assert reason.endswith("it did not answer in time.")
    assert 0.3 <= seconds < 2
    assert len(slack.requests) == 1


@real
def test_a_server_that_drips_for_ever_costs_the_total_and_no_more() -> None:
    with SlackServer("drip") as slack:
        reason, seconds = send(slack, request_s=0.3, total_s=0.8)
    assert reason.endswith("it has not answered within 0.8 s.")
    assert 0.8 <= seconds < 2


@pure
def test_the_real_limits_are_within_what_a_run_may_lose() -> None:
    assert alerts.REQUEST_S <= 5
    assert alerts.TOTAL_S <= 15


@real
def test_the_address_is_hidden_from_then_on_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_REGISTRY", secrets._Registry())
    with SlackServer("ok") as slack:
        address = slack.base + "/blue-door"
        assert secrets.mask(address) == address
        deliver(WebhookClient(address), failure())
    assert secrets.mask(f"posting to {address}.") == f"posting to {HIDDEN}."


@real
@pytest.mark.parametrize("address", ["ftp://127.0.0.1/x", "nonsense", "http://127.0.0.1:1\n/services/T1/B1/x", ""])
def test_an_address_that_is_none_is_a_sentence_too(address: str) -> None:
    reason = deliver(WebhookClient(address), failure())
    assert "connection failed" in reason
    assert "services" not in reason


@real
def test_a_proxy_given_to_the_client_is_used() -> None:
    with SlackServer("ok") as proxy:
        client = WebhookClient("http://slack.invalid/services/T1/B1/x", proxy=proxy.base)
        assert deliver(client, failure()) is None
    assert proxy.requests == [("POST", "http://slack.invalid/services/T1/B1/x")]


@pure
def test_any_client_with_send_will_do_and_none_can_raise() -> None:
    answers = SimpleNamespace(send=lambda **_message: SimpleNamespace(status_code=200, body="ok", headers={}))
    assert deliver(answers, failure()) is None
    assert "AttributeError" in deliver(object(), failure())
