"""Infrastructure files into requests and the manifests that answer them. Pure: tables in, tables out.

    raw rows --conversations--> conversations with their place --distinct--> conversations (Format B)

A file is left out by the first of these rules that speaks (DROPPED and QUARANTINED say what each means): opted out;
what the reader of the shard could not read; no YAML by its name; size; share of letters and digits; licence; no
apiVersion and kind in the text; then, of its content: template, broken or unsafe YAML, not a manifest, nothing for a
cluster. What is left is redacted, must have the same structure afterwards, and must hold nothing more to redact.

Every step returns (kept, rejects) and loses nothing. A rejects row tells repository, path and why, never content: it
is not redacted, and some of it belongs to people who asked to be left out.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa

from schemas import format_b
from schemas.ds6_the_stack import (
    CLIENT_GROUPS,
    FEWEST_ALPHANUMERIC,
    FEWEST_RECORDS,
    HELM,
    LARGEST,
    LICENCE_SEPARATOR,
    MOST_OF_ONE_VIOLATION,
    NO_CANDIDATES,
    OUTCOME,
    PASS_RATE,
    PERMISSIVE,
    PLACE,
    SLICES,
    SMALLEST,
    YAML_SUFFIXES,
)
from schemas.finding import Finding
from schemas.scenario import Applied, ClusterState, Namespace, Scenario
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT
from schemas.tools import DNS_LABEL, DNS_NAME, Environment, offered_in
from schemas.workflow import answer
from tasks.curate.privacy import pii, pii_manifest
from tasks.curate.privacy.opt_out import is_among
from tasks.curate.text import yaml_manifests as manifests
from tasks.curate.text.yaml_manifests import Refused, Resource, Tree
from tasks.pipelines.ds6_the_stack import requests as asking
from tasks.quality.row_rules import Rule, first_reason
from tasks.tool_use.simulator.actions import home

SOURCE = "ds6_the_stack"
ANSWER = "apply_manifest"
ENVIRONMENT: Environment = "production"  # a manifest names none: the one with the strictest rules

# ---------------------------------------------------------------------------------------------------------------------
# Rules over columns, cheap ones first.

_SPDX = {name.lower(): name for name in PERMISSIVE}
_NOT_ALPHANUMERIC = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def file_rules(opted_out: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules that look at a file's columns, in order. `opted_out` are repositories, "owner/name", or "owner"."""
    absent = frozenset(opted_out)
    return (
        Rule("opted_out", lambda f: [not is_among(repo, absent) for repo in f["max_stars_repo_name"]], "its owner"),
        Rule("null_content", lambda f: f["fault"].fillna("") != "null_content", "the row has no file", "quarantined"),
        Rule("invalid_utf8", lambda f: f["fault"].fillna("") != "invalid_utf8", "bytes are lost", "quarantined"),
        Rule("not_yaml", lambda f: [_suffix(path) in YAML_SUFFIXES for path in f["max_stars_repo_path"]], "yaml.org"),
        Rule("too_small", lambda f: _bytes(f) >= SMALLEST, "the design's DS6"),
        Rule("too_large", lambda f: _bytes(f) <= LARGEST, "the design's DS6"),
        Rule("low_alphanumeric", lambda f: _alphanumeric(f) >= FEWEST_ALPHANUMERIC, "The Stack's authors"),
        Rule("licence_missing", lambda f: f["max_stars_repo_licenses"].fillna("") != "", "spdx.org/licenses"),
        Rule("licence_not_permissive", lambda f: f["max_stars_repo_licenses"].map(spdx) != "", "the design's DS6"),
        Rule("not_a_manifest", _names_a_kind, "Kubernetes API conventions, Types (Kinds)"),
        Rule("template", lambda f: ~f["content"].str.contains(HELM, regex=True), "Helm, Built-in Objects"),
    )


def _suffix(path: Any) -> str:
    """The end of a file's name from its last dot on, in small letters; "" for a name without one."""
    name = path.rpartition("/")[2] if isinstance(path, str) else ""
    return "".join(name.rpartition(".")[1:]).lower() if "." in name else ""


def _bytes(files: pd.DataFrame) -> pd.Series:
    lengths = pl.from_pandas(files["content"]).str.len_bytes()
    return pd.Series(lengths.to_numpy(), index=files.index)


