"""Threads that parse at the same time do not break each other."""

import ast
import contextlib
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.curate.text import python_source
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(Path(PROJECT, "tasks/quality").glob("*.py"))]


@pytest.fixture
def restless() -> Iterator[None]:
    """Garbage is collected all the time, and every collection lets another thread run: what seldom happens, often."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()

    def pause(_phase: str, _info: dict[str, int]) -> None:
        time.sleep(0)

    gc.set_threshold(50)
    sys.setswitchinterval(1e-5)
    gc.callbacks.append(pause)
    yield
    gc.callbacks.remove(pause)
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)


def at_depth(frames: int, call: Callable[[], None]) -> None:
    """Call from further down the stack: the parser counts from where it is called."""
    return call() if frames == 0 else at_depth(frames - 1, call)


def test_threads_that_parse_side_by_side_all_get_their_trees(restless: None) -> None:
    faults: list[str] = []

    def parse_all() -> None:
        try:
            for source in SOURCES:
                python_source.module(source)
        except SystemError as fault:
            faults.append(str(fault))

    threads = [threading.Thread(target=at_depth, args=(20 * number, parse_all)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_library_that_parses_meanwhile_without_waiting_disturbs_nobody(restless: None) -> None:
    """Prefect and others parse too, in threads of their own."""
    done = threading.Event()

    def parse_without_waiting() -> None:
        while not done.is_set():
            with contextlib.suppress(SystemError):  # the stranger's own trouble
                ast.parse(SOURCES[0])

    stranger = threading.Thread(target=at_depth, args=(40, parse_without_waiting))
    stranger.start()
    try:
        trees = [python_source.module(source) for source in SOURCES]
    finally:
        done.set()
        stranger.join()
    assert len(trees) == len(SOURCES)


def test_an_error_of_the_text_is_told_at_once() -> None:
    with pytest.raises(SyntaxError):
        python_source.module("def f(:\n")
