"""A fake of the Hugging Face Hub: datasets at pinned revisions, and ways in which it can fail.

`with HubServer({"a/b": {REVISION: {"data.json": b"..."}}}) as hub:` serves them. `hub.url` is what HF_ENDPOINT must be
before huggingface_hub is imported, so the client runs in a child process: `hub.bring(repo, revision, names, folder)`
runs tasks.sources.huggingface.bring there, and `hub.run(code)` any other code. `hub.asked` is every (method, path).

Files from LARGE bytes on are listed as large ones (sha256), smaller ones as git's (sha1 of the blob), as on the hub.
`faults` maps a file's path to one word for each GET of it, in order, after which all is well:
  "cut"   half of the body, then the connection is closed     "503"  a passing fault of the server
  "alter" the right length with other bytes                    "lose" listed, but not given (404)
`gated` repositories want `token` in the Authorization header.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.conftest import PROJECT
from tests.fakes.server import FakeServer, Request, Response

REVISION = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1_000  # bytes

BRING = """
import json, sys, time
from pathlib import Path
import stamina
from schemas.finding import SourceError
from tasks.sources import huggingface
stamina.set_testing(True, attempts=4)
time.sleep = lambda _seconds: None  # the library's own waiting
repo, revision, names, folder = json.loads(sys.argv[1])
try:
    print(json.dumps({"paths": [str(path) for path in huggingface.bring(repo, revision, names, Path(folder))]}))
except SourceError as error:
    print(json.dumps({"error": str(error)}))
"""

Files = Mapping[str, bytes]  # path -> content


@dataclass
class Brought:
    """What `bring` gave in the child process: the paths, or the error's sentence."""

    paths: list[Path] = field(default_factory=list)
    error: str = ""


class HubServer(FakeServer):
    """Serves `repos`: name -> revision -> path -> bytes."""

    def __init__(
        self,
        repos: Mapping[str, Mapping[str, Files]],
        *,
        gated: tuple[str, ...] = (),
        token: str = "hf_" + "x" * 34,
        faults: Mapping[str, list[str]] | None = None,
    ) -> None:
        super().__init__()
        self.repos = repos
        self.gated = gated
        self.token = token
        self.faults = {path: list(words) for path, words in (faults or {}).items()}
        self.asked: list[tuple[str, str]] = []
        self.ranges: list[str] = []  # Range headers of the GETs that had one
        self.url = self.base

    def environment(self, home: Path, token: str = "") -> dict[str, str]:
        """For a child process: this hub, a home of its own for the library, no setting of ours but the token."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AUTOMEND_"))}
        mine = {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "DO_NOT_TRACK": "1"}
        return kept | mine | ({"AUTOMEND_HF_TOKEN": token} if token else {})

    def run(self, code: str, *arguments: str, home: Path, token: str = "") -> str:
        """Standard output of Python code in a child process that knows this hub. Raises when it fails."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self.environment(home, token),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-4_000:])
        return done.stdout

    def bring(self, repo: str, revision: str, names: list[str], folder: Path, token: str = "") -> Brought:
        """Run `bring` in a child process."""
        job = json.dumps([repo, revision, names, str(folder)])
        printed = self.run(BRING, job, home=folder.parent / "hf-home", token=token)
        result = json.loads(printed.strip().split("\n")[-1])
        return Brought([Path(path) for path in result.get("paths", [])], result.get("error", ""))

    def gets(self) -> list[str]:
        """Names of the files that were requested by GET."""
        resolved = [path for method, path in self.asked if method == "GET" and "/resolve/" in path]
        return [path.split("/resolve/")[1].split("/", 1)[1] for path in resolved]

    def answer(self, request: Request) -> Response:
        path = unquote(urlsplit(request.path).path)
        self.asked.append((request.method, path))
        if path.startswith("/api/datasets/"):
            return self._tree(path.removeprefix("/api/datasets/"))
        if path.startswith("/datasets/") and "/resolve/" in path:
            return self._file(path.removeprefix("/datasets/"), request)
        return Response(404, b"{}", JSON)

    def _tree(self, path: str) -> Response:
        repo, _, rest = path.partition("/tree/")
        revision = rest.split("/")[0]
        if repo not in self.repos:
            return _refusal(404, "RepoNotFound")
        if revision not in self.repos[repo]:
            return _refusal(404, "RevisionNotFound")
        return Response(200, json.dumps(listing(self.repos[repo][revision])).encode(), JSON)

    def _file(self, path: str, request: Request) -> Response:
        repo, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        given = request.headers.get("Authorization")
        if repo in self.gated and given != f"Bearer {self.token}":
            return _refusal(401 if given is None else 403, "GatedRepo")
        body = self.repos.get(repo, {}).get(revision, {}).get(name)
        faults = self.faults.get(name, [])
        if body is None or faults[:1] == ["lose"]:
            return _refusal(404, "EntryNotFound")
        if request.method == "HEAD":
            return _content(body, revision)
        wanted = request.headers.get("Range", "")
        self.ranges += [wanted] if wanted else []
        return _content(body, revision, _start(wanted), faults.pop(0) if faults else "")


JSON = {"Content-Type": "application/json"}


def git_sha1(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def listing(files: Files) -> list[dict[str, object]]:
    """A revision's files as the hub's `tree` lists them, folders among them."""
    folders = sorted({"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)})
    entries = [_entry(path, body) for path, body in sorted(files.items())]
    return [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders] + entries


def _entry(path: str, body: bytes) -> dict[str, object]:
    small: dict[str, object] = {"type": "file", "path": path, "oid": git_sha1(body), "size": len(body)}
    if len(body) < LARGE:
        return small
    large = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
    return {**small, "oid": "1" * 40, "lfs": large}


def _start(wanted: str) -> int:
    """First byte that a Range header asks for."""
    return int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0


def _content(body: bytes, revision: str, start: int = 0, fault: str = "") -> Response:
    if fault == "503":
        return Response(503, b"", JSON)
    large = len(body) >= LARGE
    tag = f'"{hashlib.sha256(body).hexdigest() if large else git_sha1(body)}"'
    headers = {**JSON, "ETag": tag, "X-Repo-Commit": revision}
    if large:
        headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(len(body))}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    part = body[start:]
    status = 206 if start else 200
    return Response(status, part[::-1] if fault == "alter" else part, headers, "cut" if fault == "cut" else "")


def _refusal(status: int, code: str) -> Response:
    headers = {**JSON, "X-Error-Code": code, "X-Error-Message": code}
    return Response(status, json.dumps({"error": code}).encode(), headers)
