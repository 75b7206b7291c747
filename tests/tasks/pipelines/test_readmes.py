"""Each pipeline's README lists exactly the reasons for rejects of its rules.py, with their outcome and meaning."""

import importlib
import re
from pathlib import Path

import pytest

from schemas.reject import Reasons
from tests.conftest import PROJECT

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

PIPELINES = PROJECT / "tasks" / "pipelines"
# A pipeline that rejects rows has REASONS in its rules.py, and then its README must list them.
EXPLAINED = sorted(
    path.parent
    for path in PIPELINES.glob("*/rules.py")
    if re.search(r"^REASONS\b", path.read_text(), re.MULTILINE) and path.with_name("README.md").is_file()
)


def reasons_of(folder: Path) -> Reasons:
    known: Reasons = importlib.import_module(f"tasks.pipelines.{folder.name}.rules").REASONS
    return known


def reason_rows(readme: str) -> list[tuple[str, ...]]:
    """(name, outcome, meaning) of every row of a table whose second column is an outcome."""
    cells = (re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in readme.splitlines() if line.startswith("|"))
    rows = (tuple(cell.strip().replace("\\|", "|") for cell in row) for row in cells)
    return [(row[0].strip("`"), *row[1:]) for row in rows if len(row) == 3 and row[1] in ("dropped", "quarantined")]


@pytest.mark.parametrize("folder", EXPLAINED, ids=lambda folder: folder.name)
def test_the_readme_lists_every_reason_and_no_other(folder: Path) -> None:
    listed = reason_rows((folder / "README.md").read_text())
    known = [(reason.name, reason.outcome, reason.meaning) for reason in reasons_of(folder).values()]
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("folder", EXPLAINED, ids=lambda folder: folder.name)
def test_every_meaning_is_a_sentence(folder: Path) -> None:
    meanings = [reason.meaning for reason in reasons_of(folder).values()]
    assert all(re.fullmatch(r"[A-Z0-9`].*\.", meaning) for meaning in meanings)


def test_the_walk_finds_the_pipelines() -> None:
    assert {"ds1_alibaba"} <= {folder.name for folder in EXPLAINED}
