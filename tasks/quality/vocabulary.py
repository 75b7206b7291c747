"""What each token id means. Append-only, one meaning an id: old files and old models stay readable.

0-4 are reserved (schemas/format_a.py), 100-999 belong to enumerated tokens such as bins, log templates start at 1000.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TypedDict

import pandas as pd
import pyarrow as pa

from schemas.format_a import RESERVED

TEMPLATE_TOKENS = pa.schema({"system": pa.string(), "template": pa.string(), "token": pa.int32()})
FIRST_TEMPLATE = 1_000
CEILING = 1 << 24  # ids stay below it: exact in float32 too, which some loaders pass them through


class Entry(TypedDict):
    """What one token id means."""

    source: str
    meaning: str


class VocabularyConflict(ValueError):
    """One token id would get two meanings."""


def template_tokens(pairs: pd.DataFrame) -> pd.DataFrame:
    """Ids of log templates: a function of (system, template) alone, so that another system or a later day moves none.

    `pairs`: columns system, template; repeated pairs count once. Returns system, template, token (int32), one row for
    each distinct pair in sorted order; token = 1000 + blake2b(system + NUL + template) mod (2**24 - 1000).
    Of two pairs with one id (expected pairs: n * n / 3.4e7; 3 % of vocabularies of 1,000 templates have one) the later
    in sorted order takes the next free id upward: only such a pair can depend on its neighbours.
    """
    distinct = sorted(set(zip(pairs["system"], pairs["template"], strict=True)))
    tokens = list(_probed(home_token(system, template) for system, template in distinct))
    systems, templates = [system for system, _ in distinct], [template for _, template in distinct]
    table = pa.table([systems, templates, tokens], schema=TEMPLATE_TOKENS)
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def home_token(system: str, template: str) -> int:
    """The id a pair has unless it is taken: the same number in every run, on any machine."""
    digest = hashlib.blake2b(f"{system}\0{template}".encode(errors="surrogatepass"), digest_size=8).digest()
    return FIRST_TEMPLATE + int.from_bytes(digest, "big") % (CEILING - FIRST_TEMPLATE)


def _probed(homes: Iterator[int]) -> Iterator[int]:
    """Each home, or the next free id above it, going round at the ceiling: 7, 7, 8 -> 7, 8, 9."""
    taken: set[int] = set()
    for home in homes:
        token = home
        while token in taken:
            token = token + 1 if token + 1 < CEILING else FIRST_TEMPLATE
        taken.add(token)
        yield token


def merge(old: Mapping[str, Entry], *tables: pd.DataFrame) -> dict[str, Entry]:
    """The union of a vocabulary and tables of new tokens, sorted by id; no id is ever removed.

    `old`: `{"100": {"source": ..., "meaning": ...}}`, keyed by the decimal id; {} for the first. `tables`: columns
    token, source, meaning. The reserved ids are always in, under the source "reserved".
    Raises VocabularyConflict for an id with two meanings, and for a row without token, source or meaning.
    """
    merged = {token: ("reserved", name) for token, name in RESERVED.items()}
    for token, entry in ((int(token), (entry["source"], entry["meaning"])) for token, entry in old.items()):
        _add_entry(merged, token, entry)
    for table in tables:
        for token, entry in _table_entries(table):
            _add_entry(merged, token, entry)
    return {str(token): Entry(source=merged[token][0], meaning=merged[token][1]) for token in sorted(merged)}


def _table_entries(table: pd.DataFrame) -> Iterator[tuple[int, tuple[str, str]]]:
    columns = table[["token", "source", "meaning"]]
    incomplete = int(columns.isna().any(axis=1).sum())
    if incomplete:
        raise VocabularyConflict(
            f"{incomplete} of {len(table)} rows of a vocabulary table have no token, source or meaning; "
            "each must have all three. Look at the function that makes the dataset's vocabulary."
        )
    for token, source, meaning in columns.drop_duplicates().itertuples(index=False):
        yield int(token), (source, meaning)


def _add_entry(merged: dict[int, tuple[str, str]], token: int, entry: tuple[str, str]) -> None:
    known = merged.setdefault(token, entry)
    if known != entry:
        raise VocabularyConflict(
            f"Token {token} means {known[1]!r} ({known[0]}) already and would now mean {entry[1]!r} ({entry[0]}). "
            "An id keeps its meaning for ever: give the new one another id, or start a new vocabulary for a new model."
        )
