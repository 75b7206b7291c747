"""Published data is versioned in-process, with or without a repository, and a failed push is never passed over."""

from pathlib import Path

import pytest

from tasks.publish import dvc

pytestmark = pytest.mark.integration


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "processed/x").mkdir(parents=True)
    (root / "processed/x/rows.txt").write_text("1")
    return root


def repository(root: Path) -> object:
    from dvc.repo import Repo

    return Repo(str(root))


def test_a_repository_is_made_where_there_is_none_and_the_data_stays_in_place(data: Path) -> None:
    assert dvc.version([data / "processed/x"], data, None) == [data / "processed/x.dvc"]
    assert (data / "processed/x/rows.txt").read_text() == "1"
    assert (data / ".dvc/config").is_file()


def test_versioning_again_changes_no_pointer_until_the_data_changes(data: Path) -> None:
    (pointer,) = dvc.version([data / "processed/x"], data, None)
    first = pointer.read_text()
    dvc.version([data / "processed/x"], data, None)
    assert pointer.read_text() == first
    (data / "processed/x/rows.txt").unlink()
    (data / "processed/x/rows.txt").write_text("2")
    dvc.version([data / "processed/x"], data, None)
    assert pointer.read_text() != first


def test_an_existing_repository_above_the_data_is_used(data: Path) -> None:
    from dvc.repo import Repo

    Repo.init(str(data.parent), no_scm=True).close()
    dvc.version([data / "processed/x"], data, None)
    assert not (data / ".dvc").exists()


def test_half_a_repository_left_by_a_killed_run_is_completed(data: Path) -> None:
    (data / ".dvc").mkdir()
    assert dvc.version([data / "processed/x"], data, None)


def test_a_version_is_pushed_and_can_be_pulled_from_the_remote(data: Path, tmp_path: Path) -> None:
    dvc.version([data / "processed/x"], data, None)
    with repository(data).config.edit() as config:  # type: ignore[attr-defined]
        config["remote"]["store"] = {"url": str(tmp_path / "store")}
    dvc.version([data / "processed/x"], data, "store")
    (data / "processed/x/rows.txt").unlink()
    repository(data).pull(remote="store", force=True)  # type: ignore[attr-defined]
    assert (data / "processed/x/rows.txt").read_text() == "1"


def test_a_push_that_fails_says_what_is_safe_and_what_to_do(data: Path, tmp_path: Path) -> None:
    dvc.version([data / "processed/x"], data, None)
    (tmp_path / "store").write_text("a file where a folder should be")
    with repository(data).config.edit() as config:  # type: ignore[attr-defined]
        config["remote"]["store"] = {"url": str(tmp_path / "store")}
    with pytest.raises(dvc.PushFailed, match=r"'store': the push failed.*versioned here only.*run again"):
        dvc.version([data / "processed/x"], data, "store")
