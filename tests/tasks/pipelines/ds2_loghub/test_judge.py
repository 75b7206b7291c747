"""DS2: severity and rule of a line by its words, with the traps that were measured on real logs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pipelines.ds2_loghub.rules import EVENT_TYPE_OF
from tests.tasks.pipelines.ds2_loghub.logs import judged

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

TRAPS = [
    ("Recalculating schedule, headroom=<memory:0, vCores:0>", "INFO", "normal"),
    ("boardroom and showroom are free", None, "normal"),
    ("OOM: killed", "INFO", "out_of_memory"),
    ("Retrying connect to server: a/b:8030. Already tried 0 time(s)", "INFO", "normal"),
    ("Retrying connect to server: a/b:8030. Already tried 9 time(s)", "WARN", "retrying"),
    ("Failed to renew lease for [DFS] for 30 seconds.  Will retry shortly ...", "WARN", "unreachable"),
    ("ERROR IN CONTACTING RM.", "ERROR", "unreachable"),
    ("Verification succeeded for blk_1", "INFO", "normal"),
    ("Verification failed for blk_1", "WARN", "corrupt_data"),
    ("Input split: hdfs://a/b:0+12", "INFO", "normal"),
    ("could not read input split 7", "ERROR", "bad_input"),
    ("ALERT exited abnormally with [1]", None, "abnormal_exit"),
    ("Out of Memory: Killed process 28473 (httpd).", None, "out_of_memory"),
    ("java.net.NoRouteToHostException: from a to b", "INFO", "unreachable"),
    ("java.net.SocketTimeoutException: 480000 millis", "ERROR", "timed_out"),
    ("Broken pipe", "WARN", "connection_lost"),
    ("session timeout = 30000", "INFO", "normal"),
    ("Expiring session 0x1, timeout of 10000ms exceeded", "INFO", "timed_out"),
    ("12 ddr error(s) detected and corrected", "INFO", "normal"),
    ("3 succeeded, 2 failed tasks", "INFO", "work_failed"),
    ("maxTaskFailuresPerNode is 3", "INFO", "normal"),
    ("Container killed by the ApplicationMaster.", "INFO", "normal"),
    ("something odd", "WARN", "warning"),
    ("something odd", "ERROR", "error_level"),
    ("something odd", "fatal", "fatal_level"),
    ("something odd", "NOTICE", "normal"),
]


def test_traps() -> None:
    verdicts = judged([(message, level) for message, level, _ in TRAPS])
    assert {message: verdict[2] for (message, *_), verdict in zip(TRAPS, verdicts, strict=True)} == {
        message: rule for message, _, rule in TRAPS
    }


def test_severity_is_the_levels_where_there_is_one() -> None:
    levels = {"TRACE": "INFO", "debug": "INFO", "W": "WARN", "Warning": "WARN", "SEVERE": "ERROR", "FATAL": "ERROR"}
    assert [verdict[0] for verdict in judged([("fine", level) for level in levels])] == list(levels.values())


WORDED = [
    ("Link error", "ERROR"),
    ("not responding", "WARN"),
    ("authentication failure; user=root", "WARN"),
    ("terror in the mirror", "INFO"),
    ("scan done, no errors", "INFO"),
    ("running", "INFO"),
    ("power/control problem", "WARN"),
    ("No route to host", "WARN"),
    ("EDAC sbridge: nmi received", "WARN"),
]


def test_severity_follows_from_words_on_word_boundaries_where_there_is_no_level() -> None:
    found = [verdict[0] for verdict in judged([(message, None) for message, _ in WORDED])]
    assert list(zip([message for message, _ in WORDED], found, strict=True)) == WORDED


@given(st.lists(st.tuples(st.text(max_size=60), st.sampled_from([None, "INFO", "WARN", "ERROR"])), max_size=50))
@settings(max_examples=5, deadline=None)
def test_any_text_has_exactly_one_verdict(rows: list[tuple[str, str | None]]) -> None:
    verdicts = judged(rows)
    assert len(verdicts) == len(rows)
    for (_, level), (severity, event_type, rule) in zip(rows, verdicts, strict=True):
        assert event_type == EVENT_TYPE_OF[rule]
        assert level in {None, severity}
