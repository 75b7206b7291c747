"""What a flow's steps did, noted while they run: seconds, bytes, cache hits, errors, rows. Knows no Prefect.

Datasets of a track run side by side in threads of one process, so notes are kept by flow run, and every function here
may be called from any thread. `take` empties a run's notes; what nobody takes is forgotten, the oldest run first.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psutil

MOST_RUNS = 200  # remembered at once; a flow without hooks takes nothing


@dataclass(frozen=True)
class Stage:
    """One step of one run. `error` is the class of the exception that ended it, "" for none."""

    name: str
    seconds: float
    written: int = 0  # bytes; 0 for a cache hit
    hit: bool = False
    error: str = ""
    files: tuple[str, ...] = ()  # what it made, relative to the data folder


@dataclass(frozen=True)
class Content:
    """What a run read and kept. `rows` by outcome, `labels` rows by label, `newest_input` in seconds since 1970."""

    rows: Mapping[str, int]
    labels: Mapping[str, int] = field(default_factory=dict)
    newest_input: float | None = None


@dataclass(frozen=True)
class Run:
    """Everything noted about one run; `seconds` and `cpu_percent` are None where its start was not seen."""

    stages: tuple[Stage, ...] = ()
    content: Content | None = None
    seconds: float | None = None
    cpu_percent: float | None = None


@dataclass
class Step:
    """What `stage` cannot know by itself: the step's own code says it."""

    written: int = 0
    hit: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """A moment: seconds, and the CPU seconds the whole machine has spent busy and in all."""

    at: float
    busy: float
    total: float


@dataclass
class _Notes:
    stages: list[Stage] = field(default_factory=list)
    content: Content | None = None
    start: Clock | None = None


class _Book:
    """Notes by run. Process-wide, because steps and hooks share nothing else: the one mutable thing here."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _Notes] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, run: str) -> Iterator[_Notes]:
        with self._lock:
            yield self._runs.setdefault(run, _Notes())
            while len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)

    def take(self, run: str) -> _Notes:
        with self._lock:
            return self._runs.pop(run, _Notes())


_BOOK = _Book()


def begin(run: str) -> None:
    """A run starts now."""
    now = clock()
    with _BOOK.of(run) as notes:
        notes.start = now


@contextmanager
def stage(run: str, name: str) -> Iterator[Step]:
    """Notes a step of `run` when the block ends, its error too; "" as the run notes nothing."""
    step, start, error = Step(), time.monotonic(), ""
    try:
        yield step
    except BaseException as fault:
        error = type(fault).__name__
        raise
    finally:
        note(run, Stage(name, time.monotonic() - start, step.written, step.hit, error, step.files))


def note(run: str, made: Stage) -> None:
    if run:
        with _BOOK.of(run) as notes:
            notes.stages.append(made)


def note_content(run: str, content: Content) -> None:
    if run:
        with _BOOK.of(run) as notes:
            notes.content = content


def stages(run: str) -> tuple[Stage, ...]:
    """The steps of a run so far, in their order; they stay noted."""
    with _BOOK.of(run) as notes:
        return tuple(notes.stages)


def take(run: str) -> Run:
    """All that was noted about `run`, which is forgotten with it."""
    notes, now = _BOOK.take(run), clock()
    made = Run(tuple(notes.stages), notes.content)
    if notes.start is None:
        return made
    return replace(made, seconds=now.at - notes.start.at, cpu_percent=cpu_percent(notes.start, now))


def cpu_percent(start: Clock, now: Clock) -> float | None:
    """Mean CPU of the machine from `start` to `now`; None when too little time lies between them to tell."""
    total = now.total - start.total
    return min(100.0, max(0.0, 100 * (now.busy - start.busy) / total)) if total > 0 else None


def clock() -> Clock:
    """The present moment."""
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # guests count as user too
    idle = times.idle + getattr(times, "iowait", 0.0)
    return Clock(time.monotonic(), total - idle, total)
