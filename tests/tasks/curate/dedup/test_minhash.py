"""What near-duplicate detection promises: worked examples, equality with Python's own sets, and limits under load."""

import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from tasks.curate.dedup import minhash, minhash_kernels
from tasks.curate.dedup.minhash import Duplicates, jaccard, near_duplicates
from tasks.curate.text.text_file import TextFile
from tests.benchmarks import bench_minhash as bench
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

WORDS = [
    f"{head}{tail}" for head in ("re", "un", "de", "in", "ex", "po") for tail in ("start", "load", "ploy", "d", "ns")
]
SCRIPTS = "aZ09_ .,-\n\t\u00a0\u3000çßİ\u0131Σ\u03c3ςЯжאבجمनि한漢\U0001d518😀\u202e\u0301ǅ\u212a"


def found(texts: Sequence[str], threshold: float = 0.85, **options: Any) -> dict[tuple[int, int], float]:
    """Pairs and their Jaccard."""
    pairs = near_duplicates(texts, threshold, **options).pairs
    return {(left, right): measure for left, right, measure in pairs.iter_rows()}


def expected(texts: Sequence[str], threshold: float = 0.85, ngram: int = 5) -> dict[tuple[int, int], float]:
    """The same, by comparing every text with every other."""
    sets = enumerate(minhash.shingles(text, ngram) for text in texts)
    every = (((left, right), len(a & b) / len(a | b)) for (left, a), (right, b) in combinations(sets, 2))
    return {pair: measure for pair, measure in every if measure >= threshold}


def sentence(rng: random.Random, words: int, vocabulary: Sequence[object] = WORDS) -> str:
    """Some words in a row."""
    return " ".join(str(rng.choice(vocabulary)) for _ in range(words))


def edited(text: str, edits: int, rng: random.Random) -> str:
    """The text with some of its words replaced."""
    words = text.split(" ")
    for at in rng.sample(range(len(words)), min(edits, len(words))):
        words[at] = f"new{rng.randrange(1000)}"
    return " ".join(words)


def manifest(rng: random.Random) -> str:
    """Ten lines of YAML."""
    name = rng.choice(WORDS)
    lines = ["apiVersion: apps/v1", "kind: Deployment", "metadata:", f"  name: {name}", "spec:"]
    lines += [f"  replicas: {rng.randrange(9)}", "  template:", f"    image: {name}:{rng.randrange(20)}"]
    return "\n".join([*lines, f"    port: {rng.choice([80, 443, 8080])}", f"    user: {rng.choice(WORDS)}"])


# --- the measure, worked by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "ngram", "measure"),
    [
        ("a b c d e f", "a b c d e g", 5, 1 / 3),
        ("a b c d e f", "a b c d e f g", 5, 2 / 3),
        ("a b c d e", "a b c d e", 5, 1.0),
        ("a b", "a c", 1, 1 / 3),
        ("a b a b a b", "a b a b", 2, 1.0),
        ("a b c", "a b c d", 5, 0.0),
        ("replicas: 3", "replicas = 3;", 5, 1.0),
        ("Stop the\tpod", "stop THE\n  pod.", 5, 1.0),
        ("snake_case", "snake case", 5, 0.0),
        ("İstanbul", "istanbul", 5, 1.0),
        ("", "", 5, 1.0),
        ("", " \n\u00a0", 5, 1.0),
        ("", "{}", 5, 0.0),
        ("{ }", "{}", 5, 1.0),
        ("---", "...", 5, 0.0),
        ("\u0440\u0430\u0443", "pay", 5, 0.0),  # Cyrillic letters that look Latin are other letters
    ],
)
def test_jaccard_of_worked_examples(left: str, right: str, ngram: int, measure: float) -> None:
    """The measure is what the docstrings say, and the compiled code finds the same number."""
    assert jaccard(left, right, ngram) == jaccard(right, left, ngram) == measure
    assert found([left, right], 0.01, ngram=ngram) == ({(0, 1): measure} if measure else {})


def test_shingles_are_words_in_a_row() -> None:
    """The docstring's own example."""
    assert minhash.shingles("Stop the web-pod now, please") == {
        ("stop", "the", "web", "pod", "now"),
        ("the", "web", "pod", "now", "please"),
    }


