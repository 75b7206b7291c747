"""The turns of a chat: found, joined and put in order; each call in its own turn, each cut named."""

from typing import Any

import pytest

from tasks.pipelines.ds5_glaive.rules import TURN_REPAIRS
from tasks.pipelines.ds5_glaive.sample import WITHOUT
from tests.tasks.pipelines.ds5_glaive.chats import SYSTEM, call, chat, one, steps

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


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
    assert [message["content"] for message in messages[1:]] == ["Hi", {"workflow": {"steps": []}, "message": "Hello"}]


def test_a_label_within_a_text_begins_no_turn() -> None:
    asked = "What does ASSISTANT: mean?\nASSISTANT: is a label, USER: too"
    messages, _ = one(WITHOUT, chat(("U", asked), ("A", "A speaker.\nFUNCTION RESPONSE: is another")))
    assert messages[1]["content"] == asked
    assert len(messages) == 3


def test_several_calls_in_one_turn_are_steps_of_one_answer_and_each_has_its_response() -> None:
    turn = call() + "</functioncall>\n" + call("get_beta", "{}")
    messages, row = one(SYSTEM, chat(("U", "Both"), ("A", turn), ("F", "1"), ("F", "[2]"), ("A", "Done")))
    assert messages[2]["content"]["workflow"] == steps(("get_alpha", {"n": 1}), ("get_beta", {}))
    assert [message["content"] for message in messages[3:5]] == [
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
def test_a_conversation_is_kept_as_far_as_it_is_in_order_and_repairs_name_the_rest(
    turns: list[tuple[str, str]], roles: str, repairs: str
) -> None:
    messages, row = one(SYSTEM, chat(*turns))
    assert "".join(message["role"][0] for message in messages[1:]) == roles
    assert row["repairs"] == repairs
    assert row["turns"] == len(roles)
    assert set(repairs.split(",")) - {""} <= TURN_REPAIRS.keys()


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
def test_arguments_are_read_however_they_are_written(arguments: str, params: dict[str, Any]) -> None:
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
