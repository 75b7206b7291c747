"""A stand-in for Slack's incoming webhooks on 127.0.0.1: real HTTP, and every way in which a server can disappoint.

`with SlackServer("500", "ok") as slack:` answers the first request with 500 and all later ones well.
`slack.url` is the webhook, `slack.messages` the JSON bodies it took, `slack.requests` all (method, path) it saw,
redirected ones included.
"""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATH = "/services/T0SECRET00/B0SECRET00/xoSecretWebhookTokenXx01"
REFUSE = "refuse"  # as the only mode: nothing listens

# mode -> status, body. Further modes: "hang" takes the request and never answers, "drip" sends a byte of a header
# every 50 ms for ever, "cut" closes in the middle of its answer.
ANSWERS = {
    "ok": (200, "ok"),
    "not_ok": (200, "<html>Sign in to the hotel's wireless network</html>"),
    "no_service": (404, "no_service"),
    "500": (500, "internal error"),
    "429": (429, "rate_limited"),
    "redirect": (302, ""),
}


class SlackServer:
    """Serves `script`, one mode a request; the last one stays. `retry_after` is what a 429 asks for ("": no header)."""

    def __init__(self, *script: str, retry_after: str = "1") -> None:
        self.script = list(script or ("ok",))
        self.retry_after = retry_after
        self.messages: list[Any] = []
        self.requests: list[tuple[str, str]] = []
        self.closing = threading.Event()
        self._http = _Http(self)
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.url = self.base + PATH

    def __enter__(self) -> Self:
        if self.script == [REFUSE]:
            self._http.server_close()
        else:
            threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closing.set()
        if self.script != [REFUSE]:
            self._http.shutdown()
            self._http.server_close()

    def next_mode(self) -> str:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_request: Any) -> None:
        """A client that has gone away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        slack = self.server.slack
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        slack.requests.append(("POST", self.path))
        mode = slack.next_mode()
        if mode == "ok":
            slack.messages.append(json.loads(body))
        if mode in ANSWERS:
            self._answer(mode)
        else:
            getattr(self, "_" + mode)()

    def do_GET(self) -> None:
        """Where a redirect arrives, should anyone follow it."""
        self.server.slack.requests.append(("GET", self.path))
        self._answer("ok")

    def _answer(self, mode: str) -> None:
        slack, (status, body) = self.server.slack, ANSWERS[mode]
        self.send_response(status)
        if mode == "429" and slack.retry_after:
            self.send_header("Retry-After", slack.retry_after)
        if mode == "redirect":
            self.send_header("Location", slack.base.replace("127.0.0.1", "localhost") + "/elsewhere")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def _hang(self) -> None:
        self.server.slack.closing.wait(60)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.slack.closing.wait(0.05):
            self.wfile.write(b"z")

    def _cut(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_args: Any) -> None:
        """Silent: the tests read what our side logs."""