def test_pairs_and_clusters_of_a_small_example() -> None:
    """Pairs are sorted; a chain of pairs is one group, named by its first row; a text alone is its own."""
    a, b, c = "a b c d e f g h i j", "b c d e f g h i j k", "c d e f g h i j k l"
    pairs, clusters = near_duplicates([c, "something else", a, b, "something else"], 0.7)
    assert pairs.rows() == [(0, 3, 5 / 7), (1, 4, 1.0), (2, 3, 5 / 7)]
    assert pairs.schema == {"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64}
    assert clusters.tolist() == [0, 1, 0, 0, 1]
    assert clusters.dtype == np.int64


@pytest.mark.parametrize(("texts", "clusters"), [([], []), (["alone"], [0]), (["", ""], [0, 0])])
def test_no_text_one_text_empty_texts(texts: list[str], clusters: list[int]) -> None:
    """None or one has no pair; two empty texts are equal."""
    duplicates = near_duplicates(texts, 0.85)
    assert duplicates.clusters.tolist() == clusters
    assert duplicates.pairs.rows() == [(0, 1, 1.0)] * (len(texts) == 2)


# --- the compiled code against Python's sets -------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(["ab", "cd", "é", "ß", "-", "."]), max_size=12).map(" ".join), max_size=25),
    threshold=st.floats(0.1, 1.0),
    ngram=st.integers(1, 6),
)
def test_pairs_are_those_of_brute_force(texts: list[str], threshold: float, ngram: int) -> None:
    """All pairs at the threshold and above, no other, each with its exact Jaccard."""
    assert found(texts, threshold, ngram=ngram) == expected(texts, threshold, ngram)


@settings(max_examples=300, deadline=None)
@given(left=st.text() | st.text(SCRIPTS), right=st.text() | st.text(SCRIPTS), ngram=st.integers(1, 4))
def test_any_characters_are_read_as_python_reads_them(left: str, right: str, ngram: int) -> None:
    """Letters, case, digits and white space of all scripts, in both texts and in one followed by the other."""
    texts = [left, right, left + right]
    assert found(texts, 0.1, ngram=ngram) == expected(texts, 0.1, ngram)


def test_each_character_is_read_as_python_reads_it() -> None:
    """Every code point, alone and in a word, against Python's own letters and white space."""
    texts = [f"{chr(code)}x{chr(code)}" for code in range(0, 0x110000, 37)] + [chr(code) for code in range(0x3100)]
    column = minhash._as_column(texts)
    text, offsets = minhash._utf8_of(column, np.arange(len(texts)))
    single, hashes = minhash_kernels.spread(text, offsets, minhash._fold_table(), 5, np.empty(64, np.uint64))
    assert (np.diff(single) == 1).all()
    oracle = [minhash.shingles(text) for text in texts]
    assert (
        len(set(zip(oracle, hashes.tolist(), strict=False)))
        == len(set(oracle))
        == len(set(hashes[: len(texts)].tolist()))
    )


def test_random_texts_in_many_scripts_are_compared_exactly() -> None:
    """As the laws above, on one seed, so that a quick run sees it too."""
    rng = random.Random(1)
    texts = ["".join(rng.choices(SCRIPTS, k=rng.randrange(30))) for _ in range(40)]
    texts += [text + rng.choice(SCRIPTS) for text in texts]
    assert found(texts, 0.3, ngram=2) == expected(texts, 0.3, 2)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernels as plain Python, whose lines a coverage report sees."""
    for name, kernel in vars(minhash_kernels).copy().items():
        if hasattr(kernel, "py_func"):
            monkeypatch.setattr(minhash_kernels, name, kernel.py_func)
    with np.errstate(over="ignore"):
        yield


CASES = ["", "a", "%", "ß漢 😀\U0001d518", *["same words here"] * 3, *[f"a b c d e f g h {tail}" for tail in range(4)]]


@pytest.mark.usefixtures("interpreted")
def test_kernels_mean_the_same_when_interpreted() -> None:
    """Every kernel as plain Python finds what Python's sets say: no promise hangs on what a compiler makes of types."""
    long = sentence(random.Random(2), 700, [str(number) for number in range(999)])
    texts = [*CASES, long, f"{long} end", " ".join(map(str, range(3_000)))]
    assert found(texts, 0.6) == expected(texts, 0.6)


@pytest.mark.usefixtures("interpreted")
def test_many_pairs_outgrow_the_first_room_for_them() -> None:
    """1,225 pairs are found where memory for 1,024 is taken at first; texts that share too few bins are no pairs."""
    order, reach, marks = np.arange(50), np.full(50, 50), np.zeros((50, 4), np.uint8)
    pairs = minhash_kernels.meet(order, reach, np.zeros(50, np.uint64), marks, 4)
    assert len(set(pairs.tolist())) == math.comb(50, 2)
    marks[7, 0] = 1
    pairs = minhash_kernels.meet(order, reach, np.zeros(50, np.uint64), marks, 4)
    assert len(set(pairs.tolist())) == math.comb(49, 2)


