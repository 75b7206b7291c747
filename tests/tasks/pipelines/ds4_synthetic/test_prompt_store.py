"""The prompt store: nothing is lost and nothing made twice, whoever answers and whenever the process is killed."""

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

import pytest
from pydantic import SecretStr

from schemas.finding import SourceError
from tasks.pipelines.ds4_synthetic import prompt_store
from tasks.pipelines.ds4_synthetic.prompt_store import TeacherReport, fill
from tasks.sources.gemini import Budget, BudgetSpent, Gemini, TeacherFailed, TeacherRefused
from tests.conftest import PROJECT
from tests.fakes.gemini import GeminiServer
from tests.tasks.pipelines.ds4_synthetic.stores import (
    SCALE,
    STATUS,
    TEXTS,
    StandIn,
    asked,
    brought,
    exported,
    lines_of,
    run,
)

pytestmark = pytest.mark.integration


# --- what a run does -------------------------------------------------------------------------------------------------


def test_the_grammar_needs_no_file_no_key_and_no_teacher(tmp_path: Path) -> None:
    """Every prompt of it is answered, in one go."""
    filled = run(tmp_path)
    assert filled.waiting == 0
    assert filled.teachers == {"grammar": len(exported(tmp_path))}
    assert all(row["answer"] and row["family"] and row["scenario"] for row in exported(tmp_path))


def test_a_run_with_no_new_prompts_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    """Byte for byte, export and store; also when the file of prompts is no longer there."""
    file = lines_of(tmp_path, *asked(*TEXTS))
    run(tmp_path, file, teacher=StandIn())
    before = [(tmp_path / name).read_bytes() for name in ("p.sqlite", "e.jsonl")]
    teacher = StandIn()
    run(tmp_path, file, teacher=teacher)
    assert [(tmp_path / name).read_bytes() for name in ("p.sqlite", "e.jsonl")] == before
    run(tmp_path, teacher=teacher)
    assert teacher.asked == []
    kept = {row["id"]: row["answer"] for row in exported(tmp_path)}
    assert kept == {row["id"]: row["answer"] for row in map(json.loads, before[1].splitlines())}


def test_a_new_prompt_adds_itself_and_changes_nothing_else(tmp_path: Path) -> None:
    """What was answered is not asked again."""
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS[:3])), teacher=StandIn())
    before = exported(tmp_path)
    teacher = StandIn()
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)), teacher=teacher)
    assert len(teacher.asked) == 2
    assert [row for row in exported(tmp_path) if row["number"] <= 3] == before


def test_the_export_does_not_depend_on_the_order_of_things(tmp_path: Path) -> None:
    """All at once, or one by one, the last first and with failures in between: the same bytes."""
    once, slowly = tmp_path / "once", tmp_path / "slowly"
    for folder in (once, slowly):
        folder.mkdir()
    for first in reversed(range(len(TEXTS))):
        file = lines_of(tmp_path, *asked(*TEXTS[first:]))
        run(slowly, file, teacher=StandIn(**{TEXTS[first]: TeacherFailed("not now")}))
    for folder in (once, slowly):
        run(folder, file, teacher=StandIn())
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
    file, warnings = lines_of(tmp_path, *asked(*TEXTS)), list[str]()
    for _ in range(2):
        bad = StandIn(**{TEXTS[2]: TeacherFailed("cannot say")})
        filled = fill(
            tmp_path / "p.sqlite", tmp_path / "e.jsonl", [file], scale=SCALE, teacher=bad, warn=warnings.append
        )
    assert filled.teacher_report == TeacherReport(answered=0, failed=1)
    assert len(warnings) == 2
    with sqlite3.connect(tmp_path / "p.sqlite") as db:
        assert db.execute("SELECT teacher, fault, times FROM failures").fetchall() == [("stand-in", "cannot say", 2)]
    assert run(tmp_path, file, teacher=StandIn()).waiting == 0
    with sqlite3.connect(tmp_path / "p.sqlite") as db:
        assert db.execute("SELECT count(*) FROM failures").fetchone() == (0,)


def test_an_answer_that_is_no_workflow_is_a_failure(tmp_path: Path) -> None:
    """Whatever a teacher promises, what is stored is a workflow."""
    teacher = StandIn()
    teacher.answer = lambda system, user: "Sure! Here you go."  # type: ignore[method-assign]
    assert run(tmp_path, lines_of(tmp_path, *asked(*TEXTS)), teacher=teacher).teacher_report.failed == 5


