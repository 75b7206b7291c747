"""The prompt store: prompts somebody wrote and those of the grammar, each with its answer, in one SQLite file.

    prompts(id, user_intent, tool_context, processed)    what is asked; processed is 1 where an answer is stored
    generations(prompt_id, teacher, answer, ...)         the answer, stored with `processed` in one transaction
    failures(prompt_id, teacher, fault, times)           why a teacher had none; the next run tries again
    brought(prompt_id)                                   prompts that came in a file, not from the grammar

A prompt is known by its content: the same text is answered once, whoever brings it. Killed at any moment, the store is
that of the last transaction, and the next run goes on from there. What it holds is exported sorted: the bytes do not
depend on the order in which things were stored.
"""

import hashlib
import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from filelock import FileLock

from schemas.ds4_synthetic import GRAMMAR, LICENCE, RAW, ROW, STEM
from schemas.finding import SourceError
from schemas.snapshot import ROW_TEXT_LIMIT
from schemas.source import Source
from tasks.engine import snapshots
from tasks.pipelines.ds4_synthetic import grammar
from tasks.pipelines.ds4_synthetic.conversations import fault_of, fault_of_answer, prompt_of
from tasks.sources import lines
from tasks.sources.gemini import BudgetSpent, Teacher, TeacherFailed, TeacherRefused
from tasks.tool_use.strict_json import Unreadable
from tasks.tool_use.strict_json import read as read_json

SQLITE = b"SQLite format 3\0"  # how such a file begins (sqlite.org/fileformat.html, 1.2)
SUFFIXES = (".db", ".sqlite", ".sqlite3")
PATTERNS = ("*.jsonl", *(f"*{suffix}" for suffix in SUFFIXES))
LOOKED_AT = 20  # lines of a JSON Lines file that tell whether it holds prompts
DUPLICATE = "duplicate_prompt"
FAULT = ("fault", "origin", "number", "row")
STORE = "prompts.sqlite"
EXPORT = "generations.jsonl"

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
# The raw rows of this run, which no later one needs: where each prompt stands, and which rows are no prompt.
PASSING = """
CREATE TEMP TABLE places (
    prompt_id TEXT PRIMARY KEY, user_intent TEXT NOT NULL, tool_context TEXT NOT NULL, origin TEXT NOT NULL,
    number INTEGER NOT NULL
);
CREATE TEMP TABLE faults (origin TEXT NOT NULL, number INTEGER NOT NULL, fault TEXT NOT NULL, row TEXT NOT NULL);
"""
TAKE_IN = """
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
# What a teacher is told besides the offer. The rules are those of schemas/tools.py, in words.
INSTRUCTIONS = """
Answer with a workflow over the available tools: steps numbered from 1, each with the parameters it needs and no other.
Take every parameter from the request or its context; where one is missing, ask for it in "message" and give no steps.
In production a destructive tool comes after a slack_approval step. Use a tool only in its environments; this is {}.
Refuse in "message", without steps, what would destroy data, weaken security or show secrets."""


@dataclass(frozen=True)
class Raw:
    """A row of a prompt file: its 1-based number, its fields, or why they are none, and the row as text."""

    number: int
    user_intent: str = ""
    tool_context: str = ""
    name: str | None = None  # what the file calls it
    fault: str = ""
    text: str = ""


@dataclass(frozen=True)
class Lesson:
    """What a teacher did in this run; `stopped` says why it did not get to all prompts, "" if it did."""

    answered: int = 0
    failed: int = 0
    stopped: str = ""


@dataclass(frozen=True)
class Filled:
    """What a store holds: prompts, and answers by teacher."""

    prompts: int
    teachers: dict[str, int]
    lesson: Lesson = Lesson()

    def __str__(self) -> str:
        by = ", ".join(f"{count:,} answered by {teacher}" for teacher, count in self.teachers.items())
        new = f"; new: {self.lesson.answered:,}, failed: {self.lesson.failed:,}" if self.lesson != Lesson() else ""
        return f"{self.prompts:,} prompts = {by} + {self.waiting:,} without an answer{new}"

    @property
    def waiting(self) -> int:
        """Prompts without an answer."""
        return self.prompts - sum(self.teachers.values())


# ---------------------------------------------------------------------------------------------------------------------
# Raw files: which are prompts, and their rows.


def identify(path: Path) -> str | None:
    """The word prompts for JSON Lines with `user_intent`, and for SQLite whose table `prompts` has that column."""
    if path.suffix == ".jsonl":
        return "prompts" if _has_prompts(path) else None
    return "prompts" if path.suffix in SUFFIXES and "user_intent" in _columns(path) else None


def among(folder: Path) -> bool:
    """Whether a prompt file lies anywhere below a folder."""
    return any(identify(path) for pattern in PATTERNS for path in sorted(folder.rglob(pattern)) if path.is_file())


def _has_prompts(path: Path) -> bool:
    """Whether one of the first lines is a prompt; broken ones are no proof of the contrary."""
    with path.open("rb") as file:
        head = [file.readline(lines.LONGEST) for _ in range(LOOKED_AT)]
    return any("user_intent" in found for line in head if isinstance(found := _loaded(line), dict))


def _loaded(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _columns(path: Path) -> tuple[str, ...]:
    """Columns of the table `prompts` of a SQLite file; () where there is none."""
    with path.open("rb") as file:
        if file.read(len(SQLITE)) != SQLITE:
            return ()
    try:
        with closing(_opened(path)) as db:
            return tuple(name for (name,) in db.execute("SELECT name FROM pragma_table_info('prompts')"))
    except sqlite3.DatabaseError:
        return ()


def _opened(path: Path) -> sqlite3.Connection:
    """Somebody's database, to be read as it is: nothing is written beside it."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    return db