# --- sketches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "shape"), [(0.85, (25, 6)), (0.5, (41, 2)), (1.0, (1, 192)), (0.01, (192, 1))])
def test_banding_of_some_thresholds(threshold: float, shape: tuple[int, int]) -> None:
    """The shapes that the docstring names, and the two ends."""
    assert minhash.banding(threshold) == shape


def test_banding_misses_no_more_than_it_says() -> None:
    """At every threshold from .06 up, a pair at it meets in some band but for one in 100,000."""
    for percent in range(6, 101):
        bands, rows = minhash.banding(percent / 100)
        assert bands * rows <= minhash.BINS
        assert (1 - (percent / 100) ** rows) ** bands <= minhash.MISSED


@pytest.mark.parametrize("size", [1, 3, 20, 150, 3_000])
def test_sketches_estimate_jaccard_at_every_size(size: int) -> None:
    """Matching bins come within three standard errors of the exact Jaccard, for three shingles as for thousands."""
    rng, bins, trials = np.random.default_rng(size), 150, 40
    one, other = np.empty((2, bins), np.uint32)
    turns, scratch = np.empty(bins, np.int64), np.empty(8 * size + 8, np.uint64)
    off = []
    for trial in range(trials):
        shared = 1 + trial * size // trials
        pool = rng.integers(1, 1 << 63, 2 * size, dtype=np.uint64)
        for sketch, hashes in ((one, pool[:size]), (other, pool[size - shared : 2 * size - shared])):
            minhash_kernels.fill(hashes.copy(), size, sketch, turns, scratch)
            assert not (sketch == minhash_kernels.EMPTY).any()
        exact = shared / (2 * size - shared)
        off.append((np.mean(one == other) - exact) / math.sqrt(max(exact * (1 - exact), 1e-9) / bins))
    assert abs(np.mean(off)) < 3 / math.sqrt(trials)
    assert np.std(off) < 1.3


# --- recall and precision --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "edits", "ngram"),
    [
        pytest.param(manifest, 1, 5, id="manifests of ten lines"),
        pytest.param(manifest, 1, 1, id="manifests by single words"),
        pytest.param(lambda rng: sentence(rng, 20), 1, 2, id="requests of twenty words"),
        pytest.param(lambda rng: sentence(rng, 120), 2, 5, id="answers of a paragraph"),
        pytest.param(lambda rng: sentence(rng, 6), 0, 5, id="six words"),
    ],
)
def test_short_texts_are_found_as_well_as_long_ones(make: Callable[..., str], edits: int, ngram: int) -> None:
    """Sets of a few shingles fill few bins; still no pair is missed."""
    rng = random.Random(3)
    texts = [make(rng) for _ in range(60)]
    texts += [edited(text, rng.randint(0, edits), rng) for text in texts]
    texts += [f"{text} {rng.choice(WORDS)}" for text in texts[:30]]
    pairs = expected(texts, 0.8, ngram)
    assert len(pairs) > 25
    assert found(texts, 0.8, ngram=ngram) == pairs


def test_planted_variants_are_all_found() -> None:
    """Variants between .80 and .95 of texts of 10 to 90 lines: each at .85 and above is found, and nothing else."""
    rng = random.Random(4)
    originals = [
        "\n".join(sentence(rng, rng.randrange(1, 12), range(2_000)) for _ in range(rng.randrange(10, 90)))
        for _ in range(150)
    ]
    plants = [bench.plant(text, rng.uniform(0.8, 0.95), rng) for text in originals]
    texts = originals + plants
    truth = {(row, row + 150): jaccard(texts[row], texts[row + 150]) for row in range(150)}
    assert sum(measure < 0.85 for measure in truth.values()) > 30
    assert found(texts) == {pair: measure for pair, measure in truth.items() if measure >= 0.85}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "kinds"), [("code/source_files", None), ("iac/iac_files", {"kubernetes", "yaml_other"})]
)
def test_recall_and_precision_on_real_code_and_yaml(real_data: Path, file: str, kinds: set[str] | None) -> None:
    """Every planted pair of real files at .85 and above is found, and every pair found is one."""
    table = pq.read_table(real_data / f"{file}.parquet").to_pylist()
    files = [row["content"] for row in table if kinds is None or row["iac_kind"] in kinds]
    rng = random.Random(5)
    chosen = rng.sample([text for text in files if 500 < len(text) < 20_000], 1_000)
    texts = chosen + [bench.plant(text, rng.uniform(0.8, 0.95), rng) for text in chosen]
    truth = {(at, at + 1_000) for at in range(1_000) if jaccard(texts[at], texts[at + 1_000]) >= 0.85}
    pairs = found(texts)
    assert len(truth) > 300
    assert truth <= pairs.keys()
    assert all(measure == jaccard(texts[left], texts[right]) for (left, right), measure in pairs.items())
    assert min(pairs.values()) >= 0.85


