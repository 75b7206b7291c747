"""The prompt store: prompts from files and from the grammar, each with its answer, in one SQLite file.

    prompts(id, user_intent, tool_context, processed)    the request; processed is 1 where an answer is stored
    generations(prompt_id, teacher, answer, ...)         the answer, stored with `processed` in one transaction
    failures(prompt_id, teacher, fault, times)           why a teacher gave no answer; the next run tries again
    brought(prompt_id)                                   prompts that came in a file

A prompt's id is a hash of its content: the same text is answered once, whichever file it comes from. A process may be
killed at any moment: the store is then that of the last transaction, and the next run continues from it. The export is
sorted, so its bytes do not depend on the order in which prompts and answers were stored.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from filelock import FileLock

from schemas.ds4_synthetic import GRAMMAR, ROW
from schemas.finding import SourceError
from schemas.reject import ROW_TEXT_LIMIT
from tasks.pipelines.ds4_synthetic import export, grammar
from tasks.pipelines.ds4_synthetic.prompts import fault_of_answer, prompt_of
from tasks.pipelines.ds4_synthetic.rules import DUPLICATE_PROMPT
from tasks.pipelines.ds4_synthetic.source import RawPrompt, rows
from tasks.sources.gemini import BudgetSpent, Teacher, TeacherFailed, TeacherRefused

STORE = "prompts.sqlite"
FAULT = ("fault", "origin", "number", "row")

LASTING = """
CREATE TABLE IF NOT EXISTS prompts (
    id TEXT PRIMARY KEY, user_intent TEXT NOT NULL, tool_context TEXT NOT NULL, processed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS generations (
    prompt_id TEXT PRIMARY KEY REFERENCES prompts (id), teacher TEXT NOT NULL, answer TEXT NOT NULL,
    family TEXT NOT NULL DEFAULT '', tool TEXT NOT NULL DEFAULT '', intent TEXT NOT NULL DEFAULT '',
    scenario TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS failures (
    prompt_id TEXT PRIMARY KEY REFERENCES prompts (id), teacher TEXT NOT NULL, fault TEXT NOT NULL,
    times INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS brought (prompt_id TEXT PRIMARY KEY REFERENCES prompts (id));
"""
# The raw rows of this run, which no later run needs: the place of each prompt, and the rows that are no prompt.
PASSING = """
CREATE TEMP TABLE places (
    prompt_id TEXT PRIMARY KEY, user_intent TEXT NOT NULL, tool_context TEXT NOT NULL, origin TEXT NOT NULL,
    number INTEGER NOT NULL
);
CREATE TEMP TABLE faults (origin TEXT NOT NULL, number INTEGER NOT NULL, fault TEXT NOT NULL, row TEXT NOT NULL);
"""
ADD_PROMPTS = """
INSERT OR IGNORE INTO prompts (id, user_intent, tool_context)
    SELECT prompt_id, user_intent, tool_context FROM places ORDER BY prompt_id;
INSERT OR IGNORE INTO brought SELECT prompt_id FROM places ORDER BY prompt_id;
"""
ANSWERS = "prompt_id, teacher, answer, family, tool, intent, scenario"
EXPORTED = """
SELECT id, prompts.user_intent, prompts.tool_context, teacher, answer, family, tool, intent, scenario,
    NULL AS fault, coalesce(origin, '') AS origin, coalesce(number, 0) AS number, NULL AS row
FROM prompts LEFT JOIN generations ON generations.prompt_id = id LEFT JOIN places ON places.prompt_id = id
ORDER BY id
"""
FAULTS = "SELECT fault, origin, number, row FROM faults ORDER BY origin, number"
# Instructions for a teacher, after the tools on offer: the rules of schemas/tools.py in words.
INSTRUCTIONS = """
Answer with a workflow over the available tools: steps numbered from 1, each with the parameters it needs and no other.
Take every parameter from the request or its context; where one is missing, ask for it in "message" and give no steps.
In production a destructive tool comes after a slack_approval step. Use a tool only in its environments; this is {}.
Refuse in "message", without steps, what would destroy data, weaken security or show secrets."""


@dataclass(frozen=True)
class TeacherReport:
    """What a teacher did in this run; `stopped` is why it did not get to all prompts, "" if it did."""

    answered: int = 0
    failed: int = 0
    stopped: str = ""


@dataclass(frozen=True)
class StoreReport:
    """What a store contains after a run: prompts, answers by teacher, and what the teacher of this run did."""

    prompts: int
    teachers: dict[str, int]
    teacher_report: TeacherReport = TeacherReport()

    def __str__(self) -> str:
        by = ", ".join(f"{count:,} answered by {teacher}" for teacher, count in self.teachers.items())
        report = self.teacher_report
        new = f"; new: {report.answered:,}, failed: {report.failed:,}" if report != TeacherReport() else ""
        return f"{self.prompts:,} prompts = {by} + {self.waiting:,} without an answer{new}"

    @property
    def waiting(self) -> int:
        """Prompts without an answer."""
        return self.prompts - sum(self.teachers.values())


# --- the store -------------------------------------------------------------------------------------------------------


def fill(
    store: Path,
    target: Path,
    files: Iterable[tuple[str, Path]] = (),
    *,
    scale: float,
    teacher: Teacher | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> StoreReport:
    """Add the prompts of files (name, path), let the grammar and then the teacher answer, and write the export.

    Two runs at once take turns. `warn` is called with a sentence for each prompt that the teacher failed on. Raises
    SourceError for a store or a file that cannot be read.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(store.with_suffix(".lock")), closing(_connected(store)) as db:
        _record_rows(db, files)
        with _transaction(db):
            _add_prompts(db)
            _save_answers_of_grammar(db, grammar.requests(scale, grammar.SEED))
        report = _ask_teacher(db, teacher, warn) if teacher else TeacherReport()
        _export(db, target)
        return _store_report(db, report)


def _connected(store: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(store, isolation_level=None, timeout=60)
        db.executescript(LASTING + PASSING)
    except sqlite3.DatabaseError as error:
        raise SourceError(
            f"{store} is no prompt store: {error}. Move it away, or bring back a copy of it; without it a new one is "
            "made, and teachers are asked again."
        ) from error
    return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and on disk when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def prompt_id(user_intent: str, tool_context: str) -> str:
    """A prompt's id: a hash of its content."""
    return hashlib.sha256(f"{user_intent}\0{tool_context}".encode()).hexdigest()[:16]


def _record_rows(db: sqlite3.Connection, files: Iterable[tuple[str, Path]]) -> None:
    """Record for each raw row which prompt it is, or why it is no prompt."""
    for name, path in sorted(files):
        for row in rows(path, name):
            if fault := row.fault or _record_place(db, name, row):
                db.execute(
                    "INSERT INTO faults VALUES (?, ?, ?, ?)", (name, row.number, fault, row.text[:ROW_TEXT_LIMIT])
                )


def _record_place(db: sqlite3.Connection, name: str, row: RawPrompt) -> str:
    """Record where a prompt is; the fault is duplicate_prompt where an earlier row has it, "" otherwise."""
    key = prompt_id(row.user_intent, row.tool_context)
    values = (key, row.user_intent, row.tool_context, name, row.number)
    return (
        "" if db.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?, ?)", values).rowcount else DUPLICATE_PROMPT
    )


def _add_prompts(db: sqlite3.Connection) -> None:
    for statement in ADD_PROMPTS.split(";"):
        db.execute(statement)


def _save_answers_of_grammar(db: sqlite3.Connection, requests: Iterable[grammar.Request]) -> None:
    """Save the grammar's requests and answers, and remove those of another scale or version.

    What is stored already is not written again: a run with nothing new leaves the file as it is.
    """
    wanted = {prompt_id(request.user, grammar.context_text(request)): request for request in requests}
    stored = {row[0]: row for row in db.execute(f"SELECT {ANSWERS} FROM generations WHERE teacher = ?", (GRAMMAR,))}  # noqa: S608
    for key in sorted(stored.keys() - wanted.keys()):
        _remove_answer(db, key)
    for key, request in sorted(wanted.items()):
        scenario = request.scenario.model_dump_json()
        row = (key, GRAMMAR, request.answer, request.family, request.tool, request.intent, scenario)
        if stored.get(key) != row:
            values = (key, request.user, grammar.context_text(request))
            db.execute("INSERT OR IGNORE INTO prompts (id, user_intent, tool_context) VALUES (?, ?, ?)", values)
            _save_answer(db, row)


def _remove_answer(db: sqlite3.Connection, key: str) -> None:
    """Remove an answer of the grammar and its prompt; a prompt from a file stays, and waits for an answer."""
    db.execute("DELETE FROM generations WHERE prompt_id = ?", (key,))
    db.execute("UPDATE prompts SET processed = 0 WHERE id = ?", (key,))
    db.execute("DELETE FROM prompts WHERE id = ? AND id NOT IN (SELECT prompt_id FROM brought)", (key,))


def _save_answer(db: sqlite3.Connection, generation: tuple[str, ...]) -> None:
    """Save an answer and mark its prompt as answered, within the caller's transaction."""
    marks = ", ".join("?" * len(generation))
    db.execute(f"INSERT OR REPLACE INTO generations ({ANSWERS}) VALUES ({marks})", generation)  # noqa: S608
    db.execute("UPDATE prompts SET processed = 1 WHERE id = ?", generation[:1])
    db.execute("DELETE FROM failures WHERE prompt_id = ?", generation[:1])


# --- teachers --------------------------------------------------------------------------------------------------------


def _ask_teacher(db: sqlite3.Connection, teacher: Teacher, warn: Callable[[str], None]) -> TeacherReport:
    """Ask about every prompt that waits; each answer is stored before the next is asked for."""
    waiting = db.execute("SELECT id, user_intent, tool_context FROM prompts WHERE processed = 0 ORDER BY id").fetchall()
    answered = failed = 0
    for key, user_intent, tool_context in waiting:
        try:
            answer = _workflow_of_teacher(teacher, user_intent, tool_context)
        except (BudgetSpent, TeacherRefused) as why:
            return TeacherReport(answered, failed, str(why))
        except TeacherFailed as failure:
            failed += 1
            warn(f"Prompt {key} waits for another run. {failure}")
            with _transaction(db):
                _record_failure(db, key, teacher.name, str(failure))
            continue
        with _transaction(db):
            _save_answer(db, (key, teacher.name, answer, "", "", "", ""))
        answered += 1
    return TeacherReport(answered, failed)


def _workflow_of_teacher(teacher: Teacher, user_intent: str, tool_context: str) -> str:
    """The teacher's answer. Raises what the teacher raises, and TeacherFailed for an answer that is no workflow."""
    prompt = prompt_of(user_intent, tool_context)
    answer = teacher.answer(prompt.system + INSTRUCTIONS.format(prompt.environment), prompt.user)
    if fault_of_answer(answer):
        raise TeacherFailed(f"{teacher.name} answered with what is no workflow: {answer[:200]!r}.")
    return answer


def _record_failure(db: sqlite3.Connection, key: str, teacher: str, fault: str) -> None:
    db.execute(
        "INSERT INTO failures VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "teacher = excluded.teacher, fault = excluded.fault, times = times + 1",
        (key, teacher, fault),
    )


# --- the export ------------------------------------------------------------------------------------------------------


def _export(db: sqlite3.Connection, target: Path) -> None:
    """Write every prompt, by id, then the raw rows of this run that are no prompt, by place."""
    faults = ({**dict.fromkeys(ROW), **dict(zip(FAULT, row, strict=True))} for row in db.execute(FAULTS))
    prompts = (dict(zip(ROW, row, strict=True)) for row in db.execute(EXPORTED))
    export.write(chain(prompts, faults), target)


def _store_report(db: sqlite3.Connection, report: TeacherReport) -> StoreReport:
    counts = "SELECT teacher, count(*) FROM generations GROUP BY teacher ORDER BY teacher"
    total = int(db.execute("SELECT count(*) FROM prompts").fetchone()[0])
    return StoreReport(prompts=total, teachers=dict(db.execute(counts).fetchall()), teacher_report=report)
