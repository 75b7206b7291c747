"""Literals beside a key: whether the key names a secret, and whether the literal is one. Pure.

After `password` any literal is a secret. After `token`, `secret` or `key` the value must look like one too, since
`token: EOF`, `secret: web-tls` and `key: app.name` are no secrets. Never a secret: a reference (`${X}`, `$(cat x)`,
`{{ x }}`, `var.x`, `*anchor`), a path or link, a type, a truth value, an empty value, a sentence, and a stand-in that
asks to be replaced (`changeme`, `<password>`, `your-token`, `****`). Weak passwords (`admin`, `postgres`, `123456`) are
passwords.
"""

import re
from collections.abc import Iterator

from tasks.curate.privacy.pii_addresses import words

NEAR = 64  # characters of a key that are read; the longest of the real manifests has 41

# The words that end a key whose value is secret, in small letters: the word, and what must be before it. `pass` and
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
# What a line must contain to be examined, in small letters: see `tasks.curate.privacy.pii`.
_NO_MORE = rf"{_NUMBERED}(?:[^0-9a-z_.-]|$)"
KEY_ANCHORS = tuple(
    word + _NO_MORE for word in ("pass(?:word|wd|phrase|code)?", "pwd", "secret(?:[_-]?key[_-]?base)?", "token", "key")
)
KEY_SCAN = (
    rf"(?:pass(?:word|wd|phrase|code)|pwd|(?:{_OWNERS})[_-]?pass|secret(?:[_-]?key[_-]?base)?|token"
    rf"|(?:{_KEYED})[_.-]?key){_NO_MORE}|(?:[^0-9a-z_-]|^)pass{_NO_MORE}"
)
IS_STRONG = re.compile(r"(?i:pass(?:word|wd|phrase|code)?|pwd)[_-]?[0-9]{0,2}$")

# Keys that end in such a word and name something else.
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
    if NO_SECRET_KEY.search(key) or is_no_value(key, value) or (not quoted and CODE.fullmatch(value)):
        return False
    if IS_STRONG.search(key):
        return _is_password(value, quoted=quoted or (key.isupper() and value.islower()))
    return looks_random(value, compound=IS_COMPOUND.search(key) is not None, loud=quoted or key.isupper())


def is_no_value(key: str, value: str) -> bool:
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


def looks_random(value: str, *, compound: bool, loud: bool) -> bool:
    if " " in value or value.isdigit() or len(value) < 6 or _is_object_name(value):
        return False
    value = value.strip("_")
    if WORDY.fullmatch(value):  # letters only: a word, unless long, or loud and said of a credential
        return compound and loud and value.isalpha() and len(value) >= 8 and not _is_camel(value)
    return compound or len(value) >= 8 or loud


def _is_object_name(value: str) -> bool:
    return NAME.fullmatch(value) is not None and 4 * sum(map(str.isdigit, value)) < len(value)


def _is_camel(value: str) -> bool:
    return re.fullmatch(r"(?:[A-Z]?[a-z]+)(?:[A-Z][a-z]{2,})+", value) is not None


MIXED = re.compile(r"[0-9!@#$%^&*?+=~]")


def keys_on_line(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
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
    return next(keys_on_line(value, 0, len(value)), None) is not None


def fold(text: str) -> str:
    """The text with ASCII's capitals small: `str.lower` also changes other letters, and some texts' length."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
