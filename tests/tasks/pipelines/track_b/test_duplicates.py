"""Duplicates: what counts as one, which row stays, and that none is left, however many there are."""

from typing import Any

import pandas as pd
import polars as pl
import pytest

from schemas.format_b import message, messages_json
from schemas.workflow import answer, result
from tasks.pipelines.track_b import duplicates
from tasks.pipelines.track_b.duplicates import DUPLICATES, PAYLOAD, compared, distinct
from tests.tasks.quality.conversations import CALLS, SYSTEM, conversations, talk, words

pytestmark = pytest.mark.unit

THRESHOLD = 0.85
BODY = words(0, 100)  # 100 words, and far more characters than PAYLOAD


def ids(table: pd.DataFrame) -> list[str]:
    return table["id"].tolist()


def told(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[["removed", "kept", "kind"]].itertuples(index=False, name=None))


def applied(body: str, **more: str) -> tuple[tuple[str, dict[str, str]], ...]:
    return (("apply_manifest", {"manifest_content": body, **more}),)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Restart web now", "Restart web now", "exact"),
        ("Restart  web\nnow ", "Restart web now", "exact"),
        ("Restart the cafe\u0301 pod", "Restart the caf\u00e9 pod", "exact"),
        ("RESTART web, now!", "restart web now", "near"),
        (words(0, 200), words(0, 199) + " other", "near"),
        ("Restart web now", "Restart api now", None),
        ("Scale web to 3", "Scale web to 4", None),
        (words(0, 100), words(50, 150), None),
    ],
)
def test_what_is_a_duplicate(one: str, other: str, kind: str | None) -> None:
    """White space and ways to write é are no difference; case and signs are a small one; another number is one."""
    table = conversations({"id": "x:1", "user": one}, {"id": "x:2", "user": other})
    kept, removed = distinct(table, THRESHOLD)
    assert told(removed) == ([("x:2", "x:1", kind)] if kind else [])
    assert ids(kept) == (["x:1"] if kind else ["x:1", "x:2"])


def test_the_same_answer_to_other_words_is_no_duplicate() -> None:
    """A drill's short answer stands under a hundred requests, and each of them teaches something."""
    users = ("My node is slow", "How is n1?", "Look after n1 for me please", "n1 again?")
    kept, _ = distinct(conversations(*({"id": f"x:{n}", "user": user} for n, user in enumerate(users))), THRESHOLD)
    assert len(kept) == len(users)


@pytest.mark.parametrize("body", [BODY, BODY.replace("w50", "other")])
def test_the_same_long_payload_under_other_words_is_one(body: str) -> None:
    """A manifest that was learned by heart is known in the test, however it is asked for."""
    one = {"id": "x:1", "user": "Deploy the shop", "calls": applied(BODY)}
    other = {"id": "x:2", "user": words(500, 600), "calls": (*CALLS, *applied(body, namespace="prod"))}
    kept, removed = distinct(conversations(one, other), THRESHOLD)
    assert (ids(kept), told(removed)) == (["x:1"], [("x:2", "x:1", "payload")])


@pytest.mark.parametrize(
    ("body", "other", "group"),
    [
        (BODY, BODY, "x:1"),  # one task in other words: always in the same split
        (BODY, words(500, 600), "x:2"),
        (BODY[: PAYLOAD - 1], BODY[: PAYLOAD - 1], "x:2"),
    ],
)
def test_payloads_of_one_group_other_ones_and_short_ones_are_left_alone(body: str, other: str, group: str) -> None:
    one = {"id": "x:1", "user": "Deploy the shop", "calls": applied(body)}
    two = {"id": "x:2", "user": words(700, 800), "calls": applied(other), "group": group}
    assert len(distinct(conversations(one, two), THRESHOLD)[0]) == 2


def test_a_group_of_another_source_is_another_group() -> None:
    """Two datasets may call their groups alike."""
    rows = [
        {"id": f"{source}:1", "source": source, "group": "g", "user": user, "calls": applied(BODY)}
        for source, user in (("a", "Deploy the shop"), ("b", words(500, 600)))
    ]
    assert told(distinct(conversations(*rows), THRESHOLD)[1]) == [("b:1", "a:1", "payload")]


def test_the_system_message_is_never_compared() -> None:
    """Neither makes it the same rows differ, nor different ones alike."""
    other = talk("Restart web now").replace("You are AutoMend", "You are somebody else")
    same = conversations({"id": "x:1", "user": "Restart web now"}, {"id": "x:2", "messages": other})
    assert told(distinct(same, THRESHOLD)[1]) == [("x:2", "x:1", "exact")]


