"""The one bridge from pure functions to Prefect: `derive` for tables in memory; beyond it, `derive_batches` for what
looks at one row after the other, and `derive_scan` for what looks at all of them.

All are cached by content (see tasks/engine/caching.py), write immutable snapshots, and make a lost or altered one
again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from prefect import task
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

from schemas.reject import REJECT_COLUMNS
from schemas.snapshot import Snapshot
from tasks.engine import caching, progress, shards, stage_log, store
from tasks.engine import snapshots as tables

Decode = Callable[[Path, str], Iterator[pa.Table]]


def cached(
    name: str,
    run: Callable[..., list[Snapshot]],
    key: str,
    root: Path,
    options: Mapping[str, Any] | None = None,
    of: str = "",
    **inputs: Any,
) -> tuple[Snapshot, ...]:
    """Run `run(root=root, **inputs)` as a task, or take its result of an earlier run with the same key.

    A remembered snapshot whose file is missing or altered is taken from the store (tasks/engine/store.py), or made
    again. `options` are Prefect's, such as retries. In the UI the run is called by `name`, and `of`: what it is done
    to.
    """
    remembered: dict[str, Any] = {"persist_result": True, "result_serializer": "json"}
    remembered["task_run_name"] = f"{name} {of}".strip()
    step = task(name=name, cache_key_fn=lambda _context, _inputs: key, **remembered, **(options or {}))(run)
    with stage_log.stage(current_run(), name) as noted:
        state = step(root=root, return_state=True, **inputs)
        made = _rebased(state.result(), root)
        faults = [fault for snapshot in made if (fault := store.fetch(snapshot))]
        if faults:
            get_run_logger().warning("%s %s runs again.", " ".join(faults), name)
            made = _rebased(step.with_options(refresh_cache=True)(root=root, **inputs), root)
        for snapshot in made:
            store.keep(snapshot, anew=bool(faults))
        noted.hit = state.name == "Cached" and not faults
        noted.files = tuple(snapshot.path.as_posix() for snapshot in made)
        noted.written = 0 if noted.hit else sum(snapshot.file.stat().st_size for snapshot in made)
    return made


def current_run() -> str:
    """Id of the flow run that this code belongs to, "" outside of one."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else ""


def _rebased(made: list[Snapshot], root: Path) -> tuple[Snapshot, ...]:
    """The same snapshots below this run's data folder: the key knows content, not places."""
    return tuple(snapshot.model_copy(update={"root": root}) for snapshot in made)


def derive(fn: Callable[..., Any], *snapshots: Snapshot, into: str | None = None, **parameters: Any) -> Any:
    """Tables in, table out: read each snapshot, call `fn(*tables, **parameters)`, write what it returns.

    A returned tuple gives one snapshot each, anything else gives one. They lie in `interim/<into>/`, by default beside
    the first input's. Raises what `fn` raises.
    """
    return _derived(fn, snapshots, into, tables.read, parameters)


def derive_scan(fn: Callable[..., Any], *snapshots: Snapshot, into: str | None = None, **parameters: Any) -> Any:
    """`derive` for tables larger than memory whose rows must be seen together.

    `fn` gets each as a schemas.snapshot.Scan, and may return an iterator of tables in place of a table.
    """
    return _derived(fn, snapshots, into, tables.ParquetScan, parameters)


def _derived(
    fn: Callable[..., Any],
    snapshots: tuple[Snapshot, ...],
    into: str | None,
    read: Callable[[Snapshot], Any],
    parameters: dict[str, Any],
) -> Any:
    folder = Path("interim") / (into or snapshots[0].path.parts[1])
    made = cached(
        fn.__name__,
        _derive,
        caching.key(fn, snapshots, parameters),
        snapshots[0].root,
        of=folder.name,
        fn=fn,
        snapshots=snapshots,
        parameters=parameters,
        folder=folder,
        read=read,
    )
    return made[0] if len(made) == 1 else made


def _derive(
    root: Path,
    fn: Callable[..., Any],
    snapshots: tuple[Snapshot, ...],
    parameters: dict[str, Any],
    folder: Path,
    read: Callable[[Snapshot], Any],
) -> list[Snapshot]:
    results = fn(*map(read, snapshots), **parameters)
    parts = results if isinstance(results, tuple) else (results,)
    names = (_name(fn, part, number) for number, part in enumerate(parts))
    mode = snapshots[0].mode
    return [tables.write(part, name, folder, root, mode) for name, part in zip(names, parts, strict=True)]


def _name(fn: Callable[..., Any], part: Any, number: int) -> str:
    """File name of one result: the function's, and what distinguishes it from its sisters."""
    if isinstance(part, pd.DataFrame) and list(part.columns) == list(REJECT_COLUMNS):
        return f"{fn.__name__}_rejects"
    return fn.__name__ + (f"_{number + 1}" if number else "")


def derive_batches(
    fn: Callable[..., tuple[pd.DataFrame, pd.DataFrame]], *files: Snapshot, decode: Decode, **parameters: Any
) -> tuple[Snapshot, Snapshot]:
    """`derive` for raw files of any size: `fn(batch, **parameters) -> (kept, rejects)` on one batch after the other.

    `decode(path, name)` streams a file's record batches, and may write its name into them; memory stays flat. `fn`
    must not care where a batch ends.
    Where it runs is a setting, AUTOMEND_RUNNER (tasks/engine/shards.py); result, bytes and cache key are the same
    anywhere.
    """
    kept, rejects = cached(
        fn.__name__,
        _derive_batches,
        caching.key(fn, files, {"decode": decode, "names": [raw.path.as_posix() for raw in files], **parameters}),
        files[0].root,
        of=files[0].path.parts[1],
        fn=fn,
        files=files,
        decode=decode,
        parameters=parameters,
    )
    return kept, rejects


def derive_lines(fn: Callable[..., Iterable[bytes]], table: Snapshot, *, name: str, **parameters: Any) -> Snapshot:
    """`fn(batch, **parameters)` gives the lines of a table's rows, ends of line left out; they become `<name>.jsonl`.

    The table is read a batch at a time, and no line is kept.
    """
    (made,) = cached(
        fn.__name__,
        _derive_lines,
        caching.key(fn, (table,), {"name": name, **parameters}),
        table.root,
        of=name,
        fn=fn,
        table=table,
        stem=name,
        parameters=parameters,
    )
    return made


def _derive_lines(
    root: Path, fn: Callable[..., Iterable[bytes]], table: Snapshot, stem: str, parameters: dict[str, Any]
) -> list[Snapshot]:
    frames = (batch for _, batch in tables.batches(tables.row_groups, (table,)))
    lines = (line for frame in frames for line in fn(frame, **parameters))
    return [tables.write_lines(lines, stem, Path("interim") / table.path.parts[1], root, table.mode)]


def _derive_batches(
    root: Path, fn: Callable[..., Any], files: tuple[Snapshot, ...], decode: Decode, parameters: dict[str, Any]
) -> list[Snapshot]:
    place = (Path("interim") / files[0].path.parts[1], root, files[0].mode)
    total = sum(raw.rows for raw in files)
    with (
        tables.TableWriter(fn.__name__, *place) as kept,
        tables.TableWriter(f"{fn.__name__}_rejects", *place) as rejects,
        progress.bar(fn.__name__, total) as advance,
    ):
        for pair in shards.results(shards.Work(root, fn, files, decode, parameters)):
            for writer, part in zip((kept, rejects), pair, strict=True):
                writer.append(part)
                advance(len(part))
    return [kept.snapshot, rejects.snapshot]
