"""Shards of The Stack with infrastructure files: which Parquet files are read, how, and a generated sample.

A shard is known by its columns, whatever its name. The real ones lie on the Hugging Face Hub behind terms that have to
be accepted there once; REPO at REVISION is what mode live brings.
"""

import base64
import dataclasses
import functools
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.ds6_the_stack import FURTHER_COLUMNS, LICENCE_SEPARATOR, NEEDED_COLUMNS, RAW_ROWS
from schemas.finding import SourceError
from schemas.source import Source
from tasks.sources import huggingface, parquet

REPO = "bigcode/the-stack-dedup"  # the near-deduplicated copy; its terms are accepted on its page
REVISION = "17cad72c886a2858e08d4c349a00d6466f54df63"  # of 17 August 2023, its latest
SHARDS = "data/yaml/data-00000-of-*.parquet"  # the first of the YAML shards; data/yaml/*.parquet are all of them

BATCH_ROWS = 1_024  # files of 3 kB on average, of 1 MB at most


def identify(path: Path) -> str | None:
    """Say "shards" of a Parquet file with The Stack's columns, None of any other file.

    A Parquet file whose end is missing tells no columns. It counts as one of ours: reading it says what is wrong,
    where leaving it aside would lose its rows in silence.
    """
    if path.suffix != ".parquet":
        return None
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        return "shards"
    return "shards" if set(NEEDED_COLUMNS) <= set(names) else None


def count(path: Path) -> int:
    """Rows of a shard, as its footer tells. Raises SourceError for a file that is no whole Parquet file."""
    with _opened(path, path.name) as shard:
        return int(shard.metadata.num_rows)


def _opened(path: Path, name: str) -> pq.ParquetFile:
    return parquet.opened(path, name, "if it is no shard of The Stack")


def decode(path: Path, name: str) -> Iterator[pa.Table]:
    """Rows of a shard as RAW_ROWS, BATCH_ROWS at a time; a column that the shard lacks is null.

    Faults: null_content, invalid_utf8 (the bytes that are none are replaced). An empty shard gives one table without
    rows. Raises SourceError for a file that is no whole Parquet file, or lacks a column that is needed.
    """
    with _opened(path, name) as shard:
        present = [column for column in (*NEEDED_COLUMNS, *FURTHER_COLUMNS) if column in shard.schema_arrow.names]
        missing = [column for column in NEEDED_COLUMNS if column not in present]
        if missing:
            raise SourceError(
                f"{name} has no column {', '.join(missing)}; it has {', '.join(shard.schema_arrow.names)}. "
                "A shard of The Stack has them: give one of its Parquet files."
            )
        yield from _rows(shard, present, name)


def _rows(shard: pq.ParquetFile, present: list[str], name: str) -> Iterator[pa.Table]:
    line = 1
    try:
        for batch in shard.iter_batches(BATCH_ROWS, columns=present):
            yield _raw(batch, name, line)
            line += len(batch)
    except (pa.ArrowInvalid, OSError) as fault:
        raise SourceError(
            f"{name}, after row {line - 1:,}: a page cannot be read ({fault}). The file was altered: bring it again."
        ) from fault
    if line == 1:
        yield RAW_ROWS.empty_table()


def _raw(batch: pa.RecordBatch, name: str, first: int) -> pa.Table:
    texts = {column: _as_text(batch.column(column)) for column in batch.schema.names}
    content, damaged = _valid(texts["content"])
    fault = pc.if_else(damaged, "invalid_utf8", pc.if_else(pc.is_null(content), "null_content", None))
    rows = len(batch)
    columns = {
        "file": pa.repeat(name, rows),
        "line": pa.array(range(first, first + rows), pa.int64()),
        **{column: _valid(values)[0] for column, values in texts.items()},
        "content": content,
        "fault": fault,
    }
    return pa.table([columns.get(f.name, pa.nulls(rows, f.type)) for f in RAW_ROWS], schema=RAW_ROWS)


