"""Which conversations are duplicates of each other, and which of them is kept. Pure.

Two rows are duplicates when one of these is true. The system message is never compared: it offers much the same tools
everywhere and would make all rows alike.
  exact    user, assistant and tool messages are the same, white space and Unicode's ways to write a letter aside.
  near     the words of their user and assistant messages have a Jaccard of at least the threshold (curate/minhash.py).
  payload  the long texts that their answers pass to tools have it, and the rows are of different groups.
Why payload: a model learns a manifest of 100 lines by heart from any request for it, so the length of the request
should not decide whether it is a duplicate. Only long texts (PAYLOAD characters) count, because drills have the same
short answer to many requests: of a hundred ways to ask for a restart none is a duplicate. Rows of one group are not
compared by payload: they are one task in several wordings, always in the same split.

The choice is greedy: in order of priority, a row is kept unless it duplicates a kept one. No pair remains, and of A ~
B ~ C with A unlike C, both A and C are kept where B is removed.
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

from schemas.format_b import Message
from schemas.workflow import Params, steps_of
from tasks.curate.dedup.clusters import stays
from tasks.curate.dedup.minhash import near_duplicates

Array = np.ndarray[Any, Any]

PAYLOAD = 200  # characters, the size from which DS6 takes a manifest
KINDS = ("exact", "near", "payload")  # of several kinds for one row, the first is given
DUPLICATES = pa.schema(
    {
        "removed": pa.string(),  # id
        "kept": pa.string(),  # id of a row that is kept
        "jaccard": pa.float64(),  # of these two, of what `kind` compares
        "kind": pa.string(),
        "source_removed": pa.string(),
        "source_kept": pa.string(),
    }
)


def distinct(ordered: pd.DataFrame, threshold: float, workers: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, duplicates) of a table of Format B in order of priority, its best row first.

    duplicates (columns DUPLICATES): every removed row, with a kept row before it that is its duplicate at `threshold`;
    of several the first by KINDS, then the most alike. The same on any number of `workers` (threads).

    Subtle: among hundreds of copies not every pair is listed, and a row may be kept though all its listed duplicates
    were removed. So the kept rows are searched again until no pair among them is found; all pairs ever found count.
    """
    texts = _compared_texts(ordered)
    rows = np.arange(len(ordered))
    pairs = _duplicate_pairs(texts, rows, threshold, workers)
    new = pairs
    while len(new):
        rows = np.flatnonzero(stays(pairs, len(ordered)))
        new = _duplicate_pairs(texts, rows, threshold, workers)
        pairs = pl.concat([pairs, new])
    return ordered.iloc[rows], _duplicates_table(pairs, rows, ordered)


def _compared_texts(ordered: pd.DataFrame) -> pl.DataFrame:
    """For each row `exact` (a hash), `words` and `payload` as in `compared`, and `group`, unique over sources."""
    columns: dict[str, list[str]] = {"exact": [], "words": [], "payload": [], "group": []}
    for source, group, messages in zip(ordered["source"], ordered["group"], ordered["messages"], strict=True):
        whole, words, payload = compared(orjson.loads(messages))
        columns["exact"].append(hashlib.blake2b(whole.encode(), digest_size=16).hexdigest())
        columns["words"].append(words)
        columns["payload"].append(payload)
        columns["group"].append(f"{source}\0{group}")
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def compared(messages: Sequence[Message]) -> tuple[str, str, str]:
    """Texts that are compared for duplicates: all but the system message; requests and answers; the payload."""
    turns = [(turn["role"], _normalised(turn["content"])) for turn in messages if turn["role"] != "system"]
    words = "\n".join(text for role, text in turns if role != "tool")
    answers = (turn["content"] for turn in messages if turn["role"] == "assistant")
    payload = "\n".join(text for answer in answers for step in steps_of(answer) for text in _long_texts(step["params"]))
    return orjson.dumps(turns).decode(), words, payload


def _normalised(text: str) -> str:
    """The text with single spaces, and each letter in one of its Unicode forms (NFC)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _long_texts(params: Params) -> Iterator[str]:
    """The texts of at least PAYLOAD characters in a step's parameters, at any depth, in their order."""
    waiting: list[object] = [params]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and len(value) >= PAYLOAD:
            yield value
        elif isinstance(value, Mapping):
            waiting.extend(reversed([*value.values()]))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _duplicate_pairs(texts: pl.DataFrame, rows: Array, threshold: float, workers: int) -> pl.DataFrame:
    """Duplicates among some rows: left, right (left has priority), jaccard, kind (its place in KINDS)."""
    near = _near_pairs(texts["words"], rows, threshold, workers)
    with_payload = rows[(texts["payload"].str.len_bytes() > 0).to_numpy()[rows]]
    payload = _near_pairs(texts["payload"], with_payload, threshold, workers)
    exact, group = (texts[name].rank("dense").to_numpy() for name in ("exact", "group"))  # equal numbers: equal texts
    left, right = payload["left"].to_numpy(), payload["right"].to_numpy()
    crossing = payload.filter(group[left] != group[right]).with_columns(kind=pl.lit(KINDS.index("payload"), pl.Int8))
    same = exact[near["left"].to_numpy()] == exact[near["right"].to_numpy()]
    kinds = np.where(same, KINDS.index("exact"), KINDS.index("near"))
    return pl.concat([near.with_columns(kind=pl.Series(kinds, dtype=pl.Int8)), crossing])


def _near_pairs(texts: pl.Series, rows: Array, threshold: float, workers: int) -> pl.DataFrame:
    """Pairs of near duplicates among some rows of a column."""
    pairs = near_duplicates(texts.gather(rows), threshold, workers=workers).pairs
    return pairs.with_columns(left=pl.Series(rows[pairs["left"]]), right=pl.Series(rows[pairs["right"]]))


def _duplicates_table(pairs: pl.DataFrame, rows: Array, ordered: pd.DataFrame) -> pd.DataFrame:
    """The table of duplicates: each removed row once, with the kept one it is most alike, ordered by removed id."""
    is_kept = np.zeros(len(ordered), bool)
    is_kept[rows] = True
    decisive = pairs.filter(is_kept[pairs["left"].to_numpy()])
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
