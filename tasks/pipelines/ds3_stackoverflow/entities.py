"""What a text about operations names: namespaces, pods, workloads, nodes; kubectl's commands; manifests; PromQL. Pure.

In: Markdown as tasks/curate/text/html.py writes it. Out: names as they are written there, the surest first. A name is
read only where it can be nothing else: in a kubectl command, in kubectl's output, in a manifest, in an error that
quotes it, or in prose that marks it ("pod `web-1`", "the payments namespace"). Nothing is guessed, not even a default
namespace.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import yaml

from schemas.document import Document
from tasks.curate.text.html import code_blocks

NAME: Final = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
NAMED: Final = re.compile(NAME)
LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
WORKLOADS: Final = ("deployment", "statefulset", "daemonset")
KINDS: Final[Mapping[str, str]] = {
    alias: kind
    for kind, aliases in {
        "pod": "pod pods po",
        "deployment": "deployment deployments deploy deployment.apps deployments.apps",
        "statefulset": "statefulset statefulsets sts statefulset.apps statefulsets.apps",
        "daemonset": "daemonset daemonsets ds daemonset.apps daemonsets.apps",
        "node": "node nodes no",
        "namespace": "namespace namespaces ns",
        "service": "service services svc",
    }.items()
    for alias in aliases.split()
}

# ---------------------------------------------------------------------------------------------------------------------
# kubectl's commands

COMMAND: Final = re.compile(r"(?<![\w/-])(?:kubectl|oc)[ \t]+((?:[^\n`;|&>\\$]|\$(?!\()|\\\n|\\)+)")
TWO_WORDS: Final = frozenset({"rollout", "set", "config", "auth"})
VALUE_FLAGS: Final[Mapping[str, str]] = {
    alias: name
    for name, aliases in {
        "namespace": "-n --namespace",
        "container": "-c --container",
        "tail": "--tail",
        "since": "--since",
        "replicas": "--replicas",
        "revision": "--to-revision",
        "grace": "--grace-period",
        "timeout": "--timeout",
        "": "-f --filename -l --selector -o --output --context --kubeconfig --cluster --user --image --port --type -p "
        "--patch --since-time --sort-by --current-replicas --from-literal --from-file --field-selector -v --as",
    }.items()
    for alias in aliases.split()
}


@dataclass(frozen=True)
class Command:
    """A kubectl command: `verb` ("rollout restart"), the things it names as (kind, name), and its flags."""

    verb: str
    things: tuple[tuple[str, str], ...]
    flags: Mapping[str, str]


def commands(text: str) -> list[Command]:
    """Commands of kubectl in a text, in order."""
    return [command for written in COMMAND.findall(text) if (command := _command(written)) is not None]


def _command(arguments: str) -> Command | None:
    flags, words = _flags_and_words([word.strip("'\"") for word in arguments.replace("\\\n", " ").split()])
    if not words:
        return None
    length = 2 if words[0] in TWO_WORDS else 1
    return Command(" ".join(words[:length]), tuple(_things(words[length:], words[0])), flags)


def _flags_and_words(tokens: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    flags: dict[str, str] = {}
    words: list[str] = []
    rest = iter(tokens)
    for argument in rest:
        if argument == "--":  # what follows is a command inside the container
            break
        if argument.startswith("-"):
            flag, equals, value = argument.partition("=")
            if flag in VALUE_FLAGS:
                flags[VALUE_FLAGS[flag]] = value if equals else next(rest, "")
        else:
            words.append(argument)
    return flags, words


def _things(words: Sequence[str], verb: str) -> Iterator[tuple[str, str]]:
    """(kind, name) of what the words name: "deployment/web", "deployment web", and "web" where its kind is clear."""
    alone = {"logs": "pod", "exec": "pod", "attach": "pod", "drain": "node", "cordon": "node", "uncordon": "node"}
    kind = alone.get(verb, "")
    for word in words:
        prefix, slash, name = word.partition("/")
        if slash and prefix.lower() in KINDS and NAMED.fullmatch(name):
            yield KINDS[prefix.lower()], name
        elif word.lower() in KINDS and verb not in alone:
            kind = KINDS[word.lower()]
        elif kind and not slash and NAMED.fullmatch(word):
            yield kind, word
            if verb in {"exec", "attach"}:
                return


# ---------------------------------------------------------------------------------------------------------------------
# kubectl's output

TABLE_HEAD: Final = re.compile(r"^[ \t]*(?:NAMESPACE[ \t]+)?NAME[ \t]+[A-Z].*$", re.MULTILINE)
DESCRIBED: Final = re.compile(r"^(Name|Namespace|Node):[ \t]+([^\s/]+)", re.MULTILINE)
HEALTHY: Final = frozenset({"Running", "Completed", "Succeeded", "Ready"})


def table_names(text: str) -> Iterator[tuple[str, str, bool]]:
    """(kind, name, whether it is unhealthy) of the rows of kubectl's tables: pods, workloads, nodes, namespaces."""
    for head in TABLE_HEAD.finditer(text):
        columns = head[0].split()
        kind = _kind_of_table(columns)
        if kind:
            for line in text[head.end() + 1 :].split("\n"):
                cells = line.split()
                if len(cells) < min(3, len(columns)) or not NAMED.fullmatch(cells[columns.index("NAME")]):
                    break
                yield from _names_of_row(kind, columns, cells)


