"""Gemini as a step of a flow: whether it may be asked, and the two tasks that ask it.

Not cached: a result depends on what was answered before. With nothing new to ask, each writes the same file again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from pydantic import SecretStr

from schemas.settings import secret, settings
from schemas.snapshot import Mode, Snapshot
from tasks.engine import snapshots, store
from tasks.sources.drafts import Prompt, draft
from tasks.sources.gemini import Budget, Gemini, Teacher

KEY = "google_api_key"
PromptsOf: TypeAlias = Callable[[pd.DataFrame], Iterable[Prompt]]


@dataclass(frozen=True)
class Allowance:
    """Gemini may be asked: which model, and how much this run may use."""

    model: str
    budget: Budget


def allowance(teacher: str, model: str, requests: int, tokens: int, *, no_key: str, stem: str) -> Allowance | None:
    """What a flow's parameters allow; None for another teacher, and, with the warning `no_key`, without a key."""
    if teacher != "gemini":
        return None
    if secret(KEY) is None:
        get_run_logger().warning("%s: %s", stem, no_key)
        return None
    return Allowance(model, Budget(requests, tokens))


def _gemini_key() -> SecretStr:
    key = secret(KEY)
    if key is None:
        raise RuntimeError("GOOGLE_API_KEY is no longer set, so Gemini cannot be asked. Set it, and run again.")
    return key


def _gemini(allowed: Allowance) -> Gemini:
    return Gemini(_gemini_key(), model=allowed.model, budget=allowed.budget, url=settings().gemini_url)


@task(task_run_name="ask {stem}", cache_policy=NO_CACHE)
def ask(stem: str, rows: Snapshot, prompts_of: PromptsOf, allowed: Allowance) -> Snapshot:
    """Gemini's answer to each prompt of a table, as a table (question, answer). An earlier answer costs nothing."""
    folder = Path("interim") / stem
    answered = rows.root / folder / "drafts.jsonl"  # answers that were paid for, from any machine
    store.pull(answered, rows.root)
    drafted = draft(prompts_of(snapshots.read(rows)), _gemini(allowed), answered, get_run_logger().warning)
    store.push(answered, rows.root)
    return snapshots.write(drafted, "drafts", folder, rows.root, rows.mode)


class TeacherReport(Protocol):
    """What a prompt store reports of asking a teacher: why it stopped before the last prompt, "" where it did not."""

    @property
    def stopped(self) -> str: ...


class Filled(Protocol):
    """What a prompt store contains after it was filled; its words are logged."""

    @property
    def teacher_report(self) -> TeacherReport: ...


@dataclass(frozen=True)
class PromptStore:
    """A dataset's prompts and their answers: the names of its two files, and the function that fills them.

    `fill(store, export, files, scale=, teacher=, warn=)` takes in raw files (name, path), answers what it can, asks the
    teacher, if any, about the rest, and writes all of it to `export`.
    """

    stem: str
    store: str
    export: str
    fill: Callable[..., Filled]


@task(task_run_name="generate {prompts.stem}", cache_policy=NO_CACHE)
def generate(
    prompts: PromptStore, files: Sequence[Snapshot], root: Path, mode: Mode, scale: float, allowed: Allowance | None
) -> Snapshot:
    """The prompt store of this mode, filled, as one file."""
    log = get_run_logger()
    teacher: Teacher | None = _gemini(allowed) if allowed else None
    folder = root / "raw" / prompts.stem
    export = folder / "store" / mode / prompts.export
    named = [(str(raw.file.relative_to(folder / mode)), raw.file) for raw in files]
    answered = export.with_name(prompts.store)  # answers that were paid for, from any machine
    store.pull(answered, root)
    filled = prompts.fill(answered, export, named, scale=scale, teacher=teacher, warn=log.warning)
    store.push(answered, root)
    log.info("%s: %s", prompts.stem, filled)
    if allowed and filled.teacher_report.stopped:
        log.warning("%s: %s did not get to all prompts. %s", prompts.stem, allowed.model, filled.teacher_report.stopped)
    return snapshots.as_snapshot(export, root, mode)
