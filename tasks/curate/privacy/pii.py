"""Personal data and secrets in text: find them, or put a placeholder in their place. Pure.

`find(text)` says where; `redact(text)` replaces each by `<KIND>`; one detector does both, so that what a leak check
sees is what redaction removes, and `find(redact(text).text)` is empty. `find_all(texts)` is `find` of each text.

Method: every rule names anchors. A line in which the rule could find something contains one of them; other lines are
not examined. Few lines of code have an anchor, so the rest may be slow: exact patterns, and a look at the text around.
Over many texts the same anchors are first searched by Rust's regular expressions (linear time, through polars), which
find none in four texts of five. The patterns of this file are the formats providers publish; addresses are
in `pii_addresses`, numbers in `pii_numbers`, secrets known by their key in `pii_values`, by their place in a command or
header in `pii_headers`, by their Kubernetes Secret in `pii_kubernetes`.

Where two findings overlap, a token known by its own format goes before a value known by its key, that before an
address, and the longer before the shorter.

Formats: GitHub, "Behind GitHub's new authentication token formats" (2021); AWS IAM,
"Unique identifiers"; Slack, "Token types"; RFC 7519 (JWT), RFC 7468 (PEM), RFC 3986 section 3.2.1 (userinfo).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import polars as pl

from tasks.curate.privacy import pii_addresses as addresses
from tasks.curate.privacy import pii_headers as headers
from tasks.curate.privacy import pii_kubernetes as kubernetes
from tasks.curate.privacy import pii_literals as literals
from tasks.curate.privacy import pii_numbers as numbers
from tasks.curate.privacy import pii_values as values
from tasks.curate.privacy.pii_addresses import Found, after


@dataclass(frozen=True)
class Span:
    """A value found: characters `start` to `end` (exclusive) of a text, and its kind, one of KINDS."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Redacted:
    """A text with placeholders, and where in the original text the values stood."""

    text: str
    spans: tuple[Span, ...]


_START = after("0-9A-Za-z_")
_SLACK = r"hooks\.slack\.com\\?/(?:services|workflows|triggers)\\?/"
# Formats that say by themselves what they are. A key's length is its provider's; where that grew, no upper bound.
TOKENS = {
    "aws_key": rf"{_START}(?:AKIA|ASIA)[A-Z0-9]{{16}}(?![0-9A-Za-z])",
    "github_token": rf"{_START}(?:gh[pousr]_[0-9A-Za-z]{{30,255}}|github_pat_[0-9A-Za-z_]{{22,255}})",
    "openai_key": (
        rf"{_START}sk-(?:(?:proj|svcacct|admin|ant|or)-[0-9A-Za-z_-]{{20,}}|[0-9A-Za-z]{{20,}})(?![0-9A-Za-z])"
    ),
    "slack_token": rf"{_START}(?:xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{{10,}}|xapp-[0-9]-[0-9A-Za-z-]{{10,}})",
    "slack_webhook": rf"(?:https?:\\?/\\?/)?{_SLACK}[0-9A-Za-z_+/\\-]{{8,}}",
    "google_api_key": rf"{_START}AIza[0-9A-Za-z_-]{{30,}}(?![0-9A-Za-z])",
    "jwt": rf"{_START}eyJ[0-9A-Za-z_-]{{7,}}\.[0-9A-Za-z_-]{{4,}}(?:\.[0-9A-Za-z_-]*)+",
    "service_token": (
        rf"{_START}(?:glpat-[0-9A-Za-z_-]{{20,}}|npm_[0-9A-Za-z]{{36}}|pypi-AgE[0-9A-Za-z_-]{{50,}}|hf_[A-Za-z]{{30,}}"
        r"|[sr]k_live_[0-9A-Za-z]{16,}|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|do[oprt]_v1_[0-9a-f]{64}"
        r"|dckr_pat_[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{20,}|hvs\.[0-9A-Za-z_-]{24,})"
    ),
}
TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in TOKENS.items()))
PEM = re.compile(r"-----BEGIN (?P<label>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----")
PEM_BODY = re.compile(r"(?:[0-9A-Za-z+/=\s\"',:.()<>#*-]|\\[nrt]|\\\r?$)*+", re.MULTILINE)
PEM_DATA = re.compile(r"(?:\n|\\n)[\s\"'+#*/]*[0-9A-Za-z+/]{4}|[0-9A-Za-z+/]{16}")
PEM_CUT = re.compile(
    r"(?:(?:[\s\"',+]|\\[nrt])*+[0-9A-Za-z+/]{32,76}(?![0-9A-Za-z+/]))++(?:\s*[0-9A-Za-z+/]{1,76}={1,2})?"
)
PEM_LONGEST = 65_536  # characters between the two lines; RSA with 16,384 bits has 12,700
USERINFO = re.compile(
    r"(?<=://)(?P<user>[\w.%+~!$@-]{0,128}):(?P<password>[^\s\"'`<>/\\]{1,256})@(?=[\w\[$*-])(?!sha(?:256|512):)"
    r"|(?<![\w.@/:-])(?P<dsn_user>[\w.%+~-]{1,64}):(?P<dsn_password>[^\s\"'`<>/\\:]{1,256})@(?=(?:tcp|unix)\()"
    r"|(?<=://)(?P<token>(?=[A-Za-z_-]{0,64}[0-9])[0-9A-Za-z_-]{20,128})@(?=\w)"
    r"|(?<=jdbc:oracle:thin:)(?P<thin_user>\w{1,64})/(?P<thin_password>[^\s\"'`<>/@]{1,256})@"
)
MADE_UP = re.compile(r"(.)\1*|[*x.X-]+")  # one character over and over, as in ghp_xxxxxxxx