def _as_text(values: pa.Array) -> pa.Array:
    """A column as strings: lists joined by LICENCE_SEPARATOR, numbers as they are written, bytes as they are."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pc.binary_join(values.cast(pa.list_(pa.string())), LICENCE_SEPARATOR)
    return values.cast(pa.string(), safe=False) if not pa.types.is_binary(values.type) else _unchecked(values)


def _unchecked(values: pa.Array) -> pa.Array:
    """Bytes called text without a look: `_valid` looks at all text."""
    return pa.Array.from_buffers(pa.string(), len(values), values.buffers(), offset=values.offset)


def _valid(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(texts in which bytes that are no UTF-8 are replaced, which ones had such)."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.binary()).to_pylist()
        text = [None if value is None else value.decode("utf-8", "replace") for value in raw]
        damaged = [value is not None and _is_damaged(value) for value in raw]
        return pa.array(text, pa.string()), pa.array(damaged)
    return texts, pa.repeat(False, len(texts))


def _is_damaged(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def bring(folder: Path, repo: str = REPO, revision: str = REVISION, shards: str = SHARDS) -> list[Path]:
    """Download the shards of a pinned revision into `folder`; what is there and whole is not asked for again."""
    return huggingface.bring(repo, revision, [shards], folder)


def at(repo: str, revision: str, shards: str) -> Source:
    """The source with other shards, or another copy or revision of The Stack."""
    fetch = functools.partial(bring, repo=repo, revision=revision, shards=shards)
    return dataclasses.replace(SOURCE, bring=fetch, pin=f"{repo}@{revision}/{shards}")


# ---------------------------------------------------------------------------------------------------------------------
# The generated sample: manifests of our own making in the real columns, values that must not get out planted in some
# of them, and files of every kind that has to be left out. What becomes of each row is known because it was planted.

GOOD = 240  # manifests to be kept, at scale 1
FEWEST_GOOD = 96  # however small the scale: one wrong file of each kind stays within the budget of the quarantine
SHARD_ROWS = 128
WRONG = 3  # of each kind of file that is left out, at scale 1

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


class Fields(dict[str, str]):
    """What a manifest's placeholders stand for; `planted` are the values that must not get out."""

    def __init__(self, rng: random.Random, number: int) -> None:
        app = rng.choice(APPS)
        tag = f"{rng.randrange(1, 9)}.{rng.randrange(30)}.{rng.randrange(20)}"
        memory = rng.choice((64, 128, 192, 256, 384, 512))
        super().__init__(
            app=app,
            name=f"{app}-{rng.choice(WORDS).replace('_', '-')}-{number}",
            number=str(number),
            space=rng.choice(SPACES),
            workload=rng.choice(("Deployment", "Deployment", "StatefulSet")),
            service=rng.choice(("ClusterIP", "NodePort", "LoadBalancer")),
            image=f"{rng.choice(REGISTRIES)}/{app}:{tag}",
            replicas=str(rng.randrange(1, 12)),
            port=str(rng.randrange(3_000, 9_999)),
            cpu=str(rng.randrange(5, 95) * 10),
            memory=str(memory),
            more=str(memory * rng.choice((2, 3))),
            minute=str(rng.randrange(60)),
            hour=str(rng.randrange(24)),
            word=rng.choice(WORDS).replace("_", "-"),
            value=rng.choice(VALUES),
            resource=rng.choice(("pods", "configmaps", "services", "endpoints")),
        )
        self.planted: list[str] = []


def _password(rng: random.Random) -> str:
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "".join(rng.choices(letters, k=11)) + rng.choice("!#%") + str(rng.randrange(10, 99))


def _person(rng: random.Random) -> str:
    name = rng.choice(("ada", "grace", "linus", "barbara"))
    return f"{name}.{rng.choice(OWNERS)}{rng.randrange(999)}@{rng.choice(OWNERS)}.io"


def _cloud_key(rng: random.Random) -> str:
    return "AKIA" + "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))


def _hub_token(rng: random.Random) -> str:
    return "ghp_" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=36))


def _address(rng: random.Random) -> str:
    return (
        f"{rng.choice((81, 93, 151, 188, 203))}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}"
    )


