"""By which words a question of ds3_stackoverflow has an error signature, a component, a type and an environment.

Each rule is one row of a table. Source of the names: DOMAIN, DS3.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TextRule:
    """A name, its meaning, and the patterns, one a line, of the texts that have it.

    A question with one of `tags` has the name whatever its text says. A line that begins with | continues the line
    before. Patterns ignore case and match only where no letter or digit is before or after them.
    """

    name: str
    meaning: str
    patterns: str
    tags: tuple[str, ...] = ()


# In the order of how much they explain: an OOMKilled pod is also in CrashLoopBackOff, a refused connection times out.
SIGNATURES: Final = (
    TextRule(
        "OOMKilled",
        "A process was killed because memory ran out.",
        r"""
        oom[ _-]?kill(?:ed|er|ing)?
        exit(?:ed)?(?: with)?(?: status| code)*:?\s*137
        (?:returned|return code|code|status)\W{0,3}137
        memory cgroup out of memory
        out of memory: kill(?:ed)?
        killed process \d+
        """,
    ),
    TextRule(
        "ImagePullBackOff",
        "A container image cannot be pulled.",
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
    TextRule(
        "GPUError",
        "A GPU, its driver or its libraries do not work.",
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
    TextRule(
        "PermissionDenied",
        "Access is denied, or the login failed.",
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
    TextRule(
        "ConnectionRefused",
        "A connection is refused.",
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
    TextRule(
        "NetworkError",
        "A name is not resolved, a host is not reached, or a connection breaks.",
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
    TextRule(
        "ResourceExhausted",
        "Disk, quota or room on the nodes ran out.",
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
    TextRule(
        "ConfigError",
        "A configuration or manifest is not valid.",
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
    TextRule(
        "CrashLoopBackOff",
        "A container fails and restarts again and again.",
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
    TextRule(
        "Timeout",
        "Something took longer than allowed.",
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

# What a question is about: the first component that one of its tags names, narrow ones before wide ones. A question
# tagged for the cluster as a whole is about the part of the cluster that its words name.
COMPONENTS: Final = (
    TextRule(
        "gpu",
        "GPUs, their drivers and libraries.",
        r"gpus?|cuda|nvidia(?:-smi|-docker|\.com)?|cudnn|dcgm|tensor cores?",
        ("gpu", "cuda", "nvidia", "nvidia-docker"),
    ),
    TextRule(
        "autoscaling",
        "Autoscaling of pods and nodes.",
        "autoscal(?:er|ers|ing|e)|hpa|horizontalpodautoscaler|keda|karpenter",
        ("autoscaling", "hpa", "horizontal-pod-autoscaling", "keda", "karpenter"),
    ),
    TextRule(
        "node",
        "Nodes of a cluster.",
        "(?:worker |master |cluster )?nodes?|kubelet|taints?|notready|node ?pool",
        ("kubernetes-nodes", "kubelet"),
    ),
    TextRule(
        "cluster_network",
        "Ingress, DNS, services and policies of a cluster.",
        (
            "ingress(?:es)?|coredns|kube-dns|kube-proxy|network ?polic(?:y|ies)|clusterip|load "
            "?balancer|nodeport|service mesh|istio|calico|flannel"
        ),
        ("kubernetes-ingress", "nginx-ingress", "coredns", "istio", "kubernetes-networkpolicy", "calico"),
    ),
    TextRule(
        "cluster_storage",
        "Volumes and storage classes of a cluster.",
        "persistent ?volumes?(?: ?claims?)?|pvcs?|pv|storage ?class(?:es)?|volume ?mounts?|csi",
        ("persistent-volumes", "kubernetes-pvc", "kubernetes-pv"),
    ),
    TextRule(
        "monitoring",
        "Prometheus, Grafana and their alerts.",
        "prometheus|promql|grafana|alertmanager|node[ _-]exporter|scrape",
        ("prometheus", "grafana", "promql", "prometheus-operator", "alertmanager"),
    ),
    TextRule(
        "infrastructure_code",
        "Terraform.",
        r"terraform|tfstate|\.tf|hcl|terragrunt",
        ("terraform", "terraform-provider-aws", "terraform-provider-azure", "terragrunt", "hcl"),
    ),
    TextRule(
        "configuration_management",
        "Ansible.",
        "ansible|playbooks?|inventory",
        ("ansible", "ansible-playbook", "ansible-2.x", "ansible-inventory"),
    ),
    TextRule(
        "ci_cd",
        "Build pipelines.",
        r"github actions?|ci/cd|workflow file|\.github|runners?|actions/\w+",
        ("github-actions", "cicd", "building-github-actions", "continuous-integration"),
    ),
    TextRule(
        "serverless",
        "Functions as a service.",
        "lambda|serverless",
        ("aws-lambda", "serverless", "serverless-framework", "aws-sam"),
    ),
    TextRule(
        "scheduler",
        "Airflow.",
        "airflow|dags?|dagrun|xcom|celery ?executor",
        ("airflow", "apache-airflow", "airflow-scheduler", "google-cloud-composer"),
    ),
    TextRule(
        "ml_platform",
        "Platforms for machine learning: MLflow, Kubeflow, SageMaker and others.",
        "mlops|mlflow|kubeflow|sagemaker|vertex ai|model registry|feature store|dvc",
        ("mlops", "mlflow", "kubeflow", "amazon-sagemaker", "azure-machine-learning-service", "dvc"),
    ),
    TextRule(
        "workload",
        "The cluster as a whole, and its workloads.",
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
    TextRule(
        "ml_framework",
        "TensorFlow and PyTorch.",
        "tensorflow|keras|pytorch|torch|tensors?|epochs?",
        ("tensorflow", "tensorflow2.0", "keras", "pytorch", "torch"),
    ),
    TextRule(
        "container",
        "Docker and container images.",
        "docker(?:file|-compose)?|containers?|images?|registry",
        ("docker", "docker-compose", "dockerfile", "docker-image", "containers"),
    ),
)
OTHER_COMPONENT = "other"
# Components that the platform's tools reach; the others are work for people.
CLUSTER_PARTS = ("gpu", "autoscaling", "node", "cluster_network", "cluster_storage")
WHOLE_CLUSTER = "workload"
IN_CLUSTER = frozenset({*CLUSTER_PARTS, WHOLE_CLUSTER})

# The first type that the title matches, else the first that the text matches.
QUESTION_TYPES: Final = (
    TextRule(
        "comparison",
        "Asks which of several things to use, or how they differ.",
        (
            r"difference(?:s)? between|\bvs\.?|versus|compared? (?:to|with)|which (?:one "
            r")?(?:is|should)|better than|when (?:should|to) (?:i )?use"
        ),
    ),
    TextRule(
        "best_practice",
        "Asks for the recommended way.",
        "best (?:practices?|way)|recommended|proper way|right way|correct way|good (?:practice|way)",
    ),
    TextRule(
        "how_to",
        "Asks how to do something.",
        (
            r"how (?:do|does|can|could|would|should|to|i)\b|is (?:it|there) (?:possible|any|a way)|can "
            r"(?:i|we|you)|way to|possible to"
        ),
    ),
    TextRule(
        "explanation",
        "Asks what something is, or why.",
        r"what (?:is|are|does|do|happens)|why (?:is|are|does|do|did|would)|meaning of|understand\w*|explain\w*",
    ),
    TextRule(
        "error",
        "Shows something that fails.",
        (
            r"errors?|exceptions?|fail(?:s|ed|ing|ure)?|crash\w*|not work\w*|doesn'?t "
            r"work|stuck|pending|unable|can(?:'|no)t|cannot|denied|refused|killed|timed? ?out|back-?off"
        ),
    ),
)
OTHER_TYPE = "other"
ERROR_TYPE = "error"

# The environment a request names: the first that matches; production, with its stricter rules, where none does.
ENVIRONMENT_RULES: Final = (
    TextRule(
        "production",
        "The text names production.",
        r"(?:in|on|our|to) (?:the )?(?:production|prod)|(?:production|prod) (?:cluster|environment|namespace|system)",
    ),
    TextRule(
        "staging",
        "The text names staging, pre-production or QA.",
        (
            r"(?:in|on|our|to|the) (?:the )?(?:staging|stage|pre-?prod(?:uction)?|uat|qa)(?: "
            r"(?:cluster|environment|namespace|system))?\b"
        ),
    ),
    TextRule(
        "development",
        "The text names development, a test or a local cluster.",
        (
            r"minikube|k3d|microk8s|docker[ -]desktop|docker for (?:mac|windows)|kind "
            r"cluster|(?:local|dev|development|test) (?:cluster|environment|machine)"
        ),
    ),
)
