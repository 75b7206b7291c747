"""A track's datasheet, written by the run from its own counts: what is in it, from where, and what it is not good for.

In: the mapping of tasks/publish/report.py, with these keys besides, and the sources' descriptions. Out: markdown; the
same input gives the same bytes. Any part may be missing, and is then said to be missing.

  rules        [{"rule", "state", "stem", "meaning", "rows", "precision" or None}]
  sequences    {stem: a ledger like `rows`, of windows}
  combined     {"rows", "weight", "dropped": {reason: n}}: distinct rows, occurrences, and those left out
  vocabulary   {"tokens", "sha256"}
  absent       {stem: why it is not in these data}
  limits       [sentence, ...]: what these data cannot tell
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from schemas.format_a import COLUMNS, MAX_LENGTH, RESERVED, STATES
from schemas.format_b import METADATA, SYSTEM_PREFIX
from schemas.source import Source
from tasks.publish.run import Ledger, accuracies, labelled, ledgers, made, noun, split_counts
from tasks.publish.words import (
    MODES,
    by_state,
    cell,
    code,
    in_order,
    number,
    part,
    share,
    state_name,
    table,
    tidy,
    track_title,
)

COLUMN_MEANINGS = {
    "sequence_ids": f"token ids, oldest first, 1 to {MAX_LENGTH}, not padded",
    "label": "the state of the labelled window: " + ", ".join(f"{n} {name}" for n, name in enumerate(STATES[:5])),
    "source": "the dataset the sequence comes from",
    "entity": "machine, host, container, block or task; unique within its source",
    "window_start": "begin of the labelled window, UTC",
    "window_end": "end of the labelled window, UTC, not included",
    "label_rule": "the rule that gave the label, see above",
    "weight": "how often this very sequence occurred",
    "split": "train, validation or test",
    "context_start": "begin of the oldest window whose tokens are in the sequence, UTC",
}
FILES = {
    "../{track}_combined.parquet": "every distinct sequence once, with its weight and split",
    "train.parquet": "for training: the rows of split train, balanced",
    "validation.parquet": "for choosing between models: as it occurred, not balanced",
    "test.parquet": "for the last word: as it occurred, not balanced",
    "vocabulary.json": "what each token id means",
    "manifest.json": "hashes of everything these files were made from, and of the files",
    "report.html": "the same counts as plots; opens in any browser, offline",
}
SEQUENCES = (
    "Each row is a sequence of tokens, the last minutes of one machine, host or job, and the state it ends in.",
    "It is made for training a sequence classifier.",
    FILES,
)
CONVERSATIONS = (
    "Each line is a conversation: tools on offer, a request, and the assistant's answer as a workflow of tool calls.",
    "It is made for instruction-tuning a language model.",
    {
        "../{track}_combined.jsonl": "every conversation once, with its split",
        "train.jsonl": "for training: the lines of split train, in the proportions asked for",
        "validation.jsonl": "for choosing between models",
        "test.jsonl": "for the last word",
        "duplicates.parquet": "every conversation that was left out as a duplicate, and the one that stands for it",
        "NOTICE.txt": "authors and links, as the licences ask",
        "manifest.json": "hashes of everything these files were made from, and of the files",
        "report.html": "the same counts as a page; opens in any browser, offline",
    },
)
METADATA_MEANINGS = {
    "id": "the dataset, and what identifies the conversation there",
    "source": "the dataset the conversation comes from",
    "group": "question, intent family, function or repository: all of a group stand in one split",
    "licence": "SPDX id of the licence of this line",
    "attribution": "author and link, as the licence asks",
    "split": "train, validation or test",
    "verified": "stages passed: format, tools, execution (where a post-condition is known)",
    "environment": "development, staging or production",
    "weight": "weight for a sampler (ds3_stackoverflow: by quality; else 1)",
    "mode": "sample: generated; local, live: real",
    "rationale": "text behind the answer that is not part of it (ds3_stackoverflow: the accepted answer)",
}
NOT_RECORDED = ("Not recorded.", "")
NOT_MEASURED = (
    "Not measured on these data: they come without a truth to compare with. `make run` measures the same rules on the "
    "generated sample, whose incidents are planted."
)


def datasheet(run: Mapping[str, Any], sources: Sequence[Source]) -> str:
    """The datasheet as markdown. `sources` are those of the datasets that are in these data."""
    run = tidy(run)
    title = f"# {cell(track_title(run))}: datasheet"
    own = (_labels(run), _splits(run), _columns(run)) if labelled(run) else (_sections(run), _line(run))
    sections = (_what(run), _origin(run, sources), _counts(run), *own, _rest(run))
    return "\n".join([title, "", *chain.from_iterable(sections)]).rstrip() + "\n"


def exact(name: str) -> str:
    """A state's name as schemas/format_a.py spells it: `Resource exhaustion` -> `Resource_Exhaustion`."""
    return {state_name(state): state for state in STATES}.get(name, cell(name))


