"""DS1: what is read from a row, in the units of its table, and which rows are rejected with which reason."""

from collections.abc import Callable

import pandas as pd
import pytest

from schemas import contracts
from schemas.reject import REJECT_COLUMNS
from tests.tasks.pipelines.ds1_alibaba.trace import event, instance, read, task, usage

pytestmark = [pytest.mark.unit, pytest.mark.dataset]
Decoded = Callable[..., pd.DataFrame]


@pytest.mark.parametrize(
    ("table", "line", "entity", "time", "cpu", "memory", "code"),
    [
        ("server_usage", "300,7,12.5,60,40,1,2,3", "m_7", 300, 12.5, 60, None),
        ("server_usage", "0,7,,,,,,", "m_7", 0, None, None, None),
        ("machine_usage", "m_1932,10,41,92,,,43.04,33.08,5", "2018/m_1932", 10, 41, 92, None),
        ("batch_instance", "5,9,1,2,7,Terminated,1,1,40,32,0.5,0.25", "m_7", 9, 50, 25, 300),
        ("batch_instance", "5,0,,,7,Failed,1,1,,,,", "m_7", 5, None, None, 301),
        ("batch_task", "10,20,3,4,5,Terminated,50,0.007956928", "j_3/t_4", 20, 0.78125, 0.7956928, 300),
        ("batch_task", "10,20,3,4,5,Terminated,6400,1", "j_3/t_4", 20, 100, 100, 300),
        ("batch_task", "10,0,3,4,5,Running,50,0.5", "j_3/t_4", 10, 0.78125, 50, 303),
        ("batch_task", "-10,20,3,4,5,Terminated,50,0.5", "j_3/t_4", 20, 0.78125, 50, 300),
        ("server_event", "0,7,add,,64,0.69,1", "m_7", 0, None, None, 400),
    ],
)
def test_a_row_is_read_in_the_units_of_its_table(
    decoded: Decoded, table: str, line: str, entity: str, time: int, cpu: float, memory: float, code: int
) -> None:
    kept, rejects = read(decoded(table, line))
    assert len(rejects) == 0
    row = kept.astype(object).where(kept.notna(), None).iloc[0]
    assert (row["entity"], row["time"], row["code"], row["table"], row["line"]) == (entity, time, code, table, 1)
    for measured, expected in ((row["cpu"], cpu), (row["memory"], memory)):
        assert measured == (None if expected is None else pytest.approx(expected, rel=1e-6))
    contracts.Observations.validate(kept)


def test_a_machines_cores_are_a_parameter(decoded: Decoded) -> None:
    kept, _ = read(decoded("batch_task", "10,20,3,4,5,Terminated,50,0.01"), machine_cores=2)
    assert kept["cpu"].tolist() == [25.0]


