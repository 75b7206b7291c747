"""Gemini over real HTTP: every way in which the service can answer, and a budget that is never exceeded."""

import json
import logging
import os
import subprocess
import sys
import time

import pytest
from pydantic import SecretStr

from schemas.tools import REGISTRY
from tasks.sources import gemini
from tasks.sources.gemini import Account, Budget, BudgetSpent, Gemini, TeacherFailed, TeacherRefused
from tests.conftest import PROJECT
from tests.fakes.gemini import GOOD, TOKENS, GeminiServer

pytestmark = pytest.mark.integration

KEY = "AIzaSyTestKeyThatMustNeverBeSeen0123456"
PLENTY = Budget(requests=100, tokens=10_000_000)


def teacher(server: GeminiServer, budget: Budget = PLENTY, timeout_s: float = 5.0) -> Gemini:
    return Gemini(SecretStr(KEY), budget=budget, url=server.url, timeout_s=timeout_s, wait_s=0.01)


def test_a_good_answer_is_the_workflow_and_costs_what_the_service_says() -> None:
    """The request is in JSON mode with a schema, system and user text apart; the account holds the real cost."""
    with GeminiServer() as server:
        asked = teacher(server)
        assert asked.answer("You are AutoMend.", "How is node-7?") == GOOD
    assert server.paths == ["/v1beta/models/gemini-2.5-flash:generateContent?%24alt=json%3Benum-encoding%3Dint"]
    assert server.keys == [KEY]
    (body,) = server.requests
    assert body["systemInstruction"]["parts"] == [{"text": "You are AutoMend."}]
    assert body["contents"][0]["parts"] == [{"text": "How is node-7?"}]
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    steps = body["generationConfig"]["responseSchema"]["properties"]["workflow"]["properties"]["steps"]
    assert set(steps["items"]["required"]) == {"step_id", "tool", "params"}
    assert (asked.account.requests, asked.account.tokens) == (1, TOKENS)


def test_the_schema_names_every_parameter_of_every_tool() -> None:
    """Gemini refuses an object without named properties."""
    schema = gemini.response_schema()
    step = schema["properties"]["workflow"]["properties"]["steps"]["items"]["properties"]
    assert set(step["params"]["properties"]) == {
        name for tool in REGISTRY.values() for name in tool.parameters["properties"]
    }
    assert step["params"]["properties"]["severity"]["enum"] == ["critical", "high", "medium", "low"]
    assert step["params"]["properties"]["labels"]["items"] == {"type": "STRING"}


@pytest.mark.parametrize("mode", ["429", "500", "503", "cut"])
def test_what_may_pass_is_asked_again(mode: str) -> None:
    """Server errors, 429 and broken connections cost another attempt, not the answer."""
    with GeminiServer(mode, mode, "good") as server:
        asked = teacher(server)
        assert asked.answer("s", "u") == GOOD
    assert asked.account.requests == len(server.requests) == 3


def test_a_time_out_is_asked_again_and_its_tokens_stay_booked() -> None:
    """The service may have worked although nobody waited for it."""
    with GeminiServer("hang", "good") as server:
        asked = teacher(server, timeout_s=0.3)
        assert asked.answer("s", "u") == GOOD
    assert len(server.requests) == 2
    assert asked.account.tokens > TOKENS + gemini.OUTPUT_TOKENS


@pytest.mark.parametrize("mode", ["400", "403", "bad_key"])
def test_a_refused_request_is_not_repeated(mode: str) -> None:
    """One request; a refused key is told apart from a refused prompt, for it will not do for the next one either."""
    with GeminiServer(mode) as server, pytest.raises(TeacherFailed) as told:
        teacher(server).answer("s", "u")
    assert len(server.requests) == 1
    assert isinstance(told.value, TeacherRefused) == (mode != "400")


def test_errors_without_end_fail_this_prompt_only() -> None:
    """After the last attempt the prompt has failed; nothing was paid for answers that never came."""
    with GeminiServer("500") as server:
        asked = teacher(server)
        with pytest.raises(TeacherFailed, match="Internal error"):
            asked.answer("s", "u")
    assert len(server.requests) == gemini.ATTEMPTS
    assert asked.account.tokens == 0


@pytest.mark.parametrize("info", [False, True], ids=["header", "retry_info"])
def test_the_wait_asked_for_is_kept(info: bool) -> None:
    """Retry-After, or Google's RetryInfo, goes before our own shorter pause."""
    with GeminiServer("429", "good", retry_after="1", info=info) as server:
        began = time.monotonic()
        assert teacher(server).answer("s", "u") == GOOD
    assert time.monotonic() - began >= 1.0


