"""What a person would write who wants a manifest: one request in English, made of what stands in it.

    resources --facts--> "a Deployment named web with 3 replicas, running nginx:1.25" --> "Please deploy ... in shop."

Nothing is random: a digest of the manifest chooses the phrasing, the style and how much is told. A request tells names
and numbers, never a passage: `quotes` decides, and a request that would quote is told with fewer words.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from schemas.ds6_the_stack import (
    FAMILY_OF,
    LONGEST_NAME,
    LONGEST_QUOTE,
    MAIN_KINDS,
    PHRASINGS,
    PLACES,
)
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

MOST_FACTS = 3
MOST_NAMED = 4  # resources that are named one by one, where they are for nothing that has a name
MOST_KINDS = 4  # named one by one; of more, the first three
SAYABLE = re.compile(r"[A-Za-z0-9*][\w.:/@*+=%-]*", re.ASCII)
WORDS_OF = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")  # HTTPRoute -> HTTP, Route
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SPELLED = re.compile(r"[AEFHILMNORSX][A-Z]")  # an HTTPRoute: the name of its first letter begins with a vowel
SOUNDS = re.compile(r"[AEIOaeio]|[Uu](?!ni|se|ti)")


class Fact(NamedTuple):
    """Something to say of a resource: "with 3 replicas", or "running nginx:1.25"."""

    form: Literal["with", "doing"]
    text: str


class Telling(NamedTuple):
    """How much a request says."""

    facts: int
    names: bool


TELLINGS = (Telling(MOST_FACTS, names=True), Telling(1, names=True), Telling(0, names=True), Telling(0, names=False))


def any_is_clean(_request: str) -> bool:
    """Every request may be seen."""
    return True


def request(
    found: Sequence[Resource], namespace: str, text: str, clean: Callable[[str], bool] = any_is_clean
) -> str | None:
    """What a person writes to get the resources of the manifest `text`; None when every way of asking would quote it.

    `namespace` is the one they all go to, "" for none or several. `clean(request)` says whether a request may be seen.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return next((asked for asked in _ways(found, namespace, digest) if clean(asked) and not quotes(asked, text)), None)


def _ways(found: Sequence[Resource], namespace: str, digest: bytes) -> Iterator[str]:
    """Requests, the one that says most first; at the end one that says hardly anything, in every phrasing."""
    told = 1 + digest[0] % MOST_FACTS
    for telling in TELLINGS:
        telling = telling._replace(facts=min(telling.facts, told))  # noqa: PLW2901  the same, said shorter
        for turn in range(1 if telling.names else 5):
            yield _request(found, namespace, telling, digest, turn)


def _request(found: Sequence[Resource], namespace: str, telling: Telling, digest: bytes, turn: int) -> str:
    plain = digest[1] % 3 == 0  # kinds in words: "config map"
    app = _app(found) if telling.names else ""
    if len(found) == 1:
        family, what = _family(found[0]), _described(found[0], telling, plain=plain, digest=digest)
    else:
        family, what = (
            "several" if app else "several_unnamed",
            _listing(found, telling, app=app, plain=plain, digest=digest),
        )
    phrasings = PHRASINGS[family]
    place = said(namespace) if telling.names else ""
    where = PLACES[digest[2] % len(PLACES)].format(namespace=place) if place else ""
    return phrasings[(digest[3] + turn) % len(phrasings)].format(what=what, where=where, app=app)


def _family(resource: Resource) -> str:
    return FAMILY_OF.get(resource.kind, "other")


# --- nouns -----------------------------------------------------------------------------------------------------------


def said(text: str) -> str:
    """A name, as it may stand in a request: "" for one that is too long, is templated, or was redacted (`<EMAIL>`)."""
    fits = len(text) <= LONGEST_NAME and SAYABLE.fullmatch(text)
    return text if fits else ""


