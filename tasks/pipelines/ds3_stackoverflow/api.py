"""Questions of the wanted tags and their accepted answers from the Stack Exchange API 2.3, as JSON Lines.

    GET /questions?tagged=T&min=S&sort=votes&filter=withbody     a tag at a time, page by page while `has_more`
    GET /answers/{ids}?filter=withbody                           the accepted ones, a hundred at a time

Every page is a file of its own until all are there: a run that was cut off, or that used up the day's quota, continues
where it stopped. `backoff` in a response is obeyed; 429, 5xx and throttling are retried.
Source: api.stackexchange.com/docs (throttle, paging, error handling).
"""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import stamina

from schemas.document import Document
from schemas.ds3_stackoverflow import MIN_SCORE, TAGS
from schemas.finding import SourceError
from schemas.settings import secret, settings

API_SITE = "stackoverflow"
PAGE = 100  # items of a page, and ids of a request: the API's maximum
PAGES = 5  # of each tag: its 500 questions with the most votes
PIN = f"api 2.3, {API_SITE}, {PAGES * PAGE} questions of most votes (at least {MIN_SCORE}) of each of {len(TAGS)} tags"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
THROTTLED = "throttle_violation"
LONGEST_WAIT_S = 120.0  # longest wait that the API may ask for; beyond it the run ends and says when to run again
QUESTIONS, ANSWERS, PARTS = "questions.jsonl", "answers.jsonl", "parts"


class _Transient(Exception):
    """A fault that a retry may resolve."""


def bring(folder: Path) -> list[Path]:
    """Download [questions.jsonl, answers.jsonl] into `folder`; where both are there, no request is made.

    Raises SourceError when the quota is used up or the API refuses; fetched pages stay and are not fetched again.
    """
    made = [folder / QUESTIONS, folder / ANSWERS]
    if all(path.is_file() for path in made):
        return made
    key = secret("stack_exchange_key")
    with httpx.Client(timeout=TIMEOUT) as http:
        client = Client(http, settings().stack_exchange_url, key.get_secret_value() if key else None)
        return fetch(client, folder, TAGS, PAGES, MIN_SCORE)


@dataclass
class Client:
    """The API at `url`, asked through `http`; `sleep` waits."""

    http: httpx.Client
    url: str
    key: str | None = None
    sleep: Callable[[float], None] = time.sleep
    remaining: int | None = field(default=None, init=False)  # requests that remain of the day's quota, once known
    _pause: float = field(default=0.0, init=False)  # seconds that the API asked to wait before the next request

    def page(self, path: str, **parameters: str | int) -> Document:
        """One page: {"items": [...], "has_more": ...}. Raises SourceError when the quota is used up or retries fail."""
        if self.remaining == 0:
            raise SourceError(
                "Stack Exchange: the day's quota of requests is used up. Run again after midnight UTC, or set "
                "AUTOMEND_STACK_EXCHANGE_KEY (a key raises the quota from 300 to 10,000)."
            )
        self.sleep(self._pause)
        try:
            page = self._checked_response(f"{self.url}{path}", {"site": API_SITE, "filter": "withbody", **parameters})
        except (_Transient, httpx.HTTPError) as error:
            raise SourceError(f"Stack Exchange: {path} could not be fetched: {error}. Run again later.") from error
        self._pause = float(page.get("backoff", 0))
        _refuse_long(self._pause, path)
        self.remaining = page.get("quota_remaining")
        return page

    @stamina.retry(on=(_Transient, httpx.TransportError), attempts=5, timeout=300, wait_initial=0.5, wait_max=15)
    def _checked_response(self, url: str, parameters: Mapping[str, str | int]) -> Document:
        response = self.http.get(url, params={**parameters, **({"key": self.key} if self.key else {})})
        found = _response_object(response)
        if found.get("error_name") == THROTTLED:
            seconds = float((re.findall(r"(\d+) seconds", str(found.get("error_message"))) or ["1"])[0])
            _refuse_long(seconds, url)
            self.sleep(seconds)
            raise _Transient(f"it asks for {seconds:g} seconds without requests")
        if response.status_code in RETRIED:
            raise _Transient(f"the server answers {response.status_code}")
        if response.status_code != httpx.codes.OK or "items" not in found:
            raise SourceError(
                f"Stack Exchange refuses {url}: {response.status_code} {found.get('error_name', '')} "
                f"{found.get('error_message', 'without a list of items')}. Check AUTOMEND_STACK_EXCHANGE_KEY and _URL."
            )
        return found


def _response_object(response: httpx.Response) -> Document:
    """The response's JSON object; {} for a proxy's page or a response that is cut off."""
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _refuse_long(seconds: float, path: str) -> None:
    if seconds > LONGEST_WAIT_S:
        raise SourceError(
            f"Stack Exchange asks to wait {seconds:g} seconds before the request after {path}; a run waits at most "
            f"{LONGEST_WAIT_S:g}. Run again after that time: what was fetched is kept."
        )


def fetch(client: Client, folder: Path, tags: Sequence[str], pages: int, min_score: int) -> list[Path]:
    """Download the questions of `tags` and their accepted answers: [questions.jsonl, answers.jsonl] in `folder`.

    Of each tag `pages` pages of the questions with the most votes, each with at least `min_score`.
    """
    parts = folder / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    questions = _each_once(
        "question_id", (q for tag in tags for q in _questions_of_tag(client, parts, tag, pages, min_score))
    )
    wanted = [str(question["accepted_answer_id"]) for question in questions if "accepted_answer_id" in question]
    answers = [answer for ids in _chunks_of_ids(wanted) for answer in _answers_with_ids(client, parts, ids)]
    made = [folder / QUESTIONS, folder / ANSWERS]
    for path, items in zip(made, (questions, _each_once("answer_id", answers)), strict=True):
        _write_whole(path, "".join(json.dumps(item, sort_keys=True) + "\n" for item in items))
    return made


def _questions_of_tag(client: Client, parts: Path, tag: str, pages: int, min_score: int) -> Iterator[Document]:
    for number in range(1, pages + 1):
        page = _cached_page(
            parts / f"{tag}-{number:04d}.json",
            client,
            "/questions",
            tagged=tag,
            min=min_score,
            sort="votes",
            order="desc",
            pagesize=PAGE,
            page=number,
        )
        yield from page["items"]
        if not page.get("has_more"):
            return


def _answers_with_ids(client: Client, parts: Path, ids: Sequence[str]) -> list[Document]:
    # The same questions ask for the same answers, so a file is known by its first and last id.
    path = parts / f"answers-{ids[0]}-{ids[-1]}-{len(ids)}.json"
    page = _cached_page(path, client, f"/answers/{';'.join(ids)}", pagesize=PAGE, sort="creation", order="asc")
    return list(page["items"])


def _cached_page(path: Path, client: Client, address: str, **parameters: str | int) -> Document:
    """A page from its file, or from the API, and then written to its file."""
    if not path.is_file():
        _write_whole(path, json.dumps(client.page(address, **parameters)))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write_whole(path: Path, text: str) -> None:
    """Write a file that readers see whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _each_once(key: str, items: Iterable[Document]) -> list[Document]:
    """Items in order, each once: a question with two wanted tags is on the pages of both."""
    return list({item[key]: item for item in items}.values())


def _chunks_of_ids(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (
        tuple(ids[at : at + PAGE]) for at in itertools.takewhile(lambda at: at < len(ids), itertools.count(0, PAGE))
    )
