"""Metrics are counted on from run to run, written as Prometheus reads them, and cost a run nothing but a moment."""

import logging
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.metrics import BUCKETS, BY_SAMPLE, MOST_VALUES
from tasks.engine.stage_log import Content, Run, Stage
from tasks.observe import metrics
from tasks.observe.metrics import Samples
from tests.fakes.server import serving
from tests.servers import answers, free_port, needs, running, wait_until

PIPELINE = "track-a"
MACHINE = {"system_memory_usage_percent": 20.0, "system_disk_usage_percent": 30.0}
CONTENT = Content({"in": 10, "kept": 7, "dropped": 1, "quarantined": 2}, {"Normal": 6, "System_Crash": 2}, 1_700_000.0)
RUN = Run((Stage("parse", 0.3, 100), Stage("check", 2.0, hit=True)), CONTENT, 12.5, 40.0)
BROKEN = Run((Stage("parse", 0.3, error="GateFailed"),), None, 1.0)

names = st.sampled_from(["parse", "check", 'odd "name"\\\n', "bias"])
stages = st.builds(
    Stage,
    name=names,
    seconds=st.floats(0, 1e4),
    written=st.integers(0, 10**12),
    hit=st.booleans(),
    error=st.sampled_from(["", "", "GateFailed", "ValueError"]),
)
runs = st.builds(Run, stages=st.lists(stages, max_size=8).map(tuple), seconds=st.none() | st.floats(0, 1e5))


def after(samples: Samples, run: Run = RUN, now: float = 2_000_000.0) -> Samples:
    return metrics.finished(samples, PIPELINE, run, MACHINE, now)


def text(samples: Samples) -> str:
    return generate_latest(metrics.registry(samples)).decode()


def value(samples: Samples, name: str, **labels: str) -> float | None:
    wanted = {"pipeline_name": PIPELINE, **labels}
    found = [
        number for (sample, own), number in samples.items() if sample == name and wanted.items() <= dict(own).items()
    ]
    return found[0] if found else None


