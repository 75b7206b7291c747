"""Scenes: a small cluster and the values that somebody may talk about, drawn by seed. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.scenario import ClusterState, Namespace, Node, Pod, PodState, Workload
from schemas.tools import REGISTRY, Environment
from tasks.pipelines.ds4_synthetic import words as words_words
from tasks.pipelines.ds4_synthetic.words import MANIFESTS


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

    def pick(self, *options: Any) -> Any:
        """One of several, by the scene's dice; two calls with different options are independent."""
        return random.Random(f"{self.dice}{options}").choice(options)

    def say(self, *options: str) -> str:
        """One of several wordings, filled in."""
        return str(self.pick(*options)).format_map(vars(self))


def scene(rng: random.Random, environment: Environment) -> Scene:
    """A scene drawn from `rng`."""
    drawn = _numbers(rng) | _names(rng)
    bare = Scene(environment=environment, dice=rng.randrange(1 << 30), **drawn)
    return _with_texts(bare, rng)


def _names(rng: random.Random) -> dict[str, Any]:
    def one(options: Sequence[Any]) -> Any:
        return rng.choice(options)

    namespaces, deployments = rng.sample(words_words.NAMESPACES, 2), rng.sample(words_words.DEPLOYMENTS, 2)
    channels, labels = rng.sample(words_words.CHANNELS, 2), rng.sample(words_words.LABELS_OF_TICKETS, 2)
    setting, value = one(words_words.SETTINGS)
    pool = one(words_words.NODE_POOLS)
    nodes = rng.sample(range(100), 2)
    return {
        "ns": namespaces[0],
        "other_ns": namespaces[1],
        "deployment": deployments[0],
        "other_deployment": deployments[1],
        "statefulset": one(words_words.STATEFULSETS),
        "daemonset": one(words_words.DAEMONSETS),
        "pod": f"{deployments[0]}-{_suffix(rng, 9)}-{_suffix(rng, 5)}",
        "state": one(("CrashLoopBackOff", "ImagePullBackOff", "OOMKilled", "Error")),
        "container": one(words_words.CONTAINERS),
        "pool": pool,
        "node": f"{pool}-{nodes[0]:02}",
        "other_node": f"{pool}-{nodes[1]:02}",
        "channel": f"#{channels[0]}",
        "approvals": f"#{channels[1]}-approvals",
        "label": labels[0],
        "other_label": labels[1],
        "setting": setting,
        "value": value,
        "script": one(words_words.SCRIPTS),
        "step": one(("15s", "30s", "60s", "2m", "5m", "10m", "1h")),
        "colour": one(words_words.COLOURS),
        "priority": one(words_words.PRIORITIES),
        "severity": one(words_words.PRIORITIES),
        "team": one(words_words.TEAMS),
        "memory": f"{one((2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256))}Gi",
        "person": one(words_words.PEOPLE),
        "region": one(words_words.REGIONS),
        "missing_tool": one(words_words.MISSING_TOOLS),
        "known_tool": one(list(REGISTRY)),
        "secret": one(words_words.SECRETS),
        "audit": one(words_words.AUDITS),
        "topic": one(words_words.TOPICS),
        "metric": one(words_words.METRICS),
        "span": one(words_words.SPANS),
    }


def _suffix(rng: random.Random, length: int) -> str:
    """As Kubernetes ends the names of pods: no vowels, and nothing that looks like one."""
    return "".join(rng.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


def _numbers(rng: random.Random) -> dict[str, Any]:
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


def _with_texts(bare: Scene, rng: random.Random) -> Scene:
    """The scene with what people quote in it: queries, messages, titles, details, a manifest."""
    known = vars(bare)

    def one(options: Sequence[str]) -> str:
        return rng.choice(options).format_map(known)

    queries = [pattern.format_map(known) for pattern in rng.sample(words_words.QUERIES, 2)]
    kind = rng.choice(list(MANIFESTS))
    return replace(
        bare,
        query=queries[0],
        other_query=queries[1],
        notice=one(words_words.SYMPTOMS),
        title=one((*words_words.SYMPTOMS, *words_words.TASKS)),
        body=one(words_words.DETAILS),
        kind=kind,
        manifest=MANIFESTS[kind][1].format_map(known),
    )


def cluster(scene: Scene) -> ClusterState:
    """The cluster of a scene: all it names exists, and somewhat more."""
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
