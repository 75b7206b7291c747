"""Glaive's chats into Format B: every turn kept, each call in its own, nothing lost without a word."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from schemas import format_b
from schemas.ds5_glaive import MEASURES, RAW_ROWS, SLICES
from schemas.snapshot import REJECT_COLUMNS
from schemas.tools import REGISTRY
from tasks.pipelines.ds5_glaive import conversations as glaive
from tasks.pipelines.ds5_glaive import functions
from tasks.pipelines.ds5_glaive.sample import FILE, WITH, WITHOUT
from tasks.pipelines.ds5_glaive.source import SOURCE, decode
from tasks.tool_use import verify

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

ALPHA = {
    "name": "get_alpha",
    "description": "",
    "parameters": {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "text": {"type": "string"}},
        "required": [],
    },
}
BETA = {**ALPHA, "name": "get_beta"}
SYSTEM = WITH + json.dumps(ALPHA, indent=4) + "\n\n" + json.dumps(BETA, indent=4)
END = " <|endoftext|>"


def call(name: str = "get_alpha", arguments: str = "'{\"n\": 1}'") -> str:
    return f'<functioncall> {{"name": "{name}", "arguments": {arguments}}}'


def chat(*turns: tuple[str, str]) -> str:
    """A chat of (U|A|F, text)."""
    labels = {"U": "USER", "A": "ASSISTANT", "F": "FUNCTION RESPONSE"}
    return "\n\n\n".join(f"{labels[who]}: {text}{END if who == 'A' else ''}" for who, text in turns) + "\n\n\n"


def raw(*rows: tuple[str, str]) -> pd.DataFrame:
    table = [{"file": "a.json", "line": n, "system": system, "chat": text} for n, (system, text) in enumerate(rows, 1)]
    return pa.Table.from_pylist(table, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def one(system: str, text: str) -> tuple[list[dict[str, Any]], pd.Series]:
    """The conversation of a row: its messages, contents of answers and results read, and its columns."""
    kept, rejects = glaive.conversations(raw((system, text)))
    assert rejects.empty, rejects["reason"].tolist()
    return _read(kept["messages"][0]), kept.iloc[0]


def _read(messages: str) -> list[dict[str, Any]]:
    return [
        {**told, "content": json.loads(told["content"]) if told["role"] in {"assistant", "tool"} else told["content"]}
        for told in json.loads(messages)
    ]


def reason(system: str, text: str) -> tuple[str, str]:
    kept, rejects = glaive.conversations(raw((system, text)))
    assert kept.empty
    assert tuple(rejects.columns) == REJECT_COLUMNS
    return rejects["outcome"][0], rejects["reason"][0]


def steps(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"steps": [{"step_id": n, "tool": tool, "params": params} for n, (tool, params) in enumerate(calls, 1)]}


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
    assert [told["role"] for told in messages] == [
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
    "text",
    [
        "USER: Hi\n\nASSISTANT: Hello",
        "USER: Hi\nASSISTANT: Hello <|endoftext|>\n",
        "USER:Hi\r\n\r\nASSISTANT:Hello<|endoftext|>",
        "\n\nUSER: Hi\n\n\n\n\n  ASSISTANT: Hello <|endoftext|><|endoftext|>",
    ],
    ids=["no_end", "single_lines", "crlf", "spaces"],
)
def test_turns_are_found_however_they_are_set_apart(text: str) -> None:
    messages, _ = one(WITHOUT, text)
    assert [told["content"] for told in messages[1:]] == ["Hi", {"workflow": {"steps": []}, "message": "Hello"}]


def test_a_label_within_a_text_begins_no_turn() -> None:
    asked = "What does ASSISTANT: mean?\nASSISTANT: is a label, USER: too"
    messages, _ = one(WITHOUT, chat(("U", asked), ("A", "A speaker.\nFUNCTION RESPONSE: is another")))
    assert messages[1]["content"] == asked
    assert len(messages) == 3


def test_several_calls_in_one_turn_are_steps_of_one_answer_and_each_has_its_response() -> None:
    turn = call() + "</functioncall>\n" + call("get_beta", "{}")
    messages, row = one(SYSTEM, chat(("U", "Both"), ("A", turn), ("F", "1"), ("F", "[2]"), ("A", "Done")))
    assert messages[2]["content"]["workflow"] == steps(("get_alpha", {"n": 1}), ("get_beta", {}))
    assert [told["content"] for told in messages[3:5]] == [
        {"step_id": 1, "tool": "get_alpha", "result": "1"},
        {"step_id": 2, "tool": "get_beta", "result": [2]},
    ]
    assert row["repairs"] == ""


@pytest.mark.parametrize(
    ("turns", "roles", "repairs"),
    [
        ([("U", "a"), ("U", "b"), ("A", "c")], "ua", "user_turns_joined"),
        ([("U", "a"), ("A", "b"), ("A", "c")], "ua", "assistant_turns_joined"),
        ([("U", "a"), ("A", "b"), ("A", call()), ("F", "1"), ("A", "c")], "uata", "assistant_turns_joined"),
        (
            [("U", "a"), ("A", call()), ("A", call()), ("F", "1"), ("F", "2"), ("A", "c")],
            "uatta",
            "assistant_turns_joined",
        ),
        ([("U", "a"), ("A", call() + " so"), ("F", "1"), ("A", "c")], "uata", "text_after_call"),
        ([("A", "Welcome"), ("U", "a"), ("A", "b")], "ua", "leading_turns_cut"),
        ([("U", "a"), ("A", "b"), ("U", "c")], "ua", "ends_with_user"),
        ([("U", "a"), ("A", call()), ("F", "1")], "ua", "ends_with_result"),
        ([("U", "a"), ("A", call())], "ua", ""),
        ([("U", "a"), ("A", "b"), ("F", "1"), ("A", "c")], "ua", "result_without_call"),
        ([("U", "a"), ("A", call()), ("F", "1"), ("F", "2"), ("A", "c")], "ua", "ends_with_result,result_without_call"),
        ([("U", "a"), ("A", call()), ("A", "c"), ("U", "d"), ("A", "e")], "ua", "call_without_result"),
        ([("U", "a"), ("A", call()), ("U", "d"), ("A", "e")], "ua", "call_without_result"),
        ([("U", "a"), ("A", call()), ("F", "1"), ("U", "d"), ("A", "e")], "ua", "ends_with_result,result_unanswered"),
        ([("U", "a"), ("A", ""), ("A", "b")], "ua", "empty_turn_left_out"),
    ],
    ids=range(15),
)
def test_a_conversation_is_kept_as_far_as_it_is_in_order_and_what_was_done_is_told(
    turns: list[tuple[str, str]], roles: str, repairs: str
) -> None:
    messages, row = one(SYSTEM, chat(*turns))
    assert "".join(told["role"][0] for told in messages[1:]) == roles
    assert row["repairs"] == repairs
    assert row["turns"] == len(roles)
    assert set(repairs.split(",")) - {""} <= glaive.REPAIRS.keys()


def test_joined_turns_lose_no_text() -> None:
    messages, _ = one(SYSTEM, chat(("U", "a"), ("U", "b"), ("A", "c"), ("A", "d " + call())))
    assert messages[1]["content"] == "a\n\nb"
    assert messages[2]["content"] == {"workflow": steps(("get_alpha", {"n": 1})), "message": "c\n\nd"}


def test_text_after_a_call_stays_in_its_turn() -> None:
    messages, _ = one(SYSTEM, chat(("U", "a"), ("A", "b " + call() + " c")))
    assert messages[2]["content"]["message"] == "b\nc"


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ("''", {}),
        ('""', {}),
        ("null", {}),
        ("{}", {}),
        ('"{}"', {}),
        ('"  "', {}),
        ('"{\\"n\\": 2}"', {"n": 2}),
        ('\'{"n": "7"}\'', {"n": 7}),
        ("{'n': 7, 'text': None}", {"n": 7}),
    ],
)
def test_arguments_are_read_in_every_dress(arguments: str, params: dict[str, Any]) -> None:
    messages, _ = one(SYSTEM, chat(("U", "a"), ("A", call(arguments=arguments))))
    assert messages[2]["content"]["workflow"] == steps(("get_alpha", params))


def test_a_call_without_arguments_and_one_with_parameters_are_calls() -> None:
    bare, named = '<functioncall> {"name": "get_alpha"}', '<functioncall> {"name": "get_alpha", "parameters": {"n": 3}}'
    messages, _ = one(SYSTEM, chat(("U", "a"), ("A", bare + named)))
    assert messages[2]["content"]["workflow"] == steps(("get_alpha", {}), ("get_alpha", {"n": 3}))


@pytest.mark.parametrize("response", ['{"a": "1', "{'a': NaN}", '{"n": ' + "9" * 30 + "}", "[" * 300])
def test_a_response_that_is_no_json_is_kept_as_text(response: str) -> None:
    messages, _ = one(SYSTEM, chat(("U", "a"), ("A", call()), ("F", response), ("A", "b")))
    assert messages[3]["content"]["result"] == response


ASK = ("U", "a")


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
    kept, rejects = glaive.conversations(
        pa.Table.from_pylist([row], schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)
    )
    assert kept.empty
    assert rejects.iloc[0].tolist() == ["quarantined", "invalid_json", "a.json", 7, "{"]


def test_the_columns_are_format_b_s_and_ours_also_without_rows() -> None:
    empty, rejects = glaive.conversations(raw())
    some, _ = glaive.conversations(raw((WITHOUT, chat(ASK, ("A", "b")))))
    assert empty.dtypes.to_dict() == some.dtypes.to_dict()
    assert [*format_b.COLUMNS, *SLICES, *MEASURES] == [
        name for name in empty if name not in {"file", "line", "offered"}
    ]
    assert tuple(rejects.columns) == REJECT_COLUMNS
    grouped, repeated = glaive.grouped(empty)
    assert grouped.empty
    assert repeated.empty
    assert glaive.schema_stats(grouped)["turns"] == {"min": 0, "max": 0, "mean": 0.0}
    assert glaive.quality_report(grouped, repeated)["measured"]["malformed"] == 0


@pytest.mark.parametrize(
    ("offered", "called", "tier"),
    [
        (0, [], "none"),
        (3, [], "none"),
        (1, ["a"], "simple"),
        (2, ["a"], "moderate"),
        (1, ["a"] * 2, "moderate"),
        (1, ["a"] * 3, "moderate"),
        (1, ["a"] * 4, "complex"),
        (2, ["a", "b"], "complex"),
    ],
)
def test_tiers(offered: int, called: list[str], tier: str) -> None:
    assert glaive.tier(offered, called) == tier


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
    kept, rejects = glaive.conversations(raw(*rows), share=0.1)
    assert 150 < len(kept) < 250
    assert set(rejects["reason"]) == {"outside_share"}
    assert set(rejects["outcome"]) == {"dropped"}
    turned, _ = glaive.conversations(raw(*rows[::-1]), share=0.1)
    assert set(turned["id"]) == set(kept["id"])
    assert set(glaive.conversations(raw(*rows), share=0.1, seed=1)[0]["id"]) != set(kept["id"])
    larger, _ = glaive.conversations(raw(*rows), share=0.2)
    assert set(kept["id"]) < set(larger["id"])
    assert kept["line"].max() > 1_800  # not the first rows


# --- the whole table -------------------------------------------------------------------------------------------------


def table(*offered: list[str]) -> pd.DataFrame:
    rows = [
        (WITH + "".join(json.dumps({**ALPHA, "name": name}) for name in names), chat(("U", f"Number {n}"), ("A", "b")))
        for n, names in enumerate(offered)
    ]
    return glaive.conversations(raw(*rows))[0]


def test_functions_that_are_offered_together_share_a_group() -> None:
    kept, _ = glaive.grouped(table(["a", "b"], ["b", "c"], ["d"], ["c"], ["e", "d"], []))
    assert kept["group"].tolist()[:5] == ["a", "a", "d", "a", "d"]
    assert kept["group"][5].startswith("talk ")
    assert glaive.schema_stats(kept)["functions_across_groups"] == 0


def test_one_spelling_or_another_of_a_name_is_one_group() -> None:
    kept, _ = glaive.grouped(table(["getStockPrice"], ["get_stock_price"]))
    assert kept["group"].nunique() == 1


def test_a_group_is_not_joined_beyond_its_limit_and_the_leak_is_counted() -> None:
    """a-b is offered together most often, so that pair goes first; c would make the group too large."""
    kept, _ = glaive.grouped(
        table(["a", "b"], ["a", "b"], ["b", "c"], ["c"], ["c"]), largest_group=0.6, always_joined=0
    )
    assert kept["group"].tolist() == ["a", "a", "a", "c", "c"]
    stats = glaive.schema_stats(kept)
    assert (stats["functions_across_groups"], stats["largest_group"], stats["groups"]) == (1, 3, 2)


def test_a_row_that_came_before_is_dropped_with_its_place() -> None:
    row = (WITHOUT, chat(ASK, ("A", "b")))
    kept, _ = glaive.conversations(raw(row, (SYSTEM, row[1]), row))
    distinct, rejects = glaive.grouped(kept)
    assert len(distinct) == 2
    assert rejects[["outcome", "reason", "file", "line"]].to_numpy().tolist() == [
        ["dropped", "duplicate_id", "a.json", 3]
    ]
    assert not {"file", "line"} & set(distinct)


def test_thresholds_are_told_where_they_are_crossed() -> None:
    good = raw(*[(SYSTEM, chat(("U", f"{n}"), ("A", call()))) for n in range(9)])
    bad = raw((SYSTEM, "x"), (SYSTEM, chat(ASK, ("A", call()[:-6]))))
    kept, _ = glaive.conversations(good)
    _, unread = glaive.conversations(bad)
    report = glaive.quality_report(kept, unread)
    assert report["measured"] == {
        "malformed": round(2 / 11, 6),
        "unreadable_calls": round(1 / 11, 6),
        "none": 0.0,
        "mean_turns": 2.0,
        "mean_calls": 1.0,
        "defined_functions": 1.0,
    }
    failed = {finding["name"]: finding["detail"] for finding in report["findings"] if not finding["holds"]}
    assert set(failed) == {"malformed", "unreadable_calls", "tier_none", "tier_simple", "tier_complex"}
    assert failed["tier_complex"] == "high"
    assert not report["success"]


def test_rows_outside_the_share_count_nowhere() -> None:
    rows = [(SYSTEM, chat(("U", f"{n}"), ("A", call()))) for n in range(50)]
    kept, rejects = glaive.conversations(raw(*rows), share=0.5)
    _, unread = glaive.conversations(raw((SYSTEM, "no label")))
    measured = glaive.quality_report(kept, rejects, unread)["measured"]
    assert measured["malformed"] == round(1 / (len(kept) + 1), 6)


def test_a_rare_tier_is_flagged() -> None:
    rows = [(SYSTEM, chat(("U", f"{n}"), ("A", call() if n < 2 else "b"))) for n in range(100)]
    findings = glaive.quality_report(glaive.conversations(raw(*rows))[0])["findings"]
    details = {finding["name"]: finding["detail"] for finding in findings if finding["kind"] == "bias"}
    assert details == {"tier_none": "", "tier_simple": "high", "tier_moderate": "flagged", "tier_complex": "high"}


# --- against truth ---------------------------------------------------------------------------------------------------


def read(path: Path) -> pd.DataFrame:
    batches = [batch.to_pandas(types_mapper=pd.ArrowDtype) for batch in decode(path, path.name)]
    return pd.concat(batches, ignore_index=True)


def calls_of(messages: str) -> list[list[Any]]:
    answers = [told["content"] for told in _read(messages) if told["role"] == "assistant"]
    return [[step["tool"], step["params"]] for told in answers for step in told["workflow"]["steps"]]


def test_what_the_generator_planted_is_read_again(tmp_path: Path) -> None:
    """The oracle: the generator wrote functions, calls and turns as values, in every way that models write them."""
    SOURCE.sample(tmp_path, 7, 1.0)
    truth = {row["line"]: row for row in json.loads((tmp_path / "truth.json").read_text())["rows"]}
    kept, rejects = glaive.conversations(read(tmp_path / FILE))
    assert dict(zip(rejects["line"], rejects["reason"], strict=True)) == {
        line: row["reason"] for line, row in truth.items() if row["outcome"] != "kept"
    }
    for row in kept.itertuples():
        told = truth[row.line]
        assert calls_of(row.messages) == told["calls"]
        assert (row.tier, row.turns, row.calls) == (told["tier"], told["turns"], len(told["calls"]))
        assert str(len(told["functions"])) == row.functions.removesuffix("+")
    assert len(kept) + len(rejects) == len(truth) == 300


def test_it_does_not_matter_where_a_batch_ends(tmp_path: Path) -> None:
    SOURCE.sample(tmp_path, 7, 0.3)
    rows = read(tmp_path / FILE)
    whole = glaive.conversations(rows)
    parts = [glaive.conversations(rows.iloc[at : at + 7].reset_index(drop=True)) for at in range(0, len(rows), 7)]
    for part, table in enumerate(whole):
        pd.testing.assert_frame_equal(pd.concat([found[part] for found in parts], ignore_index=True), table)


@pytest.fixture(scope="module")
def real(real_data: Path) -> pd.DataFrame:
    found = sorted((real_data / "glaive").glob("*.jsonl"))
    if not found:
        pytest.skip(f"needs Glaive's rows; there are none in {real_data / 'glaive'}")
    return read(found[0])


def test_every_real_row_is_read_every_call_among_them(real: pd.DataFrame) -> None:
    kept, rejects = glaive.conversations(real)
    assert rejects.empty
    assert kept["calls"].sum() == sum(chat.count("<functioncall>") for chat in real["chat"])
    assert set(kept["repairs"]) == {""}


def test_every_real_function_definition_is_read(real: pd.DataFrame) -> None:
    """Counted apart: a definition's name stands at the first level of its indented JSON."""
    written = [system.count('\n    "name": ') for system in real["system"]]
    assert [len(functions.offers_in(system).functions) for system in real["system"]] == written


