"""The generated sample: what its truth says, and the same bytes by seed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tasks.pipelines.ds4_synthetic.sample import sample
from tasks.pipelines.ds4_synthetic.source import count
from tests.tasks.pipelines.ds4_synthetic.stores import exported, run

pytestmark = pytest.mark.integration


def test_the_sample_has_what_its_truth_says(tmp_path: Path) -> None:
    """Prompts the grammar knows, prompts that wait, and one row of each planted fault; the same bytes by seed."""
    sample(tmp_path, 42, 0.1)
    before = (tmp_path / "prompts.jsonl").read_bytes()
    sample(tmp_path, 42, 0.1)
    assert (tmp_path / "prompts.jsonl").read_bytes() == before
    truth = json.loads((tmp_path / "truth.json").read_text())
    filled = run(tmp_path, ("prompts.jsonl", tmp_path / "prompts.jsonl"), scale=0.1)
    rows = [row for row in exported(tmp_path) if row["origin"]]
    assert Counter(row["fault"] for row in rows if row["fault"]) == truth["faults"]
    assert filled.waiting == truth["waiting"]
    assert sum(row["teacher"] == "grammar" for row in rows) == truth["known"]
    assert len(rows) == count(tmp_path / "prompts.jsonl")
