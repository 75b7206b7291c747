"""What is wrong with this installation, and the command that mends it: `python -m deployments.doctor [--json]`.

One line a thing: `ok`, `note` (optional, or good to know) or `bad`; exit status 1 if anything is bad. Functions named
after a thing judge a measurement and touch nothing; those named look_at_… measure. Nothing is changed, no key is
printed, and every question to a server is given up after ASK_S.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import httpx
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import SecretStr, ValidationError

from deployments import up
from schemas.settings import PROJECT, Settings, UnknownSetting, settings
from schemas.thresholds import VARIABLE, Thresholds

ASK_S = 4  # a server on a busy machine answers within 1 s
CLOCK_S = 5  # runs are scheduled by the server's clock and taken by the worker's, which looks 10 s ahead
HEARTBEAT_S = 30  # a run is taken for dead after 90 s of silence: deployments/automations.py
STUCK = timedelta(minutes=10)  # in Pending: deployments/automations.py cancels it then
ONE_RUN_BYTES = 1_000_000_000  # track-b with scale 3 wrote 0.56 GB (measured): below 1 GB a larger run fails
FIVE_RUNS_BYTES = 5_000_000_000  # snapshots of old runs stay until they are deleted: time to think of it
BOOTSTRAP = ".venv/bin/python -m deployments.bootstrap"
INSTALL = "rm -f .venv/base && make .venv/base"

Status = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Line:
    """One thing: how it is, and the command that mends it."""

    status: Status
    name: str
    told: str
    mend: str = ""

    def __str__(self) -> str:
        """`bad   pool: it is paused. Mend: prefect work-pool resume automend`."""
        return f"{self.status:<4}  {self.name}: {self.told}" + (f". Mend: {self.mend}" if self.mend else "")


# ---------------------------------------------------------------- this machine, judged


def python(version: str, wanted: str) -> Line:
    """The interpreter against pyproject's requires-python."""
    if version in SpecifierSet(wanted):
        return Line("ok", "Python", version)
    return Line("bad", "Python", f"{version} runs, {wanted} is needed", "make clean && make run PYTHON=python3.11")


def packages(pinned: Mapping[str, str], installed: Mapping[str, str]) -> Line:
    """Installed versions against the lock; both by canonical name."""
    told = [
        f"{name} {installed.get(name, 'missing')} instead of {version}"
        for name, version in pinned.items()
        if installed.get(name) != version
    ]
    if not told:
        return Line("ok", "packages", f"{len(pinned)} are those of requirements.txt")
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return Line("bad", "packages", f"{', '.join(told[:3])}{more}", INSTALL)


def project(origin: str | None) -> Line:
    """Where the installed project lies: `origin` is its folder, None where it is not installed."""
    if origin is None:
        return Line("bad", "project", "not installed: a worker would not find flows, tasks and schemas", INSTALL)
    if Path(origin).resolve() != PROJECT:
        return Line("bad", "project", f"the one of {origin} is installed, a worker would run that", INSTALL)
    return Line("ok", "project", "installed from this folder")


def space(name: str, folder: Path, free: int) -> Line:
    """Bytes that are free where a folder lies."""
    told = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= FIVE_RUNS_BYTES:
        return Line("ok", name, told)
    lack = Line("note", name, f"{told}, of which a run takes up to 1", "delete data/interim/*/, it is made again")
    return lack if free >= ONE_RUN_BYTES else Line("bad", name, f"{told}, a run takes up to 1", lack.mend)


def writable(folder: Path, refusal: str | None) -> Line:
    """The data folder; `refusal` is the system's word, None where a file could be written."""
    if refusal is None:
        return Line("ok", "data folder", f"{folder} can be written")
    return Line(
        "bad", "data folder", refusal, f"chown it to this user, or set AUTOMEND_DATA_DIR to another than {folder}"
    )


