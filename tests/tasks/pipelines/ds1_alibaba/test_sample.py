"""The generated sample: the same bytes for a seed, the real tables' layout and shares, and incidents kept apart."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas import ds1_alibaba as ds1
from tasks.pipelines.ds1_alibaba.sample import sample
from tasks.pipelines.ds1_alibaba.source import decode

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.dataset]
TABLES = ("server_usage", "batch_instance", "batch_task", "server_event")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    sample(made, seed=42, scale=1)
    return made


def read(folder: Path, table: str) -> pl.DataFrame:
    return pl.read_csv(
        folder / f"{table}.csv", has_header=False, new_columns=list(ds1.TABLES[table]), infer_schema_length=None
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        sample(tmp_path / name, seed, 0.05)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert all(contents[0][name] != contents[2][name] for name in contents[0])


@pytest.mark.parametrize("scale", [0.0, 0.01, 0.3])
def test_a_sample_of_any_scale_plants_all_four_failure_states(tmp_path: Path, scale: float) -> None:
    sample(tmp_path, 3, scale)
    assert {i["state"] for i in json.loads((tmp_path / "truth.json").read_text())["incidents"]} == {1, 2, 3, 4}


def test_every_line_has_the_real_layout(folder: Path) -> None:
    for table in TABLES:
        parts = list(decode(folder / f"{table}.csv", f"{table}.csv"))
        assert sum(len(part) for part in parts) > 0
        assert not any(part["fault"].drop_null() for part in parts), table


def test_rows_are_as_many_as_promised(folder: Path) -> None:
    rows = {table: len(read(folder, table)) for table in TABLES}
    assert 14_300 < rows["server_usage"] <= 14_400
    assert 100_000 <= rows["batch_instance"] < 102_000
    assert rows["batch_task"] == 8_000


def test_usage_comes_every_five_minutes_for_twelve_hours(folder: Path) -> None:
    usage = read(folder, "server_usage")
    steps = usage.sort("machine_id", "timestamp").select(pl.col("timestamp").diff().over("machine_id"))["timestamp"]
    assert steps.drop_nulls().mode().to_list() == [300]
    assert usage["timestamp"].max() - usage["timestamp"].min() == 12 * 3_600 - 300
    assert usage["machine_id"].n_unique() == 100


def test_batch_tasks_have_the_shares_of_the_real_table(folder: Path, real_data: Path) -> None:
    ours = read(folder, "batch_task")
    real = read(real_data / "alibaba" / "cluster-trace-v2017", "batch_task")
    for column, tolerance in (("status", 0.015), ("plan_cpu", 0.015)):
        shares = [Counter(frame[column].drop_nulls().to_list()) for frame in (ours, real)]
        for value in shares[1]:
            mine, theirs = (share[value] / share.total() for share in shares)
            assert abs(mine - theirs) < tolerance, (column, value)
    missing = [frame["plan_cpu"].null_count() / len(frame) for frame in (ours, real)]
    assert abs(missing[0] - missing[1]) < 0.015
    for quantile in (0.25, 0.5, 0.75):
        assert ours["plan_mem"].quantile(quantile) == pytest.approx(real["plan_mem"].quantile(quantile), rel=0.3)


def test_fewer_than_one_wait_in_a_hundred_is_a_planted_one(folder: Path) -> None:
    tasks = read(folder, "batch_task").filter(pl.col("status") == "Waiting")
    waits = (tasks["modify_timestamp"] - tasks["create_timestamp"]).to_numpy()
    assert 0 < (waits > 60).sum() < len(waits) / 100
    assert ((waits > 21) & (waits <= 60)).sum() > len(waits) / 100  # long, but not past the 99th percentile


def test_there_are_near_misses(folder: Path) -> None:
    usage = read(folder, "server_usage")
    for column in ("cpu", "memory"):
        assert usage.filter(pl.col(column).is_between(79, 79.99)).height >= 20
    assert usage.filter(pl.col("cpu") < 15).height > 500  # idle, and finishing normally
    assert read(folder, "server_event")["event_detail"].str.contains("symlink").any()


def test_machines_incidents_stand_in_blocks_of_their_own(folder: Path) -> None:
    """No incident can spill into the window of another: they lie on window borders and never touch."""
    incidents = [i for i in _incidents(folder) if i["entity"].startswith("m_")]
    taken: dict[tuple[str, int], set[int]] = {}
    for incident in incidents:
        start, end = (np.datetime64(incident[edge][:19]).astype("int64") for edge in ("start", "end"))
        assert start % 300 == end % 300 == 0
        for slot in range(start, end, 300):
            taken.setdefault((incident["entity"], slot), set()).add(incident["state"])
    assert {2} in taken.values()
    assert {1, 2} in taken.values()  # a hardware error under load: two incidents at once
    assert all(len(states) == 1 or states == {1, 2} for states in taken.values())


def _incidents(folder: Path) -> list[dict[str, str]]:
    return json.loads((folder / "truth.json").read_text())["incidents"]


def test_the_evidence_of_an_incident_lies_within_it(folder: Path) -> None:
    spans = [
        (i["entity"], *(np.datetime64(i[edge][:19]).astype("int64") for edge in ("start", "end")))
        for i in _incidents(folder)
    ]
    failed = read(folder, "batch_instance").filter(pl.col("status") == "Failed")
    errors = read(folder, "server_event").filter(pl.col("event_type") != "add")
    evidence = [
        *failed.select("machine_id", "start_timestamp").rows(),
        *errors.select("machine_id", "timestamp").rows(),
    ]
    by_entity: dict[str, list[tuple[int, int]]] = {}
    for entity, start, end in spans:
        by_entity.setdefault(entity, []).append((start, end))
    assert len(evidence) > 300
    for machine, time in evidence:
        assert any(start <= time < end for start, end in by_entity[f"m_{machine}"]), (machine, time)
