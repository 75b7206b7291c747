"""Raw posts and whole runs for the tests of ds3_stackoverflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from schemas.ds3_stackoverflow import APPROVAL_CHANNEL, MIN_SCORE, RAW, SITE, TAGS
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds3_stackoverflow.conversations import conversations
from tasks.pipelines.ds3_stackoverflow.pairs import pairs
from tasks.pipelines.ds3_stackoverflow.posts import posts
from tasks.pipelines.ds3_stackoverflow.questions import answers, questions, wanted
from tasks.pipelines.ds3_stackoverflow.source import decode


def raw(*rows: dict[str, Any]) -> pd.DataFrame:
    """Raw rows as decode gives them; line n is row n."""
    whole = [{**dict.fromkeys(RAW.names), "file": "x", "line": n, **row} for n, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(whole, schema=RAW).to_pandas(types_mapper=pd.ArrowDtype)


def question(number: int = 1, **changes: Any) -> dict[str, Any]:
    sound = {
        "kind": "question",
        "question_id": str(number),
        "question_title": "Pod dies",
        "question_body": "<p>My pod <code>web-1</code> in namespace <code>shop</code> is OOMKilled.</p>",
        "question_tags": "<linux><kubernetes><docker>",
        "question_score": "7",
        "question_views": "1000",
        "question_accepted": str(number * 10),
        "question_created": "2015-01-02T03:04:05.678",
        "question_owner_id": "5",
    }
    return sound | changes


def answer(number: int = 10, to: int = 1, **changes: Any) -> dict[str, Any]:
    sound = {
        "kind": "answer",
        "answer_id": str(number),
        "question_id": str(to),
        "answer_body": "<p>Raise the limit.</p>",
        "answer_score": "9",
        "answer_created": "2019-01-02T03:04:05.678",
        "answer_owner": "Ada &amp; Co",
    }
    return sound | changes


def run(
    batch: pd.DataFrame,
    *,
    require_answer: bool = False,
    tags: Sequence[str] = TAGS,
    min_score: int = MIN_SCORE,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(conversations, pairs, rejects) of raw rows, every step in its order."""
    kept, unwanted = posts(batch, tags=tags, min_score=min_score)
    asked, empty = questions(kept, site=SITE)
    accepted, others = answers(kept, site=SITE, **wanted(asked))
    paired, unpaired = pairs(asked, accepted, require_answer=require_answer)
    table, unanswered = conversations(paired, channel=APPROVAL_CHANNEL)
    return table, paired, pd.concat([unwanted, empty, others, unpaired, unanswered], ignore_index=True)


def reasons(batch: pd.DataFrame, **given: Any) -> list[tuple[int, str, str]]:
    """(line, outcome, reason) of each reject; with the conversations' rows they are all rows."""
    table, _, rejects = run(batch, **given)
    assert list(rejects) == list(REJECT_COLUMNS)
    assert table["rows"].sum() + len(rejects) == len(batch)
    return sorted(zip(rejects["line"], rejects["outcome"], rejects["reason"], strict=True))


def texts(row: Any) -> list[str]:
    return [message["content"] for message in orjson.loads(row["messages"])]


ROWS = st.lists(
    st.one_of(
        st.builds(
            question,
            st.integers(1, 4),
            question_score=st.sampled_from(["3", "9", "x"]),
            question_accepted=st.sampled_from([None, "10", "20", "31"]),
        ),
        st.builds(
            answer, st.sampled_from([10, 20, 30, 31]), st.integers(1, 4), answer_chosen=st.sampled_from([None, "true"])
        ),
    ),
    max_size=12,
)


def decoded(*paths: Path) -> pd.DataFrame:
    """Raw rows of files."""
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for path in paths for table in decode(path, path.name)]
    return pd.concat(batches, ignore_index=True)
