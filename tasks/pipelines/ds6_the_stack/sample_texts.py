"""Names and manifests of the generated sample, with placeholders for values."""

APPS = (
    "checkout", "catalog", "ledger", "mailer", "search", "gateway", "profile", "basket", "invoice", "ranking",
    "uploader", "thumbnailer", "scheduler", "notifier", "reviews", "pricing", "stock", "tracking", "report", "billing",
)  # fmt: skip
SPACES = ("shop", "media", "finance", "platform", "research", "logistics", "monitoring-tools", "edge")
REGISTRIES = ("ghcr.io/acme", "registry.internal", "quay.io/initech", "docker.io/globex")
OWNERS = ("acme", "initech", "globex", "hooli", "umbrella", "stark", "wayne", "tyrell", "cyberdyne", "soylent")
WORDS = (
    "cache", "region", "timeout", "workers", "log_level", "feature", "retry", "queue", "batch", "limit", "locale",
    "theme", "endpoint", "shard", "window", "backoff", "bucket", "topic", "format", "threads", "quota", "mode",
)  # fmt: skip
VALUES = ("info", "debug", "eu-west", "us-east", "true", "false", "json", "strict", "lenient", "auto", "none", "fast")
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "CC0-1.0")

DEPLOYMENT = """apiVersion: apps/v1
kind: {workload}
metadata:
  name: {name}
  namespace: {space}
  labels:
    app: {name}
{annotations}spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: {app}
          image: {image}
          ports:
            - containerPort: {port}
          env:
{env}          resources:
            requests:
              cpu: {cpu}m
              memory: {memory}Mi
            limits:
              memory: {more}Mi
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {space}
spec:
  type: {service}
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: {port}
"""
CONFIG = """# settings of {app}, read at start
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-settings
  namespace: {space}
data:
{data}"""
CREDENTIALS = """apiVersion: v1
kind: Secret
metadata:
  name: {name}-credentials
  namespace: {space}
  labels:
    app: {name}
type: Opaque
data:
{secrets}"""
CRONJOB = """apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}-nightly
  namespace: {space}
spec:
  schedule: "{minute} {hour} * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
            - name: {app}
              image: {image}
              args: ["--{word}", "{value}"]
"""
INGRESS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {space}
spec:
  rules:
    - host: {app}{number}.example.com
      http:
        paths:
          - path: /{word}
            pathType: Prefix
            backend:
              service:
                name: {name}
                port:
                  number: {port}
"""
CLAIM = """apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}-data
  namespace: {space}
  labels:
    app: {name}
    tier: {value}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: {word}-disk
  resources:
    requests:
      storage: {cpu}Gi
"""
ROLE = """apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {name}-reader
  namespace: {space}
rules:
  - apiGroups: [""]
    resources: [{resource}, events]
    verbs: [get, list, watch]
  - apiGroups: [apps]
    resources: [deployments]
    resourceNames: [{name}]
    verbs: [get, patch]
"""
GOOD_ONES = (
    (DEPLOYMENT,),
    (DEPLOYMENT, SERVICE),
    (CONFIG, DEPLOYMENT, SERVICE),
    (CREDENTIALS, DEPLOYMENT),
    (CONFIG,),
    (CREDENTIALS,),
    (CRONJOB,),
    (SERVICE, INGRESS),
    (CLAIM,),
    (ROLE,),
    (INGRESS,),
)

TEMPLATE = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Values.name }}
  labels: {{- include "chart.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
        - name: app
          image: {{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
"""
COMPOSE = """services:
  web:
    image: registry.internal/web:4
    ports: ["80:8080"]
    environment: [MODE=strict, REGION=eu-west, WORKERS=4]
  store:
    image: registry.internal/store:2
    volumes: ["data:/var/lib/store"]
volumes:
  data: {}
"""
TERRAFORM = """resource "cloud_instance" "web" {
  count         = 3
  instance_type = "small"
  image         = "base-2024"
  tags = {
    Name  = "web"
    Owner = "platform"
    Stage = "production"
  }
  network {
    subnet = "private"
  }
}
"""
LEVELS = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 10))
BOMB = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: many\nx0: &x0 [a, a, a, a, a, a, a, a, a]\n{LEVELS}"
RECURSIVE = "apiVersion: v1\nkind: ConfigMap\nmetadata: &self\n  name: itself\n  annotations: *self\n"
PYTHON = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: odd\ndata: !!python/object/apply:os.system ["true"]\n'
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml, b.yaml]\n"
