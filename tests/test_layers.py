"""The arrows between rooms are held: each kind of offender, planted in a copy of the project, is refused by name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

pytestmark = pytest.mark.integration

# Offender (a new file and its one import) -> the contract that must refuse it.
ARROW, ROOMS = "schemas <- tasks <- flows <- deployments", "The rooms of tasks, and no file outside them"
APART, EDGE = "Pipelines do not know each other", "Prefect stays at the edge"
PURE = "Pure rooms read and write nothing: no task, no store, no published file"
OFFENDERS = {
    ("tasks.pipelines.ds7_planted.windows", "tasks.pipelines.ds2_loghub.rules"): APART,
    ("tasks.pipelines.track_planted.combine", "tasks.pipelines.track_a.combine"): APART,
    ("tasks.ds7_planted", "tasks.pipelines.ds2_loghub.rules"): ROOMS,
    ("tasks.helpers_planted.texts", "schemas.snapshot"): ROOMS,
    ("tasks.curate.text.planted", "tasks.quality.gate"): ROOMS,
    ("tasks.quality.planted", "tasks.pipelines.ds1_alibaba.windows"): ROOMS,
    ("tasks.sources.planted", "tasks.publish.manifest"): ROOMS,
    ("tasks.sources.planted_too", "tasks.tool_use.verify"): ROOMS,
    ("tasks.engine.planted", "tasks.observe.hooks"): ROOMS,
    ("schemas.planted", "tasks.engine.snapshots"): ARROW,
    ("tasks.publish.planted", "flows.assure"): ARROW,
    ("tasks.pipelines.ds7_planted.source", "prefect"): EDGE,
    ("tasks.quality.planted_too", "prefect"): EDGE,
    ("tasks.engine.caching_planted", "prefect"): EDGE,
    ("schemas.planted_too", "prefect"): EDGE,
    ("tasks.pipelines.ds7_planted.rules", "tasks.engine.derive"): PURE,
    ("tasks.tool_use.planted", "tasks.engine.store"): PURE,
    ("tasks.pipelines.ds7_planted.reports", "tasks.publish.publish"): PURE,
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each broken contract says of a copy of the project in which all offenders are planted."""
    copy = tmp_path_factory.mktemp("planted") / "project"
    for name in ("schemas", "tasks", "flows", "deployments"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", copy)
    for offender, imported in OFFENDERS:
        plant(copy / Path(*offender.split(".")).with_suffix(".py"), imported)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    titles = re.findall(r"^(.+?) BROKEN", done.stdout, re.MULTILINE)
    parts = re.split(rf"^({'|'.join(map(re.escape, titles))})\n-+$", done.stdout, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def plant(file: Path, imported: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    (file.parent / "__init__.py").touch()
    file.write_text(f"import {imported}\n")


@pytest.mark.parametrize(("offender", "imported"), OFFENDERS, ids=[name for name, _ in OFFENDERS])
def test_an_offender_is_refused_by_the_contract_that_forbids_it(
    offender: str, imported: str, refusals: dict[str, str]
) -> None:
    words = refusals.get(OFFENDERS[offender, imported], "")
    room = ".".join(offender.split(".")[:2])
    assert f"{offender} -> {imported}" in words or f"- {room}" in words.splitlines(), words


def test_only_folders_lie_directly_in_tasks() -> None:
    files = [path.name for path in (PROJECT / "tasks").iterdir() if path.suffix == ".py"]
    assert files == ["__init__.py"]
