"""A request in English for a manifest: a person would write it to get the manifest. Made of the manifest's own values.

    resources --facts--> "a Deployment named web with 3 replicas, running nginx:1.25" --> "Please deploy ... in shop."

Nothing is random: a digest of the manifest chooses the phrasing, the style and the number of facts. A request contains
names and numbers, never a passage: where it would quote the manifest (`quotes`), a shorter request is tried.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from schemas.ds6_the_stack import LONGEST_NAME, LONGEST_QUOTE
from tasks.curate.text.yaml_manifests import Resource, text_of
from tasks.pipelines.ds6_the_stack.facts import Fact, facts_of
from tasks.pipelines.ds6_the_stack.nouns import amount, counted, kind_in_words, listed, sayable, with_article
from tasks.pipelines.ds6_the_stack.words import FAMILY_OF, MAIN_KINDS, PHRASINGS, PLACES

MOST_FACTS = 3
MOST_NAMED = 4  # resources that are named one by one, where they are for nothing that has a name
MOST_KINDS = 4  # named one by one; of more, the first three


class Detail(NamedTuple):
    """How much a request says: facts at most, and whether it has names."""

    facts: int
    names: bool


DETAILS = (Detail(MOST_FACTS, names=True), Detail(1, names=True), Detail(0, names=True), Detail(0, names=False))


def any_is_clean(_request: str) -> bool:
    """Every request may be published."""
    return True


def request(
    resources: Sequence[Resource], namespace: str, text: str, clean: Callable[[str], bool] = any_is_clean
) -> str | None:
    """A request for the resources of the manifest `text`; None when every request would quote it.

    `namespace` is that of all resources, "" for none or several. `clean(request)`: whether it may be published.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    variants = _variants(resources, namespace, digest)
    return next((one for one in variants if clean(one) and not quotes(one, text, LONGEST_QUOTE)), None)


def _variants(resources: Sequence[Resource], namespace: str, digest: bytes) -> Iterator[str]:
    """Requests, from the most detailed to the shortest; the last, without names, in every phrasing."""
    most = 1 + digest[0] % MOST_FACTS
    for detail in DETAILS:
        detail = detail._replace(facts=min(detail.facts, most))  # noqa: PLW2901
        for turn in range(1 if detail.names else 5):
            yield _worded_request(resources, namespace, detail, digest, turn)


def _worded_request(resources: Sequence[Resource], namespace: str, detail: Detail, digest: bytes, turn: int) -> str:
    plain = digest[1] % 3 == 0  # kinds in words: "config map"
    app = _app(resources) if detail.names else ""
    if len(resources) == 1:
        family, what = _family(resources[0]), _resource_words(resources[0], detail, plain=plain, digest=digest)
    else:
        family, what = (
            "several" if app else "several_unnamed",
            _listing(resources, detail, app=app, plain=plain, digest=digest),
        )
    phrasings = PHRASINGS[family]
    place = sayable(namespace) if detail.names else ""
    where = PLACES[digest[2] % len(PLACES)].format(namespace=place) if place else ""
    return phrasings[(digest[3] + turn) % len(phrasings)].format(what=what, where=where, app=app)


def _family(resource: Resource) -> str:
    return FAMILY_OF.get(resource.kind, "other")


def _noun(kind: str, *, plain: bool) -> str:
    """Well-known kinds may be sayable in words; an unknown one only where its name is too long to be sayable."""
    wordy = (plain and kind in FAMILY_OF) or len(kind) > LONGEST_NAME
    return kind_in_words(kind) if wordy else kind


# --- one resource, several -------------------------------------------------------------------------------------------


def _resource_words(resource: Resource, detail: Detail, *, plain: bool, digest: bytes) -> str:
    """A StatefulSet named db with 3 replicas, running postgres:15."""
    if resource.kind == "CustomResourceDefinition":
        return _definition_words(resource, detail, plain=plain)
    noun = with_article(_qualified(resource, plain=plain, grouped=detail.facts > 0 and digest[6] % 2 == 0))
    named = _naming(resource, digest) if detail.names else ""
    return noun + named + _fact_words(facts_of(resource), detail.facts, digest)


def _naming(resource: Resource, digest: bytes) -> str:
    if name := sayable(resource.name):
        return f" {('named', 'called')[digest[4] % 2]} {name}"
    prefix = _beginning(resource.name or text_of(resource.body, "metadata", "generateName"))
    return f" whose name starts with {prefix}" if prefix else ""


def _beginning(name: str) -> str:
    """As many of a long name's parts as may be sayable: "a-b-c" is "a-b" where "a-b-c" is too long."""
    parts = re.split("([-.])", name.rstrip("-."))
    return next((whole for end in range(len(parts), 0, -2) if (whole := sayable("".join(parts[:end])))), "")


