"""Track A as its user runs it: on generated data, twice, disturbed, and beside itself."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from flows.explain import from_token
from flows.track_a import track_a
from schemas import format_a
from schemas.run_report import RunReport, Table
from tasks.pipelines.track_a.reports import state_name
from tasks.quality.trail import sequence_id
from tests.conftest import PROJECT
from tests.flows.explaining import assert_every_reject_is_explained, assert_rows_lead_to_their_raw_rows_and_back
from tests.flows.tree import published, task_counts, task_states

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.flow,
    pytest.mark.xdist_group("track_a"),
    pytest.mark.usefixtures("prefect_server"),
]

SCALE = 0.1
EFFECTS = {"publish", "publish_track", "extend_vocabulary", "ds1-alibaba", "ds2-loghub"}  # the last two are subflows
CONTRACT = [
    "interim/ds1_alibaba.parquet",
    "interim/ds2_loghub.parquet",
    "interim/ds2_loghub_events.parquet",
    *(
        f"processed/{stem}/{name}"
        for stem in ("ds1_alibaba", "ds2_loghub")
        for name in (
            f"{stem}.parquet",
            "anomalies.json",
            "bias_report.json",
            "manifest.json",
            "quarantine.parquet",
        )
    ),
    "processed/ds1_alibaba/schema_stats.json",
    "processed/ds2_loghub/statistics_report.json",
    "processed/track_A_combined.parquet",
    *(
        f"processed/track_A/{name}"
        for name in (
            "train.parquet",
            "validation.parquet",
            "test.parquet",
            "vocabulary.json",
            "DATASHEET.md",
            "report.html",
            "manifest.json",
            "run.json",
        )
    ),
]


def run(root: Path, **parameters: Any) -> Any:
    return track_a(mode="sample", scale=SCALE, data_dir=root, return_state=True, **parameters)


@pytest.fixture(scope="module")
def first(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """One undisturbed run: its data folder and its final state."""
    root = tmp_path_factory.mktemp("first")
    return root, run(root)


@pytest.fixture(scope="module")
def combined(first: tuple[Path, Any]) -> pd.DataFrame:
    return pd.read_parquet(first[0] / "processed/track_A_combined.parquet", dtype_backend="pyarrow")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_every_file_that_others_rely_on_is_there(first: tuple[Path, Any]) -> None:
    root, state = first
    assert state.is_completed(), state.message
    assert [name for name in CONTRACT if not (root / name).is_file()] == []
    assert (root / "logs/alerts.log").is_file()
    assert {alert["type"] for alert in read_json(root / "logs/alerts_history.json")} >= {
        "pipeline_start",
        "pipeline_success",
    }


def test_what_was_published_is_versioned(first: tuple[Path, Any]) -> None:
    pointers = {str(p.relative_to(first[0])) for p in first[0].rglob("*.dvc") if p.is_file()}
    assert {"raw/ds1_alibaba.dvc", "processed/ds2_loghub.dvc", "processed/track_A_combined.parquet.dvc"} <= pointers


@pytest.mark.parametrize("stem", ["ds1_alibaba", "ds2_loghub"])
def test_every_row_is_kept_dropped_or_quarantined(first: tuple[Path, Any], stem: str) -> None:
    manifest = read_json(first[0] / f"processed/{stem}/manifest.json")
    for ledger in (manifest["rows"], manifest["sequences"]):
        left_out = sum(ledger["dropped"].values()) + sum(ledger["quarantined"].values())
        assert ledger["in"] == ledger["kept"] + left_out > 0
    rejects = pd.read_parquet(first[0] / f"processed/{stem}/quarantine.parquet")
    rows = manifest["rows"]
    assert len(rejects) >= sum(rows["dropped"].values()) + sum(rows["quarantined"].values())
    assert rejects["reason"].notna().all()


def test_format_a_begins_with_its_columns_and_holds_every_sequence_once(combined: pd.DataFrame) -> None:
    assert list(combined.columns) == list(format_a.COLUMNS)
    sequences = combined["sequence_ids"].map(tuple)
    assert sequences.is_unique
    assert sequences.map(len).between(1, format_a.MAX_LENGTH).all()
    assert set(combined["split"]) <= set(format_a.SPLITS)


def test_weights_add_up_to_the_sequences_of_both_datasets(first: tuple[Path, Any], combined: pd.DataFrame) -> None:
    manifest = read_json(first[0] / "processed/track_A/manifest.json")
    parts = [len(pd.read_parquet(first[0] / f"interim/{stem}.parquet")) for stem in ("ds1_alibaba", "ds2_loghub")]
    dropped = sum(manifest["sequences"]["dropped"].values())
    assert combined["weight"].sum() + dropped == sum(parts) == manifest["sequences"]["in"]


def test_no_sequence_of_one_split_stands_in_another_and_only_training_is_balanced(
    first: tuple[Path, Any], combined: pd.DataFrame
) -> None:
    parts = {split: pd.read_parquet(first[0] / f"processed/track_A/{split}.parquet") for split in format_a.SPLITS}
    seen = {split: set(part["sequence_ids"].map(tuple)) for split, part in parts.items()}
    assert sum(map(len, seen.values())) == len(set.union(*seen.values()))
    for split in ("validation", "test"):
        assert len(parts[split]) == (combined["split"] == split).sum()
    counts = parts["train"]["label"].value_counts()
    failures = counts.drop(format_a.NORMAL, errors="ignore")
    assert counts.get(format_a.NORMAL, 0) <= 3 * failures.max()
    assert failures.nunique() == 1


def test_every_token_has_one_meaning_and_belongs_to_its_source(first: tuple[Path, Any], combined: pd.DataFrame) -> None:
    vocabulary = read_json(first[0] / "processed/track_A/vocabulary.json")
    used = combined[["source", "sequence_ids"]].explode("sequence_ids").drop_duplicates()
    for source, token in used.itertuples(index=False):
        assert vocabulary[str(token)]["source"] in {source, "reserved"}
    assert list(vocabulary) == sorted(vocabulary, key=int)


def test_labels_agree_with_the_planted_incidents(first: tuple[Path, Any]) -> None:
    report = RunReport.model_validate(read_json(first[0] / "processed/track_A/run.json"))
    (accuracy,) = [part for section in report.sections if section.id == "accuracy" for part in section.parts]
    assert isinstance(accuracy, Table)
    assert {row[0] for row in accuracy.rows} == {"ds1_alibaba", "ds2_loghub"}
    for stem, state, planted, _, *measures in accuracy.rows:
        assert planted > 0 or state not in map(state_name, format_a.STATES[:5]), (stem, state)
        for measure in measures:
            assert measure is None or measure >= 0.95, (stem, state, measures)


def test_the_datasheet_and_the_report_tell_the_mode_and_the_licences(first: tuple[Path, Any]) -> None:
    sheet = (first[0] / "processed/track_A/DATASHEET.md").read_text()
    page = (first[0] / "processed/track_A/report.html").read_text()
    assert "sample" in sheet
    assert "sample" in page.lower()
    assert "Loghub" in sheet
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_second_run_is_cached_and_changes_no_byte(first: tuple[Path, Any]) -> None:
    root, _ = first
    before = published(root)
    state = run(root)
    states = task_states(state.state_details.flow_run_id)
    assert {name for name, ended in states.items() if ended != {"Cached"}} <= EFFECTS
    assert published(root) == before


def test_a_dataset_takes_at_most_twelve_task_runs(first: tuple[Path, Any]) -> None:
    assert all(count <= 12 for count in task_counts(first[1].state_details.flow_run_id).values())


def test_a_changed_parameter_runs_what_depends_on_it_and_nothing_else(first: tuple[Path, Any], tmp_path: Path) -> None:
    run(tmp_path)
    state = run(tmp_path, single_events="keep")
    states = task_states(state.state_details.flow_run_id)
    assert states["parse"] == states["events"] == states["select"] == states["acquire"] == {"Cached"}
    assert states["windows"] == {"Cached", "Completed"}  # machines', logs'
    assert states["combine"] == {"Completed"}


def test_a_deleted_and_an_altered_intermediate_are_made_again(first: tuple[Path, Any], tmp_path: Path) -> None:
    run(tmp_path)
    before = published(tmp_path)
    snapshots = sorted(p for p in (tmp_path / "interim").rglob("*/windows-*.parquet"))
    snapshots[0].unlink()
    snapshots[1].write_bytes(b"altered")
    (tmp_path / "raw/ds2_loghub/sample/truth.json").unlink()
    (tmp_path / "processed/track_A_combined.parquet").write_bytes(b"altered")
    assert run(tmp_path).is_completed()
    assert published(tmp_path) == before


def test_the_same_input_gives_the_same_bytes_anywhere(first: tuple[Path, Any], tmp_path: Path) -> None:
    run(tmp_path)
    assert published(tmp_path) == published(first[0])


def start(root: Path, home: Path) -> "subprocess.Popen[bytes]":
    """The track in a process of its own, with a result store of its own: nothing is cached at first."""
    env = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_LOCAL_STORAGE_PATH": str(home)}
    command = [sys.executable, "flows/track_a.py", "--scale", str(SCALE), "--data-dir", str(root)]
    return subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(condition: Any, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None and not condition():
        time.sleep(0.01)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("raw/*/sample/*", marks=pytest.mark.operations),
        "interim/*/events-*",
        pytest.param("processed/ds2_loghub/*", marks=pytest.mark.operations),
    ],
)
def test_a_run_killed_in_the_middle_and_run_again_ends_as_if_undisturbed(
    first: tuple[Path, Any], tmp_path: Path, pattern: str
) -> None:
    root, home = tmp_path / "data", tmp_path / "home"
    process = start(root, home)
    wait_for(lambda: any(root.glob(pattern)), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = start(root, home)
    _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors.decode()[-2000:]
    assert published(root) == published(first[0])
    assert not [p for p in (root / ".tmp").iterdir() if p.suffix != ".lock"]


def test_two_runs_at_once_into_one_folder_both_end_well(first: tuple[Path, Any], tmp_path: Path) -> None:
    root = tmp_path / "data"
    pair = [start(root, tmp_path / home) for home in ("a", "b")]
    ended = [process.communicate(timeout=300)[1].decode()[-2000:] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], ended
    assert published(root) == published(first[0])


def test_a_failing_dataset_withholds_the_track_unless_it_is_allowed_to_be_missing(
    real_data: Path, tmp_path: Path
) -> None:
    """Real logs alone: no trace is there."""
    folder = real_data / "loghub" / "2k"
    refused = track_a(mode="local", source=folder, data_dir=tmp_path, return_state=True)
    assert "none of server_usage" in str(refused.message) or "ds1_alibaba" in str(refused.message)
    assert not (tmp_path / "processed/track_A_combined.parquet").exists()
    allowed = track_a(mode="local", source=folder, data_dir=tmp_path, allow_missing=("ds1_alibaba",), return_state=True)
    assert allowed.is_completed()
    assert "ds1_alibaba" in read_json(tmp_path / "processed/track_A/manifest.json")["absent"]


@pytest.mark.parametrize("stem", ["ds1_alibaba", "ds2_loghub"])
def test_every_row_can_be_asked_what_became_of_it(first: tuple[Path, Any], stem: str) -> None:
    root, _ = first
    published = pd.read_parquet(root / f"interim/{stem}.parquet", columns=["entity", "window_start"])
    rows = [sequence_id(row) for row in published.to_dict("records")]
    assert_every_reject_is_explained(root, stem)
    assert_rows_lead_to_their_raw_rows_and_back(root, stem, rows)


def test_a_token_is_explained_with_its_meaning_and_where_it_occurs(first: tuple[Path, Any]) -> None:
    vocabulary = read_json(first[0] / "processed/track_A/vocabulary.json")
    meaning, where = list(from_token(first[0], 300))
    assert vocabulary["300"]["meaning"] in meaning.words
    assert re.search(r"In [\d,]+ distinct sequences", where.words)


def test_the_track_publishes_what_it_left_out_with_its_reason(first: tuple[Path, Any]) -> None:
    left_out = pd.read_parquet(first[0] / "processed/track_A/quarantine.parquet")
    dropped = read_json(first[0] / "processed/track_A/manifest.json")["sequences"]["dropped"]
    assert left_out["reason"].value_counts().to_dict() == {name: n for name, n in dropped.items() if n}
    assert set(left_out["step"]) <= {"combine"}
