"""Secrets kept out of text and out of every log record of the process.

In: any text. Out: the same text, each secret replaced by `***`: webhook addresses, passwords in connection strings,
authorisation headers, `password=...` and its kin, the well-known key formats, and exact values given to `register`.
Made for messages, not for data: where it is unsure it hides. Linear in the length of the text.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

HIDDEN = "***"
SHORTEST_SECRET = 6  # a registered value shorter than this would blank out ordinary words

_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s"',;&)}\]]+)"""
_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    r"|auth[_-]?(?:string|token|key)|(?:access|refresh|id|session|bot|hf|github|slack)[_-]?token"
    r"|credentials?|webhook[_-]?url|x-amz-signature|sig(?:nature)?(?==))"
)
_SECRET_NAME = re.compile(rf"(?i){_NAMES}|^(?:token|authorization|cookie|auth)$")

# What a secret looks like. Groups named `name` are kept, the rest of the match is hidden.
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?s)-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
        r"(?i)(?P<name>authorization[\"']?\s{0,9}[:=]\s{0,9}[\"']?)(?:[a-z]{5,9}\s{1,9})?[^\s\"',;}]+",
        r"(?i)(?P<name>\b(?:bearer|basic)\s{1,9})(?=[^\s]{0,80}[\d=])[\w+/=.~-]{16,}",
        rf"(?i)(?P<name>{_NAMES}[\w-]{{0,20}}[\"']?\s{{0,9}}[:=]\s{{0,9}}){_VALUE}",
        r"(?i)(?P<name>\btoken[\"']?\s{0,9}[:=]\s{0,9}[\"']?)(?=[^\s]{0,80}\d)(?=[^\s]{0,80}[a-z])[\w.~+/=-]{16,}",
        r"/services/T\w{2,}/B\w{2,}/\w+",  # a Slack webhook's path on its own: urllib3 logs it apart from the host
        r"\b(?:AKIA|ASIA|AIDA|AROA)[0-9A-Z]{16}\b",  # AWS
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,})",  # GitHub, GitLab
        r"\b(?:xox[a-z]|xapp)-[\w-]{8,}",  # Slack tokens
        r"\b(?:sk|rk)[-_](?:live_|test_|proj-|ant-)?[\w-]{16,}",  # OpenAI, Anthropic, Stripe
        r"\bAIza[\w-]{30,}",  # Google
        r"\b(?:hf|pnu|pnb|npm)_[A-Za-z0-9]{20,}",  # Hugging Face, Prefect Cloud, npm
        r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",  # JSON web token
    )
)
_ADDRESS = re.compile(r"""(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{1,20}:\\?/\\?/[^\s"'<>`]+""")
_WEBHOOK_HOSTS = re.compile(r"(?i)(?:^|\.)(?:hooks\.slack\.com|webhook\.office\.com|hooks\.zapier\.com)$")
_WEBHOOK_PATH = re.compile(r"(?i)/(?:services|web-?hooks?|hooks?|workflows|triggers)/(.+)")
_TOKEN_SEGMENT = re.compile(r"^(?=.*\d)(?=.*[A-Za-z])[\w.~-]{16,}$")


def mask(text: str) -> str:
    """`text` with its secrets hidden; text without any comes back equal. Masking twice changes nothing more.

    >>> mask("postgresql://amy:s3cret@db:5432/x refused")
    'postgresql://amy:***@db:5432/x refused'
    """
    text = _ADDRESS.sub(_hide_webhook, text)
    for secret in _registered():
        text = text.replace(secret, HIDDEN)
    text = _ADDRESS.sub(_hide_password, text)
    for pattern in _PATTERNS:
        text = pattern.sub(_hide, text)
    return text


