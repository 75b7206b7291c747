"""DS1 as a flow, on files that are as they should be and on files that are not."""

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.config
import pytest

from flows.ds1_alibaba import ds1_alibaba
from tasks.publish.publish import read_json

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds1"),
    pytest.mark.usefixtures("prefect_server"),
]

GOOD = b"300,1,20.0,30.0,40.0,1.0,1.0,1.0\n600,1,90.0,30.0,40.0,1.0,1.0,1.0\n900,2,10.0,10.0,10.0,1.0,1.0,1.0\n"


def run(tmp_path: Path, files: dict[str, bytes], **parameters: Any) -> Any:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return ds1_alibaba(mode="local", source=folder, data_dir=tmp_path / "data", return_state=True, **parameters)


def manifest(tmp_path: Path) -> dict[str, Any]:
    return read_json(tmp_path / "data/processed/ds1_alibaba/manifest.json")


def rejects(tmp_path: Path) -> pd.DataFrame:
    return pd.read_parquet(tmp_path / "data/processed/ds1_alibaba/quarantine.parquet")


def test_every_real_task_is_a_sequence_dropped_or_quarantined_and_the_statuses_are_those_of_the_file(
    real_data: Path, tmp_path: Path
) -> None:
    trace = (real_data / "alibaba/cluster-trace-v2017/batch_task.csv").read_bytes()
    assert run(tmp_path, {"batch_task.csv": trace}).is_completed()
    rows = manifest(tmp_path)["rows"]
    assert rows["in"] == 80_553
    assert rows["in"] == rows["kept"] + sum(rows["dropped"].values()) + sum(rows["quarantined"].values())
    sequences = pd.read_parquet(tmp_path / "data/interim/ds1_alibaba.parquet")
    left_out = rejects(tmp_path)["row"].str.split(",").str[5].value_counts()
    found = sequences.groupby("status")["rows"].sum().add(left_out, fill_value=0).astype(int).to_dict()
    assert found == {"Terminated": 67_013, "Waiting": 8_847, "Running": 3_567, "Failed": 1_126}
    assert sorted(manifest(tmp_path)["missing"]) == ["batch_instance", "server_event", "server_usage"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1200,1,250,30,40,1,1,1", "cpu_out_of_range"),
        (b"1200,1,nan,30,40,1,1,1", None),
        (b"1200,1,inf,30,40,1,1,1", None),
        (b"-5,1,20,30,40,1,1,1", "negative_time"),
        (b"1200,1,20,30,40", None),
        (b"1200,1,20,30,40,1,1,1,9,9", None),
        (b"soon,1,20,30,40,1,1,1", None),
        (b"1200,1,20,\xff\xfe,40,1,1,1", None),
        (b"1200,1,20,30,40,1,1," + b"x" * 1_000_000, None),
    ],
)
def test_a_bad_line_is_quarantined_with_file_and_line_and_the_rest_is_kept(
    tmp_path: Path, line: bytes, reason: str | None
) -> None:
    data = GOOD + line + b"\n" + GOOD.replace(b",1,", b",3,", 1).replace(b"900,2", b"900,4")
    limits = {"quarantined": 0.5}
    state = run(tmp_path, {"server_usage.csv": data}, limits=limits)
    assert state.is_completed(), state.message
    rows = manifest(tmp_path)["rows"]
    assert rows["in"] == 7
    bad = rejects(tmp_path).query("outcome == 'quarantined'")
    assert bad[["file", "line"]].to_numpy().tolist() == [["server_usage.csv", 4]]
    assert reason in (None, bad["reason"].iloc[0])


def test_too_many_bad_lines_close_the_gate_and_the_error_names_limit_and_place(tmp_path: Path) -> None:
    state = run(tmp_path, {"server_usage.csv": GOOD + b"x\ny\n"})
    assert state.is_failed()
    assert "ds1_alibaba is withheld" in state.message
    assert "quarantine.parquet" in state.message
    assert len(rejects(tmp_path)) == 2
    assert not (tmp_path / "data/interim/ds1_alibaba.parquet").exists()


def test_crlf_a_truncated_last_line_end_and_row_order_change_nothing(tmp_path: Path) -> None:
    results = []
    lines = GOOD.splitlines()
    for name, data in {
        "lf": GOOD,
        "crlf": GOOD.replace(b"\n", b"\r\n"),
        "cut": GOOD[:-1],
        "shuffled": b"\n".join([lines[2], lines[1], lines[0]]) + b"\n",
    }.items():
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, {"server_usage.csv": data}).is_completed()
        results.append(pd.read_parquet(tmp_path / name / "data/interim/ds1_alibaba.parquet"))
    for other in results[1:]:
        pd.testing.assert_frame_equal(results[0], other)


def test_a_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    state = run(tmp_path, {"server_usage.csv": b"\x7fELF\x00\x01\x02" * 100})
    assert state.is_failed()
    assert "server_usage.csv" in state.message
    assert "SourceError" in state.message


def test_an_empty_table_is_named_as_missing_and_nothing_but_empty_tables_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path, {"server_usage.csv": GOOD, "batch_task.csv": b""}).is_completed()
    assert "batch_task" in manifest(tmp_path)["missing"]
    (tmp_path / "b").mkdir()
    state = run(tmp_path / "b", {"server_usage.csv": b""})
    assert state.is_failed()
    assert "empty" in state.message


def test_duplicate_rows_are_dropped_with_their_reason(tmp_path: Path) -> None:
    assert run(tmp_path, {"server_usage.csv": GOOD + GOOD}).is_completed()
    assert manifest(tmp_path)["rows"]["dropped"] == {"duplicate_row": 3}


def test_validation_switched_off_is_refused(tmp_path: Path) -> None:
    with pandera.config.config_context(validation_enabled=False):
        state = run(tmp_path, {"server_usage.csv": GOOD})  # the check itself is cached by now
    assert state.is_failed()
    assert "PANDERA_VALIDATION_ENABLED=False" in state.message
    assert "validation_failure" in (tmp_path / "data/logs/alerts.log").read_text()


def test_a_fall_in_rows_is_told_and_a_repeated_run_tells_the_same(tmp_path: Path) -> None:
    many = b"".join(b"%d,1,%d,30,40,1,1,1\n" % (300 * n, n % 60) for n in range(1, 101))
    run(tmp_path, {"server_usage.csv": many})
    for _ in range(2):
        run(tmp_path, {"server_usage.csv": many[: len(many) // 2].rpartition(b"\n")[0] + b"\n"})
        found = read_json(tmp_path / "data/processed/ds1_alibaba/anomalies.json")
        assert [finding["kind"] for finding in found["anomalies"]] == ["volume"]
    assert "anomaly_detected" in (tmp_path / "data/logs/alerts.log").read_text()
