"""Health check of a container, run inside it by Docker's HEALTHCHECK and by compose.

The container's command decides which address is asked: a worker started with --with-healthcheck answers on port 8080
(503 when it no longer polls), a server on its API's port. Anything else is a job or a command: healthy while it runs.
"""

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 5
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # ignores a proxy of the environment


def address(command: Sequence[str]) -> str | None:
    """Address of the health endpoint of this command line's program, None where it has none.

    >>> address(["tini", "--", "prefect", "worker", "start", "--with-healthcheck"])
    'http://127.0.0.1:8080/health'
    >>> address(["tini", "--", "python", "-m", "prefect.engine"])
    """
    words = " ".join(command)
    if "worker start" in words and "--with-healthcheck" in command:
        return "http://127.0.0.1:8080/health"
    return "http://127.0.0.1:4200/api/health" if "server start" in words else None


def fault(url: str | None) -> str:
    """What is wrong, as a sentence; "" when the program answers 200 or has no health endpoint."""
    if url is None:
        return ""
    try:
        _DIRECT.open(url, timeout=TIMEOUT_S).close()
    except (urllib.error.URLError, TimeoutError) as reason:
        return f"{url} does not answer 200 within {TIMEOUT_S} s: {reason}. See the container's log."
    return ""


if __name__ == "__main__":
    first_process = Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    sys.exit(fault(address(first_process)) or 0)