def said_image(image: str) -> str:
    """An image by its name and tag, without digest; as much of its registry and folders as fits."""
    parts = image.partition("@")[0].split("/")
    return next((whole for first in range(len(parts)) if (whole := said("/".join(parts[first:])))), "")


def kind_in_words(kind: str) -> str:
    """ConfigMap -> "config map", HTTPRoute -> "HTTP route"."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in WORDS_OF.findall(kind))


def with_article(noun: str) -> str:
    """A noun with its article, as it sounds: an Ingress, a UserGroup, an HTTPRoute."""
    vowel = SPELLED.match(noun) if noun[:2].isupper() else SOUNDS.match(noun)
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """Several of a noun: policies, ingresses, gateways; Endpoints are several already."""
    if re.search(r"(?:ss|x|ch|sh)$", noun):
        return noun + "es"
    if noun.endswith("s"):
        return noun
    return noun[:-1] + "ies" if re.search(r"[^aeiou]y$", noun) else noun + "s"


def counted(count: int, noun: str) -> str:
    """A number of things: "a Role", "two Roles", "12 Roles"."""
    return with_article(noun) if count == 1 else f"{_amount(count)} {plural(noun)}"


def _amount(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _noun(kind: str, *, plain: bool) -> str:
    """Well-known kinds may be said in words; an unknown one only where its name is too long to be said."""
    wordy = (plain and kind in FAMILY_OF) or len(kind) > LONGEST_NAME
    return kind_in_words(kind) if wordy else kind


# --- one resource, several -------------------------------------------------------------------------------------------


def _described(resource: Resource, telling: Telling, *, plain: bool, digest: bytes) -> str:
    """A StatefulSet named db with 3 replicas, running postgres:15."""
    if resource.kind == "CustomResourceDefinition":
        return _definition(resource, telling, plain=plain)
    noun = with_article(_qualified(resource, plain=plain, grouped=telling.facts > 0 and digest[6] % 2 == 0))
    named = _named(resource, digest) if telling.names else ""
    return noun + named + _sentence(_facts(resource), telling.facts, digest)


def _named(resource: Resource, digest: bytes) -> str:
    if name := said(resource.name):
        return f" {('named', 'called')[digest[4] % 2]} {name}"
    prefix = _beginning(resource.name or text_of(resource.body, "metadata", "generateName"))
    return f" whose name starts with {prefix}" if prefix else ""


def _beginning(name: str) -> str:
    """As many of a long name's parts as may be said: "a-b-c" is "a-b" where "a-b-c" is too long."""
    parts = re.split("([-.])", name.rstrip("-."))
    return next((whole for end in range(len(parts), 0, -2) if (whole := said("".join(parts[:end])))), "")


def _qualified(resource: Resource, *, plain: bool, grouped: bool) -> str:
    """The kind, and what sort of it: "headless Service", "TLS Secret", "Tenant (minio.min.io)"."""
    noun = _noun(resource.kind, plain=plain)
    if resource.kind == "Service":
        sort = said(text_of(resource.body, "spec", "type"))
        headless = text_of(resource.body, "spec", "clusterIP") == "None"
        return f"{'headless' if headless else sort} {noun}".strip()
    if resource.kind == "Secret" and text_of(resource.body, "type") == "kubernetes.io/tls":
        return f"TLS {noun}"
    group = said(resource.group)  # tells a custom kind from others of the same name
    return f"{noun} ({group})" if grouped and "." in group and _family(resource) == "other" else noun


def _definition(resource: Resource, telling: Telling, *, plain: bool) -> str:
    noun = f"the {_noun(resource.kind, plain=plain)}"
    kind, group = (said(text_of(resource.body, "spec", *path)) for path in (("names", "kind"), ("group",)))
    if not (telling.names and kind):
        return noun
    return f"{noun} for {kind}" + (f" in the API group {group}" if group and telling.facts else "")


