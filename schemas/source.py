"""Where a dataset comes from: who made it, under what terms, and how to get it in each mode."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def use_all(paths: list[Path]) -> tuple[list[Path], dict[Path, str]]:
    """The default choice: every file that is one of the source's is used."""
    return paths, {}


@dataclass(frozen=True)
class RemoteFile:
    """A file pinned by its content: `url` may change hands, `sha256` may not."""

    name: str  # path below data/raw/<stem>/live
    url: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A dataset's origin.

    `patterns` are globs (tried recursively in the folder given with `--source`) of the files this dataset reads.
    `expected` are the tables or systems a complete copy has; any non-empty subset is worked on, and the manifest
    names the missing ones. `identify(path)` says which of them a file is, or None when it is none.
    `count(path)` is the number of rows of a raw file, where these are not its lines that are not blank.
    `bring(folder)` downloads the files of `pin` (a revision, a day) into `folder` and returns them; it takes what is
    there and whole without a request. It stands where a file has no address of its own to pin as a RemoteFile.
    `pack(folder, target)` writes a folder of many small files, where it has none of the source's, as one file of them,
    `target`, and returns it, or None where there is nothing to pack.
    `sample(folder, seed, scale)` writes generated files in the real layout into `folder`, with the truth of what it
    planted in `folder / "truth.json"`; same seed and scale, same bytes.
    """

    stem: str
    title: str
    homepage: str
    licence: str
    citation: str
    expected: tuple[str, ...]
    patterns: tuple[str, ...]
    identify: Callable[[Path], str | None]
    sample: Callable[[Path, int, float], None]
    remote: tuple[RemoteFile, ...] = field(default=())
    choose: Callable[[list[Path]], tuple[list[Path], dict[Path, str]]] = use_all  # (used, unused -> why)
    count: Callable[[Path], int] | None = None
    bring: Callable[[Path], list[Path]] | None = None
    pack: Callable[[Path, Path], Path | None] | None = None
    pin: str = ""  # the version that `bring` brings
    how_to_get: str = ""  # what to do when there is no `remote`: ends the error
