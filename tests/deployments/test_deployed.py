"""What the prefect file says, and what becomes of a schedule that a person touched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Running, Scheduled

from deployments import deployed, prefect_file, work_pools
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

NIGHTLY, HOURLY = CronSchedule(cron="0 3 * * *", timezone="UTC"), CronSchedule(cron="0 * * * *", timezone="UTC")


def in_file(**fields) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(**{"schedule": NIGHTLY, "active": True, "slug": "nightly", **fields})


def on_server(**fields) -> DeploymentSchedule:
    return DeploymentSchedule(id=uuid4(), **{"schedule": NIGHTLY, "active": True, "slug": "nightly", **fields})


def test_a_schedule_that_is_as_the_file_says_is_not_written() -> None:
    assert deployed.schedule_changes(in_file(), on_server()) == {}
    assert deployed.schedule_changes(in_file(active=False), on_server(active=False)) == {}


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("when", [NIGHTLY, HOURLY])
def test_no_change_of_the_file_ever_writes_that_a_schedule_is_active(wanted: bool, when: CronSchedule) -> None:
    for active in (True, False):
        changed = deployed.schedule_changes(in_file(active=wanted, schedule=when), on_server(active=active))
        assert changed.get("active") is not True
        assert (changed.get("active") is False) is (active and not wanted)
        assert changed.get("schedule") == (HOURLY if when == HOURLY else None)


def entry(**fields) -> dict:
    return {
        "name": "x",
        "entrypoint": "flows.track_a.track_a",
        "tags": ["automend"],
        "work_pool": {"name": "automend"},
        **fields,
    }


def written(folder: Path, *entries: dict) -> Path:
    path = folder / "prefect.yaml"
    path.write_text(yaml.safe_dump({"deployments": list(entries)}))
    return path


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"tags": ["other"]}, "needs the tag automend"),
        ({"work_pool": None}, "a work_pool with a name"),
        ({"schedules": [{"cron": "0 3 * * *"}]}, "a slug of its own"),
        ({"schedules": [{"cron": "0 3 * * *", "slug": "a"}, {"cron": "0 4 * * *", "slug": "a"}]}, "a slug of its own"),
        ({"schedules": [{"interval": 60, "slug": "a"}]}, "needs cron"),
        ({"description": "{{ $AUTOMEND_NOBODY_SET_THIS }}"}, "AUTOMEND_NOBODY_SET_THIS"),
    ],
)
def test_a_file_that_cannot_be_kept_in_step_is_refused_by_name(tmp_path: Path, broken: dict, says: str) -> None:
    with pytest.raises(prefect_file.BadFile, match=says):
        prefect_file.read(written(tmp_path, entry(**broken)))


def test_an_empty_file_does_not_empty_the_server(tmp_path: Path) -> None:
    with pytest.raises(prefect_file.BadFile, match="names no deployment"):
        prefect_file.read(written(tmp_path))
    (tmp_path / "prefect.yaml").write_text("")
    with pytest.raises(prefect_file.BadFile, match="names no deployment"):
        prefect_file.read(tmp_path / "prefect.yaml")


def test_the_environment_fills_its_marks_and_blocks_are_left_for_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AN_IMAGE", "automend:1")
    marks = {"image": "{{ $AN_IMAGE }}", "env": {"KEY": "{{ prefect.blocks.secret.automend-hf-token }}"}}
    (read,) = prefect_file.read(written(tmp_path, entry(work_pool={"name": "automend", "job_variables": marks})))
    assert read["work_pool"]["job_variables"] == {**marks, "image": "automend:1"}


@pytest.mark.parametrize("file", ["prefect.yaml", "prefect.prod.yaml"])
def test_the_projects_own_files_are_good_and_name_known_pools(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT / file).read_text()
    for mark in prefect_file.find_placeholders(text):
        if mark.name.startswith("$"):
            monkeypatch.setenv(mark.name[1:], "set")
    entries = prefect_file.read(PROJECT / file)
    assert set(prefect_file.pool_names(entries)) <= set(work_pools.TYPES)
    assert {entry["name"] for entry in entries} >= {"track-a", "track-b"}


def run(state, **fields) -> FlowRun:
    return FlowRun(flow_id=uuid4(), state=state, **fields)


def test_only_what_the_scheduler_will_make_again_may_go_with_its_pool() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    again = run(Scheduled(scheduled_time=later), auto_scheduled=True, next_scheduled_start_time=later)
    assert not work_pools.needed(again)
    assert work_pools.needed(run(Scheduled(scheduled_time=later), next_scheduled_start_time=later))  # a person's
    assert work_pools.needed(run(Running()))
    assert StateType.RUNNING in work_pools.UNFINISHED