def _what(run: Mapping[str, Any]) -> Iterator[str]:
    mode, track = str(run.get("mode") or "unknown"), str(run.get("track") or "track")
    track = track[:-1] + track[-1].upper()
    yield from (f"> {MODES.get(mode, 'It is not recorded whether these data are real.')} (mode `{cell(mode)}`)", "")
    what, purpose, files = SEQUENCES if labelled(run) else CONVERSATIONS
    yield from (what, f"{purpose} {cell(made(run))}", "")
    yield from table(("file", "what it is"), [(code(n.format(track=track)), text) for n, text in files.items()], left=2)


def _origin(run: Mapping[str, Any], sources: Sequence[Source]) -> Iterator[str]:
    yield from ("## Where it comes from", "")
    missing = {source.get("stem"): source.get("missing") or [] for source in run.get("sources") or []}
    for source in sources:
        gaps = missing.get(source.stem, [])
        yield from (f"### `{source.stem}`: {cell(source.title)}", "")
        yield f"- Source: {source.homepage}"
        yield f"- Licence: {cell(source.licence)}"
        yield f"- To cite: {cell(source.citation)}"
        yield f"- Missing here: {', '.join(map(cell, gaps)) if gaps else 'nothing'} (of {', '.join(source.expected)})"
        yield ""
    if not sources:
        yield from NOT_RECORDED
    for stem, why in sorted(part(run, "absent").items()):
        yield from (f"**Without {code(stem)}**, which was allowed to be missing: {cell(why)}", "")


