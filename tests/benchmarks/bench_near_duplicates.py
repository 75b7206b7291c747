"""Near duplicates in a corpus on disk, at two sizes: `python -m tests.benchmarks.bench_near_duplicates`.

The corpus is made block by block of 10,000 texts and written straight to a `TextFile`: 9,000 real files of
`code/source_files.parquet`, cut at 4 kB, and 1,000 of them once more with 2, 5, 10, 20 or 40 percent of their lines
changed. In each block letters stand for other letters, so blocks share nothing, and both sizes have the same make-up:
time must be linear, and memory beyond the signatures flat. Each size runs in a process of its own, with one worker.

Recall is of a sample of the planted pairs whose exact Jaccard, by Python's own sets, is .85 and above; precision is of
a sample of all pairs reported. The peer, datasketch, gets the first texts of the same corpus, in the same run. On a
machine that does other work as well, compare the seconds that a core was busy.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tasks.curate.dedup import minhash
from tasks.curate.text.text_file import TextFile
from tests.benchmarks import bench_minhash as bench
from tests.conftest import PROJECT

SIZES = (20_000, 200_000)
ORIGINALS, PLANTED = 9_000, 1_000  # texts of a block
BLOCK = ORIGINALS + PLANTED
CHANGED = (0.02, 0.05, 0.10, 0.20, 0.40)  # lines of a planted text
LONGEST = 4_000  # characters
TOGETHER = 500  # texts that are made at once: what making them takes shall not hide what finding pairs takes
REPEATS = 3  # the quickest counts
SAMPLE = 2_000  # planted pairs, and pairs reported, that are measured
PEERED = 5_000  # texts for the peer, which needs tens of times as long
TOLERANCE = 1.20  # of time for a text, and of memory beyond signatures: ten times the texts against the first ones
Pair = tuple[int, int]


def originals() -> list[str]:
    """Some real files, each cut at the end of a line."""
    files = [text for text in bench.code_files() if text and len(text) > 200]
    return [text[:LONGEST].rpartition("\n")[0] or text[:LONGEST] for text in random.Random(1).sample(files, ORIGINALS)]


def changed(text: str, share: float, rng: random.Random) -> str:
    """The text with some of its lines replaced, one at least."""
    lines = text.split("\n")
    for at in rng.sample(range(len(lines)), max(1, round(share * len(lines)))):
        lines[at] = f"replaced = {rng.randrange(10**9)} + of_{rng.randrange(10**9)}"
    return "\n".join(lines)


def planted(block: int) -> list[tuple[int, float]]:
    """Of each planted text of a block, the original, and how many of its lines are changed."""
    rng = random.Random(f"plan {block}")
    return [(row, CHANGED[at % len(CHANGED)]) for at, row in enumerate(rng.sample(range(ORIGINALS), PLANTED))]


def blocks(texts: list[str], count: int) -> Iterator[list[str]]:
    """The corpus. Block 26 would be block 0 again: an alphabet has 26 letters."""
    for block in range(count):
        rng = random.Random(f"text {block}")
        extra = [changed(texts[row], share, rng) for row, share in planted(block)]
        for at in range(0, BLOCK, TOGETHER):
            yield [bench.shifted(text, block) for text in (texts + extra)[at : at + TOGETHER]]


def planted_pairs(count: int) -> list[Pair]:
    """Rows of the corpus that were made of each other."""
    return [
        (block * BLOCK + row, block * BLOCK + ORIGINALS + at)
        for block in range(count)
        for at, (row, _) in enumerate(planted(block))
    ]


def jaccards(texts: TextFile, pairs: list[Pair]) -> np.ndarray:
    """Exact, by Python's sets."""

    def shingles(row: int) -> bench.Shingles:
        return bench.shingles(texts.read(np.array([row]))[0].tobytes().decode())

    return np.array([bench.measured(shingles(left), shingles(right)) for left, right in pairs])


