"""Decontamination finds copies, whole, in parts and changed, and leaves alone what only looks like them."""

import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.code_corpus import COPIED
from schemas.finding import SourceError
from tasks.curate.dedup import minhash, overlap
from tasks.curate.dedup.overlap import mentions, runs, shares

pytestmark = pytest.mark.unit

NOTICE = """Copyright {year} {owner}. Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License. You may obtain a copy of the License at
http://www.apache.org/licenses/LICENSE-2.0. Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND."""


def words(rng: random.Random, count: int) -> str:
    """A text of its own, in lines of ten words."""
    return "".join(f"w{rng.randrange(10**6)}{' ' if at % 10 else chr(10)}" for at in range(1, count + 1))


# --- strings of benchmarks -------------------------------------------------------------------------------------------


def held(text: str, needles: list[str]) -> str | None:
    """The same, by looking for each needle."""
    folded = re.sub(r"\s+", " ", text.lower())
    return next((needle for needle in needles if re.sub(r"\s+", " ", needle.lower()).strip() in folded), None)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(["aB", "ba", " ", "\n\t", "é"]), max_size=40).map("".join), max_size=5),
    needles=st.lists(st.lists(st.sampled_from(["aB", "ba", " ", "É"]), min_size=20).map("".join), max_size=6),
    head=st.integers(1, 30),
)
def test_mentions_are_what_a_search_for_each_string_finds(texts: list[str], needles: list[str], head: int) -> None:
    """The first in their order, also where strings begin alike, overlap, or are part of each other."""
    needles = [needle for needle in needles if len(" ".join(needle.split())) >= overlap.SHORTEST]
    texts = [*texts, *(f"b{needle}a" for needle in needles), "".join(texts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "HEAD", head)
        assert mentions(texts, needles) == [held(text, needles) for text in texts]


def test_case_and_layout_make_no_difference_and_letters_do() -> None:
    """The benchmark's own spelling is what is told."""
    needle = "def Sort_Numbers(numbers: str):\n    return sorted(numbers)"
    texts = [
        "x\r\nDEF sort_numbers(numbers:\tstr): return   sorted(numbers)  # mine",
        "def sort_numbers(numbers: str): return sorted(number)",
        "half of \ud83d a pair: def sort_numbers(numbers: str): return sorted(numbers)",
        "",
    ]
    assert mentions(texts, ["something else entirely", needle]) == [needle, None, needle, None]
    assert mentions(texts, []) == [None] * 4


def test_strings_that_overlap_in_a_text_are_all_seen() -> None:
    """The one that stands first in the list is told, though it begins within the other one."""
    one, other = "beta gamma delta epsilon", "alpha beta gamma delta"
    assert mentions([f"alpha {one}"], [one, other]) == [one]
    assert mentions([f"alpha {one}"], [other, one]) == [other]


def test_thousands_of_strings_are_sought_at_once() -> None:
    """5,000 strings that begin alike, one of them in one text of two hundred."""
    needles = [f"from typing import list def of_{row}(values): return {row}" for row in range(5_000)]
    texts = [words(random.Random(row), 300) for row in range(200)]
    texts[77] += needles[4_321]
    assert [(at, found) for at, found in enumerate(mentions(texts, needles)) if found] == [(77, needles[4_321])]


@pytest.mark.parametrize("needle", ["", "return a + b", "  return   a  +  b  \n\n\n\n"])
def test_short_strings_are_refused(needle: str) -> None:
    """They would match everywhere; white space makes none longer."""
    with pytest.raises(SourceError, match=r"string 1 of 2 to be kept out .* at least 20 are expected"):
        mentions(["a"], ["x" * 20, needle])


# --- held-out files --------------------------------------------------------------------------------------------------


def share(text: str, files: list[str]) -> float:
    """The share by Python's sets, of texts without notices."""
    known = frozenset[tuple[str, ...]]().union(
        *(minhash.shingles(file, overlap.WIDTH) for file in files if file.strip())
    )
    own = minhash.shingles(text, overlap.WIDTH) if text.strip() else frozenset()
    return len(own & known) / max(len(own), 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "C", "- ", "\n"]), max_size=30).map(" ".join), max_size=6),
    st.integers(0, 6),
)
def test_shares_are_those_of_sets(texts: list[str], cut: int) -> None:
    """For texts of no word, of a few and of many; in whatever batches the held-out files come."""
    files = texts[:cut]
    batches = [files[:2], [], files[2:]]
    assert shares(texts, runs(batches)).tolist() == pytest.approx([share(text, files) for text in texts], abs=1e-12)


def changed(text: str, part: float, rng: random.Random) -> str:
    """The text with that part of its lines replaced."""
    lines = text.split("\n")
    for at in rng.sample(range(len(lines)), round(part * len(lines))):
        lines[at] = f"changed {rng.randrange(10**6)} here_{rng.randrange(10**6)}"
    return "\n".join(lines)