# --- the same answer, however it is asked for ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixture() -> list[str]:
    """300 texts: originals, variants, copies and empty ones."""
    rng = random.Random(6)
    texts = [sentence(rng, rng.randrange(40, 90), range(500)) for _ in range(140)]
    texts += [edited(text, rng.randrange(3), rng) for text in texts] + [""] * 5 + texts[:15]
    return rng.sample(texts, len(texts))


def same(one: Duplicates, other: Duplicates) -> bool:
    """Whether two answers are equal to the bit."""
    return one.pairs.equals(other.pairs) and (one.clusters == other.clusters).all()


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_change_nothing(mixture: list[str], workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the size of the batches that they share out."""
    alone = near_duplicates(mixture, 0.85)
    monkeypatch.setattr(minhash, "BATCH", 2_000)
    assert same(near_duplicates(mixture, 0.85, workers=workers), alone)


def test_order_of_texts_changes_nothing(mixture: list[str]) -> None:
    """The pairs are the same texts when the rows come in another order."""
    order = random.Random(7).sample(range(len(mixture)), len(mixture))
    turned = {tuple(sorted((order[left], order[right]))) for left, right in found([mixture[row] for row in order])}
    assert turned == found(mixture).keys()


@pytest.mark.parametrize(
    "held",
    [
        tuple,
        pa.array,
        lambda texts: pa.array(["other", *texts], pa.large_string())[1:],
        lambda texts: pa.chunked_array([texts[:100], [], texts[100:101], texts[101:]]),
        lambda texts: pa.array(texts).dictionary_encode(),
        lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string()), index=range(len(texts), 0, -1)),
        lambda texts: pd.Series(texts, dtype="str"),
        lambda texts: pd.Series(texts, dtype=object),
        pl.Series,
    ],
    ids=["tuple", "array", "slice", "chunks", "dictionary", "arrow", "str", "object", "polars"],
)
def test_containers_change_nothing(mixture: list[str], held: Callable[[list[str]], Any]) -> None:
    """Rows are counted by position, however the texts are held."""
    assert same(near_duplicates(held(mixture), 0.85), near_duplicates(mixture, 0.85))


@pytest.mark.parametrize("workers", [1, 4])
def test_texts_on_disk_change_nothing(mixture: list[str], workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is that for a list, however the texts were written and are read; half a letter does no harm."""
    texts = [*mixture, "half of \ud83d a pair", "", "half of \ud83d a pair"]
    alone = near_duplicates(texts, 0.85)
    monkeypatch.setattr(minhash, "BATCH", 2_000)
    with TextFile.of([texts[:7], [], pa.array(texts[7:100]), texts[100:]]) as file:
        assert same(near_duplicates(file, 0.85, workers=workers), alone)
        assert near_duplicates(file, 0.5, workers=workers, ngram=2).pairs.equals(
            near_duplicates(texts, 0.5, ngram=2).pairs
        )


def test_no_text_on_disk() -> None:
    """As with an empty list."""
    with TextFile.of([]) as file:
        assert same(near_duplicates(file, 0.85), near_duplicates([], 0.85))


def test_hashed_shingles_are_as_many_as_shingles(mixture: list[str]) -> None:
    """One hash for each different one, and the same in every text that has it."""
    for ngram in (1, 5):
        starts, hashes = minhash.hashed(mixture, ngram)
        own = [hashes[begin:end].tolist() for begin, end in pairwise(starts)]
        assert [len(set(found)) for found in own] == [len(found) for found in own]
        sets = [minhash.shingles(text, ngram) for text in mixture]
        assert [len(found) for found in own] == list(map(len, sets))
        assert len(set().union(*own)) == len(set().union(*sets))


# --- what would cost the square --------------------------------------------------------------------------------------


def test_copies_are_paired_up_to_a_limit() -> None:
    """Each of the first 100 copies with each other, and the others with the first; all are one group."""
    pairs, clusters = near_duplicates(["other", *["the same words\n"] * 300, "The same words!"], 0.85)
    assert len(pairs) == math.comb(minhash.COPIES, 2) + 301 - minhash.COPIES
    assert pairs["jaccard"].unique().to_list() == [1.0]
    assert clusters.tolist() == [0] + [1] * 301


def test_copies_of_near_duplicates_are_paired_too() -> None:
    """A planted pair is listed for each copy of either text, whichever comes first."""
    one, other = sentence(random.Random(8), 60), f"{sentence(random.Random(8), 60)} more"
    assert found([other, one, one, other, "x"]).keys() == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_a_crowd_stays_one_group() -> None:
    """1,500 texts that differ in the last word: one group, and fewer pairs than a tenth of all."""
    text = sentence(random.Random(9), 200)
    pairs, clusters = near_duplicates([f"{text} {row}" for row in range(1_500)], 0.85)
    assert not clusters.any()
    assert 1_500 < len(pairs) < math.comb(1_500, 2) / 10


@pytest.mark.parametrize(("shared", "own"), [(150, 200), (300, 40)])
def test_pairs_are_found_behind_a_licence_that_all_texts_share(shared: int, own: int) -> None:
    """Texts that agree by 30 or by 80 percent hide none of the pairs among them, and are no pairs themselves."""
    rng = random.Random(10)
    header = sentence(rng, shared)
    bodies = [sentence(rng, own, range(9_999)) for _ in range(900)]
    bodies += [edited(body, 3, rng) for body in bodies[:50]]
    assert found([f"{header} {body}" for body in bodies]).keys() == {(row, row + 900) for row in range(50)}


# --- odd texts, wrong calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 3_000_000, id="one word of three megabytes"),
        pytest.param("pod " * 700_000, id="one line, one word"),
        pytest.param(" ".join(map(str, range(300_000))), id="one line of two megabytes"),
        pytest.param("\u202eשל\u05d5ם ע\u05d5לם \u0645\u0631\u062d\u0628\u0627 " * 9, id="right to left"),
        pytest.param("\u0430 \u0435 \u043e \u0440 \u0441 \u0443 \u0445 " * 9, id="homoglyphs"),
        pytest.param("{}[]();:!? ---\n" * 9, id="punctuation"),
        pytest.param("half of \ud83d a pair", id="lone surrogate"),
        pytest.param("\x00 \x1c\x85\ufeff", id="control characters"),
        pytest.param("", id="empty"),
    ],
)
def test_odd_texts_match_themselves_alone(text: str) -> None:
    """Nothing crashes, and the text is found again among others."""
    assert found([text, "other words", text, "%"]) == {(0, 2): 1.0}


