"""Track B's one table: every verified conversation once, without near duplicates, each with its licence and its split.

In: tables in Format B that passed verification, one a dataset. Out: frames in format_b.COLUMNS, `verified`, `split`.
What counts as a duplicate: tasks/pipelines/track_b/duplicates.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
import pandas as pd
import polars as pl

from schemas.document import Document
from schemas.finding import SourceError
from schemas.format_a import SPLIT_SHARES
from schemas.format_b import COLUMNS, SPLITS, STAGES, VERIFIED, Message
from schemas.workflow import steps_of
from tasks.pipelines.track_b.duplicates import KINDS, distinct
from tasks.pipelines.track_b.mixture import mixed
from tasks.pipelines.track_b.rules import REASONS, SHARE_ALIKE, duplicate_reason
from tasks.quality import licences
from tasks.quality.rejects import rejected_rows
from tasks.quality.splits import by_group, require_shares

Array = np.ndarray[Any, Any]

TYPES = {**COLUMNS, "verified": VERIFIED}
CHARACTERS_PER_TOKEN = 4  # a rule of thumb for English and code, without a tokenizer
TOP_TOOLS = 30


def combine(
    *tables: pd.DataFrame,
    threshold: float,
    licence: Literal["all", "permissive"] = "all",
    shares: Sequence[float] = SPLIT_SHARES,
    workers: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(combined, duplicates, rejects): the tables as one, by source and id. Combined and rejects add up to them.

    combined: no two rows are duplicates at `threshold`; `split` is a function of source and group alone.
    duplicates (columns duplicates.DUPLICATES): each row that was removed, and the kept one that it duplicates, which
    has more verified stages; or, of as many, a permissive licence instead of share-alike; or the first source, then id.
    rejects: every row that is not in combined: the duplicates and, with licence "permissive", the share-alike rows,
    which are dropped before duplicates are sought, so that no permissive row is removed as a duplicate of one.

    The order of tables and rows, and `workers` (threads), change nothing. Raises SourceError for an id that two rows
    have and for a licence that is not known, ValueError for shares that are not three parts of 1.
    """
    require_shares(shares)
    table = _stacked(tables)
    strict = _share_alike(table)
    unwanted = strict & (licence == "permissive")
    order = _priority_order(table, strict)
    kept, duplicates = distinct(table.iloc[order[~unwanted[order]]], threshold, workers)
    return by_group(_by_source_and_id(kept), shares), duplicates, _rejects(table, unwanted, duplicates)


def _rejects(table: pd.DataFrame, unwanted: Array, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Every row that is not in the combined table, by source and id."""
    reason_of = dict.fromkeys(table["id"][unwanted], SHARE_ALIKE)
    reason_of |= {
        row: duplicate_reason(kind) for row, kind in zip(duplicates["removed"], duplicates["kind"], strict=True)
    }
    rows = _by_source_and_id(table[table["id"].isin(list(reason_of))])
    return rejected_rows("combine", REASONS, rows, [reason_of[row] for row in rows["id"]])


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables below each other, without slices. No table at all gives an empty one."""
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in TYPES.items()})
    table = pd.concat([empty, *(part[list(TYPES)] for part in tables)], ignore_index=True).astype(TYPES)
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise SourceError(
            f"{len(twice):,} of {len(table):,} rows have an id that another row has too, such as {twice.min()}. "
            "Every row needs its own id: give each dataset once, and check what its ids are made of."
        )
    return table


def _priority_order(table: pd.DataFrame, strict: Array) -> Array:
    """Rows in the order in which they may stay: most verified stages, permissive before share-alike, source, id."""
    frame = pl.from_pandas(table[["verified", "source", "id"]])
    stages = frame["verified"].list.len().cast(pl.Int64).alias("stages")
    keys = frame.select(-stages, pl.Series("strict", strict), "source", "id")
    return keys.select(pl.arg_sort_by(*keys.columns)).to_series().to_numpy()


def _share_alike(table: pd.DataFrame) -> Array:
    """For each row, whether its licence is share-alike."""
    return np.array([licences.kind(licence) == SHARE_ALIKE for licence in table["licence"]], bool)


def _by_source_and_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(["source", "id"]).reset_index(drop=True)


