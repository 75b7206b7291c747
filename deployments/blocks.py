"""Blocks: what the settings hold, saved where the server, the workers and the automations find it.

Only what is set is saved: an unset variable leaves its block as it is. No value of a block is ever printed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import RemoteFileSystem
from prefect.types import SecretDict
from prefect_slack import SlackWebhook
from pydantic import SecretStr, ValidationError

from deployments.plan import Step
from schemas.settings import Settings

SERVER_ALERTS = "automend-alerts-server"  # the same address once more: automations cannot load prefect_slack's block
RESULTS = "automend-results"


@dataclass(frozen=True)
class Wanted:
    """A block that a setting is for; `block` is None while the setting is not set."""

    kind: type[Block]
    name: str
    setting: str
    block: Block | None

    @property
    def slug(self) -> str:
        return self.kind.get_block_type_slug()

    @property
    def thing(self) -> str:
        return f"block {self.slug}/{self.name}"


def wanted(found: Settings) -> list[Wanted]:
    """Every block of ours, in the order in which it is made."""
    address = found.slack_webhook_url
    slack = SlackWebhook(url=address) if address else None
    return [
        Wanted(SlackWebhook, "automend-alerts", "AUTOMEND_SLACK_WEBHOOK_URL", slack),
        Wanted(Webhook, SERVER_ALERTS, "AUTOMEND_SLACK_WEBHOOK_URL", _webhook(address) if address else None),
        _secret("automend-google-api-key", "GOOGLE_API_KEY", found.google_api_key),
        _secret("automend-hf-token", "HF_TOKEN", found.hf_token),
        _secret("automend-stack-exchange-key", "AUTOMEND_STACK_EXCHANGE_KEY", found.stack_exchange_key),
        Wanted(RemoteFileSystem, RESULTS, "AUTOMEND_STORE", _results(found.store)),
    ]


def _webhook(address: SecretStr) -> Webhook:
    headers = SecretDict({"Content-Type": "application/json"})  # Slack reads a body without it as a form
    return Webhook(method="POST", url=address, headers=headers)


def _secret(name: str, setting: str, value: SecretStr | None) -> Wanted:
    return Wanted(Secret, name, setting, Secret(value=value.get_secret_value()) if value else None)


def _results(store: str | None) -> RemoteFileSystem | None:
    """Prefect's results beside the data. Keys and endpoint are the environment's (AWS_…), never the block's.

    A folder of this machine needs no block: it is what Prefect uses by itself.
    """
    if store is None or "://" not in store or store.startswith(("file:", "local:")):
        return None
    return RemoteFileSystem(basepath=f"{store.rstrip('/')}/results")


def made(client: SyncPrefectClient, found: Settings) -> Iterator[Step]:
    """Prefect-slack's block type, so that the UI has its form, and each block."""
    slug = SlackWebhook.get_block_type_slug()
    if _registered(client, slug):
        yield Step(f"block type {slug}", "unchanged")
    else:
        yield Step(f"block type {slug}", "created", "", SlackWebhook.register_type_and_schema)
    yield from (_step(client, each) for each in wanted(found))


def _registered(client: SyncPrefectClient, slug: str) -> bool:
    try:
        client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return False
    return True


def _step(client: SyncPrefectClient, each: Wanted) -> Step:
    block = each.block
    if block is None:
        return Step(each.thing, "unchanged", f"{each.setting} is not set; a saved one stays")
    saved = document(client, each.slug, each.name)
    if saved and _same(block, saved.data):
        return Step(each.thing, "unchanged")
    return Step(each.thing, "updated" if saved else "created", "", lambda: block.save(each.name, overwrite=True))


def document(client: SyncPrefectClient, slug: str, name: str) -> Any:
    """The block's document with its secrets, None where there is none."""
    try:
        return client.read_block_document_by_name(name, slug, include_secrets=True)
    except ObjectNotFound:
        return None


def _same(block: Block, data: dict[str, Any]) -> bool:
    """Whether saved data make an equal block; data that make none (an older form, another key) do not."""
    try:
        saved = type(block).model_validate(data)
    except ValidationError:
        return False
    return saved.model_dump() == block.model_dump()


def alert_block_id(client: SyncPrefectClient) -> UUID | None:
    """Id of the webhook that automations call, None where nobody gave an address."""
    saved = document(client, Webhook.get_block_type_slug(), SERVER_ALERTS)
    return saved.id if saved else None