def _kind_of_table(columns: Sequence[str]) -> str:
    if "ROLES" in columns:
        return "node"
    if "RESTARTS" in columns:
        return "pod"
    return "deployment" if "UP-TO-DATE" in columns and "SELECTOR" not in columns else ""


def _names_of_row(kind: str, columns: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    row = dict(zip(columns, cells, strict=False))
    ready, _, wanted = row.get("READY", "").removeprefix("prod/").partition("/")
    unhealthy = row.get("STATUS", "Running") not in HEALTHY or (
        bool(wanted) and ready != wanted and row.get("STATUS") != "Completed"
    )
    yield kind, row["NAME"], unhealthy
    if "NAMESPACE" in row:
        yield "namespace", row["NAMESPACE"], unhealthy


# ---------------------------------------------------------------------------------------------------------------------
# Manifests

PLACEHOLDER: Final = re.compile(
    r"<[A-Za-z][\w .:/-]*>|\{\{|\$\{?[A-Za-z_]|^[ \t]*(?:#[ \t]*)?(?:\.\.\.|…)[ \t]*$|\byour-", re.MULTILINE
)
ALIAS: Final = re.compile(r"(?:^|[\s:,\[-])\*[A-Za-z]")  # one alias can expand to more than fits into memory
API_VERSION: Final = re.compile(r"v\d\w*|[\w.-]+/v\d\w*")
NOT_APPLIED: Final = re.compile(
    r"Config|Kustomization|Cluster|\w*Configuration|Chart"
)  # read from disk by their programs


def documents(block: str) -> list[Document]:
    """The YAML documents of a block that are mappings with a kind; [] for text that is no YAML, or has aliases."""
    if "kind:" not in block or ALIAS.search(block):
        return []
    try:
        values = list(yaml.load_all(block, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    return [value for value in values if isinstance(value, dict) and isinstance(value.get("kind"), str)]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which constructs nothing but plain values."""


def manifest(text: str) -> str:
    """The first code block that kubectl could apply unchanged, "" for none.

    Every document has apiVersion, kind and a name, and no placeholder ("<your-image>", "...", a template).
    """
    for block in code_blocks(text):
        written = [] if PLACEHOLDER.search(block) else documents(block)
        if (
            written
            and all(map(_applicable, written))
            and len(written) == len(re.findall(r"^kind:", block, re.MULTILINE))
        ):
            return block.strip("\n") + "\n"
    return ""


def _applicable(document: Document) -> bool:
    metadata = document.get("metadata")
    named = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
    version = str(document.get("apiVersion", ""))
    return named and bool(API_VERSION.fullmatch(version)) and not NOT_APPLIED.fullmatch(str(document["kind"]))


# ---------------------------------------------------------------------------------------------------------------------
# PromQL

FUNCTION: Final = re.compile(
    r"\b(?:i?rate|increase|i?delta|deriv|predict_linear|histogram_quantile|absent|changes|resets"
    r"|(?:sum|avg|min|max|count|topk|bottomk|quantile|stddev)(?:_over_time)?)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?\("
)
SELECTOR: Final = re.compile(
    r"[a-zA-Z_:][\w:]*(?:\{[^{}]*\}|\[\d+[smhdwy](?::\w*)?\])"
    r"|\b\w+_(?:total|bytes|seconds|count|info|sum|bucket|percent|ratio|status\w*)\b"
)
NOT_PROMQL: Final = re.compile(
    r"\$|label_values|;|=>|<-|\bdef\b|\bimport\b|^\s*[\w.-]+:(?:\s|$)|[^=!<>~]=[^=~\"']|<[a-z]", re.MULTILINE
)
EXPRESSION: Final = re.compile(r"^\s*(?:-\s*)?[\"']?expr[\"']?:\s*(?:[|>]-?\s*)?(.+)$", re.MULTILINE)
INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def promql(text: str) -> str:
    """The first PromQL expression in the code of a text that could be evaluated unchanged, "" for none."""
    blocks = code_blocks(text)
    rules = [expression.strip("\"' ") for block in blocks for expression in EXPRESSION.findall(block)]
    lines = [line for block in blocks for line in block.split("\n")]
    candidates = [*rules, *(" ".join(block.split()) for block in blocks), *lines, *INLINE.findall(text)]
    return next((candidate.strip() for candidate in candidates if is_promql(candidate)), "")


def is_promql(text: str) -> bool:
    """Whether a text is one PromQL expression over a metric, without a placeholder."""
    bare = re.sub(r"\{[^{}]*\}", "{}", text)
    shaped = bool(SELECTOR.search(text)) and bool(FUNCTION.search(text) or "{" in text)
    return (
        shaped
        and len(text) <= 1_000
        and not NOT_PROMQL.search(bare)
        and "$" not in text
        and _has_balanced_brackets(text)
    )


def _has_balanced_brackets(text: str) -> bool:
    pairs = {")": "(", "]": "[", "}": "{"}
    open_: list[str] = []
    for character in re.sub(r"\"[^\"]*\"|'[^']*'", "", text):
        if character in pairs.values():
            open_.append(character)
        elif character in pairs and (not open_ or open_.pop() != pairs[character]):
            return False
    return not open_


# ---------------------------------------------------------------------------------------------------------------------
# Names

_MARK = r"[`\"'\u201c\u2018*]{1,2}"
_MARKED = rf"{_MARK}({NAME}){_MARK}"
_DISTINCT = r"([a-z0-9]+(?:[.-][a-z0-9]+)+|[a-z]+\d+)"  # a hyphen, a dot or a number inside: no word of English
_CALLED = r"(?:,? (?:called|named|name is|is called|is named))?:? "
_THINGS = {
    "pod": "pods?",
    "node": "nodes?",
    "deployment": r"deployments?(?:\.apps)?",
    "statefulset": r"stateful ?sets?(?:\.apps)?",
    "daemonset": r"daemon ?sets?(?:\.apps)?",
}
PROSE: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, words in _THINGS.items()
    for pattern in (
        rf"\b{words}{_CALLED}{_MARKED}",
        rf"\b{words}{_CALLED}{_DISTINCT}(?![\w/=:])",
        rf"{_MARKED} {words}\b",
        rf"(?<![\w/.-]){_DISTINCT} {words}\b",
        rf"\b{words} (?:is )?(?:called|named) ({NAME})\b",
    )
)
NAMESPACE_PROSE: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bnamespaces?[:=]?[ \t]*{_CALLED}?{_MARKED}",
        rf"\bnamespace: *[\"']?({NAME})",
        rf"\bnamespace (?:called|named|is) ({NAME})\b",
        rf"{_MARKED} namespace\b",
        rf"\b(?:in|from|of|to|on) (?:the |our |my )?({NAME}) namespace\b",
        rf"\b(?:in|from|of) (?:the |our |my )?namespace ({NAME})\b",
        r"\bnamespace=\W?([a-z0-9][a-z0-9-]*)",
        rf"\b{NAME}\.({NAME})\.svc\b",
    )
)
PLACED: Final = re.compile(rf"\b(?:pod|assigned|pods)[ =:\"]+({NAME})/({NAME})\b")  # events name a pod as namespace/pod
_NO_NAME = """
    a all an and any another app application are as at be but by cluster container containers correct created current
    custom deployment different each error every few following for from given has have i if image in is it its job k8s
    kind kubernetes label level log logs manifest me multiple my name named namespace namespaces new no node nodes not
    of on one only or other our own pod pods proper replica restart resource resources right same scope selector
    separate service set several single spec specific status such target template test that the their them then there
    these this those to two type under use used user value was were where which whole will with working wrong you your
    kube-state-metrics nginx-ingress e.g i.e etc pod-name podname node-name deployment-name namespace-name
    my-namespace your-namespace xxx
    """
NO_NAME: Final = frozenset(_NO_NAME.split())


@dataclass
class Entities:
    """Names in a text by kind, the surest first; `replicas` are numbers of replicas asked for."""

    names: dict[str, list[str]] = field(default_factory=dict)
    containers: list[str] = field(default_factory=list)
    replicas: list[int] = field(default_factory=list)

    def first(self, kind: str) -> str:
        """The surest name of a kind, "" for none."""
        return next(iter(self.names.get(kind, ())), "")

    def workload(self) -> tuple[str, str]:
        """(kind, name) of the workload that the text names, ("", "") for none."""
        return next(((kind, name) for kind in WORKLOADS if (name := self.first(kind))), ("", ""))

    def add(self, kind: str, name: str) -> None:
        """Add a name, unless it is a common word or known already."""
        fits = LABEL if kind in {"namespace", "container"} else NAMED
        known = self.names.setdefault(kind, [])
        common = kind != "container" and name in NO_NAME  # a container may well be called app
        if not common and name not in known and fits.fullmatch(name):
            known.append(name)


REPLICAS: Final = re.compile(
    r"--replicas[= ](\d{1,4})\b|\b(?:to|have|want|need) (\d{1,4}) (?:replicas?|pods|instances)\b"
)


def entities_in(text: str) -> Entities:
    """What a text names."""
    entities = Entities(replicas=[int(flag or prose) for flag, prose in REPLICAS.findall(text)])
    rows = list(table_names(text))
    for kind, name in _all_names(text, rows):
        entities.add(kind, name)
    entities.containers = entities.names.pop("container", [])
    return entities


def _all_names(text: str, rows: Iterable[tuple[str, str, bool]]) -> Iterator[tuple[str, str]]:
    """(kind, name), the surest first: unhealthy rows of tables, commands, descriptions, manifests, errors, prose."""
    yield from ((kind, name) for kind, name, unhealthy in rows if unhealthy)
    for command in commands(text):
        yield from command.things
        yield from ((kind, command.flags[kind]) for kind in ("namespace", "container") if kind in command.flags)
    yield from _names_of_descriptions(text)
    yield from _names_of_manifests(text)
    for match in PLACED.finditer(text):
        yield from (("namespace", match[1]), ("pod", match[2]))
    for pattern in NAMESPACE_PROSE:
        yield from (("namespace", name) for name in pattern.findall(text))
    for kind, pattern in PROSE:
        yield from ((kind, name) for name in pattern.findall(text))
    yield from ((kind, name) for kind, name, unhealthy in rows if not unhealthy)


def _names_of_descriptions(text: str) -> Iterator[tuple[str, str]]:
    """Names in the output of `kubectl describe pod`; a Name without a Node below it is of something else."""
    for part in re.split(r"(?m)^(?=Name:)", text):
        fields = dict(reversed(DESCRIBED.findall(part)))
        if "Name" in fields and "Node" in fields:
            yield "pod", fields["Name"]
            yield from ((kind.lower(), fields[kind]) for kind in ("Namespace", "Node") if kind in fields)


def _names_of_manifests(text: str) -> Iterator[tuple[str, str]]:
    for block in code_blocks(text):
        for document in documents(block):
            metadata = document.get("metadata")
            kind = KINDS.get(document["kind"].lower(), "")
            if isinstance(metadata, dict) and kind:
                yield from (
                    (key, str(metadata[part]))
                    for key, part in ((kind, "name"), ("namespace", "namespace"))
                    if part in metadata
                )
