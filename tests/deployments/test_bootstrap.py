"""The bootstrap against a real server: twice, by two at once, after a person's hand, and after the files changed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments import work_pools
from deployments.bootstrap import command, faults, reason, refusal
from schemas.thresholds import VARIABLE, Ds3Stackoverflow, Thresholds
from tests.conftest import PROJECT
from tests.deployments.booted import FILE, boot, verb_of
from tests.servers import Platform, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployments")]

COMMAND = (sys.executable, "-m", "deployments.bootstrap")
POOL = "automend-extra"
TOKEN = "xoPlantedWebhookToken77"  # noqa: S105  what no output may hold
SECRETS = {
    "AUTOMEND_SLACK_WEBHOOK_URL": f"http://127.0.0.1:9/services/T0PLANTED0/B0PLANTED0/{TOKEN}",
    "GOOGLE_API_KEY": "AIzaPlantedGoogleKey000000000000000000077",
    "HF_TOKEN": "hf_PlantedHuggingFaceToken0077",
    "AUTOMEND_STACK_EXCHANGE_KEY": "PlantedStackExchangeKey77",
}
STORE = {"AUTOMEND_STORE": "s3://automend-planted/prefix"}


def filtered(platform: Platform, what: str, **body: Any) -> list[Any]:
    return platform.post(f"{what}/filter", body)


def counted(platform: Platform) -> dict[str, list[str]]:
    """Names of all there is on the server, sorted: what doubles is there twice."""
    deployments = filtered(platform, "deployments")
    named = {
        what: [thing["name"] for thing in filtered(platform, what)]
        for what in ("work_pools", "variables", "automations")
    }
    blocks = [f"{block['block_type']['slug']}/{block['name']}" for block in filtered(platform, "block_documents")]
    schedules = [schedule["slug"] for deployment in deployments for schedule in deployment["schedules"]]
    found = {**named, "blocks": blocks, "deployments": [each["name"] for each in deployments], "schedules": schedules}
    return {what: sorted(map(str, names)) for what, names in found.items()}


def deployment(platform: Platform, name: str) -> Any:
    return platform.get(f"deployments/name/{name}/{name}")


def automation(platform: Platform, name: str) -> dict[str, Any]:
    (found,) = [each for each in filtered(platform, "automations") if each["name"] == name]
    return found


def sent(automation: dict[str, Any]) -> dict[str, Any]:
    """An automation as the server takes it."""
    return {key: value for key, value in automation.items() if key not in {"id", "created", "updated"}}


def write(platform: Platform, method: str, path: str, body: Any = None) -> None:
    """Asks again where SQLite was busy, as Prefect's own client does."""
    wait_until(lambda: _answered(method, f"{platform.api}/{path}", body), 60, f"{method} {path}")


def _answered(method: str, url: str, body: Any) -> bool:
    answer = httpx.request(method, url, json=body, timeout=60)
    if answer.status_code != 503:
        answer.raise_for_status()
    return answer.status_code != 503


