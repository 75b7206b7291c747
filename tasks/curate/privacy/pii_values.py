"""Secrets that are known by the key beside them: `password: hunter2`, `API_TOKEN=...`, the data of a Kubernetes Secret.

`spans(text, start, end)` looks at one line of a text and yields (start, end, kind) of each secret value, in characters
of the text. A value may lie on another line than its key: block scalars, `name:`/`value:` pairs, Secret data.

A key speaks for its value to a degree. After `password` any literal is one; after `token`, `secret` or `key` the value
must look like a secret too, since `token: EOF`, `secret: web-tls` and `key: app.name` are no secrets. Never a secret:
a reference (`${X}`, `$(cat x)`, `{{ x }}`, `var.x`, `*anchor`), a path or link, a type, a truth value, nothing, a
sentence, and a stand-in that asks to be replaced (`changeme`, `<password>`, `your-token`, `****`).
Weak passwords (`admin`, `postgres`, `123456`) are passwords.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import NamedTuple

from tasks.curate.privacy.pii_addresses import Found, words

NEAR = 64  # characters of a key that are read; the longest of the real manifests has 41
FAR = 200  # lines of one Secret, or of one block scalar, that are followed


class Value(NamedTuple):
    """A literal beside a key: where it stands and how it is written."""

    start: int
    end: int
    text: str
    quoted: bool


# The words that end a key whose value is secret, in small letters: the word, and what must stand before it. `pass` and
# `key` alone are too many other things.
_NUMBERED = r"(?:[_-]?[0-9]{1,2})?"
_KEYED = "api|app|access|secret|private|signing|encrypt(?:ion)?|account|auth|master|shared|consumer|subscription"
_OWNERS = (
    "db|database|root|smtp|user|ssh|ftp|admin|mysql|pg|postgres|redis|mongo|rabbitmq|amqp|ldap|auth|login|become|sudo"
    "|proxy|e?mail|imap|api|http|basic|service|elastic|kafka|vault|keystore|account|app|client|remote|bind|vnc|rpc"
    "|registry|docker|grafana"
)
_WORDS = (
    ("pass(?:word|wd|phrase|code)", ""),
    ("pwd", ""),
    ("pass", rf"(?:(?<![0-9a-z_-])|(?:{_OWNERS})[_-]?)$"),
    ("secret(?:[_-]?key[_-]?base)?", ""),
    ("token", ""),
    ("key", rf"(?:{_KEYED})[_.-]?$"),
)
WORDS_OF_KEYS = tuple((re.compile(rf"{word}{_NUMBERED}(?![0-9a-z_-])"), re.compile(before)) for word, before in _WORDS)
KEY_START = re.compile(r"[0-9A-Za-z_.$/-]*$")
# What a line must hold to be looked at, in small letters: see `tasks.curate.privacy.pii`.
_NO_MORE = rf"{_NUMBERED}(?:[^0-9a-z_.-]|$)"
KEY_ANCHORS = tuple(
    word + _NO_MORE for word in ("pass(?:word|wd|phrase|code)?", "pwd", "secret(?:[_-]?key[_-]?base)?", "token", "key")
)
KEY_SCAN = (
    rf"(?:pass(?:word|wd|phrase|code)|pwd|(?:{_OWNERS})[_-]?pass|secret(?:[_-]?key[_-]?base)?|token"
    rf"|(?:{_KEYED})[_.-]?key){_NO_MORE}|(?:[^0-9a-z_-]|^)pass{_NO_MORE}"
)
IS_STRONG = re.compile(r"(?i:pass(?:word|wd|phrase|code)?|pwd)[_-]?[0-9]{0,2}$")

# Keys that end in such a word and hold something else.
_HUMP = r"(?:^|[._-]|(?<=[a-z0-9])(?=[A-Z]))"  # where a word of a key begins
NO_SECRET_KEY = re.compile(
    rf"{_HUMP}(?i:pad|bos|eos|unk|cls|sep|mask|next|start|begin|end|stop|special|image|first|last|prev(?:ious)?|current"
    r"|lookahead|csrf|continuation|page|sync|cancel(?:lation)?|num|max|min|by|per|new|line|comment|string|word|sub"
    r"|existing|pull|tls|ref|external|expected|missing|invalid|unexpected)[_.-]?(?i:secret|token)[0-9]?$"
    rf"|{_HUMP}(?i:show|hide|toggle|forgot|reset|allow|require|use|no|has|is|with|without|enable|disable|max|min)[_-]?"
    r"(?i:pass(?:word)?|pwd)$|^checksum/"
)
# Keys of which only credentials are made: their value need not look random.
IS_COMPOUND = re.compile(
    rf"(?i:(?:client|app|api|auth|access|session|cookie|jwt|web-?hook|hmac|oauth2?|bot|bearer|refresh|id|github|gh|gitlab"
    rf"|slack|npm|pypi|vault|hf|admin|root|user|service|deploy|personal|security|consul|discord|telegram|sentry|private"
    rf"|flask|django|rails|shared)[_.-]?(?:secret|token)(?:[_-]?key[_-]?base)?|(?:{_KEYED})[_.-]?key)[0-9]?$"
)

REFERENCE = re.compile(
    r"\$\{|\$\(|\{\{|\{%|<%|#\{|%\{|\$\[\[|@\{|\[\[|%\([\w.]+\)s"
    r"|^\${1,2}[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$|^%[sdvqr]$|^\{[\w.:!]*\}$|\{[A-Za-z_][\w.]*\}|^:[a-z_]+$|^\?$|^@[\w/]+$"
    r"|^\$ANSIBLE_VAULT|^<[^<>]*>|<[A-Z0-9_ ]+>"  # a stand-in, our own placeholders with it
    r"|^(?:var|local|data|module|each|self|this|random_\w+|aws_\w+|google_\w+|azurerm_\w+|process|os|secrets|vars|env|config"
    r"|settings|props|state|req|request|res|args|opts|options|params|user|ctx|app|inputs|steps|needs|github)[.\[]"
    r"|^(?:arn:|vault:|ref\+|op://|ssm:|gcp:|aws:|awssm:|sops:|ENC\[|AQICA|secretref:|keyvault|file:|env:)"
    r"|^[A-Za-z_][\w.]*\("  # a call
)
WORDS = words(
    "null none nil undefined true false yes no on off y n string str text bytes byte char number integer int bool"
    " boolean object any array list dict optional required hidden enabled disabled enable disable default inherit"
    " write read password_hash unset empty auto generate generated random prompt ask always never ignore basic"
    " bearer jwt opaque plain plaintext secretstr securestring self this value key name id type input output field"
    " label ~ {} strict weak strong sensitive unknown missing invalid valid expired"
)
STAND_IN = re.compile(
    r"(?i:[*x#.\u2022_-]{3,}|[*!?]|\.\.\.|change[\s_-]?(?:me|it|this)\W*|(?:<|\[|\()?(?:your|the|some|insert|enter|replace|put|add"
    r"|fill|todo|tbd|fixme|placeholder|redacted|masked|removed|omitted|sanitized|example|sample|dummy)"
    r"(?:[\s_-].*|me|here)?[\])>]?|my[\s_-](?:password|passwd|pass|secret|token|api[\s_-]?key|key)|n/a|.*[_-](?:here|goes-here|placeholder)|.*\.\.\.)"
)
PATH = re.compile(
    r"(?:~|\.{1,2})?/[\w.@~-]+(?:/[\w.@~-]*)*|[A-Za-z]:\\.*|[a-z0-9_.-]+(?:/[a-z0-9_.-]+)+/?"
    r"|[\w.-]+\.(?:key|pem|crt|cert|json|ya?ml|txt|p12|jks|pub|env|ini|conf|toml|xml|properties|html?|php|py|js|ts|go|sh)"
)
LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://|/)")
CODE = re.compile(
    r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+|[A-Za-z_][\w.]*[\[(<{|].*|[*!][A-Za-z_][\w.:-]*"
)  # user.name, Optional[str]
NAME = re.compile(  # of an object in a cluster or of a constant: web-tls, default-token-x7k2p, SECRET1
    r"_*[a-z]+[0-9]{0,2}(?:[._-][a-z0-9]+)+|[A-Z]{1,12}[0-9]{0,2}(?:_[A-Z0-9]{1,12})*"
)
WORDY = re.compile(r"[A-Za-z]+(?:[ _.-][A-Za-z]+)*")
SENTENCE = re.compile(r"[^\W\d_]+[\w'\u2019]*[,.:;!?]?(?:\s+[(\"'`]?[^\W_]*[\w'\u2019/-]*[)\"'`]?[,.:;!?]*)+")
SPEECH = words(
    "a an the to of for in on at by is are was be must has have with without from and or not your you my user"
    " this that it as if when password passphrase secret token key enter used use can should will"
)
FOREIGN = re.compile(r"[^\x00-\x7f]+")


def is_secret(key: str, value: str, *, quoted: bool) -> bool:
    """Whether `value`, a literal beside `key`, is a secret and not a reference, a name, a word or a sentence."""
    if NO_SECRET_KEY.search(key) or _is_nothing(key, value) or (not quoted and CODE.fullmatch(value)):
        return False
    if IS_STRONG.search(key):
        return _is_password(value, quoted=quoted or (key.isupper() and value.islower()))
    return _is_token(value, compound=IS_COMPOUND.search(key) is not None, loud=quoted or key.isupper())


def _is_nothing(key: str, value: str) -> bool:
    return (
        not value
        or value.lower() in WORDS
        or re.sub(r"\W|_", "", value.lower()) == re.sub(r"\W|_", "", key.lower())
        or any(p.fullmatch(value) for p in (STAND_IN, PATH, FOREIGN))
        or LINK.match(value) is not None
        or REFERENCE.search(value) is not None
        or (value.isupper() and value.isidentifier() and "_" in value and names_a_key(value))  # of a variable
    )


def _is_password(value: str, *, quoted: bool) -> bool:
    if " " in value:
        return SENTENCE.fullmatch(value) is None or _is_passphrase(value)
    if quoted:  # a label: "Password", "Passwort"
        return not (value.isalpha() and value.istitle())
    if value.isdigit() and len(value) < 4:
        return False
    return not re.search(r"(?i:pass(?:word|wd)|pwd)$", value) or not value.isidentifier()


def _is_passphrase(value: str) -> bool:
    """Four or more words in small letters that make no sentence: correct horse battery staple."""
    words = value.split()
    return len(words) >= 4 and all(word.isalpha() and word.islower() for word in words) and not SPEECH & set(words)


def _is_token(value: str, *, compound: bool, loud: bool) -> bool:
    if " " in value or value.isdigit() or len(value) < 6 or _is_name(value):
        return False
    value = value.strip("_")
    if WORDY.fullmatch(value):  # letters only: a word, unless long, or loud and said of a credential
        return compound and loud and value.isalpha() and len(value) >= 8 and not _is_camel(value)
    return compound or len(value) >= 8 or loud


def _is_name(value: str) -> bool:
    return NAME.fullmatch(value) is not None and 4 * sum(map(str.isdigit, value)) < len(value)


def _is_camel(value: str) -> bool:
    return re.fullmatch(r"(?:[A-Z]?[a-z]+)(?:[A-Z][a-z]{2,})+", value) is not None


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
SETTING = re.compile(  # what stands before a key that a shell, a chart or a unit file is given
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
MIXED = re.compile(r"[0-9!@#$%^&*?+=~]")
DIGITS = re.compile(r"[0-9!@#%^~]")


def spans(text: str, start: int, end: int) -> Iterator[Found]:
    """(start, end, kind) of each secret whose key stands on the line `text[start:end]`."""
    for at, past in _keys(text, start, end):
        key = text[at:past].lstrip("-$./")
        for value in _values(text, start, end, at, past):
            if is_secret(key, value.text, quoted=value.quoted):
                yield value.start, value.end, _kind(key, value.text, text, start, at)
                break


def _keys(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each word of a line that ends as the key of a secret does."""
    line = fold(text[start:end])
    for word, before in WORDS_OF_KEYS:
        for match in word.finditer(line):
            if before.search(line[max(0, match.start() - NEAR) : match.start()]):
                near = text[max(start, start + match.start() - NEAR) : start + match.start()]
                begin = KEY_START.search(near)
                yield start + match.start() - len(begin[0] if begin else ""), start + match.end()


