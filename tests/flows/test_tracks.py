"""What every track promises its user: files, counts that add up, bytes that stay, and an end after any disturbance."""

import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows import explain
from tasks.quality.trail import sequence_id
from tests.flows.explaining import assert_every_reject_is_explained, assert_rows_lead_to_their_raw_rows_and_back
from tests.flows.tracks import TRACK_A, TRACK_B, Run, Track, wait_for
from tests.flows.tree import published, task_counts, task_states

pytestmark = [pytest.mark.e2e, pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

OF_A, OF_B = pytest.mark.xdist_group("track_a"), pytest.mark.xdist_group("track_b")
BOTH = [pytest.param(TRACK_A, marks=OF_A, id="track_a"), pytest.param(TRACK_B, marks=OF_B, id="track_b")]
EACH_DATASET = [
    pytest.param(track.values[0], stem, marks=track.marks, id=stem) for track in BOTH for stem in track.values[0].stems
]
KILLED_AT = [
    pytest.param(TRACK_A, "raw/*/sample/*", marks=[OF_A, pytest.mark.operations]),
    pytest.param(TRACK_A, "interim/*/events-*", marks=OF_A),
    pytest.param(TRACK_A, "processed/ds2_loghub/*", marks=[OF_A, pytest.mark.operations]),
    pytest.param(TRACK_B, "interim/ds4_synthetic/*", marks=OF_B),
]


@pytest.fixture
def first(track: Track, request: pytest.FixtureRequest) -> Run:
    """The undisturbed run of the test's track."""
    run: Run = request.getfixturevalue(f"run_of_{track.flow.fn.__name__}")
    return run


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("track", BOTH)
def test_every_file_that_others_rely_on_is_there(track: Track, first: Run) -> None:
    assert first.state.is_completed(), first.state.message
    assert [name for name in track.files if not (first.root / name).is_file()] == []
    assert (first.root / "logs/alerts.log").is_file()
    alerts = {alert["type"] for alert in read_json(first.root / "logs/alerts_history.json")}
    assert alerts >= {"pipeline_start", "pipeline_success"}


@pytest.mark.parametrize(("track", "stem"), EACH_DATASET)
def test_every_row_is_kept_dropped_or_quarantined(track: Track, stem: str, first: Run) -> None:
    manifest = read_json(first.root / f"processed/{stem}/manifest.json")
    for ledger in (manifest["rows"], manifest["sequences"]):
        rejected = sum(ledger["dropped"].values()) + sum(ledger["quarantined"].values())
        assert ledger["in"] == ledger["kept"] + rejected > 0
    rejects = pd.read_parquet(first.root / f"processed/{stem}/quarantine.parquet")
    assert len(rejects) >= sum(sum(manifest["rows"][outcome].values()) for outcome in ("dropped", "quarantined"))
    assert rejects["reason"].notna().all()


@pytest.mark.parametrize("track", BOTH)
def test_a_second_run_is_cached_and_changes_no_byte(track: Track, first: Run) -> None:
    before = published(first.root)
    state = track.run(first.root)
    states = task_states(state.state_details.flow_run_id)
    assert {name for name, ended in states.items() if ended != {"Cached"}} <= track.never_cached
    assert published(first.root) == before


@pytest.mark.parametrize("track", BOTH)
def test_a_dataset_takes_few_task_runs(track: Track, first: Run) -> None:
    counts = task_counts(first.state.state_details.flow_run_id)
    assert len(counts) == len(track.stems)
    assert all(count <= track.most_task_runs for count in counts.values())


@pytest.mark.parametrize("track", BOTH)
def test_the_same_input_gives_the_same_bytes_anywhere(track: Track, first: Run, tmp_path: Path) -> None:
    track.run(tmp_path)
    assert published(tmp_path) == published(first.root)


@pytest.mark.parametrize(("track", "pattern"), KILLED_AT)
def test_a_run_killed_in_the_middle_and_run_again_ends_as_if_undisturbed(
    track: Track, pattern: str, first: Run, tmp_path: Path
) -> None:
    root, home = tmp_path / "data", tmp_path / "home"
    process = track.start(root, home)
    wait_for(lambda: any(root.glob(pattern)), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = track.start(root, home)
    _, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors.decode()[-2000:]
    assert published(root) == published(first.root)
    assert not [path for path in (root / ".tmp").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("track", BOTH)
def test_a_missing_dataset_fails_the_track_by_name_unless_it_is_allowed(
    track: Track, real_data: Path, tmp_path: Path
) -> None:
    """Public files of one dataset alone; the others have none there."""
    local = {"mode": "local", "source": real_data / track.real, "data_dir": tmp_path, "return_state": True}
    refused = track.flow(**local)
    assert refused.is_failed()
    assert all(stem in str(refused.message) for stem in track.absent)
    assert not (tmp_path / track.combined).exists()
    allowed = track.flow(**local, allow_missing=track.absent)
    assert allowed.is_completed(), allowed.message
    assert set(read_json(tmp_path / f"processed/{track.name}/manifest.json")["absent"]) == set(track.absent)


@pytest.mark.parametrize("track", BOTH)
def test_the_report_loads_nothing_from_the_network(track: Track, first: Run) -> None:
    page = (first.root / f"processed/{track.name}/report.html").read_text()
    assert "sample" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize("track", BOTH)
def test_the_track_publishes_what_it_left_out_with_its_reason(track: Track, first: Run) -> None:
    folder = first.root / "processed" / track.name
    dropped = read_json(folder / "manifest.json")["sequences"]["dropped"]
    left_out = pd.read_parquet(folder / "quarantine.parquet")
    assert left_out["reason"].value_counts().to_dict() == {reason: n for reason, n in dropped.items() if n}
    assert set(left_out["step"]) <= {"combine"}


@pytest.mark.parametrize(("track", "stem"), EACH_DATASET)
def test_every_row_can_be_asked_what_became_of_it(track: Track, stem: str, first: Run) -> None:
    assert_every_reject_is_explained(first.root, stem)
    assert_rows_lead_to_their_raw_rows_and_back(first.root, stem, row_ids(first.root, stem, track.ending))


def row_ids(root: Path, stem: str, ending: str) -> list[str]:
    """Ids of the rows that a dataset published; of the grammar's own conversations none, they have no raw row."""
    file = root / f"interim/{stem}{ending}"
    if ending == ".parquet":
        table = pd.read_parquet(file, columns=["entity", "window_start"])
        return [sequence_id(row) for row in table.to_dict("records")]
    ids = [json.loads(line)["metadata"]["id"] for line in file.read_text().splitlines()]
    run, how = explain.Run(root, stem), explain.explainer(stem)
    return [row for row in ids if stem != "ds4_synthetic" or how.origins(run, row)[0].file != "generations.jsonl"]
