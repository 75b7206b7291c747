"""Files of a dataset on the hub: brought once, whole, at a pinned revision; every refusal is explained."""

import json
import os
from pathlib import Path

import pytest

from schemas.finding import SourceError
from tasks.sources import huggingface
from tests.fakes.hub import REVISION, HubServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LARGE = bytes(range(256)) * 4_000  # told by its sha256
SMALL = b'{"system": "SYSTEM: none", "chat": "USER: hi"}\n'  # told by git's sha1
OTHER = "f" * 40
FILES = {"README.md": SMALL, "data/one.bin": LARGE, "data/two.bin": LARGE[::-1]}


def hub(**options: object) -> HubServer:
    return HubServer({"us/calls": {REVISION: FILES}}, **options)


def test_files_are_brought_by_name_or_pattern_and_a_second_run_makes_no_request(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    with hub() as server:
        brought = server.bring("us/calls", REVISION, ["README.md", "data/*.bin"], folder)
        assert brought.paths == [folder / name for name in FILES]
        assert [path.read_bytes() for path in brought.paths] == list(FILES.values())
        before = list(server.asked)
        assert server.bring("us/calls", REVISION, ["data/*.bin", "README.md"], folder).paths == brought.paths
        assert server.asked == before


def test_what_is_whole_is_known_without_the_hub(tmp_path: Path) -> None:
    """The second run may even be offline: it reads nothing but the disk, in this very process."""
    with hub() as server:
        server.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live")
    assert huggingface.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live") == [
        tmp_path / "live/data/one.bin"
    ]


@pytest.mark.parametrize("name", ["README.md", "data/one.bin"], ids=["git_sha1", "sha256"])
def test_a_file_that_was_altered_is_fetched_again_and_no_other(tmp_path: Path, name: str) -> None:
    with hub() as server:
        folder = tmp_path / "live"
        server.bring("us/calls", REVISION, ["*"], folder)
        body = FILES[name]
        (folder / name).write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
        server.asked.clear()
        assert len(server.bring("us/calls", REVISION, ["*"], folder).paths) == len(FILES)
        assert server.gets() == [name]
        assert (folder / name).read_bytes() == body


