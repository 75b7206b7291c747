"""Snapshots and published files on object storage, so that a run may begin on any machine and end on none.

In: snapshots below a data folder, and AUTOMEND_STORE, an fsspec address such as `s3://bucket/prefix`. Out: the same
files there, under the same names, and back again where a machine lacks one. Work is always done on the local disk;
without AUTOMEND_STORE nothing here does anything. Credentials are the storage client's own (AWS_* for S3).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from schemas.finding import UserError
from schemas.settings import settings
from schemas.snapshot import Snapshot
from tasks.engine import snapshots


class StoreFailed(UserError):
    """The object storage did not take or give a file."""


def fetch(snapshot: Snapshot) -> str | None:
    """Bring a snapshot's file that is missing here, or altered, from the store; the fault that is left, None for none.

    A damaged copy is not taken. Raises StoreFailed when the store cannot be asked.
    """
    fault = snapshots.fault_of(snapshot)
    if fault is None or settings().store is None:
        return fault
    with snapshots.scratch(snapshot.root) as temporary:
        if not _fetched_file(_stored_path(snapshot), temporary):
            return fault
        measured = snapshots.sha256_of(temporary)
        if measured != snapshot.sha256:
            return f"{fault} The store's copy is damaged: its sha256 is {measured[:12]}…, not {snapshot.sha256[:12]}…."
        snapshots.move(temporary, snapshot.file)
    return None


def keep(snapshot: Snapshot, *, anew: bool = False) -> None:
    """Put a snapshot's file into the store, unless it is there already; `anew`: even then. Raises StoreFailed."""
    if settings().store is None:
        return
    files, place = _address_of(_stored_path(snapshot))
    with _as_store_errors("keep", place):
        if anew or not files.exists(place) or files.size(place) != snapshot.file.stat().st_size:
            _upload(files, snapshot.file, place)


def read(file: Path, root: Path) -> bytes | None:
    """The store's newest version of a small published file, None where there is none. Raises StoreFailed.

    Nothing is written: what another machine published is no part of what this one has.
    """
    if settings().store is None:
        return None
    files, place = _address_of(file.relative_to(root))
    with _as_store_errors("fetch", place):
        return files.cat_file(place) if files.exists(place) else None


def pull(file: Path, root: Path) -> None:
    """Put the store's newest version of a file in the place of this machine's, if it has one. Raises StoreFailed."""
    if settings().store is None:
        return
    with snapshots.scratch(root) as temporary:
        if _fetched_file(file.relative_to(root), temporary):
            snapshots.move(temporary, file)


def push(file: Path, root: Path) -> None:
    """Put a file into the store under its own name, if there is one; the last one wins. Raises StoreFailed."""
    if settings().store is None or not file.is_file():
        return
    files, place = _address_of(file.relative_to(root))
    with _as_store_errors("publish", place):
        _upload(files, file, place)


def _stored_path(snapshot: Snapshot) -> Path:
    """Its path where the name says the content; raw files keep their own names, so their folder says it."""
    path, content = snapshot.path, snapshot.sha256[:12]
    return path if content in path.name else path.parent / content / path.name


def _address_of(path: Path) -> tuple[Any, str]:
    """(file system, address) of a path below the store."""
    address = settings().store
    if address is None:
        raise StoreFailed("AUTOMEND_STORE is not set, so there is no store to ask.")
    files, prefix = _connect(address)
    return files, f"{prefix.rstrip('/')}/{path.as_posix()}"


@cache
def _connect(address: str) -> tuple[Any, str]:
    import fsspec

    with _as_store_errors("reach", address):
        return fsspec.url_to_fs(address, use_listings_cache=False)


def _fetched_file(path: Path, target: Path) -> bool:
    """False when the store has no such file."""
    files, place = _address_of(path)
    with _as_store_errors("fetch", place):
        if not files.exists(place):
            return False
        files.get_file(place, str(target))
    return True


def _upload(files: Any, file: Path, place: str) -> None:
    """Object storage shows an object when it is whole, and knows no folders: asked for one, it makes a bucket."""
    if "file" in files.protocol:
        files.makedirs(place.rpartition("/")[0], exist_ok=True)
    files.put_file(str(file), place)


@contextmanager
def _as_store_errors(verb: str, place: str) -> Iterator[None]:
    """A client's error as a sentence with its cause."""
    try:
        yield
    except Exception as fault:
        cause = str(fault) or type(fault).__name__
        raise StoreFailed(
            f"The store (AUTOMEND_STORE={settings().store}) could not {verb} {place}: {cause}. What was made so far "
            "lies in the data folder. Check the address, the credentials and the network; then run again."
        ) from fault
