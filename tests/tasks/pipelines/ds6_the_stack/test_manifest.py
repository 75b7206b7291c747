"""Manifests that may be published: redacted, with the same structure, and with nothing left to redact."""

import base64

import pytest

from schemas.ds6_the_stack import LARGEST
from tasks.curate.privacy import pii_manifest
from tasks.curate.privacy.pii import Redacted, Span
from tasks.curate.text import yaml_manifests as manifests
from tests.tasks.pipelines.ds6_the_stack.manifest_files import HIDDEN, MANIFEST, PAD, SECRET, judged, only, params, rows

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


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
