"""Rules of infrastructure files: each file is kept or has its reason, and every reason is explained and given."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ds6_the_stack import LARGEST, SMALLEST
from tasks.curate.privacy import opt_out
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.rules import PERMISSIVE, REASONS, VIOLATIONS, alphanumeric_share, file_rules, spdx
from tasks.pipelines.ds6_the_stack.sample import sample
from tasks.pipelines.ds6_the_stack.sample_texts import BOMB
from tasks.pipelines.ds6_the_stack.source import decode
from tests.conftest import PROJECT
from tests.tasks.pipelines.ds6_the_stack.manifest_files import KUSTOMIZATION, LIST, MANIFEST, PAD, SERVICE, judged, rows

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PAD + MANIFEST, "kept"),
        (f"{PAD}{MANIFEST}---\n{SERVICE}", "kept"),
        (f"---\n{PAD}---\n{MANIFEST}---\n", "kept"),
        (PAD + LIST, "kept"),
        (PAD + MANIFEST.replace("\n", "\r\n"), "kept"),
        ("\ufeff" + PAD + MANIFEST, "kept"),
        (PAD + MANIFEST.replace("registry", "\u05d0\u05d1 \u202e"), "kept"),
        (MANIFEST[:100], "too_small"),
        (MANIFEST + "# x\n" * (LARGEST // 4), "too_large"),
        (MANIFEST + "# " + "x" * 5_000_000, "too_large"),
        (MANIFEST + "# " + "-" * 2_000, "low_alphanumeric"),
        (PAD + "services: {web: {image: a}}", "not_a_manifest"),
        (PAD + KUSTOMIZATION, "not_a_manifest"),
        (PAD + MANIFEST + "---\njust: values\n", "not_a_manifest"),
        (PAD + MANIFEST.replace("apps/v1", "kind.x-k8s.io/v1"), "client_side"),
        (PAD + MANIFEST.replace("name: web", "name: {{ .Values.name }}"), "template"),
        (PAD + MANIFEST.replace("name: web", 'name: "{{ .Values.name }}"'), "template"),
        (PAD + MANIFEST.replace("name: web", "name: '{{ name }}'"), "template"),
        (PAD + MANIFEST.replace("registry.internal", "'{{ registry }}"), "template"),
        (PAD + "{{- if x }}\n" + MANIFEST, "template"),
        (PAD + MANIFEST.replace("replicas: 3", "note: '{{ $labels.pod }} is down'"), "kept"),
        (PAD + MANIFEST + "\n  x: 'never ends", "invalid_yaml"),
        (PAD + MANIFEST + "x: \0", "invalid_yaml"),
        (PAD + MANIFEST + "\tx: y", "invalid_yaml"),
        (PAD + MANIFEST + "kind: Pod\n", "duplicate_key"),
        (PAD + MANIFEST + "x: !Ref y\n", "unknown_tag"),
        (PAD + MANIFEST + "x: !!python/object/apply:os._exit [1]\n", "unknown_tag"),
        (PAD + MANIFEST + "x: &x [*x]\n", "recursive_anchor"),
        (PAD + MANIFEST + BOMB.partition("many\n")[2], "yaml_bomb"),
        (PAD + MANIFEST + "x: " + "[" * 200 + "]" * 200, "too_deep"),
        (None, "null_content"),
    ],
)  # fmt: skip
def test_a_file_is_kept_or_has_its_reason(text: str | None, reason: str) -> None:
    """Multi-document manifests are kept (the trap of the old code); what is not kept says why."""
    frame = rows(text)
    if text is None:
        frame["fault"] = pd.Series(["null_content"], dtype=frame["fault"].dtype)
    assert judged(frame) == [reason]
    _, left = conversations(frame)
    quarantined = {"null_content", "duplicate_key", "recursive_anchor", "yaml_bomb", "too_deep"}
    expected = [] if reason == "kept" else ["quarantined" if reason in quarantined else "dropped"]
    assert left["outcome"].tolist() == expected


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"max_stars_repo_path": "main.tf"}, "not_yaml"),
        ({"max_stars_repo_path": "Dockerfile"}, "not_yaml"),
        ({"max_stars_repo_path": "yaml"}, "not_yaml"),
        ({"max_stars_repo_path": "a.yaml/README"}, "not_yaml"),
        ({"max_stars_repo_path": None}, "not_yaml"),
        ({"max_stars_repo_path": "A.YML"}, "kept"),
        ({"max_stars_repo_licenses": None}, "licence_missing"),
        ({"max_stars_repo_licenses": ""}, "licence_missing"),
        ({"max_stars_repo_licenses": "GPL-3.0"}, "licence_not_permissive"),
        ({"max_stars_repo_licenses": "MIT,GPL-3.0"}, "licence_not_permissive"),
        ({"max_stars_repo_licenses": "mit,apache-2.0"}, "kept"),
        ({"max_stars_repo_name": None, "max_stars_repo_head_hexsha": None, "hexsha": None}, "kept"),
        ({"alphanum_fraction": "0.1"}, "low_alphanumeric"),
        ({"alphanum_fraction": "0.25"}, "kept"),
        ({"alphanum_fraction": "no number"}, "kept"),
        ({"fault": "invalid_utf8"}, "invalid_utf8"),
    ],
)
def test_a_files_columns_decide_before_its_content(columns: dict[str, Any], reason: str) -> None:
    """In the order of the rules; a column that is missing is not held against a file unless it is needed."""
    assert judged(rows(PAD + MANIFEST, **columns)) == [reason]


@pytest.mark.parametrize(
    ("size", "reason"),
    [(SMALLEST - 1, "too_small"), (SMALLEST, "kept"), (LARGEST, "kept"), (LARGEST + 1, "too_large")],
)
def test_size_is_counted_in_bytes_its_limits_are_within(size: int, reason: str) -> None:
    """In UTF-8: an e with an accent is two."""
    short = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \u00e9}\n# "
    text = short + "x" * (size - len(short.encode()))
    assert judged(rows(text)) == [reason]


def test_whoever_opted_out_is_left_out_before_anything_else_is_said_of_them() -> None:
    """By repository or by owner, whatever the case; the rejects row holds no content of theirs."""
    opted_out = opt_out.repositories(["# asked", "https://github.com/ADA/Web.git", "grace  # all of hers", "", "x/y/"])
    assert opted_out == ("ada/web", "grace", "x/y")
    names = ["Ada/Web", "ada/other", "Grace/any", "graceful/any", None]
    frame = pd.concat([rows(PAD + MANIFEST, max_stars_repo_name=name, max_stars_repo_path="a.tf") for name in names])
    frame["line"] = pd.Series(range(1, 6), dtype=frame["line"].dtype).to_numpy()
    expected = ["opted_out", "not_yaml", "opted_out", "not_yaml", "not_yaml"]
    assert judged(frame.reset_index(drop=True), opted_out=opted_out) == expected


@pytest.mark.parametrize("name", PERMISSIVE)
def test_every_permissive_licence_passes_in_any_case_and_is_told_as_spdx_writes_it(name: str) -> None:
    """Nine of them; nothing else is."""
    assert spdx(name) == spdx(f" {name.upper()}") == spdx(name.lower()) == name
    assert spdx(f"{name},{name.lower()}") == name
    assert spdx(f"{name},Proprietary") == spdx(f"{name}-or-later") == spdx("") == ""


def test_several_licences_are_joined_in_one_order() -> None:
    """All apply."""
    assert spdx("mit,Apache-2.0,0bsd") == spdx("0BSD,apache-2.0,MIT") == "0BSD AND Apache-2.0 AND MIT"


@given(st.text(max_size=50))
def test_the_share_of_letters_and_digits_is_that_of_pythons_isalnum(text: str) -> None:
    """Oracle: one character after the other, as The Stack's authors counted."""
    assert alphanumeric_share(text) == pytest.approx(sum(map(str.isalnum, text)) / max(1, len(text)))


