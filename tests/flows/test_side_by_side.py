"""Parents let every dataset finish, then say which failed and why."""

from functools import partial
from pathlib import Path

import pytest
from prefect import flow

from flows.side_by_side import DatasetsFailed, side_by_side
from schemas.published import Published
from schemas.snapshot import Snapshot

pytestmark = [pytest.mark.integration, pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

SNAPSHOT = Snapshot(root=Path("/d"), path=Path("interim/x/y"), sha256="0", rows=1, schema_hash="", mode="sample")
FINISHED: list[str] = []


@flow
def good(stem: str) -> Published:
    FINISHED.append(stem)
    return Published(stem=stem, mode="sample", kept=SNAPSHOT, vocabulary=SNAPSHOT, manifest={}, truth=None, rules={})


@flow
def bad(stem: str) -> Published:
    FINISHED.append(stem)
    raise ValueError(f"{stem} has no rows")


@flow
def parent(children: dict[str, bool], allow_missing: list[str]) -> tuple[list[str], dict[str, str]]:
    flows = {stem: partial(good if ok else bad, stem) for stem, ok in children.items()}
    published, failed = side_by_side(flows, allow_missing)
    return list(published), failed


@pytest.fixture(autouse=True)
def _forget() -> None:
    FINISHED.clear()


def test_all_datasets_are_published_in_the_order_given() -> None:
    assert parent({"b": True, "a": True}, []) == (["b", "a"], {})


def test_the_others_finish_and_the_error_names_who_failed_and_why() -> None:
    with pytest.raises(DatasetsFailed, match=r"(?s)1 dataset.*a: ValueError: a has no rows.*\(--allow-missing a\)"):
        parent({"a": False, "b": True}, [])
    assert sorted(FINISHED) == ["a", "b"]


def test_a_failure_that_is_allowed_is_recorded_with_its_reason() -> None:
    assert parent({"a": False, "b": True}, ["a"]) == (["b"], {"a": "ValueError: a has no rows"})


def test_a_track_of_which_nothing_is_left_fails_even_if_all_may_be_missing() -> None:
    with pytest.raises(DatasetsFailed) as failed:
        parent({"a": False}, ["a"])
    assert "run without" not in str(failed.value)  # it would fail again


def test_a_misspelt_name_in_allow_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="allow_missing names aa; this track's datasets are a"):
        parent({"a": True}, ["aa"])
    assert FINISHED == []
