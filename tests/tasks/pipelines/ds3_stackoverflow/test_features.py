"""Texts, licences, credits and features of questions, each by examples."""

import pytest

from schemas.ds3_stackoverflow import BODY_LIMIT, PostAnswer
from tasks.pipelines.ds3_stackoverflow.features import (
    cleaned,
    complexity,
    component,
    credit,
    environment,
    licence_of,
    question_type,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("written", "created", "licence"),
    [
        (None, "2008-07-31T21:42:52.667", "CC-BY-SA-2.5"),
        (None, "2011-04-07 23:59:59", "CC-BY-SA-2.5"),
        (None, "2011-04-08", "CC-BY-SA-3.0"),
        (None, "2018-05-01T23:00:00", "CC-BY-SA-3.0"),
        (None, "2018-05-02T00:00:00", "CC-BY-SA-4.0"),
        (None, "1262304000", "CC-BY-SA-2.5"),
        (None, "1600000000.0", "CC-BY-SA-4.0"),
        (None, None, "CC-BY-SA-4.0"),
        (None, "yesterday", "CC-BY-SA-4.0"),
        ("CC BY-SA 3.0", "2022-01-01", "CC-BY-SA-3.0"),
        ("https://creativecommons.org/licenses/by-sa/2.5/", None, "CC-BY-SA-2.5"),
    ],
)
def test_a_licence_is_what_the_row_says_or_that_of_its_day(
    written: str | None, created: str | None, licence: str
) -> None:
    """On the day itself the new one holds."""
    assert licence_of(written, created) == licence


def test_credits_name_author_profile_and_link() -> None:
    """Those of deleted accounts, too; another site is a parameter; a link in the row is used."""
    deleted = PostAnswer(*(None,) * len(PostAnswer._fields))
    site = "https://s.test"
    assert credit(deleted, f"{site}/q/1", site) == "a user whose account was deleted, https://s.test/q/1"
    named = deleted._replace(owner_id="7.0", owner="<b>Eve</b>", link="https://l.test/1")
    assert credit(named, f"{site}/q/1", site) == "<b>Eve</b> (https://s.test/users/7), https://l.test/1"


def test_a_huge_body_is_cut_and_its_words_are_counted_before() -> None:
    """Five megabytes of prose."""
    text = cleaned(f"<p>{'word ' * 150_000}</p>" + "x" * 5_000_000, 3_000, BODY_LIMIT)
    assert len(text.text) < BODY_LIMIT + 100
    assert text.words == 150_001


@pytest.mark.parametrize(
    ("tags", "title", "text", "name"),
    [
        (["kubernetes"], "Pod dies", "the pod dies", "workload"),
        (["kubernetes"], "Drain a node", "pods pods pods", "node"),
        (["kubernetes"], "x", "the ingress and the ingress of a pod", "cluster_network"),
        (["kubernetes", "gpu"], "x", "", "gpu"),
        (["docker", "kubernetes"], "x", "", "workload"),
        (["kubernetes", "terraform"], "x", "", "infrastructure_code"),
        (["docker"], "x", "kubernetes", "container"),
        (["beer"], "x", "helm and pods", "workload"),
        (["beer"], "x", "hops", "other"),
    ],
)
def test_a_component_is_that_of_the_tags_narrowed_by_words(tags: list[str], title: str, text: str, name: str) -> None:
    """Narrow tags before wide ones."""
    assert component(tags, title, f"{title}\n{text}") == name


@pytest.mark.parametrize(
    ("title", "text", "errors", "name"),
    [
        ("How to restart a pod?", "", [], "how_to"),
        ("Difference between a job and a pod", "", [], "comparison"),
        ("Best practice for secrets", "", [], "best_practice"),
        ("What is a taint?", "", [], "explanation"),
        ("Pod is stuck", "", [], "error"),
        ("Pod", "how do I", ["OOMKilled"], "error"),
        ("Pod", "how do I", [], "how_to"),
        ("Pod", "beer", [], "other"),
    ],
)
def test_a_type_is_that_of_the_title_first(title: str, text: str, errors: list[str], name: str) -> None:
    """Then an error, then the text."""
    assert question_type(title, text, errors) == name


def test_complexity_grows_with_words_code_and_errors() -> None:
    """Points at 2 and 5."""
    assert [complexity(*given) for given in ((299, 0, ["a"]), (300, 0, []), (0, 1, ["a", "b"]), (300, 3, []))] == [
        "low",
        "medium",
        "medium",
        "high",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nothing said", "production"),
        ("our staging cluster", "staging"),
        ("in minikube", "development"),
        ("minikube, and in production", "production"),
    ],
)
def test_the_environment_is_the_strictest_that_is_named(text: str, name: str) -> None:
    """Production where none is."""
    assert environment(text) == name