def parts(
    combined: pd.DataFrame, mixture: Mapping[str, float] | None, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(train, validation, test), ready for a trainer. Only train is mixed, after the split: nothing can leak.

    `mixture` is each dataset's relative share of train (tasks/pipelines/track_b/mixture.py); None takes all rows as
    they are.
    """
    train, validation, test = (combined[combined["split"] == name].reset_index(drop=True) for name in SPLITS)
    return train if mixture is None else mixed(train, mixture, seed=seed), validation, test


def overview(combined: pd.DataFrame, duplicates: pd.DataFrame, rejects: pd.DataFrame) -> Document:
    """Numbers of the three tables of `combine` for report and datasheet, ready for JSON.

    `rejected` are the rejects by reason without the duplicates. Turns are user messages; steps are counted for each
    assistant message; `approximate_tokens` are characters of all messages by four, without a tokenizer.
    """
    measured = [_measures(orjson.loads(messages)) for messages in combined["messages"]]
    tools = Counter(tool for row in measured for steps in row.tools for tool in steps)
    sources = sorted(set(combined["source"]))
    removed = {duplicate_reason(kind) for kind in KINDS}
    return {
        "ledger": {
            "rows_in": len(combined) + len(rejects),
            "combined": len(combined),
            "duplicates": len(duplicates),
            "rejected": _ranked_counts(reason for reason in rejects["reason"] if reason not in removed),
        },
        "rows": {source: _split_counts(combined[combined["source"] == source]) for source in sources},
        "splits": _split_counts(combined),
        "groups": {source: combined["group"][combined["source"] == source].nunique() for source in sources},
        "licences": _ranked_counts(combined["licence"]),
        "bundle_licence": licences.bundle(combined["licence"]),
        "environments": _ranked_counts(combined["environment"]),
        "verified": {stage: sum(stage in stages for stages in combined["verified"]) for stage in STAGES},
        "turns": _number_distribution([row.turns for row in measured]),
        "steps_per_answer": _number_distribution([len(steps) for row in measured for steps in row.tools]),
        "tools": {"distinct": len(tools), "calls": tools.total(), "top": dict(_ranked(tools)[:TOP_TOOLS])},
        "characters": _characters(combined["source"], [row.characters for row in measured]),
        "duplicates": _duplicate_counts(duplicates),
    }


class Measured(NamedTuple):
    """Turns, characters and, for each answer, the tools it calls, of one conversation."""

    turns: int
    characters: int
    tools: list[list[str]]


def _measures(messages: Sequence[Message]) -> Measured:
    answers = [turn["content"] for turn in messages if turn["role"] == "assistant"]
    return Measured(
        turns=sum(turn["role"] == "user" for turn in messages),
        characters=sum(len(turn["content"]) for turn in messages),
        tools=[[step["tool"] for step in steps_of(answer)] for answer in answers],
    )


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most first; of equals, by name."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def _ranked_counts(values: Iterable[str]) -> dict[str, int]:
    return dict(_ranked(Counter(values)))


def _split_counts(table: pd.DataFrame) -> dict[str, int]:
    counts = Counter(table["split"])
    return {name: counts[name] for name in SPLITS}


def _number_distribution(numbers: Sequence[int]) -> Document:
    """Range, mean and how often each number occurs, by the number as text (JSON has no other keys)."""
    counts = Counter(numbers)
    return {
        "min": min(numbers, default=0),
        "max": max(numbers, default=0),
        "mean": round(sum(numbers) / len(numbers), 6) if numbers else 0.0,
        "counts": {str(number): counts[number] for number in sorted(counts)},
    }


def _characters(sources: "pd.Series[str]", characters: Sequence[int]) -> dict[str, dict[str, int]]:
    totals: Counter[str] = Counter()
    for source, count in zip(sources, characters, strict=True):
        totals[source] += count
    return {
        source: {"characters": total, "approximate_tokens": total // CHARACTERS_PER_TOKEN}
        for source, total in sorted(totals.items())
    }


def _duplicate_counts(duplicates: pd.DataFrame) -> Document:
    pairs = Counter(zip(duplicates["source_removed"], duplicates["source_kept"], strict=True))
    within = sum(rows for (removed, kept), rows in pairs.items() if removed == kept)
    kinds = Counter(duplicates["kind"])
    return {
        "removed": len(duplicates),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "within_a_dataset": within,
        "across_datasets": len(duplicates) - within,
        "by_sources": [{"removed": r, "kept": k, "rows": rows} for (r, k), rows in sorted(pairs.items())],
    }