def key(variable: str, value: SecretStr | None, without: str) -> Line:
    """A key that is optional: whether it is set, never what it is."""
    if value is not None:
        return Line("ok", variable, "set")
    return Line("note", variable, f"not set: {without}")


def checks_on(switch: str | None) -> Line:
    """Pandera's own switch, which would publish unchecked data."""
    if (switch or "true").lower() in {"false", "0"}:
        return Line("bad", "PANDERA_VALIDATION_ENABLED", f"{switch}: nothing is published unchecked", "unset it")
    return Line("ok", "data contracts", "are checked")


def ntp(synchronised: str | None) -> Line:
    """The machine's clock by its own word: `yes`, `no`, or None where nobody says."""
    if synchronised == "no":
        return Line("note", "clock (NTP)", "not synchronised", "sudo timedatectl set-ntp true")
    return Line("ok", "clock (NTP)", "synchronised" if synchronised else "nobody here says; see the server's clock")


def heartbeat(seconds: int | None) -> Line:
    """How often a run says that it lives; an automation takes it for dead after three times HEARTBEAT_S."""
    if seconds is not None and seconds <= HEARTBEAT_S:
        return Line("ok", "heartbeat", f"every {seconds} s")
    told = f"every {seconds} s, and a run that is silent for {3 * HEARTBEAT_S} s is taken for dead"
    return Line(
        "bad",
        "heartbeat",
        told if seconds else "off: dead runs stay Running",
        "export PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30",
    )


def port(address: up.Address, free: bool) -> Line:
    """The port that `make up` would take, where no server is set."""
    if free:
        return Line("ok", f"port {address.port}", "free for `make up`")
    mend = f"stop what listens there, or PREFECT_SERVER_API_PORT={address.port + 1} make up"
    return Line("bad", f"port {address.port}", "held, and no command of this folder is led to it", mend)


def reached(name: str, url: str, refusal: str | None, mend: str) -> Line:
    """A service that a setting names; `refusal` is why it could not be asked, None where it answered."""
    return Line("ok", name, f"{url} answers") if refusal is None else Line("bad", name, f"{url}: {refusal}", mend)


# ---------------------------------------------------------------- the server, judged


def unreachable(api: str, ours: bool) -> Line:
    """A server that is set and does not answer; `ours`: prefect.toml of `make up` leads to it."""
    if ours:
        return Line("bad", "server", f"not running: {api}", "make up (or make down, to run without one)")
    return Line("bad", "server", f"not running: {api}", "start it, or unset PREFECT_API_URL and `make up`")


def let_in(status: int) -> Line:
    """Whether the server takes our auth string; `status` of a request that needs it."""
    if status == 401:
        told = "401: the server wants an auth string, and not this client's"
        return Line("bad", "auth", told, "set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING")
    if status != 200:
        return Line("bad", "auth", f"the server answers {status} to GET /admin/version", "look into the server's log")
    return Line("ok", "auth", "the server lets this client in")


def version(client: str, server: str) -> Line:
    """Prefect's version here and there: only the locked one is tested on both sides."""
    if client == server:
        return Line("ok", "server version", server)
    return Line(
        "bad", "server version", f"{server}, the client's is {client}", "run both from one lock: requirements.txt"
    )


def clock(skew_s: float) -> Line:
    """Seconds between the server's Date header (exact to 1 s) and this machine's clock."""
    told = f"{abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} the server's"
    if abs(skew_s) <= CLOCK_S:
        return Line("ok", "clock", "the server's")
    return Line("bad", "clock", told, "sudo timedatectl set-ntp true, here and there")


def database(url: str | None, workers: int) -> Line:
    """Kind of the server's database, None where the server keeps it to itself; `workers` that are online."""
    if url is None:
        return Line("ok", "database", "the server does not say which")
    if "sqlite" in url and workers > 1:
        told = f"SQLite, and {workers} workers write to it: they wait for each other"
        return Line("note", "database", told, "PostgreSQL: prefect.prod.yaml, deployments/compose.yaml")
    return Line("ok", "database", "SQLite, for one worker" if "sqlite" in url else "PostgreSQL")