# Variable -> what it holds that must not get out.
PLANTS: dict[str, Callable[[random.Random], str]] = {
    "DB_PASSWORD": _password,
    "SUPPORT_EMAIL": _person,
    "AWS_ACCESS_KEY_ID": _cloud_key,
    "GITHUB_TOKEN": _hub_token,
    "PEER_ADDRESS": _address,
}


def _manifest(rng: random.Random, number: int) -> tuple[str, list[str]]:
    """A manifest of one document or several, and the values planted in it."""
    fields = Fields(rng, number)
    settings = {word: rng.choice(VALUES) for word in rng.sample(WORDS, rng.randrange(6, 12))}
    if number % 3 == 0:
        name = rng.choice(list(PLANTS))
        settings[name] = PLANTS[name](rng)
    keys = rng.sample(("username", "password", "api-token", "client-secret"), 2)
    hidden = {key: base64.b64encode(_password(rng).encode()).decode() for key in keys}
    note = f"  annotations:\n    note: {fields['word']} {fields['value']} {number}\n" if number % 2 else ""
    fields |= {
        "env": "".join(f'            - name: {k.upper()}\n              value: "{v}"\n' for k, v in settings.items()),
        "data": "".join(f'  {key}: "{value}"\n' for key, value in settings.items()),
        "secrets": "".join(f"  {key}: {value}\n" for key, value in hidden.items()),
        "annotations": note,
    }
    documents = GOOD_ONES[number % len(GOOD_ONES)]
    text = "---\n".join(document.format_map(fields) for document in documents)
    held = [*(settings[name] for name in PLANTS if name in settings), *hidden.values()]
    return text, [value for value in held if value in text]


