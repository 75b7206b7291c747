"""Secrets that are known by the key beside them: `password: hunter2`, `API_TOKEN=...`. Pure.

`spans(text, start, end)` looks at one line of a text and yields (start, end, kind) of each secret value, in characters
of the text. A value may lie on another line than its key: block scalars, `name:`/`value:` pairs. Whether a literal is
a secret is decided in `pii_literals`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tasks.curate.privacy.pii_addresses import Found
from tasks.curate.privacy.pii_literals import MIXED, NEAR, is_secret, keys_on_line, names_a_key

FAR = 200  # lines of one block scalar, or of one Kubernetes Secret, that are followed


class Value(NamedTuple):
    """A literal beside a key: its place, and how it is written."""

    start: int
    end: int
    text: str
    quoted: bool


_OPEN = r"[A-Za-z]{0,2}(\\*[\"'`])"
OPEN = re.compile(_OPEN)
INSIDE = {
    '"': re.compile(r'(?:[^\\\n"]++|\\.)*+(?=")'),
    "'": re.compile(r"(?:[^\\\n']++|''|\\.)*+(?=')"),
    "`": re.compile(r"[^\n`]*+(?=`)"),
}
_CLOSE = r"(?P<close>\\*[\"'`]?)"
ASSIGNED = re.compile(rf"{_CLOSE}\]?[ \t]*(?P<sep>=>|[:?]?=(?![=~>])|:(?![:=]))[ \t]*")
ANNOTATED = re.compile(
    rf"(?:[?!]?[ \t]*:[ \t]*[\w.<>\[\]|?, ]{{1,40}}?|[ \t]+[\w.<>\[\]]{{1,40}}[ \t]+:?)=[ \t]*(?={_OPEN})"
)
PAIRED = re.compile(  # "name": "PASSWORD", "value": "x"; <add key="password" value="x"/>; get("TOKEN", "x")
    rf"(?P<close>\\*[\"'`]?)[ \t]*(?:,[ \t]*|[ \t]+(?=value))"
    rf"(?P<said>\\*[\"'`]?value\\*[\"'`]?[ \t]*[:=][ \t]*)?(?P<open>{_OPEN})?"
)
CALLED = re.compile(rf"\([ \t]*(?={_OPEN})")
TAGGED = re.compile(r">(?P<value>[^<>\s]+)(?=</)")
FOLLOWED = re.compile(
    rf"[ \t]+(?:(?={_OPEN})|(?=[^\s=:\"'`<>|&;(){{}}\[\]-]))"
)  # --password x, ENV TOKEN x, PASSWORD 'x'

HEAD = re.compile(r"[\s#/*;>-]*(?:(?:export|declare|local|readonly|ENV|ARG|set|setx|env|SET)\s+(?:-\w\s+)?)?[\"']?")
SETTING = re.compile(  # the text before a key that a shell, a chart or a unit file is given
    r"(?:(?:--set(?:-string)?|-e|--env|--build-arg|export|env|ENV|ARG|[Ss]et|setx|-D)[ =]?|Environment=)"
    r"\s*[\"']?(?:\S*,)?-{0,2}$"
)
FLAG = re.compile(r"-{1,2}[A-Za-z]")
GIVEN = re.compile(  # ENV TOKEN x, aws configure set aws_secret_access_key x, machine h login u password x
    r"^\s*(?:ENV|ARG|setx)\s+$|(?i:\bconfig(?:ure)?\s+(?:\S+\s+)?set\s+$)|\blogin\s+\S+\s+$"
)
SQL = re.compile(r"(?i:\b(?:create|alter)\s+(?:user|role|login)\b)")
SETTER = re.compile(
    r"(?i:(?:.*\.)?(?:set|with|add)?_?(?:db|user|root|admin|client|api|access|auth)?_?(?:pass\w*|secret|token|\w*key))"
)
BARE = re.compile(r"[^\s\"'`,;)}\]<>&|\\\[{(][^\s\"'`,;)}\]<>&|\\]*")
WHOLE = re.compile(r"[^\s\"'`\[{(][^\s\"'`]*")
TO_COMMENT = re.compile(r"[^\s#](?:[^\s]|[ \t]+(?![\s#]))*")
COMMENT = re.compile(r"\s+(?:#|//).*|\s*")
PROPERTIES = re.compile(r"(?:(?:&|!!)[^\s,\]}]*[ \t]+)+")
BLOCK = re.compile(r"[|>][0-9+-]{0,2}[ \t]*(?:#.*)?\r?$")
DIGITS = re.compile(r"[0-9!@#%^~]")


def spans(text: str, start: int, end: int) -> Iterator[Found]:
    """(start, end, kind) of each secret whose key is on the line `text[start:end]`."""
    for at, past in keys_on_line(text, start, end):
        key = text[at:past].lstrip("-$./")
        for value in _candidate_values(text, start, end, at, past):
            if is_secret(key, value.text, quoted=value.quoted):
                yield value.start, value.end, _kind_of_secret(key, value.text, text, start, at)
                break


AWS_KEY = re.compile(r"(?i:aws|secret[_.-]?access[_.-]?key|^secret[_.-]?key$)")
AWS_VALUE = re.compile(r"[A-Za-z0-9/+]{40}")
IN_LINK = re.compile(
    r"(?:://[^\s\"'<>]*[?&;]|(?i:server|data source|host|accountname|endpoint|dbname)=[^\n]*[;\s])[^\s\"'=;&]*$"
)


def _kind_of_secret(key: str, value: str, text: str, start: int, at: int) -> str:
    if AWS_KEY.search(key) and AWS_VALUE.fullmatch(value):
        return "aws_key"
    return "connection_string" if IN_LINK.search(text[max(start, at - 512) : at]) else "password"


def _candidate_values(text: str, start: int, end: int, at: int, past: int) -> Iterator[Value]:
    """The literals that may belong to the key `text[at:past]` of a line, the likeliest first."""
    before = text[max(start, at - 4 * NEAR) : at]
    if annotated := ANNOTATED.match(text, past, end):
        yield from _quoted_value(text, annotated.end(), end)
    elif assigned := ASSIGNED.match(text, past, end):
        yield from _assigned_value(text, start, end, before, text[at:past], assigned)
    elif (called := CALLED.match(text, past, end)) and SETTER.fullmatch(text, at, past):
        yield from (v for v in _quoted_value(text, called.end(), end) if MIXED.search(v.text))
    elif (match := TAGGED.match(text, past, end)) and before.endswith("<"):
        yield Value(match.start("value"), match.end(), match["value"], quoted=True)
    else:
        yield from _paired_value(text, past, end, before, FLAG.match(text, at) is not None)
        yield from _value_on_near_line(text, start, end)


def _quoted_value(text: str, at: int, end: int) -> Iterator[Value]:
    opened = OPEN.match(text, at, end)
    if not opened:
        return
    begin, quote = opened.end(), opened[1]
    if quote in INSIDE:
        inside = INSIDE[quote].match(text, begin, end)
        stop = inside.end() if inside else -1
    else:
        stop = text.find(quote, begin, end)
    if stop > begin:
        yield Value(begin, stop, text[begin:stop], quoted=True)


def _assigned_value(text: str, start: int, end: int, before: str, key: str, match: re.Match[str]) -> Iterator[Value]:
    at, glued = match.end(), match[0] in {"=", ":"}
    if text.startswith(("&", "!"), at) and (properties := PROPERTIES.match(text, at, end)):
        at = properties.end()
    if BLOCK.match(text, at, end) and match["sep"] == ":":
        yield from _block_scalar(text, start, end)
    elif OPEN.match(text, at, end):
        yield from _quoted_value(text, at, end)
    elif before.endswith("${"):
        yield from _default_value(text, at, end)
    elif glued and _is_setting(before, key, match["sep"]):
        listed = before.endswith(("?", "&", ";")) or "--set" in before
        yield from _bare_value(text, at, end, BARE if listed else WHOLE)
    elif HEAD.fullmatch(before) and len(before) < 2 * NEAR:
        yield from _line_value(text, start, end, at, match)
    else:
        yield from _inline_value(text, at, end, match["sep"])


def _default_value(text: str, at: int, end: int) -> Iterator[Value]:
    """The literal in `${PASSWORD:-literal}` and `${PASSWORD:literal}`."""
    begin = at + text.startswith("-", at)
    stop = text.find("}", begin, end)
    if stop > begin:
        yield Value(begin, stop, text[begin:stop], quoted=False)


def _is_setting(before: str, key: str, sep: str) -> bool:
    return sep == "=" and (
        FLAG.match(key) is not None
        or before.endswith(("?", "&", ";"))
        or key.isupper()
        or SETTING.search(before) is not None
        or (not before and not key.startswith(("$", ".")))
    )


def _bare_value(text: str, at: int, end: int, shape: re.Pattern[str]) -> Iterator[Value]:
    if match := shape.match(text, at, end):
        value = match[0].rstrip(",;)")
        yield Value(at, at + len(value), value, quoted=False)


def _line_value(text: str, start: int, end: int, at: int, match: re.Match[str]) -> Iterator[Value]:
    """The value of a line `key: value` or `key = value`; a sentence behind the colon is no value."""
    for value in _bare_value(text, at, end, WHOLE):
        code = text[value.end : value.end + 1] in {",", ";", ")"} or _is_in_code(text, start)
        alone = COMMENT.fullmatch(text, value.end, end) is not None
        spoken = match["sep"] == ":" and alone and not code
        if spoken or (_has_digits(value.text) and not (code and value.text.isidentifier())):
            yield value


def _is_in_code(text: str, start: int) -> bool:
    """Whether the line before the one at `start` leaves a call or an object open, as code does."""
    return text[max(0, start - 4 * NEAR) : start].rstrip()[-1:] in {",", "{", "(", "[", ";"}


def _inline_value(text: str, at: int, end: int, sep: str) -> Iterator[Value]:
    for value in _bare_value(text, at, end, BARE):
        argument = text[value.end : value.end + 1] in {",", ")", "(", "["} and value.text.isidentifier()
        if _has_digits(value.text) and not (argument and "=" in sep):
            yield value


def _has_digits(value: str) -> bool:
    return len(value) >= 4 and DIGITS.search(value) is not None and not names_a_key(value)


def _paired_value(text: str, past: int, end: int, before: str, flag: bool) -> Iterator[Value]:
    """The literal of `--password x`, `"--password", "x"`, `"PASSWORD", "value": "x"`, `get("KEY", "x")`, `ENV X x`."""
    if pair := PAIRED.match(text, past, end):
        if pair["open"]:
            loose = pair["said"] or flag or re.search(r"get(?:env|Property|OrDefault)?\(\s*[\"'`]$", before)
            called = re.search(r"\(\s*[\"'`]$", before) is not None
            found = _quoted_value(text, pair.start("open"), end)
            yield from (v for v in found if loose or (called and MIXED.search(v.text)))
        elif pair["said"]:
            yield from _bare_value(text, pair.end(), end, BARE)
    elif (after := FOLLOWED.match(text, past, end)) and (flag or GIVEN.search(before)):
        yield from _quoted_value(text, after.end(), end)
        yield from _bare_value(text, after.end(), end, WHOLE)
    elif after and SQL.search(before):
        yield from _quoted_value(text, after.end(), end)


NAMED = re.compile(
    r"(?P<indent>[ \t]*(?:- +)?)[\"']?(?:name|key|Name|Key)[\"']?[ \t]*[:=][ \t]*[\"']?[\w.-]+[\"']?[ \t]*,?[ \t]*\r?$"
)
VALUED = re.compile(r"(?P<indent>[ \t]*(?:- +)?)[\"']?[vV]alue[\"']?[ \t]*[:=][ \t]*")
LISTED = re.compile(r"[ \t]*- +[\"']?--?[\w-]+[\"']?[ \t]*\r?$")
DECLARED = re.compile(r"[ \t]*variable[ \t]+\"[\w-]+\"[ \t]*\{[ \t]*$")
DEFAULTED = re.compile(r"(?P<indent>[ \t]*)default[ \t]*=[ \t]*")
ITEM = re.compile(r"(?P<indent>[ \t]*)- +")


def _value_on_near_line(text: str, start: int, end: int) -> Iterator[Value]:
    """The literal on a line near: `name: PASSWORD` and `value: x`, `- --password` and `- x`, a variable's default."""
    if named := NAMED.match(text, start, end):
        yield from _value_in_item(text, start, end, len(named["indent"]), VALUED)
    elif LISTED.match(text, start, end):
        line = next(lines_below(text, end), (end, end))
        if item := ITEM.match(text, *line):
            yield from rest_of_line(text, item.end(), line[1])
    elif DECLARED.match(text, start, end):
        for line in lines_below(text, end, most=8):
            if (default := DEFAULTED.match(text, *line)) or text[line[0]] == "}":
                yield from _quoted_value(text, default.end(), line[1]) if default else ()
                return


