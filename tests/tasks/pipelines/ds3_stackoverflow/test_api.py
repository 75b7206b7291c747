"""The Stack Exchange API's client against a local stand-in: paging, quota, pauses, faults, going on after a stop."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from pydantic import SecretStr

from schemas.finding import SourceError
from schemas.settings import Settings
from tasks.pipelines.ds3_stackoverflow import api as stack_exchange
from tasks.pipelines.ds3_stackoverflow import source as stackoverflow
from tasks.pipelines.ds3_stackoverflow.api import Client
from tests.fakes.stack_exchange import Api, question, refusal, reply, serving_api

pytestmark = [pytest.mark.integration, pytest.mark.dataset]

TAGS = ("kubernetes", "docker")


def api(**given: Any) -> Api:
    """Five questions in three pages, one with both tags, two with an accepted answer."""
    questions = [question(n, accepted=n * 10 if n < 3 else None) for n in range(1, 5)]
    both = question(5, TAGS)
    return Api(questions=[*questions, both], answers=[reply(10, 1), reply(20, 2), reply(30, 3)], **given)


@contextmanager
def client(stand_in: Api, waited: list[float] | None = None, key: str | None = None) -> Iterator[Client]:
    waits: list[float] = [] if waited is None else waited
    with serving_api(stand_in) as served, httpx.Client() as http:
        yield Client(http, served.url, key, waits.append)


def fetched(asked: Client, folder: Path, tags: tuple[str, ...] = TAGS, pages: int = 5) -> list[Path]:
    """What `fetch` writes."""
    return stack_exchange.fetch(asked, folder, tags, pages, 5)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5):
        yield


def test_all_pages_of_all_tags_come_once_each_with_the_accepted_answers(tmp_path: Path) -> None:
    """A question with two wanted tags is one line; answers that nobody accepted are not asked for."""
    stand_in = api()
    with client(stand_in, key="k3y") as asked:
        questions, answers = fetched(asked, tmp_path, TAGS)
    assert [row["question_id"] for row in rows(questions)] == [1, 2, 3, 4, 5]
    assert [row["answer_id"] for row in rows(answers)] == [10, 20]
    assert {given["key"] for given in stand_in.parameters} == {"k3y"}
    assert all(given["filter"] == "withbody" and given["site"] == "stackoverflow" for given in stand_in.parameters)
    assert len(stand_in.parameters) == 5  # three pages, one page, one request for answers


def test_what_is_written_is_read_back_as_posts(tmp_path: Path) -> None:
    """The layout of the API is one of those that decode knows."""
    with client(api()) as asked:
        questions, answers = fetched(asked, tmp_path, TAGS)
    assert [stackoverflow.identify(path) for path in (questions, answers)] == ["posts", "posts"]
    (asked_row, *_), (told_row, *_) = (
        next(iter(stackoverflow.decode(path, path.name))).to_pylist() for path in (questions, answers)
    )
    assert (asked_row["kind"], asked_row["question_id"], asked_row["question_accepted"]) == ("question", "1", "10")
    assert (asked_row["question_tags"], asked_row["question_owner"]) == ("<kubernetes>", "ada")
    assert (told_row["kind"], told_row["answer_id"], told_row["question_id"]) == ("answer", "10", "1")


def test_no_more_pages_than_wanted_are_asked_for(tmp_path: Path) -> None:
    """`pages` limits each tag."""
    with client(api()) as asked:
        questions, _ = fetched(asked, tmp_path, ("kubernetes",), pages=1)
    assert len(rows(questions)) == 2


def test_a_backoff_is_waited_before_the_next_request(tmp_path: Path) -> None:
    """The API bans a client that goes on at once."""
    waited: list[float] = []
    with client(api(backoff_after=1, backoff=7), waited) as asked:
        fetched(asked, tmp_path, TAGS)
    assert waited == [0, 0, 7, 0, 0]


def test_a_throttled_request_waits_as_long_as_it_is_told_and_is_asked_again(tmp_path: Path) -> None:
    """throttle_violation comes with the status 400 and the seconds in words."""
    waited: list[float] = []
    throttled = refusal(400, "throttle_violation", "too many requests, more requests available in 33 seconds")
    with client(api(faults=[throttled]), waited) as asked:
        questions, _ = fetched(asked, tmp_path, TAGS)
    assert 33 in waited
    assert len(rows(questions)) == 5


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_fault_of_the_service_is_tried_again(tmp_path: Path, status: int) -> None:
    """Half an answer in the body does not matter."""
    with client(api(faults=[(status, b"<html>busy", {})])) as asked:
        questions, _ = fetched(asked, tmp_path, TAGS)
    assert len(rows(questions)) == 5


def test_a_service_that_stays_down_is_named_after_five_attempts(tmp_path: Path) -> None:
    """The error says what to do."""
    stand_in = api(faults=[(503, b"", {})] * 9)
    with client(stand_in) as asked, pytest.raises(SourceError, match=r"/questions could not be fetched.*503.*later"):
        fetched(asked, tmp_path, TAGS)
    assert len(stand_in.parameters) == 5


def test_a_refused_key_is_no_fault_that_passes(tmp_path: Path) -> None:
    """One request, and the API's own words."""
    stand_in = api(faults=[refusal(400, "bad_parameter", "`key` is not valid")])
    with client(stand_in) as asked, pytest.raises(SourceError, match="400 bad_parameter `key` is not valid"):
        fetched(asked, tmp_path, TAGS)
    assert len(stand_in.parameters) == 1


