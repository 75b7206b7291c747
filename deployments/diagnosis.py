"""Judgements of `make doctor`: a measurement in, a line out. Nothing here asks a server or touches a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet
from pydantic import SecretStr, ValidationError

from deployments import up
from deployments.api_types import AutomationAnswer, PoolAnswer, VariableAnswer, WorkerAnswer
from schemas.settings import PROJECT
from schemas.thresholds import VARIABLE, Thresholds, faults

CLOCK_S = 5  # runs are scheduled by the server's clock and taken by the worker's, which looks 10 s ahead
STUCK = timedelta(minutes=10)  # in Pending: deployments/automations.py cancels a run after this time
ONE_RUN_BYTES = 1_000_000_000  # track-b with scale 3 wrote 0.56 GB (measured): below 1 GB a larger run fails
FIVE_RUNS_BYTES = 5_000_000_000  # snapshots of old runs stay until they are deleted: time to delete some
SHOWN = 3  # packages that a line names
BOOTSTRAP = ".venv/bin/python -m deployments.bootstrap"
INSTALL = "rm -f .venv/base && make .venv/base"

Status = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Line:
    """One thing: how it is, and the command that fixes it. `note`: optional, or good to know."""

    status: Status
    name: str
    text: str
    fix: str = ""

    def __str__(self) -> str:
        """`bad   pool automend: paused, no run is taken. Fix: prefect work-pool resume automend`."""
        return f"{self.status:<4}  {self.name}: {self.text}" + (f". Fix: {self.fix}" if self.fix else "")


# ---------------------------------------------------------------- this machine


def python(version: str, wanted: str) -> Line:
    """The interpreter against pyproject's requires-python."""
    if version in SpecifierSet(wanted):
        return Line("ok", "Python", version)
    return Line("bad", "Python", f"{version} is used, {wanted} is needed", "make clean && make run PYTHON=python3.11")


def packages(pinned: Mapping[str, str], installed: Mapping[str, str]) -> Line:
    """Installed versions against the lock; both by canonical name."""
    wrong = [
        f"{name} {installed.get(name, 'missing')} instead of {version}"
        for name, version in pinned.items()
        if installed.get(name) != version
    ]
    if not wrong:
        return Line("ok", "packages", f"all {len(pinned)} have the versions of requirements.txt")
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return Line("bad", "packages", f"{', '.join(wrong[:SHOWN])}{more}", INSTALL)


def project(origin: str | None) -> Line:
    """Where the installed project is: `origin` is its folder, None where it is not installed."""
    if origin is None:
        return Line("bad", "project", "not installed: a worker cannot import flows, tasks and schemas", INSTALL)
    if Path(origin).resolve() != PROJECT:
        return Line("bad", "project", f"installed from {origin}: a worker would run that code", INSTALL)
    return Line("ok", "project", "installed from this folder")


def space(name: str, folder: Path, free: int) -> Line:
    """Free bytes of the disk where a folder is."""
    text, fix = f"{free / 1e9:.1f} GB free at {folder}", "delete data/interim/*/, runs make it again"
    if free >= FIVE_RUNS_BYTES:
        return Line("ok", name, text)
    return Line("note" if free >= ONE_RUN_BYTES else "bad", name, f"{text}; a run writes up to 1 GB", fix)


def writable(folder: Path, refusal: str | None) -> Line:
    """The data folder; `refusal` is the system's error, None where a file could be written."""
    if refusal is None:
        return Line("ok", "data folder", f"{folder} is writable")
    fix = f"chown {folder} to this user, or set AUTOMEND_DATA_DIR to another folder"
    return Line("bad", "data folder", refusal, fix)


def key(variable: str, value: SecretStr | None, without: str) -> Line:
    """A key that is optional: whether it is set, never what it is."""
    if value is not None:
        return Line("ok", variable, "set")
    return Line("note", variable, f"not set: {without}")