def _alphanumeric(files: pd.DataFrame) -> pd.Series:
    """Share of characters that are letters or digits; counted where the shard does not tell it."""
    told = pl.from_pandas(files["alphanum_fraction"]).cast(pl.Float64, strict=False).to_list()
    pairs = zip(told, files["content"], strict=True)
    shares = [alphanumeric_share(text) if share is None else share for share, text in pairs]
    return pd.Series(shares, index=files.index, dtype="float64")


def alphanumeric_share(text: str) -> float:
    """Share of a text's characters that are letters or digits of any script; 0 for an empty text."""
    if not text.isascii():
        return sum(map(str.isalnum, text)) / len(text)
    return len(text.encode().translate(None, _NOT_ALPHANUMERIC)) / max(1, len(text))


def spdx(licences: str) -> str:
    """A row's licences as one: "mit,Apache-2.0" -> "Apache-2.0 AND MIT"; "" where one of them is not permissive."""
    names = {_SPDX.get(name.strip().lower(), "") for name in licences.split(LICENCE_SEPARATOR)}
    return "" if "" in names else " AND ".join(sorted(names))


def _names_a_kind(files: pd.DataFrame) -> pd.Series:
    """Neither word may be missing from a manifest, however it is written: a look that spares most files the parsing."""
    texts = files["content"]
    return texts.str.contains("apiVersion", regex=False) & texts.str.contains("kind", regex=False)


# ---------------------------------------------------------------------------------------------------------------------
# What a file's content says. Reasons here, and in tasks/curate/text/yaml_manifests.py.

DROPPED = {
    "template": "braces that a template engine has to fill in before it is YAML, or a manifest",
    "invalid_yaml": "no parser of YAML reads it",
    "unknown_tag": "a tag that is none of YAML's own; nothing is ever constructed from one",
    "not_a_manifest": "a document lacks apiVersion, kind, or metadata with a name",
    "client_side": "read by a program on a desk, such as kustomize; no cluster takes it",
}
QUARANTINED = {
    "duplicate_key": "a mapping names a key twice, so readers differ about what it says",
    "yaml_bomb": f"aliases that stand for more than {manifests.MOST_NODES:,} nodes",
    "recursive_anchor": "an alias inside what it stands for",
    "too_deep": f"nested deeper than {manifests.DEEPEST} levels",
    "redaction_changed_structure": "redaction touched more than values",
    "leak": "after redaction there was still something to redact",
    "quotes_answer": "no way to ask for it without quoting it or telling what was redacted",
}


class Manifest(NamedTuple):
    """A manifest fit to be published."""

    text: str
    found: list[Resource]
    redacted: bool


def manifest(text: str) -> Manifest:
    """What a file becomes. Raises Refused with a reason of DROPPED or QUARANTINED."""
    trees = _read(text)
    _require_applicable(manifests.resources(trees))
    clean, redacted = _redacted(text, trees)
    found = manifests.resources(manifests.documents(clean) if redacted else trees)
    return Manifest(clean, found, redacted)


def _read(text: str) -> list[Tree]:
    try:
        return manifests.documents(text)
    except Refused as refused:
        if refused.reason == "invalid_yaml" and "{{" in text:
            raise Refused("template", str(refused)) from refused
        raise


def _require_applicable(found: Sequence[Resource]) -> None:
    for resource in found:
        if resource.group.endswith(CLIENT_GROUPS):
            raise Refused("client_side", f"{resource.kind} of {resource.group}")
        if any("{{" in text for text in (resource.name, resource.namespace, *manifests.images(resource))):
            raise Refused("template", "braces in a name, a namespace or an image")


def _redacted(text: str, trees: list[Tree]) -> tuple[str, bool]:
    """The text without what must not get out, and whether there was anything. Raises Refused when it is not safe."""
    result = pii_manifest.redact_manifest(text)
    redacted = result.text != text
    if redacted:
        _require_same(text, trees, result)
    if pii_manifest.leaks(result.text):
        raise Refused("leak", "the detector still finds something after redaction")
    if len(result.text) > LARGEST:
        raise Refused("redaction_changed_structure", f"longer than {LARGEST:,} characters")
    return result.text, redacted


