"""Chats and raw rows for the tests of ds5_glaive."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from schemas.ds5_glaive import RAW_ROWS
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds5_glaive.conversations import conversations
from tasks.pipelines.ds5_glaive.sample import WITH
from tasks.pipelines.ds5_glaive.source import decode

ALPHA = {
    "name": "get_alpha",
    "description": "",
    "parameters": {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "text": {"type": "string"}},
        "required": [],
    },
}
BETA = {**ALPHA, "name": "get_beta"}
SYSTEM = WITH + json.dumps(ALPHA, indent=4) + "\n\n" + json.dumps(BETA, indent=4)
END = " <|endoftext|>"
ASK = ("U", "a")


def call(name: str = "get_alpha", arguments: str = "'{\"n\": 1}'") -> str:
    return f'<functioncall> {{"name": "{name}", "arguments": {arguments}}}'


def chat(*turns: tuple[str, str]) -> str:
    """A chat of (U|A|F, text)."""
    labels = {"U": "USER", "A": "ASSISTANT", "F": "FUNCTION RESPONSE"}
    return "\n\n\n".join(f"{labels[who]}: {text}{END if who == 'A' else ''}" for who, text in turns) + "\n\n\n"


def raw(*rows: tuple[str, str]) -> pd.DataFrame:
    """Raw rows of (system, chat); row n is in line n."""
    table = [{"file": "a.json", "line": n, "system": system, "chat": text} for n, (system, text) in enumerate(rows, 1)]
    return pa.Table.from_pylist(table, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def converted(batch: pd.DataFrame, share: float = 1.0, seed: int = 42) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) of raw rows, all of them by default."""
    return conversations(batch, share=share, seed=seed)


def one(system: str, text: str) -> tuple[list[dict[str, Any]], pd.Series]:
    """The conversation of a row: its messages as `read_messages` gives them, and its columns."""
    kept, rejects = converted(raw((system, text)))
    assert rejects.empty, rejects["reason"].tolist()
    return read_messages(kept["messages"][0]), kept.iloc[0]


def read_messages(messages: str) -> list[dict[str, Any]]:
    """Messages, with the contents of answers and results as values."""
    return [
        {**one, "content": json.loads(one["content"]) if one["role"] in {"assistant", "tool"} else one["content"]}
        for one in json.loads(messages)
    ]


def reason(system: str, text: str) -> tuple[str, str]:
    """(outcome, reason) of a row that is rejected."""
    kept, rejects = converted(raw((system, text)))
    assert kept.empty
    assert list(rejects) == list(REJECT_COLUMNS)
    return rejects["outcome"][0], rejects["reason"][0]


def steps(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A workflow of calls."""
    return {"steps": [{"step_id": n, "tool": tool, "params": params} for n, (tool, params) in enumerate(calls, 1)]}


def decoded(path: Path) -> pd.DataFrame:
    """The raw rows of a file."""
    batches = [batch.to_pandas(types_mapper=pd.ArrowDtype) for batch in decode(path, path.name)]
    return pd.concat(batches, ignore_index=True)
