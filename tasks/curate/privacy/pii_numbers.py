"""Numbers that are somebody's: US social security numbers, payment cards and telephones, and look-alikes. Pure.

Most numbers in code are nobody's, so that digits alone never suffice. What counts is how people write such numbers,
and what their issuers say of them:

- *Social security*: ddd-dd-dddd in the ranges that the Social Security Administration issues ("Social Security Number
  Randomization", 2011). Kept: the two it made void because they had been printed in advertisements.
- *Cards*: an issuer's prefix, its length, and the check digit (ISO/IEC 7812-1, annex B), in groups as on the card; in
  one piece only behind a word for a card, since one in ten numbers has a right check digit.
- *Telephones*: `+` and a country's code (ITU-T E.164, list of 2016), in groups, or in one piece within quotes, in a
  link or behind a word for a telephone; and North America's (ddd) ddd-dddd, ddd-ddd-dddd. Kept: 555-0100 to 555-0199,
  which are set aside for fiction.
"""

import re
from collections.abc import Iterator

from tasks.curate.privacy.pii_addresses import Found, after

KINDS = ("ssn", "credit_card", "phone")

_START = after("0-9A-Za-z_.+-")
_END = r"(?![0-9A-Za-z_@-]|\.[0-9])"

SSN = re.compile(rf"{_START}(?!000|666|9)[0-9]{{3}}-(?!00)[0-9]{{2}}-(?!0000)[0-9]{{4}}{_END}")
VOID = frozenset({"078-05-1120", "219-09-9999"})

CARD = re.compile(
    rf"{_START}(?:(?P<bare>[2-6][0-9]{{12,18}})(?:(?=[uU]?[lLn]{{1,2}}(?![0-9A-Za-z_]))|{_END})"  # L: Java's long
    r"|[2-6][0-9]{3}(?P<gap>[ -])[0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{4}(?:(?P=gap)[0-9]{1,3})?"
    rf"{_END}|3[0-9]{{3}}(?P<other>[ -])[0-9]{{6}}(?P=other)[0-9]{{4,5}}{_END})"
)
ISSUED = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"  # Discover
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|62[0-9]{14,17}"  # UnionPay
)
_CARD = "[cC]ard|CARD"
_BRAND = "[pP]an|PAN|[vV]isa|VISA|[aA]mex|AMEX|[cC][cC]|JCB|jcb|[mM]aestro|[aA]merican [eE]xpress"
CARD_WORD = re.compile(
    rf"(?:(?<![A-Za-z])|(?i:credit|debit|payment|bank|master)[_ -]?)(?:{_CARD})(?!inal|board|io)"
    rf"|(?<=[a-z])Card(?![a-z])|(?<![A-Za-z])(?:{_BRAND})(?![a-z])"
)

# A number's groups and what people put between them; which of these are telephones is asked of each.
INTERNATIONAL = re.compile(
    rf"(?<![0-9A-Za-z_.+)\]-])\+[1-9][0-9]*+(?:(?:[ .-]|[ -]?\((?=[0-9]+\))|\)[ -]?)[0-9]+){{0,6}}{_END}"
)
COUNTRY = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[789]|8[058]|9[679])[0-9]"
)
NORTH_AMERICAN = re.compile(
    rf"{after('0-9A-Za-z_.+/=-')}(?:1[ -])?(?P<bracket>\()?(?P<area>[2-9][0-8][0-9])(?(bracket)\)[ ]?|(?P<gap>[ .-]))"
    rf"(?P<exchange>[2-9][0-9]{{2}})(?P<last>[ .-])(?P<line>[0-9]{{4}}){_END}"
)
NO_AREA = re.compile(r".11|37.|96.")  # services, and what is held back for other uses
PHONE_WORD = re.compile(
    r"(?<![A-Za-z])(?i:(?:tele)?phone|tel|mobile|cell|fax|whatsapp|sms|call|dial|hotline)(?![a-z])"
    r"|(?<=[a-z])(?:Phone|Mobile|Fax|Tel)(?![a-z])|(?i:phone|mobile|fax)[_ ]?(?i:number|no\b)"
)
FICTION = re.compile(r"\+1\D*[2-9][0-9]{2}\D*555\D*01[0-9]{2}$")
NEAR = 48  # characters before a number in which a word says what it is

