"""CPU, memory and disk of this machine for Prometheus: `python -m deployments.monitoring.exporter`.

Flows push these values at their start and end; the exporter also answers between runs, on http://<host>:9101/metrics.
"""

import threading
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric

from schemas.settings import settings
from tasks.engine import stage_log
from tasks.observe import metrics

PORT = 9101


class Machine:
    """A collector of the present usage; CPU is the mean since the last scrape."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._since = stage_log.clock()
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Nothing: otherwise the registry would scrape once to learn the names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        usage = metrics.machine_usage(self.folder)
        with self._lock:
            start, self._since = self._since, stage_log.clock()
            cpu = stage_log.cpu_percent(start, self._since)
        if cpu is not None:
            usage["system_cpu_usage_percent"] = cpu
        return metrics.registry({(name, ()): value for name, value in usage.items()}).collect()


def serve(port: int, folder: Path) -> threading.Thread:
    """Answer on `port` of any address until the process ends. Returns the thread that answers."""
    registry = CollectorRegistry()
    registry.register(Machine(folder))
    _, thread = start_http_server(port, registry=registry)
    return thread


if __name__ == "__main__":
    serve(PORT, settings().data_dir).join()
