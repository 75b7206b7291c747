"""The rules of ds5_glaive: tiers by hand, every reason reachable, and the README's tables equal to the code."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.ds5_glaive import LONGEST, THRESHOLDS
from schemas.tools import REGISTRY
from tasks.pipelines import ds5_glaive
from tasks.pipelines.ds5_glaive.conversations import grouped, tier_of
from tasks.pipelines.ds5_glaive.rules import ARGUMENT_REPAIRS, DEFINITION_REPAIRS, REASONS, REPAIRS, TIERS, TURN_REPAIRS
from tasks.pipelines.ds5_glaive.sample import FILE, WITH, sample
from tests.tasks.pipelines.ds5_glaive.chats import ALPHA, ASK, SYSTEM, call, chat, converted, decoded

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


# --- tiers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "called", "tier"),
    [
        (0, [], "none"),
        (3, [], "none"),
        (1, ["a"], "simple"),
        (2, ["a"], "moderate"),
        (1, ["a"] * 2, "moderate"),
        (1, ["a"] * 3, "moderate"),
        (1, ["a"] * 4, "complex"),
        (2, ["a", "b"], "complex"),
    ],
)
def test_tiers(offered: int, called: list[str], tier: str) -> None:
    assert tier_of(offered, called) == tier


# --- reasons ---------------------------------------------------------------------------------------------------------


def row(chat: str, system: str = SYSTEM) -> str:
    return json.dumps({"system": system, "chat": chat})


def defined(definition: Any) -> str:
    return row(chat(ASK, ("A", "b")), WITH + (definition if isinstance(definition, str) else json.dumps(definition)))


WRONG_SCHEMA = {"not": {"$ref": "http://x/y"}, "a": 1}
LINES: dict[str, str | bytes] = {
    "invalid_utf8": b'{"system": "a", "chat": "\xff"}',
    "invalid_json": "{",
    "not_an_object": "[1]",
    "system_missing": '{"chat": "a"}',
    "chat_missing": '{"system": "a"}',
    "too_long": row("x" * (LONGEST + 1)),
    "nul_bytes": row("a\0"),
    "function_unreadable": defined('{"name": "f", "parameters": {"type"'),
    "function_without_name": defined('{"description": "no name", "parameters": {}}'),
    "function_schema_invalid": defined({"name": "f", "description": "", "parameters": WRONG_SCHEMA}),
    "function_named_like_ours": defined({**ALPHA, "name": next(iter(REGISTRY))}),
    "no_label_at_start": row("Hello?"),
    "empty_chat": row(" "),
    "no_answer": row(chat(ASK)),
    "call_unreadable": row(chat(ASK, ("A", call()[:-6]))),
    "call_not_offered": row(chat(ASK, ("A", call("get_gamma")))),
    "call_invalid": row(chat(ASK, ("A", call(arguments="{'other': 1}")))),
    "secret_found": row(chat(("U", "my key is ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2), ("A", "b"))),
}


def written(tmp_path: Path, *lines: str | bytes) -> pd.DataFrame:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    return decoded(path)


def rejected_for(rejects: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rejects["outcome"], rejects["reason"], strict=True))


@pytest.mark.parametrize("name", LINES)
def test_a_reason_has_a_row_and_the_row_has_its_outcome(tmp_path: Path, name: str) -> None:
    _, rejects = converted(written(tmp_path, LINES[name]))
    assert rejected_for(rejects) == [(REASONS[name].outcome, name)]
    assert set(rejects["step"]) == {"conversations"}


def test_every_reason_is_given_by_some_row(tmp_path: Path) -> None:
    sound = row(chat(ASK, ("A", "b")))
    _, outside = converted(written(tmp_path, sound), share=0.0)
    kept, _ = converted(written(tmp_path, sound, sound))
    _, repeated = grouped(kept, largest_group=0.1, always_joined=10)
    assert rejected_for(outside) == [("dropped", "outside_share")]
    assert rejected_for(repeated) == [("dropped", "duplicate_id")]
    assert {*LINES, "outside_share", "duplicate_id"} == set(REASONS)


def test_every_reason_of_the_sample_is_explained(tmp_path: Path) -> None:
    sample(tmp_path, 42, 1.0)
    kept, rejects = converted(decoded(tmp_path / FILE))
    _, repeated = grouped(kept, largest_group=0.1, always_joined=10)
    assert len(rejects) > 0
    assert {*rejects["reason"], *repeated["reason"]} <= set(REASONS)


# --- words -----------------------------------------------------------------------------------------------------------


def test_no_repair_has_two_meanings() -> None:
    assert len(REPAIRS) == len(TURN_REPAIRS) + len(DEFINITION_REPAIRS) + len(ARGUMENT_REPAIRS)


def test_the_readmes_tables_are_those_of_the_code() -> None:
    readme = (Path(ds5_glaive.__path__[0]) / "README.md").read_text().splitlines()
    rows = [
        *(f"| {tier.name} | {tier.meaning} |" for tier in TIERS),
        *(f"| {name} | {meaning} |" for name, meaning in REPAIRS.items()),
        *(f"| {reason.name} | {reason.outcome} | {reason.meaning} |" for reason in REASONS.values()),
        *(
            f"| {one.name} | {'at most' if one.at_most else 'at least'} {one.limit:g} | {one.meaning} |"
            for one in THRESHOLDS
        ),
    ]
    assert [row for row in rows if row not in readme] == []
