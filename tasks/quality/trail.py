"""What became of one raw row: the stops on its way through a pipeline's tables. Pure.

Each pipeline's `explain.py` has two functions over the tables of the last published run:
`follow(tables, file, line) -> Found`, from a raw row to the published rows it is part of, and
`origins(tables, row) -> [(file, line), ...]`, from a published row back to its raw rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import polars as pl

Row: TypeAlias = Mapping[str, Any]  # one row of a table


class Origin(NamedTuple):
    """A raw row: the raw file's name, and the 1-based line or row in it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Tables(Protocol):
    """The tables of one published run."""

    def has(self, name: str) -> bool:
        """Whether the run had this step: some can be switched off."""
        ...

    def step(self, name: str) -> pl.LazyFrame:
        """The rows that a step kept."""
        ...

    def raw(self, name: str) -> Path:
        """A raw file by the name that the manifest has for it."""
        ...


@dataclass(frozen=True)
class Stop:
    """One step a row went through: what came out of it there, and what it was decided by."""

    step: str
    words: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """The stops of a raw row, and the ids of the published rows it is part of. No stop: no step kept such a row."""

    stops: tuple[Stop, ...] = ()
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explainer:
    """How a pipeline follows its rows. `ids` says what its row ids look like, for the help and for errors."""

    follow: Callable[[Tables, str, int], Found]
    origins: Callable[[Tables, str], Sequence[Origin]]
    ids: str


def rows_at(table: pl.LazyFrame, file: str, line: int) -> list[dict[str, Any]]:
    """The rows of a table that has `file` and `line`, at that place."""
    return table.filter((pl.col("file") == file) & (pl.col("line") == line)).collect().to_dicts()


# ---- Format A: a row is an entity's window, `linux/mars0@2005-12-31T00:30`


def sequence_id(row: Row) -> str:
    """Id of a sequence: its entity and the start of its labelled window, UTC."""
    return f"{row['entity']}@{row['window_start']:%Y-%m-%dT%H:%M:%S}"


def parsed_sequence_id(text: str) -> tuple[str, datetime]:
    """(entity, start of the window). Raises ValueError for what is no such id."""
    entity, _, start = text.rpartition("@")
    return entity, datetime.fromisoformat(f"{start}+00:00")


def sequences_with(sequences: pl.LazyFrame, entity: str, time: datetime) -> list[dict[str, Any]]:
    """The sequence whose labelled window contains a moment of an entity, then those that have it as history."""
    own = sequences.filter(
        (pl.col("entity") == entity) & (pl.col("context_start") <= time) & (time < pl.col("window_end"))
    )
    return own.sort("window_start").collect().to_dicts()


def window_stops(rows: Sequence[Row], states: Sequence[str], rules: Mapping[str, str]) -> tuple[Stop, ...]:
    """What the window of a row was labelled, and how many later sequences have it as history."""
    if not rows:
        return (Stop("windows", "No published sequence has it."),)
    first, *later = rows
    rule = first["label_rule"]
    label = f"label {first['label']} {states[first['label']]}, by rule {rule}: {rules.get(rule, 'no rule of today')}"
    window = f"{first['entity']}, {first['window_start']:%Y-%m-%d %H:%M:%S} to {first['window_end']:%H:%M:%S} UTC"
    stop = Stop("windows", f"In the labelled window of {window}.", (label, f"{len(first['sequence_ids'])} tokens"))
    history = Stop("windows", f"In the history of {len(later)} later sequences.") if later else None
    return (stop, history) if history else (stop,)


# ---- Format B, and any table whose rows have an `id`


def with_id(table: pl.LazyFrame, row: str) -> list[dict[str, Any]]:
    """The rows of a table with this id."""
    return table.filter(pl.col("id") == row).collect().to_dicts()


def conversation_stops(checked: pl.LazyFrame, row: str) -> tuple[Stop, ...]:
    """What verification and the contract said of a conversation."""
    return tuple(
        Stop(
            "check",
            f"Conversation {row} keeps the contract, split {found['split']}.",
            (f"verified: {', '.join(found['verified'])}", f"group {found['group']}", f"licence {found['licence']}"),
        )
        for found in with_id(checked.select("id", "split", "verified", "group", "licence"), row)
    )


def places_of(table: pl.LazyFrame, row: str) -> list[Origin]:
    """The raw rows that a table with `id`, `file` and `line` has for an id."""
    places = table.filter(pl.col("id") == row).select("file", "line").sort("file", "line").collect()
    return [Origin(*place) for place in places.iter_rows()]
