"""A run's summary counts what is there, and a repeated run compares itself with what it was compared with before."""

import pytest

from tasks.pipelines.track_a import run_summary
from tasks.publish import summary

pytestmark = pytest.mark.unit


def description(rows: list[int], tokens: dict[int, int]) -> dict[str, object]:
    histogram = [{"from": 0, "to": 0, "rows": rows[0]}, {"from": 1, "to": None, "rows": rows[1]}]
    top = [{"token": token, "rows": count} for token, count in tokens.items()]
    return {"sequence_length": {"histogram": histogram}, "token_stats": {"top_tokens": top}}


def test_lengths_of_all_datasets_are_added_bin_by_bin() -> None:
    told = run_summary.lengths([description([1, 2], {}), description([10, 20], {})])
    assert told == {"edges": [0, 1, 513], "counts": [11, 22]}


def test_templates_are_log_templates_only_most_frequent_first_with_their_meaning() -> None:
    entries = {str(token): {"meaning": f"m{token}", "source": "s"} for token in (100, 1001, 1002)}
    told = run_summary.templates([description([0, 0], {100: 99, 1001: 5}), description([0, 0], {1002: 7})], entries)
    assert told == [{"token": 1002, "meaning": "m1002", "count": 7}, {"token": 1001, "meaning": "m1001", "count": 5}]


def test_a_timeline_tells_its_buckets_size_in_words() -> None:
    over_time = {"bucket_seconds": 300, "starts": ["a"], "counts": {"Normal": [1]}}
    assert run_summary.timeline(over_time) == {"bucket": "0:05:00", "times": ["a"], "counts": {"Normal": [1]}}
    assert run_summary.timeline({"bucket_seconds": None, "starts": [], "counts": {}})["bucket"] == "none"


def test_the_first_run_is_compared_with_nothing() -> None:
    assert summary.last_different({"rows": 1}, {}) is None


def test_another_run_is_compared_with_the_published_one() -> None:
    assert summary.last_different({"rows": 2}, {"rows": 1, "previous": {"rows": 0}}) == {"rows": 1}


def test_a_repeated_run_is_compared_with_what_the_published_one_was_compared_with() -> None:
    run = {"rows": 1}
    published = summary.with_history(run, previous={"rows": 0})
    assert summary.last_different(run, published) == {"rows": 0}
    assert summary.with_history(run, previous=summary.last_different(run, published)) == published
