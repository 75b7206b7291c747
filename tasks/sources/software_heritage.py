"""Contents of the Software Heritage archive, each downloaded by the SHA-1 that names it, and checked by it.

They are gzip objects in an S3 bucket, `content/<SHA-1>`; the requester pays. Address, region and keys are those
that every client of S3 reads from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_PROFILE, …).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import stamina

from schemas.code_corpus import MOST_MEGABYTES, Fault
from schemas.finding import SourceError

BUCKET = "softwareheritage"
PLACE = f"s3://{BUCKET}/content"
SIDE_BY_SIDE = 16  # objects downloaded at a time: most of the time is waiting
ATTEMPTS = 8  # of a request that S3 puts off; the waits between them double, up to 20 s
TRIES = 2  # of an object that is whole and has another hash than its name
CUTS = 4  # connections that may break within one object before the run stops
CONNECT_S, READ_S = 10, 60  # a server that is silent for longer is gone
BLOCK = 1 << 16  # bytes unpacked at a time
LARGEST = MOST_MEGABYTES * 1_000_000  # bytes unpacked: a small object may contain gigabytes

PUT_OFF = frozenset({"SlowDown", "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests"})


@dataclass(frozen=True)
class Fetched:
    """The content with a SHA-1, or why there is none."""

    content: bytes | None
    fault: Fault | None = None


def is_named(content: bytes, blob: str) -> bool:
    """Whether `blob` (40 hexadecimal digits) is the name of `content`, in one of the two ways in use.

    git names a file by the SHA-1 of a header and the file, and so do most exports. Software Heritage keeps its objects
    under the SHA-1 of the file alone, which is what The Stack v2 calls blob_id; git's it calls content_id. No content
    has the other's name by chance, so either proves that the bytes are the right ones.
    """
    return blob in {plain_sha1(content), git_sha1(content)}


def plain_sha1(content: bytes) -> str:
    """SHA-1 of the bytes alone, as Software Heritage's bucket names them."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def git_sha1(content: bytes) -> str:
    """SHA-1 that git gives a file: of "blob <size>", a zero byte, and the bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def contents(blobs: Sequence[str], *, side_by_side: int = SIDE_BY_SIDE, attempts: int = ATTEMPTS) -> dict[str, Fetched]:
    """What the archive has under each of `blobs` (SHA-1s), in their order, each once.

    All of them are in memory together: ask for a batch. Faults: not_found, and wrong_content for what is not what its
    name says after TRIES, is no gzip, or unpacks to more than LARGEST bytes. Raises SourceError when the bucket cannot
    be asked at all: no keys or no right to it, still too busy after `attempts`, no connection.
    """
    names = list(dict.fromkeys(blobs))
    if not names:
        return {}
    with _as_source_errors():
        client = _s3_client(side_by_side, attempts)
        with ThreadPoolExecutor(side_by_side) as pool:
            under_way = [pool.submit(_fetch_content, client, name) for name in names]
            try:
                return {name: job.result() for name, job in zip(names, under_way, strict=True)}
            finally:
                pool.shutdown(cancel_futures=True)  # after an error, those that wait would only repeat it


def _s3_client(side_by_side: int, attempts: int) -> Any:
    """A client with its own view of the environment; boto3 is imported here, for it takes half a second."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": attempts},
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=side_by_side,
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except ValueError:  # its words repeat the address, and passwords in it
        raise SourceError(f"{PLACE} cannot be asked: AWS_ENDPOINT_URL is no address. Correct it or unset it.") from None


def _fetch_content(client: Any, blob: str) -> Fetched:
    """One content. What is wrong is asked for once more: bytes are altered on the way, too."""
    from botocore.exceptions import ClientError

    for _ in range(TRIES):
        try:
            content = _unpacked(client, blob)
        except ClientError as error:
            if _error_code(error) in {"NoSuchKey", "404"}:
                return Fetched(None, "not_found")
            raise
        if content is not None and is_named(content, blob):
            return Fetched(content)
    return Fetched(None, "wrong_content")


def _was_cut(error: Exception) -> bool:
    """Whether the connection broke while an object was under way; what comes before is botocore's to repeat."""
    from botocore import exceptions

    return isinstance(
        error, (exceptions.IncompleteReadError, exceptions.ResponseStreamingError, exceptions.ReadTimeoutError)
    )


@stamina.retry(on=_was_cut, attempts=CUTS, timeout=None, wait_initial=0.2, wait_max=5)
def _unpacked(client: Any, blob: str) -> bytes | None:
    """The object of that name, unpacked; None for what is no gzip, or unpacks to more than LARGEST bytes."""
    from botocore.exceptions import FlexibleChecksumError

    answer = client.get_object(Bucket=BUCKET, Key=f"content/{blob}", RequestPayer="requester")
    with closing(answer["Body"]) as body:
        try:
            return _gunzip(body.iter_chunks(BLOCK))
        except FlexibleChecksumError:  # S3's own sum of the object: altered on the way
            return None


def _gunzip(blocks: Iterable[bytes]) -> bytes | None:
    unpacker, parts, room = zlib.decompressobj(wbits=31), [], LARGEST + 1
    for block in blocks:
        try:
            parts.append(unpacker.decompress(block, room))
        except zlib.error:
            return None
        room -= len(parts[-1])
        if room <= 0:
            return None
    return b"".join(parts)  # of half an object, half: its hash shows it


# ---------------------------------------------------------------------------------------------------------------------
# What went wrong, in sentences. The library's own may repeat an address with a password in it: none is passed on.


@contextmanager
def _as_source_errors() -> Iterator[None]:
    """Turn the library's errors into SourceError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise SourceError(_explain_error(error)) from error


def _error_code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _explain_error(error: Any) -> str:
    from botocore import exceptions

    again = "Nothing is lost: batches already written are kept. Run again"
    if isinstance(error, exceptions.ClientError):
        status, code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"), _error_code(error)
        if status in {401, 403}:
            return f"{PLACE} refuses the keys it was sent ({status} {code}). {KEYS}"
        if code in PUT_OFF or status in {429, 500, 502, 503, 504}:
            return f"{PLACE} is too busy, and still was after several tries ({status} {code}). {again} in some minutes."
        return f"{PLACE} cannot be read: it answers {status} {code}. Check AWS_ENDPOINT_URL and the region, if set."
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.IncompleteReadError):
        return (
            f"{PLACE} cannot be reached, or the connection breaks ({type(error).__name__}). "
            f"{again} when the network is there; check AWS_ENDPOINT_URL and the proxy, if set."
        )
    return f"{PLACE} cannot be asked ({type(error).__name__}): AWS keys are missing or not complete. {KEYS}"


KEYS = (
    "Who reads this bucket pays for the transfer, so every request is signed: set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN for keys of a session), or AWS_PROFILE, in the environment, to keys "
    "of an account that may do s3:GetObject. They are made at https://console.aws.amazon.com/iam."
)
