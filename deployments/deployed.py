"""Deployments and their schedules on the server, brought to what the prefect file says.

A schedule or a deployment that a person paused stays paused, without a moment in which it is active. What the file no
longer names is removed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyOptions, DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint

from deployments.plan import Step, differing, only_when_both
from deployments.prefect_file import TAG, Entry, Schedule
from schemas.document import Document

NOT_A_TIME = ("slug", "active", "parameters")  # the other keys of a schedule say when it runs


@dataclass(frozen=True)
class WantedDeployment:
    """A deployment of the file. `fields` are JSON, named as the server names them; `schedules` by slug."""

    flow: str
    name: str
    paused: bool
    fields: Document
    schedules: Mapping[str, DeploymentScheduleCreate]

    @property
    def full_name(self) -> str:
        return f"{self.flow}/{self.name}"


# ---------------------------------------------------------------- wanted


def wanted(entry: Entry) -> WantedDeployment:
    """An entry of the file together with its flow's name, version and parameters. Imports the flow."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    schedules = {schedule["slug"]: _wanted_schedule(schedule) for schedule in entry.get("schedules") or []}
    return WantedDeployment(flow.name, entry["name"], bool(entry.get("paused")), _wanted_fields(entry, flow), schedules)


def _wanted_schedule(schedule: Schedule) -> DeploymentScheduleCreate:
    when = {key: value for key, value in schedule.items() if key not in NOT_A_TIME}
    rest = {key: value for key, value in schedule.items() if key in NOT_A_TIME and value is not None}
    return DeploymentScheduleCreate.model_validate({"schedule": when, **rest})


def _wanted_fields(entry: Entry, flow: Flow[..., Any]) -> Document:
    pool = entry["work_pool"]
    fields = {
        "description": entry.get("description") or flow.description,
        "entrypoint": entry["entrypoint"],
        "version": flow.version,
        "tags": sorted(entry["tags"]),
        "work_pool_name": pool["name"],
        "job_variables": pool.get("job_variables") or {},
        "parameters": entry.get("parameters") or {},
        "parameter_openapi_schema": flow.parameters.model_dump(exclude_unset=True),
        "enforce_parameter_schema": entry.get("enforce_parameter_schema", True),
        "pull_steps": entry.get("pull") or [],
        **_concurrency(entry),
    }
    queue = pool.get("work_queue_name")
    return json.loads(json.dumps(fields | ({"work_queue_name": queue} if queue else {})))


def _concurrency(entry: Entry) -> Document:
    overlap = entry.get("concurrency_limit")
    if not isinstance(overlap, dict):
        return {"concurrency_limit": overlap, "concurrency_options": None}
    options = {"collision_strategy": overlap["collision_strategy"]}
    return {"concurrency_limit": overlap["limit"], "concurrency_options": options}


# ---------------------------------------------------------------- present


def present_fields(present: DeploymentResponse) -> Document:
    """A deployment of the server, in the form of `WantedDeployment.fields`."""
    limit, options = present.global_concurrency_limit, present.concurrency_options
    return {
        **present.model_dump(mode="json"),
        "tags": sorted(present.tags),
        "concurrency_limit": limit and limit.limit,
        "concurrency_options": options and {"collision_strategy": options.collision_strategy.value},
        "pull_steps": present.pull_steps or [],
    }


def steps(client: SyncPrefectClient, every: Iterable[WantedDeployment]) -> Iterator[Step]:
    """A step for each deployment of the file and for each of its schedules."""
    for each in every:
        present = _read_if_there(client, each.full_name)
        if present is None:
            yield Step(f"deployment {each.full_name}", "created", "", partial(_create, client, each))
            yield from (Step(_schedule_name(each.full_name, slug), "created") for slug in each.schedules)
        else:
            yield _deployment_step(client, each, present)
            yield from schedule_steps(client, each, present)


