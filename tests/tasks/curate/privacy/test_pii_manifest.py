"""A redacted manifest parses to what it was, redacted values apart, and nothing in it is run or expanded."""

import time

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curate.privacy import pii
from tasks.curate.privacy.pii_manifest import leaks, redact_manifest

DEPLOYMENT = """\
# mail bob@corp.io before you touch this
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {owner: "bob@corp.io", 'second': 'eve@corp.io'}}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: web
        image: registry.io/web:12.1.0.1
        args: ["--db=postgres://app:hunter2@db/x", --peer=10.1.2.3:80]
        env:
        - name: DB_PASSWORD
          value: hunter2
        - {name: API_KEY, value: 'abcd1234efgh'}
        - name: TOKEN
          valueFrom: {secretKeyRef: {name: web, key: token}}
      volumes:
      - name: certs
        secret:
          secretName: my-password
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec:
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
---
apiVersion: v1
kind: Secret
metadata:
  name: web
data:
  token: aHVudGVyMg==
  blob: !!binary |
    aHVudGVyMg==
  next:
    aHVudGVyMg==
stringData:
  key: |
    -----BEGIN RSA PRIVATE KEY-----
    MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn
    -----END RSA PRIVATE KEY-----
  pin: !!int 123456
  said: "\\x41 \\
    second"
"""


def read(text: str) -> list:
    """The documents of a YAML text, as plain data."""
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def same(before: object, after: object) -> bool:
    """Whether two documents are alike but for strings that hold a placeholder."""
    if isinstance(before, dict):
        return isinstance(after, dict) and [*before] == [*after] and all(same(before[k], after[k]) for k in before)
    if isinstance(before, list):
        return isinstance(after, list) and len(before) == len(after) and all(map(same, before, after))
    return before == after or (isinstance(after, str) and any(p in after for p in pii.PLACEHOLDERS.values()))


def test_a_manifest_keeps_its_structure_and_what_is_no_secret():
    """Worked by hand: every value that is one is gone, quotes and blocks are kept, references, tags, blocks stay."""
    redacted = redact_manifest(DEPLOYMENT)
    before, after = read(DEPLOYMENT), read(redacted.text)
    assert same(before, after)
    assert after[1] == before[1]
    masked = "<K8S_SECRET_DATA>"
    assert after[2]["data"] == {"token": masked, "blob": f"{masked}\n", "next": masked}
    assert after[2]["stringData"]["pin"] == "<K8S_SECRET_DATA>"
    web = after[0]["spec"]["template"]["spec"]
    assert web["containers"][0]["image"] == "registry.io/web:12.1.0.1"
    assert web["containers"][0]["args"] == ["--db=postgres://<CONNECTION_STRING>@db/x", "--peer=<IPV4>:80"]
    assert web["containers"][0]["env"][:2] == [
        {"name": "DB_PASSWORD", "value": "<PASSWORD>"},
        {"name": "API_KEY", "value": "<PASSWORD>"},
    ]
    assert web["volumes"] == before[0]["spec"]["template"]["spec"]["volumes"]
    assert redacted.text.startswith("# mail <EMAIL> before you touch this\n")
    assert "  key: |\n    <PRIVATE_KEY>\n" in redacted.text
    assert leaks(redacted.text) == []
    assert redact_manifest(redacted.text) == pii.Redacted(redacted.text, ())


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("password:\n  hunter2\n", "password:\n  <PASSWORD>\n"),
        ("password: !!str hunter2", "password: !!str <PASSWORD>"),
        ("password: &pw !!int 123456", "password: &pw !!str <PASSWORD>"),
        ('email: "bob\\x40corp.io"', 'email: "<EMAIL>"'),
        ("password: |\n  hunter2\n\nuser: x", "password: |\n  <PASSWORD>\n\nuser: x"),
        ("a: >-\n  mail bob@corp.io\n  now", "a: >-\n  mail <EMAIL>\n  now"),
        ("- 'it''s bob@corp.io'", "- 'it''s <EMAIL>'"),
        ("password: [ bob@corp.io, 10.1.2.3 ]", "password: [ <EMAIL>, <IPV4> ]"),
        (
            "items:\n- kind: Secret\n  data:\n    a:\n      YWJj",
            "items:\n- kind: Secret\n  data:\n    a:\n      <K8S_SECRET_DATA>",
        ),
        ("kind: Secret\nstringData: {a: null, b: *x}\nx: &x y".replace("b: *x", "b: ''"), None),
    ],
)
def test_values_only_yaml_can_read(text, after):
    """On the line below, behind a tag or an anchor, with escapes, in blocks: redacted in place, legal in place."""
    redacted = redact_manifest(text)
    assert redacted.text == (after or text)
    assert same(read(text), read(redacted.text))
    assert leaks(redacted.text) == []


def test_a_span_that_would_break_the_value_takes_all_of_it():
    r"""`"a\x41lice@..."`: the detector's span begins inside an escape; the whole value goes, in quotes."""
    redacted = redact_manifest('owner: !!str "a\\x41lice@corp.io"  # her\nblock: |\n  x\n')
    assert read(redacted.text) == [{"owner": "<EMAIL>", "block": "x\n"}]
    typed = redact_manifest('pin: !!binary "\\x41lice@corp.io"\n')
    assert read(typed.text) == [{"pin": "<EMAIL>"}]


