"""Errors that explain themselves, in the logs of runs: in their own words, without Prefect's traceback around them."""

import logging

from schemas.finding import UserError

LOGGERS = ("prefect.flow_runs", "prefect.task_runs")  # terminal and UI show what these two log


def plain_words(record: logging.LogRecord) -> bool:
    """A logging filter that lets every record pass, and rewrites those that report a UserError.

    Prefect logs a failure as its repr, all in one line, with a traceback. Of a UserError only its own sentences are
    kept, line by line. Any other error keeps both: there they help.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, UserError):
        record.exc_info = record.exc_text = None
        if record.args:  # the record that quotes the error
            record.msg, record.args = "%s: %s", (type(error).__name__, str(error))
    return True


def install() -> None:
    """Filter the logs of this process. A second call changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(plain_words)
