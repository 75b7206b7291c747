"""Repositories of owners who opted out: a list of names, and whether a repository is on it."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.finding import SourceError


def read(file: Path | None) -> tuple[str, ...]:
    """The repositories of an opt-out list, none where none is given. Raises SourceError where the file is missing."""
    if file is None:
        return ()
    if not file.is_file():
        raise SourceError(
            f"--opt-out is {file}, which is no file. Nothing was read: a list that was given is never passed over. "
            "Give a text file with a repository a line."
        )
    return repositories(file.read_text(encoding="utf-8").splitlines())


def repositories(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines of a list as `is_among` wants them: sorted, in small letters, addresses cut to owner/name, no notes."""
    names = (line.partition("#")[0].strip().lower() for line in lines)
    bare = (re.sub(r"^(?:https?://)?(?:www\.)?github\.com/|(?:\.git)?/?$", "", name) for name in names)
    return tuple(sorted({name for name in bare if name}))


def is_among(repo: object, names: frozenset[str]) -> bool:
    """Whether a repository, "owner/name", or its owner is one of `names`; a missing one is not."""
    name = repo.lower() if isinstance(repo, str) else ""
    return name in names or name.partition("/")[0] in names


def as_parameters(names: Sequence[str]) -> dict[str, int | str]:
    """The list by its length and hash: a manifest says which list was used, not who is on it."""
    return {"opted_out": len(names), "opted_out_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}
