"""The contract: every row is kept or quarantined with its reason, or the whole table is refused in a sentence."""

from typing import Any

import orjson
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context

from schemas.contracts import Sequences
from schemas.finding import GateFailed
from schemas.format_a import MAX_LENGTH
from schemas.reject import REJECT_COLUMNS, ROW_TEXT_LIMIT
from tasks.quality.contract import ContractFailed, check, contract_reasons
from tests.tasks.quality.rows import sequences

pytestmark = pytest.mark.unit

GOOD: dict[str, Any] = {}
# one fault -> its reason
FAULTS = {
    "length_1_to_512": {"ids": ()},
    "known_label": {"label": 9},
    "entity_missing": {"entity": None},
    "weight_at_least_1": {"weight": 0},
    "known_split": {"split": "holdout"},
    "times_in_order": {"history": -5},
}


def test_good_rows_pass_untouched() -> None:
    table = sequences([GOOD, {"minute": 5}], status=["Failed", None])
    kept, bad = check(table, Sequences)
    assert kept.equals(table)
    assert bad.empty
    assert tuple(bad.columns) == tuple(REJECT_COLUMNS)


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_is_quarantined_with_its_reason_and_its_row(reason: str) -> None:
    kept, bad = check(sequences([GOOD, {"rule": "culprit", **FAULTS[reason]}, {"minute": 5}]), Sequences)
    assert kept.equals(sequences([GOOD, {"minute": 5}]))
    assert bad[["outcome", "reason", "file", "line"]].values.tolist() == [["quarantined", reason, "", 0]]
    assert orjson.loads(bad["row"].iloc[0])["label_rule"] == "culprit"


@settings(max_examples=15, deadline=None)
@given(names=st.lists(st.sampled_from(["", *FAULTS]), max_size=12))
def test_kept_and_quarantined_make_up_the_table_whatever_is_mixed(names: list[str]) -> None:
    kept, bad = check(sequences([FAULTS.get(name, GOOD) for name in names]), Sequences)
    assert bad["reason"].tolist() == [name for name in names if name]
    assert len(kept) == names.count("")


def test_a_row_with_several_faults_is_one_row_with_the_contracts_first_reason() -> None:
    _, bad = check(sequences([{"weight": 0, "label": 9, "history": -5, "entity": None}]), Sequences)
    assert bad["reason"].tolist() == ["known_label"]


def test_a_missing_time_hides_no_other_rows_wrong_time() -> None:
    """No check can compare times while one is null; the others are compared once it is gone."""
    table = sequences([{}, {"history": -5}, {}])
    table.loc[0, "window_start"] = None
    kept, bad = check(table, Sequences)
    assert bad["reason"].tolist() == ["window_start_missing", "times_in_order"]
    assert len(kept) == 1


def test_no_row_good_leaves_an_empty_table_of_the_same_types() -> None:
    table = sequences([{"label": 9}] * 3)
    kept, bad = check(table, Sequences)
    assert (len(kept), len(bad)) == (0, 3)
    assert kept.dtypes.equals(table.dtypes)


def test_a_table_without_rows_passes() -> None:
    kept, bad = check(sequences([]), Sequences)
    assert (len(kept), len(bad)) == (0, 0)


def test_a_repeated_index_loses_nothing() -> None:
    """drop_invalid_rows would drop every row that shares a label of the index with a bad one."""
    table = sequences([GOOD, {"label": 9}, {"minute": 5}])
    table.index = pd.Index([7, 7, 7])
    kept, bad = check(table, Sequences)
    assert (len(kept), len(bad)) == (2, 1)
    assert kept.index.tolist() == [0, 1]


