"""The generated sample: our own manifests in The Stack's columns, with planted secrets, and files of every wrong kind.

What becomes of each row is known, because it was planted: truth.json has it.
"""

import base64
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.pipelines.ds6_the_stack.sample_texts import (
    APPS,
    BOMB,
    COMPOSE,
    GOOD_ONES,
    KUSTOMIZATION,
    LICENCES,
    OWNERS,
    PYTHON,
    RECURSIVE,
    REGISTRIES,
    SPACES,
    TEMPLATE,
    TERRAFORM,
    VALUES,
    WORDS,
)

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

GOOD = 240  # manifests that are kept, at scale 1
FEWEST_GOOD = 96  # at any scale: one wrong file of each kind stays within the budget of the quarantine
SHARD_ROWS = 128
WRONG = 3  # rejected files of each kind, at scale 1


class ShardRow(TypedDict, total=False):
    """A row in the real columns, or those of them in which it differs from others."""

    hexsha: str
    size: int
    ext: str
    lang: str
    max_stars_repo_path: str
    max_stars_repo_name: str
    max_stars_repo_head_hexsha: str
    max_stars_repo_licenses: list[str]
    max_stars_count: int | None
    content: str | None
    avg_line_length: float
    max_line_length: int
    alphanum_fraction: float


class Planted(NamedTuple):
    """A row of the sample: what becomes of it ("kept", or a reason), and the values that must not get out."""

    outcome: str
    row: ShardRow
    values: list[str]


class Fields(dict[str, str]):
    """Values for a manifest's placeholders."""

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


# Variable -> a value that must not get out.
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
    values = [*(settings[name] for name in PLANTS if name in settings), *hidden.values()]
    return text, [value for value in values if value in text]


def _wrong(rng: random.Random) -> list[tuple[str, ShardRow]]:
    """Files of each kind that is rejected: (reason, the columns in which the file differs from a good one)."""
    text = _manifest(rng, rng.randrange(10_000, 99_999))[0]
    long = "# " + " ".join(rng.choices(WORDS, k=40)) + "\n"  # long enough: its size must not be the reason
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
    """Write shards in The Stack's columns into `folder`, and truth.json: the outcome and planted values of each row."""
    rng = random.Random(seed)
    good = [_manifest(rng, number) for number in range(max(FEWEST_GOOD, round(GOOD * scale)))]
    rows = [Planted("kept", _shard_row(rng, {"content": text}), values) for text, values in good]
    for _ in range(max(1, round(WRONG * scale))):
        rows += [Planted(reason, _shard_row(rng, columns), []) for reason, columns in _wrong(rng)]
    rng.shuffle(rows)
    copies = [row for outcome, row, _ in rows if outcome == "kept"][: max(1, round(WRONG * scale))]
    rows += [Planted("duplicate_content", _shard_row(rng, {"content": row["content"]}), []) for row in copies]
    _write_shards(folder, rows)


def _shard_row(rng: random.Random, columns: ShardRow) -> ShardRow:
    """A row in the real columns; `columns` are those in which it differs from others."""
    app, content = rng.choice(APPS), columns["content"] or ""
    path = columns.get("max_stars_repo_path", f"deploy/{app}/{rng.randrange(10_000)}.{rng.choice(('yaml', 'yml'))}")
    lengths = [len(line) for line in content.splitlines()] or [0]
    row: ShardRow = {
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
    return {**row, **columns}


def _write_shards(folder: Path, rows: list[Planted]) -> None:
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