def quality(texts: TextFile, found: list[Pair]) -> dict[str, float]:
    """Recall and precision, each on a sample, and how many pairs that sample has."""
    rng = random.Random(2)
    plants = rng.sample(planted_pairs(len(texts) // BLOCK), SAMPLE)
    wanted = [pair for pair, own in zip(plants, jaccards(texts, plants), strict=True) if own >= bench.THRESHOLD]
    reported = rng.sample(found, min(SAMPLE, len(found)))
    known = set(found)
    return {
        "pairs": len(found),
        "wanted": len(wanted),
        "recall": sum(pair in known for pair in wanted) / len(wanted),
        "precision": float(np.mean(jaccards(texts, reported) >= bench.THRESHOLD)),
    }


def child(path: str, size: str) -> None:
    """Writes the corpus, looks for its pairs, and prints what that took."""
    minhash.near_duplicates(["first call", "loads", "the compiled code"], bench.THRESHOLD)
    begun = time.perf_counter()
    with TextFile.of(blocks(pq.read_table(path)["text"].to_pylist(), int(size) // BLOCK)) as texts:
        got = {"written": time.perf_counter() - begun, "megabytes": int(texts.sizes.sum()) / 1e6}
        Path("/proc/self/clear_refs").write_text("5")  # the peak until now is that of making the corpus
        got["held"] = bench.megabytes("VmRSS")
        runs = []
        for _ in range(REPEATS):
            begun, busy = time.perf_counter(), time.process_time()
            pairs, _ = minhash.near_duplicates(texts, bench.THRESHOLD)
            runs.append((time.perf_counter() - begun, time.process_time() - busy))
        got["seconds"], got["busy"] = map(min, zip(*runs, strict=True))
        got["peak"] = bench.megabytes("VmHWM")
        print(json.dumps(got | quality(texts, list(zip(pairs["left"], pairs["right"], strict=True)))))


def run(path: Path, size: int) -> dict[str, float]:
    """What `child` printed."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_near_duplicates", "child", str(path), str(size)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def signed(size: int) -> float:
    """MB of the signatures of some texts: a fingerprint, a key a band, a byte a bin."""
    bands, rows = minhash.banding(bench.THRESHOLD)
    return size * (8 + bands * 8 + bands * rows) / 2**20


def sizes(path: Path) -> None:
    """Print time and memory at both sizes, and what ten times the texts do to them."""
    measured = []
    for size in SIZES:
        got = run(path, size)
        rest = got["peak"] - signed(size)
        measured.append((got["busy"] / size, rest))
        print(
            f"{size:7,} files, {got['megabytes']:4.0f} MB (written in {got['written']:3.0f} s): "
            f"{got['seconds']:6.1f} s, {1e6 * got['busy'] / size:4.0f} µs of a core a file\n"
            f"        peak {got['peak']:4.0f} MB = signatures {signed(size):3.0f} MB + {rest:3.0f} MB "
            f"(of them before: {got['held']:3.0f} MB)\n"
            f"        recall {got['recall']:.4f} of {got['wanted']:,.0f} planted pairs at {bench.THRESHOLD} and above, "
            f"precision {got['precision']:.4f}, {got['pairs']:,.0f} pairs",
            flush=True,
        )
    for name, (small, large) in zip(
        ("time of a file", "memory beyond signatures"), zip(*measured, strict=True), strict=True
    ):
        verdict = "holds" if large / small <= TOLERANCE else "does not hold"
        print(f"{name}: {large / small:.2f} times at {SIZES[1] // SIZES[0]} times the files; {TOLERANCE:.2f} {verdict}")


def peer(texts: list[str], path: Path) -> None:
    """Print what datasketch takes for the same texts."""
    bench.write([text for some in blocks(texts, 1) for text in some][-PEERED:], path)
    ours, theirs = (bench.run(tool, path) for tool in ("ours, 1 worker", "datasketch"))
    print(
        f"{PEERED:,} files in a list: ours {ours['busy']:.2f} s of a core, datasketch {theirs['busy']:.1f} s "
        f"({theirs['shingles']:.1f} s of it making sets of words): {theirs['busy'] / ours['busy']:.0f} times"
    )


def main() -> None:
    """Print both tables."""
    texts = originals()
    with tempfile.TemporaryDirectory() as folder:
        path = bench.write(texts, Path(folder) / "originals.parquet")
        sizes(path)
        peer(texts, Path(folder) / "peer.parquet")


if __name__ == "__main__":
    child(*sys.argv[2:]) if sys.argv[1:2] == ["child"] else main()
