"""Duplicates, near duplicates and contamination: no file is rejected but for one that is kept."""

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.code_corpus import CLUSTERS, COLUMNS, COPIED
from tasks.curate.dedup import minhash
from tasks.pipelines.code_corpus import similarity
from tests.benchmarks import bench_minhash
from tests.tasks.pipelines.code_corpus.files import PYTHON, Held, both, texts

pytestmark = pytest.mark.unit


def test_a_copy_is_an_exact_duplicate_and_one_that_differs_in_white_space_a_normalised_one() -> None:
    files = texts([PYTHON, PYTHON + "# other\n", PYTHON, PYTHON.replace("    ", "\t")])
    kept, left, removed = (*both(made := similarity.duplicates(Held(files), keep="first")), made[2])
    assert kept["repo"].tolist() == ["r0/x", "r1/x"]
    assert left["reason"].tolist() == ["duplicate_exact", "duplicate_normalised"]
    assert removed.columns.tolist() == CLUSTERS.names
    assert removed["cluster"].tolist() == [files["id"][0]] * 2
    assert removed["id"].tolist() == files["id"][2:].tolist()


@pytest.mark.parametrize(("keep", "stays"), [("first", 0), ("shortest", 1), ("longest", 2), ("best", 3)])
def test_of_several_copies_the_one_asked_for_is_kept(keep: Any, stays: int) -> None:
    copies = [PYTHON.replace("    ", blank) for blank in ("   ", " ", "      ", "  ")]
    files = texts(copies, stars=[11, 12, 13, 40])
    kept, _ = both(similarity.duplicates(Held(files), keep=keep))
    assert kept["repo"].tolist() == [f"r{stays}/x"]
    files = texts([f"{PYTHON}# {'long ' * n}end\n" for n in (2, 1, 3, 2)], stars=[11, 12, 13, 40])
    kept, _ = both(similarity.near_duplicates(Held(files), threshold=0.5, keep=keep))
    assert kept["repo"].tolist() == [f"r{stays}/x"]


def test_no_file_is_rejected_but_for_one_that_is_kept() -> None:
    """A is like B and B like C, but A is not like C: B goes for A, C stays."""
    words = [f"w{n}" for n in range(200)]
    a, b, c = words[:160], words[8:168], words[16:176]
    files = texts([" ".join(text) for text in (a, b, c)])
    near, far = (minhash.jaccard(files["content"][0], files["content"][other]) for other in (1, 2))
    threshold = (near + far) / 2
    kept, left, removed = (
        *both(made := similarity.near_duplicates(Held(files), threshold=threshold, keep="first")),
        made[2],
    )
    assert kept["repo"].tolist() == ["r0/x", "r2/x"]
    assert left["reason"].tolist() == ["near_duplicate"]
    assert removed["jaccard"].iloc[0] >= threshold
    assert removed["cluster"].iloc[0] in kept["id"].tolist()


@pytest.fixture(scope="module")
def real(real_data: Path) -> list[str]:
    """Texts of every third real file of a usual size."""
    column = pq.read_table(real_data / "code/source_files.parquet", columns=["content"])["content"]
    return [text for text in column.to_pylist()[::3] if 500 < len(text) < 20_000]


def test_planted_near_duplicates_of_real_files_are_found_and_nothing_else_is_rejected(real: list[str]) -> None:
    """2, 5, 10, 20 and 40 % of the lines changed. Recall of pairs at .85 or more, precision of all that leave."""
    rng = random.Random(5)
    originals = rng.sample(real, 1_200)
    planted = {len(originals) + at: (at, share) for at, share in enumerate([0.02, 0.05, 0.1, 0.2, 0.4] * 150)}
    copies = [changed(originals[at], share, rng) for at, share in planted.values()]
    files = texts(originals + copies)
    assert len(files) == len(originals) + len(copies)
    kept, left, removed = (
        *both(made := similarity.near_duplicates(Held(files, 500), threshold=0.85, keep="first")),
        made[2],
    )
    stays, text_of = set(kept["id"]), dict(zip(files["id"], files["content"], strict=True))
    assert len(kept) + len(left) == len(files)
    wrong = [pair for pair in removed[["id", "cluster"]].values if measured(text_of, *pair) < 0.85]
    assert wrong == []
    assert set(removed["cluster"]) <= stays
    sought = [
        (files["id"][row], files["id"][at])
        for row, (at, _) in planted.items()
        if bench_minhash.measured(*(bench_minhash.shingles(files["content"][n]) for n in (row, at))) >= 0.85
    ]
    assert len(sought) > 150
    missed = [pair for pair in sought if set(pair) <= stays]
    assert len(missed) / len(sought) <= 0.03


def changed(text: str, share: float, rng: random.Random) -> str:
    """The text with this share of its lines changed: a word at their end, or, one in four, another line."""
    lines = text.splitlines()
    for at in rng.sample(range(len(lines)), max(1, round(share * len(lines)))):
        name = f"v{rng.randrange(10**6)}"
        lines[at] = f"{name} = compute({name})" if rng.random() < 0.25 else f"{lines[at]} {name}"
    return "\n".join(lines)


def measured(text_of: dict[str, str], one: str, other: str) -> float:
    return bench_minhash.measured(bench_minhash.shingles(text_of[one]), bench_minhash.shingles(text_of[other]))


def test_a_file_with_a_benchmarks_string_is_rejected_however_it_is_laid_out() -> None:
    benchmark = "Return how often each word occurs in a given paragraph of prose."
    quoting = PYTHON.replace("Counts the words of a text.", benchmark.replace(" ", "\n   ", 3).upper())
    kept, left = both(similarity.decontamination(Held(texts([PYTHON, quoting])), benchmarks=[benchmark], copied=COPIED))
    assert kept["repo"].tolist() == ["r0/x"]
    assert left["reason"].tolist() == ["benchmark"]


def test_what_repeats_the_test_split_is_rejected_outside_it_and_the_test_split_is_kept(real: list[str]) -> None:
    rng = random.Random(6)
    ones = [text for text in real if len(text) > 3_000][:40]
    files = texts([*ones, *(changed(text, 0.1, rng) for text in ones)])
    files = files.assign(split=["test"] * 40 + ["train"] * 40).astype({"split": COLUMNS["split"]})
    kept, left = both(similarity.decontamination(Held(files), benchmarks=(), copied=COPIED))
    assert (kept["split"] == "test").sum() == 40
    assert len(left) >= 38
    assert set(left["reason"]) == {"repeats_test"}
