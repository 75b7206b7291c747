"""Contents of the Software Heritage archive: brought by name over real HTTP, checked, every refusal explained."""

import gzip
import hashlib
import socket
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from schemas.finding import SourceError
from tasks.sources import software_heritage
from tasks.sources.software_heritage import Fetched, contents, is_named, plain_sha1
from tests.fakes.heritage import BOMB, Archive
from tests.fakes.object_store import SECRET_KEY, environment, object_store

pytestmark = pytest.mark.integration

FILES = [b"print(%d)\n" % number * 40 for number in range(40)]
ONE = FILES[0]
NAME = plain_sha1(ONE)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No keys of the developer's, and no asking a cloud's own address for some; a broken connection costs no wait."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with stamina.set_testing(True, attempts=software_heritage.CUTS):
        yield


def use(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)


def test_objects_of_s3_are_brought_in_the_order_asked_for_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From moto's S3, as gzip objects; a name that is not there is told as one."""
    with object_store() as store:
        use(monkeypatch, store.env)
        store.client.create_bucket(Bucket=software_heritage.BUCKET)
        for content in FILES:
            store.client.put_object(
                Bucket=software_heritage.BUCKET, Key=f"content/{plain_sha1(content)}", Body=gzip.compress(content)
            )
        names = [plain_sha1(content) for content in FILES[::-1]]
        found = contents([*names[:7], "0" * 40, *names])
    assert list(found) == [*names[:7], "0" * 40, *names[7:]]
    assert found.pop("0" * 40) == Fetched(None, "not_found")
    assert [fetched.content for fetched in found.values()] == FILES[::-1]


def test_nothing_asked_for_makes_no_request() -> None:
    """Not even keys are needed."""
    assert contents([]) == {}


def test_who_asks_offers_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive(FILES[:3]) as archive:
        use(monkeypatch, archive.env)
        contents(list(archive.objects))
    assert archive.payers == ["requester"] * 3


def test_a_fault_that_passes_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for once more, each content is right."""
    faults = ["cut", "half", "alter", "plain", "bomb", "500"]
    names = [plain_sha1(content) for content in FILES[: len(faults)]]
    with Archive(FILES, {name: [fault] for name, fault in zip(names, faults, strict=True)}) as archive:
        use(monkeypatch, archive.env)
        found = contents(names)
    assert [fetched.content for fetched in found.values()] == FILES[: len(faults)]
    assert Counter(archive.asked) == dict.fromkeys(names, 2)


def test_what_stays_wrong_is_no_content_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked for TRIES times, and is told."""
    faults = ["half", "alter", "plain", "bomb"]
    names = [plain_sha1(content) for content in FILES[:5]]
    with Archive(FILES, {name: [fault] * 9 for name, fault in zip(names, faults, strict=False)}) as archive:
        use(monkeypatch, archive.env)
        found = list(contents(names).values())
    assert found == [*[Fetched(None, "wrong_content")] * 4, Fetched(FILES[4])]
    assert Counter(archive.asked) == dict.fromkeys(names[:4], software_heritage.TRIES) | {names[4]: 1}


def test_a_small_object_that_holds_gigabytes_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left where it passes the largest file there is, of 10 MB; whole it would have 80."""
    assert len(BOMB) < 1_000_000
    with Archive([ONE], {NAME: ["bomb"] * 2}) as archive:
        use(monkeypatch, archive.env)
        contents([])
        tracemalloc.start()
        try:
            assert contents([NAME])[NAME].fault == "wrong_content"
            assert tracemalloc.get_traced_memory()[1] < 45_000_000
        finally:
            tracemalloc.stop()


def test_a_file_of_exactly_the_largest_size_is_brought_and_one_of_a_byte_more_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    largest = bytes(software_heritage.LARGEST)
    with Archive([largest, largest + b"\0"]) as archive:
        use(monkeypatch, archive.env)
        found = list(contents(list(archive.objects)).values())
    assert found == [Fetched(largest), Fetched(None, "wrong_content")]


@pytest.mark.slow
def test_a_server_that_asks_to_slow_down_twice_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive([ONE], {NAME: ["503", "503"]}) as archive:
        use(monkeypatch, archive.env)
        assert contents([NAME], attempts=3) == {NAME: Fetched(ONE)}
    assert len(archive.asked) == 3


@pytest.mark.parametrize(
    ("fault", "asked", "words"),
    [
        ("403", 1, "refuses the keys it was sent (403 AccessDenied). Who reads this bucket pays"),
        ("503", 2, "too busy, and still was after several tries (503 SlowDown). Nothing is lost"),
        ("cut", 4, "or the connection breaks (IncompleteReadError). Nothing is lost"),
        ("bucket", 1, "cannot be read: it answers 404 NoSuchBucket. Check AWS_ENDPOINT_URL"),
    ],
)
def test_what_stops_the_run_is_a_sentence_without_the_key(
    monkeypatch: pytest.MonkeyPatch, fault: str, asked: int, words: str
) -> None:
    """That a bucket is not there is 404 too: a wrong address must not count as ten thousand files that were lost."""
    with Archive([ONE], {NAME: [fault] * 9}) as archive:
        use(monkeypatch, archive.env)
        with pytest.raises(SourceError) as caught:
            contents([NAME], attempts=2)
    assert words in str(caught.value)
    assert SECRET_KEY not in str(caught.value)
    assert len(archive.asked) == asked


def test_after_a_refusal_those_that_wait_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would only be refused too: what is under way is brought to its end, no more."""
    with Archive(FILES, {plain_sha1(content): ["403"] for content in FILES}) as archive:
        use(monkeypatch, archive.env)
        with pytest.raises(SourceError):
            contents(list(archive.objects), side_by_side=2)
    assert len(archive.asked) < len(FILES) / 2


@pytest.mark.parametrize("keys", [{}, {"AWS_ACCESS_KEY_ID": "testing"}, {"AWS_PROFILE": "nobody"}])
def test_keys_that_are_missing_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, keys: dict[str, str]) -> None:
    """None, half of them, or a profile that there is not; nothing is sent."""
    with Archive([ONE]) as archive:
        use(monkeypatch, {"AWS_ENDPOINT_URL": archive.env["AWS_ENDPOINT_URL"], **keys})
        with pytest.raises(SourceError, match="AWS keys are missing or not complete") as caught:
            contents([NAME])
    assert archive.asked == []
    for words in ("pays for the transfer", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "console.aws.amazon.com/iam"):
        assert words in str(caught.value)


def test_an_archive_that_is_gone_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in the address is not repeated."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    use(monkeypatch, environment(f"http://us:{SECRET_KEY}@127.0.0.1:{port}"))
    with pytest.raises(SourceError, match=r"cannot be reached.*Run again when the network is there") as caught:
        contents([NAME], attempts=1)
    assert SECRET_KEY not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1:9000", f"http://us:{SECRET_KEY}@[::1"])
def test_an_address_that_is_none_is_told_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    use(monkeypatch, environment(address))
    with pytest.raises(SourceError, match="AWS_ENDPOINT_URL is no address") as caught:
        contents([NAME])
    assert SECRET_KEY not in str(caught.value)


def test_a_content_has_git_s_name_and_its_own_and_no_other() -> None:
    """As `git hash-object` names a file of the one line "hello"."""
    assert is_named(b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")
    assert is_named(b"hello\n", hashlib.sha1(b"hello\n").hexdigest())  # noqa: S324  the archive's own
    assert not is_named(b"hello", "ce013625030ba8dba906f756967f9e9ca394464a")