def mask_values(value: Any) -> Any:
    """The same for a JSON-like value: every text in it is masked, what stands under a secret's name is hidden."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {
            mask(str(key)): HIDDEN if _SECRET_NAME.search(str(key)) and item else mask_values(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_values(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else mask(str(value))


def _hide(match: re.Match[str]) -> str:
    return (match.groupdict().get("name") or "") + HIDDEN


def _hide_webhook(match: re.Match[str]) -> str:
    """An address that is a credential, or holds a registered value, is hidden whole; punctuation after it stays."""
    address = match.group().rstrip(".,;:!?)]}")
    plain = address.replace("\\/", "/")  # JSON may write it so
    secret = _is_webhook(plain) or any(value in plain for value in _registered())
    return HIDDEN + match.group()[len(address) :] if secret else match.group()


def _is_webhook(address: str) -> bool:
    """True for an address whose path is itself the credential."""
    host, _, path = address.partition("://")[2].partition("/")
    if _WEBHOOK_HOSTS.search(host.rpartition("@")[2].partition(":")[0]):
        return True
    found = _WEBHOOK_PATH.search("/" + path)
    rest = re.split(r"[/?#]", found.group(1)) if found else []
    slack_like = len(rest) >= 3 and rest[0][:1] == "T" and rest[1][:1] == "B"
    return slack_like or any(_TOKEN_SEGMENT.match(segment) for segment in rest)


def _hide_password(match: re.Match[str]) -> str:
    """The address with the password of `user:password@host` hidden.

    A password with an unescaped `/`, `?` or `#` ends the authority early; then the "port" is no number, and all up to
    the last `@` is taken for the password.
    """
    scheme, separator, rest = re.split(r"(:\\?/\\?/)", match.group(), maxsplit=1)
    authority = re.split(r"\\?[/?#]", rest, maxsplit=1)[0]
    early = "@" not in authority and re.search(r":\D", authority.rpartition("]")[2])
    login, at, place = rest.rpartition("@") if early else authority.rpartition("@")
    user, colon, _password = login.partition(":")
    if not at or not colon:
        return match.group()
    return f"{scheme}{separator}{user}:{HIDDEN}@{place}{'' if early else rest[len(authority) :]}"


class _Registry:
    """Exact values to hide. Process-wide, because logging is: the one mutable thing here, replaced whole."""

    def __init__(self) -> None:
        self.values: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add(self, *values: str) -> None:
        with self._lock:
            kept = {value for value in (*self.values, *values) if len(value) >= SHORTEST_SECRET}
            self.values = tuple(sorted(kept, key=lambda value: (-len(value), value)))  # the longest first


_REGISTRY = _Registry()


def _registered() -> tuple[str, ...]:
    return _REGISTRY.values


def register(secret: str) -> None:
    """Hide this exact value from now on: as it is, percent-encoded, and, of an address, its path on its own.

    For what has no shape of its own: `register(block.url.get_secret_value())`, whatever its host.
    Values under 6 characters are left alone.
    """
    path = urlsplit(secret).path if "://" in secret else ""
    _REGISTRY.add(secret, quote(secret, safe=""), path if len(path) > 2 * SHORTEST_SECRET else "")


def mask_error(error: BaseException) -> None:
    """Hide the secrets in an exception's own words, and in those of the exceptions it came from or holds.

    Its arguments, its notes, its attributes that are text, and an OSError's file names. Not covered: words that a
    library computes of something else, as pydantic does.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            _mask_words(one)
            todo += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]


def _mask_words(error: BaseException) -> None:
    error.args = tuple(mask(arg) if isinstance(arg, str) else arg for arg in error.args)
    texts = {name: value for name, value in vars(error).items() if isinstance(value, str)}
    if isinstance(error, OSError):  # what it prints are not its arguments
        texts |= {name: getattr(error, name) for name in ("strerror", "filename", "filename2")}
    for name, value in texts.items():
        if isinstance(value, str) and (masked := mask(value)) != value:
            setattr(error, name, masked)
    if hasattr(error, "__notes__"):
        error.__notes__ = [mask(str(note)) for note in error.__notes__]


class MaskingFactory:
    """A log record factory that hides secrets in what `inner` makes: message, traceback and stack."""

    def __init__(self, inner: Callable[..., logging.LogRecord]) -> None:
        self.inner = inner

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.inner(*args, **kwargs)
        _mask_message(record)
        _mask_traceback(record)
        return record


def _mask_message(record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # wrong arguments: logging would print them raw on standard error
        message, record.msg, record.args = "", f"{record.msg} {record.args!r}", ()
        message = str(record.msg)
    masked = mask(message)
    if masked == message:
        return
    if isinstance(record.args, tuple):  # keep the shape if that is enough: uvicorn's formatter unpacks the arguments
        record.args = tuple(mask(arg) if isinstance(arg, str) else arg for arg in record.args)
        if record.args and record.getMessage() == masked:
            return
    record.msg, record.args = masked, ()


def _mask_traceback(record: logging.LogRecord) -> None:
    """A traceback that holds a secret is kept as masked text only, so that no formatter can render the exception.

    The exception loses its secrets too: Prefect logs it before it writes its words into the run's state.
    """
    if record.exc_info and record.exc_info[1]:
        text = logging.Formatter().formatException(record.exc_info)
        if (masked := mask(text)) != text:
            mask_error(record.exc_info[1])
            record.exc_text, record.exc_info = masked, None
    if record.stack_info:
        record.stack_info = mask(record.stack_info)


def install() -> None:
    """From now on no record of this process's logging holds a secret, whoever logs it and at whatever level.

    Nor does an exception once it was logged, so a Prefect state's message has none either. Call it once in every
    process, early; calling it again changes nothing. Not covered: `print`, and attributes given by `extra=`.
    """
    current = logging.getLogRecordFactory()
    if not isinstance(current, MaskingFactory):
        logging.setLogRecordFactory(MaskingFactory(current))
