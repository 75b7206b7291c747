"""Names and nouns of requests: which names are used, and English articles, plurals and numbers."""

import pytest

from tasks.pipelines.ds6_the_stack.nouns import counted, kind_in_words, plural, sayable, sayable_image, with_article

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["x" * 37, "${NAME}", "<EMAIL>", "a b", "\u05d0\u05d1", "{{x}}", "a\nb", "-x", ""])
def test_a_name_that_cannot_be_said_is_not_said(name: str) -> None:
    """Too long, templated, redacted, of another script, or no name at all."""
    assert sayable(name) == ""


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx:1.25", "nginx:1.25"),
        ("registry.example.com/a/very/long/path/of/folders/app:1.2", "a/very/long/path/of/folders/app:1.2"),
        ("app@sha256:" + "0" * 64, "app"),
        ("${IMAGE}", ""),
        ("team/${NAME}:1", ""),
        ("x" * 50, ""),
    ],
)
def test_an_image_is_told_by_as_much_of_its_path_as_fits(image: str, expected: str) -> None:
    """The end of a path says more than its beginning."""
    assert sayable_image(image) == expected


@pytest.mark.parametrize(
    ("noun", "article"),
    [
        ("Ingress", "an"), ("Service", "a"), ("HTTPRoute", "an"), ("APIService", "an"), ("TCPRoute", "a"),
        ("UpdateJob", "an"), ("User", "a"), ("NFSVolume", "an"), ("DNSEndpoint", "a"), ("HumioAlert", "a"),
        ("ingress", "an"), ("HTTP route", "an"),
        ("ReferenceGrant", "a"), ("Unicorn", "a"), ("EnvoyFilter", "an"), ("K8sPolicy", "a"),
    ],
)  # fmt: skip
def test_articles_go_by_sound(noun: str, article: str) -> None:
    """An H spelled out begins with a vowel; a U may begin with a Y."""
    assert with_article(noun) == f"{article} {noun}"


@pytest.mark.parametrize(
    ("noun", "several"),
    [
        ("Role", "Roles"), ("NetworkPolicy", "NetworkPolicies"), ("Gateway", "Gateways"), ("Ingress", "Ingresses"),
        ("Endpoints", "Endpoints"), ("Mesh", "Meshes"), ("config map", "config maps"),
        ("IngressClass", "IngressClasses"),
    ],
)  # fmt: skip
def test_plurals(noun: str, several: str) -> None:
    """As English makes them."""
    assert plural(noun) == several


def test_counts_are_words_up_to_ten() -> None:
    """As in print."""
    assert [counted(n, "Role") for n in (1, 2, 10, 11)] == ["a Role", "two Roles", "ten Roles", "11 Roles"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ConfigMap", "config map"), ("HTTPRoute", "HTTP route"), ("CSIDriver", "CSI driver"), ("Pod", "pod"),
        ("HorizontalPodAutoscaler", "horizontal pod autoscaler"), ("postgresql", "postgresql"),
    ],
)  # fmt: skip
def test_a_kind_in_words(kind: str, words: str) -> None:
    """Acronyms stay what they are."""
    assert kind_in_words(kind) == words
