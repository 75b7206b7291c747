"""DS2: the table of rules is complete and in order, and every reason for a reject has a meaning and a case."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from schemas.ds2_loghub import EVENT_TYPES
from schemas.format_a import NORMAL, STATES
from tasks.pipelines.ds2_loghub import rules
from tasks.pipelines.ds2_loghub.parse import parse
from tasks.pipelines.ds2_loghub.rules import (
    EVENT_RULES,
    EVENT_STATES,
    EVENT_TYPE_OF,
    LABEL_RULES,
    MEANINGS,
    REASONS,
    states_by_event_type,
)
from tasks.pipelines.ds2_loghub.sample import sample
from tasks.pipelines.ds2_loghub.source import decode
from tasks.pipelines.ds2_loghub.words import pattern
from tests.tasks.pipelines.ds2_loghub.logs import label, read

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_the_order_of_the_rules_is_the_domains_order_of_event_types() -> None:
    order = [EVENT_TYPES.index(rule.event_type) for rule in EVENT_RULES]
    assert order == sorted(order)
    assert set(EVENT_TYPE_OF.values()) == set(EVENT_TYPES)


def test_rules_of_one_event_type_give_one_state() -> None:
    assert len({(rule.event_type, rule.state) for rule in LABEL_RULES}) == len(EVENT_STATES) == len(EVENT_TYPES)
    changed = (*LABEL_RULES, replace(LABEL_RULES[0], name="changed", state=NORMAL))
    with pytest.raises(
        ValueError, match=f"{LABEL_RULES[0].name} and changed have the event type .* An event type has one"
    ):
        states_by_event_type(changed)


def test_every_rule_is_explained_and_no_braces_were_lost_in_its_pattern() -> None:
    assert set(MEANINGS) == {*EVENT_TYPE_OF, "security"}
    for rule in EVENT_RULES:
        regex = pattern(rule.words)
        assert "<" not in regex.replace("(?<", "")
        assert "||" not in regex


HEADER = b"2015-10-18 18:01:47,978 INFO [main] org.x.Y: up"
COLUMNS = b"LineId,Date,Time,Level,Process,Component,Content"
# A file (name and bytes) with a record and one line for each reason that a line can be rejected for.
REJECTED = {
    "invalid_utf8": ("syslog.log", b"Jun 14 10:00:00 h x: y\nJun 14 10:00:00 h x: caf\xe9\n"),
    "nul_bytes": ("syslog.log", b"Jun 14 10:00:00 h x: y\nJun 14 10:00:00 h x: \0\n"),
    "line_too_long": ("syslog.log", b"Jun 14 10:00:00 h x: y\nJun 14 10:00:00 h x: " + b"y" * (1 << 17) + b"\n"),
    "wrong_column_count": ("a.log_structured.csv", COLUMNS + b"\n1,2015-10-18\n"),
    "bad_line_id": ("a.log_structured.csv", COLUMNS + b'\nx,2015-10-18,"18:01:47,978",INFO,m,o.Y,up\n'),
    "csv_header": ("a.log_structured.csv", COLUMNS + b'\n1,2015-10-18,"18:01:47,978",INFO,m,o.Y,up\n'),
    "no_header": ("syslog.log", b"Jun 14 10:00:00 h x: y\ngarbage\n"),
    "bad_time": ("syslog.log", b"Jun 14 10:00:00 h x: y\nJun 31 10:00:00 h x: y\n"),
    "continuation": ("log4j.log", HEADER + b"\n\tat org.x.Y.run(Y.java:1)\n"),
    "single_event_window": ("log4j.log", HEADER + b"\n"),
}


def rejects_of(*paths: Path) -> pd.DataFrame:
    """Rejects of all three steps of some log files, lone events dropped."""
    batches = [table.to_pandas(types_mapper=pd.ArrowDtype) for path in paths for table in decode(path, path.name)]
    parsed = [parse(batch) for batch in batches]
    events, unreadable = read(pd.concat([kept for kept, _ in parsed], ignore_index=True))
    _, lone = label(events, single_events="drop")
    return pd.concat([*(rejects for _, rejects in parsed), unreadable, lone])


def test_every_reason_is_reached_and_no_other_is_given(tmp_path: Path) -> None:
    assert list(REJECTED) == list(REASONS)
    for reason, (name, content) in REJECTED.items():
        path = tmp_path / name
        path.write_bytes(content)
        rejects = rejects_of(path)
        found = set(zip(rejects["outcome"], rejects["reason"], strict=True))
        assert (REASONS[reason].outcome, reason) in found
        assert {name for _, name in found} <= {reason, "csv_header", "single_event_window"}
    assert set(rejects["step"]) <= {"parse", "events", "windows"}


def test_rejects_of_the_sample_have_known_reasons(tmp_path: Path) -> None:
    sample(tmp_path, 42, 0.05)
    assert set(rejects_of(*sorted(tmp_path.glob("*.log")))["reason"]) <= set(REASONS)


def test_the_readme_has_every_label_rule() -> None:
    readme = Path(rules.__file__).with_name("README.md").read_text()
    for rule in LABEL_RULES:
        assert f"| {rule.name} | {rule.event_type} | {STATES[rule.state]} | {rule.meaning} |" in readme
