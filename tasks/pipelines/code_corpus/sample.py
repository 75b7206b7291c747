"""The generated sample of the code corpus: shards in The Stack v2's columns, and a truth, known because it was planted.

`truth.json` is {"rows": [...]}, one for each row of the shards, in their order:

- file, line: its place; the first row of a shard is line 1
- kind: what it was made as, one of those below; outcome: "kept", or the reason for which it is rejected
- planted: values that must not be published; holds: text that must be published as it is
- encoding: what the content is written in: utf-8 (also behind its byte order mark), utf-16, latin-1, shift-jis; null
  where there is no content, or none that can be read
- of: {"file", "line"} of the earlier row that it copies or resembles, else null

Kinds that are kept: good, planted, encoding, control, crlf, trailing, trailing_in_text, decoy (a half to three quarters
of its words in fives are those of another file), long_name, benchmark (it quotes BENCHMARK), opt_out (its repository is
OPTED_OUT). A run with a list of benchmarks or of repositories that opted out rejects the last two. Every other kind has
the name of the reason for which it is rejected.
"""

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.code_corpus import FEWEST_STARS, LARGEST, LONGEST_NAME
from schemas.document import Document
from tasks.pipelines.code_corpus import sample_programs as programs
from tasks.pipelines.code_corpus.sample_dialects import DIALECTS
from tasks.pipelines.code_corpus.sample_programs import Program, Unit
from tasks.pipelines.code_corpus.sample_rows import MEDIUM, SHARD, Maker, Row
from tasks.pipelines.code_corpus.sample_secrets import SECRETS
from tasks.pipelines.code_corpus.sample_texts import BENCHMARK, FRENCH, GERMAN, JAPANESE, NOUNS, RUBY, VERBS, sentence


class Place(TypedDict):
    """Where a row is."""

    file: str
    line: int


GOOD = 240  # files of kind good or planted, at scale 1
FEWEST_GOOD = 96  # however small the scale: what is quarantined stays within its budget
FEW = 3  # files of each other kind, at scale 1
SHARD_ROWS = 128
PLANTED = 3  # every third of the good files contains a value that must not be published
LEAST, MOST = 120, 3_000  # characters asked of a good file; its frame and its last function come on top
BENCHMARKS = 2  # files that quote BENCHMARK, at any scale
OPTED_OUT = "tyrell/nightwatch"  # a repository whose owner may opt out


