"""Alerts: what they say, the two files they always go to, and their delivery to Slack.

In: a kind, a pipeline, a message, details. Out: a line in `alerts.log`, a record in `alerts_history.json` (the last
1,000), a Slack message. Kinds, severities and colours are DOMAIN.md's table. Nothing here raises because of Slack,
and nothing here writes a secret: all text passes through `tasks.engine.secrets`.
"""

import hashlib
import json
import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field
from slack_sdk.webhook import WebhookClient, WebhookResponse

from tasks.engine.secrets import mask, mask_values, register

Severity = Literal["info", "warning", "error", "critical"]
KindName = Literal[
    "pipeline_start",
    "pipeline_success",
    "pipeline_failure",
    "anomaly_detected",
    "validation_failure",
    "bias_detected",
    "data_quality",
]

MANY_ANOMALIES = 10  # more than this is an ERROR
HISTORY = 1_000  # records kept in alerts_history.json
TEXT_LIMIT = 3_000  # characters in one text of a Slack block, Slack's limit
DETAIL_BLOCKS = 8  # blocks of details; Slack allows 50 blocks, but nobody reads 24,000 characters in a channel
KEPT_TEXT = 4_000  # characters kept of one text in our own files: an error may quote a whole page
LOCK_S = 20  # seconds to wait for the other writers of the history
REQUEST_S = 5.0  # seconds to connect, and to wait for each part of an answer
TOTAL_S = 12.0  # seconds a delivery may take in all, name lookup, waiting and a dripping server included
LONGEST_WAIT_S = 4.0  # a Retry-After up to this is honoured; for longer the run does not wait
ATTEMPTS = 3
SERVER_PAUSE_S = 0.5  # before asking again after a 5xx
BODY_LIMIT = 10_000  # bytes read of an answer; Slack's is "ok"

COLOURS: Mapping[Severity, str] = {"info": "#36a64f", "warning": "#ffcc00", "error": "#ff6600", "critical": "#ff0000"}

log = logging.getLogger(__name__)


def _many_anomalies(details: Mapping[str, Any]) -> bool:
    """`details["anomalies"]`: how many there are, or the anomalies themselves."""
    found = details.get("anomalies", 0)
    count = len(found) if isinstance(found, Sized) and not isinstance(found, str) else found
    return isinstance(count, int | float) and count > MANY_ANOMALIES


def _high_bias(details: Mapping[str, Any]) -> bool:
    """`details["level"]`: "high" for a slice far off the others."""
    return str(details.get("level", "")).lower() == "high"


def _never(_details: Mapping[str, Any]) -> bool:
    return False


@dataclass(frozen=True)
class Kind:
    """What is common to all alerts of one kind. `is_error(details)` says when it is an ERROR all the same."""

    title: str
    emoji: str
    severity: Severity
    sentence: str  # the message when none is given
    is_error: Callable[[Mapping[str, Any]], bool] = _never


KINDS: Mapping[str, Kind] = {
    "pipeline_start": Kind("Pipeline Started", ":rocket:", "info", "`{pipeline}` has started."),
    "pipeline_success": Kind("Pipeline Succeeded", ":white_check_mark:", "info", "`{pipeline}` has published."),
    "pipeline_failure": Kind("Pipeline Failed", ":x:", "critical", "`{pipeline}` has failed."),
    "anomaly_detected": Kind(
        "Anomaly Detected", ":mag:", "warning", "The data of `{pipeline}` look unusual.", _many_anomalies
    ),
    "validation_failure": Kind(
        "Validation Failed", ":no_entry:", "error", "The data of `{pipeline}` do not keep their contract."
    ),
    "bias_detected": Kind(
        "Bias Detected", ":scales:", "warning", "A slice of `{pipeline}` is far off the others.", _high_bias
    ),
    "data_quality": Kind("Data Quality Issue", ":warning:", "warning", "The data of `{pipeline}` have a fault."),
}


class Alert(BaseModel):
    """One thing a person should know. `time` is UTC; `url` leads to the flow run, or is empty."""

    model_config = ConfigDict(frozen=True)

    kind: KindName
    severity: Severity
    title: str
    message: str
    pipeline: str
    details: dict[str, Any] = Field(default_factory=dict)
    time: datetime
    url: str = ""


def make(
    kind: KindName,
    pipeline: str,
    message: str = "",
    details: Mapping[str, Any] | None = None,
    *,
    url: str = "",
    now: datetime | None = None,
) -> Alert:
    """An alert of that kind. Its severity is the kind's, raised to ERROR by `details["anomalies"]` (a count above 10)
    or `details["level"]` ("high" bias). Without a message it gets the kind's own sentence; `now` is for tests.
    """
    known = KINDS[kind]
    details = dict(details or {})
    return Alert(
        kind=kind,
        severity="error" if known.is_error(details) else known.severity,
        title=known.title,
        message=message or known.sentence.format(pipeline=pipeline),
        pipeline=pipeline,
        details=details,
        time=(now or datetime.now(UTC)).astimezone(UTC),
        url=url,
    )


# ---- files


