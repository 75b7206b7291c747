"""The run report of a track: one HTML page that opens offline, its markdown summary, and a few lines for a terminal.

In: one JSON-ready mapping, `run`; any part may be missing, empty or None, and is then said to be missing. Out: text;
the same mapping gives the same bytes. Its keys:

  track, mode, title      "track_a", "sample", a heading
  sources                 [{"stem", "title", "licence", "missing": [table or system, ...]}]
  rows                    {stem: {"in", "kept", "dropped": {reason: n}, "quarantined": {reason: n}}}
  labels                  {"before": {state: n}, "after": {state: n}}: sequences of train, before and after balancing
  splits                  {"train": n, "validation": n, "test": n}: distinct sequences, before balancing
  lengths                 {"edges": [n + 1 numbers], "counts": [n numbers]}: tokens in a sequence
  timeline                {stem: {"bucket": "1h", "times": [ISO UTC], "counts": {state: [a number a time]}}}
  templates               [{"token", "meaning", "count"}], the most frequent first
  findings                [{"stem", and the fields of schemas.finding.Finding}]
  conflicts               sequences that carried more than one label
  accuracy                {stem: {state: {"planted", "predicted", "precision", "recall"}}}
  previous                the same mapping of the last published run
  absent                  {stem: why it is not in these data}
  noun                    what a row of the combined file is: "sequence" (default) or "conversation"

A track whose rows have no labels (Track B) has, instead of labels, timeline, templates and accuracy:

  sections                [{"id", "title", "text", "headers", "rows": [[cell, ...]], "left": columns that are text}]
  tiles                   [[name, figure, what it is part of]]
  figures                 {name: number}: further figures to compare with the last run's
  told                    [[name, text]]: lines for the terminal

tasks/publish/datasheet.py reads a few keys more.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.format_a import NORMAL, STATES
from tasks.publish.plots import labels_plot, lengths_plot, middle, timeline_plot, timelines
from tasks.publish.run import (
    GOOD_LABELS,
    Ledger,
    accuracies,
    change_words,
    changes,
    failed,
    findings,
    labelled,
    ledgers,
    made,
    noun,
    sequences,
    split_counts,
    template_changes,
    troubles,
    verdict,
)
from tasks.publish.words import (
    MODES,
    by_state,
    cell,
    code,
    in_order,
    number,
    part,
    plural,
    readable,
    share,
    state_colour,
    state_name,
    table,
    tidy,
    track_title,
)

SHOWN_CHANGES = 30
SHOWN_ROWS = 12  # of a section, in the markdown
SHOWN_TROUBLES = 8
SHOWN_FINDINGS = 200  # of those that hold; all that do not are shown

# Start of the SHA-256 of report.html.j2, kept right by a test: what is remembered of `render` depends on the source of
# what it reaches, and so on this line, but not on other files.
TEMPLATE = "b026dff9ffe6"


@cache
def _template() -> Any:
    """The page's template, of the content TEMPLATE."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": number, "colour": state_colour}
    environment.globals |= {"share": share, "plural": plural}
    return environment.get_template("report.html.j2")


def render(run: Mapping[str, Any]) -> str:
    """The report as one HTML page without scripts or addresses: what was made and what is wrong, first."""
    run = tidy(run)
    return str(
        _template().render(
            title=track_title(run),
            mode=str(run.get("mode") or "unknown"),
            mode_words=MODES.get(str(run.get("mode")), "It is not recorded whether these data are real."),
            generator=f"AutoMend, page {TEMPLATE}",
            noun=noun(run),
            labelled=labelled(run),
            sections=run.get("sections") or [],
            tiles=tiles(run),
            splits=split_counts(run),
            timelines=[(t, timeline_plot(t, order)) for order, t in enumerate(timelines(run))],
            templates=run.get("templates") or [],
            ledgers=ledgers(run),
            accuracies=list(accuracies(run)),
            good=GOOD_LABELS,
            sources=run.get("sources") or [],
            **_verdict_parts(run),
            **_change_parts(run),
            **_label_parts(run),
            **_length_parts(run),
            **_finding_parts(run),
        )
    )


def _verdict_parts(run: Mapping[str, Any]) -> dict[str, Any]:
    level, sentence = verdict(run)
    return {
        "level": level,
        "sentence": sentence,
        "made": made(run),
        "troubles": [trouble for trouble in troubles(run) if trouble.level != "note"],
        "notes": [trouble for trouble in troubles(run) if trouble.level == "note"],
        "shown_troubles": SHOWN_TROUBLES,
    }


