"""Planted secrets are found nowhere: not in logs, states, artifacts, parameters, events, files, or any database."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.production import AUTH, SECRETS, Production, Staffed, ended, staffed
from tests.servers import server

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("production")]


def found(places: Mapping[str, str]) -> list[str]:
    """Which secret stands where, with the words before it."""
    return [
        f"{name} in {place}: …{text[max(0, text.index(secret) - 160) : text.index(secret)]}"
        for place, text in places.items()
        for name, secret in SECRETS.items()
        if secret in text
    ]


def files(*folders: Path) -> Iterable[tuple[str, str]]:
    """Every file below the folders, byte for byte as Latin-1 text."""
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield str(file), file.read_bytes().decode("latin-1")


def messages(of: Staffed[Any]) -> dict[str, str]:
    """What the last state of each of the three runs says, once they are over."""
    over = {name: ended(of.server, run) for name, run in of.runs.items()}
    states = {name: run["state_type"] for name, run in over.items()}
    assert states == {"good": "COMPLETED", "source": "FAILED", "careless": "FAILED"}, over
    return {name: str(run["state"]["message"]) for name, run in over.items()}


@pytest.fixture(scope="module")
def told(production: Staffed[Production]) -> dict[str, str]:
    return messages(production)


def test_the_runs_that_failed_say_why_with_the_secret_hidden(told: dict[str, str]) -> None:
    assert "http://reader:***@127.0.0.1" in told["source"]
    assert "postgresql://amy:***@127.0.0.1:1/warehouse" in told["careless"]


def test_no_secret_is_in_any_table_or_key_of_the_servers_databases(
    production: Staffed[Production], told: dict[str, str]
) -> None:
    stored = production.server.stored()
    assert "ds5-glaive" in stored["table flow"]  # what is stored can be found
    assert "amy:***@" in "".join(stored.values())
    assert found(stored) == []


def test_no_secret_is_in_the_logs_of_server_and_worker_or_in_any_file_they_wrote(
    production: Staffed[Production], told: dict[str, str]
) -> None:
    written = dict(files(production.server.home))
    assert any(name.endswith("worker.log") for name in written)
    assert found(written) == []


def test_no_secret_is_in_the_data_folder_or_in_what_slack_was_told(
    production: Staffed[Production], told: dict[str, str]
) -> None:
    places = {"Slack": json.dumps(production.slack.messages), **dict(files(production.data))}
    assert "amy:***@" in places["Slack"]
    assert "amy:***@" in places[str(production.data / "logs/alerts.log")]
    assert found(places) == []


def test_a_secret_that_is_there_is_found() -> None:
    assert len(found({"log": f"a {SECRETS['auth string']} b", "other": "nothing"})) == 1


@pytest.mark.operations
def test_no_secret_is_in_an_sqlite_database_or_its_journal(tmp_path: Path) -> None:
    guarded = {
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        "PREFECT_API_AUTH_STRING": AUTH,
        "PREFECT_SERVER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    }
    with server(tmp_path / "home", guarded) as made, staffed(made) as working:
        messages(working)
        written = dict(files(tmp_path))
    assert "amy:***@" in written[str(tmp_path / "home/prefect.db")] + written[str(tmp_path / "home/prefect.db-wal")]
    assert found(written) == []
