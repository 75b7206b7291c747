"""Acquire once: raw files of a source, in any mode, as snapshots below `raw/<stem>/<mode>/`.

A second run takes what is there if its hash holds: no request, no generator, no copy.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prefect.logging import get_run_logger

from schemas.document import Document
from schemas.finding import SourceError
from schemas.settings import Place, settings
from schemas.snapshot import Mode, Snapshot
from schemas.source import RemoteFile, Source
from tasks.engine import caching, snapshots
from tasks.engine.derive import cached
from tasks.sources import http

SEED = 42
PACKED = "packed.parquet"


@dataclass(frozen=True)
class Acquired:
    """Raw files of one source. `missing` names the expected tables or systems that are not among them."""

    source: Source
    files: tuple[Snapshot, ...]
    missing: tuple[str, ...]
    unused: dict[str, str]  # file -> why it was left aside
    truth: Document | None  # what a generated sample planted; None for real data

    @property
    def rows(self) -> int:
        """Raw rows of all files."""
        return sum(raw.rows for raw in self.files)


def acquire(
    source: Source, mode: Mode, folder: Path | None, root: Path, *, seed: int = SEED, scale: float = 1.0
) -> Acquired:
    """Raw files of `source`: generated ("sample"), copied from `folder` ("local"), or downloaded and checked ("live").

    Raises SourceError when there is nothing to work on, with what to do about it.
    """
    snapshots.sweep(root)
    unused: dict[str, str] = {}
    if mode == "sample":
        made = _sample(source, root, seed, scale)
    elif mode == "local":
        made, unused = _from_folder(source, folder, root)
    else:
        made = _downloaded(source, root)
    return _acquired(source, made, unused)


def _acquired(source: Source, made: tuple[Snapshot, ...], unused: dict[str, str]) -> Acquired:
    raw = tuple(s for s in made if s.path.name != "truth.json" and source.identify(s.file) is not None)
    truth = next((s for s in made if s.path.name == "truth.json"), None)
    present = {source.identify(s.file) for s in raw if s.rows}
    missing = tuple(name for name in source.expected if name not in present)
    log = get_run_logger()
    if missing:
        log.warning("%s: not in the input: %s. The manifest names them.", source.stem, ", ".join(missing))
    for name, why in unused.items():
        log.info("%s: %s is not used: %s", source.stem, name, why)
    return Acquired(source, raw, missing, unused, json.loads(truth.file.read_bytes()) if truth else None)


def find(source: Source, folder: Path | None) -> tuple[dict[str, Path], dict[str, str]]:
    """Files of `source` below `folder`: name -> path, and the ones left aside with the reason."""
    if folder is None or not folder.is_dir():
        raise SourceError(
            f"{source.stem}: mode local reads a folder, but --source {folder} is no folder. "
            f"Give a folder that holds any of: {', '.join(source.expected)}."
        )
    used, unused = source.choose(_candidates(source, folder))
    if not used:
        raise SourceError(
            f"{source.stem}: none of {', '.join(source.expected)} was found below {folder} "
            f"(looked for {', '.join(source.patterns)})."
        )
    return _named(used, folder), {str(p.relative_to(folder)): why for p, why in unused.items()}


def _candidates(source: Source, folder: Path) -> list[Path]:
    paths = sorted({p for pattern in source.patterns for p in folder.rglob(pattern) if p.is_file()})
    return [p for p in paths if source.identify(p) is not None]


def _from_folder(source: Source, folder: Path | None, root: Path) -> tuple[tuple[Snapshot, ...], dict[str, str]]:
    """What lies in a folder, copied, or packed where it has none of the source's files but what can be made one."""
    if source.pack and folder and folder.is_dir() and not _candidates(source, folder):
        target = _fresh(root / "raw" / source.stem / "local") / PACKED
        with snapshots.scratch(root) as temporary:
            if packed := source.pack(folder, temporary):
                snapshots.move(packed, target)
                return (_raw(source, target, root, "local"),), {}
    found, unused = find(source, folder)
    return _copy(source, found, root), unused


def _named(paths: list[Path], folder: Path) -> dict[str, Path]:
    """Paths by file name; by their path below `folder` where two share a name."""
    names = [p.name for p in paths]
    return {p.name if names.count(p.name) == 1 else str(p.relative_to(folder)): p for p in paths}


def _sample(source: Source, root: Path, seed: int, scale: float) -> tuple[Snapshot, ...]:
    key = caching.key(_write_sample, (), {"sample": source.sample, "seed": seed, "scale": scale, "stem": source.stem})
    return cached("acquire", _write_sample, key, root, of=source.stem, source=source, seed=seed, scale=scale)