def count(path: Path) -> int:
    """Rows of a prompt file: lines that are not blank, or rows of the table."""
    if path.suffix not in SUFFIXES:
        return snapshots.count_rows(path)
    with closing(_opened(path)) as db:
        return int(db.execute("SELECT count(*) FROM prompts").fetchone()[0])


def rows(path: Path, name: str) -> Iterator[Raw]:
    """The rows of a prompt file in their order, bad ones with their fault. Raises SourceError for what is no text or
    database.
    """
    found = _rows_of_table(path, name) if path.suffix in SUFFIXES else _rows_of_lines(path, name)
    names: set[str] = set()
    for row in found:
        yield Raw(row.number, fault="duplicate_id", text=row.text) if row.name in names else row
        if row.name is not None:
            names.add(row.name)


def _rows_of_lines(path: Path, name: str) -> Iterator[Raw]:
    for batch in lines.read(path, name):
        for line in batch.to_pylist():
            yield _raw_line(line["line"], line["text"], line["fault"])


def _raw_line(number: int, text: str, fault: str | None) -> Raw:
    if fault:
        return Raw(number, fault=fault, text=text)
    try:
        found = read_json(text)
    except Unreadable as unreadable:
        return Raw(number, fault=unreadable.reason, text=text)
    if not isinstance(found, dict):
        return Raw(number, fault="not_an_object", text=text)
    return _raw(number, found, text)


def _rows_of_table(path: Path, name: str) -> Iterator[Raw]:
    known = [column for column in ("id", "user_intent", "tool_context") if column in _columns(path)]
    try:
        with closing(_opened(path)) as db:
            for number, values in enumerate(db.execute(f"SELECT {', '.join(known)} FROM prompts"), start=1):  # noqa: S608
                found = dict(zip(known, values, strict=True))
                yield _raw(number, found, json.dumps(found, ensure_ascii=False, default=repr))
    except sqlite3.DatabaseError as error:
        raise SourceError(f"{name} cannot be read to its end as a SQLite database: {error}. Copy it again.") from error


def _raw(number: int, found: dict[str, Any], text: str) -> Raw:
    """A row from its fields. A context that is a JSON value of its own is kept as its text."""
    intent, context = found.get("user_intent"), found.get("tool_context")
    if isinstance(context, dict | list):
        context = orjson.dumps(context, option=orjson.OPT_SORT_KEYS).decode()
    context = "" if context is None else context
    if fault := fault_of(intent, context):
        return Raw(number, fault=fault, text=text)
    if "\ufffd" in f"{intent}{context}":
        return Raw(number, fault="invalid_utf8", text=text)
    name = found.get("id")
    return Raw(number, str(intent), context, None if name is None else str(name), text=text)


# ---------------------------------------------------------------------------------------------------------------------
# The store.


