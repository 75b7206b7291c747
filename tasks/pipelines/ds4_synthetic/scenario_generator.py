"""Scenes: a small cluster and the values that a request may name, drawn by seed. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from schemas.scenario import ClusterState, Namespace, Node, Pod, PodState, Workload
from schemas.tools import REGISTRY, Environment
from tasks.pipelines.ds4_synthetic import words
from tasks.pipelines.ds4_synthetic.words import MANIFESTS

Value = TypeVar("Value")
Fields: TypeAlias = dict[str, str | int]  # of a Scene, by name


@dataclass(frozen=True)
class Scene:
    """A cluster's names and the numbers of a request. Every field a phrasing may use is here."""

    environment: Environment
    ns: str
    other_ns: str
    deployment: str
    other_deployment: str
    statefulset: str
    daemonset: str
    pod: str
    state: PodState
    container: str
    pool: str
    node: str
    other_node: str
    current: int  # replicas before
    replicas: int  # more than `current`
    fewer: int  # less than `current`
    other_replicas: int
    bad_replicas: str
    revision: int  # an earlier one
    latest: int  # the one that runs
    lines: int
    seconds: int
    timeout: int
    minutes: int
    approvers: int
    grace: int
    script: str
    time: str
    start: str
    end: str
    step: str
    channel: str
    approvals: str
    colour: str
    priority: str
    severity: str
    team: str
    label: str
    other_label: str
    url: str
    setting: str
    value: str
    cpu: int
    memory: str
    least: int
    most: int
    percent: int
    available: int
    port: int
    clock: str
    share: int
    amount: int
    person: str
    region: str
    missing_tool: str
    known_tool: str
    secret: str
    audit: str
    topic: str
    metric: str
    span: str
    dice: int  # decides between equals, such as the wording of an answer
    query: str = ""
    other_query: str = ""
    notice: str = ""
    title: str = ""
    body: str = ""
    kind: str = ""  # of `manifest`
    manifest: str = ""

    def pick(self, *options: Value) -> Value:
        """One of several, by the scene's dice; two calls with different options are independent."""
        return random.Random(f"{self.dice}{options}").choice(options)

    def say(self, *options: str) -> str:
        """One of several wordings, filled in."""
        return str(self.pick(*options)).format_map(vars(self))


def scene(rng: random.Random, environment: Environment) -> Scene:
    """A scene drawn from `rng`."""
    drawn = _drawn_numbers(rng) | _drawn_names(rng)
    bare = Scene(environment=environment, dice=rng.randrange(1 << 30), **drawn)  # type: ignore[arg-type]
    return _with_quoted_texts(bare, rng)


def _drawn_names(rng: random.Random) -> Fields:
    def one(options: Sequence[Value]) -> Value:
        return rng.choice(options)

    namespaces, deployments = rng.sample(words.NAMESPACES, 2), rng.sample(words.DEPLOYMENTS, 2)
    channels, labels = rng.sample(words.CHANNELS, 2), rng.sample(words.LABELS_OF_TICKETS, 2)
    setting, value = one(words.SETTINGS)
    pool = one(words.NODE_POOLS)
    nodes = rng.sample(range(100), 2)
    return {
        "ns": namespaces[0],
        "other_ns": namespaces[1],
        "deployment": deployments[0],
        "other_deployment": deployments[1],
        "statefulset": one(words.STATEFULSETS),
        "daemonset": one(words.DAEMONSETS),
        "pod": f"{deployments[0]}-{_pod_suffix(rng, 9)}-{_pod_suffix(rng, 5)}",
        "state": one(("CrashLoopBackOff", "ImagePullBackOff", "OOMKilled", "Error")),
        "container": one(words.CONTAINERS),
        "pool": pool,
        "node": f"{pool}-{nodes[0]:02}",
        "other_node": f"{pool}-{nodes[1]:02}",
        "channel": f"#{channels[0]}",
        "approvals": f"#{channels[1]}-approvals",
        "label": labels[0],
        "other_label": labels[1],
        "setting": setting,
        "value": value,
        "script": one(words.SCRIPTS),
        "step": one(("15s", "30s", "60s", "2m", "5m", "10m", "1h")),
        "colour": one(words.COLOURS),
        "priority": one(words.PRIORITIES),
        "severity": one(words.PRIORITIES),
        "team": one(words.TEAMS),
        "memory": f"{one((2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256))}Gi",
        "person": one(words.PEOPLE),
        "region": one(words.REGIONS),
        "missing_tool": one(words.MISSING_TOOLS),
        "known_tool": one(list(REGISTRY)),
        "secret": one(words.SECRETS),
        "audit": one(words.AUDITS),
        "topic": one(words.TOPICS),
        "metric": one(words.METRICS),
        "span": one(words.SPANS),
    }