def _wrong(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """One file of each kind that is left out: (reason, the columns in which it differs from a good one)."""
    text = _manifest(rng, rng.randrange(10_000, 99_999))[0]
    long = "# " + " ".join(rng.choices(WORDS, k=40)) + "\n"  # what is wrong is not that it is short
    return [
        ("not_yaml", {"content": TERRAFORM + long, "max_stars_repo_path": "main.tf"}),
        ("not_yaml", {"content": "FROM base\n" + long * 3, "max_stars_repo_path": "Dockerfile"}),
        ("too_small", {"content": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"}),
        ("too_large", {"content": text + ("# " + "x" * 5_000 + "\n") * 101}),
        ("low_alphanumeric", {"content": "apiVersion: v1\nkind: ConfigMap\n# " + "-=" * 400}),
        ("licence_not_permissive", {"content": text, "max_stars_repo_licenses": ["GPL-3.0"]}),
        ("licence_not_permissive", {"content": text, "max_stars_repo_licenses": ["MIT", "AGPL-3.0-only"]}),
        ("licence_missing", {"content": text, "max_stars_repo_licenses": []}),
        ("not_a_manifest", {"content": COMPOSE + long}),
        ("not_a_manifest", {"content": KUSTOMIZATION + long}),
        ("template", {"content": TEMPLATE}),
        ("invalid_yaml", {"content": text[: text.index("\n", 120)] + '\nname: "never ends\n' + long}),
        ("invalid_yaml", {"content": text + "data:\n\tkey: \0\n"}),
        ("duplicate_key", {"content": text + "kind: Service\n"}),
        ("yaml_bomb", {"content": BOMB + long}),
        ("recursive_anchor", {"content": RECURSIVE + long}),
        ("unknown_tag", {"content": PYTHON + long}),
        ("null_content", {"content": None}),
    ]


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write shards in The Stack's columns into `folder`, and truth.json: what each row must become, what is planted."""
    rng = random.Random(seed)
    good = [("kept", *_manifest(rng, number)) for number in range(max(FEWEST_GOOD, round(GOOD * scale)))]
    rows = [(outcome, _row(rng, {"content": text}), planted) for outcome, text, planted in good]
    for _ in range(max(1, round(WRONG * scale))):
        rows += [(reason, _row(rng, columns), []) for reason, columns in _wrong(rng)]
    rng.shuffle(rows)
    copies = [row for outcome, row, _ in rows if outcome == "kept"][: max(1, round(WRONG * scale))]
    rows += [("duplicate_content", _row(rng, {"content": row["content"]}), []) for row in copies]
    _write(folder, rows)


def _row(rng: random.Random, columns: dict[str, Any]) -> dict[str, Any]:
    """A row in the real columns; `columns` are those in which it is not like any other."""
    app, content = rng.choice(APPS), columns["content"] or ""
    path = columns.get("max_stars_repo_path", f"deploy/{app}/{rng.randrange(10_000)}.{rng.choice(('yaml', 'yml'))}")
    lengths = [len(line) for line in content.splitlines()] or [0]
    row = {
        "hexsha": hashlib.sha1(f"{path}\0{content}\0{rng.random()}".encode()).hexdigest(),  # noqa: S324  like git's
        "size": len(content.encode()),
        "ext": path.rpartition(".")[2],
        "lang": "YAML",
        "max_stars_repo_path": path,
        "max_stars_repo_name": f"{rng.choice(OWNERS)}/{app}",
        "max_stars_repo_head_hexsha": f"{rng.getrandbits(160):040x}",
        "max_stars_repo_licenses": [rng.choice(LICENCES)],
        "max_stars_count": rng.choice((None, rng.randrange(1, 500))),
        "avg_line_length": sum(lengths) / len(lengths),
        "max_line_length": max(lengths),
        "alphanum_fraction": sum(map(str.isalnum, content)) / max(1, len(content)),
    }
    return row | columns


def _write(folder: Path, rows: list[tuple[str, dict[str, Any], list[str]]]) -> None:
    shards = [rows[first : first + SHARD_ROWS] for first in range(0, len(rows), SHARD_ROWS)]
    truth = []
    for number, shard in enumerate(shards):
        name = f"data-{number:05d}-of-{len(shards):05d}.parquet"
        table = pa.Table.from_pylist([row for _, row, _ in shard], schema=SHARD)
        pq.write_table(table, folder / name, compression="zstd")
        truth += [
            {"file": name, "line": line, "outcome": outcome, "planted": planted}
            for line, (outcome, _, planted) in enumerate(shard, start=1)
        ]
    (folder / "truth.json").write_text(json.dumps({"rows": truth}, indent=1))


SHARD = pa.schema(
    {
        "hexsha": pa.string(),
        "size": pa.int64(),
        "ext": pa.string(),
        "lang": pa.string(),
        "max_stars_repo_path": pa.string(),
        "max_stars_repo_name": pa.string(),
        "max_stars_repo_head_hexsha": pa.string(),
        "max_stars_repo_licenses": pa.list_(pa.string()),
        "max_stars_count": pa.int64(),
        "content": pa.string(),
        "avg_line_length": pa.float64(),
        "max_line_length": pa.int64(),
        "alphanum_fraction": pa.float64(),
    }
)

SOURCE = Source(
    stem="ds6_the_stack",
    title="The Stack (deduplicated), infrastructure as code",
    homepage=f"https://huggingface.co/datasets/{REPO}",
    licence="The licence of each file's repository, told in every row; permissive ones only are kept",
    citation=(
        "Denis Kocetkov, Raymond Li, Loubna Ben Allal, Jia Li, Chenghao Mou, Carlos Munoz Ferrandis, Yacine Jernite, "
        "Margaret Mitchell, Sean Hughes, Thomas Wolf, Dzmitry Bahdanau, Leandro von Werra, Harm de Vries. The Stack: "
        "3 TB of permissively licensed source code. 2022. arXiv:2211.15533."
    ),
    expected=("shards",),
    patterns=("*.parquet",),
    identify=identify,
    sample=sample,
    count=count,
    bring=bring,
    pin=f"{REPO}@{REVISION}/{SHARDS}",
    how_to_get=(
        f"The Stack is gated: sign in at huggingface.co, accept its terms at https://huggingface.co/datasets/{REPO}, "
        "and set HF_TOKEN to a token that may read it."
    ),
)
