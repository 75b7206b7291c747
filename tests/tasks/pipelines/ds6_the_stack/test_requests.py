"""Requests for manifests: English a person would write, made of what stands in the manifest, never quoting it."""

import itertools
import string
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ds6_the_stack import LONGEST_NAME, LONGEST_QUOTE
from tasks.curate.text.yaml_manifests import Resource, documents, resources
from tasks.pipelines.ds6_the_stack.requests import main_kind, quotes, request
from tasks.pipelines.ds6_the_stack.words import FAMILIES, PHRASINGS, PLACES

pytestmark = pytest.mark.unit


def found(text: str) -> list[Resource]:
    return resources(documents(text))


def one(kind: str, body: str = "", name: str = "web", version: str = "v1") -> list[Resource]:
    return found(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n{body}")


def variants(manifest: list[Resource], namespace: str = "", times: int = 200) -> set[str]:
    """Requests for the same resources as texts that differ in a comment get them."""
    asked = (request(manifest, namespace, f"# {n}") for n in range(times))
    return {text for text in asked if text}


def says(manifest: list[Resource], *parts: str) -> None:
    """Each part is said in some request, and none says nothing of a sentence."""
    asked = variants(manifest)
    for part in parts:
        assert any(part in text for text in asked), (part, sorted(asked)[:5])
    for text in asked:
        assert text[0].isupper() or text[0] in "/*"
        assert text[-1] in ".?"
        for wrong in ("  ", " ,", "{", "}", " .", "None", ",,", "with with"):
            assert wrong not in text, text


DEPLOYMENT = """spec:
  replicas: 3
  template:
    spec:
      containers:
      - image: registry.internal/team/web:1.25
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 250m, memory: 64Mi}}
      - {image: proxy}
"""


# --- what is said ----------------------------------------------------------------------------------------------------


def test_a_workload_is_asked_for_by_name_replicas_image_port_and_resources() -> None:
    """Not all at once: each of them in some request."""
    says(
        one("Deployment", DEPLOYMENT),
        "named web",
        "called web",
        "with 3 replicas",
        "running the image registry.internal/team/web:1.25",
        "listening on port 8080",
        "requesting 250m CPU and 64Mi of memory",
        "two containers",
        "a Deployment",
        "a deployment",
    )


def test_at_most_three_facts_are_told() -> None:
    """A request is a sentence, not a form."""
    facts = ("replicas", "the image", "listening", "requesting", "containers")
    counts = {sum(fact in text for fact in facts) for text in variants(one("Deployment", DEPLOYMENT))}
    assert counts == {1, 2, 3}


@pytest.mark.parametrize(
    ("kind", "body", "parts"),
    [
        ("Deployment", "spec: {replicas: 1}", ["a single replica"]),
        ("Deployment", "spec: {replicas: '{{ n }}'}", ["Deployment named web"]),
        ("Pod", "spec: {containers: [{image: busybox, resources: {limits: {memory: 1Gi}}}]}", ["limited to 1Gi of"]),
        ("Pod", "spec: {containers: [{image: 'a@sha256:0'}]}", ["running a"]),
        ("CronJob", "spec: {schedule: '*/5 * * * *'}", ["running every 5 minutes"]),
        ("CronWorkflow", "spec: {schedules: ['30 3 * * *']}", ["running every day at 03:30"]),
        ("Job", "spec: {template: {spec: {containers: [{image: pi:3}]}}}", ["running the image pi:3"]),
        (
            "Workflow",
            "spec: {entrypoint: main, templates: [{name: a}, {name: b}]}",
            ["entry point main", "two templates"],
        ),
        (
            "Service",
            "spec: {type: NodePort, ports: [{port: 80, targetPort: 8080}]}",
            ["a NodePort ", "port 80", "8080"],
        ),
        (
            "Service",
            "spec: {clusterIP: None, ports: [{port: 80}, {port: 81}]}",
            ["a headless", "exposing ports 80 and 81"],
        ),
        ("Ingress", "spec: {rules: [{host: a.example.com}]}", ["an Ingress", "serving a.example.com"]),
        ("VirtualService", "spec: {hosts: [a.example.com, b.example.com]}", ["serving a.example.com and other hosts"]),
        ("Gateway", "spec: {servers: [{hosts: ['*']}]}", ["Gateway named web"]),
        ("ConfigMap", "data: {mode: fast}", ["with the key mode"]),
        ("ConfigMap", "data: {a: 1, b: 2}\nbinaryData: {c: 3}", ["with three keys"]),
        ("Secret", "type: kubernetes.io/tls\ndata: {tls.crt: x, tls.key: y}", ["a TLS ", "keys tls.crt and tls.key"]),
        ("Role", "rules: [{resources: [pods, jobs], verbs: [get, list]}]", ["allowing get and list on pods and jobs"]),
        ("ClusterRole", "rules: [{resources: ['*'], verbs: ['*']}]", ["allowing full access to everything"]),
        ("ClusterRole", "rules: [{resources: ['{{ x }}'], verbs: [get]}]", ["ClusterRole named web"]),
        (
            "RoleBinding",
            "roleRef: {name: reader}\nsubjects: [{kind: ServiceAccount, name: bot}]",
            ["granting the reader role to the service account bot"],
        ),
        ("RoleBinding", "roleRef: {name: reader}\nsubjects: [{kind: User}, {kind: User}]", ["to two subjects"]),
        ("PersistentVolumeClaim", "spec: {resources: {requests: {storage: 5Gi}}}", ["with 5Gi of storage"]),
        ("PersistentVolume", "spec: {capacity: {storage: 5Gi}, storageClassName: fast}", ["the storage class fast"]),
        ("StorageClass", "provisioner: csi.example.com", ["using the provisioner csi.example.com"]),
        (
            "CustomResourceDefinition",
            "spec: {group: example.com, names: {kind: Widget}}",
            [
                "CustomResourceDefinition for Widget in the API group example.com",
                "custom resource definition for Widget",
            ],
        ),
        ("CustomResourceDefinition", "spec: {names: {kind: '{{ x }}'}}", ["the CustomResourceDefinition"]),
        (
            "HorizontalPodAutoscaler",
            "spec: {scaleTargetRef: {name: api}, minReplicas: 2, maxReplicas: 9}",
            ["scaling api from 2 to 9 replicas", "a horizontal pod autoscaler"],
        ),
        ("ScaledObject", "spec: {scaleTargetRef: {name: api}, maxReplicaCount: 9}", ["scaling api up to 9 replicas"]),
        ("PodDisruptionBudget", "spec: {minAvailable: 1}", ["keeping at least one pod available"]),
        ("PodDisruptionBudget", "spec: {maxUnavailable: 50%}", ["letting at most 50% of the pods be unavailable"]),
        ("PodDisruptionBudget", "spec: {minAvailable: 2}", ["keeping at least 2 pods available"]),
        ("ResourceQuota", "spec: {hard: {pods: 4, requests.cpu: 1}}", ["with limits on pods and requests.cpu"]),
        ("ResourceQuota", "spec: {hard: {a: 4, b: 1, c: 1, d: 1}}", ["with several limits"]),
        ("NetworkPolicy", "spec: {policyTypes: [Ingress, Egress]}", ["covering ingress and egress traffic"]),
        ("NetworkPolicy", "spec: {podSelector: {matchLabels: {app: web}}}", ["applying to pods labelled app=web"]),
        ("AuthorizationPolicy", "spec: {action: DENY}", ["an AuthorizationPolicy", "with the action DENY"]),
        ("PeerAuthentication", "spec: {mtls: {mode: STRICT}}", ["with mutual TLS set to STRICT"]),
        ("PrometheusRule", "spec: {groups: [{rules: [{alert: a}, {alert: b}]}]}", ["with two rules"]),
        ("ServiceMonitor", "spec: {endpoints: [{port: http, interval: 30s}]}", ["scraping the port http every 30s"]),
        ("PodMonitor", "spec: {podMetricsEndpoints: [{port: http}]}", ["scraping the port http"]),
        ("Database", "spec: {version: 8.1, replicas: 2}", ["with 2 replicas and version 8.1", "a Database"]),
        ("Namespace", "", ["a Namespace named web"]),
    ],
)
def test_every_kind_is_asked_for_by_what_is_special_about_it(kind: str, body: str, parts: list[str]) -> None:
    """One fact of each sort that can be told."""
    says(one(kind, body), *parts)


def test_a_custom_kind_may_be_told_by_its_group() -> None:
    """Two operators may both have a Cluster."""
    says(one("Tenant", version="minio.min.io/v2"), "a Tenant (minio.min.io) named web", "a Tenant named web")


def test_a_list_of_permissions_half_of_which_cannot_be_said_is_not_said() -> None:
    """`get and` something else would be wrong."""
    role = one("Role", "rules: [{resources: [pods], verbs: [get, '{{ verb }}']}]")
    assert not any("get" in text for text in variants(role))


# --- several ---------------------------------------------------------------------------------------------------------

SEVERAL = """apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
"""


def test_several_documents_are_told_by_what_they_are_for_the_main_one_last() -> None:
    """The facts are those of the workload, beside its own kind."""
    says(found(SEVERAL), "a Service, two ConfigMaps and a Deployment with 2 replicas", "everything web needs")


def test_documents_for_nothing_with_a_name_are_named_while_they_are_few() -> None:
    """Four names are a list, five are a form; a definition is named by the kind it defines."""
    roles = "".join(f"---\napiVersion: v1\nkind: Role\nmetadata: {{name: r{n}}}\n" for n in range(5))
    says(found(roles), "five Roles", "five roles")
    assert not any("r1" in text for text in variants(found(roles)))
    says(found(roles.replace("name: r4", "name: r3").rpartition("---")[0]), "four Roles named r0, r1, r2 and r3")
    definition = (
        "---\napiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {name: %s}\nspec: {names: {kind: K%s}}\n"
    )
    says(found("".join(definition % (n, n) for n in "ab")), "two CustomResourceDefinitions for Ka and Kb")


def test_of_many_kinds_the_first_and_the_main_one_are_told() -> None:
    """Twelve kinds in one sentence are none."""
    kinds = ("Namespace", "Role", "Secret", "Service", "ConfigMap", "Deployment")
    text = "".join(f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: x{kind}}}\n" for kind in kinds)
    says(found(text), "six resources, among them a Namespace, a Role and a Deployment")


