"""Files come back from the store as they were made; without a store nothing is asked of anything."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from schemas.settings import settings
from schemas.snapshot import Snapshot
from tasks.engine import snapshots, store

pytestmark = pytest.mark.unit

PLACE = "memory://bucket/automend"


@pytest.fixture
def kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOMEND_STORE", PLACE)
    settings.cache_clear()
    yield
    files = fsspec.filesystem("memory")
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None
    monkeypatch.undo()
    settings.cache_clear()


def made(root: Path, text: str = "a conversation") -> Snapshot:
    return snapshots.write(text, "lines", Path("interim/ds"), root, "sample")


def raw(root: Path, text: str) -> Snapshot:
    file = root / "raw/ds/local/Posts.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return snapshots.as_snapshot(file, root)


@pytest.mark.usefixtures("kept_in_memory")
def test_a_snapshot_comes_back_to_a_machine_that_never_saw_it(tmp_path: Path) -> None:
    snapshot = made(tmp_path / "one")
    store.keep(snapshot)
    elsewhere = snapshot.model_copy(update={"root": tmp_path / "two"})
    assert store.fetch(elsewhere) is None
    assert elsewhere.file.read_text() == "a conversation"


@pytest.mark.usefixtures("kept_in_memory")
def test_an_altered_snapshot_is_replaced_by_the_stores_copy(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    store.keep(snapshot)
    snapshot.file.write_text("altered")
    assert store.fetch(snapshot) is None
    assert snapshot.file.read_text() == "a conversation"


@pytest.mark.usefixtures("kept_in_memory")
def test_a_damaged_copy_is_not_taken_and_the_sentence_says_so(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    store.keep(snapshot)
    fsspec.filesystem("memory").pipe(f"/bucket/automend/{snapshot.path}", b"damaged")
    snapshot.file.unlink()
    fault = store.fetch(snapshot) or ""
    assert "missing" in fault
    assert "copy is damaged" in fault
    assert not snapshot.file.exists()


@pytest.mark.usefixtures("kept_in_memory")
def test_keeping_anew_replaces_a_damaged_copy_of_the_same_size(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    store.keep(snapshot)
    files = fsspec.filesystem("memory")
    files.pipe(f"/bucket/automend/{snapshot.path}", b"A CONVERSATION")
    store.keep(snapshot)  # the same size: taken for the same
    store.keep(snapshot, anew=True)
    assert files.cat(f"/bucket/automend/{snapshot.path}") == b"a conversation"


@pytest.mark.usefixtures("kept_in_memory")
def test_two_raw_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    first, second = raw(tmp_path / "one", "first"), raw(tmp_path / "two", "second")
    for snapshot in (first, second):
        store.keep(snapshot)
        snapshot.file.unlink()
    assert [store.fetch(snapshot) for snapshot in (first, second)] == [None, None]
    assert [snapshot.file.read_text() for snapshot in (first, second)] == ["first", "second"]


@pytest.mark.usefixtures("kept_in_memory")
def test_a_published_file_is_the_last_machines_and_reading_it_changes_nothing_here(tmp_path: Path) -> None:
    one, two = tmp_path / "one/manifest.json", tmp_path / "two/manifest.json"
    for file, text in ((two, "of two"), (one, "of one")):
        file.parent.mkdir()
        file.write_text(text)
        store.push(file, file.parent)
    assert store.read(two, two.parent) == b"of one"
    assert two.read_text() == "of two"
    store.pull(two, two.parent)
    assert two.read_text() == "of one"


@pytest.mark.usefixtures("kept_in_memory")
def test_what_was_never_published_is_none(tmp_path: Path) -> None:
    assert store.read(tmp_path / "manifest.json", tmp_path) is None


@pytest.mark.usefixtures("kept_in_memory")
def test_what_the_store_does_not_have_stays_as_it_is_here(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("mine")
    store.pull(tmp_path / "manifest.json", tmp_path)
    assert (tmp_path / "manifest.json").read_text() == "mine"


def test_without_a_store_a_lost_file_is_a_fault_and_nothing_is_kept(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    store.keep(snapshot)
    store.push(snapshot.file, tmp_path)
    assert store.read(snapshot.file, tmp_path) is None
    store.pull(snapshot.file, tmp_path)
    snapshot.file.unlink()
    assert "missing" in (store.fetch(snapshot) or "")


def test_a_store_that_cannot_be_reached_is_told_with_its_address_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMEND_STORE", "nonsense://bucket")
    settings.cache_clear()
    with pytest.raises(store.StoreFailed, match=r"nonsense://bucket.*run again"):
        store.keep(made(tmp_path))
    monkeypatch.undo()
    settings.cache_clear()


def test_a_shared_folder_is_a_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMEND_STORE", f"file://{tmp_path}/shared")
    settings.cache_clear()
    snapshot = made(tmp_path / "one")
    store.keep(snapshot)
    assert (tmp_path / "shared" / snapshot.path).read_text() == "a conversation"
    monkeypatch.undo()
    settings.cache_clear()