def _qualified(resource: Resource, *, plain: bool, grouped: bool) -> str:
    """The kind, and what sort of it: "headless Service", "TLS Secret", "Tenant (minio.min.io)"."""
    noun = _noun(resource.kind, plain=plain)
    if resource.kind == "Service":
        sort = sayable(text_of(resource.body, "spec", "type"))
        headless = text_of(resource.body, "spec", "clusterIP") == "None"
        return f"{'headless' if headless else sort} {noun}".strip()
    if resource.kind == "Secret" and text_of(resource.body, "type") == "kubernetes.io/tls":
        return f"TLS {noun}"
    group = sayable(resource.group)  # two custom kinds may have one name
    return f"{noun} ({group})" if grouped and "." in group and _family(resource) == "other" else noun


def _definition_words(resource: Resource, detail: Detail, *, plain: bool) -> str:
    noun = f"the {_noun(resource.kind, plain=plain)}"
    kind, group = (sayable(text_of(resource.body, "spec", *path)) for path in (("names", "kind"), ("group",)))
    if not (detail.names and kind):
        return noun
    return f"{noun} for {kind}" + (f" in the API group {group}" if group and detail.facts else "")


def _fact_words(facts: Sequence[Fact], most: int, digest: bytes) -> str:
    """With a, b and c, doing d and doing e: at most `most` facts, chosen by the digest, in their order."""
    first = digest[5] % max(1, len(facts) - most + 1)
    chosen = facts[first : first + most]
    having, doing = ([fact.text for fact in chosen if fact.form == form] for form in ("with", "doing"))
    text = f" with {listed(having)}" if having else ""
    return text + ("," if having and doing else "") + (f" {listed(doing)}" if doing else "")


def _listing(resources: Sequence[Resource], detail: Detail, *, app: str, plain: bool, digest: bytes) -> str:
    """A Service, two ConfigMaps and a Deployment with 3 replicas; the main one comes last, for its facts."""
    counts = Counter(resource.kind for resource in resources)
    main = main_kind(resources)
    named = detail.names and not app and len(resources) <= MOST_NAMED
    nouns = {
        kind: counted(count, _noun(kind, plain=plain)) + (_names_of_kind(resources, kind) if named else "")
        for kind, count in counts.items()
    }
    others = [noun for kind, noun in nouns.items() if kind != main]
    if len(others) >= MOST_KINDS:
        return f"{amount(len(resources))} resources, among them {listed([*others[: MOST_KINDS - 2], nouns[main]])}"
    if counts[main] == 1:
        nouns[main] += _fact_words(facts_of(next(r for r in resources if r.kind == main)), detail.facts, digest)
    return listed([*others, nouns[main]])


def _names_of_kind(resources: Sequence[Resource], kind: str) -> str:
    """Names of the resources of a kind; a definition's long name says less than the kind it defines."""
    defines = kind == "CustomResourceDefinition"
    path = ("spec", "names", "kind") if defines else ("metadata", "name")
    names = [sayable(text_of(resource.body, *path)) for resource in resources if resource.kind == kind]
    return f" {'for' if defines else 'named'} {listed(names)}" if all(names) else ""


def main_kind(resources: Sequence[Resource]) -> str:
    """The kind a manifest is about: its workload; else the kind it has most of, the first of equals."""
    counts = Counter(resource.kind for resource in resources)
    return next((kind for kind in MAIN_KINDS if kind in counts), counts.most_common(1)[0][0])


APP_LABELS = ("app.kubernetes.io/part-of", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app", "k8s-app")


def _app(resources: Sequence[Resource]) -> str:
    """What several resources are for: a label that all have in common, or the name of all, or of the workload."""
    for label in APP_LABELS:
        values = {text_of(resource.body, "metadata", "labels", label) for resource in resources}
        if len(values) == 1 and (name := sayable(values.pop())):
            return name
    workloads = [resource.name for resource in resources if resource.kind in MAIN_KINDS]
    names = set(workloads or [resource.name for resource in resources])
    return sayable(names.pop()) if len(names) == 1 else ""


# --- quoting ---------------------------------------------------------------------------------------------------------


def quotes(request: str, text: str, longest: int) -> bool:
    """Whether a request and a text have more than `longest` characters in a row in common.

    Any common passage of longest + 1 characters contains a whole block of half that length. So blocks are searched
    first, and few requests need the second search.
    """
    size = (longest + 1) // 2
    blocks = (request[at : at + size] for at in range(0, len(request) - size + 1, size))
    if not any(block in text for block in blocks):
        return False
    return any(request[at : at + longest + 1] in text for at in range(len(request) - longest))
