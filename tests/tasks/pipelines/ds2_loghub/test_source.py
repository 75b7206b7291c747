"""LogHub's files: which are read, what layout they have, and a sample whose truth is known."""

import csv
import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from schemas.finding import SourceError
from schemas.format_a import SEVERITY_ORDER
from tasks.engine import snapshots
from tasks.pipelines.ds2_loghub import events as ds2_loghub_events
from tasks.pipelines.ds2_loghub import sample as loghub_sample
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds2_loghub import windows as ds2_loghub

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.dataset]

SYSLOG = "Jun 14 15:16:01 combo sshd[19939]: connection from 10.0.0.1\n"
SPARK = "17/06/09 20:10:40 INFO spark.SecurityManager: Changing view acls to: yarn\n"


def decoded(path: Path) -> pd.DataFrame:
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for table in loghub.decode(path, path.name)]
    return pd.concat(batches, ignore_index=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """LogHub's own layout, with a whole log beside it, a copy in CSV, templates, and a stranger."""
    for name, text in {
        "2k/Linux/Linux_2k.log": SYSLOG,
        "2k/Linux/Linux_2k.log_structured.csv": "LineId\n",
        "2k/Linux/Linux_2k.log_templates.csv": "EventId\n",
        "full/Linux.log": SYSLOG * 9,
        "Spark/Spark_2k.log_structured.csv": "LineId\n",
        "notes.log": "to do: buy milk\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and loghub.identify(path))


def test_a_system_is_what_its_files_name_begins_with_in_small_letters() -> None:
    names = ["Linux_2k.log", "Linux.log", "a/hadoop-xyz.log", "HDFS_2k.log_structured.csv", "OpenSSH_2k.LOG"]
    assert [loghub.identify(Path(name)) for name in names] == ["linux", "linux", "hadoop", "hdfs", "openssh"]


def test_templates_truth_and_other_files_are_no_logs() -> None:
    names = ["Linux_2k.log_templates.csv", "truth.json", "README.md", ".log", "Linux.log.gz"]
    assert [loghub.identify(Path(name)) for name in names] == [None] * 5


def test_of_two_files_of_one_system_the_one_in_its_own_folder_is_read_and_the_others_are_named(folder: Path) -> None:
    used, unused = loghub.choose(found(folder))
    assert [path.name for path in used] == ["Linux_2k.log", "Spark_2k.log_structured.csv"]
    assert {path.name for path in unused} == {"Linux.log", "Linux_2k.log_structured.csv", "notes.log"}
    assert unused[folder / "full/Linux.log"].startswith("Linux/Linux_2k.log is read for linux; one file a system")
    assert unused[folder / "2k/Linux/Linux_2k.log_structured.csv"].endswith("this is a structured copy")
    assert "known layout" in unused[folder / "notes.log"]


def test_elsewhere_the_larger_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "linux_old.log").write_text(SYSLOG)
    (tmp_path / "linux_new.log").write_text(SYSLOG * 2)
    assert [path.name for path in loghub.choose(found(tmp_path))[0]] == ["linux_new.log"]


def test_what_is_chosen_does_not_depend_on_the_order_of_the_files(folder: Path) -> None:
    assert loghub.choose(found(folder)) == loghub.choose(found(folder)[::-1])


def test_a_text_in_no_known_layout_is_refused_with_its_first_line_when_there_is_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.log"
    path.write_text("\nto do: buy milk\n")
    used, unused = loghub.choose([path])
    assert (used, unused) == ([path], {})
    with pytest.raises(SourceError, match=r"notes\.log: none of its first 2 lines.*line 2 is 'to do: buy milk'"):
        decoded(path)


def test_binary_and_empty_files_are_chosen_for_reading_them_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "linux.log").write_bytes(bytes(range(256)))
    (tmp_path / "spark.log").write_bytes(b"")
    assert len(loghub.choose(found(tmp_path))[0]) == 2
    with pytest.raises(SourceError, match=r"linux\.log is binary"):
        decoded(tmp_path / "linux.log")
    assert decoded(tmp_path / "spark.log").columns.tolist() == loghub.RAW_LINES.names