def _sentence(facts: Sequence[Fact], most: int, digest: bytes) -> str:
    """With a, b and c, doing d and doing e: at most `most` facts, chosen by the digest, in their order."""
    first = digest[5] % max(1, len(facts) - most + 1)
    told = facts[first : first + most]
    having, doing = ([fact.text for fact in told if fact.form == form] for form in ("with", "doing"))
    text = f" with {listed(having)}" if having else ""
    return text + ("," if having and doing else "") + (f" {listed(doing)}" if doing else "")


def _listing(found: Sequence[Resource], telling: Telling, *, app: str, plain: bool, digest: bytes) -> str:
    """A Service, two ConfigMaps and a Deployment with 3 replicas; the main one stands last, for its facts."""
    counts = Counter(resource.kind for resource in found)
    main = main_kind(found)
    named = telling.names and not app and len(found) <= MOST_NAMED
    nouns = {
        kind: counted(count, _noun(kind, plain=plain)) + (_names(found, kind) if named else "")
        for kind, count in counts.items()
    }
    others = [noun for kind, noun in nouns.items() if kind != main]
    if len(others) >= MOST_KINDS:
        return f"{_amount(len(found))} resources, among them {listed([*others[: MOST_KINDS - 2], nouns[main]])}"
    if counts[main] == 1:
        nouns[main] += _sentence(_facts(next(r for r in found if r.kind == main)), telling.facts, digest)
    return listed([*others, nouns[main]])


def _names(found: Sequence[Resource], kind: str) -> str:
    """Names of the resources of a kind; a definition's long name says less than the kind it defines."""
    defines = kind == "CustomResourceDefinition"
    path = ("spec", "names", "kind") if defines else ("metadata", "name")
    names = [said(text_of(resource.body, *path)) for resource in found if resource.kind == kind]
    return f" {'for' if defines else 'named'} {listed(names)}" if all(names) else ""


def main_kind(found: Sequence[Resource]) -> str:
    """The kind a manifest is about: its workload; else the kind it has most of, the first of equals."""
    counts = Counter(resource.kind for resource in found)
    return next((kind for kind in MAIN_KINDS if kind in counts), counts.most_common(1)[0][0])


