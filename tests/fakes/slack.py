"""A fake of Slack's incoming webhooks.

`with SlackServer("500", "ok") as slack:` answers the first request with 500 and all later ones well. `slack.url` is
the webhook, `slack.messages` the JSON bodies it accepted, `slack.requests` every (method, path), redirected ones too.
"""

import json
from typing import Any, get_args

from tests.fakes.server import FakeServer, Fault, Request, Response, next_word

PATH = "/services/T0SECRET00/B0SECRET00/xoSecretWebhookTokenXx01"
REFUSE = "refuse"  # as the only mode: nothing listens

# mode -> status, body. A fault of the connection ("cut", "hang", "drip") is a mode too.
ANSWERS = {
    "ok": (200, "ok"),
    "not_ok": (200, "<html>Sign in to the hotel's wireless network</html>"),
    "no_service": (404, "no_service"),
    "500": (500, "internal error"),
    "429": (429, "rate_limited"),
    "redirect": (302, ""),
}


class SlackServer(FakeServer):
    """Answers by `script`, one mode a request; the last one stays. A 429 asks for `retry_after` ("": no header)."""

    def __init__(self, *script: str, retry_after: str = "1") -> None:
        super().__init__(listens=script != (REFUSE,))
        self.script = list(script or ("ok",))
        self.retry_after = retry_after
        self.messages: list[Any] = []
        self.url = self.base + PATH

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every request."""
        return [(request.method, request.path) for request in self.received]

    def answer(self, request: Request) -> Response:
        if request.method == "GET":  # where a redirect leads
            return Response(body=b"ok")
        mode = next_word(self.script)
        if mode in get_args(Fault):
            return Response(body=b"ok", fault=mode)  # type: ignore[arg-type]
        if mode == "ok":
            self.messages.append(json.loads(request.body))
        status, body = ANSWERS[mode]
        return Response(status, body.encode(), self._headers(mode))

    def _headers(self, mode: str) -> dict[str, str]:
        if mode == "redirect":
            return {"Location": self.base.replace("127.0.0.1", "localhost") + "/elsewhere"}
        return {"Retry-After": self.retry_after} if mode == "429" and self.retry_after else {}