def test_bytes_that_are_no_utf8_do_no_harm() -> None:
    """Arrow does not check what it is handed: half a letter at the end does not go on in the next text."""
    broken = pa.array([b"ab\xc3", b"\xa9", b"ab", b"\xff\xff\xff\xff\xff\xff x"])
    assert found(pa.Array.from_buffers(pa.string(), len(broken), broken.buffers())) == {(0, 2): 1.0}


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, float("nan")])
def test_thresholds_outside_the_range_are_refused(threshold: float) -> None:
    """The sentence names the value and the range."""
    with pytest.raises(ValueError, match=rf"threshold is {threshold}; a Jaccard above 0 and up to 1"):
        near_duplicates(["a"], threshold)


def test_the_ends_of_the_range_are_thresholds() -> None:
    """At 1 only equal sets are a pair; far below .06 some pairs may be missed, but none is wrong."""
    texts = ["a b c a b c a", "b c a b c a b", "a b c d"]
    assert found(texts, 1.0, ngram=3) == {(0, 1): 1.0}
    assert found(texts, 1e-9, ngram=3).items() <= expected(texts, 1e-9, 3).items()


@pytest.mark.parametrize(("option", "sentence"), [("ngram", "ngram is 0; a shingle"), ("workers", "workers is 0; at")])
def test_no_words_and_no_workers_are_refused(option: str, sentence: str) -> None:
    """The sentence names the value."""
    with pytest.raises(ValueError, match=sentence):
        near_duplicates(["a"], 0.85, **{option: 0})


@pytest.mark.parametrize(
    "texts",
    [
        ["a", None, "b", None],
        pa.array(["a", None, "b"]),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype=object),
        pl.Series(["a", None, "b"]),
        ["a", float("nan"), "b"],
    ],
    ids=["list", "arrow", "str", "object", "polars", "nan"],
)
def test_missing_texts_are_refused(texts: Any) -> None:
    """They are neither empty nor equal; the sentence names the first row, and what to do."""
    with pytest.raises(SourceError, match=r"text 1 of \d is .*a string is expected: quarantine rows without a text"):
        near_duplicates(texts, 0.85)


@pytest.mark.slow
def test_import_leaves_numba_for_the_first_call() -> None:
    """A flow whose result is cached does not pay for the compiler."""
    code = "import sys, tasks.curate.dedup.minhash; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
