"""Why rows of ds3_stackoverflow are left out: every reason is reachable, explained, and the sample's are among them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.ds3_stackoverflow import APPROVAL_CHANNEL
from tasks.pipelines import ds3_stackoverflow
from tasks.pipelines.ds3_stackoverflow import source
from tasks.pipelines.ds3_stackoverflow.conversations import conversations
from tasks.pipelines.ds3_stackoverflow.rules import REASONS
from tasks.pipelines.ds3_stackoverflow.sample import sample
from tests.tasks.pipelines.ds3_stackoverflow.raw_posts import answer, decoded, question, raw, run

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


FILES: dict[str, tuple[str, bytes]] = {
    "malformed_xml": ("Posts.xml", b'<posts><row Id="1" PostTypeId="1" Title="&undeclared;" /></posts>'),
    "wrong_column_count": ("posts.csv", b"Id,Title,Body,Tags\n1,Pod dies\n"),
    "invalid_utf8": ("posts.csv", b"Id,Title,Body,Tags\n1,Pod \xff,b,docker\n"),
    "malformed_json": ("posts.jsonl", b"{\n"),
    "not_an_object": ("posts.jsonl", b"[1]\n"),
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "bad_id": [question(question_id="x7")],
    "bad_number": [question(question_score="many")],
    "not_a_question_or_answer": [question(kind="other")],
    "no_wanted_tag": [question(question_tags="<cooking>")],
    "score_missing": [question(question_score=None)],
    "score_below_minimum": [question(question_score="4")],
    "title_missing": [question(question_title=" ")],
    "body_missing": [question(question_body=None)],
    "not_the_accepted_answer": [question(), answer(), answer(11)],
    "question_not_used": [answer(90, 9)],
    "question_text_missing": [answer(90, 9, question_tags="<kubernetes>", question_score="9")],
    "duplicate_id": [question(), question()],
    "no_accepted_answer": [question(question_accepted=None)],
}
STEPS = {
    "body_missing": "posts",
    "not_the_accepted_answer": "answers",
    "question_not_used": "answers",
    "question_text_missing": "answers",
    "duplicate_id": "pairs",
    "no_accepted_answer": "pairs",
}


def given_for(rejects: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rejects["outcome"], rejects["reason"], strict=True))


@pytest.mark.parametrize("name", FILES)
def test_a_row_that_cannot_be_read_has_its_reason(tmp_path: Path, name: str) -> None:
    """And its outcome."""
    file, content = FILES[name]
    (tmp_path / file).write_bytes(content)
    _, _, rejects = run(decoded(tmp_path / file))
    assert given_for(rejects) == [("quarantined", name)] == [(REASONS[name].outcome, name)]


def test_a_line_that_is_too_long_has_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lowered here."""
    monkeypatch.setattr(source, "LONGEST", 100)
    (tmp_path / "posts.jsonl").write_text(json.dumps({"id": 1, "body": "x" * 200}) + "\n")
    _, _, rejects = run(decoded(tmp_path / "posts.jsonl"))
    assert given_for(rejects) == [("quarantined", "line_too_long")]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_not_used_has_its_reason_and_step(name: str) -> None:
    """And its outcome."""
    _, _, rejects = run(raw(*ROWS[name]))
    assert given_for(rejects) == [(REASONS[name].outcome, name)]
    assert rejects["step"].tolist() == [STEPS.get(name, "posts")]


def test_a_body_without_text_is_rejected_by_the_step_that_cleans_it() -> None:
    """The reason is the same as for an empty one."""
    _, _, rejects = run(raw(question(question_body="<script>x</script>")))
    assert rejects[["step", "reason"]].to_numpy().tolist() == [["questions", "body_missing"]]


def test_every_reason_is_given_by_some_row() -> None:
    """Two depend on how a run is started."""
    _, _, required = run(raw(question()), require_answer=True)
    _, pairs, _ = run(raw(question()))
    drafts = pd.DataFrame({"question": pd.Series([], dtype="int64"), "answer": pd.Series([], dtype="object")})
    _, undrafted = conversations(pairs, drafts, channel=APPROVAL_CHANNEL)
    assert given_for(required) == [("dropped", "accepted_answer_missing")]
    assert given_for(undrafted) == [("dropped", "teacher_gave_no_answer")]
    reached = {*FILES, *ROWS, "line_too_long", "accepted_answer_missing", "teacher_gave_no_answer"}
    assert reached == set(REASONS)


def test_every_reason_of_the_sample_is_explained(tmp_path: Path) -> None:
    """The sample plants most of them."""
    sample(tmp_path, 42, 0.2)
    _, _, rejects = run(decoded(tmp_path / "Posts.xml"))
    assert len(set(rejects["reason"])) > 8
    assert set(rejects["reason"]) <= set(REASONS)


def test_the_limit_that_a_reason_names_is_the_one_that_is_used() -> None:
    """64 MiB a line."""
    assert f"{source.LONGEST >> 20} MiB" in REASONS["line_too_long"].meaning


def test_the_readme_explains_every_reason() -> None:
    """Name, outcome and meaning, as in the code."""
    readme = (Path(ds3_stackoverflow.__path__[0]) / "README.md").read_text().splitlines()
    rows = [f"| {reason.name} | {reason.outcome} | {reason.meaning} |" for reason in REASONS.values()]
    assert [row for row in rows if row not in readme] == []
