"""What one run of Track B made, as one JSON-ready mapping: the report, the datasheet and the terminal all read it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import polars as pl

from schemas.finding import Finding
from schemas.format_b import SPLITS, STAGES
from tasks.pipelines.track_b.combine import CHARACTERS_PER_TOKEN
from tasks.publish.pii_benchmark import PiiBenchmark
from tasks.publish.words import number, share

# What fits a context window of 8,192 tokens is seen at once.
LENGTH_EDGES = (0, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536)


def conversation_summary(
    combined: pd.DataFrame,
    *,
    track: str,
    title: str,
    mode: str,
    counts: Mapping[str, Any],
    mixture: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
    manifests: Mapping[str, Mapping[str, Any]],
    absent: Mapping[str, str],
    limits: Sequence[str],
    pii_benchmark: PiiBenchmark,
) -> dict[str, Any]:
    """The run's mapping (keys as in tasks/publish/report.py). Nothing in it depends on when or where it ran.

    `counts` is tasks/pipelines/track_b/combine.py's overview, `mixture` tasks/pipelines/track_b/mixture.py's report.
    """
    ledger = counts["ledger"]
    findings = [finding for manifest in manifests.values() for finding in manifest["findings"]]
    return {
        "track": track,
        "title": title,
        "mode": mode,
        "noun": "conversation",
        "sources": list(sources),
        "absent": dict(absent),
        "rows": {stem: manifest["rows"] for stem, manifest in manifests.items()},
        "sequences": {stem: manifest["sequences"] for stem, manifest in manifests.items()},
        "combined": {
            "rows": len(combined),
            "weight": len(combined),
            "dropped": {**_duplicate_kinds(counts), **ledger["rejected"]},
        },
        "splits": counts["splits"],
        "trainable": sum(mixture["after"].values()),
        "licence": counts["bundle_licence"],
        "lengths": lengths(combined),
        "findings": [*findings, *({"stem": track, **finding.model_dump()} for finding in _empty_splits(counts))],
        "sections": [*_sections(combined, counts, mixture, manifests), _personal_data(pii_benchmark)],
        "tiles": _tiles(counts, manifests),
        "figures": {
            **{f"verified by {stage}": n for stage, n in counts["verified"].items()},
            **{f"licence {licence}": n for licence, n in counts["licences"].items()},
            "duplicates removed": ledger["duplicates"],
        },
        "told": _told(counts),
        "limits": list(limits),
    }


def _duplicate_kinds(counts: Mapping[str, Any]) -> dict[str, int]:
    return {f"{kind}_duplicate": n for kind, n in counts["duplicates"]["kinds"].items()}


def lengths(combined: pd.DataFrame) -> dict[str, Any]:
    """Histogram of conversations by approximate tokens; the last bin is open."""
    tokens = pl.from_pandas(combined[["messages"]])["messages"].str.len_chars() // CHARACTERS_PER_TOKEN
    edges = [*LENGTH_EDGES, max(LENGTH_EDGES[-1] + 1, int(str(tokens.max() or 0)) + 1)]
    found = [int(((tokens >= low) & (tokens < high)).sum()) for low, high in pairwise(edges)]
    return {"edges": edges, "counts": found, "of": "tokens in a conversation (characters / 4)"}


def _empty_splits(counts: Mapping[str, Any]) -> Iterator[Finding]:
    for name in SPLITS:
        rows = counts["splits"][name]
        yield Finding(kind="volume", name=f"rows in {name}", measured=rows, limit=1, holds=rows >= 1, unit="rows")


def _tiles(counts: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, int, str]]:
    rows, ledger = counts["splits"], counts["ledger"]
    read = sum(manifest["rows"]["in"] for manifest in manifests.values())
    withheld = sum(n for stem in manifests for _, n in _withheld(manifests[stem]))
    total = sum(rows.values())
    ran = counts["verified"]["execution"]
    return [
        ("conversations", total, f"{len(manifests)} datasets"),
        ("rows read", read, "each kept, dropped or quarantined"),
        ("ran in the simulated cluster", ran, f"{share(ran, total)}: those with a post-condition"),
        ("failed verification", withheld, "not published"),
        ("duplicates removed", ledger["duplicates"], f"{counts['duplicates']['across_datasets']:,} across datasets"),
        ("distinct tools called", counts["tools"]["distinct"], f"{counts['tools']['calls']:,} calls"),
    ]


def _withheld(manifest: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(reason, rows) of the conversations that failed a stage of verification."""
    reasons = manifest["sequences"]["quarantined"].items()
    return [(reason, n) for reason, n in reasons if reason.startswith(tuple(f"{stage}_" for stage in STAGES))]


