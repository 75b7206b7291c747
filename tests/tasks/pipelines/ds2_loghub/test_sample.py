"""The generated logs: the same bytes for a seed, the real layouts, and labels that agree with what was planted."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from schemas.ds2_loghub import SingleEvents
from schemas.format_a import SEVERITY_ORDER
from tasks.engine import snapshots
from tasks.pipelines.ds2_loghub import sample as loghub_sample
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds2_loghub.parse import parse
from tests.tasks.pipelines.ds2_loghub.logs import decoded, label, read

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.dataset]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    loghub_sample.sample(folder, 42, 0.2)
    return folder


def events_of(folder: Path) -> tuple[pd.DataFrame, int]:
    """Events of every log of a folder, and how many lines came or were left out on the way."""
    results = [parse(decoded(path)) for path in sorted(folder.glob("*.log"))]
    events, rejects = read(pd.concat([parsed for parsed, _ in results], ignore_index=True))
    return events, len(rejects) + sum(len(left) for _, left in results)


@pytest.fixture(scope="module")
def sample_events(sample: Path) -> pd.DataFrame:
    return events_of(sample)[0]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    for seed in (42, 43):
        (tmp_path / str(seed)).mkdir()
        loghub_sample.sample(tmp_path / str(seed), seed, 0.2)
    for path in sample.iterdir():
        assert (tmp_path / "42" / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "43" / path.name).read_bytes() != path.read_bytes()


def test_the_sample_has_five_systems_in_their_layouts_one_of_them_in_crlf(sample: Path) -> None:
    assert {path.name for path in sample.glob("*.log")} == {log.file for log in loghub_sample.LOGS}
    assert b"\r\n" in (sample / "HPC.log").read_bytes()
    assert {system for path in sample.glob("*.log") if (system := loghub.identify(path))} == set(loghub.SOURCE.expected)


def test_every_line_of_the_sample_is_an_event_or_a_continuation(sample: Path) -> None:
    events, left_out = events_of(sample)
    assert len(events) + left_out == sum(snapshots.count_rows(path) for path in sample.glob("*.log"))
    assert left_out < 0.01 * len(events)
    assert events["system"].value_counts().min() > 3_000


def test_incidents_lie_on_windows_of_the_clock(sample: Path) -> None:
    incidents = json.loads((sample / "truth.json").read_text())["incidents"]
    assert {incident["state"] for incident in incidents} == {1, 2, 3, 4}
    for incident in incidents:
        for bound in ("start", "end"):
            assert pd.Timestamp(incident[bound]).timestamp() % 300 == 0


@pytest.mark.parametrize("single_events", ["merge", "keep"])
def test_labels_agree_with_what_was_planted(
    sample: Path, sample_events: pd.DataFrame, single_events: SingleEvents
) -> None:
    sequences, _ = label(sample_events, single_events=single_events)
    expected = planted(sequences, json.loads((sample / "truth.json").read_text())["incidents"])
    labels = sequences["label"].astype(int)
    assert set(expected) == set(range(5))
    for state in range(5):
        right = ((expected == state) & (labels == state)).sum()
        assert right / (expected == state).sum() >= 0.95
        assert right / max(1, (labels == state).sum()) >= 0.95


def planted(sequences: pd.DataFrame, incidents: list[dict[str, str]]) -> pd.Series:
    """The worst state among the incidents of its entity that meet each sequence's window, 0 for none."""
    expected = pd.Series(0, index=sequences.index)
    of_entity = sequences.groupby("entity").indices
    for incident in sorted(incidents, key=lambda planted: -SEVERITY_ORDER.index(int(planted["state"]))):
        rows = sequences.iloc[of_entity[incident["entity"]]]
        start, end = pd.Timestamp(incident["start"]), pd.Timestamp(incident["end"])
        met = rows.index[(rows["window_start"] < end) & (rows["window_end"] > start)]
        expected[met] = int(incident["state"])  # the worst comes last
    return expected


def test_every_batch_has_the_columns_of_raw_lines(sample: Path) -> None:
    for table in loghub.decode(sample / "Spark.log", "Spark.log"):
        assert isinstance(table, pa.Table)
        assert table.schema == loghub.RAW_LINES
