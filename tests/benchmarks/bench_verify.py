"""Verified JSON Lines against other validators, in one run: `python -m tests.benchmarks.bench_verify [rows]`.

Ours is the whole way of a table: all stages that need no cluster (schema, roles, workflow, offer, parameters,
approvals) and the lines written. The peers check each record against the line's schema alone, and write it:
`jsonschema` (pure Python) with json, and jsonschema-rs with orjson, the fastest that libraries do by themselves.
Processor time, the best of some turns.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
import pandas as pd

from schemas.format_b import COLUMNS, LINE_SCHEMA, messages_json, system_message, table
from schemas.tools import REGISTRY, Tool
from schemas.workflow import answer
from tasks.tool_use.jsonl import lines, rows_of
from tasks.tool_use.verify import verified

TURNS = 3
OFFERS: dict[str, Sequence[Tool]] = {
    "one small tool": [REGISTRY["get_node_status"]],
    "all fifteen tools": list(REGISTRY.values()),
}
Record = dict[str, Any]


def conversations(tools: Sequence[Tool], rows: int) -> pd.DataFrame:
    """`rows` different short conversations that offer the same tools."""
    offer = system_message(tools)
    return table([_row(number, offer) for number in range(rows)])


def _row(number: int, offer: str) -> Record:
    turns = (
        ("system", offer),
        ("user", f"How is node-{number}?"),
        ("assistant", answer([("get_node_status", {"node": f"node-{number}"})])),
    )
    told = dict.fromkeys(COLUMNS, "") | {"source": "bench", "licence": "MIT", "environment": "production"}
    messages = messages_json([{"role": role, "content": content} for role, content in turns])
    return told | {"id": f"bench:{number}", "group": f"g{number}", "messages": messages, "weight": 1.0, "rows": 1}


def ours(rows: pd.DataFrame) -> Iterable[bytes]:
    """Lines of the rows that pass."""
    kept, _ = verified(rows)
    return lines(kept.assign(split=pd.Series(["train"] * len(kept), dtype=COLUMNS["id"])), mode="local")


def jsonschema_and_json(records: list[Record]) -> Iterable[bytes]:
    """Lines of the records that fit the schema."""
    fits = jsonschema.Draft202012Validator(LINE_SCHEMA).is_valid
    return (json.dumps(record).encode() for record in records if fits(record))


def jsonschema_rs_and_orjson(records: list[Record]) -> Iterable[bytes]:
    """Lines of the records that fit the schema."""
    fits = jsonschema_rs.Draft202012Validator(LINE_SCHEMA).is_valid
    return (orjson.dumps(record) for record in records if fits(record))


def rate(way: Callable[[Any], Iterable[bytes]], given: Any) -> float:
    """Lines for each second of processor time, the best of some turns."""
    best = 0.0
    for _ in range(TURNS):
        begun = time.process_time()
        count = sum(1 for _ in way(given))
        best = max(best, count / (time.process_time() - begun))
        if count != len(given):
            sys.exit(f"{way.__name__} wrote {count} lines of {len(given)}")
    return best


def main(rows: str = "50000") -> None:
    """Print lines a second and the ratio of ours to each peer, for a small and for the full offer."""
    for name, tools in OFFERS.items():
        made = conversations(tools, int(rows))
        records = [orjson.loads(line) for line in ours(made.head(int(rows) // 10))]
        own = rate(ours, made)
        print(f"{name}, {len(made['messages'][0]):,} bytes a line: {own:,.0f} lines/s")
        for peer in (jsonschema_and_json, jsonschema_rs_and_orjson):
            theirs = rate(peer, records)
            print(f"  {peer.__name__:26}{theirs:10,.0f} lines/s   ours / theirs {own / theirs:6.1f}")
        if list(lines(rows_of(ours(made.head(100))), mode="local")) != list(ours(made.head(100))):
            sys.exit("lines -> rows_of -> lines is not the same")


if __name__ == "__main__":
    main(*sys.argv[1:2])
