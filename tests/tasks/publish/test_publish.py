"""Alerts through the real Slack block: whatever Slack does, the run goes on and the files hold the alert."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_slack import SlackWebhook

from tasks.observe import hooks
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds1_alibaba.source import SOURCE
from tasks.publish import publish as steps
from tasks.sources.acquire import Acquired
from tests.fakes.slack import PATH, REFUSE, SlackServer

pytestmark = [pytest.mark.integration, pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]


@pipeline("toy-flow")
def toy(data_dir: Path, fail: bool = False) -> str:
    hooks.alert("data_quality", "toy", data_dir, "three rows look odd", {"rows": 3})
    if fail:
        raise ValueError("no rows at all")
    return "done"


@pytest.fixture
def block() -> Iterator[None]:
    yield
    SlackWebhook.delete(hooks.SLACK_BLOCK)


def save(url: str) -> None:
    SlackWebhook(url=url).save(hooks.SLACK_BLOCK, overwrite=True)


def kinds(root: Path) -> list[str]:
    return [alert["type"] for alert in json.loads((root / "logs/alerts_history.json").read_text())]


def test_start_success_and_a_flows_own_alert_reach_slack_and_both_files(tmp_path: Path, block: None) -> None:
    with SlackServer("ok") as slack:
        save(slack.url)
        toy(tmp_path)
    assert kinds(tmp_path) == ["pipeline_start", "data_quality", "pipeline_success"]
    assert len(slack.messages) == 3
    assert (tmp_path / "logs/alerts.log").read_text().count("\n") == 3


def test_a_failure_is_told_with_its_reason(tmp_path: Path) -> None:
    state = toy(tmp_path, fail=True, return_state=True)
    assert state.is_failed()
    last = json.loads((tmp_path / "logs/alerts_history.json").read_text())[-1]
    assert (last["type"], last["severity"], last["message"]) == (
        "pipeline_failure",
        "critical",
        "ValueError: no rows at all",
    )


@pytest.mark.parametrize("mode", ["500", "429", "redirect", "not_ok", "hang", REFUSE])
def test_whatever_slack_does_the_run_completes_the_alert_is_in_the_files_and_no_log_holds_the_address(
    tmp_path: Path, block: None, caplog: pytest.LogCaptureFixture, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "SLACK_TIMEOUT_S", 1.5)
    caplog.set_level(logging.DEBUG)
    with SlackServer(mode) as slack:
        save(slack.url)
        assert toy(tmp_path) == "done"
    assert kinds(tmp_path) == ["pipeline_start", "data_quality", "pipeline_success"]
    texts = [caplog.text, *(p.read_text() for p in (tmp_path / "logs").rglob("*") if p.is_file())]
    assert not [text for text in texts if PATH in text]


def test_without_the_block_alerts_go_to_the_files_only(tmp_path: Path) -> None:
    assert toy(tmp_path) == "done"
    assert len(kinds(tmp_path)) == 3


def test_a_run_of_the_same_input_is_compared_with_what_that_input_was_compared_with(tmp_path: Path) -> None:
    """Parameters are the same if they are so in JSON: a manifest holds a tuple as a list."""
    acquired = Acquired(source=SOURCE, files=(), missing=(), unused={}, truth=None)
    old = {"inputs": {}, "parameters": {"tags": ["a"]}, "previous_rows": 7, "sequences": {"kept": 9}}
    (tmp_path / "processed/toy").mkdir(parents=True)
    (tmp_path / "processed/toy/manifest.json").write_text(json.dumps(old))
    assert steps.baseline(tmp_path, "toy", acquired, {"tags": ("a",)}) == 7
    assert steps.baseline(tmp_path, "toy", acquired, {"tags": ("b",)}) == 9
    assert steps.baseline(tmp_path, "new", acquired, {}) is None