def _read_if_there(client: SyncPrefectClient, full_name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None


def _create(client: SyncPrefectClient, each: WantedDeployment) -> None:
    """Deployment and schedules in one request: there is no moment with half of it."""
    fields = dict(each.fields)
    options = fields.pop("concurrency_options")
    client.create_deployment(
        flow_id=client.create_flow_from_name(each.flow),
        name=each.name,
        paused=each.paused,
        schedules=list(each.schedules.values()),
        concurrency_options=options and ConcurrencyOptions.model_validate(options),
        **fields,
    )


def _deployment_step(client: SyncPrefectClient, each: WantedDeployment, present: DeploymentResponse) -> Step:
    thing, changed = f"deployment {each.full_name}", differing(each.fields, present_fields(present))
    changes: Document = {name: each.fields[name] for name in changed}
    if each.paused and not present.paused:
        changes["paused"] = True
    if not changes:
        return Step(thing, "unchanged", _paused_note(on_server=present.paused, in_file=each.paused))
    update = DeploymentUpdate.model_validate({"tags": each.fields["tags"], **changes})
    return Step(thing, "updated", ", ".join(changes), lambda: client.update_deployment(present.id, update))


def _paused_note(*, on_server: bool, in_file: bool) -> str:
    """Why something does not run although the file would let it run."""
    return "paused on the server, stays paused" if on_server and not in_file else ""


# ---------------------------------------------------------------- schedules


def _schedule_name(full_name: str, slug: str) -> str:
    return f"schedule {full_name} {slug}"


def schedule_steps(client: SyncPrefectClient, each: WantedDeployment, present: DeploymentResponse) -> Iterator[Step]:
    """A step for each schedule of the file and of the server.

    Each is updated alone and only in what differs: a switch that a person set is not even written.
    """
    by_slug = {schedule.slug: schedule for schedule in present.schedules if schedule.slug}
    for slug, schedule in each.schedules.items():
        yield _schedule_step(client, each.full_name, present.id, schedule, by_slug.get(slug))
    for other in present.schedules:
        if not other.slug:
            yield Step(_schedule_name(each.full_name, str(other.id)), "kept", "it has no slug: a person made it")
        elif other.slug not in each.schedules:
            remove = partial(client.delete_deployment_schedule, present.id, other.id)
            yield Step(_schedule_name(each.full_name, other.slug), "removed", "the file does not name it", remove)


def _schedule_step(
    client: SyncPrefectClient,
    full_name: str,
    deployment: UUID,
    wanted: DeploymentScheduleCreate,
    present: DeploymentSchedule | None,
) -> Step:
    thing = _schedule_name(full_name, wanted.slug or "")
    if present is None:
        return Step(thing, "created", "", lambda: client.create_deployment_schedules(deployment, [wanted]))
    changes = schedule_changes(wanted, present)
    if not changes:
        return Step(thing, "unchanged", _paused_note(on_server=not present.active, in_file=not wanted.active))
    update = partial(client.update_deployment_schedule, deployment, present.id, **changes)
    return Step(thing, "updated", ", ".join(changes), update)


def schedule_changes(wanted: DeploymentScheduleCreate, present: DeploymentSchedule) -> Document:
    """Fields of a schedule to write. `active` is among them only to switch off what the file switches off."""
    active = only_when_both(wanted.active, present.active)
    pairs = {
        "schedule": (wanted.schedule, present.schedule),
        "parameters": (wanted.parameters, present.parameters),
        "active": (active, present.active),
    }
    return {name: ours for name, (ours, theirs) in pairs.items() if ours != theirs}


# ---------------------------------------------------------------- removed from the file


def removal_steps(client: SyncPrefectClient, every: Iterable[WantedDeployment], file: str) -> Iterator[Step]:
    """A step for each deployment with our tag that the file does not name. Its present runs go on to their end."""
    names = {each.full_name for each in every}
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    for present in client.read_deployments(deployment_filter=ours):
        full_name = f"{client.read_flow(present.flow_id).name}/{present.name}"
        if full_name not in names:
            remove = partial(client.delete_deployment, present.id)
            yield Step(f"deployment {full_name}", "removed", f"{file} does not name it", remove)
