"""Format B between a table and lines of JSON: what a trainer reads, and the way back."""

from collections.abc import Iterable, Iterator

import orjson
import pandas as pd
import polars as pl

from schemas.finding import SourceError
from schemas.format_b import COLUMNS, METADATA, VERIFIED
from schemas.snapshot import Mode

ROWS_AT_ONCE = 4_096
ROW_METADATA = tuple(name for name in METADATA if name != "mode")  # columns of the table; the mode is the table's
TYPES: dict[str, pd.ArrowDtype] = {**COLUMNS, "split": COLUMNS["id"], "mode": COLUMNS["id"], "verified": VERIFIED}
_LINE = pl.concat_str(
    pl.lit('{"messages":'),
    pl.col("messages"),
    pl.lit(',"metadata":'),
    pl.struct(METADATA).struct.json_encode(),
    pl.lit("}"),
).cast(pl.Binary)


def lines(table: pd.DataFrame, *, mode: Mode) -> Iterator[bytes]:
    """One line of JSON, without its line end, for each row of a table that was verified and split.

    {"messages": [...], "metadata": {every name of METADATA, in that order}}. Needs the columns `messages` and those of
    METADATA but `mode`: every line gets the same, so that generated data cannot be taken for real data. The text of
    `messages` is written unchanged, on one line. Only ROWS_AT_ONCE lines are in memory.
    """
    for start in range(0, len(table), ROWS_AT_ONCE):
        part = pl.from_pandas(table.iloc[start : start + ROWS_AT_ONCE][["messages", *ROW_METADATA]])
        whole = part.with_columns(_on_one_line(part["messages"]), mode=pl.lit(mode))
        yield from whole.select(_LINE).to_series()


def _on_one_line(messages: pl.Series) -> pl.Series:
    """JSON texts, written again where white space between their parts contains a line end."""
    broken = messages.str.contains(r"[\r\n]")
    if not broken.any():
        return messages
    written = [orjson.dumps(orjson.loads(text)).decode() for text in messages.filter(broken)]
    return messages.scatter(broken.arg_true(), written)


def rows_of(lines: Iterable[bytes]) -> pd.DataFrame:
    """The table (columns `messages` and those of METADATA) of lines that `lines` wrote; `lines` of it are the same.

    Raises SourceError for a line that lacks one of them, naming the line from 1.
    """
    rows = [_row_of_line(line, number) for number, line in enumerate(lines, start=1)]
    names = ("messages", *METADATA)
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=TYPES[name]) for name in names})


def _row_of_line(line: bytes, number: int) -> dict[str, object]:
    try:
        value = orjson.loads(line)
        metadata = {name: value["metadata"][name] for name in METADATA}
        return {"messages": orjson.dumps(value["messages"]).decode(), **metadata}
    except (orjson.JSONDecodeError, KeyError, TypeError) as fault:
        raise SourceError(
            f"Line {number} is not in Format B ({type(fault).__name__}: {fault}): expected an object with `messages` "
            f"and `metadata` ({', '.join(METADATA)}). Write the file again from the processed tables."
        ) from fault
