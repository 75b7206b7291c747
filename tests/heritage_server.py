"""A stand-in for Software Heritage's bucket on 127.0.0.1 that fails in ways that moto's server, which is S3, does not.

`with Archive([b"..."], faults={name: ["cut"]}) as archive:` serves contents under the SHA-1 of their bytes, packed by
gzip. `archive.asked` is every name asked for, in order; `archive.payers` the header that says who pays.
`faults` maps a name to what is done at each request for it, a word each, in order, after which all is well:
  "cut"    half of the object, then the connection is closed   "half"  half of it, told as all of it
  "alter"  another content                                     "plain" the content, not packed
  "bomb"   an object of kilobytes that unpacks to 80 MB        "403", "500", "503": that answer, as S3 gives it
  "bucket" 404, for the bucket is not there
"""

import gzip
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tasks.sources.software_heritage import plain_sha1
from tests.object_store import environment

REFUSALS = {"403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}
BOMB = gzip.compress(bytes(80_000_000), compresslevel=1)


class Archive:
    """Serves `contents`; `env` is what a client of S3 needs."""

    def __init__(self, contents: Sequence[bytes], faults: Mapping[str, Sequence[str]] | None = None) -> None:
        self.objects = {plain_sha1(content): content for content in contents}
        self.faults = {name: list(words) for name, words in (faults or {}).items()}
        self.asked: list[str] = []
        self.payers: list[str | None] = []
        self._http = _Http(self)
        self.env = environment(f"http://127.0.0.1:{self._http.server_address[1]}")

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_request: object) -> None:
        """A client that has gone away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        archive, name = self.server.archive, self.path.split("?")[0].removeprefix("/softwareheritage/content/")
        archive.asked.append(name)
        archive.payers.append(self.headers.get("x-amz-request-payer"))
        words = archive.faults.get(name, [])
        word = words.pop(0) if words else ""
        if word in REFUSALS:
            self._refuse(int(word), REFUSALS[word])
        elif word == "bucket" or name not in archive.objects:
            self._refuse(404, "NoSuchBucket" if word else "NoSuchKey")
        else:
            self._give(archive.objects[name], word)

    def _give(self, content: bytes, word: str) -> None:
        body = {"alter": gzip.compress(content[::-1] + b"!"), "plain": content, "bomb": BOMB}.get(word)
        body = gzip.compress(content) if body is None else body
        if word == "half":
            body = body[: len(body) // 2]
        self._answer(200, body, cut=word == "cut")

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def _answer(self, status: int, body: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, *_args: object) -> None:
        """Silent: the tests read `asked`."""
