"""What steps did is noted whole, whichever thread they run in, and by the run they belong to."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks import observe
from tasks.observe import Clock, Content, Stage

pytestmark = pytest.mark.unit


@pytest.fixture
def run() -> str:
    return str(uuid.uuid4())


def test_threads_that_note_at_once_lose_nothing(run: str) -> None:
    threads, each = 8, 500
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        start.wait()
        for turn in range(each):
            with observe.stage(run, f"{number}-{turn}") as step:
                step.written = 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    stages = observe.take(run).stages
    assert {stage.name for stage in stages} == {f"{n}-{turn}" for n in range(threads) for turn in range(each)}
    assert sum(stage.written for stage in stages) == threads * each


def test_two_runs_side_by_side_keep_their_own_stages_and_taking_one_leaves_the_other(run: str) -> None:
    other = run + "-other"
    observe.note(run, Stage("a", 1.0))
    observe.note(other, Stage("b", 2.0))
    assert [stage.name for stage in observe.take(run).stages] == ["a"]
    assert observe.take(run) == observe.Run()
    assert [stage.name for stage in observe.take(other).stages] == ["b"]


def test_an_error_is_noted_by_its_class_and_goes_on_its_way(run: str) -> None:
    with pytest.raises(KeyError, match="secret"), observe.stage(run, "parse"):
        raise KeyError("secret")
    (stage,) = observe.take(run).stages
    assert (stage.name, stage.error, stage.hit, stage.written) == ("parse", "KeyError", False, 0)


def test_a_stage_takes_as_long_as_its_block(run: str) -> None:
    with observe.stage(run, "slow"):
        time.sleep(0.05)
    assert 0.05 <= observe.take(run).stages[0].seconds < 5


def test_outside_of_a_run_nothing_is_noted() -> None:
    with observe.stage("", "parse"):
        pass
    observe.note_content("", Content({"in": 1}))
    assert observe.take("") == observe.Run()


def test_a_run_whose_start_was_seen_has_its_length_and_its_cpu(run: str) -> None:
    observe.begin(run)
    observe.note_content(run, Content({"in": 1}))
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        pass
    seen = observe.take(run)
    assert seen.seconds is not None
    assert seen.seconds >= 0.2
    assert seen.cpu_percent is not None
    assert 0 < seen.cpu_percent <= 100
    assert seen.content == Content({"in": 1})


@pytest.mark.parametrize(
    ("busy", "total", "percent"), [(0, 10, 0), (5, 10, 50), (10, 10, 100), (11, 10, 100), (-1, 10, 0), (0, 0, None)]
)
def test_cpu_is_the_busy_part_of_the_time_between(busy: float, total: float, percent: float | None) -> None:
    """A kernel's counters may step back a little: never below 0 or above 100."""
    assert observe.cpu_percent(Clock(0, 100, 1000), Clock(1, 100 + busy, 1000 + total)) == percent


def test_runs_that_nobody_takes_do_not_pile_up(run: str) -> None:
    for number in range(observe.MOST_RUNS + 10):
        observe.note(f"{run}-{number}", Stage("a", 1.0))
    assert observe.take(f"{run}-0") == observe.Run()
    for number in range(10, observe.MOST_RUNS + 10):
        assert len(observe.take(f"{run}-{number}").stages) == 1, number
