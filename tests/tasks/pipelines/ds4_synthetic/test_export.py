"""The export of the prompt store: every line comes back, with its number."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.ds4_synthetic import RAW
from tasks.pipelines.ds4_synthetic.export import decode
from tests.tasks.pipelines.ds4_synthetic.stores import TEXTS, asked, lines_of, run

pytestmark = pytest.mark.integration


def test_decode_gives_every_line_of_the_export_with_its_number(tmp_path: Path) -> None:
    """Fields as text; a line that was cut is a row with a fault."""
    run(tmp_path, lines_of(tmp_path, *asked(*TEXTS), "{oh\n"))
    text = (tmp_path / "e.jsonl").read_text()
    (tmp_path / "e.jsonl").write_text(text + "\n" + text[:50])
    table = pa.concat_tables(decode(tmp_path / "e.jsonl", "e.jsonl"))
    rows = table.to_pylist()
    assert table.schema == RAW
    assert len(rows) == len(text.splitlines()) + 1
    assert [row["line"] for row in rows[:-1]] == list(range(1, len(rows)))
    assert (rows[-1]["fault"], rows[-1]["row"]) == ("not_json", text[:50])
    by_id = {row["id"]: row for row in map(json.loads, text.splitlines())}
    assert all(row["answer"] == by_id[row["id"]]["answer"] for row in rows[:-1])