def _planted(maker: Maker, number: int, language: str) -> Row:
    """The number-th file with a secret: each kind in each language, in strings and in comments by turns."""
    secret = SECRETS[number // len(DIALECTS) % len(SECRETS)]
    value = secret.draw(maker.rng)
    if number // len(DIALECTS) % 2:
        unit = _secret_comment(language, secret.comment.format(value))
    else:
        unit = programs.constant(language, secret.name, value)
    values = [part for part in value.split("\\n") if not part.startswith("-----")]
    return maker.row("planted", maker.program(language, _random_size(maker.rng), unit), planted=values)


def _secret_comment(language: str, text: str) -> Unit:
    """A comment with a secret, on as many lines; on one in Python, where `#` on each line would break a key apart."""
    return programs.note(language, *([text] if language == "Python" else text.split("\\n")))


def _random_size(rng: random.Random) -> int:
    """Characters of a good file: drawn so that the logarithm is uniform."""
    return round(math.exp(rng.uniform(math.log(LEAST), math.log(MOST))))


def _good_file(maker: Maker, number: int) -> Row:
    language = _language_at(number)
    if number % PLANTED == 0:
        return _planted(maker, number // PLANTED, language)
    return maker.row("good", maker.program(language, _random_size(maker.rng)))


def _language_at(turn: int) -> str:
    return list(DIALECTS)[turn % len(DIALECTS)]


# --- kinds that are kept ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Encoding:
    """An encoding: Python's codec, The Stack's name, ours, its byte order mark, and texts that need it."""

    codec: str
    declared: str
    name: str
    mark: bytes
    texts: tuple[str, str]


ENCODINGS = (
    Encoding("latin-1", "ISO-8859-1", "latin-1", b"", (GERMAN, FRENCH)),
    Encoding("shift_jis", "SHIFT_JIS", "shift-jis", b"", JAPANESE),
    Encoding("utf-16-le", "UTF-16", "utf-16", b"\xff\xfe", (GERMAN, JAPANESE[0])),
    Encoding("utf-16-be", "UTF-16", "utf-16", b"\xfe\xff", (FRENCH, JAPANESE[1])),
    Encoding("utf-8", "UTF-8", "utf-8", b"\xef\xbb\xbf", (GERMAN, JAPANESE[1])),
)


def _encodings(maker: Maker, turn: int) -> list[Row]:
    """One file in each encoding; every other turn the source does not declare it."""
    return [_encoded_file(maker, encoding, _language_at(turn + at), turn) for at, encoding in enumerate(ENCODINGS)]


def _encoded_file(maker: Maker, encoding: Encoding, language: str, turn: int) -> Row:
    first, second = encoding.texts
    made = maker.program(language, MEDIUM, programs.note(language, first), programs.constant(language, "LABEL", second))
    return maker.row(
        "encoding",
        made,
        encoding.mark + made.text.encode(encoding.codec),
        src_encoding=None if turn % 2 else encoding.declared,
        encoding=encoding.name,
        holds=encoding.texts,
    )


def _control(maker: Maker, turn: int) -> Row:
    """A few control bytes in a comment and in a string: fewer than one character in a hundred."""
    language = _language_at(turn)
    units = (programs.note(language, "Left by the old editor:\0 \x07 \x1a"), _banner(language, "\x1b[31mred\x1b[0m"))
    return maker.row("control", maker.program(language, MEDIUM, *units), holds=["Left by the old editor:"])


def _banner(language: str, text: str) -> Unit:
    return programs.constant(language, "BANNER", text)


def _crlf(maker: Maker, turn: int) -> Row:
    made = maker.program(_language_at(turn))
    return maker.row("crlf", made, made.text.replace("\n", "\r\n"))


def _trailing(maker: Maker, turn: int) -> Row:
    """Blanks and tabs behind every third line."""
    made = maker.program(_language_at(turn))
    ends = ("", "", "  \t")
    return maker.row("trailing", made, "".join(f"{x}{ends[n % 3]}\n" for n, x in enumerate(made.text.splitlines())))


PROSE_IN = ("Python", "JavaScript", "C++")  # Java's compiler itself drops blanks at the end of a text block's lines


def _trailing_in_text(maker: Maker, turn: int) -> Row:
    """Blanks at the end of lines within a text of several lines, where they mean something."""
    language = PROSE_IN[turn % len(PROSE_IN)]
    text = "".join(f"{sentence(maker.rng)}{end}\n" for end in ("   ", "", "\t "))
    return maker.row(
        "trailing_in_text", maker.program(language, MEDIUM, programs.prose(language, "LETTER", text)), holds=[text]
    )


def _decoys(maker: Maker, turn: int) -> list[Row]:
    """A file, and one that goes on where it ends."""
    first = maker.program(_language_at(turn), 2 * MEDIUM)
    good = maker.row("good", first)
    return [good, maker.row("decoy", _resembling(maker.rng, first), of=good)]


def _resembling(rng: random.Random, first: Program) -> Program:
    """The program with further functions, until it shares no more than .73 of its words in fives with the first.

    One more function never brings it below .5.
    """
    text, other = first.text, first
    while _word_jaccard(text, other.text) > 0.73:
        other = programs.grown(rng, other, 0)
    return other


def _word_jaccard(left: str, right: str) -> float:
    """Jaccard of the words in fives of two texts in ASCII."""
    one, other = (
        {*zip(*(words[at:] for at in range(5)), strict=False)} for words in (_words_of(left), _words_of(right))
    )
    return len(one & other) / len(one | other)


def _words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _long_name(maker: Maker, turn: int) -> Row:
    language, name = _language_at(turn), "how_to"
    while len(name) <= LONGEST_NAME:
        name += f"_{programs.title(maker.rng)}"
    return maker.row("long_name", maker.program(language), path=f"src/{name}{DIALECTS[language].ends[0]}")


def _benchmark(maker: Maker, turn: int) -> Row:
    language = _language_at(turn)
    made = maker.program(language, MEDIUM, programs.note(language, BENCHMARK))
    return maker.row("benchmark", made, holds=[BENCHMARK])


def _opt_outs(maker: Maker, count: int) -> list[Row]:
    home = maker.repository(OPTED_OUT)
    return [maker.row("opt_out", maker.program(_language_at(turn)), home=home) for turn in range(count)]


# --- kinds that are rejected -----------------------------------------------------------------------------------------


def _rejected_row(maker: Maker, reason: str, made: Program, content: str | bytes | None = None, **more: Any) -> Row:
    return maker.row(reason, made, content, outcome=reason, **more)


def _path_with_ending(maker: Maker, made: Program, end: str) -> str:
    """A path for a program with another ending than its language has."""
    return maker.path("", made).rpartition(".")[0] + end


def _undecodable(maker: Maker, turn: int) -> Row:
    """Bytes of all values: text in no encoding."""
    made = maker.program(_language_at(turn))
    return _rejected_row(maker, "undecodable", made, maker.rng.randbytes(MEDIUM), src_encoding=None, encoding=None)


def _control_characters(maker: Maker, turn: int) -> Row:
    """One character in twenty."""
    made = maker.program(_language_at(turn))
    pieces = re.findall(r"(?s).{1,19}", made.text)
    return _rejected_row(
        maker, "control_characters", made, "".join(p + maker.rng.choice("\0\x01\x02\x05\x1b") for p in pieces)
    )


def _merge_conflict(maker: Maker, turn: int) -> Row:
    """A line with both versions of an unfinished merge."""
    made = maker.program(_language_at(turn))
    lines = made.text.splitlines()
    at = maker.rng.randrange(len(lines) // 2, len(lines))
    theirs = lines[at] + DIALECTS[made.language].ways["note"].format(text=sentence(maker.rng))
    lines[at : at + 1] = ["<" * 7 + " HEAD", lines[at], "=" * 7, theirs, ">" * 7 + f" {programs.title(maker.rng)}"]
    return _rejected_row(maker, "merge_conflict", made, "\n".join(lines) + "\n")


def _long_lines(maker: Maker, _turn: int) -> Row:
    """JavaScript without comments, all on one line."""
    made = maker.program("JavaScript", 2 * MEDIUM)
    code = [line.strip() for line in made.text.splitlines() if not line.lstrip().startswith(("//", "/**"))]
    return _rejected_row(
        maker, "long_lines", made, " ".join(code) + "\n", path=_path_with_ending(maker, made, ".min.js")
    )


def _low_alphanumeric(maker: Maker, turn: int) -> Row:
    """A picture drawn with signs, in a list."""
    language = ("Python", "JavaScript")[turn % 2]
    made = maker.program(language)
    rows = "".join(f'    "{"".join(maker.rng.choices("-=|.:_~+*^ ", k=64))}",\n' for _ in range(24))
    start, end = ("TILES = [\n", "]\n") if language == "Python" else ("const TILES = [\n", "];\n")
    return _rejected_row(maker, "low_alphanumeric", made, start + rows + end)


def _few_stars(maker: Maker, turn: int) -> Row:
    home = replace(maker.repository(f"wonka/unknown-{turn}"), stars=max(0, FEWEST_STARS - 1 - 4 * turn))
    return _rejected_row(maker, "few_stars", maker.program(_language_at(turn)), home=home)


def _licence_not_permissive(maker: Maker, turn: int) -> Row:
    """One licence that is not, or one beside another that is."""
    licences = (("GPL-3.0-only",), ("MIT", "GPL-3.0-only"))[turn % 2]
    home = replace(maker.repository(f"wonka/copyleft-{turn}"), licences=licences)
    return _rejected_row(
        maker, "licence_not_permissive", maker.program(_language_at(turn)), home=home, license_type="non_permissive"
    )


def _licence_missing(maker: Maker, turn: int) -> Row:
    home = replace(maker.repository(f"wonka/unlicensed-{turn}"), licences=())
    return _rejected_row(maker, "licence_missing", maker.program(_language_at(turn)), home=home)


def _too_small(maker: Maker, turn: int) -> Row:
    language = _language_at(turn)
    unit = programs.constant(language, "GREETING", programs.title(maker.rng))
    text = "\n".join(unit.lines) + "\n"
    text = f"class Greeting {{\n    {text}}}\n" if language == "Java" else text
    return _rejected_row(maker, "too_small", maker.program(language), text)


def _too_large(maker: Maker) -> Row:
    """A program with a comment that does not end."""
    made = maker.program("Python")
    line = f"# {sentence(maker.rng)}\n"
    return _rejected_row(maker, "too_large", made, made.text + line * (LARGEST // len(line) + 1))


def _language_unknown(maker: Maker, _turn: int) -> Row:
    rng, made = maker.rng, maker.program("Python")
    one, other = rng.sample(NOUNS, 2)
    gaps = {"name": programs.pascal(made.title), "one": one, "other": other, "verb": rng.choice(VERBS)}
    text = RUBY.format(about=made.about, number=rng.randrange(2, 99), **gaps)
    return _rejected_row(
        maker, "language_unknown", made, text, path=_path_with_ending(maker, made, ".rb"), language="Ruby"
    )


def _language_mismatch(maker: Maker, _turn: int) -> Row:
    """Java under a name that ends as Python's do, and called Python."""
    made = maker.program("Java")
    return _rejected_row(
        maker, "language_mismatch", made, path=_path_with_ending(maker, made, ".py"), language="Python"
    )


def _null_content(maker: Maker, turn: int) -> Row:
    row = _rejected_row(maker, "null_content", maker.program(_language_at(turn)), encoding=None)
    return replace(row, columns=row.columns | {"content": None})


def _wrong_content(maker: Maker, turn: int) -> Row:
    """The hashes are those of the whole file; the content was cut short."""
    made = maker.program(_language_at(turn))
    row = _rejected_row(maker, "wrong_content", made)
    return replace(row, columns=row.columns | {"content": row.content[: len(made.text) // 2]})


# One of each comes at every turn.
KINDS: tuple[Callable[[Maker, int], Row], ...] = (
    *(_control, _crlf, _trailing, _trailing_in_text, _long_name),
    *(_undecodable, _control_characters, _merge_conflict, _long_lines, _low_alphanumeric),
    *(_few_stars, _licence_not_permissive, _licence_missing, _too_small, _language_unknown, _language_mismatch),
    *(_null_content, _wrong_content),
)
SEVERAL: tuple[Callable[[Maker, int], list[Row]], ...] = (_encodings, _decoys)


# --- duplicates ------------------------------------------------------------------------------------------------------

LONG_ENOUGH = 200  # words of a file of which a near duplicate is made
NEAR = 0.88  # the least Jaccard of a near duplicate; the corpus's own threshold is lower
Copy: TypeAlias = Callable[[random.Random, str], str]
WORD = re.compile(r"[A-Za-z]+")
COMMENT = re.compile(r'^ *(?:# |// |/// |/\*\* |""")(.*)$', re.MULTILINE)


def _unchanged(_rng: random.Random, text: str) -> str:
    return text


def _respaced(rng: random.Random, text: str) -> str:
    """The same words with half the indentation, and with more empty lines."""
    halved = re.sub(r"(?m)^ +", lambda m: " " * (len(m[0]) // 2), text)
    return halved.replace("\n\n", "\n" * rng.randrange(3, 5))


def _reworded(rng: random.Random, text: str) -> str:
    """One to three words in a hundred are others, one after another in the comments."""
    spans = [word.span() for line in COMMENT.finditer(text) for word in WORD.finditer(text, *line.span(1))]
    words = len(_words_of(text))
    while True:
        changed = math.ceil(words * rng.uniform(0.01, 0.025))
        first = rng.randrange(max(1, len(spans) - changed))
        other = _with_other_words(rng, text, spans[first : first + changed])
        if _word_jaccard(text, other) >= NEAR:
            return other


def _with_other_words(rng: random.Random, text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with another word at each of the places."""
    for start, end in reversed(spans):
        others = [word for word in rng.sample(NOUNS, 2) if word != text[start:end].lower()]
        text = text[:start] + others[0] + text[end:]
    return text


# Reason -> how many at a turn, and how the copy is made.
COPIES: Mapping[str, tuple[int, Copy]] = MappingProxyType(
    {"duplicate_exact": (1, _unchanged), "duplicate_normalised": (1, _respaced), "near_duplicate": (2, _reworded)}
)


def _all_copies(maker: Maker, rows: Sequence[Row], turns: int) -> list[Row]:
    """Copies of good files that are long enough, each of another file, in other repositories."""
    originals = [row for row in rows if row.kind == "good" and len(row.text.split()) >= LONG_ENOUGH]
    reasons = [reason for reason, (each, _) in COPIES.items() for _ in range(turns * each)]
    chosen = maker.rng.sample(originals, len(reasons))
    return [_copied_row(maker, row, reason) for row, reason in zip(chosen, reasons, strict=True)]


def _copied_row(maker: Maker, original: Row, reason: str) -> Row:
    text = COPIES[reason][1](maker.rng, original.text)
    others = [one for one in maker.repositories if one.name != original.columns["repo_name"]]
    made = Program(str(original.columns["language"]), programs.title(maker.rng), "", ())
    return _rejected_row(maker, reason, made, text, home=maker.rng.choice(others), of=original)


# --- the sample ------------------------------------------------------------------------------------------------------


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write shards in The Stack v2's columns into `folder`, and truth.json with what each row is.

    The same seed and scale give the same bytes. However small the scale, there is at least one file of each kind.
    """
    maker, turns = Maker(random.Random(seed)), max(1, int(FEW * scale))
    rows = [_good_file(maker, number) for number in range(max(FEWEST_GOOD, round(GOOD * scale)))]
    for turn in range(turns):
        rows += [kind(maker, turn) for kind in KINDS]
        rows += [row for several in SEVERAL for row in several(maker, turn)]
    rows += [_too_large(maker), *_opt_outs(maker, turns), *(_benchmark(maker, turn) for turn in range(BENCHMARKS))]
    maker.rng.shuffle(rows)
    copies = _all_copies(maker, rows, turns)
    maker.rng.shuffle(copies)
    _write_shards(folder, [*rows, *copies])  # of two that are alike the first is kept, so copies come last


def _write_shards(folder: Path, rows: Sequence[Row]) -> None:
    shards = [rows[first : first + SHARD_ROWS] for first in range(0, len(rows), SHARD_ROWS)]
    names = [f"train-{number:05d}-of-{len(shards):05d}.parquet" for number in range(len(shards))]
    places: dict[Row, Place] = {
        row: {"file": name, "line": line}
        for name, shard in zip(names, shards, strict=True)
        for line, row in enumerate(shard, start=1)
    }
    for name, shard in zip(names, shards, strict=True):
        table = pa.Table.from_pylist([row.columns for row in shard], schema=SHARD)
        pq.write_table(table, folder / name, compression="zstd", compression_level=3)
    (folder / "truth.json").write_text(json.dumps({"rows": [_truth_of(row, places) for row in rows]}, indent=1))


def _truth_of(row: Row, places: Mapping[Row, Place]) -> Document:
    return {
        **places[row],
        "kind": row.kind,
        "outcome": row.outcome,
        "planted": list(row.planted),
        "holds": list(row.holds),
        "encoding": row.encoding,
        "of": places[row.of] if row.of else None,
    }
