"""Save AUTOMEND_SLACK_WEBHOOK_URL as the block automend-alerts: `make slack`. The address is never printed."""

import sys

from prefect_slack import SlackWebhook

from schemas.settings import settings
from tasks.publish.steps import SLACK_BLOCK


def save_block() -> str:
    """Create or replace the block; a sentence for the person who asked. Raises SystemExit without an address."""
    url = settings().slack_webhook_url
    if url is None:
        raise SystemExit("AUTOMEND_SLACK_WEBHOOK_URL is not set: put the webhook's address into .env, then run again.")
    SlackWebhook(url=url).save(SLACK_BLOCK, overwrite=True)
    return f"The block {SLACK_BLOCK} is saved: every flow's alerts go to Slack from now on."


if __name__ == "__main__":
    sys.stdout.write(save_block() + "\n")
