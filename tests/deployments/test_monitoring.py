"""Prometheus, Pushgateway and Alertmanager run with our files: what a track tells arrives, and its failure calls."""

import inspect
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deployments.monitoring import dashboard, exporter
from schemas.limits import Limits
from schemas.metrics import BY_NAME, BY_SAMPLE, METRICS
from tasks.observe.metrics import JOB
from tests.conftest import PROJECT
from tests.fakes.slack import SlackServer
from tests.servers import Platform, answers, free_port, needs, running, wait_until

FOLDER = PROJECT / "deployments" / "monitoring"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
THEIRS = {"up", "push_time_seconds", "push_failure_time_seconds"}  # told by Prometheus and the Pushgateway themselves


# ---- files


@pytest.mark.unit
def test_the_committed_dashboard_is_the_generated_one() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), "python -m deployments.monitoring.dashboard"


@pytest.mark.unit
def test_a_panel_that_names_a_metric_nobody_tells_is_refused_by_name() -> None:
    wrong = replace(dashboard.PANELS[0], queries=(("sum(rate(pipeline_statuses[5m]))", ""),))
    with pytest.raises(dashboard.UnknownMetric, match=r"Pipeline Status.*pipeline_statuses"):
        dashboard.dashboard([wrong])


@pytest.mark.unit
def test_the_first_seven_panels_are_the_reference_documents() -> None:
    assert [panel["title"] for panel in dashboard.dashboard()["panels"][:7]] == [
        "Pipeline Status",
        "CPU Usage",
        "Memory Usage",
        "Disk Usage",
        "System Resources Over Time",
        "Data Volume Processed",
        "Pipeline Errors",
    ]


