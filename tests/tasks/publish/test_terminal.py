"""The lines at the end of a run are few and plain, and the verdict comes first."""

import pytest

from tasks.publish.terminal import summary_lines
from tests.tasks.publish.reports import HOSTILE, after, empty, finding, hostile, invented, ledger

pytestmark = pytest.mark.unit


def test_terminal_lines_are_few_and_plain_whatever_the_run() -> None:
    many = after(
        invented(),
        ledgers=tuple(ledger(f"ds{n}", n, n) for n in range(9)),
        findings=(finding("ds1", holds=False, detail=HOSTILE * 9),) * 30,
    )
    for run in (invented(), many, hostile()):
        lines = summary_lines(run)
        assert 6 <= len(lines) <= 12
        assert all(line.isprintable() for line in lines)
    assert "and 6 more datasets" in "\n".join(summary_lines(many))
    assert "rows      not recorded" in "\n".join(summary_lines(empty()))


def test_sample_data_never_pass_for_real() -> None:
    assert "(generated, not real)" in summary_lines(invented(mode="sample"))[0]
    assert "not real" not in summary_lines(invented(mode="live"))[0]


def test_terminal_lines_of_a_case_worked_by_hand() -> None:
    assert summary_lines(invented()) == [
        "Track A, mode sample (generated, not real): 1,250 distinct sequences. No problem was found.",
        "  ds1_alibaba  1,000 rows in = 990 kept + 7 dropped + 3 quarantined",
        "  ds2_loghub   2,500 rows in = 2,500 kept + 0 dropped + 0 quarantined",
        "  splits    train 1,000 · validation 120 · test 130",
        "  checks    2 of 2 pass",
        "  changes   This is the first run published here, so there is no earlier run to compare with.",
    ]
