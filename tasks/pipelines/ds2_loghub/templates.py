"""Log templates: for each message of one log source, the template that it was printed from.

`mine(messages)` returns, aligned with the input's index, `template` (the message with `<*>` in place of its values) and
`template_id` (12 hex digits of the template's blake2b: the same text has the same id in every run and every log).
A message that is missing, empty or blank has the empty template.

How, in four steps. After the numbers are masked only distinct lines are looked at: a template depends on a *set*.
1. *Mask* what is a value in any log: numbers, hexadecimal ids, addresses, paths, dates, sizes.
2. *Take apart* into words and the gaps between them. Lines with the same gaps have one *shape* and are compared
   word by word, and with no others. (Drain, He et al., ICWS 2017, compares lines of one length.)
3. *Generalise* each shape: a position with a few different words branches into templates, one with many is a variable;
   lines are split by the position with the fewest words first, as in a tree. (Brain, Yu et al., IEEE TSC 2023,
   grows the tree from words that are frequent together, and counts children likewise.)
4. Repeat 2 and 3 on the templates until none changes: the template of a template is itself.

Grouping accuracy on the five 2,000-line LogHub samples, every threshold's effect, and speed: see
`python -m tests.benchmarks.bench_templates quality`, `... thresholds` and `... speed`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from sys import intern

import pandas as pd
import polars as pl

Row = tuple[str, ...]
Parsed = tuple[Row, Row]  # gaps, words

VARIABLE = "<*>"
LONGEST = 4096  # characters that are mined; the longest line of the five samples has 2,480. The rest is one variable

# MAC addresses; words that begin with a digit or have two, with what is glued behind (10ms, 0x1f, 10.0.0.1, 1-2.net);
# words of six or more hexadecimal digits. A single digit in a word stays: alt0, ssh2 and IPv6 are names until step 3
# decides otherwise. ASCII only (-u): six times as fast on lines that have other letters.
NUMBER = (
    r"(?-u:\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){3,}\b"
    r"|(?:\b[0-9]|[0-9]\w*[0-9])(?:[\w.-]*\w)?"
    r"|\b[0-9a-fA-F]{6,}\b)"
)

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_LINK = r"(?:<\*>|[^\s\"'<>()\[\]{},;|])"  # one character, or value, of a link

# Keys, or parts of keys, whose value is text that a reader wants kept: msg="cart opened", "log_level":"INFO".
TEXT_KEYS = (
    "msg|message|event|level|severity|type|kind|status|state|action|method|reason|cause|err|result|phase|logger"
    "|component|module"
)

# Applied in this order to each distinct line, whose numbers are `<*>` by now. Rust's regular expressions: linear time.
MASKS = (
    (r"[\s\x00-\x1f]+", " "),
    (rf"[A-Za-z][\w+.-]*://{_LINK}+", VARIABLE),  # link
    (rf"(^|[\s=\"'(\[{{,:|>])(?:/(?:<\*>|[\w.%~+@$*-])+)+/?(?:\?{_LINK}*)?", f"${{1}}{VARIABLE}"),  # path
    (r" / HTTP/", f" {VARIABLE} HTTP/"),
    (r"\b[A-Za-z]:\\(?:<\*>|[^\s\"',;])*|\\\\(?:<\*>|[^\s\"',;])+", VARIABLE),  # path on Windows
    (r"\b[\w.+-]+@[A-Za-z][\w-]*(?:\.[\w-]+)+", VARIABLE),  # mail address
    (r'"[A-Za-z-]+/<\*>[^"]*"', f'"{VARIABLE}"'),  # "Agent/1.0 (words)"
    (rf"(?:{_DAY},? )?\b(?:{_MONTH} )+<\*>(?: <\*>)*|<\*>[ /-]{_MONTH}[ /-]<\*>", VARIABLE),  # date
    (r"(^|[\s=(\[,:_|])[-+]<\*>", f"${{1}}{VARIABLE}"),  # sign
    (r"(^|\s)[<>]<\*>(\s|$)", f"${{1}}{VARIABLE}${{2}}"),  # less than: <1 sec
    (r"\b[\w-]+(?:\.[\w$<>-]+)+:<\*>", VARIABLE),  # host:port, file:line
    (r"(?:\d\.)?<\*>(?:[\w.:/@+#~^,-]*<\*>)*(?:[.-][\w.-]*\w)?", VARIABLE),  # glued: 10.0.0.1:80, 5/7, a1b2-c3
    (r"<\*>(?: ?(?:B|[KMGTkmgt]i?B|[nuµm]?s|secs?|[kMG]?Hz)\b)+", VARIABLE),  # unit: one value prints as B, KB or MB
    (r"<\*> bytes \(<\*>\)", f"{VARIABLE} bytes"),  # a size, and again for people
    (rf'\b(\w*(?:{TEXT_KEYS})\w*"?[=:] ?)"', "${1}\x00"),  # what one of TEXT_KEYS quotes is set aside, ...
    (r'([=:] ?)"[^"]*"', f'${{1}}"{VARIABLE}"'),  # ... what another key quotes is a value, ...
    (r"\x00", '"'),  # ... and back
    (r"([=:] ?)(?:null|nil|[Nn]one)\b", f"${{1}}{VARIABLE}"),  # no value
    (r"\b(?:\w+\{)+<\*>\}+", VARIABLE),  # an object printed with its id: Source{17}
    (r"(^|\s)\(\)", f"${{1}}({VARIABLE})"),  # an empty slot, not the call f()
)

# A word: letters, digits and values, joined by - / \ & + * ? ! ~ ^ ` or one dot. All else is gap.
WORD = re.compile(r"((?:<\*>|[\w#$])(?:(?:[-/\\&+*?!~^`]*\.?)(?:<\*>|[\w$%#]))*)")
SEPARATORS = frozenset(" ,;|&@")  # between the items of a list
LONGEST_ITEM = 4  # words of one item of a list: `iar <*> dear <*>, iar <*> dear <*>`

# Step 3: how many different words a position must have, where the rest is alike, to be a variable. The comment of each
# number gives the range in which mean accuracy moves by less than 0.002, on real and on invented systems (`thresholds`
# in the benchmark). Chosen without a system, they group that system as well; only NAMED needs the sample Linux.
MASKED = 2  # beside a value, whatever is no plain word is one too: broadcast_<*>, rdd_<*>
NAMED = 2  # 2 to 3: a word after "user", "host" or "node" is its name
NUMBERED = 3  # 2 to 5: disk1, disk2, disk3; but IPv4, IPv6
MANY = 5  # 4 to 6: any other word
TEXT = 20  # 8 and up: text that branches: states in capitals, first words, phrases, what follows "msg"
SHARED = 0.5  # 0.34 to 0.5: share of a line's words that must be alike before any other is called a variable
LONG = 4  # 2 to 6: with so many words alike, the first word too may be a name

NAME_KEYS = frozenset({"user", "host", "node"})


def mine(messages: pd.Series) -> pd.DataFrame:
    """`template_id` and `template` of each message of one log source, on the messages' index."""
    return mine_polars(pl.from_pandas(messages)).to_pandas().set_index(messages.index)


