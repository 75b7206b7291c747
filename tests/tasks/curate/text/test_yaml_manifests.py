"""Reading manifests nobody vouches for: what is read is what YAML says, what is not has a reason, and all in bounds."""

import contextlib
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tasks.curate.text import yaml_manifests as manifests
from tasks.curate.text.yaml_manifests import Refused, documents, resources, same_structure, scalars

pytestmark = pytest.mark.unit


def reason(text: str) -> str:
    """Why a text is refused."""
    with pytest.raises(Refused) as refused:
        resources(documents(text))
    return refused.value.reason


def head(kind: str = "ConfigMap", **metadata: str) -> str:
    named = "".join(f"  {key}: {value}\n" for key, value in {"name": "x", **metadata}.items())
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n{named}"


# --- YAML ------------------------------------------------------------------------------------------------------------

TREES: Any = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc- :#", max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(TREES, min_size=1, max_size=3), st.booleans())
def test_documents_are_what_the_reference_parser_reads(trees: list[Any], flow: bool) -> None:
    """Oracle: PyYAML's BaseLoader, pure Python, which leaves every scalar the text it is; several documents."""
    text = yaml.safe_dump_all(trees, default_flow_style=flow, allow_unicode=True)
    assert documents(text) == list(yaml.load_all(text, yaml.BaseLoader))


def test_empty_documents_nulls_and_quoted_nulls() -> None:
    """An empty value is None, a quoted one is the empty text; an empty document is None."""
    text = "a:\nb: ~\nc: ''\nd: null\ne: 'null'\n---\n---\n# nothing\n"
    assert documents(text) == [{"a": None, "b": None, "c": "", "d": None, "e": "null"}, None, None]
    assert documents("") == []


def test_merged_keys_are_a_mappings_own_and_the_first_mapping_that_has_a_key_wins() -> None:
    """yaml.org/type/merge.html: own keys before merged ones, earlier mappings before later ones."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {<<: *a}\n'<<': quoted\n"
    found = documents(text)[0]
    assert isinstance(found, dict)
    assert found["c"] == {"x": "1", "y": "1", "z": "3"}
    assert found["d"] == {"x": "1", "y": "1"}
    assert found["<<"] == "quoted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2", "invalid_yaml"),
        ("a: 'never ends", "invalid_yaml"),
        ("a: 1\n\tb: 2", "invalid_yaml"),
        ("a: x\0y", "invalid_yaml"),
        ("a: \ud800", "invalid_yaml"),
        ("a: *nowhere", "invalid_yaml"),
        ("a: &a 1\n---\nb: *a", "invalid_yaml"),
        ("{a: b}: c", "invalid_yaml"),
        ("[a, b]: c", "invalid_yaml"),
        ("a: {<<: text}", "invalid_yaml"),
        ("name: {{ .Values.name }}", "invalid_yaml"),
        ("a: 1\nb: 2\na: 3", "duplicate_key"),
        ("~: 1\nnull: 2", "duplicate_key"),
        ("a: !!python/object/apply:os.system [echo]", "unknown_tag"),
        ("a: !!python/name:os.system", "unknown_tag"),
        ("a: !Ref Bucket", "unknown_tag"),
        ("!!set {a, b}", "unknown_tag"),
        ("a: &a [*a]", "recursive_anchor"),
        ("a: &a\n  b:\n    c: *a", "recursive_anchor"),
        ("[" * 101, "too_deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(101)) + " " * 101 + "a: 1", "too_deep"),
    ],
)
def test_what_is_not_read_has_a_reason(text: str, expected: str) -> None:
    """Each fault by its own word."""
    assert reason(text) == expected


def test_yamls_own_tags_are_read_as_text() -> None:
    """`!!str`, `!!binary` and the like say something about a value that the value's text says too."""
    assert documents("a: !!str 1\nb: !!binary aGk=\nc: ! 2\nd: !!null ''\n") == [
        {"a": "1", "b": "aGk=", "c": "2", "d": ""}
    ]


def test_nothing_of_the_text_stands_in_a_refusal() -> None:
    """A refusal goes into a rejects table; what was read was not redacted yet."""
    for text in ("password: [hunter2", "hunter2: 1\nhunter2: 2", "a: !hunter2 x", "a: *hunter2"):
        with pytest.raises(Refused) as refused:
            documents(text)
        assert "hunter2" not in str(refused.value)
        assert "line" in str(refused.value)


