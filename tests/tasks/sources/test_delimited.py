"""Delimited text: every line is a row of values or a row with a fault, under its own number, whatever the bytes."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from tasks.engine import snapshots
from tasks.sources import delimited

pytestmark = pytest.mark.unit
COLUMNS = {
    "whole": pa.int64(),
    "real": pa.float64(),
    "word": pa.dictionary(pa.int32(), pa.string()),
    "text": pa.string(),
}
SHARED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = b"1,2.5,a,b"
PLAIN_ROW = {"whole": 1, "real": 2.5, "word": "a", "text": "b"}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "some.csv"
    path.write_bytes(content)
    return path


def rows(folder: Path, content: bytes, **options: Any) -> list[dict[str, Any]]:
    """All rows; a table column that shares its name with a place column is none of these."""
    columns = {name if name != "text" else "note": kind for name, kind in COLUMNS.items()}
    parts = delimited.read(written(folder, content), "some.csv", columns, **options)
    return [row for part in parts for row in part.to_pylist()]


def values(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in ("whole", "real", "word", "note")]


def test_clean_lines_are_typed_and_numbered_from_1(tmp_path: Path) -> None:
    first, second = rows(tmp_path, b"1,2.5,a,b\n-3,,,\n")
    assert values(first) == [1, 2.5, "a", "b"]
    assert values(second) == [-3, None, "", ""]
    assert [row["line"] for row in (first, second)] == [1, 2]
    assert first["fault"] is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"1,2.5,a", "too_few_columns"),
        (b" ", "too_few_columns"),
        (b"1,2.5,a,b,c", "too_many_columns"),
        (b"1,2.5,a,\xff\xfe", "not_utf8"),
        (b"1,2.5,\xc3(,b", "not_utf8"),
        (b"one,2.5,a,b", "bad_number"),
        (b"1.5,2.5,a,b", "bad_number"),
        (b"99999999999999999999,2.5,a,b", "bad_number"),
        (b"1,NULL,a,b", "bad_number"),
        (b'1,2.5,"a,b', "too_few_columns"),
        (b'1,2.5,a,"b"\r"c"', "bad_quotes"),
    ],
)
def test_a_line_that_cannot_be_read_has_a_fault_and_its_neighbours_have_none(
    tmp_path: Path, line: bytes, fault: str
) -> None:
    before, bad, after = rows(tmp_path, b"\n".join([PLAIN, line, PLAIN]) + b"\n")
    assert (bad["line"], bad["fault"]) == (2, fault)
    assert values(bad) == [None] * 4
    assert bad["text"].startswith(line[:5].decode())
    assert len(bad["text"]) <= 2_000
    assert values(before) == values(after) == list(PLAIN_ROW.values())
    assert after["line"] == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"3.0,1e2,a,b", [3, 100.0, "a", "b"]),
        (b" 7 ,\t8,a,b", [7, 8.0, "a", "b"]),
        (b'1,2,a,"b, c"', [1, 2.0, "a", "b, c"]),
        (b'1,2,a,"b ""c"""', [1, 2.0, "a", 'b "c"']),
        (b"1,inf,a,b", [1, float("inf"), "a", "b"]),
        ("1,2,ä,ü".encode(), [1, 2.0, "ä", "ü"]),
    ],
)
def test_unusual_lines_read_the_same_alone_and_beside_a_broken_one(
    tmp_path: Path, line: bytes, expected: list[Any]
) -> None:
    assert values(rows(tmp_path, line + b"\n")[0]) == expected
    assert values(rows(tmp_path, line + b"\nbroken\n")[0]) == expected


def test_nan_is_a_value_and_not_a_missing_one(tmp_path: Path) -> None:
    read = rows(tmp_path, b"1,nan,a,b\n1,NaN,a,b\nbroken\n1,nan,a,b\n")
    assert [str(row["real"]) for row in read] == ["nan", "nan", "None", "nan"]


