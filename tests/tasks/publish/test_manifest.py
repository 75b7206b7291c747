"""Manifests name content, not place, and refuse counts that do not add up."""

from pathlib import Path

import pytest

from schemas.document import Document
from schemas.run_report import Count, Ledger
from schemas.snapshot import Snapshot
from tasks.publish import manifest
from tests.tasks.publish.reports import invented

pytestmark = pytest.mark.unit
SNAPSHOT = Snapshot(
    root=Path("/d"), path=Path("raw/toy/local/deep/a.csv"), sha256="ab", rows=3, schema_hash="s", mode="local"
)


def track(weight: int, crossing: int) -> Document:
    dropped = {"context_crosses_split": crossing}
    combined = Ledger(stem="t", of="sequences", rows=5, kept=weight, dropped=dropped)
    report = invented(rows=2, combined=combined, splits=(Count(name="train", n=2),))
    datasets = {"toy": {"sequences": {"kept": 5}, "outputs": {}}}
    return manifest.track_manifest("t", "local", datasets, {"x": SNAPSHOT}, report, {"seed": 1})


def test_inputs_are_named_below_their_modes_folder() -> None:
    assert manifest.inputs_of([SNAPSHOT]) == {"deep/a.csv": {"sha256": "ab", "rows": 3}}


def test_no_place_of_this_machine_is_in_a_manifest() -> None:
    assert "/d" not in str(track(4, 1))


def test_a_tracks_sequences_add_up() -> None:
    assert track(4, 1)["sequences"] == {
        "in": 5,
        "kept": 4,
        "dropped": {"context_crosses_split": 1},
        "quarantined": {},
    }
    assert (track(4, 1)["distinct"], track(4, 1)["splits"]) == (2, {"train": 2})


def test_sequences_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="5 sequences came, 4 are combined and 0 dropped"):
        track(4, 0)
