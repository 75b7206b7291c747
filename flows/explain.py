"""What became of one row: `python -m flows.explain ds2_loghub Linux.log:27`, in the data of the last published run.

Not a flow: it reads what a run published and what its steps left in `interim/`, starts nothing, and takes a second.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cyclopts
import orjson
import polars as pl

from schemas.finding import UserError
from schemas.settings import data_folder
from tasks.quality.trail import Explainer, Found, Origin, Stop, sequence_id

SHOWN = 20  # raw rows of one published row
WIDE = 14  # columns of a step's name


class NothingToExplain(UserError):
    """There is no such run, file, line, row or token."""


class Run:
    """The last published run of a dataset: its manifest and the tables of its steps (tasks/quality/trail.Tables)."""

    def __init__(self, root: Path, stem: str) -> None:
        self.root, self.stem = root, stem
        self.folder = root / "processed" / stem
        file, rejects = self.folder / "manifest.json", self.folder / "quarantine.parquet"
        if not file.is_file() and rejects.is_file():
            raise NothingToExplain(
                f"No run of {stem} was published below {root}: the gate withheld it, or it did not end. {rejects} "
                "lists each row that was left out, with its file, line, step and reason."
            )
        if not file.is_file():
            raise NothingToExplain(
                f"No published run of {stem} is below {root}. Run `python flows/{stem}.py` first, or name the run's "
                "data folder with --data-dir."
            )
        self.manifest: dict[str, Any] = _document(file, stem)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """Step -> the table of the rows it kept."""
        return {step["step"]: self.root / step["files"][0] for step in self.manifest.get("steps", [])}

    def has(self, name: str) -> bool:
        return name in self._paths

    def step(self, name: str) -> pl.LazyFrame:
        path = self._paths.get(name)
        if path is None or not path.is_file():
            raise NothingToExplain(
                f"The table of step {name} of {self.stem} is no longer below {self.root / 'interim'}. Run "
                f"`python flows/{self.stem}.py` again: what is missing is made again."
            )
        return _table(path, self.stem)

    def raw(self, name: str) -> Path:
        found = [path for path in (self.root / "raw" / self.stem).rglob(name) if self.manifest["mode"] in path.parts]
        if not found:
            raise NothingToExplain(f"The raw file {name} is no longer below {self.root / 'raw' / self.stem}.")
        return found[0]

    @cached_property
    def _quarantine(self) -> pl.LazyFrame:
        return _table(self.folder / "quarantine.parquet", self.stem)

    def rejects(self, file: str, line: int) -> list[dict[str, Any]]:
        """Why the raw row was left out; none where it was kept."""
        return self._quarantine.filter((pl.col("file") == file) & (pl.col("line") == line)).collect().to_dicts()

    def meaning(self, reason: str) -> str:
        """What the manifest says about a reason, else (a run that was withheld) what the pipeline's rules say."""
        if reason in self.manifest["reasons"]:
            return str(self.manifest["reasons"][reason]["meaning"])
        known = importlib.import_module(f"tasks.pipelines.{self.stem}.rules").REASONS
        return known[reason].meaning if reason in known else ""

    def has_a_later_quarantine(self) -> bool:
        """Whether the quarantine is that of a later run, which was not published: the manifest counts other rows."""
        ledgers = [ledger for ledger in self.manifest.values() if isinstance(ledger, dict) and "quarantined" in ledger]
        counted = {pair for ledger in ledgers for part in ("dropped", "quarantined") for pair in ledger[part].items()}
        found = set(self._quarantine.group_by("reason").len().collect().iter_rows())
        return not found <= counted or {reason for reason, _ in found} != {reason for reason, _ in counted}

    def files(self) -> dict[str, int]:
        """Raw file -> its rows, by the names that tables have."""
        return {name.split("/", 1)[-1]: file["rows"] for name, file in self.manifest["inputs"].items()}


def _document(file: Path, stem: str) -> dict[str, Any]:
    """A JSON object that a run of the stem published. Raises NothingToExplain where it is none."""
    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise NothingToExplain(f"{file} is damaged ({error}). {_again(stem)}") from error
    if not isinstance(found, dict):
        raise NothingToExplain(f"{file} is damaged: it contains no JSON object. {_again(stem)}")
    return found


def _table(file: Path, stem: str) -> pl.LazyFrame:
    """A Parquet file that a run of the stem published. Raises NothingToExplain where it is gone or damaged."""
    if not file.is_file():
        raise NothingToExplain(f"{file} is missing. {_again(stem)}")
    table = pl.scan_parquet(file)
    try:
        table.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise NothingToExplain(f"{file} is damaged ({error}). {_again(stem)}") from error
    return table


def _again(stem: str) -> str:
    return f"Run `python flows/{stem}.py` again, with the flags of the run."


