"""Lines of the trace's tables for tests, and DS1's steps with the defaults of schemas/ds1_alibaba.py."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from schemas import ds1_alibaba as ds1
from schemas.limits import LoadRules
from tasks.pipelines.ds1_alibaba.parse import select
from tasks.pipelines.ds1_alibaba.source import decode
from tasks.pipelines.ds1_alibaba.windows import windows

EPOCH = pd.Timestamp("1970-01-01", tz="UTC")


def read(rows: pd.DataFrame, *, machine_cores: int = ds1.MACHINE_CORES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(observations, rejects) of rows of one table."""
    return select(rows, machine_cores=machine_cores)


def label(
    observations: pd.DataFrame,
    *,
    window_seconds: int = 300,
    history: int = ds1.HISTORY,
    trace_start: str = ds1.TRACE_START,
    **thresholds: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(sequences, rejects) of observations; `thresholds` are fields of LoadRules."""
    load = LoadRules(**thresholds)
    return windows(observations, window_seconds=window_seconds, history=history, trace_start=trace_start, load=load)


def batches(path: Path) -> list[pd.DataFrame]:
    return [table.to_pandas(types_mapper=pd.ArrowDtype) for table in decode(path, path.name)]


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
    sequences, _ = label(observations, **options)
    return list(zip(sequences["label"].tolist(), sequences["label_rule"].tolist(), strict=True))


def selected(paths: Iterable[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = [read(rows) for path in paths for rows in batches(path)]
    kept, rejects = (pd.concat([part[number] for part in parts], ignore_index=True) for number in (0, 1))
    return kept, rejects