def test_every_real_turn_is_kept_in_its_place(real: pd.DataFrame) -> None:
    """Counted apart: in the real file three line ends stand before each label but the first."""
    kept, _ = glaive.conversations(real)
    roles = {"USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool"}
    for chat_text, messages in zip(real["chat"], kept["messages"], strict=True):
        turns = [turn.split(":", 1) for turn in chat_text.strip().split("\n\n\n")]
        turns = [turn for turn in turns if turn[0] in roles]
        told = _read(messages)[1:]
        assert [roles[label] for label, _ in turns] == [message["role"] for message in told]
        for (label, text), message in zip(turns, told, strict=True):
            if label == "ASSISTANT":
                assert len(message["content"]["workflow"]["steps"]) == text.count("<functioncall>")


def test_every_real_row_passes_format_and_tools(real: pd.DataFrame) -> None:
    kept, repeated = glaive.grouped(glaive.conversations(real)[0])
    passed, failed = verify.verified(kept)
    assert failed.empty
    assert len(passed) + len(repeated) == len(real)
    assert glaive.schema_stats(kept)["functions_across_groups"] == 0
    assert all(finding["holds"] for finding in glaive.quality_report(kept)["findings"] if finding["kind"] == "format")


def test_generated_rows_pass_format_and_tools(tmp_path: Path) -> None:
    SOURCE.sample(tmp_path, 11, 1.0)
    kept, _ = glaive.grouped(glaive.conversations(read(tmp_path / FILE))[0])
    assert verify.verified(kept)[1].empty