def _told(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    verified = ", ".join(f"{stage} {counts['verified'][stage]:,}" for stage in STAGES)
    across = counts["duplicates"]["across_datasets"]
    return [
        ("verified", f"{verified} of {sum(counts['splits'].values()):,}"),
        ("removed", f"{counts['ledger']['duplicates']:,} duplicates, {across:,} of them across datasets"),
        ("licence", str(counts["bundle_licence"])),
    ]


def _sections(
    combined: pd.DataFrame,
    counts: Mapping[str, Any],
    mixture: Mapping[str, Any],
    manifests: Mapping[str, Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    yield _section(
        "datasets",
        "Datasets",
        "All rows of a group (question, intent family, function, repository) stand in one split. Tokens are characters "
        "by four; no tokenizer was asked.",
        ("dataset", "conversations", *SPLITS, "groups", "tokens"),
        [
            (stem, sum(of.values()), *(of[name] for name in SPLITS), counts["groups"][stem], _tokens(counts, stem))
            for stem, of in counts["rows"].items()
        ],
    )
    yield _section(
        "verification",
        "Verification",
        "Format: every answer parses and is a workflow. Tools: every tool called is on offer and its parameters are "
        "valid. Execution: the simulated cluster ran it, and the request's post-condition held, where one is known.",
        ("dataset", "withheld because", "withheld", "conversations", *STAGES),
        list(_verification(combined, manifests)),
        left=2,
    )
    yield _section(
        "tools",
        "Tools called",
        f"{number(counts['tools']['distinct'])} distinct tools in {number(counts['tools']['calls'])} calls; the most "
        "frequent ones.",
        ("tool", "calls"),
        _ranked(counts["tools"]["top"]),
    )
    yield _section(
        "licences",
        "Licences",
        f"The licence of the file as a whole: {counts['bundle_licence']}. Each line has its own; the notice names the "
        "authors.",
        ("licence", "conversations"),
        _ranked(counts["licences"]),
    )
    yield _section(
        "duplicates",
        "Duplicates",
        "Conversations without their system message that say the same, or nearly: exact Jaccard of their shingles. The "
        "map from removed to kept is duplicates.parquet.",
        ("removed from", "for one in", "conversations"),
        [(pair["removed"], pair["kept"], pair["rows"]) for pair in counts["duplicates"]["by_sources"]],
        left=2,
    )
    yield _section(
        "mixture",
        "Mixture of train",
        "Rows of each dataset in split train, and those in train.jsonl once the mixture asked for is drawn, without "
        "repeating any."
        if mixture["mixture"]
        else "No mixture was asked for: train.jsonl has all rows of its split.",
        ("dataset", "in split train", "in train.jsonl", "share"),
        [
            (stem, before, mixture["after"][stem], f"{mixture['share'][stem]:.1%}")
            for stem, before in mixture["before"].items()
        ],
    )


def _tokens(counts: Mapping[str, Any], stem: str) -> int:
    return int(counts["characters"][stem]["approximate_tokens"])


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most first, ties by name: a mapping that was JSON has lost its order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _section(
    name: str, title: str, text: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1
) -> dict[str, Any]:
    told = [[value if isinstance(value, str) else number(value) for value in row] for row in rows]
    return {"id": name, "title": title, "text": text, "headers": list(headers), "rows": told, "left": left}


def _verification(combined: pd.DataFrame, manifests: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Of the combined rows, how many passed each stage; of the dataset's, how many failed one and why."""
    for stem, manifest in manifests.items():
        stages = combined["verified"][combined["source"] == stem]
        passed = Counter(stage for of_row in stages for stage in of_row)
        withheld = _withheld(manifest)
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in withheld) or "none"
        yield stem, reasons, sum(n for _, n in withheld), len(stages), *(passed[stage] for stage in STAGES)


def _personal_data(measured: PiiBenchmark) -> dict[str, Any]:
    """How well the detector of personal data and secrets does on its test set: stored figures, quoted."""
    rows = [
        (kind, of.planted, of.found, f"{of.recall:.3f}", f"{of.precision:.3f}") for kind, of in measured.kinds.items()
    ]
    return _section(
        "personal-data",
        "Personal data and secrets",
        "One detector redacts and checks for leaks. Measured on generated text "
        f"({measured.command}, seed {measured.seed}): {measured.overall.planted:,} planted values and "
        f"{measured.overall.look_alikes:,} look-alikes.",
        ("kind", "planted", "found", "recall", "precision"),
        rows,
    )