def test_carriage_returns_before_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    unix = rows(tmp_path, PLAIN + b"\n" + PLAIN + b"\nbroken\n")
    assert [
        r | {"text": None} for r in rows(tmp_path, b"\xef\xbb\xbf" + PLAIN + b"\r\n" + PLAIN + b"\r\nbroken\r\n")
    ] == [r | {"text": None} for r in unix]


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    assert [row["line"] for row in rows(tmp_path, b"\n" + PLAIN + b"\n\r\n\n" + PLAIN + b"\n\n")] == [2, 5]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\n", b"  "])
def test_a_file_without_rows_yields_nothing(tmp_path: Path, content: bytes) -> None:
    assert list(delimited.read(written(tmp_path, content), "some.csv", COLUMNS)) == []


def test_a_file_cut_in_the_middle_of_a_line_ends_with_a_fault(tmp_path: Path) -> None:
    *_, last = rows(tmp_path, PLAIN + b"\n" + PLAIN[:5])
    assert (last["line"], last["fault"], last["text"]) == (2, "too_few_columns", "1,2.5")


def test_the_last_line_needs_no_line_end(tmp_path: Path) -> None:
    assert len(rows(tmp_path, PLAIN + b"\n" + PLAIN)) == 2


def test_a_line_of_a_megabyte_is_read_whole(tmp_path: Path) -> None:
    long = b"1,2.5,a," + b"z" * 1_000_000
    before, read, after = rows(tmp_path, PLAIN + b"\n" + long + b"\n" + PLAIN)
    assert len(read["note"]) == 1_000_000
    assert (before["line"], read["line"], after["line"]) == (1, 2, 3)


def test_line_numbers_go_on_in_later_blocks_and_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"%d,2.5,a,b" % number for number in range(1, 400)]
    lines[299] = b"broken"
    monkeypatch.setattr(delimited, "PIECE", 64)
    read = rows(tmp_path, b"\n".join(lines), block=1_000)
    assert [row["line"] for row in read] == list(range(1, 400))
    assert [row["line"] for row in read if row["fault"]] == [300]
    assert all(row["whole"] == row["line"] for row in read if not row["fault"])


def test_where_blocks_end_does_not_matter(tmp_path: Path) -> None:
    content = b"".join([PLAIN + b"\r\n", b"\n", b"broken\n", '1,2,"ä",\n'.encode(), b"3.0,4,a,b\n"]) * 30
    whole = rows(tmp_path, content)
    assert len(whole) == 120
    for size in (1, 7, 50, 333):
        assert rows(tmp_path, content, block=size) == whole


@given(
    content=st.lists(st.sampled_from([b"1", b"2.5", b",", b",,,", b'"', b"\n", b"\r\n", b"\r", b"a", b"\xff", b" "]))
)
@SHARED
def test_every_line_that_is_not_blank_is_one_row_whatever_it_holds(tmp_path: Path, content: list[bytes]) -> None:
    read = rows(tmp_path, b"".join(content))
    assert len(read) == snapshots.count_rows(tmp_path / "some.csv")
    assert [row["line"] for row in read] == sorted({row["line"] for row in read})


FIELDS = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    *[st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='",'), max_size=5)] * 2,
)


@given(table=st.lists(FIELDS, min_size=1))
@SHARED
def test_what_was_written_is_read_back_by_both_ways_of_reading(tmp_path: Path, table: list[tuple[Any, ...]]) -> None:
    text = "".join(",".join(str(field) for field in row) + "\n" for row in table).encode()
    assert [values(row) for row in rows(tmp_path, text)] == [list(row) for row in table]
    assert [values(row) for row in rows(tmp_path, text + b"broken\n")[:-1]] == [list(row) for row in table]


@pytest.mark.parametrize(
    ("content", "byte", "line"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", 8, 3),
        ("1,2,a,b\n".encode("utf-16"), 3, 1),
        (PLAIN + b"\n" + b"\x01\x02", 10, 2),
    ],
)
def test_a_binary_file_is_refused_by_name_byte_and_line(tmp_path: Path, content: bytes, byte: int, line: int) -> None:
    with pytest.raises(SourceError, match=rf"some\.csv is no text: byte {byte} \(line {line}\).*take it out"):
        rows(tmp_path, content)


def test_a_line_without_end_is_refused_by_name_line_and_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 1_000)
    with pytest.raises(SourceError, match=r"some\.csv: line 2, from byte 10 on, has no end within [\d,]+ bytes"):
        rows(tmp_path, PLAIN + b"\n" + b"z" * 5_000, block=100)
