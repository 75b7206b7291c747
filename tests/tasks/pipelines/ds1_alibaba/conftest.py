"""Rows of the trace as DS1's tests need them: lines read by the real reader, observations, a generated sample."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest

from tasks.pipelines.ds1_alibaba.sample import sample
from tests.tasks.pipelines.ds1_alibaba.trace import batches, read, selected

Decoded = Callable[..., pd.DataFrame]


@pytest.fixture
def decoded(tmp_path: Path) -> Decoded:
    """Lines of one table as the reader hands them over."""

    def decode_lines(table: str, *lines: str) -> pd.DataFrame:
        path = tmp_path / f"{table}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="latin-1")
        return pd.concat(batches(path), ignore_index=True)

    return decode_lines


@pytest.fixture
def observed(decoded: Decoded) -> Decoded:
    """Observations of lines of some tables; none may be rejected."""

    def observe(**lines: Iterable[str]) -> pd.DataFrame:
        parts = [read(decoded(table, *some)) for table, some in lines.items()]
        assert not any(len(rejects) for _, rejects in parts)
        return pd.concat([kept for kept, _ in parts], ignore_index=True)

    return observe


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample")
    sample(made, seed=7, scale=0.4)
    return made


@pytest.fixture(scope="package")
def observations(folder: Path) -> pd.DataFrame:
    return selected(sorted(folder.glob("*.csv")))[0]
