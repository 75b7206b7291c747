"""Glaive's chats into Format B: every turn kept, each call in its own, every row kept or rejected with its reason."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from schemas import format_b
from schemas.ds5_glaive import ALWAYS_JOINED, LARGEST_GROUP, MEASURES, RAW_ROWS, SLICES
from schemas.reject import REJECT_COLUMNS
from schemas.thresholds import Thresholds
from schemas.tools import REGISTRY
from tasks.pipelines.ds5_glaive import conversations as glaive
from tasks.pipelines.ds5_glaive import functions, reports
from tasks.pipelines.ds5_glaive.sample import FILE, WITH, WITHOUT
from tasks.pipelines.ds5_glaive.source import SOURCE
from tasks.tool_use import verify
from tests.tasks.pipelines.ds5_glaive.chats import (
    ALPHA,
    ASK,
    SYSTEM,
    call,
    chat,
    converted,
    decoded,
    one,
    raw,
    read_messages,
    reason,
    steps,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_a_chat_is_kept_turn_by_turn() -> None:
    """Worked by hand."""
    text = chat(
        ("U", "One?"),
        ("A", "Sure. " + call()),
        ("F", '{"alpha": 1}'),
        ("A", "It's 1."),
        ("U", "And two?"),
        ("A", call("get_beta", '\'{"text": "it\'s"}\'')),
        ("F", "none"),
        ("A", "Nothing."),
    )
    messages, row = one(SYSTEM, text)
    assert [message["role"] for message in messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert messages[2]["content"] == {"workflow": steps(("get_alpha", {"n": 1})), "message": "Sure."}
    assert messages[3]["content"] == {"step_id": 1, "tool": "get_alpha", "result": {"alpha": 1}}
    assert messages[4]["content"] == {"workflow": steps(), "message": "It's 1."}
    assert messages[6]["content"] == {"workflow": steps(("get_beta", {"text": "it's"}))}
    assert messages[7]["content"]["result"] == "none"
    assert row[["functions", "function_class", "tier", "length", "turns", "calls", "repairs"]].tolist() == [
        "2",
        "get",
        "complex",
        "some",
        8,
        2,
        "",
    ]
    assert row["outcome"]


def test_the_offer_is_format_b_s_and_the_prompt_is_not_kept() -> None:
    messages, _ = one(SYSTEM, chat(("U", "Hi"), ("A", "Hello")))
    offered = json.loads(messages[0]["content"].removeprefix(format_b.SYSTEM_PREFIX))
    assert [tool["name"] for tool in offered] == ["get_alpha", "get_beta"]
    assert offered[0]["parameters"] == {**ALPHA["parameters"], "additionalProperties": False}
    assert "helpful assistant" not in messages[0]["content"]


@pytest.mark.parametrize("system", [WITHOUT, WITH, ""])
def test_plain_talk_without_functions_is_kept(system: str) -> None:
    messages, row = one(system, chat(("U", "Hi"), ("A", "Hello")))
    assert messages[0]["content"] == format_b.SYSTEM_PREFIX + "[]"
    assert (row["tier"], row["functions"], row["function_class"], row["outcome"]) == ("none", "0", "none", False)
    assert row["group"].startswith("talk ")


@pytest.mark.parametrize(
    ("system", "text", "expected"),
    [
        (SYSTEM, "", ("dropped", "empty_chat")),
        (SYSTEM, " \n<|endoftext|>", ("dropped", "empty_chat")),
        (SYSTEM, "Hello?", ("quarantined", "no_label_at_start")),
        (SYSTEM, "So: " + chat(ASK, ("A", "b")), ("quarantined", "no_label_at_start")),
        (SYSTEM, chat(ASK), ("dropped", "no_answer")),
        (SYSTEM, chat(("A", "b")), ("dropped", "no_answer")),
        (SYSTEM, chat(ASK, ("A", call("get_gamma"))), ("dropped", "call_not_offered")),
        (WITH, chat(ASK, ("A", call())), ("dropped", "call_not_offered")),
        (SYSTEM, chat(ASK, ("A", call(arguments='\'{"n": "seven"}\''))), ("dropped", "call_invalid")),
        (SYSTEM, chat(ASK, ("A", call(arguments="{'other': 1}"))), ("dropped", "call_invalid")),
        (SYSTEM, chat(ASK, ("A", call(arguments="5"))), ("quarantined", "call_unreadable")),
        (SYSTEM, chat(ASK, ("A", call(arguments="{'n': " + "9" * 30 + "}"))), ("quarantined", "call_unreadable")),
        (SYSTEM, chat(ASK, ("A", call()[:-6])), ("quarantined", "call_unreadable")),
        (SYSTEM, chat(ASK, ("A", "I use <functioncall> for that")), ("quarantined", "call_unreadable")),
        (SYSTEM, chat(ASK, ("A", "<functioncall> {'tool': 'get_alpha'}")), ("quarantined", "call_unreadable")),
        (WITH + '{"name": "f", "parameters": {"type"', chat(ASK, ("A", "b")), ("quarantined", "function_unreadable")),
        (
            WITH + json.dumps({**ALPHA, "name": next(iter(REGISTRY))}),
            chat(ASK, ("A", "b")),
            ("dropped", "function_named_like_ours"),
        ),
        (SYSTEM, chat(("U", "my key is ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2), ("A", "b")), ("dropped", "secret_found")),
    ],
    ids=range(18),
)
def test_a_row_that_cannot_be_kept_has_a_reason(system: str, text: str, expected: tuple[str, str]) -> None:
    assert reason(system, text) == expected


def test_names_addresses_and_passwords_made_up_by_the_publisher_stay() -> None:
    asked = "Mail ann@company.com, my password is hunter2, card 4111 1111 1111 1111"
    assert one(SYSTEM, chat(("U", asked), ("A", "b")))[0][1]["content"] == asked


def test_a_faulty_raw_row_is_quarantined_with_its_text_and_place() -> None:
    row = {"file": "a.json", "line": 7, "fault": "invalid_json", "text": "{"}
    kept, rejects = converted(pa.Table.from_pylist([row], schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype))
    assert kept.empty
    assert rejects.iloc[0].tolist() == ["conversations", "quarantined", "invalid_json", "a.json", 7, "{"]


def test_the_columns_are_format_b_s_and_ours_also_without_rows() -> None:
    empty, rejects = converted(raw())
    some, _ = converted(raw((WITHOUT, chat(ASK, ("A", "b")))))
    assert empty.dtypes.to_dict() == some.dtypes.to_dict()
    assert [*format_b.COLUMNS, *SLICES, *MEASURES] == [
        name for name in empty if name not in {"file", "line", "offered"}
    ]
    assert list(rejects) == list(REJECT_COLUMNS)
    distinct, repeated = grouped(empty)
    assert distinct.empty
    assert repeated.empty


def test_words_of_a_name() -> None:
    assert [glaive.words_of(name) for name in ("getStockPrice", "get_stock-price", "HTTPGet2", "計算")] == [
        ["get", "stock", "price"],
        ["get", "stock", "price"],
        ["http", "get", "2"],
        [],
    ]


@pytest.mark.slow
def test_a_share_is_a_fraction_of_the_rows_that_depends_on_nothing_but_them() -> None:
    rows = [(WITHOUT, chat(("U", f"Question {n}?"), ("A", "b"))) for n in range(2_000)]
    kept, rejects = converted(raw(*rows), share=0.1)
    assert 150 < len(kept) < 250
    assert set(rejects["reason"]) == {"outside_share"}
    assert set(rejects["outcome"]) == {"dropped"}
    turned, _ = converted(raw(*rows[::-1]), share=0.1)
    assert set(turned["id"]) == set(kept["id"])
    assert set(converted(raw(*rows), share=0.1, seed=1)[0]["id"]) != set(kept["id"])
    larger, _ = converted(raw(*rows), share=0.2)
    assert set(kept["id"]) < set(larger["id"])
    assert kept["line"].max() > 1_800  # not the first rows


# --- the whole table -------------------------------------------------------------------------------------------------


def grouped(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) with the limits of a run."""
    return glaive.grouped(table, largest_group=LARGEST_GROUP, always_joined=ALWAYS_JOINED)