def names_a_key(value: str) -> bool:
    """Whether a literal is itself the name of such a key, as in `password: db_password1`."""
    return next(_keys(value, 0, len(value)), None) is not None


def fold(text: str) -> str:
    """The text with ASCII's capitals small: `str.lower` also changes other letters, and some texts' length."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


AWS_KEY = re.compile(r"(?i:aws|secret[_.-]?access[_.-]?key|^secret[_.-]?key$)")
AWS_VALUE = re.compile(r"[A-Za-z0-9/+]{40}")
IN_LINK = re.compile(
    r"(?:://[^\s\"'<>]*[?&;]|(?i:server|data source|host|accountname|endpoint|dbname)=[^\n]*[;\s])[^\s\"'=;&]*$"
)


def _kind(key: str, value: str, text: str, start: int, at: int) -> str:
    if AWS_KEY.search(key) and AWS_VALUE.fullmatch(value):
        return "aws_key"
    return "connection_string" if IN_LINK.search(text[max(start, at - 512) : at]) else "password"


def _values(text: str, start: int, end: int, at: int, past: int) -> Iterator[Value]:
    """The literals that may belong to the key `text[at:past]` of a line, the likeliest first."""
    before = text[max(start, at - 4 * NEAR) : at]
    if annotated := ANNOTATED.match(text, past, end):
        yield from _quoted(text, annotated.end(), end)
    elif assigned := ASSIGNED.match(text, past, end):
        yield from _assigned(text, start, end, before, text[at:past], assigned)
    elif (called := CALLED.match(text, past, end)) and SETTER.fullmatch(text, at, past):
        yield from (v for v in _quoted(text, called.end(), end) if MIXED.search(v.text))
    elif (match := TAGGED.match(text, past, end)) and before.endswith("<"):
        yield Value(match.start("value"), match.end(), match["value"], quoted=True)
    else:
        yield from _paired(text, past, end, before, FLAG.match(text, at) is not None)
        yield from _elsewhere(text, start, end)


def _quoted(text: str, at: int, end: int) -> Iterator[Value]:
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


def _assigned(text: str, start: int, end: int, before: str, key: str, match: re.Match[str]) -> Iterator[Value]:
    at, glued = match.end(), match[0] in {"=", ":"}
    if text.startswith(("&", "!"), at) and (properties := PROPERTIES.match(text, at, end)):
        at = properties.end()
    if BLOCK.match(text, at, end) and match["sep"] == ":":
        yield from _block(text, start, end)
    elif OPEN.match(text, at, end):
        yield from _quoted(text, at, end)
    elif before.endswith("${"):
        yield from _default(text, at, end)
    elif glued and _is_setting(before, key, match["sep"]):
        listed = before.endswith(("?", "&", ";")) or "--set" in before
        yield from _bare(text, at, end, BARE if listed else WHOLE)
    elif HEAD.fullmatch(before) and len(before) < 2 * NEAR:
        yield from _line_value(text, start, end, at, match)
    else:
        yield from _inline_value(text, at, end, match["sep"])


def _default(text: str, at: int, end: int) -> Iterator[Value]:
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


def _bare(text: str, at: int, end: int, shape: re.Pattern[str]) -> Iterator[Value]:
    if match := shape.match(text, at, end):
        value = match[0].rstrip(",;)")
        yield Value(at, at + len(value), value, quoted=False)


def _line_value(text: str, start: int, end: int, at: int, match: re.Match[str]) -> Iterator[Value]:
    """What a line `key: value` or `key = value` holds; a sentence behind the colon is no value."""
    for value in _bare(text, at, end, WHOLE):
        code = text[value.end : value.end + 1] in {",", ";", ")"} or _is_in_code(text, start)
        alone = COMMENT.fullmatch(text, value.end, end) is not None
        spoken = match["sep"] == ":" and alone and not code
        if spoken or (_is_mixed(value.text) and not (code and value.text.isidentifier())):
            yield value


def _is_in_code(text: str, start: int) -> bool:
    """Whether the line before the one at `start` leaves a call or an object open, as code does."""
    return text[max(0, start - 4 * NEAR) : start].rstrip()[-1:] in {",", "{", "(", "[", ";"}


def _inline_value(text: str, at: int, end: int, sep: str) -> Iterator[Value]:
    for value in _bare(text, at, end, BARE):
        argument = text[value.end : value.end + 1] in {",", ")", "(", "["} and value.text.isidentifier()
        if _is_mixed(value.text) and not (argument and "=" in sep):
            yield value


def _is_mixed(value: str) -> bool:
    return len(value) >= 4 and DIGITS.search(value) is not None and not names_a_key(value)


def _paired(text: str, past: int, end: int, before: str, flag: bool) -> Iterator[Value]:
    """The literal of `--password x`, `"--password", "x"`, `"PASSWORD", "value": "x"`, `get("KEY", "x")`, `ENV X x`."""
    if pair := PAIRED.match(text, past, end):
        if pair["open"]:
            loose = pair["said"] or flag or re.search(r"get(?:env|Property|OrDefault)?\(\s*[\"'`]$", before)
            called = re.search(r"\(\s*[\"'`]$", before) is not None
            found = _quoted(text, pair.start("open"), end)
            yield from (v for v in found if loose or (called and MIXED.search(v.text)))
        elif pair["said"]:
            yield from _bare(text, pair.end(), end, BARE)
    elif (after := FOLLOWED.match(text, past, end)) and (flag or GIVEN.search(before)):
        yield from _quoted(text, after.end(), end)
        yield from _bare(text, after.end(), end, WHOLE)
    elif after and SQL.search(before):
        yield from _quoted(text, after.end(), end)


NAMED = re.compile(
    r"(?P<indent>[ \t]*(?:- +)?)[\"']?(?:name|key|Name|Key)[\"']?[ \t]*[:=][ \t]*[\"']?[\w.-]+[\"']?[ \t]*,?[ \t]*\r?$"
)
VALUED = re.compile(r"(?P<indent>[ \t]*(?:- +)?)[\"']?[vV]alue[\"']?[ \t]*[:=][ \t]*")
LISTED = re.compile(r"[ \t]*- +[\"']?--?[\w-]+[\"']?[ \t]*\r?$")
DECLARED = re.compile(r"[ \t]*variable[ \t]+\"[\w-]+\"[ \t]*\{[ \t]*$")
DEFAULTED = re.compile(r"(?P<indent>[ \t]*)default[ \t]*=[ \t]*")
ITEM = re.compile(r"(?P<indent>[ \t]*)- +")


def _elsewhere(text: str, start: int, end: int) -> Iterator[Value]:
    """The literal on a line near: `name: PASSWORD` and `value: x`, `- --password` and `- x`, a variable's default."""
    if named := NAMED.match(text, start, end):
        yield from _neighbour(text, start, end, len(named["indent"]), VALUED)
    elif LISTED.match(text, start, end):
        line = next(_lines_below(text, end), (end, end))
        if item := ITEM.match(text, *line):
            yield from _rest(text, item.end(), line[1])
    elif DECLARED.match(text, start, end):
        for line in _lines_below(text, end, most=8):
            if (default := DEFAULTED.match(text, *line)) or text[line[0]] == "}":
                yield from _quoted(text, default.end(), line[1]) if default else ()
                return


