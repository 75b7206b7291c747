"""Source files in Parquet: known by their columns, read in batches, each proved by its name; brought; and packed."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.code_corpus import LARGEST, RAW_ROWS, SMALLEST
from schemas.finding import SourceError
from tasks.pipelines.code_corpus import source as the_stack_v2
from tasks.pipelines.code_corpus import source_tree
from tasks.sources import huggingface
from tasks.sources.software_heritage import git_sha1, plain_sha1
from tests.fakes.heritage import Archive
from tests.fakes.hub import REVISION, HubServer

pytestmark = pytest.mark.unit

CODE = b"def one():\n    return 1\n" * 10
JAPANESE = "名前 = 1  # 変数\n" * 10
OURS: dict[str, Any] = {
    "repo": "ada/x",
    "path": "src/a.py",
    "language": "Python",
    "licence": "MIT",
    "commit": "c" * 40,
    "blob_sha": git_sha1(CODE),
    "size": len(CODE),
    "content": CODE,
}
THEIRS: dict[str, Any] = {
    "repo_name": "ada/x",
    "path": "/src/a.py",
    "language": "Python",
    "detected_licenses": ["MIT"],
    "license_type": "permissive",
    "revision_id": "c" * 40,
    "blob_id": plain_sha1(CODE),
    "content_id": git_sha1(CODE),
    "src_encoding": "UTF-8",
    "length_bytes": len(CODE),
    "star_events_count": 12,
    "gha_license_id": None,
    "is_vendor": False,
    "content": CODE,
}


def write(path: Path, rows: list[dict[str, Any]], **types: pa.DataType) -> Path:
    """Rows as a file; columns in `types` are of that type."""
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, pa.array([r[name] for r in rows], kind))
    pq.write_table(table, path)
    return path


def decoded(path: Path) -> list[dict[str, Any]]:
    return pa.concat_tables(the_stack_v2.decode(path, path.name)).to_pylist()


def first(path: Path, row: dict[str, Any], **types: pa.DataType) -> dict[str, Any]:
    return decoded(write(path / "one.parquet", [row], **types))[0]


# --- which files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [OURS, THEIRS], ids=["ours", "the_stack_v2"])
def test_a_file_is_known_by_its_columns_whatever_its_name(tmp_path: Path, row: dict[str, Any]) -> None:
    assert the_stack_v2.identify(write(tmp_path / "anything", [row])) == "files"


@pytest.mark.parametrize(
    "row",
    [
        {name: value for name, value in THEIRS.items() if name != "content"},
        {name: value for name, value in OURS.items() if name != "path"},
        OURS | {"content": 7},
        {"max_stars_repo_path": "a.yaml", "max_stars_repo_licenses": ["MIT"], "content": "a: 1"},
    ],
    ids=["metadata_alone", "no_path", "content_is_a_number", "the_stack_v1"],
)
def test_other_parquet_files_are_none_of_ours(tmp_path: Path, row: dict[str, Any]) -> None:
    assert the_stack_v2.identify(write(tmp_path / "files.parquet", [row])) is None


def test_files_of_other_kinds_are_none_of_ours(tmp_path: Path) -> None:
    for name in ("truth.json", "a.csv", "empty"):
        (tmp_path / name).write_text("path,content\n"[: 99 * (name != "empty")])
        assert the_stack_v2.identify(tmp_path / name) is None


@pytest.mark.parametrize("size", [0, 4, 200, -4])
def test_a_truncated_file_is_ours_and_is_refused_by_name_and_size(tmp_path: Path, size: int) -> None:
    """Left aside in silence, its rows would be lost."""
    path = write(tmp_path / "cut.parquet", [OURS] * 50)
    path.write_bytes(path.read_bytes()[:size])
    assert the_stack_v2.identify(path) == "files"
    for read in (the_stack_v2.count, decoded):
        with pytest.raises(SourceError, match=r"cut\.parquet \([\d,]+ bytes\) is not a whole Parquet.*Bring it again"):
            read(path)


def test_a_damaged_page_is_told_with_the_rows_read_before_it(tmp_path: Path) -> None:
    """The footer is whole, what it points to is not."""
    path = tmp_path / "bad.parquet"
    table = pa.Table.from_pylist([{"path": f"{n}.py", "content": os.urandom(50).hex()} for n in range(600)])
    pq.write_table(table, path, row_group_size=300, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    data[second : second + 60] = b"\xff" * 60
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"bad\.parquet, after row (29|30)\d: a page cannot be read"):
        decoded(path)


def test_a_file_that_lacks_a_column_is_refused_with_the_column(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", [{"content": "x", "file": "y"}])
    with pytest.raises(SourceError, match=r"x\.parquet has no column path; it has content, file"):
        decoded(path)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_both_layouts_tell_the_same(tmp_path: Path) -> None:
    """Names, lists, types and the first slash of a path are the layouts' business; the name of a content may differ."""
    ours = first(tmp_path, OURS | {"stars": 12, "encoding": "utf-8", "blob_sha": plain_sha1(CODE)})
    assert first(tmp_path, THEIRS) == ours
    assert ours == {
        "file": "one.parquet",
        "line": 1,
        "repo": "ada/x",
        "path": "src/a.py",
        "language": "Python",
        "licence": "MIT",
        "revision": "c" * 40,
        "blob": plain_sha1(CODE),
        "stars": 12,
        "encoding": "utf-8",
        "size": len(CODE),
        "content": CODE,
        "fault": None,
    }


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str)
def test_a_content_of_any_type_is_its_bytes(tmp_path: Path, kind: pa.DataType) -> None:
    assert first(tmp_path, OURS | {"content": CODE}, content=kind)["content"] == CODE


