"""Deployments and their schedules: as the prefect file has them, but never switching on what a person switched off.

The file's fields mean what they mean to `prefect deploy --all`. Three things differ, each on purpose: a schedule or a
deployment that a person paused stays paused without a moment in which it is active; what the file no longer names is
removed; `{{ prefect.blocks.… }}` is left for the worker, so that no secret is written into a deployment.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyOptions, DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.templating import PlaceholderType, apply_values, find_placeholders

from deployments.plan import Step, differing, only_when_both

TAG = "automend"  # on every deployment of ours: one that the file does not name any more is removed
OF_A_SCHEDULE = ("slug", "active", "parameters")  # the other keys say when


class BadFile(ValueError):
    """A prefect file that cannot be deployed; says which entry, and what to write instead."""


@dataclass(frozen=True)
class Wanted:
    """A deployment of the file. `fields` are JSON, named as the server names them; `schedules` by slug."""

    flow: str
    name: str
    paused: bool
    fields: Mapping[str, Any]
    schedules: Mapping[str, DeploymentScheduleCreate]

    @property
    def full_name(self) -> str:
        return f"{self.flow}/{self.name}"


# ---------------------------------------------------------------- the file


def read(path: Path) -> list[dict[str, Any]]:
    """The file's deployments, `{{ $NAME }}` replaced from the environment. Raises BadFile."""
    if not path.is_file():
        raise BadFile(f"There is no {path}: give --prefect-file one that exists, such as prefect.yaml.")
    entries = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("deployments")
    if not entries:
        raise BadFile(f"{path.name} names no deployment: every one on the server would be removed. Nothing is done.")
    named = {mark.name[1:] for mark in find_placeholders(entries) if mark.type is PlaceholderType.ENV_VAR}
    if missing := sorted(named - set(os.environ)):
        raise BadFile(f"{path.name} needs {', '.join(missing)} in the environment: set it, then run again.")
    for entry in entries:
        _check(entry, path.name)
    filled: Any = apply_values(entries, {}, remove_notset=False)
    return list(filled)


def _check(entry: Mapping[str, Any], file: str) -> None:
    """Raise BadFile for what bootstrap could not keep its promises about."""
    name = entry.get("name")
    if not (name and entry.get("entrypoint") and (entry.get("work_pool") or {}).get("name")):
        raise BadFile(f"{file}: deployment {name} needs a name, an entrypoint and a work_pool with a name.")
    if TAG not in (entry.get("tags") or []):
        raise BadFile(
            f"{file}: deployment {name} needs the tag {TAG}: by it, it is known as ours once it is gone here."
        )
    schedules = entry.get("schedules") or []
    slugs = {schedule.get("slug") for schedule in schedules if schedule.get("cron")}
    if None in slugs or len(slugs) < len(schedules):
        raise BadFile(f"{file}: each schedule of deployment {name} needs cron, and a slug of its own to be found by.")


