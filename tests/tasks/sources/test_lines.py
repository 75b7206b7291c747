"""Numbered lines of text files: line ends, damage, size. What is not text is refused, what is no line is told."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from tasks.engine import snapshots
from tasks.sources import lines

pytestmark = [pytest.mark.unit]


def read(path: Path, content: bytes) -> list[tuple[int, str, str | None]]:
    """(line, text, fault) of a file with this content."""
    path.write_bytes(content)
    table = pa.concat_tables(lines.read(path, "app.log"))
    assert table.schema == lines.LINES
    assert set(table["file"].to_pylist()) <= {"app.log"}
    return list(zip(*(table[name].to_pylist() for name in ("line", "text", "fault")), strict=True))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_both_line_ends_are_taken_off_and_the_last_line_needs_none(log: Path) -> None:
    assert read(log, b"one\r\ntwo\nthree") == [(1, "one", None), (2, "two", None), (3, "three", None)]


def test_only_line_feeds_end_a_line(log: Path) -> None:
    assert read(log, "a\x0bb\x0cc\u2028d\r e\n".encode()) == [(1, "a\x0bb\x0cc\u2028d\r e", None)]


def test_blank_lines_are_left_out_but_numbered(log: Path) -> None:
    assert read(log, b"\n\r\nthird\n\n") == [(3, "third", None)]


def test_an_empty_file_gives_one_empty_table(log: Path) -> None:
    log.write_bytes(b"")
    assert [table.num_rows for table in lines.read(log, "app.log")] == [0]


def test_a_byte_order_mark_is_no_part_of_the_first_line(log: Path) -> None:
    assert read(log, "\ufeffone\n\ufefftwo\n".encode()) == [(1, "one", None), (2, "\ufefftwo", None)]


def test_bytes_that_are_no_utf8_are_replaced_and_flagged_on_their_own_line_only(log: Path) -> None:
    content = b"fine\ncaf\xe9 closed\n" + "honest \ufffd mark\n".encode()
    assert read(log, content) == [
        (1, "fine", None),
        (2, "caf\ufffd closed", "invalid_utf8"),
        (3, "honest \ufffd mark", None),
    ]


def test_a_line_with_nul_bytes_is_flagged(log: Path) -> None:
    assert read(log, b"x" * 20 + b"\n" + b"after a power cut \0\0\n") == [
        (1, "x" * 20, None),
        (2, "after a power cut \0\0", "nul_bytes"),
    ]


def test_a_line_of_a_megabyte_is_cut_and_flagged_and_the_next_keeps_its_number(log: Path) -> None:
    found = read(log, b"a\n" + b"x" * 1_000_000 + b"\nz\n")
    assert [(line, len(text), fault) for line, text, fault in found] == [
        (1, 1, None),
        (2, 2_000, "line_too_long"),
        (3, 1, None),
    ]


def test_a_line_longer_than_a_batch_is_never_held_whole(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BATCH", 1_000)
    held = []
    table = lines._line_table
    monkeypatch.setattr(lines, "_line_table", lambda block, *rest: held.append(len(block)) or table(block, *rest))
    found = read(log, b"a\n" + b"x" * 500_000 + b"\nz\n")
    assert [(line, fault) for line, _, fault in found] == [(1, None), (2, "line_too_long"), (3, None)]
    assert max(held) <= lines.LONGEST + 2 * 1_000 + 1


def test_the_longest_line_that_is_still_one_is_kept_whole(log: Path) -> None:
    found = read(log, b"x" * lines.LONGEST + b"\n" + b"y" * (lines.LONGEST + 1))
    assert [(len(text), fault) for _, text, fault in found] == [(lines.LONGEST, None), (2_000, "line_too_long")]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\0\ufeff"), max_size=40), max_size=30),
    st.integers(1, 50),
)
def test_batches_give_the_lines_that_python_splits_with_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], batch: int
) -> None:
    log = tmp_path_factory.mktemp("lines") / "app.log"
    content = "".join(text + "\n" for text in texts).encode()
    stripped = [text.removesuffix("\r") for text in texts]
    expected = [(number, text, None) for number, text in enumerate(stripped, 1) if text]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "STRANGE", 1.0)
        patch.setattr(lines, "BATCH", batch)
        assert read(log, content) == expected
        assert len(expected) == snapshots.count_rows(log)


@pytest.mark.parametrize(
    ("content", "offset"),
    [(b"PAR1" + bytes(range(256)) * 40, 4), (b"\x1f\x8b\x08" + bytes(9) * 99, 0), ("text".encode("utf-16"), 0)],
)
def test_a_binary_file_is_refused_by_name_and_offset(log: Path, content: bytes, offset: int) -> None:
    with pytest.raises(SourceError, match=rf"app\.log is binary.*offset {offset}; at most 30% may be"):
        read(log, content)


def test_a_text_with_a_few_strange_bytes_is_still_text(log: Path) -> None:
    assert len(read(log, b"a plain line of a log\n" * 50 + b"\x1b[31mred\x1b[0m\x01\n")) == 51


@pytest.mark.parametrize("turns", [1, 2, 3, 7])
def test_the_turns_of_a_file_are_its_tables_dealt_out_one_by_one(
    log: Path, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(lines, "BATCH", 40)
    log.write_bytes(b"".join(b"line %d\r\n" % n for n in range(40)) + b"the last has no end")
    whole = list(lines.read(log, "a.log"))
    dealt = [list(lines.read(log, "a.log", (turn, turns))) for turn in range(turns)]
    assert len(whole) > 7
    assert all(table.equals(dealt[at % turns][at // turns]) for at, table in enumerate(whole))
    assert sum(map(len, dealt)) == len(whole)