def test_results_tell_exact_from_near() -> None:
    """Two conversations that differ in what a tool gave back are duplicates, but not the same."""
    made = [
        messages_json(
            [
                message("system", SYSTEM),
                message("user", "How is n1?"),
                message("assistant", answer(CALLS)),
                message("tool", result(1, "get_node_status", state)),
                message("assistant", answer((), "Look.")),
            ]
        )
        for state in ("Ready", "NotReady")
    ]
    table = conversations(*({"id": f"x:{n}", "messages": messages} for n, messages in enumerate(made)))
    assert told(distinct(table, THRESHOLD)[1]) == [("x:1", "x:0", "near")]


def test_what_is_compared_worked_by_hand() -> None:
    """Long texts are found at any depth and in their order; short ones and keys are no payload."""
    long, longer = "a" * PAYLOAD, "b " * PAYLOAD
    calls = (("t", {"k": [1, {"deep": long, "short": "s"}, longer], "x" * PAYLOAD: longer}), ("t", {"k": long}))
    exact, said, payload = compared(
        [message("system", "s"), message("user", " a\tb "), message("assistant", answer(calls))]
    )
    assert payload == f"{long}\n{longer}\n{longer}\n{long}"
    assert said.startswith('a b\n{"workflow"')
    assert exact.startswith('[["user","a b"],["assistant",')


def chain() -> pd.DataFrame:
    """A ~ B ~ C, A unlike C: of 200 words 10, then 20 are others, and so are 1 in 10 and 1 in 5 of their shingles."""
    users = (words(0, 200), words(10, 210), words(20, 220))
    return conversations(*({"id": f"x:{n}", "user": user} for n, user in enumerate(users)))


def test_of_a_chain_both_ends_stay_when_the_middle_goes() -> None:
    """More than one of a connected component, and still no pair left."""
    kept, removed = distinct(chain(), THRESHOLD)
    assert (ids(kept), told(removed)) == (["x:0", "x:2"], [("x:1", "x:0", "near")])


def test_of_a_chain_whose_middle_comes_first_only_that_stays() -> None:
    kept, removed = distinct(chain().iloc[[1, 0, 2]].reset_index(drop=True), THRESHOLD)
    assert (ids(kept), told(removed)) == (["x:1"], [("x:0", "x:1", "near"), ("x:2", "x:1", "near")])


def test_a_removed_row_is_told_with_the_kept_one_it_is_most_alike() -> None:
    """Exact before near, whichever has priority."""
    users = (words(0, 200), words(20, 220), words(12, 212), words(8, 208), words(20, 220))
    kept, removed = distinct(
        conversations(*({"id": f"x:{n}", "user": user} for n, user in enumerate(users))), THRESHOLD
    )
    assert ids(kept) == ["x:0", "x:1"]
    assert told(removed) == [("x:2", "x:1", "near"), ("x:3", "x:0", "near"), ("x:4", "x:1", "exact")]
    assert removed["jaccard"].iloc[2] == 1.0
    assert all(THRESHOLD <= jaccard < 1 for jaccard in removed["jaccard"].iloc[:2])


@pytest.mark.parametrize("first", [words(0, 200), words(10, 210)])
def test_of_hundreds_of_copies_none_is_left(first: str) -> None:
    """Pairs among hundreds are not all listed; also not where the copies' own first goes for another row's sake."""
    users = (first, *[words(0, 200)] * 300)
    kept, removed = distinct(
        conversations(*({"id": f"x:{n:03}", "user": user} for n, user in enumerate(users))), THRESHOLD
    )
    assert ids(kept) == ["x:000"]
    assert set(removed["kept"]) == {"x:000"}
    assert len(removed) == 300


def test_rows_that_lost_their_reason_to_go_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """B goes for A; a second look finds that A duplicates Z, and goes; B, unlike Z, stays after all."""
    looks = iter([[(1, 2)], [(0, 1)], []])

    def found(*_: Any) -> pl.DataFrame:
        left, right = zip(*pairs, strict=True) if (pairs := next(looks)) else ((), ())
        columns = {"left": left, "right": right, "jaccard": [0.9] * len(pairs), "kind": [1] * len(pairs)}
        return pl.DataFrame(
            columns, schema={"left": pl.Int64, "right": pl.Int64, "jaccard": pl.Float64, "kind": pl.Int8}
        )

    monkeypatch.setattr(duplicates, "_duplicate_pairs", found)
    kept, removed = distinct(conversations({"id": "x:z"}, {"id": "x:a"}, {"id": "x:b"}), THRESHOLD)
    assert (ids(kept), told(removed)) == (["x:z", "x:b"], [("x:a", "x:z", "near")])


def test_no_rows_and_one_row_have_no_duplicates() -> None:
    for table in (conversations(), conversations({})):
        kept, removed = distinct(table, THRESHOLD)
        assert kept.equals(table)
        assert removed.empty
        assert {name: dtype.pyarrow_dtype for name, dtype in removed.dtypes.items()} == dict(
            zip(DUPLICATES.names, DUPLICATES.types, strict=True)
        )