APP_LABELS = ("app.kubernetes.io/part-of", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app", "k8s-app")


def _app(found: Sequence[Resource]) -> str:
    """What several resources are for: a label that all have in common, or the name of all, or of the workload."""
    for label in APP_LABELS:
        values = {text_of(resource.body, "metadata", "labels", label) for resource in found}
        if len(values) == 1 and (name := said(values.pop())):
            return name
    workloads = [resource.name for resource in found if resource.kind in MAIN_KINDS]
    names = set(workloads or [resource.name for resource in found])
    return said(names.pop()) if len(names) == 1 else ""


# --- facts -----------------------------------------------------------------------------------------------------------


def _facts(resource: Resource) -> list[Fact]:
    """What can be said of a resource, the most telling first."""
    return [fact for tell in FACTS for fact in tell(resource)]


def _replicas(resource: Resource) -> Iterator[Fact]:
    count = replicas(resource)
    if count is not None:
        yield Fact("with", "a single replica" if count == 1 else f"{count} replicas")


def _image(resource: Resource) -> Iterator[Fact]:
    found = images(resource) or [text_of(resource.body, "spec", "image")]
    image = said_image(found[0])
    if image:
        yield Fact("doing", f"running {('the image ' if ':' in image else '')}{image}")


def _containers(resource: Resource) -> Iterator[Fact]:
    count = len(containers(resource))
    if count > 1:
        yield Fact("with", counted(count, "container"))


def _ports(resource: Resource) -> Iterator[Fact]:
    found = [str(port) for port in ports(resource)]
    verb = "exposing" if resource.kind == "Service" else "listening on"
    if 0 < len(found) <= 2:
        yield Fact("doing", f"{verb} {'port' if len(found) == 1 else 'ports'} {listed(found)}")


def _backend(resource: Resource) -> Iterator[Fact]:
    if resource.kind == "Service":
        targets = {number(text_of(port, "targetPort")) for port in items_of(resource.body, "spec", "ports")}
        target = targets.pop() if len(targets) == 1 else None
        if target and target not in ports(resource):
            yield Fact("doing", f"forwarding to port {target}")


def _compute(resource: Resource) -> Iterator[Fact]:
    for word, key in (("requesting", "requests"), ("limited to", "limits")):
        for container in containers(resource)[:1]:
            cpu, memory = (said(text_of(container, "resources", key, name)) for name in ("cpu", "memory"))
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
    entry, steps = said(text_of(spec, "entrypoint")), items_of(spec, "templates")
    if len(steps) > 1:
        yield Fact("with", counted(len(steps), "template"))
    if entry:
        yield Fact("with", f"the entry point {entry}")


def _hosts(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    places = [spec, *items_of(spec, "rules"), *items_of(spec, "servers")]
    found = [host for place in places for key in ("hosts", "hostnames") for host in items_of(place, key)]
    found += [at(place, "host") for place in places]
    names = list(dict.fromkeys(said(host) for host in found if isinstance(host, str) and said(host) not in {"", "*"}))
    if names:
        yield Fact("doing", f"serving {names[0] if len(names) == 1 else f'{names[0]} and other hosts'}")


def _keys(resource: Resource) -> Iterator[Fact]:
    if resource.kind in {"ConfigMap", "Secret"}:
        maps = (at(resource.body, name) for name in ("data", "stringData", "binaryData"))
        keys = [key for tree in maps if isinstance(tree, dict) for key in tree]
        if 0 < len(keys) <= 2 and all(map(said, keys)):
            yield Fact("with", f"the {'key' if len(keys) == 1 else 'keys'} {listed(keys)}")
        elif keys:
            yield Fact("with", counted(len(keys), "key"))


def _permissions(resource: Resource) -> Iterator[Fact]:
    rules = items_of(resource.body, "rules")
    if resource.kind in {"Role", "ClusterRole"} and rules:
        verbs, things = (_all_said(items_of(rules[0], key)) for key in ("verbs", "resources"))
        if verbs and things:
            may = "full access to" if verbs == ["*"] else f"{listed(verbs[:4])} on"
            what = "everything" if things == ["*"] else listed(things[:3])
            yield Fact("doing", f"allowing {may} {what}")


def _all_said(trees: Sequence[Tree]) -> list[str]:
    """Every one of some scalars, or none: half a list would say something else."""
    words = [said(tree) if isinstance(tree, str) else "" for tree in trees]
    return words if all(words) else []


def _binding(resource: Resource) -> Iterator[Fact]:
    role = said(text_of(resource.body, "roleRef", "name"))
    subjects = items_of(resource.body, "subjects")
    if role and subjects:
        kind, name = text_of(subjects[0], "kind"), said(text_of(subjects[0], "name"))
        whom = f"the {kind_in_words(kind)} {name}" if kind.isalnum() and name else counted(len(subjects), "subject")
        yield Fact("doing", f"granting the {role} role to {whom}")


def _storage(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    size = said(text_of(spec, "resources", "requests", "storage") or text_of(spec, "capacity", "storage"))
    if size:
        yield Fact("with", f"{size} of storage")
    if storage_class := said(text_of(spec, "storageClassName")):
        yield Fact("with", f"the storage class {storage_class}")
    if provisioner := said(text_of(resource.body, "provisioner")):
        yield Fact("doing", f"using the provisioner {provisioner}")


def _range(resource: Resource) -> Iterator[Fact]:
    spec = at(resource.body, "spec")
    target = said(text_of(spec, "scaleTargetRef", "name"))
    least, most = (
        number(text_of(spec, a) or text_of(spec, b))
        for a, b in (("minReplicas", "minReplicaCount"), ("maxReplicas", "maxReplicaCount"))
    )
    if target and most:
        yield Fact(
            "doing", f"scaling {target} " + (f"from {least} to {most}" if least else f"up to {most}") + " replicas"
        )


def _disruption(resource: Resource) -> Iterator[Fact]:
    least, most = (said(text_of(resource.body, "spec", key)) for key in ("minAvailable", "maxUnavailable"))
    if least:
        yield Fact("doing", f"keeping at least {_of_pods(least)} available")
    elif most:
        yield Fact("doing", f"letting at most {_of_pods(most)} be unavailable")


def _of_pods(amount: str) -> str:
    return f"{amount} of the pods" if "%" in amount else "one pod" if amount == "1" else f"{amount} pods"


def _limits(resource: Resource) -> Iterator[Fact]:
    hard = at(resource.body, "spec", "hard")
    if isinstance(hard, dict) and hard:
        names = [said(key) for key in hard]
        yield Fact("with", f"limits on {listed(names)}" if len(names) <= 3 and all(names) else "several limits")


def _traffic(resource: Resource) -> Iterator[Fact]:
    if resource.kind == "NetworkPolicy":
        kinds = [kind.lower() for kind in _all_said(items_of(resource.body, "spec", "policyTypes"))]
        if kinds:
            yield Fact("doing", f"covering {listed(kinds)} traffic")
    labels = at(resource.body, "spec", "podSelector", "matchLabels") or at(
        resource.body, "spec", "selector", "matchLabels"
    )
    if resource.kind in {"NetworkPolicy", "AuthorizationPolicy", "PeerAuthentication"} and isinstance(labels, dict):
        pairs = [said(f"{key}={value}") for key, value in labels.items()][:1]
        if pairs and pairs[0]:
            yield Fact("doing", f"applying to pods labelled {pairs[0]}")


def _action(resource: Resource) -> Iterator[Fact]:
    action, mode = (said(text_of(resource.body, "spec", *path)) for path in (("action",), ("mtls", "mode")))
    if action:
        yield Fact("with", f"the action {action}")
    if mode:
        yield Fact("with", f"mutual TLS set to {mode}")


def _watching(resource: Resource) -> Iterator[Fact]:
    alerts = [rule for group in items_of(resource.body, "spec", "groups") for rule in items_of(group, "rules")]
    endpoint = at(resource.body, "spec", "endpoints", 0) or at(resource.body, "spec", "podMetricsEndpoints", 0)
    if resource.kind == "PrometheusRule" and alerts:
        yield Fact("with", counted(len(alerts), "rule"))
    if port := said(text_of(endpoint, "port")):
        interval = said(text_of(endpoint, "interval"))
        yield Fact("doing", f"scraping the port {port}" + (f" every {interval}" if interval else ""))


def _version(resource: Resource) -> Iterator[Fact]:
    version = said(text_of(resource.body, "spec", "version"))
    if version and resource.kind not in FAMILY_OF:
        yield Fact("with", f"version {version}")


FACTS: tuple[Callable[[Resource], Iterator[Fact]], ...] = (
    _schedule,
    _replicas,
    _image,
    _ports,
    _backend,
    _compute,
    _containers,
    _workflow,
    _hosts,
    _keys,
    _permissions,
    _binding,
    _storage,
    _range,
    _disruption,
    _limits,
    _traffic,
    _action,
    _watching,
    _version,
)

# --- quoting ---------------------------------------------------------------------------------------------------------


def quotes(request: str, text: str, longest: int = LONGEST_QUOTE) -> bool:
    """Whether a request and a text have more than `longest` characters in a row in common.

    Any common passage of longest + 1 characters holds a whole block of half that length, so blocks are looked for
    first, and hardly a request needs more.
    """
    size = (longest + 1) // 2
    blocks = (request[at : at + size] for at in range(0, len(request) - size + 1, size))
    if not any(block in text for block in blocks):
        return False
    return any(request[at : at + longest + 1] in text for at in range(len(request) - longest))