def test_the_rules_reasons_are_explained_in_the_order_of_the_rules() -> None:
    names = [rule.reason for rule in file_rules(())]
    assert names == [name for name in REASONS if name in names]
    assert set(VIOLATIONS) <= set(REASONS)
    assert len({name.lower() for name in PERMISSIVE}) == len(PERMISSIVE) == 9


def test_the_readme_lists_the_rules_in_their_order_with_their_source() -> None:
    readme = (PROJECT / "tasks/pipelines/ds6_the_stack/README.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in readme.splitlines() if line.startswith("| ")]
    rules = [(rule.reason, rule.source) for rule in file_rules(())]
    assert [(row[0], row[2]) for row in cells if (row[0], row[-1]) in rules] == rules


# Reasons of the tests above, of test_manifest.py, test_conversations.py and test_duplicates.py.
PLANTED_ELSEWHERE = {"redaction_changed_structure", "leak", "quotes_answer", "duplicate_id"}
PLANTED_ABOVE = {"opted_out", "too_deep", "client_side", "invalid_utf8"}


def test_every_reason_of_the_sample_is_explained_and_the_tests_plant_the_others(tmp_path: Path) -> None:
    sample(tmp_path, 42, 0.01)
    tables = [table for path in sorted(tmp_path.glob("*.parquet")) for table in decode(path, path.name)]
    given = {
        reason for table in tables for reason in conversations(table.to_pandas(types_mapper=pd.ArrowDtype))[1]["reason"]
    }
    assert given | PLANTED_ABOVE | PLANTED_ELSEWHERE | {"duplicate_content"} == set(REASONS)