def _counts(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Counts", "")
    what = "windows" if labelled(run) else "conversations"
    yield from (f"Rows in = kept + dropped + quarantined: for the rows read, and for the {what} made of them.", "")
    books = [("rows", book) for book in ledgers(run)]
    books += [(f"{noun(run)}s", book) for book in ledgers({"rows": part(run, "sequences")})]
    ledger = table(("dataset", "of", "in", "kept", "dropped", "quarantined"), map(_ledger_row, books), left=2)
    yield from ledger if books else NOT_RECORDED
    reasons = [
        (cell(book.stem), of, cell(reason), outcome, number(count))
        for of, book in books
        for reason, outcome, count in book.reasons
    ]
    if reasons:
        yield from table(("dataset", "of", "reason", "outcome", "count"), reasons, left=4)
    combined = part(run, "combined")
    if combined:
        left_out = ", ".join(f"{number(n)} {cell(why)}" for why, n in part(combined, "dropped").items() if n) or "none"
        yield (
            f"Combined, {number(combined.get('weight'))} occurrences are {number(combined.get('rows'))} distinct "
            f"{noun(run)}s. Left out while combining: {left_out}."
        )
    if run.get("conflicts") is not None:
        yield f"Sequences that occurred with more than one label, and got the most severe: {number(run['conflicts'])}."
    yield ""


def _ledger_row(entry: tuple[str, Ledger]) -> tuple[str, ...]:
    of, book = entry
    return (cell(book.stem), of, *map(number, (book.rows, book.kept, book.out, book.held)))


def _labels(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Label rules", "")
    yield "Of the rules that apply to a window, the most severe state wins."
    rules = list(_rules(run.get("rules") or []))
    yield ""
    headers = ("rule", "dataset", "state", "looks at", "sequences", "precision")
    yield from table(headers, rules, left=4) if rules else NOT_RECORDED
    yield from ("### Measured accuracy", "")
    measured = [
        (cell(stem), exact(state), *(number(of.get(key)) for key in ("planted", "predicted", "precision", "recall")))
        for stem, state, of in accuracies(run)
    ]
    if measured:
        yield from ("Labels that the rules gave, against the incidents that the generator planted.", "")
        yield from table(("dataset", "state", "planted", "predicted", "precision", "recall"), measured, left=2)
    else:
        yield from (NOT_MEASURED, "")


def _rules(rules: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for rule in rules:
        state = exact(state_name(rule["state"])) if rule.get("state") not in (None, "") else "not given here"
        named = (code(rule.get("rule", "")), cell(rule.get("stem", "")), state, cell(rule.get("meaning", "")))
        yield (*named, number(rule.get("rows")), number(rule.get("precision")))


def _splits(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Splits and balance", "")
    splits = split_counts(run)
    rows = [(cell(name), number(count), share(count, sum(splits.values()))) for name, count in splits.items()]
    yield from table(("split", "distinct sequences", "share"), rows) if rows else NOT_RECORDED
    before, after = (by_state(part(run, "labels", when)) for when in ("before", "after"))
    yield "Only `train.parquet` is balanced: Normal is thinned, rarer states are repeated. What it was, and what it is:"
    states = in_order((*before, *after))
    balance = [(exact(state), number(before.get(state, 0)), number(after.get(state, 0))) for state in states]
    yield ""
    yield from table(("state", "before", "after"), balance) if balance else NOT_RECORDED


def _columns(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Columns", "")
    rows = [
        (code(name), code(str(dtype).removesuffix("[pyarrow]").replace("item: ", "")), cell(COLUMN_MEANINGS[name]))
        for name, dtype in COLUMNS.items()
    ]
    yield from table(("column", "type", "meaning"), rows, left=3)
    reserved = ", ".join(f"{token} {name}" for token, name in RESERVED.items())
    vocabulary = part(run, "vocabulary")
    yield f"Reserved token ids: {reserved}."
    yield (
        f"The vocabulary has {number(vocabulary.get('tokens'))} tokens; `vocabulary.json` has the SHA-256 "
        f"{code(vocabulary.get('sha256') or 'not recorded')}. It only ever grows: no id changes its meaning."
    )
    yield ""


def _sections(run: Mapping[str, Any]) -> Iterator[str]:
    for section in run.get("sections") or []:
        yield from (f"## {cell(section['title'])}", "", cell(section["text"]), "")
        rows = [[cell(value) for value in row] for row in section["rows"]]
        yield from table(section["headers"], rows, left=section["left"]) if rows else NOT_RECORDED


def _line(_run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## A line", "", "`messages`: a list of `role` and `content`. The first is the system's:", "")
    yield f"`{SYSTEM_PREFIX}[...]`, with a JSON Schema for each tool. Every message of the assistant is JSON:"
    yield '`{"workflow": {"steps": [{"step_id": 1, "tool": "...", "params": {...}}]}, "message": "..."}`; without steps'
    yield from ("the message is the answer. Results of calls have the role `tool`. `metadata`:", "")
    yield from table(("key", "meaning"), [(code(name), cell(METADATA_MEANINGS[name])) for name in METADATA], left=2)


def _rest(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Known limits", "")
    sample = ["These data are generated: what a model learns from them says nothing about real machines."]
    limits = (sample if run.get("mode") == "sample" else []) + list(run.get("limits") or [])
    yield from [f"- {cell(limit)}" for limit in limits] or ["Not recorded."]
    yield from ("", "## How to make it again", "", "```")
    flow = f"python flows/{run.get('track') or 'track_a'}.py"
    ways = {
        "sample": "make run",
        "local": f"{flow} --mode local --source <folder with the real files>",
        "live": f"{flow} --mode live",
    }
    mode = str(run.get("mode"))
    yield from [ways[mode]] if mode in ways else ways.values()
    yield from ("```", "", "The same input, parameters and code give the same bytes.")
