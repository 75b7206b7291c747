"""Rules and reasons of the code corpus: each reason is given by some file, and means what the README says."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from schemas.code_corpus import COLUMNS, COPIED, STAGES
from tasks.curate.privacy import pii_code
from tasks.pipelines.code_corpus import selection, similarity, stages
from tasks.pipelines.code_corpus.rules import FILE_RULES, REASONS
from tests.conftest import PROJECT
from tests.tasks.pipelines.code_corpus.files import EVERYTHING, JAVA, PYTHON, Held, both, decoded, raw, selected, texts

pytestmark = pytest.mark.unit

WANTED = replace(EVERYTHING, languages=("Python",), opted_out=("bob",), largest=4_000)
NO_CONTENT = {"content": None, "size": 200}
FOR_SELECTION: list[tuple[str, dict[str, Any]]] = [
    ("opted_out", {"repo": "Bob/things"}),
    ("language_unknown", {"path": "lib/a.rb"}),
    ("language_not_asked", {"path": "A.java", "language": "Java"}),
    ("few_stars", {"stars": 9}),
    ("licence_missing", {"licence": None}),
    ("licence_not_permissive", {"licence": "GPL-3.0-only"}),
    ("licence_not_permissive", {"licence": "MIT AND GPL-2.0-only"}),
    ("licence_not_permissive", {"licence": "LicenseRef-own"}),
    ("too_small", {"content": b"x = 1\n"}),
    ("too_large", {"content": PYTHON.encode() * 20}),
    ("too_large", {"content": None, "size": 5_000, "fault": "not_fetched"}),
    ("null_content", {**NO_CONTENT, "fault": "null_content"}),
    ("not_fetched", {**NO_CONTENT, "fault": "not_fetched"}),
    ("wrong_content", {**NO_CONTENT, "fault": "wrong_content"}),
    ("not_found", {**NO_CONTENT, "fault": "not_found"}),
    ("language_mismatch", {"content": JAVA.encode()}),
]


@pytest.mark.parametrize(("reason", "row"), FOR_SELECTION)
def test_a_file_is_rejected_for_the_first_rule_that_does_not_keep_it(reason: str, row: dict[str, Any]) -> None:
    kept, rejects = selection.selection(raw({}, row), wanted=WANTED)
    assert len(kept) == 1
    assert rejects["reason"].tolist() == [reason]
    assert rejects["line"].tolist() == [2]
    assert rejects["step"].tolist() == ["selection"]
    assert rejects["outcome"].tolist() == ["quarantined" if "fault" in row and reason in FAULTY else "dropped"]


FAULTY = {"null_content", "wrong_content", "not_found"}


def limited() -> pd.DataFrame:
    return both(selection.limit(Held(selected(*({"path": path} for path in ("a.py", "a.py", "b.py")))), most=1))[1]


def encoded(content: bytes, guess: bool) -> pd.DataFrame:
    return stages.encoding(selected({"content": content}), guess=guess)[1]


def malformed(content: str) -> pd.DataFrame:
    return stages.malformed(decoded({"content": content.encode()}))[1]


def redacted(after: str) -> pd.DataFrame:
    """Rejects of a file whose redaction is `after`, as no file is known whose own redaction fails."""
    page = f"const page = <p>ada{chr(64)}lovelace-engines.org</p>;\n" + "const n = 1;\n" * 9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pii_code, "_with_stand_ins", lambda text, _: after.replace("THE TEXT", text))
        return stages.pii(decoded({"path": "a.js", "content": page.encode()}))[1]


def repeated() -> pd.DataFrame:
    files = texts([PYTHON, PYTHON, PYTHON.replace("    ", "\t")])
    return both(similarity.duplicates(Held(files), keep="first"))[1]


def similar() -> pd.DataFrame:
    files = texts([f"{PYTHON}# {'long ' * n}end\n" for n in (1, 2)])
    return both(similarity.near_duplicates(Held(files), threshold=0.5, keep="first"))[1]


def contaminated() -> pd.DataFrame:
    files = texts([PYTHON, PYTHON + "# the string of a benchmark\n", PYTHON])
    files = files.assign(split=["test", "train", "train"]).astype({"split": COLUMNS["split"]})
    benchmarks = ["the string of a benchmark"]
    return both(similarity.decontamination(Held(files), benchmarks=benchmarks, copied=COPIED))[1]


LINES = PYTHON.splitlines(keepends=True)
# Stage -> reason -> files that are rejected for it.
FOR_STAGES: dict[str, dict[str, Callable[[], pd.DataFrame]]] = {
    "limit": {"repeated": limited, "over_max_samples": limited},
    "encoding": {
        "undecodable": lambda: encoded(bytes(range(256)) * 2, guess=True),
        "not_utf8": lambda: encoded(b"# \xff\n" * 40, guess=False),
    },
    "malformed": {
        "empty": lambda: malformed(" \n" * 80),
        "control_characters": lambda: malformed(PYTHON + "\x01" * 9),
        "merge_conflict": lambda: malformed(PYTHON + "<<<<<<< ours\na = 1\n=======\na = 2\n>>>>>>> theirs\n"),
        "long_lines": lambda: malformed(PYTHON + "# " + "x" * 2_000 + "\n"),
        "low_alphanumeric": lambda: malformed("x = '" + "-=" * 20 + "'\n" + "# " + "-=" * 40 + "\n"),
    },
    "pii": {
        "redaction_breaks_syntax": lambda: redacted("a ) b"),
        "leak": lambda: redacted("THE TEXT"),
    },
    "duplicates": {"duplicate_exact": repeated, "duplicate_normalised": repeated},
    "near_duplicates": {"near_duplicate": similar},
    "decontamination": {"benchmark": contaminated, "repeats_test": contaminated},
}


@pytest.mark.parametrize(
    ("stage", "reason"), [(stage, reason) for stage, each in FOR_STAGES.items() for reason in each]
)
def test_each_stage_gives_its_reasons_under_its_own_name(stage: str, reason: str) -> None:
    rejects = FOR_STAGES[stage][reason]()
    assert reason in rejects["reason"].tolist()
    assert set(rejects["step"]) == {stage}
    outcomes = dict(zip(rejects["reason"], rejects["outcome"], strict=True))
    assert outcomes[reason] == REASONS[reason].outcome


def test_every_reason_is_given_by_some_file() -> None:
    """A reason that no file can get would explain nothing."""
    given = {reason for reason, _ in FOR_SELECTION} | {reason for each in FOR_STAGES.values() for reason in each}
    assert given == set(REASONS)
    assert {rule.reason.name for rule in FILE_RULES} == {reason for reason, _ in FOR_SELECTION}


def test_what_is_not_understood_is_quarantined() -> None:
    quarantined = {name for name, reason in REASONS.items() if reason.outcome == "quarantined"}
    assert quarantined == {*FAULTY, "undecodable", "not_utf8", "redaction_breaks_syntax", "leak"}


def test_a_function_has_the_name_of_its_stage() -> None:
    """The UI and the ledger show the function's name, `--stages` the stage's."""
    for stage in STAGES:
        assert getattr(stages, stage, None) or getattr(similarity, stage)


def test_the_readme_lists_every_stage_in_order() -> None:
    """With the module that has it."""
    readme = (PROJECT / "tasks/pipelines/code_corpus/README.md").read_text()
    listed = re.findall(r"^\| (\w+) \| `(\w+)\.py` \|", readme, re.MULTILINE)
    assert [stage for stage, _ in listed] == ["selection", "limit", *STAGES]
    modules = {"selection": selection, "stages": stages, "similarity": similarity}
    assert all(hasattr(modules[module], stage) for stage, module in listed)