KINDS: tuple[str, ...] = (
    "email",
    "ipv4",
    "ipv6",
    *TOKENS,
    "private_key",
    "connection_string",
    "password",
    "k8s_secret_data",
    *numbers.KINDS,
)
PLACEHOLDERS = {kind: f"<{kind.upper()}>" for kind in KINDS}
KNOWN_BY_FORMAT = frozenset({*TOKENS, "private_key", "k8s_secret_data"})
ADDRESSES = frozenset({"email", "ipv4", "ipv6"})


class Rule(NamedTuple):
    """What examines a line, and the anchors of which the line must contain one.

    An anchor is a regular expression that begins with a literal, since Python leaps to those. `folded` anchors are in
    small letters and looked for in the text in small letters. `scans` say in Rust's syntax what the anchors say, where
    that can say it more strictly, or reads the anchors otherwise than Python does.
    """

    examine: Callable[[str, int, int], Iterable[Found]]
    anchors: tuple[str, ...]
    folded: bool = False
    scans: tuple[str, ...] = ()


TOKEN_ANCHORS = (
    *(r"AKIA[A-Z0-9]", r"ASIA[A-Z0-9]", r"gh[pousr]_[0-9A-Za-z]", r"github_pat_", r"sk-[0-9A-Za-z_-]{20}"),
    *(r"xox[a-z][.-]", r"xapp-[0-9]", r"hooks\.slack\.com", r"AIza[0-9A-Za-z_-]{16}", r"eyJ[0-9A-Za-z_-]{7,}\."),
    *(
        r"glpat-",
        r"npm_[0-9A-Za-z]{16}",
        r"pypi-AgE",
        r"hf_[A-Za-z]{16}",
        r"k_live_[0-9A-Za-z]",
        r"SG\.[0-9A-Za-z_-]{16}",
    ),
    *(r"_v1_[0-9a-f]{16}", r"dckr_pat_", r"GOCSPX-", r"hvs\."),
)


def find(text: str) -> list[Span]:
    """Every value of a kind in KINDS, in the order of the text, none overlapping another."""
    return find_all((text,))[0]


def find_all(texts: Sequence[str]) -> list[list[Span]]:
    """`find` of each text, in order: one scan over all, then only the rules whose anchors a text contains."""
    if sum(map(len, texts)) < SHORT:
        return [_spans_in(text, RULES) for text in texts]
    return [_spans_in(text, rules) for text, rules in zip(texts, _rules_for_each(texts), strict=True)]


def _rules_for_each(texts: Sequence[str]) -> Iterator[list[Rule]]:
    """For each text the rules of which it contains an anchor: few contain any, and only these are asked which."""
    first = _scan_texts(texts, (SCAN,), *map(SCANS.__getitem__, NUMBERS))
    hits = [text for text, (hit, *_) in zip(texts, first, strict=True) if hit]
    worded = iter(_scan_texts(hits, *map(SCANS.__getitem__, WORDED)))
    for hit, *numbered in first:
        yield [*compress(WORDED, next(worded) if hit else ()), *compress(NUMBERS, numbered)]


def _spans_in(text: str, rules: Sequence[Rule]) -> list[Span]:
    folded = literals.fold(text) if rules else ""
    return without_overlaps(
        found for rule in rules for line in _anchored_lines(text, folded, rule) for found in rule.examine(text, *line)
    )