def test_a_deep_but_sound_file_is_read() -> None:
    """Custom resource definitions nest deep; the deepest real one has 37 levels."""
    assert documents("".join(f"{' ' * n}a:\n" for n in range(90)))


@pytest.mark.parametrize(
    "text",
    [
        "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n"
        + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 30)),
        "x0: &x0 {a: 1, b: 2}\n" + "".join(f"x{n}: &x{n} {{a: *x{n - 1}, b: *x{n - 1}}}\n" for n in range(1, 60)),
        "x0: &x0 {a0: 1}\n" + "".join(f"x{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}], a{n}: 1}}\n" for n in range(1, 60)),
    ],
    ids=["billion laughs", "mappings", "merges"],
)
def test_a_bomb_is_refused_at_once(text: str) -> None:
    """Aliases are counted by what they stand for, before anybody walks over it."""
    started = time.process_time()
    assert reason(text) == "yaml_bomb"
    assert time.process_time() - started < 1


def test_many_aliases_that_stand_for_little_are_no_bomb() -> None:
    """A limit on aliases as such would refuse honest files."""
    assert documents("a: &a {b: c}\nd:\n" + "- *a\n" * 10_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{" * 500_000,
        "- " * 250_000,
        "? " * 250_000,
        "- a\n" * 125_000,
        "[" + "a," * 249_000 + "]",
        "a: " + "x" * 5_000_000,
        '"' + "\\x41" * 120_000 + '"',
        "a: |\n" + "  x\n" * 120_000,
        "#" * 500_000,
        "&a " * 160_000,
        "!" * 500_000,
        "%" * 500_000,
        "---\n" * 125_000,
        "a: b: " * 80_000,
        "\u202eabc: \u05d0\u05d1\n" + "# \u202e\n" * 50_000,
    ],
    ids=lambda text: text[:3],
)
def test_no_text_of_a_files_size_takes_long(text: str) -> None:
    """Libyaml's time grows with the square of the nesting; ours must not. 0.5 s here for the worst."""
    started = time.process_time()
    with contextlib.suppress(Refused):
        documents(text)
    assert time.process_time() - started < 5


def test_right_to_left_and_other_scripts_are_read_as_they_are() -> None:
    """Text is text."""
    assert documents("\u05e9\u05dd: \u202e\u05d0\u05d1\u05d2\nemoji: \U0001f600\n") == [
        {"\u05e9\u05dd": "\u202e\u05d0\u05d1\u05d2", "emoji": "\U0001f600"}
    ]


# --- scalars and structure -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_scalars_place_is_where_its_text_stands(mark: str) -> None:
    """Places count characters of the text as it was given, with a byte order mark, beyond the first plane too."""
    text = mark + "\u00e9: \U0001f600x # no\nb: 'q'\n"
    assert [(text[s.start : s.end], s.value) for s in scalars(text)] == [
        ("\u00e9", "\u00e9"),
        ("\U0001f600x", "\U0001f600x"),
        ("b", "b"),
        ("'q'", "q"),
    ]


@given(TREES)
def test_a_reading_has_the_structure_of_itself_and_of_itself_with_other_values(tree: Any) -> None:
    """Replacing what scalars say changes no structure."""

    def other(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: other(value) for key, value in part.items()}
        return [other(item) for item in part] if isinstance(part, list) else "other"

    read = documents(yaml.safe_dump(tree))
    assert same_structure(read, read)
    assert same_structure(read, other(read))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "b: 1"),
        ("a: 1", "a: [1]"),
        ("a: 1", "a: {b: 1}"),
        ("a: {b: 1}", "a: [b]"),
        ("a: [1]", "a: [1, 2]"),
        ("a: {b: 1}", "a: {b: 1, c: 1}"),
        ("a: 1", "a: 1\n---\na: 1"),
        ("a: {b: [x, {c: d}]}", "a: {b: [x, {e: d}]}"),
        ("{a: 1, b: 2}", "{b: 2, a: 1}"),
    ],
)
def test_another_key_length_or_nesting_is_another_structure(before: str, after: str) -> None:
    """Whichever of the two is redacted."""
    assert not same_structure(documents(before), documents(after))
    assert not same_structure(documents(after), documents(before))