class TestWhatARunChanges:
    pytestmark = pytest.mark.unit

    def test_a_completed_run_told_by_hand(self) -> None:
        made = after(metrics.started({}, PIPELINE, MACHINE))
        assert value(made, "pipeline_status") == 0
        assert value(made, "data_volume_bytes_total", stage="parse") == 100
        assert value(made, "pipeline_processing_seconds_sum", stage="flow") == 12.5
        assert value(made, "pipeline_processing_seconds_bucket", stage="parse", le="0.1") == 0
        assert value(made, "pipeline_processing_seconds_bucket", stage="parse", le="0.5") == 1
        assert value(made, "pipeline_cache_lookups_total", stage="check", result="hit") == 1
        assert value(made, "pipeline_cache_lookups_total", stage="check", result="miss") is None
        assert value(made, "pipeline_quarantine_share") == 0.2
        assert value(made, "pipeline_label_share", label="Normal") == 0.75
        assert value(made, "pipeline_last_success_timestamp_seconds") == 2_000_000
        assert made["system_cpu_usage_percent", ()] == 40

    def test_it_runs_it_stops_it_fails(self) -> None:
        running = metrics.started({}, PIPELINE, MACHINE)
        assert value(running, "pipeline_status") == 1
        assert value(metrics.stopped(running, PIPELINE, RUN, MACHINE), "pipeline_status") == 0
        assert value(metrics.failed(running, PIPELINE, RUN, MACHINE, "ValueError"), "pipeline_status") == -1

    def test_an_error_is_counted_once_at_its_step_or_at_the_flow(self) -> None:
        at_step = metrics.failed({}, PIPELINE, BROKEN, MACHINE, "GateFailed")
        assert value(at_step, "pipeline_errors_total", stage="parse", error_type="GateFailed") == 1
        assert value(at_step, "pipeline_errors_total", stage="flow") is None
        outside = metrics.failed({}, PIPELINE, RUN, MACHINE, "DatasetsFailed")
        assert value(outside, "pipeline_errors_total", stage="flow", error_type="DatasetsFailed") == 1

    def test_a_failed_step_counts_no_bytes_and_no_cache_lookup(self) -> None:
        made = metrics.failed({}, PIPELINE, BROKEN, MACHINE, "GateFailed")
        assert value(made, "data_volume_bytes_total", stage="parse") is None
        assert value(made, "pipeline_cache_lookups_total", stage="parse") is None
        assert value(made, "pipeline_processing_seconds_count", stage="parse") == 1

    def test_a_failure_leaves_the_last_success_where_it_was(self) -> None:
        made = metrics.failed(after({}), PIPELINE, BROKEN, MACHINE, "GateFailed")
        assert value(made, "pipeline_last_success_timestamp_seconds") == 2_000_000

    def test_a_label_that_does_not_occur_again_is_gone_and_no_rows_are_no_division_by_zero(self) -> None:
        second = after(after({}), Run(content=Content({"in": 0, "kept": 0}, {"Data_Drift": 1})))
        assert value(second, "pipeline_label_share", label="Normal") is None
        assert value(second, "pipeline_label_share", label="Data_Drift") == 1
        assert value(second, "pipeline_quarantine_share") == 0
        assert value(second, "pipeline_rows", outcome="quarantined") is None

    @given(st.lists(runs, max_size=4))
    @settings(max_examples=30, deadline=None)
    def test_counting_run_after_run_through_text_is_counting_them_all_at_once(self, several: list[Run]) -> None:
        """Each run is a process of its own: it knows only what the one before wrote."""
        written: Samples = {}
        for run in several:
            written = metrics.parsed(text(after(written, run)))
        whole = [run for run in several if run.seconds is not None]
        at_once = after({}, Run(tuple(stage for run in several for stage in run.stages)))
        for key, number in at_once.items():
            if BY_SAMPLE[key[0]].kind != "gauge" and several:
                assert written[key] == pytest.approx(number), key
        assert (value(written, "pipeline_processing_seconds_count", stage="flow") or 0) == len(whole)

    @given(st.lists(runs, max_size=3))
    @settings(max_examples=30, deadline=None)
    def test_buckets_are_cumulative_and_the_last_holds_all(self, several: list[Run]) -> None:
        made: Samples = {}
        for run in several:
            made = after(made, run)
        counts = {dict(labels)["stage"]: n for (name, labels), n in made.items() if name.endswith("_count")}
        for stage, count in counts.items():
            edges = [str(edge) for edge in BUCKETS] + ["+Inf"]
            steps = [value(made, "pipeline_processing_seconds_bucket", stage=stage, le=edge) or 0 for edge in edges]
            assert steps == sorted(steps)
            assert steps[-1] == count

    def test_labels_have_a_bound_whatever_the_data_say(self) -> None:
        wild = Run(
            tuple(Stage(f"stage-{n}", 1.0, 1, error=f"Error{n}" if n % 2 else "") for n in range(500)),
            Content({"in": 1}, {f"label-{n}-" + "x" * 500: 1 for n in range(500)}),
        )
        made = metrics.failed({}, PIPELINE, wild, MACHINE, "Late" * 100)
        for label, most in MOST_VALUES.items():
            for name in BY_SAMPLE:
                values = {dict(own)[label] for (sample, own) in made if sample == name and label in dict(own)}
                assert len(values) <= most, (name, label)
                assert max((len(one) for one in values), default=0) <= 60
        assert value(made, "pipeline_processing_seconds_count", stage="other") == 500 - (MOST_VALUES["stage"] - 1)
        shares = [number for (name, _), number in made.items() if name == "pipeline_label_share"]
        assert math.isclose(sum(shares), 1)


class TestText:
    pytestmark = pytest.mark.unit

    @given(runs)
    @settings(max_examples=30, deadline=None)
    def test_prometheus_own_parser_reads_it_and_every_metric_of_it_is_in_the_list(self, run: Run) -> None:
        made = metrics.failed(after({}), PIPELINE, run, MACHINE, "ValueError")
        families = list(text_string_to_metric_families(text(made)))
        assert {sample.name for family in families for sample in family.samples} <= set(BY_SAMPLE)
        for family in families:
            metric = BY_SAMPLE[family.samples[0].name]
            assert (family.type, family.documentation) == (metric.kind, metric.help)

    @given(runs)
    @settings(max_examples=30, deadline=None)
    def test_what_is_written_is_read_back(self, run: Run) -> None:
        made = after(after({}), run)
        assert metrics.parsed(text(made)) == pytest.approx(made)

    def test_what_an_older_version_told_is_left_out(self) -> None:
        old = 'gone_total{a="b"} 3\npipeline_status{pipeline="x"} 1\npipeline_status{pipeline_name="x"} 0\n'
        assert metrics.parsed(old) == {("pipeline_status", (("pipeline_name", "x"),)): 0}

    @given(runs, runs, runs)
    @settings(max_examples=30, deadline=None)
    def test_counts_of_two_places_become_the_larger_ones_in_either_order(self, a: Run, b: Run, c: Run) -> None:
        """Twice the same changes nothing; the order matters for gauges only."""
        common = after({}, a)
        one, two = after(common, b), after(common, c)
        counts = [
            {key: n for key, n in metrics.merged(*pair).items() if BY_SAMPLE[key[0]].kind != "gauge"}
            for pair in ((one, two), (two, one))
        ]
        assert counts[0] == counts[1]
        assert metrics.merged(one, one) == one
        assert all(counts[0][key] >= one[key] for key in counts[0] if key in one)


