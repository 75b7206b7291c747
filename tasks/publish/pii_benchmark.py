"""How well the detector of personal data and secrets does on its test set: figures that the datasheet quotes.

`python -m tests.benchmarks.bench_pii --write` measures them and writes `pii_benchmark.json` beside this file. A test
checks that the stored figures are those that the benchmark gives.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.benchmarks.bench_pii --write"


class Figures(BaseModel):
    """Counts of one kind of value, or of all kinds. `look_alikes` are texts with nothing of the kind to find."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planted: int
    look_alikes: int
    found: int  # planted values that one span covers whole
    false: int  # spans that touch no planted value
    recall: float
    precision: float


class PiiBenchmark(BaseModel):
    """The figures by kind and over all, the seed of the test set, and the command that measures them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    seed: int
    kinds: dict[str, Figures]
    overall: Figures


def stored() -> PiiBenchmark:
    """The figures of the last measurement."""
    return PiiBenchmark.model_validate_json(FILE.read_bytes())
