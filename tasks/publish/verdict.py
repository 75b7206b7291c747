"""Whether a run's result may be used: what is wrong or remarkable about it, the worst first. Pure."""

from collections.abc import Iterator, Sequence

from schemas.finding import Finding
from schemas.run_report import DatasetFinding, Ledger, Level, Remark, RunReport
from tasks.publish.wording import number, plural

LEVELS: tuple[Level, ...] = ("error", "warning", "note")
SEVERITIES = {"error": 0, "warning": 1, "info": 2}


def sorted_findings(report: RunReport) -> list[DatasetFinding]:
    """The failed first, then by severity, dataset and name."""
    return sorted(report.findings, key=lambda f: (f.holds, SEVERITIES[f.severity], f.stem, f.kind, f.name))


def failed(report: RunReport) -> list[DatasetFinding]:
    """Findings that fail and mean something; an `info` is for information only."""
    return [finding for finding in sorted_findings(report) if is_failure(finding)]


def is_failure(finding: Finding) -> bool:
    """Whether a check fails and its failure means something."""
    return not finding.holds and finding.severity != "info"


def remarks(report: RunReport) -> list[Remark]:
    """Everything that is wrong or remarkable, the worst first."""
    every = (*_about_rows(report), *_about_checks(report), *report.remarks, *_about_sources(report))
    return sorted(every, key=lambda remark: LEVELS.index(remark.level))


def _about_rows(report: RunReport) -> Iterator[Remark]:
    if not report.rows:
        yield Remark(level="error", text=f"The run made no {report.noun}.")
    for stem, why in sorted(report.absent.items()):
        yield Remark(level="warning", text=f"{stem} is missing from these data: {why}")
    for ledger in report.ledgers:
        if ledger.gap:
            yield Remark(level="error", text=gap_sentence(ledger))
    for split in report.splits:
        if not split.n and report.rows:
            yield Remark(level="warning", text=f"The split {split.name} is empty.")


def gap_sentence(ledger: Ledger) -> str:
    """What does not add up, with the numbers."""
    return (
        f"{ledger.stem}: the {ledger.of} do not add up: {ledger.rows:,} in, but {ledger.kept:,} kept + "
        f"{ledger.rows_dropped:,} dropped + {ledger.rows_quarantined:,} quarantined = {ledger.rows - ledger.gap:,}."
    )


def _about_checks(report: RunReport) -> Iterator[Remark]:
    for finding in failed(report):
        level: Level = "error" if finding.severity == "error" else "warning"
        yield Remark(level=level, text=f"{finding.stem}: {finding_sentence(finding)}")


def finding_sentence(finding: Finding) -> str:
    """`missing: share of template: measured 0.31, limit 0.05 (why)`."""
    unit = f" {finding.unit}" if finding.unit else ""
    detail = f" ({finding.detail})" if finding.detail else ""
    measured, limit = number(finding.measured), number(finding.limit)
    return f"{finding.kind}: {finding.name}: measured {measured}{unit}, limit {limit}{unit}{detail}"


def _about_sources(report: RunReport) -> Iterator[Remark]:
    for source in report.sources:
        if source.missing:
            yield Remark(level="note", text=f"{source.stem} was made without {', '.join(source.missing)}.")


def verdict(report: RunReport) -> tuple[Level | None, str]:
    """(the worst level, a sentence); (None, a sentence) when there is nothing to look at."""
    levels = [remark.level for remark in remarks(report)]
    if "error" in levels:
        return "error", f"Do not use this yet: {plural(levels.count('error'), 'error')}, listed below."
    if "warning" in levels:
        return "warning", f"Complete, with {plural(levels.count('warning'), 'warning')} to look at."
    return None, "No problem was found."


def made_sentence(rows: int, noun: str, ledgers: Sequence[Ledger]) -> str:
    """What was made from how many rows of which datasets, and how many rows it does not use."""
    made = f"{plural(rows, noun)} {'was' if rows == 1 else 'were'} made"
    if not ledgers:
        return f"{made}. How many rows they come from is not recorded."
    stems = ", ".join(ledger.stem for ledger in ledgers)
    read, dropped, quarantined = (
        sum(numbers)
        for numbers in zip(*((led.rows, led.rows_dropped, led.rows_quarantined) for led in ledgers), strict=True)
    )
    return (
        f"{made} from {plural(read, 'row')} of {plural(len(ledgers), 'dataset')} ({stems}). "
        f"{plural(dropped, 'row')} {'was' if dropped == 1 else 'were'} dropped and {quarantined:,} quarantined, "
        "each for a reason that is counted below."
    )
