"""DS6 as a flow: the generated sample, the real files, and files that are not as they should be."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.ds6_the_stack import ds6_the_stack
from tasks.pipelines.ds6_the_stack.sample import SHARD, sample
from tasks.publish.publish import read_json

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("ds6"),
    pytest.mark.usefixtures("prefect_server"),
]


def run(tmp_path: Path, **parameters: Any) -> Any:
    return ds6_the_stack(data_dir=tmp_path / "data", return_state=True, **parameters)


def manifest(tmp_path: Path) -> dict[str, Any]:
    return read_json(tmp_path / "data/processed/ds6_the_stack/manifest.json")


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    file = tmp_path / "data/processed/ds6_the_stack/ds6_the_stack.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def sampled(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    state = run(root)
    assert state.is_completed(), state.message
    return root


def test_the_sample_is_published_with_its_reports_and_its_rows_add_up(sampled: Path) -> None:
    """Rows in = kept + dropped + quarantined; every reason that was planted is there."""
    rows = manifest(sampled)["rows"]
    truth = json.loads((sampled / "data/raw/ds6_the_stack/sample/truth.json").read_text())["rows"]
    left_out = sum(rows["dropped"].values()) + sum(rows["quarantined"].values())
    assert rows["in"] == rows["kept"] + left_out == len(truth)
    assert {*rows["dropped"], *rows["quarantined"], "kept"} == {row["outcome"] for row in truth}
    folder = sampled / "data/processed/ds6_the_stack"
    assert read_json(folder / "quality_report.json")["alerts"] == []
    assert read_json(folder / "schema_stats.json")["total_records"] == len(lines(sampled))


def test_every_published_line_passed_all_stages_it_could(sampled: Path) -> None:
    """All of the sample's manifests can be run, so all were."""
    for line in lines(sampled):
        assert line["metadata"]["verified"] == ["format", "tools", "execution"]
        assert line["metadata"]["source"] == "ds6_the_stack"


def test_nothing_planted_is_in_any_published_file(sampled: Path) -> None:
    """Neither in the data nor in the quarantine and reports beside it."""
    truth = json.loads((sampled / "data/raw/ds6_the_stack/sample/truth.json").read_text())["rows"]
    planted = [value.encode() for row in truth for value in row["planted"]]
    published = [path for path in (sampled / "data/processed").rglob("*") if path.is_file()]
    assert planted
    for path in published:
        rows = [*pq.read_table(path).to_pylist()] if path.suffix == ".parquet" else []
        data = str(rows).encode() if rows else path.read_bytes()
        assert not any(value in data for value in planted), path.name


def test_who_opted_out_is_not_in_the_data_and_the_manifest_tells_the_lists_hash_alone(tmp_path: Path) -> None:
    """A list of repositories by name; who is on it is nobody's business."""
    file = tmp_path / "opted-out.txt"
    file.write_text("acme\n# a note\nhttps://github.com/hooli/search\n")
    assert run(tmp_path, opt_out=file, scale=0.3).is_completed()
    groups = {line["metadata"]["group"] for line in lines(tmp_path)}
    assert groups
    assert not any(group.startswith("acme/") or group == "hooli/search" for group in groups)
    told = manifest(tmp_path)
    assert told["rows"]["dropped"]["opted_out"] > 0
    assert told["parameters"]["opted_out"] == 2
    assert len(told["parameters"]["opted_out_sha256"]) == 64
    assert "acme" not in json.dumps(told["parameters"])


def test_an_opt_out_list_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    """Passing over it would publish whom it names."""
    state = run(tmp_path, opt_out=tmp_path / "none.txt")
    assert state.is_failed()
    assert "none.txt, which is no file" in state.message


def test_a_truncated_shard_stops_the_run_by_name(tmp_path: Path) -> None:
    """Whatever else is there."""
    folder = tmp_path / "in"
    folder.mkdir()
    sample(folder, 1, 0.1)
    broken = folder / "more.parquet"
    broken.write_bytes(next(folder.glob("data-*.parquet")).read_bytes()[:-9])
    state = run(tmp_path, mode="local", source=folder)
    assert state.is_failed()
    assert "more.parquet" in state.message
    assert "not a whole Parquet file" in state.message


def test_an_empty_shard_beside_others_changes_nothing(tmp_path: Path) -> None:
    """It has no rows to lose."""
    folder = tmp_path / "in"
    folder.mkdir()
    sample(folder, 1, 0.3)
    pq.write_table(pa.Table.from_pylist([], schema=SHARD), folder / "data-empty.parquet")
    state = run(tmp_path, mode="local", source=folder)
    assert state.is_completed(), state.message
    rows = json.loads((folder / "truth.json").read_text())["rows"]
    assert manifest(tmp_path)["rows"]["in"] == len(rows)


@pytest.mark.slow
def test_the_real_files_are_found_by_their_columns_and_add_up(tmp_path: Path, real_data: Path) -> None:
    """Among all datasets' files; other Parquet files there are none of ours."""
    state = run(tmp_path, mode="local", source=real_data)
    assert state.is_completed(), state.message
    rows = manifest(tmp_path)["rows"]
    assert rows["in"] == 7_297
    assert rows["kept"] + sum(rows["dropped"].values()) + sum(rows["quarantined"].values()) == 7_297
    assert len(lines(tmp_path)) > 1_500