@pytest.mark.unit
def test_every_metric_is_seen_on_a_panel_and_no_two_panels_overlap() -> None:
    asked = {name for panel in dashboard.PANELS for query, _ in panel.queries for name in dashboard.metrics_of(query)}
    assert {BY_SAMPLE[name].name if name in BY_SAMPLE else name for name in asked} == set(BY_NAME)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard.dashboard()["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < dashboard.COLUMNS


@pytest.mark.unit
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_metrics_that_somebody_tells(rule: dict[str, Any]) -> None:
    assert dashboard.metrics_of(rule["expr"]) <= {*BY_NAME, *BY_SAMPLE, *THEIRS}


@pytest.mark.unit
def test_what_prometheus_records_is_what_the_list_says() -> None:
    recorded = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
    assert recorded == {metric.name: metric.expr for metric in METRICS if metric.kind == "recorded"}


@pytest.mark.unit
@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do_and_its_runbook_explains_it(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (PROJECT / page).read_text(encoding="utf-8")
    assert anchor in {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert f"`{rule['alert']}`" in text


@pytest.mark.unit
def test_each_alert_is_tried_by_a_rule_test_that_lets_it_fire() -> None:
    tests = yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in ALERTS}


@pytest.mark.unit
def test_the_quarantine_alert_calls_at_half_of_what_closes_the_gate() -> None:
    (rule,) = (rule for rule in ALERTS if rule["alert"] == "QuarantineHigh")
    assert float(rule["expr"].split(">")[1]) == Limits().quarantined / 2


@pytest.mark.unit
def test_grafana_reads_the_dashboard_from_the_source_that_it_names() -> None:
    provisioned = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text())
    assert [source["uid"] for source in provisioned["datasources"]] == [dashboard.SOURCE["uid"]]


@pytest.mark.unit
def test_no_file_holds_a_webhooks_address_or_a_password() -> None:
    for file in FOLDER.rglob("*.yml"):
        assert not re.search(r"hooks\.slack\.com|^ *(?:- )?(?:api_url|password): ", file.read_text(), re.MULTILINE), (
            file
        )


@pytest.mark.integration
@pytest.mark.parametrize(
    ("program", "package", "arguments"),
    [
        ("promtool", "prometheus", ["check", "config", "prometheus.yml"]),
        ("promtool", "prometheus", ["check", "rules", "rules.yml"]),
        ("promtool", "prometheus", ["test", "rules", "rules_test.yml"]),
        ("amtool", "prometheus-alertmanager", ["check-config", "alertmanager.yml"]),
    ],
    ids=lambda value: value[0] + "-" + value[1] if isinstance(value, list) else None,
)
def test_prometheus_own_tools_accept_our_files(program: str, package: str, arguments: list[str]) -> None:
    command = [needs(program, package), *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.unit
@pytest.mark.parametrize("moment", ["on_crashed", "on_cancellation"])
def test_hooks_that_a_worker_calls_take_what_it_passes_by_name(moment: str) -> None:
    """The run's process is gone then. A hook with other names fails there, and the pipeline stays `running`."""
    from tasks.observe.pipeline import HOOKS

    for hook in HOOKS[moment]:
        inspect.signature(hook).bind(flow=None, flow_run=None, state=None)


# ---- the real programs


@dataclass(frozen=True)
class Stack:
    """Addresses of the three programs, and the Slack stand-in that Alertmanager posts to."""

    prometheus: str
    pushgateway: str
    alertmanager: str
    slack: SlackServer

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers now; the test fails when it does not accept the expression."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=30).json()
        assert answer["status"] == "success", (expression, answer)
        return list(answer["data"]["result"])

    def value(self, expression: str) -> float | None:
        """The one value of an expression, None while there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def alerts(self) -> set[tuple[str, str]]:
        """(alert, pipeline) of what Alertmanager holds."""
        held = httpx.get(f"{self.alertmanager}/api/v2/alerts", timeout=30).json()
        return {(alert["labels"]["alertname"], alert["labels"].get("pipeline_name", "")) for alert in held}


def configured(name: str, folder: Path, changes: dict[str, str]) -> Path:
    """Our file with a test's ports and intervals in it; every change must have something to change."""
    text = (FOLDER / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} no longer says {old!r}"
        text = text.replace(old, new)
    (folder / name).write_text(text)
    return folder / name


@contextmanager
def stack(folder: Path, prefect: str) -> Iterator[Stack]:
    """Prometheus, Pushgateway, Alertmanager and an exporter with our files; `prefect` is the Prefect server's host."""
    programs = [
        needs("prometheus", "prometheus"),
        needs("prometheus-pushgateway", "prometheus-pushgateway"),
        needs("prometheus-alertmanager", "prometheus-alertmanager"),
    ]
    hosts = [f"127.0.0.1:{free_port()}" for _ in programs]
    machine = free_port()
    exporter.serve(machine, folder)
    with SlackServer("ok") as slack, ExitStack() as processes:
        (folder / "webhook").write_text(slack.url)
        (folder / "password").write_text("none")
        rules = configured("rules.yml", folder, {})
        told = configured(
            "prometheus.yml",
            folder,
            {
                "localhost:9090": hosts[0],
                "pushgateway:9091": hosts[1],
                "alertmanager:9093": hosts[2],
                "exporter:9101": f"127.0.0.1:{machine}",
                "server:4200": prefect,
                "scrape_interval: 15s": "scrape_interval: 1s",
                "evaluation_interval: 15s": "evaluation_interval: 1s",
                "/run/secrets/prefect_password": str(folder / "password"),
            },
        )
        assert rules.parent == told.parent  # prometheus.yml names it beside itself
        called = configured(
            "alertmanager.yml",
            folder,
            {"group_wait: 30s": "group_wait: 0s", "/run/secrets/slack_webhook_url": str(folder / "webhook")},
        )
        options = [
            [f"--config.file={told}", f"--storage.tsdb.path={folder / 'tsdb'}"],
            [f"--persistence.file={folder / 'pushed'}"],  # Debian's default is one file for the whole machine
            [f"--config.file={called}", f"--storage.path={folder / 'alerts'}", "--cluster.listen-address="],
        ]
        for program, host, own in zip(programs, hosts, options, strict=True):
            log = folder / f"{Path(program).name}.log"
            processes.enter_context(running([program, f"--web.listen-address={host}", *own], log))
        urls = [f"http://{host}" for host in hosts]
        wait_until(lambda: all(answers(f"{url}/-/ready") for url in urls), 60, "the monitoring's start")
        yield Stack(*urls, slack)


def run_track(platform: Platform, gateway: str, root: Path, *arguments: str) -> int:
    """`python flows/track_a.py` in a process of its own, as a worker would start it. Its exit status."""
    env = {**platform.env, "AUTOMEND_PUSHGATEWAY_URL": gateway, "AUTOMEND_DVC": "false"}
    command = [sys.executable, "flows/track_a.py", "--data-dir", str(root), "--scale", "0.05", *arguments]
    with (platform.home / "track.log").open("ab") as log:
        return subprocess.run(
            command, cwd=PROJECT, env=env, stdout=log, stderr=log, timeout=400, check=False
        ).returncode


@pytest.mark.e2e
@pytest.mark.xdist_group("deployments")
def test_a_track_that_succeeds_and_one_that_fails_are_seen_in_prometheus_and_the_failure_calls(
    platform: Platform, tmp_path: Path
) -> None:
    track, closed = 'pipeline_name="track-a"', ("--limits.quarantined", "0")
    with stack(tmp_path, platform.api.removeprefix("http://").removesuffix("/api")) as seen:
        status = f"pipeline_status{{{track}}}"
        begun = time.time()
        assert run_track(platform, seen.pushgateway, tmp_path / "data") == 0
        wait_until(lambda: seen.value(status) == 0, 120, "the success in Prometheus")
        succeeded = seen.value(f"pipeline_last_success_timestamp_seconds{{{track}}}")
        assert succeeded is not None
        assert begun < succeeded < time.time()
        rows = {row["metric"]["outcome"]: float(row["value"][1]) for row in seen.query(f"pipeline_rows{{{track}}}")}
        assert rows["in"] == rows["kept"] + rows["dropped"] + rows["quarantined"] > 0
        assert seen.alerts() == set()
        volume = seen.value("sum(data_volume_bytes_total)")

        assert run_track(platform, seen.pushgateway, tmp_path / "data", *closed) != 0
        wait_until(lambda: seen.value(status) == -1, 120, "the failure in Prometheus")
        counted = f'pipeline_errors_total{{{track},stage="flow",error_type="DatasetsFailed"}}'
        assert seen.value(counted) == 1
        assert seen.value(f'pipeline_processing_seconds_count{{{track},stage="flow"}}') == 2  # another process
        assert seen.value(f"pipeline_last_success_timestamp_seconds{{{track}}}") == succeeded
        assert (seen.value("sum(data_volume_bytes_total)") or 0) >= (volume or 0) > 0
        assert seen.value('sum(pipeline_cache_lookups_total{result="hit"})') != 0
        wait_until(lambda: ("PipelineFailed", "track-a") in seen.alerts(), 120, "the alert in Alertmanager")
        wait_until(lambda: "PipelineFailed" in json.dumps(seen.slack.messages), 120, "the message in Slack")

        every_panel_has_data(seen)
        assert seen.value(f'up{{job="pushgateway"}} and on() (count({{job="{JOB}"}}) > 0)') == 1


def every_panel_has_data(seen: Stack) -> None:
    for panel in dashboard.PANELS:
        for query, _ in panel.queries:
            found = seen.query(query.replace("$pipeline", ".*"))
            assert found or panel.events, (panel.title, query)