def pool(found: Mapping[str, Any] | None, online: int) -> Line:
    """The work pool as the API gives it, and how many of its workers are online."""
    name = f"pool {up.POOL}"
    if found is None:
        return Line("bad", name, "missing", BOOTSTRAP)
    if found["is_paused"]:
        return Line("bad", name, "paused: no run is taken", f".venv/bin/prefect work-pool resume {up.POOL}")
    return Line("ok", name, f"{found['type']}, {online} {'worker' if online == 1 else 'workers'} online")


def worker(found: Sequence[Mapping[str, Any]], now: datetime) -> Line:
    """The pool's workers as the API lists them."""
    online = [each for each in found if each["status"] == "ONLINE"]
    if online:
        last = max(datetime.fromisoformat(each["last_heartbeat_time"]) for each in online)
        return Line("ok", "worker", f"heard of {max(0, (now - last).total_seconds()):.0f} s ago")
    told = "none is online: runs stay Scheduled" if found else "none has ever asked this pool"
    return Line("bad", "worker", told, f"make up (or .venv/bin/prefect worker start --pool {up.POOL})")


def deployments(wanted: Iterable[str], present: Iterable[str]) -> Line:
    """Names of prefect.yaml against the server's."""
    wanted = set(wanted)
    if missing := sorted(wanted - set(present)):
        return Line("bad", "deployments", f"missing: {', '.join(missing)}", BOOTSTRAP)
    return Line("ok", "deployments", f"all {len(wanted)} of prefect.yaml")


def automations(present: Sequence[Mapping[str, Any]]) -> Line:
    """Ours by their prefix, and which of them a person switched off."""
    ours = [each for each in present if each["name"].startswith("automend: ")]
    if not ours:
        return Line("bad", "automations", "none: dead runs stay Running, and nobody is told", BOOTSTRAP)
    if off := sorted(each["name"] for each in ours if not each["enabled"]):
        return Line("note", "automations", f"switched off on the server: {', '.join(off)}")
    return Line("ok", "automations", f"{len(ours)}")


def variable(found: Mapping[str, Any] | None) -> Line:
    """The thresholds' variable as the API gives it."""
    if found is None:
        return Line("bad", f"variable {VARIABLE}", "missing: runs take the defaults", BOOTSTRAP)
    try:
        Thresholds.model_validate(found["value"])
    except ValidationError as refused:
        first = refused.errors()[0]
        told = f"{'.'.join(map(str, first['loc'])) or 'the value'}: {first['msg']}"
        return Line(
            "bad", f"variable {VARIABLE}", told, f".venv/bin/prefect variable set --overwrite {VARIABLE} '{{}}'"
        )
    return Line("ok", f"variable {VARIABLE}", "valid")


def schedules(active: Mapping[str, str], planned: Iterable[str]) -> Line:
    """Names by id of the deployments with an active schedule, against the ids of those that have a run ahead."""
    idle = sorted(name for id_, name in active.items() if id_ not in set(planned))
    if idle:
        told = f"the server plans no run for {', '.join(idle)}: its scheduler fails, or began a minute ago"
        return Line("bad", "schedules", told, f"see the server's log ({up.STATE / 'server.log'}); {INSTALL}; make up")
    return Line("ok", "schedules", f"{len(active)} deployments have their next run planned")


def slack_block(names: Iterable[str]) -> Line:
    """The block of the flows' alerts."""
    if "automend-alerts" in set(names):
        return Line("ok", "block automend-alerts", "saved: alerts go to Slack")
    return Line("note", "block automend-alerts", "not saved: alerts stay in logs/", "make bootstrap")


