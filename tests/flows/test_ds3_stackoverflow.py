"""DS3 as a flow: the sample, the real files, tables, Gemini's stand-in, and input that is not as it should be."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from flows.ds3_stackoverflow import ds3_stackoverflow
from schemas.settings import Settings
from tasks.pipelines.ds3_stackoverflow import api as stack_exchange
from tasks.publish.publish import read_json
from tasks.sources import teachers
from tests.fakes.stack_exchange import Api, question, reply, serving_api

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds3"),
    pytest.mark.usefixtures("prefect_server"),
]

QUESTIONS = "Id,Title,Body,Tags,Score,ViewCount,AcceptedAnswerId,CreationDate\n"
ANSWERS = "AnswerId,QuestionId,AnswerBody,AnswerScore\n"


def run(tmp_path: Path, files: dict[str, str], **parameters: Any) -> Any:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return ds3_stackoverflow(mode="local", source=folder, data_dir=tmp_path / "data", return_state=True, **parameters)


def tables(rows: int = 40) -> dict[str, str]:
    """The two tables: pods that die, their answers over several lines."""
    asked = "".join(
        f'{n},Pod dies,"<p>pod <code>web-{n}</code> in namespace <code>shop</code> is\nOOMKilled</p>",'
        f"<kubernetes>,{5 + n},100,{n}0,2019-01-01\n"
        for n in range(1, rows + 1)
    )
    told = "".join(f'{n}0,{n},"<p>Raise\nthe ""limit"".</p>",{n}\n' for n in range(1, rows + 1))
    return {"Stack_Qns_pl.csv": QUESTIONS + asked, "Stack_Ans_pl.csv": ANSWERS + told}


def manifest(root: Path) -> dict[str, Any]:
    return read_json(root / "processed/ds3_stackoverflow/manifest.json")


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "interim/ds3_stackoverflow.jsonl").read_text().splitlines()]


def adds_up(rows: dict[str, Any]) -> bool:
    return rows["in"] == rows["kept"] + sum(rows["dropped"].values()) + sum(rows["quarantined"].values())


def test_the_sample_is_published_with_its_reports(tmp_path: Path) -> None:
    """Lines of Format B, verified; every raw row accounted for."""
    state = ds3_stackoverflow(data_dir=tmp_path, scale=0.3, return_state=True)
    assert state.is_completed(), state.message
    made = lines(tmp_path)
    assert len(made) == 120
    assert all({"format", "tools"} <= set(line["metadata"]["verified"]) for line in made)
    assert adds_up(manifest(tmp_path)["rows"])
    folder = tmp_path / "processed/ds3_stackoverflow"
    assert read_json(folder / "schema_stats.json")["total_conversations"] == 120
    told = {f["name"]: f for f in read_json(folder / "quality_report.json")["findings"]}
    assert (told["repeated questions"]["limit"], told["repeated questions"]["holds"]) == (0.05, True)
    checked = {finding["name"] for finding in manifest(tmp_path)["findings"]}
    assert set(told) <= checked


def test_the_real_files_give_what_can_be_used_and_say_why_the_rest_can_not(real_data: Path, tmp_path: Path) -> None:
    """Three files of three layouts among those of other datasets."""
    state = ds3_stackoverflow(mode="local", source=real_data, data_dir=tmp_path, return_state=True)
    assert state.is_completed(), state.message
    rows = manifest(tmp_path)["rows"]
    assert adds_up(rows)
    assert (rows["in"], rows["kept"]) == (2_787, 20)
    assert rows["dropped"]["question_text_missing"] == 1_039
    assert {line["metadata"]["licence"] for line in lines(tmp_path)} == {"CC-BY-SA-4.0"}


def test_the_two_tables_are_joined_by_id(tmp_path: Path) -> None:
    """A pair stands for two rows."""
    state = run(tmp_path, tables())
    assert state.is_completed(), state.message
    made = lines(tmp_path / "data")
    assert len(made) == 40
    assert {line["metadata"]["rationale"] for line in made} == {'Raise the "limit".'}
    assert manifest(tmp_path / "data")["rows"]["kept"] == 80


def test_entities_that_expand_are_refused_in_words(tmp_path: Path) -> None:
    """Nothing is published."""
    state = run(tmp_path, {"Posts.xml": "<!DOCTYPE posts [<!ENTITY a 'b'>]><posts><row PostTypeId='1'/></posts>"})
    assert state.is_failed()
    assert "declares a document type" in str(state.message)
    assert not (tmp_path / "data/interim/ds3_stackoverflow.jsonl").exists()


def test_without_a_key_gemini_is_not_asked_and_the_rules_answer(tmp_path: Path) -> None:
    """It is said, and stands in the manifest."""
    state = run(tmp_path, tables(), teacher="gemini")
    assert state.is_completed(), state.message
    assert manifest(tmp_path / "data")["parameters"]["teacher"] == "rules"


def test_geminis_answers_are_used_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it answers is verified like any other; a second run asks nothing."""
    asked: list[str] = []

    class Scripted:
        name = "scripted"

        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def answer(self, system: str, user: str) -> str:
            asked.append(user)
            return orjson.dumps({"workflow": {"steps": []}, "message": f"About {user[:20]}: raise it."}).decode()

    monkeypatch.setattr(teachers, "Gemini", Scripted)
    monkeypatch.setattr(teachers, "secret", lambda _name: SecretStr("k3y"))
    for _ in range(2):
        state = run(tmp_path, tables(), teacher="gemini")
        assert state.is_completed(), state.message
    assert len(asked) == 40
    assert all("raise it" in line["messages"][-1]["content"] for line in lines(tmp_path / "data"))


def test_mode_live_reads_what_the_api_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and answers of the stand-in, joined."""
    questions = [question(n, accepted=n + 1_000) | {"title": f"Pod {n} dies"} for n in range(1, 41)]
    api = Api(questions=questions, answers=[reply(n + 1_000, n) for n in range(1, 41)])
    monkeypatch.setattr(stack_exchange, "PAGES", 20)
    with serving_api(api) as served:
        chosen = Settings(stack_exchange_url=served.url)
        monkeypatch.setattr(stack_exchange, "settings", lambda: chosen)
        state = ds3_stackoverflow(mode="live", data_dir=tmp_path, return_state=True)
    assert state.is_completed(), state.message
    assert manifest(tmp_path)["rows"]["in"] == 2 * len(lines(tmp_path))


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """Into another folder, so that nothing is remembered."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, tables()).is_completed()
    published = [(tmp_path / name / "data/interim/ds3_stackoverflow.jsonl").read_bytes() for name in ("a", "b")]
    assert published[0] == published[1]
