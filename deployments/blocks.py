"""Blocks: values of the settings, saved on the server for workers and automations.

Only a variable that is set is saved: an unset one leaves its block as it is. No value of a block is ever printed.
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
from schemas.document import Document
from schemas.settings import Settings

SERVER_ALERTS = "automend-alerts-server"  # the same address again: automations cannot load prefect_slack's block
RESULTS = "automend-results"


@dataclass(frozen=True)
class WantedBlock:
    """A block and the setting it is made from; `block` is None while the setting is not set."""

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


def wanted(values: Settings) -> list[WantedBlock]:
    """Every block of ours, in the order in which it is made."""
    address = values.slack_webhook_url
    slack = SlackWebhook(url=address) if address else None
    return [
        WantedBlock(SlackWebhook, "automend-alerts", "AUTOMEND_SLACK_WEBHOOK_URL", slack),
        WantedBlock(Webhook, SERVER_ALERTS, "AUTOMEND_SLACK_WEBHOOK_URL", _webhook_block(address) if address else None),
        _secret_block("automend-google-api-key", "GOOGLE_API_KEY", values.google_api_key),
        _secret_block("automend-hf-token", "HF_TOKEN", values.hf_token),
        _secret_block("automend-stack-exchange-key", "AUTOMEND_STACK_EXCHANGE_KEY", values.stack_exchange_key),
        WantedBlock(RemoteFileSystem, RESULTS, "AUTOMEND_STORE", _results_block(values.store)),
    ]


def _webhook_block(address: SecretStr) -> Webhook:
    headers = SecretDict({"Content-Type": "application/json"})  # Slack reads a body without it as a form
    return Webhook(method="POST", url=address, headers=headers)


def _secret_block(name: str, setting: str, value: SecretStr | None) -> WantedBlock:
    return WantedBlock(Secret, name, setting, Secret(value=value.get_secret_value()) if value else None)


def _results_block(store: str | None) -> RemoteFileSystem | None:
    """Prefect's results beside the data. Keys and endpoint come from the environment (AWS_…), never from the block.

    A folder of this machine needs no block: Prefect uses one by default.
    """
    if store is None or "://" not in store or store.startswith(("file:", "local:")):
        return None
    return RemoteFileSystem(basepath=f"{store.rstrip('/')}/results")


def steps(client: SyncPrefectClient, values: Settings) -> Iterator[Step]:
    """A step for prefect-slack's block type, so that the UI has its form, and for each block."""
    slug = SlackWebhook.get_block_type_slug()
    if _is_registered(client, slug):
        yield Step(f"block type {slug}", "unchanged")
    else:
        yield Step(f"block type {slug}", "created", "", SlackWebhook.register_type_and_schema)
    yield from (_block_step(client, each) for each in wanted(values))


def _is_registered(client: SyncPrefectClient, slug: str) -> bool:
    try:
        client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return False
    return True


def _block_step(client: SyncPrefectClient, each: WantedBlock) -> Step:
    block = each.block
    if block is None:
        return Step(each.thing, "unchanged", f"{each.setting} is not set; a saved block stays")
    saved = document(client, each.slug, each.name)
    if saved and _equals_saved(block, saved.data):
        return Step(each.thing, "unchanged")
    return Step(each.thing, "updated" if saved else "created", "", lambda: block.save(each.name, overwrite=True))


def document(client: SyncPrefectClient, slug: str, name: str) -> Any:
    """The block's document with its secrets, None where there is none."""
    try:
        return client.read_block_document_by_name(name, slug, include_secrets=True)
    except ObjectNotFound:
        return None


def _equals_saved(block: Block, data: Document) -> bool:
    """Whether saved data make an equal block. Data of an older form, or encrypted by another key, do not."""
    try:
        saved = type(block).model_validate(data)
    except ValidationError:
        return False
    return saved.model_dump() == block.model_dump()


def alert_block_id(client: SyncPrefectClient) -> UUID | None:
    """Id of the webhook that automations call, None while no address is saved."""
    saved = document(client, Webhook.get_block_type_slug(), SERVER_ALERTS)
    return saved.id if saved else None
