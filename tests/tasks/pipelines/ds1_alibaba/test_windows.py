"""DS1: what is read from a row, which window it falls into, what a window is labelled, and that nothing is lost."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas import ds1_alibaba as ds1
from schemas import format_a
from schemas.snapshot import REJECT_COLUMNS
from tasks.pipelines.ds1_alibaba import windows as alibaba
from tasks.pipelines.ds1_alibaba.source import decode, sample

pytestmark = [pytest.mark.unit, pytest.mark.dataset]
Decoded = Callable[..., pd.DataFrame]
EPOCH = pd.Timestamp("1970-01-01", tz="UTC")


def batches(path: Path) -> list[pd.DataFrame]:
    return [table.to_pandas(types_mapper=pd.ArrowDtype) for table in decode(path, path.name)]


@pytest.fixture
def decoded(tmp_path: Path) -> Decoded:
    """Lines of one table as the reader hands them over."""

    def read(table: str, *lines: str) -> pd.DataFrame:
        path = tmp_path / f"{table}.csv"
        path.write_text("\n".join(lines) + "\n")
        return pd.concat(batches(path), ignore_index=True)

    return read


@pytest.fixture
def observed(decoded: Decoded) -> Decoded:
    """Observations of lines of some tables; none may be rejected."""

    def observe(**lines: Iterable[str]) -> pd.DataFrame:
        parts = [alibaba.select(decoded(table, *some)) for table, some in lines.items()]
        assert not any(len(rejects) for _, rejects in parts)
        return pd.concat([kept for kept, _ in parts], ignore_index=True)

    return observe


def usage(time: int, machine: int = 1, cpu: float = 50, memory: float = 50) -> str:
    return f"{time},{machine},{cpu},{memory},40,1,2,3"


def instance(time: int, status: str = "Terminated", machine: int = 1, cpu: str = "6.4", memory: str = "0.15") -> str:
    start, end = (time, 0) if status in ("Failed", "Running") else (max(time - 10, 1), time)
    return f"{start},{end},11,22,{machine},{status},1,1,{cpu},{cpu},{memory},{memory}"


def task(time: int, status: str = "Terminated", number: int = 1, wait: int = 10) -> str:
    return f"{time - wait},{time},7,{number},5,{status},50,0.01"


def event(time: int, kind: str, detail: str = "", machine: int = 1) -> str:
    return f"{time},{machine},{kind},{detail},64,0.69,1"


def tokens(sequences: pd.DataFrame) -> list[list[int]]:
    return [list(ids) for ids in sequences["sequence_ids"]]


def labels(observations: pd.DataFrame, **options: Any) -> list[tuple[int, str]]:
    sequences, _ = alibaba.windows(observations, **options)
    return list(zip(sequences["label"].tolist(), sequences["label_rule"].tolist(), strict=True))


# ------------------------------------------------------------------------------------------------------------ selecting


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
    kept, rejects = alibaba.select(decoded(table, line))
    assert len(rejects) == 0
    row = kept.astype(object).where(kept.notna(), None).iloc[0]
    assert (row["entity"], row["time"], row["code"], row["table"], row["line"]) == (entity, time, code, table, 1)
    for measured, expected in ((row["cpu"], cpu), (row["memory"], memory)):
        assert measured == (None if expected is None else pytest.approx(expected, rel=1e-6))
    ds1.Observations.validate(kept)


def test_a_machines_cores_are_a_parameter(decoded: Decoded) -> None:
    kept, _ = alibaba.select(decoded("batch_task", "10,20,3,4,5,Terminated,50,0.01"), machine_cores=2)
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
    kept, rejects = alibaba.select(decoded(table, good, line, good))
    assert tuple(rejects.columns) == REJECT_COLUMNS
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
    kept, _ = alibaba.select(decoded("batch_instance", f"5,9,1,2,7,{status},1,1,1,1,0.1,0.1"))
    assert kept["code"].tolist() == [token]


@pytest.mark.parametrize(("kind", "token"), [("add", 400), ("softerror", 401), ("harderror", 402), ("remove", 403)])
def test_an_event_the_trace_does_not_document_is_the_unknown_event(decoded: Decoded, kind: str, token: int) -> None:
    kept, _ = alibaba.select(decoded("server_event", event(300, kind)))
    assert kept["code"].tolist() == [token]


@pytest.mark.parametrize(
    ("detail", "speaks"),
    [
        ("link down", True),
        ("eth0_LinkDown", True),
        ("NETWORK unreachable", True),
        ("rack switch 7", True),
        ("two links lost", True),
        ("low disk space", False),
        ("symlink loop", False),
        ("corrupted linked list", False),
        ("", False),
    ],
)
def test_the_network_is_recognised_by_whole_words(decoded: Decoded, detail: str, speaks: bool) -> None:
    kept, _ = alibaba.select(decoded("server_event", event(300, "softerror", detail)))
    assert kept["network"].tolist() == [speaks]


def test_only_waiting_rows_with_both_times_have_a_wait(decoded: Decoded) -> None:
    lines = [task(100, "Waiting", wait=30), task(100, "Terminated", 2), "50,0,7,3,5,Waiting,,"]
    assert alibaba.select(decoded("batch_task", *lines))[0]["wait"].astype(object).tolist() == [30, pd.NA, pd.NA]


def test_where_a_batch_ends_does_not_matter(decoded: Decoded) -> None:
    lines = [instance(300 + n, "Failed" if n % 7 == 0 else "Terminated", n % 5) for n in range(50)]
    whole = decoded("batch_instance", *lines, "broken", "5,9,1,2,7,Exploded,1,1,,,,")
    at_once = alibaba.select(whole)
    parts = [alibaba.select(whole.iloc[start : start + 9].reset_index(drop=True)) for start in range(0, len(whole), 9)]
    for number in (0, 1):
        joined = pd.concat([part[number] for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(joined.astype(object), at_once[number].astype(object))


def test_a_batch_without_rows_gives_empty_tables_of_the_same_columns(decoded: Decoded) -> None:
    rows = decoded("batch_instance", instance(300))
    kept, rejects = alibaba.select(rows)
    none_kept, none_rejected = alibaba.select(rows.head(0))
    assert none_kept.dtypes.tolist() == kept.dtypes.tolist()
    assert none_rejected.dtypes.tolist() == rejects.dtypes.tolist()
    assert len(none_kept) == len(none_rejected) == 0


# ------------------------------------------------------------------------------------------------------------ windowing


def test_three_machines_worked_by_hand(observed: Decoded) -> None:
    """m_1: usage in windows 1 and 2, an instance and a softerror in 2. m_2: a missing CPU. m_10: alone, later."""
    observations = observed(
        server_usage=[usage(600, 1, 85, 9.99), usage(300, 1, 10, 100), usage(300, 2, "", 50), usage(3_000, 10, 0, 0)],
        batch_instance=[instance(610, "Terminated", 1, "6.4", "0.15")],
        server_event=[event(899, "softerror", "agent failure", 1)],
    )
    sequences, rejects = alibaba.windows(observations)
    ds1.Sequences.validate(sequences)
    assert len(rejects) == 0
    assert sequences["entity"].tolist() == ["m_1", "m_1", "m_10", "m_2"]
    assert tokens(sequences) == [
        [101, 209],
        [101, 209, 108, 200, 101, 201, 300, 401],
        [100, 200],
        [1, 205],
    ]
    assert sequences["label_rule"].tolist() == ["memory_high", "softerror", "normal", "normal"]
    assert sequences["label"].tolist() == [1, 3, 0, 0]
    assert sequences["window_start"].tolist() == [EPOCH + pd.Timedelta(seconds=s) for s in (300, 600, 3_000, 300)]
    assert sequences["context_start"].tolist() == [EPOCH + pd.Timedelta(seconds=s) for s in (300, 300, 3_000, 300)]
    assert sequences["status"].tolist() == ["none", "Terminated", "none", "none"]
    assert sequences["task_type"].tolist() == ["machine", "machine+batch", "machine", "machine"]
    assert sequences["rows"].tolist() == [1, 3, 1, 1]


@pytest.mark.parametrize(
    ("percent", "decile"), [(0, 0), (9.99, 0), (10, 1), (19.999, 1), (50, 5), (89.99, 8), (90, 9), (100, 9)]
)
def test_bins_are_deciles_closed_below(observed: Decoded, percent: float, decile: int) -> None:
    sequences, _ = alibaba.windows(observed(server_usage=[usage(300, 1, percent, percent)]))
    assert tokens(sequences) == [[100 + decile, 200 + decile]]


def test_history_is_by_time_and_a_gap_stays_a_gap(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300 * n, 1, 10 * n, 0) for n in (1, 2, 6, 7)])
    sequences, _ = alibaba.windows(observations, history=4)
    assert [ids[::2] for ids in tokens(sequences)] == [[101], [101, 102], [102, 106], [106, 107]]
    without, _ = alibaba.windows(observations, history=0)
    assert [ids[::2] for ids in tokens(without)] == [[101], [102], [106], [107]]


def test_the_window_length_and_the_start_of_the_trace_are_parameters(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(59), usage(60, cpu=51), usage(61, cpu=52)])
    sequences, _ = alibaba.windows(observations, window_seconds=60, trace_start="2017-08-01T00:00:00")
    assert [str(t) for t in sequences["window_start"]] == ["2017-08-01 00:00:00+00:00", "2017-08-01 00:01:00+00:00"]
    assert [str(t) for t in sequences["window_end"]] == ["2017-08-01 00:01:00+00:00", "2017-08-01 00:02:00+00:00"]
    assert sequences["rows"].tolist() == [1, 2]


def test_the_last_512_tokens_are_kept_and_the_context_starts_where_they_do(observed: Decoded) -> None:
    lines = [instance(300 * (1 + n // 100) + n % 100, cpu=str(n / 100)) for n in range(300)]
    sequences, _ = alibaba.windows(observed(batch_instance=lines))
    assert [len(ids) for ids in tokens(sequences)] == [300, 512, 512]
    assert sequences["context_start"].tolist() == [EPOCH + pd.Timedelta(seconds=s) for s in (300, 300, 600)]
    assert sequences["rows"].tolist() == [100, 100, 100]


def test_a_batch_task_is_its_own_entity_and_its_request_is_no_load(observed: Decoded) -> None:
    line = "10,20,3,4,5,Failed,6400,0.95"
    sequences, _ = alibaba.windows(observed(batch_task=[line]))
    assert sequences[["entity", "label_rule", "status", "task_type"]].iloc[0].tolist() == [
        "j_3/t_4",
        "failed_other",
        "Failed",
        "batch_task",
    ]
    assert tokens(sequences) == [[109, 209, 301]]


def test_a_machine_of_2018_is_not_the_one_of_2017(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300, 5)], machine_usage=["m_5,300,41,92,,,4,3,5"])
    assert alibaba.windows(observations)[0]["entity"].tolist() == ["2018/m_5", "m_5"]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ({"server_usage": [usage(300)]}, "normal"),
        ({"server_usage": [usage(300, cpu=79.99, memory=79.99)]}, "normal"),
        ({"server_usage": [usage(300, cpu=80)]}, "cpu_high"),
        ({"server_usage": [usage(300, memory=80)]}, "memory_high"),
        ({"server_usage": [usage(300, cpu=99), usage(301, cpu=60)]}, "normal"),  # the mean is 79.5
        ({"server_event": [event(300, "harderror")]}, "harderror"),
        ({"server_event": [event(300, "softerror")]}, "softerror"),
        ({"server_event": [event(300, "softerror", "link down")]}, "network_event"),
        ({"server_event": [event(300, "add")]}, "normal"),
        ({"server_event": [event(300, "remove")]}, "normal"),
        ({"server_usage": [usage(300, cpu=30)], "batch_instance": [instance(310, "Failed")]}, "failed_idle"),
        ({"server_usage": [usage(300, cpu=30.1)], "batch_instance": [instance(310, "Failed")]}, "failed_other"),
        ({"batch_instance": [instance(310, "Failed")]}, "failed_idle"),  # its own 10 %
        ({"batch_instance": [instance(310, "Failed"), instance(320, cpu="32")]}, "failed_other"),  # the largest: 50 %
        ({"batch_instance": [instance(310, "Failed", cpu="")]}, "failed_other"),  # nothing is measured
        ({"batch_instance": [instance(310, cpu="60")]}, "cpu_high"),
        ({"server_usage": [usage(300)], "batch_instance": [instance(310, cpu="60")]}, "normal"),  # own load counts
        ({"server_usage": [usage(300, cpu="")], "batch_instance": [instance(310, cpu="60")]}, "cpu_high"),
        ({"server_usage": [usage(300, cpu=2)], "batch_instance": [instance(310)]}, "normal"),  # finished normally
        ({"server_usage": [usage(300)], "batch_instance": [instance(310, "Interupted")]}, "normal"),
        ({"server_usage": [usage(300, cpu=95)], "server_event": [event(310, "harderror")]}, "harderror"),
        ({"server_usage": [usage(300, cpu=95)], "server_event": [event(310, "softerror")]}, "softerror"),
        ({"server_usage": [usage(300, cpu=95)], "batch_instance": [instance(310, "Failed")]}, "cpu_high"),
        (
            {
                "server_usage": [usage(300, cpu=9)],
                "batch_instance": [instance(310, "Failed")],
                "server_event": [event(310, "softerror", "link down")],
            },
            "failed_idle",
        ),
    ],
)
def test_the_worst_rule_that_holds_gives_the_label(observed: Decoded, rows: dict[str, list[str]], rule: str) -> None:
    assert labels(observed(**rows)) == [(alibaba.RULE[rule].label, rule)]


def test_rules_stand_in_the_order_of_severity() -> None:
    places = [format_a.SEVERITY_ORDER.index(rule.label) for rule in alibaba.RULE.values()]
    assert places == sorted(places)
    assert set(alibaba.RULES) == set(alibaba.RULE)


def test_thresholds_are_parameters(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300, cpu=50)], batch_instance=[instance(310, "Failed")])
    assert labels(observations, cpu_high=50)[0][1] == "cpu_high"
    assert labels(observations, memory_high=50)[0][1] == "memory_high"
    assert labels(observations, idle_cpu=50)[0][1] == "failed_idle"


@pytest.mark.parametrize(("waits", "long"), [(99, 0), (100, 1), (199, 1), (200, 2)])
def test_a_wait_is_long_past_the_99th_percentile_of_all_waits(observed: Decoded, waits: int, long: int) -> None:
    lines = [task(5_000, "Waiting", number, wait=number + 1) for number in range(waits)]
    found = Counter(rule for _, rule in labels(observed(batch_task=lines)))
    assert found == Counter({"normal": waits - long, "wait_long": long})


def test_waits_that_equal_the_percentile_are_not_past_it(observed: Decoded) -> None:
    lines = [task(5_000, "Waiting", number, wait=60) for number in range(300)]
    assert {rule for _, rule in labels(observed(batch_task=lines))} == {"normal"}


def test_equal_source_rows_count_once_and_the_later_ones_are_told(decoded: Decoded, observed: Decoded) -> None:
    lines = [usage(300), usage(300, 2), usage(300), usage(300), usage(300, cpu=51)]
    sequences, rejects = alibaba.windows(observed(server_usage=lines))
    assert rejects[["outcome", "reason", "file"]].drop_duplicates().to_numpy().tolist() == [
        ["dropped", "duplicate_row", "server_usage.csv"]
    ]
    assert rejects["line"].tolist() == [3, 4]
    assert rejects["row"].tolist()[0].startswith("entity=m_1 time=300 cpu=50 memory=50 code= ")
    assert tokens(sequences) == [[105, 205, 105, 205], [105, 205]]
    assert sequences["rows"].sum() + len(rejects) == len(lines)


def test_rows_that_differ_in_any_column_are_no_duplicates(observed: Decoded) -> None:
    lines = ["300,1,50,50,40,1,2,3", "300,1,50,50,40,1,2,4"]
    events = [event(300, "odd"), event(300, "other")]
    sequences, rejects = alibaba.windows(observed(server_usage=lines, server_event=events))
    assert (sequences["rows"].tolist(), len(rejects)) == ([4], 0)


# ----------------------------------------------------------------------------------------------------------------- laws


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    sample(made, seed=7, scale=0.4)
    return made


def selected(paths: Iterable[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = [alibaba.select(rows) for path in paths for rows in batches(path)]
    kept, rejects = (pd.concat([part[number] for part in parts], ignore_index=True) for number in (0, 1))
    return kept, rejects


@pytest.fixture(scope="module")
def observations(folder: Path) -> pd.DataFrame:
    return selected(sorted(folder.glob("*.csv")))[0]


@pytest.fixture
def messy() -> pd.DataFrame:
    """Two thousand observations at random: ties, gaps, missing values, all tables, events, several times a window."""
    draw = np.random.default_rng(5)
    count = 2_000
    table = draw.choice(ds1.USED, count, p=(0.28, 0.40, 0.20, 0.02, 0.10))
    batch = np.char.startswith(table, "batch")
    code = np.where(batch, draw.choice([*ds1.STATUS_TOKENS.values(), *[300, 302] * 7], count), 0)
    code = np.where(table == "server_event", draw.choice(list(ds1.EVENT_TOKENS.values()), count), code)
    eventful = table == "server_event"
    columns = {
        "table": table,
        "entity": np.where(table == "batch_task", "j_1/t_", "m_")
        + draw.integers(0, 9, count).astype(str).astype(object),
        "time": draw.integers(0, 60, count) * draw.choice([25, 200], count),
        "cpu": pa.array(draw.integers(0, 101, count), pa.float32(), mask=eventful | (draw.random(count) < 0.1)),
        "memory": pa.array(draw.integers(0, 101, count), pa.float32(), mask=eventful | (draw.random(count) < 0.1)),
        "code": pa.array(code, mask=code == 0),
        "network": eventful & (draw.random(count) < 0.3),
        "wait": pa.array(draw.integers(0, 500, count), mask=code != alibaba.WAITING),
        "row_hash": np.arange(count),
        "file": np.repeat("some.csv", count),
        "line": np.arange(count) + 1,
    }
    arrays = {name: pa.array(values).cast(ds1.OBSERVATION[name]) for name, values in columns.items()}
    return pa.table(arrays).to_pandas(types_mapper=pd.ArrowDtype)


def slow_windows(observations: pd.DataFrame, history: int = 5) -> list[tuple[Any, ...]]:
    """The oracle: the same, said plainly. (entity, window, tokens, rows, oldest window, rule)."""
    by_window: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in observations.astype(object).where(observations.notna(), None).to_dict("records"):
        by_window[row["entity"], row["time"] // 300].append(row)
    waits = sorted(row["wait"] for rows in by_window.values() for row in rows if row["wait"] is not None)
    limit = waits[-(-len(waits) * 99 // 100) - 1]
    told = []
    for entity, window in sorted(by_window):
        places = [
            (n, t) for n in range(window - history, window + 1) for t in slow_tokens(by_window.get((entity, n), []))
        ]
        places = places[-format_a.MAX_LENGTH :]
        rows = by_window[entity, window]
        told.append((entity, window, [t for _, t in places], len(rows), places[0][0], slow_rule(rows, limit)))
    return told


def slow_tokens(rows: list[dict[str, Any]]) -> list[int]:
    said = []
    for row in rows:
        measures = [] if row["table"] == "server_event" else [(100, row["cpu"]), (200, row["memory"])]
        bins = [1 if value is None else base + min(int(value // 10), 9) for base, value in measures]
        said.append((row["time"], row["code"] or 0, bins))
    return [token for _, code, bins in sorted(said) for token in [*bins, *([code] if code else [])]]


def slow_rule(rows: list[dict[str, Any]], limit: int) -> str:
    codes = {row["code"] for row in rows}
    cpu, memory = (slow_load(rows, measure) for measure in ("cpu", "memory"))
    holds = {
        "harderror": 402 in codes,
        "failed_idle": 301 in codes and cpu is not None and cpu <= 30,
        "network_event": any(row["network"] for row in rows),
        "softerror": 401 in codes,
        "cpu_high": cpu is not None and cpu >= 80,
        "memory_high": memory is not None and memory >= 80,
        "failed_other": 301 in codes,
        "wait_long": any(row["wait"] is not None and row["wait"] > limit for row in rows),
        "normal": True,
    }
    return next(rule for rule in alibaba.RULE if holds[rule])


def slow_load(rows: list[dict[str, Any]], measure: str) -> float | None:
    own = [row[measure] for row in rows if row["table"] in ds1.USAGE_TABLES and row[measure] is not None]
    instances = [row[measure] for row in rows if row["table"] == "batch_instance" and row[measure] is not None]
    return sum(own) / len(own) if own else max(instances, default=None)


def plainly(sequences: pd.DataFrame) -> list[tuple[Any, ...]]:
    starts = [
        [(t - EPOCH) // pd.Timedelta(seconds=300) for t in sequences[c]] for c in ("window_start", "context_start")
    ]
    return list(
        zip(
            sequences["entity"].tolist(),
            starts[0],
            tokens(sequences),
            sequences["rows"].tolist(),
            starts[1],
            sequences["label_rule"].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize(("history", "longest"), [(0, 512), (1, 512), (5, 512), (5, 20), (40, 100)])
def test_windows_are_what_the_plain_definition_says(
    messy: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, history: int, longest: int
) -> None:
    monkeypatch.setattr(format_a, "MAX_LENGTH", longest)
    sequences, rejects = alibaba.windows(messy, history=history)
    expected = slow_windows(messy, history)
    assert plainly(sequences) == expected
    assert len(rejects) == 0
    assert set(alibaba.RULE) == {rule for *_, rule in expected}  # the oracle has seen every rule
    assert any(len(ids) == longest for ids in tokens(sequences)) == (longest < 512)


@pytest.mark.parametrize(("constant", "value"), [("KEY_BITS", 0), ("SPARSE", 0), ("LISTS", 7), ("PART", 11)])
def test_the_ways_for_unusual_sizes_give_the_same(
    messy: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, constant: str, value: int
) -> None:
    expected, _ = alibaba.windows(messy)
    monkeypatch.setattr(alibaba, constant, value)
    pd.testing.assert_frame_equal(alibaba.windows(messy)[0], expected)


def test_the_order_of_the_rows_does_not_matter(observations: pd.DataFrame) -> None:
    shuffled = observations.sample(frac=1, random_state=3).reset_index(drop=True)
    pd.testing.assert_frame_equal(alibaba.windows(shuffled)[0], alibaba.windows(observations)[0])


def test_no_window_mixes_machines(observations: pd.DataFrame) -> None:
    """Each entity's sequences are the same as if it were alone in the trace (waits apart: their quantile is of all)."""
    together, _ = alibaba.windows(observations)
    for entity in ("m_1", "m_10", "m_40", "j_1/t_1"):
        alone, _ = alibaba.windows(observations[observations["entity"].eq(entity)].reset_index(drop=True))
        mine = together[together["entity"] == entity].reset_index(drop=True)
        assert len(mine) > 0
        pd.testing.assert_frame_equal(alone, mine)


