"""A track's datasheet, written by the run from its own counts: what is in it, from where, and what it is not good for.

In: a RunReport (schemas/run_report.py). Out: markdown; the same report gives the same bytes.
"""

from collections.abc import Iterator
from itertools import chain

from schemas.document import Document
from schemas.reject import REJECT_COLUMNS
from schemas.run_report import Ledger, RunReport, SourceSummary
from tasks.publish.markdown import cell, code, section_lines, table
from tasks.publish.sections import rows_section
from tasks.publish.wording import MODES, number, readable_report

REJECT_MEANINGS = {
    "step": "the function that did not pass the row on",
    "outcome": "dropped (understood, and not wanted) or quarantined (not understood, or out of range)",
    "reason": "a name from the tables above",
    "file": "name of the raw file; empty where the row has no single line there (a sequence, a conversation)",
    "line": "line in that file, from 1; 0 for none",
    "row": "the row as text, cut after 2,000 characters",
}
GENERATED = "These data are generated: what a model learns from them says nothing about real machines."
NOT_RECORDED = ("Not recorded.", "")


def datasheet(content: Document) -> str:
    """The datasheet of a run.json, as markdown."""
    report = readable_report(content)
    own = chain.from_iterable(section_lines(section) for section in report.sections if section.on != "page")
    parts = (_what(report), _sources(report), _counts(report), _quarantine(), own, _limits(report), _again(report))
    return "\n".join([f"# {cell(report.title)}: datasheet", "", *chain.from_iterable(parts)]).rstrip() + "\n"


def _what(report: RunReport) -> Iterator[str]:
    yield from (f"> {MODES[report.mode]} (mode `{report.mode}`)", "")
    yield from (*map(cell, report.about), cell(report.made), "")
    if report.files:
        rows = [(code(file.name), cell(file.meaning)) for file in report.files]
        yield from table(("file", "what it is"), rows, left=2)


def _sources(report: RunReport) -> Iterator[str]:
    yield from ("## Where it comes from", "")
    for source in report.sources:
        yield from _source(source)
    if not report.sources:
        yield from NOT_RECORDED
    for stem, why in sorted(report.absent.items()):
        yield from (f"**{code(stem)} is missing.** The run was allowed to go on without it: {cell(why)}", "")


def _source(source: SourceSummary) -> Iterator[str]:
    missing = ", ".join(map(cell, source.missing)) or "nothing"
    yield from (f"### `{source.stem}`: {cell(source.title)}", "")
    yield f"- Source: {source.homepage}"
    yield f"- Licence: {cell(source.licence)}"
    yield f"- To cite: {cell(source.citation)}"
    yield from (f"- Missing here: {missing} (of {', '.join(source.expected)})", "")


def _counts(report: RunReport) -> Iterator[str]:
    yield from section_lines(rows_section(report))
    if report.combined:
        yield from (_combined_sentence(report.combined, report), "")


def _combined_sentence(combined: Ledger, report: RunReport) -> str:
    rows = f"{number(combined.kept)} {combined.of} were combined into {number(report.rows)} {report.noun}s."
    unused = ", ".join(f"{number(n)} {cell(reason)}" for reason, _, n in combined.reasons if n) or "none"
    return f"{rows} Not used when they were combined: {unused}."


def _quarantine() -> Iterator[str]:
    yield from ("## Rows that are not used", "")
    yield from ("Each dataset and each track publishes them in its own `quarantine.parquet`:", "")
    rows = [(code(name), REJECT_MEANINGS[name]) for name in REJECT_COLUMNS]
    yield from table(("column", "meaning"), rows, left=2)


def _limits(report: RunReport) -> Iterator[str]:
    yield from ("## Known limits", "")
    limits = ((GENERATED,) if report.mode == "sample" else ()) + report.known_limits
    yield from [f"- {cell(limit)}" for limit in limits] or ["Not recorded."]
    yield ""


def _again(report: RunReport) -> Iterator[str]:
    flow = f"python flows/{report.name}.py"
    commands = {
        "sample": "make run",
        "local": f"{flow} --mode local --source <folder with the real files>",
        "live": f"{flow} --mode live",
    }
    yield from ("## How to make it again", "", "```", commands[report.mode], "```", "")
    yield "The same input, parameters and code give the same bytes."
