"""The prompt store: nothing lost, nothing made twice, whoever answers and whenever the process dies."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from schemas.ds4_synthetic import RAW
from schemas.finding import SourceError
from schemas.workflow import answer
from tasks.pipelines.ds4_synthetic import source as prompts
from tasks.pipelines.ds4_synthetic.source import Filled, fill
from tasks.sources.gemini import Budget, BudgetSpent, Gemini, TeacherFailed, TeacherRefused
from tests.conftest import PROJECT
from tests.fakes.gemini import GeminiServer

pytestmark = pytest.mark.integration

STATUS = answer([("get_node_status", {"node": "n1"})])
SCALE = 0.0  # one request of each family
TEXTS = [f"Unheard-of request {number}" for number in range(5)]


class Stand:
    """A teacher that answers all, but for what `refuses` says, and remembers what it was asked."""

    name = "stand-in"

    def __init__(self, **refuses: Exception) -> None:
        self.refuses = refuses
        self.asked: list[str] = []

    def answer(self, system: str, user: str) -> str:
        self.asked.append(user)
        for text, error in self.refuses.items():
            if user.endswith(text):
                raise error
        return STATUS


def lines_of(folder: Path, *rows: Any, name: str = "prompts.jsonl") -> tuple[str, Path]:
    path = folder / name
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return name, path


def asked(*texts: str) -> list[dict[str, str]]:
    return [{"user_intent": text, "tool_context": ""} for text in texts]


def run(folder: Path, *files: tuple[str, Path], teacher: Any = None, scale: float = SCALE) -> Filled:
    return fill(folder / "p.sqlite", folder / "e.jsonl", files, scale=scale, teacher=teacher)


def export(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "e.jsonl").read_text().splitlines()]


def brought(folder: Path) -> list[dict[str, Any]]:
    return [row for row in export(folder) if row["teacher"] != "grammar"]


# --- what a run does -------------------------------------------------------------------------------------------------


def test_the_grammar_needs_no_file_no_key_and_no_teacher(tmp_path: Path) -> None:
    """Every prompt of it is answered, in one go."""
    filled = run(tmp_path)
    assert filled.waiting == 0
    assert filled.teachers == {"grammar": len(export(tmp_path))}
    assert all(row["answer"] and row["family"] and row["scenario"] for row in export(tmp_path))


def test_a_run_with_no_new_prompts_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    """Byte for byte, export and store; also when the file of prompts is no longer there."""
    file = lines_of(tmp_path, *asked(*TEXTS))
    run(tmp_path, file, teacher=Stand())
    before = [(tmp_path / name).read_bytes() for name in ("p.sqlite", "e.jsonl")]
    teacher = Stand()
    run(tmp_path, file, teacher=teacher)
    assert [(tmp_path / name).read_bytes() for name in ("p.sqlite", "e.jsonl")] == before
    run(tmp_path, teacher=teacher)
    assert teacher.asked == []
    kept = {row["id"]: row["answer"] for row in export(tmp_path)}
    assert kept == {row["id"]: row["answer"] for row in map(json.loads, before[1].splitlines())}


def test_a_new_prompt_adds_itself_and_changes_nothing_else(tmp_path: Path) -> None:
    """What was answered is not asked again."""
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS[:3])), teacher=Stand())
    before = export(tmp_path)
    teacher = Stand()
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)), teacher=teacher)
    assert len(teacher.asked) == 2
    assert [row for row in export(tmp_path) if row["number"] <= 3] == before


def test_the_export_does_not_depend_on_the_order_of_things(tmp_path: Path) -> None:
    """All at once, or one by one, the last first and with failures in between: the same bytes."""
    once, slowly = tmp_path / "once", tmp_path / "slowly"
    for folder in (once, slowly):
        folder.mkdir()
    for first in reversed(range(len(TEXTS))):
        file = lines_of(tmp_path, *asked(*TEXTS[first:]))
        run(slowly, file, teacher=Stand(**{TEXTS[first]: TeacherFailed("not now")}))
    for folder in (once, slowly):
        run(folder, file, teacher=Stand())
    assert (once / "e.jsonl").read_bytes() == (slowly / "e.jsonl").read_bytes()


def test_a_prompt_without_an_answer_waits(tmp_path: Path) -> None:
    """It is in the export with its place, and unprocessed in the store."""
    filled = run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)))
    waiting = brought(tmp_path)
    assert filled.waiting == len(waiting) == 5
    assert {(row["answer"], row["origin"]) for row in waiting} == {(None, "prompts.jsonl")}
    assert sorted(row["number"] for row in waiting) == [1, 2, 3, 4, 5]
    with sqlite3.connect(tmp_path / "p.sqlite") as db:
        assert db.execute("SELECT count(*) FROM prompts WHERE processed = 0").fetchone() == (5,)
    assert "5 without an answer" in str(filled)


def test_a_failed_prompt_does_not_stop_the_others_and_is_recorded(tmp_path: Path) -> None:
    """It is told, counted each time, tried again, and forgotten as a failure once it is answered."""
    file, told = lines_of(tmp_path, *asked(*TEXTS)), list[str]()
    for _ in range(2):
        bad = Stand(**{TEXTS[2]: TeacherFailed("cannot say")})
        filled = fill(tmp_path / "p.sqlite", tmp_path / "e.jsonl", [file], scale=SCALE, teacher=bad, told=told.append)
    assert filled.lesson == prompts.Lesson(answered=0, failed=1)
    assert len(told) == 2
    with sqlite3.connect(tmp_path / "p.sqlite") as db:
        assert db.execute("SELECT teacher, fault, times FROM failures").fetchall() == [("stand-in", "cannot say", 2)]
    assert run(tmp_path, file, teacher=Stand()).waiting == 0
    with sqlite3.connect(tmp_path / "p.sqlite") as db:
        assert db.execute("SELECT count(*) FROM failures").fetchone() == (0,)


def test_an_answer_that_is_no_workflow_is_a_failure(tmp_path: Path) -> None:
    """Whatever a teacher promises, what is stored is a workflow."""
    teacher = Stand()
    teacher.answer = lambda system, user: "Sure! Here you go."  # type: ignore[method-assign]
    assert run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)), teacher=teacher).lesson.failed == 5


@pytest.mark.parametrize("error", [BudgetSpent("spent"), TeacherRefused("no key")])
def test_a_spent_budget_or_a_refused_key_stops_the_lesson_and_keeps_what_was_learnt(
    tmp_path: Path, error: Exception
) -> None:
    """The rest waits; the reason is told."""
    file = lines_of(tmp_path, *asked(*TEXTS))
    keys = {prompts.prompt_id(text, ""): text for text in TEXTS}
    third = keys[sorted(keys)[2]]
    filled = run(tmp_path, file, teacher=Stand(**{third: error}))
    assert (filled.lesson.answered, filled.lesson.stopped, filled.waiting) == (2, str(error), 3)
    assert run(tmp_path, file, teacher=Stand()).lesson.answered == 3


def test_a_teacher_is_told_the_offer_the_rules_and_the_environment(tmp_path: Path) -> None:
    """The rules are for the teacher only: the dataset's system message has the offer alone."""
    heard = []

    class Ear(Stand):
        def answer(self, system: str, user: str) -> str:
            heard.append(system)
            return STATUS

    context = {"environment": "staging", "tools": ["get_node_status"]}
    run(tmp_path, lines_of(tmp_path, {"user_intent": "How is n1?", "tool_context": context}), teacher=Ear())
    assert "get_node_status" in heard[0]
    assert "this is staging" in heard[0]
    assert "drain_node" not in heard[0]


