"""The generated sample of the code corpus: every promise of its truth, measured by others than who made it."""

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from charset_normalizer import from_bytes
from tree_sitter import Language, Parser

from schemas.code_corpus import (
    FEWEST_ALPHANUMERIC,
    FEWEST_STARS,
    LANGUAGES,
    LARGEST,
    LONGEST_LINE,
    LONGEST_MEAN_LINE,
    LONGEST_NAME,
    SMALLEST,
)
from schemas.thresholds import Thresholds
from tasks.curate.dedup.minhash import jaccard, shingles
from tasks.curate.privacy import pii
from tasks.pipelines.code_corpus.sample import OPTED_OUT, sample
from tasks.pipelines.code_corpus.sample_rows import SHARD
from tasks.pipelines.code_corpus.sample_texts import BENCHMARK

pytestmark = pytest.mark.unit

GRAMMARS = {"Java": "tree_sitter_java", "C++": "tree_sitter_cpp", "JavaScript": "tree_sitter_javascript"}
PARSERS = {name: Parser(Language(import_module(module).language())) for name, module in GRAMMARS.items()}
CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
COPIES = ("duplicate_exact", "duplicate_normalised", "near_duplicate")
PERMISSIVE = {"Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "CC0-1.0"}

Row = dict[str, Any]  # the columns of a shard, and what the truth tells


def made(folder: Path, seed: int = 42, scale: float = 1.0) -> list[Row]:
    """The rows of a sample, in their order."""
    folder.mkdir(exist_ok=True)
    sample(folder, seed, scale)
    truth = json.loads((folder / "truth.json").read_text())["rows"]
    tables = (pq.read_table(path).to_pylist() for path in sorted(folder.glob("*.parquet")))
    return [row | told for row, told in zip((row for table in tables for row in table), truth, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    return made(folder)


def of_kind(rows: list[Row], *kinds: str) -> list[Row]:
    found = [row for row in rows if row["kind"] in kinds]
    assert found
    return found


def text(row: Row) -> str:
    """A content as text: what marks its encoding left out, control characters too."""
    return CONTROL.sub("", str(row["content"].decode(row["encoding"])).lstrip("\ufeff"))


def parses(code: str, language: str) -> bool:
    if language != "Python":
        return not PARSERS[language].parse(code.encode()).root_node.has_error
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()  # noqa: S324  a name, as git's are


def original(rows: list[Row], row: Row) -> Row:
    return next(one for one in rows if {"file": one["file"], "line": one["line"]} == row["of"])


# --- the sample as a whole -------------------------------------------------------------------------------------------


def test_the_same_seed_and_scale_give_the_same_bytes_and_another_seed_others(
    folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    """Nothing depends on a clock or on the order of a set."""
    assert made(tmp_path / "same") == rows
    assert made(tmp_path / "other", seed=43) != rows
    for path in folder.iterdir():
        assert (tmp_path / "same" / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / "other" / path.name).read_bytes() != path.read_bytes()


def test_shards_have_the_stacks_columns_and_the_truth_tells_each_of_their_rows(folder: Path, rows: list[Row]) -> None:
    """Two or three shards, whose rows are numbered from one."""
    shards = sorted(folder.glob("*.parquet"))
    assert len(shards) == 3
    assert all(pq.read_schema(path).equals(SHARD) for path in shards)
    assert SHARD.field("content").type == pa.binary()
    places = [(path.name, line) for path in shards for line in range(1, pq.read_metadata(path).num_rows + 1)]
    assert [(row["file"], row["line"]) for row in rows] == places


@pytest.mark.parametrize("scale", [0.01, 0.67, 1.4])
def test_at_any_scale_every_kind_is_there_and_few_rows_are_not_understood(
    rows: list[Row], tmp_path: Path, scale: float
) -> None:
    """So that a quick run shows every reason, and none ends for too many."""
    others = made(tmp_path, seed=7, scale=scale)
    assert {row["kind"] for row in others} == {row["kind"] for row in rows}
    assert (len(others) > len(rows)) == (scale > 1)
    quarantined = sum(row["kind"] in {"undecodable", "null_content", "wrong_content"} for row in others)
    assert quarantined < 0.04 * len(others)


def test_files_have_names_of_their_own_in_repositories_with_one_licence_and_one_commit(rows: list[Row]) -> None:
    """As a snapshot has them; a repository's stars are those of all of its files."""
    assert len({(row["repo_name"], row["path"]) for row in rows}) == len(rows)
    told = {(r["repo_name"], r["revision_id"], r["star_events_count"], *r["detected_licenses"]) for r in rows}
    assert len(told) == len({row["repo_name"] for row in rows})
    assert all(re.fullmatch(r"[\w-]+/[\w-]+", row["repo_name"]) for row in rows)
    assert len({row["repo_name"] for row in of_kind(rows, "good", "planted")}) == 24
    assert min(row["star_events_count"] for row in of_kind(rows, "good", "planted")) == FEWEST_STARS


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_good_files_are_small_programs_in_four_languages(rows: list[Row]) -> None:
    """100 bytes to 6 kB, about as many in each language."""
    good = of_kind(rows, "good", "planted")
    assert all(SMALLEST < row["length_bytes"] < 6_000 for row in good)
    counts = Counter(row["language"] for row in good)
    assert set(counts) == set(LANGUAGES)
    assert min(counts.values()) >= 58
    assert len(good) >= 240


def test_no_two_good_files_are_much_alike(rows: list[Row]) -> None:
    """The Jaccard of their words in fives is below .6."""
    good = of_kind(rows, "good", "planted", "benchmark", "opt_out", "encoding", "long_name")
    sets = [shingles(text(row)) for row in good]
    assert max(len(one & other) / len(one | other) for one, other in combinations(sets, 2)) < 0.6


def test_what_is_kept_parses_and_so_do_copies(rows: list[Row]) -> None:
    """What is left out for its repository is a program too.

    Control characters apart, and blanks at the end of lines: C++'s grammar takes none behind `#include <x>`.
    """
    whole = [row for row in rows if row["outcome"] in {"kept", "few_stars", "licence_missing", *COPIES}]
    clean = [(row, re.sub(r"(?m)[ \t]+$", "", text(row))) for row in whole]
    assert [(row["kind"], row["path"]) for row, code in clean if not parses(code, row["language"])] == []


def test_a_row_has_the_fault_it_is_told_to_have_and_no_other(rows: list[Row]) -> None:
    """Rules may be asked in any order. Copies are told apart below."""
    assert {row["outcome"] for row in rows} == {"kept", "undecodable", *FAULTS, *COPIES}
    for row in rows:
        found = ["undecodable"] if row["kind"] == "undecodable" else [f for f, is_so in FAULTS.items() if is_so(row)]
        assert found == ([] if row["outcome"] in {"kept", *COPIES} else [row["outcome"]]), row["path"]


def has_conflict(row: Row) -> bool:
    return all(re.search(rf"(?m)^{re.escape(sign * 7)}( |$)", text(row)) for sign in "<=>")


def has_long_lines(row: Row) -> bool:
    lengths = [len(line) for line in text(row).splitlines()]
    return max(lengths) > LONGEST_LINE or sum(lengths) / len(lengths) > LONGEST_MEAN_LINE


def is_nothing_but_signs(row: Row) -> bool:
    return sum(map(str.isalnum, text(row))) < FEWEST_ALPHANUMERIC * len(text(row))


def is_full_of_control_characters(row: Row) -> bool:
    whole = row["content"].decode(row["encoding"])
    return len(CONTROL.findall(whole)) > 0.01 * len(whole)


def is_another_language(row: Row) -> bool:
    return row["language"] in LANGUAGES and not parses(text(row), row["language"]) and parses(text(row), "Java")


def is_cut(row: Row) -> bool:
    return row["content"] is not None and sha1(row["content"]) != row["blob_id"]


def _of_text(is_so: Callable[[Row], bool]) -> Callable[[Row], bool]:
    """Asked only of rows that have a whole content."""
    return lambda row: row["content"] is not None and not is_cut(row) and is_so(row)


FAULTS: dict[str, Callable[[Row], bool]] = {
    "null_content": lambda row: row["content"] is None,
    "wrong_content": is_cut,
    "few_stars": lambda row: row["star_events_count"] < FEWEST_STARS,
    "licence_missing": lambda row: not row["detected_licenses"],
    "licence_not_permissive": lambda row: not set(row["detected_licenses"]) <= PERMISSIVE,
    "too_small": lambda row: row["length_bytes"] < SMALLEST,
    "too_large": lambda row: row["length_bytes"] > LARGEST,
    "language_unknown": lambda row: not row["path"].endswith(LANGUAGES.get(row["language"], ("no such end",))),
    "control_characters": _of_text(is_full_of_control_characters),
    "merge_conflict": _of_text(has_conflict),
    "long_lines": _of_text(has_long_lines),
    "low_alphanumeric": _of_text(is_nothing_but_signs),
    "language_mismatch": _of_text(is_another_language),
}


def test_names_are_those_of_the_content(rows: list[Row]) -> None:
    """Its own SHA-1, and git's, of a header and it; where the content is another, neither is."""
    for row in of_kind(rows, *{row["kind"] for row in rows} - {"null_content"}):
        data = row["content"]
        git = sha1(f"blob {len(data)}\0".encode() + data)
        agrees = [
            row["blob_id"] == sha1(data),
            row["content_id"] == git,
            row["length_bytes"] == len(data),
        ]
        assert agrees == [row["kind"] != "wrong_content"] * 3


def test_encodings_are_as_told_and_hold_letters_that_show_them(rows: list[Row]) -> None:
    """Some sources tell the encoding, others do not."""
    found = of_kind(rows, "encoding")
    assert {row["encoding"] for row in found} == {"latin-1", "shift-jis", "utf-16", "utf-8"}
    for row in found:
        assert all(phrase in text(row) and not phrase.isascii() for phrase in row["holds"])
    unmarked = [row for row in found if row["encoding"] in {"latin-1", "shift-jis"}]
    assert {row["src_encoding"] is None for row in unmarked} == {True, False}
    with pytest.raises(UnicodeDecodeError):
        unmarked[0]["content"].decode()
    marks = [row["content"][:2] for row in found if row["encoding"] == "utf-16"]
    assert set(marks) == {b"\xff\xfe", b"\xfe\xff"}
    assert all(row["content"].startswith(b"\xef\xbb\xbf") for row in found if row["encoding"] == "utf-8")


def test_what_cannot_be_decoded_is_text_in_no_encoding(rows: list[Row]) -> None:
    """Those that know many encodings find none."""
    for row in of_kind(rows, "undecodable"):
        assert row["encoding"] is row["src_encoding"] is None
        assert from_bytes(row["content"]).best() is None


def test_control_characters_stand_where_they_can_be_removed(rows: list[Row]) -> None:
    """A zero byte and an escape among them."""
    for row in of_kind(rows, "control"):
        assert {"\0", "\x1b"} <= set(CONTROL.findall(row["content"].decode()))
        assert all(phrase in text(row) for phrase in row["holds"])


def test_white_space_is_as_told(rows: list[Row]) -> None:
    """Two characters end a line; blanks do; blanks do within a text of several lines, where they are part of it."""
    for row in of_kind(rows, "crlf"):
        assert row["content"].count(b"\r\n") == row["content"].count(b"\n") == row["content"].count(b"\r") > 20
    for row in of_kind(rows, "trailing"):
        assert len(re.findall(r"[ \t]+\n", text(row))) > 10
    inner = of_kind(rows, "trailing_in_text")
    assert {row["language"] for row in inner} == {"Python", "JavaScript", "C++"}
    for row in inner:
        (phrase,) = row["holds"]
        assert phrase in text(row)
        assert re.findall(r"[ \t]+\n", text(row)) == re.findall(r"[ \t]+\n", phrase) == ["   \n", "\t \n"]


def test_other_files_have_clean_white_space(rows: list[Row]) -> None:
    """So that what cleaning changes is known."""
    others = [row for row in of_kind(rows, "good", "planted", "decoy", *COPIES) if row["encoding"] == "utf-8"]
    assert [row["path"] for row in others if re.search(r"[ \t]\n|\r|\t", text(row)) or text(row)[-1] != "\n"] == []


def test_long_names_benchmarks_and_one_repository_can_be_told(rows: list[Row]) -> None:
    """A name longer than a file may have; a statement quoted in two files; a repository of nobody else's."""
    assert all(len(row["path"].rpartition("/")[2]) > LONGEST_NAME for row in of_kind(rows, "long_name"))
    assert sum(row["content"] is not None and BENCHMARK.encode() in row["content"] for row in rows) == 2
    assert all(row["holds"] == [BENCHMARK] for row in of_kind(rows, "benchmark"))
    assert 100 <= len(BENCHMARK) <= 140
    assert {row["kind"] for row in rows if row["repo_name"] == OPTED_OUT} == {"opt_out"}
    assert {row["repo_name"] for row in of_kind(rows, "opt_out")} == {OPTED_OUT}


# --- values that must not get out ------------------------------------------------------------------------------------


def test_each_kind_of_value_is_planted_in_each_language_in_strings_and_in_comments(rows: list[Row]) -> None:
    """Of a format that the detector knows, which finds them all; redaction leaves a program."""
    seen = set()
    for row in of_kind(rows, "planted"):
        code = text(row)
        assert row["planted"]
        assert all(value in code for value in row["planted"])
        clean = pii.redact(code)
        assert not any(value in clean.text for value in row["planted"])
        assert parses(clean.text, row["language"])
        line = code[: code.index(row["planted"][0])].rpartition("\n")[2].lstrip()
        seen |= {(span.kind, row["language"], line.startswith(("#", "//"))) for span in clean.spans}
    kinds = ("email", "ipv4", "aws_key", "github_token", "password", "private_key")
    assert seen == {(kind, name, place) for kind in kinds for name in LANGUAGES for place in (True, False)}


def test_nothing_else_looks_like_a_value_that_must_not_get_out(rows: list[Row]) -> None:
    """What is redacted is what was planted."""
    others = [row for row in rows if row["outcome"] in {"kept", *COPIES} and not row["planted"]]
    assert [
        row["path"] for row, found in zip(others, pii.find_all(list(map(text, others))), strict=True) if found
    ] == []


# --- duplicates ------------------------------------------------------------------------------------------------------


def test_copies_stand_behind_their_original_in_another_repository(rows: list[Row]) -> None:
    """The first one stays; no two are copies of one."""
    found = of_kind(rows, *COPIES)
    firsts = [original(rows, row) for row in found]
    for row, first in zip(found, firsts, strict=True):
        assert first["kind"] == "good"
        assert rows.index(first) < rows.index(row)
        assert first["repo_name"] != row["repo_name"]
        assert first["language"] == row["language"]
    assert len({(first["file"], first["line"]) for first in firsts}) == len(found)


def test_exact_copies_are_the_same_bytes_and_normalised_ones_the_same_words(rows: list[Row]) -> None:
    """What differs there is the indentation, which no trimming of lines mends."""
    for row in of_kind(rows, "duplicate_exact"):
        assert row["content"] == original(rows, row)["content"]
    for row in of_kind(rows, "duplicate_normalised"):
        mine, first = text(row), text(original(rows, row))
        assert mine.split() == first.split()
        assert [x.rstrip() for x in mine.splitlines() if x] != [x.rstrip() for x in first.splitlines() if x]


def test_near_duplicates_differ_in_one_to_three_words_of_a_hundred(rows: list[Row]) -> None:
    """Well above the similarity at which the later one leaves."""
    for row in of_kind(rows, "near_duplicate"):
        mine, first = text(row), text(original(rows, row))
        words, others = re.findall(r"\w+", mine), re.findall(r"\w+", first)
        assert len(words) == len(others)
        changed = sum(one != other for one, other in zip(words, others, strict=True))
        assert 0.009 * len(words) < changed < 0.03 * len(words)
        assert Thresholds().code_corpus.near_duplicates + 0.02 < jaccard(mine, first) < 1


def test_decoys_share_a_half_to_three_quarters(rows: list[Row]) -> None:
    """Well below that similarity: both stay."""
    for row in of_kind(rows, "decoy"):
        assert 0.5 < jaccard(text(row), text(original(rows, row))) < 0.75
