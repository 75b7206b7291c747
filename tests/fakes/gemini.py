"""A fake of Gemini's REST API.

`with GeminiServer("429", "good") as gemini:` answers the first request with 429 and all later ones well. `gemini.url`
is the address for `Gemini(url=...)`; `gemini.requests` are the JSON bodies it received, `gemini.paths` and
`gemini.keys` their paths and API keys. Any other mode is the text that the model "writes".
"""

import json
from typing import Any, get_args

from schemas.workflow import answer
from tests.fakes.server import FakeServer, Fault, Request, Response, next_word

GOOD = answer([("get_node_status", {"node": "node-7"})], "Looking at node-7.")
TOKENS = 123  # what each good answer costs

# mode -> status, message of the error. Further modes: "good", "blocked" (no candidate), "html" (a proxy's page), and
# the faults of a connection ("cut", "hang").
ERRORS = {
    "400": (400, "Invalid JSON payload received."),
    "bad_key": (400, "API key not valid. Please pass a valid API key."),
    "403": (403, "Permission denied."),
    "429": (429, "Resource has been exhausted."),
    "500": (500, "Internal error encountered."),
    "503": (503, "The model is overloaded."),
}
PAGE = b"<html>Sign in to the hotel's wireless network</html>"


def written(text: str) -> dict[str, Any]:
    """The body of an answer in which the model wrote `text`."""
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 23, "totalTokenCount": TOKENS},
        "aFieldOfNextYear": {"x": 1},
    }


class GeminiServer(FakeServer):
    """Answers by `script`, one mode a request; the last one stays. A 429 asks for `retry_after` ("": no header).

    With `info=True` a 429 asks for it in Google's own RetryInfo instead.
    """

    def __init__(self, *script: str, retry_after: str = "", info: bool = False) -> None:
        super().__init__()
        self.script = list(script or ("good",))
        self.retry_after, self.info = retry_after, info
        self.url = self.base

    @property
    def requests(self) -> list[Any]:
        """The JSON body of every request."""
        return [json.loads(request.body) for request in self.received]

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.received]

    @property
    def keys(self) -> list[str | None]:
        """The API key of every request."""
        return [request.headers.get("x-goog-api-key") for request in self.received]

    def answer(self, request: Request) -> Response:
        mode = next_word(self.script)
        if mode in ERRORS:
            return self._error(*ERRORS[mode])
        if mode == "html":
            return Response(body=PAGE)
        body = {"promptFeedback": {"blockReason": "SAFETY"}} if mode == "blocked" else written(_text(mode))
        return Response(body=json.dumps(body).encode(), fault=mode if mode in get_args(Fault) else "")  # type: ignore[arg-type]

    def _error(self, status: int, text: str) -> Response:
        wait = self.retry_after if status == 429 else ""
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"}]
        error = {"code": status, "message": text, "details": details if self.info and wait else []}
        headers = {"Retry-After": wait} if wait and not self.info else {}
        return Response(status, json.dumps({"error": error}).encode(), headers)


def _text(mode: str) -> str:
    """What the model writes: a good answer where the mode does not give its text."""
    return GOOD if mode == "good" or mode in get_args(Fault) else mode
