"""Files of a dataset on the Hugging Face Hub, at a pinned revision: downloaded once, whole, and checked by their hash.

A revision of 40 hex digits names content, not a branch: the hub lists each file's hash at it (sha256 for large files,
git's sha1 of the blob for small ones). Those hashes are remembered in `folder/.hub.json`, so that a later run needs
nothing but the disk to know what is whole.
"""

import fnmatch
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import stamina

from schemas.finding import SourceError
from schemas.settings import secret

MEMORY = ".hub.json"
REVISION = re.compile(r"[0-9a-f]{40}")
WILD = re.compile(r"[*?\[]")
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
SIDE_BY_SIDE = 4  # files downloaded at a time
BLOCK = 1 << 20  # bytes hashed at a time
NAMED = 8  # names in an error


@dataclass(frozen=True)
class Pinned:
    """A file as a revision has it: `hash` is of `kind` "sha256", or "git" (sha1 of git's blob, header included)."""

    name: str  # path in the repository
    size: int  # bytes
    kind: str
    hash: str


def bring(repo: str, revision: str, names_or_patterns: Sequence[str], folder: Path) -> list[Path]:
    """The files of dataset `repo` that `names_or_patterns` name, below `folder`, each whole, sorted by name.

    `*`, `?` and `[...]` match anything, slashes too. Only what is missing or altered is fetched; when nothing is,
    no request is made. Raises SourceError, in sentences, for a revision that is no 40 hex digits, a repository, a
    revision or a file that is not there, terms not yet accepted, and a hub that cannot be reached.
    """
    if not REVISION.fullmatch(revision):
        raise SourceError(
            f"{repo}: {revision!r} is no pinned revision; 40 hexadecimal digits are expected, as the page "
            f"https://huggingface.co/datasets/{repo}/commits/main shows them. A branch may move under our feet."
        )
    wanted = sorted(set(names_or_patterns))
    pins = _pins_on_disk(folder, repo, revision, wanted)
    if pins is None or not all(is_whole(folder / pin.name, pin) for pin in pins):
        folder.mkdir(parents=True, exist_ok=True)
        with _as_source_errors(repo, revision):
            pins = pins or _list_pins(repo, revision, wanted)
            _fetch_all(repo, revision, [pin for pin in pins if not is_whole(folder / pin.name, pin)], folder)
        _write_pins(folder, repo, revision, wanted, pins)
    return [folder / pin.name for pin in pins]


def is_whole(path: Path, pin: Pinned) -> bool:
    """Whether a file is there with the size and the hash that its revision has."""
    if not path.is_file() or path.stat().st_size != pin.size:
        return False
    digest = hashlib.sha256() if pin.kind == "sha256" else hashlib.sha1(b"blob %d\0" % pin.size)  # noqa: S324  git's
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest() == pin.hash


# ---------------------------------------------------------------------------------------------------------------------
# What is known without asking


def _pins_on_disk(folder: Path, repo: str, revision: str, wanted: list[str]) -> list[Pinned] | None:
    """The pins of an earlier run that wanted the same; None when there was none, or its memory cannot be read."""
    try:
        memory = json.loads((folder / MEMORY).read_bytes())
        same = [memory["repo"], memory["revision"], memory["wanted"]] == [repo, revision, wanted]
        return [Pinned(**pin) for pin in memory["files"]] if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_pins(folder: Path, repo: str, revision: str, wanted: list[str], pins: list[Pinned]) -> None:
    """Written last, and in one move: it names only files that were checked."""
    shutil.rmtree(folder / ".cache" / "huggingface", ignore_errors=True)  # the library's notes; ours replace them
    memory = {"repo": repo, "revision": revision, "wanted": wanted, "files": [asdict(pin) for pin in pins]}
    temporary = folder / f"{MEMORY}.{os.getpid()}"
    temporary.write_text(json.dumps(memory, indent=1))
    temporary.replace(folder / MEMORY)


# ---------------------------------------------------------------------------------------------------------------------
# What the hub is asked


def _hub() -> Any:
    """The library, imported on first need, with its telemetry off (it reads the environment when it is imported)."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub

    return huggingface_hub


def _token() -> str | None:
    token = secret("hf_token")
    return token.get_secret_value() if token else None


def _may_pass(error: Exception) -> bool:
    """Whether another try may better it; the library itself resumes a download whose connection was cut."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in RETRIED
    return isinstance(error, httpx2.TransportError)


