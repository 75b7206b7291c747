"""A folder of plain source files, packed into one Parquet file in our own layout: whose each file is, and its licence.

Nothing in the folder has to say so: a repository is known by its `.git` or its licence file, a licence by its text.
"""

import functools
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.code_corpus import LANGUAGES, MOST_MEGABYTES, Fault
from schemas.finding import SourceError
from tasks.quality import licences
from tasks.sources.parquet import BATCH_BYTES, BATCH_ROWS, HOLDING_CODE
from tasks.sources.software_heritage import git_sha1

log = logging.getLogger(__name__)

PACKED = pa.schema(
    {
        "repo": pa.string(),
        "path": pa.string(),
        "language": pa.string(),
        "licence": pa.string(),
        "commit": pa.string(),
        "blob_sha": pa.string(),
        "size": pa.int64(),
        "stars": pa.int64(),
        "content": pa.large_binary(),
        "fault": pa.string(),
    }
)


class PackedRow(TypedDict):
    """A row of PACKED; the columns that are missing here are null."""

    repo: str
    path: str
    language: str
    licence: str | None
    blob_sha: str | None
    size: int
    content: bytes | None
    fault: Fault | None


LANGUAGE_OF = {end: language for language, ends in LANGUAGES.items() for end in ends}
MOST_BYTES = MOST_MEGABYTES * 1_000_000
HEAD = 2_048  # bytes at the start of a file in which it may name its licence

LICENCE_FILE = re.compile(r"(licen[sc]e|copying|unlicense)(\.(txt|md|rst))?", re.IGNORECASE)
FURTHER_LICENCE_FILE = re.compile(r"(licen[sc]e|copying)[-_.][\w.-]+", re.IGNORECASE)  # LICENSE-MIT, COPYING.LESSER
SPDX = re.compile(
    r"SPDX-License-Identifier:[ \t]*((?:\(*[\w.+-]+\)*)(?:[ \t]+(?:AND|OR|WITH)[ \t]+\(*[\w.+-]+\)*)*)", re.ASCII
)

# SPDX id -> sentences that only its text has, all of them, and sentences that it must not have; in small letters.
# A text does not say whether later versions of it may be chosen: "-only" promises least.
_MIT = "permission is hereby granted free of charge to any person obtaining a copy of this software and associated"
_BSD = "redistribution and use in source and binary forms with or without modification are permitted provided that"
_ISC = "this software for any purpose with or without fee is hereby granted"
TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "MIT": ((_MIT, "deal in the software", "this permission notice shall be included"), ("used for good not evil",)),
    "Apache-2.0": (("apache license version 2 0",), ()),
    "BSD-2-Clause": ((_BSD,), ("endorse or promote products",)),
    "BSD-3-Clause": ((_BSD, "endorse or promote products"), ("all advertising materials mentioning",)),
    "BSD-4-Clause": ((_BSD, "endorse or promote products", "all advertising materials mentioning"), ()),
    "ISC": ((_ISC, "provided that the above copyright notice and this permission notice appear"), ()),
    "0BSD": ((_ISC,), ("provided that the above copyright notice",)),
    "CC0-1.0": (("cc0 1 0 universal",), ()),
    "Unlicense": (("this is free and unencumbered software released into the public domain",), ()),
    "MPL-2.0": (("mozilla public license version 2 0",), ()),
    "AGPL-3.0-only": (("gnu affero general public license version 3 19 november 2007",), ()),
    "LGPL-3.0-only": (("gnu lesser general public license version 3 29 june 2007",), ()),
    "LGPL-2.1-only": (("gnu lesser general public license version 2 1 february 1999",), ()),
    "LGPL-2.0-only": (("gnu library general public license version 2 june 1991",), ()),
    "GPL-3.0-only": (("gnu general public license version 3 29 june 2007",), ()),
    "GPL-2.0-only": (("gnu general public license version 2 june 1991",), ()),
}
RESTRICTED = ("commons clause", "non commercial use", "noncommercial use")  # words that take back what the rest grants


def pack(folder: Path, target: Path) -> Path | None:
    """Write the source files of a folder into one Parquet file, in our own layout; None where there are none.

    A repository is the outermost folder (at most two below `folder`) with `.git`, else one with a licence file,
    else the first below `folder`; `folder` itself counts as one. Language by the end of the name; licence as the file
    says in its first lines, else by the text of the nearest licence file above it. Content is the bytes as they are; a
    file of more than MOST_BYTES has none, and the fault not_fetched. Same files, same bytes. Raises SourceError for
    what cannot be read.
    """
    tree, temporary = _Tree(folder), target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(temporary, PACKED, **HOLDING_CODE) as file:
            rows = sum(map(functools.partial(_write_rows, file), _row_batches(map(tree.row, tree.files()))))
        if rows:
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    log.info("%s: %s source files packed; %s of other kinds are not taken.", folder, f"{rows:,}", f"{tree.others:,}")
    return target if rows else None


def _write_rows(file: pq.ParquetWriter, rows: list[PackedRow]) -> int:
    file.write_table(pa.Table.from_pylist(rows, schema=PACKED))
    return len(rows)


