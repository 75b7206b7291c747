"""A stand-in for the Hugging Face Hub on 127.0.0.1: datasets at pinned revisions, and ways in which it can fail.

`with HubServer({"a/b": {REVISION: {"data.json": b"..."}}}) as hub:` serves them; `hub.url` is what HF_ENDPOINT must be
before huggingface_hub is imported, so the client runs in a child process: `hub.bring(repo, revision, names, folder)`
runs tasks.sources.huggingface.bring there, and `hub.run(code)` any other code. `hub.asked` is every (method, path).

Files from LARGE bytes on are told as large ones (sha256), smaller ones as git's (sha1 of the blob), as on the hub.
`faults` maps a path that is asked to what is done, a word for each GET of it, in order, after which all is well:
  "cut"   half of the body, then the connection is closed     "503"  a passing fault of the server
  "alter" the right length with other bytes                    "lose" listed, but not given (404)
`gated` repositories want `token` in the Authorization header.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

PROJECT = Path(__file__).resolve().parent.parent
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


@dataclass
class Brought:
    """What `bring` gave in the child process: the paths, or the error's sentence."""

    paths: list[Path] = field(default_factory=list)
    error: str = ""


class HubServer:
    """Serves `repos`: name -> revision -> path -> bytes."""

    def __init__(
        self,
        repos: Mapping[str, Mapping[str, Mapping[str, bytes]]],
        *,
        gated: tuple[str, ...] = (),
        token: str = "hf_" + "x" * 34,
        faults: Mapping[str, list[str]] | None = None,
    ) -> None:
        self.repos = repos
        self.gated = gated
        self.token = token
        self.faults = {path: list(words) for path, words in (faults or {}).items()}
        self.asked: list[tuple[str, str]] = []
        self.ranges: list[str] = []  # Range headers of the GETs that had one
        self._http = _Http(self)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def environment(self, home: Path, token: str = "") -> dict[str, str]:
        """For a child process: this hub, a home of its own for the library, no setting of ours but the token."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AUTOMEND_"))}
        mine = {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "DO_NOT_TRACK": "1"}
        return kept | mine | ({"AUTOMEND_HF_TOKEN": token} if token else {})

    def run(self, code: str, *arguments: str, home: Path, token: str = "") -> str:
        """Standard output of Python code in a child process that knows this hub. Raises when it fails."""
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(
            command,
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
        said = json.loads(self.run(BRING, job, home=folder.parent / "hf-home", token=token).strip().split("\n")[-1])
        return Brought([Path(path) for path in said.get("paths", [])], said.get("error", ""))

    def gets(self) -> list[str]:
        """Names of the files that were asked for by GET."""
        return [
            path.split("/resolve/")[1].split("/", 1)[1]
            for method, path in self.asked
            if method == "GET" and "/resolve/" in path
        ]


def git_sha1(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def listing(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    """A revision's files as the hub's `tree` tells them, folders among them."""
    folders = sorted({"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)})
    told: list[dict[str, object]] = [
        {"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders
    ]
    for path, body in sorted(files.items()):
        entry: dict[str, object] = {"type": "file", "path": path, "oid": git_sha1(body), "size": len(body)}
        if len(body) >= LARGE:
            entry |= {
                "oid": "1" * 40,
                "lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134},
            }
        told.append(entry)
    return told


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_request: object) -> None:
        """A client that has gone away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        hub.asked.append((self.command, path))
        if path.startswith("/api/datasets/"):
            self._tree(path.removeprefix("/api/datasets/"))
        elif path.startswith("/datasets/") and "/resolve/" in path:
            self._file(path.removeprefix("/datasets/"))
        else:
            self._answer(404, b"{}")

    def _tree(self, path: str) -> None:
        repo, _, rest = path.partition("/tree/")
        revision = rest.split("/")[0]
        if repo not in self.server.hub.repos:
            self._refuse(404, "RepoNotFound")
        elif revision not in self.server.hub.repos[repo]:
            self._refuse(404, "RevisionNotFound")
        else:
            self._answer(200, json.dumps(listing(self.server.hub.repos[repo][revision])).encode())

    def _file(self, path: str) -> None:
        hub = self.server.hub
        repo, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        if repo in hub.gated and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._refuse(403 if "Authorization" in self.headers else 401, "GatedRepo")
            return
        body = hub.repos.get(repo, {}).get(revision, {}).get(name)
        waiting = hub.faults.get(name, [])
        if body is None or waiting[:1] == ["lose"]:
            self._refuse(404, "EntryNotFound")
            return
        self._content(body, revision, waiting.pop(0) if waiting and self.command == "GET" else "")

    def _content(self, body: bytes, revision: str, fault: str) -> None:
        if fault == "503":
            self._answer(503, b"")
            return
        large = len(body) >= LARGE
        told = {"ETag": f'"{hashlib.sha256(body).hexdigest() if large else git_sha1(body)}"', "X-Repo-Commit": revision}
        if large:
            told |= {"X-Linked-Etag": told["ETag"], "X-Linked-Size": str(len(body))}
        start = self._start()
        if start:
            told["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        part = body[start:]
        self._answer(206 if start else 200, part[::-1] if fault == "alter" else part, told, cut=fault == "cut")

    def _start(self) -> int:
        asked = self.headers.get("Range", "")
        if asked and self.command == "GET":
            self.server.hub.ranges.append(asked)
            return int(asked.removeprefix("bytes=").split("-")[0])
        return 0

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, json.dumps({"error": code}).encode(), {"X-Error-Code": code, "X-Error-Message": code})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, *_args: object) -> None:
        """Silent: the tests read `asked`."""
