"""The export of the prompt store: JSON Lines, one for each prompt and for each raw row that is no prompt (ROW)."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa

from schemas.ds4_synthetic import RAW, ROW
from schemas.reject import ROW_TEXT_LIMIT
from tasks.engine import snapshots

EXPORT = "generations.jsonl"


def write(rows: Iterable[Mapping[str, object]], target: Path) -> None:
    """Write one line a row under another name first: `target` is always whole."""
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    snapshots.move(part, target)


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """The lines of an export as RAW: file (= `name`), line, and the fields as text.

    A line that cannot be read, such as one cut off, has the fault not_json, and its text in `row`.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        numbered = enumerate(file, start=1)
        while batch := list(islice(numbered, snapshots.BATCH_ROWS)):
            rows = [{"file": name, "line": number, **_export_fields(line)} for number, line in batch if line.strip()]
            yield pa.Table.from_pylist(rows, schema=RAW)


def _export_fields(line: str) -> dict[str, str | None]:
    try:
        value = orjson.loads(line.encode())
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        value = {"fault": "not_json", "row": line[:ROW_TEXT_LIMIT]}
    return {key: None if value.get(key) is None else str(value[key]) for key in ROW}