def checks_on(switch: str | None) -> Line:
    """Pandera's own switch, which would publish unchecked data."""
    if (switch or "true").lower() in {"false", "0"}:
        text = f"{switch}: data contracts are off, and flows refuse to publish unchecked data"
        return Line("bad", "PANDERA_VALIDATION_ENABLED", text, "unset it")
    return Line("ok", "data contracts", "checked")


def ntp(synchronised: str | None) -> Line:
    """Whether the machine's clock is synchronised: `yes`, `no`, or None where the system does not say."""
    if synchronised == "no":
        return Line("note", "clock (NTP)", "not synchronised", "sudo timedatectl set-ntp true")
    return Line("ok", "clock (NTP)", "synchronised" if synchronised else "unknown: systemd does not say")


def heartbeat(seconds: int | None) -> Line:
    """How often a run sends a heartbeat; an automation marks it Crashed after three missed ones."""
    if seconds is not None and seconds <= up.HEARTBEAT_S:
        return Line("ok", "heartbeat", f"every {seconds} s")
    crash = f"every {seconds} s, but a run that is silent for {3 * up.HEARTBEAT_S} s is marked Crashed"
    fix = f"export PREFECT_FLOWS_HEARTBEAT_FREQUENCY={up.HEARTBEAT_S}"
    return Line("bad", "heartbeat", crash if seconds else "off: dead runs stay Running", fix)


def port(address: up.Address, free: bool) -> Line:
    """The port that `make up` would use, where no server is set."""
    if free:
        return Line("ok", f"port {address.port}", "free for `make up`")
    fix = f"stop the program that uses it, or PREFECT_SERVER_API_PORT={address.port + 1} make up"
    return Line("bad", f"port {address.port}", "in use, and not by a server of this folder", fix)


def reached(name: str, url: str, refusal: str | None, fix: str) -> Line:
    """A service that a setting names; `refusal` is why it could not be reached, None where it answered."""
    return Line("ok", name, f"{url} answers") if refusal is None else Line("bad", name, f"{url}: {refusal}", fix)


# ---------------------------------------------------------------- the server


def unreachable(api: str, ours: bool) -> Line:
    """A server that is set and does not answer; `ours`: prefect.toml of `make up` points to it."""
    if ours:
        return Line("bad", "server", f"not running: {api}", "make up (or make down, to work without a server)")
    return Line("bad", "server", f"not running: {api}", "start it, or unset PREFECT_API_URL and `make up`")


def auth(status: int) -> Line:
    """Whether the server accepts our auth string; `status` of a request that needs it."""
    if status == 401:
        fix = "set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING"
        return Line("bad", "auth", "the server answers 401: it needs another auth string", fix)
    if status != 200:
        return Line("bad", "auth", f"the server answers {status} to GET /admin/version", "see the server's log")
    return Line("ok", "auth", "the server accepts this client")


def version(client: str, server: str) -> Line:
    """Prefect's version here and on the server: only the locked one is tested on both sides."""
    if client == server:
        return Line("ok", "server version", server)
    fix = "install requirements.txt on both"
    return Line("bad", "server version", f"the server has {server}, this client {client}", fix)


def clock(skew_s: float) -> Line:
    """Seconds between the server's Date header (exact to 1 s) and this machine's clock."""
    text = f"{abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} the server's"
    if abs(skew_s) <= CLOCK_S:
        return Line("ok", "clock", "equal to the server's")
    return Line("bad", "clock", text, "sudo timedatectl set-ntp true, on both machines")


def database(url: str | None, workers: int) -> Line:
    """Kind of the server's database, None where the server does not say; `workers` that are online."""
    if url is None:
        return Line("ok", "database", "the server does not say which")
    if "sqlite" in url and workers > 1:
        text = f"SQLite with {workers} workers: their writes block each other"
        return Line("note", "database", text, "use PostgreSQL: prefect.prod.yaml, deployments/compose.yaml")
    return Line("ok", "database", "SQLite, for one worker" if "sqlite" in url else "PostgreSQL")


