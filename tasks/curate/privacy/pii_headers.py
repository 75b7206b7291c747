"""Secrets in HTTP headers, in the short flags of well-known commands, in SQL and in registry logins. Pure."""

import re
from base64 import b64decode
from collections.abc import Iterator

from tasks.curate.privacy.pii_addresses import Found
from tasks.curate.privacy.pii_literals import MIXED, is_no_value, looks_random

BEARER = re.compile(
    r"(?i:authorization\\*[\"'`]?\]?\s*[:=,]\s*\\*[\"'`]?(?:bearer|basic|token|digest|apikey|bot|key)\s+|(?<![a-z])bearer\s+)"
    r"(?P<value>[A-Za-z0-9._~+/-]{8,}=*)"
)
USER_FLAG = re.compile(r"(?<![\w-])curl\s[^\n|;]{0,400}?(?:(?<!-)-u|--user)[ =]?[\"']?[^\s:\"'$]+:(?P<value>[^\s\"']+)")
SHORT_FLAG = re.compile(
    r"(?<![\w-])(?:sshpass\s+-p\s*|redis-cli\s[^\n|;&]{0,200}?(?<!-)-a\s+|mysql(?:dump|admin)?\s(?:[^\n|;&]{0,200}?\s)?-p"
    r"|\w+\s+(?:registry\s+)?login\s[^\n|;&]{0,200}?(?<!-)-p[ =]?)[\"']?(?P<value>[^\s\"'-][^\s\"']*)"
)
IDENTIFIED = re.compile(
    r"(?i:\b(?:user|role|grant|to)\b[^\n;]{0,200}?\bidentified\s+(?:with\s+\w+\s+)?by\s+)'(?P<value>[^'\n]+)"
)
BASIC = re.compile(
    r"[\"']_?auth[\"']?\s*[:=]\s*[\"'](?P<value>[A-Za-z0-9+/]{8,}={0,2})[\"']|(?<![\w.])_auth\s*=\s*(?P<bare>[A-Za-z0-9+/]{8,}={0,2})"
)
REDIS = re.compile(r"(?i:^|(?<=[\n\s#\"']))(?i:requirepass|masterauth)\s+[\"']?(?P<value>[^\s\"'$]+)")
LOOSE = (REDIS, USER_FLAG, SHORT_FLAG, IDENTIFIED)
HEADER_ANCHORS = (
    r"bearer[ \t]+[0-9a-z._~+/-]{4}",
    r"auth(?:orization)?\\*[\"'`]?\]?[ \t]*[:=,][ \t]*\\*[\"'`]?[0-9a-z]",
    r"identified[ \t]",
    r" --?[apu]",
    r"requirepass[ \t]",
    r"masterauth[ \t]",
)
HEADER_SCAN = (
    r"bearer[ \t]+[0-9a-z._~+/-]{4}|authorization\\*[\"'`]?\]?[ \t]*[:=,][ \t]*\\*[\"'`]?[0-9a-z]|identified[ \t]"
    r"|[\"'_]auth[\"']?[ \t]*[:=][ \t]*[\"'0-9a-z+/]"
    r"|(?:curl|sshpass|redis-cli|mysql(?:dump|admin)?|[ \t]login|requirepass|masterauth)[ \t]"
)


def headers(text: str, start: int, end: int) -> Iterator[Found]:
    """Secrets in HTTP headers, in the short flags of well-known commands, in SQL and in registry logins."""
    for match in BEARER.finditer(text, start, end):
        if looks_random(match["value"], compound=True, loud=False) and MIXED.search(match["value"]):
            yield *match.span("value"), "password"
    for pattern in LOOSE:
        for match in pattern.finditer(text, start, end):
            if not is_no_value("", match["value"]):
                yield *match.span("value"), "password"
    for match in BASIC.finditer(text, start, end):
        if _is_login(match["value"] or match["bare"]):
            yield *match.span("value" if match["value"] else "bare"), "password"


def _is_login(value: str) -> bool:
    """Whether a value is `user:password` in base64, as registries want it."""
    try:
        return b":" in b64decode(value, validate=True)
    except ValueError:
        return False