def _neighbour(text: str, start: int, end: int, indent: int, wanted: re.Pattern[str]) -> Iterator[Value]:
    """The value of a `value:` line in the same item, at most three lines below or two above."""
    above = [] if "-" in text[start : start + indent] else _lines_above(text, start)
    for line in [*_lines_below(text, end, most=3), *above]:
        if (valued := wanted.match(text, *line)) and len(valued["indent"]) == indent:
            yield from _rest(text, valued.end(), line[1])
            return
        if text[line[0] : line[1]].lstrip().startswith("- ") and line[0] > end:
            return


def _rest(text: str, at: int, end: int, shape: re.Pattern[str] = WHOLE) -> Iterator[Value]:
    if OPEN.match(text, at, end):
        yield from _quoted(text, at, end)
    elif BLOCK.match(text, at, end):
        yield from _block(text, text.rfind("\n", 0, at) + 1, end)
    else:
        yield from _bare(text, at, end, shape)


def _lines_below(text: str, end: int, most: int = 1) -> Iterator[tuple[int, int]]:
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


def _indent(text: str, start: int, end: int) -> int:
    """Column of the first key of a line: list dashes count as space."""
    return len(re.match(r"[ \t]*(?:- +)*", text[start : min(end, start + 4 * NEAR)])[0])  # type: ignore[index]