def table(*offered: list[str]) -> pd.DataFrame:
    rows = [
        (WITH + "".join(json.dumps({**ALPHA, "name": name}) for name in names), chat(("U", f"Number {n}"), ("A", "b")))
        for n, names in enumerate(offered)
    ]
    return converted(raw(*rows))[0]


def test_functions_that_are_offered_together_share_a_group() -> None:
    kept, _ = grouped(table(["a", "b"], ["b", "c"], ["d"], ["c"], ["e", "d"], []))
    assert kept["group"].tolist()[:5] == ["a", "a", "d", "a", "d"]
    assert kept["group"][5].startswith("talk ")
    assert reports.schema_stats(kept)["functions_across_groups"] == 0


def test_one_spelling_or_another_of_a_name_is_one_group() -> None:
    kept, _ = grouped(table(["getStockPrice"], ["get_stock_price"]))
    assert kept["group"].nunique() == 1


def test_a_group_is_not_joined_beyond_its_limit_and_the_leak_is_counted() -> None:
    """a-b is offered together most often, so that pair goes first; c would make the group too large."""
    kept, _ = glaive.grouped(
        table(["a", "b"], ["a", "b"], ["b", "c"], ["c"], ["c"]), largest_group=0.6, always_joined=0
    )
    assert kept["group"].tolist() == ["a", "a", "a", "c", "c"]
    stats = reports.schema_stats(kept)
    assert (stats["functions_across_groups"], stats["largest_group"], stats["groups"]) == (1, 3, 2)


