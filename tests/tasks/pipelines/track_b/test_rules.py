"""Reasons of Track B: each is explained, and each is given to some row."""

import pytest

from schemas.limits import NEAR_DUPLICATES
from tasks.pipelines.track_b.combine import combine
from tasks.pipelines.track_b.duplicates import KINDS
from tasks.pipelines.track_b.rules import REASONS, SHARE_ALIKE, duplicate_reason
from tests.tasks.quality.conversations import conversations, words

pytestmark = pytest.mark.unit


def test_every_kind_of_duplicate_has_a_reason() -> None:
    assert set(REASONS) == {SHARE_ALIKE, *map(duplicate_reason, KINDS)}
    assert {reason.outcome for reason in REASONS.values()} == {"dropped"}


def test_every_reason_is_given_to_some_row() -> None:
    """A share-alike row, a copy, a request in other case, and a manifest under another request."""
    manifest = (("apply_manifest", {"manifest_content": words(0, 200)}),)
    table = conversations(
        {"id": "x:1", "user": "Restart web"},
        {"id": "x:2", "user": "Restart web"},
        {"id": "x:3", "user": "restart WEB!"},
        {"id": "x:4", "user": " ".join(f"a{n}" for n in range(400)), "calls": manifest},
        {"id": "x:5", "user": " ".join(f"b{n}" for n in range(400)), "calls": manifest},
        {"id": "x:6", "user": "Drain n1", "licence": "CC-BY-SA-4.0"},
    )
    _, _, rejects = combine(table, threshold=NEAR_DUPLICATES, licence="permissive")
    assert set(rejects["reason"]) == set(REASONS)
    assert set(rejects["step"]) == {"combine"}
