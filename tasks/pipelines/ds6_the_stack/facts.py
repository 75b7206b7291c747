"""What a request may say of a resource: "with 3 replicas", "running nginx:1.25". Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from tasks.curate.text.yaml_manifests import (
    Resource,
    Tree,
    at,
    containers,
    images,
    items_of,
    number,
    ports,
    replicas,
    text_of,
)
from tasks.pipelines.ds6_the_stack.nouns import counted, kind_in_words, listed, sayable, sayable_image
from tasks.pipelines.ds6_the_stack.words import FAMILY_OF


class Fact(NamedTuple):
    """Something to say of a resource: "with 3 replicas", or "running nginx:1.25"."""

    form: Literal["with", "doing"]
    text: str


def facts_of(resource: Resource) -> list[Fact]:
    """What can be sayable of a resource, the most detail first."""
    return [fact for facts in FACTS for fact in facts(resource)]


def _replica_count(resource: Resource) -> Iterator[Fact]:
    count = replicas(resource)
    if count is not None:
        yield Fact("with", "a single replica" if count == 1 else f"{count} replicas")


def _image(resource: Resource) -> Iterator[Fact]:
    all_images = images(resource) or [text_of(resource.body, "spec", "image")]
    image = sayable_image(all_images[0])
    if image:
        yield Fact("doing", f"running {('the image ' if ':' in image else '')}{image}")


def _containers(resource: Resource) -> Iterator[Fact]:
    count = len(containers(resource))
    if count > 1:
        yield Fact("with", counted(count, "container"))


def _ports(resource: Resource) -> Iterator[Fact]:
    numbers = [str(port) for port in ports(resource)]
    verb = "exposing" if resource.kind == "Service" else "listening on"
    if 0 < len(numbers) <= 2:
        yield Fact("doing", f"{verb} {'port' if len(numbers) == 1 else 'ports'} {listed(numbers)}")


def _backend(resource: Resource) -> Iterator[Fact]:
    if resource.kind == "Service":
        targets = {number(text_of(port, "targetPort")) for port in items_of(resource.body, "spec", "ports")}
        target = targets.pop() if len(targets) == 1 else None
        if target and target not in ports(resource):
            yield Fact("doing", f"forwarding to port {target}")


def _compute(resource: Resource) -> Iterator[Fact]:
    for word, key in (("requesting", "requests"), ("limited to", "limits")):
        for container in containers(resource)[:1]:
            cpu, memory = (sayable(text_of(container, "resources", key, name)) for name in ("cpu", "memory"))
            asked = [amount for amount in (cpu and f"{cpu} CPU", memory and f"{memory} of memory") if amount]
            if asked:
                yield Fact("doing", f"{word} {listed(asked)}")
                return


def _schedule(resource: Resource) -> Iterator[Fact]:
    cron = text_of(resource.body, "spec", "schedule") or text_of(resource.body, "spec", "schedules", 0)
    if resource.kind in {"CronJob", "CronWorkflow"} and cron:
        yield Fact("doing", f"running {when(cron)}")


def when(cron: str) -> str:
    """When a cron expression is due: "every 5 minutes", "every day at 03:30", else "on the schedule ..."."""
    if match := re.fullmatch(r"\*/(\d{1,2}) \* \* \* \*", cron):
        return f"every {match[1]} minutes"
    if re.fullmatch(r"\* \* \* \* \*|@every 1m", cron):
        return "every minute"
    if re.fullmatch(r"\d{1,2} \* \* \* \*|@hourly", cron):
        return "every hour"
    if match := re.fullmatch(r"(\d{1,2}) (\d{1,2}) \* \* \*", cron):
        return f"every day at {int(match[2]):02d}:{int(match[1]):02d}"
    return f"on the schedule {cron}" if re.fullmatch(r"[\d*/, a-zA-Z@-]{1,30}", cron) else "on a schedule"


def _workflow(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec", "workflowSpec") or at(resource.body, "spec")
    entry, steps = sayable(text_of(spec, "entrypoint")), items_of(spec, "templates")
    if len(steps) > 1:
        yield Fact("with", counted(len(steps), "template"))
    if entry:
        yield Fact("with", f"the entry point {entry}")


def _hosts(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    places = [spec, *items_of(spec, "rules"), *items_of(spec, "servers")]
    hosts = [host for place in places for key in ("hosts", "hostnames") for host in items_of(place, key)]
    hosts += [at(place, "host") for place in places]
    names = list(
        dict.fromkeys(sayable(host) for host in hosts if isinstance(host, str) and sayable(host) not in {"", "*"})
    )
    if names:
        yield Fact("doing", f"serving {names[0] if len(names) == 1 else f'{names[0]} and other hosts'}")


def _data_keys(resource: Resource) -> Iterator[Fact]:
    if resource.kind in {"ConfigMap", "Secret"}:
        maps = (at(resource.body, name) for name in ("data", "stringData", "binaryData"))
        keys = [key for tree in maps if isinstance(tree, dict) for key in tree]
        if 0 < len(keys) <= 2 and all(map(sayable, keys)):
            yield Fact("with", f"the {'key' if len(keys) == 1 else 'keys'} {listed(keys)}")
        elif keys:
            yield Fact("with", counted(len(keys), "key"))


def _permissions(resource: Resource) -> Iterator[Fact]:
    rules = items_of(resource.body, "rules")
    if resource.kind in {"Role", "ClusterRole"} and rules:
        verbs, things = (_all_sayable(items_of(rules[0], key)) for key in ("verbs", "resources"))
        if verbs and things:
            may = "full access to" if verbs == ["*"] else f"{listed(verbs[:4])} on"
            what = "everything" if things == ["*"] else listed(things[:3])
            yield Fact("doing", f"allowing {may} {what}")


def _all_sayable(trees: Sequence[Tree]) -> list[str]:
    """Every one of some scalars, or none: half a list would say something else."""
    words = [sayable(tree) if isinstance(tree, str) else "" for tree in trees]
    return words if all(words) else []


def _role_binding(resource: Resource) -> Iterator[Fact]:
    role = sayable(text_of(resource.body, "roleRef", "name"))
    subjects = items_of(resource.body, "subjects")
    if role and subjects:
        kind, name = text_of(subjects[0], "kind"), sayable(text_of(subjects[0], "name"))
        whom = f"the {kind_in_words(kind)} {name}" if kind.isalnum() and name else counted(len(subjects), "subject")
        yield Fact("doing", f"granting the {role} role to {whom}")


def _storage(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    size = sayable(text_of(spec, "resources", "requests", "storage") or text_of(spec, "capacity", "storage"))
    if size:
        yield Fact("with", f"{size} of storage")
    if storage_class := sayable(text_of(spec, "storageClassName")):
        yield Fact("with", f"the storage class {storage_class}")
    if provisioner := sayable(text_of(resource.body, "provisioner")):
        yield Fact("doing", f"using the provisioner {provisioner}")


def _range(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    target = sayable(text_of(spec, "scaleTargetRef", "name"))
    least, most = (
        number(text_of(spec, a) or text_of(spec, b))
        for a, b in (("minReplicas", "minReplicaCount"), ("maxReplicas", "maxReplicaCount"))
    )
    if target and most:
        yield Fact(
            "doing", f"scaling {target} " + (f"from {least} to {most}" if least else f"up to {most}") + " replicas"
        )


def _disruption(resource: Resource) -> Iterator[Fact]:
    least, most = (sayable(text_of(resource.body, "spec", key)) for key in ("minAvailable", "maxUnavailable"))
    if least:
        yield Fact("doing", f"keeping at least {_of_pods(least)} available")
    elif most:
        yield Fact("doing", f"letting at most {_of_pods(most)} be unavailable")


def _of_pods(amount: str) -> str:
    return f"{amount} of the pods" if "%" in amount else "one pod" if amount == "1" else f"{amount} pods"


def _resource_limits(resource: Resource) -> Iterator[Fact]:
    hard = at(resource.body, "spec", "hard")
    if isinstance(hard, dict) and hard:
        names = [sayable(key) for key in hard]
        yield Fact("with", f"limits on {listed(names)}" if len(names) <= 3 and all(names) else "several limits")


def _traffic(resource: Resource) -> Iterator[Fact]:
    if resource.kind == "NetworkPolicy":
        kinds = [kind.lower() for kind in _all_sayable(items_of(resource.body, "spec", "policyTypes"))]
        if kinds:
            yield Fact("doing", f"covering {listed(kinds)} traffic")
    labels = at(resource.body, "spec", "podSelector", "matchLabels") or at(
        resource.body, "spec", "selector", "matchLabels"
    )
    if resource.kind in {"NetworkPolicy", "AuthorizationPolicy", "PeerAuthentication"} and isinstance(labels, dict):
        pairs = [sayable(f"{key}={value}") for key, value in labels.items()][:1]
        if pairs and pairs[0]:
            yield Fact("doing", f"applying to pods labelled {pairs[0]}")


def _action(resource: Resource) -> Iterator[Fact]:
    action, mode = (sayable(text_of(resource.body, "spec", *path)) for path in (("action",), ("mtls", "mode")))
    if action:
        yield Fact("with", f"the action {action}")
    if mode:
        yield Fact("with", f"mutual TLS set to {mode}")


def _watching(resource: Resource) -> Iterator[Fact]:
    alerts = [rule for group in items_of(resource.body, "spec", "groups") for rule in items_of(group, "rules")]
    endpoint = at(resource.body, "spec", "endpoints", 0) or at(resource.body, "spec", "podMetricsEndpoints", 0)
    if resource.kind == "PrometheusRule" and alerts:
        yield Fact("with", counted(len(alerts), "rule"))
    if port := sayable(text_of(endpoint, "port")):
        interval = sayable(text_of(endpoint, "interval"))
        yield Fact("doing", f"scraping the port {port}" + (f" every {interval}" if interval else ""))


def _resource_version(resource: Resource) -> Iterator[Fact]:
    version = sayable(text_of(resource.body, "spec", "version"))
    if version and resource.kind not in FAMILY_OF:
        yield Fact("with", f"version {version}")


FACTS: tuple[Callable[[Resource], Iterator[Fact]], ...] = (
    _schedule,
    _replica_count,
    _image,
    _ports,
    _backend,
    _compute,
    _containers,
    _workflow,
    _hosts,
    _data_keys,
    _permissions,
    _role_binding,
    _storage,
    _range,
    _disruption,
    _resource_limits,
    _traffic,
    _action,
    _watching,
    _resource_version,
)
