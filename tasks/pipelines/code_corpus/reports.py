"""The code corpus in numbers: what was taken in, what keeps the contract, statistics, anomalies, licences, the page.

In: tables of schemas.contracts.Files without their content. Out: the content of published JSON files, a licence card
in markdown, and the run's report.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import polars as pl

from schemas.code_corpus import COLUMNS, NULLABLE, STEM, StageCount
from schemas.contracts import Files
from schemas.document import Document
from schemas.finding import Finding
from schemas.format_b import SPLITS
from schemas.run_report import (
    BarGroup,
    Cell,
    Column,
    Count,
    DatasetFinding,
    GroupedBars,
    Histogram,
    Ledger,
    Line,
    RunReport,
    Section,
    SourceSummary,
    Table,
    Tile,
)
from schemas.snapshot import Mode
from tasks.pipelines.code_corpus.rules import QUARANTINED
from tasks.publish.sections import splits_section, text
from tasks.publish.verdict import made_sentence
from tasks.quality import licences
from tasks.quality.anomalies import anomalies, outlier_share, severity_of
from tasks.quality.contract import check

SHOWN = 50  # repositories and licences that are listed; of the others only the number is known
CLUSTER_SIZES = (2, 3, 4, 5, 10, 20, 50, 100)  # files in a cluster, the kept one among them; lower ends
TAKEN_IN = ("repo", "path", "name", "language", "bytes")  # what the manifest looks at


def ingest_manifest(files: pd.DataFrame) -> Document:
    """What was taken in: files and bytes by language, and what each shortened name stands for."""
    table = pl.from_pandas(files)
    plain = pl.format("{}/{}", "repo", "path")
    short = table.filter(~pl.col("name").str.ends_with(plain))
    return {
        "files": len(table),
        "bytes": int(table["bytes"].sum()),
        "by_language": _by(table, "language", files=pl.len(), bytes=pl.col("bytes").sum()),
        "shortened_names": {
            name: {"repo": repo, "path": path} for name, repo, path in short.select("name", "repo", "path").iter_rows()
        },
    }


def validation_report(valid: pd.DataFrame, refused: pd.DataFrame) -> Document:
    """How many files keep the contract (schemas.contracts.Files), by language, and why the others do not."""
    total = len(valid) + len(refused)
    return {
        "contract": Files.name,
        "total_files": total,
        "valid_files": len(valid),
        "invalid_files": len(refused),
        "valid_share": round(len(valid) / total, 6) if total else 0.0,
        "valid_by_language": _distribution(valid["language"]),
        "invalid_by_reason": _distribution(refused["reason"]),
        "columns": {
            name: {
                "type": str(COLUMNS[name].pyarrow_dtype),
                "may_be_missing": name in NULLABLE,
                "checks": [check.name for check in column.checks],
            }
            for name, column in Files.columns.items()
        },
    }


def data_statistics(files: pd.DataFrame, *removed: pd.DataFrame, stages: Sequence[StageCount]) -> Document:
    """The corpus in numbers. `removed` are tables of CLUSTERS; `stages` are all stages, in their order."""
    table = pl.from_pandas(files)
    findings = [_unique(table), _adds_up(stages)]
    return {
        "files": len(table),
        "bytes": int(table["size"].sum()),
        "lines": int(table["lines"].sum()),
        "tokens": int(table["tokens"].sum()),
        "by_language": _by(
            table,
            "language",
            files=pl.len(),
            bytes=pl.col("size").sum(),
            lines=pl.col("lines").sum(),
            tokens=pl.col("tokens").sum(),
        ),
        "by_licence": _by(table, "licence", files=pl.len(), bytes=pl.col("size").sum(), tokens=pl.col("tokens").sum()),
        "by_repository": _by(table, "repo", files=pl.len(), bytes=pl.col("size").sum()),
        "repositories": table["repo"].n_unique(),
        "by_encoding": _distribution(table["encoding"]),
        "splits": _distribution(table["split"]),
        "size": _spread(table["size"]),
        "tokens_per_file": _spread(table["tokens"]),
        "complexity_of_python": _spread(table["complexity"]),
        "redacted_files": int(table["outcome"].sum()),
        "duplicates": _duplicates(removed),
        "stages": [dict(stage) for stage in stages],
        "findings": [finding.model_dump() for finding in findings],
    }


def _unique(table: pl.DataFrame) -> Finding:
    repeated = len(table) - table["id"].n_unique()
    return _must_be_zero("repeated ids", repeated)


def _adds_up(stages: Sequence[StageCount]) -> Finding:
    lost = sum(abs(stage["in"] - stage["kept"] - sum(stage["left_out"].values())) for stage in stages)
    return _must_be_zero("files lost between stages", lost)


def _must_be_zero(name: str, measured: int) -> Finding:
    return Finding(
        kind="schema", name=name, measured=measured, limit=0, holds=measured == 0, unit="files", severity="error"
    )


def _by(table: pl.DataFrame, column: str, **figures: pl.Expr) -> dict[str, dict[str, int]]:
    """Figures of each group, the one with most files first, the first SHOWN; equals by name."""
    groups = table.group_by(column).agg(**figures).sort(-pl.col("files").cast(pl.Int64), column).head(SHOWN)
    return {group: dict(zip(figures, numbers, strict=True)) for group, *numbers in groups.iter_rows()}


def _distribution(values: Iterable[str]) -> dict[str, int]:
    """Count of each value, the most frequent first, equals by name."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def _spread(values: pl.Series) -> dict[str, float]:
    """Least, median, mean, 95th percentile and greatest of the values that are there; {} for none."""
    known = values.drop_nulls().cast(pl.Float64)
    if known.is_empty():
        return {}
    figures = {
        "min": known.min(),
        "median": known.median(),
        "mean": known.mean(),
        "p95": known.quantile(0.95),
        "max": known.max(),
    }
    return {name: round(float(str(value)), 3) for name, value in figures.items()}


