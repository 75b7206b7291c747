"""A cached result is reused exactly as long as nothing it depends on has changed."""

import importlib
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from schemas import contracts
from schemas.snapshot import Snapshot
from tasks.engine import caching

pytestmark = pytest.mark.unit

MODULE = '''
from toy import helpers
from toy.helpers import shared as renamed
import toy.deep.words as words
import json

LIMIT = 3
TABLE = {}
TABLE["x"] = 1

def uses_helper(x):
    """Docstring."""
    return helpers.double(x) + LIMIT

def uses_nothing(x):
    return x

def uses_renamed(x):
    return renamed(x)

def uses_whole_module(x):
    return [getattr(words, name) for name in x]

def uses_table(x):
    return TABLE[x]

def imports_inside(x):
    from toy.helpers import double
    return double(x)

class Rule:
    def apply(self, x):
        return uses_helper(x)

def uses_class(x):
    return Rule().apply(x)
'''
HELPERS = """
FACTOR = 2

def double(x):
    return x * FACTOR

def shared(x):
    return x + 1
"""
WORDS = "WORDS = ('a', 'b')\n"
NAMES = (
    "uses_helper",
    "uses_nothing",
    "uses_renamed",
    "uses_whole_module",
    "uses_table",
    "imports_inside",
    "uses_class",
)


class Package:
    """A package on disk that a test edits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "toy"
        for name, text in {
            "__init__": "",
            "main": MODULE,
            "helpers": HELPERS,
            "deep/__init__": "",
            "deep/words": WORDS,
        }.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{name}.py").write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / f"{name}.py"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def fingerprints(self) -> dict[str, str]:
        caching._outline.cache_clear()
        caching._fingerprint.cache_clear()
        caching._as_module.cache_clear()
        main = self.load()
        return {name: caching.fingerprint(getattr(main, name)) for name in NAMES}

    def load(self) -> ModuleType:
        for name in [n for n in sys.modules if n.partition(".")[0] == "toy"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return importlib.import_module("toy.main")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Package(tmp_path)


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        ("helpers", "x * FACTOR", "FACTOR * x", {"uses_helper", "imports_inside", "uses_class"}),
        ("helpers", "FACTOR = 2", "FACTOR = 3", {"uses_helper", "imports_inside", "uses_class"}),
        ("helpers", "x + 1", "x + 2", {"uses_renamed"}),
        ("main", "LIMIT = 3", "LIMIT = 4", {"uses_helper", "uses_class"}),
        ("main", 'TABLE["x"] = 1', 'TABLE["x"] = 2', {"uses_table"}),
        ("deep/words", "'b'", "'c'", {"uses_whole_module"}),
        ("main", "Rule().apply(x)", "Rule().apply(x + 0)", {"uses_class"}),
        ("main", "import json", "import json  # a comment", set()),
    ],
)
def test_a_change_alters_the_fingerprint_of_what_reaches_it_and_of_nothing_else(
    package: Package, module: str, old: str, new: str, changed: set[str]
) -> None:
    before = package.fingerprints()
    package.edit(module, old, new)
    after = package.fingerprints()
    assert {name for name in NAMES if before[name] != after[name]} == changed


def test_the_installed_version_of_a_foreign_package_is_part_of_the_fingerprint(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.edit("main", "import json", "import pandas")
    package.edit("main", "    return x\n", "    return pandas.Series(x)\n")
    before = package.fingerprints()
    caching._package_version.cache_clear()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.0.0-other")
    after = package.fingerprints()
    caching._package_version.cache_clear()
    assert {name for name in NAMES if before[name] != after[name]} == {"uses_nothing"}


def snapshot(sha256: str = "a" * 64, mode: str = "sample", root: str = "/data") -> Snapshot:
    return Snapshot(
        root=Path(root), path=Path("interim/x/y.parquet"), sha256=sha256, rows=1, schema_hash="s", mode=mode
    )  # type: ignore[arg-type]


def test_content_mode_and_parameters_are_in_the_key_and_the_place_is_not() -> None:
    key = caching.key(caching.fingerprint, [snapshot()], {"window": timedelta(minutes=5)})
    assert key == caching.key(caching.fingerprint, [snapshot(root="/elsewhere")], {"window": timedelta(minutes=5)})
    others = [
        caching.key(caching.fingerprint, [snapshot("b" * 64)], {"window": timedelta(minutes=5)}),
        caching.key(caching.fingerprint, [snapshot(mode="local")], {"window": timedelta(minutes=5)}),
        caching.key(caching.fingerprint, [snapshot()], {"window": timedelta(minutes=6)}),
        caching.key(caching.key, [snapshot()], {"window": timedelta(minutes=5)}),
        caching.key(caching.fingerprint, [snapshot().only("x")], {"window": timedelta(minutes=5)}),
        caching.key(caching.fingerprint, [snapshot().only("y")], {"window": timedelta(minutes=5)}),
    ]
    assert len({key, *others}) == 7


def test_a_schema_at_module_level_can_be_a_parameter() -> None:
    assert caching.fingerprint(contracts.Sequences) == caching.fingerprint(contracts.Sequences)


@pytest.mark.parametrize("value", [lambda x: x, object()])
def test_a_parameter_that_cannot_be_compared_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="module's level"):
        caching.key(caching.fingerprint, [], {"value": value})
