"""A run is called by what it is, unless a person called it something."""

from datetime import UTC, datetime

import pytest

from tasks.observe.run_names import run_name

pytestmark = pytest.mark.unit

DUE = datetime(2026, 11, 21, 3, 0, 41, tzinfo=UTC)


@pytest.mark.parametrize("invented", ["quiet-otter", "xi6-kurl", "phi759-taurus-nebula", ""])
def test_a_name_that_prefect_invented_gives_way_to_flow_mode_and_time(invented: str) -> None:
    assert run_name(invented, "track-a", "sample", DUE) == "track-a sample 2026-11-21 03:00 UTC"


@pytest.mark.parametrize("given", ["Trying Local", "before release 3", "nightly", "track-a-2026", "a-b-c-d"])
def test_a_name_that_a_person_gave_stays(given: str) -> None:
    assert run_name(given, "track-a", "sample", DUE) == given


def test_a_run_that_is_tried_again_keeps_its_name() -> None:
    first = run_name("quiet-otter", "track-a", "sample", DUE)
    assert run_name(first, "track-a", "sample", datetime(2026, 11, 22, tzinfo=UTC)) == first


def test_a_flow_without_a_mode_has_none_in_its_name() -> None:
    assert run_name("quiet-otter", "probe", None, DUE) == "probe 2026-11-21 03:00 UTC"
