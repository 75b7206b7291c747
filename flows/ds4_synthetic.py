"""Synthetic scenarios: requests of a grammar and prompts from files, each with its workflow."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from flows.assure import FORMAT_B, assure
from schemas.ds4_synthetic import SLICES
from schemas.limits import Limits
from schemas.published import Published
from schemas.settings import secret, settings
from schemas.snapshot import Mode, Snapshot
from tasks.engine import snapshots, store
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds4_synthetic.conversations import conversations
from tasks.pipelines.ds4_synthetic.export import EXPORT, decode
from tasks.pipelines.ds4_synthetic.prompt_store import STORE, fill
from tasks.pipelines.ds4_synthetic.reports import schema_stats
from tasks.pipelines.ds4_synthetic.source import SOURCE, has_prompt_file
from tasks.sources.acquire import Acquired, acquire
from tasks.sources.gemini import MODEL, Budget, Gemini

NOT_ASKED = "The grammar alone answers; prompts it does not know wait for teacher=gemini, which needs GOOGLE_API_KEY."
NO_KEY = (
    "GOOGLE_API_KEY is not set, so Gemini is not asked and the grammar alone answers. All of the grammar runs without "
    "a key; prompts it does not know wait for a run that has one."
)
ASKED = "Gemini answers what the grammar does not know."


@flow(name="ds4-synthetic", **ANNOUNCED)
def ds4_synthetic(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    teacher: Literal["grammar", "gemini"] = "grammar",
    model: str = MODEL,
    requests: int = 500,
    tokens: int = 5_000_000,
    limits: Limits | None = None,
    scale: float = 1.0,
) -> Published:
    """Synthetic scenarios: one request and its workflow, run in a simulated cluster, for each intent of the grammar.

    Args:
        mode: sample: with a generated file of prompts; local: with the prompt files below `source`, if there are any;
            live: the grammar. All three have the grammar, and nothing is downloaded.
        source: Folder with prompt files (JSON Lines, or SQLite with a table prompts), for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        teacher: grammar: prompts the grammar does not know wait; gemini: Gemini is asked about them, if
            GOOGLE_API_KEY is set.
        model: Gemini's model.
        requests: What a run may ask Gemini at most, every attempt counted.
        tokens: What a run may use at Gemini's at most, read and written.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        scale: Size of the grammar's part: 1 is about 1,100 requests.
    """
    root = (data_dir or settings().data_dir).resolve()
    raw = _brought(mode, source, root, scale)
    budget = Budget(requests, tokens) if teacher == "gemini" and secret("google_api_key") else None
    note = ASKED if budget else NO_KEY if teacher == "gemini" else NOT_ASKED
    get_run_logger().log(30 if note is NO_KEY else 20, "ds4_synthetic: %s", note)
    generations = generate(raw.files, root, mode, scale, model, budget)
    made, left_out = derive_batches(conversations, generations, decode=decode)
    return assure(
        made,
        form=FORMAT_B,
        source=SOURCE,
        acquired=replace(raw, files=(generations,)),
        slices=(*SLICES, "environment"),
        outcomes=tuple(SLICES),
        statistics={"schema_stats.json": derive(schema_stats, made)},
        rejected=(left_out,),
        rules={},
        limits=thresholds(limits=limits).limits,
        parameters={"teacher": model if budget else "grammar", "teacher_note": note, "scale": scale},
    )


def _brought(mode: Mode, source: Path | None, root: Path, scale: float) -> Acquired:
    """The prompt files of this run. A folder without any is no fault: the grammar needs none."""
    if mode == "local" and source is not None and source.is_dir() and not has_prompt_file(source):
        get_run_logger().info("ds4_synthetic: no prompt file below %s; the grammar needs none.", source)
        return Acquired(files=(), missing=SOURCE.expected, unused={}, truth=None)
    return acquire(SOURCE, mode, source, root, scale=scale)


# Not cached: it depends on what the store remembers; with nothing new the file it writes is the same.
@task(task_run_name="generate ds4_synthetic", cache_policy=NO_CACHE)
def generate(
    files: tuple[Snapshot, ...], root: Path, mode: Mode, scale: float, model: str, budget: Budget | None
) -> Snapshot:
    """The prompt store of this mode, filled, as one file."""
    log, key = get_run_logger(), secret("google_api_key") if budget else None
    teacher = Gemini(key, model=model, budget=budget, url=settings().gemini_url) if key and budget else None
    folder = root / "raw" / SOURCE.stem
    export = folder / "store" / mode / EXPORT
    named = [(str(raw.file.relative_to(folder / mode)), raw.file) for raw in files]
    answered = export.with_name(STORE)  # what was paid for once, on any machine
    store.pull(answered, root)
    filled = fill(answered, export, named, scale=scale, teacher=teacher, warn=log.warning)
    store.push(answered, root)
    log.info("ds4_synthetic: %s", filled)
    if filled.teacher_report.stopped:
        log.warning("ds4_synthetic: %s did not get to all prompts. %s", model, filled.teacher_report.stopped)
    return snapshots.as_snapshot(export, root, mode)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds4_synthetic, published_summary)