def _list_pins(repo: str, revision: str, wanted: list[str]) -> list[Pinned]:
    """The files wanted, as the hub lists them. Raises SourceError when one of `wanted` names none."""
    there = _list_files(repo, revision)
    names = {pattern: [name for name in there if _matches(pattern, name)] for pattern in wanted}
    for pattern, found in names.items():
        if not found:
            raise SourceError(
                f"{repo} has no file {pattern} at revision {revision}. It has {len(there):,} files: "
                f"{_first_few(sorted(there))}. Correct the name, or pin a revision that has it."
            )
    return [there[name] for name in sorted({name for found in names.values() for name in found})]


def _list_files(repo: str, revision: str) -> dict[str, Pinned]:
    """Every file of a revision by its name. The library tries again by itself where that may help."""
    entries = (
        _hub().HfApi().list_repo_tree(repo, repo_type="dataset", revision=revision, recursive=True, token=_token())
    )
    return {entry.path: _pinned(entry) for entry in entries if hasattr(entry, "blob_id")}


def _pinned(entry: Any) -> Pinned:
    if entry.lfs is not None:
        return Pinned(entry.path, entry.lfs.size, "sha256", entry.lfs.sha256)
    return Pinned(entry.path, entry.size, "git", entry.blob_id)


def _matches(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) if WILD.search(pattern) else name == pattern


def _first_few(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _fetch_all(repo: str, revision: str, pins: list[Pinned], folder: Path) -> None:
    """Download files side by side. One that fails does not undo the others: the next run goes on from there."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for done in [pool.submit(_fetch_file, repo, revision, pin, folder) for pin in pins]:
            done.result()


@stamina.retry(on=_may_pass, attempts=5, timeout=None, wait_initial=0.5, wait_max=15)
def _fetch_file(repo: str, revision: str, pin: Pinned, folder: Path) -> None:
    """Download one file. Raises SourceError when what came is not what the revision lists; it is not kept then."""
    target = folder / pin.name
    target.unlink(missing_ok=True)  # a file the library finds is one it trusts
    _hub().hf_hub_download(
        repo, pin.name, repo_type="dataset", revision=revision, local_dir=folder, token=_token(), force_download=False
    )
    if not is_whole(target, pin):
        size = target.stat().st_size
        target.unlink()
        raise SourceError(
            f"{repo}/{pin.name} was fetched ({size:,} bytes), but it is not what revision {revision} lists: "
            f"{pin.size:,} bytes with {pin.kind} {pin.hash}. Nothing was kept. Run again; if it stays so, something "
            "between here and the hub alters files."
        )


# ---------------------------------------------------------------------------------------------------------------------
# What went wrong, in sentences


@contextmanager
def _as_source_errors(repo: str, revision: str) -> Iterator[None]:
    """Turn the library's errors into SourceError."""
    import httpx2
    from huggingface_hub.errors import EntryNotFoundError

    try:
        yield
    except (OSError, httpx2.HTTPError, EntryNotFoundError) as error:
        raise SourceError(_explain_error(error, repo, revision)) from error


def _explain_error(error: Exception, repo: str, revision: str) -> str:
    """What happened and what to do; the most special error first, for they inherit from each other."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/datasets/{repo}"
    sent = "the token sent has no access" if _token() else "no token was sent"
    sentences: Mapping[type[Exception], str] = {
        errors.GatedRepoError: f"{repo} is gated, and {sent}. Sign in, accept its terms at {page}, make a token that "
        "may read at https://huggingface.co/settings/tokens, and set AUTOMEND_HF_TOKEN (or HF_TOKEN) to it.",
        errors.RepositoryNotFoundError: f"{repo} is no dataset on the hub, or a private one ({sent}). Look at {page}; "
        "for a private one set AUTOMEND_HF_TOKEN (or HF_TOKEN) to a token that may read it.",
        errors.RevisionNotFoundError: f"{repo} has no revision {revision}. Pin one of {page}/commits/main.",
        errors.RemoteEntryNotFoundError: f"{repo} lists a file at revision {revision} that it does not give: "
        f"{_root_cause(error)}. Pin another revision of {page}/commits/main.",
    }
    for kind, sentence in sentences.items():
        if isinstance(error, kind):
            return sentence
    return (
        f"{repo} could not be fetched: {_root_cause(error)}. Check the network (and HF_ENDPOINT, HF_HUB_OFFLINE and "
        "the token, where they are set), then run again: files that are whole are not fetched twice."
    )


def _root_cause(error: BaseException) -> str:
    """The first line of the error at the bottom: the library wraps what happened in advice of its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