def test_the_longest_row_is_cut() -> None:
    _, bad = check(sequences([{"ids": range(1_000, 1_001 + MAX_LENGTH)}]), Sequences)
    assert bad["reason"].tolist() == ["length_1_to_512"]
    assert len(bad["row"].iloc[0]) == ROW_TEXT_LIMIT


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (sequences([GOOD]).drop(columns=["entity", "split"]), "column entity is missing; column split is missing"),
        (sequences([GOOD]).astype({"label": "int64"}), "column label has type int64, expected int8"),
        (sequences([GOOD]).assign(weight="many"), "column weight has type str, expected int64"),
        (pd.concat([sequences([GOOD])] * 2, axis=1), "column context_start is repeated"),
        (pd.DataFrame(), "column sequence_ids is missing"),
    ],
)
def test_a_fault_of_the_table_is_a_sentence(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(ContractFailed, match=words) as told:
        check(table, Sequences)
    assert "format_a is broken" in str(told.value)
    assert "Traceback" not in str(told.value)
    assert "executing check" not in str(told.value)  # what follows from a missing column or wrong type is not told
    assert isinstance(told.value, GateFailed)


def breaks(_: pd.DataFrame) -> pd.Series:
    raise ZeroDivisionError


def test_a_check_that_cannot_be_run_closes_the_contract() -> None:
    schema = pa.DataFrameSchema({"a": pa.Column(int)}, checks=pa.Check(breaks, name="breaks"), name="toy")
    with pytest.raises(ContractFailed, match=r"toy is broken: .*ZeroDivisionError"):
        check(pd.DataFrame({"a": [1]}), schema)


def test_unnamed_checks_and_unique_columns_have_a_word_too() -> None:
    schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.ge(1), unique=True)}, name="toy")
    _, bad = check(pd.DataFrame({"a": [0, 5, 5]}), schema)
    assert bad["reason"].tolist() == ["greater_than_or_equal_to", "a_repeated", "a_repeated"]


def test_an_optional_column_may_be_absent() -> None:
    schema = pa.DataFrameSchema({"a": pa.Column(int), "b": pa.Column(int, required=False)}, name="toy")
    assert len(check(pd.DataFrame({"a": [1]}), schema)[0]) == 1


def test_pandera_switched_off_is_refused() -> None:
    with (
        config_context(validation_enabled=False),
        pytest.raises(ContractFailed, match="PANDERA_VALIDATION_ENABLED=False"),
    ):
        check(sequences([GOOD]), Sequences)


@pytest.mark.parametrize("depth", [ValidationDepth.SCHEMA_ONLY, ValidationDepth.DATA_ONLY])
def test_pandera_that_looks_at_half_is_refused(depth: ValidationDepth) -> None:
    with config_context(validation_depth=depth), pytest.raises(ContractFailed, match=f"VALIDATION_DEPTH={depth.value}"):
        check(sequences([GOOD]), Sequences)


def test_every_reason_of_a_contract_is_explained_in_a_sentence_and_can_be_given() -> None:
    """The reasons that `check` gives are exactly those that the contract explains."""
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column("Int64", [pa.Check.ge(1), pa.Check.le(9, name="at most 9")], unique=True),
            "b": pa.Column(float, pa.Check.ge(1), nullable=True, required=False),
        },
        checks=pa.Check(lambda table: table["a"].ne(7) | table["b"].ne(7), name="not_both_7"),
        unique=["a", "b"],
        name="toy",
    )
    known = contract_reasons(schema)
    assert list(known) == [
        "a_missing",
        "a_repeated",
        "greater_than_or_equal_to",
        "at_most_9",
        "toy_repeated",
        "not_both_7",
    ]
    assert {reason.outcome for reason in known.values()} == {"quarantined"}
    rows = {"a": [None, 2, 2, 0, 10, 7, 8], "b": [1.0, 1, 2, 3, 4, 7, 8]}
    _, bad = check(pd.DataFrame(rows).astype({"a": "Int64"}), schema)
    assert bad["reason"].tolist() == [
        "a_missing",
        "a_repeated",
        "a_repeated",
        "greater_than_or_equal_to",
        "at_most_9",
        "not_both_7",
    ]


def test_rows_that_repeat_several_columns_together_have_a_reason() -> None:
    schema = pa.DataFrameSchema({"a": pa.Column(int), "b": pa.Column(int)}, unique=["a", "b"], name="toy")
    _, bad = check(pd.DataFrame({"a": [1, 1, 2], "b": [1, 1, 1]}), schema)
    assert bad["reason"].tolist() == ["toy_repeated", "toy_repeated"]


def test_the_reasons_of_format_a_are_plain_sentences() -> None:
    known = contract_reasons(Sequences)
    assert set(FAULTS) <= set(known)
    assert known["known_label"].meaning == "The row breaks the contract's check known_label."
    assert known["entity_missing"].meaning == "The row has no value in the column entity."


def test_rejects_of_the_contract_name_their_step() -> None:
    _, bad = check(sequences([GOOD, {"label": 9}]), Sequences)
    assert bad["step"].tolist() == ["check"]