# What a line must contain to be examined, see `tasks.curate.privacy.pii`: begun with the hyphen or point between the
# groups where one is, since Python leaps to a literal that is rare. And the same as Rust reads it, which can ask for
# a card's word before digits in one piece, of which files of numbers have many.
SSN_ANCHORS = (r"-(?<=[0-8][0-9]{2}-)[0-9]{2}-[0-9]{4}",)
CARD_ANCHORS = (
    r"-(?<=[2-6][0-9]{3}-)[0-9]{4}-[0-9]{4}-",
    r"3[0-9]{3}[ -][0-9]{6}[ -]",
    r"[2-6][0-9]{3}(?:[0-9]{9}| [0-9]{4} [0-9]{4} )",
)
PHONE_ANCHORS = (
    r"\+[1-9][0-9 ().-]{6}",
    *(rf"{gap}(?<=[0-9]{{3}}{gap})[0-9]{{4}}" for gap in ("-", r"\.")),
    r"[2-9][0-9]{2} [0-9]{4}",
)
SSN_SCANS = (r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}",)
CARD_SCANS = (
    r"[2-6][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}[ -]",
    r"3[0-9]{3}[ -][0-9]{6}[ -]",
    rf"(?:{_CARD}|{_BRAND})[^\n]*[2-6][0-9]{{12}}",
)
PHONE_SCANS = (r"\+[1-9][0-9 ().-]{6}", r"[2-9][0-9]{2}[) .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}")


def ssns(text: str, start: int, end: int) -> Iterator[Found]:
    """Each social security number on the line `text[start:end]`."""
    return ((*m.span(), "ssn") for m in SSN.finditer(text, start, end) if m[0] not in VOID)


def cards(text: str, start: int, end: int) -> Iterator[Found]:
    """Each payment card's number on the line `text[start:end]`."""
    return ((*m.span(), "credit_card") for m in CARD.finditer(text, start, end) if is_card(m, start))


def phones(text: str, start: int, end: int) -> Iterator[Found]:
    """Each telephone's number on the line `text[start:end]`."""
    for m in INTERNATIONAL.finditer(text, start, end):
        if is_international(m, start):
            yield *m.span(), "phone"
    for m in NORTH_AMERICAN.finditer(text, start, end):
        if is_north_american(m, start):
            yield *m.span(), "phone"


def is_card(match: re.Match[str], start: int) -> bool:
    """Whether a match of CARD, on the line that begins at `start`, is a card's number by the policy above."""
    digits = re.sub("[ -]", "", match[0])
    if not ISSUED.fullmatch(digits) or not has_check_digit(digits):
        return False
    return match["bare"] is None or CARD_WORD.search(*_before(match, start)) is not None


def has_check_digit(digits: str) -> bool:
    """Whether the last of the digits is the one that Luhn's formula makes of the others."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def is_international(match: re.Match[str], start: int) -> bool:
    """Whether a match of INTERNATIONAL, on the line that begins at `start`, is a telephone's number by the policy."""
    groups = re.findall("[0-9]+", match[0])
    size = sum(map(len, groups))
    country = COUNTRY.match(groups[0])
    if country is None or not 8 <= size <= 15 or FICTION.search(match[0]):
        return False
    if PHONE_WORD.search(*_before(match, start)):
        return True
    if len(groups) == 1:
        return 11 <= size <= 13 and _is_quoted(match)
    grouped = size >= 9 and country[0] == groups[0] and len(groups[-1]) > 1
    return grouped and ("." not in match[0] or len(groups) > 3)


def _is_quoted(match: re.Match[str]) -> bool:
    """Whether a match is in quotes, or it is a link's or an element's whole text."""
    before, behind = match.string[: match.start()][-4:], match.string[match.end() : match.end() + 1]
    return before.endswith(("tel:", "sms:")) or (before[-1:] in {'"', "'", "`", ">"} and behind in {'"', "'", "`", "<"})


def is_north_american(match: re.Match[str], start: int) -> bool:
    """Whether a match of NORTH_AMERICAN, on the line that begins at `start`, is a telephone's number by the policy."""
    if NO_AREA.fullmatch(match["area"]) or match["exchange"].endswith("11"):
        return False
    if match["exchange"] == "555" and match["line"].startswith("01"):
        return False
    if match["bracket"] or (match["last"] == "-" and match["gap"] != "."):
        return True
    return PHONE_WORD.search(*_before(match, start)) is not None


def _before(match: re.Match[str], start: int) -> tuple[str, int, int]:
    """Where to look for the word before a match, on its line: a text, from where and up to where."""
    return match.string, max(start, match.start() - NEAR), match.start()
