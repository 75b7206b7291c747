"""A pinned file is fetched once, tried again where that may help, and never trusted for its name alone."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import stamina

from schemas.finding import SourceError
from schemas.source import RemoteFile
from tasks.sources import http
from tests.fakes.server import serving

pytestmark = pytest.mark.integration
BODY = b"1,2,3\n" * 1000
HASH = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _impatient() -> None:
    stamina.set_testing(True, attempts=3)


def remote(url: str, sha256: str = HASH) -> RemoteFile:
    return RemoteFile("a.csv", f"{url}/a.csv", sha256)


def test_a_file_with_the_right_hash_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving(lambda path, n: (200, BODY, {})) as server:
        assert http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path) is True
        assert http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path) is False
    assert server.asked == ["/a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == BODY


def test_a_corrupted_file_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(BODY[:-1])
    with serving(lambda path, n: (200, BODY, {})) as server:
        http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == BODY


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_fault_is_tried_again(tmp_path: Path, status: int) -> None:
    with serving(lambda path, n: (status, b"", {}) if n < 2 else (200, BODY, {})) as server:
        http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path)
    assert len(server.asked) == 3


def test_an_answer_cut_short_is_tried_again_and_never_kept(tmp_path: Path) -> None:
    cut = {"Content-Length": str(len(BODY))}
    with serving(lambda path, n: (200, BODY[:50], cut) if n == 0 else (200, BODY, {})) as server:
        http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path)
    assert len(server.asked) == 2
    assert (tmp_path / "a.csv").read_bytes() == BODY


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with (
        serving(lambda path, n: (404, b"", {})) as server,
        pytest.raises(SourceError, match=r"could not be fetched.*404"),
    ):
        http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path)
    assert len(server.asked) == 1


def test_other_content_than_the_pinned_is_refused_and_not_kept(tmp_path: Path) -> None:
    with (
        serving(lambda path, n: (200, b"other", {})) as server,
        pytest.raises(SourceError, match="is pinned: the file"),
    ):
        http.fetch(remote(server.url), tmp_path / "a.csv", tmp_path)
    assert not (tmp_path / "a.csv").exists()


def test_a_server_that_is_gone_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Check the network"):
        http.fetch(remote("http://127.0.0.1:9"), tmp_path / "a.csv", tmp_path)


def archive(path: Path, name: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(BODY)
        tar.addfile(member, io.BytesIO(BODY))
    return path


def test_an_archive_gives_its_files(tmp_path: Path) -> None:
    assert http.unpack(archive(tmp_path / "t.tgz", "in/a.csv"), tmp_path) == [tmp_path / "in/a.csv"]


@pytest.mark.parametrize("name", ["../outside.csv", "/outside.csv"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    try:
        files = http.unpack(archive(tmp_path / "t.tgz", name), folder)
    except SourceError:
        files = []
    assert all(file.resolve().is_relative_to(folder) for file in files if file.exists())
    assert not (tmp_path / "outside.csv").exists()


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.tgz").write_bytes(b"not an archive")
    with pytest.raises(SourceError, match=r"t\.tgz cannot be unpacked"):
        http.unpack(tmp_path / "t.tgz", tmp_path)
