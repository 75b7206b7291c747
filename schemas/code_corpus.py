"""The code corpus: raw columns, what is kept of a file of source code, and the contract of the published files.

Limits on stars, size and licence are those of the system this one replaces; those on lines and letters are the
filters of The Stack's authors (Li et al., "StarCoder", 2023, section 3). A file is what one commit of a repository has
under one path.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypedDict, get_args

import pandas as pd
import pyarrow as arrow
from pydantic import Field

STEM = "code_corpus"

# Language -> the ends of its files' names, in small letters. A header may be C's: its content decides.
LANGUAGES: dict[str, tuple[str, ...]] = {
    "Python": (".py", ".pyi", ".pyw"),
    "Java": (".java",),
    "C++": (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".h", ".ipp", ".tpp", ".inl"),
    "JavaScript": (".js", ".mjs", ".cjs", ".jsx"),
}
Language = Literal["Python", "Java", "C++", "JavaScript"]

# Raw rows, whatever the layout of their file; null: not known.
RAW_ROWS = arrow.schema(
    {
        "file": arrow.string(),  # the raw file's name, and `line` the 1-based row in it
        "line": arrow.int64(),
        "repo": arrow.string(),  # owner/name
        "path": arrow.string(),  # in the repository
        "language": arrow.string(),  # as the source calls it
        "licence": arrow.string(),  # SPDX expression; several licences are joined by " AND "
        "revision": arrow.string(),  # commit
        "blob": arrow.string(),  # SHA-1 that names the content: git's, of "blob <size>\0" and it, or its own
        "stars": arrow.int64(),
        "encoding": arrow.string(),  # as the source calls it, in lower case
        "size": arrow.int64(),  # bytes of the content, by the source
        "content": arrow.large_binary(),
        "fault": arrow.string(),  # why there is no content, or not this one: one of FAULTS; null: none
    }
)
# not_fetched: by its metadata the file is not wanted, so its content was not downloaded.
Fault = Literal["null_content", "not_fetched", "not_found", "wrong_content"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

FEWEST_STARS = 10
SMALLEST, LARGEST = 100, 1 << 20  # bytes of a file
MOST_MEGABYTES = 10  # MiB of a file that a run may ask for
LONGEST_NAME = 180  # characters of `name`; Windows ends a path at 260, folders above it included

LONGEST_LINE, LONGEST_MEAN_LINE = 1_000, 100  # characters; a file with more is minified, or data
FEWEST_ALPHANUMERIC = 0.25  # share of the characters that are letters or digits

MOST_CONTROLS = 0.01  # share of the characters that are control characters or replace undecodable bytes

# Share of a text's runs of eight words from which it is a copy. Measured on real code: with three of ten lines changed,
# copies keep a third of their runs; of files of other repositories, one in two thousand has as many, made by the same
# generator.
COPIED = 0.2
MAX_SAMPLES = 1_000  # files of a language that mode live downloads, unless a run asks for another number
Keep = Literal["first", "shortest", "longest", "best"]  # of duplicates; best: most stars, nothing redacted, longest

# Stages that a run may leave out, in their order. Before them always come `selection` and `limit`, after them the
# contract and statistics. Without `encoding` only UTF-8 is read, without `tokens` none are counted; the other columns
# are always measured.
Stage = Literal[
    "encoding",
    "malformed",
    "whitespace",
    "pii",
    "duplicates",
    "near_duplicates",
    "decontamination",
    "tokens",
]
STAGES: tuple[Stage, ...] = get_args(Stage)

# How many files came to a stage, how many it kept, and how many it rejected for each reason.
StageCount = TypedDict("StageCount", {"stage": str, "in": int, "kept": int, "left_out": dict[str, int]})

_TEXT, _COUNT = pd.ArrowDtype(arrow.string()), pd.ArrowDtype(arrow.int64())

COLUMNS: dict[str, pd.ArrowDtype] = {
    "id": _TEXT,  # "code_corpus:<hash of repository, path and revision>"
    "repo": _TEXT,
    "path": _TEXT,
    "name": _TEXT,  # for a file of one's own: <language>/<repository>/<path>, at most LONGEST_NAME characters
    "language": _TEXT,
    "licence": _TEXT,
    "attribution": _TEXT,  # path, repository and address of the file, as licences ask
    "revision": _TEXT,  # "" where it is not known
    "blob": _TEXT,
    "stars": _COUNT,  # null where it is not known
    "encoding": _TEXT,  # what the raw file was written in
    "size": _COUNT,  # bytes of `content` in UTF-8
    "lines": _COUNT,
    "tokens": _COUNT,  # null where the stage is off
    "complexity": _COUNT,  # McCabe's number of the file, Python only
    "outcome": pd.ArrowDtype(arrow.bool_()),  # whether something was redacted
    "split": _TEXT,  # train, validation, test: that of its repository
    "digest": _TEXT,  # SHA-256 of `content`
    "rows": pd.ArrowDtype(arrow.int32()),  # rows of the raw files it was made of: 1
    "content": pd.ArrowDtype(arrow.large_string()),
}
NULLABLE = ("stars", "tokens", "complexity")
SLICES = ("language", "licence", "repo")
CHECKED = tuple(name for name in COLUMNS if name != "content")  # what reports look at: a content may be a megabyte

CLUSTERS = arrow.schema(  # one row for each file that left as a duplicate
    {
        "cluster": arrow.string(),  # id of the file that stays
        "id": arrow.string(),  # of the file that went
        "kind": arrow.string(),  # exact, normalised or near
        "jaccard": arrow.float64(),  # 1.0 for what is not near
    }
)


# ---- parameters of the flow, each with its sentence (see schemas/parameters.py)

Languages: TypeAlias = Annotated[
    tuple[Language, ...], Field(description="Languages to keep. Files in other languages are dropped.")
]
MaxSamples: TypeAlias = Annotated[
    int | None,
    Field(ge=1, description="Most files of each language; the first ones are taken. Default: all; in mode live 1,000."),
]
MaxSizeMb: TypeAlias = Annotated[
    float, Field(gt=0, le=MOST_MEGABYTES, description="Drop files larger than this, in MiB; at most 10.")
]
Stages: TypeAlias = Annotated[
    tuple[Stage, ...],
    Field(
        description="Stages to run, always in this order. Without encoding, files that are not UTF-8 are quarantined."
    ),
]
KeptDuplicate: TypeAlias = Annotated[
    Keep,
    Field(
        description="Which of several duplicates to keep. best: most stars, then nothing redacted, then the longest."
    ),
]
Benchmarks: TypeAlias = Annotated[
    Path | None,
    Field(
        description="Text file with strings of at least 20 characters, one per line. A file that contains one is "
        "dropped."
    ),
]
Tokenizer: TypeAlias = Annotated[
    Path | None,
    Field(
        description="A model's tokenizer.json, with which tokens are counted. Default: the pieces that such a "
        "tokenizer begins with, which are fewer."
    ),
]
MetadataFiles: TypeAlias = Annotated[
    tuple[str, ...], Field(description="Metadata files of the dataset on the hub; * matches any text.")
]