def test_a_row_that_came_before_is_dropped_with_its_place() -> None:
    row = (WITHOUT, chat(ASK, ("A", "b")))
    kept, _ = converted(raw(row, (SYSTEM, row[1]), row))
    distinct, rejects = grouped(kept)
    assert len(distinct) == 2
    assert rejects[["step", "outcome", "reason", "file", "line"]].to_numpy().tolist() == [
        ["grouped", "dropped", "duplicate_id", "a.json", 3]
    ]
    assert not {"file", "line"} & set(distinct)


# --- against truth ---------------------------------------------------------------------------------------------------


def calls_of(messages: str) -> list[list[Any]]:
    answers = [message["content"] for message in read_messages(messages) if message["role"] == "assistant"]
    return [[step["tool"], step["params"]] for content in answers for step in content["workflow"]["steps"]]


def test_what_the_generator_planted_is_read_again(tmp_path: Path) -> None:
    """The oracle: the generator wrote functions, calls and turns as values, in every way that models write them."""
    SOURCE.sample(tmp_path, 7, 1.0)
    truth = {row["line"]: row for row in json.loads((tmp_path / "truth.json").read_text())["rows"]}
    kept, rejects = converted(decoded(tmp_path / FILE))
    assert dict(zip(rejects["line"], rejects["reason"], strict=True)) == {
        line: row["reason"] for line, row in truth.items() if row["outcome"] != "kept"
    }
    for row in kept.itertuples():
        planted = truth[row.line]
        assert calls_of(row.messages) == planted["calls"]
        assert (row.tier, row.turns, row.calls) == (planted["tier"], planted["turns"], len(planted["calls"]))
        assert str(len(planted["functions"])) == row.functions.removesuffix("+")
    assert len(kept) + len(rejects) == len(truth) == 300


def test_it_does_not_matter_where_a_batch_ends(tmp_path: Path) -> None:
    SOURCE.sample(tmp_path, 7, 0.3)
    rows = decoded(tmp_path / FILE)
    whole = converted(rows)
    parts = [converted(rows.iloc[at : at + 7].reset_index(drop=True)) for at in range(0, len(rows), 7)]
    for part, table in enumerate(whole):
        pd.testing.assert_frame_equal(pd.concat([found[part] for found in parts], ignore_index=True), table)


@pytest.fixture(scope="module")
def real(real_data: Path) -> pd.DataFrame:
    found = sorted((real_data / "glaive").glob("*.jsonl"))
    if not found:
        pytest.skip(f"needs Glaive's rows; there are none in {real_data / 'glaive'}")
    return decoded(found[0])


def test_every_real_row_is_read_every_call_among_them(real: pd.DataFrame) -> None:
    kept, rejects = converted(real)
    assert rejects.empty
    assert kept["calls"].sum() == sum(chat.count("<functioncall>") for chat in real["chat"])
    assert set(kept["repairs"]) == {""}


def test_every_real_function_definition_isread_messages(real: pd.DataFrame) -> None:
    """Counted apart: a definition's name stands at the first level of its indented JSON."""
    written = [system.count('\n    "name": ') for system in real["system"]]
    assert [len(functions.offered_functions(system).functions) for system in real["system"]] == written


def test_every_real_turn_is_kept_in_its_place(real: pd.DataFrame) -> None:
    """Counted apart: in the real file three line ends stand before each label but the first."""
    kept, _ = converted(real)
    roles = {"USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool"}
    for chat_text, messages in zip(real["chat"], kept["messages"], strict=True):
        turns = [turn.split(":", 1) for turn in chat_text.strip().split("\n\n\n")]
        turns = [turn for turn in turns if turn[0] in roles]
        published = read_messages(messages)[1:]
        assert [roles[label] for label, _ in turns] == [message["role"] for message in published]
        for (label, text), message in zip(turns, published, strict=True):
            if label == "ASSISTANT":
                assert len(message["content"]["workflow"]["steps"]) == text.count("<functioncall>")


def test_every_real_row_passes_format_and_tools(real: pd.DataFrame) -> None:
    kept, repeated = grouped(converted(real)[0])
    passed, failed = verify.verified(kept)
    assert failed.empty
    assert len(passed) + len(repeated) == len(real)
    assert reports.schema_stats(kept)["functions_across_groups"] == 0
    report = reports.quality_report(kept, representation=Thresholds().ds5_glaive.representation)
    assert all(finding["holds"] for finding in report["findings"] if finding["kind"] == "format")


def test_generated_rows_pass_format_and_tools(tmp_path: Path) -> None:
    SOURCE.sample(tmp_path, 11, 1.0)
    kept, _ = grouped(converted(decoded(tmp_path / FILE))[0])
    assert verify.verified(kept)[1].empty
