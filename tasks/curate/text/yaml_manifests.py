"""Kubernetes manifests out of untrusted text: read as trees, and asked for names, images, replicas and ports. Pure.

    text --documents--> trees --resources--> what would be applied

YAML is read from libyaml's events into plain trees (dict, list, str, None): no tag ever constructs anything, nesting
and the nodes that aliases repeat are limited while reading, and a scalar keeps its text. What cannot be read
so raises `Refused` with a reason that a rejects table takes as it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | None"
Mapping: TypeAlias = dict[str, Tree]

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast; both are safe

# Nesting: the deepest of 2,500 real manifests (custom resource definitions) has 37 levels. libyaml's time grows with
# the square of the nesting of [ and {, so that a limit is also what keeps 500 kB of them from taking minutes.
DEEPEST = 100
# Nodes, those that an alias repeats counted each time. A file of 500,000 bytes without aliases cannot have more.
MOST_NODES = 500_000

BOM = "\ufeff"
MERGE = "<<"
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "map", "seq", "binary", "timestamp", "merge", "value")
) | {"!"}


class Refused(ValueError):
    """A text that is not read; `reason` is a snake_case word, the message says where and why, and quotes nothing."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Scalar(NamedTuple):
    """A scalar of a text: its characters [start, end), quotes among them, and what it says."""

    start: int
    end: int
    value: str


def events(text: str) -> Iterator[Event]:
    """Events of a text, as libyaml gives them, without a byte order mark. Raises Refused (invalid_yaml)."""
    try:
        yield from yaml.parse(text.removeprefix(BOM), Loader=LOADER)
    except yaml.MarkedYAMLError as fault:
        at = f"line {fault.problem_mark.line + 1}: " if fault.problem_mark else ""
        raise Refused("invalid_yaml", f"{at}{fault.problem}") from fault
    except (yaml.YAMLError, UnicodeEncodeError) as fault:  # control characters, among them NUL; half a surrogate pair
        raise Refused("invalid_yaml", "a character that YAML does not allow") from fault


def documents(text: str) -> list[Tree]:
    """The documents of a YAML text as trees, empty ones as None; merged keys (`<<`) are in their mappings.

    Raises Refused: invalid_yaml, unknown_tag (also `!!python/...`: nothing is ever constructed), duplicate_key,
    recursive_anchor, yaml_bomb (aliases that repeat more than MOST_NODES), too_deep.
    """
    reader = _Reader()
    for event in events(text):
        reader.take(event)
    return reader.documents


@dataclass(slots=True)
class _Open:
    """A collection that is being read; `items` of a mapping are keys and values in turn."""

    mapping: bool
    anchor: str | None
    line: int
    tree: Any = None
    key: str | None = None
    merged: list[Tree] = field(default_factory=list)
    nodes: int = 1


@dataclass(slots=True)
class _Reader:
    """Builds trees from events; `anchors` maps to (tree, its number of nodes), None while it is being read."""

    documents: list[Tree] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Tree, int] | None] = field(default_factory=dict)
    root: Tree = None

    def take(self, event: Event) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self._add_scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open_collection(event, mapping=kind is MappingStartEvent)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._close_collection()
        elif kind is AliasEvent:
            self._add_alias(event)
        elif kind is DocumentEndEvent:
            self.documents.append(self.root)
            self.root = None
            self.anchors.clear()

    def _add_scalar(self, event: Any) -> None:
        _require_core_tag(event)
        plain = event.implicit[0] and event.tag is None
        value = None if plain and event.value in NULLS else event.value
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._add_node(value, 1, event, merge=plain and value == MERGE)

    def _open_collection(self, event: Any, *, mapping: bool) -> None:
        _require_core_tag(event)
        if len(self.stack) == DEEPEST:
            raise Refused("too_deep", f"line {_line_number(event)}: nested deeper than {DEEPEST} levels")
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(mapping, event.anchor, _line_number(event), {} if mapping else []))

    def _close_collection(self) -> None:
        done = self.stack.pop()
        if done.merged:
            done.tree = {**_merged(done), **done.tree}
        if done.anchor:
            self.anchors[done.anchor] = (done.tree, done.nodes)
        self._add_node(done.tree, done.nodes, done)

    def _add_alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise Refused("invalid_yaml", f"line {_line_number(event)}: an alias whose anchor is not there")
        target = self.anchors[event.anchor]
        if target is None:
            raise Refused("recursive_anchor", f"line {_line_number(event)}: an alias inside what it stands for")
        self._add_node(*target, event)

    def _add_node(self, tree: Tree, nodes: int, at: Any, *, merge: bool = False) -> None:
        """Put a node where it belongs: the document itself, an item, a key, or the value of the last key."""
        if not self.stack:
            self.root = tree
            return
        into = self.stack[-1]
        into.nodes += nodes
        if into.nodes > MOST_NODES:
            raise Refused(
                "yaml_bomb", f"line {_line_number(at)}: aliases that stand for more than {MOST_NODES:,} nodes"
            )
        if not into.mapping:
            into.tree.append(tree)
        elif into.key is None:
            into.key = MERGE_KEY if merge else _mapping_key(tree, into, at)
        else:
            _put_value(into, tree)
            into.key = None


MERGE_KEY = "\0<<"  # YAML has no NUL: no key of a file is ever this


def _put_value(into: _Open, tree: Tree) -> None:
    if into.key == MERGE_KEY:
        into.merged += tree if isinstance(tree, list) else [tree]
    else:
        into.tree[into.key] = tree


