"""Reasons of the synthetic scenarios: each is explained, and each is given to some row."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.pipelines.ds4_synthetic.conversations import conversations
from tasks.pipelines.ds4_synthetic.export import decode
from tasks.pipelines.ds4_synthetic.rules import REASONS
from tasks.pipelines.ds4_synthetic.sample import sample
from tests.tasks.pipelines.ds4_synthetic.export_rows import batch, row
from tests.tasks.pipelines.ds4_synthetic.stores import TEXTS, asked, lines_of, run
from tests.tasks.pipelines.ds4_synthetic.test_source import BAD

pytestmark = pytest.mark.integration


def reasons_of(folder: Path, *files: tuple[str, Path]) -> dict[str, str]:
    """Reason -> outcome of the rejects of a run with these prompt files."""
    run(folder, *files)
    (table,) = decode(folder / "e.jsonl", "e.jsonl")
    _, rejects = conversations(table.to_pandas(types_mapper=pd.ArrowDtype))
    return dict(zip(rejects["reason"], rejects["outcome"], strict=True))


def test_every_reason_is_given_to_some_row_and_has_one_outcome(tmp_path: Path) -> None:
    (tmp_path / "binary.jsonl").write_bytes(b'{"user_intent": "a\xffb"}\n{"user_intent": "a\0b"}\n')
    deep = '{"user_intent": "a", "tool_context": ' + "[" * 300 + "]" * 300 + "}"
    good = [{"id": number, **row} for number, row in enumerate(asked(*TEXTS), start=1)]
    given = reasons_of(
        tmp_path,
        lines_of(tmp_path, *good, *(f"{text}\n" for text in (*BAD, deep))),
        ("binary.jsonl", tmp_path / "binary.jsonl"),
    )
    _, unread = conversations(batch(row(answer="{}")))
    given |= dict(zip(unread["reason"], unread["outcome"], strict=True))
    assert given == {name: reason.outcome for name, reason in REASONS.items()}


def test_every_reason_of_the_sample_is_explained(tmp_path: Path) -> None:
    sample(tmp_path, 42, 0.1)
    given = reasons_of(tmp_path, ("prompts.jsonl", tmp_path / "prompts.jsonl"))
    assert given
    assert set(given) <= set(REASONS)
