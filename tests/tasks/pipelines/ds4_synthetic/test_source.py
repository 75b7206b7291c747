"""Raw files of prompts: recognised by their content, every bad row with its fault and place."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from schemas.finding import SourceError
from tasks.pipelines.ds4_synthetic import source
from tasks.pipelines.ds4_synthetic.source import SOURCE, SQLITE, has_prompt_file
from tests.tasks.pipelines.ds4_synthetic.stores import TEXTS, asked, brought, lines_of, run

pytestmark = pytest.mark.integration

BAD = {
    '{"user_intent": "cut': "not_json",
    '{"user_intent": "a", "user_intent": "b"}': "repeated_key",
    '{"user_intent": "a\\u0000b"}': "nul",
    '["a list"]': "not_an_object",
    '{"tool_context": "x"}': "user_intent_missing",
    '{"user_intent": "  "}': "user_intent_missing",
    '{"user_intent": 5}': "user_intent_missing",
    '{"user_intent": "a", "tool_context": 5}': "tool_context_unreadable",
    '{"user_intent": "a", "tool_context": "{oh"}': "tool_context_unreadable",
    '{"user_intent": "a", "tool_context": ["no_such_tool"]}': "tool_unknown",
    '{"user_intent": "a", "tool_context": {"environment": "moon"}}': "environment_unknown",
    json.dumps({"user_intent": "x" * 20_001}): "text_too_long",
    json.dumps({"user_intent": "x" * 5_000_000}): "line_too_long",
    json.dumps({"id": 1, "user_intent": "Unheard-of request 99"}): "duplicate_id",
    json.dumps({"id": 7, "user_intent": "Unheard-of request 0"}): "duplicate_prompt",
}


def test_every_bad_row_is_told_with_its_place_and_no_other_is_touched(tmp_path: Path) -> None:
    """Rows in = prompts + faults."""
    good = [{"id": number, **row} for number, row in enumerate(asked(*TEXTS), start=1)]
    file = lines_of(tmp_path, *good, *(f"{text}\n" for text in BAD))
    run(tmp_path, file)
    rows = brought(tmp_path)
    assert {row["number"]: row["fault"] for row in rows if row["fault"]} == dict(enumerate(BAD.values(), start=6))
    assert len(rows) == len(good) + len(BAD) == source.count(file[1])
    assert max(len(row["row"] or "") for row in rows) <= 2_000


def database(folder: Path, *rows: tuple[Any, ...], columns: str = "id, user_intent, tool_context, processed") -> Path:
    path = folder / "mine.db"
    with sqlite3.connect(path) as db:
        db.execute(f"CREATE TABLE prompts ({columns})")
        db.executemany(f"INSERT INTO prompts VALUES ({', '.join('?' * len(columns.split(',')))})", rows)  # noqa: S608
    db.close()
    return path


def test_a_sqlite_file_is_a_source_too(tmp_path: Path) -> None:
    """Recognised by its table; bad values are faults; nothing is written beside it."""
    rows = [(1, "one", "", 0), (2, None, "", 1), (3, b"\xff\xfe", "", 0), (1, "again", "", 0), (4, "four", None, 0)]
    path = database(tmp_path, *rows)
    assert source.identify(path) == "prompts"
    assert source.count(path) == 5
    run(tmp_path, (path.name, path))
    found = {row["number"]: row["fault"] for row in brought(tmp_path)}
    assert found == {1: None, 2: "user_intent_missing", 3: "user_intent_missing", 4: "duplicate_id", 5: None}
    assert {entry.name for entry in tmp_path.iterdir()} == {"mine.db", "p.sqlite", "p.lock", "e.jsonl"}


def test_text_that_is_no_utf8_is_a_fault(tmp_path: Path) -> None:
    """In a database as in a line; it is not stored with holes in it."""
    path = tmp_path / "mine.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE prompts (user_intent TEXT)")
        db.execute("INSERT INTO prompts VALUES (CAST(x'61ff62' AS TEXT))")
    db.close()
    (tmp_path / "p.jsonl").write_bytes(b'{"user_intent": "a\xffb"}\n')
    run(tmp_path, ("mine.db", path), ("p.jsonl", tmp_path / "p.jsonl"))
    assert [row["fault"] for row in brought(tmp_path)] == ["invalid_utf8", "invalid_utf8"]


def test_files_are_recognised_by_what_is_in_them(tmp_path: Path) -> None:
    """Not by their names: other JSON Lines and other databases in the same folder are left alone."""
    others = {
        "prompts.jsonl": b'{"messages": []}\n',
        "prompts.db": b"no database",
        "cut.db": SQLITE + b"\1" * 50,
        "empty.jsonl": b"",
        "prompts.txt": b'{"user_intent": "x"}\n',
        "binary.jsonl": bytes(range(256)) * 100,
    }
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
        assert source.identify(tmp_path / name) is None
    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE people (name)")
    db.close()
    assert source.identify(tmp_path / "other.sqlite") is None
    assert not has_prompt_file(tmp_path)
    (tmp_path / "anything.jsonl").write_bytes(b'oh\n{"id": 1, "user_intent": "x"}\n')
    assert source.identify(tmp_path / "anything.jsonl") == "prompts"
    assert has_prompt_file(tmp_path)


def test_a_broken_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    """With its name; the store is as it was."""
    path = database(tmp_path, *((number, f"text {number} " * 50, "", 0) for number in range(200)))
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xaa" * (len(data) - 8192))
    with pytest.raises(SourceError, match=r"mine\.db cannot be read to its end"):
        run(tmp_path, ("mine.db", path))


def test_live_brings_nothing_and_needs_nothing(tmp_path: Path) -> None:
    """There is no address to download from."""
    assert SOURCE.bring is not None
    assert SOURCE.bring(tmp_path) == []
