"""DS5 as a flow, on real rows and on files that are not as they should be."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.ds5_glaive import ds5_glaive
from tasks.pipelines.ds5_glaive.sample import WITHOUT
from tasks.publish.publish import read_json

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds5"),
    pytest.mark.usefixtures("prefect_server"),
]


def row(n: int) -> dict[str, str]:
    return {"system": WITHOUT, "chat": f"USER: Question {n}?\n\n\nASSISTANT: Answer {n}. <|endoftext|>\n\n\n"}


def run(tmp_path: Path, text: str, **parameters: Any) -> Any:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    (folder / "chats.json").write_text(text)
    return ds5_glaive(mode="local", source=folder, data_dir=tmp_path / "data", return_state=True, **parameters)


def document(root: Path, name: str) -> Any:
    return read_json(root / "processed/ds5_glaive" / name)


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "interim/ds5_glaive.jsonl").read_text().splitlines()]


def test_every_real_row_is_published_or_a_repetition(
    prefect_server: None, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The folder holds the files of all datasets; only Glaive's is read."""
    root = tmp_path_factory.mktemp("real")
    state = ds5_glaive(mode="local", source=real_data, data_dir=root, return_state=True)
    assert state.is_completed(), state.message
    rows = document(root, "manifest.json")["rows"]
    assert rows["in"] == 146
    assert rows["kept"] + rows["dropped"]["duplicate_id"] == 146
    assert rows["quarantined"] == {}
    assert len(lines(root)) == rows["kept"]
    assert all(line["metadata"]["verified"] == ["format", "tools"] for line in lines(root))
    assert document(root, "schema_stats.json")["total_conversations"] == rows["kept"]
    assert document(root, "quality_report.json")["measured"]["unreadable_calls"] == 0


def test_bad_rows_are_counted_with_their_reasons_and_the_share_with_the_parameters(tmp_path: Path) -> None:
    rows: list[Any] = [row(n) for n in range(200)]
    state = run(tmp_path, json.dumps([*rows, {"system": "x"}, {**row(0), "chat": ""}, rows[0]]), share=0.5)
    assert state.is_completed(), state.message
    manifest = document(tmp_path / "data", "manifest.json")
    told = manifest["rows"]
    assert told["in"] == 203
    assert told["kept"] + sum(told["dropped"].values()) + sum(told["quarantined"].values()) == 203
    assert told["quarantined"] == {"chat_missing": 1}
    assert 60 < told["dropped"]["outside_share"] < 140
    assert manifest["parameters"] == {"share": 0.5, "seed": 42}


def test_a_file_of_broken_rows_is_withheld(tmp_path: Path) -> None:
    state = run(tmp_path, json.dumps([row(1)]) + json.dumps([{"system": "a", "chat": None}] * 20))
    assert state.is_failed()
    assert not (tmp_path / "data/interim/ds5_glaive.jsonl").exists()


def test_a_file_that_is_cut_off_stops_the_run_with_the_row(tmp_path: Path) -> None:
    state = run(tmp_path, json.dumps([row(n) for n in range(9)])[:-10])
    assert state.is_failed()
    assert "chats.json ends in the middle of row 9" in state.message


def test_the_sample_is_published_whole_and_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        state = ds5_glaive(data_dir=tmp_path / name, return_state=True)
        assert state.is_completed(), state.message
        written.append((tmp_path / name / "interim/ds5_glaive.jsonl").read_bytes())
    assert written[0] == written[1]
    assert document(tmp_path / "one", "quality_report.json")["success"]