@pytest.mark.parametrize("body", [b"[]", b"{}"])
def test_an_answer_without_items_is_refused(tmp_path: Path, body: bytes) -> None:
    """A proxy's page with status 200 is not taken for an empty list."""
    with client(api(faults=[(200, body, {})])) as asked, pytest.raises(SourceError, match="without a list of items"):
        fetched(asked, tmp_path, TAGS)


def test_a_used_up_quota_stops_with_what_to_do_and_the_next_run_goes_on_there(tmp_path: Path) -> None:
    """Pages that came are kept and not asked for again."""
    with client(api(quota=2)) as asked, pytest.raises(SourceError, match=r"quota.*AUTOMEND_STACK_EXCHANGE_KEY"):
        fetched(asked, tmp_path, TAGS)
    assert not (tmp_path / stack_exchange.QUESTIONS).exists()
    later = api()
    with client(later) as asked:
        questions, _ = fetched(asked, tmp_path, TAGS)
    assert len(rows(questions)) == 5
    assert len(later.parameters) == 3


@pytest.mark.parametrize(
    "given",
    [
        {"backoff_after": 0, "backoff": 4_000},
        {"faults": [refusal(400, "throttle_violation", "more requests available in 80000 seconds")]},
    ],
    ids=["backoff", "throttled"],
)
def test_a_wait_beyond_patience_ends_the_run(tmp_path: Path, given: dict[str, Any]) -> None:
    """Nobody waits a day inside a task."""
    with client(api(**given)) as asked, pytest.raises(SourceError, match=r"asks to wait .* what was fetched is kept"):
        fetched(asked, tmp_path, TAGS)


def test_without_accepted_answers_nothing_more_is_asked(tmp_path: Path) -> None:
    """An empty list of ids is no address."""
    with client(Api(questions=[question(1)])) as asked:
        _, answers = fetched(asked, tmp_path, ("kubernetes",))
    assert rows(answers) == []


def test_bring_uses_the_settings_and_makes_no_second_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode live: key and address come from the settings; what is there whole is taken."""
    stand_in = api()
    with serving_api(stand_in) as served:
        monkeypatch.setattr(stack_exchange, "settings", lambda: Settings(stack_exchange_url=served.url))
        monkeypatch.setattr(stack_exchange, "secret", lambda _name: SecretStr("k3y"))
        first = stack_exchange.bring(tmp_path)
        requests = len(served.asked)
        assert stack_exchange.bring(tmp_path) == first
        assert len(served.asked) == requests
    assert {given["key"] for given in stand_in.parameters} == {"k3y"}
