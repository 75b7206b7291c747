"""The variable automend_thresholds changes the next run, without a deployment."""

import pytest
from prefect import flow
from prefect.blocks.system import Secret
from prefect.variables import Variable

from schemas.limits import Limits
from schemas.settings import secret, settings
from schemas.thresholds import VARIABLE, Thresholds
from tasks.engine.runtime import start
from tasks.engine.server_values import ThresholdsInvalid, thresholds

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]


@flow
def agreed(limits: Limits | None = None) -> Thresholds:
    return thresholds(limits=limits)


def test_the_servers_variable_goes_before_the_defaults_and_a_parameter_before_both() -> None:
    assert agreed() == Thresholds()
    Variable.set(VARIABLE, {"limits": {"disparity": 0.3, "volume_drop": 0.4}}, overwrite=True)
    try:
        assert agreed().limits == Limits(disparity=0.3, volume_drop=0.4)
        assert agreed(Limits(disparity=0.9)).limits == Limits(disparity=0.9, volume_drop=0.4)
    finally:
        Variable.unset(VARIABLE)


def test_a_wrong_variable_stops_the_run_with_its_place_and_what_to_do() -> None:
    Variable.set(VARIABLE, {"limits": {"quarantined": 7}}, overwrite=True)
    try:
        with pytest.raises(ThresholdsInvalid, match=r"limits\.quarantined.*less than or equal to 1.*Correct it"):
            agreed()
    finally:
        Variable.unset(VARIABLE)


def test_a_name_that_has_moved_is_refused_with_its_new_place() -> None:
    Variable.set(VARIABLE, {"min_score": 7}, overwrite=True)
    try:
        with pytest.raises(ThresholdsInvalid, match=r"min_score is now ds3_stackoverflow\.min_score"):
            agreed()
    finally:
        Variable.unset(VARIABLE)


def test_a_key_of_the_environment_goes_before_the_block_and_an_empty_block_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HF_TOKEN", "AUTOMEND_HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    start()
    assert secret("hf_token") is None
    Secret(value="").save("automend-hf-token", overwrite=True)
    assert secret("hf_token") is None
    Secret(value="from-the-block").save("automend-hf-token", overwrite=True)
    told = secret("hf_token")
    assert told is not None
    assert told.get_secret_value() == "from-the-block"
    monkeypatch.setenv("HF_TOKEN", "from-the-environment")
    settings.cache_clear()
    told = secret("hf_token")
    assert told is not None
    assert told.get_secret_value() == "from-the-environment"
    Secret.delete("automend-hf-token")
    monkeypatch.undo()
    settings.cache_clear()
