"""Reports of code_corpus."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import polars as pl

from schemas.code_corpus import (
    COLUMNS,
    NULLABLE,
    STEM,
    Files,
)
from schemas.finding import Finding
from tasks.pipelines.code_corpus.stages import QUARANTINED
from tasks.quality import licences
from tasks.quality.anomalies import anomalies, outlier_share, severity_of
from tasks.quality.contract import check

# ---------------------------------------------------------------------------------------------------------------------
# What a reviewer wants to know

SHOWN = 50  # repositories and licences told one by one; all others are counted
CLUSTER_SIZES = (2, 3, 4, 5, 10, 20, 50, 100)  # files in a cluster, the one that stays among them; lower ends


TAKEN_IN = ("repo", "path", "name", "language", "bytes")  # what the manifest looks at


def ingest_manifest(files: pd.DataFrame) -> dict[str, Any]:
    """What was taken in: files and bytes by language, and what each shortened name stands for."""
    told = pl.from_pandas(files)
    plain = pl.format("{}/{}", "repo", "path")
    short = told.filter(~pl.col("name").str.ends_with(plain))
    return {
        "files": len(told),
        "bytes": int(told["bytes"].sum()),
        "by_language": _by(told, "language", files=pl.len(), bytes=pl.col("bytes").sum()),
        "shortened_names": {
            name: {"repo": repo, "path": path} for name, repo, path in short.select("name", "repo", "path").iter_rows()
        },
    }


def validation_report(valid: pd.DataFrame, refused: pd.DataFrame) -> dict[str, Any]:
    """How many files keep the contract (schemas.code_corpus.Files), by language, and why the others do not."""
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


def data_statistics(
    files: pd.DataFrame,
    *removed: pd.DataFrame,
    stages: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The corpus in numbers. `removed` are tables of CLUSTERS; `stages` say how many files came to each and left it.

    stages: {"stage", "in", "kept", "left_out": {reason: n}}, in their order.
    """
    told = pl.from_pandas(files)
    findings = [_unique(told), _adds_up(stages)]
    return {
        "files": len(told),
        "bytes": int(told["size"].sum()),
        "lines": int(told["lines"].sum()),
        "tokens": int(told["tokens"].sum()),
        "by_language": _by(
            told,
            "language",
            files=pl.len(),
            bytes=pl.col("size").sum(),
            lines=pl.col("lines").sum(),
            tokens=pl.col("tokens").sum(),
        ),
        "by_licence": _by(told, "licence", files=pl.len(), bytes=pl.col("size").sum(), tokens=pl.col("tokens").sum()),
        "by_repository": _by(told, "repo", files=pl.len(), bytes=pl.col("size").sum()),
        "repositories": told["repo"].n_unique(),
        "by_encoding": _distribution(told["encoding"]),
        "splits": _distribution(told["split"]),
        "size": _spread(told["size"]),
        "tokens_per_file": _spread(told["tokens"]),
        "complexity_of_python": _spread(told["complexity"]),
        "redacted_files": int(told["outcome"].sum()),
        "duplicates": _duplicates(removed),
        "stages": [dict(stage) for stage in stages],
        "findings": [finding.model_dump() for finding in findings],
    }


def _unique(told: pl.DataFrame) -> Finding:
    repeated = len(told) - told["id"].n_unique()
    return _must_be_zero("repeated ids", repeated)


def _adds_up(stages: Sequence[Mapping[str, Any]]) -> Finding:
    lost = sum(abs(stage["in"] - stage["kept"] - sum(stage["left_out"].values())) for stage in stages)
    return _must_be_zero("files lost between stages", lost)


def _must_be_zero(name: str, measured: int) -> Finding:
    return Finding(
        kind="schema", name=name, measured=measured, limit=0, holds=measured == 0, unit="files", severity="error"
    )


def _by(told: pl.DataFrame, column: str, **figures: pl.Expr) -> dict[str, dict[str, int]]:
    """Figures of each group, the one with most files first, the first SHOWN; equals by name."""
    groups = told.group_by(column).agg(**figures).sort(-pl.col("files").cast(pl.Int64), column).head(SHOWN)
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
    """The tables of CLUSTERS as one: who left, for whom."""
    return pd.concat(removed, ignore_index=True)