@pytest.mark.parametrize(
    ("told", "licence"),
    [
        ({"detected_licenses": ["MIT", "Apache-2.0"]}, "Apache-2.0 AND MIT"),
        ({"detected_licenses": ["MIT OR ISC", "Zlib"]}, "(MIT OR ISC) AND Zlib"),
        ({"detected_licenses": ["MIT OR ISC"]}, "MIT OR ISC"),
        ({"detected_licenses": [None, "MIT", ""]}, "MIT"),
        ({"detected_licenses": []}, None),
        ({"detected_licenses": None}, None),
        ({"detected_licenses": [], "gha_license_id": "ISC"}, "ISC"),
        ({"detected_licenses": ["MIT"], "gha_license_id": "ISC"}, "MIT"),
        ({"detected_licenses": [], "gha_license_id": "NOASSERTION"}, None),
    ],
)
def test_several_licences_bind_together_and_none_is_null(
    tmp_path: Path, told: dict[str, Any], licence: str | None
) -> None:
    assert first(tmp_path, THEIRS | told, detected_licenses=pa.list_(pa.string()))["licence"] == licence


def test_what_a_file_does_not_tell_is_null(tmp_path: Path) -> None:
    """No column, null, text of no letters, a number that is none."""
    row = first(tmp_path, {"path": "a.py", "content": b"x", "repo": " ", "language": None, "stars": float("nan")})
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == set(RAW_ROWS.names) - {"file", "line", "path", "content"}


def test_a_name_that_is_no_text_is_a_name_still(tmp_path: Path) -> None:
    """Parquet files say string of any bytes; one of them must not end the run."""
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xffa.py"], pa.binary()).buffers())
    pq.write_table(pa.table({"path": broken, "content": [b"x"]}), tmp_path / "x.parquet")
    assert decoded(tmp_path / "x.parquet")[0]["path"] == "\ufffda.py"


@pytest.mark.parametrize("blob", [git_sha1(CODE), plain_sha1(CODE), git_sha1(CODE).upper()])
def test_a_content_may_have_either_of_its_names(tmp_path: Path, blob: str) -> None:
    row = first(tmp_path, OURS | {"blob_sha": blob})
    assert (row["content"], row["fault"], row["blob"]) == (CODE, None, blob.lower())


