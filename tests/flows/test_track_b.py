"""Track B's own promises: verified lines of Format B, groups, duplicates, licences, mixtures."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from schemas import format_b
from tasks.curate.dedup.minhash import shingles
from tasks.tool_use.verify import faults_of_line
from tests import stems
from tests.flows.tracks import TRACK_B, Run, moved

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.flow,
    pytest.mark.xdist_group("track_b"),
    pytest.mark.usefixtures("prefect_server"),
]


@pytest.fixture(scope="module")
def first(run_of_track_b: Run) -> Path:
    """Data folder of one undisturbed run."""
    return run_of_track_b.root


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def combined(first: Path) -> list[dict[str, Any]]:
    return lines(first / "processed/track_B_combined.jsonl")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("stem", stems.TRACK_B)
def test_a_dataset_has_as_many_lines_as_its_manifest_counts(first: Path, stem: str) -> None:
    manifest = read_json(first / f"processed/{stem}/manifest.json")
    assert len(lines(first / f"interim/{stem}.jsonl")) == manifest["sequences"]["kept"]


def test_every_line_passes_format_and_tools_checked_from_the_line_alone(first: Path) -> None:
    found = (first / "processed/track_B_combined.jsonl").read_bytes().splitlines()
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
    assert set(Counter(line["metadata"]["source"] for line in combined)) == set(stems.TRACK_B)
    assert len({line["metadata"]["id"] for line in combined}) == len(combined)


def test_a_group_stands_in_one_split_and_the_parts_are_the_whole(first: Path, combined: list[dict[str, Any]]) -> None:
    groups = {(m["source"], m["group"], m["split"]) for m in (line["metadata"] for line in combined)}
    assert len(groups) == len({(source, group) for source, group, _ in groups})
    parts = {split: lines(first / f"processed/track_B/{split}.jsonl") for split in format_b.SPLITS}
    assert all(line["metadata"]["split"] == split for split, part in parts.items() for line in part)
    ids = sorted(line["metadata"]["id"] for part in parts.values() for line in part)
    assert ids == sorted(line["metadata"]["id"] for line in combined)


def test_a_trainers_loader_reads_the_parts_with_one_type_for_every_key(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    files = {split: str(first / f"processed/track_B/{split}.jsonl") for split in format_b.SPLITS}
    loaded = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path))
    for split, part in loaded.items():
        assert part.to_list() == lines(Path(files[split]))


def test_every_removed_duplicate_points_at_a_kept_line(first: Path, combined: list[dict[str, Any]]) -> None:
    duplicates = pd.read_parquet(first / "processed/track_B/duplicates.parquet")
    kept = {line["metadata"]["id"] for line in combined}
    assert set(duplicates["kept"]) <= kept
    assert not set(duplicates["removed"]) & kept
    manifest = read_json(first / "processed/track_B/manifest.json")
    assert sum(manifest["sequences"]["dropped"].values()) == len(duplicates)


def test_no_text_of_test_is_nearly_one_of_train(first: Path) -> None:
    """By the measure of tasks.curate.dedup.minhash.jaccard, each text read once."""

    def texts(split: str) -> list[frozenset[tuple[str, ...]]]:
        part = lines(first / f"processed/track_B/{split}.jsonl")
        return [shingles("\n".join(m["content"] for m in line["messages"][1:])) for line in part]

    train, held_out = texts("train")[:300], texts("test")[:60]
    assert max((len(a & b) / len(a | b) for a in train for b in held_out), default=0.0) < 0.85


def test_the_datasheet_tells_mode_licences_and_how_well_secrets_are_found(first: Path) -> None:
    sheet = (first / "processed/track_B/DATASHEET.md").read_text()
    for told in ("(mode `sample`)", "CC-BY-SA-4.0", "## Personal data and secrets", "aws_key", "## Verification"):
        assert told in sheet


def test_a_permissive_file_has_no_share_alike_line_and_says_so(run_of_track_b: Run, tmp_path: Path) -> None:
    assert TRACK_B.run(moved(run_of_track_b, tmp_path), licence="permissive").is_completed()
    found = lines(tmp_path / "processed/track_B_combined.jsonl")
    assert found
    assert not any(line["metadata"]["licence"].startswith("CC-BY-SA") for line in found)
    manifest = read_json(tmp_path / "processed/track_B/manifest.json")
    assert "CC-BY-SA" not in manifest["licence"]
    assert manifest["sequences"]["dropped"]["share_alike"] > 0


def test_a_mixture_thins_train_and_nothing_else(run_of_track_b: Run, tmp_path: Path) -> None:
    wanted = {"ds4_synthetic": 1.0, "ds6_the_stack": 1.0}
    assert TRACK_B.run(moved(run_of_track_b, tmp_path), mixture=wanted).is_completed()
    train = Counter(line["metadata"]["source"] for line in lines(tmp_path / "processed/track_B/train.jsonl"))
    assert set(train) == set(wanted)
    assert len(set(train.values())) == 1
    for name in ("track_B_combined.jsonl", "track_B/validation.jsonl", "track_B/test.jsonl"):
        assert (tmp_path / "processed" / name).read_bytes() == (run_of_track_b.root / "processed" / name).read_bytes()