def record(alert: Alert, logs: Path) -> str | None:
    """Append the alert to `logs/alerts.log` and `logs/alerts_history.json`; any number of processes may do so at once.

    None when both are written, else the reason in a sentence, logged as a warning: an alert that cannot be written
    must not end the run that it is about.
    """
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with FileLock(logs / "alerts.lock", timeout=LOCK_S):
            with (logs / "alerts.log").open("a", encoding="utf-8") as lines:
                lines.write(log_line(alert) + "\n")
            _append_history(history_record(alert), logs / "alerts_history.json")
    except (OSError, Timeout) as fault:
        return _warned(f"The alert '{alert.title}' of {alert.pipeline} is not written to {logs}: {fault}")
    return None


def _warned(sentence: str) -> str:
    sentence = mask(sentence)
    log.warning("%s", sentence)
    return sentence


def log_line(alert: Alert) -> str:
    """The alert as one line for people: time, severity, kind, pipeline, title and message, details, link."""
    details = " ".join(f"{key}={_one_line(value)}" for key, value in _clean(alert.details).items())
    parts = (
        f"{alert.time:%Y-%m-%d %H:%M:%S} UTC",
        f"{alert.severity.upper():8}",
        f"{alert.kind:18}",
        f"{alert.pipeline}: {alert.title}: {_one_line(_clean(alert.message))}",
        *filter(None, (details, mask(alert.url))),
    )
    return " | ".join(parts).replace("\r", " ").replace("\n", " ")


def history_record(alert: Alert) -> dict[str, Any]:
    """The alert as it stands in alerts_history.json: JSON-ready, masked, long texts cut."""
    link = {"url": mask(alert.url)} if alert.url else {}
    return {
        "timestamp": f"{alert.time:%Y-%m-%dT%H:%M:%SZ}",
        "type": alert.kind,
        "severity": alert.severity,
        "title": alert.title,
        "message": _clean(alert.message),
        "pipeline": alert.pipeline,
        "details": _clean(alert.details),
        **link,
    }


def _clean(value: Any) -> Any:
    """JSON-ready: secrets hidden, texts cut at KEPT_TEXT, numbers JSON does not know (nan, inf) as text."""
    value = mask_values(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _cut(value, KEPT_TEXT) if isinstance(value, str) else value


def _cut(text: str, limit: int) -> str:
    """`text`, or its beginning and how much is missing, within `limit` characters."""
    if len(text) <= limit:
        return text
    kept = limit - 40  # room for the words
    return f"{text[:kept]} … ({len(text) - kept:,} more characters)"


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())


def _append_history(entry: Mapping[str, Any], path: Path) -> None:
    """The history with one more record, written whole under another name and renamed: no reader sees half of it."""
    records = [*_read_history(path), entry][-HISTORY:]
    temporary = path.with_suffix(".json.tmp")  # one name is enough under the lock, and a killed writer leaves one file
    with temporary.open("w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in records) + "\n]\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read_history(path: Path) -> list[Any]:
    """The records so far; a file that is no list of records is set aside under a name that says so, with a warning."""
    if not path.exists():
        return []
    data = path.read_bytes()
    try:
        records = json.loads(data)
    except ValueError:
        records = None
    if isinstance(records, list) and all(isinstance(item, dict) for item in records):
        return records
    aside = path.with_name(f"{path.stem}.damaged-{hashlib.sha256(data).hexdigest()[:8]}.json")
    path.replace(aside)
    _warned(f"{path} held no list of records (torn, or edited by hand): kept as {aside.name}, and a new one is begun.")
    return []


# ---- Slack


def slack_message(alert: Alert) -> dict[str, Any]:
    """The alert for `WebhookClient.send(**message)`: `text`, the line a notification shows, and a coloured attachment.

    Slack's limits are kept: 3,000 characters in a text, 50 blocks. User text cannot mention a channel or hide a link.
    """
    kind = KINDS[alert.kind]
    link = f" · <{_escape(mask(alert.url))}|open the run>" if alert.url else ""
    blocks = [
        _section(_escape(_clean(alert.message))),
        _section(f":gear: *Pipeline:* {_escape(alert.pipeline)}"),
        *_details_blocks(_clean(alert.details)),
        _context(f":clock1: {alert.time:%Y-%m-%d %H:%M:%S} UTC · {alert.severity.upper()}{link}"),
    ]
    text = f"{kind.emoji} *{alert.title}* · {_escape(alert.pipeline)}"
    return {"text": _cut(text, TEXT_LIMIT), "attachments": [{"color": COLOURS[alert.severity], "blocks": blocks}]}


def _escape(text: str) -> str:
    """Slack's three control characters as text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, TEXT_LIMIT)}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(text, TEXT_LIMIT)}]}


def _details_blocks(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The details, a line each, in as many blocks as Slack's text limit asks for, up to DETAIL_BLOCKS."""
    texts = [f"*{_escape(key)}:* {_escape(_one_line(value))}" for key, value in details.items()]
    pages: list[str] = []
    for text in (_cut(text, TEXT_LIMIT) for text in texts):
        if pages and len(pages[-1]) + len(text) + 1 <= TEXT_LIMIT:
            pages[-1] += "\n" + text
        else:
            pages.append(text)
    rest = ["… and more details: see alerts_history.json"] if len(pages) > DETAIL_BLOCKS else []
    return [_section(page) for page in pages[:DETAIL_BLOCKS] + rest]