def mine_polars(messages: pl.Series) -> pl.DataFrame:
    """`template_id` and `template` of each message of one log source, in the order of the messages."""
    masked = mask(messages).to_frame("masked")
    templates = _templates(masked["masked"].unique().to_list())
    lookup = pl.DataFrame(
        {
            "masked": list(templates.keys()),
            "template_id": [template_id(text) for text in templates.values()],
            "template": list(templates.values()),
        },
        schema=dict.fromkeys(("masked", "template_id", "template"), pl.String),
    )
    return masked.join(lookup, on="masked", how="left", maintain_order="left").drop("masked")


def mask(messages: pl.Series) -> pl.Series:
    """Messages with their numbers masked: the one step that sees every line, and so the one that uses every core."""
    text = pl.col("message").cast(pl.String).fill_null("")
    masked = messages.to_frame("message").lazy().select(text.str.replace_all(NUMBER, VARIABLE))
    return masked.collect(engine="streaming").to_series()


def template_id(template: str) -> str:
    """12 hex digits that depend on the template's text alone; 48 bits: 1e-5 odds of a clash among 75,000 templates."""
    return blake2b(template.encode(), digest_size=6).hexdigest()


def _templates(texts: Iterable[str]) -> dict[str, str]:
    """Template of each distinct text.

    A round turns words into values or drops repeats and never the reverse, so the rounds end; two or three are usual.
    """
    templates = {text: text for text in texts}
    parsed: dict[str, Parsed] = {}
    while True:
        current = set(templates.values())
        fresh = list(current - parsed.keys())
        parsed |= zip(fresh, map(take_apart, tidy(pl.Series(fresh, dtype=pl.String))), strict=True)
        after = _round({text: parsed[text] for text in current})
        if all(text == template for text, template in after.items()):
            return templates
        templates = {text: after[template] for text, template in templates.items()}


