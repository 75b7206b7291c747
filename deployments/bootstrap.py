"""Everything a Prefect server needs to run this project: `python -m deployments.bootstrap [--prefect-file FILE]`.

Work pools, blocks, the thresholds' variable, automations, deployments with their schedules. Safe to run again, also
twice at the same time: what is right stays unchanged, what the files no longer name is removed, and what a person
paused, set or added stays. One line for each thing; `--dry-run` prints the same lines and changes nothing.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import cyclopts
import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from pydantic import ValidationError

from deployments import blocks, deployed, prefect_file, work_pools
from deployments.automations import PREFIX as AUTOMATION_PREFIX
from deployments.automations import automations
from deployments.plan import Step, Verb, apply, decide, only_when_both
from schemas.document import Document
from schemas.settings import PROJECT, Settings, UnknownSetting, settings
from schemas.thresholds import VARIABLE, Thresholds
from schemas.thresholds import faults as thresholds_faults
from tasks.engine import secrets
from tasks.engine.runtime import start

FUTURE_ALERT_BLOCK = UUID(int=0)  # in a dry run: stands for the block that a real run would have made by then
CONFLICTS = (ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError)
Stage = Callable[[], Iterable[Step]]


class Refused(Exception):
    """Why the bootstrap stopped, and what to do."""


# ---------------------------------------------------------------- variable


def thresholds(client: SyncPrefectClient) -> Iterator[Step]:
    """A step for the variable: made with the defaults where it is missing, never overwritten."""
    thing, present = f"variable {VARIABLE}", client.read_variable_by_name(VARIABLE)
    if present is None:
        wanted = VariableCreate(name=VARIABLE, value=Thresholds().model_dump(mode="json"), tags=["automend"])
        yield Step(thing, "created", "the defaults; change them in the UI", lambda: client.create_variable(wanted))
    else:
        yield Step(thing, "unchanged", faults(present.value))


def faults(value: object) -> str:
    """Which thresholds no run would accept, with their place; "" when every value is valid.

    >>> faults({"limit": {}})
    'limit: Extra inputs are not permitted. Runs refuse this value: correct it in the UI'
    """
    try:
        Thresholds.model_validate(value)
    except ValidationError as refused:
        return "; ".join(thresholds_faults(refused)) + ". Runs refuse this value: correct it in the UI"
    return ""


# ---------------------------------------------------------------- automations


def automation_steps(client: SyncPrefectClient, alert_block: UUID | None, file: Path) -> Iterator[Step]:
    """A step for each automation of the list, and for each of ours on the server that is unlisted or a duplicate."""
    present, duplicates = _present_automations(client)
    wanted = {each.name: each for each in automations(alert_block, deployments=file)}
    verbs = decide(_comparable(wanted), _comparable(present))
    for name, verb in verbs.items():
        if name not in wanted:
            remove = partial(client.delete_automation, present[name].id)
            yield Step(f"automation {name}", verb, "no longer defined", remove)
        elif name not in present:
            yield Step(f"automation {name}", verb, "", partial(client.create_automation, wanted[name]))
        else:
            yield _automation_step(client, verb, wanted[name], present[name])
    for duplicate in duplicates:
        remove = partial(client.delete_automation, duplicate.id)
        yield Step(f"automation {duplicate.name} ({duplicate.id})", "removed", "a duplicate", remove)
    if alert_block is None:
        yield Step("alerts of automations", "unchanged", "none go to Slack: AUTOMEND_SLACK_WEBHOOK_URL is not set")


def _present_automations(client: SyncPrefectClient) -> tuple[dict[str, Automation], list[Automation]]:
    """(the first automation of each name with our prefix, all further ones)."""
    by_id = sorted(client.read_automations(), key=lambda each: each.id)  # two bootstraps choose the same first
    ours = [each for each in by_id if each.name.startswith(AUTOMATION_PREFIX)]
    first = {each.name: each for each in reversed(ours)}
    return first, [each for each in ours if each is not first[each.name]]


def _comparable(every: Mapping[str, AutomationCore]) -> dict[str, Document]:
    """The fields that the list decides: not the id, and not whether a person switched the automation off."""
    return {name: _core(each).model_dump(exclude={"enabled"}) for name, each in every.items()}


def _core(automation: AutomationCore, **changed: Any) -> AutomationCore:
    """The automation with every field set, defaults included: an update sends only fields that are set.

    Without its owner: the server refuses an owner in an update.
    """
    return AutomationCore.model_validate({**automation.model_dump(exclude={"owner_resource"}), **changed})


def _automation_step(client: SyncPrefectClient, verb: Verb, wanted: AutomationCore, present: Automation) -> Step:
    thing, enabled = f"automation {wanted.name}", only_when_both(wanted.enabled, present.enabled)
    off = "switched off on the server, stays off" if wanted.enabled and not present.enabled else ""
    if verb == "unchanged" and enabled == present.enabled:
        return Step(thing, verb, off)
    return Step(thing, "updated", off, partial(client.update_automation, present.id, _core(wanted, enabled=enabled)))


# ---------------------------------------------------------------- all of it


def stages(client: SyncPrefectClient, file: Path, values: Settings, dry_run: bool = False) -> Iterator[Stage]:
    """All stages, in order: what others refer to is made first and removed last. Raises BadFile, UnknownPool."""
    entries = prefect_file.read(file)
    names = prefect_file.pool_names(entries)
    wanted = [deployed.wanted(entry) for entry in entries]
    yield partial(work_pools.steps, client, names)
    yield partial(blocks.steps, client, values)
    yield partial(thresholds, client)
    yield partial(automation_steps, client, _alert_block(client, values, dry_run=dry_run), file)
    yield partial(deployed.steps, client, wanted)
    yield partial(deployed.removal_steps, client, wanted, file.name)
    yield partial(work_pools.removal_steps, client, names, file.name)


def _alert_block(client: SyncPrefectClient, values: Settings, *, dry_run: bool) -> UUID | None:
    future = FUTURE_ALERT_BLOCK if dry_run and values.slack_webhook_url else None
    return blocks.alert_block_id(client) or future


def bootstrap(file: Path, *, dry_run: bool, report: Callable[[str], object] = print) -> None:
    """Bring the server of PREFECT_API_URL to what the file and the settings say. Raises Refused."""
    try:
        with _client() as client:
            client.api_version()  # before seconds go into importing the flows
            for stage in stages(client, file, settings(), dry_run):
                for step in apply(stage, conflicts=CONFLICTS, dry_run=dry_run):
                    report(secrets.mask(step.line(dry_run)))
    except (prefect_file.BadFile, work_pools.UnknownPool, UnknownSetting, ValidationError) as fault:
        raise Refused(str(fault)) from fault
    except CONFLICTS as fault:
        answered: Any = getattr(fault, "http_exc", fault)
        raise Refused(refusal(answered.response)) from fault
    except httpx.TransportError as fault:
        raise Refused(
            f"The Prefect server at {PREFECT_API_URL.value()} cannot be reached ({fault or type(fault).__name__})."
            " Start it (`make up`, or `prefect server start`), or set PREFECT_API_URL to a running server."
        ) from fault


def _client() -> SyncPrefectClient:
    """A client of the server that is set. Without one Prefect would start a temporary server, and lose everything."""
    if not PREFECT_API_URL.value():
        raise Refused(
            "No Prefect server is set. `make up` starts one here and points this folder's commands to it. For another"
            " server set PREFECT_API_URL, such as http://127.0.0.1:4200/api."
        )
    return get_client(sync_client=True)


def refusal(answer: httpx.Response) -> str:
    """The server's answer as a sentence, with what to do."""
    if answer.status_code in {401, 403}:
        return (
            f"The Prefect server at {PREFECT_API_URL.value()} rejects this client ({answer.status_code}):"
            " set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING."
        )
    asked = f"{answer.request.method} {answer.request.url.path}"
    return f"The Prefect server refused {asked} ({answer.status_code}): {reason(answer)}"


def reason(answer: httpx.Response) -> str:
    """Why the server refused. Only its own words: its answer also repeats what it received, which may be a secret."""
    try:
        body: Document = answer.json()
    except ValueError:
        return "no reason given; see the server's log."
    faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in body.get("exception_detail") or []]
    return "; ".join(faults) or str(body.get("detail") or body.get("exception_message") or "no reason given")


def command(prefect_file: Path = Path("prefect.yaml"), *, dry_run: bool = False) -> None:
    """Create or update everything the Prefect server needs. Safe to run again.

    Parameters
    ----------
    prefect_file:
        File of the deployments: prefect.yaml (local) or prefect.prod.yaml (production). Use one of them per server.
    dry_run:
        Print what would change, and change nothing.
    """
    start()
    try:
        bootstrap(PROJECT / prefect_file, dry_run=dry_run)
    except Refused as refused:
        sys.exit(secrets.mask(f"bootstrap: {refused}"))


if __name__ == "__main__":
    cyclopts.App(name="python -m deployments.bootstrap", version_flags=[], default_command=command)()
