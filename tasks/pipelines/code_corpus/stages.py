"""Source files into a clean, de-duplicated, licensed corpus. Pure: tables in, tables out.

    raw rows --organised--> --chosen--> files --decoded--cleaned--tidied--redacted--> their texts
          --distinct--unlike--uncontaminated--> what stays of them --finished--> the corpus (schemas.code_corpus.Files)

Every step returns (kept, rejects) and loses nothing. A rejects row tells repository, path and why, never content: it
may not be redacted yet, and some of it belongs to people who asked to be left out. `distinct` and `unlike` also tell
which file stays for each that goes.

Steps that look at one file take a batch of them. Those that look at all take a Scan, read what they need, and give
the files that stay back a batch at a time: a corpus is larger than memory.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.code_corpus import (
    CLUSTERS,
    COLUMNS,
    FAULTS,
    FEWEST_STARS,
    LANGUAGES,
    LARGEST,
    LONGEST_NAME,
    SMALLEST,
    STEM,
    Keep,
)
from schemas.finding import SourceError
from schemas.format_a import SPLIT_SHARES
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT, Scan
from tasks.curate.dedup import clusters, overlap
from tasks.curate.dedup.minhash import near_duplicates
from tasks.curate.privacy import pii_code
from tasks.curate.privacy.opt_out import is_among
from tasks.curate.text import encoding, languages, layout, lexing
from tasks.curate.text.text_file import TextFile
from tasks.quality import licences
from tasks.quality.row_rules import Rule, first_reason
from tasks.quality.splits import split_of

Array = np.ndarray[Any, Any]
Pair = tuple[pd.DataFrame, pd.DataFrame]  # kept, rejects
Part = TypeVar("Part")
Result = TypeVar("Result")

QUARANTINED = frozenset({*FAULTS, "undecodable", "not_utf8", "redaction_breaks_syntax", "leak"} - {"not_fetched"})
MENTIONED = 40  # characters of a benchmark's string that its rejects tell

_TEXT, _COUNT = pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.int64())
_PLACE = {"file": _TEXT, "line": _COUNT}  # of the raw row; taken away at the end
_REJECT_TYPES = {name: _COUNT if name == "line" else _TEXT for name in REJECT_COLUMNS}
_MADE_LAST = ("size", "lines", "tokens", "complexity", "digest")  # of the text as it is published
_WORK = {**{name: kind for name, kind in COLUMNS.items() if name not in _MADE_LAST}, "bytes": _COUNT, **_PLACE}
_ORGANISED = {**_WORK, "content": pd.ArrowDtype(pa.large_binary())}

# ---------------------------------------------------------------------------------------------------------------------
# What a run is given


def benchmark_strings(file: Path | None) -> tuple[str, ...]:
    """Lines of a text file that are not blank, () where none is given. Raises SourceError where it is missing."""
    if file is None:
        return ()
    if not file.is_file():
        raise SourceError(
            f"--benchmarks is {file}, which is no file. Nothing was read: a corpus that was to be kept apart from "
            "benchmarks is not made without them. Give a text file with a string a line."
        )
    return tuple(line for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def vocabulary_of(file: Path | None) -> dict[str, str]:
    """What `finished` is told of a tokenizer.json, {} where none is given. Raises SourceError where it is missing."""
    if file is None:
        return {}
    if not file.is_file():
        raise SourceError(f"--tokenizer is {file}, which is no file. Give the tokenizer.json of a model.")
    told = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"vocabulary": str(file.resolve()), "vocabulary_sha256": told}


# ---------------------------------------------------------------------------------------------------------------------
# Organising: what a file is, and whether it may be used


def file_rules(asked: Sequence[str], opted_out: Iterable[str], largest: int) -> tuple[Rule, ...]:
    """The rules that look at a raw row, in order; `largest` in bytes. What is not told of a file leaves no file out.

    Its licence is the exception: without one nothing may be done with it.
    """
    absent = frozenset(opted_out)
    return (
        Rule("opted_out", lambda f: [not is_among(repo, absent) for repo in f["repo"]], "its owner"),
        Rule("language_unknown", lambda f: f["language"] != "", "LANGUAGES"),
        Rule("language_not_asked", lambda f: f["language"].isin(list(asked)), "the caller"),
        Rule("few_stars", lambda f: f["stars"].fillna(FEWEST_STARS) >= FEWEST_STARS, "the reference"),
        Rule("licence_missing", lambda f: f["licence"].fillna("") != "", "copyright law"),
        Rule("licence_not_permissive", lambda f: f["licence"].map(is_permissive), "the reference"),
        Rule("too_small", lambda f: f["bytes"] >= SMALLEST, "the reference"),
        Rule("too_large", lambda f: f["bytes"] <= largest, "the reference"),
        *(Rule(fault, partial(_lacks, fault), "the raw file") for fault in FAULTS),
        Rule("language_mismatch", _is_in_its_language, "languages.contradicted"),
    )


def _lacks(fault: str, files: pd.DataFrame) -> Any:
    return files["fault"].fillna("") != fault


def is_permissive(licence: str) -> bool:
    """Whether an SPDX expression lets everybody use, change and pass on; one that is not known here does not."""
    try:
        return licences.kind(licence) == "permissive"
    except SourceError:
        return False


def _is_in_its_language(files: pd.DataFrame) -> list[bool]:
    """What no encoding reads is left to the step that decodes."""
    told = zip(files["content"], files["encoding"].fillna(""), files["language"], strict=True)
    return [not _contradicted(content, encoded, language) for content, encoded, language in told]


def _contradicted(content: bytes, encoded: str, language: str) -> bool:
    try:
        return languages.contradicted(encoding.decoded(content, encoded).text, language) is not None
    except encoding.Undecodable:
        return False


def organised(
    files: pd.DataFrame,
    *,
    asked: Sequence[str] = tuple(LANGUAGES),
    opted_out: Sequence[str] = (),
    largest: int = LARGEST,
) -> Pair:
    """Raw rows (schemas.code_corpus.RAW_ROWS) that may be used, with what is known of each: (kept, rejects)."""
    known = files.assign(
        language=_texts(languages.of_path(path or "") or "" for path in _values(files["path"])),
        bytes=files["size"].fillna(pd.Series(_lengths(files["content"]), index=files.index)),
    )
    rules = file_rules(asked, opted_out, largest)
    reasons = first_reason(known, rules)
    left = reasons.notna().to_numpy()
    return _described(known[~left]), _rejects(known[left], reasons[left].tolist())


def _lengths(content: pd.Series) -> Any:
    return pl.from_pandas(content).bin.size().fill_null(0).cast(pl.Int64).to_numpy()


def _described(files: pd.DataFrame) -> pd.DataFrame:
    """The columns that follow from where a file lies."""
    repos, paths = (_values(files[name].fillna("")) for name in ("repo", "path"))
    revisions = _values(files["revision"].fillna(""))
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
        "blob": _values(files["blob"].fillna("unknown")),
        "encoding": _values(files["encoding"].fillna("")),
    }
    columns = {name: pd.Series(made[name], index=files.index) if name in made else files[name] for name in _ORGANISED}
    return pd.DataFrame(columns).astype(_ORGANISED)


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
    """A name for a file of one's own, below a folder for its language, of at most LONGEST_NAME characters.

    One that would be longer keeps its folder, a hash of the whole and the end of its path; `ingest_manifest.json` says
    what it stands for. `..` and empty parts do not lead out of the folder.
    """
    folder = language.lower().replace("+", "p")
    parts = [part for part in PurePosixPath(f"{repo}/{path}").parts if part not in ("/", "..", ".")]
    name = "/".join([folder, *parts])
    if len(name) <= LONGEST_NAME:
        return name
    head = f"{folder}/{_hash(name)[:16]}-"
    return head + parts[-1][-(LONGEST_NAME - len(head)) :]


def chosen(files: Scan, *, most: int | None = None) -> tuple[Iterator[pd.DataFrame], pd.DataFrame]:
    """Each file once, and of each language the first `most`, None for all: (kept, rejects)."""
    known = pl.from_pandas(files.read("id", "language")).with_columns(repeated=~pl.col("id").is_first_distinct())
    place = (~pl.col("repeated")).cum_sum().over("language")
    over = pl.when(place > (most or len(known))).then(pl.lit("over_max_samples"))
    reasons = known.select(reason=pl.when("repeated").then(pl.lit("repeated")).otherwise(over))
    return _without(files, reasons["reason"].to_list())


# ---------------------------------------------------------------------------------------------------------------------
# Row by row


def decoded(files: pd.DataFrame, *, guess: bool = True) -> Pair:
    """Bytes as text, whatever encoding they are in: (kept, rejects). Without `guess` only UTF-8 is read."""
    texts, encodings, reasons = [], [], []
    for content, told in zip(_values(files["content"]), _values(files["encoding"]), strict=True):
        found, reason = _decoded(content, told, guess)
        texts.append(found.text)
        encodings.append(found.encoding)
        reasons.append(reason)
    made = files.assign(
        content=_series(texts, COLUMNS["content"], files), encoding=_series(encodings, COLUMNS["encoding"], files)
    )
    return _split(made.astype(_WORK), reasons)


def _decoded(content: bytes, told: str, guess: bool) -> tuple[encoding.Decoded, str | None]:
    nothing = encoding.Decoded("", "")
    if not guess:
        try:
            return encoding.Decoded(content.decode(), "utf-8"), None
        except UnicodeDecodeError:
            return nothing, "not_utf8"
    try:
        return encoding.decoded(content, told), None
    except encoding.Undecodable:
        return nothing, "undecodable"


def cleaned(files: pd.DataFrame) -> Pair:
    """Control characters gone, and without files that are broken or no program text: (kept, rejects)."""
    texts, named = _values(files["content"]), _values(files["language"])
    reasons = [layout.malformed(text) for text in texts]
    clean = [
        text if reason else layout.clean_controls(text, language).text
        for text, language, reason in zip(texts, named, reasons, strict=True)
    ]
    return _split(_with_texts(files, texts, clean), reasons)


def tidied(files: pd.DataFrame) -> Pair:
    """White space that means nothing gone, the syntax tree as it was: (kept, no rejects)."""
    texts = _values(files["content"])
    tidy = [layout.tidied(*pair) for pair in zip(texts, _values(files["language"]), strict=True)]
    return _split(_with_texts(files, texts, tidy), [None] * len(files))


_BREAKS = {"breaks": "redaction_breaks_syntax", "leak": "leak"}


def redacted(files: pd.DataFrame) -> Pair:
    """Personal data and secrets replaced, each file parsing where it did: (kept, rejects)."""
    texts = _values(files["content"])
    found = pii_code.redact_code(texts, _values(files["language"]))
    made = _with_texts(files, texts, [redaction.text for redaction in found])
    changed = [redaction.outcome == "redacted" for redaction in found]
    return _split(
        made.assign(outcome=_series(changed, COLUMNS["outcome"], files)),
        [_BREAKS.get(redaction.outcome) for redaction in found],
    )


def finished(files: pd.DataFrame, *, tokens: bool = True, vocabulary: str = "", vocabulary_sha256: str = "") -> Pair:  # noqa: ARG001  for the cache
    """Files in the columns of the corpus, measured: (kept, no rejects).

    `vocabulary` is a tokenizer.json whose tokens are counted, with its hash, on which the result depends; "": the
    pieces that every tokeniser of its kind begins with (lexing.tokens).
    """
    texts = _values(files["content"])
    count = lexing.with_vocabulary(Path(vocabulary)) if vocabulary else lexing.tokens
    python = [language == "Python" for language in _values(files["language"])]
    complexities = iter(lexing.complexity([text for text, is_python in zip(texts, python, strict=True) if is_python]))
    encoded = [text.encode() for text in texts]
    measured: dict[str, Sequence[Any]] = {
        "size": [len(content) for content in encoded],
        "lines": [text.count("\n") + (not text.endswith("\n")) for text in texts],
        "tokens": count(texts) if tokens else [None] * len(texts),
        "complexity": [next(complexities) if is_python else None for is_python in python],
        "digest": [hashlib.sha256(content).hexdigest() for content in encoded],
    }
    made = files.assign(**{name: _series(values, COLUMNS[name], files) for name, values in measured.items()})
    return made[list(COLUMNS)].reset_index(drop=True), _rejects(files.iloc[:0], [])


# ---------------------------------------------------------------------------------------------------------------------
# All files together


def distinct(files: Scan, *, keep: Keep = "first") -> tuple[Iterator[pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """One of each group of files that are equal, or differ in white space alone: (kept, rejects, CLUSTERS)."""
    facts = _facts(files, digest=_digests, normal=lexing.normal)
    order = _priority(facts, keep)
    ranked = facts[order].with_columns(stays=pl.col("normal").is_first_distinct())
    kept = ranked.filter("stays").select("normal", cluster="id", kept_digest="digest")
    gone = ranked.filter(~pl.col("stays")).join(kept, on="normal", how="left", maintain_order="left")
    kind = pl.when(pl.col("digest") == pl.col("kept_digest")).then(pl.lit("exact")).otherwise(pl.lit("normalised"))
    told = gone.select("cluster", "id", "row", kind=kind, jaccard=pl.lit(1.0)).sort("row")
    reasons = {row: f"duplicate_{kind}" for row, kind in told.select("row", "kind").iter_rows()}
    return *_without(files, [reasons.get(row) for row in range(len(facts))]), _clusters(told)


def unlike(
    files: Scan, *, threshold: float, keep: Keep = "first"
) -> tuple[Iterator[pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """Files of which no two listed as near duplicates stay: (kept, rejects, CLUSTERS).

    A file goes only if its Jaccard with one that stays is `threshold` or more (tasks/curate/dedup/minhash.py).
    """
    facts = _facts(files)
    order = _priority(facts, keep)
    with TextFile.of(pa.array(batch["content"]) for batch in files.batches("content")) as texts:
        pairs = near_duplicates(texts, threshold, workers=len(os.sched_getaffinity(0))).pairs
    placed = clusters.in_priority(pairs, order)
    told = clusters.keepers(placed, clusters.stays(placed, len(facts)))
    rows, kept = (order[told[side].to_numpy()] for side in ("right", "left"))
    found = pl.DataFrame(
        {"cluster": facts["id"].gather(kept), "id": facts["id"].gather(rows), "row": rows, "jaccard": told["jaccard"]}
    ).with_columns(kind=pl.lit("near"))
    gone = set(rows.tolist())
    return (
        *_without(files, ["near_duplicate" if row in gone else None for row in range(len(facts))]),
        _clusters(found.sort("row")),
    )


def uncontaminated(files: Scan, *, benchmarks: Sequence[str] = ()) -> tuple[Iterator[pd.DataFrame], pd.DataFrame]:
    """Files that hold no benchmark's string, and outside of the test split nothing that repeats it: (kept, rejects).

    A file repeats the test split when a share of overlap.CONTAMINATED of its runs of words are there too.
    """
    judge = partial(_contamination, tested=overlap.runs(_texts_of(files, split="test")), benchmarks=benchmarks)
    batches = ((_values(batch["content"]), _values(batch["split"])) for batch in files.batches("content", "split"))
    return _without(files, list(chain.from_iterable(_side_by_side(judge, batches))))


def _contamination(
    files: tuple[list[str], list[str]], tested: overlap.Runs, benchmarks: Sequence[str]
) -> list[str | None]:
    """For some texts and the splits they are in: why each is contaminated, None where it is not."""
    texts, splits = files
    quoted = overlap.mentions(texts, benchmarks) if benchmarks else [None] * len(texts)
    repeats = overlap.shares(texts, tested) >= overlap.CONTAMINATED
    return [
        "benchmark" if quote is not None else "repeats_test" if again and split != "test" else None
        for quote, again, split in zip(quoted, repeats, splits, strict=True)
    ]


def _side_by_side(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """Results in the order of the parts, of which as many are in memory as there are processors."""
    workers = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for part in parts:
            if len(waiting) >= workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, part))
        yield from (done.result() for done in waiting)


def _facts(files: Scan, **measures: Callable[[list[str]], Sequence[str]]) -> pl.DataFrame:
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


def _priority(facts: pl.DataFrame, keep: Keep) -> Array:
    """Rows in the order in which one of several duplicates is kept; equals in their own order."""
    return facts.sort(*_ORDERS[keep], "row")["row"].to_numpy()


def _clusters(told: pl.DataFrame) -> pd.DataFrame:
    types = {name: pd.ArrowDtype(kind) for name, kind in zip(CLUSTERS.names, CLUSTERS.types, strict=True)}
    return told.select(CLUSTERS.names).to_pandas().astype(types)


def _texts_of(files: Scan, split: str) -> Iterator[list[str]]:
    """The texts of one split, a batch at a time."""
    for batch in files.batches("content", "split"):
        yield _values(batch[batch["split"] == split]["content"])


def _without(files: Scan, reasons: Sequence[str | None]) -> tuple[Iterator[pd.DataFrame], pd.DataFrame]:
    """(files without a reason, the others as rejects)."""
    goes = np.array([reason is not None for reason in reasons], bool)
    places = files.read("repo", "path", "file", "line")[goes]
    return _only(files, ~goes), _rejects(places, [reason for reason in reasons if reason])


def _only(files: Scan, stays: Array) -> Iterator[pd.DataFrame]:
    at = 0
    for batch in files.batches():
        yield batch[stays[at : at + len(batch)]]
        at += len(batch)


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def _values(column: Any) -> list[Any]:
    """A column as Python's values; polars is several times as fast as pandas at it."""
    return pl.from_pandas(column).to_list()


