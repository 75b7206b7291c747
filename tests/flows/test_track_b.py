"""Track B as its user runs it: on generated data, twice, disturbed, without a share-alike row, without a dataset."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from flows.explain import Run, explainer
from flows.track_b import track_b
from schemas import format_b
from tasks.curate.dedup.minhash import jaccard
from tasks.tool_use.verify import faults_of_line
from tests.conftest import PROJECT
from tests.flows.explaining import assert_every_reject_is_explained, assert_rows_lead_to_their_raw_rows_and_back
from tests.flows.tree import published, task_counts, task_states

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.flow,
    pytest.mark.xdist_group("track_b"),
    pytest.mark.usefixtures("prefect_server"),
]

SCALE = 0.2
STEMS = ("ds3_stackoverflow", "ds4_synthetic", "ds5_glaive", "ds6_the_stack")
SUBFLOWS = {stem.replace("_", "-") for stem in STEMS}
EFFECTS = {"publish", "publish_track", "generate", *SUBFLOWS}
TRACK = ("train.jsonl", "validation.jsonl", "test.jsonl", "duplicates.parquet", "DATASHEET.md", "report.html")
CONTRACT = [
    *(f"interim/{stem}.jsonl" for stem in STEMS),
    *(
        f"processed/{stem}/{name}"
        for stem in STEMS
        for name in (
            f"{stem}.jsonl",
            "anomalies.json",
            "bias_report.json",
            "manifest.json",
            "quarantine.parquet",
            "schema_stats.json",
            "verification.json",
        )
    ),
    "processed/track_B_combined.jsonl",
    *(f"processed/track_B/{name}" for name in (*TRACK, "manifest.json", "run.json", "NOTICE.txt")),
]


def run(root: Path, **parameters: Any) -> Any:
    return track_b(mode="sample", scale=SCALE, data_dir=root, return_state=True, **parameters)


@pytest.fixture(scope="module")
def first(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """One undisturbed run: its data folder and its final state."""
    root = tmp_path_factory.mktemp("first")
    return root, run(root)


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def combined(first: tuple[Path, Any]) -> list[dict[str, Any]]:
    return lines(first[0] / "processed/track_B_combined.jsonl")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_every_file_that_others_rely_on_is_there(first: tuple[Path, Any]) -> None:
    root, state = first
    assert state.is_completed(), state.message
    assert [name for name in CONTRACT if not (root / name).is_file()] == []


@pytest.mark.parametrize("stem", STEMS)
def test_every_row_is_kept_dropped_or_quarantined(first: tuple[Path, Any], stem: str) -> None:
    manifest = read_json(first[0] / f"processed/{stem}/manifest.json")
    for ledger in (manifest["rows"], manifest["sequences"]):
        left_out = sum(ledger["dropped"].values()) + sum(ledger["quarantined"].values())
        assert ledger["in"] == ledger["kept"] + left_out > 0
    assert len(lines(first[0] / f"interim/{stem}.jsonl")) == manifest["sequences"]["kept"]


def test_every_line_passes_format_and_tools_checked_from_the_line_alone(first: tuple[Path, Any]) -> None:
    found = (first[0] / "processed/track_B_combined.jsonl").read_bytes().splitlines()
    assert found
    assert {faults_of_line(line) for line in found} == {""}


def test_every_line_tells_which_stages_it_passed_and_synthetic_ones_passed_all(combined: list[dict[str, Any]]) -> None:
    assert all(line["metadata"]["verified"][:2] == ["format", "tools"] for line in combined)
    synthetic = [line for line in combined if line["metadata"]["source"] == "ds4_synthetic"]
    ran = sum("execution" in line["metadata"]["verified"] for line in synthetic)
    assert ran >= 0.95 * len(synthetic) > 0


def test_a_line_has_exactly_the_documented_metadata_and_all_four_datasets_are_there(
    combined: list[dict[str, Any]],
) -> None:
    assert {tuple(line["metadata"]) for line in combined} == {format_b.METADATA}
    assert set(Counter(line["metadata"]["source"] for line in combined)) == set(STEMS)
    assert len({line["metadata"]["id"] for line in combined}) == len(combined)


def test_a_group_stands_in_one_split_and_the_parts_are_the_whole(
    first: tuple[Path, Any], combined: list[dict[str, Any]]
) -> None:
    groups = {(m["source"], m["group"], m["split"]) for m in (line["metadata"] for line in combined)}
    assert len(groups) == len({(source, group) for source, group, _ in groups})
    parts = {split: lines(first[0] / f"processed/track_B/{split}.jsonl") for split in format_b.SPLITS}
    assert all(line["metadata"]["split"] == split for split, part in parts.items() for line in part)
    ids = sorted(line["metadata"]["id"] for part in parts.values() for line in part)
    assert ids == sorted(line["metadata"]["id"] for line in combined)


def test_a_trainers_loader_reads_the_parts_with_one_type_for_every_key(
    first: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    files = {split: str(first[0] / f"processed/track_B/{split}.jsonl") for split in format_b.SPLITS}
    loaded = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path))
    for split, part in loaded.items():
        assert part.to_list() == lines(Path(files[split]))


def test_every_removed_duplicate_points_at_a_kept_line(first: tuple[Path, Any], combined: list[dict[str, Any]]) -> None:
    duplicates = pd.read_parquet(first[0] / "processed/track_B/duplicates.parquet")
    kept = {line["metadata"]["id"] for line in combined}
    assert set(duplicates["kept"]) <= kept
    assert not set(duplicates["removed"]) & kept
    manifest = read_json(first[0] / "processed/track_B/manifest.json")
    assert sum(manifest["sequences"]["dropped"].values()) == len(duplicates)


def test_no_text_of_test_is_nearly_one_of_train(first: tuple[Path, Any]) -> None:
    def texts(split: str) -> list[str]:
        part = lines(first[0] / f"processed/track_B/{split}.jsonl")
        return ["\n".join(m["content"] for m in line["messages"][1:]) for line in part]

    train, held_out = texts("train")[:300], texts("test")[:60]
    assert max((jaccard(a, b) for a in train for b in held_out), default=0.0) < 0.85


def test_the_datasheet_tells_mode_licences_and_how_well_secrets_are_found(first: tuple[Path, Any]) -> None:
    sheet = (first[0] / "processed/track_B/DATASHEET.md").read_text()
    for told in ("(mode `sample`)", "CC-BY-SA-4.0", "## Personal data and secrets", "aws_key", "## Verification"):
        assert told in sheet
    assert "http://" not in (first[0] / "processed/track_B/report.html").read_text().replace("http://www.w3.org", "")


def test_a_second_run_is_cached_and_changes_no_byte(first: tuple[Path, Any]) -> None:
    root, _ = first
    before = published(root)
    state = run(root)
    states = task_states(state.state_details.flow_run_id)
    assert {name for name, ended in states.items() if ended != {"Cached"}} <= EFFECTS
    assert published(root) == before


def test_a_dataset_takes_at_most_eighteen_task_runs(first: tuple[Path, Any]) -> None:
    assert all(count <= 18 for count in task_counts(first[1].state_details.flow_run_id).values())


def test_the_same_input_gives_the_same_bytes_anywhere(first: tuple[Path, Any], tmp_path: Path) -> None:
    run(tmp_path)
    assert published(tmp_path) == published(first[0])


def test_a_permissive_file_has_no_share_alike_line_and_says_so(first: tuple[Path, Any], tmp_path: Path) -> None:
    shutil.copytree(first[0] / "raw", tmp_path / "raw")
    assert run(tmp_path, licence="permissive").is_completed()
    found = lines(tmp_path / "processed/track_B_combined.jsonl")
    assert found
    assert not any(line["metadata"]["licence"].startswith("CC-BY-SA") for line in found)
    manifest = read_json(tmp_path / "processed/track_B/manifest.json")
    assert "CC-BY-SA" not in manifest["licence"]
    assert manifest["sequences"]["dropped"]["share_alike"] > 0


def test_a_mixture_thins_train_and_nothing_else(first: tuple[Path, Any], tmp_path: Path) -> None:
    assert run(tmp_path, mixture={"ds4_synthetic": 1.0, "ds6_the_stack": 1.0}).is_completed()
    train = Counter(line["metadata"]["source"] for line in lines(tmp_path / "processed/track_B/train.jsonl"))
    assert set(train) == {"ds4_synthetic", "ds6_the_stack"}
    assert len(set(train.values())) == 1
    for name in ("track_B_combined.jsonl", "track_B/validation.jsonl", "track_B/test.jsonl"):
        assert (tmp_path / "processed" / name).read_bytes() == (first[0] / "processed" / name).read_bytes()


def start(root: Path, home: Path) -> "subprocess.Popen[bytes]":
    """The track in a process of its own, with a result store of its own: nothing is cached at first."""
    env = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_LOCAL_STORAGE_PATH": str(home)}
    command = [sys.executable, "flows/track_b.py", "--scale", str(SCALE), "--data-dir", str(root)]
    return subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_a_run_killed_in_the_middle_and_run_again_ends_as_if_undisturbed(
    first: tuple[Path, Any], tmp_path: Path
) -> None:
    root, home = tmp_path / "data", tmp_path / "home"
    process = start(root, home)
    while process.poll() is None and not any(root.glob("interim/ds4_synthetic/*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = start(root, home)
    _, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors.decode()[-2000:]
    assert published(root) == published(first[0])


def test_a_missing_dataset_fails_the_track_by_name_unless_it_is_allowed(
    real_data: Path, prefect_server: None, tmp_path: Path
) -> None:
    """Function calls alone: no posts and no manifests are there. Synthetic scenarios need no file."""
    folder = real_data / "glaive"
    refused = track_b(mode="local", source=folder, data_dir=tmp_path, return_state=True)
    assert "ds3_stackoverflow" in str(refused.message)
    assert "ds6_the_stack" in str(refused.message)
    assert not (tmp_path / "processed/track_B_combined.jsonl").exists()
    absent = ("ds3_stackoverflow", "ds6_the_stack")
    allowed = track_b(mode="local", source=folder, data_dir=tmp_path, allow_missing=absent, return_state=True)
    assert allowed.is_completed(), allowed.message
    assert set(read_json(tmp_path / "processed/track_B/manifest.json")["absent"]) == set(absent)


@pytest.mark.parametrize("stem", STEMS)
def test_every_row_can_be_asked_what_became_of_it(first: tuple[Path, Any], stem: str) -> None:
    root, _ = first
    assert_every_reject_is_explained(root, stem)
    rows = [line["metadata"]["id"] for line in lines(root / f"interim/{stem}.jsonl")]
    from_files = [row for row in rows if stem != "ds4_synthetic" or asked_by_a_file(root, row)]
    assert_rows_lead_to_their_raw_rows_and_back(root, stem, from_files)


def asked_by_a_file(root: Path, row: str) -> bool:
    """Whether a prompt file asked for the conversation; the others are the grammar's own."""
    return explainer("ds4_synthetic").origins(Run(root, "ds4_synthetic"), row)[0].file != "generations.jsonl"


def test_the_track_publishes_what_it_left_out_with_its_reason(first: tuple[Path, Any]) -> None:
    left_out = pd.read_parquet(first[0] / "processed/track_B/quarantine.parquet")
    dropped = read_json(first[0] / "processed/track_B/manifest.json")["sequences"]["dropped"]
    assert left_out["reason"].value_counts().to_dict() == {name: n for name, n in dropped.items() if n}