@pytest.mark.parametrize("error", [BudgetSpent("spent"), TeacherRefused("no key")])
def test_a_spent_budget_or_a_refused_key_stops_the_lesson_and_keeps_what_was_learnt(
    tmp_path: Path, error: Exception
) -> None:
    """The rest waits; the reason is told."""
    file = lines_of(tmp_path, *asked(*TEXTS))
    keys = {prompt_store.prompt_id(text, ""): text for text in TEXTS}
    third = keys[sorted(keys)[2]]
    filled = run(tmp_path, file, teacher=StandIn(**{third: error}))
    assert (filled.teacher_report.answered, filled.teacher_report.stopped, filled.waiting) == (2, str(error), 3)
    assert run(tmp_path, file, teacher=StandIn()).teacher_report.answered == 3


def test_a_teacher_is_told_the_offer_the_rules_and_the_environment(tmp_path: Path) -> None:
    """The rules are for the teacher only: the dataset's system message has the offer alone."""
    heard = []

    class Ear(StandIn):
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
    first = exported(tmp_path)
    run(tmp_path)
    gone = next(row for row in first if row["id"] not in {now["id"] for now in exported(tmp_path)})
    file = lines_of(tmp_path, {name: gone[name] for name in ("user_intent", "tool_context")})
    run(tmp_path, file, scale=0.3)
    assert brought(tmp_path) == []
    run(tmp_path, file)
    assert [row["id"] for row in brought(tmp_path)] == [gone["id"]]
    assert brought(tmp_path)[0]["answer"] is None


def test_a_teachers_answer_gives_way_to_the_exact_one(tmp_path: Path) -> None:
    """When the grammar comes to know a prompt, its answer is the one."""
    run(tmp_path, scale=0.3)
    known = {row["id"]: row for row in exported(tmp_path)}
    run(tmp_path)
    gone = next(row for key, row in known.items() if key not in {now["id"] for now in exported(tmp_path)})
    file = lines_of(tmp_path, {name: gone[name] for name in ("user_intent", "tool_context")})
    run(tmp_path, file, teacher=StandIn())
    assert [row["teacher"] for row in brought(tmp_path)] == ["stand-in"]
    run(tmp_path, file, scale=0.3)
    assert brought(tmp_path) == []


def test_a_run_that_fails_in_the_middle_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the grammar is not stored; the next run has all of it."""
    run(tmp_path)
    before = (tmp_path / "p.sqlite").read_bytes()
    store, stored_now = prompt_store._save_answer, list[str]()

    def fail_later(db: sqlite3.Connection, generation: tuple[str, ...]) -> None:
        store(db, generation)
        stored_now.append(generation[0])
        if len(stored_now) == 20:
            raise OSError("disk full")

    monkeypatch.setattr(prompt_store, "_save_answer", fail_later)
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
from tasks.pipelines.ds4_synthetic import export, prompt_store
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

store = prompt_store._save_answer
def half(db, generation):
    if Mortal.answers == 3 and moment == "between its two writes":
        db.execute(f"INSERT INTO generations ({prompt_store.ANSWERS}) VALUES (?, ?, ?, ?, ?, ?, ?)", generation)
        die()
    store(db, generation)
    if Mortal.answers == 3 and moment == "before the commit":
        die()
    if Mortal.answers == 0 and moment == "in the grammar":
        die()
prompt_store._save_answer = half
move = export.snapshots.move
def last(*paths):
    if moment == "before the export":
        die()
    move(*paths)
export.snapshots.move = last

gemini = Mortal(SecretStr("a-key-for-tests"), budget=Budget(1000, 10**9), url=url, wait_s=0.01)
prompt_store.fill(folder / "p.sqlite", folder / "e.jsonl", [("prompts.jsonl", folder / "prompts.jsonl")], scale=0.0,
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
    assert Counter(row["teacher"].split("/")[0] for row in exported(killed))["gemini"] == 5


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

    class Slow(StandIn):
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


def test_a_store_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    """What to do about it stands in the message."""
    (tmp_path / "p.sqlite").write_bytes(b"not a database at all, but long enough to be looked at" * 10)
    with pytest.raises(SourceError, match="is no prompt store"):
        run(tmp_path)