def _texts(values: Iterable[str]) -> pd.Series:
    return pd.Series(list(values), dtype=_TEXT)


def _series(values: Sequence[Any], kind: pd.ArrowDtype, like: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.array(pa.array(values, kind.pyarrow_dtype), dtype=kind), index=like.index)


def _with_texts(files: pd.DataFrame, before: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    """The files with these texts; those that stayed as they were `before` are not written anew."""
    changed = np.array([old is not new for old, new in zip(before, texts, strict=True)], bool)
    if not changed.any():
        return files
    others = pa.array([text for text, is_new in zip(texts, changed, strict=True) if is_new], pa.large_string())
    column = pc.replace_with_mask(pa.array(files["content"]), pa.array(changed), others)
    return files.assign(content=pd.Series(pd.array(column, dtype=COLUMNS["content"]), index=files.index))


def _split(files: pd.DataFrame, reasons: Sequence[str | None]) -> Pair:
    """(files without a reason, the others as rejects)."""
    goes = np.array([reason is not None for reason in reasons], bool)
    return files[~goes].reset_index(drop=True), _rejects(files[goes], [reason for reason in reasons if reason])


def _rejects(files: pd.DataFrame, reasons: Sequence[str]) -> pd.DataFrame:
    """The rejects table of some files; told are repository and path."""
    places = zip(_values(files["repo"].fillna("?")), _values(files["path"].fillna("?")), strict=True)
    columns = (
        ["quarantined" if reason in QUARANTINED else "dropped" for reason in reasons],
        list(reasons),
        _values(files["file"]),
        _values(files["line"]),
        [f"{repo}/{path}"[:ROW_TEXT_LIMIT] for repo, path in places],
    )
    schema = pa.schema({name: kind.pyarrow_dtype for name, kind in _REJECT_TYPES.items()})
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema).to_pandas(types_mapper=pd.ArrowDtype)
