"""What changed since the last run on other input: every figure of both, side by side. Pure."""

from dataclasses import dataclass

from pydantic import ValidationError

from schemas.document import Document
from schemas.run_report import History, Previous, RunReport
from tasks.publish.verdict import failed


def with_history(content: Document, *, history: History) -> Document:
    """A report (the content of a run.json) beside the last run."""
    return {**content, "history": history.model_dump(mode="json")}


def history_of(report: RunReport, published: bytes) -> History:
    """What `report` is compared with, given the run.json that is published, empty for none.

    A run that repeats the published one is compared with what that was compared with, so it gives the same bytes. A
    file that this version cannot read counts as no run.
    """
    if not published:
        return History()
    try:
        last = RunReport.model_validate_json(published)
    except ValidationError:
        return History(unreadable=True)
    if last.model_copy(update={"history": History()}) == report:
        return last.history
    return History(previous=as_previous(last))


def as_previous(report: RunReport) -> Previous:
    """What a later run needs of this one."""
    return Previous(mode=report.mode, figures=all_figures(report), rankings=report.rankings)


def all_figures(report: RunReport) -> dict[str, float]:
    """Every figure of a run that is worth comparing, by a name that is the same in every run."""
    figures: dict[str, float] = {f"{report.noun}s": report.rows}
    for ledger in report.ledgers:
        figures |= {f"{ledger.stem}: rows in": ledger.rows, f"{ledger.stem}: rows kept": ledger.kept}
        figures |= {f"{ledger.stem}: {outcome}, {reason}": count for reason, outcome, count in ledger.reasons}
    figures |= {f"in {split.name}": split.n for split in report.splits}
    return {**figures, **report.figures, "checks that fail": len(failed(report))}


@dataclass(frozen=True)
class Change:
    """One figure of this run and the last; None where a run has no such figure."""

    name: str
    before: float | None
    now: float | None

    @property
    def difference(self) -> str:
        """+1,204 (+5.3 %)."""
        if self.before is None or self.now is None:
            return "new" if self.before is None else "gone"
        step = self.now - self.before
        if not float(step).is_integer():
            return f"{step:+.3f}"
        part_of = f"{100 * step / self.before:+.1f}" if self.before else "+0.0"
        return f"{step:+,.0f}" + ("" if float(part_of) == 0 else f" ({part_of} %)")


def comparable(report: RunReport) -> Previous | None:
    """The last run, None where there is none or its mode is another."""
    previous = report.history.previous
    return previous if previous and previous.mode == report.mode else None


def changes(report: RunReport) -> list[Change]:
    """Figures that differ from the last run's; [] when none does or there is nothing to compare with."""
    previous = comparable(report)
    if previous is None:
        return []
    now, before = all_figures(report), previous.figures
    return [
        Change(name, before.get(name), now.get(name))
        for name in dict.fromkeys((*now, *before))
        if before.get(name) != now.get(name)
    ]


def change_sentence(report: RunReport) -> str:
    """What this run is compared with, and how much differs."""
    previous = report.history.previous
    if previous is None:
        return _NO_RUN_READ if report.history.unreadable else _NO_RUN
    if previous.mode != report.mode:
        return (
            f"The last published run used mode {previous.mode}, this one mode {report.mode}. Figures of different "
            "modes are not compared."
        )
    differing, total = len(changes(report)), len({**all_figures(report), **previous.figures})
    if not differing:
        return f"Nothing changed: all {total:,} figures are equal to those of the last run."
    return f"{differing:,} of {total:,} figures differ from the last run."


_NO_RUN = "This is the first run published here, so there is no earlier run to compare with."
_NO_RUN_READ = (
    "The last run's run.json cannot be read by this version, so there is no earlier run to compare with. "
    "The next run is compared with this one."
)


def ranking_changes(report: RunReport) -> list[str]:
    """One sentence for each ranking whose members changed."""
    previous = comparable(report)
    before = previous.rankings if previous else {}
    return [
        sentence
        for name, members in report.rankings.items()
        if name in before and (sentence := _ranking_sentence(name, members, before[name]))
    ]


def _ranking_sentence(name: str, now: tuple[str, ...], before: tuple[str, ...]) -> str:
    new, gone = len(set(now) - set(before)), len(set(before) - set(now))
    return f"{name}: {new:,} new, {gone:,} no longer in the list." if new or gone else ""
