"""Gemini as a teacher: a system and a user text in, a workflow as JSON text out, never beyond a budget.

The only module that knows google-generativeai, imported at the first answer. `Teacher` is what callers see: the rules
of a dataset, or a stand-in of a test, answer the same way.
"""

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, Protocol

import orjson
import stamina
from pydantic import SecretStr

from schemas.finding import UserError
from schemas.tools import REGISTRY
from schemas.workflow import WORKFLOW_SCHEMA
from tasks.engine import secrets

MODEL = "gemini-2.5-flash"
CONNECT_S = 10.0
TIMEOUT_S = 60.0  # a long workflow takes the model some 20 s
ANSWERS = 2  # an answer that is no workflow is asked for once more
ATTEMPTS = 5  # of one request, where the service is at fault
LONGEST_WAIT_S = 60.0  # a quota of a minute opens again within it; that of a day does not
TOTAL_TIMEOUT_S = 300.0  # of all attempts of one request together
OUTPUT_TOKENS = 4_096  # an answer is cut there; the longest workflow over the registry needs a quarter
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
REFUSED = frozenset({401, 403})  # the key is not accepted: it will not be for the next prompt either


class TeacherFailed(UserError):
    """A teacher has no answer to this prompt; the next one may do better."""


class TeacherRefused(TeacherFailed):
    """A teacher will answer nothing: its key or address is not accepted."""


class BudgetSpent(UserError):
    """The next request could exceed the budget, so it was not made."""


class Teacher(Protocol):
    """Whoever answers prompts. `name` goes into the record of each answer."""

    name: str

    def answer(self, system: str, user: str) -> str:
        """JSON text of schemas/workflow.WORKFLOW_SCHEMA. Raises TeacherFailed, BudgetSpent."""
        ...


@dataclass(frozen=True)
class Budget:
    """What one run may use: requests (each attempt counts) and tokens (read and written)."""

    requests: int
    tokens: int


class Account:
    """A budget and what of it is used. A request is booked before it is made, at the most it can cost."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.requests = 0
        self.tokens = 0
        self._lock = threading.Lock()

    def book(self, tokens: int) -> None:
        """One request of at most `tokens`. Raises BudgetSpent when either would go beyond the budget."""
        with self._lock:
            if self.requests + 1 > self.budget.requests or self.tokens + tokens > self.budget.tokens:
                raise BudgetSpent(
                    f"The budget is {self.budget.requests:,} requests and {self.budget.tokens:,} tokens; used are "
                    f"{self.requests:,} and {self.tokens:,}, and the next request may need {tokens:,} tokens. What "
                    "was answered is kept; run again, or raise the budget, to go on."
                )
            self.requests += 1
            self.tokens += tokens

    def refund(self, booked: int, used: int) -> None:
        """Give back what a finished request did not use of the tokens booked for it."""
        with self._lock:
            self.tokens += min(used, booked) - booked


class Gemini:
    """Google's Gemini in JSON mode, with the workflow's schema. The key reaches no log line and no error.

    `url` is another address of the API, with its scheme (a proxy, a test). `timeout_s` is how long an answer may keep
    silent; `wait_s` the first pause before another attempt, which doubles, unless the service names one itself.
    """

    def __init__(
        self,
        key: SecretStr,
        *,
        model: str = MODEL,
        budget: Budget,
        url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        wait_s: float = 1.0,
    ) -> None:
        self.name = f"gemini/{model}"
        self.account = Account(budget)
        self._key, self._model, self._url = key, model, url
        self._timeout_s, self._wait_s = timeout_s, wait_s
        secrets.register(key.get_secret_value())

    def answer(self, system: str, user: str) -> str:
        """A workflow as JSON text. Raises TeacherFailed for this prompt, TeacherRefused for all, BudgetSpent."""
        fault = ""
        for _ in range(ANSWERS):
            text = self._text(system, user)
            workflow, fault = read(text)
            if not fault:
                return orjson.dumps(workflow).decode()
        raise TeacherFailed(f"{self.name} gave {ANSWERS} answers that are no workflow; the last one: {fault}")

    def _text(self, system: str, user: str) -> str:
        """What the model wrote; "" where it wrote nothing or nothing that can be read."""
        request, wait_s = _request(self._model, system, user), self._wait_s
        caller = stamina.RetryingCaller(
            attempts=ATTEMPTS, timeout=TOTAL_TIMEOUT_S, wait_initial=wait_s, wait_max=30, wait_jitter=wait_s
        )
        try:
            return caller(_another_attempt, lambda: self._ask(request))
        except service_errors() as error:
            raise self._failure(error) from None  # the cause holds the request, and with it the key

    def _ask(self, request: Mapping[str, Any]) -> str:
        """One request, paid from the budget: of a time-out all that was booked, of a refused request nothing."""
        from google.api_core.exceptions import GoogleAPICallError
        from google.protobuf.json_format import ParseError

        booked = most_tokens(request)
        self.account.book(booked)
        try:
            answer = self._client.generate_content(request, retry=None, timeout=_patience(self._timeout_s))
        except GoogleAPICallError:
            self.account.refund(booked, 0)
            raise
        except ParseError:  # the body is no answer of theirs, such as a proxy's page
            return ""
        self.account.refund(booked, answer.usage_metadata.total_token_count or booked)
        return "".join(part.text for candidate in answer.candidates[:1] for part in candidate.content.parts)

    @cached_property
    def _client(self) -> Any:
        with warnings.catch_warnings():
            # The package's support has ended and it says so at each import; it is asked for by name.
            warnings.filterwarnings("ignore", message=r"\s*All support for the `google.generativeai`")
            from google.generativeai.client import configure, get_default_generative_client
        configure(
            api_key=self._key.get_secret_value(),
            transport="rest",
            client_options={"api_endpoint": self._url} if self._url else None,
        )
        return get_default_generative_client()

    def _failure(self, error: Exception) -> TeacherFailed:
        code = getattr(error, "code", None)
        said = secrets.mask(str(error)).replace(self._key.get_secret_value(), secrets.HIDDEN)[:500]
        if code in REFUSED or "API_KEY_INVALID" in said or "API key not valid" in said:
            return TeacherRefused(f"{self.name} does not accept the key ({said}). Check GOOGLE_API_KEY.")
        return TeacherFailed(f"{self.name} gave no answer: {type(error).__name__}: {said}")


def _patience(read_s: float) -> Callable[..., Any]:
    """Google's clients take a number of seconds for everything, or a decorator: this one separates the two waits."""
    return lambda call: partial(call, timeout=(CONNECT_S, read_s))


