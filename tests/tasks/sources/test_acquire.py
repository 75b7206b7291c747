"""acquire: raw files once, in three modes, never mixed, never trusted by name."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect import flow

from schemas import settings as settings_module
from schemas.finding import SourceError
from schemas.source import RemoteFile, Source
from tasks.sources import acquire as steps
from tests.fakes.server import serving

pytestmark = [pytest.mark.integration, pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]

WRITTEN: list[float] = []
TABLE = b"1,2\n3,4\n"


def sample(folder: Path, seed: int, scale: float) -> None:
    WRITTEN.append(scale)
    (folder / "usage.csv").write_text(f"{seed},{scale}\n")
    (folder / "truth.json").write_text(json.dumps({"incidents": []}))


def identify(path: Path) -> str | None:
    return path.stem if path.suffix == ".csv" else None


def source(**changes: object) -> Source:
    fields: dict[str, object] = {
        "stem": "toy",
        "title": "Toy",
        "homepage": "",
        "licence": "none",
        "citation": "",
        "expected": ("usage", "event"),
        "patterns": ("*.csv",),
        "identify": identify,
        "sample": sample,
        "how_to_get": "Ask for it at the door.",
    }
    return Source(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def get(tmp_path: Path) -> Callable[..., steps.Acquired]:
    WRITTEN.clear()

    @flow
    def run(of: Source, mode: str, folder: Path | None = None, scale: float = 1.0) -> steps.Acquired:
        return steps.acquire(of, mode, folder, tmp_path / "data", scale=scale)  # type: ignore[arg-type]

    return run.with_options(validate_parameters=False)


def test_a_sample_is_generated_once_with_its_truth_and_what_is_missing_is_named(
    get: Callable[..., steps.Acquired],
) -> None:
    first, second = get(source(), "sample"), get(source(), "sample")
    assert first == second
    assert WRITTEN == [1.0]
    assert [s.path for s in first.files] == [Path("raw/toy/sample/usage.csv")]
    assert (first.truth, first.missing) == ({"incidents": []}, ("event",))


def test_an_altered_sample_is_generated_again(get: Callable[..., steps.Acquired]) -> None:
    first = get(source(), "sample")
    first.files[0].file.write_text("altered")
    assert get(source(), "sample").files[0].file.read_text() == "42,1.0\n"
    assert WRITTEN == [1.0, 1.0]


def test_local_files_are_copied_and_a_changed_one_is_copied_again(
    get: Callable[..., steps.Acquired], tmp_path: Path
) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/usage.csv").write_bytes(TABLE)
    first = get(source(), "local", tmp_path / "in")
    (tmp_path / "in/deep/usage.csv").write_bytes(TABLE * 2)
    second = get(source(), "local", tmp_path / "in")
    assert (first.files[0].rows, second.files[0].rows) == (2, 4)
    assert second.files[0].path == Path("raw/toy/local/usage.csv")
    assert second.truth is None


def pack(folder: Path, target: Path) -> Path | None:
    names = sorted(path.name for path in folder.glob("*.txt"))
    target.write_text("".join(f"{name}\n" for name in names))
    return target if names else None


def test_a_folder_of_small_files_is_packed_where_it_holds_none_of_the_sources_own(
    get: Callable[..., steps.Acquired], tmp_path: Path
) -> None:
    """And one with neither says what was looked for."""
    packing = source(pack=pack, identify=lambda path: "usage" if path.suffix in {".csv", ".parquet"} else None)
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(SourceError, match="none of usage, event was found"):
        get(packing, "local", folder)
    (folder / "b.txt").touch()
    (folder / "a.txt").touch()
    first = get(packing, "local", folder)
    assert first == get(packing, "local", folder)
    assert [raw.file.read_text() for raw in first.files] == ["a.txt\nb.txt\n"]
    (folder / "usage.csv").write_bytes(TABLE)
    assert [raw.file.name for raw in get(packing, "local", folder).files] == ["usage.csv"]


def test_two_local_files_of_one_name_are_told_apart_by_their_folders(
    get: Callable[..., steps.Acquired], tmp_path: Path
) -> None:
    for part in ("a", "b"):
        (tmp_path / "in" / part).mkdir(parents=True)
        (tmp_path / "in" / part / "usage.csv").write_text(part)
    found = get(source(), "local", tmp_path / "in")
    assert {s.file.read_text() for s in found.files} == {"a", "b"}


@pytest.mark.parametrize("folder", [None, Path("/nowhere")])
def test_a_missing_folder_is_told_with_what_it_should_hold(
    get: Callable[..., steps.Acquired], folder: Path | None
) -> None:
    with pytest.raises(SourceError, match="Give a folder that holds any of: usage, event"):
        get(source(), "local", folder)


def test_a_folder_without_any_of_its_files_is_told(get: Callable[..., steps.Acquired], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none of usage, event was found"):
        get(source(), "local", tmp_path)


def test_a_second_live_run_makes_no_request(get: Callable[..., steps.Acquired]) -> None:
    with serving(lambda path, n: (200, TABLE, {})) as server:
        pinned = RemoteFile("usage.csv", f"{server.url}/usage.csv", hashlib.sha256(TABLE).hexdigest())
        first = get(source(remote=(pinned,)), "live")
        second = get(source(remote=(pinned,)), "live")
    assert first == second
    assert server.asked == ["/usage.csv"]


def test_a_source_without_an_address_says_how_to_get_it(get: Callable[..., steps.Acquired]) -> None:
    with pytest.raises(SourceError, match=r"Ask for it at the door\. Then set AUTOMEND_SOURCES__TOY__URL"):
        get(source(), "live")


def archive() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("trace/usage.csv")
        member.size = len(TABLE)
        tar.addfile(member, io.BytesIO(TABLE))
    return data.getvalue()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], None]:
    def set_place(url: str, content: bytes) -> None:
        monkeypatch.setenv("AUTOMEND_SOURCES__TOY__URL", url)
        monkeypatch.setenv("AUTOMEND_SOURCES__TOY__SHA256", hashlib.sha256(content).hexdigest())
        settings_module.settings.cache_clear()

    return set_place


@pytest.fixture(autouse=True)
def _fresh_settings() -> object:
    yield
    settings_module.settings.cache_clear()


def test_a_configured_archive_is_fetched_and_unpacked(
    get: Callable[..., steps.Acquired], place: Callable[[str, bytes], None]
) -> None:
    packed = archive()
    with serving(lambda path, n: (200, packed, {})) as server:
        place(f"{server.url}/trace.tgz", packed)
        found = get(source(), "live")
    assert found.files[0].file.read_bytes() == TABLE


def test_a_configured_path_is_copied_and_its_hash_is_checked(
    get: Callable[..., steps.Acquired], place: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    (tmp_path / "usage.csv").write_bytes(TABLE)
    place(str(tmp_path / "usage.csv"), TABLE)
    assert get(source(), "live").files[0].file.read_bytes() == TABLE
    place(str(tmp_path / "usage.csv"), b"other")
    with pytest.raises(SourceError, match="has sha256"):
        get(source(), "live")
