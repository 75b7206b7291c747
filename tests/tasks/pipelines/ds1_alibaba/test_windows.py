"""DS1: which window a row falls into, what precedes it, and that nothing is lost, mixed or moved."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas import contracts, format_a
from schemas import ds1_alibaba as ds1
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds1_alibaba import windows
from tasks.pipelines.ds1_alibaba.parse import WAITING
from tasks.pipelines.ds1_alibaba.rules import LABEL_RULES
from tests.tasks.pipelines.ds1_alibaba.trace import EPOCH, event, instance, label, selected, tokens, usage

pytestmark = [pytest.mark.unit, pytest.mark.dataset]
Decoded = Callable[..., pd.DataFrame]


def test_three_machines_worked_by_hand(observed: Decoded) -> None:
    """m_1: usage in windows 1 and 2, an instance and a softerror in 2. m_2: a missing CPU. m_10: alone, later."""
    observations = observed(
        server_usage=[usage(600, 1, 85, 9.99), usage(300, 1, 10, 100), usage(300, 2, "", 50), usage(3_000, 10, 0, 0)],
        batch_instance=[instance(610, "Terminated", 1, "6.4", "0.15")],
        server_event=[event(899, "softerror", "agent failure", 1)],
    )
    sequences, rejects = label(observations)
    contracts.MachineSequences.validate(sequences)
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
    sequences, _ = label(observed(server_usage=[usage(300, 1, percent, percent)]))
    assert tokens(sequences) == [[100 + decile, 200 + decile]]


def test_history_is_by_time_and_a_gap_stays_a_gap(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300 * n, 1, 10 * n, 0) for n in (1, 2, 6, 7)])
    sequences, _ = label(observations, history=4)
    assert [ids[::2] for ids in tokens(sequences)] == [[101], [101, 102], [102, 106], [106, 107]]
    without, _ = label(observations, history=0)
    assert [ids[::2] for ids in tokens(without)] == [[101], [102], [106], [107]]


def test_the_window_length_and_the_start_of_the_trace_are_parameters(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(59), usage(60, cpu=51), usage(61, cpu=52)])
    sequences, _ = label(observations, window_seconds=60, trace_start="2017-08-01T00:00:00")
    assert [str(t) for t in sequences["window_start"]] == ["2017-08-01 00:00:00+00:00", "2017-08-01 00:01:00+00:00"]
    assert [str(t) for t in sequences["window_end"]] == ["2017-08-01 00:01:00+00:00", "2017-08-01 00:02:00+00:00"]
    assert sequences["rows"].tolist() == [1, 2]


def test_the_last_512_tokens_are_kept_and_the_context_starts_where_they_do(observed: Decoded) -> None:
    lines = [instance(300 * (1 + n // 100) + n % 100, cpu=str(n / 100)) for n in range(300)]
    sequences, _ = label(observed(batch_instance=lines))
    assert [len(ids) for ids in tokens(sequences)] == [300, 512, 512]
    assert sequences["context_start"].tolist() == [EPOCH + pd.Timedelta(seconds=s) for s in (300, 300, 600)]
    assert sequences["rows"].tolist() == [100, 100, 100]


def test_a_batch_task_is_its_own_entity_and_its_request_is_no_load(observed: Decoded) -> None:
    line = "10,20,3,4,5,Failed,6400,0.95"
    sequences, _ = label(observed(batch_task=[line]))
    assert sequences[["entity", "label_rule", "status", "task_type"]].iloc[0].tolist() == [
        "j_3/t_4",
        "failed_other",
        "Failed",
        "batch_task",
    ]
    assert tokens(sequences) == [[109, 209, 301]]


def test_a_machine_of_2018_is_not_the_one_of_2017(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300, 5)], machine_usage=["m_5,300,41,92,,,4,3,5"])
    assert label(observations)[0]["entity"].tolist() == ["2018/m_5", "m_5"]


def test_equal_source_rows_count_once_and_the_later_ones_are_rejected(decoded: Decoded, observed: Decoded) -> None:
    lines = [usage(300), usage(300, 2), usage(300), usage(300), usage(300, cpu=51)]
    sequences, rejects = label(observed(server_usage=lines))
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
    sequences, rejects = label(observed(server_usage=lines, server_event=events))
    assert (sequences["rows"].tolist(), len(rejects)) == ([4], 0)


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
        "wait": pa.array(draw.integers(0, 500, count), mask=code != WAITING),
        "row_hash": np.arange(count),
        "file": np.repeat("some.csv", count),
        "line": np.arange(count) + 1,
    }
    arrays = {name: pa.array(values).cast(ds1.OBSERVATION[name]) for name, values in columns.items()}
    return pa.table(arrays).to_pandas(types_mapper=pd.ArrowDtype)


def slow_windows(observations: pd.DataFrame, history: int = 5) -> list[tuple[Any, ...]]:
    """The oracle: the same in plain Python. (entity, window, tokens, rows, oldest window, rule)."""
    by_window: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in observations.astype(object).where(observations.notna(), None).to_dict("records"):
        by_window[row["entity"], row["time"] // 300].append(row)
    waits = sorted(row["wait"] for rows in by_window.values() for row in rows if row["wait"] is not None)
    limit = waits[-(-len(waits) * 99 // 100) - 1]
    expected = []
    for entity, window in sorted(by_window):
        places = [
            (n, t) for n in range(window - history, window + 1) for t in slow_tokens(by_window.get((entity, n), []))
        ]
        places = places[-format_a.MAX_LENGTH :]
        rows = by_window[entity, window]
        expected.append((entity, window, [t for _, t in places], len(rows), places[0][0], slow_rule(rows, limit)))
    return expected


def slow_tokens(rows: list[dict[str, Any]]) -> list[int]:
    parts = []
    for row in rows:
        measures = [] if row["table"] == "server_event" else [(100, row["cpu"]), (200, row["memory"])]
        bins = [1 if value is None else base + min(int(value // 10), 9) for base, value in measures]
        parts.append((row["time"], row["code"] or 0, bins))
    return [token for _, code, bins in sorted(parts) for token in [*bins, *([code] if code else [])]]


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
    return next(rule.name for rule in LABEL_RULES if holds[rule.name])


def slow_load(rows: list[dict[str, Any]], measure: str) -> float | None:
    own = [row[measure] for row in rows if row["table"] in ds1.USAGE_TABLES and row[measure] is not None]
    instances = [row[measure] for row in rows if row["table"] == "batch_instance" and row[measure] is not None]
    return sum(own) / len(own) if own else max(instances, default=None)


def as_rows(sequences: pd.DataFrame) -> list[tuple[Any, ...]]:
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
    sequences, rejects = label(messy, history=history)
    expected = slow_windows(messy, history)
    assert as_rows(sequences) == expected
    assert len(rejects) == 0
    assert {rule.name for rule in LABEL_RULES} == {rule for *_, rule in expected}  # the oracle has seen every rule
    assert any(len(ids) == longest for ids in tokens(sequences)) == (longest < 512)


@pytest.mark.parametrize(("constant", "value"), [("KEY_BITS", 0), ("SPARSE", 0), ("LISTS", 7), ("PART", 11)])
def test_the_ways_for_unusual_sizes_give_the_same(
    messy: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, constant: str, value: int
) -> None:
    expected, _ = label(messy)
    monkeypatch.setattr(windows, constant, value)
    pd.testing.assert_frame_equal(label(messy)[0], expected)


def test_the_order_of_the_rows_does_not_matter(observations: pd.DataFrame) -> None:
    shuffled = observations.sample(frac=1, random_state=3).reset_index(drop=True)
    pd.testing.assert_frame_equal(label(shuffled)[0], label(observations)[0])


def test_no_window_mixes_machines(observations: pd.DataFrame) -> None:
    """Each entity's sequences are the same as if it were alone in the trace (waits apart: their quantile is of all)."""
    together, _ = label(observations)
    for entity in ("m_1", "m_10", "m_40", "j_1/t_1"):
        alone, _ = label(observations[observations["entity"].eq(entity)].reset_index(drop=True))
        mine = together[together["entity"] == entity].reset_index(drop=True)
        assert len(mine) > 0
        pd.testing.assert_frame_equal(alone, mine)


