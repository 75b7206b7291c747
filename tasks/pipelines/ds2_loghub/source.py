"""System logs of LogHub, or of any system in one of the known layouts: which files are read, how, and where from."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from schemas.ds2_loghub import LAYOUTS, STEM, Layout
from schemas.finding import SourceError
from schemas.source import RemoteFile, Source
from tasks.pipelines.ds2_loghub.parse import best_layout, system_of
from tasks.pipelines.ds2_loghub.sample import sample
from tasks.sources import lines

HEAD_LINES = 1_000  # a file's layout is that of most of its first lines
STRUCTURED = "_structured.csv"
CSV_BATCH = 100_000  # rows
RAW_LINES = lines.LINES.append(pa.field("layout", pa.string()))


def identify(path: Path) -> str | None:
    """The system whose log a file is, by its name: "Linux_2k.log" -> "linux"; None for any other file.

    LogHub's `_structured.csv` counts too (it is read where there is no raw log), its `_templates.csv` does not.
    """
    name = path.name.lower()
    return system_of(name) or None if name.endswith((".log", STRUCTURED)) else None


def choose(paths: list[Path]) -> tuple[list[Path], dict[Path, str]]:
    """One file a system, so that no line is read twice: (used, unused -> why).

    A raw log goes before its structured copy; a file in a folder named like its system (LogHub's own layout, where the
    line numbers of the ground truth are right) before one elsewhere; then the larger; then by path.
    Text in no known layout is not used, unless there is nothing else: then reading it says what is wrong.
    """
    known = [path for path in paths if _readable(path)] or paths
    unused = dict.fromkeys(set(paths) - set(known), "none of its first lines looks like a log line of a known layout")
    used: dict[str | None, Path] = {}
    for path in sorted(known, key=_preference):
        first = used.setdefault(identify(path), path)
        if first is not path:
            unused[path] = _why_not(path, first)
    return sorted(used.values()), unused


def _why_not(path: Path, read: Path) -> str:
    """Why a file is not used; names no folder above the file's own, so that a manifest depends on content alone."""
    instead = f"{read.parent.name}/{read.name} is read for {identify(path)}"
    if path.name.lower().endswith(STRUCTURED):
        return f"{instead}; this is a structured copy"
    return f"{instead}; one file a system, so that no line counts twice. To read both, put their lines into one file."


def _preference(path: Path) -> tuple[bool, bool, int, str]:
    """Smaller is better."""
    elsewhere = path.parent.name.lower() != identify(path)
    return path.name.lower().endswith(STRUCTURED), elsewhere, -path.stat().st_size, str(path)


def _readable(path: Path) -> bool:
    """False for text of which no line has a known layout. Binary and empty files pass: reading them says why."""
    if path.name.lower().endswith(STRUCTURED) or not path.stat().st_size:
        return True
    try:
        return best_layout(_head(path)) is not None
    except SourceError:
        return True


def _head(path: Path) -> list[str]:
    """The first lines of a text file. Raises SourceError for a binary one."""
    with path.open("rb") as file:
        lines.refuse_binary(file, path.name)
        return [
            line[: lines.LONGEST].decode("utf-8", "replace").rstrip() for line in itertools.islice(file, HEAD_LINES)
        ]


def decode(path: Path, name: str, turn: tuple[int, int] = (0, 1)) -> Iterator[pa.Table]:
    """Lines of one log as RAW_LINES: file (= `name`), line, text, fault, layout; `turn` as in tasks.sources.lines.read.

    A structured CSV gives the raw lines it was made from, numbered by its LineId. Raises SourceError for a binary file,
    one without a line of a known layout, and a CSV with other columns.
    """
    if name.lower().endswith(STRUCTURED):
        yield from itertools.islice(_decode_csv(path, name), turn[0], None, turn[1])
        return
    layout = _layout_of(path, name)
    for table in lines.read(path, name, turn):
        yield table.append_column("layout", pa.array([layout] * len(table), pa.string()))


def _layout_of(path: Path, name: str) -> str:
    """Name of a file's layout; "" for a file without lines."""
    head = _head(path)
    layout = best_layout(head)
    first = next((at for at, line in enumerate(head, 1) if line.strip()), 0)
    if layout is None and first:
        raise SourceError(
            f"{name}: none of its first {len(head):,} lines begins like a log line; line {first} is "
            f"{head[first - 1][:120]!r}. Known layouts: {', '.join(known.name for known in LAYOUTS)}. "
            "Bring its lines into one of them, or add a layout to schemas/ds2_loghub.py."
        )
    return layout.name if layout else ""


