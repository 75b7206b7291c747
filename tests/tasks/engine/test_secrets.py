"""What is hidden, what is left alone, and that no logger of the process gets round it."""

import logging
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.webhook import WebhookClient

from tasks.engine import secrets
from tasks.engine.secrets import HIDDEN, MaskingFactory, install, mask, mask_values, register
from tests.fakes.slack import PATH, SlackServer

pytestmark = pytest.mark.unit

# Built from pieces, so that no scanner of this repository takes them for real ones.
SLACK = "https://hooks.slack.com/" + "services/T012AB/B034CD/" + "xYz0123456789abcdefABCDE"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2" * 9
BOT = "xoxb" + "-123456789012-abcdefABCDEF"
OPENAI = "sk-" + "abc123DEF456ghi789JKL"
GOOGLE = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
FACE = "hf_" + "AbCdEfGhIjKlMnOpQrStUv"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w"

HIDES = {
    "slack webhook": (f"posting to {SLACK}.", SLACK[8:], f"posting to {HIDDEN}."),
    "slack webhook as JSON writes it": ('"' + SLACK.replace("/", "\\/") + '"', "xYz0123456789", f'"{HIDDEN}"'),
    "slack webhook's path alone": (f'"POST {SLACK[23:]} HTTP/1.1"', "xYz0123456789", f'"POST {HIDDEN} HTTP/1.1"'),
    "webhook of another host": (f"http://127.0.0.1:8080{PATH} down", PATH, f"{HIDDEN} down"),
    "discord": ("https://discord.com/api/webhooks/1234567890/aBcD1234efGH5678xyz", "aBcD1234", HIDDEN),
    "teams": ("https://acme.webhook.office.com/webhookb2/any", "webhookb2", HIDDEN),
    "dsn": ("postgresql+psycopg://amy:s3cret@db:5432/x", "s3cret", f"postgresql+psycopg://amy:{HIDDEN}@db:5432/x"),
    "dsn as JSON writes it": (r"pg:\/\/amy:s3cret@db\/x", "s3cret", rf"pg:\/\/amy:{HIDDEN}@db\/x"),
    "dsn, no user": ("redis://:s3cret@cache:6379/0", "s3cret", f"redis://:{HIDDEN}@cache:6379/0"),
    "dsn, an @ in the password": ("amqp://amy:p@ss@mq/v", "p@ss", f"amqp://amy:{HIDDEN}@mq/v"),
    "dsn, a / in the password": ("mysql://amy:p/ss@db/x", "p/ss", f"mysql://amy:{HIDDEN}@db/x"),
    "header": ("Authorization: Basic YWRtaW46cGFzcw==", "YWRtaW46", f"Authorization: {HIDDEN}"),
    "header in a dict": ("{'authorization': 'Bearer abcDEF123'}", "abcDEF123", f"{{'authorization': '{HIDDEN}'}}"),
    "bearer": ("sent Bearer abcDEF123456789x", "abcDEF", f"sent Bearer {HIDDEN}"),
    "auth string": ("PREFECT_API_AUTH_STRING=admin:pass now", "admin:pass", f"PREFECT_API_AUTH_STRING={HIDDEN} now"),
    "quoted password": ('password = "two words", x', "two words", f"password = {HIDDEN}, x"),
    "key in a query": ("GET /v1?api_key=abc&n=2", "abc", f"GET /v1?api_key={HIDDEN}&n=2"),
    "signed address": ("s3/x?X-Amz-Signature=0a1b2c&n=1", "0a1b2c", f"s3/x?X-Amz-Signature={HIDDEN}&n=1"),
    "token": ("token=a1b2c3d4e5f6g7h8i9", "a1b2c3", f"token={HIDDEN}"),
    "aws": (f"key {AWS} used", AWS, f"key {HIDDEN} used"),
    "github": (GITHUB, GITHUB, HIDDEN),
    "slack bot": (BOT, BOT, HIDDEN),
    "openai": (OPENAI, OPENAI, HIDDEN),
    "google": (f"?key={GOOGLE}", GOOGLE, f"?key={HIDDEN}"),
    "hugging face": (FACE, FACE, HIDDEN),
    "jwt": (JWT, JWT, HIDDEN),
    "private key": (
        "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
        "MIIE",
        f"a\n{HIDDEN}\nb",
    ),
    "private key, cut off": ("-----BEGIN PRIVATE KEY-----\nMIIE", "MIIE", HIDDEN),
}

LEAVES = [
    "ds2_loghub: 2,000 rows in = 1,998 kept + 2 dropped",
    "http://127.0.0.1:4200/runs/flow-run/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    "GET http://127.0.0.1:4200/api/work_pools/default/queues",
    "https://github.com/logpai/loghub/blob/master/services/README.md",
    "token 1023 means <*> on <*>, token=1023",
    "authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=218.188.2.4",
    "Failed password for invalid user guest from 1.2.3.4 port 22 ssh2",
    "task-1234567890abcdefghij on disk-0123456789012345",
    "basic understanding of the bearer of this letter",
    "amy@example.com wrote to http://[::1]:8080/x",
    "ssh://git@github.com/logpai/loghub",
    "https://example.com/path:with/colon@sign",
    "",
]


@pytest.mark.parametrize("name", HIDES)
def test_hides(name: str) -> None:
    text, secret, expected = HIDES[name]
    assert secret.replace("/", "\\/") in text or secret in text
    assert mask(text) == expected
    assert mask(mask(text)) == expected


@pytest.mark.parametrize("text", LEAVES)
def test_leaves_ordinary_text_alone(text: str) -> None:
    assert mask(text) == text


