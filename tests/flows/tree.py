"""Looking at what a run left: published bytes, task states."""

import hashlib
import time
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId


def published(root: Path) -> dict[str, str]:
    """Every published file below a data folder, by name, with the hash of its bytes."""
    files = [
        *(p for p in (root / "interim").iterdir() if p.is_file()),
        *(p for p in (root / "processed").rglob("*") if p.is_file()),
    ]
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.name != ".gitignore"
    }


def task_states(flow_run_id: Any) -> dict[str, set[str]]:
    """Task (its run's first word) -> names of the states its runs ended in, of a flow run and its subflows."""
    with get_client(sync_client=True) as client:
        children = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
        )
        runs = _ended(client, [flow_run_id, *(child.id for child in children)])
    states: dict[str, set[str]] = {}
    for run in runs:
        if run.state:
            task = run.name.split(" ")[0].removesuffix("-0")  # a subflow's own: ds1-alibaba-0
            states.setdefault(task, set()).add(run.state.name or "")
    return states


def _ended(client: Any, ids: list[Any]) -> list[Any]:
    """The task runs of flow runs, once the server, which learns of them by events, knows how each of them ended."""
    for _ in range(100):
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": ids}), limit=200)
        if runs and all(run.state and run.state.is_final() for run in runs):
            break
        time.sleep(0.2)
    return list(runs)


def task_counts(flow_run_id: Any) -> dict[str, int]:
    """Flow name -> task runs, of the subflows of a flow run."""
    with get_client(sync_client=True) as client:
        children = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
        )
        return {
            child.name: len(client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [child.id]}), limit=200))
            for child in children
        }