def test_what_several_are_for_is_a_label_of_all_or_the_name_of_all() -> None:
    """A label that only some have says nothing about the others."""
    labelled = "---\n".join(
        f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {kind.lower()}, labels: {{app: shop}}}}\n"
        for kind in ("Role", "Secret")
    )
    assert any("shop" in text for text in variants(found(labelled)))
    partly = labelled.replace("labels: {app: shop}", "labels: {}", 1)
    assert not any("shop" in text for text in variants(found(partly)))
    assert any(
        "everything x needs" in text for text in variants(found(partly.replace("role", "x").replace("secret", "x")))
    )


@pytest.mark.parametrize(
    ("kinds", "main"),
    [
        (("Service", "Deployment", "Service"), "Deployment"),
        (("Service", "Role", "Role"), "Role"),
        (("Service", "Role"), "Service"),
        (("Job", "StatefulSet"), "StatefulSet"),
    ],
)
def test_the_main_kind_is_the_workload_else_the_most_frequent(kinds: tuple[str, ...], main: str) -> None:
    """The first of equals."""
    assert main_kind([one(kind)[0] for kind in kinds]) == main


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_long_name_is_told_by_its_beginning() -> None:
    """As many whole parts as fit."""
    name = "a-rather-long.name-of-a-resource-that-nobody-would-say-in-full"
    (text, *_) = variants(one("ConfigMap", name=name), times=1)
    assert "whose name starts with a-rather-long.name-of-a-resource" in text
    assert not any("starts" in text for text in variants(one("ConfigMap", name="x" * 60)))