def service_errors() -> tuple[type[Exception], ...]:
    """What a request can end with when the service or the way to it is at fault."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    return GoogleAPIError, GoogleAuthError, RequestException


def _another_attempt(error: Exception) -> bool | float:
    """Whether a failed request is worth another attempt, or after how many seconds."""
    import requests

    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    if isinstance(error, passing):
        return True
    if getattr(error, "code", None) not in RETRIED:
        return False
    wait = retry_after(getattr(error, "response", None))
    return True if wait is None else wait if wait <= LONGEST_WAIT_S else False


def retry_after(response: Any) -> float | None:
    """Seconds a failed answer asks to wait: header Retry-After, or Google's RetryInfo; None where it names none."""
    header = getattr(response, "headers", {}).get("Retry-After", "")
    if header.isdigit():
        return float(header)
    try:
        details = response.json()["error"]["details"]
        return max(float(detail["retryDelay"].rstrip("s")) for detail in details if "retryDelay" in detail)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read(text: str) -> tuple[dict[str, Any], str]:
    """(workflow, what is wrong with it); "" for nothing.

    What the model left null, and an empty message, count as absent: JSON mode fills optional fields in.
    """
    try:
        found = _without_nulls(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        return {}, f"{error}: {text[:200]!r}"
    if isinstance(found, dict) and found.get("message") == "":
        del found["message"]
    fault = next(_validator().iter_errors(found), None)
    return found, f"{fault.message} at /{'/'.join(map(str, fault.instance_path))}"[:500] if fault else ""


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


@cache
def _validator() -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(WORKFLOW_SCHEMA)


def _request(model: str, system: str, user: str) -> dict[str, Any]:
    return {
        "model": f"models/{model}",
        "system_instruction": {"parts": [{"text": system}]},
        "contents": [{"role": "user", "parts": [{"text": user}]}],
        "generation_config": {
            "temperature": 0.0,
            "candidate_count": 1,
            "max_output_tokens": OUTPUT_TOKENS,
            "response_mime_type": "application/json",
            "response_schema": response_schema(),
        },
    }


def most_tokens(request: Mapping[str, Any]) -> int:
    """The most a request can cost: no token is shorter than a byte, and the output is limited."""
    return len(orjson.dumps(request)) + OUTPUT_TOKENS


@cache
def response_schema() -> dict[str, Any]:
    """WORKFLOW_SCHEMA in the part of OpenAPI that Gemini takes.

    An object without named properties is refused there, so `params` names those of all tools, each optional.
    """
    named = {name: _plain(schema) for tool in REGISTRY.values() for name, schema in _properties(tool.parameters)}
    step = _object(step_id={"type": "INTEGER"}, tool={"type": "STRING"}, params={"type": "OBJECT", "properties": named})
    steps = {"type": "ARRAY", "items": step}
    answer = _object(workflow=_object(steps=steps))
    return {**answer, "properties": {**answer["properties"], "message": {"type": "STRING"}}}


def _properties(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return list(schema["properties"].items())


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "OBJECT", "properties": properties, "required": list(properties)}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Type, choices and items of a parameter; limits are checked when the answer is verified."""
    kept = {"type": schema["type"].upper()}
    if "enum" in schema:
        kept["enum"] = schema["enum"]
    return {**kept, "items": _plain(schema["items"])} if "items" in schema else kept