def _duplicates(removed: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Files that went, by kind, and how many clusters have how many files, the one that stays among them."""
    stays_for = {went: stays for table in removed for went, stays in zip(table["id"], table["cluster"], strict=True)}
    sizes = [n + 1 for n in Counter(_root(stays_for, went) for went in stays_for).values()]
    kinds = _distribution(kind for table in removed for kind in table["kind"])
    return {"removed": kinds, "clusters": len(sizes), "by_cluster_size": _in_bins(sizes)}


def _root(stays_for: Mapping[str, str], file: str) -> str:
    """The file that stays in the end: whom another stayed for may leave at a later stage."""
    while file in stays_for:
        file = stays_for[file]
    return file


def _in_bins(sizes: Sequence[int]) -> dict[str, int]:
    """How many clusters have about how many files: "2", "5-9", "100 or more"."""
    told = {}
    for low, high in pairwise((*CLUSTER_SIZES, 0)):
        name = f"{low} or more" if not high else f"{low}" if high == low + 1 else f"{low}-{high - 1}"
        told[name] = sum(size >= low and (size < high or not high) for size in sizes)
    return told


def code_anomalies(table: pd.DataFrame, *, by: Sequence[str] = (), outlier_limit: float, **told: Any) -> dict[str, Any]:
    """`anomalies` of a table of files, and the share whose size is far from what is usual in their language."""
    required = {name: kind for name, kind in COLUMNS.items() if name in table.columns and name not in NULLABLE}
    report = anomalies(table, columns=required, by=by, outlier_limit=outlier_limit, **told)
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
    told = pl.from_pandas(files)
    groups = told.group_by("licence").agg(
        files=pl.len(), repositories=pl.col("repo").n_unique(), bytes=pl.col("size").sum()
    )
    rows = [
        f"| {licence} | {count:,} | {repos:,} | {size / 1e6:,.1f} | {_links(licence)} |"
        for licence, count, repos, size in groups.sort(-pl.col("files").cast(pl.Int64), "licence").iter_rows()
    ]
    return "\n".join([_CARD.format(bundle=licences.bundle(told["licence"]) or "none, it has no files"), *rows, ""])


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


# Edges of the histogram of tokens a file: octaves up to what models read at once.
LENGTH_EDGES = (0, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536)


def corpus_summary(
    files: pd.DataFrame,
    statistics: Mapping[str, Any],
    validation: Mapping[str, Any],
    anomalies: Mapping[str, Any],
    bias: Mapping[str, Any],
    *,
    mode: str,
    source: Mapping[str, Any],
) -> dict[str, Any]:
    """The run as the mapping of tasks/publish/report.py, which makes the page and its markdown of its reports."""
    ledger = _ledger(statistics["stages"], len(files))
    return {
        "track": STEM,
        "title": "The code corpus",
        "mode": mode,
        "noun": "file",
        "sources": [dict(source)],
        "rows": {STEM: ledger},
        "sequences": {STEM: {"kept": len(files)}},
        "splits": statistics["splits"],
        "lengths": _lengths_of(files),
        "findings": [
            {"stem": STEM, **finding}
            for finding in (*statistics["findings"], *anomalies["findings"], _slanted(bias).model_dump())
        ],
        "sections": list(_sections(statistics, validation, bias)),
        "tiles": _tiles(statistics, ledger["in"]),
        "figures": {f"bytes of {name}": told["bytes"] for name, told in statistics["by_language"].items()},
        "told": [("size", f"{statistics['bytes'] / 1e6:,.1f} MB, {statistics['tokens']:,} tokens")],
    }


def _slanted(bias: Mapping[str, Any]) -> Finding:
    """The bias report as one check, so that the page's first sentence knows of it."""
    found, which = len(bias["findings"]), "the section Bias says which"
    return Finding(
        kind="bias", name="groups far off the others", measured=found, limit=0, holds=not found, detail=which
    )


def _ledger(stages: Sequence[Mapping[str, Any]], kept: int) -> dict[str, Any]:
    """All stages as one: files in, kept, and the others by reason; what breaks the contract is quarantined."""
    left: dict[str, Counter[str]] = {"dropped": Counter(), "quarantined": Counter()}
    for stage in stages:
        for reason, n in stage["left_out"].items():
            held = reason in QUARANTINED or stage["stage"] == check.__name__
            left["quarantined" if held else "dropped"][reason] += n
    rows_in = stages[0]["in"] if stages else kept
    return {"in": rows_in, "kept": kept, **{outcome: dict(counts) for outcome, counts in left.items()}}


def _lengths_of(files: pd.DataFrame) -> dict[str, Any]:
    tokens = pl.from_pandas(files[["tokens"]])["tokens"].drop_nulls()
    edges = [*LENGTH_EDGES, max(LENGTH_EDGES[-1] + 1, int(tokens.max() or 0) + 1)]  # type: ignore[arg-type]
    pairs = pairwise(edges)
    return {
        "edges": edges,
        "counts": [int(tokens.is_between(a, b, "left").sum()) for a, b in pairs],
        "of": "tokens in a file",
    }


def _tiles(statistics: Mapping[str, Any], rows_in: int) -> list[tuple[str, Any, str]]:
    removed = statistics["duplicates"]["removed"]
    return [
        ("files", statistics["files"], f"of {rows_in:,} read"),
        ("megabytes", round(statistics["bytes"] / 1e6, 1), f"{statistics['lines']:,} lines"),
        ("million tokens", round(statistics["tokens"] / 1e6, 1), "of the tokeniser named in the manifest"),
        ("repositories", statistics["repositories"], f"{len(statistics['by_licence'])} licences"),
        ("duplicates removed", sum(removed.values()), f"{removed.get('near', 0):,} of them near"),
        ("redacted", statistics["redacted_files"], "files with personal data or a secret"),
    ]


def _sections(
    statistics: Mapping[str, Any], validation: Mapping[str, Any], bias: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Tables of the page, each with what it says. The statistics were JSON: their mappings are in order of names."""
    stages = statistics["stages"]
    yield _section(
        "stages",
        "Stage by stage",
        "What came to each stage, and what left it. The counts add up.",
        ("stage", "files in", "kept", "left out"),
        [(stage["stage"], stage["in"], stage["kept"], stage["in"] - stage["kept"]) for stage in stages],
    )
    reasons = [(f"{s['stage']}: {reason}", n) for s in stages for reason, n in s["left_out"].items()]
    yield _section("left", "Why files left", "By stage.", ("stage and reason", "files"), reasons)
    for what, title in (("language", "Languages"), ("licence", "Licences"), ("repository", "Repositories")):
        yield _groups_section(what, title, statistics[f"by_{what}"])
    duplicates = statistics["duplicates"]
    yield _section(
        "clusters",
        "Duplicates",
        f"{duplicates['clusters']:,} clusters; one file of each stays (interim/{STEM}_clusters.parquet).",
        ("files in a cluster", "clusters"),
        [(size, n) for size, n in sorted(duplicates["by_cluster_size"].items(), key=_lower_end) if n],
    )
    measures = {"bytes": "size", "tokens": "tokens_per_file", "McCabe's number of Python": "complexity_of_python"}
    figures = ("min", "median", "mean", "p95", "max")
    yield _section(
        "spreads",
        "A file",
        "From the smallest to the largest.",
        ("measure", *figures),
        [(name, *(statistics[key][figure] for figure in figures)) for name, key in measures.items() if statistics[key]],
    )
    yield _section(
        "contract",
        "Contract",
        f"{validation['valid_files']:,} of {validation['total_files']:,} files keep it.",
        ("reason", "files"),
        list(validation["invalid_by_reason"].items()),
    )
    yield _section(
        "bias",
        "Bias",
        f"Severity: {bias['severity']}. Outcome: something was redacted. Nothing was taken out or weighted for it.",
        ("languages, licences and repositories far off the others",),
        [(sentence,) for sentence in bias["findings"]],
    )


def _lower_end(size: tuple[str, int]) -> int:
    return int(size[0].partition("-")[0].partition(" ")[0])


def _groups_section(what: str, title: str, groups: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    columns = [name for name in ("files", "bytes", "lines", "tokens") if name in next(iter(groups.values()), {})]
    ordered = sorted(groups.items(), key=lambda pair: (-pair[1]["files"], pair[0]))
    rows = [(name, *(told[column] for column in columns)) for name, told in ordered]
    return _section(f"by_{what}", title, f"At most {SHOWN} are listed, the largest first.", (what, *columns), rows)


def _section(key: str, title: str, text: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    cells = [[_cell(value) for value in row] for row in rows]
    return {"id": key, "title": title, "text": text, "headers": list(headers), "rows": cells, "left": 1}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.1f}".removesuffix(".0")