def test_structures_full_of_aliases_are_compared_once() -> None:
    """Sharing stays sharing: 2**15 paths lead to one text, and none is walked twice."""
    text = "x0: &x0 {a: 1}\n" + "".join(f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 16))
    started = time.process_time()
    assert same_structure(documents(text), documents(text))
    assert time.process_time() - started < 1


# --- manifests -------------------------------------------------------------------------------------------------------


def test_every_document_and_every_item_of_a_list_is_a_resource_in_its_order() -> None:
    """A `List` of any kind is taken apart; empty documents are none."""
    items = "apiVersion: v1\nkind: RoleList\nitems:\n- {apiVersion: v1, kind: Role, metadata: {name: y}}\n"
    text = f"---\n{head()}---\n# empty\n---\n{items}---\n{head('Secret', namespace='shop')}"
    found = resources(documents(text))
    assert [(r.kind, r.name, r.namespace) for r in found] == [
        ("ConfigMap", "x", ""),
        ("Role", "y", ""),
        ("Secret", "x", "shop"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\n---\n",
        "just text",
        "- apiVersion: v1\n  kind: ConfigMap\n",
        "apiVersion: v1\nkind: ConfigMap\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: text\n",
        "apiVersion: v1\nkind: [ConfigMap]\nmetadata: {name: x}\n",
        "apiVersion: v1\nkind: '{{ kind }}'\nmetadata: {name: x}\n",
        "kind: ConfigMap\nmetadata: {name: x}\n",
        f"{head()}---\nkind: values\n",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "apiVersion: v1\nkind: List\nitems: [text]\n",
    ],
)
def test_a_document_that_is_no_object_makes_the_file_no_manifest(text: str) -> None:
    """One such document is enough: nobody could apply the whole."""
    assert reason(text) == "not_a_manifest"


def test_a_name_the_cluster_makes_up_is_a_name_and_says_so() -> None:
    """GenerateName alone leaves `name` empty."""
    (found,) = resources(documents("apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: run-}\n"))
    assert (found.name, found.group) == ("", "batch")


WORKLOAD = """
spec:
  replicas: 3
  ports: [{port: 1}]
  template:
    spec:
      containers:
      - {image: "web:1", ports: [{containerPort: 80}, {containerPort: 80}]}
      - {image: "proxy:2", ports: [{containerPort: 81}]}
      - text
"""


def test_what_a_workload_runs_is_found_wherever_its_kind_keeps_it() -> None:
    """Images, ports and replicas; a kind without pods has none."""
    (found,) = resources(documents(head("Deployment") + WORKLOAD))
    assert manifests.images(found) == ["web:1", "proxy:2"]
    assert manifests.ports(found) == [80, 81]
    assert manifests.replicas(found) == 3
    (config,) = resources(documents(head()))
    assert (manifests.images(config), manifests.ports(config), manifests.replicas(config)) == ([], [], None)
    (job,) = resources(
        documents(head("CronJob") + "spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: a}]}}}}}")
    )
    assert manifests.images(job) == ["a"]


def test_a_services_ports_are_those_it_offers() -> None:
    """Not those it forwards to."""
    (found,) = resources(documents(head("Service") + "spec: {ports: [{port: 80, targetPort: 8080}, {port: http}]}"))
    assert manifests.ports(found) == [80]


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("007", 7), ("0", 0), ("", None), ("-1", None), ("1.5", None), ("9" * 10, None), ("\u0663", None)],
)
def test_a_number_is_a_few_decimal_digits(text: str, value: int | None) -> None:
    """Anything else is text, and no number of a thousand digits is ever made."""
    assert manifests.number(text) == value


def test_a_path_that_leads_nowhere_gives_nothing() -> None:
    """Whatever stands in the way: missing keys, lists, texts, positions past the end."""
    tree = documents("a: [{b: c}, d]")[0]
    assert manifests.text_of(tree, "a", 0, "b") == "c"
    for path in (("x",), ("a", 2), ("a", "b"), ("a", 0, "b", "c"), (0,), ("a", 1, 0)):
        assert manifests.at(tree, *path) is None
        assert manifests.text_of(tree, *path) == ""
        assert manifests.items_of(tree, *path) == []