def _require_same(text: str, trees: list[Tree], result: pii.Redacted) -> None:
    """Same keys, lengths and nesting; and no scalar changed but where something was redacted."""
    try:
        after = manifests.documents(result.text)
    except Refused as refused:
        raise Refused("redaction_changed_structure", f"after redaction: {refused}") from refused
    if not manifests.same_structure(trees, after):
        raise Refused("redaction_changed_structure", "keys or lengths differ after redaction")
    pairs = zip(manifests.scalars(text), manifests.scalars(result.text), strict=True)
    changed = [old for old, new in pairs if old.value != new.value]
    touched = [(span.start, span.end) for span in result.spans]
    if any(all(end <= old.start or old.end <= start for start, end in touched) for old in changed):
        raise Refused("redaction_changed_structure", "a value changed where nothing was redacted")


# ---------------------------------------------------------------------------------------------------------------------
# Conversations

_OFFERS = {tool.name: tool.offer() for tool in offered_in(ENVIRONMENT)}
_REJECT_TYPES = {name: PLACE["line"] if name == "line" else PLACE["file"] for name in REJECT_COLUMNS}
_EXTRA = {**SLICES, **OUTCOME, **PLACE}
_FEWEST_OFFERED, _MOST_OFFERED = 4, 8


def conversations(files: pd.DataFrame, *, opted_out: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw rows (schemas.ds6_the_stack.RAW_ROWS) as (conversations with their PLACE, rejects); each row is in one.

    `opted_out` are repositories as `repositories` gives them.
    """
    rules = file_rules(opted_out)
    reasons = first_reason(files, rules)
    outcomes = {rule.reason: rule.outcome for rule in rules}
    left = files[reasons.notna()]
    rejects = [
        _reject(row, reason, outcomes[reason]) for row, reason in zip(_rows(left), reasons.dropna(), strict=True)
    ]
    made = []
    for row in _rows(files[reasons.isna()]):
        try:
            made.append((row, manifest(row["content"])))
        except Refused as refused:
            outcome = "quarantined" if refused.reason in QUARANTINED else "dropped"
            rejects.append(_reject(row, refused.reason, outcome, f": {refused}"))
    kept = []
    for (row, ready), asked in zip(made, _requests([ready for _, ready in made]), strict=True):
        if asked is None:
            rejects.append(_reject(row, "quotes_answer", "quarantined"))
        else:
            kept.append(_conversation(row, ready, asked))
    rejects.sort(key=lambda reject: reject["line"])
    return _table(kept, {**format_b.COLUMNS, **_EXTRA}), _table(rejects, _REJECT_TYPES)


def _requests(ready: Sequence[Manifest]) -> list[str | None]:
    """What a person asks to get each manifest; one scan looks at all, and only one that tells too much is redone."""
    asked = [_asked(made) for made in ready]
    told = pii.find_all([text or "" for text in asked])
    return [_asked(made, _is_clean) if found else text for made, text, found in zip(ready, asked, told, strict=True)]


def _asked(made: Manifest, clean: Callable[[str], bool] = asking.any_is_clean) -> str | None:
    return asking.request(made.found, namespace_of(made.found), made.text, clean)


def _is_clean(asked: str) -> bool:
    return not pii.find(asked)


def _rows(files: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows as mappings, missing values None."""
    columns = {str(name): pl.from_pandas(files[name]).to_list() for name in files}
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _reject(row: Mapping[str, Any], reason: str, outcome: str, detail: str = "") -> dict[str, Any]:
    place = f"{row['max_stars_repo_name'] or '?'}/{row['max_stars_repo_path'] or '?'}"
    told = f"{place}{detail}"[:ROW_TEXT_LIMIT]
    return dict(zip(REJECT_COLUMNS, (outcome, reason, row["file"], row["line"], told), strict=True))


def _table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, pd.ArrowDtype]) -> pd.DataFrame:
    """Rows as a table; through Arrow, for pandas would make a matrix as wide as its longest text on the way."""
    schema = pa.schema({name: kind.pyarrow_dtype for name, kind in types.items()})
    return pa.Table.from_pylist(list(rows), schema=schema).to_pandas(types_mapper=pd.ArrowDtype)


