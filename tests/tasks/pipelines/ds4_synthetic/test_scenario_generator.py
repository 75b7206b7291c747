"""Scenes: small clusters that fit what is said about them."""

import random

import pytest

from schemas.tools import ENVIRONMENTS
from tasks.pipelines.ds4_synthetic.scenario_generator import cluster, scene

pytestmark = pytest.mark.unit

SCENES = [scene(random.Random(f"scene {number}"), ENVIRONMENTS[number % 3]) for number in range(300)]


def test_the_same_seed_draws_the_same_scene() -> None:
    """Nothing but the generator of random numbers decides."""
    assert scene(random.Random(7), "staging") == scene(random.Random(7), "staging")
    assert scene(random.Random(7), "staging") != scene(random.Random(8), "staging")


def test_names_that_go_in_pairs_differ() -> None:
    """One of two, second node, other label: never the same one twice."""
    for drawn in SCENES:
        for name in ("ns", "deployment", "node", "label", "query"):
            assert getattr(drawn, name) != getattr(drawn, f"other_{name}")
        assert drawn.channel != drawn.approvals


def test_numbers_that_belong_together_fit() -> None:
    """More is more, fewer is fewer, an earlier revision is earlier, a range ends after it starts."""
    for drawn in SCENES:
        assert 0 < drawn.fewer < drawn.current < drawn.replicas
        assert 1 < drawn.revision < drawn.latest
        assert drawn.least < drawn.most
        assert drawn.start < drawn.end


def test_the_cluster_has_what_the_scene_names() -> None:
    """Workloads of each kind, the pod on the node with its container, both nodes, both channels."""
    for drawn in SCENES:
        state = cluster(drawn)
        own = state.namespaces[drawn.ns]
        kinds = {name: workload.kind for name, workload in own.workloads.items()}
        assert kinds[drawn.deployment] == kinds[drawn.other_deployment] == "deployment"
        assert (kinds[drawn.statefulset], kinds[drawn.daemonset]) == ("statefulset", "daemonset")
        assert own.workloads[drawn.deployment].replicas == drawn.current
        assert own.workloads[drawn.deployment].revision == len(own.workloads[drawn.deployment].revisions)
        assert own.pods[drawn.pod].node == drawn.node
        assert {"app", drawn.container} == set(own.pods[drawn.pod].containers)
        assert {drawn.node, drawn.other_node} == set(state.nodes)
        assert {drawn.channel, drawn.approvals} <= set(state.channels)
        assert state.environment == drawn.environment


def test_dice_decide_between_wordings_and_stay() -> None:
    """The same scene says the same; other scenes say other things too."""
    first = SCENES[0]
    assert first.say("{ns} a", "{ns} b", "{ns} c") == first.say("{ns} a", "{ns} b", "{ns} c")
    assert {drawn.pick(1, 2, 3) for drawn in SCENES} == {1, 2, 3}
