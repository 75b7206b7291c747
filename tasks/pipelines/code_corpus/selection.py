"""Which raw files the code corpus takes in, and what is known of each. Pure: tables in, tables out.

raw rows (schemas.code_corpus.RAW_ROWS) --selection--> --limit--> files with bytes as their content
"""

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

import pandas as pd
import polars as pl

from schemas.code_corpus import LONGEST_NAME, STEM
from schemas.format_a import SPLIT_SHARES
from schemas.snapshot import Scan
from tasks.curate.text import languages
from tasks.pipelines.code_corpus.rows import SELECTED, Array, KeptAndRejects, file_rejects, split_scan, texts, values
from tasks.pipelines.code_corpus.rules import Wanted, file_rules
from tasks.quality.row_rules import first_reason
from tasks.quality.splits import split_of


def selection(files: pd.DataFrame, *, wanted: Wanted) -> KeptAndRejects:
    """Raw rows that may be used and are asked for, with what is known of each: (kept, rejects)."""
    known = files.assign(
        language=texts(languages.of_path(path or "") or "" for path in values(files["path"])),
        bytes=files["size"].fillna(pd.Series(_byte_lengths(files["content"]), index=files.index)),
    )
    reasons = first_reason(known, file_rules(wanted))
    goes = reasons.notna().to_numpy()
    return _with_known_columns(known[~goes]), file_rejects("selection", known[goes], reasons[goes].tolist())


def _byte_lengths(content: pd.Series) -> Array:
    return pl.from_pandas(content).bin.size().fill_null(0).cast(pl.Int64).to_numpy()


def _with_known_columns(files: pd.DataFrame) -> pd.DataFrame:
    """The columns that follow from where a file lies."""
    repos, paths, revisions = (values(files[name].fillna("")) for name in ("repo", "path", "revision"))
    places = list(zip(repos, paths, revisions, strict=True))
    made = {
        "id": [identity(*place) for place in places],
        "repo": [repo or "unknown" for repo in repos],
        "path": paths,
        "name": [short_name(*pair) for pair in zip(files["language"], repos, paths, strict=True)],
        "attribution": [attribution(*place) for place in places],
        "revision": revisions,
        "split": [split_of(STEM, repo, 0, SPLIT_SHARES) for repo in repos],
        "outcome": [False] * len(files),
        "rows": [1] * len(files),
        "blob": values(files["blob"].fillna("unknown")),
        "encoding": values(files["encoding"].fillna("")),
    }
    columns = {name: pd.Series(made[name], index=files.index) if name in made else files[name] for name in SELECTED}
    return pd.DataFrame(columns).astype(SELECTED)


def identity(repo: str, path: str, revision: str) -> str:
    """The id of what one commit of a repository has under one path."""
    return f"{STEM}:{_hash(chr(0).join((repo, path, revision)))[:40]}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def attribution(repo: str, path: str, revision: str) -> str:
    """Path, repository, and a link to the file as it was at its revision, as far as they are known."""
    if "/" not in repo:
        return f"{path} of {repo or 'an unknown repository'}"
    link = f"https://github.com/{quote(repo)}" + (f"/blob/{revision}/{quote(path)}" if revision else "")
    return f"{path} of {repo}, {link}"


def short_name(language: str, repo: str, path: str) -> str:
    """A relative path to write the file to: <language>/<repository>/<path>, at most LONGEST_NAME characters.

    A longer one becomes <language>/<hash of the whole>-<end of its file name>; `ingest_manifest.json` lists these.
    `..` and empty parts are dropped, so that no name leads out of the folder.
    """
    folder = language.lower().replace("+", "p")
    parts = [part for part in PurePosixPath(f"{repo}/{path}").parts if part not in ("/", "..", ".")]
    name = "/".join([folder, *parts])
    if len(name) <= LONGEST_NAME:
        return name
    head = f"{folder}/{_hash(name)[:16]}-"
    return head + parts[-1][-(LONGEST_NAME - len(head)) :]


def limit(files: Scan, *, most: int | None) -> tuple[Iterator[pd.DataFrame], pd.DataFrame]:
    """Each file once, and the first `most` of each language (None: all): (kept, rejects)."""
    known = pl.from_pandas(files.read("id", "language")).with_columns(repeated=~pl.col("id").is_first_distinct())
    place = (~pl.col("repeated")).cum_sum().over("language")
    over = pl.when(place > (most or len(known))).then(pl.lit("over_max_samples"))
    reasons = known.select(reason=pl.when("repeated").then(pl.lit("repeated")).otherwise(over))
    return split_scan("limit", files, reasons["reason"].to_list())
