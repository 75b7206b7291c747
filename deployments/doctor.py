"""Checks this installation, and prints the command that fixes each fault: `python -m deployments.doctor [--json]`.

One line for each thing: `ok`, `note` (optional, or good to know) or `bad`; exit status 1 if anything is bad. Functions
named look_at_… measure; deployments/diagnosis.py judges what they measured. Nothing is changed, no key is printed, and
every request to a server ends after ASK_S.
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
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from deployments import diagnosis, up
from deployments.api_types import DeploymentAnswer
from deployments.diagnosis import Line
from schemas.document import Document
from schemas.settings import PROJECT, Settings, UnknownSetting, settings
from schemas.thresholds import VARIABLE

ASK_S = 4  # a server on a busy machine answers within 1 s


# ---------------------------------------------------------------- this machine


def nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def pins(lock: str) -> dict[str, str]:
    """Version by canonical name, of the lines `name==version` that apply to this machine."""
    locked = [Requirement(line) for line in lock.splitlines() if re.match(r"[\w.\[\]-]+==", line)]
    here = [each for each in locked if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in here}


def installed_versions() -> dict[str, str]:
    """Version by canonical name."""
    return {canonicalize_name(each.metadata["Name"]): each.version for each in importlib.metadata.distributions()}


def installed_from() -> str | None:
    """The folder that the project was installed from (PEP 610), None where it is not installed."""
    # An editable install also makes automend.egg-info in the folder, which is read first and has no origin.
    origins = [each.read_text("direct_url.json") for each in importlib.metadata.distributions(name="automend")]
    return next((unquote(urlsplit(json.loads(origin)["url"]).path) for origin in origins if origin), None)


def refusal_to_write(folder: Path) -> str | None:
    """The system's error when no file can be made there, else None. A missing folder is tried where it would be."""
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(folder)):
            return None
    except OSError as refused:
        return str(refused)


def refusal_to_answer(url: str) -> str | None:
    """Why a GET had no answer below 500, None where it had one."""
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
    """What timedatectl says of NTP, None where systemd does not run."""
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
        diagnosis.python(".".join(map(str, sys.version_info[:3])), wanted),
        diagnosis.packages(lock, installed_versions()),
        diagnosis.project(installed_from()),
    ]


def look_at_disk(data: Path, prefect_home: Path) -> list[Line]:
    """Free space and permissions."""
    places = {"disk (data)": data, "disk (PREFECT_HOME)": prefect_home, "disk (temporary)": Path(tempfile.gettempdir())}
    free = {name: shutil.disk_usage(nearest_existing(place)).free for name, place in places.items()}
    lines = [diagnosis.space(name, place, free[name]) for name, place in places.items()]
    return [*lines, diagnosis.writable(data, refusal_to_write(data))]


def look_at_settings(values: Settings) -> list[Line]:
    """Keys, and the services that settings name."""
    lines = [
        diagnosis.key("AUTOMEND_SLACK_WEBHOOK_URL", values.slack_webhook_url, "alerts cannot go to Slack"),
        diagnosis.key("GOOGLE_API_KEY", values.google_api_key, "rules and grammar answer instead of Gemini"),
        diagnosis.key("HF_TOKEN", values.hf_token, "mode live of DS5, DS6 and the code corpus needs it"),
        diagnosis.key(
            "AUTOMEND_STACK_EXCHANGE_KEY", values.stack_exchange_key, "mode live of DS3 has the smaller quota"
        ),
    ]
    if values.pushgateway_url:
        refusal = refusal_to_answer(f"{values.pushgateway_url.rstrip('/')}/-/ready")
        fix = "start it, or unset AUTOMEND_PUSHGATEWAY_URL"
        lines.append(diagnosis.reached("Pushgateway", values.pushgateway_url, refusal, fix))
    if values.store:
        fix = "check AUTOMEND_STORE, AWS_ENDPOINT_URL and the AWS keys"
        lines.append(diagnosis.reached("store", values.store, refusal_to_list(values.store), fix))
    return lines


def look_at_clock_and_checks() -> list[Line]:
    """Whether data contracts are checked, and whether the clock is synchronised."""
    return [diagnosis.checks_on(os.environ.get("PANDERA_VALIDATION_ENABLED")), diagnosis.ntp(synchronised())]


def read_settings() -> tuple[Settings | None, list[Line]]:
    """The settings, or None and a line where a variable is misspelt or has a wrong value."""
    try:
        return settings(), []
    except (UnknownSetting, ValidationError) as fault:
        text = str(fault) if isinstance(fault, UnknownSetting) else f"{fault.error_count()} have a wrong value"
        return None, [Line("bad", "settings", text.rstrip("."), "compare the environment and .env with .env.example")]


# ---------------------------------------------------------------- the server


@dataclass(frozen=True)
class Server:
    """A client of one Prefect server."""

    client: httpx.Client
    local_database: str  # kind of database of a server started here; see kind_of_database

    def get(self, path: str) -> Any:
        """JSON of a GET, None for 404."""
        answer = self.client.get(path)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def listed(self, path: str, body: Document | None = None) -> Any:
        """JSON of a POST: Prefect answers lists and counts to POST."""
        return self.client.post(path, json=body or {}).raise_for_status().json()


