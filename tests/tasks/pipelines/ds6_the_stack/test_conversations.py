"""Infrastructure files into requests and manifests: laws, traps of the domain, and the 7,297 real files."""

from pathlib import Path
from types import SimpleNamespace

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import format_b
from schemas.ds6_the_stack import LONGEST_QUOTE, OUTCOME, PLACE, SLICES
from schemas.reject import REJECT_COLUMNS
from schemas.scenario import Scenario
from schemas.tools import REGISTRY
from tasks.curate.privacy import pii_manifest
from tasks.curate.privacy.pii import Span
from tasks.curate.text import yaml_manifests as manifests
from tasks.pipelines.ds6_the_stack import conversations as module
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tasks.pipelines.ds6_the_stack.reports import quality_report
from tasks.pipelines.ds6_the_stack.source import decode
from tasks.tool_use.simulator import cluster
from tests.tasks.pipelines.ds6_the_stack.manifest_files import (
    LIST,
    MANIFEST,
    PAD,
    SERVICE,
    judged,
    messages,
    only,
    params,
    rows,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


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
    whole = conversations(frame)
    parts = [conversations(part) for part in (frame.iloc[:cut], frame.iloc[cut:])]
    for one, halves in zip(whole, zip(*parts, strict=True), strict=True):
        pd.testing.assert_frame_equal(one, pd.concat(halves, ignore_index=True).astype(one.dtypes))


def test_an_empty_batch_gives_empty_tables_with_the_same_columns() -> None:
    """A shard may have no rows."""
    kept, left = conversations(rows())
    assert (len(kept), len(left)) == (0, 0)
    assert list(kept.dtypes) == [*format_b.COLUMNS.values(), *SLICES.values(), *OUTCOME.values(), *PLACE.values()]
    each_once, copies = distinct(kept)
    assert (len(each_once), len(copies), dict(copies.dtypes)) == (0, 0, REJECT_COLUMNS)


def test_a_rejects_row_holds_nothing_of_a_files_content() -> None:
    """Left out is not redacted, and the quarantine lies beside the data."""
    secret = "hunter2hunter2"  # noqa: S105  of nobody
    bad = [f"{PAD}{MANIFEST}password: {secret}\n{end}" for end in ("'", "kind: x", "x: !y z", "a: &a [*a]", "--- {{")]
    _, left = conversations(rows(*bad, f"{PAD}password: {secret}", secret))
    assert len(left) == 7
    assert secret not in "".join(left["row"])
    assert all(row.startswith("ada/web/deploy/web.yaml") for row in left["row"])


def test_a_request_tells_nothing_that_would_be_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for in other words; when there are none, the file is quarantined."""
    found = [Span(0, 1, "email")]
    detector = SimpleNamespace(
        find_all=lambda texts: [found for _ in texts], find=lambda text: found if "web" in text else []
    )
    monkeypatch.setattr(module, "pii", detector)
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
        offers = orjson.loads(module.system_message_of(str(n)).removeprefix(format_b.SYSTEM_PREFIX))
        names = [offer["name"] for offer in offers]
        assert names == sorted(set(names), key=order.index)
        assert "apply_manifest" in names
        sizes.add(len(names))
        seen |= set(names) if len(names) < len(order) else set()
    assert sizes == {4, 5, 6, 7, 8, len(order)}
    assert seen == set(order)
    assert module.system_message_of("1") == module.system_message_of("1")


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


# --- the real files --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Raw rows of the real files, conversations with their place, rejects."""
    path = real_data / "iac" / "iac_files.parquet"
    frames = [t.to_pandas(types_mapper=pd.ArrowDtype) for t in decode(path, path.name)]
    made, left = zip(*(conversations(frame) for frame in frames), strict=True)
    return pd.concat(frames, ignore_index=True), pd.concat(made, ignore_index=True), pd.concat(left, ignore_index=True)


@pytest.mark.slow
def test_every_real_file_is_kept_or_left_out_with_a_reason(real: tuple[pd.DataFrame, ...]) -> None:
    """7,297 files; once each."""
    files, made, left = real
    lines = sorted([*made["line"], *left["line"]])
    assert lines == list(range(1, len(files) + 1))
    assert len(files) == 7_297
    assert set(left["outcome"]) <= {"dropped", "quarantined"}
    kept, copies = distinct(made)
    assert len(kept) + len(copies) + len(left) == len(files)
    assert len(kept) > 1_500
    report = quality_report(kept, left, copies)
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
