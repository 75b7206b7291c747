"""Which infrastructure files are kept, in the order of the checks, and every reason of a reject. Pure."""

from collections.abc import Iterable

import pandas as pd
import polars as pl

from schemas.ds6_the_stack import FEWEST_ALPHANUMERIC, LARGEST, LICENCE_SEPARATOR, SMALLEST
from schemas.reject import Reason, reasons
from tasks.curate.privacy.opt_out import is_among
from tasks.curate.text.yaml_manifests import DEEPEST, MOST_NODES
from tasks.quality.row_rules import Rule

# SPDX ids, as the list at spdx.org/licenses writes them.
PERMISSIVE = ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "Unlicense", "WTFPL", "0BSD")

YAML_SUFFIXES = (".yaml", ".yml")

# API groups of files that a command-line program reads; no cluster knows them.
CLIENT_GROUPS = (
    "kustomize.config.k8s.io",
    "kubeadm.k8s.io",
    "kind.x-k8s.io",
    "kops.k8s.io",
    "k3d.io",
    "k0sctl.k0sproject.io",
    "eksctl.io",
    "skaffold",
    "ctlptl.dev",
    "backstage.io",
    "blueprints.cloud.google.com",
)

# Helm's objects and functions between braces: a template engine has to fill them in.
HELM = r"\{\{[^{}]*?(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\binclude \"|\btemplate \")"

_SPDX = {name.lower(): name for name in PERMISSIVE}
_NOT_ALPHANUMERIC = bytes(byte for byte in range(128) if not chr(byte).isalnum())

REASONS = reasons(
    # By a file's columns: file_rules.
    Reason("opted_out", "dropped", "The owner of the repository asked to be left out."),
    Reason("null_content", "quarantined", "The row has no content."),
    Reason("invalid_utf8", "quarantined", "The content is not valid UTF-8."),
    Reason("not_yaml", "dropped", "The file's name does not end in .yaml or .yml."),
    Reason("too_small", "dropped", f"The content is shorter than {SMALLEST:,} bytes."),
    Reason("too_large", "dropped", f"The content is longer than {LARGEST:,} bytes."),
    Reason(
        "low_alphanumeric", "dropped", f"Less than {FEWEST_ALPHANUMERIC:.0%} of the characters are letters or digits."
    ),
    Reason("licence_missing", "dropped", "The row names no licence."),
    Reason("licence_not_permissive", "dropped", "One of the row's licences is not permissive."),
    # By columns or by content.
    Reason("not_a_manifest", "dropped", "A document has no apiVersion, no kind, or no metadata with a name."),
    Reason("template", "dropped", "The file is a template: braces have to be filled in before it is a manifest."),
    # By content: manifest.py.
    Reason("invalid_yaml", "dropped", "The content cannot be read as YAML."),
    Reason("unknown_tag", "dropped", "A value has a tag that is not one of YAML's own."),
    Reason("client_side", "dropped", "The file is for a command-line program such as kustomize, not for a cluster."),
    Reason("duplicate_key", "quarantined", "A mapping has one key twice, so readers see different values."),
    Reason("yaml_bomb", "quarantined", f"Aliases expand to more than {MOST_NODES:,} nodes."),
    Reason("recursive_anchor", "quarantined", "An alias is inside the value that it names."),
    Reason("too_deep", "quarantined", f"Values are nested more than {DEEPEST} levels deep."),
    Reason("redaction_changed_structure", "quarantined", "Redaction changed more than values."),
    Reason("leak", "quarantined", "After redaction the detector still finds something to redact."),
    Reason(
        "quotes_answer", "quarantined", "Every request for it would quote the manifest or contain a redacted value."
    ),
    # Among the conversations of all files: duplicates.py.
    Reason("duplicate_content", "dropped", "An earlier file has the same manifest after redaction."),
    Reason("duplicate_id", "dropped", "An earlier file has the same id."),
)
# Reasons of manifests that should have been kept; files with the other reasons were no candidates. For the pass rate.
VIOLATIONS = tuple(
    name
    for name, reason in REASONS.items()
    if reason.outcome == "quarantined" or name in ("invalid_yaml", "unknown_tag")
)


def file_rules(opted_out: Iterable[str]) -> tuple[Rule, ...]:
    """The rules over a file's columns, cheap ones first. `opted_out` are repositories, "owner/name", or "owner"."""
    absent = frozenset(opted_out)
    return (
        # name, keeps a file when ..., source of the rule or its number
        Rule("opted_out", lambda f: [not is_among(repo, absent) for repo in f["max_stars_repo_name"]], "its owner"),
        Rule("null_content", lambda f: f["fault"].fillna("") != "null_content", "the reader of the shard"),
        Rule("invalid_utf8", lambda f: f["fault"].fillna("") != "invalid_utf8", "the reader of the shard"),
        Rule("not_yaml", lambda f: [_ending(path) in YAML_SUFFIXES for path in f["max_stars_repo_path"]], "yaml.org"),
        Rule("too_small", lambda f: _sizes(f) >= SMALLEST, "the design's DS6"),
        Rule("too_large", lambda f: _sizes(f) <= LARGEST, "the design's DS6"),
        Rule("low_alphanumeric", lambda f: _alphanumeric_shares(f) >= FEWEST_ALPHANUMERIC, "The Stack's authors"),
        Rule("licence_missing", lambda f: f["max_stars_repo_licenses"].fillna("") != "", "spdx.org/licenses"),
        Rule("licence_not_permissive", lambda f: f["max_stars_repo_licenses"].map(spdx) != "", "the design's DS6"),
        Rule("not_a_manifest", _may_be_manifest, "Kubernetes API conventions, Types (Kinds)"),
        Rule("template", lambda f: ~f["content"].str.contains(HELM, regex=True), "Helm, Built-in Objects"),
    )


def _ending(path: object) -> str:
    """The end of a file's name from its last dot on, in small letters; "" for a name without one."""
    name = path.rpartition("/")[2] if isinstance(path, str) else ""
    return "".join(name.rpartition(".")[1:]).lower() if "." in name else ""


def _sizes(files: pd.DataFrame) -> pd.Series:
    lengths = pl.from_pandas(files["content"]).str.len_bytes()
    return pd.Series(lengths.to_numpy(), index=files.index)


def _alphanumeric_shares(files: pd.DataFrame) -> pd.Series:
    """Share of characters that are letters or digits; counted where the shard has no share."""
    given = pl.from_pandas(files["alphanum_fraction"]).cast(pl.Float64, strict=False).to_list()
    pairs = zip(given, files["content"], strict=True)
    shares = [alphanumeric_share(text) if share is None else share for share, text in pairs]
    return pd.Series(shares, index=files.index, dtype="float64")


def alphanumeric_share(text: str) -> float:
    """Share of a text's characters that are letters or digits of any script; 0 for an empty text."""
    if not text.isascii():
        return sum(map(str.isalnum, text)) / len(text)
    return len(text.encode().translate(None, _NOT_ALPHANUMERIC)) / max(1, len(text))


def spdx(licences: str) -> str:
    """A row's licences as one: "mit,Apache-2.0" -> "Apache-2.0 AND MIT"; "" where one of them is not permissive."""
    names = {_SPDX.get(name.strip().lower(), "") for name in licences.split(LICENCE_SEPARATOR)}
    return "" if "" in names else " AND ".join(sorted(names))


def _may_be_manifest(files: pd.DataFrame) -> pd.Series:
    """Whether a file has both words that no manifest lacks: most files need no parsing then."""
    texts = files["content"]
    return texts.str.contains("apiVersion", regex=False) & texts.str.contains("kind", regex=False)
