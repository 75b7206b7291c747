"""A stand-in for Gemini's REST API on 127.0.0.1: real HTTP, and every way in which a service can disappoint.

`with GeminiServer("429", "good") as gemini:` answers the first request with 429 and all later ones well.
`gemini.url` is the address for `Gemini(url=...)`, `gemini.requests` are the JSON bodies it took, `gemini.paths` and
`gemini.keys` what came with them. Any other mode is the very text that the model "writes".
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from schemas.workflow import answer

GOOD = answer([("get_node_status", {"node": "node-7"})], "Looking at node-7.")
TOKENS = 123  # what each good answer costs

# mode -> status, message of the error. Further modes: "good", "blocked" (no candidate), "html" (a proxy's page),
# "hang" (never answers), "cut" (closes in the middle of its answer).
ERRORS = {
    "400": (400, "Invalid JSON payload received."),
    "bad_key": (400, "API key not valid. Please pass a valid API key."),
    "403": (403, "Permission denied."),
    "429": (429, "Resource has been exhausted."),
    "500": (500, "Internal error encountered."),
    "503": (503, "The model is overloaded."),
}


def written(text: str) -> dict[str, Any]:
    """The body of an answer in which the model wrote `text`."""
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 23, "totalTokenCount": TOKENS},
        "aFieldOfNextYear": {"x": 1},
    }


class GeminiServer:
    """Serves `script`, one mode a request; the last one stays. `retry_after` is what a 429 asks for ("": no header).

    With `info=True` a 429 asks for it in Google's own RetryInfo instead.
    """

    def __init__(self, *script: str, retry_after: str = "", info: bool = False) -> None:
        self.script = list(script or ("good",))
        self.retry_after, self.info = retry_after, info
        self.requests: list[Any] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.closing = threading.Event()
        self._http = _Http(self)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def next_mode(self) -> str:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gemini: GeminiServer) -> None:
        self.gemini = gemini
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_request: Any) -> None:
        """A client that has gone away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        gemini = self.server.gemini
        gemini.requests.append(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        gemini.paths.append(self.path)
        gemini.keys.append(self.headers.get("x-goog-api-key"))
        mode = gemini.next_mode()
        if mode == "hang":
            gemini.closing.wait(60)
        elif mode == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
        elif mode == "html":
            self._send(200, b"<html>Sign in to the hotel's wireless network</html>")
        elif mode in ERRORS:
            self._fail(*ERRORS[mode])
        else:
            body = {"promptFeedback": {"blockReason": "SAFETY"}} if mode == "blocked" else None
            self._send(200, json.dumps(body or written(GOOD if mode == "good" else mode)).encode())

    def _fail(self, status: int, text: str) -> None:
        gemini = self.server.gemini
        wait = gemini.retry_after if status == 429 else ""
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"}]
        error = {"code": status, "message": text, "details": details if gemini.info and wait else []}
        headers = {"Retry-After": wait} if wait and not gemini.info else {}
        self._send(status, json.dumps({"error": error}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Silent: the tests read what our side logs."""