def test_a_later_day_changes_no_earlier_sequence(observations: pd.DataFrame) -> None:
    """But for `wait_long`, whose quantile is over all waits: here the later day has none."""
    later = observations[observations["wait"].isna()].reset_index(drop=True)
    later = later.assign(time=later["time"] + 86_400, row_hash=later["row_hash"].to_numpy() ^ np.uint64(1))
    before, _ = label(observations)
    after, _ = label(pd.concat([observations, later.astype(observations.dtypes)], ignore_index=True))
    end = before["window_end"].max()
    pd.testing.assert_frame_equal(after[after["window_start"] < end].reset_index(drop=True), before)


def test_sequences_meet_their_contract_and_rows_add_up(observations: pd.DataFrame) -> None:
    sequences, rejects = label(observations)
    contracts.MachineSequences.validate(sequences, lazy=True)
    contracts.Observations.validate(observations, lazy=True)
    assert sequences["rows"].sum() + len(rejects) == len(observations)
    assert list(sequences.columns[:10]) == list(format_a.COLUMNS)
    assert {name: sequences[name].dtype for name in format_a.COLUMNS} == format_a.COLUMNS
    assert not sequences.duplicated(["entity", "window_start"]).any()


def test_no_observations_give_no_sequences_of_the_same_columns(observations: pd.DataFrame) -> None:
    sequences, rejects = label(observations.head(0))
    assert (len(sequences), len(rejects)) == (0, 0)
    assert sequences.dtypes.tolist() == label(observations.head(5))[0].dtypes.tolist()
    assert list(rejects.columns) == list(REJECT_COLUMNS)


