"""Cache keys made of what a result depends on: the inputs' content, the parameters, and our code, read statically.

Prefect's `TASK_SOURCE` sees the task's own lines only: a changed helper returns the stale result. Here the definition
of the function is followed, name by name, through every module of ours: a function, class or constant counts if it
can be reached, and nothing else does, so a change re-runs what depends on it and no more. Comments and layout do not
count (the syntax tree is hashed). Of other people's packages the installed version counts.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from schemas.snapshot import Snapshot
from tasks.curate.text import python_source

OURS = frozenset({"schemas", "tasks", "flows"})


def key(fn: Callable[..., Any], snapshots: Sequence[Snapshot], parameters: Mapping[str, Any]) -> str:
    """Cache key of `fn(*snapshots, **parameters)`, 64 hex digits.

    Raises TypeError for a parameter that has no JSON form: it could not be compared between runs.
    """
    inputs = [(s.sha256, s.mode, s.schema_hash, *s.columns) for s in snapshots]
    values = to_jsonable_python(dict(parameters), fallback=fingerprint)
    text = json.dumps([fingerprint(fn), inputs, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(thing: Any) -> str:
    """Hash of a function or constant of ours and of all it reaches. Raises TypeError for what has no name."""
    module, name = _name_of(thing)
    return _fingerprint(module, name, OURS | {module.partition(".")[0]})


def _name_of(thing: Any) -> tuple[str, str]:
    """(module, name) under which our code binds a function, or a constant such as a schema."""
    if hasattr(thing, "__qualname__"):
        if "<" in thing.__qualname__:
            raise TypeError(f"{thing.__qualname__} in {thing.__module__} has no name: move it to the module's level.")
        return thing.__module__, thing.__qualname__.partition(".")[0]
    ours = ((name, module) for name, module in sorted(sys.modules.items()) if name.partition(".")[0] in OURS)
    for module_name, module in ours:
        for name, value in vars(module).items():
            if value is thing:
                return module_name, name
    raise TypeError(
        f"A parameter of type {type(thing).__name__} cannot be compared between runs, so its result cannot be cached: "
        "pass JSON values, or a function or constant at a module's level."
    )


@cache
def _fingerprint(module: str, name: str, roots: frozenset[str]) -> str:
    """Hash over every reachable definition, in an order that does not depend on the walk's."""
    seen: dict[tuple[str, str], str] = {}
    todo = [(module, name)]
    while todo:
        place = todo.pop()
        if place not in seen:
            seen[place], reached = _definition(*place, roots)
            todo.extend(reached)
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()


def _definition(module: str, name: str, roots: frozenset[str]) -> tuple[str, list[tuple[str, str]]]:
    """Text of one definition, and the (module, name) places it refers to. A foreign package's text is its version."""
    if module.partition(".")[0] not in roots:
        return _package_version(module.partition(".")[0]), []
    outline = _outline(module)
    if name in outline.imports:
        return "", [outline.imports[name]]
    if name not in outline.statements:  # the module itself, or a submodule of a package
        return "", _whole(module, name, outline)
    statements = outline.statements[name]
    text = "\n".join(ast.dump(statement) for statement in statements)
    return text, [place for statement in statements for place in _references(statement, module, outline, roots)]


def _whole(module: str, name: str, outline: "Outline") -> list[tuple[str, str]]:
    """Where a name leads that no statement binds: "*" to all names of the module, a submodule to all of it."""
    if name == "*":
        return [(module, bound) for bound in (*outline.statements, *outline.imports)]
    submodule = f"{module}.{name}"
    return [(submodule, "*")] if outline.package and importlib.util.find_spec(submodule) else []


@dataclass(frozen=True)
class Outline:
    """What a module binds at its top level: names to statements, and imported names to their places."""

    statements: Mapping[str, list[ast.stmt]]
    imports: Mapping[str, tuple[str, str]]
    package: bool


@cache
def _outline(module: str) -> Outline:
    """Parse a module's source once per process."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise TypeError(f"The source of module {module} cannot be found, so results that use it cannot be cached.")
    statements: dict[str, list[ast.stmt]] = {}
    imports: dict[str, tuple[str, str]] = {}
    for statement in python_source.module(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports.update(_imported(statement))
        else:
            for bound in _bound(statement):
                statements.setdefault(bound, []).append(statement)
    return Outline(statements, imports, package=spec.submodule_search_locations is not None)


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[str, str]]]:
    """Local name -> (module, name) of an import; a plain module import refers to "*"."""
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            yield alias.asname or alias.name, (statement.module or "", alias.name)
        else:
            yield alias.asname or alias.name.partition(".")[0], (alias.name, "*")


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds or changes (`TABLE["x"] = 1` changes TABLE)."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    stored = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    targets = [t for n in ast.walk(statement) if isinstance(n, ast.Assign) for t in n.targets]
    return stored | {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _references(statement: ast.stmt, module: str, outline: Outline, roots: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Places that a statement's names refer to. `templates.mine` refers to `mine` alone, not to its whole module."""
    through = {}  # the Name node of `alias.attribute` -> attribute
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            through[id(node.value)] = node.attr
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield from _place(node.id, through.get(id(node)), module, outline, roots)
        elif isinstance(node, ast.Import | ast.ImportFrom):  # an import inside a function
            yield from (place for _, place in _imported(node))


def _place(
    name: str, attribute: str | None, module: str, outline: Outline, roots: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Where one name of one statement leads: another definition here, an imported one, or nowhere (local, builtin)."""
    if name in outline.statements:
        yield module, name
    elif name in outline.imports:
        origin, imported = outline.imports[name]
        target = _as_module(origin, imported, roots)
        yield (target, attribute or "*") if target else (origin, imported)


@cache
def _as_module(origin: str, imported: str, roots: frozenset[str]) -> str | None:
    """The module that `from origin import imported` or `import origin` binds, or None when it binds another thing."""
    if imported == "*":
        return origin
    if origin.partition(".")[0] not in roots or not _outline(origin).package:
        return None
    candidate = f"{origin}.{imported}"
    return candidate if importlib.util.find_spec(candidate) else None


@cache
def _package_version(package: str) -> str:
    """Version of a foreign package, "" for one without (the standard library: Python's own)."""
    if package in sys.stdlib_module_names:
        return sys.version.split()[0].rpartition(".")[0]
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        names = importlib.metadata.packages_distributions().get(package, [])
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(set(names)))
