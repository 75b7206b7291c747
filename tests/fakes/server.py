"""One HTTP server for every fake service: it listens on a free port of 127.0.0.1, remembers requests, and can fail.

A fake is a subclass that answers a `Request` with a `Response`. Its clients are the real ones, over real HTTP.
A status such as 429 or 503 and wrong content are responses like any other. `Response.fault` breaks the connection:
  "cut"   announces the whole body, sends half of it and closes     "hang"  takes the request and never answers
  "drip"  sends one byte of a header every DRIP_S, without end
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self

POLL_S = 0.02  # how long the end of a server may take
HANG_S = 60.0  # longer than any client of ours waits
DRIP_S = 0.05

Fault = Literal["", "cut", "hang", "drip"]


@dataclass(frozen=True)
class Request:
    """What a client sent. `path` is as sent, with its query; `before` counts the requests that came before."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in any case
    body: bytes
    before: int


@dataclass(frozen=True)
class Response:
    """What a fake answers. Content-Length is added; a HEAD request gets no body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault = ""


class FakeServer:
    """Runs from `with` to the end of its block; `received` has every request in order.

    With `listens=False` the port is closed from the beginning: every connection is refused.
    """

    def __init__(self, *, listens: bool = True) -> None:
        self.received: list[Request] = []
        self.closing = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True)
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}"
        if not listens:
            self._http.server_close()
        self._listens = listens

    def answer(self, request: Request) -> Response:
        """The response to one request. Requests may come at the same time, each in a thread of its own."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        if self._listens:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.closing.set()
        if self._listens:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()


def next_word(words: list[str]) -> str:
    """The next word of a script; the last one stays."""
    return words.pop(0) if len(words) > 1 else words[0]


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_request: object) -> None:
        """A client that goes away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, self.headers, body, len(fake.received))
        fake.received.append(request)
        response = fake.answer(request)
        if response.fault in {"hang", "drip"}:
            self._never_answer(response.fault)
        else:
            self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {"Content-Length": str(len(response.body)), **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = response.fault == "cut"
        if self.command != "HEAD":
            self.wfile.write(response.body[: len(response.body) // 2] if cut else response.body)
        if cut or "Content-Length" in response.headers:  # a length that a test chose may be more than there is
            self._close()

    def _never_answer(self, fault: Fault) -> None:
        closing = self.server.fake.closing
        if fault == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not closing.wait(DRIP_S):
                self.wfile.write(b"z")
        closing.wait(HANG_S)
        self._close()

    def _close(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_args: object) -> None:
        """Silent: the tests read what our side logs."""


Answer = tuple[int, bytes, dict[str, str]]  # status, body, headers


class ScriptedServer(FakeServer):
    """Answers by `script(path, how many requests came before)`; `asked` has the paths in order."""

    def __init__(self, script: Callable[[str, int], Answer]) -> None:
        super().__init__()
        self.script = script
        self.asked: list[str] = []
        self.url = self.base

    def answer(self, request: Request) -> Response:
        response = Response(*self.script(request.path, len(self.asked)))
        self.asked.append(request.path)
        return response


serving = ScriptedServer
