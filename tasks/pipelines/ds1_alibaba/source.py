"""The Alibaba cluster trace as files: which tables are used, how they are read, and where they come from."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from schemas import ds1_alibaba as ds1
from schemas.source import Source
from tasks.pipelines.ds1_alibaba.sample import sample
from tasks.sources import delimited


def identify(path: Path) -> str | None:
    """The table in a file, by the file's name; None for what this dataset does not use."""
    return path.stem if path.suffix == ".csv" and path.stem in ds1.USED else None


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """The rows of one file, in tables of a block each: the columns of TABLES, then those of PLACE.

    The stem of `name` is the table's. Raises SourceError for a file that is no text.
    """
    table = Path(name).stem
    for rows in delimited.read(path, name, ds1.TABLES[table]):
        yield _with_constants(rows, {"table": table, "file": name}).select([*ds1.TABLES[table], *ds1.PLACE])


def _with_constants(rows: pa.Table, constants: Mapping[str, str]) -> pa.Table:
    """`rows` with a column for each constant, which is kept once."""
    for column, value in constants.items():
        kind = ds1.PLACE[column]
        indices = pa.repeat(pa.scalar(0, kind.index_type), rows.num_rows)
        rows = rows.append_column(column, pa.DictionaryArray.from_arrays(indices, pa.array([value])))
    return rows


SOURCE = Source(
    stem=ds1.STEM,
    title="Alibaba Cluster Trace 2017 (and machine_usage of 2018)",
    homepage="https://github.com/alibaba/clusterdata",
    licence="research or study, as the trace's homepage says",
    citation=(
        "Alibaba Cluster Trace Program, cluster-trace-v2017 and cluster-trace-v2018, "
        "https://github.com/alibaba/clusterdata"
    ),
    expected=("server_usage", "batch_instance", "batch_task", "server_event"),
    patterns=tuple(f"{table}.csv" for table in ds1.USED),
    identify=identify,
    sample=sample,
    how_to_get=(
        "Ask for the trace on the page cluster-trace-v2017 of github.com/alibaba/clusterdata, download "
        "alibaba-trace-2017.tar.gz and check it against SHA256SUM there."
    ),
)