# ---------------------------------------------------------------------------------------------------- finding the row


def explainer(stem: str) -> Explainer:
    """The explainer of a pipeline. Raises NothingToExplain for a name that is none."""
    if stem not in stems():
        names = ", ".join(stems())
        if ":" in stem:
            raise NothingToExplain(f"{stem!r} is a row. Name its dataset before it. There are: {names}.")
        raise NothingToExplain(f"There is no dataset {stem!r}. There are: {names}.")
    found: Explainer = importlib.import_module(f"tasks.pipelines.{stem}.explain").EXPLAINER
    return found


def stems() -> list[str]:
    """Every pipeline that can explain its rows."""
    folder = Path(__file__).resolve().parent.parent / "tasks" / "pipelines"
    return sorted(file.parent.name for file in folder.glob("*/explain.py"))


def place(text: str, run: Run) -> Origin:
    """A raw row by `FILE:LINE`; a folder before the name is ignored. Raises NothingToExplain, naming the files."""
    file, _, number = text.rpartition(":")
    files = run.files()
    file = Path(file).name if file not in files and Path(file).name in files else file
    named = ", ".join(f"{name} ({rows:,} rows)" for name, rows in sorted(files.items())) or "none"
    if not file or not number.isdecimal() or int(number) < 1:
        raise NothingToExplain(f"{text!r} is no FILE:LINE, such as {next(iter(files), 'a.log')}:1. Files: {named}.")
    if file not in files and not run.rejects(file, int(number)):
        raise NothingToExplain(f"{run.stem} was not made of a file {file}. It was made of: {named}.")
    return Origin(file, int(number))


def from_raw(run: Run, origin: Origin) -> Iterator[Stop]:
    """The stops of a raw row: steps that kept it, the step that left it out, and what became of it in its track."""
    found = explainer(run.stem).follow(run, *origin)
    yield from found.stops
    rejects = run.rejects(*origin)
    if run.has_a_later_quarantine():
        words = (
            "quarantine.parquet is of a later run, which was not published: the gate withheld it, or it did not end. "
            "All else is of the run published before."
        )
        yield Stop("note", words)
    for reject in rejects:
        yield _left_out(reject, run.meaning(reject["reason"]))
    if not rejects and not found.stops:
        rows = run.files().get(origin.file, 0)
        raise NothingToExplain(
            f"{origin.file} has no row {origin.line} that {run.stem} read: it has {rows:,} rows. Blank lines and "
            "headers are no rows."
        )
    if found.rows and not rejects:
        yield from in_track(run, found)


def _left_out(reject: Mapping[str, Any], meaning: str) -> Stop:
    words = f"Left out ({reject['outcome']}), reason {reject['reason']}: {meaning or 'no meaning is recorded'}"
    return Stop(reject["step"] or "left out", words, (f"row: {reject['row']}",))


# ---------------------------------------------------------------------------------------------------------- the track


def in_track(run: Run, found: Found) -> Iterator[Stop]:
    """The row of the combined file, and its split; or why it is not there."""
    combined = run.root / "processed" / "track_A_combined.parquet"
    lines = run.root / "processed" / "track_B_combined.jsonl"
    if found.rows[0].startswith(f"{run.stem}:") and lines.is_file():
        yield from _in_lines(run, found.rows[0], lines)
    elif "@" in found.rows[0] and combined.is_file():
        yield from _in_sequences(run, found.rows[0], combined)
    else:
        yield Stop("published", f"Row {found.rows[0]}.")


def _in_sequences(run: Run, row: str, combined: Path) -> Iterator[Stop]:
    entity, _, start = row.rpartition("@")
    own = pl.scan_parquet(run.root / "interim" / f"{run.stem}.parquet").filter(
        (pl.col("entity") == entity) & (pl.col("window_start").dt.strftime("%Y-%m-%dT%H:%M:%S") == start)
    )
    tokens = own.select(_token_text()).collect()["tokens"]
    every = _table(combined, "track_a").with_columns(_token_text())
    same = every.filter(pl.col("tokens").is_in(tokens.to_list())).collect().to_dicts()
    if not same:
        yield Stop("track_a", f"{row} is not in the combined file: its history would cross splits.")
    for kept in same:
        same_as = f", one row for {kept['weight']:,} equal sequences" if kept["weight"] > 1 else ""
        words = f"In split {kept['split']}{same_as}."
        yield Stop("track_a", words, (f"its row: {kept['source']} {sequence_id(kept)}",))


def _token_text() -> pl.Expr:
    """A sequence as one text, by which it is compared."""
    return pl.col("sequence_ids").cast(pl.List(pl.String)).list.join(" ").alias("tokens")


