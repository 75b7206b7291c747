"""Posts of Stack Exchange as raw rows, in every layout they come in: the dump's XML, tables in CSV, JSON Lines.

A file is recognised by its content, not by its name. Reading streams: memory is one block or the longest row. A row
that cannot be read becomes a row with a `fault` and its text. A DTD in the XML is refused, because entities expand.
"""

import csv
import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.parsers import expat

import orjson
import pyarrow as pa

from schemas.document import Document
from schemas.ds3_stackoverflow import ANSWER, OTHER, PAIR, POST_TYPES, QUESTION, RAW, STEM, place_of
from schemas.finding import SourceError
from schemas.reject import ROW_TEXT_LIMIT
from schemas.source import Source
from tasks.engine import snapshots
from tasks.pipelines.ds3_stackoverflow.api import PIN, bring
from tasks.pipelines.ds3_stackoverflow.sample import sample

BLOCK = 2 << 20  # bytes of the rows of a batch
LONGEST = 64 << 20  # bytes of a row; a post has at most 30,000 characters by the site's rules
HEAD = 1 << 20  # bytes read to recognise a file
ROW = re.compile(rb"<row(?=[\s/>])")  # well-formed XML has no "<" in an attribute, so this is always a row
ROOT_END = re.compile(rb"</[A-Za-z_][\w.-]*\s*>\s*\Z")
POSTS = re.compile(rb"<(?:!DOCTYPE\s+)?posts[\s>\[]|<row\s[^<]*?\bPostTypeId=")
ENCODING = re.compile(rb"""<\?xml[^>]*?encoding=["']([\w.-]+)["']""")
UNICODE = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
LAYOUTS = 1_024  # sets of columns that are cached; a dump has about thirty
XML, CSV, JSON = ".xml", ".csv", (".jsonl", ".ndjson")