def test_prompts_of_another_scale_go_and_those_somebody_brought_stay(tmp_path: Path) -> None:
    """The grammar's part is what it says today; a prompt from a file that it answered waits again."""
    run(tmp_path, scale=0.3)
    first = export(tmp_path)
    run(tmp_path)
    gone = next(row for row in first if row["id"] not in {now["id"] for now in export(tmp_path)})
    file = lines_of(tmp_path, {name: gone[name] for name in ("user_intent", "tool_context")})
    run(tmp_path, file, scale=0.3)
    assert brought(tmp_path) == []
    run(tmp_path, file)
    assert [row["id"] for row in brought(tmp_path)] == [gone["id"]]
    assert brought(tmp_path)[0]["answer"] is None


def test_a_teachers_answer_gives_way_to_the_exact_one(tmp_path: Path) -> None:
    """When the grammar comes to know a prompt, its answer is the one."""
    run(tmp_path, scale=0.3)
    known = {row["id"]: row for row in export(tmp_path)}
    run(tmp_path)
    gone = next(row for key, row in known.items() if key not in {now["id"] for now in export(tmp_path)})
    file = lines_of(tmp_path, {name: gone[name] for name in ("user_intent", "tool_context")})
    run(tmp_path, file, teacher=Stand())
    assert [row["teacher"] for row in brought(tmp_path)] == ["stand-in"]
    run(tmp_path, file, scale=0.3)
    assert brought(tmp_path) == []


