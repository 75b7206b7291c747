"""Everything a Prefect server needs to run this project: `python -m deployments.bootstrap [--prefect-file FILE]`.

Work pools, blocks, the thresholds' variable, automations, deployments with their schedules. Run it again at any time,
also twice at once: what is there and right is left alone, what is gone from the files is removed, and what a person
switched off, set or added stays as the person left it. One line a thing says which; `--dry-run` says it beforehand.
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

from deployments import blocks, deployed, work_pools
from deployments.automations import PREFIX as AUTOMATION_PREFIX
from deployments.automations import automations
from deployments.plan import Step, Verb, decide, only_when_both, settle
from schemas.settings import PROJECT, Settings, UnknownSetting, settings
from schemas.thresholds import VARIABLE, Thresholds
from tasks.engine import secrets

ALERTS_TO_COME = UUID(int=0)  # in a dry run: the block that the real one would have made by then
CONFLICTS = (ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError)
Stage = Callable[[], Iterable[Step]]


class Refused(Exception):
    """Why nothing, or not everything, was done, in a sentence that says what to do."""


# ---------------------------------------------------------------- variable


def thresholds(client: SyncPrefectClient) -> Iterator[Step]:
    """The variable, made with the defaults where it is missing. A person's values are never written over."""
    thing, found = f"variable {VARIABLE}", client.read_variable_by_name(VARIABLE)
    if found is None:
        wanted = VariableCreate(name=VARIABLE, value=Thresholds().model_dump(mode="json"), tags=["automend"])
        yield Step(thing, "created", "the defaults; change them in the UI", lambda: client.create_variable(wanted))
    else:
        yield Step(thing, "unchanged", faults(found.value))


def faults(value: Any) -> str:
    """What no run could use of a person's thresholds, with its place; "" when every value is good.

    >>> faults({"limit": {}})
    'limit: Extra inputs are not permitted: mend it in the UI, runs refuse it'
    """
    try:
        Thresholds.model_validate(value)
    except ValidationError as refused:
        told = [f"{'.'.join(map(str, fault['loc'])) or 'the value'}: {fault['msg']}" for fault in refused.errors()]
        return "; ".join(told) + ": mend it in the UI, runs refuse it"
    return ""


# ---------------------------------------------------------------- automations


def automation_steps(client: SyncPrefectClient, alert_block: UUID | None, file: Path) -> Iterator[Step]:
    """A step for each automation of the list, and for each of ours on the server that is not in it or there twice."""
    present, doubles = _ours(client)
    wanted = {each.name: each for each in automations(alert_block, deployments=file)}
    verbs = decide(_comparable(wanted), _comparable(present))
    for name, verb in verbs.items():
        if name not in wanted:
            remove = partial(client.delete_automation, present[name].id)
            yield Step(f"automation {name}", verb, "it is not in the list", remove)
        elif name not in present:
            yield Step(f"automation {name}", verb, "", partial(client.create_automation, wanted[name]))
        else:
            yield _automation_step(client, verb, wanted[name], present[name])
    for double in doubles:
        remove = partial(client.delete_automation, double.id)
        yield Step(f"automation {double.name} ({double.id})", "removed", "a double", remove)
    if alert_block is None:
        yield Step(
            "alerts of automations", "unchanged", "nobody is told in Slack: AUTOMEND_SLACK_WEBHOOK_URL is not set"
        )


def _ours(client: SyncPrefectClient) -> tuple[dict[str, Automation], list[Automation]]:
    """(the first automation of each name with our prefix, all further ones)."""
    found = sorted(client.read_automations(), key=lambda each: each.id)  # two bootstraps choose the same first
    ours = [each for each in found if each.name.startswith(AUTOMATION_PREFIX)]
    first = {each.name: each for each in reversed(ours)}
    return first, [each for each in ours if each is not first[each.name]]


def _comparable(every: Mapping[str, AutomationCore]) -> dict[str, Any]:
    """What the list decides about each automation: not its id, and not whether a person switched it off."""
    return {name: _core(each).model_dump(exclude={"enabled"}) for name, each in every.items()}


def _core(automation: AutomationCore, **changed: Any) -> AutomationCore:
    """The automation with every field set, defaults included: an update sends only what is set.

    Without its owner, which the server refuses in an update.
    """
    return AutomationCore.model_validate({**automation.model_dump(exclude={"owner_resource"}), **changed})


