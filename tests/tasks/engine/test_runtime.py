"""One start: what a process does first, and that importing installs nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.engine.runtime import HEAPS
from tests.conftest import PROJECT

pytestmark = pytest.mark.unit

PLANTED = "postgresql://amy:s3cret@db:5432/x"  # the password is planted, and belongs to nobody


def python(code: str, *arguments: str) -> str:
    """What a process of its own prints, on both streams."""
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_process_that_imports_only_derive_and_starts_masks_its_logs_and_looks_for_keys_on_the_server() -> None:
    printed = python(f"""
import logging
import tasks.engine.derive
from schemas import settings
assert not settings._vaults, "something was installed by an import"
from tasks.engine.runtime import start
start(); start()
assert len(settings._vaults) == 1
logging.getLogger("a library").error("cannot connect to {PLANTED}")
try:
    raise ConnectionError("{PLANTED} refused")
except ConnectionError:
    logging.getLogger("another").exception("in a traceback")
""")
    assert "cannot connect to postgresql://amy:***@db:5432/x" in printed
    assert "s3cret" not in printed


@pytest.mark.slow
def test_nothing_is_installed_by_importing_a_flow() -> None:
    printed = python("""
import logging
import flows.track_a, flows.track_b
from schemas import settings
from tasks.engine.secrets import MaskingFactory
assert not settings._vaults
assert not isinstance(logging.getLogRecordFactory(), MaskingFactory)
assert not [f for name in ("prefect.flow_runs", "prefect.task_runs") for f in logging.getLogger(name).filters]
""")
    assert printed == ""


ALLOCATING = """
import pyarrow, threading
{first}
import ctypes, sys

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_the_threads_of_a_process_that_started_share_two_heaps_and_arrow_has_none_of_its_own(tmp_path: Path) -> None:
    """Also where Arrow was imported before."""
    begun, plain = tmp_path / "begun", tmp_path / "plain"
    pool = python(ALLOCATING.format(first="from tasks.engine.runtime import start; start()"), str(begun)).strip()
    python(ALLOCATING.format(first=""), str(plain))
    assert (begun.read_text().count("<heap nr="), pool) == (HEAPS, "system")
    assert plain.read_text().count("<heap nr=") > HEAPS
