"""Rows of the sample: files in The Stack v2's columns, the repositories they belong to, and their truth. Pure."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

import pyarrow as pa

from schemas.code_corpus import FEWEST_STARS
from tasks.pipelines.code_corpus import sample_programs as programs
from tasks.pipelines.code_corpus.sample_dialects import DIALECTS
from tasks.pipelines.code_corpus.sample_programs import Program, Unit
from tasks.pipelines.code_corpus.sample_texts import NOUNS, OWNERS, PROJECTS

REPOSITORIES = 24
MEDIUM = 1_500  # characters asked of a file that is no good file
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "CC0-1.0")


Columns: TypeAlias = dict[str, "str | bytes | int | list[str] | None"]  # of one row of a shard, by name

SHARD = pa.schema(
    {
        "blob_id": pa.string(),
        "content_id": pa.string(),
        "path": pa.string(),
        "repo_name": pa.string(),
        "revision_id": pa.string(),
        "language": pa.string(),
        "detected_licenses": pa.list_(pa.string()),
        "license_type": pa.string(),
        "src_encoding": pa.string(),
        "length_bytes": pa.int64(),
        "star_events_count": pa.int64(),
        "content": pa.binary(),
    }
)


@dataclass(frozen=True)
class Repository:
    """What all files of a repository have in common."""

    name: str
    licences: tuple[str, ...]
    stars: int
    revision: str

    def columns(self) -> Columns:
        """The columns of a shard that it decides."""
        return {
            "repo_name": self.name,
            "revision_id": self.revision,
            "detected_licenses": list(self.licences),
            "license_type": "permissive" if self.licences else "no_license",
            "star_events_count": self.stars,
        }


@dataclass(frozen=True, eq=False)  # two rows with the same content are two rows
class Row:
    """A row of a shard, and what the truth says of it besides its place."""

    columns: Columns
    kind: str
    outcome: str = "kept"
    planted: Sequence[str] = ()
    holds: Sequence[str] = ()
    encoding: str | None = "utf-8"
    of: "Row | None" = None

    @property
    def text(self) -> str:
        """The content of a row that is written in UTF-8."""
        return self.content.decode()

    @property
    def content(self) -> bytes:
        """The content of a row that has one."""
        return cast("bytes", self.columns["content"])


@dataclass
class Maker:
    """Makes rows: the repositories they belong to, and the paths that are taken."""

    rng: random.Random
    repositories: list[Repository] = field(init=False)
    taken: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        names = [f"{owner}/{project}" for owner in OWNERS for project in PROJECTS]
        self.repositories = [self.repository(name) for name in self.rng.sample(names, REPOSITORIES)]
        self.repositories[0] = replace(self.repositories[0], stars=FEWEST_STARS)  # just enough

    def repository(self, name: str) -> Repository:
        """A repository that is wanted."""
        licences = tuple(self.rng.sample(LICENCES, self.rng.choice((1, 1, 1, 2))))
        stars = self.rng.randrange(FEWEST_STARS, 5_000)
        return Repository(name, licences, stars, f"{self.rng.getrandbits(160):040x}")

    def program(self, language: str, least: int = MEDIUM, *extra: Unit) -> Program:
        """A program of the grammar."""
        return programs.program(self.rng, language, least, extra)

    def row(
        self, kind: str, made: Program, content: str | bytes | None = None, home: Repository | None = None, **more: Any
    ) -> Row:
        """A row of a kind: a program's text, or another content, in repository `home`, or in a random one.

        `more`: columns with another value than the program and repository give them, and fields of Row.
        """
        content = made.text if content is None else content
        data = content.encode() if isinstance(content, str) else content
        columns = {name: more.pop(name) for name in SHARD.names if name in more}
        home = home or self.rng.choice(self.repositories)
        path = columns.get("path") or self.path(home.name, made)
        given = {
            "path": path,
            "language": made.language,
            "src_encoding": "UTF-8",
            **home.columns(),
            **content_columns(data),
        }
        return Row({**given, **columns}, kind, **more)

    def path(self, repository: str, made: Program) -> str:
        """A path for a program in a repository that no other file has."""
        title = made.title
        while (repository, path := self._random_path(title, made.language)) in self.taken:
            title = programs.title(self.rng)
        self.taken.add((repository, path))
        return path

    def _random_path(self, title: str, language: str) -> str:
        end = self.rng.choice(DIALECTS[language].ends)
        if language == "Java":
            return f"src/main/java/org/{title.rpartition('_')[2]}/{programs.pascal(title)}{end}"
        return f"{self.rng.choice(('src', 'lib', 'core'))}/{self.rng.choice(NOUNS)}/{title}{end}"


def content_columns(data: bytes) -> Columns:
    """The columns that a content decides."""
    return {
        "blob_id": hashlib.sha1(data).hexdigest(),  # noqa: S324  a name, as git's are
        "content_id": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),  # noqa: S324
        "length_bytes": len(data),
        "content": data,
    }
