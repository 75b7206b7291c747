"""One undisturbed run of each track, shared by all its tests."""

import pytest

from tests.flows.tracks import TRACK_A, TRACK_B, Run


@pytest.fixture(scope="session")
def run_of_track_a(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("track_a")
    return Run(TRACK_A, root, TRACK_A.run(root))


@pytest.fixture(scope="session")
def run_of_track_b(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("track_b")
    return Run(TRACK_B, root, TRACK_B.run(root))
