"""Errors that explain themselves, in the logs of runs: in their own words, without Prefect's traceback around them."""

import logging

from schemas.finding import UserError

LOGGERS = ("prefect.flow_runs", "prefect.task_runs")  # terminal and UI show what these two say


def spoken(record: logging.LogRecord) -> bool:
    """A logging filter that lets everything pass.

    Prefect tells a failure by its repr, all in one line, and a traceback; of an UserError error this leaves its
    sentences, line by line. Any other error keeps both: there they help.
    """
    fault = record.exc_info[1] if record.exc_info else None
    if isinstance(fault, UserError):
        record.exc_info = record.exc_text = None
        if record.args:  # the record that quotes the error
            record.msg, record.args = "%s: %s", (type(fault).__name__, str(fault))
    return True


def install() -> None:
    """For this process; twice is once."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(spoken)
