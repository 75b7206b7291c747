"""A flow's parameters as its command line: `python flows/<flow>.py --help`. One definition, three uses."""

import functools
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import cyclopts
from prefect import Flow
from prefect.settings import (
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from schemas.published import Published
from tasks.engine.runtime import start

# The server that a run without one starts for itself takes 10-20 s here; Prefect gives up at 20.
TIMEOUT_S = 120


def main(flow: Flow[..., Any], summary: Callable[[Any], list[str]]) -> None:
    """Run `flow` with sys.argv's parameters and print `summary(result)`; status 1 and a sentence when it fails."""
    start()

    @functools.wraps(flow.fn)
    def run(**parameters: Any) -> None:
        quiet = {
            PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: TIMEOUT_S,
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
        }
        with temporary_settings(updates=quiet):
            state = flow(**parameters, return_state=True)
        if not state.is_completed():
            sys.exit(_last_words(state.result(raise_on_failure=False)))
        print("\n".join(summary(state.result())))

    command = flow.name.replace("-", "_")
    several = cyclopts.Parameter(consume_multiple=True)  # --languages Python Java
    name = f"python flows/{command}.py"
    app = cyclopts.App(name=name, help=flow.description, version_flags=[], default_parameter=several)
    app.default(run)
    app()


def _last_words(error: Any) -> str:
    """The last words of a failed run."""
    return f"\n{type(error).__name__}: {error}"


def published_summary(published: Published) -> list[str]:
    """What a dataset's run made, for the terminal."""
    rows, sequences = published.manifest["rows"], published.manifest["sequences"]
    file = next(name for name in published.manifest["outputs"] if name.startswith(f"{published.stem}."))
    what = "conversations" if file.endswith(".jsonl") else "sequences"
    parts = (rows["dropped"], rows["quarantined"], sequences["dropped"], sequences["quarantined"])
    left_out = sum((Counter(part) for part in parts), Counter[str]())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(left_out.items())) or "none"
    return [
        "",
        f"{published.stem} ({published.mode}): {rows['in']:,} rows -> {sequences['kept']:,} {what}",
        f"  left out: {reasons}",
        f"  missing:  {', '.join(published.manifest['missing']) or 'nothing'}",
        f"  data:     {published.kept.root / 'interim' / file}",
        f"  reports:  {published.kept.root / 'processed' / published.stem}",
    ]