def _change_parts(run: Mapping[str, Any]) -> dict[str, Any]:
    entered, left = template_changes(run)
    found = changes(run)
    return {
        "change_words": change_words(run),
        "changes": found[:SHOWN_CHANGES],
        "more_changes": max(0, len(found) - SHOWN_CHANGES),
        "entered": entered,
        "left": left,
    }


def _finding_parts(run: Mapping[str, Any]) -> dict[str, Any]:
    broken = failed(run)
    held = [finding for finding in findings(run) if finding not in broken]
    return {"findings": findings(run), "failed": broken, "held": held[:SHOWN_FINDINGS]}


def tiles(run: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, figure, what it is part of) of the figures at the top of the page."""
    if not labelled(run):
        return [(name, number(figure), str(of)) for name, figure, of in run.get("tiles") or []]
    books = ledgers(run)
    rows, before = sum(book.rows for book in books), by_state(part(run, "labels", "before"))
    failing = sum(count for state, count in before.items() if state != state_name(STATES[NORMAL]))
    out, held = sum(book.out for book in books), sum(book.held for book in books)
    return [
        ("distinct sequences", number(sequences(run)), plural(len(books), "dataset")),
        ("rows read", number(rows), f"{share(sum(book.kept for book in books), rows)} used"),
        ("dropped", number(out), share(out, rows)),
        ("quarantined", number(held), share(held, rows)),
        ("failures in train", share(failing, sum(before.values())), f"{failing:,} before balancing"),
        ("checks that hold", f"{len(findings(run)) - len(failed(run)):,}", f"of {len(findings(run)):,}"),
    ]


def _label_parts(run: Mapping[str, Any]) -> dict[str, Any]:
    before, after = (by_state(part(run, "labels", when)) for when in ("before", "after"))
    rows = [(state, before.get(state, 0), after.get(state, 0)) for state in in_order((*before, *after))]
    plot = labels_plot(before, after) if sum(before.values()) + sum(after.values()) else None
    totals = (sum(before.values()), sum(after.values()))
    return {"label_rows": rows, "label_plot": plot, "label_totals": totals}


def _length_parts(run: Mapping[str, Any]) -> dict[str, Any]:
    lengths = part(run, "lengths")
    edges, counts = lengths.get("edges") or [], lengths.get("counts") or []
    if not sum(counts):
        return {"length_plot": None, "length_middle": None, "length_of": ""}
    of = str(lengths.get("of") or "tokens in a sequence")
    plot = lengths_plot(edges, counts, of)
    return {"length_plot": plot, "length_middle": middle(edges, counts), "length_of": of}


# ---- the same in markdown, and in a terminal


def summary_markdown(run: Mapping[str, Any], picture: str = "") -> str:
    """The report without its plots, short enough for a Prefect artifact (under 100 rows).

    `picture` is the address of an image to stand below the verdict, such as a data: URI.
    """
    run = tidy(run)
    level, sentence = verdict(run)
    mark = {"good": "✅", "look": "⚠️", "bad": "❌"}[level]
    mode = str(run.get("mode") or "unknown")
    lines = [f"# {cell(track_title(run))} · mode {cell(mode)}", "", f"{mark} **{sentence}** {cell(made(run))}", ""]
    lines += [f"> {MODES[mode]}", ""] if mode in MODES else []
    lines += [f"- {cell(trouble.text)}" for trouble in troubles(run)[:SHOWN_TROUBLES]]
    lines += ["", f"![What the data are made of]({picture})"] if picture else []
    return "\n".join([*lines, "", *_rows_markdown(run), *_own_markdown(run), *_rest_markdown(run)]).rstrip() + "\n"


def _rows_markdown(run: Mapping[str, Any]) -> list[str]:
    books = ledgers(run)
    reasons = [(book, *reason) for book in books for reason in book.reasons]
    shown = sorted(reasons, key=lambda row: -row[3])[:15]
    lines = ["## Rows", ""]
    lines += table(
        ("dataset", "in", "kept", "dropped", "quarantined"),
        [(cell(b.stem), *map(number, (b.rows, b.kept, b.out, b.held))) for b in books],
    )
    if shown:
        cells = [(cell(b.stem), cell(why), outcome, number(count)) for b, why, outcome, count in shown]
        lines += table(("dataset", "reason", "outcome", "rows"), cells, left=3)
    return lines


def _own_markdown(run: Mapping[str, Any]) -> list[str]:
    """What this kind of track tells: its labels, or its own sections."""
    if labelled(run):
        return _labels_markdown(run)
    lines: list[str] = []
    for section in run.get("sections") or []:
        shown = [[cell(value) for value in row] for row in section["rows"][:SHOWN_ROWS]]
        lines += [f"## {cell(section['title'])}", "", *table(section["headers"], shown, left=section["left"])]
    return lines


def _labels_markdown(run: Mapping[str, Any]) -> list[str]:
    parts = part(run, "labels")
    before, after = by_state(part(parts, "before")), by_state(part(parts, "after"))
    rows = [
        (
            cell(state),
            number(before.get(state, 0)),
            share(before.get(state, 0), sum(before.values())),
            number(after.get(state, 0)),
            share(after.get(state, 0), sum(after.values())),
        )
        for state in in_order((*before, *after))
    ]
    splits = " · ".join(f"{cell(split)} {count:,}" for split, count in split_counts(run).items())
    lines = ["## Labels of train", "", *table(("state", "before balancing", "share", "after", "share"), rows)]
    return [*lines, f"Splits: {splits or 'not recorded'}", ""]


def _rest_markdown(run: Mapping[str, Any]) -> list[str]:
    lines = ["## Since the last run", "", change_words(run), ""]
    if shown := changes(run)[:15]:
        changed = [(cell(c.name), number(c.before), number(c.now), c.difference) for c in shown]
        lines += table(("figure", "before", "now", "change"), changed)
    if frequent := (run.get("templates") or [])[:10]:
        told = [(str(t.get("token", "")), code(t.get("meaning", "")), number(t.get("count"))) for t in frequent]
        lines += ["## Most frequent templates", "", *table(("token", "template", "count"), told, left=2)]
    if measured := list(accuracies(run))[:20]:
        rows = [
            (cell(stem), cell(state), *(number(m.get(key)) for key in ("planted", "recall", "precision")))
            for stem, state, m in measured
        ]
        lines += ["## Labels against the planted truth", ""]
        lines += table(("dataset", "state", "planted", "recall", "precision"), rows, left=2)
    return lines


def summary_lines(run: Mapping[str, Any]) -> list[str]:
    """6 to 12 plain lines for the end of a run in a terminal."""
    run = tidy(run)
    _, sentence = verdict(run)
    mode = str(run.get("mode") or "unknown")
    real = " (generated, not real)" if mode == "sample" else ""
    worst = [f"  ! {readable(trouble.text, 160)}" for trouble in troubles(run) if trouble.level != "note"][:2]
    return [
        f"{track_title(run)}, mode {mode}{real}: {plural(sequences(run), f'distinct {noun(run)}')}. {sentence}",
        *worst,
        *_row_lines(ledgers(run)),
        *_count_lines(run),
        f"  checks    {len(findings(run)) - len(failed(run)):,} of {len(findings(run)):,} hold",
        *([f"  accuracy  {_worst_accuracy(run)}"] if labelled(run) else _told_lines(run)),
        f"  changes   {change_words(run)}",
    ]


def _row_lines(books: Sequence[Ledger]) -> list[str]:
    if not books:
        return ["  rows      not recorded"]
    shown = books if len(books) <= 4 else books[:3]
    wide = max(len(book.stem) for book in shown)
    lines = [
        f"  {book.stem:{wide}}  {book.rows:,} rows in = {book.kept:,} kept + {book.out:,} dropped"
        f" + {book.held:,} quarantined"
        for book in shown
    ]
    return lines + ([f"  and {len(books) - 3} more datasets"] if len(books) > 4 else [])


def _told_lines(run: Mapping[str, Any]) -> list[str]:
    return [f"  {name:9} {readable(text, 160)}" for name, text in run.get("told") or []]


def _count_lines(run: Mapping[str, Any]) -> list[str]:
    before, after = (by_state(part(run, "labels", when)) for when in ("before", "after"))
    labels = " · ".join(f"{state} {before[state]:,}" for state in in_order(before))
    splits = " · ".join(f"{split} {count:,}" for split, count in split_counts(run).items())
    balanced = f" (train balanced to {sum(after.values()):,})" if after else ""
    own = [f"  labels    {labels or 'not recorded'}"] if labelled(run) else []
    return [*own, f"  splits    {splits or 'not recorded'}{balanced}"]


def _worst_accuracy(run: Mapping[str, Any]) -> str:
    measured = [
        (measures[measure], measure, state, stem)
        for stem, state, measures in accuracies(run)
        for measure in ("recall", "precision")
        if measures.get(measure) is not None
    ]
    if not measured:
        return "not measured: these data come without a truth to compare with"
    value, measure, state, stem = min(measured)
    return f"lowest of {len(measured)} measures: {measure} {value:.3f} ({stem}, {state})"