def all_clusters(*removed: pd.DataFrame) -> pd.DataFrame:
    """The tables of CLUSTERS as one: each removed file with the kept one."""
    return pd.concat(removed, ignore_index=True)


def _duplicates(removed: Sequence[pd.DataFrame]) -> Document:
    """Removed files by kind, and how many clusters have how many files, the kept one among them."""
    kept_for = {gone: kept for table in removed for gone, kept in zip(table["id"], table["cluster"], strict=True)}
    sizes = [n + 1 for n in Counter(_kept_in_the_end(kept_for, gone) for gone in kept_for).values()]
    kinds = _distribution(kind for table in removed for kind in table["kind"])
    return {"removed": kinds, "clusters": len(sizes), "by_cluster_size": _in_bins(sizes)}


def _kept_in_the_end(kept_for: Mapping[str, str], file: str) -> str:
    """The file that is kept after all stages: one that an early stage keeps may be removed by a later one."""
    while file in kept_for:
        file = kept_for[file]
    return file


def _in_bins(sizes: Sequence[int]) -> dict[str, int]:
    """How many clusters have about how many files: "2", "5-9", "100 or more"."""
    counts = {}
    for low, high in pairwise((*CLUSTER_SIZES, 0)):
        name = f"{low} or more" if not high else f"{low}" if high == low + 1 else f"{low}-{high - 1}"
        counts[name] = sum(size >= low and (size < high or not high) for size in sizes)
    return counts


def code_anomalies(table: pd.DataFrame, *, by: Sequence[str] = (), outlier_limit: float, **limits: Any) -> Document:
    """`anomalies` of a table of files, and the share whose size is far from what is usual in their language."""
    required = {name: kind for name, kind in COLUMNS.items() if name in table.columns and name not in NULLABLE}
    report = anomalies(table, columns=required, by=by, outlier_limit=outlier_limit, **limits)
    lengths = pl.from_pandas(table[["size", "language"]]).rename({"size": "length", "language": "group"})
    share = outlier_share(lengths)
    size = Finding(
        kind="outlier",
        name="share of files of unusual size",
        measured=share,
        limit=outlier_limit,
        holds=share <= outlier_limit,
    )
    findings = [*(Finding(**finding) for finding in report["findings"]), size]
    broken = [finding for finding in findings if not finding.holds]
    return {
        "total": len(broken),
        "severity": severity_of(broken),
        "anomalies": [finding.model_dump() for finding in broken],
        "findings": [finding.model_dump() for finding in findings],
    }


def licence_card(files: pd.DataFrame) -> str:
    """What the corpus may be used for, in markdown: licences, their files and repositories, and what each asks."""
    table = pl.from_pandas(files)
    groups = table.group_by("licence").agg(
        files=pl.len(), repositories=pl.col("repo").n_unique(), bytes=pl.col("size").sum()
    )
    rows = [
        f"| {licence} | {count:,} | {repos:,} | {size / 1e6:,.1f} | {_links(licence)} |"
        for licence, count, repos, size in groups.sort(-pl.col("files").cast(pl.Int64), "licence").iter_rows()
    ]
    return "\n".join([_CARD.format(bundle=licences.bundle(table["licence"]) or "none, it has no files"), *rows, ""])


def _links(licence: str) -> str:
    return ", ".join(f"https://spdx.org/licenses/{spdx}.html" for spdx in licences.terms(licence))


_CARD = """# Licences of the code corpus

Every file keeps the licence of its repository, in the column `licence`; none is share-alike or unknown. Together:
{bundle}.

Who passes files on, or what is made of them verbatim, passes on their notices: NOTICE.txt names each file's path,
repository and revision under its licence. Files of owners who asked to be left out (`--opt-out`) are not here; who asks
later is left out from the next run on, and what was published before is for its holder to replace.

| licence | files | repositories | MB | terms |
|---|---:|---:|---:|---|"""


