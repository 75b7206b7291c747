"""DS1: each label rule at its threshold, their order, and that every reason for a reject has a meaning and a case."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from schemas import format_a
from schemas.limits import LoadRules
from tasks.pipelines.ds1_alibaba import rules
from tasks.pipelines.ds1_alibaba.rules import LABEL_RULES, MEANINGS, REASONS
from tests.tasks.pipelines.ds1_alibaba.trace import event, instance, label, labels, read, selected, task, usage

pytestmark = [pytest.mark.unit, pytest.mark.dataset]
Decoded = Callable[..., pd.DataFrame]


@pytest.mark.parametrize(
    ("detail", "names_it"),
    [
        ("link down", True),
        ("eth0_LinkDown", True),
        ("NETWORK unreachable", True),
        ("rack switch 7", True),
        ("two links lost", True),
        ("low disk space", False),
        ("symlink loop", False),
        ("corrupted linked list", False),
        ("", False),
    ],
)
def test_the_network_is_recognised_by_whole_words(decoded: Decoded, detail: str, names_it: bool) -> None:
    kept, _ = read(decoded("server_event", event(300, "softerror", detail)))
    assert kept["network"].tolist() == [names_it]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ({"server_usage": [usage(300)]}, "normal"),
        ({"server_usage": [usage(300, cpu=79.99, memory=79.99)]}, "normal"),
        ({"server_usage": [usage(300, cpu=80)]}, "cpu_high"),
        ({"server_usage": [usage(300, memory=80)]}, "memory_high"),
        ({"server_usage": [usage(300, cpu=99), usage(301, cpu=60)]}, "normal"),  # the mean is 79.5
        ({"server_event": [event(300, "harderror")]}, "harderror"),
        ({"server_event": [event(300, "softerror")]}, "softerror"),
        ({"server_event": [event(300, "softerror", "link down")]}, "network_event"),
        ({"server_event": [event(300, "add")]}, "normal"),
        ({"server_event": [event(300, "remove")]}, "normal"),
        ({"server_usage": [usage(300, cpu=30)], "batch_instance": [instance(310, "Failed")]}, "failed_idle"),
        ({"server_usage": [usage(300, cpu=30.1)], "batch_instance": [instance(310, "Failed")]}, "failed_other"),
        ({"batch_instance": [instance(310, "Failed")]}, "failed_idle"),  # its own 10 %
        ({"batch_instance": [instance(310, "Failed"), instance(320, cpu="32")]}, "failed_other"),  # the largest: 50 %
        ({"batch_instance": [instance(310, "Failed", cpu="")]}, "failed_other"),  # nothing is measured
        ({"batch_instance": [instance(310, cpu="60")]}, "cpu_high"),
        ({"server_usage": [usage(300)], "batch_instance": [instance(310, cpu="60")]}, "normal"),  # own load counts
        ({"server_usage": [usage(300, cpu="")], "batch_instance": [instance(310, cpu="60")]}, "cpu_high"),
        ({"server_usage": [usage(300, cpu=2)], "batch_instance": [instance(310)]}, "normal"),  # finished normally
        ({"server_usage": [usage(300)], "batch_instance": [instance(310, "Interupted")]}, "normal"),
        ({"server_usage": [usage(300, cpu=95)], "server_event": [event(310, "harderror")]}, "harderror"),
        ({"server_usage": [usage(300, cpu=95)], "server_event": [event(310, "softerror")]}, "softerror"),
        ({"server_usage": [usage(300, cpu=95)], "batch_instance": [instance(310, "Failed")]}, "cpu_high"),
        (
            {
                "server_usage": [usage(300, cpu=9)],
                "batch_instance": [instance(310, "Failed")],
                "server_event": [event(310, "softerror", "link down")],
            },
            "failed_idle",
        ),
    ],
)
def test_the_first_rule_that_applies_gives_the_label(observed: Decoded, rows: dict[str, list[str]], rule: str) -> None:
    assert labels(observed(**rows)) == [(next(known.state for known in LABEL_RULES if known.name == rule), rule)]


def test_rules_are_in_the_order_of_severity_and_use_every_threshold() -> None:
    places = [format_a.SEVERITY_ORDER.index(rule.state) for rule in LABEL_RULES]
    assert places == sorted(places)
    assert list(MEANINGS) == [rule.name for rule in LABEL_RULES]
    assert {rule.threshold for rule in LABEL_RULES} - {""} == set(LoadRules.model_fields)


def test_thresholds_are_parameters(observed: Decoded) -> None:
    observations = observed(server_usage=[usage(300, cpu=50)], batch_instance=[instance(310, "Failed")])
    assert labels(observations, cpu_high=50)[0][1] == "cpu_high"
    assert labels(observations, memory_high=50)[0][1] == "memory_high"
    assert labels(observations, idle_cpu=50)[0][1] == "failed_idle"


@pytest.mark.parametrize(("waits", "long"), [(99, 0), (100, 1), (199, 1), (200, 2)])
def test_a_wait_is_long_past_the_99th_percentile_of_all_waits(observed: Decoded, waits: int, long: int) -> None:
    lines = [task(5_000, "Waiting", number, wait=number + 1) for number in range(waits)]
    found = Counter(rule for _, rule in labels(observed(batch_task=lines)))
    assert found == Counter({"normal": waits - long, "wait_long": long})


def test_waits_that_equal_the_percentile_are_not_past_it(observed: Decoded) -> None:
    lines = [task(5_000, "Waiting", number, wait=60) for number in range(300)]
    assert {rule for _, rule in labels(observed(batch_task=lines))} == {"normal"}


# One line for each reason that a row can be rejected for.
REJECTED = {
    "too_few_columns": ("server_usage", "300,7,50"),
    "too_many_columns": ("server_usage", "300,7,50,60,40,1,2,3,4"),
    "not_utf8": ("server_event", "300,7,add,caf\xe9,64,0.69,1"),
    "bad_quotes": ("server_event", '300,7,add,"a"\rb,64,0.69,1'),
    "bad_number": ("server_usage", "300,7,fifty,60,40,1,2,3"),
    "no_entity": ("server_usage", "300,,50,60,40,1,2,3"),
    "no_time": ("server_usage", ",7,50,60,40,1,2,3"),
    "negative_time": ("server_usage", "-300,7,50,60,40,1,2,3"),
    "time_too_large": ("server_usage", "99999999999,7,50,60,40,1,2,3"),
    "ends_before_start": ("batch_instance", "9,5,1,2,7,Terminated,1,1,,,,"),
    "nan": ("server_usage", "300,7,nan,60,40,1,2,3"),
    "infinite": ("server_usage", "300,7,inf,60,40,1,2,3"),
    "cpu_out_of_range": ("server_usage", "300,7,250,60,40,1,2,3"),
    "memory_out_of_range": ("server_usage", "300,7,50,100.1,40,1,2,3"),
    "unknown_status": ("batch_instance", "5,9,1,2,7,Exploded,1,1,,,,"),
    "duplicate_row": ("server_usage", "300,7,50,60,40,1,2,3\n300,7,50,60,40,1,2,3"),
}


def test_every_reason_is_reached_and_no_other_is_given(decoded: Decoded, folder: Path) -> None:
    assert list(REJECTED) == list(REASONS)
    for reason, (table, lines) in REJECTED.items():
        observations, unusable = read(decoded(table, lines))
        _, repeated = label(observations)
        rejects = pd.concat([unusable, repeated])
        assert rejects[["outcome", "reason"]].to_numpy().tolist() == [[REASONS[reason].outcome, reason]]
    observations, unusable = selected(sorted(folder.glob("*.csv")))
    assert set(unusable["reason"]) | set(label(observations)[1]["reason"]) <= set(REASONS)


def test_the_readme_has_every_label_rule_with_its_threshold() -> None:
    readme = Path(rules.__file__).with_name("README.md").read_text()
    for rule in LABEL_RULES:
        threshold = f"`{rule.threshold}` = {getattr(LoadRules(), rule.threshold):g}" if rule.threshold else ""
        row = f"| {rule.name} | {format_a.STATES[rule.state]} | {rule.meaning} | {threshold} |"
        assert row.replace("|  |", "| |") in readme
