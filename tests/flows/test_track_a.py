"""Track A's own promises: Format A, its vocabulary and balance, and what a change or a second process does to a run."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.explain import from_token
from schemas import format_a
from schemas.run_report import RunReport, Table
from tasks.pipelines.track_a.reports import state_name
from tests import stems
from tests.flows.tracks import TRACK_A, Run, moved
from tests.flows.tree import published, task_states

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.flow,
    pytest.mark.xdist_group("track_a"),
    pytest.mark.usefixtures("prefect_server"),
]


@pytest.fixture(scope="module")
def first(run_of_track_a: Run) -> Path:
    """Data folder of one undisturbed run."""
    return run_of_track_a.root


@pytest.fixture(scope="module")
def combined(first: Path) -> pd.DataFrame:
    return pd.read_parquet(first / "processed/track_A_combined.parquet", dtype_backend="pyarrow")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_what_was_published_is_versioned(first: Path) -> None:
    pointers = {str(p.relative_to(first)) for p in first.rglob("*.dvc") if p.is_file()}
    assert {"raw/ds1_alibaba.dvc", "processed/ds2_loghub.dvc", "processed/track_A_combined.parquet.dvc"} <= pointers


def test_format_a_begins_with_its_columns_and_holds_every_sequence_once(combined: pd.DataFrame) -> None:
    assert list(combined.columns) == list(format_a.COLUMNS)
    sequences = combined["sequence_ids"].map(tuple)
    assert sequences.is_unique
    assert sequences.map(len).between(1, format_a.MAX_LENGTH).all()
    assert set(combined["split"]) <= set(format_a.SPLITS)


def test_weights_add_up_to_the_sequences_of_both_datasets(first: Path, combined: pd.DataFrame) -> None:
    manifest = read_json(first / "processed/track_A/manifest.json")
    parts = [len(pd.read_parquet(first / f"interim/{stem}.parquet")) for stem in stems.TRACK_A]
    dropped = sum(manifest["sequences"]["dropped"].values())
    assert combined["weight"].sum() + dropped == sum(parts) == manifest["sequences"]["in"]


def test_no_sequence_of_one_split_stands_in_another_and_only_training_is_balanced(
    first: Path, combined: pd.DataFrame
) -> None:
    parts = {split: pd.read_parquet(first / f"processed/track_A/{split}.parquet") for split in format_a.SPLITS}
    seen = {split: set(part["sequence_ids"].map(tuple)) for split, part in parts.items()}
    assert sum(map(len, seen.values())) == len(set.union(*seen.values()))
    for split in ("validation", "test"):
        assert len(parts[split]) == (combined["split"] == split).sum()
    counts = parts["train"]["label"].value_counts()
    failures = counts.drop(format_a.NORMAL, errors="ignore")
    assert counts.get(format_a.NORMAL, 0) <= 3 * failures.max()
    assert failures.nunique() == 1


def test_every_token_has_one_meaning_and_belongs_to_its_source(first: Path, combined: pd.DataFrame) -> None:
    vocabulary = read_json(first / "processed/track_A/vocabulary.json")
    used = combined[["source", "sequence_ids"]].explode("sequence_ids").drop_duplicates()
    for source, token in used.itertuples(index=False):
        assert vocabulary[str(token)]["source"] in {source, "reserved"}
    assert list(vocabulary) == sorted(vocabulary, key=int)


def test_labels_agree_with_the_planted_incidents(first: Path) -> None:
    report = RunReport.model_validate(read_json(first / "processed/track_A/run.json"))
    (accuracy,) = [part for section in report.sections if section.id == "accuracy" for part in section.parts]
    assert isinstance(accuracy, Table)
    assert {row[0] for row in accuracy.rows} == set(stems.TRACK_A)
    for stem, state, planted, _, *measures in accuracy.rows:
        assert planted > 0 or state not in map(state_name, format_a.STATES[:5]), (stem, state)
        for measure in measures:
            assert measure is None or measure >= 0.95, (stem, state, measures)


def test_the_datasheet_tells_the_mode_and_the_licences(first: Path) -> None:
    sheet = (first / "processed/track_A/DATASHEET.md").read_text()
    assert "sample" in sheet
    assert "Loghub" in sheet


def test_a_changed_parameter_runs_what_depends_on_it_and_nothing_else(run_of_track_a: Run, tmp_path: Path) -> None:
    state = TRACK_A.run(moved(run_of_track_a, tmp_path), single_events="keep")
    states = task_states(state.state_details.flow_run_id)
    assert states["parse"] == states["events"] == states["select"] == states["acquire"] == {"Cached"}
    assert states["windows"] == {"Cached", "Completed"}  # machines', logs'
    assert states["combine"] == {"Completed"}


def test_a_deleted_and_an_altered_intermediate_are_made_again(run_of_track_a: Run, tmp_path: Path) -> None:
    before = published(moved(run_of_track_a, tmp_path))
    snapshots = sorted(p for p in (tmp_path / "interim").rglob("*/windows-*.parquet"))
    snapshots[0].unlink()
    snapshots[1].write_bytes(b"altered")
    (tmp_path / "raw/ds2_loghub/sample/truth.json").unlink()
    (tmp_path / "processed/track_A_combined.parquet").write_bytes(b"altered")
    assert TRACK_A.run(tmp_path).is_completed()
    assert published(tmp_path) == before


def test_two_runs_at_once_into_one_folder_both_end_well(first: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    pair = [TRACK_A.start(root, tmp_path / home) for home in ("a", "b")]
    ended = [process.communicate(timeout=300)[1].decode()[-2000:] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], ended
    assert published(root) == published(first)


def test_a_token_is_explained_with_its_meaning_and_where_it_occurs(first: Path) -> None:
    vocabulary = read_json(first / "processed/track_A/vocabulary.json")
    meaning, where = list(from_token(first, 300))
    assert vocabulary["300"]["meaning"] in meaning.words
    assert re.search(r"In [\d,]+ distinct sequences", where.words)
