"""Statistics of the synthetic conversations."""

import pytest

from tasks.pipelines.ds4_synthetic.conversations import conversations
from tasks.pipelines.ds4_synthetic.reports import schema_stats
from tests.tasks.pipelines.ds4_synthetic.export_rows import GRAMMAR, batch, row

pytestmark = pytest.mark.unit


def test_statistics_count_what_they_say() -> None:
    """Sums agree with each other and with the table."""
    made, _ = conversations(batch(*GRAMMAR, row()))
    told = schema_stats(made)
    assert told["total_conversations"] == len(made)
    assert (
        sum(told["teachers"].values()) == sum(told["complexity"].values()) == sum(told["steps"].values()) == len(made)
    )
    assert told["messages_without_steps"] == told["complexity"]["none"] == told["steps"][0]
    assert sum(n * count for n, count in told["steps"].items()) == sum(told["tools_called"].values())
    assert told["distinct_intents"] <= told["distinct_texts"] == len(made)


def test_statistics_of_no_conversation_are_zeros() -> None:
    """An empty table is decided, not an accident."""
    made, _ = conversations(batch())
    told = schema_stats(made)
    assert told["total_conversations"] == told["distinct_intents"] == told["characters_of_requests"]["mean"] == 0