def test_a_later_day_changes_no_earlier_sequence(observations: pd.DataFrame) -> None:
    """But for `wait_long`, whose quantile is over all waits: here the later day has none."""
    later = observations[observations["wait"].isna()].reset_index(drop=True)
    later = later.assign(time=later["time"] + 86_400, row_hash=later["row_hash"].to_numpy() ^ np.uint64(1))
    before, _ = alibaba.windows(observations)
    after, _ = alibaba.windows(pd.concat([observations, later.astype(observations.dtypes)], ignore_index=True))
    end = before["window_end"].max()
    pd.testing.assert_frame_equal(after[after["window_start"] < end].reset_index(drop=True), before)


def test_sequences_meet_their_contract_and_rows_add_up(observations: pd.DataFrame) -> None:
    sequences, rejects = alibaba.windows(observations)
    ds1.Sequences.validate(sequences, lazy=True)
    ds1.Observations.validate(observations, lazy=True)
    assert sequences["rows"].sum() + len(rejects) == len(observations)
    assert list(sequences.columns[:10]) == list(format_a.COLUMNS)
    assert {name: sequences[name].dtype for name in format_a.COLUMNS} == format_a.COLUMNS
    assert not sequences.duplicated(["entity", "window_start"]).any()


def test_no_observations_give_no_sequences_of_the_same_columns(observations: pd.DataFrame) -> None:
    sequences, rejects = alibaba.windows(observations.head(0))
    assert (len(sequences), len(rejects)) == (0, 0)
    assert sequences.dtypes.tolist() == alibaba.windows(observations.head(5))[0].dtypes.tolist()
    assert tuple(rejects.columns) == REJECT_COLUMNS


