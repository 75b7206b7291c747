"""Work pools: those that the prefect file names are made; ours that it does not name are removed when unused."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    WorkerFilter,
    WorkerFilterStatus,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool
from prefect.workers.base import BaseWorker

from deployments.plan import Step, differing
from schemas.document import Document

PREFIX = "automend"  # of our pools' names, and the tag of our deployments
TEMPLATES = Path(__file__).parent / "pools"  # <pool>.json: its base job template; without a file, the type's default
# The type of each pool, and the description above its list of runs in the UI.
TYPES = {
    "automend": ("process", "AutoMend's runs as processes of the worker: for one machine, and for tests."),
    "automend-docker": ("docker", "AutoMend's runs, each in its own container on the worker's Docker host."),
    "automend-kubernetes": ("kubernetes", "AutoMend's runs, each a Kubernetes job."),
}
UNFINISHED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


class UnknownPool(ValueError):
    """A prefect file names a pool whose type TYPES does not list."""


def steps(client: SyncPrefectClient, names: Iterable[str]) -> Iterator[Step]:
    """A step for each pool of the prefect file. Raises UnknownPool."""
    present = {pool.name: pool for pool in client.read_work_pools()}
    for name in names:
        if name not in TYPES:
            raise UnknownPool(
                f"The type of work pool {name} is not known. Known pools: {', '.join(TYPES)}. Add it to TYPES in"
                " deployments/work_pools.py."
            )
        yield _pool_step(client, name, present.get(name))


def _pool_step(client: SyncPrefectClient, name: str, pool: WorkPool | None) -> Step:
    kind, description = TYPES[name]
    thing = f"work pool {name}"
    if pool is None:
        template = template_of(name) or _default_template(kind)
        wanted = WorkPoolCreate(name=name, type=kind, description=description, base_job_template=template)
        return Step(thing, "created", kind, lambda: client.create_work_pool(wanted))
    if pool.type != kind:
        return Step(
            thing, "kept", f"its type is {pool.type}, not {kind}: `prefect work-pool delete {name}`, then run again"
        )
    template = template_of(name) or pool.base_job_template or _default_template(kind)
    wanted_fields = {"description": pool.description or description, "base_job_template": template}
    changed = differing(wanted_fields, pool.model_dump())
    if not changed:
        return Step(thing, "unchanged", "paused on the server, stays paused" if pool.is_paused else "")
    update = WorkPoolUpdate.model_validate({field: wanted_fields[field] for field in changed})
    return Step(thing, "updated", ", ".join(changed), lambda: client.update_work_pool(name, update))


def template_of(name: str) -> Document:
    """The base job template in the pool's file, {} without a file: then the worker's, or a person's, is used."""
    file = TEMPLATES / f"{name}.json"
    template: Document = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return template


def _default_template(kind: str) -> Document:
    """The template of the type's worker, {} where its package is not installed: the worker registers it later."""
    worker = BaseWorker.get_worker_class_from_type(kind)
    return worker.get_default_base_job_template() if worker else {}


def removal_steps(client: SyncPrefectClient, names: Iterable[str], file: str) -> Iterator[Step]:
    """A step for each pool of ours that the file does not name. Comes last: our deployments have moved by then."""
    wanted = set(names)
    for pool in client.read_work_pools():
        if pool.name.startswith(PREFIX) and pool.name not in wanted:
            yield _removal_step(client, pool.name, file)


def _removal_step(client: SyncPrefectClient, name: str, file: str) -> Step:
    use, thing = _current_use(client, name), f"work pool {name}"
    if use:
        return Step(thing, "kept", f"{file} does not name it, but {use}")
    return Step(thing, "removed", f"{file} does not name it", lambda: client.delete_work_pool(name))


def _current_use(client: SyncPrefectClient, name: str) -> str:
    """What still uses a pool, as half a sentence; "" when nothing does."""
    named = WorkPoolFilter(name=WorkPoolFilterName(any_=[name]))
    runs = client.read_flow_runs(work_pool_filter=named, flow_run_filter=_unfinished())
    if waiting := [run for run in runs if needed(run)]:
        return f"{len(waiting)} of its runs have not ended: run again after they end"
    users = client.read_deployments(work_pool_filter=named)
    if others := sorted(each.name for each in users if PREFIX not in each.tags):  # ours have moved, or will
        return f"deployments of others use it ({', '.join(others)})"
    online = WorkerFilter(status=WorkerFilterStatus(any_=["ONLINE"]))
    if client.read_workers_for_work_pool(name, worker_filter=online):
        return "a worker polls it: stop the worker, then run again after a minute"
    return ""


def _unfinished() -> FlowRunFilter:
    return FlowRunFilter.model_validate({"state": {"type": {"any_": UNFINISHED}}})


def needed(run: FlowRun) -> bool:
    """Whether an unfinished run would be lost with its pool. A run that the scheduler will plan again would not."""
    scheduled = run.state is not None and run.state.type == StateType.SCHEDULED
    again = scheduled and run.auto_scheduled and (run.next_scheduled_start_time or _now()) > _now()
    return not again


def _now() -> datetime:
    return datetime.now(UTC)