def identify(path: Path) -> str | None:
    """Return "posts" for a file with questions or answers, None for any other; reads its first rows."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        if suffix == XML:
            return "posts" if POSTS.search(file.read(HEAD)) else None
        if suffix == CSV:
            return "posts" if _are_posts(_header(file)) else None
        if suffix in JSON:
            return "posts" if any(map(_are_posts, _first_objects(file))) else None
    return None


def _header(file: BinaryIO) -> list[str]:
    head = file.readline(HEAD).decode("utf-8-sig", "replace")
    return next(csv.reader([head]), [])


def _first_objects(file: BinaryIO) -> Iterator[Document]:
    for line in itertools.islice(iter(lambda: file.readline(LONGEST), b""), 20):
        row = _json_value(line)
        if isinstance(row, dict):
            yield row


def _are_posts(columns: Iterable[str]) -> bool:
    """Whether columns have an id, a body, and one that only a question or an answer has."""
    places = {place for column in columns if (place := place_of(column))}
    fields = {field for _, field in places}
    is_post = bool({"title", "tags", "parent", "type"} & fields) or (QUESTION, "id") in places
    return {"id", "body"} <= fields and is_post


# ---------------------------------------------------------------------------------------------------------------------
# Rows.


class Row(NamedTuple):
    """A row of a file: the line it begins in, its columns and their values; or a fault and its text."""

    line: int
    columns: Sequence[str]
    values: Sequence[Any]
    fault: str | None = None
    text: str | None = None


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """Tables of RAW, `file` being `name` and `line` the line a row begins in. A file without rows gives an empty one.

    Raises SourceError for XML with a DTD or in another encoding than UTF-8, and for a file without end of row.
    """
    empty = True
    for rows in _row_batches(path, name):
        empty = False
        yield _raw_table(rows, name)
    if empty:
        yield RAW.empty_table()


def _row_batches(path: Path, name: str) -> Iterator[Sequence[Row]]:
    suffix = path.suffix.lower()
    if suffix == XML:
        return _xml_rows(path, name)
    return _of_size(_csv_rows(path, name) if suffix == CSV else _json_rows(path))


def _of_size(rows: Iterator[tuple[int, Row]]) -> Iterator[Sequence[Row]]:
    """Batches of rows of about BLOCK bytes; the rows come with their sizes."""
    batch: list[Row] = []
    size = 0
    for length, row in rows:
        batch.append(row)
        size += length
        if size >= BLOCK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _raw_table(rows: Sequence[Row], name: str) -> pa.Table:
    cells: dict[str, list[Any]] = {column: [None] * len(rows) for column in RAW.names}
    for at, row in enumerate(rows):
        columns, values = tuple(row.columns), row.values
        if None in values or "" in values:
            filled = [n for n, value in enumerate(values) if value is not None and value != ""]
            columns, values = tuple(columns[n] for n in filled), [values[n] for n in filled]
        place = _type_place(columns)
        plan = _plan(columns, "" if place is None else POST_TYPES.get(_as_text(values[place]).lower(), OTHER))
        cells["kind"][at] = plan.kind
        for column, n in plan.cells:
            value = values[n]
            cells[column][at] = value if value.__class__ is str else _as_text(value)
    cells |= {"file": [name] * len(rows), "line": [row.line for row in rows]}
    cells |= {"fault": [row.fault for row in rows], "text": [row.text for row in rows]}
    return pa.table(cells, schema=RAW)


class Plan(NamedTuple):
    """For rows with the same columns: their kind, and which value goes into which column of RAW."""

    kind: str
    cells: tuple[tuple[str, int], ...]


@lru_cache(LAYOUTS)
def _type_place(columns: tuple[str, ...]) -> int | None:
    """Index of the column with the type of post."""
    return next((n for n, column in enumerate(columns) if place_of(column) == ("", "type")), None)


@lru_cache(LAYOUTS)
def _plan(columns: tuple[str, ...], kind: str) -> Plan:
    """Where the values of a row go that has a value in each of `columns`; `kind` is its type of post, "" where unknown.

    A field without prefix is the question's or the answer's, as the row is one or the other; but a title, tags, views
    and the accepted answer's id are always the question's.
    """
    parts: dict[str, dict[str, int]] = {"": {}, QUESTION: {}, ANSWER: {}}
    for n, column in enumerate(columns):
        place = place_of(column)
        if place is not None:
            parts[place[0]].setdefault(place[1], n)
    own = parts[""]
    part = kind or _part(own, parts[QUESTION], parts[ANSWER])
    mine, others = (_OF_ANSWER, _OF_QUESTION) if part == ANSWER else (_OF_QUESTION, _OF_ANSWER)
    cells = {_OF_QUESTION[field]: n for field, n in parts[QUESTION].items() if field in _OF_QUESTION}
    cells |= {_OF_ANSWER[field]: n for field, n in parts[ANSWER].items() if field in _OF_ANSWER}
    cells |= {mine.get(field) or others[field]: n for field, n in own.items() if field in {**mine, **others}}
    if part == ANSWER and "parent" in own:
        cells.setdefault("question_id", own["parent"])
    pair = "question_body" in cells and "answer_body" in cells
    return Plan(PAIR if pair else part, tuple(cells.items()))


_OF_QUESTION = {column.removeprefix("question_"): column for column in RAW.names if column.startswith("question_")}
_OF_ANSWER = {column.removeprefix("answer_"): column for column in RAW.names if column.startswith("answer_")}


def _part(own: Collection[str], question: Collection[str], answer: Collection[str]) -> str:
    """Whether the fields without prefix are the question's or the answer's, where the row names no type of post."""
    if "parent" in own:
        return ANSWER
    only_answers = "body" in answer and not {"title", "body"} & {*own, *question}
    return ANSWER if only_answers or ("id" in answer and "body" not in answer) else QUESTION


def _as_text(value: Any) -> str:
    """A JSON value as text: 7.0 is "7", true is "true", a list of tags is "<a><b>"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "".join(f"<{item}>" for item in value)
    return str(value)


# ---------------------------------------------------------------------------------------------------------------------
# The data dump's XML: <posts><row Id="1" PostTypeId="1" .../>...</posts>


def _xml_rows(path: Path, name: str) -> Iterator[Sequence[Row]]:
    with path.open("rb") as file:
        for line, block in _row_blocks(file, name):
            yield _parsed_rows(block, line) or list(_one_by_one(block, line))


