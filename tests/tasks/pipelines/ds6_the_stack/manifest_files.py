"""Infrastructure files as raw rows for tests, and what becomes of them."""

import base64
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa

from schemas import format_b
from schemas.ds6_the_stack import OUTCOME, PLACE, RAW_ROWS, SLICES
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.ds6_the_stack.conversations import conversations

PAD = "# " + "padding of the kind that comments are " * 6 + "\n"
MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: web
          image: registry.internal/web:1.25
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  ports:
    - port: 80
"""
LIST = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]\n"
KUSTOMIZATION = "resources: [a.yaml]\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def rows(*contents: str | None, **columns: Any) -> pd.DataFrame:
    """Raw rows; `columns` are what all of them have otherwise."""
    usual = {
        "max_stars_repo_path": "deploy/web.yaml",
        "max_stars_repo_licenses": "MIT",
        "max_stars_repo_name": "ada/web",
        "max_stars_repo_head_hexsha": "0" * 40,
    }
    made = [
        {"file": "x.parquet", "line": n, "content": text, "hexsha": f"{n:040x}", **usual, **columns}
        for n, text in enumerate(contents, start=1)
    ]
    return pa.Table.from_pylist(made, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def judged(frame: pd.DataFrame, **parameters: Any) -> list[str]:
    """What becomes of each row: "kept" or its reason; each exactly once."""
    kept, left = conversations(frame, **parameters)
    became = dict.fromkeys(kept["line"], "kept") | dict(zip(left["line"], left["reason"], strict=True))
    assert len(kept) + len(left) == len(became) == len(frame)
    assert list(kept.columns) == [*format_b.COLUMNS, *SLICES, *OUTCOME, *PLACE]
    assert dict(left.dtypes) == REJECT_COLUMNS
    return [became[line] for line in frame["line"]]


def only(text: str, **columns: Any) -> dict[str, Any]:
    """The one conversation of a file."""
    kept, left = conversations(rows(text, **columns))
    assert left["reason"].tolist() == []
    return dict(kept.iloc[0])


def messages(row: dict[str, Any]) -> list[dict[str, str]]:
    return list(orjson.loads(row["messages"]))


def params(row: dict[str, Any]) -> dict[str, Any]:
    (step,) = orjson.loads(messages(row)[2]["content"])["workflow"]["steps"]
    assert step["tool"] == "apply_manifest"
    return dict(step["params"])


HIDDEN = "correct-horse-7-battery"
SECRET = f"""{PAD}apiVersion: v1
kind: Secret
metadata:
  name: login
data:
  password: {base64.b64encode(HIDDEN.encode()).decode()}
stringData:
  other: {HIDDEN}
"""
