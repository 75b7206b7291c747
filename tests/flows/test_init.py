"""The process of a flow: what importing `flows` settles before any library allocates."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows import HEAPS
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

ALLOCATING = """
import {package}
import ctypes, sys, threading
import pyarrow

ready = threading.Barrier(9)
def work():
    held = [bytes(1_000) for _ in range(1_000)]
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
ready.wait()
print(pyarrow.default_memory_pool().backend_name)
"""


def heaps(package: str, told: Path) -> tuple[int, str]:
    """How many heaps eight threads have in a process that imported the package, and the allocator Arrow has."""
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    command = [sys.executable, "-c", ALLOCATING.format(package=package), str(told)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True)
    return told.read_text().count("<heap nr="), done.stdout.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_the_threads_of_a_flow_share_two_heaps_and_arrow_has_none_of_its_own(tmp_path: Path) -> None:
    assert heaps("flows", tmp_path / "ours") == (HEAPS, "system")
    assert heaps("threading", tmp_path / "others")[0] > HEAPS
