"""A run's own values go before the variable's, field by field."""

import pytest
from pydantic import ValidationError

from schemas.limits import Limits, LoadRules
from schemas.thresholds import MOVED, Ds1Alibaba, Ds3Stackoverflow, Thresholds

pytestmark = pytest.mark.unit


def test_nothing_given_changes_nothing() -> None:
    given = {"limits": None, "ds1_alibaba": {"load": None}, "ds3_stackoverflow": {"min_score": None}}
    assert Thresholds().over(given) == Thresholds()


def test_one_flag_leaves_the_other_agreed_values_alone() -> None:
    agreed = Thresholds(limits=Limits(disparity=0.5))
    assert agreed.over({"limits": Limits(quarantined=0.2)}).limits == Limits(quarantined=0.2, disparity=0.5)


def test_a_value_given_equal_to_the_default_still_goes_before_the_agreed_one() -> None:
    agreed = Thresholds(ds1_alibaba=Ds1Alibaba(load=LoadRules(cpu_high=95, idle_cpu=10)))
    merged = agreed.over({"ds1_alibaba": {"load": LoadRules(cpu_high=80)}}).ds1_alibaba.load
    assert (merged.cpu_high, merged.idle_cpu) == (80, 10)


def test_zero_is_a_value_and_goes_before_the_agreed_one() -> None:
    agreed = Thresholds(ds3_stackoverflow=Ds3Stackoverflow(min_score=7))
    assert agreed.over({"ds3_stackoverflow": {"min_score": 0}}).ds3_stackoverflow.min_score == 0


def test_a_pipelines_values_leave_the_other_pipelines_alone() -> None:
    changed = Thresholds().over({"code_corpus": {"near_duplicates": 0.5}})
    assert (changed.code_corpus.near_duplicates, changed.track_b) == (0.5, Thresholds().track_b)


@pytest.mark.parametrize(
    "wrong", [{"limit": {}}, {"limits": {"quarantined": 7}}, {"ds3_stackoverflow": {"min_score": "many"}}, {"load": {}}]
)
def test_a_misspelt_name_or_an_impossible_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Thresholds.model_validate(wrong)


def test_the_variables_json_is_read_back_equal() -> None:
    assert Thresholds.model_validate(Thresholds().model_dump(mode="json")) == Thresholds()


def test_every_moved_name_is_gone_and_its_new_place_exists() -> None:
    values = Thresholds().model_dump()
    places = [place for new in MOVED.values() for place in new.split(" and ")]
    assert not set(MOVED) & set(values)
    assert all(name in values[section] for section, name in (place.split(".") for place in places))
