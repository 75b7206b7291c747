"""The loops of `tasks.curate.text.lexing` over bytes, compiled by numba. Pure; threads run them side by side.

A module of its own, imported at the first call: numba takes a second to import, and a cached run never pays for it.
"""

from typing import Any

import numpy as np

from tasks.curate.dedup.minhash_kernels import character, compiled

Array = np.ndarray[Any, Any]

# --- Python: functions and decisions ---------------------------------------------------------------------------------

# What a byte begins. Bytes from 128 on belong to letters of other scripts.
OTHER, BLANK, LINE_END, NAME, DIGIT, QUOTE, COMMENT, BACKSLASH, OPEN, CLOSE, COLON = range(11)
NEWLINE, RETURN, SLASH = (np.uint8(ord(sign)) for sign in "\n\r\\")


def _byte_kinds() -> Array:
    """What each byte begins, uint8."""
    kinds = np.full(256, NAME, np.uint8)
    kinds[:128] = OTHER
    signs = {BLANK: " \t\f", LINE_END: "\n\r", QUOTE: "'\"", COMMENT: "#", BACKSLASH: "\\", OPEN: "([{", CLOSE: ")]}"}
    letters = "abcdefghijklmnopqrstuvwxyz"
    signs |= {COLON: ":", NAME: f"_{letters}{letters.upper()}", DIGIT: "0123456789"}
    for kind, characters in signs.items():
        kinds[[ord(sign) for sign in characters]] = kind
    return kinds


def _packed(word: str) -> np.uint64:
    """A word of up to eight letters as one number."""
    return np.uint64(int.from_bytes(word.encode(), "big"))


KINDS = _byte_kinds()
DEF, CASE = _packed("def"), _packed("case")
IF, OR, FOR, AND, ELIF, WHILE, ASSERT, EXCEPT = map(
    _packed, ("if", "or", "for", "and", "elif", "while", "assert", "except")
)


@compiled
def complexities(text: Array, offsets: Array) -> Any:
    """McCabe's number of each Python file: int64."""
    found = np.empty(len(offsets) - 1, np.int64)
    for row in range(len(found)):
        found[row] = complexity(text, offsets[row], offsets[row + 1])
    return found


@compiled
def complexity(text: Array, at: int, end: int) -> Any:
    """Functions of `text[at:end]`, but at least one, and its decisions."""
    functions = decisions = depth = 0
    first, clause = True, False  # nothing of the logical line has come yet; it begins with `case` and has no colon yet
    if end - at >= 3 and text[at] == 0xEF and text[at + 1] == 0xBB and text[at + 2] == 0xBF:
        at += 3  # the mark some editors put before UTF-8
    while at < end:
        kind, begin = KINDS[text[at]], at
        at = past_token(text, at, end, kind)
        if kind == NAME:
            word = packed(text, begin, at)
            functions += word == DEF
            decisions += decides(word)
            clause |= first and word == CASE and patterned(text, at, end)
        elif kind in (OPEN, CLOSE):
            depth = max(depth + (1 if kind == OPEN else -1), 0)
        elif kind == COLON and clause and depth == 0:
            decisions += 1
            clause = False
        if kind == LINE_END and depth == 0:
            first, clause = True, False
        elif kind not in (BLANK, LINE_END, COMMENT, BACKSLASH):
            first = False
    return max(functions, 1) + decisions


@compiled
def past_token(text: Array, at: int, end: int, kind: int) -> Any:
    """Where what begins here ends."""
    if kind == NAME:
        return past_name(text, at, end)
    if kind == QUOTE:
        return past_string(text, at, end)
    if kind == DIGIT:
        return past_number(text, at, end)
    if kind == COMMENT:
        return past_line(text, at, end)
    return past_escaped(text, at, end) if kind == BACKSLASH else at + 1


@compiled
def past_name(text: Array, at: int, end: int) -> Any:
    """Where the letters and digits that go on here end."""
    while at < end and (KINDS[text[at]] == NAME or KINDS[text[at]] == DIGIT):
        at += 1
    return at


@compiled
def packed(text: Array, begin: int, end: int) -> Any:
    """A word of up to eight bytes as one number, a longer one as 0."""
    word = np.uint64(0)
    if end - begin <= 8:
        for at in range(begin, end):
            word = word << np.uint64(8) | np.uint64(text[at])
    return word


@compiled
def decides(word: Any) -> Any:
    """Whether a keyword is a decision."""
    either = word in (IF, OR, FOR, AND)
    return either or word in (ELIF, WHILE, ASSERT, EXCEPT)


@compiled
def patterned(text: Array, at: int, end: int) -> Any:
    """Whether the text behind a `case` can be a pattern, other than `_` alone, which is the `else` of a match."""
    at = past_blanks(text, at, end)
    if at == end:
        return False
    kind = KINDS[text[at]]
    if kind == NAME:
        after = past_name(text, at, end)
        colon = past_blanks(text, after, end)
        return not (after == at + 1 and text[at] == ord("_") and colon < end and KINDS[text[colon]] == COLON)
    return kind in (DIGIT, QUOTE, OPEN) or text[at] in (ord("-"), ord("*"))


@compiled
def past_blanks(text: Array, at: int, end: int) -> Any:
    """Where the blanks, and line ends behind a backslash, that go on here end."""
    while at < end:
        kind = KINDS[text[at]]
        if kind == BLANK:
            at += 1
        elif kind == BACKSLASH:
            at = past_escaped(text, at, end)
        else:
            break
    return at


@compiled
def past_escaped(text: Array, at: int, end: int) -> Any:
    """Where what follows a backslash ends: one byte, or a line end of two."""
    pair = at + 2 < end and text[at + 1] == RETURN and text[at + 2] == NEWLINE
    return min(at + (3 if pair else 2), end)


