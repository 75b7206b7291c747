"""Prompt stores for tests: files of prompts, a stand-in for a teacher, and runs in a folder."""

import json
from pathlib import Path
from typing import Any

from schemas.workflow import answer
from tasks.pipelines.ds4_synthetic.prompt_store import StoreReport, fill

STATUS = answer([("get_node_status", {"node": "n1"})])
SCALE = 0.0  # one request of each family
TEXTS = [f"Unheard-of request {number}" for number in range(5)]


class StandIn:
    """A teacher that answers everything but the requests of `refuses`, and records what it was asked."""

    name = "stand-in"

    def __init__(self, **refuses: Exception) -> None:
        self.refuses = refuses
        self.asked: list[str] = []

    def answer(self, system: str, user: str) -> str:
        self.asked.append(user)
        for text, error in self.refuses.items():
            if user.endswith(text):
                raise error
        return STATUS


def lines_of(folder: Path, *rows: Any, name: str = "prompts.jsonl") -> tuple[str, Path]:
    path = folder / name
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return name, path


def asked(*texts: str) -> list[dict[str, str]]:
    return [{"user_intent": text, "tool_context": ""} for text in texts]


def run(folder: Path, *files: tuple[str, Path], teacher: Any = None, scale: float = SCALE) -> StoreReport:
    return fill(folder / "p.sqlite", folder / "e.jsonl", files, scale=scale, teacher=teacher)


def exported(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "e.jsonl").read_text().splitlines()]


def brought(folder: Path) -> list[dict[str, Any]]:
    return [row for row in exported(folder) if row["teacher"] != "grammar"]