FRAGMENTS = [*(text for text, _, _ in HIDES.values()), *LEAVES, " ", "=", ":", "/", "@", '"', HIDDEN]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=6).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize("piece", ["a", "://a:", "password", "-----BEGIN ", "Bearer ", "token= ", "/hook", "{'", "ey."])
def test_a_long_line_costs_time_in_proportion(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    start = time.perf_counter()
    mask(text)
    assert time.perf_counter() - start < 2  # seconds; a quadratic pattern takes minutes


def test_values_are_masked_through_and_through() -> None:
    value = {"password": "hunter2", "url": [SLACK, {"deep": f"see {GITHUB}"}], "n": 3, "none": None, "ok": True}
    assert mask_values({**value, "token": ""}) == {
        "password": HIDDEN,
        "url": [HIDDEN, {"deep": f"see {HIDDEN}"}],
        "n": 3,
        "none": None,
        "ok": True,
        "token": "",
    }
    assert mask_values((RuntimeError(SLACK),)) == [HIDDEN]  # what is not JSON becomes text


def test_a_registered_value_is_hidden_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_REGISTRY", secrets._Registry())
    address = "http://10.0.0.7:9000/alerts/blue-door"
    assert address in mask(f"to {address}")
    register(address)
    register("")
    register("ok")
    assert mask(f"to {address}!") == f"to {HIDDEN}!"
    assert mask("POST /alerts/blue-door HTTP/1.1") == f"POST {HIDDEN} HTTP/1.1"
    assert mask("?to=http%3A%2F%2F10.0.0.7%3A9000%2Falerts%2Fblue-door") == f"?to={HIDDEN}"
    assert mask("ok, that is all") == "ok, that is all"


@pytest.fixture
def masked_logging() -> Iterator[None]:
    """`install()`, undone afterwards."""
    before = logging.getLogRecordFactory()
    install()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("masked_logging")
def test_install_twice_is_install_once() -> None:
    first = logging.getLogRecordFactory()
    install()
    assert logging.getLogRecordFactory() is first
    assert isinstance(first, MaskingFactory)


@pytest.mark.usefixtures("masked_logging")
def test_messages_arguments_tracebacks_and_stacks_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("any.library")
    with caplog.at_level(logging.DEBUG):
        log.info("posting to %s, %d times", SLACK, 3)
        log.info("posting to %(url)s", {"url": SLACK})
        log.info(f"posting to {SLACK}")  # noqa: G004
        try:
            raise ConnectionError(f"no route to {SLACK}")  # noqa: TRY301
        except ConnectionError:
            log.exception("failed", stack_info=True)
        log.info("clean %s", "words")
    assert "xYz0123456789" not in caplog.text
    assert caplog.text.count(HIDDEN) >= 4
    assert f"ConnectionError: no route to {HIDDEN}" in caplog.text
    assert f"posting to {HIDDEN}, 3 times" in caplog.text
    assert "clean words" in caplog.text


@pytest.mark.usefixtures("masked_logging")
def test_a_message_whose_arguments_do_not_fit_is_logged_masked(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("careless").warning("%d requests", SLACK)
    assert HIDDEN in caplog.text
    assert "xYz0123456789" not in caplog.text + capsys.readouterr().err


@pytest.mark.usefixtures("masked_logging")
def test_arguments_keep_their_shape_for_formatters_that_unpack_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("access").info('%s "%s" %d', "127.0.0.1", f"GET {PATH}", 200)
    assert caplog.records[0].args == ("127.0.0.1", f"GET {HIDDEN}", 200)


@pytest.mark.integration
@pytest.mark.usefixtures("masked_logging")
def test_no_library_logs_the_webhook_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), SlackServer("ok") as slack:
        WebhookClient(slack.url).send(text="hello")
        httpx.post(slack.url, json={"text": "hello"})
    names = {record.name for record in caplog.records}
    assert any(name.startswith("slack_sdk") for name in names), names  # they did log, and did name the address
    assert any(name.startswith("http") for name in names), names
    assert HIDDEN in caplog.text
    assert PATH not in caplog.text
    assert "xoSecretWebhookTokenXx01" not in caplog.text


@pytest.mark.usefixtures("masked_logging")
def test_an_exception_that_was_logged_holds_no_secret_nor_do_its_causes(caplog: pytest.LogCaptureFixture) -> None:
    cause = FileNotFoundError(2, f"no such place: {SLACK}", f"/mnt/{SLACK}")
    cause.add_note(f"tried {SLACK}")
    several = ExceptionGroup(f"both of {SLACK}", [ValueError(SLACK), KeyError(SLACK, 3)])
    error = RuntimeError(f"no route to {SLACK}", 7)
    error.address = SLACK  # type: ignore[attr-defined]
    error.__cause__, error.__context__ = cause, several
    cause.__context__ = error  # a circle
    logging.getLogger("any.library").error("failed", exc_info=error)
    said = [repr(error), str(error), str(cause), *cause.__notes__, repr(several), *vars(error).values()]
    assert "xYz0123456789" not in " ".join(said)
    assert error.args == (f"no route to {HIDDEN}", 7)
    assert "failed" in caplog.text


@pytest.mark.usefixtures("masked_logging")
def test_an_exception_without_a_secret_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    error = OSError(28, "No space left on device", "/data")
    logging.getLogger("any.library").error("failed", exc_info=error)
    assert caplog.records[0].exc_info is not None
    assert str(error) == "[Errno 28] No space left on device: '/data'"
