"""Answers of Prefect's HTTP API, with the fields that this project reads. `make up` and `make doctor` ask without
Prefect's own client, whose import takes seconds.
"""

from typing import TypedDict


class PoolAnswer(TypedDict):
    """A work pool."""

    type: str
    is_paused: bool


class WorkerAnswer(TypedDict):
    """A worker of a pool."""

    name: str
    status: str
    last_heartbeat_time: str


class RunAnswer(TypedDict):
    """A flow run."""

    id: str
    name: str
    deployment_id: str
    auto_scheduled: bool
    expected_start_time: str


class ScheduleAnswer(TypedDict):
    """A schedule of a deployment."""

    active: bool


class DeploymentAnswer(TypedDict):
    """A deployment."""

    id: str
    name: str
    paused: bool
    schedules: list[ScheduleAnswer]


class AutomationAnswer(TypedDict):
    """An automation."""

    name: str
    enabled: bool


class VariableAnswer(TypedDict):
    """A variable. A person may have saved any JSON in it."""

    value: object