LENGTH_EDGES = (0, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536)  # tokens of a file, octaves
TITLE = "The code corpus"
NOUN = "file"


def corpus_summary(
    files: pd.DataFrame,
    statistics: Document,
    validation: Document,
    anomalies: Document,
    bias: Document,
    *,
    mode: Mode,
    source: SourceSummary,
    reasons: Mapping[str, str],
) -> Document:
    """The run's report (schemas/run_report.py) as JSON, made of its published reports. `reasons`: what each means."""
    ledger = _ledger(statistics["stages"], len(files), reasons)
    in_splits = [Count(name=name, n=statistics["splits"][name]) for name in SPLITS if name in statistics["splits"]]
    report = RunReport(
        name=STEM,
        title=TITLE,
        mode=mode,
        noun=NOUN,
        rows=len(files),
        made=made_sentence(len(files), NOUN, [ledger]),
        sources=(source,),
        ledgers=(ledger,),
        splits=tuple(in_splits),
        findings=tuple(_findings(statistics, anomalies, bias)),
        sections=(
            splits_section("files", in_splits, lengths(files)),
            *_sections(statistics, validation, bias),
        ),
        tiles=tuple(_tiles(statistics, ledger.rows)),
        figures={f"bytes of {name}": of["bytes"] for name, of in statistics["by_language"].items()},
        lines=(Line(name="size", text=f"{statistics['bytes'] / 1e6:,.1f} MB, {statistics['tokens']:,} tokens"),),
        picture=_picture(statistics, in_splits),
    )
    return report.model_dump(mode="json")


def _findings(statistics: Document, anomalies: Document, bias: Document) -> Iterator[DatasetFinding]:
    """The checks of all reports."""
    own = (Finding.model_validate(finding) for finding in (*statistics["findings"], *anomalies["findings"]))
    for finding in (*own, _unbiased(bias)):
        yield DatasetFinding(stem=STEM, **finding.model_dump())


def _unbiased(bias: Document) -> Finding:
    """The bias report as one check, so that the page's first sentence counts it."""
    groups = len(bias["findings"])
    return Finding(
        kind="bias",
        name="groups far from the others",
        measured=groups,
        limit=0,
        holds=not groups,
        detail="the section Bias lists them",
    )


def _ledger(stages: Sequence[StageCount], kept: int, reasons: Mapping[str, str]) -> Ledger:
    """All stages as one: files in, kept, and the others by reason; what breaks the contract is quarantined."""
    counts: dict[str, Counter[str]] = {"dropped": Counter(), "quarantined": Counter()}
    for stage in stages:
        for reason, n in stage["left_out"].items():
            unreadable = reason in QUARANTINED or stage["stage"] == check.__name__
            counts["quarantined" if unreadable else "dropped"][reason] += n
    return Ledger.of_manifest(
        STEM, "rows", {"in": stages[0]["in"] if stages else kept, "kept": kept, **counts}, reasons
    )


def lengths(files: pd.DataFrame) -> Histogram:
    """Histogram of files by tokens; the last bin is open."""
    tokens = pl.from_pandas(files[["tokens"]])["tokens"].drop_nulls()
    edges = [*LENGTH_EDGES, max(LENGTH_EDGES[-1] + 1, int(tokens.max() or 0) + 1)]  # type: ignore[arg-type]
    return Histogram(
        title="Tokens in a file",
        of="tokens in a file",
        edges=tuple(edges),
        counts=tuple(int(tokens.is_between(low, high, "left").sum()) for low, high in pairwise(edges)),
        empty="This run counted no tokens.",
    )


def _picture(statistics: Document, in_splits: Sequence[Count]) -> GroupedBars:
    by_language = tuple(Count(name=name, n=of["files"]) for name, of in _largest_first(statistics["by_language"]))
    groups = (
        BarGroup(heading="files by language", bars=by_language),
        BarGroup(heading="files by split", bars=tuple(in_splits)),
    )
    return GroupedBars(of="files by language and by split", groups=groups)


def _tiles(statistics: Document, rows_in: int) -> Iterator[Tile]:
    removed = statistics["duplicates"]["removed"]
    megabytes, millions = round(statistics["bytes"] / 1e6, 1), round(statistics["tokens"] / 1e6, 1)
    licence_count = f"{len(statistics['by_licence'])} licences"
    yield Tile(name="files", figure=statistics["files"], part_of=f"of {rows_in:,} read")
    yield Tile(name="megabytes", figure=megabytes, part_of=f"{statistics['lines']:,} lines")
    yield Tile(name="million tokens", figure=millions, part_of="of the tokenizer named in the manifest")
    yield Tile(name="repositories", figure=statistics["repositories"], part_of=licence_count)
    near = f"{removed.get('near', 0):,} of them near"
    yield Tile(name="duplicates removed", figure=sum(removed.values()), part_of=near)
    redacted = statistics["redacted_files"]
    yield Tile(name="redacted", figure=redacted, part_of="files with personal data or a secret")