def test_a_run_that_fails_in_the_middle_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the grammar is not stored; the next run has all of it."""
    run(tmp_path)
    before = (tmp_path / "p.sqlite").read_bytes()
    store, stored_now = prompts._store, list[str]()

    def fail_later(db: sqlite3.Connection, generation: tuple[str, ...]) -> None:
        store(db, generation)
        stored_now.append(generation[0])
        if len(stored_now) == 20:
            raise OSError("disk full")

    monkeypatch.setattr(prompts, "_store", fail_later)
    with pytest.raises(OSError, match="disk full"):
        run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)), scale=0.3)
    monkeypatch.undo()
    assert (tmp_path / "p.sqlite").read_bytes() == before
    assert run(tmp_path, scale=0.3).waiting == 0


# --- death -----------------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sqlite3, sys
from pathlib import Path
from pydantic import SecretStr
from tasks.pipelines.ds4_synthetic import source as prompts
from tasks.sources.gemini import Budget, Gemini

folder, url, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)

class Mortal(Gemini):
    answers = 0
    def answer(self, system, user):
        text = super().answer(system, user)
        Mortal.answers += 1
        if Mortal.answers == 3 and moment == "before storing":
            die()
        return text

store = prompts._store
def half(db, generation):
    if Mortal.answers == 3 and moment == "between its two writes":
        db.execute(f"INSERT INTO generations ({prompts.ANSWERS}) VALUES (?, ?, ?, ?, ?, ?, ?)", generation)
        die()
    store(db, generation)
    if Mortal.answers == 3 and moment == "before the commit":
        die()
    if Mortal.answers == 0 and moment == "in the grammar":
        die()
prompts._store = half
move = prompts.snapshots.move
def last(*paths):
    if moment == "before the export":
        die()
    move(*paths)
prompts.snapshots.move = last

gemini = Mortal(SecretStr("a-key-for-tests"), budget=Budget(1000, 10**9), url=url, wait_s=0.01)
prompts.fill(folder / "p.sqlite", folder / "e.jsonl", [("prompts.jsonl", folder / "prompts.jsonl")], scale=0.0,
             teacher=gemini)
"""
MOMENTS = {  # when the process dies -> answers in the store afterwards
    "in the grammar": None,
    "before storing": 2,
    "between its two writes": 2,
    "before the commit": 2,
    "before the export": 5,
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_point_nothing_is_lost_or_made_twice(tmp_path: Path, moment: str) -> None:
    """A real process, killed by SIGKILL; the next run pays only for what was not stored, and ends as if nothing was."""
    once, killed = tmp_path / "once", tmp_path / "killed"
    for folder in (once, killed):
        folder.mkdir()
        lines_of(folder, *asked(*TEXTS))
    with GeminiServer() as gemini:
        died = child(killed, gemini.url, moment)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert stored(killed) == (MOMENTS[moment], MOMENTS[moment])
        before = len(gemini.requests)
        for folder in (killed, once):
            run(folder, ("prompts.jsonl", folder / "prompts.jsonl"), teacher=reborn(gemini))
        assert len(gemini.requests) - before == 5 - (MOMENTS[moment] or 0) + 5
    assert (killed / "e.jsonl").read_bytes() == (once / "e.jsonl").read_bytes()
    assert Counter(row["teacher"].split("/")[0] for row in export(killed))["gemini"] == 5


def reborn(server: GeminiServer) -> Gemini:
    return Gemini(SecretStr("a-key-for-tests"), budget=Budget(1000, 10**9), url=server.url, wait_s=0.01)


def child(folder: Path, url: str, moment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(folder), url, moment]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def stored(folder: Path) -> tuple[int | None, int | None]:
    """(answers of the teacher, prompts marked as processed by it); None where the store has nothing at all."""
    with sqlite3.connect(folder / "p.sqlite") as db:
        if db.execute("SELECT count(*) FROM prompts").fetchone() == (0,):
            return None, None
        answers = db.execute("SELECT count(*) FROM generations WHERE teacher != 'grammar'").fetchone()[0]
        mine = "SELECT prompt_id FROM generations WHERE teacher = 'grammar'"
        marked = db.execute(f"SELECT count(*) FROM prompts WHERE processed = 1 AND id NOT IN ({mine})").fetchone()[0]  # noqa: S608
    return answers, marked


def test_two_runs_at_once_take_turns(tmp_path: Path) -> None:
    """Each prompt is asked for once, though both found it waiting: the teacher takes its time."""
    file, asking = lines_of(tmp_path, *asked(*TEXTS)), threading.Event()

    class Slow(Stand):
        def answer(self, system: str, user: str) -> str:
            asking.set()
            time.sleep(0.2)
            return super().answer(system, user)

    teacher = Slow()
    runs = [threading.Thread(target=run, args=(tmp_path, file), kwargs={"teacher": teacher}) for _ in range(2)]
    runs[0].start()
    asking.wait(60)
    runs[1].start()
    for thread in runs:
        thread.join()
    assert sorted(teacher.asked) == TEXTS


# --- raw files -------------------------------------------------------------------------------------------------------

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
    assert len(rows) == len(good) + len(BAD) == prompts.count(file[1])
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
    assert prompts.identify(path) == "prompts"
    assert prompts.count(path) == 5
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
        "cut.db": prompts.SQLITE + b"\1" * 50,
        "empty.jsonl": b"",
        "prompts.txt": b'{"user_intent": "x"}\n',
        "binary.jsonl": bytes(range(256)) * 100,
    }
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
        assert prompts.identify(tmp_path / name) is None
    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE people (name)")
    db.close()
    assert prompts.identify(tmp_path / "other.sqlite") is None
    assert not prompts.among(tmp_path)
    (tmp_path / "anything.jsonl").write_bytes(b'oh\n{"id": 1, "user_intent": "x"}\n')
    assert prompts.identify(tmp_path / "anything.jsonl") == "prompts"
    assert prompts.among(tmp_path)


