"""Stages that look at one file after another, a batch at a time. Pure: tables in, tables out.

    files --encoding--> --malformed--> --whitespace--> --pii--> texts ... --tokens--> schemas.contracts.Files

Each stage returns (kept, rejects), and no file is lost: kept and rejects add up to the input.
"""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from schemas.code_corpus import COLUMNS
from schemas.finding import SourceError
from tasks.curate.privacy import pii_code
from tasks.curate.text import encoding as encodings
from tasks.curate.text import layout, lexing
from tasks.pipelines.code_corpus.rows import (
    DECODED,
    KeptAndRejects,
    column,
    no_rejects,
    split_batch,
    values,
    with_texts,
)

_OUTCOME_REASONS = {"breaks": "redaction_breaks_syntax", "leak": "leak"}


def encoding(files: pd.DataFrame, *, guess: bool) -> KeptAndRejects:
    """Bytes as text, whatever encoding they are in: (kept, rejects). Without `guess` only UTF-8 is read."""
    contents, names, reasons = [], [], []
    for content, declared in zip(values(files["content"]), values(files["encoding"]), strict=True):
        read, reason = _decoded(content, declared, guess=guess)
        contents.append(read.text)
        names.append(read.encoding)
        reasons.append(reason)
    made = files.assign(content=column("content", contents, files), encoding=column("encoding", names, files))
    return split_batch("encoding", made.astype(DECODED), reasons)


def _decoded(content: bytes, declared: str, *, guess: bool) -> tuple[encodings.Decoded, str | None]:
    """(the text, why it cannot be read or None)."""
    nothing = encodings.Decoded("", "")
    if not guess:
        try:
            return encodings.Decoded(content.decode(), "utf-8"), None
        except UnicodeDecodeError:
            return nothing, "not_utf8"
    try:
        return encodings.decoded(content, declared), None
    except encodings.Undecodable:
        return nothing, "undecodable"


def malformed(files: pd.DataFrame) -> KeptAndRejects:
    """Files without those that are broken or no program text, and without control characters: (kept, rejects)."""
    texts, named = values(files["content"]), values(files["language"])
    reasons = [layout.malformed(text) for text in texts]
    clean = [
        text if reason else layout.clean_controls(text, language).text
        for text, language, reason in zip(texts, named, reasons, strict=True)
    ]
    return split_batch("malformed", with_texts(files, texts, clean), reasons)


def whitespace(files: pd.DataFrame) -> KeptAndRejects:
    """Files without white space that means nothing, their syntax tree unchanged: (kept, no rejects)."""
    texts = values(files["content"])
    tidy = [layout.tidied(*pair) for pair in zip(texts, values(files["language"]), strict=True)]
    return with_texts(files, texts, tidy).reset_index(drop=True), no_rejects("whitespace", files)


def pii(files: pd.DataFrame) -> KeptAndRejects:
    """Files with placeholders for personal data and secrets; each that parsed still parses: (kept, rejects)."""
    texts = values(files["content"])
    redactions = pii_code.redact_code(texts, values(files["language"]))
    made = with_texts(files, texts, [redaction.text for redaction in redactions])
    changed = [redaction.outcome == "redacted" for redaction in redactions]
    return split_batch(
        "pii",
        made.assign(outcome=column("outcome", changed, files)),
        [_OUTCOME_REASONS.get(redaction.outcome) for redaction in redactions],
    )


def tokens(files: pd.DataFrame, *, count: bool, vocabulary: str, vocabulary_sha256: str) -> KeptAndRejects:  # noqa: ARG001  for the cache
    """Files in the columns of the corpus, measured: (kept, no rejects). Tokens are counted if `count`, else null.

    `vocabulary` is the path of a tokenizer.json whose tokens are counted, and `vocabulary_sha256` its hash, which makes
    the cache key depend on its content. Without one ("") the pieces that BPE tokenisers begin with are counted
    (lexing.tokens).
    """
    texts = values(files["content"])
    count_tokens = lexing.with_vocabulary(Path(vocabulary)) if vocabulary else lexing.tokens
    python = [language == "Python" for language in values(files["language"])]
    complexities = iter(lexing.complexity([text for text, is_python in zip(texts, python, strict=True) if is_python]))
    encoded = [text.encode() for text in texts]
    measured: dict[str, list[Any]] = {
        "size": [len(content) for content in encoded],
        "lines": [text.count("\n") + (not text.endswith("\n")) for text in texts],
        "tokens": count_tokens(texts) if count else [None] * len(texts),
        "complexity": [next(complexities) if is_python else None for is_python in python],
        "digest": [hashlib.sha256(content).hexdigest() for content in encoded],
    }
    made = files.assign(**{name: column(name, several, files) for name, several in measured.items()})
    return made[list(COLUMNS)].reset_index(drop=True), no_rejects("tokens", files)


def benchmark_strings(file: Path | None) -> tuple[str, ...]:
    """Lines of a text file that are not blank; () without a file. Raises SourceError where the file is missing."""
    if file is None:
        return ()
    if not file.is_file():
        raise SourceError(
            f"--benchmarks is {file}, which is no file. Nothing was read, because the corpus must not contain these "
            "strings. Give a text file with one string a line."
        )
    return tuple(line for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def vocabulary_of(file: Path | None) -> tuple[str, str]:
    """(path, SHA-256) of a tokenizer.json; ("", "") without a file. Raises SourceError where the file is missing."""
    if file is None:
        return "", ""
    if not file.is_file():
        raise SourceError(f"--tokenizer is {file}, which is no file. Give the tokenizer.json of a model.")
    return str(file.resolve()), hashlib.sha256(file.read_bytes()).hexdigest()
