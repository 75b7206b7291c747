"""What texts of operations name: commands, tables, manifests, PromQL, prose; and what only looks like a name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curate.text.html import fenced
from tasks.pipelines.ds3_stackoverflow.entities import (
    Command,
    commands,
    documents,
    entities_in,
    is_promql,
    manifest,
    promql,
)

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

PODS = """\
NAMESPACE     NAME                    READY   STATUS             RESTARTS   AGE
kube-system   coredns-565d847f94-abc  1/1     Running            0          9d
shop          cart-5d4b9c7f6-x2x7z    0/1     CrashLoopBackOff   12         41m
"""


DB = ("statefulset", "db")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("kubectl get pods", Command("get", (), {})),
        (
            "$ kubectl -n shop get pod web-1 -o yaml",
            Command("get", (("pod", "web-1"),), {"namespace": "shop", "": "yaml"}),
        ),
        (
            "kubectl logs web-1 -c app --tail=50",
            Command("logs", (("pod", "web-1"),), {"container": "app", "tail": "50"}),
        ),
        ("kubectl logs deploy/web", Command("logs", (("deployment", "web"),), {})),
        ("kubectl rollout restart deployment web", Command("rollout restart", (("deployment", "web"),), {})),
        (
            "kubectl rollout undo sts/db --to-revision 3",
            Command("rollout undo", (("statefulset", "db"),), {"revision": "3"}),
        ),
        ("kubectl scale --replicas 0 deploy web", Command("scale", (("deployment", "web"),), {"replicas": "0"})),
        ("kubectl drain node-1 --force", Command("drain", (("node", "node-1"),), {})),
        ("kubectl exec web-1 -- ls /tmp", Command("exec", (("pod", "web-1"),), {})),
        ("kubectl exec -it web-1 sh", Command("exec", (("pod", "web-1"),), {})),
        ("kubectl describe pod <your-pod>", Command("describe", (), {})),
        ("kubectl describe pods $POD | grep x", Command("describe", (), {})),
        ("kubectl top node \\\n  worker-2", Command("top", (("node", "worker-2"),), {})),
    ],
)
def test_a_command_is_taken_apart(line: str, command: Command) -> None:
    """Verb, things and flags; what is to be filled in is no name."""
    assert commands(line) == [command]


def test_what_only_mentions_kubectl_is_no_command() -> None:
    """A path, a flag alone, a word with a hyphen."""
    assert commands("/usr/bin/kubectl-x get pods; my-kubectl get; kubectl --help; see kubectl.") == []


def test_several_commands_of_a_line_are_told_apart() -> None:
    """`&&`, `;` and a pipe end a command."""
    found = commands("kubectl cordon n1 && kubectl drain n1; kubectl get nodes | grep -v get")
    assert [command.verb for command in found] == ["cordon", "drain", "get"]


def test_of_a_printed_table_the_pod_that_ails_goes_first() -> None:
    """With its own namespace, not that of the first row."""
    found = entities_in(fenced(PODS))
    assert (found.first("pod"), found.first("namespace")) == ("cart-5d4b9c7f6-x2x7z", "shop")


def test_a_completed_job_does_not_ail_and_a_half_ready_pod_does() -> None:
    """READY 1/2 while Running is the pod asked about."""
    rows = ("NAME READY STATUS RESTARTS AGE", "job-1 0/1 Completed 0 1d", "web-1 1/2 Running 0 1d")
    table = "\n".join((*rows, "web-2 2/2 Running 0 1d", "", "end"))
    assert entities_in(table).names["pod"] == ["web-1", "job-1", "web-2"]


def test_tables_of_nodes_and_deployments_are_told_by_their_columns() -> None:
    """A table of services names neither."""
    nodes = "NAME STATUS ROLES AGE VERSION\nworker-1 NotReady <none> 9d v1.27\n"
    deployments = "NAME READY UP-TO-DATE AVAILABLE AGE\nweb 1/3 3 1 9d\n"
    services = "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE\nlb LoadBalancer 1.2.3.4 <none> 80/TCP 9d\n"
    found = entities_in(f"{nodes}\n\n{deployments}\n\n{services}")
    assert (found.first("node"), found.first("deployment")) == ("worker-1", "web")
    assert not found.first("pod")


def test_what_describe_printed_names_pod_namespace_and_node() -> None:
    """A Name without a Node is of something else."""
    described = "Name:         web-1\nNamespace:    shop\nNode:         worker-3/10.0.0.3\nStatus: Pending"
    found = entities_in(described)
    assert (found.first("pod"), found.first("namespace"), found.first("node")) == ("web-1", "shop", "worker-3")
    assert not entities_in("Name:   settings\nNamespace:  shop").first("pod")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("the pod `web-1` restarts", "pod", "web-1"),
        ("pod web-7c9d-x2 is dead", "pod", "web-7c9d-x2"),
        ('pods "web-1" not found', "pod", "web-1"),
        ("my deployment named checkout fails", "deployment", "checkout"),
        ("The deployment is called checkout.", "deployment", "checkout"),
        ('deployments.apps "checkout" not found', "deployment", "checkout"),
        ("our `db` statefulset", "statefulset", "db"),
        ("on node worker-12 the disk", "node", "worker-12"),
        ("on the node ip-10-0-1-7.ec2.internal", "node", "ip-10-0-1-7.ec2.internal"),
        ("in the payments namespace", "namespace", "payments"),
        ("in namespace payments", "namespace", "payments"),
        ('in namespace "payments"', "namespace", "payments"),
        ("namespace: payments", "namespace", "payments"),
        ("web.payments.svc.cluster.local", "namespace", "payments"),
        ("Successfully assigned payments/web-1 to node-1", "namespace", "payments"),
        ("Error syncing pod payments/web-1", "pod", "web-1"),
        ("namespace=payments", "namespace", "payments"),
        ("in the default namespace", "namespace", "default"),
    ],
)
def test_prose_and_errors_name_things(text: str, kind: str, name: str) -> None:
    """Where quotes, a hyphen or the sentence mark a word as a name."""
    assert entities_in(text).first(kind) == name


@pytest.mark.parametrize(
    "text",
    [
        "the pod restarts every hour and the node is full",
        "in the same namespace, in another namespace, in a different namespace",
        "describe pod <pod-name> -n <namespace>",
        "kubectl logs pod-name -n my-namespace",
        "pods are evicted, deployments fail, nodes die",
        "a deployment of the app to the cluster",
        "the \u0440od `w\u0435b-1` has homoglyphs",
        "kubectl logs $(kubectl get pods -o name)",
        "",
    ],
)
def test_what_names_nothing_gives_no_name(text: str) -> None:
    """Placeholders, common words, letters of other scripts."""
    assert not any(entities_in(text).names.values())


def test_a_manifest_in_the_text_names_what_it_describes() -> None:
    """Name and namespace, whichever document has them."""
    named = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: db\n  namespace: shop"
    text = fenced(f"{named}\n---\nkind: List\n---\n3")
    assert entities_in(text).workload() == ("statefulset", "db")
    assert entities_in(text).first("namespace") == "shop"
    assert not entities_in(fenced("kind: Pod\nmetadata: none")).first("pod")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("--replicas=3", [3]), ("scale it to 12 replicas", [12]), ("we need 4 pods", [4]), ("replicas are many", [])],
)
def test_numbers_of_replicas_are_those_asked_for(text: str, numbers: list[int]) -> None:
    """A flag, or prose that wants a number."""
    assert entities_in(text).replicas == numbers


def test_a_container_is_the_one_a_command_names() -> None:
    """It is no name of its own kind."""
    found = entities_in("kubectl logs web-1 -c sidecar")
    assert found.containers == ["sidecar"]
    assert "container" not in found.names


# --- manifests -------------------------------------------------------------------------------------------------------

WHOLE = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  mode: fast"


def test_a_whole_manifest_is_taken_as_it_stands() -> None:
    """The first that is whole; several documents are one manifest."""
    two = f"{WHOLE}\n---\n{WHOLE}"
    assert manifest(f"a\n\n{fenced('x: 1')}\n\n{fenced(two, 'yaml')}") == f"{two}\n"


@pytest.mark.parametrize(
    "block",
    [
        "spec:\n  replicas: 3",
        "kind: ConfigMap\nmetadata:\n  name: x",
        "apiVersion: v1\nkind: ConfigMap",
        WHOLE.replace("settings", "<your-name>"),
        WHOLE.replace("fast", "{{ .Values.mode }}"),
        WHOLE.replace("  mode: fast", "  ..."),
        WHOLE.replace("fast", "$MODE"),
        WHOLE.replace("settings", "your-settings"),
        WHOLE.replace("kind: ConfigMap", "kind: Kustomization"),
        WHOLE.replace("apiVersion: v1", "apiVersion: latest"),
        WHOLE + "\n  bad\n indent: [",
        WHOLE + "\n---\nkind: Pod",
        "kind: &a [*a, *a]\napiVersion: v1",
        WHOLE + "\na: &a [1, 1]\nb: *a",
        "kind: x\na: !!python/object/apply:os.system ['true']",
        "kind: " + "[" * 5_000,
    ],
    ids=str,
)
def test_a_fragment_a_template_or_a_bomb_is_no_manifest(block: str) -> None:
    """Nothing is left to fill in, nothing is constructed or expanded."""
    assert manifest(fenced(block)) == ""


def test_documents_are_mappings_with_a_kind() -> None:
    """Lists, numbers and kinds that are no text are left out."""
    assert documents("kind: Pod\n---\n- kind\n---\nkind: 3\n---\n4") == [{"kind": "Pod"}]


# --- PromQL ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "rate(http_requests_total[5m])",
        'sum by (pod) (rate(container_cpu_usage_seconds_total{image!=""}[5m]))',
        '100 - (avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)',
        "histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))",
        'kube_pod_status_phase{phase="Pending"} == 1',
        "topk(5, node_memory_used_bytes)",
    ],
)
def test_promql_is_known_when_it_is_seen(text: str) -> None:
    """Functions, selectors, comparisons."""
    assert is_promql(text)
    assert promql(f"try\n\n{fenced(text)}") == text


@pytest.mark.parametrize(
    "text",
    [
        "sum(values)",
        "rate(http_requests_total[5m]",
        "rate(http_requests_total[5m]))",
        'label_values(up{job="x"}, instance)',
        "rate(x_total{pod='$pod'}[$__rate_interval])",
        "total = sum(x_total)",
        "SELECT sum(x) FROM t;",
        "metric_name",
        'rate(x_total{job="a"}[5m]) ' * 60,
        "- job_name: node_total",
        "df.groupby('x').sum(a_total)[0] = 1",
    ],
    ids=str,
)
def test_what_could_not_be_asked_is_no_promql(text: str) -> None:
    """Unbalanced, a template, another language, or too long."""
    assert promql(f"{fenced(text)} and `{text}`") == ""


def test_an_expression_is_found_in_a_rule_over_several_lines_and_inline() -> None:
    """A rule's `expr`, a block broken over lines, a line among others, backticks."""
    assert promql(fenced("- alert: X\n  expr: rate(x_total[5m]) > 3\n  for: 5m")) == "rate(x_total[5m]) > 3"
    assert promql(fenced("sum(\n  rate(x_total[5m])\n)")) == "sum( rate(x_total[5m]) )"
    assert promql(fenced("First this;\nrate(x_total[5m])\nthen that.")) == "rate(x_total[5m])"
    assert promql("use `rate(x_total[5m])` there") == "rate(x_total[5m])"


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_no_text_is_an_error(text: str) -> None:
    """Whatever stands there, in prose or in code."""
    for given_text in (text, fenced(text), f"kubectl {text}", fenced(f"kind: {text}")):
        entities_in(given_text)
        manifest(given_text)
        promql(given_text)
