"""`python -m flows.explain`: what it refuses, and in which words. What it finds is tested with the tracks' runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.explain import main, stems
from tasks.pipelines.ds2_loghub.rules import REASONS
from tasks.quality.rejects import rejected
from tests.conftest import PROJECT

pytestmark = pytest.mark.integration


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A published run of ds2_loghub with one raw file, of which one line was left out."""
    folder = tmp_path / "processed/ds2_loghub"
    folder.mkdir(parents=True)
    left_out = {"continuation": {"outcome": "dropped", "meaning": "The line continues the record before it."}}
    steps = [{"step": name, "files": [f"interim/{name}.parquet"]} for name in ("parse", "events", "check")]
    rows = {"in": 3, "kept": 2, "dropped": {"continuation": 1}, "quarantined": {}}
    manifest = {"mode": "sample", "inputs": {"a.log": {"rows": 3}}, "reasons": left_out, "steps": steps, "rows": rows}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    rejects = rejected("events", REASONS, reasons=["continuation"], files=["a.log"], lines=[2], rows=["?? hello"])
    rejects.to_parquet(folder / "quarantine.parquet")
    (tmp_path / "interim").mkdir()
    empty = pd.DataFrame({"file": pd.Series([], dtype="string"), "line": pd.Series([], dtype="int64")})
    for step in steps:
        empty.to_parquet(tmp_path / step["files"][0])
    return tmp_path


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str]]:
    """Exit status (a sentence where there is nothing to explain) and output of the command."""

    def command(*arguments: str) -> tuple[Any, str]:
        monkeypatch.setattr(sys, "argv", ["explain", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().out

    return command


def test_a_line_that_was_left_out_is_shown_with_step_reason_meaning_and_text(data: Path) -> None:
    """As a person calls it, in a process of its own."""
    command = [sys.executable, "-m", "flows.explain", "ds2_loghub", "a.log:2", "--data-dir", str(data)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    out = done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert "events         Left out (dropped), reason continuation: The line continues the record before it." in out
    assert "row: ?? hello" in out
    assert "generated, not real" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ds2_loghub", "b.log:1"), "ds2_loghub was not made of a file b.log. It was made of: a.log (3 rows)."),
        (("ds2_loghub", "a.log:9"), "a.log has no row 9 that ds2_loghub read: it has 3 rows."),
        (("ds2_loghub", "a.log"), "'a.log' is no FILE:LINE, such as a.log:1. Files: a.log (3 rows)."),
        (("ds2_loghub", "a.log:0"), "'a.log:0' is no FILE:LINE"),
        (("ds2_loghub",), "Give one raw row as FILE:LINE, or one published row with --id."),
        (("ds1_alibaba", "a.csv:1"), "No published run of ds1_alibaba is below"),
        (("ds9", "a.csv:1"), "There is no dataset 'ds9'. There are: code_corpus, ds1_alibaba"),
        (("--token", "1000"), "No vocabulary is below"),
        (("a.log:2",), "'a.log:2' is a row. Name its dataset before it."),
        (("ds2_loghub", "a.log:2", "--id", "x"), "There are two rows: a.log:2 and --id x. Ask about one at a time."),
    ],
)
def test_what_is_not_there_is_named_in_a_sentence(
    data: Path, arguments: tuple[str, ...], sentence: str, explain: Callable[..., tuple[Any, str]]
) -> None:
    status, out = explain(*arguments, "--data-dir", str(data))
    assert out == ""
    assert sentence in status


def test_without_arguments_and_with_help_it_shows_how_a_row_is_named(explain: Callable[..., tuple[Any, str]]) -> None:
    for arguments in ((), ("--help",)):
        status, out = explain(*arguments)
        assert status in (0, None)
        assert "A raw row as FILE:LINE" in out
        assert any(line.strip(" •-").startswith("python") and "Linux.log:27" in line for line in out.splitlines())


def test_a_folder_before_the_files_name_does_not_matter(data: Path, explain: Callable[..., tuple[Any, str]]) -> None:
    assert "events" in explain("ds2_loghub", "raw/ds2_loghub/sample/a.log:2", "--data-dir", str(data))[1]


def test_after_a_withheld_run_it_says_which_files_are_of_which_run(
    data: Path, explain: Callable[..., tuple[Any, str]]
) -> None:
    """The gate withheld a run on worse input: its quarantine is there, the manifest is the old one."""
    rejects = rejected("parse", REASONS, reasons=["no_header"], files=["a.log"], lines=[1], rows=["??"])
    rejects.to_parquet(data / "processed/ds2_loghub/quarantine.parquet")
    _, out = explain("ds2_loghub", "a.log:1", "--data-dir", str(data))
    assert "quarantine.parquet is of a later run, which was not published" in out
    assert REASONS["no_header"].meaning in out
    (data / "processed/ds2_loghub/manifest.json").unlink()
    status, _ = explain("ds2_loghub", "a.log:1", "--data-dir", str(data))
    assert status.startswith("No run of ds2_loghub was published below")


@pytest.mark.parametrize("name", ["manifest.json", "quarantine.parquet"])
def test_a_damaged_file_of_the_run_is_named_with_what_to_do(
    name: str, data: Path, explain: Callable[..., tuple[Any, str]]
) -> None:
    (data / "processed/ds2_loghub" / name).write_bytes(b"PAR1 [")
    status, _ = explain("ds2_loghub", "a.log:1", "--data-dir", str(data))
    assert f"{name} is damaged" in status
    assert "Run `python flows/ds2_loghub.py` again" in status


def test_a_missing_quarantine_is_named_with_what_to_do(data: Path, explain: Callable[..., tuple[Any, str]]) -> None:
    (data / "processed/ds2_loghub/quarantine.parquet").unlink()
    status, _ = explain("ds2_loghub", "a.log:1", "--data-dir", str(data))
    assert "quarantine.parquet is missing. Run `python flows/ds2_loghub.py` again" in status


def test_it_imports_neither_prefect_nor_pandera_so_that_it_answers_at_once() -> None:
    code = "import sys, flows.explain; sys.exit(bool({'prefect', 'pandera'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_every_dataset_can_be_asked() -> None:
    folders = {path.name for path in (PROJECT / "tasks/pipelines").iterdir() if (path / "source.py").is_file()}
    assert set(stems()) == folders


def test_no_explainer_imports_prefect_or_pandera() -> None:
    imports = "; ".join(f"import tasks.pipelines.{stem}.explain" for stem in stems())
    code = f"import sys; {imports}; sys.exit(', '.join({{'prefect', 'pandera'}} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