def _write_sample(root: Path, source: Source, seed: int, scale: float) -> list[Snapshot]:
    folder = _fresh(root / "raw" / source.stem / "sample")
    with snapshots.scratch(root) as temporary:
        temporary.mkdir()
        source.sample(temporary, seed, scale)
        names = sorted(str(p.relative_to(temporary)) for p in temporary.rglob("*") if p.is_file())
        for name in names:
            snapshots.move(temporary / name, folder / name)
        shutil.rmtree(temporary)
    return [_raw(source, folder / name, root, "sample") for name in names]


def _raw(source: Source, file: Path, root: Path, mode: Mode) -> Snapshot:
    """A raw file as a snapshot, its rows counted as its source counts them; the generator's truth is no raw file."""
    return snapshots.as_snapshot(file, root, mode, None if file.name == "truth.json" else source.count)


def _copy(source: Source, found: dict[str, Path], root: Path) -> tuple[Snapshot, ...]:
    hashes = {name: snapshots.sha256_of(path) for name, path in found.items()}
    key = caching.key(_write_copies, (), {"stem": source.stem, "files": hashes, "count": source.count})
    return cached("acquire", _write_copies, key, root, of=source.stem, source=source, found=found)


def _write_copies(root: Path, source: Source, found: dict[str, Path]) -> list[Snapshot]:
    folder = _fresh(root / "raw" / source.stem / "local")
    for name, path in found.items():
        with snapshots.scratch(root) as temporary:
            shutil.copyfile(path, temporary)
            snapshots.move(temporary, folder / name)
    return [_raw(source, folder / name, root, "local") for name in found]


def _downloaded(source: Source, root: Path) -> tuple[Snapshot, ...]:
    if source.bring is not None:
        key = caching.key(_bring_all, (), {"stem": source.stem, "pin": source.pin, "count": source.count})
        return cached("acquire", _bring_all, key, root, of=source.stem, source=source, bring=source.bring)
    remote = source.remote or _configured(source, settings().sources)
    key = caching.key(_write_downloads, (), {"stem": source.stem, "pins": [(r.name, r.sha256) for r in remote]})
    return cached("acquire", _write_downloads, key, root, of=source.stem, stem=source.stem, remote=remote)


def _bring_all(root: Path, source: Source, bring: Callable[[Path], list[Path]]) -> list[Snapshot]:
    """What a source's own client downloads (tasks/sources/huggingface.py, stack_exchange.py)."""
    files = bring(_fresh(root / "raw" / source.stem / "live"))
    return [_raw(source, path, root, "live") for path in sorted(files)]


def _configured(source: Source, places: dict[str, Place]) -> tuple[RemoteFile, ...]:
    """The file of a source that has no public address: from the settings, else an error that says how to get it."""
    place = places.get(source.stem)
    if place is None:
        raise SourceError(
            f"{source.stem}: mode live needs an address, for this source has no public one. {source.how_to_get} "
            f"Then set AUTOMEND_SOURCES__{source.stem.upper()}__URL to its address or path and "
            f"AUTOMEND_SOURCES__{source.stem.upper()}__SHA256 to its hash."
        )
    return (RemoteFile(Path(place.url).name, place.url, place.sha256),)


def _write_downloads(root: Path, stem: str, remote: tuple[RemoteFile, ...]) -> list[Snapshot]:
    folder = root / "raw" / stem / "live"
    written: list[Path] = []
    for item in remote:
        target = folder / item.name
        _bring(item, target, root)
        written += http.unpack(target, folder) if ".tar" in target.name or target.suffix == ".tgz" else [target]
    return [snapshots.as_snapshot(path, root, "live") for path in sorted(written)]


def _bring(item: RemoteFile, target: Path, root: Path) -> None:
    """Download, or copy where the address is a path on this machine."""
    local = Path(item.url.removeprefix("file://"))
    if "://" in item.url and not item.url.startswith("file://"):
        asked = http.fetch(item, target, root)
        get_run_logger().info("%s: %s", item.name, "downloaded" if asked else "here already, its hash holds")
    elif not local.is_file() or snapshots.sha256_of(local) != item.sha256:
        state = "is missing" if not local.is_file() else f"has sha256 {snapshots.sha256_of(local)}, not {item.sha256}"
        raise SourceError(f"{local} {state}. Correct AUTOMEND_SOURCES__…__URL or __SHA256.")
    else:
        with snapshots.scratch(root) as temporary:
            shutil.copyfile(local, temporary)
            snapshots.move(temporary, target)


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