def test_planted_incidents_are_found_and_nothing_else_is(folder: Path, observations: pd.DataFrame) -> None:
    """Recall and precision of each state against truth.json, which the generator wrote without the labeller."""
    sequences, _ = label(observations)
    truth = expected_labels(sequences, json.loads((folder / "truth.json").read_text())["incidents"])
    found = sequences["label"].to_numpy()
    for state in (1, 2, 3, 4):
        both = ((truth == state) & (found == state)).sum()
        assert (truth == state).sum() >= 20
        assert both / (truth == state).sum() >= 0.95, state
        assert both / (found == state).sum() >= 0.95, state
    assert set(sequences["label_rule"]) == {rule.name for rule in LABEL_RULES}


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


def test_every_row_of_the_real_batch_task_table_is_accounted_for(real_data: Path) -> None:
    kept, left_out = selected([real_data / "alibaba" / "cluster-trace-v2017" / "batch_task.csv"])
    sequences, rejects = label(kept)
    assert len(kept) + len(left_out) == 80_553
    assert sequences["rows"].sum() + len(rejects) + len(left_out) == 80_553
    assert (len(sequences), len(rejects)) == (80_435, 0)  # every task is one row, so one window
    statuses = Counter(row.split(",")[5] for row in left_out["row"])
    statuses.update({status: int(rows) for status, rows in sequences.groupby("status")["rows"].sum().items()})
    assert statuses == {"Terminated": 67_013, "Waiting": 8_847, "Running": 3_567, "Failed": 1_126}
    assert left_out["reason"].value_counts().to_dict() == {"negative_time": 117, "ends_before_start": 1}
    contracts.MachineSequences.validate(sequences, lazy=True)


def test_the_real_machine_usage_table_of_2018_goes_the_same_way(real_data: Path) -> None:
    kept, left_out = selected([real_data / "alibaba" / "cluster-trace-v2018" / "machine_usage.csv"])
    sequences, rejects = label(kept)
    contracts.MachineSequences.validate(sequences, lazy=True)
    assert (len(left_out), len(rejects)) == (0, 0)
    assert sequences["rows"].sum() == len(kept) == 50_001
    assert sequences["entity"].nunique() == 8
    assert set(sequences["task_type"]) == {"machine"}
