"""A fake of the Stack Exchange API 2.3: its two addresses, pages, gzip, quota, backoff, and faults."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.server import Answer, ScriptedServer

PAGE = 2  # items of a page: small, so that few questions make many pages


@dataclass
class Api:
    """The service's data and behaviour. `faults` are answers given once each, before all others."""

    questions: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    quota: int = 300
    backoff_after: int = -1  # number of the request whose answer asks for a pause
    backoff: int = 0
    faults: list[Answer] = field(default_factory=list)
    parameters: list[dict[str, str]] = field(default_factory=list)

    def answer(self, path: str, before: int) -> Answer:
        """The answer to one request; `before` counts the requests that came before it."""
        address = urlsplit(path)
        given = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.parameters.append(given)
        if self.faults:
            return self.faults.pop(0)
        self.quota -= 1
        items = self._items(address.path, given)
        start = (int(given.get("page", 1)) - 1) * PAGE
        page = items[start : start + PAGE] if address.path == "/questions" else items
        body: dict[str, Any] = {"items": page, "quota_remaining": self.quota}
        body["has_more"] = address.path == "/questions" and start + PAGE < len(items)
        if before == self.backoff_after:
            body["backoff"] = self.backoff
        return 200, gzip.compress(json.dumps(body).encode()), {"Content-Encoding": "gzip"}

    def _items(self, path: str, given: dict[str, str]) -> list[dict[str, Any]]:
        if path == "/questions":
            least = int(given["min"])
            return [q for q in self.questions if given["tagged"] in q["tags"] and q["score"] >= least]
        ids = {int(number) for number in path.removeprefix("/answers/").split(";")}
        return [answer for answer in self.answers if answer["answer_id"] in ids]


def question(number: int, tags: tuple[str, ...] = ("kubernetes",), accepted: int | None = None) -> dict[str, Any]:
    """A question as the API gives it."""
    asked = {"question_id": number, "tags": list(tags), "score": 7, "title": f"Question {number}"}
    more = {"body": "<p>Why?</p>", "view_count": 90, "creation_date": 1_500_000_000, "owner": _user(5, "ada")}
    return {**asked, **more, **({"accepted_answer_id": accepted} if accepted else {})}


def reply(number: int, to: int) -> dict[str, Any]:
    """An answer as the API gives it."""
    ids = {"answer_id": number, "question_id": to, "score": 9, "is_accepted": True}
    return {**ids, "body": "<p>So.</p>", "creation_date": 1_600_000_000, "owner": _user(6, "grace")}


def _user(number: int, name: str) -> dict[str, Any]:
    return {"user_id": number, "display_name": name}


def refusal(status: int, name: str, message: str) -> Answer:
    """An error as the API gives it."""
    return status, json.dumps({"error_id": status, "error_name": name, "error_message": message}).encode(), {}


def serving_api(api: Api) -> ScriptedServer:
    """A server of `api`."""
    return ScriptedServer(api.answer)
