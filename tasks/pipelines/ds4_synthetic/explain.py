"""What became of one prompt: who answered it, its conversation. And back: which file asked for it, or the grammar."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from schemas.ds4_synthetic import STEM
from tasks.quality.trail import Explainer, Found, Origin, Stop, Tables, conversation_stops

EXPORT = "generations.jsonl"


def _prompts(tables: Tables) -> Iterator[dict[str, Any]]:
    """The lines of the prompt store's export."""
    with tables.raw(EXPORT).open("rb") as file:
        yield from map(orjson.loads, file)


def follow(tables: Tables, file: str, line: int) -> Found:
    """A prompt of a file, from its answer to the published conversation."""
    found = (row for row in _prompts(tables) if row["origin"] == file and int(row["number"] or 0) == line)
    prompt = next(found, None)
    if prompt is None or prompt["answer"] is None:
        return Found()
    row = f"{STEM}:{prompt['id']}"
    words = f"Answered by {prompt['teacher']}, family {prompt['family'] or 'none'}."
    stops = conversation_stops(tables.step("check"), row)
    return Found((Stop("generate", words, (f"request: {prompt['user_intent']}",)), *stops), (row,) if stops else ())


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The prompt file and row that asked; of a request of the grammar, its line of the export."""
    for number, prompt in enumerate(_prompts(tables), 1):
        if f"{STEM}:{prompt['id']}" == row:
            own = prompt["origin"]
            return [Origin(own, int(prompt["number"])) if own else Origin(EXPORT, number)]
    return []


EXPLAINER = Explainer(follow, origins, ids=f"{STEM}:<hash of the prompt>")
