"""CPU, memory and disk of this machine for Prometheus: `python -m deployments.monitoring.exporter`.

Flows push what they saw at their start and end; this answers between the runs too, on http://<host>:9101/metrics.
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
    """A collector: what is in use now, CPU as the mean since the last time someone asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._since = stage_log.clock()
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Nothing: to be asked for names would count as being asked."""
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
    """Answer on `port`, any address, until the process ends. The thread that does."""
    registry = CollectorRegistry()
    registry.register(Machine(folder))
    _, thread = start_http_server(port, registry=registry)
    return thread


if __name__ == "__main__":
    serve(PORT, settings().data_dir).join()