@compiled
def past_line(text: Array, at: int, end: int) -> Any:
    """Where the line ends, before its line end."""
    while at < end and text[at] not in (NEWLINE, RETURN):
        at += 1
    return at


@compiled
def past_string(text: Array, at: int, end: int) -> Any:
    """Where the string that begins with the quote here ends. One that is never closed ends with its line, or file."""
    quote = text[at]
    triple = at + 2 < end and text[at + 1] == quote and text[at + 2] == quote
    at += 3 if triple else 1
    while at < end:
        if text[at] == SLASH:
            at = past_escaped(text, at, end)
        elif text[at] == quote and not triple:
            return at + 1
        elif text[at] == quote and at + 2 < end and text[at + 1] == quote and text[at + 2] == quote:
            return at + 3
        elif KINDS[text[at]] == LINE_END and not triple:
            return at
        else:
            at += 1
    return end


@compiled
def past_number(text: Array, at: int, end: int) -> Any:
    """Where the number ends. Subtle: a keyword may follow at once, as in `1if x else 0xfor y`, which is 15 or y."""
    if text[at] == ord("0") and at + 1 < end and text[at + 1] | 0x20 in (ord("x"), ord("o"), ord("b")):
        hexadecimal = text[at + 1] | 0x20 == ord("x")
        at += 2
        while at < end and (in_number(text[at]) or (hexadecimal and ord("a") <= text[at] | 0x20 <= ord("f"))):
            at += 1
        return at
    while at < end and (in_number(text[at]) or text[at] == ord(".")):
        at += 1
    if at + 1 < end and text[at] | 0x20 == ord("e"):
        signed = text[at + 1] in (ord("+"), ord("-"))
        power = at + 1 + signed
        if power < end and KINDS[text[power]] == DIGIT:
            at = power
            while at < end and in_number(text[at]):
                at += 1
    return at + 1 if at < end and text[at] | 0x20 == ord("j") else at


@compiled
def in_number(byte: Any) -> Any:
    """A digit, or the underscore between digits."""
    return KINDS[byte] == DIGIT or byte == ord("_")


# --- pieces of a language model's tokeniser --------------------------------------------------------------------------

# The kinds of characters, of which `tasks.curate.text.lexing` makes a table.
SIGN, LETTER, NUMBER, SPACE, LINE = range(5)


@compiled
def pieces(text: Array, offsets: Array, kinds: Array) -> Any:
    """How many pieces each text has: int64. kinds: uint8 for each number below 2^21."""
    found = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(found)):
        at = offsets[row]
        while at < offsets[row + 1]:
            at = past_piece(text, at, offsets[row + 1], kinds)
            found[row] += 1
    return found


@compiled
def kind_at(text: Array, at: int, end: int, kinds: Array) -> Any:
    """(kind of a character, where the next one begins); quick for the first 128 of them, which are most."""
    if text[at] < 0x80:
        return kinds[text[at]], at + 1
    code, after = character(text, at, end)
    return kinds[code], after


@compiled
def past_piece(text: Array, at: int, end: int, kinds: Array) -> Any:
    """Where the piece that begins here ends; the order of the questions is that of the pattern's alternatives."""
    kind, after = kind_at(text, at, end, kinds)
    if kind == LETTER:
        return past_kind(text, after, end, kinds, LETTER)
    if kind == NUMBER:
        return past_digits(text, after, end, kinds)
    if text[at] == ord("'"):
        suffix = contraction(text, after, end)
        if suffix:
            return after + suffix
    follows = kind_at(text, after, end, kinds)[0] if after < end else LINE
    if kind != LINE and follows == LETTER:
        return past_kind(text, after, end, kinds, LETTER)
    if kind == SIGN or (text[at] == ord(" ") and follows == SIGN):
        return past_kind(text, past_kind(text, after, end, kinds, SIGN), end, kinds, LINE)
    return past_space(text, at, end, kinds)


@compiled
def past_kind(text: Array, at: int, end: int, kinds: Array, kind: int) -> Any:
    """Where the characters of one kind that go on here end."""
    while at < end:
        own, after = kind_at(text, at, end, kinds)
        if own != kind:
            break
        at = after
    return at


@compiled
def past_digits(text: Array, at: int, end: int, kinds: Array) -> Any:
    """Where a number ends of which one digit is read: after two more at the most."""
    for _ in range(2):
        if at < end:
            kind, after = kind_at(text, at, end, kinds)
            if kind != NUMBER:
                break
            at = after
    return at


@compiled
def past_space(text: Array, at: int, end: int, kinds: Array) -> Any:
    """Where a piece of white space ends: after its last line end, else before its last blank, which goes on."""
    begin, line, last = at, at, at
    while at < end:
        kind, after = kind_at(text, at, end, kinds)
        if kind not in (SPACE, LINE):
            break
        last, at = at, after
        if kind == LINE:
            line = at
    if line > begin:
        return line
    return last if at < end and last > begin else at


@compiled
def contraction(text: Array, at: int, end: int) -> Any:
    """Letters of the English ending behind an apostrophe, 0 where there is none: 's 't 'm 'd 're 've 'll."""
    if at >= end:
        return 0
    one = text[at] | 0x20
    if one in (ord("s"), ord("t"), ord("m"), ord("d")) and text[at] < 0x80:
        return 1
    if at + 1 >= end or text[at] >= 0x80 or text[at + 1] >= 0x80:
        return 0
    other = text[at + 1] | 0x20
    both = (one == ord("r") and other == ord("e")) or (one == ord("v") and other == ord("e"))
    return 2 if both or (one == ord("l") and other == ord("l")) else 0
