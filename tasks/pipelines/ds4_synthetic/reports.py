"""Statistics of the synthetic conversations."""

from collections import Counter
from collections.abc import Sequence

import orjson
import pandas as pd

from schemas.document import Document
from schemas.workflow import steps_of


def schema_stats(table: pd.DataFrame) -> Document:
    """Counts for schema_stats.json: conversations, intents, tools, shapes of answers.

    An intent is one wish: a family and all values of the request, whatever the words.
    """
    answers = [orjson.loads(text)[-1]["content"] for text in table["messages"]]
    users = [orjson.loads(text)[1]["content"] for text in table["messages"]]
    steps = [steps_of(answer) for answer in answers]
    return {
        "total_conversations": len(table),
        "distinct_intents": table["intent"].nunique(),
        "distinct_texts": len({" ".join(text.casefold().split()) for text in users}),
        "intent_families": table["group"].nunique(),
        "teachers": _value_counts(table["teacher"]),
        "environments": _value_counts(table["environment"]),
        "tools_asked_for": _value_counts(table["tool"]),
        "tools_called": dict(sorted(Counter(step["tool"] for called in steps for step in called).items())),
        "complexity": _value_counts(table["complexity"]),
        "steps": dict(sorted(Counter(map(len, steps)).items())),
        "messages_without_steps": sum(not called for called in steps),
        "characters_of_requests": _length_range(users),
    }


def _value_counts(column: pd.Series) -> dict[str, int]:
    return dict(sorted(Counter(column.tolist()).items()))


def _length_range(texts: Sequence[str]) -> dict[str, float]:
    lengths = [len(text) for text in texts] or [0]
    return {"min": min(lengths), "max": max(lengths), "mean": round(sum(lengths) / len(lengths), 1)}
