"""Answers of a teacher that costs something are asked for once."""

from pathlib import Path

import pytest

from tasks.sources.drafts import Prompt, draft
from tasks.sources.gemini import BudgetSpent, TeacherFailed, TeacherRefused

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

PROMPTS = [Prompt(n, "system", f"question {n}") for n in (1, 2, 3)]


class Scripted:
    """A teacher that answers with the request, and raises what stands for a request."""

    def __init__(self, faults: dict[str, Exception] | None = None, name: str = "scripted") -> None:
        self.name = name
        self.faults = faults or {}
        self.asked: list[str] = []

    def answer(self, system: str, user: str) -> str:
        self.asked.append(user)
        if user in self.faults:
            raise self.faults[user]
        return f"{system}: {user}"


def drafted(store: Path, teacher: Scripted) -> tuple[list[int], list[str]]:
    """(questions that have an answer, what was told)."""
    told: list[str] = []
    table = draft(PROMPTS, teacher, store, told.append)
    assert table["answer"].tolist() == [f"system: question {n}" for n in table["question"]]
    return table["question"].tolist(), told


def test_each_prompt_is_asked_once_however_often_it_runs(tmp_path: Path) -> None:
    """A second run makes no request; another teacher is asked anew."""
    store = tmp_path / "new" / "drafts.jsonl"
    assert drafted(store, Scripted()) == ([1, 2, 3], [])
    again, other = Scripted(), Scripted(name="other")
    assert drafted(store, again) == ([1, 2, 3], [])
    drafted(store, other)
    assert (again.asked, len(other.asked)) == ([], 3)


def test_a_prompt_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    """The next run asks about it again."""
    store = tmp_path / "drafts.jsonl"
    assert drafted(store, Scripted({"question 2": TeacherFailed("no")})) == ([1, 3], ["question 2: no"])
    later = Scripted()
    assert drafted(store, later)[0] == [1, 2, 3]
    assert later.asked == ["question 2"]


@pytest.mark.parametrize("stop", [BudgetSpent("spent"), TeacherRefused("bad key")])
def test_a_spent_budget_or_a_refused_key_ends_the_asking_and_keeps_what_was_answered(
    tmp_path: Path, stop: Exception
) -> None:
    """It is said once."""
    store = tmp_path / "drafts.jsonl"
    teacher = Scripted({"question 2": stop})
    assert drafted(store, teacher) == ([1], [f"scripted did not get to all questions. {stop}"])
    assert teacher.asked == ["question 1", "question 2"]


def test_a_line_cut_short_by_a_crash_costs_that_answer_alone(tmp_path: Path) -> None:
    """The store goes on to be read."""
    store = tmp_path / "drafts.jsonl"
    drafted(store, Scripted())
    store.write_bytes(store.read_bytes()[:-20])
    later = Scripted()
    assert drafted(store, later)[0] == [1, 2, 3]
    assert later.asked == ["question 3"]
    assert drafted(store, Scripted())[0] == [1, 2, 3]


def test_no_prompts_give_an_empty_table(tmp_path: Path) -> None:
    """With its columns."""
    table = draft([], Scripted(), tmp_path / "drafts.jsonl", print)
    assert (len(table), table.columns.tolist()) == (0, ["question", "answer"])
