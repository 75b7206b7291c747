"""Raw log lines into parsed lines: the header is split off each line by the layout of its file.

In: lines as source.decode gives them (file, line, text, fault, layout). Out: schemas/ds2_loghub.py: PARSED_COLUMNS. A
layout (schemas/ds2_loghub.py: LAYOUTS) is found by a file's content, never by its name.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd
import polars as pl

from schemas.ds2_loghub import BY_NAME, PARSED_COLUMNS, Layout
from tasks.pipelines.ds2_loghub.frames import as_pandas
from tasks.pipelines.ds2_loghub.rules import REASONS
from tasks.quality.rejects import rejected

MULTILINE = [name for name, layout in BY_NAME.items() if layout.multiline]


def system_of(file: str) -> str:
    """A system's name from its file's: the letters and digits before the first `_`, `-` or `.`, in lower case.

    "2k/Linux_2k.log" -> "linux"; "hadoop-worker.log" -> "hadoop". "" where there are none.
    """
    head = PurePosixPath(file).name.replace("-", "_").replace(".", "_").partition("_")[0]
    return "".join(character for character in head.lower() if character.isascii() and character.isalnum())


def best_layout(lines: Iterable[str]) -> Layout | None:
    """The layout that most of these lines have; the first of LAYOUTS among equals; None where no line has any."""
    texts = pl.Series(list(lines), dtype=pl.String)
    hits = {name: int(texts.str.contains(layout.pattern).sum() or 0) for name, layout in BY_NAME.items()}
    best = max(hits, key=lambda name: hits[name])
    return BY_NAME[best] if hits[best] else None


def parse(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(parsed lines, rejects): the header of each line, by the layout of its file.

    `lines`: file, line, text, fault (null: none), layout. A line without a header has no time where its layout has
    records of several lines (`events` reads it with the record it belongs to); elsewhere it is rejected as no_header.
    A faulty line is rejected with its fault as the reason.
    """
    table = pl.from_pandas(lines)
    faulty = table.filter(pl.col("fault").is_not_null())
    sound = table.filter(pl.col("fault").is_null())
    parts = [_headers(part, BY_NAME[name[0]]) for name, part in sound.group_by(["layout"], maintain_order=True)]
    parsed = pl.concat([_no_parsed_lines(), *parts]).sort("file", "line", maintain_order=True)
    readable = pl.col("time").is_not_null() | pl.col("layout").is_in(MULTILINE)
    bad = pl.concat(
        [
            faulty.select("file", "line", reason="fault", row="text"),
            parsed.filter(~readable).select("file", "line", reason=pl.lit("no_header"), row="message"),
        ]
    ).sort("file", "line")
    rejects = rejected("parse", REASONS, reasons=bad["reason"], rows=bad["row"], files=bad["file"], lines=bad["line"])
    return as_pandas(parsed.filter(readable)), rejects


def _headers(lines: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """PARSED_COLUMNS of lines of one layout; time is null and message the whole text where there is no header."""
    header = pl.col("text").str.extract_groups(layout.pattern).alias("header")
    found = lines.select("file", "line", "layout", "text", header)
    systems = {file: system_of(file) for file in found["file"].unique()}
    groups = set(found.schema["header"].to_schema())  # type: ignore[attr-defined]
    fields = {
        name: pl.col("header").struct.field(name) if name in groups else pl.lit(None, dtype=pl.String)
        for name in ("time", "host", "level", "source", "message")
    }
    return (
        found.with_columns(**fields)
        .with_columns(
            system=pl.col("file").replace_strict(systems, return_dtype=pl.String),
            source=pl.col("source").fill_null("").str.strip_chars(),
            message=pl.when(pl.col("time").is_null()).then("text").otherwise(pl.col("message")).str.strip_chars_end(),
        )
        .select(PARSED_COLUMNS)
    )


def _no_parsed_lines() -> pl.DataFrame:
    """An empty table of PARSED_COLUMNS."""
    types = {column: pl.Int64 if column == "line" else pl.String for column in PARSED_COLUMNS}
    return pl.DataFrame(schema=types)
