"""The generated sample: a file of prompts as people bring them. The grammar's own prompts need no file."""

import json
import random
from itertools import islice
from pathlib import Path

from tasks.pipelines.ds4_synthetic import grammar

KNOWN = 8  # prompts that the grammar can answer: they are its own
UNKNOWN = (  # prompts that wait for a teacher
    "Move the nightly retraining of the churn model to 03:30 and tell #ml-ops.",
    "Which of our models had the highest drift last week?",
    "Compare the cost of gpu-a100-04 and gpu-l4-11 for the same batch.",
    "Why did checkout-api fail its canary? Logs of the canary pods, please, and a summary.",
    "Put the feature store into read-only mode until Monday.",
)


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write `prompts.jsonl`, prompts with and without an answer in the grammar and bad rows, and truth.json."""
    rng = random.Random(seed)
    known = list(islice(grammar.requests(scale, seed), KNOWN))
    rows = [{"user_intent": request.user, "tool_context": grammar.context_text(request)} for request in known]
    rows += [{"user_intent": text, "tool_context": "environment: production, noted by hand"} for text in UNKNOWN]
    rng.shuffle(rows)
    prompts = [json.dumps({"id": f"p{number:03}", **row}) for number, row in enumerate(rows, start=1)]
    twice = [json.dumps({"id": "p900", **rows[0]}), json.dumps({"id": "p001", "user_intent": "Another one."})]
    bad = ['{"id": "p901", "user_intent": "Restart', json.dumps({"id": "p902", "user_intent": " "})]
    (folder / "prompts.jsonl").write_text("\n".join([*prompts, *twice, *bad]) + "\n")
    planted = {"known": len(known), "waiting": len(UNKNOWN)}
    faults = {"duplicate_prompt": 1, "duplicate_id": 1, "not_json": 1, "user_intent_missing": 1}
    (folder / "truth.json").write_text(json.dumps({**planted, "faults": faults}) + "\n")
