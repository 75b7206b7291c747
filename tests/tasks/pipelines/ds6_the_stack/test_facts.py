"""Facts of resources."""

import pytest

from tasks.pipelines.ds6_the_stack.facts import when

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("@hourly", "every hour"),
        ("7 * * * *", "every hour"),
        ("5 4 * * *", "every day at 04:05"),
        ("0 0 1 * MON-FRI", "on the schedule 0 0 1 * MON-FRI"),
        ("{{ cron }}", "on a schedule"),
        ("1 " * 40, "on a schedule"),
    ],
)
def test_a_cron_expression_is_told_as_people_tell_it(cron: str, words: str) -> None:
    """Where there are no words for it, as it is."""
    assert when(cron) == words
