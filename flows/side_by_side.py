"""Run several flows at once, let all of them finish, then say which failed and why."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State

from schemas.finding import UserError
from schemas.published import Published


class DatasetsFailed(UserError):
    """At least one dataset of a track failed, so nothing combined is published."""


def side_by_side(
    children: Mapping[str, Callable[..., Any]], allow_missing: Collection[str] = ()
) -> tuple[dict[str, Published], dict[str, str]]:
    """Call every child with `return_state=True`, each in a thread with this run's context.

    Returns what was published and, for children in `allow_missing` only, why the others were not. Raises
    DatasetsFailed when another child failed or none is left, naming each with its reason, after all have ended.
    """
    unknown = sorted(set(allow_missing) - set(children))
    if unknown:
        raise ValueError(f"allow_missing names {', '.join(unknown)}; this track's datasets are {', '.join(children)}.")
    with ThreadPoolExecutor(len(children)) as pool:
        runs = {name: pool.submit(copy_context().run, child, return_state=True) for name, child in children.items()}
        states = {name: run.result() for name, run in runs.items()}
    published = {name: state.result() for name, state in states.items() if state.is_completed()}
    failed = {name: _reason(state) for name, state in states.items() if name not in published}
    _refuse(failed, allow_missing, bool(published))
    return published, failed


def _reason(state: State[Any]) -> str:
    """What a failed run said, without Prefect's wrapping."""
    error = state.result(raise_on_failure=False)
    return f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(state.message)


def _refuse(failed: Mapping[str, str], allow_missing: Collection[str], any_left: bool) -> None:
    for name, why in failed.items():
        get_run_logger().error("%s failed: %s", name, why)
    hard = [name for name in failed if name not in allow_missing or not any_left]
    if hard:
        named = " ".join(f"--allow-missing {name}" for name in failed)
        without = f" Or run without them, with the parameter allow_missing ({named})." if any_left else ""
        reasons = "\n".join(f"  {name}: {failed[name]}" for name in hard)
        raise DatasetsFailed(
            f"The track was not published, because {len(hard)} dataset(s) failed:\n{reasons}\n"
            f"Fix the cause and run again: what succeeded is cached.{without}"
        )