def waiting(late: int, stuck: int) -> Line:
    """Counts of runs that nobody takes, and of those taken that do not begin."""
    told = f"{late} Late, {stuck} Pending for more than {STUCK.seconds // 60} minutes"
    if not late and not stuck:
        return Line("ok", "runs", "none is Late or stuck")
    return Line("note" if late else "bad", "runs", told, ".venv/bin/prefect flow-run ls --state Late --state Pending")


# ---------------------------------------------------------------- measured


def nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def pins(lock: str) -> dict[str, str]:
    """Version by canonical name, of the lines `name==version` that count on this machine."""
    found = [Requirement(line) for line in lock.splitlines() if re.match(r"[\w.\[\]-]+==", line)]
    here = [each for each in found if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in here}


def installed_versions() -> dict[str, str]:
    """Version by canonical name."""
    return {canonicalize_name(each.metadata["Name"]): each.version for each in importlib.metadata.distributions()}


def installed_from() -> str | None:
    """The folder that the project was installed from (PEP 610), None where it is not installed."""
    # An editable install leaves automend.egg-info in the folder too, which is found first and knows no origin.
    told = [each.read_text("direct_url.json") for each in importlib.metadata.distributions(name="automend")]
    return next((unquote(urlsplit(json.loads(origin)["url"]).path) for origin in told if origin), None)


def refusal_to_write(folder: Path) -> str | None:
    """The system's word when a file cannot be made there; a folder that is not there yet is tried where it would be."""
    try:
        with tempfile.TemporaryFile(dir=nearest(folder)):
            return None
    except OSError as refused:
        return str(refused)


def refusal_to_answer(url: str) -> str | None:
    """Why a GET got no answer below 500, None where it got one."""
    try:
        answer = httpx.get(url, timeout=ASK_S)
    except httpx.HTTPError as refused:
        return str(refused) or type(refused).__name__
    return f"answers {answer.status_code}" if answer.status_code >= 500 else None


def refusal_to_list(store: str) -> str | None:
    """Why the store cannot be read, None where it can."""
    import fsspec

    try:
        files, path = fsspec.url_to_fs(store)
        files.exists(path)
    except Exception as refused:  # noqa: BLE001  each kind of storage has errors of its own
        return f"{type(refused).__name__}: {refused}".splitlines()[0][:200]
    return None


def synchronised() -> str | None:
    """What systemd says of NTP, None where it does not run."""
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.stdout.strip() in {"yes", "no"} else None


def look_at_python() -> list[Line]:
    """Interpreter, packages, project."""
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    lock = pins((PROJECT / "requirements.txt").read_text())
    return [
        python(".".join(map(str, sys.version_info[:3])), wanted),
        packages(lock, installed_versions()),
        project(installed_from()),
    ]


def look_at_disk(data: Path, prefect_home: Path) -> list[Line]:
    """Space and rights; a folder on the same disk as an earlier one is not told twice."""
    places = {"disk (data)": data, "disk (PREFECT_HOME)": prefect_home, "disk (temporary)": Path(tempfile.gettempdir())}
    lines = [space(name, place, shutil.disk_usage(nearest(place)).free) for name, place in places.items()]
    return [*lines, writable(data, refusal_to_write(data))]


def look_at_settings(found: Settings) -> list[Line]:
    """Keys, and the services that settings name."""
    lines = [
        key("AUTOMEND_SLACK_WEBHOOK_URL", found.slack_webhook_url, "`make bootstrap` has no address to save"),
        key("GOOGLE_API_KEY", found.google_api_key, "rules and grammar answer instead of Gemini"),
        key("HF_TOKEN", found.hf_token, "mode live of DS5 and DS6 needs it"),
        key("AUTOMEND_STACK_EXCHANGE_KEY", found.stack_exchange_key, "mode live of DS3 has the smaller quota"),
    ]
    if found.pushgateway_url:
        ready = refusal_to_answer(f"{found.pushgateway_url.rstrip('/')}/-/ready")
        lines.append(
            reached("Pushgateway", found.pushgateway_url, ready, "start it, or unset AUTOMEND_PUSHGATEWAY_URL")
        )
    if found.store:
        mend = "see AUTOMEND_STORE, and AWS_ENDPOINT_URL and the AWS keys"
        lines.append(reached("store", found.store, refusal_to_list(found.store), mend))
    return lines


