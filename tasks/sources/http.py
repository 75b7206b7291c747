"""Fetch a pinned file once: what is there with the right hash is not asked for again; anything else is replaced."""

import hashlib
import tarfile
from pathlib import Path

import httpx
import stamina

from schemas.finding import SourceError
from schemas.source import RemoteFile
from tasks.engine import snapshots

TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds; a task's own timeout cannot interrupt a read
RETRIED = frozenset({408, 429, 500, 502, 503, 504})


class _MayPass(Exception):
    """An answer that another try may better."""


def fetch(remote: RemoteFile, target: Path, root: Path) -> bool:
    """Bring `remote` to `target`; True if a request was made. Raises SourceError when it cannot be had or differs.

    Server errors, 429 and time-outs are tried again up to 5 times within 90 s; a 404 or a wrong hash is not.
    """
    if target.is_file() and snapshots.sha256_of(target) == remote.sha256:
        return False
    with snapshots.scratch(root) as temporary:
        try:
            sha256 = _stream_to_file(remote.url, temporary)
        except (_MayPass, httpx.HTTPError) as error:
            raise SourceError(
                f"{remote.url} could not be fetched: {error}. Check the network, then run again."
            ) from error
        if sha256 != remote.sha256:
            raise SourceError(
                f"{remote.url} was fetched, but its sha256 is {sha256} and {remote.sha256} is pinned: the file changed "
                "at its origin, or on the way. Nothing was kept. If it changed on purpose, pin the new hash."
            )
        snapshots.move(temporary, target)
    return True


@stamina.retry(on=(_MayPass, httpx.TransportError), attempts=5, timeout=90, wait_initial=0.5, wait_max=15)
def _stream_to_file(url: str, target: Path) -> str:
    """Stream one answer into `target`; its sha256."""
    digest = hashlib.sha256()
    with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as answer, target.open("wb") as file:
        if answer.status_code in RETRIED:
            raise _MayPass(f"the server answers {answer.status_code}")
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Files of a .tar/.tar.gz, written below `folder`; tarfile's data filter refuses names that would leave it."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
            return [folder / member.name for member in tar.getmembers() if member.isfile()]
    except tarfile.TarError as error:
        raise SourceError(f"{archive.name} cannot be unpacked: {error}. Fetch it again from its origin.") from error
