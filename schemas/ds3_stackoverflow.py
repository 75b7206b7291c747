"""Questions and answers of Stack Exchange: the raw columns of every layout, the tables of each step, and thresholds.

A raw row is a question, an answer, or both side by side (a table of pairs): the columns of the question and those of
the answer have a prefix. Spellings of one name ("AcceptedAnswerId", "accepted_answer_id") are one name. The words by
which posts are judged are in tasks/pipelines/ds3_stackoverflow/words.py.
Sources: the data dump's schema (meta.stackexchange.com/q/2677), the API's types (api.stackexchange.com/docs), and
DOMAIN's tags and formula of quality.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa

from schemas.tools import Environment

STEM = "ds3_stackoverflow"
TEXT, WHOLE, REAL, FLAG = (pd.ArrowDtype(kind) for kind in (pa.string(), pa.int64(), pa.float64(), pa.bool_()))
TEXTS = pd.ArrowDtype(pa.list_(pa.string()))

# ---------------------------------------------------------------------------------------------------------------------
# Raw rows.

Kind = Literal["question", "answer", "pair", "other"]
QUESTION, ANSWER, PAIR, OTHER = "question", "answer", "pair", "other"


class PostQuestion(NamedTuple):
    """The question of a post; None where the row has no value. Ids and numbers are text in raw rows."""

    id: int | None
    title: str | None
    body: str | None
    tags: str | None
    score: int | None
    views: int | None
    accepted: int | None  # id of the accepted answer
    created: str | None
    owner_id: str | None
    owner: str | None
    licence: str | None
    link: str | None


class PostAnswer(NamedTuple):
    """The answer of a post; None where the row has no value. Ids and numbers are text in raw rows."""

    id: int | None
    body: str | None
    score: int | None
    created: str | None
    chosen: str | None  # the answer's own mark that it is the accepted one
    owner_id: str | None
    owner: str | None
    licence: str | None
    link: str | None


class Post(NamedTuple):
    """A row of `posts`."""

    file: str
    line: int
    kind: Kind
    tag: str | None  # the question's first wanted tag
    question: PostQuestion
    answer: PostAnswer


RAW_TEXTS = (
    "kind",
    *(f"question_{field}" for field in PostQuestion._fields),
    *(f"answer_{field}" for field in PostAnswer._fields),
    "fault",  # the reason why the row cannot be read; null where it can
    "text",  # the row itself, where it has a fault
)
RAW = pa.schema({"file": pa.string(), "line": pa.int64(), **dict.fromkeys(RAW_TEXTS, pa.string())})

# What a column may be called, in small letters without separators. A prefix (q_, question_, a_, answer_ ...) may say
# whose it is; without one it is the row's own.
SPELLINGS: Mapping[str, str] = {
    spelling: field
    for field, spellings in {
        "id": "id",
        "type": "posttypeid posttype typeid type",
        "parent": "parentid parent",
        "accepted": "acceptedanswerid acceptedanswer acceptedid",
        "chosen": "isaccepted isacceptedanswer accepted",
        "title": "title",
        "body": "body content text html bodyhtml bodymarkdown markdown",
        "tags": "tags tag taglist",
        "score": "score votes votecount",
        "views": "viewcount views",
        "created": "creationdate created createdat createddate creation date",
        "owner_id": "owneruserid ownerid userid authorid",
        "owner": "ownerdisplayname ownername owner displayname author authorname username",
        "licence": "contentlicense contentlicence license licence",
        "link": "link url permalink sharelink",
    }.items()
    for spelling in spellings.split()
}
PREFIXES = (
    ("acceptedanswer", ANSWER),
    ("question", QUESTION),
    ("answer", ANSWER),
    ("ans", ANSWER),
    ("post", ""),
    ("q", QUESTION),
    ("a", ANSWER),
)
POST_TYPES = {"1": QUESTION, "2": ANSWER, QUESTION: QUESTION, ANSWER: ANSWER}


def place_of(column: str) -> tuple[str, str] | None:
    """(part, field) of a column, part "" for the row's own; None for one that is not read.

    place_of("q_AcceptedAnswerId") is ("question", "accepted"), place_of("CommentCount") is None.
    """
    word = re.sub(r"[^a-z0-9]", "", column.lower())
    if word in SPELLINGS:
        return "", SPELLINGS[word]
    for prefix, part in PREFIXES:
        rest = word.removeprefix(prefix)
        if rest != word and rest in SPELLINGS:
            return part, SPELLINGS[rest]
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Tables of the steps. A NamedTuple is a row, the dictionary below it has the types of its columns.


class Question(NamedTuple):
    """A question that is used: its place, its cleaned texts, and its features."""

    file: str
    line: int
    question: int  # its id
    title: str
    text: str
    tags: list[str]
    tag: str
    score: int
    views: int
    accepted: int | None
    words: int
    blocks: int
    redactions: int
    licence: str
    credit: str
    signatures: list[str]
    component: str
    question_type: str
    complexity: str
    environment: Environment


class Answer(NamedTuple):
    """An answer, cleaned. A pair without one has null in all of its columns."""

    answer: int | None  # its id; None where a row of a table of pairs has none
    rationale: str
    answer_score: int
    answer_words: int
    answer_blocks: int
    answer_redactions: int
    answer_licence: str
    answer_credit: str


class AnswerRow(NamedTuple):
    """An answer that may be accepted, and what it says about itself. It has no place of its own in a row of pairs."""

    file: str | None
    line: int | None
    question: int | None
    chosen: bool
    answer: Answer


class Pair(NamedTuple):
    """A question with its accepted answer, where that is in the data."""

    question: Question
    answer: Answer | None
    answer_file: str | None
    answer_line: int | None
    rows: int  # raw rows it is made of
    quality_score: float
    quality: str
    weight: float


PLACE_COLUMNS = {"file": TEXT, "line": WHOLE}
QUESTION_COLUMNS = {
    **PLACE_COLUMNS,
    "question": WHOLE,
    "title": TEXT,
    "text": TEXT,
    "tags": TEXTS,
    "tag": TEXT,
    "score": WHOLE,
    "views": WHOLE,
    "accepted": WHOLE,
    "words": WHOLE,
    "blocks": WHOLE,
    "redactions": WHOLE,
    "licence": TEXT,
    "credit": TEXT,
    "signatures": TEXTS,
    "component": TEXT,
    "question_type": TEXT,
    "complexity": TEXT,
    "environment": TEXT,
}
ANSWER_COLUMNS = {
    "answer": WHOLE,
    "rationale": TEXT,
    "answer_score": WHOLE,
    "answer_words": WHOLE,
    "answer_blocks": WHOLE,
    "answer_redactions": WHOLE,
    "answer_licence": TEXT,
    "answer_credit": TEXT,
}
ANSWER_ROW_COLUMNS = {**PLACE_COLUMNS, "question": WHOLE, "chosen": FLAG, **ANSWER_COLUMNS}
PAIR_COLUMNS = {
    **QUESTION_COLUMNS,
    **ANSWER_COLUMNS,
    "answer_file": TEXT,
    "answer_line": WHOLE,
    "rows": WHOLE,
    "quality_score": REAL,
    "quality": TEXT,
    "weight": REAL,
}
SLICES: dict[str, pd.ArrowDtype] = {"tag": TEXT, "quality": TEXT}
OUTCOME = FLAG

# ---------------------------------------------------------------------------------------------------------------------
# What is used.

SITE = "https://stackoverflow.com"
TAGS = (
    "kubernetes",
    "terraform",
    "gpu",
    "autoscaling",
    "mlops",
    "tensorflow",
    "pytorch",
    "airflow",
    "docker",
    "prometheus",
    "grafana",
    "aws-lambda",
    "github-actions",
    "ansible",
)
MIN_SCORE = 5

# From this day on content is under this version (stackoverflow.com/help/licensing). The last is also that of a post
# without a date: its terms allow adaptations of 2.5 and 3.0 to go on under a later version.
LICENCES = (
    ("", "CC-BY-SA-2.5"),
    ("2011-04-08", "CC-BY-SA-3.0"),
    ("2018-05-02", "CC-BY-SA-4.0"),
)

# Long posts. Llama-3-8B sees 8,192 tokens, about 30,000 characters, of which the tools on offer take 8,000.
HTML_LIMIT = 1_000_000  # characters of a body that are read; the site allows 30,000
CODE_LIMIT = 3_000  # characters of one code block: its start and end stay, for a traceback ends in its cause
BODY_LIMIT = 12_000  # characters of a question's text: its start stays
RATIONALE_LIMIT = 20_000  # characters of an answer's text: its start stays
REJECT_TEXT = 200  # characters kept of a row that was understood and is not wanted: a dump has millions of them

APPROVAL_CHANNEL = "#ops-approvals"  # Slack channel in which a destructive step asks for approval

# ---------------------------------------------------------------------------------------------------------------------
# Complexity and quality of a question.

COMPLEXITIES = ("low", "medium", "high")
# Points: one for this many words, one for each code block, one for each signature beyond the first.
WORDS_A_POINT = 150
MEDIUM_POINTS, HIGH_POINTS = 2, 5  # from here on medium, high

# Quality = 2 q_score + 3 a_score + 0.001 views + min(q_words/50, 2) + min(a_words/100, 3) + 0.5 code_blocks (DOMAIN).
# Words are those of the cleaned bodies, code included; code blocks are those of question and answer.

# Slices of quality. 10 is a question of the lowest score used without an answer; 25 one with an accepted answer of the
# same score; 60 is about a question and an answer of 12 votes each.
QUALITIES = ((60.0, "high"), (25.0, "medium"), (float("-inf"), "low"))
UNANSWERED = "unanswered"  # quality of a question whose accepted answer is not in the data

# Limits of the report on quality (DOMAIN, "Checks").
MISSING_LIMIT = 0.10  # share of questions without a value
DUPLICATE_LIMIT = 0.05  # share of questions whose text came before
SLICE_ROWS = 30  # rows from which a slice is judged
SLICE_DEVIATION = 0.25  # distance of a slice's mean quality from the mean of all, as a share of it
