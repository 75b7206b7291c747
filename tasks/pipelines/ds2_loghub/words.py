"""How DS2 reads a line before its rules are asked: words taken apart, numbers hidden, harmless phrases removed.

A line is compared as `words_of` gives it: small letters; camelCase, snake_case and kebab-case taken apart; every number
that is not zero is 9. So `java.net.NoRouteToHostException` reads "java.net.no route to host exception".
Patterns are written one a line and matched between word boundaries; <name> stands for FRAGMENTS[name]. They are Rust's
regular expressions: linear time.
"""

import re
from functools import cache

import polars as pl

FRAGMENTS = {
    "a": r"(?:\w+ )?",  # perhaps a word
    "some": r"(?:\S+ ){0,4}",  # a few words
    "no": r"(?:zero|0|without(?: any| an?)?|free of|no)(?: \w+)?",
    # The four lists of nouns below end so that disk0, disk(s) and "services:" count too.
    "failed": "(?:failed|failure|fails|failing|aborted|exception|errors?)",
    "cannot": r"""
        (?:fail(?:ed|ure|s|ing)? (?:to|in|while|at)|unable to|can ?not|can[' ]?t|could not|could ?n[o']?t
        |errors?(?: while| in| when)?)
    """,
    "feature": """
        (?:fail(?:ures?|over)?|errors?|crash|panic|oom|oom killer|time ?out|checksum|verification|watchdog|corruption
        |checks?|machine check|exception|heart ?beat|retry|deadlock|link)
    """,
    "store": r"""
        (?:disks?|drives?|[hsv]d[a-z]|ata\d+\S*|nvme\w*|volumes?|raid|array|lun|scsi|sata|ssd|hdd|storage|mount|nfs|san
        |file ?systems?|(?:ext\d|xfs|btrfs|zfs|lustre|gpfs|reiserfs|jfs)\w*(?: fs)?|inode|superblock
        |block device)\d*(?:[^\w\s]\S*)?
    """,
    "part": r"""
        (?:power(?: supply)?|psu|fan|cpu|processor|dimm|memory module|temperature|thermal|motherboard|board|midplane
        |node ?card|service card|link card|chassis|bmc|ipmi|hardware|clock|voltage|battery|pci|gpu)\d*(?:[^\w\s]\S*)?
    """,
    "worker": r"""
        (?:executors?|workers?|containers?|task ?managers?|task ?trackers?|node ?managers?|data ?nodes?
        |region ?servers?|agents?|slaves?|replicas?|pods?|brokers?)\d*(?:[^\w\s]\S*)?
    """,
    "work": r"""
        (?:jobs?|sub ?jobs?|tasks?|attempts?|stages?|applications?|apps?|commands?|sub ?commands?|scripts?|services?
        |process(?:es)?|units?|daemons?|modules?|builds?|deployments?|backups?|quer(?:y|ies)|transactions?|requests?
        |steps?|workflows?|pipelines?|instances?|operations?|batch|cron|startup|start|boot|shutdown|cleanup|commit|update
        |upgrade|install(?:ation)?|launch|migration|initiali[sz]ation|maps?|reduces?|compaction|replication|snapshot
        |checkpoint|registration|registering|scheduling|allocation|election)\d*(?:[^\w\s]\S*)?
    """,
}


