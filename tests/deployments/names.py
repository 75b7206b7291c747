"""Names of environment variables in deployment files: which of them nobody reads."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from prefect.settings.base import PrefectBaseSettings
from prefect.settings.models.root import Settings as PrefectSettings
from prefect_kubernetes.settings import KubernetesSettings
from prefect_redis.client import RedisMessagingSettings

from schemas.settings import Settings, UnknownSetting, refuse_unknown

# Read by the server from the environment itself: prefect/server/utilities/encryption.py.
NO_SETTING = {"PREFECT_SERVER_ENCRYPTION_KEY"}
SECRET = re.compile(
    r"PASSWORD|AUTH_STRING|_KEY$|_TOKEN$|SECRET_ACCESS|WEBHOOK_URL|CONNECTION_URL|MESSAGING_URL|DOCKET_URL"
)


def of_prefect() -> set[str]:
    """Every variable that Prefect and its integrations read as a setting."""
    models = (PrefectSettings, KubernetesSettings, RedisMessagingSettings)
    return NO_SETTING.union(*(_fields(model) for model in models))


def _fields(model: type[PrefectBaseSettings]) -> Iterator[str]:
    prefix = model.model_config.get("env_prefix", "")
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, PrefectBaseSettings):
            yield from _fields(kind)
            continue
        yield (prefix + name).upper()
        yield from (alias.upper() for alias in getattr(field.validation_alias, "choices", []) if isinstance(alias, str))


def read_by_nobody(names: Iterable[str]) -> list[str]:
    """Of PREFECT_ and AUTOMEND_ names, those that are no setting: misspelt, or gone."""
    known = of_prefect()
    found = [name for name in names if name.startswith("PREFECT_") and name not in known]
    return sorted(found + [name for name in names if name.startswith("AUTOMEND_") and not _ours(name)])


def _ours(name: str) -> bool:
    try:
        refuse_unknown([name])
    except UnknownSetting:
        return False
    return bool(Settings.model_fields)


def leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a YAML or JSON document that is no list and no mapping."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from leaves(value, f"{path}.{number}")
    else:
        yield path, document
