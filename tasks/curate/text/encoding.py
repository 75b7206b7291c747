"""Bytes of a source file as text: which encoding they are in, by the bytes themselves. Pure.

`decoded(content)` goes from proof to likelihood: a byte order mark; zero bytes as UTF-16 has them; strict UTF-8, which
no other encoding passes by chance once it has a few letters beyond ASCII; what the file or its source declares; then
the two that code was written in before UTF-8, Shift-JIS and Latin-1, each only where the text reads like one. The
rest is put to charset-normalizer, which knows how often which letters follow one another: the lines beyond ASCII alone,
since among thousands of lines in English it would not see them.

Whatever the way, the text encodes to the very bytes it came from. A text that would not is `Undecodable`: a wrong guess
would be published as somebody's code; a rejected file is only one fewer.
"""

import codecs
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Decoded:
    """A text without its byte order mark, and its encoding by the name Python knows: utf-8, latin-1, shift-jis."""

    text: str
    encoding: str


class Undecodable(ValueError):
    """No encoding reads these bytes as the text of a program; the message says what was tried."""


# The mark, and the codec of what follows it. UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NAMES = {
    **dict.fromkeys(("utf-16-le", "utf-16-be"), "utf-16"),
    **dict.fromkeys(("utf-32-le", "utf-32-be"), "utf-32"),
    "iso8859-1": "latin-1",
}
# Text codecs that read plain bytes as an escape, and would call a text theirs that is not.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
_NAME = re.compile(r"[A-Za-z0-9][\w.:-]{0,39}", re.ASCII)

_NO_CONTROLS = bytes({*range(256)} - {*range(32), 127} | set(b"\t\n\v\f\r"))
_ASCII = bytes(range(128))
MOST_CONTROLS = 0.1  # share of the bytes that are control characters; data has 0.12 where bytes are drawn at random

_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
# PEP 263, whatever begins a comment: `coding: x`, Emacs' `-*- coding: x -*-` and Vim's `fileencoding=x`.
_COOKIE = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*?coding[:=][ \t]*([-\w.]{1,40})")


def decoded(content: bytes, declared: str = "") -> Decoded:
    """The text of a file's bytes. `declared` is the encoding that their source names, "" for none.

    Raises Undecodable.
    """
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return _after_mark(content[len(mark) :], codec)
    if b"\0" in content and (wide := _utf_16(content)):
        return wide
    if len(content.translate(None, _NO_CONTROLS)) > MOST_CONTROLS * len(content):
        raise Undecodable(f"More than {MOST_CONTROLS:.0%} of the bytes are control characters: this is no text.")
    try:
        return Decoded(content.decode(), "utf-8")
    except UnicodeDecodeError as error:
        return _not_utf_8(content, declared, error)


def _after_mark(content: bytes, codec: str) -> Decoded:
    found = _round_trip(content, codec)
    if found is None:
        raise Undecodable(f"The byte order mark says {codec}, and what follows it is not.")
    return found


def _round_trip(content: bytes, codec: str) -> Decoded | None:
    """The bytes by one codec, where it reads all of them and would write the same; None where it does not."""
    try:
        text = content.decode(codec)
        if text.encode(codec) != content:
            return None
    except (UnicodeError, LookupError):
        return None
    return Decoded(text, _NAMES.get(codec, codec.replace("_", "-")))