class _StayHere(HTTPRedirectHandler):
    """Follows nothing: whoever answers with a redirect would otherwise choose where we connect next."""

    def redirect_request(self, *_args: Any) -> None:
        return None


class DirectClient(WebhookClient):
    """Slack's own client, but it asks once, follows no redirect, reads a bounded answer, and logs nothing.

    The parent follows redirects, reads without limit, and logs its address at DEBUG.
    """

    @classmethod
    def like(cls, client: WebhookClient, timeout: float) -> "DirectClient":
        """A copy of `client` with its address, proxy and TLS settings; `timeout` in seconds."""
        unheard = logging.Logger("unheard", logging.CRITICAL + 1)  # noqa: LOG001  belongs to no tree, so no handler
        made = cls(client.url, ssl=client.ssl, proxy=client.proxy, logger=unheard, retry_handlers=[])
        made.timeout = timeout  # type: ignore[assignment]  # urllib takes a float as well
        return made

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("the webhook's address begins with neither http:// nor https://")
        proxy = [ProxyHandler({"http": self.proxy, "https": self.proxy})] if self.proxy else []
        opener = build_opener(_StayHere, HTTPSHandler(context=self.ssl), *proxy)
        try:
            answer = opener.open(req, timeout=self.timeout)
        except HTTPError as refusal:  # any status but 2xx; it reads like an answer
            answer = refusal
        with answer:
            body = answer.read(BODY_LIMIT).decode("utf-8", "replace")
        return WebhookResponse(url=url, status_code=answer.status, body=body, headers=dict(answer.headers.items()))


def deliver(client: Any, alert: Alert, *, request_s: float = REQUEST_S, total_s: float = TOTAL_S) -> str | None:
    """Send the alert by a Slack webhook client, such as `SlackWebhook.get_client(sync_client=True)` gives.

    None when Slack took it (status 200 and the body "ok"), else the reason in a sentence that holds no address, also
    logged as a warning. Never raises, and returns within `total_s` seconds whatever the other side does: the request
    runs on a daemon thread, because a server that sends a byte now and then outlives every socket timeout.
    """
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    deadline = time.monotonic() + total_s

    def ask() -> None:
        try:
            answers.put(_attempt(client, alert, request_s, deadline))
        except Exception as fault:  # noqa: BLE001  whatever it is, the run goes on
            answers.put(_fault_in_words(fault))

    threading.Thread(target=ask, name="slack", daemon=True).start()
    try:
        fault = answers.get(timeout=total_s)
    except queue.Empty:
        fault = f"it has not answered within {total_s:g} s"
    return fault and _warned(f"Slack did not take the alert '{alert.title}' of {alert.pipeline}: {fault}.")


def _attempt(client: Any, alert: Alert, request_s: float, deadline: float) -> str | None:
    """Send, and again where that is promised to help and there is time; the last fault, or None when Slack took it.

    A broken connection is not tried again: Slack may have taken the message.
    """
    if isinstance(client, WebhookClient):
        register(client.url)
        client = DirectClient.like(client, request_s)
    message = slack_message(alert)
    for left in reversed(range(ATTEMPTS)):
        answer = client.send(**message)
        if answer.status_code == HTTPStatus.OK and answer.body.strip() == "ok":
            return None
        pause = _pause(answer)
        if not left or pause is None or time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
    return _refusal(answer)


def _pause(answer: Any) -> float | None:
    """Seconds after which to ask again: what a 429 asks for, if short; half a second after a 5xx; else None."""
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        asked = _retry_after(answer)
        return asked if asked is not None and 0 <= asked <= LONGEST_WAIT_S else None
    return SERVER_PAUSE_S if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else None


def _retry_after(answer: Any) -> float | None:
    """Seconds of the Retry-After header; None when it has none or a date (Slack sends seconds)."""
    named = {str(key).lower(): value for key, value in dict(answer.headers).items()}
    try:
        return float(named["retry-after"])
    except (KeyError, ValueError):
        return None


def _refusal(answer: Any) -> str:
    """What Slack answered, in words; its own word for it (`no_service`, `invalid_payload`) when it is one."""
    status, body = answer.status_code, answer.body.strip()
    word = f" ({mask(body)})" if len(body) <= 60 and body.replace("_", "").isalnum() else ""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        asked = _retry_after(answer)
        return "it is rate limited (status 429)" + (f", to be asked again in {asked:g} s" if asked is not None else "")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it redirects elsewhere (status {status}), which is not followed"
    if status == HTTPStatus.OK:
        return f'it answered 200 with a body that is not "ok"{word}'
    return f"it answered with status {status}{word}"


def _fault_in_words(fault: Exception) -> str:
    """An exception of the connection in words, without the address."""
    reason = fault.reason if isinstance(fault, URLError) else fault
    if isinstance(reason, TimeoutError):
        return "it did not answer in time"
    return f"the connection failed ({type(reason).__name__}: {_cut(mask(str(reason)), 200)})"