def read_settings() -> tuple[Settings | None, list[Line]]:
    """The settings, None with a line where a variable is misspelt or has no sense."""
    try:
        return settings(), []
    except (UnknownSetting, ValidationError) as fault:
        told = str(fault) if isinstance(fault, UnknownSetting) else f"{fault.error_count()} do not have their type"
        return None, [Line("bad", "settings", told.rstrip("."), "see .env.example, then the environment and .env")]


# ---------------------------------------------------------------- the server, measured


@dataclass(frozen=True)
class Server:
    """A client of one Prefect server."""

    client: httpx.Client
    local_database: str  # the address that a server started here would use; its password is not in it

    def get(self, path: str) -> Any:
        """JSON of a GET, None for 404."""
        answer = self.client.get(path)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def listed(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """JSON of a POST, which is how Prefect is asked for lists and counts."""
        return self.client.post(path, json=body or {}).raise_for_status().json()


def look_at_version(server: Server) -> list[Line]:
    """Auth, version, clock: one request."""
    before = time.time()
    answer = server.client.get("admin/version")
    if answer.status_code != 200:
        return [let_in(answer.status_code)]
    here = (before + time.time()) / 2
    there = parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5  # cut to the second
    mine = importlib.metadata.version("prefect")
    return [let_in(200), version(mine, answer.json()), clock(there - here)]


def look_at_pool(server: Server) -> list[Line]:
    """Pool, worker, database."""
    found = server.get(f"work_pools/{up.POOL}")
    workers = server.listed(f"work_pools/{up.POOL}/workers/filter") if found else []
    online = sum(each["status"] == "ONLINE" for each in workers)
    told = server.get("admin/settings")["server"]["database"]["driver"]
    lines = [pool(found, online), *([worker(workers, datetime.now(UTC))] if found else [])]
    return [*lines, database(told or server.local_database or None, online)]


def look_at_what_bootstrap_makes(server: Server) -> list[Line]:
    """Deployments, automations, variable, block."""
    wanted = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    present = server.listed("deployments/filter")
    blocks = [each["name"] for each in server.listed("block_documents/filter") if each["name"]]
    return [
        deployments((each["name"] for each in wanted), [each["name"] for each in present]),
        look_at_schedules(server, present),
        automations(server.listed("automations/filter")),
        variable(server.get(f"variables/name/{VARIABLE}")),
        slack_block(blocks),
    ]


def look_at_schedules(server: Server, present: Sequence[Mapping[str, Any]]) -> Line:
    """Whether the server's scheduler works: `present` as the API lists deployments."""
    scheduled = [each for each in present if not each["paused"] and any(one["active"] for one in each["schedules"])]
    active = {each["id"]: each["name"] for each in scheduled}
    ahead = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": list(active)}}}
    runs = server.listed("flow_runs/filter", ahead) if active else []
    return schedules(active, [run["deployment_id"] for run in runs])


def look_at_runs(server: Server) -> list[Line]:
    """Runs that nobody takes, or that never begin."""
    late = {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}}
    before = (datetime.now(UTC) - STUCK).isoformat()
    pending = {"state": {"type": {"any_": ["PENDING"]}}, "expected_start_time": {"before_": before}}
    return [waiting(server.listed("flow_runs/count", late), server.listed("flow_runs/count", {"flow_runs": pending}))]