def redact(text: str) -> Redacted:
    """The text with a placeholder such as `<EMAIL>` for each value. Redacting twice is redacting once."""
    return replace(text, find(text))


def replace(text: str, found: Sequence[Span]) -> Redacted:
    """The text with a placeholder for each of `found` and for what only then comes to light, if anything.

    A value can hide beside another (`1.2.3.4-10.0.0.1`); its place is then that in the original text.
    """
    return replace_all((text,), (found,))[0]


def replace_all(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[Redacted]:
    """`replace` of each text, in order, by what was found in it."""
    marked, spans = list(texts), list(map(tuple, found))
    asked = [at for at, own in enumerate(spans) if own]
    while asked:
        for at in asked:
            marked[at] = _with_placeholders(texts[at], spans[at])
        hidden = find_all([marked[at] for at in asked])
        asked = [at for at, more in zip(asked, hidden, strict=True) if more]
        for at, more in zip(asked, filter(None, hidden), strict=True):
            spans[at] = _with_hidden(spans[at], more)
    return [Redacted(*pair) for pair in zip(marked, spans, strict=True)]


def _with_hidden(spans: Sequence[Span], hidden: Iterable[Span]) -> tuple[Span, ...]:
    """The spans of a text, and what was found in it once these were replaced."""
    return tuple(without_overlaps([*((s.start, s.end, s.kind) for s in spans), *_in_original(spans, hidden)]))


def _with_placeholders(text: str, spans: Iterable[Span]) -> str:
    pieces, done = [], 0
    for span in spans:
        pieces += [text[done : span.start], PLACEHOLDERS[span.kind]]
        done = span.end
    return "".join([*pieces, text[done:]])


def _in_original(spans: Sequence[Span], hidden: Iterable[Span]) -> Iterator[Found]:
    """Spans of the redacted text as spans of the original; an end inside a placeholder becomes the value's."""
    for span in hidden:
        yield _original_place(spans, span.start)[0], _original_place(spans, span.end)[1], span.kind


def _original_place(spans: Sequence[Span], at: int) -> tuple[int, int]:
    shift = 0  # original minus redacted
    for span in spans:
        begin = span.start - shift
        end = begin + len(PLACEHOLDERS[span.kind])
        if at <= begin:
            break
        if at < end:
            return span.start, span.end
        shift += (span.end - span.start) - (end - begin)
    return at + shift, at + shift


def _scan_texts(texts: Sequence[str], *scans: Sequence[str]) -> list[tuple[bool, ...]]:
    """For each text, and in it for each of `scans`: whether one of its expressions matches in the text."""
    try:
        column = pl.Series("text", texts, dtype=pl.String)
    except UnicodeEncodeError:  # a lone surrogate is no Unicode text; any other character in its place will do
        return _scan_texts([text.encode("utf-8", "replace").decode() for text in texts], *scans)
    text = pl.col("text").str
    matches = (pl.any_horizontal(*map(text.contains, sought)).alias(str(at)) for at, sought in enumerate(scans))
    return column.to_frame().select(matches).rows()  # side by side, on all cores


def _anchored_lines(text: str, folded: str, rule: Rule) -> Iterator[tuple[int, int]]:
    """(start, end) of each line with an anchor of the rule; a line with two kinds of anchor comes twice."""
    for anchor in ANCHORS[rule]:
        end = -1
        for match in anchor.finditer(folded if rule.folded else text):
            if match.start() > end:
                end = text.find("\n", match.start())
                end = len(text) if end < 0 else end
                yield text.rfind("\n", 0, match.start()) + 1, end


def _find_tokens(text: str, start: int, end: int) -> Iterator[Found]:
    for match in TOKEN.finditer(text, start, end):
        if _is_random_token(str(match.lastgroup), match[0]):
            yield *match.span(), str(match.lastgroup)


def _find_private_keys(text: str, start: int, end: int) -> Iterator[Found]:
    for match in PEM.finditer(text, start, end):
        stop = _pem_end(text, match)
        if stop:
            yield match.start(), stop, "private_key"


def _is_random_token(kind: str, token: str) -> bool:
    """Whether a match looks drawn at random: `sk-` also begins words, and `ghp_xxxx` is how one writes about them."""
    if kind in {"slack_webhook", "aws_key", "jwt"}:
        return True
    body = token[4:]
    return (any(map(str.isdigit, body)) or not (body.islower() or body.isupper())) and not MADE_UP.fullmatch(body[-16:])


def _pem_end(text: str, head: re.Match[str]) -> int:
    """Where the private key that begins with `head` ends; 0 where a head has no key behind it."""
    foot = f"-----END {head['label']}-----"
    another = text.find("-----BEGIN ", head.end(), head.end() + PEM_LONGEST)
    stop = text.find(foot, head.end(), another if another >= 0 else head.end() + PEM_LONGEST)
    if stop < 0:
        rest = PEM_CUT.match(text, head.end(), head.end() + PEM_LONGEST)
        return rest.end() if rest else 0
    whole = PEM_BODY.fullmatch(text, head.end(), stop) is not None
    return stop + len(foot) if whole and PEM_DATA.search(text, head.end(), stop) else 0


def _find_userinfo(text: str, start: int, end: int) -> Iterator[Found]:
    return (
        (m.start(), m.end() - 1, "connection_string") for m in USERINFO.finditer(text, start, end) if _is_credential(m)
    )


NO_PASSWORD = re.compile(r"[{}]|\[\^|^\$\w+$|^%[sdv]$|^:")  # a template's, a regular expression's, a format's


def _is_credential(match: re.Match[str]) -> bool:
    password = match["password"] or match["dsn_password"] or match["thin_password"] or match["token"]
    no_secret = (
        literals.REFERENCE.search(password) or literals.STAND_IN.fullmatch(password) or NO_PASSWORD.search(password)
    )
    return no_secret is None


def without_overlaps(found: Iterable[Found]) -> list[Span]:
    """The findings without overlaps: formats before places, long before short."""
    kept: list[Found] = []  # in the order of the text
    for start, end, kind in sorted(set(found), key=_overlap_rank):
        at = bisect_left(kept, (start, end, kind))
        if (at == 0 or kept[at - 1][1] <= start) and (at == len(kept) or end <= kept[at][0]):
            kept.insert(at, (start, end, kind))
    return [Span(*found) for found in kept]


def _overlap_rank(found: Found) -> tuple[int, int, int, int]:
    start, end, kind = found
    tier = 0 if kind in KNOWN_BY_FORMAT else 2 if kind in ADDRESSES else 1
    return tier, start - end, start, KINDS.index(kind)


def _rust(rules: Iterable[Rule]) -> str:
    """One regular expression, in Rust's syntax, that finds a text with an anchor of any of the rules."""
    anchors = ((rule, anchor) for rule in rules for anchor in rule.scans or rule.anchors)
    return "|".join(f"(?{'im' if rule.folded else 'm'}:{anchor})" for rule, anchor in anchors)


WORDED = (
    Rule(addresses.emails, addresses.EMAIL_ANCHORS, scans=(addresses.EMAIL_SCAN,)),
    Rule(addresses.ipv4s, addresses.IPV4_ANCHORS),
    Rule(addresses.ipv6s, addresses.IPV6_ANCHORS, scans=(addresses.IPV6_SCAN,)),
    Rule(_find_userinfo, (r"://[^\n/\"'<> ]*@", r"@(?:tcp|unix)\(", "jdbc:oracle:thin:")),
    Rule(values.spans, literals.KEY_ANCHORS, folded=True, scans=(literals.KEY_SCAN,)),
    Rule(headers.headers, headers.HEADER_ANCHORS, folded=True, scans=(headers.HEADER_SCAN,)),
    Rule(kubernetes.secret_data, kubernetes.SECRET_ANCHORS, folded=True),
    Rule(_find_tokens, TOKEN_ANCHORS),
    Rule(_find_private_keys, ("-----BEGIN [A-Z0-9 ]*PRIVATE",)),
)
NUMBERS = (
    Rule(numbers.ssns, numbers.SSN_ANCHORS, scans=numbers.SSN_SCANS),
    Rule(numbers.cards, numbers.CARD_ANCHORS, scans=numbers.CARD_SCANS),
    Rule(numbers.phones, numbers.PHONE_ANCHORS, scans=numbers.PHONE_SCANS),
)
RULES = (*WORDED, *NUMBERS)
ANCHORS = {rule: tuple(re.compile(anchor, re.MULTILINE) for anchor in rule.anchors) for rule in RULES}
SCAN = _rust(WORDED)
# Numbers are sought one by one: in one with the others, Rust's engine falls back to one that is 200 times slower.
SCANS = {rule: (_rust((rule,)),) for rule in WORDED} | {rule: rule.scans for rule in NUMBERS}
SHORT = 65_536  # characters; in fewer, one look for each anchor is faster than to ask Rust which are there