def _pod_suffix(rng: random.Random, length: int) -> str:
    """As Kubernetes ends the names of pods: no vowels, and nothing that looks like one."""
    return "".join(rng.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


def _drawn_numbers(rng: random.Random) -> Fields:
    current, revision, least = rng.randint(3, 20), rng.randint(2, 40), rng.randint(1, 6)
    day, hour = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}", rng.randint(0, 21)
    minute = rng.randint(0, 59)
    return {
        "current": current,
        "replicas": current + rng.randint(1, 30),
        "fewer": rng.randint(1, current - 1),
        "other_replicas": rng.randint(1, 25),
        "bad_replicas": rng.choice(("-1", "-3", "2.5", "10001", "50000", "1000000", "half", "-20", "0.5", "12345")),
        "revision": revision,
        "latest": revision + rng.randint(1, 3),
        "lines": rng.choice((20, 40, 50, 80, 100, 150, 250, 300, 400, 500, 750, 1000, 2000, 5000)),
        "seconds": rng.choice((30, 60, 90, 120, 300, 450, 900, 1200, 1800, 3600, 5400, 7200, 43200, 86400)),
        "timeout": rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 300, 900)),
        "minutes": rng.choice((5, 10, 15, 20, 40, 45, 60, 90, 120, 180)),
        "approvers": rng.randint(2, 4),
        "grace": rng.choice((10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900)),
        "time": f"{day}T{hour:02}:{minute:02}:00Z",
        "start": f"{day}T{hour:02}:00:00Z",
        "end": f"{day}T{hour + rng.randint(1, 2):02}:{minute:02}:00Z",
        "url": f"https://incidents.example.com/i/{rng.randint(1000, 99999)}",
        "cpu": rng.choice((2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)),
        "least": least,
        "most": least + rng.randint(2, 40),
        "percent": rng.randint(30, 95),
        "available": rng.randint(1, 9),
        "port": rng.choice((80, 443, 3000, 5000, 5432, 8000, 8080, 8443, 8888, 9000, 9090, 50051)),
        "clock": f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
        "share": rng.randint(3, 99),
        "amount": rng.randint(120, 98_000),
    }


def _with_quoted_texts(bare: Scene, rng: random.Random) -> Scene:
    """The scene with the texts that requests quote: queries, messages, titles, details, a manifest."""
    known = vars(bare)

    def one(options: Sequence[str]) -> str:
        return rng.choice(options).format_map(known)

    queries = [pattern.format_map(known) for pattern in rng.sample(words.QUERIES, 2)]
    kind = rng.choice(list(MANIFESTS))
    return replace(
        bare,
        query=queries[0],
        other_query=queries[1],
        notice=one(words.SYMPTOMS),
        title=one((*words.SYMPTOMS, *words.TASKS)),
        body=one(words.DETAILS),
        kind=kind,
        manifest=MANIFESTS[kind][1].format_map(known),
    )


def cluster(scene: Scene) -> ClusterState:
    """The cluster of a scene: it has all that the scene names, and somewhat more."""
    images = tuple(f"registry.internal/{scene.deployment}:{n}" for n in range(1, scene.latest + 1))
    own = Namespace(
        workloads={
            scene.deployment: Workload(replicas=scene.current, revisions=images, revision=scene.latest),
            scene.other_deployment: Workload(replicas=2),
            scene.statefulset: Workload(kind="statefulset", replicas=3),
            scene.daemonset: Workload(kind="daemonset", replicas=2),
        },
        pods={
            scene.pod: Pod(
                workload=scene.deployment,
                node=scene.node,
                state=scene.state,
                containers=tuple(dict.fromkeys(("app", scene.container))),
            ),
            f"{scene.statefulset}-0": Pod(workload=scene.statefulset, node=scene.node),
            f"{scene.daemonset}-x2k9p": Pod(workload=scene.daemonset, node=scene.node),
        },
    )
    other = Namespace(workloads={scene.other_deployment: Workload(replicas=4)})
    return ClusterState(
        environment=scene.environment,
        namespaces={scene.ns: own, scene.other_ns: other},
        nodes={scene.node: Node(), scene.other_node: Node()},
        channels=tuple(sorted({scene.channel, scene.approvals, "#general"})),
    )
