"""Files of source code for the tests of the code corpus: raw rows, selected and decoded files, a Scan in memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from schemas.code_corpus import COLUMNS, FEWEST_STARS, LANGUAGES, LARGEST, RAW_ROWS, SMALLEST
from tasks.pipelines.code_corpus import selection, stages
from tasks.pipelines.code_corpus.rules import Wanted

PYTHON = '''"""Counts the words of a text."""


def counted(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in text.lower().split():
        found[word] = found.get(word, 0) + 1
    return found
'''

JAVASCRIPT = """export function counted(text) {
  const found = new Map();
  for (const word of text.toLowerCase().split(" ")) {
    found.set(word, (found.get(word) ?? 0) + 1);
  }
  return found;
}
"""

JAVA = (
    "package a;\n\nimport java.util.List;\n\npublic class Count {\n"
    + "".join(
        f"    private static int f{n}(List<String> words) {{\n        return words.size() + {n};\n    }}\n"
        for n in range(9)
    )
    + "}\n"
)

EVERYTHING = Wanted(tuple(LANGUAGES), (), FEWEST_STARS, SMALLEST, LARGEST)


class Held:
    """A table in memory as a Scan, `size` rows a batch."""

    def __init__(self, table: pd.DataFrame, size: int = 2) -> None:
        self.table, self.size, self.rows = table.reset_index(drop=True), size, len(table)

    def read(self, *columns: str) -> pd.DataFrame:
        return self.table[list(columns)]

    def batches(self, *columns: str) -> Iterator[pd.DataFrame]:
        chosen = self.table[list(columns)] if columns else self.table
        for at in range(0, max(len(chosen), 1), self.size):
            yield chosen.iloc[at : at + self.size]


def raw(*rows: dict[str, Any]) -> pd.DataFrame:
    """Raw rows; what one does not say is that of a good file."""
    good = {
        "file": "files.parquet",
        "repo": "ada/engine",
        "path": "src/count.py",
        "language": "Python",
        "licence": "MIT",
        "revision": "f" * 40,
        "blob": "0" * 40,
        "stars": 12,
        "encoding": "utf-8",
        "size": None,
        "content": PYTHON.encode(),
        "fault": None,
    }
    filled = [{**good, "line": at, **row} for at, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(filled, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def selected(*rows: dict[str, Any], wanted: Wanted = EVERYTHING) -> pd.DataFrame:
    """Raw rows, all of which are kept, as files with bytes."""
    kept, rejects = selection.selection(raw(*rows), wanted=wanted)
    assert rejects.empty, rejects["reason"].tolist()
    return kept


def decoded(*rows: dict[str, Any]) -> pd.DataFrame:
    """Raw rows, all of which are kept, as files with text."""
    kept, rejects = stages.encoding(selected(*rows), guess=True)
    assert rejects.empty
    return kept


def measured(*rows: dict[str, Any]) -> pd.DataFrame:
    """Raw rows, all of which are kept, in the columns of the corpus."""
    return counted(decoded(*rows))


def counted(files: pd.DataFrame) -> pd.DataFrame:
    """Decoded files in the columns of the corpus."""
    made, rejects = stages.tokens(files, count=True, vocabulary="", vocabulary_sha256="")
    assert rejects.empty
    return made


def texts(contents: Sequence[str], **more: Sequence[Any]) -> pd.DataFrame:
    """Files of repositories of their own with these texts, of whatever language, decoded."""
    known = [{name: values[at] for name, values in more.items()} for at in range(len(contents))]
    files = decoded(*({"repo": f"r{at}/x", **columns} for at, columns in enumerate(known)))
    return files.assign(content=pd.Series(list(contents), dtype=COLUMNS["content"]))


def both(made: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The kept files as one table, and the rejects."""
    return pd.concat(list(made[0]), ignore_index=True), made[1]