@pytest.mark.parametrize("size", [len(LARGE), 24 << 20], ids=["starts_again", "goes_on"])
def test_after_a_cut_connection_the_file_is_whole(tmp_path: Path, size: int) -> None:
    """The library keeps what came in steps of ten megabytes: a small file starts again, a large one goes on."""
    body = LARGE * (size // len(LARGE))
    with HubServer({"us/big": {REVISION: {"one.bin": body}}}, faults={"one.bin": ["cut"]}) as server:
        (path,) = server.bring("us/big", REVISION, ["one.bin"], tmp_path / "live").paths
    assert path.read_bytes() == body
    assert server.gets() == ["one.bin"] * 2
    assert len(server.ranges) == (size > len(LARGE))


def test_a_partial_file_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    """What a killed run may leave behind: half a file under its final name, and no memory of it."""
    target = tmp_path / "live/data/one.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(LARGE[: len(LARGE) // 2])
    with hub() as server:
        server.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live")
    assert target.read_bytes() == LARGE


def test_a_passing_fault_of_the_server_is_tried_again(tmp_path: Path) -> None:
    with hub(faults={"data/one.bin": ["503", "503"]}) as server:
        (path,) = server.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live").paths
    assert path.read_bytes() == LARGE


def test_content_that_differs_from_the_listed_is_refused_and_not_kept(tmp_path: Path) -> None:
    with hub(faults={"data/one.bin": ["alter"]}) as server:
        said = server.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live").error
        assert "data/one.bin was fetched (1,024,000 bytes), but it is not what revision" in said
        assert not (tmp_path / "live/data/one.bin").exists()
        assert server.bring("us/calls", REVISION, ["data/one.bin"], tmp_path / "live").error == ""


def test_after_a_failure_only_the_missing_files_are_fetched(tmp_path: Path) -> None:
    with hub(faults={"data/two.bin": ["alter"]}) as server:
        assert server.bring("us/calls", REVISION, ["data/*"], tmp_path / "live").error
        server.asked.clear()
        assert server.bring("us/calls", REVISION, ["data/*"], tmp_path / "live").error == ""
        assert server.gets() == ["data/two.bin"]


def test_a_file_altered_after_a_run_that_failed_is_fetched_again(tmp_path: Path) -> None:
    """The library's own notes on it say that it is of this revision, and its time stamp is old: it would be trusted."""
    with hub(faults={"data/two.bin": ["alter"]}) as server:
        assert server.bring("us/calls", REVISION, ["data/*"], tmp_path / "live").error
        altered = tmp_path / "live/data/one.bin"
        altered.write_bytes(LARGE[::-1])
        os.utime(altered, (1, 1))
        assert server.bring("us/calls", REVISION, ["data/*"], tmp_path / "live").error == ""
    assert altered.read_bytes() == LARGE


@pytest.mark.parametrize(("token", "state"), [("", "no token was sent"), ("hf_wrong", "the token sent has no access")])
def test_terms_not_accepted_are_explained_with_what_to_do(tmp_path: Path, token: str, state: str) -> None:
    with hub(gated=("us/calls",)) as server:
        said = server.bring("us/calls", REVISION, ["README.md"], tmp_path / "live", token=token).error
    assert f"us/calls is gated, and {state}" in said
    assert "accept its terms at https://huggingface.co/datasets/us/calls" in said
    assert "AUTOMEND_HF_TOKEN (or HF_TOKEN)" in said
    assert "hf_wrong" not in said


def test_with_the_token_of_the_settings_a_gated_file_is_brought(tmp_path: Path) -> None:
    with hub(gated=("us/calls",)) as server:
        (path,) = server.bring("us/calls", REVISION, ["README.md"], tmp_path / "live", token=server.token).paths
    assert path.read_bytes() == SMALL


@pytest.mark.parametrize(
    ("repo", "revision", "name", "words"),
    [
        ("us/none", REVISION, "README.md", "us/none is no dataset on the hub, or a private one"),
        ("us/calls", OTHER, "README.md", f"us/calls has no revision {OTHER}. Pin one of"),
        ("us/calls", REVISION, "train.json", "has no file train.json at revision"),
        ("us/calls", REVISION, "*.parquet", "It has 3 files: README.md, data/one.bin, data/two.bin."),
    ],
    ids=["repository", "revision", "name", "pattern"],
)
def test_what_is_not_there_is_named(tmp_path: Path, repo: str, revision: str, name: str, words: str) -> None:
    with hub() as server:
        assert words in server.bring(repo, revision, [name], tmp_path / "live").error


def test_a_file_that_is_listed_but_not_given_is_explained(tmp_path: Path) -> None:
    with hub(faults={"README.md": ["lose"]}) as server:
        assert "lists a file at revision" in server.bring("us/calls", REVISION, ["README.md"], tmp_path / "live").error


def test_a_hub_that_is_gone_is_told_with_what_to_do(tmp_path: Path) -> None:
    server = hub()
    server._http.server_close()
    assert "Check the network" in server.bring("us/calls", REVISION, ["README.md"], tmp_path / "live").error


def test_a_branch_is_no_pinned_revision(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'main' is no pinned revision; 40 hexadecimal digits"):
        huggingface.bring("us/calls", "main", ["README.md"], tmp_path)


def test_a_memory_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    with hub() as server:
        folder = tmp_path / "live"
        server.bring("us/calls", REVISION, ["README.md"], folder)
        (folder / huggingface.MEMORY).write_text("{")
        server.asked.clear()
        assert server.bring("us/calls", REVISION, ["README.md"], folder).error == ""
        assert server.gets() == []
        assert json.loads((folder / huggingface.MEMORY).read_text())["revision"] == REVISION


def test_the_folder_holds_the_files_and_the_memory_alone(tmp_path: Path) -> None:
    """The same bytes on every machine: what is versioned must not hold the library's time stamps."""
    with hub() as server:
        server.bring("us/calls", REVISION, ["README.md"], tmp_path / "live")
    assert sorted(path.name for path in (tmp_path / "live").rglob("*") if path.is_file()) == [".hub.json", "README.md"]