def look_at_server(api: str, headers: Mapping[str, str], local_database: str) -> list[Line]:
    """Every line about a server; one line if it does not answer, three if it does not let us in."""
    with httpx.Client(base_url=f"{api.rstrip('/')}/", headers=headers, timeout=ASK_S) as client:
        try:
            healthy = client.get("health").status_code == 200
        except httpx.HTTPError:
            return [unreachable(api, up.led_to(up.read(up.CONFIG)) == api)]
        if not healthy:
            return [Line("bad", "server", f"{api} answers, but is no healthy Prefect server", "see its log")]
        server = Server(client, local_database)
        first = [Line("ok", "server", api), *look_at_version(server)]
        if any(line.status == "bad" and line.name == "auth" for line in first):
            return first
        looks = (look_at_pool, look_at_what_bootstrap_makes, look_at_runs)
        return first + together([(look.__name__, lambda look=look: look(server)) for look in looks])  # type: ignore[misc]


# ---------------------------------------------------------------- all of it


def together(looks: Sequence[tuple[str, Callable[[], list[Line]]]]) -> list[Line]:
    """Lines of every look, in order, done side by side; one that fails becomes a line."""
    with ThreadPoolExecutor(len(looks)) as threads:
        return [line for found in threads.map(lambda look: safely(*look), looks) for line in found]


def safely(name: str, look: Callable[[], list[Line]]) -> list[Line]:
    """The look's lines, or one that says why there are none."""
    try:
        return look()
    except Exception as fault:  # noqa: BLE001  a doctor who dies helps nobody
        thing = name.removeprefix("look_at_").replace("_", " ")
        return [
            Line("bad", thing, f"could not be looked at: {type(fault).__name__}: {fault}".split("\n")[0], "see above")
        ]


def no_server(address: up.Address) -> list[Line]:
    """Nothing is set: runs start a server of their own."""
    free = up.is_free(address)
    return [
        port(address, free),
        Line("note", "server", "not running, `python flows/…` starts one of its own", "make up"),
    ]


def examine() -> list[Line]:
    """Every line, in the order in which they are read."""
    from prefect.settings import get_current_settings

    found, lines = read_settings()
    prefect = get_current_settings()
    data = found.data_dir if found else PROJECT / "data"
    api = prefect.api.url
    looks: list[tuple[str, Callable[[], list[Line]]]] = [
        ("python", look_at_python),
        ("disk", lambda: look_at_disk(data, prefect.home)),
        ("settings", lambda: look_at_settings(found) if found else []),
        ("clock", lambda: [checks_on(os.environ.get("PANDERA_VALIDATION_ENABLED")), ntp(synchronised())]),
    ]
    if api is None:
        return lines + together([*looks, ("port", lambda: no_server(up.configured().address))])
    headers, local = authorization(prefect), kind_of_database(api, prefect)
    looks += [
        ("heartbeat", lambda: [heartbeat(prefect.flows.heartbeat_frequency)]),
        ("server", lambda: look_at_server(api, headers, local)),
    ]
    return lines + together(looks)


def authorization(prefect: Any) -> dict[str, str]:
    """The header that Prefect's own client sends."""
    auth, token = prefect.api.auth_string, prefect.api.key
    if auth:
        return {"Authorization": f"Basic {b64encode(auth.get_secret_value().encode()).decode()}"}
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def kind_of_database(api: str, prefect: Any) -> str:
    """Scheme of the database's address where the server is this machine's and has our settings, else ""."""
    url = prefect.server.database.connection_url
    here = urlsplit(api).hostname in {"127.0.0.1", "localhost"}
    return url.get_secret_value().split(":")[0] if here and url else ""


def main(args: Sequence[str]) -> int:
    """Exit status: 1 if anything is bad."""
    if list(args) not in ([], ["--json"]):
        sys.stderr.write("usage: python -m deployments.doctor [--json]\n")
        return 2
    os.chdir(PROJECT)  # prefect.toml and pyproject.toml are read from the working folder
    lines = examine()
    text = json.dumps([asdict(line) for line in lines], indent=2) if args else "\n".join(map(str, lines))
    sys.stdout.write(text + "\n")
    return int(any(line.status == "bad" for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