def _round(parsed: dict[str, Parsed]) -> dict[str, str]:
    """The text of each text with the variables of its shape: one round of steps 2 and 3."""
    shapes: defaultdict[Row, set[Row]] = defaultdict(set)
    for gaps, words in parsed.values():
        shapes[gaps].add(words)
    patterns = {gaps: generalised(rows, gaps) for gaps, rows in shapes.items()}
    return {text: _put_together(gaps, patterns[gaps][words]) for text, (gaps, words) in parsed.items()}


def tidy(texts: pl.Series) -> pl.Series:
    """Number-masked texts with every other mask applied, and cut to the length that is mined."""
    short = texts.str.len_chars() <= LONGEST
    texts = texts.zip_with(short, texts.str.head(LONGEST).str.replace(r"\S*$", VARIABLE))
    for pattern, replacement in MASKS:
        texts = texts.str.replace_all(pattern, replacement)
    return texts.str.strip_chars()


def take_apart(text: str) -> Parsed:
    """Gaps and words of a text, items of a list that repeat taken once.

    "drop blk_<*> blk_<*>, ok" -> ("", " ", ", ", "") and ("drop", "blk_<*>", "ok"); gaps are one more than words.
    """
    parts = WORD.split(text)
    gaps, words = parts[:1], []
    longest = LONGEST_ITEM if VARIABLE in text else 0
    for word, gap in zip(parts[1::2], parts[2::2], strict=True):
        words.append(intern(word))
        gaps.append(gap)
        for size in range(1, min(longest, len(words) // 2) + 1):
            if _repeats(gaps, words, size):
                del words[-size:], gaps[-1 - size : -1]
                break
    return tuple(gaps), tuple(words)


def _repeats(gaps: list[str], words: list[str], size: int) -> bool:
    """Whether the last `size` words, with a value among them, repeat the `size` words before them."""
    return (
        words[-1] == words[-1 - size]
        and words[-size:] == words[-2 * size : -size]
        and gaps[-size:-1] == gaps[-2 * size : -size - 1]
        and SEPARATORS.issuperset(gaps[-size - 1])
        and any(VARIABLE in word for word in words[-size:])
    )


def _put_together(gaps: Row, words: Row) -> str:
    return "".join(gap + word for gap, word in zip(gaps, (*words, ""), strict=True))


def generalised(rows: Iterable[Row], gaps: Row) -> dict[Row, Row]:
    """Pattern of each row of words, all rows being of one shape: `VARIABLE` at the positions that vary."""
    patterns: dict[Row, Row] = {}
    work = [[(row, row) for row in rows]]
    while work:
        group = work.pop()
        columns = [set(words) for words in zip(*{pattern for _, pattern in group}, strict=True)]
        variables, branch = _decide(columns, gaps)
        if variables:
            work.append([(row, _blank(pattern, variables)) for row, pattern in group])
        elif branch is None:
            patterns.update(group)
        else:
            work.extend(_split_by_word(group, branch))
    return patterns


def _blank(pattern: Row, positions: set[int]) -> Row:
    """The pattern with `VARIABLE` at these positions."""
    return tuple(VARIABLE if at in positions else word for at, word in enumerate(pattern))


def _split_by_word(group: list[tuple[Row, Row]], at: int) -> Iterable[list[tuple[Row, Row]]]:
    """Rows and their patterns, in groups that have the same word at position `at`."""
    parts: defaultdict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for row, pattern in group:
        parts[pattern[at]].append((row, pattern))
    return parts.values()


def _decide(columns: Sequence[set[str]], gaps: Row) -> tuple[set[int], int | None]:
    """Positions to blank now, or else the position to split by, or else neither: this is one template.

    Subtle: beside a branch, only positions with many words of their own are blanked. One that is a variable because it
    has a value already waits for the split: else a value of one template would blank the words of another.
    """
    varying = [at for at, words in enumerate(columns) if len(words) > 1]
    shared = sum(len(words) == 1 and VARIABLE not in words for words in columns)
    if shared < SHARED * (shared + len(varying)):
        return set(), min(varying, key=lambda at: len(columns[at]))
    needed = {at: _needed(at, columns, gaps, shared) for at in varying}
    variables = {at for at in varying if len(columns[at]) >= needed[at]}
    branches = [at for at in varying if at not in variables]
    ripe = {at for at in variables if needed[at] > MASKED} if branches else variables
    if ripe:
        return ripe, None
    return set(), min(branches, key=lambda at: len(columns[at]), default=None)


def _needed(at: int, columns: Sequence[set[str]], gaps: Row, shared: int) -> int:
    """How many different words position `at` must have to be a variable."""
    words = columns[at]
    kinds = Counter(map(_word_kind, words))
    plain = kinds["letters"] + kinds["capitals"]
    masked = kinds["masked"]
    if masked + kinds["numbered"] == len(words) and len({_stem(word) for word in words}) == 1:
        return MASKED if masked else NUMBERED
    if masked and 2 * plain <= len(words) - masked:
        return MASKED
    if gaps[at] == " " and NAME_KEYS.issuperset(word.lower() for word in columns[at - 1]):
        return NAMED
    if 2 * kinds["capitals"] > len(words) or _is_text(at, columns, gaps, shared):
        return TEXT
    return MANY


def _is_text(at: int, columns: Sequence[set[str]], gaps: Row, shared: int) -> bool:
    """Whether position `at` is text that branches: the first word, a value of TEXT_KEYS, or a word of a phrase."""
    if not _mostly_letters(columns[at]):
        return False
    if at == 0:
        return shared < LONG
    if gaps[at] != " " and all(re.search(TEXT_KEYS, word) for word in columns[at - 1]):
        return True
    neighbours = [near for near, gap in ((at - 1, at), (at + 1, at + 1)) if gaps[gap] == " " and near < len(columns)]
    return any(len(columns[near]) > 1 and _mostly_letters(columns[near]) for near in neighbours)


def _mostly_letters(words: set[str]) -> bool:
    kinds = Counter(map(_word_kind, words))
    return 2 * (kinds["letters"] + kinds["capitals"]) > len(words)


@lru_cache(maxsize=1 << 16)
def _word_kind(word: str) -> str:
    if VARIABLE in word:
        return "masked"
    if re.fullmatch(r"[A-Z][A-Z_]+", word):
        return "capitals"
    if word.isalpha():
        return "letters"
    return "numbered" if re.fullmatch(r"\D+\d", word) else "name"


def _stem(word: str) -> str:
    return word.replace(VARIABLE, "").rstrip("0123456789")