def _decode_csv(path: Path, name: str) -> Iterator[pa.Table]:
    """The raw lines behind a structured CSV, its own header line with the fault csv_header."""
    with path.open("rb") as file:
        lines.refuse_binary(file, name)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        layout = _layout_of_columns(header, name)
        yield _raw_lines([",".join(header)], [1], ["csv_header"], name, layout)
        try:
            while batch := [row for row in itertools.islice(rows, CSV_BATCH) if row]:
                yield _rendered(batch, header, name, layout)
        except csv.Error as fault:
            raise SourceError(
                f"{name}, line {rows.line_num}: {fault}. A quote may be missing; use the raw log."
            ) from fault


def _layout_of_columns(header: list[str], name: str) -> Layout:
    """The layout with the most columns among those whose columns are all there."""
    fitting = [layout for layout in LAYOUTS if layout.csv and _csv_fields(layout) <= set(header)]
    if "LineId" not in header or not fitting:
        known = "; ".join(", ".join(sorted(_csv_fields(layout))) for layout in LAYOUTS if layout.csv)
        raise SourceError(
            f"{name}, line 1: the columns are {', '.join(header) or 'none'}. Expected LineId and one of: {known}. "
            "Use the raw log instead."
        )
    return max(fitting, key=lambda layout: len(_csv_fields(layout)))


def _csv_fields(layout: Layout) -> set[str]:
    """Columns that a layout's CSV has: "{Date} {Time}" -> {"Date", "Time"}."""
    return {part.partition("}")[0] for part in layout.csv.split("{")[1:]}


def _rendered(batch: list[list[str]], header: list[str], name: str, layout: Layout) -> pa.Table:
    """Raw lines of a batch of CSV rows; a row of another width, or without a number, is faulty."""
    sound = [len(row) == len(header) for row in batch]
    rows = [dict(zip(header, row, strict=True)) if good else {} for row, good in zip(batch, sound, strict=True)]
    numbers = [int(row["LineId"]) if row.get("LineId", "").isdigit() else None for row in rows]
    text = [
        layout.csv.format_map(row).replace("[]: ", ": ", 1) if row else ",".join(values)
        for row, values in zip(rows, batch, strict=True)
    ]
    faults = [_csv_fault(good, number, line) for good, number, line in zip(sound, numbers, text, strict=True)]
    return _raw_lines(text, [number or 1 for number in numbers], faults, name, layout)


def _csv_fault(sound: bool, number: int | None, text: str) -> str | None:
    if not sound:
        return "wrong_column_count"
    if number is None:
        return "bad_line_id"
    return "invalid_utf8" if "\ufffd" in text else None


def _raw_lines(text: list[str], numbers: list[int], faults: list[str | None], name: str, layout: Layout) -> pa.Table:
    count = len(text)
    return pa.table([[name] * count, numbers, text, faults, [layout.name] * count], schema=RAW_LINES)


REVISION = "374038faa4ca122dd7ca0730372c0b78f76f8597"
PINNED = {  # sha256 of <system>/<system>_2k.log at that revision
    "Linux": "b3e20bc1afe732ab1bf3ed1de4bf9c809e4194e02f7dea911d918e5342e8e173",
    "HPC": "826e5957b461e65780a8bda5c186c2fcf90fd6c1863721ef9c1ccfa9ada86f88",
    "HDFS": "7c967000980c086ed55fa6544ba4f05fe66d44622795e890c68caf8bbb635035",
    "Hadoop": "9ecaeb807d50d5fb5a20982ea66f1c8d32545259a51ce7456c1ab78db0509732",
    "Spark": "2e8b9a37fc5c238253e0b8e18a8bd5e489671def91767ae1192d28c8e1f95901",
}
SOURCE = Source(
    stem=STEM,
    title="LogHub: system logs (Linux, HPC, HDFS, Hadoop, Spark)",
    homepage="https://github.com/logpai/loghub",
    licence="research or academic work only, with citation and reference to the repository (LogHub's own terms)",
    citation=(
        "Jieming Zhu, Shilin He, Pinjia He, Jinyang Liu, Michael R. Lyu. Loghub: A Large Collection of System Log "
        "Datasets for AI-driven Log Analytics. In ISSRE, 2023."
    ),
    expected=("linux", "hpc", "hdfs", "hadoop", "spark"),
    patterns=("*.log", f"*{STRUCTURED}"),
    identify=identify,
    sample=sample,
    choose=choose,
    remote=tuple(
        RemoteFile(
            f"{system}_2k.log",
            f"https://raw.githubusercontent.com/logpai/loghub/{REVISION}/{system}/{system}_2k.log",
            sha256,
        )
        for system, sha256 in PINNED.items()
    ),
)
