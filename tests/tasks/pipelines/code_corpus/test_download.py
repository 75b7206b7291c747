"""Mode live: what is wanted of The Stack v2, and how its contents are downloaded, checked and resumed."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.code_corpus import LARGEST, RAW_ROWS, SMALLEST
from schemas.finding import SourceError
from tasks.pipelines.code_corpus import download, raw_files, source
from tasks.sources import huggingface
from tasks.sources.software_heritage import git_sha1, plain_sha1
from tests.fakes.heritage import Archive
from tests.fakes.hub import REVISION, HubServer
from tests.tasks.pipelines.code_corpus.test_raw_files import CODE, THEIRS, decoded, write

pytestmark = pytest.mark.unit

# --- what is wanted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "is_wanted"),
    [
        ({}, True),
        ({"stars": 9}, False),
        ({"stars": 10}, True),
        ({"stars": None}, True),
        ({"size": SMALLEST - 1}, False),
        ({"size": SMALLEST}, True),
        ({"size": LARGEST}, True),
        ({"size": LARGEST + 1}, False),
        ({"size": None}, True),
        ({"language": "Java"}, True),
        ({"language": "Rust"}, False),
        ({"language": None}, False),
        ({"licence": "GPL-3.0-only"}, False),
        ({"licence": "MIT AND GPL-3.0-only"}, False),
        ({"licence": "MIT OR GPL-3.0-only"}, True),
        ({"licence": "CC-BY-SA-4.0"}, False),
        ({"licence": "the licence of my friends"}, False),
        ({"licence": None}, False),
        ({"blob": None}, False),
        ({"blob": "../../etc/passwd"}, False),
    ],
    ids=str,
)
def test_what_is_wanted_is_told_without_the_content(change: dict[str, Any], is_wanted: bool) -> None:
    row = {"language": "Python", "licence": "MIT", "blob": "a" * 40, "stars": 50, "size": 5_000}
    table = pa.Table.from_pylist([row | change, row], schema=RAW_ROWS)
    assert download.wanted(table, ["Python", "Java"]).to_pylist() == [is_wanted, True]


# --- mode live -------------------------------------------------------------------------------------------------------

NAMED = [b"# %d\n" % number + CODE for number in range(50)]


def told(content: bytes, **change: Any) -> dict[str, Any]:
    """A row of the metadata."""
    row = THEIRS | {"blob_id": plain_sha1(content), "content_id": git_sha1(content), "length_bytes": len(content)}
    return {name: value for name, value in row.items() if name != "content"} | change


class Live:
    """`bring` into a folder whose metadata are there already, as the hub's client leaves them."""

    def __init__(self, folder: Path, shards: dict[str, list[dict[str, Any]]]) -> None:
        self.folder, self.shards = folder, sorted(shards)
        metadata, pins = folder / download.METADATA, []
        for name in self.shards:
            (metadata / name).parent.mkdir(parents=True, exist_ok=True)
            body = write(metadata / name, shards[name], gha_license_id=pa.string()).read_bytes()
            pins.append(huggingface.Pinned(name, len(body), "git", git_sha1(body)))
        huggingface._write_pins(metadata, source.REPO, REVISION, self.shards, pins)

    def bring(self, languages: tuple[str, ...] = ("Python",), max_samples: int | None = None) -> list[Path]:
        return download.bring(self.folder, source.REPO, REVISION, self.shards, languages, max_samples)

    def rows(self, **chosen: Any) -> list[dict[str, Any]]:
        return [row for path in self.bring(**chosen) for row in decoded(path)]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    with serving(monkeypatch) as served:
        yield served


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """With the contents of NAMED; boto3 knows of it. Batches are of 20, for the sake of time."""
    monkeypatch.setattr(download, "WANTED_ROWS", 20)
    with Archive(NAMED) as served:
        for name, value in served.env.items():
            monkeypatch.setenv(name, value)
        yield served


SHARD = "data/Python/train-00000-of-00001.parquet"


