"""DS4 as a flow: with and without prompt files, with and without a key, and again with nothing new."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.ds4_synthetic import NO_KEY, ds4_synthetic
from schemas.settings import settings
from tasks.publish.publish import read_json
from tests.fakes.gemini import GOOD, GeminiServer
from tests.flows.tree import published

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds4"),
    pytest.mark.usefixtures("prefect_server"),
]

KEY = "a-key-that-must-never-be-seen-0123456789"
SCALE = 0.1


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    """A stand-in for Gemini, and a key for it, in this process's settings."""
    with GeminiServer() as server:
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        monkeypatch.setenv("AUTOMEND_GEMINI_URL", server.url)
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()


def run(root: Path, **parameters: Any) -> Any:
    state = ds4_synthetic(**{"data_dir": root, "scale": SCALE, "return_state": True, **parameters})
    assert state.is_completed(), state.message
    return state


def manifest(root: Path) -> dict[str, Any]:
    return read_json(root / "processed/ds4_synthetic/manifest.json")


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "interim/ds4_synthetic.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def sample(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    run(root)
    return root


def test_every_published_line_passed_all_three_stages(sample: Path) -> None:
    """All of the grammar, and nothing else."""
    stages = {tuple(line["metadata"]["verified"]) for line in lines(sample)}
    assert stages == {("format", "tools", "execution")}
    assert len(lines(sample)) == read_json(sample / "processed/ds4_synthetic/schema_stats.json")["total_conversations"]


def test_rows_in_are_rows_kept_dropped_and_quarantined(sample: Path) -> None:
    """With what the sample planted, told in the manifest, and no anomaly."""
    rows = manifest(sample)["rows"]
    assert rows["dropped"] == {"duplicate_id": 1, "duplicate_prompt": 1, "not_answered": 5}
    assert rows["quarantined"] == {"not_json": 1, "user_intent_missing": 1}
    assert rows["in"] == rows["kept"] + 9


def test_a_second_run_with_no_new_prompts_leaves_every_byte_as_it_was(sample: Path) -> None:
    """Published files, reports and manifest."""
    before = published(sample)
    run(sample)
    assert published(sample) == before


def test_a_folder_without_prompts_is_no_fault(tmp_path: Path) -> None:
    """The grammar alone, in mode local; the manifest names what was not there."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "other.jsonl").write_text('{"messages": []}\n')
    run(tmp_path / "data", mode="local", source=tmp_path / "in")
    assert manifest(tmp_path / "data")["missing"] == ["prompts"]
    assert len(lines(tmp_path / "data")) > 80


def test_live_needs_no_network(tmp_path: Path) -> None:
    """The grammar is here."""
    run(tmp_path, mode="live")
    assert manifest(tmp_path)["mode"] == "live"


def test_without_a_key_gemini_is_not_asked_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the log and in the manifest, with what runs without it."""
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    settings.cache_clear()
    caplog.set_level(logging.INFO)
    run(tmp_path, teacher="gemini")
    assert caplog.text.count(NO_KEY) == 1
    assert manifest(tmp_path)["parameters"]["teacher_note"] == NO_KEY
    assert manifest(tmp_path)["parameters"]["teacher"] == "grammar"


def test_with_a_key_gemini_answers_what_the_grammar_does_not_know(
    tmp_path: Path, gemini: GeminiServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its rows pass format and tools, for no post-condition is known; a second run asks nothing; the key is nowhere."""
    caplog.set_level(logging.DEBUG)
    run(tmp_path, teacher="gemini")
    answered = [line for line in lines(tmp_path) if line["messages"][-1]["content"] == GOOD]
    assert len(answered) == len(gemini.requests) == 5
    assert all(line["metadata"]["verified"] == ["format", "tools"] for line in answered)
    before = published(tmp_path)
    run(tmp_path, teacher="gemini")
    assert len(gemini.requests) == 5
    assert published(tmp_path) == before
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in caplog.text


def test_a_spent_budget_keeps_what_was_answered_and_a_later_run_goes_on(tmp_path: Path, gemini: GeminiServer) -> None:
    """Two requests now, the other three later."""
    run(tmp_path, teacher="gemini", requests=2)
    assert manifest(tmp_path)["rows"]["dropped"]["not_answered"] == 3
    run(tmp_path, teacher="gemini", requests=500)
    assert "not_answered" not in manifest(tmp_path)["rows"]["dropped"]
    assert len(gemini.requests) == 5
