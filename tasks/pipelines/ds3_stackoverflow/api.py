"""Questions of the wanted tags and their accepted answers from the Stack Exchange API 2.3, as JSON Lines.

    GET /questions?tagged=T&min=S&sort=votes&filter=withbody     a tag at a time, page by page while `has_more`
    GET /answers/{ids}?filter=withbody                           the accepted ones, a hundred at a time

Every page is a file of its own until all are there: a run that was cut off, or that used up the day's quota, goes on
where it stopped. `backoff` in an answer is obeyed; 429, 5xx and throttling are tried again.
Source: api.stackexchange.com/docs (throttle, paging, error handling).
"""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stamina

from schemas.ds3_stackoverflow import MIN_SCORE, TAGS
from schemas.finding import SourceError
from schemas.settings import secret, settings

API_SITE = "stackoverflow"
PAGE = 100  # items of a page, and ids of a request: the most that the API gives
PAGES = 5  # of each tag: its 500 questions with the most votes
PIN = f"api 2.3, {API_SITE}, {PAGES * PAGE} questions of most votes (at least {MIN_SCORE}) of each of {len(TAGS)} tags"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
THROTTLED = "throttle_violation"
LONGEST_WAIT_S = (
    120.0  # seconds of one wait that the API may ask for; beyond it, the run ends and says when to come back
)
QUESTIONS, ANSWERS, PARTS = "questions.jsonl", "answers.jsonl", "parts"


class _MayPass(Exception):
    """An answer that another try may better."""


def bring(folder: Path) -> list[Path]:
    """Download into `folder`, or take what is there whole without a request: [questions.jsonl, answers.jsonl].

    Raises SourceError when the quota is used up or the API refuses; what was fetched stays and is not asked for again.
    """
    made = [folder / QUESTIONS, folder / ANSWERS]
    if all(path.is_file() for path in made):
        return made
    key = secret("stack_exchange_key")
    with httpx.Client(timeout=TIMEOUT) as http:
        client = Client(http, settings().stack_exchange_url, key.get_secret_value() if key else None)
        return fetch(client, folder)


@dataclass
class Client:
    """The API at `url`, asked through `http`; `sleep` waits."""

    http: httpx.Client
    url: str
    key: str | None = None
    sleep: Callable[[float], None] = time.sleep
    left: int | None = field(default=None, init=False)  # requests left of the day's quota, once the API told
    _pause: float = field(default=0.0, init=False)  # seconds that the API asked to wait before the next request

    def page(self, path: str, **parameters: Any) -> dict[str, Any]:
        """One page: {"items": [...], "has_more": ...}. Raises SourceError when the quota or our patience ends."""
        if self.left == 0:
            raise SourceError(
                "Stack Exchange: the day's quota of requests is used up. Run again after midnight UTC, or set "
                "AUTOMEND_STACK_EXCHANGE_KEY (a key raises the quota from 300 to 10,000)."
            )
        self.sleep(self._pause)
        try:
            found = self._asked(f"{self.url}{path}", {"site": API_SITE, "filter": "withbody", **parameters})
        except (_MayPass, httpx.HTTPError) as error:
            raise SourceError(f"Stack Exchange: {path} could not be fetched: {error}. Run again later.") from error
        self._pause = float(found.get("backoff", 0))
        _refuse_long(self._pause, path)
        self.left = found.get("quota_remaining")
        return found

    @stamina.retry(on=(_MayPass, httpx.TransportError), attempts=5, timeout=300, wait_initial=0.5, wait_max=15)
    def _asked(self, url: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.get(url, params=parameters | ({"key": self.key} if self.key else {}))
        told = _object(answer)
        if told.get("error_name") == THROTTLED:
            seconds = float((re.findall(r"(\d+) seconds", str(told.get("error_message"))) or ["1"])[0])
            _refuse_long(seconds, url)
            self.sleep(seconds)
            raise _MayPass(f"it asks for {seconds:g} seconds without requests")
        if answer.status_code in RETRIED:
            raise _MayPass(f"the server answers {answer.status_code}")
        if answer.status_code != httpx.codes.OK or "items" not in told:
            raise SourceError(
                f"Stack Exchange refuses {url}: {answer.status_code} {told.get('error_name', '')} "
                f"{told.get('error_message', 'without a list of items')}. Check AUTOMEND_STACK_EXCHANGE_KEY and _URL."
            )
        return told


def _object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; {} for a page of a proxy or half an answer."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _refuse_long(seconds: float, path: str) -> None:
    if seconds > LONGEST_WAIT_S:
        raise SourceError(
            f"Stack Exchange asks to wait {seconds:g} seconds before the request after {path}; at most "
            f"{LONGEST_WAIT_S:g} are waited. Run again then: what was fetched is kept."
        )


def fetch(
    client: Client, folder: Path, tags: Sequence[str] = TAGS, pages: int = PAGES, min_score: int = MIN_SCORE
) -> list[Path]:
    """Download the questions of `tags` and their accepted answers: [questions.jsonl, answers.jsonl] in `folder`."""
    parts = folder / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    questions = _distinct("question_id", (q for tag in tags for q in _questions(client, parts, tag, pages, min_score)))
    wanted = [str(question["accepted_answer_id"]) for question in questions if "accepted_answer_id" in question]
    answers = [answer for ids in _chunks(wanted) for answer in _answers(client, parts, ids)]
    made = [folder / QUESTIONS, folder / ANSWERS]
    for path, items in zip(made, (questions, _distinct("answer_id", answers)), strict=True):
        _write(path, "".join(json.dumps(item, sort_keys=True) + "\n" for item in items))
    return made


def _questions(client: Client, parts: Path, tag: str, pages: int, min_score: int) -> Iterator[dict[str, Any]]:
    for number in range(1, pages + 1):
        found = _kept(
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
        yield from found["items"]
        if not found.get("has_more"):
            return


def _answers(client: Client, parts: Path, ids: Sequence[str]) -> list[dict[str, Any]]:
    # The same questions ask for the same answers, so a file is known by its first and last id.
    path = parts / f"answers-{ids[0]}-{ids[-1]}-{len(ids)}.json"
    found = _kept(path, client, f"/answers/{';'.join(ids)}", pagesize=PAGE, sort="creation", order="asc")
    return list(found["items"])


def _kept(path: Path, client: Client, address: str, **parameters: Any) -> dict[str, Any]:
    """A page from its file, or from the API and then in its file."""
    if not path.is_file():
        _write(path, json.dumps(client.page(address, **parameters)))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _distinct(key: str, items: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items in order, each once: a question with two wanted tags comes with both."""
    return list({item[key]: item for item in items}.values())


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (
        tuple(ids[at : at + PAGE]) for at in itertools.takewhile(lambda at: at < len(ids), itertools.count(0, PAGE))
    )