@pytest.mark.parametrize("content", [CODE + b" ", CODE[:-1], b""])
def test_another_content_is_none(tmp_path: Path, content: bytes) -> None:
    row = first(tmp_path, OURS | {"content": content})
    assert (row["content"], row["fault"]) == (None, "wrong_content")


def test_a_content_without_a_name_is_taken_as_it_is(tmp_path: Path) -> None:
    row = first(tmp_path, OURS | {"blob_sha": None}, blob_sha=pa.string())
    assert (row["content"], row["fault"]) == (CODE, None)


def test_a_content_that_was_written_anew_in_utf_8_gets_its_bytes_back(tmp_path: Path) -> None:
    """As the dataset's own page shows how to bring it: decoded, and stored as text. Its name proves the bytes."""
    raw = JAPANESE.encode("shift_jis")
    row = THEIRS | {"content": JAPANESE, "src_encoding": "Shift_JIS", "blob_id": plain_sha1(raw)}
    assert first(tmp_path, row)["content"] == raw
    for other in ("utf-16", "no-such-code", None):
        told = first(tmp_path, row | {"src_encoding": other}, src_encoding=pa.string())
        assert (told["content"], told["fault"]) == (None, "wrong_content")


def test_a_null_content_is_told_with_the_fault_that_the_file_tells(tmp_path: Path) -> None:
    """Ours, of a download; a word of another's in such a column is none."""
    faults = [None, "not_fetched", "not_found", "wrong_content", "flaky"]
    rows = [OURS | {"content": None, "fault": fault} for fault in faults]
    found = decoded(write(tmp_path / "x.parquet", rows, content=pa.binary()))
    told = ["null_content", "not_fetched", "not_found", "wrong_content", "null_content"]
    assert [row["fault"] for row in found] == told


def test_an_empty_file_gives_a_table_without_rows(tmp_path: Path) -> None:
    pq.write_table(source_tree.PACKED.empty_table(), tmp_path / "x.parquet")
    assert the_stack_v2.count(tmp_path / "x.parquet") == 0
    assert pa.concat_tables(the_stack_v2.decode(tmp_path / "x.parquet", "x")).schema == RAW_ROWS