def pool(answer: PoolAnswer | None, online: int) -> Line:
    """The work pool, and how many of its workers are online."""
    name = f"pool {up.POOL}"
    if answer is None:
        return Line("bad", name, "missing", BOOTSTRAP)
    if answer["is_paused"]:
        return Line("bad", name, "paused, no run is taken", f".venv/bin/prefect work-pool resume {up.POOL}")
    return Line("ok", name, f"{answer['type']}, {online} {'worker' if online == 1 else 'workers'} online")


def worker(answers: Sequence[WorkerAnswer], now: datetime) -> Line:
    """The pool's workers."""
    online = [each for each in answers if each["status"] == "ONLINE"]
    if online:
        last = max(datetime.fromisoformat(each["last_heartbeat_time"]) for each in online)
        return Line("ok", "worker", f"last heartbeat {max(0, (now - last).total_seconds()):.0f} s ago")
    text = "none is online: runs stay Scheduled" if answers else "none has ever polled this pool"
    return Line("bad", "worker", text, f"make up (or .venv/bin/prefect worker start --pool {up.POOL})")


def deployments(wanted: Iterable[str], present: Iterable[str]) -> Line:
    """Names of prefect.yaml against the server's."""
    wanted = set(wanted)
    if missing := sorted(wanted - set(present)):
        return Line("bad", "deployments", f"missing: {', '.join(missing)}", BOOTSTRAP)
    return Line("ok", "deployments", f"all {len(wanted)} of prefect.yaml")


def automations(present: Sequence[AutomationAnswer]) -> Line:
    """Ours by their prefix, and which of them a person switched off."""
    ours = [each for each in present if each["name"].startswith("automend: ")]
    if not ours:
        return Line("bad", "automations", "none: dead runs stay Running, and no alert is sent", BOOTSTRAP)
    if off := sorted(each["name"] for each in ours if not each["enabled"]):
        return Line("note", "automations", f"switched off on the server: {', '.join(off)}")
    return Line("ok", "automations", f"{len(ours)}")


def variable(answer: VariableAnswer | None) -> Line:
    """The thresholds' variable."""
    name = f"variable {VARIABLE}"
    if answer is None:
        return Line("bad", name, "missing: runs use the defaults", BOOTSTRAP)
    try:
        Thresholds.model_validate(answer["value"])
    except ValidationError as refused:
        return Line("bad", name, faults(refused)[0], f".venv/bin/prefect variable set --overwrite {VARIABLE} '{{}}'")
    return Line("ok", name, "valid")


def schedules(active: Mapping[str, str], planned: Iterable[str]) -> Line:
    """Names by id of the deployments with an active schedule, against the ids of those with a planned run."""
    planned = set(planned)
    if idle := sorted(name for id_, name in active.items() if id_ not in planned):
        text = f"the server plans no run for {', '.join(idle)}: its scheduler fails, or started less than a minute ago"
        return Line("bad", "schedules", text, f"see the server's log ({up.STATE / 'server.log'}); {INSTALL}; make up")
    return Line("ok", "schedules", f"{len(active)} deployments have their next run planned")


def slack_block(names: Iterable[str]) -> Line:
    """The block of the flows' alerts."""
    if "automend-alerts" in set(names):
        return Line("ok", "block automend-alerts", "saved: alerts go to Slack")
    fix = "set AUTOMEND_SLACK_WEBHOOK_URL, then make bootstrap"
    return Line("note", "block automend-alerts", "not saved: alerts go to logs/ only", fix)


def waiting(late: int, stuck: int) -> Line:
    """Counts of runs that no worker takes, and of runs that were taken and do not begin."""
    text = f"{late} Late, {stuck} Pending for more than {STUCK.seconds // 60} minutes"
    if not late and not stuck:
        return Line("ok", "runs", "none is Late or stuck")
    return Line("note" if late else "bad", "runs", text, ".venv/bin/prefect flow-run ls --state Late --state Pending")
