"""What steps did is noted whole, whichever thread they run in, and by the run they belong to."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.engine import stage_log
from tasks.engine.stage_log import Clock, Content, Stage

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
            with stage_log.stage(run, f"{number}-{turn}") as step:
                step.written = 1

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    stages = stage_log.take(run).stages
    assert {stage.name for stage in stages} == {f"{n}-{turn}" for n in range(threads) for turn in range(each)}
    assert sum(stage.written for stage in stages) == threads * each


def test_two_runs_side_by_side_keep_their_own_stages_and_taking_one_leaves_the_other(run: str) -> None:
    other = run + "-other"
    stage_log.note(run, Stage("a", 1.0))
    stage_log.note(other, Stage("b", 2.0))
    assert [stage.name for stage in stage_log.take(run).stages] == ["a"]
    assert stage_log.take(run) == stage_log.Run()
    assert [stage.name for stage in stage_log.take(other).stages] == ["b"]


def test_an_error_is_noted_by_its_class_and_goes_on_its_way(run: str) -> None:
    with pytest.raises(KeyError, match="secret"), stage_log.stage(run, "parse"):
        raise KeyError("secret")
    (stage,) = stage_log.take(run).stages
    assert (stage.name, stage.error, stage.hit, stage.written) == ("parse", "KeyError", False, 0)


def test_a_stage_takes_as_long_as_its_block(run: str) -> None:
    with stage_log.stage(run, "slow"):
        time.sleep(0.05)
    assert 0.05 <= stage_log.take(run).stages[0].seconds < 5


def test_outside_of_a_run_nothing_is_noted() -> None:
    with stage_log.stage("", "parse"):
        pass
    stage_log.note_content("", Content({"in": 1}))
    assert stage_log.take("") == stage_log.Run()


def test_a_run_whose_start_was_seen_has_its_length_and_its_cpu(run: str) -> None:
    stage_log.begin(run)
    stage_log.note_content(run, Content({"in": 1}))
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        pass
    seen = stage_log.take(run)
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
    assert stage_log.cpu_percent(Clock(0, 100, 1000), Clock(1, 100 + busy, 1000 + total)) == percent


def test_runs_that_nobody_takes_do_not_pile_up(run: str) -> None:
    for number in range(stage_log.MOST_RUNS + 10):
        stage_log.note(f"{run}-{number}", Stage("a", 1.0))
    assert stage_log.take(f"{run}-0") == stage_log.Run()
    for number in range(10, stage_log.MOST_RUNS + 10):
        assert len(stage_log.take(f"{run}-{number}").stages) == 1, number