def test_a_layout_is_found_by_content_whatever_the_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "linux.log"
    path.write_text("a banner\n" + SPARK * 2)
    assert set(decoded(path)["layout"]) == {"spark"}


def test_a_structured_csv_gives_the_raw_lines_it_was_made_from(tmp_path: Path) -> None:
    path = tmp_path / "Linux_2k.log_structured.csv"
    rows = [
        ["LineId", "Month", "Date", "Time", "Level", "Component", "PID", "Content", "EventId", "EventTemplate"],
        ["7", "Jun", "14", "15:16:01", "combo", "sshd", "19939", 'says "hi", then leaves', "E1", "x"],
        ["8", "Jun", "14", "15:16:02", "combo", "kernel", "", "up", "E2", "x"],
        ["9", "Jun"],
        ["x", "Jun", "14", "15:16:02", "combo", "kernel", "", "up", "E2", "x"],
        ["11", "Jun", "14", "15:16:02", "combo", "kernel", "", "caf\ufffd", "E2", "x"],
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    lines = decoded(path)
    assert lines["text"].tolist()[1:3] == [
        'Jun 14 15:16:01 combo sshd[19939]: says "hi", then leaves',
        "Jun 14 15:16:02 combo kernel: up",
    ]
    assert lines["line"].tolist() == [1, 7, 8, 1, 1, 11]
    assert lines["fault"].tolist()[3:] == ["wrong_column_count", "bad_line_id", "invalid_utf8"]
    parsed, rejects = ds2_loghub_events.parse(lines)
    assert len(parsed) + len(rejects) == snapshots.count_rows(path) == 6
    assert rejects["outcome"].value_counts().to_dict() == {"quarantined": 3, "dropped": 1}


def test_a_csv_with_other_columns_is_refused_by_name_and_with_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "Linux_structured.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"Linux_structured\.csv, line 1: the columns are a, b\. Expected LineId"):
        decoded(path)


def test_a_csv_whose_quote_never_ends_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "Spark_structured.csv"
    path.write_text('LineId,Date,Time,Level,Component,Content\n1,17/06/09,20:10:40,INFO,x,"' + "y\n" * 100_000)
    with pytest.raises(SourceError, match=r"Spark_structured\.csv, line \d+: field larger than field limit"):
        decoded(path)


def test_the_pinned_files_are_the_real_ones(real_data: Path) -> None:
    for remote in loghub.SOURCE.remote:
        file = real_data / "loghub" / "2k" / remote.name.partition("_")[0] / remote.name
        assert hashlib.sha256(file.read_bytes()).hexdigest() == remote.sha256
        assert loghub.REVISION in remote.url


@pytest.mark.parametrize("below", ["", "loghub", "loghub/2k"])
def test_the_real_folder_gives_the_2000_lines_of_each_of_the_five_systems(real_data: Path, below: str) -> None:
    folder = real_data / below
    paths = {path for pattern in loghub.SOURCE.patterns for path in folder.rglob(pattern)}
    used, _ = loghub.choose(sorted(path for path in paths if loghub.identify(path)))
    assert {(loghub.identify(path), len(decoded(path))) for path in used} == {
        (system, 2_000) for system in loghub.SOURCE.expected
    }


# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    loghub_sample.sample(folder, 42, 0.2)
    return folder


def events_of(folder: Path) -> tuple[pd.DataFrame, int]:
    """Events of every log of a folder, and how many lines came or were left out on the way."""
    results = [ds2_loghub_events.parse(decoded(path)) for path in sorted(folder.glob("*.log"))]
    events, rejects = ds2_loghub_events.events(pd.concat([parsed for parsed, _ in results], ignore_index=True))
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
    assert {path.name for path in sample.glob("*.log")} == {voice.file for voice in loghub_sample.VOICES}
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
def test_labels_agree_with_what_was_planted(sample: Path, sample_events: pd.DataFrame, single_events: str) -> None:
    sequences, _ = ds2_loghub.windows(sample_events, single_events=single_events)  # type: ignore[arg-type]
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
