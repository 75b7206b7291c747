"""How every process of ours begins: `start()`. Nothing is installed by being imported.

Flows call it by the decorator `@pipeline` (tasks/observe/pipeline.py), commands and servers call it first thing.
"""

import ctypes
import os
import sys

from pydantic import SecretStr

from schemas.settings import look_for_secrets_in
from tasks.engine import log_errors, secrets

M_ARENA_MAX = -8  # malloc.h
# A flow reads, works and writes in threads. glibc gives each of them a heap, Arrow brings another, and what was freed
# in one is of no use to the others. With two heaps for all, the code corpus takes a third less memory in the same time;
# one heap to wait for is enough, since Python's own threads allocate one at a time.
HEAPS = 2


def start() -> None:
    """Begin a process: secrets masked in its logs, errors in their own words, keys found on the server, two heaps.

    A second call changes nothing. Call it before the first log record that could hold a secret.
    """
    secrets.install()
    log_errors.install()
    look_for_secrets_in(_key_on_server)
    share_heaps()


def _key_on_server(name: str) -> SecretStr | None:
    """The key in a secret block of the Prefect server. Prefect is imported only when a key is looked for."""
    from tasks.engine.server_values import kept_secret

    return kept_secret(name)


def share_heaps() -> None:
    """Let all threads share HEAPS heaps of glibc, and Arrow allocate from them too. Other C libraries have none."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, HEAPS)
    if os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system") == "system" and "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.set_memory_pool(pa.system_memory_pool())  # imported already: it does not read the variable again
