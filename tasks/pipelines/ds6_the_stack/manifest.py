"""A file's text as a manifest that may be published: parsed, for a cluster, redacted, checked again. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.ds6_the_stack import LARGEST
from tasks.curate.privacy import pii, pii_manifest
from tasks.curate.text import yaml_manifests as manifests
from tasks.curate.text.yaml_manifests import Refused, Resource, Tree
from tasks.pipelines.ds6_the_stack.rules import CLIENT_GROUPS


class Manifest(NamedTuple):
    """A manifest that may be published: its text, its resources, and whether a value was redacted."""

    text: str
    resources: list[Resource]
    redacted: bool


def manifest(text: str) -> Manifest:
    """The manifest in a file, redacted. Raises Refused with a reason of rules.REASONS."""
    trees = _documents(text)
    _require_applicable(manifests.resources(trees))
    clean, redacted = _redacted(text, trees)
    resources = manifests.resources(manifests.documents(clean) if redacted else trees)
    return Manifest(clean, resources, redacted)


def _documents(text: str) -> list[Tree]:
    try:
        return manifests.documents(text)
    except Refused as refused:
        if refused.reason == "invalid_yaml" and "{{" in text:
            raise Refused("template", str(refused)) from refused
        raise


def _require_applicable(resources: Sequence[Resource]) -> None:
    for resource in resources:
        if resource.group.endswith(CLIENT_GROUPS):
            raise Refused("client_side", f"{resource.kind} of {resource.group}")
        if any("{{" in text for text in (resource.name, resource.namespace, *manifests.images(resource))):
            raise Refused("template", "braces in a name, a namespace or an image")


def _redacted(text: str, trees: list[Tree]) -> tuple[str, bool]:
    """(text without secrets and personal data, whether it had any). Raises Refused where the result is not safe."""
    result = pii_manifest.redact_manifest(text)
    redacted = result.text != text
    if redacted:
        _require_same_structure(text, trees, result)
    if pii_manifest.leaks(result.text):
        raise Refused("leak", "the detector still finds something after redaction")
    if len(result.text) > LARGEST:
        raise Refused("redaction_changed_structure", f"longer than {LARGEST:,} characters")
    return result.text, redacted


def _require_same_structure(text: str, trees: list[Tree], result: pii.Redacted) -> None:
    """Raise Refused unless keys, lengths and nesting are the same and only redacted scalars changed."""
    try:
        after = manifests.documents(result.text)
    except Refused as refused:
        raise Refused("redaction_changed_structure", f"after redaction: {refused}") from refused
    if not manifests.same_structure(trees, after):
        raise Refused("redaction_changed_structure", "keys or lengths differ after redaction")
    pairs = zip(manifests.scalars(text), manifests.scalars(result.text), strict=True)
    changed = [old for old, new in pairs if old.value != new.value]
    touched = [(span.start, span.end) for span in result.spans]
    if any(all(end <= old.start or old.end <= start for start, end in touched) for old in changed):
        raise Refused("redaction_changed_structure", "a value changed where nothing was redacted")
