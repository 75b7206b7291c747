"""The workflows that GitHub runs: of the right form, pinned, with the least rights, and calling what exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import audit
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

FILES = sorted((PROJECT / ".github/workflows").glob("*.yml"))
DEPENDABOT = PROJECT / ".github/dependabot.yml"
WORKFLOWS: dict[str, dict[Any, Any]] = {file.name: yaml.safe_load(file.read_text()) for file in FILES}
JOBS = {(name, job): body for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()}
STEPS = [step for body in JOBS.values() for step in body["steps"]]
TRIGGERS = True  # YAML 1.1 reads the key `on` so


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_there_is_one_for_every_change_and_one_for_every_night() -> None:
    assert {"ci.yml", "nightly.yml"} == set(WORKFLOWS)
    assert {"push", "pull_request"} <= set(WORKFLOWS["ci.yml"][TRIGGERS])
    assert "schedule" in WORKFLOWS["nightly.yml"][TRIGGERS]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", FILES),
        ("custom.github-workflows-require-timeout", FILES),
        ("vendor.dependabot", [DEPENDABOT]),
    ],
)
def test_each_file_is_of_the_form_github_asks_for(schema: str, files: list[Path]) -> None:
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_no_weakness() -> None:
    """Template injection, credentials left behind, too many rights, unpinned actions, poisoned caches."""
    zizmor = Path(sys.executable).with_name("zizmor")
    done = run(str(zizmor), "--offline", "--no-progress", "--quiet", str(PROJECT / ".github"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_pinned_by_commit_with_its_version_beside_it() -> None:
    lines = [line for file in FILES for line in file.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_action_is_pinned_to_one_commit_everywhere() -> None:
    pins = {step["uses"] for step in STEPS if "uses" in step}
    assert len(pins) == len({pin.split("@")[0] for pin in pins})


def test_every_make_target_that_a_workflow_calls_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([\w./-]+):", makefile, re.MULTILINE))
    called = {target for step in STEPS for target in re.findall(r"\bmake ([\w./-]+)", step.get("run", ""))}
    assert {"test", "check", "run", "operations", "audit"} <= called <= targets


@pytest.mark.parametrize("where", JOBS, ids="/".join)
def test_a_job_ends_by_itself_and_may_only_read(where: tuple[str, str]) -> None:
    assert JOBS[where]["timeout-minutes"] <= 120
    assert WORKFLOWS[where[0]]["permissions"] == {"contents": "read"}
    assert "permissions" not in JOBS[where]
    assert "secrets." not in yaml.safe_dump(JOBS[where])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_two_runs_of_one_branch_do_not_race(name: str) -> None:
    assert "github.ref" in WORKFLOWS[name]["concurrency"]["group"]


def test_the_python_that_ci_installs_is_one_that_the_project_takes() -> None:
    asked = {step["with"]["python-version"] for step in STEPS if "setup-python" in step.get("uses", "")}
    assert asked == {"3.11"}


# ---------------------------------------------------------------- secrets


needs_git = pytest.mark.skipif(
    not (shutil.which("git") and (PROJECT / ".git").exists()), reason="needs git and a clone: it looks at tracked files"
)


def planted(folder: Path) -> Path:
    """A repository with one file that holds what looks like a key."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "settings.py").write_text(f'AWS = "{"AKIA" + "2E0A8F3B5C7D9E1F"}"\n')
    return folder


def test_a_planted_key_is_found_and_no_news_once_it_was_looked_at(tmp_path: Path) -> None:
    found = audit.scan(planted(tmp_path), audit.tracked(tmp_path))
    assert [file for file, _ in audit.unknown(found, audit.scan(tmp_path, []))] == ["settings.py"] * len(list(found))
    assert list(found)
    (tmp_path / "settings.py").write_text("\n\n" + (tmp_path / "settings.py").read_text())
    assert audit.unknown(audit.scan(tmp_path, ["settings.py"]), found) == []


def test_the_hash_in_a_dvc_pointer_is_no_secret_but_a_key_beside_it_is(tmp_path: Path) -> None:
    """`make run` leaves untracked pointers; the audit that follows must not take their hashes for secrets."""
    pointer = planted(tmp_path) / "data.dvc"
    pointer.write_text("outs:\n- md5: 5f3a1c9e7b2d4f60819ac3e5d7b1f248\n  size: 1\n")
    found = audit.scan(tmp_path, audit.tracked(tmp_path))
    assert {file for file, _ in found} == {"settings.py"}
    pointer.write_text(pointer.read_text() + f'  key: "{"AKIA" + "2E0A8F3B5C7D9E1F"}"\n')
    found = audit.scan(tmp_path, audit.tracked(tmp_path))
    assert {file for file, _ in found} == {"settings.py", "data.dvc"}


@needs_git
def test_the_baseline_holds_hashes_only_of_files_that_are_there() -> None:
    known = audit.read_baseline(PROJECT)
    assert {file for file, _ in known} <= set(audit.tracked(PROJECT))
    assert all(each.secret_value is None for _, each in known)


@pytest.mark.slow
@needs_git
def test_no_tracked_file_holds_a_secret_that_nobody_has_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([]) == 0, capsys.readouterr().out