@pytest.fixture(scope="module")
def repositories(real_data: Path) -> tuple[list[str], list[str]]:
    """(held out, others): real files of repositories that have nothing to do with each other."""
    table = pq.read_table(real_data / "code/source_files.parquet", columns=["repo", "content"]).to_pylist()
    known = sorted({row["repo"] for row in table})
    split = [
        [
            row["content"]
            for row in table
            if (row["repo"] in known[::4]) == out and 1_000 < len(row["content"] or "") < 30_000
        ]
        for out in (True, False)
    ]
    return random.Random(1).sample(split[0], 500), random.Random(2).sample(split[1], 1_000)


@pytest.mark.parametrize(("part", "least"), [(0.0, 1.0), (0.1, 0.98), (0.2, 0.95), (0.3, 0.8)])
def test_changed_copies_of_real_files_are_found(
    repositories: tuple[list[str], list[str]], part: float, least: float
) -> None:
    """All copies; nearly all with a tenth of the lines replaced, wherever they stand; most with three tenths."""
    rng = random.Random(3)
    known = runs([repositories[0]])
    copies = [changed(text, part, rng) for text in repositories[0][:200]]
    assert np.mean(shares(copies, known) >= COPIED) >= least


def test_files_of_other_repositories_are_left_alone(repositories: tuple[list[str], list[str]]) -> None:
    """But for the few that a generator wrote in both; the notices at the top of most files are none."""
    found = shares(repositories[1], runs([repositories[0]])) >= COPIED
    assert np.mean(found) <= 0.003


@pytest.mark.parametrize(
    "comment",
    [
        lambda notice: "".join(f"# {line}\n" for line in notice.split("\n")),
        lambda notice: "".join(f"  // {line}\n" for line in notice.split("\n")),
        lambda notice: "/*\n * " + notice.replace("\n", "\n * ") + "\n */\n",
        lambda notice: f'"""{notice}"""\n',
        lambda notice: f"'''{notice}'''\n",
        lambda notice: f"\n\n<!-- {notice} -->\n",
    ],
)
def test_a_notice_makes_no_file_a_copy(comment: Callable[[str], str]) -> None:
    """A notice alone, one above three lines of code, and one of another owner; code below a notice still counts."""
    rng = random.Random(4)
    bodies = [words(rng, 60) for _ in range(3)]
    top, other = (comment(NOTICE.format(year=year, owner=owner)) for year, owner in ((2014, "Ann"), (2020, "Bo Inc")))
    known = runs([[top + bodies[0], top]])
    assert shares([top, other, top + bodies[1], other + bodies[2]], known).max() < 0.1
    assert shares([other + bodies[0], bodies[0]], known).min() > 0.9


def test_comments_that_are_no_notices_count() -> None:
    """What the file says about itself is its own, also below a notice."""
    notice = "".join(f"# {line}\n" for line in NOTICE.split("\n"))
    told = "".join(f"# {line}\n" for line in words(random.Random(5), 90).split("\n"))
    assert shares([told], runs([[f"{notice}\n{told}"]])).tolist() == [1.0]


def test_a_sample_of_the_runs_tells_nearly_as_much() -> None:
    """Of 60,000 runs an eighth is held: shares of long texts are off by little, and whole copies are found exactly."""
    rng = random.Random(6)
    files = [words(rng, 2_000) for _ in range(30)] + [words(rng, 12) for _ in range(50)]
    sample = runs([[file] for file in files], most=8_000)
    full = runs([files]).hashes
    assert len(sample.hashes) <= 8_000 < np.sum(full <= np.uint64(2 * sample.limit))  # no thinner than it must be
    assert shares(files, sample).tolist() == [1.0] * 80
    halves = [file[: len(file) // 2] + words(rng, 1_000) for file in files[:30]]
    assert np.abs(shares(halves, sample) - shares(halves, runs([files]))).max() < 0.12


def test_order_and_batches_of_held_out_files_change_nothing() -> None:
    """Nor does it matter when the sample is thinned."""
    rng = random.Random(7)
    files = [words(rng, 200) for _ in range(40)]
    one = runs([files], most=1_000)
    for batches in ([[file] for file in reversed(files)], [files[20:], files[:20], files]):
        other = runs(batches, most=1_000)
        assert other.limit == one.limit
        assert np.array_equal(other.hashes, one.hashes)
        assert np.array_equal(other.wholes, one.wholes)
    assert all(left < right for left, right in pairwise(one.hashes.tolist()))


def test_no_held_out_file_and_no_text() -> None:
    """Nothing is shared with nothing."""
    assert shares(["a b c", ""], runs([])).tolist() == [0.0, 0.0]
    assert shares([], runs([["a"]])).tolist() == []