def test_planted_incidents_are_found_and_nothing_else_is(folder: Path, observations: pd.DataFrame) -> None:
    """Recall and precision of each state against truth.json, which the generator wrote without the labeller."""
    sequences, _ = alibaba.windows(observations)
    truth = expected_labels(sequences, json.loads((folder / "truth.json").read_text())["incidents"])
    found = sequences["label"].to_numpy()
    for state in (1, 2, 3, 4):
        both = ((truth == state) & (found == state)).sum()
        assert (truth == state).sum() >= 20
        assert both / (truth == state).sum() >= 0.95, state
        assert both / (found == state).sum() >= 0.95, state
    assert set(sequences["label_rule"]) == set(alibaba.RULE)


def expected_labels(sequences: pd.DataFrame, incidents: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    spans = defaultdict(list)
    for incident in incidents:
        start, end = pd.Timestamp(incident["start"]), pd.Timestamp(incident["end"])
        spans[incident["entity"]].append((start, end, incident["state"]))
    wanted = []
    for entity, start, end in sequences[["entity", "window_start", "window_end"]].itertuples(index=False):
        states = [state for begin, stop, state in spans.get(entity, ()) if begin < end and stop > start]
        wanted.append(min(states, key=format_a.SEVERITY_ORDER.index, default=format_a.NORMAL))
    return np.array(wanted)


# ------------------------------------------------------------------------------------------------- real tables, reports


def test_every_row_of_the_real_batch_task_table_is_accounted_for(real_data: Path) -> None:
    kept, left_out = selected([real_data / "alibaba" / "cluster-trace-v2017" / "batch_task.csv"])
    sequences, rejects = alibaba.windows(kept)
    assert len(kept) + len(left_out) == 80_553
    assert sequences["rows"].sum() + len(rejects) + len(left_out) == 80_553
    assert (len(sequences), len(rejects)) == (80_435, 0)  # every task is one row, so one window
    statuses = Counter(row.split(",")[5] for row in left_out["row"])
    statuses.update({status: int(rows) for status, rows in sequences.groupby("status")["rows"].sum().items()})
    assert statuses == {"Terminated": 67_013, "Waiting": 8_847, "Running": 3_567, "Failed": 1_126}
    assert left_out["reason"].value_counts().to_dict() == {"negative_time": 117, "ends_before_start": 1}
    ds1.Sequences.validate(sequences, lazy=True)


def test_the_real_machine_usage_table_of_2018_goes_the_same_way(real_data: Path) -> None:
    kept, left_out = selected([real_data / "alibaba" / "cluster-trace-v2018" / "machine_usage.csv"])
    sequences, rejects = alibaba.windows(kept)
    ds1.Sequences.validate(sequences, lazy=True)
    assert (len(left_out), len(rejects)) == (0, 0)
    assert sequences["rows"].sum() == len(kept) == 50_001
    assert sequences["entity"].nunique() == 8
    assert set(sequences["task_type"]) == {"machine"}


def test_the_vocabulary_names_every_token_once(observations: pd.DataFrame) -> None:
    sequences, _ = alibaba.windows(observations)
    vocabulary = alibaba.vocabulary(sequences)
    assert list(vocabulary.columns) == ["token", "source", "meaning"]
    assert vocabulary["token"].is_unique
    assert vocabulary["meaning"].is_unique
    assert set(vocabulary["source"]) == {"ds1_alibaba"}
    used = set(np.concatenate(tokens(sequences)).tolist())
    assert used <= {*vocabulary["token"].tolist(), format_a.UNK}
    named = dict(zip(vocabulary["token"], vocabulary["meaning"], strict=True))
    assert (named[101], named[209], named[300]) == ("CPU 10 to 20 %", "memory 90 to 100 %", "status Terminated")


def test_statistics_worked_by_hand(observed: Decoded) -> None:
    lines = {"server_usage": [usage(300, cpu=85), usage(600)], "batch_instance": [instance(310)]}
    sequences, _ = alibaba.windows(observed(**lines))
    assert tokens(sequences) == [[108, 205, 101, 201, 300], [108, 205, 101, 201, 300, 105, 205]]
    assert alibaba.schema_stats(sequences) == {
        "total_sequences": 2,
        "label_distribution": {
            "Normal": 1,
            "Resource_Exhaustion": 1,
            "System_Crash": 0,
            "Network_Failure": 0,
            "Data_Drift": 0,
        },
        "sequence_length": {"min": 5, "max": 7, "mean": 6.0},
        "token_stats": {"unique_tokens": 6, "cpu_tokens": 5, "memory_tokens": 5},
        "quality_checks": {"empty_sequences": 0, "invalid_labels": 0},
    }


def test_statistics_of_no_sequences_are_zero_and_bad_ones_are_counted(observed: Decoded) -> None:
    sequences, _ = alibaba.windows(observed(server_usage=[usage(300), usage(600)]))
    none = alibaba.schema_stats(sequences.head(0))
    assert none["total_sequences"] == none["token_stats"]["unique_tokens"] == none["sequence_length"]["max"] == 0
    assert none["sequence_length"]["mean"] == 0.0
    bad = sequences.assign(
        label=pd.array([9, None], dtype=format_a.LABEL), sequence_ids=pd.array([[], None], dtype=format_a.TOKENS)
    )
    assert alibaba.schema_stats(bad)["quality_checks"] == {"empty_sequences": 2, "invalid_labels": 2}
    json.dumps(none)