def _value_in_item(text: str, start: int, end: int, indent: int, wanted: re.Pattern[str]) -> Iterator[Value]:
    """The value of a `value:` line in the same item, at most three lines below or two above."""
    above = [] if "-" in text[start : start + indent] else _lines_above(text, start)
    for line in [*lines_below(text, end, most=3), *above]:
        if (valued := wanted.match(text, *line)) and len(valued["indent"]) == indent:
            yield from rest_of_line(text, valued.end(), line[1])
            return
        if text[line[0] : line[1]].lstrip().startswith("- ") and line[0] > end:
            return


def rest_of_line(text: str, at: int, end: int, shape: re.Pattern[str] = WHOLE) -> Iterator[Value]:
    if OPEN.match(text, at, end):
        yield from _quoted_value(text, at, end)
    elif BLOCK.match(text, at, end):
        yield from _block_scalar(text, text.rfind("\n", 0, at) + 1, end)
    else:
        yield from _bare_value(text, at, end, shape)


def lines_below(text: str, end: int, most: int = 1) -> Iterator[tuple[int, int]]:
    """(start, end) of up to `most` lines after the one that ends at `end`."""
    for _ in range(most):
        if end >= len(text):
            return
        start = end + 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end


def _lines_above(text: str, start: int) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    while start > 0 and len(lines) < 2:
        end = start - 1
        start = text.rfind("\n", 0, end) + 1
        lines.append((start, end))
    return lines


def indent_of(text: str, start: int, end: int) -> int:
    """Column of the first key of a line: list dashes count as space."""
    return len(re.match(r"[ \t]*(?:- +)*", text[start : min(end, start + 4 * NEAR)])[0])  # type: ignore[index]


def _block_scalar(text: str, start: int, end: int) -> Iterator[Value]:
    """The content of the block scalar that the line `text[start:end]` opens: the lines below that are indented more."""
    indent, first, last = indent_of(text, start, end), 0, 0
    for below in lines_below(text, end, most=FAR):
        content = text[below[0] : below[1]]
        width = len(content) - len(content.lstrip(" \t"))
        if content.strip() and width <= indent:
            break
        if content.strip():
            first, last = first or below[0] + width, below[0] + len(content.rstrip())
    if last:
        yield Value(first, last, " ".join(text[first:last].split()), quoted=False)