@pytest.mark.parametrize(
    ("table", "line", "outcome", "reason"),
    [
        ("server_usage", "300,7,nan,60,40,1,2,3", "quarantined", "nan"),
        ("server_usage", "300,7,50,NaN,40,1,2,3", "quarantined", "nan"),
        ("server_usage", "300,7,inf,60,40,1,2,3", "quarantined", "infinite"),
        ("server_usage", "300,7,-inf,60,40,1,2,3", "quarantined", "infinite"),
        ("server_usage", "300,7,250,60,40,1,2,3", "quarantined", "cpu_out_of_range"),
        ("server_usage", "300,7,-0.1,60,40,1,2,3", "quarantined", "cpu_out_of_range"),
        ("server_usage", "300,7,50,100.1,40,1,2,3", "quarantined", "memory_out_of_range"),
        ("machine_usage", "m_1,10,101,-1,,,4,3,5", "quarantined", "cpu_out_of_range"),
        ("server_usage", "-300,7,50,60,40,1,2,3", "quarantined", "negative_time"),
        ("server_usage", "99999999999,7,50,60,40,1,2,3", "quarantined", "time_too_large"),
        ("server_usage", "300,,50,60,40,1,2,3", "quarantined", "no_entity"),
        ("server_usage", ",7,50,60,40,1,2,3", "dropped", "no_time"),
        ("server_usage", "300,7,fifty,60,40,1,2,3", "quarantined", "bad_number"),
        ("server_usage", "300,7,50", "quarantined", "too_few_columns"),
        ("server_usage", "300,7,50,60,40,1,2,3,4", "quarantined", "too_many_columns"),
        ("batch_instance", "0,0,1,2,7,Waiting,1,1,,,,", "dropped", "no_time"),
        ("batch_instance", "-9,-5,1,2,7,Terminated,1,1,,,,", "quarantined", "negative_time"),
        ("batch_instance", "0,-5,1,2,7,Terminated,1,1,,,,", "quarantined", "negative_time"),
        ("batch_instance", "9,5,1,2,7,Terminated,1,1,,,,", "quarantined", "ends_before_start"),
        ("batch_instance", "5,9,1,2,7,Exploded,1,1,,,,", "quarantined", "unknown_status"),
        ("batch_instance", "5,9,1,2,7,Terminated,1,1,99,99,,", "quarantined", "cpu_out_of_range"),
        ("batch_task", "10,20,,4,5,Terminated,50,0.1", "quarantined", "no_entity"),
        ("batch_task", "10,20,3,4,5,Terminated,50,1.5", "quarantined", "memory_out_of_range"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_its_reason_and_place(
    decoded: Decoded, table: str, line: str, outcome: str, reason: str
) -> None:
    sound = {"server_usage": usage(300), "machine_usage": "m_1,10,41,92,,,4,3,5", "batch_task": task(300)}
    good = sound.get(table, instance(300))
    kept, rejects = read(decoded(table, good, line, good))
    assert list(rejects.columns) == list(REJECT_COLUMNS)
    assert set(rejects["step"]) == {"select"}
    assert len(kept) == 2
    (row,) = rejects.to_dict("records")
    assert (row["outcome"], row["reason"], row["file"], row["line"]) == (outcome, reason, f"{table}.csv", 2)
    assert row["row"].lower().split(",")[:2] == line.lower().split(",")[:2]


@pytest.mark.parametrize(
    ("status", "token"),
    [
        ("Terminated", 300),
        ("Failed", 301),
        ("Waiting", 302),
        ("Running", 303),
        ("", 304),
        ("Ready", 305),
        ("Cancelled", 306),
        ("Interrupted", 307),
        ("Interupted", 307),
    ],
)
def test_every_documented_status_has_its_token(decoded: Decoded, status: str, token: int) -> None:
    kept, _ = read(decoded("batch_instance", f"5,9,1,2,7,{status},1,1,1,1,0.1,0.1"))
    assert kept["code"].tolist() == [token]


@pytest.mark.parametrize(("kind", "token"), [("add", 400), ("softerror", 401), ("harderror", 402), ("remove", 403)])
def test_an_event_the_trace_does_not_document_is_the_unknown_event(decoded: Decoded, kind: str, token: int) -> None:
    kept, _ = read(decoded("server_event", event(300, kind)))
    assert kept["code"].tolist() == [token]


def test_only_waiting_rows_with_both_times_have_a_wait(decoded: Decoded) -> None:
    lines = [task(100, "Waiting", wait=30), task(100, "Terminated", 2), "50,0,7,3,5,Waiting,,"]
    assert read(decoded("batch_task", *lines))[0]["wait"].astype(object).tolist() == [30, pd.NA, pd.NA]


def test_where_a_batch_ends_does_not_matter(decoded: Decoded) -> None:
    lines = [instance(300 + n, "Failed" if n % 7 == 0 else "Terminated", n % 5) for n in range(50)]
    whole = decoded("batch_instance", *lines, "broken", "5,9,1,2,7,Exploded,1,1,,,,")
    at_once = read(whole)
    parts = [read(whole.iloc[start : start + 9].reset_index(drop=True)) for start in range(0, len(whole), 9)]
    for number in (0, 1):
        joined = pd.concat([part[number] for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(joined.astype(object), at_once[number].astype(object))


def test_a_batch_without_rows_gives_empty_tables_of_the_same_columns(decoded: Decoded) -> None:
    rows = decoded("batch_instance", instance(300))
    kept, rejects = read(rows)
    none_kept, none_rejected = read(rows.head(0))
    assert none_kept.dtypes.tolist() == kept.dtypes.tolist()
    assert none_rejected.dtypes.tolist() == rejects.dtypes.tolist()
    assert len(none_kept) == len(none_rejected) == 0
