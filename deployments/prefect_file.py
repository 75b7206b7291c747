"""prefect.yaml and prefect.prod.yaml: read, checked, and filled from the environment.

Fields mean what they mean to `prefect deploy --all`, with one difference: `{{ prefect.blocks.… }}` is left for the
worker, so that no secret is written into a deployment.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import NotRequired, TypedDict

import yaml
from cronsim import CronSim
from prefect.utilities.templating import PlaceholderType, apply_values, find_placeholders

from schemas.document import Document

TAG = "automend"  # on every deployment of ours: one that the file no longer names is removed
FIRES = 400  # times of a cron expression in which the longest gap is looked for: more than a year of nights


class Pool(TypedDict):
    """The work pool of an entry."""

    name: str
    work_queue_name: NotRequired[str]
    job_variables: NotRequired[Document]


class Overlap(TypedDict):
    """How many runs of a deployment may overlap, and what happens to one more."""

    limit: int
    collision_strategy: str


class Schedule(TypedDict, total=False):
    """When a deployment runs. `slug` is its name on the server."""

    slug: str
    cron: str
    timezone: str
    active: bool
    parameters: Document


class Entry(TypedDict):
    """One deployment of the file."""

    name: str
    entrypoint: str
    tags: list[str]
    work_pool: Pool
    description: NotRequired[str]
    schedules: NotRequired[list[Schedule]]
    parameters: NotRequired[Document]
    concurrency_limit: NotRequired[int | Overlap]
    enforce_parameter_schema: NotRequired[bool]
    paused: NotRequired[bool]
    pull: NotRequired[list[Document]]


class BadFile(ValueError):
    """A prefect file that cannot be deployed. Names the entry and what to write instead."""


def read(path: Path) -> list[Entry]:
    """The file's deployments, with `{{ $NAME }}` replaced from the environment. Raises BadFile."""
    if not path.is_file():
        raise BadFile(f"There is no file {path}: give --prefect-file an existing one, such as prefect.yaml.")
    entries = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("deployments")
    if not entries:
        raise BadFile(f"{path.name} names no deployment, so every one on the server would be removed. Nothing is done.")
    variables = {mark.name[1:] for mark in find_placeholders(entries) if mark.type is PlaceholderType.ENV_VAR}
    if missing := sorted(variables - set(os.environ)):
        raise BadFile(f"{path.name} needs {', '.join(missing)} in the environment: set it, then run again.")
    for entry in entries:
        require_what_bootstrap_needs(entry, path.name)
    filled: list[Entry] = apply_values(entries, {}, remove_notset=False)  # type: ignore[assignment]
    return filled


def require_what_bootstrap_needs(entry: Mapping[str, object], file: str) -> None:
    """Raise BadFile for an entry that could not be found again on the server."""
    name, pool, tags = entry.get("name"), entry.get("work_pool"), entry.get("tags")
    if not (name and entry.get("entrypoint") and isinstance(pool, Mapping) and pool.get("name")):
        raise BadFile(f"{file}: deployment {name} needs a name, an entrypoint and a work_pool with a name.")
    if not isinstance(tags, list) or TAG not in tags:
        raise BadFile(
            f"{file}: deployment {name} needs the tag {TAG}. The bootstrap removes a deployment with this tag once the"
            " file no longer names it."
        )
    schedules = entry.get("schedules")
    every = schedules if isinstance(schedules, list) else []
    slugs = {schedule.get("slug") for schedule in every if schedule.get("cron")}
    if None in slugs or len(slugs) < len(every):
        raise BadFile(f"{file}: each schedule of deployment {name} needs cron and a slug of its own.")


def pool_names(entries: Iterable[Entry]) -> list[str]:
    """Names of the work pools, each once, in the order of the file."""
    return list(dict.fromkeys(entry["work_pool"]["name"] for entry in entries))


def periods(file: Path) -> dict[str, timedelta]:
    """The longest gap between two scheduled runs, for each deployment that has an active cron schedule."""
    entries: list[Entry] = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    crons = {
        entry["name"]: [schedule["cron"] for schedule in entry.get("schedules") or [] if _is_active(schedule)]
        for entry in entries
    }
    return {name: min(map(longest_gap, own)) for name, own in crons.items() if own}


def _is_active(schedule: Schedule) -> bool:
    return "cron" in schedule and schedule.get("active", True) is not False


def longest_gap(cron: str) -> timedelta:
    """Between two consecutive times of a cron expression."""
    times = islice(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)), FIRES)
    return max(later - earlier for earlier, later in pairwise(times))
