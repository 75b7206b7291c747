"""Stages that compare all files with each other: duplicates, near duplicates, contamination. Pure.

    texts --duplicates--> --near_duplicates--> --decontamination--> texts

A corpus is larger than memory: each stage takes a Scan, reads the columns it needs, and returns the kept files a batch
at a time. `duplicates` and `near_duplicates` also return CLUSTERS: which file is kept for each one that is rejected.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TypeAlias, TypeVar

import pandas as pd
import polars as pl
import pyarrow as pa

from schemas.code_corpus import CLUSTERS, Keep
from schemas.snapshot import Scan
from tasks.curate.dedup import clusters, minhash, overlap
from tasks.curate.text import lexing
from tasks.curate.text.text_file import TextFile
from tasks.pipelines.code_corpus.rows import Array, split_scan, values

Part = TypeVar("Part")
Result = TypeVar("Result")
Batches: TypeAlias = Iterator[pd.DataFrame]


def duplicates(files: Scan, *, keep: Keep) -> tuple[Batches, pd.DataFrame, pd.DataFrame]:
    """One of each group of files that are equal, or differ in white space alone: (kept, rejects, CLUSTERS)."""
    known = _priorities(files, digest=_digests, normal=lexing.normal)
    ranked = known[_in_priority(known, keep)].with_columns(stays=pl.col("normal").is_first_distinct())
    kept = ranked.filter("stays").select("normal", cluster="id", kept_digest="digest")
    gone = ranked.filter(~pl.col("stays")).join(kept, on="normal", how="left", maintain_order="left")
    kind = pl.when(pl.col("digest") == pl.col("kept_digest")).then(pl.lit("exact")).otherwise(pl.lit("normalised"))
    pairs = gone.select("cluster", "id", "row", kind=kind, jaccard=pl.lit(1.0)).sort("row")
    reasons = {row: f"duplicate_{kind}" for row, kind in pairs.select("row", "kind").iter_rows()}
    return *split_scan("duplicates", files, [reasons.get(row) for row in range(len(known))]), _as_clusters(pairs)


def near_duplicates(files: Scan, *, threshold: float, keep: Keep) -> tuple[Batches, pd.DataFrame, pd.DataFrame]:
    """Files of which no two are near duplicates: (kept, rejects, CLUSTERS).

    A file is rejected only if its Jaccard with a kept one is `threshold` or more (tasks/curate/dedup/minhash.py).
    """
    known = _priorities(files)
    order = _in_priority(known, keep)
    with TextFile.of(pa.array(batch["content"]) for batch in files.batches("content")) as texts:
        pairs = minhash.near_duplicates(texts, threshold, workers=len(os.sched_getaffinity(0))).pairs
    placed = clusters.in_priority(pairs, order)
    decisive = clusters.keepers(placed, clusters.stays(placed, len(known)))
    rows, kept = (order[decisive[side].to_numpy()] for side in ("right", "left"))
    columns = {"cluster": known["id"].gather(kept), "id": known["id"].gather(rows), "row": rows}
    near = pl.DataFrame(columns | {"jaccard": decisive["jaccard"]}).with_columns(kind=pl.lit("near"))
    gone = set(rows.tolist())
    reasons = ["near_duplicate" if row in gone else None for row in range(len(known))]
    return *split_scan("near_duplicates", files, reasons), _as_clusters(near.sort("row"))


def decontamination(files: Scan, *, benchmarks: Sequence[str], copied: float) -> tuple[Batches, pd.DataFrame]:
    """Files that contain no benchmark's string, and outside the test split do not repeat it: (kept, rejects).

    A file repeats the test split if the share `copied` of its runs of words, or more, is there too.
    """
    tested = overlap.runs(_texts_of(files, split="test"))
    judge = partial(_contaminations, tested=tested, benchmarks=benchmarks, copied=copied)
    batches = ((values(batch["content"]), values(batch["split"])) for batch in files.batches("content", "split"))
    return split_scan("decontamination", files, list(chain.from_iterable(_in_threads(judge, batches))))


def _contaminations(
    files: tuple[list[str], list[str]], tested: overlap.Runs, benchmarks: Sequence[str], copied: float
) -> list[str | None]:
    """For some texts and their splits: why each is contaminated, None where it is not."""
    texts, splits = files
    quoted = overlap.mentions(texts, benchmarks) if benchmarks else [None] * len(texts)
    repeats = overlap.shares(texts, tested) >= copied
    return [
        "benchmark" if quote is not None else "repeats_test" if again and split != "test" else None
        for quote, again, split in zip(quoted, repeats, splits, strict=True)
    ]


def _in_threads(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """Results in the order of the parts, of which as many are in memory as there are processors."""
    workers = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for part in parts:
            if len(waiting) >= workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, part))
        yield from (done.result() for done in waiting)


def _priorities(files: Scan, **measures: Callable[[list[str]], Sequence[str]]) -> pl.DataFrame:
    """What decides between duplicates, a row a file: row, id, stars, outcome, size, and measures of the texts."""
    parts = []
    for batch in files.batches("id", "stars", "outcome", "content"):
        known = pl.from_pandas(batch)
        texts = known["content"].to_list() if measures else []
        measured = {name: pl.Series(measure(texts), dtype=pl.String) for name, measure in measures.items()}
        size = pl.col("content").str.len_chars().cast(pl.Int64)
        parts.append(known.select("id", "stars", "outcome", size=size, **measured))
    return pl.concat(parts, how="vertical_relaxed").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))


def _digests(texts: Sequence[str]) -> list[str]:
    return [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in texts]


_ORDERS: Mapping[Keep, tuple[pl.Expr, ...]] = {
    "first": (),
    "shortest": (pl.col("size"),),
    "longest": (-pl.col("size"),),
    "best": (-pl.col("stars").fill_null(-1), pl.col("outcome"), -pl.col("size")),
}


def _in_priority(known: pl.DataFrame, keep: Keep) -> Array:
    """Rows in the order in which one of several duplicates is kept; equals in their own order."""
    return known.sort(*_ORDERS[keep], "row")["row"].to_numpy()


def _as_clusters(pairs: pl.DataFrame) -> pd.DataFrame:
    types = {name: pd.ArrowDtype(kind) for name, kind in zip(CLUSTERS.names, CLUSTERS.types, strict=True)}
    return pairs.select(CLUSTERS.names).to_pandas().astype(types)


def _texts_of(files: Scan, split: str) -> Iterator[list[str]]:
    """The texts of one split, a batch at a time."""
    for batch in files.batches("content", "split"):
        yield values(batch[batch["split"] == split]["content"])
