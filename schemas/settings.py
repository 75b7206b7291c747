"""The one place that reads the environment: AUTOMEND_* variables and `.env`, typed, unknown keys refused."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent
PREFIX = "AUTOMEND_"


class Place(BaseModel):
    """Where a source lies that cannot be pinned by us (a form stands before it): an address or a path, and its hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    sha256: str


class Settings(BaseSettings):
    """Settings of a machine or a deployment; what varies from run to run is a flow parameter instead."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=PROJECT / ".env",
        env_ignore_empty=True,  # an empty key is no key: what a secret block holds until somebody fills it
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = PROJECT / "data"  # raw/, interim/, processed/ lie below it
    real_data: Path | None = None  # tests only: where the public sample files lie
    sources: dict[str, Place] = {}  # AUTOMEND_SOURCES__<STEM>__URL and __SHA256
    slack_webhook_url: SecretStr | None = None  # `make bootstrap` saves it as the block automend-alerts
    google_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("AUTOMEND_GOOGLE_API_KEY", "GOOGLE_API_KEY")
    )
    gemini_url: str | None = None  # another address of the Gemini API, for a proxy or a test
    hf_token: SecretStr | None = Field(None, validation_alias=AliasChoices("AUTOMEND_HF_TOKEN", "HF_TOKEN"))
    stack_exchange_key: SecretStr | None = None  # raises the daily quota of the Stack Exchange API
    stack_exchange_url: str = "https://api.stackexchange.com/2.3"
    store: str | None = None  # s3://bucket/prefix, or any fsspec address: what is made is kept there too
    pushgateway_url: str | None = None  # http://host:9091; None: metrics go to the text files in the logs folder only
    runner: str = "threads"  # where shards run: threads, dask (a local cluster), or tcp://host:8786 (a scheduler)
    image: str | None = None  # name and tag of the image that prefect.prod.yaml deploys; read by the bootstrap
    dvc: bool = True  # version what is published
    dvc_remote: str | None = None  # a remote of the DVC repository to push to; None: nothing is pushed

    def logs_dir(self, data_dir: Path) -> Path:
        """`logs/` beside the project's own data, `<data_dir>/logs` for any other data folder."""
        return PROJECT / "logs" if data_dir == PROJECT / "data" else data_dir / "logs"


def data_folder(given: Path | None) -> Path:
    """The data folder of a run: its parameter `data_dir`, else the setting."""
    return (given or settings().data_dir).resolve()


class UnknownSetting(ValueError):
    """A variable with our prefix that no setting has: most likely misspelt."""


def refuse_unknown(names: list[str]) -> None:
    """Raise UnknownSetting if a name with our prefix is not a field of Settings."""
    fields = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in names:
        stem = name.upper().split("__")[0]
        if stem.startswith(PREFIX) and stem not in fields:
            raise UnknownSetting(f"{name} is set, but there is no such setting. Known: {', '.join(sorted(fields))}.")


def _names_in(dotenv: Path) -> list[str]:
    """Names assigned in a .env file."""
    lines = dotenv.read_text().splitlines() if dotenv.is_file() else []
    return [line.split("=")[0].removeprefix("export ").strip() for line in lines if "=" in line and line[:1] != "#"]


@cache
def settings() -> Settings:
    """The process's settings, read once. Raises UnknownSetting for a misspelt variable or line of .env."""
    refuse_unknown([*os.environ, *_names_in(PROJECT / ".env")])
    return Settings()


_vaults: list[Callable[[str], SecretStr | None]] = []


def look_for_secrets_in(vault: Callable[[str], SecretStr | None]) -> None:
    """Let `secret` look here for what the environment does not hold (tasks/engine/runtime.py: Prefect's blocks)."""
    _vaults[:] = [vault]


def secret(name: str) -> SecretStr | None:
    """A key by its setting's name, such as `hf_token`: of the environment or .env, else of the vault; None for none."""
    own: SecretStr | None = getattr(settings(), name)
    return own or next((found for vault in _vaults if (found := vault(name))), None)
