"""The Stack, infrastructure as code: raw columns, columns of the table, and the numbers of its rules and alerts.

The limits on size and letters are those of The Stack's authors' own filters for code models (Kocetkov et al., "The
Stack: 3 TB of permissively licensed source code", 2022; Li et al., "StarCoder", 2023), as the design sets them.
"""

from typing import TypedDict

import pandas as pd
import pyarrow as arrow

STEM = "ds6_the_stack"

_TEXT = pd.ArrowDtype(arrow.string())

# Columns that every Parquet shard of The Stack has, and further ones that are read where a shard has them.
NEEDED_COLUMNS = ("content", "max_stars_repo_path", "max_stars_repo_licenses")
FURTHER_COLUMNS = ("max_stars_repo_name", "max_stars_repo_head_hexsha", "hexsha", "alphanum_fraction")
LICENCE_SEPARATOR = ","  # between the licences of a raw row; no SPDX id has a comma

RAW_ROWS = arrow.schema(
    {
        "file": arrow.string(),
        "line": arrow.int64(),
        **{name: arrow.string() for name in (*NEEDED_COLUMNS, *FURTHER_COLUMNS)},
        "fault": arrow.string(),  # null: none
    }
)


class RawRow(TypedDict):
    """A row of RAW_ROWS; None where the shard has no value."""

    file: str
    line: int
    content: str | None
    max_stars_repo_path: str | None
    max_stars_repo_licenses: str | None
    max_stars_repo_name: str | None
    max_stars_repo_head_hexsha: str | None
    hexsha: str | None
    alphanum_fraction: str | None
    fault: str | None


SMALLEST, LARGEST = 200, 500_000  # bytes of UTF-8
FEWEST_ALPHANUMERIC = 0.25  # share of the characters that are letters or digits

# Columns of the table beside those of Format B; `licence` is one of Format B's, and a slice too.
SLICES = {"kind": _TEXT}
SLICE_NAMES = ("kind", "licence")
OUTCOME = {"outcome": pd.ArrowDtype(arrow.bool_())}  # whether a value was redacted
PLACE = {  # for the step that removes duplicates, which drops them
    "file": _TEXT,
    "line": pd.ArrowDtype(arrow.int64()),
    "digest": _TEXT,  # sha256 of the manifest as it is published
}

PASS_RATE = 0.80  # least share of the manifests that are kept
MOST_OF_ONE_VIOLATION = 50  # rejected manifests for one reason
FEWEST_RECORDS = 10

# A request is in its own words and never quotes the manifest.
LONGEST_QUOTE = 40  # characters in a row that a request and its manifest may have in common
LONGEST_NAME = 36  # a longer name is not used: with the blanks around it, it would be a quotation
