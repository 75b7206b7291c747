"""The generated sample of The Stack: every row becomes what was planted, and no planted value gets out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.pipelines.ds6_the_stack import sample as sample_module
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.source import count, decode, identify

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    sample_module.sample(folder, 42, 1.0)
    return folder


@pytest.fixture(scope="module")
def judged(sample: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What becomes of the sample's rows: kept, left out."""
    frames = [
        table.to_pandas(types_mapper=pd.ArrowDtype)
        for path in sorted(sample.glob("*.parquet"))
        for table in decode(path, path.name)
    ]
    parts = [conversations(frame) for frame in frames]
    made = pd.concat([kept for kept, _ in parts], ignore_index=True)
    _, copies = distinct(made)
    gone = set(zip(copies["file"], copies["line"], strict=True))
    stays = [(file, line) not in gone for file, line in zip(made["file"], made["line"], strict=True)]
    return made[stays], pd.concat([*(left for _, left in parts), copies], ignore_index=True)


def truth(sample: Path) -> list[dict[str, Any]]:
    return list(json.loads((sample / "truth.json").read_text())["rows"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    """Nothing depends on a clock, an order of a set, or a hash of the day."""
    for seed in (42, 43):
        (tmp_path / str(seed)).mkdir()
        sample_module.sample(tmp_path / str(seed), seed, 1.0)
    for path in sample.iterdir():
        assert (tmp_path / "42" / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "43" / path.name).read_bytes() != path.read_bytes()


def test_the_sample_has_the_real_columns_in_several_shards(sample: Path) -> None:
    """As a copy of The Stack has them; a small scale still has every kind of file."""
    shards = sorted(sample.glob("*.parquet"))
    assert len(shards) >= 3
    assert {identify(path) for path in shards} == {"shards"}
    assert sum(map(count, shards)) == len(truth(sample)) > 280
    assert all(pq.read_schema(path).names == sample_module.SHARD.names for path in shards)


def test_a_small_sample_has_every_kind_of_file(sample: Path, tmp_path: Path) -> None:
    """So that a quick run shows every reason."""
    sample_module.sample(tmp_path, 1, 0.01)
    assert {row["outcome"] for row in truth(tmp_path)} == {row["outcome"] for row in truth(sample)}


def test_every_row_becomes_what_was_planted(sample: Path, judged: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """No rule was asked when the sample was made: what becomes of each row is known."""
    kept, left = judged
    became = dict.fromkeys(zip(kept["file"], kept["line"], strict=True), "kept")
    became |= {(r["file"], r["line"]): r["reason"] for r in left.to_dict("records")}
    expected = {(row["file"], row["line"]): row["outcome"] for row in truth(sample)}
    assert len(kept) + len(left) == len(expected)
    wrong = Counter((expected[place], became[place]) for place in expected if expected[place] != became[place])
    assert not wrong


def test_no_planted_value_gets_out(sample: Path, judged: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """In kept conversations and in rejects rows; and what holds one is marked as redacted."""
    kept, left = judged
    planted = {(row["file"], row["line"]): row["planted"] for row in truth(sample)}
    everything = "".join(kept["messages"]) + "".join(left["row"])
    values = [value for found in planted.values() for value in found]
    assert len(values) > 60
    assert [value for value in values if value in everything] == []
    redacted = set(zip(kept.loc[kept["outcome"], "file"], kept.loc[kept["outcome"], "line"], strict=True))
    assert redacted == {place for place, found in planted.items() if found}
