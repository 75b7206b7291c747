"""`@pipeline("ds2-loghub")`: what every flow of ours has in common: a name, names of its runs, hooks, one start."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, flow
from prefect.context import FlowRunContext

from schemas.parameters import with_shared_parameters
from tasks.observe import hooks, run_names

P = ParamSpec("P")
R = TypeVar("R")


def pipeline(name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A flow called `name`, whose help and form explain the shared parameters too (schemas/parameters.py)."""

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        function.__doc__ = with_shared_parameters(function)
        return flow(name=name, flow_run_name=run_name, **HOOKS)(function)

    return decorate


def run_name() -> str:
    """Name of the running flow run: flow, mode, when it was due. A name that a person gave it stays.

    Prefect asks for it before the first state `Running`, and again when the run is retried.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow is None:
        raise RuntimeError("Prefect asks for a run's name as the run begins; there is no run here.")
    run = context.flow_run
    due = (run.expected_start_time or datetime.now(UTC)).astimezone(UTC)
    return run_names.run_name(run.name, context.flow.name, (context.parameters or {}).get("mode"), due)


HOOKS: dict[str, Any] = {
    "on_running": [hooks.alert_start, hooks.measure_start],
    "on_completion": [hooks.alert_success, hooks.measure_success],
    "on_failure": [hooks.alert_failure, hooks.measure_failure],
    "on_crashed": [hooks.alert_failure, hooks.measure_failure],
    "on_cancellation": [hooks.measure_stop],
}
