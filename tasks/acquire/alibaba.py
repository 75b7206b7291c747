"""The Alibaba cluster trace as files: which tables there are, how to read them, and a sample in their layout."""
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from schemas import ds1_alibaba as ds1
from tasks.acquire import delimited


def identify(path: Path) -> str | None:
    """The table a file holds, by its name; None for what this dataset does not use."""
    return path.stem if path.suffix == ".csv" and path.stem in ds1.USED else None


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """The rows of one file, in tables of a block each: the columns of TABLES, then those of PLACE."""
    table = Path(name).stem
    for rows in delimited.read(path, name, ds1.TABLES[table]):
        yield _with_constants(rows, {"table": table, "file": name})


def _with_constants(rows: pa.Table, constants: dict[str, str]) -> pa.Table:
    """`rows` with a column for each constant, kept once."""
    for column, value in constants.items():
        kind = ds1.PLACE[column]
        indices = pa.repeat(pa.scalar(0, kind.index_type), rows.num_rows)
        rows = rows.append_column(column, pa.DictionaryArray.from_arrays(indices, pa.array([value], kind.value_type)))
    return rows.select([*(c for c in rows.column_names if c not in ds1.PLACE), *ds1.PLACE])
