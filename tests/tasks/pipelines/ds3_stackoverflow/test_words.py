"""The words by which questions are judged: signatures by example, and tables that fit together."""

from pathlib import Path

import pytest

from schemas.ds3_stackoverflow import TAGS
from schemas.tools import ENVIRONMENTS
from tasks.pipelines import ds3_stackoverflow
from tasks.pipelines.ds3_stackoverflow.features import signatures
from tasks.pipelines.ds3_stackoverflow.words import (
    COMPONENTS,
    ENVIRONMENT_RULES,
    IN_CLUSTER,
    QUESTION_TYPES,
    SIGNATURES,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Last State: Terminated, Reason: OOMKilled", "OOMKilled"),
        ("command terminated with exit code 137", "OOMKilled"),
        ("the pod is in CrashLoopBackOff", "CrashLoopBackOff"),
        ("Back-off restarting failed container", "CrashLoopBackOff"),
        ("Failed to pull image: rpc error", "ImagePullBackOff"),
        ("ErrImagePull", "ImagePullBackOff"),
        ("RuntimeError: CUDA out of memory. Tried to allocate", "GPUError"),
        ("could not select device driver with capabilities: [[gpu]]", "GPUError"),
        ("tensorflow does not see my GPU", "GPUError"),
        ("open /var/run/docker.sock: permission denied", "PermissionDenied"),
        ("An error occurred (AccessDeniedException)", "PermissionDenied"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "ConnectionRefused"),
        ("Error: connect ECONNREFUSED", "ConnectionRefused"),
        ("lookup db on 10.96.0.10:53: no such host", "NetworkError"),
        ("Could not resolve host: github.com", "NetworkError"),
        ("0/3 nodes are available: 3 Insufficient cpu", "ResourceExhausted"),
        ("OSError: [Errno 28] No space left on device", "ResourceExhausted"),
        ("error validating data: unknown field", "ConfigError"),
        ("yaml: line 3: mapping values are not allowed in this context", "ConfigError"),
        ("context deadline exceeded", "Timeout"),
        ("Task timed out after 3.00 seconds", "Timeout"),
        ("504 Gateway Time-out", "Timeout"),
    ],
)
def test_a_signature_is_known_by_what_the_error_says(text: str, name: str) -> None:
    """As programs print it."""
    assert signatures(text)[0] == name


@pytest.mark.parametrize(
    "text",
    [
        "How do I set the timeout of a probe?",
        "What is the difference between a pod and a deployment?",
        "headroom of 137 nodes",
        "I would like to allow access to a bucket",
        "Which GPU should I buy?",
        "How to use config maps",
        "connect two services",
    ],
)
def test_a_question_without_an_error_has_no_signature(text: str) -> None:
    """The word alone is no error."""
    assert signatures(text) == []


def test_every_signature_has_an_example_above() -> None:
    """Ten of them."""
    marks = test_a_signature_is_known_by_what_the_error_says.pytestmark
    (mark,) = (mark for mark in marks if mark.name == "parametrize")
    assert {name for _, name in mark.args[1]} == {one.name for one in SIGNATURES}
    assert len(SIGNATURES) == 10


def test_every_wanted_tag_has_a_component_and_every_component_one_name() -> None:
    """Else a question of that tag would be about its words alone."""
    tagged = {tag for one in COMPONENTS for tag in one.tags}
    assert set(TAGS) <= tagged
    assert len({one.name for one in COMPONENTS}) == len(COMPONENTS)
    assert {one.name for one in COMPONENTS} >= IN_CLUSTER


def test_environments_are_the_platforms() -> None:
    """The strictest comes first."""
    assert [rule.name for rule in ENVIRONMENT_RULES] == list(reversed(ENVIRONMENTS))


def test_the_readmes_tables_are_those_of_the_code() -> None:
    """A name and its meaning, for each rule."""
    readme = (Path(ds3_stackoverflow.__path__[0]) / "README.md").read_text().splitlines()
    rules = (*SIGNATURES, *COMPONENTS, *QUESTION_TYPES, *ENVIRONMENT_RULES)
    rows = [f"| {rule.name} | {rule.meaning} |" for rule in rules]
    assert [row for row in rows if row not in readme] == []
