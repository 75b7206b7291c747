"""Near duplicates beside datasketch and rensa: `python -m tests.benchmarks.bench_minhash`.

The corpus is `code/source_files.parquet` from `$AUTOMEND_REAL_DATA` or `<repository>/../shared/data`, and variants of
its files with words or lines changed, up to 24,000 files or 250 MB. Each tool runs in a process of its own, on a list
of strings. The peers are given what their users give them: sets of five words in a row, made by Python; that part of
their time is printed too, and, for machines that do other work as well, the time that a core was busy. `recall` is of
the planted pairs at Jaccard .85 and above; `precision` is of all pairs that a tool reports, measured on a sample of
them. Truth is computed here, from Python's own sets, not by the code on trial.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.curate.dedup import minhash
from tests.conftest import PROJECT

FILES, BYTES = 24_000, 250_000_000
THRESHOLD = 0.85
PERMUTATIONS = 128
SAMPLE = 3_000  # reported pairs whose Jaccard is measured
LINEAR = (10_000, 20_000, 40_000)
Pairs = list[tuple[int, int]]
Shingles = set[tuple[str, ...]]


def code_files() -> list[str]:
    """The real files, or an exit that says where they were sought."""
    path = Path(os.environ.get("AUTOMEND_REAL_DATA", PROJECT.parent / "shared" / "data")) / "code/source_files.parquet"
    if not path.is_file():
        sys.exit(f"no real code at {path}: set AUTOMEND_REAL_DATA")
    return pq.read_table(path, columns=["content"])["content"].to_pylist()


# --- the corpus and its truth ----------------------------------------------------------------------------------------


def plant(text: str, target: float, rng: random.Random) -> str:
    """The text with words or lines changed, at a Jaccard of about `target`."""
    parts = re.split(r"(\w+)", text)
    words = len(parts) // 2
    lost = max(1.0, words * (1 - target) / (1 + target))  # shingles that each side shall have for itself
    return change_words(parts, round(lost / 5), rng) if rng.random() < 0.5 else change_lines(text, lost, rng)


def change_words(parts: list[str], edits: int, rng: random.Random) -> str:
    """Words replaced, dropped and put in; every second part is a word."""
    vocabulary = parts[1::2]
    for at in rng.sample(range(1, len(parts), 2), min(max(edits, 1), len(parts) // 2)):
        parts[at] = rng.choice(["", f"{rng.choice(vocabulary)}_{edits}", f"{parts[at]} {rng.choice(vocabulary)}"])
    return "".join(parts)


def change_lines(text: str, lost: float, rng: random.Random) -> str:
    """Lines dropped, and comments put in, until about `lost` shingles of either side are lost."""
    lines = text.splitlines(keepends=True)
    for at in rng.sample(range(len(lines)), len(lines)):
        if lost <= 0:
            break
        lost -= len(re.findall(r"\w+", lines[at])) / 2 + 4
        lines[at] = "" if rng.random() < 0.5 else f"{lines[at].rstrip()}  # checked {rng.randrange(10_000)} times\n"
    return "".join(lines)


def enlarge(files: list[str], seed: int = 20) -> tuple[list[str], dict[int, list[int]]]:
    """(texts, rows of each family): real files with variants of some planted among them."""
    rng = random.Random(seed)
    fit = [row for row, text in enumerate(files) if 200 < len(text) < 100_000]
    texts, family, size = list(files), list(range(len(files))), sum(map(len, files))
    while len(texts) < FILES and size < BYTES:
        row = rng.choice(fit)
        texts.append(plant(files[row], rng.uniform(0.80, 0.95), rng))
        family.append(row)
        size += len(texts[-1])
    order = rng.sample(range(len(texts)), len(texts))
    families = defaultdict(list)
    for new, old in enumerate(order):
        families[family[old]].append(new)
    return [texts[old] for old in order], families


def shingles(text: str) -> Shingles:
    """What `minhash.shingles` finds, much faster."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[at:] for at in range(minhash.NGRAM)), strict=False)) or set(minhash.shingles(text))


def measured(left: Shingles, right: Shingles) -> float:
    """Exact Jaccard."""
    return len(left & right) / len(left | right)


def truth(texts: list[str], families: dict[int, list[int]]) -> Pairs:
    """Pairs of one family at the threshold or above."""
    found = []
    for rows in families.values():
        sets = {row: shingles(texts[row]) for row in rows} if len(rows) > 1 else {}
        found += [(a, b) for a, b in combinations(sets, 2) if measured(sets[a], sets[b]) >= THRESHOLD]
    return found


# --- the tools: texts -> (pairs, seconds of it spent in making shingles) ---------------------------------------------


def ours(texts: list[str], workers: int = 1) -> tuple[Pairs, float]:
    """`minhash.near_duplicates`."""
    pairs = minhash.near_duplicates(texts, THRESHOLD, workers=workers).pairs
    return list(zip(pairs["left"].to_list(), pairs["right"].to_list(), strict=True)), 0.0


def joined(texts: list[str]) -> Iterator[tuple[list[str], float]]:
    """Shingles of each text as strings, and the seconds that took."""
    for text in texts:
        begun = time.perf_counter()
        found = [" ".join(words) for words in shingles(text)]
        yield found, time.perf_counter() - begun


