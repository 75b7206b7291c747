"""The bootstrap against a test's server, in this process: the flows are imported once, a run of it takes a second."""

from pathlib import Path

import pytest

from deployments.bootstrap import bootstrap
from schemas.settings import settings
from tests.conftest import PROJECT
from tests.servers import Platform

FILE = PROJECT / "prefect.yaml"


def boot(platform: Platform, file: Path = FILE, *, dry_run: bool = False, **environment: str) -> list[str]:
    """The lines that the bootstrap reports, each thing's verb first. `environment`: AUTOMEND_ variables."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch, platform.here():
        for name, value in environment.items():
            patch.setenv(name, value)
        settings.cache_clear()
        bootstrap(file, dry_run=dry_run, report=lines.append)
    settings.cache_clear()
    return lines


def verb_of(lines: list[str], thing: str) -> str:
    """The first word of the one line about `thing`."""
    (line,) = [line for line in lines if f"  {thing}" in line]
    return line.split()[0]
