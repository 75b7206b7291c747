"""The list of metrics: the names that dashboards elsewhere rely on, and the conventions every one keeps."""

import pytest

from schemas.metrics import BUCKETS, BY_NAME, BY_SAMPLE, HISTOGRAM_PARTS, METRICS, MOST_VALUES, PUSHED, Metric

pytestmark = pytest.mark.unit

# The names and labels of the reference document's monitoring chapter; we add pipeline_name, nothing is renamed.
PROMISED = {
    "pipeline_status": ("gauge", {"pipeline_name"}),
    "pipeline_processing_seconds": ("histogram", {"stage"}),
    "data_volume_bytes_total": ("counter", {"stage"}),
    "pipeline_errors_total": ("counter", {"stage", "error_type"}),
    "system_cpu_usage_percent": ("gauge", set()),
    "system_memory_usage_percent": ("gauge", set()),
    "system_disk_usage_percent": ("gauge", set()),
}


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_metric_keeps_its_name_kind_and_labels(name: str) -> None:
    kind, labels = PROMISED[name]
    assert BY_NAME[name].kind == kind
    assert labels <= set(BY_NAME[name].labels) <= labels | {"pipeline_name"}


def test_no_name_stands_for_two_metrics_and_no_sample_either() -> None:
    assert len(BY_NAME) == len(METRICS)
    assert len(BY_SAMPLE) == sum(len(HISTOGRAM_PARTS) if metric.kind == "histogram" else 1 for metric in PUSHED)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_prometheus_conventions(metric: Metric) -> None:
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.help.endswith(".")
    assert (metric.kind == "recorded") == bool(metric.expr)
    if metric.unit in {"seconds", "bytes", "percent", "share"}:
        assert metric.unit in metric.name


def test_every_label_but_the_pipeline_and_fixed_words_has_a_bound() -> None:
    labels = {label for metric in METRICS for label in metric.labels}
    assert labels - set(MOST_VALUES) == {"pipeline_name", "outcome", "result"}  # flows; four words; two words


def test_buckets_ascend() -> None:
    assert list(BUCKETS) == sorted(set(BUCKETS))
