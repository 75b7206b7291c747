"""Infrastructure files into requests and the manifests that answer them. Pure: tables in, tables out.

    raw rows --conversations--> conversations with their place --distinct--> conversations (Format B)

A file is rejected for the first rule that does not keep it: the rules over columns (rules.py: file_rules), then those
over its content (manifest.py). Every step returns (kept, rejects) and loses nothing. A row of the rejects names
repository, path and fault, never content: content is not redacted there, and some of it is of people who opted out.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, cast
from urllib.parse import quote

import pandas as pd
import polars as pl

from schemas import format_b
from schemas.ds6_the_stack import OUTCOME, PLACE, SLICES, STEM, RawRow
from schemas.scenario import Applied, ClusterState, Namespace, Scenario
from schemas.tools import DNS_LABEL, DNS_NAME, Environment, offered_in
from schemas.workflow import answer
from tasks.curate.privacy import pii
from tasks.curate.text import yaml_manifests as manifests
from tasks.curate.text.yaml_manifests import Refused, Resource
from tasks.pipelines.ds6_the_stack.manifest import Manifest, manifest
from tasks.pipelines.ds6_the_stack.requests import any_is_clean, main_kind, request
from tasks.pipelines.ds6_the_stack.rules import REASONS, file_rules, spdx
from tasks.quality.rejects import rejected
from tasks.quality.row_rules import first_reason
from tasks.tool_use.simulator.actions import home

ANSWER = "apply_manifest"
ENVIRONMENT: Environment = "production"  # no manifest names one; production has the strictest rules

_TOOLS = {tool.name: tool.offer() for tool in offered_in(ENVIRONMENT)}
_EXTRA = {**SLICES, **OUTCOME, **PLACE}
_FEWEST_OFFERED, _MOST_OFFERED = 4, 8


class ManifestRow(format_b.Row):
    """A conversation with its slice, whether a value was redacted, and its PLACE."""

    kind: str
    outcome: bool
    file: str
    line: int
    digest: str


class Fault(NamedTuple):
    """A row that is rejected."""

    row: RawRow
    reason: str
    detail: str = ""


def conversations(files: pd.DataFrame, *, opted_out: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw rows (schemas.ds6_the_stack.RAW_ROWS) as (conversations with their PLACE, rejects); each row is in one.

    `opted_out` are repositories as `opt_out.repositories` gives them.
    """
    reasons = first_reason(files, file_rules(opted_out))
    dropped = zip(_rows(files[reasons.notna()]), reasons.dropna(), strict=True)
    faults = [Fault(row, reason) for row, reason in dropped]
    readable: list[tuple[RawRow, Manifest]] = []
    for row in _rows(files[reasons.isna()]):
        try:
            readable.append((row, manifest(row["content"] or "")))
        except Refused as refused:
            faults.append(Fault(row, refused.reason, f": {refused}"))
    kept = []
    requests = _requests([each for _, each in readable])
    for (row, each), text in zip(readable, requests, strict=True):
        if text is None:
            faults.append(Fault(row, "quotes_answer"))
        else:
            kept.append(_conversation(row, each, text))
    return format_b.table(kept, _EXTRA), _rejects(faults)


def _requests(several: Sequence[Manifest]) -> list[str | None]:
    """The request for each manifest. All are scanned at once; only a request with something to redact is made again."""
    texts = [_request_for(each) for each in several]
    spans = pii.find_all([text or "" for text in texts])
    return [
        _request_for(each, _is_clean) if to_redact else text
        for each, text, to_redact in zip(several, texts, spans, strict=True)
    ]


def _request_for(each: Manifest, clean: Callable[[str], bool] = any_is_clean) -> str | None:
    return request(each.resources, namespace_of(each.resources), each.text, clean)


def _is_clean(text: str) -> bool:
    return not pii.find(text)


def _rows(files: pd.DataFrame) -> Iterable[RawRow]:
    """Rows with None for what is missing."""
    columns = {str(name): pl.from_pandas(files[name]).to_list() for name in files}
    return (cast("RawRow", dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True))


def _rejects(faults: Sequence[Fault]) -> pd.DataFrame:
    """The rejects of all faults, in the order of the file's lines."""
    ordered = sorted(faults, key=lambda fault: fault.row["line"])
    return rejected(
        "conversations",
        REASONS,
        reasons=[fault.reason for fault in ordered],
        rows=[f"{_repo_path(fault.row)}{fault.detail}" for fault in ordered],
        files=[fault.row["file"] for fault in ordered],
        lines=[fault.row["line"] for fault in ordered],
    )


