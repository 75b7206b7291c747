"""The generated dump: the same bytes for the same seed, the real layout, and a truth that holds for its own text."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.ds3_stackoverflow import TAGS
from schemas.tools import REGISTRY
from tasks.pipelines.ds3_stackoverflow.sample import sample
from tasks.pipelines.ds3_stackoverflow.sample_texts import CASES
from tasks.pipelines.ds3_stackoverflow.source import count, decode, identify
from tasks.pipelines.ds3_stackoverflow.words import COMPONENTS, SIGNATURES

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def made(folder: Path, seed: int = 42, scale: float = 0.2) -> tuple[bytes, dict[str, Any]]:
    folder.mkdir()
    sample(folder, seed, scale)
    return (folder / "Posts.xml").read_bytes(), json.loads((folder / "truth.json").read_text())


def test_same_seed_and_scale_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    """Nothing depends on a clock or on hashing."""
    assert made(tmp_path / "a") == made(tmp_path / "b")
    assert made(tmp_path / "c", seed=7) != made(tmp_path / "d")


def test_it_has_the_layout_of_a_dump_and_every_row_is_read(tmp_path: Path) -> None:
    """Byte-order mark, one row a line; two of them are malformed on purpose."""
    data, truth = made(tmp_path / "a")
    path = tmp_path / "a/Posts.xml"
    assert data.startswith(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<posts>\n  <row Id="')
    assert identify(path) == "posts"
    rows = pa.concat_tables(decode(path, "x")).to_pylist()
    assert len(rows) == count(path)
    assert sum(row["fault"] == "malformed_xml" for row in rows) == truth["rejects"]["malformed_xml"] == 2


def test_all_cases_are_in_it_and_scale_makes_more(tmp_path: Path) -> None:
    """Even the smallest sample has each."""
    small, large = (made(tmp_path / str(scale), scale=scale)[1]["questions"] for scale in (0.01, 0.5))
    assert {question["case"] for question in small} == {case.name for case in CASES}
    assert len(large) == 200


def test_the_cases_cover_signatures_tags_and_tools() -> None:
    """What is planted is what can be measured."""
    assert {case.signature for case in CASES} - {""} == {one.name for one in SIGNATURES}
    assert {tag for case in CASES for tag in case.tags} >= set(TAGS) - {"docker"}
    assert {case.component for case in CASES} <= {one.name for one in COMPONENTS}
    tools = {tool for case in CASES for tool in case.tools}
    assert tools == set(REGISTRY) - {"page_oncall", "slack_notification"}
    assert all(set(case.params) <= set(case.tools) for case in CASES)
