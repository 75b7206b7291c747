"""Rows of the prompt store's export for tests."""

from typing import Any

import pandas as pd

from schemas.ds4_synthetic import RAW
from schemas.workflow import answer
from tasks.pipelines.ds4_synthetic import grammar

STATUS = answer([("get_node_status", {"node": "n1"})])


def row(**given: Any) -> dict[str, Any]:
    """A row of the export: an answered prompt somebody brought, unless told otherwise."""
    usual = {"id": "a1", "user_intent": "How is n1?", "tool_context": "", "teacher": "gemini/x", "answer": STATUS}
    return {"file": "generations.jsonl", "line": 7, **dict.fromkeys(RAW.names[2:]), **usual, "number": "0", **given}


def batch(*rows: dict[str, Any]) -> pd.DataFrame:
    types = {field.name: pd.ArrowDtype(field.type) for field in RAW}
    return pd.DataFrame({name: pd.Series([one[name] for one in rows], dtype=types[name]) for name in RAW.names})


def of_grammar(request: grammar.Request) -> dict[str, Any]:
    names = ("family", "tool", "intent")
    return row(
        id=request.intent,
        user_intent=request.user,
        tool_context=grammar.context_text(request),
        teacher="grammar",
        answer=request.answer,
        scenario=request.scenario.model_dump_json(),
        **{name: getattr(request, name) for name in names},
    )


GRAMMAR = [of_grammar(request) for request in grammar.requests(0.1, grammar.SEED)]