def _utf_16(content: bytes) -> Decoded | None:
    """UTF-16 without its mark: in programs most characters are ASCII, whose upper byte is zero.

    A tenth will do, where comments are long; of data read like this, the zeros are characters too.
    """
    zeros, codec = max((content[1::2].count(0), "utf-16-le"), (content[::2].count(0), "utf-16-be"))
    found = _round_trip(content, codec) if zeros >= 0.1 * (len(content) // 2) else None
    return found if found and len(_CONTROL.findall(found.text)) <= 0.01 * len(found.text) else None


def _not_utf_8(content: bytes, declared: str, error: UnicodeDecodeError) -> Decoded:
    cookie = _COOKIE.match(content[:512])
    for name in (cookie[1].decode("ascii", "replace") if cookie else "", declared):
        if found := _by_declared_name(content, name):
            return found
    lines = _beyond_ascii(content)
    if found := _if_shift_jis(content, lines) or _if_latin(content, lines) or _by_statistics(content, lines):
        return found
    raise Undecodable(f"No UTF-8 from byte {error.start} on, nor like Shift-JIS, Latin-1 or another known encoding.")


def _by_declared_name(content: bytes, name: str) -> Decoded | None:
    """The bytes in a declared encoding; None where Python does not know it, or the bytes are not in it."""
    if not _NAME.fullmatch(name):
        return None
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return None
    if codec == "iso8859-1":
        return _by_latin_1(content)
    if codec in _NO_CHARSETS or codec.startswith("utf"):  # UTF-8 it is not, and the others show themselves
        return None
    return _by_shift_jis(content) if codec == "shift_jis" else _round_trip(content, codec)


def _by_latin_1(content: bytes) -> Decoded | None:
    """Latin-1, or Windows' superset where it has characters in the place of Latin-1's control characters."""
    return _round_trip(content, "cp1252" if _C1.search(content) else "iso8859-1")


_LINES = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
_C1 = re.compile(rb"[\x80-\x9f]")
LONGEST_EVIDENCE = 65_536  # bytes beyond which more lines add no evidence


def _beyond_ascii(content: bytes) -> bytes:
    """The lines with bytes beyond ASCII."""
    lines, size = [], 0
    for match in _LINES.finditer(content):
        lines.append(match[0])
        size += len(match[0]) + 1
        if size > LONGEST_EVIDENCE:
            break
    return b"\n".join(lines)


def _level_1() -> str:
    """Kana, its punctuation, full-width letters, and the kanji of JIS level 1, which nearly all words are written in.

    Latin letters read as Shift-JIS are level 2 or half-width kana, or no character at all.
    """
    pairs = (bytes((a, b)) for a in (*range(0x81, 0x85), *range(0x87, 0x99)) for b in range(0x40, 0xFD))
    read = (pair.decode("cp932", "replace") for pair in pairs)
    return "".join(text for text in read if len(text) == 1 and text != "\ufffd")


_COMMON = f"[{re.escape(_level_1())}]"
# One may stand where the Latin letter before swallowed the one behind; two in a row do not, nor one between blanks.
_JAPANESE = re.compile(rf"{_COMMON}{{2,}}|(?<![A-Za-z]){_COMMON}(?![A-Za-z])")


def _if_shift_jis(content: bytes, lines: bytes) -> Decoded | None:
    """Shift-JIS, where seven in ten of the characters beyond ASCII are common Japanese and next to others."""
    found = _by_shift_jis(content)
    text = lines.decode("cp932", "replace")
    beyond = sum(character > "\x7f" for character in text)
    japanese = sum(len(run[0]) for run in _JAPANESE.finditer(text))
    return found if japanese >= 0.7 * beyond else None


_UNUSED = re.compile("[\x80\xa0\ue000-\uf8ff]")  # what Windows' codec makes of bytes that have no character


def _by_shift_jis(content: bytes) -> Decoded | None:
    """Shift-JIS, or Windows' superset where it has characters that Shift-JIS has not."""
    found = _round_trip(content, "shift_jis") or _round_trip(content, "cp932")
    return None if found is None or _UNUSED.search(found.text) else found


_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e"
_HIGH = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e"
_SIGN = (
    "\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf\u00d7\u00f7"  # without quotes and the blank, beside which a letter stands
)
_NO_LATIN = re.compile(
    rf"(?=[{_HIGH}{_SIGN}]{{3}})[{_SIGN}]*[{_HIGH}][{_HIGH}{_SIGN}]*"  # three in a row: each word of what is not Latin
    rf"|(?<![A-Za-z{_HIGH}])[{_HIGH}]{{2}}(?![A-Za-z{_HIGH}])"  # two that make a word
    r"|(?<=[a-z])[\u00c0-\u00d6\u00d8-\u00de\u0152\u0160\u0178\u017d]"  # a capital in a word, as Mac's e acute would be
    rf"|(?<=[{_LETTER}])[\u00a4\u00a7\u201a\u0192\u201e\u2020-\u2022\u02c6\u2030\u2039\u201c\u201d\u02dc\u2122\u203a](?=[{_LETTER}])"
)


def _if_latin(content: bytes, lines: bytes) -> Decoded | None:
    """Latin-1 or Windows-1252, if nine in ten of the characters beyond ASCII are used as accents and signs are."""
    found = _by_latin_1(content)
    text = lines.decode("cp1252", "replace")
    beyond = sum(character > "\x7f" for character in text)
    strange = sum(len(match[0]) for match in _NO_LATIN.finditer(text))
    controls = len(lines.translate(None, _NO_CONTROLS))
    return found if strange <= 0.1 * beyond and controls <= 0.01 * len(lines) else None


# Encodings of other scripts, and how many bytes beyond ASCII it takes to distinguish them.
_OTHER_SCRIPTS = ["cp1251", "koi8_r", "gb18030", "big5", "euc_jp", "euc_kr"]
FEWEST_EVIDENCE = 64


def _by_statistics(content: bytes, lines: bytes) -> Decoded | None:
    """What charset-normalizer makes of the lines, where there is enough evidence."""
    from charset_normalizer import from_bytes

    if len(lines.translate(None, _ASCII)) < FEWEST_EVIDENCE:
        return None
    best = from_bytes(lines, cp_isolation=_OTHER_SCRIPTS).best()
    return None if best is None else _round_trip(content, best.encoding)