# ---- sections; the statistics were JSON, so their mappings are in the order of names


def _sections(statistics: Document, validation: Document, bias: Document) -> Iterator[Section]:
    yield stages_section(statistics["stages"])
    yield reasons_section(statistics["stages"])
    for what, title in (("language", "Languages"), ("licence", "Licences"), ("repository", "Repositories")):
        yield groups_section(what, title, statistics[f"by_{what}"])
    yield duplicates_section(statistics["duplicates"])
    yield file_section(statistics)
    yield contract_section(validation)
    yield bias_section(bias)


def _section(key: str, title: str, words: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Section:
    """A section of one table, of which the first column is text; numbers have at most one decimal."""
    first, *others = headers
    columns = (text(first), *(Column(name=name) for name in others))
    cells = tuple((name, *map(_one_decimal, values)) for name, *values in rows)
    return Section(id=key, title=title, text=words, parts=(Table(columns=columns, rows=cells),) if rows else ())


def _one_decimal(value: Cell) -> Cell:
    return f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else value


def stages_section(stages: Sequence[StageCount]) -> Section:
    """Files in and kept at each stage."""
    rows = [(stage["stage"], stage["in"], stage["kept"], stage["in"] - stage["kept"]) for stage in stages]
    words = "How many files came to each stage, and how many it did not pass on. The counts add up."
    return _section("stages", "Stage by stage", words, ("stage", "files in", "kept", "not passed on"), rows)


def reasons_section(stages: Sequence[StageCount]) -> Section:
    """Files by stage and reason."""
    rows = [(f"{stage['stage']}: {reason}", n) for stage in stages for reason, n in stage["left_out"].items()]
    words = "Files that are not in the corpus, by stage and reason."
    return _section("reasons", "Why files are not used", words, ("stage and reason", "files"), rows)


def groups_section(what: str, title: str, groups: Mapping[str, Mapping[str, int]]) -> Section:
    """The largest groups of files, with what is counted of each."""
    ordered = _largest_first(groups)
    columns = [name for name in ("files", "bytes", "lines", "tokens") if ordered and name in ordered[0][1]]
    rows: list[tuple[Cell, ...]] = [(name, *(of[column] for column in columns)) for name, of in ordered]
    words = f"The largest first, at most {SHOWN}."
    return _section(f"by_{what}", title, words, (what, *columns), rows)


def _largest_first(groups: Mapping[str, Mapping[str, int]]) -> list[tuple[str, Mapping[str, int]]]:
    """Groups with most files first, equals by name."""
    return sorted(groups.items(), key=lambda pair: (-pair[1]["files"], pair[0]))


def duplicates_section(duplicates: Document) -> Section:
    """Clusters of duplicates by size."""
    sizes = sorted(duplicates["by_cluster_size"].items(), key=_lower_end)
    rows = [(size, n) for size, n in sizes if n]
    words = f"{duplicates['clusters']:,} clusters; one file of each is kept (interim/{STEM}_clusters.parquet)."
    return _section("clusters", "Duplicates", words, ("files in a cluster", "clusters"), rows)


def _lower_end(size: tuple[str, int]) -> int:
    return int(size[0].partition("-")[0].partition(" ")[0])


def file_section(statistics: Document) -> Section:
    """How large and complex files are."""
    measures = {"bytes": "size", "tokens": "tokens_per_file", "McCabe complexity (Python)": "complexity_of_python"}
    figures = ("min", "median", "mean", "p95", "max")
    rows = [
        (name, *(statistics[key][figure] for figure in figures)) for name, key in measures.items() if statistics[key]
    ]
    return _section("spreads", "Size of a file", "From the smallest to the largest.", ("measure", *figures), rows)


def contract_section(validation: Document) -> Section:
    """Why files break the contract."""
    words = f"{validation['valid_files']:,} of {validation['total_files']:,} files keep the contract."
    rows = list(validation["invalid_by_reason"].items())
    section = _section("contract", "Contract", words, ("reason", "files"), rows)
    return section.model_copy(update={"empty": "No file breaks it."})


def bias_section(bias: Document) -> Section:
    """Groups that are far from the others."""
    words = (
        f"Severity: {bias['severity']}. Outcome: something was redacted. No file was removed or weighted because of it."
    )
    rows = [(sentence,) for sentence in bias["findings"]]
    section = _section("bias", "Bias", words, ("languages, licences and repositories far from the others",), rows)
    return section.model_copy(update={"empty": "No group is far from the others."})
