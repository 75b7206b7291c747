"""What a run is given goes before what is agreed, field by field."""

import pytest
from pydantic import ValidationError

from schemas.limits import Limits, LoadRules
from schemas.thresholds import Thresholds

pytestmark = pytest.mark.unit


def test_nothing_given_changes_nothing() -> None:
    assert Thresholds().over(limits=None, load=None, min_score=None) == Thresholds()


def test_one_flag_leaves_the_other_agreed_values_alone() -> None:
    agreed = Thresholds(limits=Limits(disparity=0.5))
    assert agreed.over(limits=Limits(quarantined=0.2)).limits == Limits(quarantined=0.2, disparity=0.5)


def test_a_value_given_equal_to_the_default_still_goes_before_the_agreed_one() -> None:
    agreed = Thresholds(load=LoadRules(cpu_high=95))
    assert agreed.over(load=LoadRules(cpu_high=80)).load.cpu_high == 80


def test_numbers_are_taken_whole() -> None:
    assert Thresholds(min_score=7).over(min_score=0).min_score == 0


@pytest.mark.parametrize("told", [{"limit": {}}, {"limits": {"quarantined": 7}}, {"min_score": "many"}])
def test_a_misspelt_name_or_an_impossible_value_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Thresholds.model_validate(told)


def test_the_variables_json_is_read_back_equal() -> None:
    assert Thresholds.model_validate(Thresholds().model_dump(mode="json")) == Thresholds()
