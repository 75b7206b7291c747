"""DS2 as a flow, on real logs and on files that are not as they should be."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.ds2_loghub import ds2_loghub
from tasks.publish.publish import read_json

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds2"),
    pytest.mark.usefixtures("prefect_server"),
]

SPARK = b"".join(
    b"17/06/09 20:10:%02d INFO storage.BlockManager: Found block rdd_%d_%d locally\n" % (n, n, n) for n in range(50)
)


def run(tmp_path: Path, files: dict[str, bytes], **parameters: Any) -> Any:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return ds2_loghub(mode="local", source=folder, data_dir=tmp_path / "data", return_state=True, **parameters)


def manifest(tmp_path: Path) -> dict[str, Any]:
    return read_json(tmp_path / "data/processed/ds2_loghub/manifest.json")


@pytest.fixture(scope="module")
def real(prefect_server: None, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("real")
    state = ds2_loghub(mode="local", source=real_data, data_dir=root, return_state=True)
    assert state.is_completed(), state.message
    return root


def test_every_real_line_of_the_five_systems_is_an_event_with_its_place(real: Path) -> None:
    events = pd.read_parquet(real / "interim/ds2_loghub_events.parquet")
    assert events.groupby("system").size().to_dict() == dict.fromkeys(("hadoop", "hdfs", "hpc", "linux", "spark"), 2000)
    assert events.groupby("system")["line"].agg(["min", "max", "nunique"]).to_numpy().tolist() == [[1, 2000, 2000]] * 5


def test_real_dates_are_in_the_right_century_and_month(real: Path, real_data: Path) -> None:
    times = (
        pd.read_parquet(real / "interim/ds2_loghub_events.parquet").groupby("system")["timestamp"].agg(["min", "max"])
    )
    days = {system: (low.strftime("%Y-%m-%d"), high.strftime("%Y-%m-%d")) for system, low, high in times.itertuples()}
    assert days["hdfs"] == ("2008-11-09", "2008-11-11")
    assert days["spark"] == ("2017-06-09", "2017-06-09")
    assert days["hadoop"] == ("2015-10-18", "2015-10-18")
    assert days["linux"] == ("2005-06-14", "2005-07-27")
    lines = (real_data / "loghub/2k/HPC/HPC_2k.log").read_text().split("\n")
    epochs = sorted(int(number) for line in lines for number in re.findall(r" (\d{10}) ", line)[:1])
    assert days["hpc"] == tuple(pd.Timestamp(epoch, unit="s").strftime("%Y-%m-%d") for epoch in (epochs[0], epochs[-1]))


def test_headroom_is_no_lack_of_memory_and_few_real_errors_end_as_normal(real: Path) -> None:
    events = pd.read_parquet(real / "interim/ds2_loghub_events.parquet")
    headroom = events[events["message"].str.contains("headroom")]
    assert len(headroom) > 100
    assert not (headroom["event_type"] == "compute_oom").any()
    assert ((events["severity"] == "ERROR") & (events["state"] == 0)).sum() < 50


def test_no_real_window_mixes_hosts_and_every_event_is_in_one_window(real: Path) -> None:
    sequences = pd.read_parquet(real / "interim/ds2_loghub.parquet")
    rows = manifest_at(real)["rows"]
    assert sequences["rows"].sum() == rows["kept"]
    assert rows["in"] == 10_000
    assert (sequences["entity"].str.split("/").str[0] == sequences["system"]).all()


def manifest_at(root: Path) -> dict[str, Any]:
    return read_json(root / "processed/ds2_loghub/manifest.json")


def test_a_file_that_is_not_used_is_named_with_the_reason(real: Path) -> None:
    assert any("Linux.log" in name for name in manifest_at(real)["unused"])


def test_missing_systems_are_named(tmp_path: Path) -> None:
    assert run(tmp_path, {"Spark.log": SPARK}).is_completed()
    assert sorted(manifest(tmp_path)["missing"]) == ["hadoop", "hdfs", "hpc", "linux"]


def test_a_system_nobody_here_knows_is_read_by_its_layout(tmp_path: Path) -> None:
    assert run(tmp_path, {"Turbine.log": SPARK}).is_completed()
    events = pd.read_parquet(tmp_path / "data/interim/ds2_loghub_events.parquet")
    assert set(events["system"]) == {"turbine"}


@pytest.mark.parametrize(
    "bad",
    [
        b"17/06/09 20:10:59 INFO storage.X: \xff\xfe broken\n",
        b"17/99/99 20:10:59 INFO storage.X: when\n",
        b"17/06/09 20:10:59 INFO a.B: " + b"x" * 1_000_000 + b"\n",
    ],
    ids=["not_utf8", "bad_time", "long"],
)
def test_a_bad_line_is_never_lost_in_silence(tmp_path: Path, bad: bytes) -> None:
    state = run(tmp_path, {"Spark.log": SPARK + bad + SPARK})
    assert state.is_completed(), state.message
    rows = manifest(tmp_path)["rows"]
    assert rows["in"] == 101
    assert rows["kept"] + sum(rows["dropped"].values()) + sum(rows["quarantined"].values()) == 101


def test_crlf_changes_nothing(tmp_path: Path) -> None:
    for name, data in {"lf": SPARK, "crlf": SPARK.replace(b"\n", b"\r\n")}.items():
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, {"Spark.log": data}).is_completed()
    events = [pd.read_parquet(tmp_path / name / "data/interim/ds2_loghub_events.parquet") for name in ("lf", "crlf")]
    pd.testing.assert_frame_equal(*events)


def test_a_clock_that_goes_back_keeps_every_line_and_orders_by_time(tmp_path: Path) -> None:
    lines = SPARK.splitlines(keepends=True)
    back = b"".join(lines[25:] + lines[:25])
    assert run(tmp_path, {"Spark.log": back}).is_completed()
    assert manifest(tmp_path)["rows"]["kept"] == 50


def test_a_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    state = run(tmp_path, {"Spark.log": b"\x7fELF\x00\x01\x02" * 1000})
    assert state.is_failed()
    assert "Spark.log" in state.message


def test_ids_stay_when_a_system_or_a_later_day_is_added(real_data: Path, tmp_path: Path) -> None:
    later = SPARK.replace(b"17/06/09", b"17/06/10")
    tokens = []
    for name, files in {
        "small": {"Spark.log": SPARK},
        "big": {"Spark.log": SPARK + later, "Turbine.log": SPARK},
    }.items():
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, files).is_completed()
        table = pd.read_parquet(tmp_path / name / "data/interim/ds2_loghub.parquet")
        tokens.append(
            {
                (e, s): tuple(ids)
                for e, s, ids in zip(table["entity"], table["window_start"], table["sequence_ids"], strict=True)
            }
        )
    assert {key: tokens[1][key] for key in tokens[0]} == tokens[0]