def by_rensa(texts: list[str]) -> tuple[Pairs, float]:
    """RMinHash and RMinHashLSH, 16 bands, pairs whose estimate reaches the threshold."""
    import rensa

    spent, hashes = 0.0, []
    for found, seconds in joined(texts):
        spent += seconds
        hashes += rensa.RMinHash.from_token_sets([found], PERMUTATIONS, 1)
    index = rensa.RMinHashLSH(THRESHOLD, PERMUTATIONS, 16)
    index.insert_many(hashes)
    close = enumerate(index.query_all(hashes))
    return [(a, b) for a, rows in close for b in rows if a < b and hashes[a].jaccard(hashes[b]) >= THRESHOLD], spent


def by_datasketch(texts: list[str]) -> tuple[Pairs, float]:
    """MinHash and MinHashLSH, pairs whose estimate reaches the threshold."""
    import datasketch

    spent, hashes, pairs = 0.0, [], []
    index = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    for row, (found, seconds) in enumerate(joined(texts)):
        spent += seconds
        own = datasketch.MinHash(num_perm=PERMUTATIONS)
        own.update_batch([words.encode() for words in found])
        pairs += [(other, row) for other in index.query(own) if own.jaccard(hashes[other]) >= THRESHOLD]
        index.insert(row, own)
        hashes.append(own)
    return pairs, spent


TOOLS: dict[str, Callable[[list[str]], tuple[Pairs, float]]] = {
    "ours, 1 worker": ours,
    "ours, 2 workers": lambda texts: ours(texts, 2),
    "rensa": by_rensa,
    "datasketch": by_datasketch,
}


def child(tool: str, path: str, repeats: str) -> None:
    """One tool on one corpus: prints its best seconds and its peak memory, and writes its pairs beside the corpus."""
    texts = pq.read_table(path)["text"].to_pylist()
    pa.default_memory_pool().release_unused()
    begun = time.perf_counter()
    TOOLS[tool](["first call", "loads", "the compiled code"])
    first, runs = time.perf_counter() - begun, []
    Path("/proc/self/clear_refs").write_text("5")  # the peak until now is none of the tool's
    held = megabytes("VmRSS")
    for _ in range(int(repeats)):
        begun, busy = time.perf_counter(), time.process_time()
        pairs, spent = TOOLS[tool](texts)
        runs.append((time.perf_counter() - begun, time.process_time() - busy, spent))
    seconds, busy, spent = min(runs)
    got = {
        "seconds": seconds,
        "busy": busy,
        "shingles": spent,
        "first": first,
        "held": held,
        "peak": megabytes("VmHWM"),
    }
    np.save(f"{path}.npy", np.array(pairs, np.int64).reshape(-1, 2))
    print(json.dumps(got))


def megabytes(field: str) -> float:
    """Memory of this process as the kernel counts it: held now (VmRSS) or at the most (VmHWM)."""
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def run(tool: str, path: Path, repeats: int = 1) -> dict[str, float]:
    """What `child` printed."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_minhash", "child", tool, str(path), str(repeats)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def write(texts: list[str], path: Path) -> Path:
    """A corpus on disk."""
    pq.write_table(pa.table({"text": pa.array(texts, pa.large_string())}), path)
    return path


# --- the two tables --------------------------------------------------------------------------------------------------


def precision(texts: list[str], pairs: np.ndarray) -> float:
    """Share of the pairs, or of a sample of them, that reach the threshold."""
    rows = np.random.default_rng(1).permutation(len(pairs))[:SAMPLE]
    return float(np.mean([minhash.jaccard(texts[a], texts[b]) >= THRESHOLD for a, b in pairs[rows]]))


def compare(texts: list[str], families: dict[int, list[int]], path: Path) -> None:
    """Print every tool's time, recall, precision and memory."""
    wanted = {tuple(sorted(pair)) for pair in truth(texts, families)}
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} files, {size:.0f} MB, {len(wanted):,} planted pairs at {THRESHOLD} and above")
    head = "seconds  (of a core)  (shingles)  ratio  recall  precision    pairs  peak MB  (texts and imports)"
    print(f"{'':16} {head}")
    base = 0.0
    for tool in TOOLS:
        got = run(tool, path)
        base = base or got["seconds"]
        pairs = np.load(f"{path}.npy")
        recall = len(wanted & {tuple(sorted(pair)) for pair in pairs.tolist()}) / len(wanted)
        right = precision(texts, pairs)
        print(
            f"{tool:16} {got['seconds']:7.2f}  {got['busy']:11.2f}  {got['shingles']:10.2f}"
            f"  {got['seconds'] / base:5.1f}  {recall:6.4f}  {right:9.4f}  {len(pairs):7,}"
            f"  {got['peak']:7.0f}  ({got['held']:.0f})"
        )


def shifted(text: str, by: int) -> str:
    """The text in another alphabet: of the same length, and with no shingle in common."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return text.translate(str.maketrans(letters, letters[by:] + letters[:by]))


def linear(texts: list[str], path: Path) -> None:
    """Print time per document for corpora of one make in three sizes."""
    for size in LINEAR:
        parts = range(size // LINEAR[0])
        write([shifted(text, part) for part in parts for text in texts[: LINEAR[0]]], path)
        got = run("ours, 1 worker", path, repeats=3)
        print(
            f"{size:6,} files: {got['seconds']:5.2f} s, {1e6 * got['busy'] / size:5.0f} µs of a core a file, "
            f"peak {got['peak']:5.0f} MB ({got['held']:.0f}); first call in a process {got['first']:.1f} s"
        )


def main() -> None:
    """Print both tables."""
    texts, families = enlarge(code_files())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        compare(texts, families, write(texts, path))
        linear(texts, path)


if __name__ == "__main__":
    child(*sys.argv[2:]) if sys.argv[1:2] == ["child"] else main()