class TestTell:
    """The text file and the Pushgateway, at their worst."""

    pytestmark = pytest.mark.integration

    def file(self, logs: Path) -> Path:
        return logs / "metrics" / f"{PIPELINE}.prom"

    def tell(self, logs: Path, gateway: str | None = None, run: Run = RUN) -> str | None:
        return metrics.update(
            PIPELINE, logs, partial(metrics.finished, pipeline=PIPELINE, run=run, machine=MACHINE, now=1.0), gateway
        )

    def counted(self, logs: Path) -> float | None:
        return value(metrics.parsed(self.file(logs).read_text()), "pipeline_processing_seconds_count", stage="flow")

    def test_without_a_pushgateway_the_file_counts_on(self, tmp_path: Path) -> None:
        assert self.tell(tmp_path) is None
        assert self.tell(tmp_path) is None
        assert self.counted(tmp_path) == 2
        assert {path.suffix for path in (tmp_path / "metrics").iterdir()} <= {".prom", ".lock"}

    def test_runs_that_end_at_once_are_all_counted(self, tmp_path: Path) -> None:
        threads = [threading.Thread(target=self.tell, args=(tmp_path,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.counted(tmp_path) == 8

    def test_a_torn_file_is_begun_anew_and_told(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.tell(tmp_path)
        self.file(tmp_path).write_bytes(self.file(tmp_path).read_bytes()[:-20] + b"{{{")
        assert self.tell(tmp_path) is None
        assert self.counted(tmp_path) == 1
        assert "counters begin anew" in caplog.text

    def test_a_folder_that_cannot_be_written_is_told_and_changes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "metrics").write_text("a file where the folder should be")
        assert "not written" in (self.tell(tmp_path) or "")

    def test_a_pipelines_name_cannot_leave_the_folder(self, tmp_path: Path) -> None:
        metrics.update("../../etc/x y", tmp_path / "logs", lambda before: before, None)
        assert [path.name for path in (tmp_path / "logs/metrics").glob("*.prom")] == [".._.._etc_x_y.prom"]

    @pytest.mark.parametrize("fault", ["refuse", "hang", "drip", "500", "page"])
    def test_whatever_the_pushgateway_does_the_file_is_written_in_time_with_one_warning(
        self, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metrics, "TOTAL_S", 1.5)
        with broken_gateway(fault) as url:
            begun = time.monotonic()
            said = self.tell(tmp_path, url.replace("http://", "http://amy:s3cretword@"))
            spent = time.monotonic() - begun
        assert said is not None
        assert "are not pushed" in said
        assert spent < metrics.TOTAL_S + 1.0  # a second for a busy machine
        assert self.counted(tmp_path) == 1
        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert [record.getMessage() for record in warnings] == [said]
        assert "s3cretword" not in caplog.text + said

    def test_groups_that_nobody_pushed_for_a_month_are_stale_and_other_jobs_never(self) -> None:
        page = "".join(
            f'push_time_seconds{{instance="",job="{job}",pipeline="{pipeline}"}} {pushed}\n'
            for job, pipeline, pushed in (("automend", "gone", 1e9), ("automend", "here", 2e9), ("other", "old", 1e9))
        )
        assert metrics.stale(page, now=2e9 + 60) == ["gone"]


@contextmanager
def broken_gateway(fault: str) -> Iterator[str]:
    if fault == "refuse":
        yield f"http://127.0.0.1:{free_port()}"
    elif fault in {"500", "page"}:
        answer = (500, b"no", {}) if fault == "500" else (200, b"<html>not { a metric", {})
        with serving(lambda _path, _n: answer) as served:
            yield served.url
    else:
        with silent_gateway(drip=fault == "drip") as url:
            yield url


@contextmanager
def silent_gateway(*, drip: bool) -> Iterator[str]:
    """Takes connections and never answers, or sends a byte of a header now and then for ever."""
    closing = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            while not closing.wait(0.05):
                if drip:
                    connection.send(b"z")

    def accept() -> None:
        while not closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        closing.set()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Pushgateway."""
    program, host = needs("prometheus-pushgateway", "prometheus-pushgateway"), f"127.0.0.1:{free_port()}"
    folder = tmp_path_factory.mktemp("pushgateway")
    memory = f"--persistence.file={folder / 'memory'}"  # Debian's default is one file for the whole machine
    with running([program, f"--web.listen-address={host}", memory], folder / "log"):
        wait_until(lambda: answers(f"http://{host}/-/ready"), 60, "the Pushgateway's start", pause=0.1)
        yield f"http://{host}"


def there(gateway: str, pipeline: str) -> Samples:
    """What the Pushgateway holds of a pipeline."""
    page = httpx.get(f"{gateway}/metrics", timeout=30).text
    return metrics.parsed(page, {"job": metrics.JOB, "pipeline": pipeline})


@pytest.mark.integration
class TestRealPushgateway:
    def tell(self, logs: Path, gateway: str, pipeline: str, run: Run = RUN) -> str | None:
        return metrics.update(
            pipeline, logs, partial(metrics.finished, pipeline=pipeline, run=run, machine=MACHINE, now=1.0), gateway
        )

    def test_what_is_pushed_is_what_is_written(self, gateway: str, tmp_path: Path) -> None:
        assert self.tell(tmp_path, gateway, "same") is None
        written = metrics.parsed((tmp_path / "metrics/same.prom").read_text())
        assert there(gateway, "same") == pytest.approx(written)
        assert len(written) > 40

    def test_two_machines_that_take_turns_count_on_from_each_other(self, gateway: str, tmp_path: Path) -> None:
        for turn in range(6):
            assert self.tell(tmp_path / f"machine-{turn % 2}", gateway, "turns") is None
        assert there(gateway, "turns")[flow_runs("turns")] == 6

    def test_a_pushgateway_that_lost_its_memory_gets_it_back(self, gateway: str, tmp_path: Path) -> None:
        for _ in range(2):
            self.tell(tmp_path, gateway, "lost")
        httpx.delete(f"{gateway}/metrics/job/automend/pipeline/lost", timeout=30)
        self.tell(tmp_path, gateway, "lost")
        assert there(gateway, "lost")[flow_runs("lost")] == 3

    def test_a_push_that_failed_is_made_up_for_by_the_next(self, gateway: str, tmp_path: Path) -> None:
        assert self.tell(tmp_path, f"http://127.0.0.1:{free_port()}", "late") is not None
        assert self.tell(tmp_path, gateway, "late") is None
        assert there(gateway, "late")[flow_runs("late")] == 2

    def test_a_new_machine_takes_over_the_rows_that_another_told(self, gateway: str, tmp_path: Path) -> None:
        self.tell(tmp_path / "one", gateway, "moved")
        metrics.update("moved", tmp_path / "two", partial(metrics.started, pipeline="moved", machine=MACHINE), gateway)
        now = there(gateway, "moved")
        assert now["pipeline_rows", (("pipeline_name", "moved"), ("outcome", "kept"))] == 7
        assert now["pipeline_status", (("pipeline_name", "moved"),)] == 1

    def test_a_stale_group_is_deleted_by_the_next_push_of_any_pipeline(
        self, gateway: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.tell(tmp_path, gateway, "gone")
        httpx.put(f"{gateway}/metrics/job/other/pipeline/gone", content=b"x 1\n", timeout=30)
        monkeypatch.setattr(metrics, "STALE_S", 0.0)
        self.tell(tmp_path, gateway, "alive")
        assert there(gateway, "gone") == {}
        assert there(gateway, "alive") != {}
        assert 'job="other"' in httpx.get(f"{gateway}/metrics", timeout=30).text


def flow_runs(pipeline: str) -> metrics.Key:
    return "pipeline_processing_seconds_count", (("pipeline_name", pipeline), ("stage", "flow"))