def _in_lines(run: Run, row: str, file: Path) -> Iterator[Stop]:
    name = orjson.dumps(row)
    with file.open("rb") as lines:
        metadata = (orjson.loads(line)["metadata"] for line in lines if name in line)
        kept = next((found for found in metadata if found["id"] == row), None)
    if kept:
        yield Stop("track_b", f"Published as {row}, split {kept['split']}.")
        return
    duplicates = _table(run.root / "processed" / "track_B" / "duplicates.parquet", "track_b")
    for other in duplicates.filter(pl.col("removed") == row).collect().to_dicts():
        similarity = (f"Jaccard {other['jaccard']:.2f}",)
        yield Stop("track_b", f"Left out as a duplicate ({other['kind']}) of {other['kept']}.", similarity)


# ------------------------------------------------------------------------------------------------- a row, and a token


def from_published(run: Run, row: str) -> Iterator[Stop]:
    """The raw rows that a published row was made of."""
    how = explainer(run.stem)
    try:
        origins = how.origins(run, row)
    except ValueError:
        origins = []
    if not origins:
        raise NothingToExplain(f"{run.stem} published no row {row}. Its ids look like this: {how.ids}.")
    more = (f"and {len(origins) - SHOWN:,} more",) if len(origins) > SHOWN else ()
    yield Stop("raw", f"Made of {len(origins):,} raw rows.", (*map(str, origins[:SHOWN]), *more))
    yield from in_track(run, Found(rows=(row,)))


def from_token(root: Path, token: int) -> Iterator[Stop]:
    """What a token id means, and how often it occurs in Track A's sequences."""
    file = root / "processed" / "track_A" / "vocabulary.json"
    if not file.is_file():
        raise NothingToExplain(f"No vocabulary is below {root}. Run `python flows/track_a.py` first.")
    vocabulary = _document(file, "track_a")
    entry = vocabulary.get(str(token))
    if entry is None:
        raise NothingToExplain(f"No token {token} is in the vocabulary of {len(vocabulary):,} tokens.")
    yield Stop("vocabulary", f"Token {token} of {entry['source']}: {entry['meaning']}")
    combined = _table(root / "processed" / "track_A_combined.parquet", "track_a")
    having = combined.filter(pl.col("sequence_ids").list.contains(token)).collect()
    examples = [f"{row['source']} {sequence_id(row)}" for row in having.head(3).to_dicts()]
    yield Stop("track_a", f"In {having.height:,} distinct sequences.", tuple(examples))


# ------------------------------------------------------------------------------------------------------- the command


def text(stops: Sequence[Stop]) -> str:
    """The stops as lines for a terminal, those of one step together."""
    lines = []
    for stop in stops:
        lines.append(f"  {stop.step:{WIDE}} {stop.words}")
        lines += [f"  {'':{WIDE}}   {detail}" for detail in stop.details]
    return "\n".join(lines)


def explain(
    stem: str = "",
    row: str = "",
    *,
    id: str = "",  # noqa: A002  the flag's name
    token: int | None = None,
    data_dir: Path | None = None,
) -> None:
    """Says what became of one row in the last published run: each step, the rule or reason, the split.

    - python -m flows.explain ds2_loghub Linux.log:27
    - python -m flows.explain ds2_loghub --id linux/mars0@2005-12-31T00:30:00
    - python -m flows.explain --token 1000

    Args:
        stem: Dataset, such as ds2_loghub.
        row: A raw row as FILE:LINE, such as Linux.log:27. Lines and rows count from 1.
        id: A published row: its id, or entity@window_start of a sequence. Prints the raw rows it was made of.
        token: A token id of Track A. Prints what it means.
        data_dir: Data folder of the run. Default: AUTOMEND_DATA_DIR, else data/ in the project.
    """
    root = data_folder(data_dir)
    if token is not None:
        print(text(list(from_token(root, token))))
        return
    explainer(stem)  # an unknown stem is refused before its run is looked for
    run = Run(root, stem)
    if row and id:
        raise NothingToExplain(f"There are two rows: {row} and --id {id}. Ask about one at a time.")
    if not row and not id:
        raise NothingToExplain("Give one raw row as FILE:LINE, or one published row with --id.")
    stops = list(from_published(run, id) if id else from_raw(run, place(row, run)))
    generated = " (generated, not real)" if run.manifest["mode"] == "sample" else ""
    print(f"{stem} {row or id}, mode {run.manifest['mode']}{generated}")
    print(text(stops))


def main() -> None:
    """Run the command; status 1 and a sentence where there is nothing to explain."""
    app = cyclopts.App(
        name="python -m flows.explain",
        version_flags=[],
        default_parameter=cyclopts.Parameter(show_default=False),
    )
    app.default(explain)
    try:
        app(sys.argv[1:] or ["--help"])
    except NothingToExplain as nothing:
        sys.exit(f"{nothing}")


if __name__ == "__main__":
    main()
