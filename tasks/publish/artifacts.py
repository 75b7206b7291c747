"""What the Prefect UI shows of a run: rows of its tables, and a plot. Pure; tasks/publish/publish.py hands it to
Prefect.

In: findings, or the mapping that tasks/publish/report.py describes. No row of data is in any of it.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.format_b import SPLITS
from tasks.publish.plots import groups_plot, labels_plot, standalone
from tasks.publish.run import labelled, ledgers, noun, split_counts, verdict
from tasks.publish.words import by_state, part, tidy, track_title

MAX_ROWS = 100  # of a table: the UI draws all of them at once


def key(name: str, what: str) -> str:
    """An artifact's key, the same in every run, so that the UI keeps a history: track_a, rows -> track-a-rows."""
    return f"{name}-{what}".replace("_", "-").lower()


def check_rows(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a check, those that do not hold first, at most MAX_ROWS."""
    broken_first = sorted(findings, key=lambda finding: bool(finding["holds"]))
    return [_check_row(finding) for finding in broken_first[:MAX_ROWS]]


def _check_row(finding: Mapping[str, Any]) -> dict[str, Any]:
    """`outcome` is "holds", or how bad it is that it does not; numbers have four digits that count."""
    return {
        "outcome": "holds" if finding["holds"] else finding["severity"],
        "kind": finding["kind"],
        "check": finding["name"],
        "measured": float(f"{finding['measured']:.4g}") if finding["measured"] % 1 else int(finding["measured"]),
        "limit": finding["limit"],
        "unit": finding["unit"],
    }


def checks_told(stem: str, findings: Sequence[Mapping[str, Any]]) -> str:
    """A table of checks in one sentence; says where rows are left out."""
    held, total = sum(bool(finding["holds"]) for finding in findings), len(findings)
    cut = f" The first {MAX_ROWS} are shown." if total > MAX_ROWS else ""
    return f"{stem}: {held:,} of {total:,} checks hold.{cut}"


def ledger_rows(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where each dataset's rows went, and all of them together."""
    books: list[dict[str, Any]] = [
        {"dataset": b.stem, "rows in": b.rows, "kept": b.kept, "dropped": b.out, "quarantined": b.held}
        for b in ledgers(run)
    ]
    total = {name: sum(book[name] for book in books) for name in ("rows in", "kept", "dropped", "quarantined")}
    return [*books, {"dataset": "all", **total}]


def told(run: Mapping[str, Any]) -> str:
    """The run in one line, the verdict first: a card of the UI shows some forty characters."""
    return f"{verdict(run)[1]} Mode {run.get('mode')}. {track_title(run)}."


def plot(run: Mapping[str, Any]) -> str:
    """What the data are made of, as an SVG file: labels before and after balancing, or rows by dataset and by split."""
    run = tidy(run)
    if labelled(run):
        before, after = (by_state(part(run, "labels", when)) for when in ("before", "after"))
        return standalone(labels_plot(before, after))
    made = {stem: int(part(run, "sequences", stem).get("kept") or 0) for stem in part(run, "sequences")}
    splits = {name: count for name, count in split_counts(run).items() if name in SPLITS}
    groups = {f"{noun(run)}s by dataset, before duplicates go": made, f"distinct {noun(run)}s by split": splits}
    return standalone(groups_plot(groups, f"{noun(run)}s by dataset and by split"))


def data_uri(svg: str) -> str:
    """An SVG file as an address that holds it: the UI fetches nothing, and shows it for as long as it keeps the run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