def _block(text: str, start: int, end: int) -> Iterator[Value]:
    """The content of the block scalar that the line `text[start:end]` opens: the lines below that are indented more."""
    indent, first, last = _indent(text, start, end), 0, 0
    for below in _lines_below(text, end, most=FAR):
        content = text[below[0] : below[1]]
        width = len(content) - len(content.lstrip(" \t"))
        if content.strip() and width <= indent:
            break
        if content.strip():
            first, last = first or below[0] + width, below[0] + len(content.rstrip())
    if last:
        yield Value(first, last, " ".join(text[first:last].split()), quoted=False)


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
        if _is_token(match["value"], compound=True, loud=False) and MIXED.search(match["value"]):
            yield *match.span("value"), "password"
    for pattern in LOOSE:
        for match in pattern.finditer(text, start, end):
            if not _is_nothing("", match["value"]):
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


SECRET = re.compile(r"^(?P<indent>[ \t]*(?:- +)?)kind:[ \t]*[\"']?Secret[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
SECRET_JSON = re.compile(r"[\"']kind[\"']\s*:\s*[\"']Secret[\"']")
SECRET_ANCHORS = (r"kind[\"']?[ \t]*:[ \t]*[\"']?secret[^a-z]", r"kind[\"']?[ \t]*:[ \t]*secret$")
DATA = re.compile(r"[\"']?(?:data|stringData)[\"']?:[ \t]*(?P<flow>\{[^\n]*)?(?:#.*)?\r?$")
ENTRY = re.compile(r"(?P<indent>[ \t]*)(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s#:'\"{][^\n:]*)[ \t]*:[ \t]+")
OBJECT = re.compile(r"[\"'](?:data|stringData)[\"']\s*:\s*\{(?P<body>[^{}]*)\}")
JSON_ENTRY = re.compile(
    r"[\"'][^\"'\n]+[\"']\s*:\s*[\"'](?P<value>(?:[^\"\\\n]|\\.)+?)[\"']|[\w.-]+:\s+(?P<bare>[^\s,{}\"']+)"
)


def secret_data(text: str, start: int, end: int) -> Iterator[Found]:
    """The values under `data` and `stringData` of the Kubernetes Secret whose `kind` stands on a line of a text."""
    if match := SECRET.match(text, start, end):
        yield from _yaml_secret(text, start, end, len(match["indent"]))
    done = 0
    for match in SECRET_JSON.finditer(text, start, end):
        if match.start() >= done:
            begin, done = _json_object(text, match.start())
            for body in OBJECT.finditer(text, begin, done):
                yield from _entries(text, *body.span("body"))


def _yaml_secret(text: str, start: int, end: int, column: int) -> Iterator[Found]:
    lines = list(_mapping_lines(text, start, end, column))
    for i, (begin, stop) in enumerate(lines):
        if _indent(text, begin, stop) == column and (data := DATA.match(text, begin + column, stop)):
            if data["flow"]:
                yield from _entries(text, data.start("flow"), stop)
            yield from _data_lines(text, lines[i + 1 :], column)


def _mapping_lines(text: str, start: int, end: int, column: int) -> Iterator[tuple[int, int]]:
    """The lines of the mapping at `column` around the line `text[start:end]`, in order."""
    above: list[tuple[int, int]] = []
    first = "-" in text[start : start + column]
    begin = start
    while begin > 0 and not first and len(above) < FAR:
        stop = begin - 1
        begin = text.rfind("\n", 0, stop) + 1
        if _ends_mapping(text, begin, stop, column):
            break
        above.append((begin, stop))
        first = "-" in text[begin : begin + column] and _indent(text, begin, stop) == column
    yield from reversed(above)
    for line in _lines_below(text, end, most=FAR):
        if _ends_mapping(text, *line, column) or "-" in text[line[0] : line[0] + column]:
            return
        yield line


def _ends_mapping(text: str, start: int, end: int, column: int) -> bool:
    line = text[start:end].strip()
    if not line or line.startswith(("#", "{{")):
        return False
    indent = _indent(text, start, end)
    return line.startswith(("---", "```")) or indent < column or (indent == column and line.startswith("kind:"))


def _data_lines(text: str, lines: list[tuple[int, int]], column: int) -> Iterator[Found]:
    for begin, stop in lines:
        content = text[begin:stop].strip()
        if content and not content.startswith(("#", "{{")) and _indent(text, begin, stop) <= column:
            return
        if entry := ENTRY.match(text, begin, stop):
            at = entry.end()
            if properties := PROPERTIES.match(text, at, stop):
                at = properties.end()
            for value in _rest(text, at, stop, TO_COMMENT):
                if not is_blank(value.text):
                    yield value.start, value.end, "k8s_secret_data"


def is_blank(value: str) -> bool:
    """Whether an entry of a Secret holds nothing: no value, or a reference to one."""
    return value in {"null", "~", "{}", "[]"} or value.startswith(("#", "*")) or REFERENCE.search(value) is not None


def _entries(text: str, start: int, end: int) -> Iterator[Found]:
    for match in JSON_ENTRY.finditer(text, start, end):
        group = "value" if match["value"] else "bare"
        if not is_blank(match[group]):
            yield *match.span(group), "k8s_secret_data"


def _json_object(text: str, at: int) -> tuple[int, int]:
    """About where the object around the `kind` at `at` begins and ends: before another's, or some way off."""
    begin, end = max(0, at - FAR * NEAR), min(len(text), at + FAR * NEAR)
    for edge in ('"apiVersion"', '"Secret"'):
        begin = max(begin, text.rfind(edge, begin, at))
        after = text.find(edge, text.find("Secret", at, end) + 1, end)
        end = after if after >= 0 else end
    return begin, end