@pytest.mark.integration
def test_every_row_that_was_looked_at_is_there_with_its_content_or_why_not(tmp_path: Path, archive: Archive) -> None:
    """So that later steps can tell of each what it was; and what is brought is read as any other file."""
    gone = b"gone\n" * 40
    rows = [
        told(NAMED[0]),
        told(NAMED[1], star_events_count=3),
        told(gone),
        told(NAMED[2], detected_licenses=["GPL-3.0-only"]),
        told(NAMED[0], repo_name="bob/copy"),
    ]
    live = Live(tmp_path, {SHARD: rows})
    assert [raw_files.identify(path) for path in live.bring()] == ["files"]
    assert raw_files.identify(tmp_path / download.METADATA / SHARD) is None
    found = live.rows()
    assert [row["content"] for row in found] == [NAMED[0], None, None, None, NAMED[0]]
    assert [row["fault"] for row in found] == [None, "not_fetched", "not_found", "not_fetched", None]
    assert [row["repo"] for row in found] == [row["repo_name"] for row in rows]
    assert sorted(archive.asked) == sorted([plain_sha1(NAMED[0]), plain_sha1(gone)])


@pytest.mark.integration
def test_each_language_stops_when_it_has_enough(tmp_path: Path, archive: Archive) -> None:
    """Rows after that are not looked at, of this language; those of the others go on."""
    mixed = [told(NAMED[n], language=("Python", "Java", "Rust")[n % 3], path=f"/{n}") for n in range(30)]
    late = [told(NAMED[n], language="Java", path=f"/{n}") for n in range(30, 45)]
    live = Live(tmp_path, {"data/a.parquet": mixed, "data/b.parquet": late})
    found = live.rows(languages=("Java", "Python"), max_samples=12)
    brought = [(row["language"], row["path"]) for row in found if row["content"]]
    assert brought == [
        *[(("Python", "Java")[n % 3], str(n)) for n in range(30) if n % 3 < 2],
        *[("Java", "30"), ("Java", "31")],
    ]
    assert {row["fault"] for row in found if row["language"] == "Rust"} == {"not_fetched"}
    assert len(found) == 32


@pytest.mark.integration
def test_contents_come_in_batches_and_a_second_run_asks_for_nothing(tmp_path: Path, archive: Archive) -> None:
    live = Live(tmp_path, {SHARD: [told(content) for content in NAMED]})
    paths = live.bring()
    assert [pq.read_metadata(path).num_rows for path in paths] == [20, 20, 10]
    assert len(archive.asked) == 50
    before = [path.stat().st_mtime_ns for path in paths]
    assert live.bring() == paths
    assert [path.stat().st_mtime_ns for path in paths] == before
    assert len(archive.asked) == 50
    assert [row["content"] for row in live.rows()] == NAMED


