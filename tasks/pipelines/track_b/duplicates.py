"""Which conversations are duplicates of each other, and which of them stays. Pure.

Two rows are duplicates when one of these holds. The system message is never compared: it offers much the same tools
everywhere and would make all rows alike.
  exact    user, assistant and tool messages are the same, white space and Unicode's ways to write a letter aside.
  near     the words of their user and assistant messages have a Jaccard of at least the threshold (curate/minhash.py).
  payload  the long texts that their answers hand to tools have it, and the rows are of different groups.
Why payload: a manifest of 100 lines asked for in other words is still known by heart, and how long the request is
should not decide whether that is seen. Only long texts (PAYLOAD characters) count, because a short answer to other
words is what a drill consists of: of a hundred ways to ask for a restart none is a duplicate. Within a group it is left
alone: one task in several wordings, always in the same split.

Which rows stay is a greedy choice: in order of priority, a row stays unless it duplicates one that does. That leaves no
pair, and keeps more than one row of each connected component: of A ~ B ~ C with A unlike C, where B goes, A and C stay.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa

from schemas.workflow import steps_of
from tasks.curate.dedup.clusters import stays
from tasks.curate.dedup.minhash import near_duplicates

Array = np.ndarray[Any, Any]

PAYLOAD = 200  # characters, the size from which DS6 takes a manifest
KINDS = ("exact", "near", "payload")  # of several reasons to remove a row, the first is told
DUPLICATES = pa.schema(
    {
        "removed": pa.string(),  # id
        "kept": pa.string(),  # id of a row that stays
        "jaccard": pa.float64(),  # of these two, of what `kind` compares
        "kind": pa.string(),
        "source_removed": pa.string(),
        "source_kept": pa.string(),
    }
)


def distinct(ordered: pd.DataFrame, threshold: float, workers: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, duplicates) of a table of Format B in order of priority, its best row first.

    duplicates (columns DUPLICATES): every row that went, with the row that stays, stands before it, and is its
    duplicate at `threshold`; of several the one told first in KINDS, then the most alike. The same on any number of
    `workers` (threads).

    Subtle: among hundreds of copies not every pair is listed, and a row may stay whose listed duplicates all went. So
    the rows that stay are looked through again until no pair among them is found; all pairs ever found count.
    """
    texts = _texts(ordered)
    rows = np.arange(len(ordered))
    pairs = _pairs(texts, rows, threshold, workers)
    found = pairs
    while len(found):
        rows = np.flatnonzero(stays(pairs, len(ordered)))
        found = _pairs(texts, rows, threshold, workers)
        pairs = pl.concat([pairs, found])
    return ordered.iloc[rows], _told(pairs, rows, ordered)


def _texts(ordered: pd.DataFrame) -> pl.DataFrame:
    """Of each row `exact` (a hash), `said` and `payload` as `compared` tells them, and `group`, unique over sources."""
    columns: dict[str, list[str]] = {"exact": [], "said": [], "payload": [], "group": []}
    for source, group, messages in zip(ordered["source"], ordered["group"], ordered["messages"], strict=True):
        whole, said, payload = compared(orjson.loads(messages))
        columns["exact"].append(hashlib.blake2b(whole.encode(), digest_size=16).hexdigest())
        columns["said"].append(said)
        columns["payload"].append(payload)
        columns["group"].append(f"{source}\0{group}")
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def compared(messages: Sequence[Mapping[str, str]]) -> tuple[str, str, str]:
    """What of a conversation is compared for duplicates: all but the system message, what was said, and its payload."""
    turns = [(turn["role"], _squeezed(turn["content"])) for turn in messages if turn["role"] != "system"]
    said = "\n".join(text for role, text in turns if role != "tool")
    answers = (turn["content"] for turn in messages if turn["role"] == "assistant")
    payload = "\n".join(text for answer in answers for step in steps_of(answer) for text in _long(step["params"]))
    return orjson.dumps(turns).decode(), said, payload


def _squeezed(text: str) -> str:
    """One space for any white space, one way to write each letter."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _long(params: Mapping[str, Any]) -> Iterator[str]:
    """The texts of at least PAYLOAD characters in a step's parameters, at any depth, in their order."""
    waiting: list[Any] = [params]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and len(value) >= PAYLOAD:
            yield value
        elif isinstance(value, Mapping):
            waiting.extend(reversed([*value.values()]))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _pairs(texts: pl.DataFrame, rows: Array, threshold: float, workers: int) -> pl.DataFrame:
    """Duplicates among some rows: left, right (left has priority), jaccard, kind (its place in KINDS)."""
    near = _near(texts["said"], rows, threshold, workers)
    bearing = rows[(texts["payload"].str.len_bytes() > 0).to_numpy()[rows]]
    payload = _near(texts["payload"], bearing, threshold, workers)
    exact, group = (texts[name].rank("dense").to_numpy() for name in ("exact", "group"))  # equal numbers: equal texts
    left, right = payload["left"].to_numpy(), payload["right"].to_numpy()
    crossing = payload.filter(group[left] != group[right]).with_columns(kind=pl.lit(KINDS.index("payload"), pl.Int8))
    same = exact[near["left"].to_numpy()] == exact[near["right"].to_numpy()]
    kinds = np.where(same, KINDS.index("exact"), KINDS.index("near"))
    return pl.concat([near.with_columns(kind=pl.Series(kinds, dtype=pl.Int8)), crossing])


def _near(texts: pl.Series, rows: Array, threshold: float, workers: int) -> pl.DataFrame:
    """Pairs of near duplicates among some rows of a column."""
    pairs = near_duplicates(texts.gather(rows), threshold, workers=workers).pairs
    return pairs.with_columns(left=pl.Series(rows[pairs["left"]]), right=pl.Series(rows[pairs["right"]]))


def _told(pairs: pl.DataFrame, rows: Array, ordered: pd.DataFrame) -> pd.DataFrame:
    """The table of duplicates: each removed row once, with the kept one it is most alike, ordered by removed id."""
    stays = np.zeros(len(ordered), bool)
    stays[rows] = True
    decisive = pairs.filter(stays[pairs["left"].to_numpy()])
    chosen = decisive.sort("right", "kind", -pl.col("jaccard"), "left").unique(
        "right", keep="first", maintain_order=True
    )
    removed, kept = (ordered[["id", "source"]].iloc[chosen[side].to_numpy()] for side in ("right", "left"))
    columns = {
        "removed": removed["id"].array,
        "kept": kept["id"].array,
        "jaccard": chosen["jaccard"].to_numpy(),
        "kind": np.array(KINDS, object)[chosen["kind"].to_numpy()],
        "source_removed": removed["source"].array,
        "source_kept": kept["source"].array,
    }
    types = {name: pd.ArrowDtype(kind) for name, kind in zip(DUPLICATES.names, DUPLICATES.types, strict=True)}
    return pd.DataFrame(columns).astype(types).sort_values("removed").reset_index(drop=True)