def _row_batches(rows: Iterable[PackedRow]) -> Iterator[list[PackedRow]]:
    """The rows in lists of at most BATCH_ROWS rows and about BATCH_BYTES of content."""
    waiting: list[PackedRow] = []
    room = BATCH_BYTES
    for row in rows:
        waiting.append(row)
        room -= len(row["content"] or b"")
        if room <= 0 or len(waiting) == BATCH_ROWS:
            yield waiting
            waiting, room = [], BATCH_BYTES
    if waiting:
        yield waiting


class _Tree:
    """A folder of repositories; each directory is examined once. `others`: files not taken."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.others = 0
        self._licences: dict[Path, str | None] = {}
        self._homes: dict[tuple[str, ...], Path] = {}

    def files(self) -> Iterator[Path]:
        """Source files in the order of their names, directory by directory; links that lead elsewhere are skipped."""
        for place, folders, names in os.walk(self.root, onerror=_raise_unreadable):
            folders[:] = sorted(name for name in folders if name != ".git")
            for path in (Path(place, name) for name in sorted(names)):
                if path.suffix.lower() in LANGUAGE_OF and self._lies_here(path):
                    yield path
                else:
                    self.others += 1

    def _lies_here(self, path: Path) -> bool:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(self.root.resolve()))

    def row(self, path: Path) -> PackedRow:
        """A file as a row of PACKED."""
        content = _content_of(path)
        home = self._repository_of(path.relative_to(self.root).parts[:-1])
        return {
            "repo": _name_as_text(home.relative_to(self.root).as_posix() if home != self.root else home.resolve().name),
            "path": _name_as_text(path.relative_to(home).as_posix()),
            "language": LANGUAGE_OF[path.suffix.lower()],
            "licence": _spdx_licence(content or b"") or self._nearest_licence(path.parent),
            "blob_sha": None if content is None else git_sha1(content),
            "size": path.stat().st_size if content is None else len(content),
            "content": content,
            "fault": "not_fetched" if content is None else None,
        }

    def _repository_of(self, parts: tuple[str, ...]) -> Path:
        """The repository of a file in the directory `parts` below the root."""
        top = parts[:2]
        if top not in self._homes:
            levels = [self.root.joinpath(*top[:depth]) for depth in range(len(top) + 1)]
            marked = [level for level in levels if (level / ".git").exists()]
            owned = levels[:2] if len(levels) > 1 and _has_files(levels[1]) else levels  # an owner has folders only
            marked += [level for level in owned if _licence_files(level)]
            self._homes[top] = (marked or levels[1:] or levels)[0]
        return self._homes[top]

    def _nearest_licence(self, directory: Path) -> str | None:
        """Of the nearest licence file of `directory` or one above it; None where its text is not known."""
        if directory not in self._licences:
            files = _licence_files(directory)
            if files or directory == self.root:
                self._licences[directory] = _all_known_licences(
                    [_licences_in_text(_content_of(file) or b"") for file in files]
                )
            else:
                self._licences[directory] = self._nearest_licence(directory.parent)
        return self._licences[directory]


def _raise_unreadable(error: OSError) -> NoReturn:
    raise SourceError(
        f"{error.filename} cannot be read: {error.strerror}. Give the right to read it, or take it out of the folder."
    ) from error


def _content_of(path: Path) -> bytes | None:
    """A file's bytes; None for more than MOST_BYTES."""
    try:
        return None if path.stat().st_size > MOST_BYTES else path.read_bytes()
    except OSError as error:
        _raise_unreadable(error)


def _name_as_text(name: str) -> str:
    """A name as text: on a disk it may be bytes that are none."""
    return os.fsencode(name).decode("utf-8", "replace")


def _has_files(directory: Path) -> bool:
    return any(path.is_file() for path in directory.iterdir())


def _licence_files(directory: Path) -> list[Path]:
    """LICENSE and its like; where there is none, those that name one (LICENSE-MIT, LICENSE-APACHE)."""
    paths = sorted(path for path in directory.iterdir() if path.is_file())
    plain = [path for path in paths if LICENCE_FILE.fullmatch(path.name)]
    return plain or [path for path in paths if FURTHER_LICENCE_FILE.fullmatch(path.name)]


def _licences_in_text(text: bytes) -> str | None:
    """Licences whose sentences a text has, joined by AND; None for none, and for what restricts them further."""
    plain = " ".join(re.findall(r"[a-z0-9]+", text.decode("utf-8", "replace").lower()))
    if any(words in plain for words in RESTRICTED):
        return None
    found = [
        name
        for name, (there, absent) in TEXTS.items()
        if all(words in plain for words in there) and not any(words in plain for words in absent)
    ]
    return " AND ".join(found) or None


def _spdx_licence(content: bytes) -> str | None:
    """What SPDX-License-Identifier says in the first HEAD bytes of a file; several bind together."""
    found = SPDX.findall(content[:HEAD].decode("latin-1"))
    named = (licence.rstrip(".") for licence in found)
    return _all_known_licences([licence for licence in named if licence not in {"", licences.NOASSERTION}])


def _all_known_licences(several: Sequence[str | None]) -> str | None:
    """Licences that bind together, each once; None if one of them is not known."""
    known = [licence for licence in several if licence]
    return licences.all_of(known) if len(known) == len(several) else None