def _row_blocks(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """(line it begins in, text) of blocks of whole rows, the first beginning with the first row."""
    line, buffer, begun = 1, b"", False
    for chunk in itertools.chain(iter(lambda: file.read(BLOCK), b""), [b""]):
        buffer += chunk
        first = ROW.search(buffer)
        if first and not begun:
            _refuse_declarations(buffer[: first.start()], name)
            line += buffer.count(b"\n", 0, first.start())
            buffer, begun = buffer[first.start() :], True
        elif not begun and not chunk:
            _refuse_declarations(buffer, name)
            return
        if not chunk:
            yield line, ROOT_END.sub(b"", buffer)
            return
        cut = _last_row(buffer)
        if begun and cut:
            yield line, buffer[:cut]
            line, buffer = line + buffer.count(b"\n", 0, cut), buffer[cut:]
        _refuse_endless(buffer, line, name)


def _last_row(buffer: bytes) -> int:
    """Where the last row begins; 0 where the only row is at the start."""
    at = len(buffer)
    while (at := buffer.rfind(b"<row", 0, at)) > 0:
        if ROW.match(buffer, at):
            return at
    return 0


def _refuse_endless(buffer: bytes, line: int, name: str) -> None:
    if len(buffer) > LONGEST:
        raise SourceError(
            f"{name}: the row that begins in line {line} has no end within {len(buffer):,} bytes; a row has at most "
            f"{LONGEST:,}. Fetch the file again, or remove it from the folder."
        )


def _refuse_declarations(prolog: bytes, name: str) -> None:
    """Raise SourceError for a DTD before the first row, and for an encoding that is not UTF-8."""
    if b"<!DOCTYPE" in prolog or b"<!ENTITY" in prolog:
        raise SourceError(
            f"{name} declares a document type (DTD) before its first row; the data dump has none, and its entities can "
            "expand without end or read files. The file is not read. Remove the declaration, or fetch the file from "
            "its origin."
        )
    encoding = ENCODING.search(prolog)
    if encoding and encoding[1].lower() not in UNICODE:
        raise SourceError(
            f"{name} says that its encoding is {encoding[1].decode()}; the data dump is UTF-8. Convert it, for example "
            f"with: iconv -f {encoding[1].decode()} -t utf-8."
        )


def _parsed_rows(block: bytes, first: int) -> list[Row]:
    """Rows of a block of well-formed XML, [] for any other."""
    rows: list[Row] = []
    parser = expat.ParserCreate("utf-8")

    def start(tag: str, attributes: list[str]) -> None:
        if tag == "row":
            rows.append(Row(first + parser.CurrentLineNumber - 1, attributes[::2], attributes[1::2]))

    parser.ordered_attributes = True
    parser.StartElementHandler = start
    try:
        parser.Parse(b"<posts>" + block + b"</posts>", True)
    except expat.ExpatError:
        return []
    finally:
        parser.StartElementHandler = None  # the two refer to each other: a block's memory would wait for gc
    return rows if len(rows) == len(ROW.findall(block)) else []


def _one_by_one(block: bytes, line: int) -> Iterator[Row]:
    """Rows of a block that is not well-formed, each read by itself."""
    starts = [match.start() for match in ROW.finditer(block)]
    for start, end in itertools.pairwise([*starts, len(block)]):
        piece = block[start:end]
        sound = _parsed_rows(piece, line)
        yield sound[0] if sound else Row(line, (), (), "malformed_xml", _row_text_of_bytes(piece).strip())
        line += piece.count(b"\n")


# ---------------------------------------------------------------------------------------------------------------------
# Tables in CSV: a header, commas, quoted fields that may span many lines


def _csv_rows(path: Path, name: str) -> Iterator[tuple[int, Row]]:
    """(size, row) of each record after the header; a blank line is none."""
    header: list[str] = []
    for line, record in _csv_records(path, name):
        if not header:
            header = record
        else:
            size = sum(map(len, record))
            yield size, _csv_row(line, record, header)


def _csv_records(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins in, fields) of every record that is not a blank line."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file)
        line = 1
        try:
            while (record := _next_record(reader)) is not None:
                if record:
                    yield line, record
                line = reader.line_num + 1
        except csv.Error as error:
            raise SourceError(
                f"{name}: the record that begins in line {line} cannot be read: {error}. A quote may be missing there. "
                "Correct it, or remove the file from the folder."
            ) from error


def _next_record(reader: Iterator[list[str]]) -> list[str] | None:
    """The next record, None at the end. The limit of a field is global in Python: it is set for this read only."""
    before = csv.field_size_limit(LONGEST)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _csv_row(line: int, record: list[str], header: list[str]) -> Row:
    if len(record) != len(header):
        return Row(line, (), (), "wrong_column_count", _row_text(",".join(record)))
    try:
        "".join(record).encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 were read as lone surrogates
        return Row(line, (), (), "invalid_utf8", _row_text(",".join(record)))
    return Row(line, header, record)


def _row_text(text: str) -> str:
    return text[:ROW_TEXT_LIMIT].encode(errors="replace").decode()


# ---------------------------------------------------------------------------------------------------------------------
# JSON Lines: a post a line, under any spelling of its keys; {"owner": {"user_id": 7}} is owner_user_id


def _json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(size, row) of every line that is not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(_cut_lines(file), start=1):
            if line.rstrip(b"\r\n"):
                yield len(line), _json_row(number, line)


def _cut_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a file; a line longer than LONGEST is cut one byte after that."""
    while line := file.readline(LONGEST + 1):
        yield line
        while len(line) > LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST + 1)


def _json_row(number: int, line: bytes) -> Row:
    if len(line) > LONGEST:
        return Row(number, (), (), "line_too_long", _row_text_of_bytes(line))
    row = _json_value(line)
    if row is None:
        return Row(number, (), (), "malformed_json", _row_text_of_bytes(line))
    if not isinstance(row, dict):
        return Row(number, (), (), "not_an_object", _row_text_of_bytes(line))
    flat = _flat(row)
    return Row(number, tuple(flat), tuple(flat.values()))


def _row_text_of_bytes(line: bytes) -> str:
    return line[: 4 * ROW_TEXT_LIMIT].decode(errors="replace")[:ROW_TEXT_LIMIT]


def _json_value(line: bytes) -> Any:
    """A line's value, None for what is no JSON. NaN, which Python writes for a missing number, is read as null."""
    try:
        return orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        try:
            return orjson.loads(orjson.dumps(json.loads(line)))
        except (ValueError, TypeError, RecursionError):
            return None


def _flat(row: Document) -> Document:
    """The row with the values of inner objects under keys of both: owner_user_id."""
    flat: Document = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{inner}": item for inner, item in value.items() if not isinstance(item, dict | list)}
        else:
            flat[key] = value
    return flat


# ---------------------------------------------------------------------------------------------------------------------


def count(path: Path) -> int:
    """Rows of a raw file: row elements, records after the header, or lines that are not blank."""
    suffix = path.suffix.lower()
    if suffix == XML:
        return _count_row_elements(path)
    if suffix == CSV:
        return max(sum(1 for _ in _csv_records(path, path.name)) - 1, 0)
    return snapshots.count_rows(path)


def _count_row_elements(path: Path) -> int:
    rows, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(BLOCK):
            text = tail + chunk
            rows += len(ROW.findall(text))
            tail = text[-4:]  # the byte after a name decides whether it is a row, so none of these was counted
    return rows


SOURCE = Source(
    stem=STEM,
    title="Stack Overflow: questions of operations with their accepted answers",
    homepage="https://stackoverflow.com",
    licence="CC BY-SA 2.5, 3.0 or 4.0, as each post's date says: attribution and share-alike; each row names its own",
    citation="Stack Exchange, Inc. Stack Exchange Data Dump and API, posts by the users named in each row.",
    expected=("posts",),
    patterns=("*.xml", "*.csv", "*.jsonl", "*.ndjson"),
    identify=identify,
    sample=sample,
    count=count,
    bring=bring,
    pin=PIN,
)
