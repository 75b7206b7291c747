"""An error that explains itself is told in its own words; any other keeps its traceback."""

import logging

import pytest

from schemas.finding import SourceError
from tasks.engine import log_errors

pytestmark = pytest.mark.unit


def logged(fault: Exception, message: str, *args: object) -> str:
    """What a run's log says of `fault`."""
    cause = (type(fault), fault, fault.__traceback__)
    record = logging.LogRecord("prefect.flow_runs", logging.ERROR, "", 0, message, args, cause)
    assert log_errors.plain_words(record)
    return logging.Formatter("%(message)s").format(record)


def test_an_explained_error_is_told_line_by_line_without_a_traceback() -> None:
    fault = SourceError("two files:\n  a.csv has no header\n  b.csv is empty")
    told = logged(fault, "Encountered exception during execution: %r", fault)
    assert told == f"SourceError: {fault}"


def test_a_record_that_does_not_quote_it_keeps_its_words() -> None:
    assert logged(SourceError("why"), "Engine execution exited") == "Engine execution exited"


def test_any_other_error_keeps_its_traceback() -> None:
    fault = ValueError("odd")
    told = logged(fault, "Encountered exception during execution: %r", fault)
    assert told.splitlines() == ["Encountered exception during execution: ValueError('odd')", "ValueError: odd"]


def test_installed_twice_it_filters_once() -> None:
    log_errors.install()
    log_errors.install()
    assert all(logging.getLogger(name).filters.count(log_errors.plain_words) == 1 for name in log_errors.LOGGERS)