def fill(
    store: Path,
    export: Path,
    files: Iterable[tuple[str, Path]] = (),
    *,
    scale: float = 1.0,
    seed: int = grammar.SEED,
    teacher: Teacher | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Filled:
    """Take in prompt files (name, path), answer what the grammar can, then what the teacher will; write the export.

    Two runs at once take turns. `told` hears a sentence for each prompt a teacher failed on. Raises SourceError for a
    store or a file that cannot be read.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(store.with_suffix(".lock")), closing(_connected(store)) as db:
        _look_at(db, files)
        with _transaction(db):
            _take_in(db)
            _teach(db, grammar.requests(scale, seed))
        lesson = _ask(db, teacher, told) if teacher else Lesson()
        _export(db, export)
        return _filled(db, lesson)


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
    """What a prompt is called: a hash of its content."""
    return hashlib.sha256(f"{user_intent}\0{tool_context}".encode()).hexdigest()[:16]


def _look_at(db: sqlite3.Connection, files: Iterable[tuple[str, Path]]) -> None:
    """Note of each raw row which prompt it is, or why it is none."""
    for name, path in sorted(files):
        for row in rows(path, name):
            if fault := row.fault or _place(db, name, row):
                db.execute(
                    "INSERT INTO faults VALUES (?, ?, ?, ?)", (name, row.number, fault, row.text[:ROW_TEXT_LIMIT])
                )


def _place(db: sqlite3.Connection, name: str, row: Raw) -> str:
    key = prompt_id(row.user_intent, row.tool_context)
    values = (key, row.user_intent, row.tool_context, name, row.number)
    return "" if db.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?, ?)", values).rowcount else DUPLICATE


def _take_in(db: sqlite3.Connection) -> None:
    for statement in TAKE_IN.split(";"):
        db.execute(statement)


def _teach(db: sqlite3.Connection, requests: Iterable[grammar.Request]) -> None:
    """The grammar's answers as it gives them today. Its prompts of another scale or version go, with their answers.

    What is stored already is not written again: a run with nothing new leaves the file as it is.
    """
    wanted = {prompt_id(request.user, context_text(request)): request for request in requests}
    stored = {row[0]: row for row in db.execute(f"SELECT {ANSWERS} FROM generations WHERE teacher = ?", (GRAMMAR,))}  # noqa: S608
    for key in sorted(stored.keys() - wanted.keys()):
        _retire(db, key)
    for key, request in sorted(wanted.items()):
        scenario = request.scenario.model_dump_json()
        row = (key, GRAMMAR, request.answer, request.family, request.tool, request.intent, scenario)
        if stored.get(key) != row:
            values = (key, request.user, context_text(request))
            db.execute("INSERT OR IGNORE INTO prompts (id, user_intent, tool_context) VALUES (?, ?, ?)", values)
            _store(db, row)


def _retire(db: sqlite3.Connection, key: str) -> None:
    """A prompt that a file brought stays, and waits for an answer."""
    db.execute("DELETE FROM generations WHERE prompt_id = ?", (key,))
    db.execute("UPDATE prompts SET processed = 0 WHERE id = ?", (key,))
    db.execute("DELETE FROM prompts WHERE id = ? AND id NOT IN (SELECT prompt_id FROM brought)", (key,))


def _store(db: sqlite3.Connection, generation: tuple[str, ...]) -> None:
    """An answer, and with it the mark that the prompt has one; the caller's transaction holds both."""
    marks = ", ".join("?" * len(generation))
    db.execute(f"INSERT OR REPLACE INTO generations ({ANSWERS}) VALUES ({marks})", generation)  # noqa: S608
    db.execute("UPDATE prompts SET processed = 1 WHERE id = ?", generation[:1])
    db.execute("DELETE FROM failures WHERE prompt_id = ?", generation[:1])


def context_text(request: grammar.Request) -> str:
    """The `tool_context` of a request of the grammar."""
    return orjson.dumps({"environment": request.environment, "tools": request.tools}).decode()


# --- teachers --------------------------------------------------------------------------------------------------------


def _ask(db: sqlite3.Connection, teacher: Teacher, told: Callable[[str], None]) -> Lesson:
    """Every prompt that waits, one after the other; each answer is stored before the next is asked for."""
    waiting = db.execute("SELECT id, user_intent, tool_context FROM prompts WHERE processed = 0 ORDER BY id").fetchall()
    answered = failed = 0
    for key, user_intent, tool_context in waiting:
        try:
            answer = _answer(teacher, user_intent, tool_context)
        except (BudgetSpent, TeacherRefused) as why:
            return Lesson(answered, failed, str(why))
        except TeacherFailed as failure:
            failed += 1
            told(f"Prompt {key} waits for another run. {failure}")
            with _transaction(db):
                _fail(db, key, teacher.name, str(failure))
            continue
        with _transaction(db):
            _store(db, (key, teacher.name, answer, "", "", "", ""))
        answered += 1
    return Lesson(answered, failed)


def _answer(teacher: Teacher, user_intent: str, tool_context: str) -> str:
    """Raises what the teacher raises, and TeacherFailed for an answer that is no workflow."""
    prompt = prompt_of(user_intent, tool_context)
    answer = teacher.answer(prompt.system + INSTRUCTIONS.format(prompt.environment), prompt.user)
    if fault_of_answer(answer):
        raise TeacherFailed(f"{teacher.name} answered with what is no workflow: {answer[:200]!r}.")
    return answer


def _fail(db: sqlite3.Connection, key: str, teacher: str, fault: str) -> None:
    db.execute(
        "INSERT INTO failures VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "teacher = excluded.teacher, fault = excluded.fault, times = times + 1",
        (key, teacher, fault),
    )


# --- what comes out --------------------------------------------------------------------------------------------------


def _export(db: sqlite3.Connection, target: Path) -> None:
    """Every prompt, by id, then this run's rows that are none, by place: JSON Lines, each with the keys of ROW."""
    faults = ({**dict.fromkeys(ROW), **dict(zip(FAULT, row, strict=True))} for row in db.execute(FAULTS))
    found = (dict(zip(ROW, row, strict=True)) for row in db.execute(EXPORTED))
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        for row in chain(found, faults):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    snapshots.move(part, target)


def _filled(db: sqlite3.Connection, lesson: Lesson) -> Filled:
    counts = "SELECT teacher, count(*) FROM generations GROUP BY teacher ORDER BY teacher"
    total = int(db.execute("SELECT count(*) FROM prompts").fetchone()[0])
    return Filled(prompts=total, teachers=dict(db.execute(counts).fetchall()), lesson=lesson)


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """The lines of an export as RAW: file (= `name`), line, and the fields as text.

    A line that is none of ours, such as one cut off, has the fault not_json, and its text in `row`.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        numbered = enumerate(file, start=1)
        while batch := list(islice(numbered, snapshots.BATCH_ROWS)):
            found = [{"file": name, "line": number, **_fields(line)} for number, line in batch if line.strip()]
            yield pa.Table.from_pylist(found, schema=RAW)


def _fields(line: str) -> dict[str, str | None]:
    found = _loaded(line.encode())
    if not isinstance(found, dict):
        found = {"fault": "not_json", "row": line[:ROW_TEXT_LIMIT]}
    return {key: None if found.get(key) is None else str(found[key]) for key in ROW}


# ---------------------------------------------------------------------------------------------------------------------
# The generated sample: a file of prompts as people bring them. The grammar's own need no file.

KNOWN = 8  # prompts that the grammar can answer, for they are its own
ASKED = (  # prompts it cannot: they wait for a teacher
    "Move the nightly retraining of the churn model to 03:30 and tell #ml-ops.",
    "Which of our models had the highest drift last week?",
    "Compare the cost of gpu-a100-04 and gpu-l4-11 for the same batch.",
    "Why did checkout-api fail its canary? Logs of the canary pods, please, and a summary.",
    "Put the feature store into read-only mode until Monday.",
)


def sample(folder: Path, seed: int, scale: float) -> None:
    """`prompts.jsonl`: prompts with and without an answer in the grammar, and rows that are none; truth.json counts."""
    rng = random.Random(seed)
    known = list(islice(grammar.requests(scale, seed), KNOWN))
    rows = [{"user_intent": request.user, "tool_context": context_text(request)} for request in known]
    rows += [{"user_intent": text, "tool_context": "environment: production, noted by hand"} for text in ASKED]
    rng.shuffle(rows)
    prompts = [json.dumps({"id": f"p{number:03}", **row}) for number, row in enumerate(rows, start=1)]
    twice = [json.dumps({"id": "p900", **rows[0]}), json.dumps({"id": "p001", "user_intent": "Another one."})]
    bad = ['{"id": "p901", "user_intent": "Restart', json.dumps({"id": "p902", "user_intent": " "})]
    (folder / "prompts.jsonl").write_text("\n".join([*prompts, *twice, *bad]) + "\n")
    planted = {"known": len(known), "waiting": len(ASKED)}
    faults = {"duplicate_prompt": 1, "duplicate_id": 1, "not_json": 1, "user_intent_missing": 1}
    (folder / "truth.json").write_text(json.dumps({**planted, "faults": faults}) + "\n")


def bring(_folder: Path) -> list[Path]:
    """Nothing is downloaded: the grammar is here, and teachers are asked one prompt at a time."""
    return []


SOURCE = Source(
    stem=STEM,
    title="Synthetic MLOps scenarios",
    homepage="tasks/pipelines/ds4_synthetic/grammar.py",
    licence=LICENCE,
    citation="AutoMend's own grammar of requests and workflows; prompts beyond it are answered by the teacher named.",
    expected=("prompts",),
    patterns=PATTERNS,
    identify=identify,
    sample=sample,
    count=count,
    bring=bring,
    pin="grammar",
)
