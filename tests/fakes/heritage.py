"""A fake of Software Heritage's bucket, with faults that moto's server, which is S3, does not have.

`with Archive([b"..."], faults={name: ["cut"]}) as archive:` serves contents under the SHA-1 of their bytes, packed by
gzip. `archive.asked` is every name that was requested, in order; `archive.payers` the header that names who pays.
`faults` maps a name to one word for each request of it, in order, after which all is well:
  "cut"    half of the object, then the connection is closed   "half"  half of it, announced as the whole
  "alter"  another content                                     "plain" the content, not packed
  "bomb"   an object of kilobytes that unpacks to 80 MB        "403", "500", "503": that answer, as S3 gives it
  "bucket" 404, because the bucket does not exist
"""

import gzip
from collections.abc import Mapping, Sequence

from tasks.sources.software_heritage import plain_sha1
from tests.fakes.object_store import environment
from tests.fakes.server import FakeServer, Request, Response

REFUSALS = {"403": "AccessDenied", "500": "InternalError", "503": "SlowDown"}
BOMB = gzip.compress(bytes(80_000_000), compresslevel=1)


class Archive(FakeServer):
    """Serves `contents`; `env` is what a client of S3 needs."""

    def __init__(self, contents: Sequence[bytes], faults: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__()
        self.objects = {plain_sha1(content): content for content in contents}
        self.faults = {name: list(words) for name, words in (faults or {}).items()}
        self.asked: list[str] = []
        self.env = environment(self.base)

    @property
    def payers(self) -> list[str | None]:
        return [request.headers.get("x-amz-request-payer") for request in self.received]

    def answer(self, request: Request) -> Response:
        name = request.path.split("?")[0].removeprefix("/softwareheritage/content/")
        self.asked.append(name)
        words = self.faults.get(name, [])
        word = words.pop(0) if words else ""
        if word in REFUSALS:
            return _refusal(int(word), REFUSALS[word])
        if word == "bucket" or name not in self.objects:
            return _refusal(404, "NoSuchBucket" if word else "NoSuchKey")
        return _object(self.objects[name], word)


def _object(content: bytes, word: str) -> Response:
    body = {"alter": gzip.compress(content[::-1] + b"!"), "plain": content, "bomb": BOMB}.get(word)
    body = gzip.compress(content) if body is None else body
    if word == "half":
        body = body[: len(body) // 2]
    return Response(body=body, fault="cut" if word == "cut" else "")


def _refusal(status: int, code: str) -> Response:
    return Response(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())
