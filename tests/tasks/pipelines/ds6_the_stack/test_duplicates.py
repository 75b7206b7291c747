"""Conversations of all files without repetition: of several copies the first is kept, and nothing is lost."""

import pandas as pd
import pytest

from schemas import format_b
from schemas.ds6_the_stack import OUTCOME, SLICES
from tasks.pipelines.ds6_the_stack.conversations import conversations
from tasks.pipelines.ds6_the_stack.duplicates import distinct
from tests.tasks.pipelines.ds6_the_stack.manifest_files import HIDDEN, MANIFEST, PAD, SECRET, SERVICE, rows

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_of_several_with_one_manifest_or_one_id_the_first_stays() -> None:
    """Two Secrets that differ in their password alone are one once it is gone; nothing is lost."""
    other = SECRET.replace(HIDDEN, "another-horse-8-staple")
    frame = rows(PAD + MANIFEST, SECRET, other, PAD + MANIFEST, PAD + SERVICE)
    frame.loc[4, "hexsha"] = frame.loc[1, "hexsha"]
    made, _ = conversations(frame)
    kept, left = distinct(made)
    assert kept["id"].tolist() == [f"ds6_the_stack:{n:040x}" for n in (1, 2)]
    assert list(zip(left["line"], left["reason"], strict=True)) == [
        (3, "duplicate_content"),
        (4, "duplicate_content"),
        (5, "duplicate_id"),
    ]
    assert list(kept.columns) == [*format_b.COLUMNS, *SLICES, *OUTCOME]
    assert len(kept) + len(left) == len(made)
    again, none = distinct(pd.concat([made.iloc[[0, 1]]], ignore_index=True))
    pd.testing.assert_frame_equal(again, kept)
    assert len(none) == 0