@pytest.mark.integration
def test_a_run_that_broke_goes_on_where_it_was(tmp_path: Path, archive: Archive) -> None:
    """What was written before is not asked for again, though the archive refused the rest."""
    archive.faults[plain_sha1(NAMED[30])] = ["403"]
    live = Live(tmp_path, {SHARD: [told(content) for content in NAMED]})
    with pytest.raises(SourceError, match="refuses the keys"):
        live.bring()
    archive.asked.clear()
    assert [row["content"] for row in live.rows()] == NAMED
    assert set(archive.asked) == {plain_sha1(content) for content in NAMED[20:]}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of NAMED, in three batches: to be copied, not changed."""
    folder = tmp_path_factory.mktemp("brought")
    with pytest.MonkeyPatch.context() as patch, serving(patch):
        Live(folder, {SHARD: [told(content) for content in NAMED]}).bring()
    return folder


def altered_content(path: Path) -> None:
    """One content is another; the file is a whole one."""
    table = pq.read_table(path)
    contents = table["content"].to_pylist()
    contents[7] = contents[7][::-1]
    column = table.column_names.index("content")
    pq.write_table(table.set_column(column, "content", pa.array(contents, pa.large_binary())), path)


def altered_name(path: Path) -> None:
    """A column that no checksum speaks of."""
    table = pq.read_table(path)
    names = [f"elsewhere/{name}" for name in table["path"].to_pylist()]
    pq.write_table(table.set_column(table.column_names.index("path"), "path", [names]), path)


def altered_byte(path: Path) -> None:
    """In a page of contents, as a disk may do it."""
    data = bytearray(path.read_bytes())
    page = pq.ParquetFile(path).metadata.row_group(3).column(RAW_ROWS.names.index("content") - 2)
    data[page.data_page_offset + page.total_compressed_size // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """The end is missing."""
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.integration
@pytest.mark.parametrize(
    ("damage", "asked"), [(altered_content, 1), (altered_name, 0), (altered_byte, 2), (cut, 20), (Path.unlink, 20)]
)
def test_of_a_damaged_batch_only_what_fails_is_fetched_again(
    tmp_path: Path, archive: Archive, brought: Path, damage: Any, asked: int
) -> None:
    """And it is whole afterwards, byte for byte."""
    shutil.copytree(brought, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / "files-00001.parquet")
    again = download.bring(tmp_path, source.REPO, REVISION, [SHARD], ["Python"], None)
    assert len(archive.asked) == asked
    assert [path.read_bytes() for path in again] == [(brought / path.name).read_bytes() for path in again]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in brought.iterdir())


def test_metadata_without_names_of_contents_are_refused_by_column(tmp_path: Path) -> None:
    live = Live(tmp_path, {SHARD: [{"repo_name": "a/b", "path": "/a.py", "gha_license_id": None}]})
    with pytest.raises(SourceError, match=r"has no column language, blob or blob_sha or blob_id; it has repo_name"):
        live.bring()


def test_a_row_group_of_a_language_that_has_enough_is_passed_over_unread(tmp_path: Path) -> None:
    """A shard has nine million rows: those of the first language must not be read for the sake of the last."""
    path = tmp_path / "x.parquet"
    rows = [told(NAMED[0], language="C++")] * 20 + [told(NAMED[0], language="Java")] * 5
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=20, compression="none")
    page = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[page.dictionary_page_offset : page.dictionary_page_offset + 30] = b"\xff" * 30  # reading it would fail
    path.write_bytes(data)
    looked = list(download._rows_until_enough([path], ["Java"], 3))
    assert [sum(wants) for _, wants in looked] == [3]


BRING = """
import json, sys
from pathlib import Path
import stamina
from schemas.finding import SourceError
from tasks.pipelines.code_corpus.source import at
stamina.set_testing(True, attempts=2)
source = at(sys.argv[2], sys.argv[3], ["data/Python/*.parquet"], ["Python"], 5)
try:
    print(json.dumps([path.name for path in source.bring(Path(sys.argv[1]))]))
except SourceError as error:
    print(json.dumps(str(error)))
"""


@pytest.mark.integration
@pytest.mark.slow
def test_from_the_hub_and_the_archive_to_files_and_terms_to_accept_are_told(tmp_path: Path, archive: Archive) -> None:
    """The whole way, over HTTP, with the clients that production uses; without the terms it ends at the first."""
    shard = write(tmp_path / "x.parquet", [told(content) for content in NAMED[:9]]).read_bytes()
    repos = {"us/stack": {REVISION: {SHARD: shard}}}
    with HubServer(repos, gated=("us/stack",)) as hub:
        arguments = (str(tmp_path / "live"), "us/stack", REVISION)
        refused = json.loads(hub.run(BRING, *arguments, home=tmp_path / "home"))
        brought = json.loads(hub.run(BRING, *arguments, home=tmp_path / "home", token=hub.token))
    assert "us/stack is gated" in refused
    assert "accept its terms at https://huggingface.co/datasets/us/stack" in refused
    assert brought == ["files-00000.parquet"]
    assert [row["content"] for row in decoded(tmp_path / "live" / brought[0])] == NAMED[:5]