def look_at_version(server: Server) -> list[Line]:
    """Auth, version, clock: one request."""
    before = time.time()
    answer = server.client.get("admin/version")
    if answer.status_code != 200:
        return [diagnosis.auth(answer.status_code)]
    here = (before + time.time()) / 2
    there = parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5  # cut to the second
    mine = importlib.metadata.version("prefect")
    return [diagnosis.auth(200), diagnosis.version(mine, answer.json()), diagnosis.clock(there - here)]


def look_at_pool(server: Server) -> list[Line]:
    """Pool, worker, database."""
    answer = server.get(f"work_pools/{up.POOL}")
    workers = server.listed(f"work_pools/{up.POOL}/workers/filter") if answer else []
    online = sum(each["status"] == "ONLINE" for each in workers)
    driver = server.get("admin/settings")["server"]["database"]["driver"]
    lines = [diagnosis.pool(answer, online)]
    if answer:
        lines.append(diagnosis.worker(workers, datetime.now(UTC)))
    return [*lines, diagnosis.database(driver or server.local_database or None, online)]


def look_at_what_bootstrap_makes(server: Server) -> list[Line]:
    """Deployments, automations, variable, block."""
    wanted = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    present = server.listed("deployments/filter")
    blocks = [each["name"] for each in server.listed("block_documents/filter") if each["name"]]
    return [
        diagnosis.deployments((each["name"] for each in wanted), [each["name"] for each in present]),
        look_at_schedules(server, present),
        diagnosis.automations(server.listed("automations/filter")),
        diagnosis.variable(server.get(f"variables/name/{VARIABLE}")),
        diagnosis.slack_block(blocks),
    ]


def look_at_schedules(server: Server, present: Sequence[DeploymentAnswer]) -> Line:
    """Whether the server's scheduler works: whether each of `present` with an active schedule has a planned run."""
    scheduled = [each for each in present if not each["paused"] and any(one["active"] for one in each["schedules"])]
    active = {each["id"]: each["name"] for each in scheduled}
    ahead = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": list(active)}}}
    runs = server.listed("flow_runs/filter", ahead) if active else []
    return diagnosis.schedules(active, [run["deployment_id"] for run in runs])


def look_at_runs(server: Server) -> list[Line]:
    """Runs that no worker takes, or that never begin."""
    late = {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}}
    before = (datetime.now(UTC) - diagnosis.STUCK).isoformat()
    pending = {"state": {"type": {"any_": ["PENDING"]}}, "expected_start_time": {"before_": before}}
    counts = [server.listed("flow_runs/count", body) for body in (late, {"flow_runs": pending})]
    return [diagnosis.waiting(*counts)]


def look_at_server(api: str, headers: Mapping[str, str], local_database: str) -> list[Line]:
    """Every line about a server: one line if it does not answer, two if it rejects this client."""
    with httpx.Client(base_url=f"{api.rstrip('/')}/", headers=headers, timeout=ASK_S) as client:
        try:
            healthy = client.get("health").status_code == 200
        except httpx.HTTPError:
            return [diagnosis.unreachable(api, up.configured_api(up.read(up.CONFIG)) == api)]
        if not healthy:
            return [Line("bad", "server", f"{api} answers, but is not a healthy Prefect server", "see its log")]
        server = Server(client, local_database)
        first = [Line("ok", "server", api), *look_at_version(server)]
        if any(line.status == "bad" and line.name == "auth" for line in first):
            return first
        looks = (look_at_pool, look_at_what_bootstrap_makes, look_at_runs)
        return first + together([(look.__name__, lambda look=look: look(server)) for look in looks])  # type: ignore[misc]


# ---------------------------------------------------------------- all of it


def together(looks: Sequence[tuple[str, Callable[[], list[Line]]]]) -> list[Line]:
    """Lines of all looks, in order, done at the same time; a look that fails becomes a line."""
    with ThreadPoolExecutor(len(looks)) as threads:
        return [line for lines in threads.map(lambda look: safely(*look), looks) for line in lines]


def safely(name: str, look: Callable[[], list[Line]]) -> list[Line]:
    """The look's lines, or one line with the error."""
    try:
        return look()
    except Exception as fault:  # noqa: BLE001  one broken check must not hide the others
        thing = name.removeprefix("look_at_").replace("_", " ")
        text = f"could not be checked: {type(fault).__name__}: {fault}".split("\n")[0]
        return [Line("bad", thing, text, "see the other lines")]


def no_server(address: up.Address) -> list[Line]:
    """No server is set: each run starts a temporary one."""
    note = Line("note", "server", "not running; `python flows/…` starts a temporary one", "make up")
    return [diagnosis.port(address, up.is_free(address)), note]


def examine() -> list[Line]:
    """Every line, in reading order."""
    from prefect.settings import get_current_settings

    values, lines = read_settings()
    prefect = get_current_settings()
    data = values.data_dir if values else PROJECT / "data"
    api = prefect.api.url
    looks: list[tuple[str, Callable[[], list[Line]]]] = [
        ("python", look_at_python),
        ("disk", lambda: look_at_disk(data, prefect.home)),
        ("settings", lambda: look_at_settings(values) if values else []),
        ("clock", look_at_clock_and_checks),
    ]
    if api is None:
        return lines + together([*looks, ("port", lambda: no_server(up.configured().address))])
    headers, local = authorization(prefect), kind_of_database(api, prefect)
    looks += [
        ("heartbeat", lambda: [diagnosis.heartbeat(prefect.flows.heartbeat_frequency)]),
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
    """Scheme of the database's address if the server runs on this machine with our settings, else ""."""
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