def test_keys_are_never_changed_and_told_as_leaks():
    """A person's address as a key cannot be redacted without changing the structure: the leak check names it."""
    text = "bob@corp.io: admin\npassword: hunter2\n? {eve@corp.io: 1}\n: x\n"
    redacted = redact_manifest(text)
    assert redacted.text == text.replace("hunter2", "<PASSWORD>")
    assert [redacted.text[s.start : s.end] for s in leaks(redacted.text)] == ["bob@corp.io", "eve@corp.io"]


def test_text_that_is_no_yaml_is_redacted_as_text():
    """Templates and broken YAML lose their secrets too, and a lone surrogate is no reason to stop."""
    for text in ("{{ if .x }}\npassword: hunter2\n  a: [", "a: \ud800\npassword: hunter2\n"):
        assert redact_manifest(text).text == text.replace("hunter2", "<PASSWORD>")
        assert [s.kind for s in leaks(text)] == ["password"]


def test_clean_manifests_are_returned_as_they_are():
    """Nothing found, nothing changed, whatever the layout."""
    text = "a:   {b: [1,   2]}   # kept\r\nsecret:\r\n  secretName: x\r\n"
    assert redact_manifest(text) == pii.Redacted(text, ())
    assert leaks(text) == []


def test_json_is_yaml_too():
    """A Secret in JSON, and values in a list."""
    text = '{"kind": "List", "items": [{"kind": "Secret", "data": {"a": "YWJj", "b": "ZGVm"}}, "10.1.2.3"]}'
    masked = (
        text.replace("YWJj", "<K8S_SECRET_DATA>").replace("ZGVm", "<K8S_SECRET_DATA>").replace("10.1.2.3", "<IPV4>")
    )
    assert redact_manifest(text).text == masked


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [*a, {b: *a}]\n? *a\n: x\n",
        "a: !!python/object/apply:os.system ['exit 1']\n",
        "a: " + "[" * 50_000,
        "a: " + "{a: " * 50_000,
        "- " * 50_000 + "x",
        "&a " * 1000 + "x",
    ],
    ids=["bomb", "recursive", "object", "lists", "maps", "dashes", "anchors"],
)
def test_hostile_yaml_is_read_quickly_and_constructs_nothing(text):
    """Anchors that expand to 10^20 items, that hold themselves, tags that run code, nesting without end."""
    begun = time.perf_counter()
    redacted = redact_manifest(text + '\npassword: "hunter2"\n')
    assert redacted.text == text + '\npassword: "<PASSWORD>"\n'
    assert time.perf_counter() - begun < 10


VALUES = st.sampled_from(
    [
        *("hunter2", "bob@corp.io", "x 10.1.2.3 y", "web:1.2.3.4", "10.0.0.0/8", "", "- a: b", "it's", "#x", "null"),
        *("é\nbob@corp.io\n", "postgres://app:hunter2@db/x", "aHVudGVyMg==", "${X}", '"q" bob@corp.io', "12345678"),
        "a\\nbob@corp.io",
    ]
)
KEYS = st.sampled_from(["password", "data", "stringData", "name", "value", "kind", "token", "a b", "10.1.2.3", "x: y"])
TREES = st.recursive(
    VALUES | st.integers(0, 99_999_999) | st.none() | st.just("Secret"),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(TREES, st.sampled_from([None, "'", '"', "|", ">"]), st.booleans(), st.integers(20, 200))
def test_law_structure_before_is_structure_after(tree, style, flow, width):
    """Any tree, however written: the same keys, lists and untouched values, and no leak but in keys."""
    text = yaml.dump(tree, default_style=style, default_flow_style=flow, width=width, allow_unicode=True)
    redacted = redact_manifest(text)
    assert same(read(text), read(redacted.text))
    keys = {"10.1.2.3"}
    assert {redacted.text[s.start : s.end] for s in leaks(redacted.text)} <= keys


@pytest.mark.slow
@pytest.mark.dataset
def test_real_manifests_parse_to_the_same_before_and_after(real_data):
    """7,297 public files: structure kept, no leak left, no image tag, block of addresses or Secret's name touched."""
    files = pd.read_parquet(real_data / "iac" / "iac_files.parquet", columns=["content", "iac_kind"])
    redactions = [(text, redact_manifest(text)) for text in files["content"]]
    changed = [(text, redacted) for text, redacted in redactions if redacted.spans]
    parsed = 0
    for text, redacted in changed:
        try:
            before = read(text)
        except (yaml.YAMLError, ValueError):  # templates, and dates that are none
            continue
        parsed += 1
        assert same(before, read(redacted.text))
        assert leaks(redacted.text) == []
        assert kept(before) == kept(read(redacted.text))
    assert len(changed) > 200
    assert parsed > 100


def kept(tree: object) -> list:
    """Every image, block of addresses and name of a Secret in a document, in order."""
    if isinstance(tree, list):
        return [value for item in tree for value in kept(item)]
    if not isinstance(tree, dict):
        return []
    own = [v for k, v in tree.items() if k in {"image", "tag", "cidr", "secretName", "secretKeyRef", "secretRef"}]
    return own + [value for item in tree.values() for value in kept(item)]