@pytest.fixture(scope="module")
def first(platform: Platform) -> Iterator[list["subprocess.CompletedProcess[str]"]]:
    """Two bootstraps at the same moment, as commands, with every secret set. Takes alerts back when all is tested."""
    env = {**platform.env, **SECRETS, **STORE}
    started = [
        subprocess.Popen(COMMAND, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [(process, *process.communicate(timeout=300)) for process in started]
    yield [subprocess.CompletedProcess(COMMAND, process.returncode, out, err) for process, out, err in ended]
    for block in filtered(platform, "block_documents"):  # no later run waits for a Slack that is not there
        if "alerts" in block["name"]:
            write(platform, "DELETE", f"block_documents/{block['id']}")
    for each in filtered(platform, "automations"):
        write(platform, "DELETE", f"automations/{each['id']}")


def test_two_bootstraps_at_once_make_everything_once(platform: Platform, first: Any) -> None:
    assert [told.returncode for told in first] == [0, 0], [told.stderr for told in first]
    found = counted(platform)
    for names in found.values():
        assert len(names) == len(set(names))
    assert {entry["name"] for entry in yaml.safe_load(FILE.read_text())["deployments"]} <= set(found["deployments"])
    assert set(found["schedules"]) == {"track-a-nightly", "track-b-nightly", "code-corpus-weekly"}
    assert {"automend"} <= set(found["work_pools"])
    assert set(found["blocks"]) >= {
        "slack-incoming-webhook/automend-alerts",
        "webhook/automend-alerts-server",
        "secret/automend-google-api-key",
        "secret/automend-hf-token",
        "secret/automend-stack-exchange-key",
        "remote-file-system/automend-results",
    }
    assert VARIABLE in found["variables"]
    assert "automend: no heartbeat" in found["automations"]


def test_a_second_run_finds_nothing_to_do_and_nothing_doubles(platform: Platform, first: Any) -> None:
    before = counted(platform)
    lines = boot(platform, **SECRETS, **STORE)
    assert {line.split()[0] for line in lines} == {"unchanged"}, "\n".join(lines)
    assert counted(platform) == before
    assert len(lines) > 20


def test_no_secret_is_told_or_kept_where_it_can_be_read(platform: Platform, first: Any) -> None:
    told = [part for run in first for part in (run.stdout, run.stderr)]
    events = platform.post("events/filter", {"filter": {"order": "DESC"}, "limit": 50})
    kept = [filtered(platform, what) for what in ("deployments", "automations", "variables", "block_documents")]
    shown = "\n".join([*told, json.dumps(events), json.dumps(kept), platform.log.read_text(errors="replace")])
    assert [secret for secret in (TOKEN, *SECRETS.values()) if secret in shown] == []
    assert "automend-alerts" in shown


def test_a_dry_run_says_what_would_be_and_changes_nothing(platform: Platform, first: Any, extended: Path) -> None:
    before = counted(platform)
    lines = boot(platform, extended, dry_run=True)
    assert [line.split("  ")[0] for line in lines if POOL in line] == ["would be created"]
    assert counted(platform) == before


@pytest.fixture
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """prefect.yaml with a deployment more, on a pool of its own, and a schedule more."""
    monkeypatch.setitem(work_pools.TYPES, POOL, ("process", "A test's."))
    document = yaml.safe_load(FILE.read_text())
    more = json.loads(json.dumps(document["deployments"][0]))  # a copy: YAML's anchors share their dictionaries
    extra = {**more, "name": "track-a-extra", "work_pool": {"name": POOL}, "schedules": []}
    hourly = {"slug": "track-a-hourly", "cron": "30 * * * *", "timezone": "UTC", "active": True}
    more = {**more, "schedules": [*more["schedules"], hourly]}
    path = tmp_path / "extended.yaml"
    path.write_text(yaml.safe_dump({"deployments": [more, *document["deployments"][1:], extra]}))
    return path


@pytest.fixture
def by_hand(platform: Platform, first: Any) -> Iterator[str]:
    """A person's schedule (its id is what the test gets), deployment, automation; and two automations too many."""
    track, like = deployment(platform, "track-a"), automation(platform, "automend: no heartbeat")
    weekly = {"schedule": {"cron": "0 5 * * 1", "timezone": "UTC"}, "active": False}
    (schedule,) = platform.post(f"deployments/{track['id']}/schedules", [weekly])
    flow = platform.post("deployments/", {"name": "track-a-by-hand", "flow_id": track["flow_id"], "tags": ["mine"]})
    names = ("automend: of last year", "mine", like["name"])
    made = [platform.post("automations/", {**sent(like), "name": name}) for name in names]
    yield schedule["id"]
    write(platform, "DELETE", f"deployments/{track['id']}/schedules/{schedule['id']}")
    write(platform, "DELETE", f"deployments/{flow['id']}")
    write(platform, "DELETE", f"automations/{made[1]['id']}")


def test_what_is_gone_from_the_files_is_removed_and_what_a_person_made_stays(
    platform: Platform, extended: Path, by_hand: str
) -> None:
    before = counted(platform)
    assert {"created"} == {line.split()[0] for line in boot(platform, extended) if "extra" in line or "hourly" in line}

    lines = boot(platform)

    gone = {
        "deployment track-a/track-a-extra",
        "schedule track-a/track-a track-a-hourly",
        f"work pool {POOL}",
    }
    assert {verb_of(lines, thing) for thing in gone} == {"removed"}
    left = sorted({name for name in before["automations"] if "last" not in name})  # and the double is gone
    assert counted(platform) == {**before, "automations": left}
    assert {"mine", "track-a-by-hand"} <= {name for names in counted(platform).values() for name in names}
    assert any(line.startswith("kept") and by_hand in line for line in lines)


def test_a_pool_on_which_a_run_has_not_ended_is_kept_until_it_has(
    platform: Platform, first: Any, extended: Path
) -> None:
    boot(platform, extended)
    extra = platform.get("deployments/name/track-a/track-a-extra")
    run = platform.post(f"deployments/{extra['id']}/create_flow_run", {"parameters": {"mode": "sample"}})
    state = f"flow_runs/{run['id']}/set_state"
    platform.post(state, {"force": True, "state": {"type": "RUNNING"}})
    lines = boot(platform)
    assert verb_of(lines, "deployment track-a/track-a-extra") == "removed"
    assert verb_of(lines, f"work pool {POOL}") == "kept"
    assert POOL in counted(platform)["work_pools"]
    platform.post(state, {"force": True, "state": {"type": "COMPLETED"}})
    assert verb_of(boot(platform), f"work pool {POOL}") == "removed"


def test_what_a_person_paused_stays_paused_even_when_the_file_changes_it(
    platform: Platform, first: Any, tmp_path: Path
) -> None:
    track = deployment(platform, "track-a")
    (nightly,) = track["schedules"]
    schedule = f"deployments/{track['id']}/schedules/{nightly['id']}"
    write(platform, "PATCH", schedule, {"active": False})
    write(platform, "POST", f"deployments/{track['id']}/pause_deployment")
    changed = tmp_path / "prefect.yaml"
    text = FILE.read_text().replace("Combines DS1", "Joins DS1")
    changed.write_text(text.replace('cron: "0 3 * * *"', 'cron: "0 2 * * *"'))

    lines = boot(platform, changed)

    told, other = deployment(platform, "track-a"), deployment(platform, "track-b")
    assert (told["paused"], told["schedules"][0]["active"]) == (True, False)
    assert told["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    assert told["description"].startswith("Joins DS1")
    assert (other["paused"], other["schedules"][0]["active"]) == (False, True)
    assert verb_of(lines, "schedule track-a/track-a track-a-nightly") == "updated"
    lines = boot(platform, changed)
    assert sum("paused on the server, stays paused" in line for line in lines) == 2
    write(platform, "PATCH", schedule, {"active": True})
    write(platform, "POST", f"deployments/{track['id']}/resume_deployment")
    boot(platform)
    assert deployment(platform, "track-a")["schedules"][0]["active"]


def test_an_automation_that_a_person_switched_off_stays_off_and_one_that_was_changed_is_mended(
    platform: Platform, first: Any
) -> None:
    off, edited = (automation(platform, f"automend: {name}") for name in ("no heartbeat", "stuck in Pending"))
    write(platform, "PATCH", f"automations/{off['id']}", {"enabled": False})
    write(platform, "PUT", f"automations/{edited['id']}", {**sent(edited), "description": "?"})
    lines = boot(platform)
    assert verb_of(lines, "automation automend: no heartbeat") == "unchanged"
    assert verb_of(lines, "automation automend: stuck in Pending") == "updated"
    assert not automation(platform, "automend: no heartbeat")["enabled"]
    assert automation(platform, "automend: stuck in Pending")["description"] == edited["description"]
    write(platform, "PATCH", f"automations/{off['id']}", {"enabled": True})


def test_a_persons_thresholds_survive_and_a_name_that_no_run_knows_is_told(platform: Platform, first: Any) -> None:
    agreed = Thresholds(ds3_stackoverflow=Ds3Stackoverflow(min_score=7))
    mine = {**agreed.model_dump(mode="json"), "min_scores": 8, "min_score": 7}
    write(platform, "PATCH", f"variables/name/{VARIABLE}", {"value": mine})
    line = next(line for line in boot(platform) if VARIABLE in line)
    assert line.startswith("unchanged")
    assert "min_scores" in line
    assert "min_score is now ds3_stackoverflow.min_score" in line
    assert platform.get(f"variables/name/{VARIABLE}")["value"] == mine
    write(platform, "PATCH", f"variables/name/{VARIABLE}", {"value": Thresholds().model_dump(mode="json")})


def test_a_secret_that_changed_is_saved_and_one_that_is_not_set_stays(platform: Platform, first: Any) -> None:
    lines = boot(platform, AUTOMEND_STACK_EXCHANGE_KEY="AnotherPlantedKey78")
    assert verb_of(lines, "block secret/automend-stack-exchange-key") == "updated"
    assert verb_of(lines, "block secret/automend-hf-token") == "unchanged"
    path = "block_types/slug/secret/block_documents/name/automend-{}?include_secrets=true"
    assert platform.get(path.format("stack-exchange-key"))["data"] == {"value": "AnotherPlantedKey78"}
    assert platform.get(path.format("hf-token"))["data"] == {"value": SECRETS["HF_TOKEN"]}


@pytest.mark.parametrize(
    ("url", "says"), [("http://127.0.0.1:1/api", "cannot be reached"), (None, "No Prefect server")]
)
def test_without_a_server_it_ends_with_a_sentence_and_not_with_a_server_of_its_own(url: str | None, says: str) -> None:
    with temporary_settings({PREFECT_API_URL: url}), pytest.raises(SystemExit, match=f"{says}.*make up") as refused:
        command(FILE)
    assert isinstance(refused.value.code, str)  # which exits with status 1
    assert "Traceback" not in refused.value.code


def test_thresholds_that_runs_refuse_are_named_with_their_place() -> None:
    assert faults(Thresholds().model_dump(mode="json")) == ""
    assert faults({"limits": {"nobody": 1}}).startswith("limits.nobody")
    assert "min_score" in faults({"min_score": "many"})


def test_a_refusal_of_the_server_never_repeats_what_was_sent() -> None:
    detail = {"loc": ["body", "data"], "msg": "not allowed", "input": TOKEN}
    body = {"exception_message": "Invalid request", "exception_detail": [detail], "request_body": {"url": TOKEN}}
    assert reason(httpx.Response(422, json=body)) == "body.data: not allowed"
    assert reason(httpx.Response(409, json={"detail": "Work pool not found."})) == "Work pool not found."
    assert "no reason" in reason(httpx.Response(500, text=f"<html>{TOKEN}"))


def test_a_server_that_wants_an_auth_string_is_told_as_such() -> None:
    answer = httpx.Response(401, request=httpx.Request("POST", "http://127.0.0.1/api/work_pools/filter"))
    assert "PREFECT_API_AUTH_STRING" in refusal(answer)