def test_a_wait_of_hours_is_not_waited() -> None:
    """The quota of a day does not open again while a run waits."""
    with GeminiServer("429", retry_after="7200") as server, pytest.raises(TeacherFailed):
        teacher(server).answer("s", "u")
    assert len(server.requests) == 1


@pytest.mark.parametrize("bad", ['{"workflow": {"steps": [', '{"workflow": {"steps": []}}', "[]", "html", "blocked"])
def test_an_answer_that_is_no_workflow_is_asked_for_once_more(bad: str) -> None:
    """Twice bad fails the prompt with the reason; bad and then good is good."""
    with GeminiServer(bad, "good") as server:
        assert teacher(server).answer("s", "u") == GOOD
    with GeminiServer(bad) as server, pytest.raises(TeacherFailed, match="no workflow"):
        teacher(server).answer("s", "u")
    assert len(server.requests) == 2


def test_nulls_and_an_empty_message_count_as_absent() -> None:
    """JSON mode fills optional fields in; a parameter that is null would be a wrong one."""
    step = {"step_id": 1, "tool": "cordon_node", "params": {"node": "n1", "labels": None, "body": None}}
    with GeminiServer(json.dumps({"workflow": {"steps": [step]}, "message": ""})) as server:
        told = json.loads(teacher(server).answer("s", "u"))
    assert told == {"workflow": {"steps": [{"step_id": 1, "tool": "cordon_node", "params": {"node": "n1"}}]}}


def test_the_budget_in_requests_is_never_exceeded() -> None:
    """The request that would be one too many is not made, retries included."""
    with GeminiServer("good", "500", "500", "good") as server:
        asked = teacher(server, Budget(requests=2, tokens=10_000_000))
        asked.answer("s", "u")
        with pytest.raises(BudgetSpent, match="2 requests"):
            asked.answer("s", "u")
    assert len(server.requests) == 2


def test_the_budget_in_tokens_is_counted_before_it_is_spent() -> None:
    """A request whose most possible cost goes beyond the budget is not made, though it might have been cheap."""
    most = gemini.most_tokens(gemini._request(gemini.MODEL, "s", "u"))
    with GeminiServer() as server:
        asked = teacher(server, Budget(requests=100, tokens=most + TOKENS - 1))
        asked.answer("s", "u")
        with pytest.raises(BudgetSpent, match="tokens"):
            asked.answer("s", "u")
    assert len(server.requests) == 1


def test_an_account_holds_what_is_booked_until_it_is_settled() -> None:
    """Two bookings that do not fit together: the second waits for the first to be settled."""
    account = Account(Budget(requests=3, tokens=100))
    account.book(60)
    with pytest.raises(BudgetSpent):
        account.book(60)
    account.refund(60, 10)
    account.book(60)
    assert (account.requests, account.tokens) == (2, 70)


@pytest.mark.parametrize("mode", ["good", "400", "403", "500", "cut", "html"])
def test_the_key_is_in_no_log_line_and_no_error(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative log level, whatever the service does."""
    caplog.set_level(logging.DEBUG)
    with GeminiServer(mode) as server:
        asked = teacher(server)
        try:
            asked.answer("s", "u")
            told = ""
        except TeacherFailed as error:
            told = f"{error!r} {error} {error.__cause__!r}"
    assert server.requests
    assert KEY not in caplog.text + told + repr(asked)


def test_a_service_that_is_not_there_is_told_in_a_sentence() -> None:
    """Connection refused ends as a failure of the prompt, with the address."""
    with GeminiServer() as server:
        url = server.url
    with pytest.raises(TeacherFailed, match="gave no answer"):
        Gemini(SecretStr(KEY), budget=PLENTY, url=url, wait_s=0.01).answer("s", "u")


def test_two_teachers_keep_their_own_address_and_key() -> None:
    """The library keeps one configuration for the process; ours do not share it."""
    with GeminiServer() as one, GeminiServer() as two:
        first = teacher(one)
        first.answer("s", "u")
        Gemini(SecretStr("another-key"), budget=PLENTY, url=two.url).answer("s", "u")
        first.answer("s", "u")
    assert (one.keys, two.keys) == ([KEY, KEY], ["another-key"])


def test_the_library_does_not_warn_of_its_own_end() -> None:
    """In a fresh process, where it is imported for the first time; everything else that warns is still heard."""
    command = (
        "import warnings; from pydantic import SecretStr; from tasks.sources.gemini import Budget, Gemini;"
        "Gemini(SecretStr('a-key-for-tests'), budget=Budget(1, 1))._client; warnings.warn('heard')"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", command], capture_output=True, text=True, check=True, env=environment
    )
    assert "heard" in done.stderr
    assert "google.generativeai" not in done.stderr
