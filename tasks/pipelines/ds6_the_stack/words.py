"""The words of requests: kinds that are requested alike, phrasings for each, and places."""

# Kinds that are asked for in the same way; any other kind is "other".
FAMILIES: dict[str, tuple[str, ...]] = {
    "workload": ("Deployment", "StatefulSet", "DaemonSet", "Pod", "ReplicaSet", "ReplicationController", "Rollout"),
    "cronjob": ("CronJob", "CronWorkflow"),
    "job": ("Job", "Workflow", "PipelineRun", "TaskRun", "AnalysisRun"),
    "service": ("Service",),
    "route": ("Ingress", "VirtualService", "Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"),
    "config": ("ConfigMap",),
    "secret": ("Secret", "SealedSecret", "ExternalSecret"),
    "access": ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount"),
    "storage": ("PersistentVolumeClaim", "PersistentVolume", "StorageClass"),
    "definition": ("CustomResourceDefinition",),
    "scaling": ("HorizontalPodAutoscaler", "VerticalPodAutoscaler", "ScaledObject", "PodDisruptionBudget"),
    "quota": ("ResourceQuota", "LimitRange", "PriorityClass"),
    "policy": ("NetworkPolicy", "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "Policy"),
    "namespace": ("Namespace",),
    "monitoring": ("ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe", "AlertmanagerConfig"),
}
FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}

# The main kind of a manifest of several documents: the first of these that it has, else the most frequent.
MAIN_KINDS = (*FAMILIES["workload"], *FAMILIES["cronjob"], *FAMILIES["job"])

# {what}: "a Deployment named web with 2 replicas"; {where}: " in the shop namespace", or nothing. Both may be long, so
# hardly a word follows them.
PHRASINGS: dict[str, tuple[str, ...]] = {
    "workload": (
        "Please deploy {what}{where}.",
        "Can you roll out {what}{where}?",
        "We need {what}{where}. Please set it up.",
        "Please bring up {what}{where}.",
        "I'd like to run {what}{where}.",
        "Could you get this running{where}: {what}?",
    ),
    "cronjob": (
        "Please schedule {what}{where}.",
        "Set up {what}{where}, please.",
        "We want something to run on a schedule{where}: {what}. Can you create it?",
        "Can you add {what}{where}?",
    ),
    "job": (
        "Please start {what}{where}.",
        "Can you submit {what}{where}?",
        "Run {what}{where}, please.",
        "I need this started{where}: {what}.",
        "Please kick off {what}{where}.",
    ),
    "service": (
        "Please create {what}{where}.",
        "Other apps have to reach ours{where}. Can you add {what}?",
        "We need {what}{where}.",
        "Expose the app{where} with {what}.",
    ),
    "route": (
        "Please set up {what}{where}.",
        "Traffic should come in{where} through {what}. Can you configure that?",
        "Can you add {what}{where}?",
        "To route requests we need {what}{where}.",
    ),
    "config": (
        "Please create {what}{where}.",
        "Our app{where} reads its configuration from {what}. Please put it in place.",
        "Can you add {what}{where}?",
        "We are missing {what}{where}. Could you apply it?",
    ),
    "secret": (
        "Please create {what}{where}.",
        "The app{where} expects {what}. Can you add it with placeholder values?",
        "Can you add {what}{where}? I'll fill in the real values afterwards.",
        "We need {what}{where}; placeholders are fine for now.",
    ),
    "access": (
        "Please set up access{where}: we need {what}.",
        "Can you create {what}{where}?",
        "For permissions to work{where} we need {what}.",
        "Add {what}{where}, please.",
    ),
    "storage": (
        "Please provision {what}{where}.",
        "We need storage{where}: can you create {what}?",
        "Can you set up {what}{where}?",
        "Add {what}{where}, please.",
    ),
    "definition": (
        "Please register {what}.",
        "Can you install {what}?",
        "The operator needs {what}. Please add it.",
        "Our cluster does not know that resource yet: please apply {what}.",
    ),
    "scaling": (
        "Please configure {what}{where}.",
        "Can you add {what}{where}?",
        "To keep the service available{where} we need {what}. Please create it.",
        "Set up {what}{where}, please.",
    ),
    "quota": (
        "Please set {what}{where}.",
        "Can you add {what}{where}?",
        "To keep usage in check{where}, add {what}.",
        "We need {what}{where}. Please create it.",
    ),
    "policy": (
        "Please enforce {what}{where}.",
        "Can you lock things down{where} with {what}?",
        "Security asked for {what}{where}. Please apply it.",
        "Add {what}{where}, please.",
    ),
    "namespace": (
        "Please create {what}.",
        "Can you add {what} to the cluster?",
        "We are starting a new project and need {what}.",
        "Set up {what}, please.",
    ),
    "monitoring": (
        "Please set up monitoring{where} with {what}.",
        "Can you add {what}{where}?",
        "Prometheus should know about this{where}: please create {what}.",
        "We want alerts and metrics{where}. Add {what}.",
    ),
    "other": (
        "Please apply {what}{where}.",
        "Can you create {what}{where}?",
        "We need {what}{where}. Please set it up.",
        "Add {what}{where}, please.",
        "Could you put this in place{where}: {what}?",
    ),
    # Several documents. {app} is what they are for; {what} lists them.
    "several": (
        "Please set up {app}{where}: {what}.",
        "Can you deploy everything {app} needs{where}? That means {what}.",
        "We are bringing up {app}{where}. It takes {what}.",
        "For {app}{where}, please apply {what}.",
        "I want {app} up and running{where}. Please create {what}.",
    ),
    "several_unnamed": (
        "Please apply {what}{where}.",
        "Can you create {what}{where} in one go?",
        "We need {what}{where}. Please set them up together.",
        "Put the following in place{where}: {what}.",
    ),
}

# {namespace} is a namespace's name.
PLACES = (" in the {namespace} namespace", " in namespace {namespace}", " in {namespace}")
