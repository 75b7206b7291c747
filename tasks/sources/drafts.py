"""What a teacher that costs something answered, remembered: `draft(prompts, teacher, store)` asks about the rest alone.

The store is JSON Lines, one answer a line, written when it comes: killed at any moment, all but the last is kept, and
the next run goes on from there. A prompt is known by its content and by who is asked.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pandas as pd
import pyarrow as pa

from tasks.sources.gemini import BudgetSpent, Teacher, TeacherFailed, TeacherRefused

COLUMNS = {"question": pd.ArrowDtype(pa.int64()), "answer": pd.ArrowDtype(pa.string())}


@dataclass(frozen=True)
class Prompt:
    """What is asked about one question."""

    question: int
    system: str
    user: str

    def key(self, teacher: str) -> str:
        """Hash by which its answer is remembered."""
        return hashlib.sha256(f"{teacher}\0{self.system}\0{self.user}".encode()).hexdigest()


def draft(prompts: Iterable[Prompt], teacher: Teacher, store: Path, warn: Callable[[str], None]) -> pd.DataFrame:
    """(question, answer) of those prompts that have an answer, after asking about the new ones.

    `warn` gets a sentence for each prompt that failed, and one where the asking stopped (a budget spent, a key
    refused).
    """
    known = _remembered(store)
    asked = list(prompts)
    store.parent.mkdir(parents=True, exist_ok=True)
    with store.open("ab") as file:
        for prompt in asked:
            key = prompt.key(teacher.name)
            if key in known:
                continue
            try:
                known[key] = teacher.answer(prompt.system, prompt.user)
            except (BudgetSpent, TeacherRefused) as stop:
                warn(f"{teacher.name} did not get to all questions. {stop}")
                break
            except TeacherFailed as fault:
                warn(f"question {prompt.question}: {fault}")
                continue
            file.write(orjson.dumps({"key": key, "answer": known[key]}) + b"\n")
            file.flush()
    answers = [(prompt.question, known.get(prompt.key(teacher.name))) for prompt in asked]
    rows = [(question, answer) for question, answer in answers if answer]
    columns = zip(*rows, strict=True) if rows else ((), ())
    return pd.DataFrame(
        {name: pd.Series(list(values), dtype=COLUMNS[name]) for name, values in zip(COLUMNS, columns, strict=True)}
    )


def _remembered(store: Path) -> dict[str, str]:
    """Answers by key; a line cut short by a crash is ended, and asked again."""
    if not store.is_file():
        return {}
    known = {}
    data = store.read_bytes()
    for line in data.split(b"\n"):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        known[row["key"]] = row["answer"]
    if data and not data.endswith(b"\n"):
        with store.open("ab") as file:
            file.write(b"\n")
    return known