def _conversation(row: Mapping[str, Any], made: Manifest, asked: str) -> dict[str, Any]:
    namespace = namespace_of(made.found)
    name = row["hexsha"] or _name(row)
    params = {"manifest_content": made.text, **({"namespace": namespace} if namespace else {})}
    messages = (
        format_b.message("system", offered(name)),
        format_b.message("user", asked),
        format_b.message("assistant", answer([(ANSWER, params)])),
    )
    return {
        "id": f"{SOURCE}:{name}",
        "source": SOURCE,
        "group": row["max_stars_repo_name"] or name,
        "messages": format_b.messages_json(messages),
        "licence": spdx(row["max_stars_repo_licenses"]),
        "attribution": attribution(row),
        "environment": ENVIRONMENT,
        "weight": 1.0,
        "rationale": "",
        "scenario": scenario(made.found, namespace),
        "rows": 1,
        "kind": asking.main_kind(made.found),
        "outcome": made.redacted,
        "file": row["file"],
        "line": row["line"],
        "digest": hashlib.sha256(made.text.encode()).hexdigest(),
    }


def _name(row: Mapping[str, Any]) -> str:
    """A row's id where its shard tells none."""
    return hashlib.sha256(f"{row['content']}\0{row['max_stars_repo_path']}".encode()).hexdigest()[:40]


def attribution(row: Mapping[str, Any]) -> str:
    """Path, repository, and a link to the file as it was at its revision, as far as the row tells them."""
    repo, path, revision = (
        row[name] for name in ("max_stars_repo_name", "max_stars_repo_path", "max_stars_repo_head_hexsha")
    )
    if not repo:
        return str(path)
    link = f"https://github.com/{quote(repo)}" + (f"/blob/{revision}/{quote(path)}" if revision else "")
    return f"{path} of {repo}, {link}"


def offered(name: str) -> str:
    """The system message of a row: all tools for one in four, else four to eight, `apply_manifest` always among them.

    Which ones depends on the row's name alone; they stand in the registry's order.
    """
    draw = hashlib.blake2b(name.encode(), digest_size=len(_OFFERS) + 2).digest()
    chosen = set(_OFFERS)
    if draw[-1] % 4:
        others = sorted((place, tool) for place, tool in zip(draw, _OFFERS, strict=False) if tool != ANSWER)
        count = _FEWEST_OFFERED + draw[-2] % (_MOST_OFFERED - _FEWEST_OFFERED + 1)
        chosen = {ANSWER, *(tool for _, tool in others[: count - 1])}
    return format_b.system_message(offer for tool, offer in _OFFERS.items() if tool in chosen)


def namespace_of(found: Sequence[Resource]) -> str:
    """The namespace that every resource names that has to be in one; "" where they differ or one names none."""
    named = {resource.namespace for resource in found if home(resource.kind, resource.namespace)}
    only = named.pop() if len(named) == 1 else ""
    return only if re.fullmatch(DNS_LABEL, only) else ""


def scenario(found: Sequence[Resource], namespace: str) -> str:
    """A cluster with the namespaces needed, and as its goal every resource; "" where that cannot be said.

    It cannot where the cluster makes up a name, where a name or a number of replicas is none that a cluster takes, and
    where one resource is described twice.
    """
    places = [home(r.kind, r.namespace or namespace) for r in found]
    keys = {(r.kind, r.name, place) for r, place in zip(found, places, strict=True)}
    if len(keys) < len(found) or not all(map(_is_placeable, found)):
        return ""
    needed = {place for place in places if place} - _made_first(found)
    before = ClusterState(namespaces={place: Namespace() for place in sorted(needed)})
    goal = tuple(Applied(resource=r.kind, name=r.name, namespace=r.namespace or namespace) for r in found)
    return Scenario(before=before, goal=goal).model_dump_json()


def _is_placeable(resource: Resource) -> bool:
    names = re.fullmatch(DNS_NAME, resource.name) and re.fullmatch(f"(?:{DNS_LABEL})?", resource.namespace)
    told = manifests.text_of(resource.body, "spec", "replicas")
    return bool(names) and (not told or manifests.number(told) is not None)


def _made_first(found: Sequence[Resource]) -> set[str]:
    """Namespaces that a manifest makes before anything of it goes into them."""
    made: set[str] = set()
    used: set[str] = set()
    for resource in found:
        if resource.kind == "Namespace":
            made |= {resource.name} - used
        else:
            used.add(resource.namespace)
    return made