def pool_names(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the work pools, each once, in the order of the file."""
    return list(dict.fromkeys(entry["work_pool"]["name"] for entry in entries))


def wanted(entry: Mapping[str, Any]) -> Wanted:
    """A deployment of the file with what its flow says of itself. Imports the flow."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    schedules = {schedule["slug"]: _schedule(schedule) for schedule in entry.get("schedules") or []}
    return Wanted(flow.name, entry["name"], bool(entry.get("paused")), _fields(entry, flow), schedules)


def _schedule(entry: Mapping[str, Any]) -> DeploymentScheduleCreate:
    when = {key: value for key, value in entry.items() if key not in OF_A_SCHEDULE}
    rest = {key: entry[key] for key in OF_A_SCHEDULE if entry.get(key) is not None}
    return DeploymentScheduleCreate.model_validate({"schedule": when, **rest})


def _fields(entry: Mapping[str, Any], flow: Flow[..., Any]) -> dict[str, Any]:
    pool, overlap = entry["work_pool"], entry.get("concurrency_limit")
    limit, strategy = (
        (overlap["limit"], overlap["collision_strategy"]) if isinstance(overlap, dict) else (overlap, None)
    )
    fields = {
        "description": entry.get("description") or flow.description,
        "entrypoint": entry["entrypoint"],
        "version": flow.version,
        "tags": sorted(entry.get("tags") or []),
        "work_pool_name": pool["name"],
        "job_variables": pool.get("job_variables") or {},
        "parameters": entry.get("parameters") or {},
        "parameter_openapi_schema": flow.parameters.model_dump(exclude_unset=True),
        "enforce_parameter_schema": entry.get("enforce_parameter_schema", True),
        "concurrency_limit": limit,
        "concurrency_options": strategy and {"collision_strategy": strategy},
        "pull_steps": entry.get("pull") or [],
    }
    queue = pool.get("work_queue_name")
    return json.loads(json.dumps(fields | ({"work_queue_name": queue} if queue else {})))


# ---------------------------------------------------------------- the server


def present_fields(found: DeploymentResponse) -> dict[str, Any]:
    """A deployment of the server, in the form of `Wanted.fields`."""
    limit, options = found.global_concurrency_limit, found.concurrency_options
    return {
        **found.model_dump(mode="json"),
        "tags": sorted(found.tags),
        "concurrency_limit": limit and limit.limit,
        "concurrency_options": options and {"collision_strategy": options.collision_strategy.value},
        "pull_steps": found.pull_steps or [],
    }


def made(client: SyncPrefectClient, every: Iterable[Wanted]) -> Iterator[Step]:
    """A step for each deployment of the file and for each of its schedules."""
    for each in every:
        found = _found(client, each.full_name)
        if found is None:
            yield Step(f"deployment {each.full_name}", "created", "", partial(_create, client, each))
            yield from (Step(_thing(each.full_name, slug), "created") for slug in each.schedules)
        else:
            yield _step(client, each, found)
            yield from schedule_steps(client, each, found)


def _found(client: SyncPrefectClient, full_name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None


def _create(client: SyncPrefectClient, each: Wanted) -> None:
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


def _step(client: SyncPrefectClient, each: Wanted, found: DeploymentResponse) -> Step:
    thing, changed = f"deployment {each.full_name}", differing(each.fields, present_fields(found))
    update: dict[str, Any] = {name: each.fields[name] for name in changed}
    if each.paused and not found.paused:
        update["paused"] = True
    if not update:
        return Step(thing, "unchanged", _paused(on_server=found.paused, in_file=each.paused))
    told = DeploymentUpdate.model_validate({"tags": each.fields["tags"], **update})
    return Step(thing, "updated", ", ".join(update), lambda: client.update_deployment(found.id, told))


def _paused(*, on_server: bool, in_file: bool) -> str:
    """Why something does not run, where the file alone does not say it."""
    return "paused on the server, and left so" if on_server and not in_file else ""


# ---------------------------------------------------------------- schedules


def _thing(full_name: str, slug: str) -> str:
    return f"schedule {full_name} {slug}"


def schedule_steps(client: SyncPrefectClient, each: Wanted, found: DeploymentResponse) -> Iterator[Step]:
    """A step for each schedule of the file and of the server.

    Each is changed alone and only in what differs: a switch that a person set is not even written.
    """
    present = {schedule.slug: schedule for schedule in found.schedules if schedule.slug}
    for slug, schedule in each.schedules.items():
        yield _schedule_step(client, each.full_name, found.id, schedule, present.get(slug))
    for other in found.schedules:
        if not other.slug:
            yield Step(_thing(each.full_name, str(other.id)), "kept", "it has no slug: a person made it")
        elif other.slug not in each.schedules:
            remove = partial(client.delete_deployment_schedule, found.id, other.id)
            yield Step(_thing(each.full_name, other.slug), "removed", "the file does not name it", remove)


def _schedule_step(
    client: SyncPrefectClient,
    full_name: str,
    deployment: UUID,
    wanted: DeploymentScheduleCreate,
    present: DeploymentSchedule | None,
) -> Step:
    thing = _thing(full_name, wanted.slug or "")
    if present is None:
        return Step(thing, "created", "", lambda: client.create_deployment_schedules(deployment, [wanted]))
    changed = schedule_changes(wanted, present)
    if not changed:
        return Step(thing, "unchanged", _paused(on_server=not present.active, in_file=not wanted.active))
    update = partial(client.update_deployment_schedule, deployment, present.id, **changed)
    return Step(thing, "updated", ", ".join(changed), update)


def schedule_changes(wanted: DeploymentScheduleCreate, present: DeploymentSchedule) -> dict[str, Any]:
    """Fields of a schedule to be written. `active` is among them only to switch off what the file switches off."""
    active = only_when_both(wanted.active, present.active)
    pairs = {
        "schedule": (wanted.schedule, present.schedule),
        "parameters": (wanted.parameters, present.parameters),
        "active": (active, present.active),
    }
    return {name: ours for name, (ours, theirs) in pairs.items() if ours != theirs}


# ---------------------------------------------------------------- what is gone


def gone(client: SyncPrefectClient, every: Iterable[Wanted], file: str) -> Iterator[Step]:
    """A step for each deployment with our tag that the file does not name. What it runs now runs to its end."""
    names = {each.full_name for each in every}
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    for found in client.read_deployments(deployment_filter=ours):
        full_name = f"{client.read_flow(found.flow_id).name}/{found.name}"
        if full_name not in names:
            remove = partial(client.delete_deployment, found.id)
            yield Step(f"deployment {full_name}", "removed", f"{file} does not name it", remove)