def test_a_name_the_cluster_makes_up_is_told_by_its_beginning() -> None:
    """GenerateName ends in a dash."""
    job = found("apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: nightly-}\n")
    assert any("whose name starts with nightly" in text for text in variants(job))


# --- English ---------------------------------------------------------------------------------------------------------


def test_only_well_known_kinds_are_said_in_words_unless_one_is_too_long() -> None:
    """Nobody knows a `maria DB`; and a kind of 48 letters would be a quotation."""
    assert all("MariaDB" in text for text in variants(one("MariaDB")))
    long = "VeryLongKindOfResourceThatSomebodyOnceThoughtOf"
    says(one(long), "very long kind of resource that somebody once thought of")


# --- choice and place ------------------------------------------------------------------------------------------------


def test_every_phrasing_and_place_is_used_and_the_text_alone_chooses() -> None:
    """The same manifest gives the same request; others like it are asked for in other words."""
    asked = variants(one("ConfigMap"), "shop")
    assert {text for text in asked if "shop" in text} == asked
    for phrasing in PHRASINGS["config"]:
        assert any(text.startswith(phrasing.partition("{")[0]) for text in asked)
    for place in PLACES:
        assert any(place.format(namespace="shop") in text for text in asked)
    assert variants(one("ConfigMap"), "shop") == asked


