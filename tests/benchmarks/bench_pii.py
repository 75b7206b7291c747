"""The detector of personal data and secrets: its speed against a peer, and its score on its own test set.

    python -m tests.benchmarks.bench_pii [--megabytes 110]   # prints both
    python -m tests.benchmarks.bench_pii --write             # measures the score alone, and stores it

Speed: real source files and infrastructure files are read from `$AUTOMEND_REAL_DATA` or `<repository>/../shared/data`.
The peer is presidio-analyzer with its own pattern recognisers for e-mail and IP addresses, links, cards and the like
(no language model). It is slow, so it gets a sample. One thread each, same texts, same run; best of three for ours.
Printed: megabytes of text per second of CPU, and ratios.

Score: `--write` writes recall and precision by kind into `tasks/publish/pii_benchmark.json`, which Track B's datasheet
quotes. The test set is `tests/benchmarks/pii_test_set.py`.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from tasks.curate.privacy import pii, pii_manifest
from tasks.publish import pii_benchmark
from tests.benchmarks import pii_test_set
from tests.conftest import PROJECT

SAMPLE = 1_500_000  # characters given to the peer
TARGET = 20  # times the peer


def read(name: str, size: int) -> list[str]:
    """The texts of a real data set, repeated to about `size` characters."""
    folder = Path(os.environ.get("AUTOMEND_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / name).is_file():
        sys.exit(f"needs {folder / name}: set AUTOMEND_REAL_DATA to the folder that has it")
    texts = pl.read_parquet(folder / name)["content"].to_list()
    return texts * max(1, round(size / sum(map(len, texts))))


def some(texts: Sequence[str]) -> list[str]:
    """Every so many texts, SAMPLE characters in all."""
    step = max(1, sum(map(len, texts)) // SAMPLE)
    return list(texts[::step])


def speed(find: Callable[[Sequence[str]], object], texts: Sequence[str], times: int = 1) -> float:
    """Megabytes (10^6 characters) per second of CPU, best of `times`."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        find(texts)
        taken.append(time.process_time() - begun)
    return sum(map(len, texts)) / 1e6 / min(taken)


def presidio() -> Callable[[Sequence[str]], object] | None:
    """Presidio's pattern recognisers, called directly; None where it is not installed."""
    try:
        from presidio_analyzer import predefined_recognizers as predefined
    except ImportError:
        return None
    names = ("EmailRecognizer", "IpRecognizer", "UrlRecognizer", "CreditCardRecognizer", "IbanRecognizer")
    names += ("CryptoRecognizer", "UsSsnRecognizer")
    recognisers = [getattr(predefined, name)() for name in names if hasattr(predefined, name)]

    def find(texts: Sequence[str]) -> list[object]:
        return [r.analyze(text, r.supported_entities, None) for text in texts for r in recognisers]

    logging.getLogger("tldextract").setLevel(logging.CRITICAL)
    find(["a@b.com"])  # it tries once to download a list, and has its own
    return find


def print_speed(megabytes: float) -> None:
    """Print the table of speeds."""
    code = read("code/source_files.parquet", int(megabytes * 1e6))
    files = read("iac/iac_files.parquet", 1)
    peer = presidio()
    print(f"source code: {len(code):,} files, {sum(map(len, code)) / 1e6:.0f} MB; one thread")
    alone = speed(peer, some(code)) if peer else None
    rows = {
        "presidio, pattern recognisers": alone,
        "find_all": speed(pii.find_all, code, 3),
        "find, one text at a time": speed(lambda texts: [pii.find(text) for text in texts], code),
        "redact, one text at a time": speed(lambda texts: [pii.redact(text) for text in texts], code),
    }
    for name, rate in rows.items():
        ratio = f"{rate / alone:7.0f} x  (target {TARGET} x)" if rate and alone and rate != alone else ""
        print(f"{name:30} {f'{rate:7.1f} MB/s' if rate else 'not installed: pip install presidio-analyzer'} {ratio}")
    rate = speed(lambda texts: [pii_manifest.redact_manifest(text) for text in texts], files)
    share = rate * 1e6 / sum(map(len, files))
    print(f"redact_manifest on {len(files):,} infrastructure files: {rate:.1f} MB/s, {len(files) * share:,.0f} files/s")


def print_score(measured: pii_benchmark.PiiBenchmark) -> None:
    """Print what the detector scores on its test set."""
    of = measured.overall
    print(f"test set: recall {of.recall}, precision {of.precision} on {of.planted} values")


def main() -> None:
    """Print speed and score, or store the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=110, help="size of the source code that is searched")
    parser.add_argument("--write", action="store_true", help="measure the score alone and store it")
    asked = parser.parse_args()
    if not asked.write:
        print_speed(asked.megabytes)
    measured = pii_test_set.measure()
    print_score(measured)
    if asked.write:
        pii_benchmark.FILE.write_text(measured.model_dump_json(indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
