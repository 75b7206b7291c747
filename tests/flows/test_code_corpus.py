"""The code corpus as a flow: the generated sample, the real files, folders of files, and runs that must stop."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from flows.code_corpus import code_corpus
from schemas.code_corpus import COLUMNS, STAGES
from schemas.settings import settings
from tasks.curate.text import languages
from tasks.engine import shards
from tasks.pipelines.code_corpus import sample as code_sample
from tasks.publish.publish import read_json
from tests.flows.explaining import assert_every_reject_is_explained, assert_rows_lead_to_their_raw_rows_and_back

pytestmark = [
    pytest.mark.integration,
    pytest.mark.flow,
    pytest.mark.dataset,
    pytest.mark.xdist_group("code_corpus"),
    pytest.mark.usefixtures("prefect_server"),
]


SCALE = 0.3  # of the sample: each reason is planted


def run(tmp_path: Path, **parameters: Any) -> Any:
    return code_corpus(data_dir=tmp_path / "data", return_state=True, **parameters)


def published(tmp_path: Path, name: str = "manifest.json") -> dict[str, Any]:
    return read_json(tmp_path / "data/processed/code_corpus" / name)


def files(tmp_path: Path) -> pa.Table:
    return pq.read_table(tmp_path / "data/processed/code_corpus/code_corpus.parquet")


def truth(tmp_path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((tmp_path / "data/raw/code_corpus/sample/truth.json").read_text())["rows"]
    return rows


@pytest.fixture(scope="module")
def sampled(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    state = run(root, scale=SCALE)
    assert state.is_completed(), state.message
    return root


def test_every_row_can_be_asked_what_became_of_it(sampled: Path) -> None:
    rows = pd.read_parquet(sampled / "data/processed/code_corpus/code_corpus.parquet", columns=["id"])["id"].tolist()
    assert_every_reject_is_explained(sampled / "data", "code_corpus")
    assert_rows_lead_to_their_raw_rows_and_back(sampled / "data", "code_corpus", rows)


def test_the_sample_is_published_and_every_planted_file_is_where_it_belongs(sampled: Path) -> None:
    """Rows in = kept + dropped + quarantined; each reason as often as it was planted."""
    rows = published(sampled)["rows"]
    left_out = {**rows["dropped"], **rows["quarantined"]}
    planted: dict[str, int] = {}
    for row in truth(sampled):
        planted[row["outcome"]] = planted.get(row["outcome"], 0) + 1
    assert rows["in"] == rows["kept"] + sum(left_out.values()) == sum(planted.values())
    assert {"kept": rows["kept"], **left_out} == planted
    assert files(sampled).column_names == list(COLUMNS)


def test_nothing_planted_is_in_any_published_file(sampled: Path) -> None:
    planted = [value.encode() for row in truth(sampled) for value in row.get("planted", [])]
    assert planted
    for path in sorted((sampled / "data/processed").rglob("*")):
        if path.is_file():
            data = str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
            assert not any(value in data for value in planted), path.name


def test_the_reports_tell_each_stage_and_agree_with_the_data(sampled: Path) -> None:
    told, table = published(sampled, "reports/data_statistics.json"), files(sampled)
    stages = told["stages"]
    assert all(later["in"] == earlier["kept"] for earlier, later in pairwise(stages))
    assert all(stage["in"] == stage["kept"] + sum(stage["left_out"].values()) for stage in stages)
    assert (stages[0]["in"], stages[-1]["kept"]) == (published(sampled)["rows"]["in"], len(table))
    assert told["bytes"] == sum(len(text.encode()) for text in table["content"].to_pylist())
    valid = published(sampled, "reports/schema_validation_report.json")
    assert (valid["valid_files"], valid["invalid_files"]) == (len(table), 0)
    assert published(sampled, "bias_report.json")["raw_data_slicing"]["repo_slice"]
    page = (sampled / "data/processed/code_corpus/report.html").read_text()
    assert "Stage by stage" in page
    notice = (sampled / "data/processed/code_corpus/NOTICE.txt").read_text()
    assert all(" ".join(text.split()) in notice for text in table["attribution"].to_pylist())


def test_the_page_tells_every_check_that_the_manifest_tells_and_the_bias_report(sampled: Path) -> None:
    """It is made after the checks: a page that cannot know of them would say that nothing is wrong."""
    checks = published(sampled)["findings"]
    page = read_json(sampled / "data/interim/code_corpus/run.json")["findings"]
    assert {check["kind"] for check in checks} >= {"schema", "missing", "outlier"}
    assert all(check in page for check in checks)
    (bias,) = [finding for finding in page if finding not in checks]
    assert bias["measured"] == len(published(sampled, "bias_report.json")["findings"])


def test_every_file_that_left_as_a_duplicate_is_told_with_one_that_stays(sampled: Path) -> None:
    told = pq.read_table(sampled / "data/interim/code_corpus_clusters.parquet").to_pylist()
    stays = {row["id"]: row["cluster"] for row in told}
    ids = set(files(sampled)["id"].to_pylist())
    for row in told:
        end = row["cluster"]
        while end in stays:
            end = stays[end]
        assert end in ids
        assert row["id"] not in ids
    assert {row["kind"] for row in told} == {"exact", "normalised", "near"}


def test_a_second_run_computes_nothing_and_changes_no_byte(sampled: Path) -> None:
    before = {path: path.read_bytes() for path in (sampled / "data/processed/code_corpus").iterdir() if path.is_file()}
    assert run(sampled, scale=SCALE).is_completed()
    assert {path: path.read_bytes() for path in before} == before


def test_a_stage_that_is_off_leaves_its_files_alone(tmp_path: Path) -> None:
    left = [stage for stage in STAGES if stage not in ("duplicates", "near_duplicates", "tokens", "pii")]
    assert run(tmp_path, scale=0.2, stages=left).is_completed()
    told = published(tmp_path, "reports/data_statistics.json")
    assert not {"duplicates", "near_duplicates", "pii"} & {stage["stage"] for stage in told["stages"]}
    assert told["redacted_files"] == told["tokens"] == 0
    assert published(tmp_path)["parameters"]["stages"] == left


def test_who_opted_out_is_not_in_the_data_and_a_list_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    state = run(tmp_path, opt_out=tmp_path / "none.txt")
    assert state.is_failed()
    assert "none.txt, which is no file" in state.message
    owner = code_sample.OPTED_OUT.partition("/")[0]
    (tmp_path / "none.txt").write_text(f"{owner}  # asked on Monday\n")
    assert run(tmp_path, scale=0.2, opt_out=tmp_path / "none.txt", languages=["Python", "Java"]).is_completed()
    assert not any(repo.startswith(f"{owner}/") for repo in files(tmp_path)["repo"].to_pylist())
    assert set(files(tmp_path)["language"].to_pylist()) == {"Python", "Java"}
    assert published(tmp_path)["rows"]["dropped"]["opted_out"] > 0


def test_a_folder_of_source_files_is_a_corpus_too(tmp_path: Path) -> None:
    """Two repositories, one without a licence."""
    folder = tmp_path / "code"
    for repo in ("ada/engine", "bob/things"):
        (folder / repo / "src").mkdir(parents=True)
        for name in ("one", "two"):
            text = f'"""Of {repo}."""\n\n\ndef {name}_{repo[:3]}(x):\n' + f"    x += len('{name} {repo}')\n" * 9
            (folder / repo / "src" / f"{name}.py").write_text(text + "    return x\n")
    (folder / "ada/engine/LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n")
    state = run(tmp_path, mode="local", source=folder)
    assert state.is_completed(), state.message
    assert published(tmp_path)["rows"]["dropped"]["licence_missing"] == 2
    assert set(files(tmp_path)["licence"].to_pylist()) == {"Apache-2.0"}


SAME = ("code_corpus.parquet", "quarantine.parquet", "reports/data_statistics.json", "report.html")


@contextmanager
def shared_out(processes: int) -> Iterator[None]:
    """Each step runs anew, its shards on so many processes of a Dask cluster, and what it does in threads in eight."""
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings(updates={PREFECT_TASKS_REFRESH_CACHE: True}),
        shards.local_cluster(processes) as cluster,
    ):
        patch.setenv("AUTOMEND_RUNNER", cluster.scheduler_address)
        patch.setattr(shards, "SHARD_BYTES", 50_000)
        patch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        settings.cache_clear()
        yield
    settings.cache_clear()


def assert_same(one: Path, other: Path) -> None:
    for name in SAME:
        folders = (root / "data/processed/code_corpus" for root in (one, other))
        assert len({(folder / name).read_bytes() for folder in folders}) == 1, name


def steps_in_parts(root: Path) -> set[str]:
    """The steps of which a cluster made parts."""
    return {path.name.partition("-")[0] for path in (root / "data/interim/code_corpus/parts").iterdir()}


def test_two_processes_and_eight_threads_give_the_same_bytes_in_another_folder(sampled: Path, tmp_path: Path) -> None:
    with shared_out(2):
        assert run(tmp_path, scale=SCALE).is_completed()
    assert_same(sampled, tmp_path)
    assert steps_in_parts(tmp_path) >= {"selection", "encoding", "malformed", "whitespace", "pii", "tokens"}


@pytest.mark.operations
def test_eight_processes_give_the_bytes_of_one_on_the_real_files(tmp_path: Path, real_data: Path) -> None:
    """Ten batches of each step, shared out in turns."""
    assert run(tmp_path / "one", mode="local", source=real_data / "code").is_completed()
    with shared_out(8):
        assert run(tmp_path / "eight", mode="local", source=real_data / "code").is_completed()
    assert_same(tmp_path / "one", tmp_path / "eight")
    assert steps_in_parts(tmp_path / "eight") >= {"selection", "encoding", "malformed", "whitespace", "pii", "tokens"}


@pytest.mark.operations
def test_every_real_file_is_kept_or_told_and_every_python_file_that_parsed_still_does(
    tmp_path: Path, real_data: Path
) -> None:
    """All 10,169 files: two minutes, most of them Python's own parser."""
    assert run(tmp_path, mode="local", source=real_data / "code").is_completed()
    rows = published(tmp_path)["rows"]
    assert rows["in"] == 10_169 == rows["kept"] + sum(rows["dropped"].values()) + sum(rows["quarantined"].values())
    raw = pq.read_table(real_data / "code/source_files.parquet", columns=["repo", "path", "content"]).to_pylist()
    before = {(row["repo"], row["path"]): row["content"] for row in raw}
    broken = [
        row["path"]
        for row in files(tmp_path).filter(pa.compute.field("language") == "Python").to_pylist()
        if not languages.parses(row["content"], "Python")
        and languages.parses(before[row["repo"], row["path"]], "Python")
    ]
    assert broken == []