@pytest.mark.parametrize("family", [*FAMILIES, "other"])
def test_every_family_is_asked_for_in_three_ways_at_least(family: str) -> None:
    """Of the same resource."""
    kind = FAMILIES.get(family, ("Widget",))[0]
    beginnings = {text.partition("web")[0][:18] for text in variants(one(kind))}
    assert len(beginnings) >= 3


# --- quoting ---------------------------------------------------------------------------------------------------------


def longest_common(one_text: str, other: str) -> int:
    """Longest common substring by the plain quadratic table: the oracle."""
    best, row = 0, [0] * (len(other) + 1)
    for letter in one_text:
        before, row = row, [0] * (len(other) + 1)
        for at, other_letter in enumerate(other):
            if letter == other_letter:
                row[at + 1] = before[at] + 1
                best = max(best, row[at + 1])
    return best


@given(st.text("ab", max_size=60), st.text("ab", max_size=60), st.integers(1, 12))
def test_quoting_is_a_common_substring_longer_than_the_limit(one_text: str, other: str, longest: int) -> None:
    """Oracle: the quadratic table, on texts of two letters, where common passages are everywhere."""
    assert quotes(one_text, other, longest) == (longest_common(one_text, other) > longest)


@pytest.mark.parametrize("length", range(LONGEST_QUOTE - 2, LONGEST_QUOTE + 4))
def test_a_passage_is_found_wherever_it_stands(length: int) -> None:
    """At the limit and beside it, at every offset."""
    passage = "".join(itertools.islice(itertools.cycle(string.ascii_letters), length))
    for offset in range(25):
        assert quotes("." * offset + passage + "!", f"--{passage}--", LONGEST_QUOTE) == (length > LONGEST_QUOTE)


def test_a_request_that_would_quote_is_told_with_fewer_words() -> None:
    """The manifest holds, as comments, what we would say of it; what is left is shorter than a quotation."""
    manifest, text, told = one("Deployment", DEPLOYMENT), "", []
    for _ in range(20):
        asked = request(manifest, "shop", "# 1", clean=partial(_quotes_none_of, text))
        assert asked
        told.append(asked)
        text += "\n# " + asked
    assert len(told[0]) > LONGEST_QUOTE >= len(told[-1])
    assert "named web" not in told[-1]


def _quotes_none_of(text: str, asked: str) -> bool:
    return not quotes(asked, text, LONGEST_QUOTE)


def test_a_manifest_whose_comments_hold_our_own_words_is_not_quoted() -> None:
    """Every way in which we ask for it stands in it."""
    manifest = one("Deployment", DEPLOYMENT)
    text = "\n".join(sorted(variants(manifest, "shop", times=2_000)))
    asked = request(manifest, "shop", text)
    assert asked
    assert _quotes_none_of(text, asked)


def test_what_may_not_be_seen_is_not_told() -> None:
    """`clean` decides; a request that says less may pass it."""
    manifest = one("Deployment", DEPLOYMENT)
    assert request(manifest, "", "x", clean=lambda _: False) is None
    asked = request(manifest, "", "x", clean=lambda text: "web" not in text)
    assert asked
    assert "web" not in asked


NAMES = st.text(string.ascii_lowercase + "-.0{}$", min_size=1, max_size=60).filter(
    lambda name: name.strip("-.") == name
)


@given(NAMES, st.sampled_from(["ConfigMap", "Deployment", "Widget" * 9, "Ingress"]), NAMES)
def test_no_request_quotes_its_manifest(name: str, kind: str, value: str) -> None:
    """Whatever the names are; they are themselves no longer than LONGEST_NAME."""
    metadata = f"metadata:\n  name: '{name}'\n  labels:\n    app: '{value}'\n"
    text = f"apiVersion: v1\nkind: {kind}\n{metadata}data:\n  '{value}': x\n"
    asked = request(found(text), "", text)
    assert asked is not None
    assert longest_common(asked, text) <= LONGEST_QUOTE
    assert max(map(len, asked.split())) <= LONGEST_NAME + len("(),.?")
