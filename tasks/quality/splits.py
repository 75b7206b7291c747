"""Train, validation, test: by entity and time, decided by hash, so that new data never moves an old row.

A group is (source, entity, block of time); all its rows go one way, and which way is a function of the group alone.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import polars as pl

from schemas.finding import Finding
from schemas.format_a import SPLITS, TEXT
from schemas.reject import Reason, reasons
from tasks.quality.rejects import rejected_rows
from tasks.quality.statistics import state_counts

DAY = timedelta(days=1)
SHARES = (0.8, 0.1, 0.1)  # of groups: train, validation, test
CROSSES = "context_crosses_split"
REASONS = reasons(
    Reason(CROSSES, "dropped", "The sequence's time touches two blocks of its entity that are in different splits.")
)
GROUP = ("source", "entity", "block")


def split_of(source: str, entity: str, block: int, shares: Sequence[float] = SHARES) -> str:
    """The split of a group; `block` is its start in microseconds since 1970. A pure function: the same for ever.

    The group's hash, read as a fraction of 1, falls into train below shares[0], into validation below
    shares[0] + shares[1], else into test.
    """
    digest = hashlib.blake2b(f"{source}\0{entity}\0{block}".encode(errors="surrogatepass"), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64
    return SPLITS[0] if point < shares[0] else SPLITS[1] if point < shares[0] + shares[1] else SPLITS[2]


def by_group(table: pd.DataFrame, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """A table of Format B with the column `split`: that of each row's (source, group), whatever rows there are."""
    pairs = list(zip(table["source"], table["group"], strict=True))
    splits = {pair: split_of(*pair, 0, shares) for pair in set(pairs)}
    return table.assign(split=pd.Series([splits[pair] for pair in pairs], index=table.index, dtype=TEXT))


def assign(
    sequences: pd.DataFrame, *, block: timedelta = DAY, shares: Sequence[float] = SHARES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, rejects): each row with the split of its group; a row is looked at by itself, so no other can move it.

    A group's block is window_start rounded down to `block` since 1970. A row whose time, [context_start, window_end),
    touches a block of its entity with another split is dropped as "context_crosses_split": so two rows of one entity
    that share an instant share its block's split, and no token of a test window stands in a train sequence.
    Raises ValueError for a block that is not positive and for shares that are not three parts of 1.
    """
    _require(block, shares)
    if sequences.empty:
        return sequences, rejected_rows("assign", REASONS, sequences, CROSSES)
    blocks = _blocks(pl.from_pandas(sequences[["source", "entity", "context_start", "window_end"]]), block)
    found = (
        _with_split(blocks, shares)
        .group_by("row")
        .agg(pl.col("split").first(), whole=pl.col("split").n_unique() == 1)
        .sort("row")
    )
    whole = found["whole"].to_numpy()
    kept = sequences.assign(
        split=pd.Series(found["split"].to_list(), index=sequences.index, dtype=sequences["split"].dtype)
    )
    return kept[whole].reset_index(drop=True), rejected_rows("assign", REASONS, sequences[~whole], CROSSES)


def _require(block: timedelta, shares: Sequence[float]) -> None:
    if block <= timedelta(0):
        raise ValueError(f"The block of time is {block}; it must be positive, e.g. one day.")
    require_shares(shares)


def require_shares(shares: Sequence[float]) -> None:
    """Raise ValueError for shares that are not three parts of 1."""
    if len(shares) != len(SPLITS) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"The shares are {tuple(shares)}; they must be three parts of 1, for {', '.join(SPLITS)}.")


def _blocks(times: pl.DataFrame, block: timedelta) -> pl.DataFrame:
    """One row for each (row, block its time touches): row, source, entity, block (microseconds)."""
    size = block // timedelta(microseconds=1)

    def start(time: pl.Expr) -> pl.Expr:
        return time // size * size

    first, last = start(pl.col("context_start").dt.epoch("us")), start(pl.col("window_end").dt.epoch("us") - 1)
    return (
        times.with_row_index("row")
        .select(
            "row",
            "source",
            "entity",
            block=pl.int_ranges(first, last + 1, size),
        )
        .explode("block")
    )


def _with_split(blocks: pl.DataFrame, shares: Sequence[float]) -> pl.DataFrame:
    groups = blocks.select(GROUP).unique()
    splits = [split_of(source, entity, start, shares) for source, entity, start in groups.iter_rows()]
    return blocks.join(groups.with_columns(split=pl.Series(splits, dtype=pl.String)), on=GROUP)


def sizes(combined: pd.DataFrame) -> dict[str, Any]:
    """What lies in each split: rows, their weight, entities, rows by state. A split without rows stands there too."""
    parts = {name: combined[combined["split"] == name] for name in SPLITS}
    return {
        name: {
            "rows": len(part),
            "weight": int(part["weight"].sum()),
            "entities": len(part[["source", "entity"]].drop_duplicates()),
            "label_distribution": state_counts(part["label"]),
        }
        for name, part in parts.items()
    }


def findings(combined: pd.DataFrame) -> list[Finding]:
    """A warning for each split without rows: with few entities and days the hash may leave one empty.

    Nothing is moved to fill it: a row that moved would be in two splits at different times.
    """
    entities = len(combined[["source", "entity"]].drop_duplicates())
    return [
        Finding(
            kind="volume",
            name=f"rows in {name}",
            measured=part["rows"],
            limit=1,
            holds=part["rows"] >= 1,
            unit="rows",
            detail=""
            if part["rows"]
            else f"{entities} entities in all; add entities or days, or choose a smaller block",
        )
        for name, part in sizes(combined).items()
    ]
