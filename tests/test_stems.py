"""The list of datasets and tracks is whole."""

import pytest

from tests import stems
from tests.conftest import PROJECT


@pytest.mark.unit
def test_every_folder_of_pipelines_is_in_the_list() -> None:
    assert set(stems.folders(PROJECT / "tasks/pipelines")) == {*stems.DATASETS, *stems.TRACKS}, (
        "tests/stems.py and the folders of tasks/pipelines name different pipelines"
    )
