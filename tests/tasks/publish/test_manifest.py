"""Manifests name content, not place, and refuse counts that do not add up."""

from pathlib import Path

import pandas as pd
import pytest

from schemas.document import Document
from schemas.published import Published
from schemas.reject import Reason, reasons
from schemas.run_report import Count, Ledger
from schemas.snapshot import Snapshot
from tasks.engine.stage_log import Stage
from tasks.publish import manifest
from tasks.publish.release import TrackRelease
from tests.tasks.publish.reports import invented

pytestmark = pytest.mark.unit
SNAPSHOT = Snapshot(
    root=Path("/d"), path=Path("raw/toy/local/deep/a.csv"), sha256="ab", rows=3, schema_hash="s", mode="local"
)


def track(weight: int, crossing: int) -> Document:
    dropped = {"context_crosses_split": crossing}
    combined = Ledger(stem="t", of="sequences", rows=5, kept=weight, dropped=dropped)
    report = invented(rows=2, combined=combined, splits=(Count(name="train", n=2),))
    release = TrackRelease("t", SNAPSHOT, {"x": SNAPSHOT}, SNAPSHOT, {"toy": toy()}, {"seed": 1})
    return manifest.track_manifest(release, report)


def toy() -> Published:
    """A dataset that kept five sequences."""
    document = {"sequences": {"kept": 5}, "outputs": {}}
    return Published(stem="toy", mode="local", kept=SNAPSHOT, vocabulary=None, manifest=document, truth=None, rules={})


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


def test_steps_are_listed_with_the_tables_they_made_and_steps_without_are_not() -> None:
    stages = [
        Stage("acquire", 1.0, files=("raw/toy/local/a.csv",)),
        Stage("select", 1.0, files=("interim/toy/select-0.parquet", "interim/toy/select_rejects-1.parquet")),
    ]
    assert manifest.steps_with_tables(stages) == [{"step": "select", "files": list(stages[1].files)}]


def test_only_reasons_that_occur_are_explained() -> None:
    known = reasons(Reason("no_time", "dropped", "The row has no time."), Reason("other", "dropped", "Other."))
    left_out = pd.DataFrame({"reason": ["no_time", "no_time"]})
    assert manifest.reasons_that_occur(left_out, known) == {
        "no_time": {"outcome": "dropped", "meaning": "The row has no time."}
    }
