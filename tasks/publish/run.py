"""What a run of a track comes to: its ledgers, checks and troubles, the verdict, and what changed since the last run.

In: the mapping that tasks/publish/report.py describes. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.format_a import SPLITS, STATES
from tasks.publish.words import by_state, in_order, number, part, plural, state_name

GOOD_LABELS = 0.95  # precision and recall per state that planted incidents must reach (DOMAIN.md)


@dataclass(frozen=True)
class Ledger:
    """Where one dataset's input rows went. `gap` is 0 when in = kept + dropped + quarantined."""

    stem: str
    rows: int
    kept: int
    dropped: Mapping[str, int]
    quarantined: Mapping[str, int]

    @property
    def out(self) -> int:
        return sum(self.dropped.values())

    @property
    def held(self) -> int:
        return sum(self.quarantined.values())

    @property
    def gap(self) -> int:
        return self.rows - self.kept - self.out - self.held

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """(reason, outcome, rows), the most frequent first."""
        dropped = [(reason, "dropped", count) for reason, count in self.dropped.items()]
        held = [(reason, "quarantined", count) for reason, count in self.quarantined.items()]
        return sorted(dropped + held, key=lambda row: (-row[2], row[0], row[1]))


def ledgers(run: Mapping[str, Any]) -> list[Ledger]:
    """One ledger a dataset, by name."""
    return [
        Ledger(stem, whole(row, "in"), whole(row, "kept"), counts_of(row, "dropped"), counts_of(row, "quarantined"))
        for stem, row in sorted(part(run, "rows").items())
    ]


def whole(row: Mapping[str, Any], key: str) -> int:
    return int(row.get(key) or 0)


def counts_of(row: Mapping[str, Any], key: str) -> dict[str, int]:
    return {str(name): int(count or 0) for name, count in part(row, key).items()}


def split_counts(run: Mapping[str, Any]) -> dict[str, int]:
    """Rows of each split, train first: a mapping that was JSON has lost its order."""
    found = counts_of(run, "splits")
    return {name: found[name] for name in (*SPLITS, *found) if name in found}


def noun(run: Mapping[str, Any]) -> str:
    """What a row of the combined file is."""
    return str(run.get("noun") or "sequence")


def labelled(run: Mapping[str, Any]) -> bool:
    """Whether rows have a label to learn; conversations have none."""
    return noun(run) == "sequence"


def sequences(run: Mapping[str, Any]) -> int:
    """Distinct rows of the combined file."""
    return sum(split_counts(run).values())