# ---------------------------------------------------------------------------------------------------------------------
# Duplicates, and what a reviewer wants to know


def distinct(made: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversations of all shards without repetition, in Format B: (kept, rejects).

    Of several with the same manifest as it is published the first stays (duplicate_content: two files that differ in a
    password alone are one), and of several with one id (duplicate_id).
    """
    table = made.reset_index(drop=True)
    twice, named_twice = table.duplicated("digest"), table.duplicated("id")
    again = twice | named_twice
    rejects = [
        _reject_of(row, "duplicate_content" if same else "duplicate_id")
        for row, same in zip(_rows(table.loc[again, ["id", "group", *PLACE]]), twice[again], strict=True)
    ]
    return table[~again].drop(columns=list(PLACE)).reset_index(drop=True), _table(rejects, _REJECT_TYPES)


def _reject_of(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    values = ("dropped", reason, row["file"], row["line"], f"{row['id']} of {row['group']}")
    return dict(zip(REJECT_COLUMNS, values, strict=True))


def schema_stats(table: pd.DataFrame) -> dict[str, Any]:
    """What the published conversations are: counts by kind and licence, lengths, tools on offer, what was redacted."""
    messages = [orjson.loads(text) for text in table["messages"]]
    asked = [found[1]["content"] for found in messages]
    return {
        "total_records": len(table),
        "kind_distribution": _distribution(table["kind"]),
        "licence_distribution": _distribution(table["licence"]),
        "repositories": int(table["group"].nunique()),
        "answer_characters": _spread([len(found[2]["content"]) for found in messages]),
        "request_characters": _spread(list(map(len, asked))),
        "distinct_requests": len(set(asked)),
        "tools_offered": _spread([found[0]["content"].count('"parameters":') for found in messages]),
        "redacted_records": int(table["outcome"].sum()),
        "with_scenario": int((table["scenario"] != "").sum()),
    }


def _distribution(values: Iterable[str]) -> dict[str, int]:
    """Count of each value, the most frequent first, equals by name."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def _spread(values: Sequence[int]) -> dict[str, float]:
    """Least, greatest and mean; zeros for no values."""
    if not values:
        return {"min": 0, "max": 0, "mean": 0.0}
    return {"min": min(values), "max": max(values), "mean": round(sum(values) / len(values), 3)}


def quality_report(table: pd.DataFrame, *rejects: pd.DataFrame) -> dict[str, Any]:
    """Pass rate, violations and their alerts (DOMAIN's DS6), as findings.

    The pass rate is that of the manifests: files kept, of these and those left out for what their content holds. Files
    that were no candidates (NO_CANDIDATES: no YAML, no manifest, a template, a size, a licence, an opt-out, a copy) say
    nothing about the quality of those that are.
    """
    left_out = _distribution(reason for part in rejects for reason in part["reason"])
    violations = {reason: count for reason, count in left_out.items() if reason not in NO_CANDIDATES}
    manifests_seen = len(table) + sum(violations.values())
    rate = len(table) / manifests_seen if manifests_seen else 0.0
    leaks = violations.get("leak", 0)
    findings = [
        _finding("pass_rate", rate, PASS_RATE, holds=rate >= PASS_RATE, detail=f"of {manifests_seen:,} manifests"),
        _finding("leaks", leaks, 0, holds=leaks == 0, unit="manifests"),
        _finding("records", len(table), FEWEST_RECORDS, holds=len(table) >= FEWEST_RECORDS, unit="records"),
        *(
            _finding(f"violation_{reason}", count, MOST_OF_ONE_VIOLATION, holds=count <= MOST_OF_ONE_VIOLATION)
            for reason, count in violations.items()
        ),
    ]
    return {
        "pass_rate": round(rate, 6),
        "manifests": manifests_seen,
        "left_out": left_out,
        "violations": violations,
        "findings": [finding.model_dump() for finding in findings],
        "alerts": [str(finding) for finding in findings if not finding.holds],
    }


def _finding(name: str, measured: float, limit: float, *, holds: bool, unit: str = "", detail: str = "") -> Finding:
    return Finding(kind="format", name=name, measured=measured, limit=limit, holds=holds, unit=unit, detail=detail)
