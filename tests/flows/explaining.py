"""What holds for every row that `python -m flows.explain` is asked about, in the data of a run."""

import random
from pathlib import Path

import polars as pl

from flows.explain import Run, explainer, from_published, from_raw
from tasks.quality.trail import Origin


def assert_every_reject_is_explained(root: Path, stem: str) -> None:
    """A raw row that was left out: its last stop is the step that did it, with the reason's meaning."""
    run = Run(root, stem)
    rejects = pl.read_parquet(run.folder / "quarantine.parquet").filter(pl.col("line") > 0)
    for reject in rejects.group_by("step", "reason", maintain_order=True).first().iter_rows(named=True):
        last = list(from_raw(run, Origin(reject["file"], reject["line"])))[-1]
        assert (last.step, reject["reason"] in last.words) == (reject["step"], True)
        assert run.meaning(reject["reason"]) in last.words
        assert run.meaning(reject["reason"])


def assert_rows_lead_to_their_raw_rows_and_back(root: Path, stem: str, rows: list[str], few: int = 5) -> None:
    """Some published rows: each has raw rows, and each of these is part of it."""
    run, how = Run(root, stem), explainer(stem)
    for row in random.Random(7).sample(sorted(rows), min(few, len(rows))):
        origins = how.origins(run, row)
        assert origins, row
        for origin in origins[:3]:
            assert row in how.follow(run, *origin).rows, (row, origin)
        assert list(from_published(run, row))[-1].step in {"track_a", "track_b", "published"}