def _automation_step(client: SyncPrefectClient, verb: Verb, wanted: AutomationCore, present: Automation) -> Step:
    thing, enabled = f"automation {wanted.name}", only_when_both(wanted.enabled, present.enabled)
    off = "switched off on the server, and left so" if wanted.enabled and not present.enabled else ""
    if verb == "unchanged" and enabled == present.enabled:
        return Step(thing, verb, off)
    return Step(thing, "updated", off, partial(client.update_automation, present.id, _core(wanted, enabled=enabled)))


# ---------------------------------------------------------------- all of it


def stages(client: SyncPrefectClient, file: Path, found: Settings, dry_run: bool = False) -> Iterator[Stage]:
    """What is done, in order: first what others refer to, last what others referred to. Raises BadFile, UnknownPool."""
    entries = deployed.read(file)
    names = deployed.pool_names(entries)
    wanted = [deployed.wanted(entry) for entry in entries]
    yield partial(work_pools.made, client, names)
    yield partial(blocks.made, client, found)
    yield partial(thresholds, client)
    yield partial(automation_steps, client, _alert_block(client, found, dry_run=dry_run), file)
    yield partial(deployed.made, client, wanted)
    yield partial(deployed.gone, client, wanted, file.name)
    yield partial(work_pools.gone, client, names, file.name)


def _alert_block(client: SyncPrefectClient, found: Settings, *, dry_run: bool) -> UUID | None:
    to_come = ALERTS_TO_COME if dry_run and found.slack_webhook_url else None
    return blocks.alert_block_id(client) or to_come


def bootstrap(file: Path, *, dry_run: bool, tell: Callable[[str], object] = print) -> None:
    """Bring the server of PREFECT_API_URL to what the file and the settings say. Raises Refused."""
    try:
        with _client() as client:
            client.api_version()  # before seconds go into importing the flows
            for stage in stages(client, file, settings(), dry_run):
                for step in settle(stage, conflicts=CONFLICTS, dry_run=dry_run):
                    tell(secrets.mask(step.told(dry_run)))
    except (deployed.BadFile, work_pools.UnknownPool, UnknownSetting, ValidationError) as fault:
        raise Refused(str(fault)) from fault
    except CONFLICTS as fault:
        answered: Any = getattr(fault, "http_exc", fault)
        raise Refused(refusal(answered.response)) from fault
    except httpx.TransportError as fault:
        raise Refused(
            f"The Prefect server at {PREFECT_API_URL.value()} cannot be reached ({fault or type(fault).__name__})."
            " Start it (`make up`, or `prefect server start`), or let PREFECT_API_URL name one that runs."
        ) from fault


def _client() -> SyncPrefectClient:
    """A client of the server that is set. Without one Prefect would start a server for the moment, and forget all."""
    if not PREFECT_API_URL.value():
        raise Refused(
            "No Prefect server is set. `make up` starts one here and leads this folder's commands to it; for another,"
            " set PREFECT_API_URL, such as http://127.0.0.1:4200/api."
        )
    return get_client(sync_client=True)


def refusal(answer: httpx.Response) -> str:
    """What the server answered, as a sentence that says what to do."""
    if answer.status_code in {401, 403}:
        return (
            f"The Prefect server at {PREFECT_API_URL.value()} does not let this client in ({answer.status_code}):"
            " set PREFECT_API_AUTH_STRING to the server's PREFECT_SERVER_API_AUTH_STRING."
        )
    asked = f"{answer.request.method} {answer.request.url.path}"
    return f"The Prefect server refused {asked} ({answer.status_code}): {reason(answer)}"


def reason(answer: httpx.Response) -> str:
    """Why the server refused. Only its own words: it also sends back what it was sent, which may be a secret."""
    try:
        told = answer.json()
    except ValueError:
        return "no reason given; its log may tell."
    faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in told.get("exception_detail") or []]
    return "; ".join(faults) or str(told.get("detail") or told.get("exception_message") or "no reason given")


def command(prefect_file: Path = Path("prefect.yaml"), *, dry_run: bool = False) -> None:
    """Make or renew all that the Prefect server needs; run it as often as you like.

    Parameters
    ----------
    prefect_file:
        The deployments: prefect.yaml (local) or prefect.prod.yaml (production). A server is given one of them.
    dry_run:
        Only say what would be done.
    """
    secrets.install()
    try:
        bootstrap(PROJECT / prefect_file, dry_run=dry_run)
    except Refused as refused:
        sys.exit(secrets.mask(f"bootstrap: {refused}"))


if __name__ == "__main__":
    cyclopts.App(name="python -m deployments.bootstrap", version_flags=[], default_command=command)()
