"""LogHub's files: which are read, what layout they have, and what a structured copy gives."""

import csv
import hashlib
from pathlib import Path

import pytest

from schemas.finding import SourceError
from tasks.engine import snapshots
from tasks.pipelines.ds2_loghub import source as loghub
from tasks.pipelines.ds2_loghub.parse import parse
from tests.tasks.pipelines.ds2_loghub.logs import decoded

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.dataset]

SYSLOG = "Jun 14 15:16:01 combo sshd[19939]: connection from 10.0.0.1\n"
SPARK = "17/06/09 20:10:40 INFO spark.SecurityManager: Changing view acls to: yarn\n"


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
    parsed, rejects = parse(lines)
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
