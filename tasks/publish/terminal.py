"""A run in a few plain lines, for the end of a run in a terminal. Pure."""

from collections.abc import Sequence

from schemas.run_report import Ledger, RunReport
from tasks.publish.comparison import change_sentence
from tasks.publish.verdict import failed, remarks, verdict
from tasks.publish.wording import plural, readable, readable_report

SHOWN_LEDGERS = 4
LINE = 160  # characters of a line of unknown origin


def summary_lines(report: RunReport) -> list[str]:
    """6 to 12 plain lines: what was made, what is wrong with it, where the rows went, what changed."""
    report = readable_report(report.model_dump(mode="json"))
    generated = " (generated, not real)" if report.mode == "sample" else ""
    worst = [f"  ! {readable(remark.text, LINE)}" for remark in remarks(report) if remark.level != "note"][:2]
    passed, total = len(report.findings) - len(failed(report)), len(report.findings)
    return [
        f"{report.title}, mode {report.mode}{generated}: {plural(report.rows, report.noun)}. {verdict(report)[1]}",
        *worst,
        *_row_lines(report.ledgers),
        *(f"  {line.name:9} {readable(line.text, LINE)}" for line in report.lines),
        f"  checks    {passed:,} of {total:,} pass",
        f"  changes   {change_sentence(report)}",
    ]


def _row_lines(ledgers: Sequence[Ledger]) -> list[str]:
    if not ledgers:
        return ["  rows      not recorded"]
    shown = ledgers if len(ledgers) <= SHOWN_LEDGERS else ledgers[: SHOWN_LEDGERS - 1]
    wide = max(len(ledger.stem) for ledger in shown)
    lines = [
        f"  {ledger.stem:{wide}}  {ledger.rows:,} {ledger.of} in = {ledger.kept:,} kept + {ledger.rows_dropped:,} "
        f"dropped + {ledger.rows_quarantined:,} quarantined"
        for ledger in shown
    ]
    more = len(ledgers) - len(shown)
    return [*lines, f"  and {more} more datasets"] if more else lines
