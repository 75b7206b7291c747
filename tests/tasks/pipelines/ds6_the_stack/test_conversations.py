"""DS6: infrastructure files into requests and manifests. Laws, traps of the domain, and the 7,297 real files."""

import base64
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import format_b
from schemas.ds6_the_stack import LARGEST, LONGEST_QUOTE, OUTCOME, PERMISSIVE, PLACE, RAW_ROWS, SLICES, SMALLEST
from schemas.scenario import Scenario
from schemas.snapshot import REJECT_COLUMNS
from schemas.tools import REGISTRY
from tasks.curate.privacy import opt_out, pii_manifest
from tasks.curate.privacy.pii import Redacted, Span
from tasks.curate.text import yaml_manifests as manifests
from tasks.pipelines.ds6_the_stack import conversations as stack
from tasks.pipelines.ds6_the_stack import source as the_stack
from tasks.tool_use.simulator import cluster

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

PAD = "# " + "padding of the kind that comments are " * 6 + "\n"
MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: web
          image: registry.internal/web:1.25
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  ports:
    - port: 80
"""
LIST = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]\n"
KUSTOMIZATION = "resources: [a.yaml]\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def rows(*contents: str | None, **columns: Any) -> pd.DataFrame:
    """Raw rows; `columns` are what all of them have otherwise."""
    usual = {
        "max_stars_repo_path": "deploy/web.yaml",
        "max_stars_repo_licenses": "MIT",
        "max_stars_repo_name": "ada/web",
        "max_stars_repo_head_hexsha": "0" * 40,
    }
    made = [
        {"file": "x.parquet", "line": n, "content": text, "hexsha": f"{n:040x}", **usual, **columns}
        for n, text in enumerate(contents, start=1)
    ]
    return pa.Table.from_pylist(made, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def judged(frame: pd.DataFrame, **parameters: Any) -> list[str]:
    """What becomes of each row: "kept" or its reason; each exactly once."""
    kept, left = stack.conversations(frame, **parameters)
    became = dict.fromkeys(kept["line"], "kept") | dict(zip(left["line"], left["reason"], strict=True))
    assert len(kept) + len(left) == len(became) == len(frame)
    assert list(kept.columns) == [*format_b.COLUMNS, *SLICES, *OUTCOME, *PLACE]
    assert tuple(left.columns) == REJECT_COLUMNS
    return [became[line] for line in frame["line"]]


def only(text: str, **columns: Any) -> dict[str, Any]:
    """The one conversation of a file."""
    kept, left = stack.conversations(rows(text, **columns))
    assert left["reason"].tolist() == []
    return dict(kept.iloc[0])


def messages(row: dict[str, Any]) -> list[dict[str, str]]:
    return list(orjson.loads(row["messages"]))


def params(row: dict[str, Any]) -> dict[str, Any]:
    (step,) = orjson.loads(messages(row)[2]["content"])["workflow"]["steps"]
    assert step["tool"] == "apply_manifest"
    return dict(step["params"])


# --- filters ---------------------------------------------------------------------------------------------------------


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
        (PAD + MANIFEST + the_stack.BOMB.partition("many\n")[2], "yaml_bomb"),
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
    _, left = stack.conversations(frame)
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
    assert stack.spdx(name) == stack.spdx(f" {name.upper()}") == stack.spdx(name.lower()) == name
    assert stack.spdx(f"{name},{name.lower()}") == name
    assert stack.spdx(f"{name},Proprietary") == stack.spdx(f"{name}-or-later") == stack.spdx("") == ""


def test_several_licences_are_joined_in_one_order() -> None:
    """All apply."""
    assert stack.spdx("mit,Apache-2.0,0bsd") == stack.spdx("0BSD,apache-2.0,MIT") == "0BSD AND Apache-2.0 AND MIT"


@given(st.text(max_size=50))
def test_the_share_of_letters_and_digits_is_that_of_pythons_isalnum(text: str) -> None:
    """Oracle: one character after the other, as The Stack's authors counted."""
    assert stack.alphanumeric_share(text) == pytest.approx(sum(map(str.isalnum, text)) / max(1, len(text)))


FILES = st.lists(
    st.sampled_from([PAD + MANIFEST, PAD + SERVICE, "x", PAD + "{{", PAD + MANIFEST + "kind: x", None, PAD + "a: b"]),
    max_size=8,
)


