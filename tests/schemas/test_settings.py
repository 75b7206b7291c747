"""Settings: read from the environment once, and a misspelt one is refused."""

from pathlib import Path

import pytest

from schemas.settings import PROJECT, Place, Settings, UnknownSetting, refuse_unknown

pytestmark = pytest.mark.unit


def test_an_unknown_variable_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(UnknownSetting, match=r"AUTOMEND_DATADIR is set, .* Known: AUTOMEND_DATA_DIR"):
        refuse_unknown(["PATH", "AUTOMEND_DATADIR"])


def test_nested_and_foreign_variables_are_accepted() -> None:
    refuse_unknown(["AUTOMEND_SOURCES__DS1_ALIBABA__URL", "AUTOMEND_DATA_DIR", "HOME"])


def test_a_sources_place_is_read_from_two_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMEND_SOURCES__DS1_ALIBABA__URL", "/traces/t.tgz")
    monkeypatch.setenv("AUTOMEND_SOURCES__DS1_ALIBABA__SHA256", "ab")
    assert Settings(_env_file=None).sources == {"ds1_alibaba": Place(url="/traces/t.tgz", sha256="ab")}


def test_the_webhook_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMEND_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/secret")
    assert "secret" not in repr(Settings(_env_file=None))


def test_logs_lie_beside_the_projects_data_and_inside_any_other_data_folder() -> None:
    assert Settings(_env_file=None).logs_dir(PROJECT / "data") == PROJECT / "logs"
    assert Settings(_env_file=None).logs_dir(Path("/some/dir")) == Path("/some/dir/logs")