def _mapping_key(tree: Tree, into: _Open, at: Any) -> str:
    if isinstance(tree, dict | list):
        raise Refused("invalid_yaml", f"line {_line_number(at)}: a mapping or list as key")
    key = "null" if tree is None else tree
    if key in into.tree:
        raise Refused("duplicate_key", f"line {_line_number(at)}: a key that its mapping has already")
    return key


def _merged(done: _Open) -> Mapping:
    """Keys that `<<` brings in; of several mappings the first that has a key wins (yaml.org/type/merge.html)."""
    whole: Mapping = {}
    for tree in done.merged:
        if not isinstance(tree, dict):
            raise Refused("invalid_yaml", f"line {done.line}: << of something that is no mapping")
        whole = {**tree, **whole}
    return whole


def _line_number(at: Any) -> int:
    return at.line if isinstance(at, _Open) else at.start_mark.line + 1


def _require_core_tag(event: Any) -> None:
    if event.tag is not None and event.tag not in CORE_TAGS:
        raise Refused("unknown_tag", f"line {_line_number(event)}: a tag that is none of YAML's own")


def scalars(text: str) -> list[Scalar]:
    """Every scalar of a text that `documents` reads, with its place."""
    shift = len(text) - len(text.removeprefix(BOM))
    return [
        Scalar(event.start_mark.index + shift, event.end_mark.index + shift, event.value)
        for event in events(text)
        if type(event) is ScalarEvent
    ]


def same_structure(before: Sequence[Tree], after: Sequence[Tree]) -> bool:
    """Whether two readings have the same keys, lengths and nesting; what scalars say may differ."""
    todo: list[tuple[Tree, Tree]] = list(zip(before, after, strict=False))
    seen: set[tuple[int, int]] = set()  # a tree that several aliases repeat is compared once
    same = len(before) == len(after)
    while todo and same:
        one, other = todo.pop()
        if (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if isinstance(one, dict) and isinstance(other, dict):
            same = list(one) == list(other)
            todo += zip(one.values(), other.values(), strict=False)
        elif isinstance(one, list) and isinstance(other, list):
            same = len(one) == len(other)
            todo += zip(one, other, strict=False)
        else:
            same = not isinstance(one, dict | list) and not isinstance(other, dict | list)
    return same


# ---------------------------------------------------------------------------------------------------------------------
# What a manifest says.


class Resource(NamedTuple):
    """One object that a manifest describes; `name` is "" where the cluster is to make one up (generateName)."""

    api_version: str
    kind: str
    name: str
    namespace: str  # as written; "" where the manifest names none
    body: Mapping

    @property
    def group(self) -> str:
        """API group, "" for the core: "apps" of "apps/v1"."""
        return self.api_version.rpartition("/")[0]


def resources(trees: Iterable[Tree]) -> list[Resource]:
    """The objects of a manifest's documents in their order, without empty documents, lists taken apart.

    Raises Refused (not_a_manifest) when there is none, or when one lacks apiVersion, kind or metadata with a name.
    """
    found = [resource for tree in trees if tree is not None for resource in _resources_of(tree)]
    if not found:
        raise Refused("not_a_manifest", "no document that is not empty")
    return found


def _resources_of(tree: Tree) -> Iterator[Resource]:
    if not isinstance(tree, dict):
        raise Refused("not_a_manifest", "a document that is no mapping")
    items = tree.get("items")
    if text_of(tree, "kind").endswith("List") and text_of(tree, "apiVersion") and isinstance(items, list):
        for item in items:
            yield from _resources_of(item)
    else:
        yield _resource(tree)


def _resource(tree: Mapping) -> Resource:
    version, kind, metadata = text_of(tree, "apiVersion"), text_of(tree, "kind"), tree.get("metadata")
    if not (version and kind.isalnum() and kind.isascii() and isinstance(metadata, dict)):
        raise Refused("not_a_manifest", "a document without apiVersion, kind and metadata")
    name = text_of(metadata, "name")
    if not (name or text_of(metadata, "generateName")):
        raise Refused("not_a_manifest", "metadata without a name")
    return Resource(version, kind, name, text_of(metadata, "namespace"), tree)


def at(tree: Tree, *path: str | int) -> Tree:
    """The node at a path of keys and positions, None where there is none."""
    for step in path:
        if isinstance(tree, dict) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def text_of(tree: Tree, *path: str | int) -> str:
    """The scalar at a path; "" where there is none."""
    found = at(tree, *path)
    return found if isinstance(found, str) else ""


def items_of(tree: Tree, *path: str | int) -> list[Tree]:
    """The list at a path, [] where there is none."""
    found = at(tree, *path)
    return found if isinstance(found, list) else []


POD_SPECS: dict[str, tuple[str, ...]] = {  # kind -> path of the specification of its pods
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template", "spec"),
    ),
}


def containers(resource: Resource) -> list[Tree]:
    """Containers of a workload's pods without init containers; [] for any other kind."""
    place = POD_SPECS.get(resource.kind)
    return [c for c in items_of(resource.body, *place, "containers") if isinstance(c, dict)] if place else []


def images(resource: Resource) -> list[str]:
    """Images of a workload's containers, in order."""
    return [image for c in containers(resource) if (image := text_of(c, "image"))]


def replicas(resource: Resource) -> int | None:
    """Replicas a workload asks for, None where it does not say."""
    return number(text_of(resource.body, "spec", "replicas"))


def ports(resource: Resource) -> list[int]:
    """Ports that a workload's containers open, or a service offers, in order, each once."""
    places = containers(resource) or [at(resource.body, "spec")]
    names = ("containerPort", "port")
    found = [number(text_of(port, name)) for place in places for port in items_of(place, "ports") for name in names]
    return list(dict.fromkeys(port for port in found if port))


def number(text: str) -> int | None:
    """A decimal number of at most nine digits, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
