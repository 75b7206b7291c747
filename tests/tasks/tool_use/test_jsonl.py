"""A table of Format B as lines of JSON, and back: nothing is lost, added, or kept in memory."""

import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import SourceError
from schemas.format_b import LINE_SCHEMA, METADATA, messages_json
from tasks.tool_use import jsonl as module
from tasks.tool_use.jsonl import ROWS_AT_ONCE, rows_of
from tasks.tool_use.verify import faults_of_line, verified
from tests.tasks.tool_use.conversations import NODE_STATUS, asked, conversations, row, split

pytestmark = pytest.mark.unit

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FILLED = TEXT.map(lambda text: text + "x")


def published(*rows: dict[str, Any]) -> pd.DataFrame:
    kept, rejects = verified(conversations(*rows))
    assert rejects.empty
    return split(kept)


def lines(table: pd.DataFrame) -> Iterator[bytes]:
    return module.lines(table, mode="local")


def expected(table: pd.DataFrame) -> Iterable[bytes]:
    """The lines as orjson writes them, one row after the other."""
    for told in table.to_dict("records"):
        metadata = {**{name: told.get(name, "local") for name in METADATA}, "verified": list(told["verified"])}
        yield orjson.dumps({"messages": orjson.loads(told["messages"]), "metadata": metadata})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(FILLED, TEXT, FILLED, st.floats(0, 1e12)), max_size=4))
def test_lines_are_those_of_orjson_whatever_the_texts(told: list[tuple[str, str, str, float]]) -> None:
    """Quotes, line ends, control characters, any script; and the way back gives the same lines."""
    table = published(
        *(
            row(asked([NODE_STATUS], said), group=group, attribution=attribution, rationale=attribution, weight=weight)
            for group, attribution, said, weight in told
            if not said.isspace()
        )
    )
    written = list(lines(table))
    assert [orjson.loads(line) for line in written] == [orjson.loads(line) for line in expected(table)]
    assert not any(b"\n" in line or b"\r" in line for line in written)
    assert list(lines(rows_of(written))) == written


def test_a_line_has_the_messages_and_every_metadata_in_order_and_passes_the_schema() -> None:
    """The oracle is the pure-Python validator."""
    (line,) = lines(published(row(asked([NODE_STATUS]))))
    told = orjson.loads(line)
    assert list(told) == ["messages", "metadata"]
    assert tuple(told["metadata"]) == METADATA
    jsonschema.Draft202012Validator(LINE_SCHEMA).validate(told)
    assert faults_of_line(line) == ""


def test_messages_written_over_several_lines_become_one_line() -> None:
    """White space between the parts of a JSON text, and only there."""
    messages = asked([NODE_STATUS], "two\nlines\r\n")
    spread = orjson.dumps(messages, option=orjson.OPT_INDENT_2).decode()
    one, other, third = lines(published(row(messages), row(spread), row(spread.replace("\n", "\r\n"))))
    assert one.split(b',"metadata"')[0] == other.split(b',"metadata"')[0] == third.split(b',"metadata"')[0]


def test_no_rows_give_no_lines_and_no_lines_an_empty_table_with_every_column() -> None:
    assert list(lines(split(verified(conversations())[0]))) == []
    assert list(rows_of([]).columns) == ["messages", *METADATA]


def test_the_way_back_gives_the_columns_that_were_written() -> None:
    """Types included."""
    table = published(row(asked([NODE_STATUS]), licence="CC-BY-SA-4.0"), row(asked((), "Hello."), weight=0.5))
    again = rows_of(lines(table))
    assert set(again["mode"]) == {"local"}
    assert again.drop(columns="mode").equals(table[["messages", *METADATA[:-1]]])


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"messages":[],"metadata":{"id":"a"}}', b"\xff"])
def test_a_line_that_is_none_is_named_with_its_number(line: bytes) -> None:
    good = next(lines(published(row(asked([NODE_STATUS])))))
    with pytest.raises(SourceError, match=r"^Line 2 is not in Format B .*expected an object with `messages`"):
        rows_of([good, line])


@pytest.mark.slow
def test_lines_are_streamed() -> None:
    """The first line of many rows costs the memory of one part, not of all."""
    text = messages_json(asked((), "x" * 2_000))
    table = published(row(text)).iloc[[0] * 4 * ROWS_AT_ONCE]
    tracemalloc.start()
    count = sum(1 for _ in lines(table))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4 * ROWS_AT_ONCE
    assert peak < 1.5 * ROWS_AT_ONCE * (len(text) + 500)