def test_a_broken_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    """With its name; the store is as it was."""
    path = database(tmp_path, *((number, f"text {number} " * 50, "", 0) for number in range(200)))
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xaa" * (len(data) - 8192))
    with pytest.raises(SourceError, match=r"mine\.db cannot be read to its end"):
        run(tmp_path, ("mine.db", path))


def test_a_store_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    """What to do about it stands in the message."""
    (tmp_path / "p.sqlite").write_bytes(b"not a database at all, but long enough to be looked at" * 10)
    with pytest.raises(SourceError, match="is no prompt store"):
        run(tmp_path)


# --- the export, and the sample --------------------------------------------------------------------------------------


def test_decode_gives_every_line_of_the_export_with_its_number(tmp_path: Path) -> None:
    """Fields as text; a line that was cut is a row with a fault."""
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS), "{oh\n"))
    text = (tmp_path / "e.jsonl").read_text()
    (tmp_path / "e.jsonl").write_text(text + "\n" + text[:50])
    table = pa.concat_tables(prompts.decode(tmp_path / "e.jsonl", "e.jsonl"))
    rows = table.to_pylist()
    assert table.schema == RAW
    assert len(rows) == len(text.splitlines()) + 1
    assert [row["line"] for row in rows[:-1]] == list(range(1, len(rows)))
    assert (rows[-1]["fault"], rows[-1]["row"]) == ("not_json", text[:50])
    by_id = {row["id"]: row for row in map(json.loads, text.splitlines())}
    assert all(row["answer"] == by_id[row["id"]]["answer"] for row in rows[:-1])


def test_the_sample_has_what_its_truth_says(tmp_path: Path) -> None:
    """Prompts the grammar knows, prompts that wait, and one row of each planted fault; the same bytes by seed."""
    prompts.sample(tmp_path, 42, 0.1)
    before = (tmp_path / "prompts.jsonl").read_bytes()
    prompts.sample(tmp_path, 42, 0.1)
    assert (tmp_path / "prompts.jsonl").read_bytes() == before
    truth = json.loads((tmp_path / "truth.json").read_text())
    filled = run(tmp_path, ("prompts.jsonl", tmp_path / "prompts.jsonl"), scale=0.1)
    rows = [row for row in export(tmp_path) if row["origin"]]
    assert Counter(row["fault"] for row in rows if row["fault"]) == truth["faults"]
    assert filled.waiting == truth["waiting"]
    assert sum(row["teacher"] == "grammar" for row in rows) == truth["known"]
    assert len(rows) == prompts.count(tmp_path / "prompts.jsonl")


def test_live_brings_nothing_and_needs_nothing(tmp_path: Path) -> None:
    """There is no address to download from."""
    assert prompts.SOURCE.bring is not None
    assert prompts.SOURCE.bring(tmp_path) == []
