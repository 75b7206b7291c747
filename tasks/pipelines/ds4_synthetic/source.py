"""Raw files of prompts: how they are recognised and read.

A prompt file is JSON Lines, or a SQLite database with a table `prompts`. A row has `user_intent` (text), and may have
`id` and `tool_context` (text or JSON); other fields are not read. Nothing is downloaded: the grammar needs no file.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from schemas.ds4_synthetic import LICENCE, STEM
from schemas.finding import SourceError
from schemas.source import Source
from tasks.engine import snapshots
from tasks.pipelines.ds4_synthetic.prompts import fault_of
from tasks.pipelines.ds4_synthetic.rules import DUPLICATE_ID
from tasks.pipelines.ds4_synthetic.sample import sample
from tasks.sources import lines
from tasks.tool_use.strict_json import Unreadable, read

SQLITE = b"SQLite format 3\0"  # how such a file begins (sqlite.org/fileformat.html, 1.2)
SUFFIXES = (".db", ".sqlite", ".sqlite3")
PATTERNS = ("*.jsonl", *(f"*{suffix}" for suffix in SUFFIXES))
FIELDS = ("id", "user_intent", "tool_context")
HEAD = 20  # lines of a JSON Lines file in which a prompt is looked for


@dataclass(frozen=True)
class RawPrompt:
    """A row of a prompt file: its 1-based number, its fields, or why it is no prompt, and the row as text."""

    number: int
    user_intent: str = ""
    tool_context: str = ""
    name: str | None = None  # its id in the file
    fault: str = ""
    text: str = ""


def identify(path: Path) -> str | None:
    """The word prompts for JSON Lines with `user_intent`, and for SQLite whose table `prompts` has that column."""
    if path.suffix == ".jsonl":
        return "prompts" if _has_prompts(path) else None
    return "prompts" if path.suffix in SUFFIXES and "user_intent" in _prompt_columns(path) else None


def has_prompt_file(folder: Path) -> bool:
    """Whether a prompt file lies anywhere below a folder."""
    return any(identify(path) for pattern in PATTERNS for path in sorted(folder.rglob(pattern)) if path.is_file())


def _has_prompts(path: Path) -> bool:
    """Whether one of the first lines is a prompt. Lines that cannot be read do not decide."""
    with path.open("rb") as file:
        head = [file.readline(lines.LONGEST) for _ in range(HEAD)]
    return any(_is_prompt(line) for line in head)


def _is_prompt(line: bytes) -> bool:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and "user_intent" in value


def _prompt_columns(path: Path) -> tuple[str, ...]:
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
    """A database of somebody else, opened for reading: SQLite writes no file beside it."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    return db


def count(path: Path) -> int:
    """Rows of a prompt file: lines that are not blank, or rows of the table."""
    if path.suffix not in SUFFIXES:
        return snapshots.count_rows(path)
    with closing(_opened(path)) as db:
        return int(db.execute("SELECT count(*) FROM prompts").fetchone()[0])


def rows(path: Path, name: str) -> Iterator[RawPrompt]:
    """The rows of a prompt file in their order, bad ones with their fault.

    Raises SourceError for a file that is neither text nor a whole database.
    """
    every = _prompts_of_table(path, name) if path.suffix in SUFFIXES else _prompts_of_lines(path, name)
    names: set[str] = set()
    for row in every:
        yield RawPrompt(row.number, fault=DUPLICATE_ID, text=row.text) if row.name in names else row
        if row.name is not None:
            names.add(row.name)


def _prompts_of_lines(path: Path, name: str) -> Iterator[RawPrompt]:
    for batch in lines.read(path, name):
        for line in batch.to_pylist():
            yield _prompt_of_line(line["line"], line["text"], line["fault"])


def _prompt_of_line(number: int, text: str, fault: str | None) -> RawPrompt:
    if fault:
        return RawPrompt(number, fault=fault, text=text)
    try:
        value = read(text)
    except Unreadable as unreadable:
        return RawPrompt(number, fault=unreadable.reason, text=text)
    if not isinstance(value, dict):
        return RawPrompt(number, fault="not_an_object", text=text)
    return _raw_prompt(number, value, text)


def _prompts_of_table(path: Path, name: str) -> Iterator[RawPrompt]:
    known = [column for column in FIELDS if column in _prompt_columns(path)]
    try:
        with closing(_opened(path)) as db:
            for number, values in enumerate(db.execute(f"SELECT {', '.join(known)} FROM prompts"), start=1):  # noqa: S608
                fields = dict(zip(known, values, strict=True))
                yield _raw_prompt(number, fields, json.dumps(fields, ensure_ascii=False, default=repr))
    except sqlite3.DatabaseError as error:
        raise SourceError(f"{name} cannot be read to its end as a SQLite database: {error}. Copy it again.") from error


def _raw_prompt(number: int, fields: dict[str, object], text: str) -> RawPrompt:
    """A row from its fields. A context that is a JSON value of its own is kept as its text."""
    intent, context = fields.get("user_intent"), fields.get("tool_context")
    if isinstance(context, dict | list):
        context = orjson.dumps(context, option=orjson.OPT_SORT_KEYS).decode()
    context = "" if context is None else context
    if fault := fault_of(intent, context):
        return RawPrompt(number, fault=fault, text=text)
    if "\ufffd" in f"{intent}{context}":
        return RawPrompt(number, fault="invalid_utf8", text=text)
    name = fields.get("id")
    return RawPrompt(number, str(intent), str(context), None if name is None else str(name), text=text)


def bring(_folder: Path) -> list[Path]:
    """No files: the grammar is part of the code, and teachers are asked one prompt at a time."""
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