def findings(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The failed first, then by severity, dataset and name."""
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(
        run.get("findings") or [],
        key=lambda f: (
            bool(f.get("holds")),
            order.get(f.get("severity", ""), 3),
            str(f.get("stem")),
            str(f.get("kind")),
            str(f.get("name")),
        ),
    )


def failed(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Findings that do not hold and mean something; an `info` is only written down."""
    return [finding for finding in findings(run) if not finding.get("holds") and finding.get("severity") != "info"]


def accuracies(run: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(stem, state, measures) of every state that was planted or predicted."""
    for stem, states in sorted(part(run, "accuracy").items()):
        known = {state_name(state): measures for state, measures in (states or {}).items()}
        for state in in_order(known):
            if known[state].get("planted") or known[state].get("predicted"):
                yield stem, state, known[state]


@dataclass(frozen=True)
class Trouble:
    """Something a reader must know: `bad` forbids use, `look` wants a look, `note` is said and no more."""

    level: Literal["bad", "look", "note"]
    text: str


def troubles(run: Mapping[str, Any]) -> list[Trouble]:
    """Everything that is wrong or remarkable, the worst first."""
    order = ("bad", "look", "note")
    found = (*_faults_of_rows(run), *_faults_of_checks(run), *_faults_of_labels(run), *_notes(run))
    return sorted(found, key=lambda trouble: order.index(trouble.level))


def _faults_of_rows(run: Mapping[str, Any]) -> Iterator[Trouble]:
    if not sequences(run):
        yield Trouble("bad", f"No {noun(run)} was made.")
    for stem, why in sorted(part(run, "absent").items()):
        yield Trouble("look", f"{stem} is not in these data: {why}")
    for ledger in ledgers(run):
        if ledger.gap:
            yield Trouble(
                "bad",
                f"{ledger.stem}: the rows do not add up: {ledger.rows:,} in, but {ledger.kept:,} kept + {ledger.out:,} "
                f"dropped + {ledger.held:,} quarantined is {ledger.rows - ledger.gap:,}.",
            )
    for split, count in split_counts(run).items():
        if not count and sequences(run):
            yield Trouble("look", f"The split {split} is empty.")


def _faults_of_checks(run: Mapping[str, Any]) -> Iterator[Trouble]:
    for finding in failed(run):
        level: Literal["bad", "look"] = "bad" if finding.get("severity") == "error" else "look"
        yield Trouble(level, f"{finding.get('stem', '')}: {finding_sentence(finding)}")


def finding_sentence(finding: Mapping[str, Any]) -> str:
    """`missing: share of template: measured 0.31, limit 0.05 (why)`."""
    unit = f" {finding['unit']}" if finding.get("unit") else ""
    detail = f" ({finding['detail']})" if finding.get("detail") else ""
    return (
        f"{finding.get('kind', 'check')}: {finding.get('name', '')}: measured "
        f"{number(finding.get('measured'))}{unit}, limit {number(finding.get('limit'))}{unit}{detail}"
    )


def _faults_of_labels(run: Mapping[str, Any]) -> Iterator[Trouble]:
    for stem, state, measures in accuracies(run):
        for measure in ("recall", "precision"):
            value = measures.get(measure)
            if value is not None and value < GOOD_LABELS:
                yield Trouble("look", f"{stem}: {measure} of {state} is {value:.3f}, wanted {GOOD_LABELS}.")
    before = by_state(part(run, "labels", "before"))
    absent = [state_name(state) for state in STATES[:5] if before and not before.get(state_name(state))]
    if absent:
        yield Trouble(
            "look", f"Nothing in train is labelled {' or '.join(absent)}: no model can learn it from these data."
        )


def _notes(run: Mapping[str, Any]) -> Iterator[Trouble]:
    for source in run.get("sources") or []:
        if source.get("missing"):
            yield Trouble("note", f"{source.get('stem', '')}: made without {', '.join(map(str, source['missing']))}.")
    if conflicts := whole(run, "conflicts"):
        told = plural(conflicts, "distinct sequence")
        yield Trouble("note", f"{told} occurred with more than one label; each got the most severe.")


def verdict(run: Mapping[str, Any]) -> tuple[str, str]:
    """(level, sentence): "bad", "look" or "good"."""
    levels = [trouble.level for trouble in troubles(run)]
    if "bad" in levels:
        return "bad", f"Not to be used yet: {plural(levels.count('bad'), 'fault')} below."
    if "look" in levels:
        return "look", f"Complete, with {plural(levels.count('look'), 'thing')} to look at."
    return "good", "Nothing wrong was found."


def made(run: Mapping[str, Any]) -> str:
    """What came out of what, in one sentence."""
    books = ledgers(run)
    if not books:
        return f"{plural(sequences(run), f'distinct {noun(run)}')}; how many rows they come from is not recorded."
    stems = ", ".join(book.stem for book in books)
    return (
        f"{plural(sequences(run), f'distinct {noun(run)}')} from {plural(sum(b.rows for b in books), 'row')} "
        f"of {plural(len(books), 'dataset')} ({stems}). {sum(b.out for b in books):,} rows were dropped and "
        f"{sum(b.held for b in books):,} quarantined, each with a reason."
    )


# ---- what changed since the last run


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


def figures(run: Mapping[str, Any]) -> dict[str, float]:
    """Every figure of a run that is worth comparing, by a name that is stable from run to run."""
    found: dict[str, float] = {f"distinct {noun(run)}s": sequences(run), **part(run, "figures")}
    for book in ledgers(run):
        found |= {f"{book.stem}: rows in": book.rows, f"{book.stem}: rows kept": book.kept}
        found |= {f"{book.stem}: {outcome}, {reason}": count for reason, outcome, count in book.reasons}
    found |= {f"train: {state}": count for state, count in by_state(part(run, "labels", "before")).items()}
    found |= {f"in {split}": count for split, count in split_counts(run).items()}
    found |= {"more than one label": whole(run, "conflicts")} if labelled(run) else {}
    found |= {"checks that do not hold": len(failed(run))}
    for stem, state, measures in accuracies(run):
        named = {f"{stem}: {measure} of {state}": measures.get(measure) for measure in ("recall", "precision")}
        found |= {name: round(value, 3) for name, value in named.items() if value is not None}
    return found


def changes(run: Mapping[str, Any]) -> list[Change]:
    """Figures that differ from the last published run's; [] when none does or there is nothing to compare with."""
    previous = part(run, "previous")
    if not previous or previous.get("mode") != run.get("mode"):
        return []
    now, before = figures(run), figures(previous)
    return [
        Change(name, before.get(name), now.get(name))
        for name in dict.fromkeys((*now, *before))
        if before.get(name) != now.get(name)
    ]


def change_words(run: Mapping[str, Any]) -> str:
    """How this run stands to the last, in one sentence."""
    previous = part(run, "previous")
    if not previous:
        return "No earlier run was published here: there is nothing to compare with."
    if previous.get("mode") != run.get("mode"):
        return (
            f"The last published run was made in mode {previous.get('mode')}, this one in mode {run.get('mode')}: "
            "figures of different modes are not compared."
        )
    differing, total = changes(run), len({**figures(run), **figures(previous)})
    if not differing:
        return f"Nothing: all {total:,} figures are those of the last published run."
    return f"{len(differing):,} of {total:,} figures differ from the last published run."


def template_changes(run: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Meanings that entered, and that left, the list of the most frequent templates."""
    previous = part(run, "previous")
    if not previous or previous.get("mode") != run.get("mode"):
        return [], []
    now, before = (
        [template.get("meaning", "") for template in which.get("templates") or []] for which in (run, previous)
    )
    return [text for text in now if text not in before], [text for text in before if text not in now]