def _repo_path(row: RawRow) -> str:
    return f"{row['max_stars_repo_name'] or '?'}/{row['max_stars_repo_path'] or '?'}"


def _conversation(row: RawRow, each: Manifest, text: str) -> ManifestRow:
    namespace = namespace_of(each.resources)
    name = row["hexsha"] or _content_id(row)
    params = {"manifest_content": each.text, **({"namespace": namespace} if namespace else {})}
    messages = (
        format_b.message("system", system_message_of(name)),
        format_b.message("user", text),
        format_b.message("assistant", answer([(ANSWER, params)])),
    )
    return {
        "id": f"{STEM}:{name}",
        "source": STEM,
        "group": row["max_stars_repo_name"] or name,
        "messages": format_b.messages_json(messages),
        "licence": spdx(row["max_stars_repo_licenses"] or ""),
        "attribution": attribution(row),
        "environment": ENVIRONMENT,
        "weight": 1.0,
        "rationale": "",
        "scenario": scenario(each.resources, namespace),
        "rows": 1,
        "kind": main_kind(each.resources),
        "outcome": each.redacted,
        "file": row["file"],
        "line": row["line"],
        "digest": hashlib.sha256(each.text.encode()).hexdigest(),
    }


def _content_id(row: RawRow) -> str:
    """The id of a row whose shard has none."""
    return hashlib.sha256(f"{row['content']}\0{row['max_stars_repo_path']}".encode()).hexdigest()[:40]


def attribution(row: RawRow) -> str:
    """Path, repository, and a link to the file at its revision, as far as the row has them."""
    repo, path, revision = (
        row["max_stars_repo_name"],
        str(row["max_stars_repo_path"]),
        row["max_stars_repo_head_hexsha"],
    )
    if not repo:
        return path
    link = f"https://github.com/{quote(repo)}" + (f"/blob/{revision}/{quote(path)}" if revision else "")
    return f"{path} of {repo}, {link}"


def system_message_of(name: str) -> str:
    """The system message of a row: all tools for one in four, else four to eight, `apply_manifest` always among them.

    The choice depends on the row's name alone; the tools are in the registry's order.
    """
    draw = hashlib.blake2b(name.encode(), digest_size=len(_TOOLS) + 2).digest()
    chosen = set(_TOOLS)
    if draw[-1] % 4:
        others = sorted((place, tool) for place, tool in zip(draw, _TOOLS, strict=False) if tool != ANSWER)
        count = _FEWEST_OFFERED + draw[-2] % (_MOST_OFFERED - _FEWEST_OFFERED + 1)
        chosen = {ANSWER, *(tool for _, tool in others[: count - 1])}
    return format_b.system_message(described for tool, described in _TOOLS.items() if tool in chosen)


def namespace_of(resources: Sequence[Resource]) -> str:
    """The one namespace of all resources that have to be in one; "" where they differ or one names none."""
    named = {resource.namespace for resource in resources if home(resource.kind, resource.namespace)}
    only = named.pop() if len(named) == 1 else ""
    return only if re.fullmatch(DNS_LABEL, only) else ""


def scenario(resources: Sequence[Resource], namespace: str) -> str:
    """A cluster with the namespaces needed, and every resource as its goal; "" where there is no such scenario.

    There is none where the cluster would make up a name, where a cluster would not take a name or a number of replicas,
    and where one resource is described twice.
    """
    places = [home(r.kind, r.namespace or namespace) for r in resources]
    keys = {(r.kind, r.name, place) for r, place in zip(resources, places, strict=True)}
    if len(keys) < len(resources) or not all(map(_is_placeable, resources)):
        return ""
    needed = {place for place in places if place} - _created_first(resources)
    before = ClusterState(namespaces={place: Namespace() for place in sorted(needed)})
    goal = tuple(Applied(resource=r.kind, name=r.name, namespace=r.namespace or namespace) for r in resources)
    return Scenario(before=before, goal=goal).model_dump_json()


def _is_placeable(resource: Resource) -> bool:
    names = re.fullmatch(DNS_NAME, resource.name) and re.fullmatch(f"(?:{DNS_LABEL})?", resource.namespace)
    replicas = manifests.text_of(resource.body, "spec", "replicas")
    return bool(names) and (not replicas or manifests.number(replicas) is not None)


def _created_first(resources: Sequence[Resource]) -> set[str]:
    """Namespaces that a manifest creates before it puts a resource into them."""
    created: set[str] = set()
    used: set[str] = set()
    for resource in resources:
        if resource.kind == "Namespace":
            created |= {resource.name} - used
        else:
            used.add(resource.namespace)
    return created
