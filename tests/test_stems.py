"""The list of datasets and tracks is whole."""

import pytest

from tests import stems
from tests.conftest import PROJECT


@pytest.mark.unit
def test_every_folder_of_pipelines_is_in_the_list() -> None:
    folders = {path.parent.name for path in (PROJECT / "tasks/pipelines").glob("*/__init__.py")}
    assert folders == {*stems.DATASETS, *stems.TRACKS}
