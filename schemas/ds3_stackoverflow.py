"""Questions and answers of Stack Exchange: the raw contract of every layout, and the words by which posts are judged.

A raw row holds a question, an answer, or both side by side (a table of pairs): what belongs to the question and what to
the answer has columns of its own. Spellings of one name ("AcceptedAnswerId", "accepted_answer_id") are one name.
Sources: the data dump's schema (meta.stackexchange.com/q/2677), the API's types (api.stackexchange.com/docs), and
DOMAIN's list of tags, error signatures and the formula of quality.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa

TEXT = pd.ArrowDtype(pa.string())

# ---------------------------------------------------------------------------------------------------------------------
# Raw rows.

Kind = Literal["question", "answer", "pair", "other"]
QUESTION, ANSWER, PAIR, OTHER = "question", "answer", "pair", "other"

QUESTION_FIELDS = ("id", "title", "body", "tags", "score", "views", "accepted", "created")
ANSWER_FIELDS = (
    "id",
    "body",
    "score",
    "created",
    "chosen",
)  # chosen: the answer's own word that it is the accepted one
CREDITS = ("owner_id", "owner", "licence", "link")
RAW_TEXTS = (
    "kind",
    *(f"question_{field}" for field in (*QUESTION_FIELDS, *CREDITS)),
    *(f"answer_{field}" for field in (*ANSWER_FIELDS, *CREDITS)),
    "fault",  # why the row cannot be read; null: it can
    "text",  # the row itself, of a faulty one
)
RAW = pa.schema({"file": pa.string(), "line": pa.int64(), **dict.fromkeys(RAW_TEXTS, pa.string())})

# What a column may be called, in small letters without separators. A prefix (q_, question_, a_, answer_ ...) may say
# whose it is; without one it is the row's own.
SPELLINGS: Mapping[str, str] = {
    spelling: field
    for field, spellings in {
        "id": "id",
        "type": "posttypeid posttype typeid type",
        "parent": "parentid parent",
        "accepted": "acceptedanswerid acceptedanswer acceptedid",
        "chosen": "isaccepted isacceptedanswer accepted",
        "title": "title",
        "body": "body content text html bodyhtml bodymarkdown markdown",
        "tags": "tags tag taglist",
        "score": "score votes votecount",
        "views": "viewcount views",
        "created": "creationdate created createdat createddate creation date",
        "owner_id": "owneruserid ownerid userid authorid",
        "owner": "ownerdisplayname ownername owner displayname author authorname username",
        "licence": "contentlicense contentlicence license licence",
        "link": "link url permalink sharelink",
    }.items()
    for spelling in spellings.split()
}
PREFIXES = (
    ("acceptedanswer", ANSWER),
    ("question", QUESTION),
    ("answer", ANSWER),
    ("ans", ANSWER),
    ("post", ""),
    ("q", QUESTION),
    ("a", ANSWER),
)
POST_TYPES = {"1": QUESTION, "2": ANSWER, QUESTION: QUESTION, ANSWER: ANSWER}


def place_of(column: str) -> tuple[str, str] | None:
    """(part, field) of a column, part "" for the row's own; None for one that is not read.

    place_of("q_AcceptedAnswerId") is ("question", "accepted"), place_of("CommentCount") is None.
    """
    word = re.sub(r"[^a-z0-9]", "", column.lower())
    if word in SPELLINGS:
        return "", SPELLINGS[word]
    for prefix, part in PREFIXES:
        rest = word.removeprefix(prefix)
        if rest != word and rest in SPELLINGS:
            return part, SPELLINGS[rest]
    return None


# ---------------------------------------------------------------------------------------------------------------------
# What is used.

SITE = "https://stackoverflow.com"
TAGS = (
    "kubernetes",
    "terraform",
    "gpu",
    "autoscaling",
    "mlops",
    "tensorflow",
    "pytorch",
    "airflow",
    "docker",
    "prometheus",
    "grafana",
    "aws-lambda",
    "github-actions",
    "ansible",
)
MIN_SCORE = 5

# From this day on content is under this version (stackoverflow.com/help/licensing). The last is also that of a post
# without a date: its terms allow adaptations of 2.5 and 3.0 to go on under a later version.
LICENCES = (
    ("", "CC-BY-SA-2.5"),
    ("2011-04-08", "CC-BY-SA-3.0"),
    ("2018-05-02", "CC-BY-SA-4.0"),
)

# Long posts. Llama-3-8B sees 8,192 tokens, about 30,000 characters, of which the tools on offer take 8,000.
HTML_LIMIT = 1_000_000  # characters of a body that are read; the site allows 30,000
CODE_LIMIT = 3_000  # characters of one code block: its start and end stay, for a traceback ends in its cause
BODY_LIMIT = 12_000  # characters of a question's text: its start stays
RATIONALE_LIMIT = 20_000  # characters of an answer's text: its start stays
REJECT_TEXT = 200  # characters told of a row that was understood and is not wanted: a dump has millions of them

# ---------------------------------------------------------------------------------------------------------------------
# Features as data. A pattern a line, any case, between word boundaries where it begins or ends with a letter.


@dataclass(frozen=True)
class Words:
    """A name and the patterns, one a line, by which text is told to speak of it; `tags` speak for themselves."""

    name: str
    patterns: str = ""
    tags: tuple[str, ...] = ()


# In the order of how much they explain: an OOMKilled pod is also in CrashLoopBackOff, a refused connection times out.
SIGNATURES = (
    Words(
        "OOMKilled",
        r"""
        oom[ _-]?kill(?:ed|er|ing)?
        exit(?:ed)?(?: with)?(?: status| code)*:?\s*137
        (?:returned|return code|code|status)\W{0,3}137
        memory cgroup out of memory
        out of memory: kill(?:ed)?
        killed process \d+
        """,
    ),
    Words(
        "ImagePullBackOff",
        r"""
        image[ _-]?pull[ _-]?back[ _-]?off
        err(?:or)?[ _-]?image[ _-]?pull
        back-?off pulling image
        failed to pull (?:the )?image
        pull access denied
        manifest (?:for \S+ |unknown|\S+ )?not found
        manifest unknown
        """,
    ),
    Words(
        "GPUError",
        r"""
        cuda[ _-]?(?:runtime )?(?:error|out of memory|driver|version|initialization|kernel errors?|capability
            |is not available)
        cuda\.is_available\(\)\s*(?:returns?|is|=+|gives|->)?\s*false
        no cuda-capable device
        (?:cudnn|cublas|nccl)\w*[ _-]?(?:status|error|failure|internal|unhandled)\w*
        could not (?:load|create|find) \W?(?:dynamic library \W?)?(?:cudnn|cuda|libcu\w+|nvcuda)
        could not select device driver
        nvidia-smi has failed
        failed call to cuinit
        insufficient nvidia\.com/gpu
        (?:no|not|cannot|can't|doesn't|does not|isn't|unable to) (?:\w+ ){0,3}(?:detect|see|find|recogni[sz]e|use|using
            |detecting|seeing)(?: \w+){0,2} gpus?
        xid(?: error)?s?:? \d+
        gpu (?:is )?(?:lost|not (?:found|available|detected|recogni[sz]ed))
        """,
    ),
    Words(
        "PermissionDenied",
        r"""
        permission[s]?[ _-]?(?:denied|error)
        access[ _-]?(?:is )?denied(?:exception)?
        access(?:denied)exception
        forbidden
        unauthori[sz]ed
        (?:is |are )?not authori[sz]ed
        eacces
        operation not permitted
        (?:error|status|http|code)\W{0,3}(?:code )?40[13]
        40[13] (?:forbidden|unauthori[sz]ed|error|client error)
        authentication (?:required|failed)
        no basic auth credentials
        """,
    ),
    Words(
        "ConnectionRefused",
        r"""
        connection (?:was |is |has been )?refused
        connection[ _-]?refused(?:error)?
        econnrefused
        refused to connect
        refused (?:the |my |our )?connection
        actively refused
        failed to connect to \S+ port \d+
        (?:can'?t|cannot|could not|unable to) connect to the docker daemon
        """,
    ),
    Words(
        "NetworkError",
        r"""
        no such host
        name resolution
        (?:could not|cannot|can't|unable to|failed to|not able to) (?:resolve|look ?up) (?:\w+ ){0,3}\S+
        name or service not known
        nxdomain
        enotfound|eai_again
        (?:network|host|destination|net) (?:is |host )?unreachable
        no route to host
        connection (?:was |is |has been )?(?:reset|aborted|closed by)
        econnreset
        network[ _-]?(?:error|failure|is down|plugin (?:is )?not ready)
        cni (?:\w+ ){0,3}(?:not initiali[sz]ed|failed)
        tls handshake
        dns (?:\w+ ){0,3}(?:fail\w*|error|problem|issue|not working|doesn't work)
        server misbehaving
        bad gateway
        """,
    ),
    Words(
        "ResourceExhausted",
        r"""
        insufficient (?:cpu|memory|ephemeral-storage|pods|resources)
        evicted|evicting|eviction
        no space left
        enospc
        (?:disk|memory|pid)[ _-]?pressure
        (?:quota|limit)(?: is| was)? (?:exceeded|reached)
        exceeded quota
        exceed(?:s|ed|ing)? (?:\w+ ){0,3}(?:quota|memory|limit)
        resource[ _-]?exhausted(?:error)?
        out of memory
        outofmemory(?:error|exception)?
        memoryerror
        cannot allocate memory
        too many open files
        too many requests
        throttl(?:ed|ing)(?:exception)?
        too many pods
        """,
    ),
    Words(
        "ConfigError",
        r"""
        createcontainerconfigerror
        error validating (?:data|\S+)
        error (?:parsing|converting|unmarshall?ing|loading config)
        (?:could not|cannot|can't|unable to|failed to) (?:parse|unmarshall?|load (?:the )?config\w*)
        unknown field
        unsupported (?:argument|block type|value)
        missing required (?:\w+ )?(?:argument|field|property|parameter|value|key)
        invalid (?:value|argument|config\w*|spec|yaml|json|manifest|reference|workflow file|type for|syntax|key|option
            |field)\b
        (?:is|was) invalid
        (?:yaml|json|parse|syntax|template|config\w*)[ _.-]*(?:parse |parsing )?(?:error|exception)
        mapping values are not allowed
        did not find expected
        could not find expected
        no matches for kind
        (?:configmap|secret|serviceaccount|storageclass)s? \S{1,80} not found
        undefined variable|is undefined|undeclared (?:resource|input)
        additional propert\w+ (?:\S+ )?(?:is|are|were)? ?not allowed
        """,
    ),
    Words(
        "CrashLoopBackOff",
        r"""
        crash[ _-]?loop(?:ing|s)?[ _-]?(?:back[ _-]?off)?
        back-?off restarting failed container
        (?:pod|container|deployment|service|coredns|app|application)s? (?:\w+ ){0,4}(?:keeps?|constantly|continuously
            |always|repeatedly) (?:on )?(?:re-?start\w*|crash\w*|dying|failing|being restarted)
        (?:re-?start|crash)(?:s|es|ed|ing)? (?:over and over|again and again|every (?:few|\d+) (?:seconds|minutes|secs
            |mins|hours))
        liveness probe failed
        """,
    ),
    Words(
        "Timeout",
        r"""
        time[ds]?[ _-]?out (?:after|waiting|error|exceeded|expired|occurred|while|when|on|in|at)
        timed[ _-]?out
        timing out
        (?:request|connection|connect|read|gateway|i/o|operation|handshake|task|job|build|lock|step
            |execution)[ _-]?time[ _-]?outs?
        time[ _-]?out(?:error|exception)
        (?:with|a|get|getting|got|due to|because of) (?:a )?time[ _-]?outs?
        context deadline exceeded
        deadline[ _-]?exceeded
        etimedout
        504 (?:gateway|error)|error 504
        """,
    ),
)

# What a question is about: of the components its tags name the first in this order, narrow ones before wide ones. One
# tagged for the cluster as a whole is about the part of it that its words name.
COMPONENTS = (
    Words(
        "gpu",
        r"gpus?|cuda|nvidia(?:-smi|-docker|\.com)?|cudnn|dcgm|tensor cores?",
        ("gpu", "cuda", "nvidia", "nvidia-docker"),
    ),
    Words(
        "autoscaling",
        "autoscal(?:er|ers|ing|e)|hpa|horizontalpodautoscaler|keda|karpenter",
        ("autoscaling", "hpa", "horizontal-pod-autoscaling", "keda", "karpenter"),
    ),
    Words(
        "node",
        "(?:worker |master |cluster )?nodes?|kubelet|taints?|notready|node ?pool",
        ("kubernetes-nodes", "kubelet"),
    ),
    Words(
        "cluster_network",
        (
            "ingress(?:es)?|coredns|kube-dns|kube-proxy|network ?polic(?:y|ies)|clusterip|load "
            "?balancer|nodeport|service mesh|istio|calico|flannel"
        ),
        ("kubernetes-ingress", "nginx-ingress", "coredns", "istio", "kubernetes-networkpolicy", "calico"),
    ),
    Words(
        "cluster_storage",
        "persistent ?volumes?(?: ?claims?)?|pvcs?|pv|storage ?class(?:es)?|volume ?mounts?|csi",
        ("persistent-volumes", "kubernetes-pvc", "kubernetes-pv"),
    ),
    Words(
        "monitoring",
        "prometheus|promql|grafana|alertmanager|node[ _-]exporter|scrape",
        ("prometheus", "grafana", "promql", "prometheus-operator", "alertmanager"),
    ),
    Words(
        "infrastructure_code",
        r"terraform|tfstate|\.tf|hcl|terragrunt",
        ("terraform", "terraform-provider-aws", "terraform-provider-azure", "terragrunt", "hcl"),
    ),
    Words(
        "configuration_management",
        "ansible|playbooks?|inventory",
        ("ansible", "ansible-playbook", "ansible-2.x", "ansible-inventory"),
    ),
    Words(
        "ci_cd",
        r"github actions?|ci/cd|workflow file|\.github|runners?|actions/\w+",
        ("github-actions", "cicd", "building-github-actions", "continuous-integration"),
    ),
    Words("serverless", "lambda|serverless", ("aws-lambda", "serverless", "serverless-framework", "aws-sam")),
    Words(
        "scheduler",
        "airflow|dags?|dagrun|xcom|celery ?executor",
        ("airflow", "apache-airflow", "airflow-scheduler", "google-cloud-composer"),
    ),
    Words(
        "ml_platform",
        "mlops|mlflow|kubeflow|sagemaker|vertex ai|model registry|feature store|dvc",
        ("mlops", "mlflow", "kubeflow", "amazon-sagemaker", "azure-machine-learning-service", "dvc"),
    ),
    Words(
        "workload",
        (
            "kubernetes|k8s|kubectl|pods?|deployments?|stateful ?sets?|daemon "
            "?sets?|replicas?|minikube|helm|openshift|eks|gke|aks"
        ),
        (
            "kubernetes",
            "kubernetes-pod",
            "kubernetes-deployment",
            "kubernetes-helm",
            "kubectl",
            "minikube",
            "amazon-eks",
            "google-kubernetes-engine",
            "azure-aks",
            "openshift",
            "k3s",
            "kubeadm",
        ),
    ),
    Words(
        "ml_framework",
        "tensorflow|keras|pytorch|torch|tensors?|epochs?",
        ("tensorflow", "tensorflow2.0", "keras", "pytorch", "torch"),
    ),
    Words(
        "container",
        "docker(?:file|-compose)?|containers?|images?|registry",
        ("docker", "docker-compose", "dockerfile", "docker-image", "containers"),
    ),
)
OTHER_COMPONENT = "other"
# Parts of a cluster that the platform's tools reach; all else is for people.
CLUSTER_PARTS = ("gpu", "autoscaling", "node", "cluster_network", "cluster_storage")
WHOLE_CLUSTER = "workload"
IN_CLUSTER = frozenset({*CLUSTER_PARTS, WHOLE_CLUSTER})

# The first that the title speaks for, else the first that the text does.
QUESTION_TYPES = (
    Words(
        "comparison",
        (
            r"difference(?:s)? between|\bvs\.?|versus|compared? (?:to|with)|which (?:one "
            r")?(?:is|should)|better than|when (?:should|to) (?:i )?use"
        ),
    ),
    Words(
        "best_practice", "best (?:practices?|way)|recommended|proper way|right way|correct way|good (?:practice|way)"
    ),
    Words(
        "how_to",
        (
            r"how (?:do|does|can|could|would|should|to|i)\b|is (?:it|there) (?:possible|any|a way)|can "
            r"(?:i|we|you)|way to|possible to"
        ),
    ),
    Words(
        "explanation",
        r"what (?:is|are|does|do|happens)|why (?:is|are|does|do|did|would)|meaning of|understand\w*|explain\w*",
    ),
    Words(
        "error",
        (
            r"errors?|exceptions?|fail(?:s|ed|ing|ure)?|crash\w*|not work\w*|doesn'?t "
            r"work|stuck|pending|unable|can(?:'|no)t|cannot|denied|refused|killed|timed? ?out|back-?off"
        ),
    ),
)
OTHER_TYPE = "other"
ERROR_TYPE = "error"

COMPLEXITIES = ("low", "medium", "high")
# Points: one for each of these many words, each code block, each signature beyond the first; 2 are medium, 5 are high.
WORDS_A_POINT = 150
MEDIUM_POINTS, HIGH_POINTS = 2, 5

# The environment a request names; production, with its stricter rules, where it names none.
ENVIRONMENT_WORDS = (
    Words(
        "production",
        r"(?:in|on|our|to) (?:the )?(?:production|prod)|(?:production|prod) (?:cluster|environment|namespace|system)",
    ),
    Words(
        "staging",
        (
            r"(?:in|on|our|to|the) (?:the )?(?:staging|stage|pre-?prod(?:uction)?|uat|qa)(?: "
            r"(?:cluster|environment|namespace|system))?\b"
        ),
    ),
    Words(
        "development",
        (
            r"minikube|k3d|microk8s|docker[ -]desktop|docker for (?:mac|windows)|kind "
            r"cluster|(?:local|dev|development|test) (?:cluster|environment|machine)"
        ),
    ),
)

# ---------------------------------------------------------------------------------------------------------------------
# Quality = 2 q_score + 3 a_score + 0.001 views + min(q_words/50, 2) + min(a_words/100, 3) + 0.5 code_blocks (DOMAIN).
# Words are those of the cleaned bodies, code included; code blocks are those of question and answer.

# Slices of quality. 10 is a question of the lowest score used without an answer; 25 one with an accepted answer of the
# same score; 60 is about a question and an answer of 12 votes each.
QUALITIES = ((60.0, "high"), (25.0, "medium"), (float("-inf"), "low"))
UNANSWERED = "unanswered"  # the accepted answer's text is not in the data

SLICES: dict[str, pd.ArrowDtype] = {"tag": TEXT, "quality": TEXT}
OUTCOME = pd.ArrowDtype(pa.bool_())

# Limits of the report on quality (DOMAIN, "Checks").
MISSING_LIMIT = 0.10
DUPLICATE_LIMIT = 0.05
SLICE_ROWS = 30
SLICE_DEVIATION = 0.25
