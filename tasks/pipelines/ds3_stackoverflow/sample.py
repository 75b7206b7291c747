"""A generated data dump of questions about operations, with the truth about what was planted.

The cases of sample_texts.py were written without the teacher's rules, so the teacher's accuracy can be measured. Among
the posts are those a real dump has too: other answers, other topics, missing parts, repeated ids, broken rows, text
that tries to give orders.
"""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from tasks.pipelines.ds3_stackoverflow.sample_texts import (
    CASES,
    ODD,
    ORDERS,
    OTHER_ANSWERS,
    PRIVATE,
    SERVICES,
    SPACES,
    STORIES,
    STORY,
    USERS,
    Case,
)

if TYPE_CHECKING:
    from schemas.document import Document

QUESTIONS = 400  # at scale 1
BEGIN = datetime(2010, 3, 1, tzinfo=UTC)  # so that all three versions of the licence occur
DAYS = 4_700


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write `folder/Posts.xml` and `folder/truth.json`: QUESTIONS * scale questions in the layout of a data dump."""
    rng = random.Random(f"{seed}/stackoverflow")
    writer = _Dump(rng)
    for number in range(max(len(CASES), round(QUESTIONS * scale))):
        writer.ask(CASES[number % len(CASES)], number)
    writer.spoil()
    lines = "".join(f"  {row}\n" for row in writer.rows)
    text = f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{lines}</posts>\n'
    (folder / "Posts.xml").write_bytes(text.encode())
    truth = json.dumps({"questions": writer.truth, "rejects": writer.spoiled}, indent=1, sort_keys=True)
    (folder / "truth.json").write_text(truth + "\n", encoding="utf-8")


class _Dump:
    """The rows of a dump as they are written, and the truth about them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._id = 70_000_000
        self.rows: list[str] = []
        self.truth: list[Document] = []
        self.spoiled: dict[str, int] = {}

    def ask(self, case: Case, number: int) -> None:
        """Add a question of a case with its accepted answer, and sometimes another answer."""
        rng, names = self._rng, _fresh_names(self._rng)
        body = "".join((rng.choice(case.bodies), self._story(), *self._asides()))
        question, *answers = self._ids(2 + (rng.random() < 0.4))
        when = BEGIN + timedelta(days=rng.randrange(DAYS), seconds=rng.randrange(86_400))
        title = rng.choice(case.titles)
        attributes = {
            "AcceptedAnswerId": str(answers[0]),
            "Score": str(rng.randrange(5, 300)),
            "ViewCount": str(rng.randrange(200, 200_000)),
            "Title": title,
            "Tags": "".join(f"<{tag}>" for tag in case.tags),
            "AnswerCount": str(len(answers)),
        }
        self._post(question, "1", when, _with_fresh_names(body, names), attributes)
        for n, answer in enumerate(answers):
            text = rng.choice(OTHER_ANSWERS if n else case.answers)
            given = {"ParentId": str(question), "Score": str(rng.randrange(0 if n else 3, 400))}
            self._post(answer, "2", when + timedelta(hours=n + 1), _with_fresh_names(text, names), given)
        self._count_reject("not_the_accepted_answer", len(answers) - 1)
        self.truth.append(
            {
                "id": question,
                "case": case.name,
                "signature": case.signature,
                "component": case.component,
                "tools": list(case.tools),
                "params": {
                    tool: {name: _with_fresh_names(value, names) for name, value in params.items()}
                    for tool, params in case.params.items()
                },
                "asks": list(case.asks),
                "number": number,
            }
        )

    def _story(self) -> str:
        """Words around the question: two questions of one case differ as two people's words do."""
        parts = {name: self._rng.choice(words) for name, words in STORY.items()}
        return f"<p>{self._rng.choice(STORIES).format(**parts)}</p>"

    def _asides(self) -> Iterator[str]:
        for share, phrases in ((0.06, ORDERS), (0.08, PRIVATE), (0.03, (ODD,))):
            if self._rng.random() < share:
                yield self._rng.choice(phrases)

    def _ids(self, count: int) -> list[int]:
        self._id += self._rng.randrange(1, 40)
        first = self._id
        self._id += count
        return list(range(first, first + count))

    def _post(self, number: int, kind: str, when: datetime, body: str, attributes: Mapping[str, str]) -> None:
        owner = {"OwnerUserId": str(self._rng.randrange(1, 9_999_999))} if self._rng.random() < 0.97 else {}
        stamp = f"{when:%Y-%m-%dT%H:%M:%S}.{self._rng.randrange(1000):03d}"
        own = {"Id": str(number), "PostTypeId": kind, "CreationDate": stamp, "Body": body, **owner, **attributes}
        self.rows.append(f"<row {' '.join(f'{name}={_quoted_attribute(value)}' for name, value in own.items())} />")

    def _count_reject(self, reason: str, rows: int) -> None:
        self.spoiled[reason] = self.spoiled.get(reason, 0) + rows

    def spoil(self) -> None:
        """Add rows that are rejected, each for its reason."""
        body, names = CASES[0].bodies[1], _fresh_names(self._rng)
        sound = {"Score": "9", "Title": "Pod crash looping", "Tags": "<kubernetes>", "AcceptedAnswerId": "1"}
        for reason, change in {
            "no_wanted_tag": {"Tags": "<cooking>"},
            "score_below_minimum": {"Score": "4"},
            "no_accepted_answer": {"AcceptedAnswerId": ""},
            "title_missing": {"Title": ""},
            "bad_number": {"Score": "many"},
        }.items():
            self._rejected_post(reason, "1", _with_fresh_names(body, names), sound | change)
        self._rejected_post("body_missing", "1", "<p> </p><script>x()</script>", sound)
        self._rejected_post("not_a_question_or_answer", "5", "", {"Score": "0"})
        self._rejected_post(
            "question_not_used", "2", "<p>To a question of another site.</p>", {"ParentId": "1", "Score": "7"}
        )
        place = self._rng.randrange(len(self.rows) // 2)
        first = next(row for row in self.rows[place:] if 'PostTypeId="1"' in row and 'Tags="&lt;k' in row)
        self.rows += [first, '<row Id="x7" PostTypeId="1" Title="no id" Body="b" Score="9" Tags="&lt;docker&gt;" />']
        self.rows += [
            '<row Id="71" PostTypeId="1" Title="&undeclared;" />',
            '<row Id="72" PostTypeId="1" Body="&#0;" />',
        ]
        for reason, rows in {"duplicate_id": 1, "bad_id": 1, "malformed_xml": 2}.items():
            self._count_reject(reason, rows)

    def _rejected_post(self, reason: str, kind: str, body: str, attributes: Mapping[str, str]) -> None:
        (number,) = self._ids(1)
        self._post(number, kind, BEGIN, body, attributes)
        self._count_reject(reason, 1)


def _fresh_names(rng: random.Random) -> dict[str, str]:
    service = rng.choice(SERVICES)
    suffix = "".join(rng.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(10))
    return {
        "svc": service,
        "ns": rng.choice(SPACES),
        "pod": f"{service}-{suffix[:9]}-{suffix[5:]}",
        "node": f"worker-{rng.randrange(1, 90)}"
        if rng.random() < 0.5
        else f"ip-10-0-{rng.randrange(255)}-7.ec2.internal",
        "n": str(rng.randrange(4, 60)),
        "user": rng.choice(USERS),
        "key": "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(13)),
    }


def _with_fresh_names(text: str, names: Mapping[str, str]) -> str:
    """The text with a name for each {name}; {{ is a brace."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("{{", "{").replace("}}", "}")


def _quoted_attribute(value: str) -> str:
    """An attribute as the dump writes it: always in double quotes, line ends as &#xA;."""
    return quoteattr(value, {"\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;", '"': "&quot;"})