@settings(max_examples=30, deadline=None)
@example(sizes=[0, None, 1] * 9)
@given(sizes=st.lists(st.one_of(st.none(), st.integers(0, 60)), max_size=40))
def test_batches_are_small_and_have_every_row_in_its_order(sizes: list[int | None]) -> None:
    """However the sizes fall: at most so many rows, at most so many bytes or a row alone; no row twice, none lost."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(the_stack_v2, "BATCH_ROWS", 7)
        patch.setattr(the_stack_v2, "BATCH_BYTES", 50)
        path = Path(folder, "x.parquet")
        contents = [None if size is None else os.urandom(size) for size in sizes]
        names = [str(number) for number in range(len(sizes))]
        pq.write_table(pa.table({"path": names, "content": pa.array(contents, pa.binary())}), path)
        tables = list(the_stack_v2.decode(path, "x"))
    weights = [sum(len(content or b"") for content in table["content"].to_pylist()) for table in tables]
    assert all(len(table) <= 7 for table in tables)
    assert all(weight <= 50 or len(table) == 1 for table, weight in zip(tables, weights, strict=True))
    rows = pa.concat_tables(tables).to_pylist()
    expected = list(zip(range(1, len(sizes) + 1), names, contents, strict=True))
    assert [(row["line"], row["path"], row["content"]) for row in rows] == expected


@pytest.mark.parametrize("turns", [2, 5])
def test_tables_in_turns_are_all_tables_in_their_order(
    tmp_path: Path, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lines they have in the whole."""
    monkeypatch.setattr(the_stack_v2, "BATCH_ROWS", 3)
    path = tmp_path / "x.parquet"
    rows = [{"repo": "a/b", "path": f"{n}.py", "content": f"x = {n}\n"} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    whole = list(the_stack_v2.decode(path, "x"))
    streams = [the_stack_v2.decode(path, "x", turn=(own, turns)) for own in range(turns)]
    assert [next(streams[at % turns]) for at in range(len(whole))] == whole
    assert [next(stream, None) for stream in streams] == [None] * turns


def test_the_real_files_are_all_what_their_names_say(real_data: Path) -> None:
    """Every one of a file of a single row group, which must not be held as a whole."""
    path = real_data / "code" / "source_files.parquet"
    assert the_stack_v2.identify(path) == "files"
    rows, before = 0, pa.total_allocated_bytes()
    for table in the_stack_v2.decode(path, path.name):
        rows += len(table)
        assert table["fault"].null_count == len(table)
        assert table["content"].null_count == 0
        assert pa.total_allocated_bytes() - before < 100_000_000  # it unpacks to 112 MB
    assert rows == the_stack_v2.count(path) > 10_000


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
    assert the_stack_v2.wanted(table, ["Python", "Java"]).to_pylist() == [is_wanted, True]


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
        metadata, pins = folder / the_stack_v2.METADATA, []
        for name in self.shards:
            (metadata / name).parent.mkdir(parents=True, exist_ok=True)
            body = write(metadata / name, shards[name], gha_license_id=pa.string()).read_bytes()
            pins.append(huggingface.Pinned(name, len(body), "git", git_sha1(body)))
        huggingface._remember(metadata, the_stack_v2.REPO, REVISION, self.shards, pins)

    def bring(self, languages: tuple[str, ...] = ("Python",), max_samples: int | None = None) -> list[Path]:
        return the_stack_v2.bring(self.folder, the_stack_v2.REPO, REVISION, self.shards, languages, max_samples)

    def rows(self, **chosen: Any) -> list[dict[str, Any]]:
        return [row for path in self.bring(**chosen) for row in decoded(path)]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    with serving(monkeypatch) as served:
        yield served


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """With the contents of NAMED; boto3 knows of it. Batches are of 20, for the sake of time."""
    monkeypatch.setattr(the_stack_v2, "WANTED_ROWS", 20)
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
    assert [the_stack_v2.identify(path) for path in live.bring()] == ["files"]
    assert the_stack_v2.identify(tmp_path / the_stack_v2.METADATA / SHARD) is None
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
    again = the_stack_v2.bring(tmp_path, the_stack_v2.REPO, REVISION, [SHARD], ["Python"], None)
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
    looked = list(the_stack_v2._looked_at([path], ["Java"], 3))
    assert [sum(wants) for _, wants in looked] == [3]


def test_another_choice_has_another_pin() -> None:
    """The pin is what a cached download is known by."""
    changes: list[dict[str, Any]] = [
        {},
        {"repo": "us/copy"},
        {"revision": "a" * 40},
        {"shards": ["data/Java/*.parquet"]},
        {"languages": ["Java"]},
        {"max_samples": 7},
        {"max_samples": None},
    ]
    pins = [the_stack_v2.at(**change).pin for change in changes]
    assert len(set(pins)) == len(pins)
    assert pins[0] == the_stack_v2.SOURCE.pin
    assert huggingface.REVISION.fullmatch(the_stack_v2.REVISION)


def test_a_branch_is_refused_with_the_page_that_shows_revisions(tmp_path: Path) -> None:
    source = the_stack_v2.at(revision="main")
    assert source.bring is not None
    with pytest.raises(SourceError, match=r"40 hexadecimal digits.*the-stack-v2-dedup/commits/main"):
        source.bring(tmp_path)


BRING = """
import json, sys
from pathlib import Path
import stamina
from schemas.finding import SourceError
from tasks.pipelines.code_corpus import source as the_stack_v2
stamina.set_testing(True, attempts=2)
source = the_stack_v2.at(sys.argv[2], sys.argv[3], ["data/Python/*.parquet"], ["Python"], 5)
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