@given(FILES, st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_it_does_not_matter_where_a_batch_ends(files: list[str | None], cut: int) -> None:
    """Two batches give what one gives."""
    frame = rows(*files)
    frame["fault"] = frame["fault"].where(frame["content"].notna(), "null_content")
    whole = stack.conversations(frame)
    parts = [stack.conversations(part) for part in (frame.iloc[:cut], frame.iloc[cut:])]
    for one, halves in zip(whole, zip(*parts, strict=True), strict=True):
        pd.testing.assert_frame_equal(one, pd.concat(halves, ignore_index=True).astype(one.dtypes))


def test_an_empty_batch_gives_empty_tables_with_the_same_columns() -> None:
    """A shard may have no rows."""
    kept, left = stack.conversations(rows())
    assert (len(kept), len(left)) == (0, 0)
    assert list(kept.dtypes) == [*format_b.COLUMNS.values(), *SLICES.values(), *OUTCOME.values(), *PLACE.values()]
    distinct, copies = stack.distinct(kept)
    assert (len(distinct), len(copies), tuple(copies.columns)) == (0, 0, REJECT_COLUMNS)


def test_a_rejects_row_holds_nothing_of_a_files_content() -> None:
    """Left out is not redacted, and the quarantine lies beside the data."""
    secret = "hunter2hunter2"  # noqa: S105  of nobody
    bad = [f"{PAD}{MANIFEST}password: {secret}\n{end}" for end in ("'", "kind: x", "x: !y z", "a: &a [*a]", "--- {{")]
    _, left = stack.conversations(rows(*bad, f"{PAD}password: {secret}", secret))
    assert len(left) == 7
    assert secret not in "".join(left["row"])
    assert all(row.startswith("ada/web/deploy/web.yaml") for row in left["row"])


# --- redaction -------------------------------------------------------------------------------------------------------

HIDDEN = "correct-horse-7-battery"
SECRET = f"""{PAD}apiVersion: v1
kind: Secret
metadata:
  name: login
data:
  password: {base64.b64encode(HIDDEN.encode()).decode()}
stringData:
  other: {HIDDEN}
"""


def test_what_is_redacted_is_gone_and_the_manifest_is_the_same_structure() -> None:
    """Values apart; the row says that something was redacted."""
    row = only(SECRET)
    text = params(row)["manifest_content"]
    assert row["outcome"]
    assert HIDDEN not in text
    assert base64.b64encode(HIDDEN.encode()).decode() not in text
    before, after = manifests.documents(SECRET), manifests.documents(text)
    assert manifests.same_structure(before, after)
    assert pii_manifest.leaks(text) == []
    assert not only(PAD + MANIFEST)["outcome"]
    assert params(only(PAD + MANIFEST))["manifest_content"] == PAD + MANIFEST


@pytest.mark.parametrize(
    ("replace", "reason"),
    [
        (("name: web", "other: web"), "redaction_changed_structure"),
        (("replicas: 3", "replicas: [3"), "redaction_changed_structure"),
        (("replicas: 3", "replicas: 4"), "redaction_changed_structure"),
        (("kind: Deployment", "kind: Deployment\nextra: 1"), "redaction_changed_structure"),
        (("#", "#" * LARGEST), "redaction_changed_structure"),
    ],
)
def test_redaction_that_touches_more_than_values_is_quarantined(
    monkeypatch: pytest.MonkeyPatch, replace: tuple[str, str], reason: str
) -> None:
    """A key, the syntax, a value where nothing was found, a further key, or far too much text."""

    def clumsy(text: str) -> Redacted:
        return Redacted(text.replace(*replace, 1), (Span(0, 2, "email"),))

    monkeypatch.setattr(pii_manifest, "redact_manifest", clumsy)
    assert judged(rows(PAD + MANIFEST)) == [reason]


def test_a_value_that_changed_where_something_was_found_is_as_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The span says where."""
    at = (PAD + MANIFEST).index("3\n")

    def careful(text: str) -> Redacted:
        return Redacted(text.replace("replicas: 3", "replicas: <EMAIL>"), (Span(at, at + 1, "email"),))

    monkeypatch.setattr(pii_manifest, "redact_manifest", careful)
    assert judged(rows(PAD + MANIFEST)) == ["kept"]


def test_what_still_leaks_is_quarantined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing it would be worse than losing it."""
    monkeypatch.setattr(pii_manifest, "leaks", lambda _: [Span(0, 1, "email")])
    assert judged(rows(PAD + MANIFEST)) == ["leak"]


def test_a_request_tells_nothing_that_would_be_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for in other words; when there are none, the file is quarantined."""
    found = [Span(0, 1, "email")]
    detector = SimpleNamespace(
        find_all=lambda texts: [found for _ in texts], find=lambda text: found if "web" in text else []
    )
    monkeypatch.setattr(stack, "pii", detector)
    assert "web" not in messages(only(PAD + MANIFEST))[1]["content"]
    detector.find = lambda _: found
    assert judged(rows(PAD + MANIFEST)) == ["quotes_answer"]


# --- conversations ---------------------------------------------------------------------------------------------------


def test_a_conversation_is_a_request_and_one_step_that_applies_the_manifest() -> None:
    """In Format B, with where it comes from."""
    row = only(PAD + MANIFEST)
    system, user, assistant = messages(row)
    assert [m["role"] for m in (system, user, assistant)] == ["system", "user", "assistant"]
    assert system["content"].startswith(format_b.SYSTEM_PREFIX)
    assert params(row) == {"manifest_content": PAD + MANIFEST, "namespace": "shop"}
    told = {
        name: row[name] for name in ("id", "group", "licence", "environment", "kind", "weight", "rows", "attribution")
    }
    assert told == {
        "id": f"ds6_the_stack:{1:040x}",
        "group": "ada/web",
        "licence": "MIT",
        "environment": "production",
        "kind": "Deployment",
        "weight": 1.0,
        "rows": 1,
        "attribution": (
            "deploy/web.yaml of ada/web, https://github.com/ada/web/blob/0000000000000000000000000000000000000000"
            "/deploy/web.yaml"
        ),
    }


def test_what_a_row_does_not_tell_is_left_out_of_its_attribution_and_its_id_is_its_content() -> None:
    """The same file gets the same id; a file at another place another one."""
    bare = {"hexsha": None, "max_stars_repo_name": None, "max_stars_repo_head_hexsha": None}
    row, other = only(PAD + MANIFEST, **bare), only(PAD + MANIFEST, **bare, max_stars_repo_path="b c.yml")
    assert row["attribution"] == "deploy/web.yaml"
    assert row["group"] == row["id"].partition(":")[2]
    assert len(row["group"]) == 40
    assert row["id"] == only(PAD + MANIFEST, **bare)["id"] != other["id"]
    known = only(PAD + MANIFEST, max_stars_repo_head_hexsha=None, max_stars_repo_path="b c.yml")
    assert known["attribution"] == "b c.yml of ada/web, https://github.com/ada/web"


def test_the_tools_on_offer_are_all_or_four_to_eight_with_the_one_that_is_needed() -> None:
    """By the row's name alone, in the registry's order."""
    order, sizes, seen = list(REGISTRY), set(), set()
    for n in range(400):
        offers = orjson.loads(stack.offered(str(n)).removeprefix(format_b.SYSTEM_PREFIX))
        names = [offer["name"] for offer in offers]
        assert names == sorted(set(names), key=order.index)
        assert "apply_manifest" in names
        sizes.add(len(names))
        seen |= set(names) if len(names) < len(order) else set()
    assert sizes == {4, 5, 6, 7, 8, len(order)}
    assert seen == set(order)
    assert stack.offered("1") == stack.offered("1")


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        (f"{MANIFEST}---\n{SERVICE}", "shop"),
        (f"{MANIFEST}---\n{SERVICE.replace('shop', 'other')}", ""),
        (MANIFEST + "---\n" + SERVICE.replace("  namespace: shop\n", ""), ""),
        (MANIFEST.replace("shop", "'${NAMESPACE}'"), ""),
        (MANIFEST + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", "shop"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", ""),
    ],
)
def test_the_call_names_the_namespace_that_all_of_the_manifest_names(text: str, namespace: str) -> None:
    """Given to `apply` it would otherwise move what names none."""
    assert params(only(PAD + text)).get("namespace", "") == namespace


# --- scenarios -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        MANIFEST,
        f"{MANIFEST}---\n{SERVICE}",
        MANIFEST.replace("  namespace: shop\n", ""),
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\n{MANIFEST}",
        f"{MANIFEST}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n",
        f"{MANIFEST}---\n{SERVICE.replace('shop', 'other')}",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\n",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: reader}\n",
        LIST,
    ],
)
def test_the_simulated_cluster_runs_the_answer_and_the_goal_holds(text: str) -> None:
    """Namespaces that the manifest makes before it uses them need not be there before."""
    row = only(PAD + text)
    scenario = Scenario.model_validate_json(row["scenario"])
    steps = orjson.loads(messages(row)[2]["content"])["workflow"]["steps"]
    assert cluster.outcome(scenario, steps).holds
    assert not cluster.outcome(scenario, []).holds
    first = text.startswith("apiVersion: v1\nkind: Namespace")
    assert ("shop" in scenario.before.namespaces) == ("namespace: shop" in text and not first)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: run-}\n",
        MANIFEST.replace("name: web", "name: '${NAME}'"),
        MANIFEST.replace("shop", "'${NAME}'"),
        MANIFEST.replace("replicas: 3", "replicas: ${N}"),
        f"{SERVICE}---\n{SERVICE}",
        SERVICE.replace("  namespace: shop\n", "") + "---\n" + SERVICE.replace("shop", "default"),
    ],
)
def test_what_no_cluster_would_take_as_it_is_has_no_scenario(text: str) -> None:
    """It is kept: the manifest answers the request; whether it works cannot be run here."""
    assert only(PAD + text)["scenario"] == ""


# --- duplicates and reports ------------------------------------------------------------------------------------------


def test_of_several_with_one_manifest_or_one_id_the_first_stays() -> None:
    """Two Secrets that differ in their password alone are one once it is gone; nothing is lost."""
    other = SECRET.replace(HIDDEN, "another-horse-8-staple")
    frame = rows(PAD + MANIFEST, SECRET, other, PAD + MANIFEST, PAD + SERVICE)
    frame.loc[4, "hexsha"] = frame.loc[1, "hexsha"]
    made, _ = stack.conversations(frame)
    kept, left = stack.distinct(made)
    assert kept["id"].tolist() == [f"ds6_the_stack:{n:040x}" for n in (1, 2)]
    assert list(zip(left["line"], left["reason"], strict=True)) == [
        (3, "duplicate_content"),
        (4, "duplicate_content"),
        (5, "duplicate_id"),
    ]
    assert list(kept.columns) == [*format_b.COLUMNS, *SLICES, *OUTCOME]
    assert len(kept) + len(left) == len(made)
    again, none = stack.distinct(pd.concat([made.iloc[[0, 1]]], ignore_index=True))
    pd.testing.assert_frame_equal(again, kept)
    assert len(none) == 0


def test_statistics_count_what_is_there() -> None:
    """By kind, licence, repository; and of no rows nothing."""
    made, _ = stack.conversations(rows(PAD + MANIFEST, PAD + SERVICE, SECRET))
    kept, _ = stack.distinct(made)
    stats = stack.schema_stats(kept)
    assert stats["total_records"] == 3
    assert stats["kind_distribution"] == {"Deployment": 1, "Secret": 1, "Service": 1}
    assert stats["licence_distribution"] == {"MIT": 3}
    assert (stats["repositories"], stats["redacted_records"], stats["with_scenario"]) == (1, 1, 3)
    assert stats["distinct_requests"] == 3
    assert 4 <= stats["tools_offered"]["min"] <= stats["tools_offered"]["max"] <= len(REGISTRY)
    assert stack.schema_stats(kept.iloc[:0])["answer_characters"] == {"min": 0, "max": 0, "mean": 0.0}


def rejected(**counts: int) -> pd.DataFrame:
    reasons = list(itertools.chain.from_iterable([reason] * count for reason, count in counts.items()))
    return pd.DataFrame({"reason": pd.Series(reasons, dtype="string[pyarrow]")})


def test_the_pass_rate_is_that_of_manifests_and_each_alert_is_a_finding() -> None:
    """Files of other kinds say nothing about the manifests, however many they are."""
    table = pd.DataFrame({"id": [str(n) for n in range(90)]})
    report = stack.quality_report(table, rejected(not_yaml=900, template=90, invalid_yaml=9), rejected(leak=1))
    assert (report["pass_rate"], report["manifests"]) == (0.9, 100)
    assert report["violations"] == {"invalid_yaml": 9, "leak": 1}
    assert sum(report["left_out"].values()) == 1_000
    assert [alert.partition(":")[2].split(":")[0].strip() for alert in report["alerts"]] == ["leaks"]
    assert stack.quality_report(table, rejected(not_yaml=5))["alerts"] == []


@pytest.mark.parametrize(
    ("kept", "left", "alerts"),
    [
        (100, {"invalid_yaml": 25}, []),
        (100, {"invalid_yaml": 26}, ["pass_rate"]),
        (1_000, {"invalid_yaml": 50}, []),
        (1_000, {"invalid_yaml": 51}, ["violation_invalid_yaml"]),
        (9, {}, ["records"]),
        (10, {}, []),
        (0, {}, ["pass_rate", "records"]),
    ],
)
def test_alerts_begin_just_past_their_limits(kept: int, left: dict[str, int], alerts: list[str]) -> None:
    """80 %, 50 of one violation, 10 records."""
    report = stack.quality_report(pd.DataFrame({"id": range(kept)}), rejected(**left))
    assert [f["name"] for f in report["findings"] if not f["holds"]] == alerts


# --- the real files --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Raw rows of the real files, conversations with their place, rejects."""
    path = real_data / "iac" / "iac_files.parquet"
    frames = [t.to_pandas(types_mapper=pd.ArrowDtype) for t in the_stack.decode(path, path.name)]
    made, left = zip(*(stack.conversations(frame) for frame in frames), strict=True)
    return pd.concat(frames, ignore_index=True), pd.concat(made, ignore_index=True), pd.concat(left, ignore_index=True)


@pytest.mark.slow
def test_every_real_file_is_kept_or_left_out_with_a_reason(real: tuple[pd.DataFrame, ...]) -> None:
    """7,297 files; once each."""
    files, made, left = real
    lines = sorted([*made["line"], *left["line"]])
    assert lines == list(range(1, len(files) + 1))
    assert len(files) == 7_297
    assert set(left["outcome"]) <= {"dropped", "quarantined"}
    kept, copies = stack.distinct(made)
    assert len(kept) + len(copies) + len(left) == len(files)
    assert len(kept) > 1_500
    report = stack.quality_report(kept, left, copies)
    assert report["alerts"] == []


@pytest.mark.slow
def test_real_manifests_of_several_documents_are_kept(real: tuple[pd.DataFrame, ...]) -> None:
    """The old code dropped all of them."""
    files, made, _ = real
    texts = files.set_index("line").loc[made["line"], "content"]
    several = [len([tree for tree in manifests.documents(text) if tree is not None]) > 1 for text in texts]
    assert sum(several) > 100


@pytest.mark.slow
def test_no_real_manifest_changes_structure_leaks_or_is_quoted(real: tuple[pd.DataFrame, ...]) -> None:
    """Before against after, on every one of them; and what it was is untouched where nothing was redacted."""
    files, made, _ = real
    texts = files.set_index("line")["content"]
    for row in made.to_dict("records"):
        before, after = texts[row["line"]], params(row)["manifest_content"]
        assert manifests.same_structure(manifests.documents(before), manifests.documents(after))
        assert pii_manifest.leaks(after) == []
        assert (before == after) == (not row["outcome"])
        asked = messages(row)[1]["content"]
        assert not any(asked[at : at + LONGEST_QUOTE + 1] in after for at in range(len(asked) - LONGEST_QUOTE))
        assert not any(asked[at : at + LONGEST_QUOTE + 1] in before for at in range(len(asked) - LONGEST_QUOTE))


@pytest.mark.slow
def test_the_simulated_cluster_runs_every_real_scenario(real: tuple[pd.DataFrame, ...]) -> None:
    """A post-condition that does not hold would take the row away later."""
    _, made, _ = real
    stories = made[made["scenario"] != ""]
    assert len(stories) > 0.5 * len(made)
    for row in stories.to_dict("records"):
        steps = orjson.loads(messages(row)[2]["content"])["workflow"]["steps"]
        found = cluster.outcome(Scenario.model_validate_json(row["scenario"]), steps)
        assert found.holds, (row["id"], found.why)