# (replacement, patterns): phrases that are no failure though they sound like one, replaced in this order before any
# rule is asked.
HARMLESS = (
    # an end of patience is an event, its length a setting: "timeout of 30 s exceeded", "timeout = 30 s"
    ("timed out", r"time ?outs? (?:of|after) \S+ ?\w* (?:exceeded|expired|elapsed|reached)"),
    (
        "",
        r"""
        time ?outs?(?: (?:ms|seconds|value|interval|threshold|period|policy))?\W*(?:is|are|was|of|set to|to
            |in)?\W*\b[09]\w*
        (?:keep ?alive|idle|default|session|max|set|setting|configured|negotiated) time ?outs?(?: for)?
        """,
    ),
    ("failed", r"(?:without|not|no) success\w*|unsuccessful\w*"),
    # said to be absent, or mended
    (
        "",
        r"""
        <no> (?:errors?|failures?|failed|exceptions?|warnings?|time ?outs?|corruption|panics?|crash(?:es)?|conflicts)
        <no> (?:losses|denied|lost|dead|missing|killed|aborted|rejected|dropped)
        (?:not|never|nothing|none|didn[' ]?t) (?:fail(?:ed)?|time ?out|timed out|lost|corrupt(?:ed)?|crash(?:ed)?
            |killed)
        (?:errors?|fail(?:ures?|ed)|exceptions?|warnings?|lost|corrupt\w*|time ?outs?|timed ?out
            |denied)(?: \w+)?\s*[=:]+\s*(?:0|none|null|false)
        (?:killed|dead|missing|dropped)(?: \w+)?\s*[=:]+\s*(?:0|none|null|false)
        (?:errors?(?:\(s\))?|failures?|faults?|corruption) (?:\([^)]*\) )?(?:(?:was|were|is|are|has|have|been|now
            |detected|and|successfully) )*(?:corrected|recovered|cleared|resolved|fixed|repaired)
        (?:recover(?:ed|ing)|retried|reconnected) (?:\w+ ){0,2}(?:from|after) (?:\w+ ){0,4}(?:errors?|failures?
            |time ?outs?|reset|refused|lost|crash|loss)
        """,
    ),
    ("ecc error", r"(?:memory|dram|dimm|cache) (?:read|write|scrub\w*) error"),
    # names and settings, not events; and what ends on purpose
    (
        "",
        r"""
        (?:max(?:imum)?|min(?:imum)?|allowed) (?:\w+ ){0,3}(?:failures|errors|retries|attempts)(?: per \w+)?\s*(?:=
            |:|is|set to)
        <feature> (?:\w+ ){0,3}(?:enabled?|disabled?|supported|registered|installed|initiali[sz]ed|started|support
            |architecture)
        <feature> (?:\w+ ){0,3}(?:handlers?|detection|detector|reporter|reporting|policy|threshold|monitor(?:ing)?
            |report|log|logs)
        <feature> (?:\w+ ){0,3}(?:stream|codes?|count)
        (?:killed|kill|terminated|preempted|aborted) (?:by|on|at|upon) (?:(?:the|a|an) )?(?:user|request
            |application ?master|driver)
        (?:killed|kill|terminated|preempted|aborted) (?:by|on|at|upon) (?:(?:the|a|an) )?(?:client|admin\w*
            |operator|scheduler)
        """,
    ),
)

# A mild line that says it went well is normal, whatever else it mentions, unless it also counts failures.
WELL = r"""
    success(?:ful|fully)?|succeeded|recovered|restored|re ?established|reconnected|resolved|passed
    back online|came back|healthy again
"""
COUNTS_FAILURES = r"9 <a>(?:failed|failures|errors|lost|killed|corrupt)|failed\b.*\b9"

# Severity by words, for lines without a level; the first that matches decides.
SEVERITY_WORDS = (
    (
        "ERROR",
        r"""
        errors?|fail(?:ed|ure|ures|s|ing)?|fatal|panic(?:ked)?|critical|emerg(?:ency)?|alert|severe|crash(?:ed|es
            |ing)?
        abort(?:ed|ing)?|abnormal(?:ly)?|corrupt(?:ed|ion)?|mismatch\w*|kill(?:ed|ing) process|out of memory|oops
        segfault|machine check exception
        unrecoverable|uncorrectable|cannot continue|no space left|died|dead|halted|is full|no server for
            |no longer served|lost
        """,
    ),
    (
        "WARN",
        r"""
        warn(?:ing)?s?|not ?responding|no (?:response|reply)|timed ?out|time ?outs?|refused|reset by peer|un ?reachable
        unavailable|degraded|exceed(?:s|ed|ing)?|over ?heat\w*|unable|can ?not|can[' ]?t|could not|could ?n[o']?t
        not connected|no route|broken|missing|invalid|link (?:is )?down|went down|is down|overflow
            |throttl\w+
        unexpected\w*|re ?try\w*|inconsistent|problems?
        """,
    ),
)


def words_of(texts: pl.Expr) -> pl.Expr:
    """Texts as the rules read them, before HARMLESS: see the head of this file."""
    parted = texts.str.replace_all(r"([a-z])([A-Z])", "${1} ${2}").str.replace_all(r"[_\-\s]+", " ")
    return parted.str.to_lowercase()


@cache
def pattern(words: str) -> str:
    """One regular expression of patterns that are written one a line."""
    joined = _alternatives(words)
    for name, fragment in FRAGMENTS.items():
        joined = joined.replace(f"<{name}>", _alternatives(fragment))
    return rf"\b(?:{joined})(?:\b|\W|$)"


def _alternatives(lines: str) -> str:
    """Lines as alternatives; one that begins with | continues the line before it."""
    return re.sub(r"\s*\n\s*\|?", "|", lines.strip())
