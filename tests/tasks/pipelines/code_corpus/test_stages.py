"""The code corpus, step by step: nothing is lost, nothing leaves without a reason, and no step cares how it is cut."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.code_corpus import CHECKED, CLUSTERS, COLUMNS, LANGUAGES, LONGEST_NAME, RAW_ROWS, SLICES, SMALLEST, Files
from schemas.finding import SourceError
from schemas.snapshot import REJECT_COLUMNS
from tasks.curate.dedup import minhash
from tasks.curate.text import languages
from tasks.pipelines.code_corpus import reports
from tasks.pipelines.code_corpus import stages as corpus
from tasks.publish.report import render
from tasks.publish.run import failed, verdict
from tasks.quality.contract import check
from tasks.quality.outcome_bias import outcome_bias
from tests.benchmarks import bench_minhash

pytestmark = pytest.mark.unit

LIMITS = {"missing_limit": 0.0, "outlier_limit": 0.05, "rejected_limit": 0.05}

PYTHON = '''"""Counts the words of a text."""


def counted(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in text.lower().split():
        found[word] = found.get(word, 0) + 1
    return found
'''

JAVASCRIPT = """export function counted(text) {
  const found = new Map();
  for (const word of text.toLowerCase().split(" ")) {
    found.set(word, (found.get(word) ?? 0) + 1);
  }
  return found;
}
"""


class Held:
    """A table in memory as a Scan, `size` rows a batch."""

    def __init__(self, table: pd.DataFrame, size: int = 2) -> None:
        self.table, self.size, self.rows = table.reset_index(drop=True), size, len(table)

    def read(self, *columns: str) -> pd.DataFrame:
        return self.table[list(columns)]

    def batches(self, *columns: str) -> Iterator[pd.DataFrame]:
        chosen = self.table[list(columns)] if columns else self.table
        for at in range(0, max(len(chosen), 1), self.size):
            yield chosen.iloc[at : at + self.size]


def raw(*rows: dict[str, Any]) -> pd.DataFrame:
    """Raw rows; what one does not say is that of a good file."""
    good = {
        "file": "files.parquet",
        "repo": "ada/engine",
        "path": "src/count.py",
        "language": "Python",
        "licence": "MIT",
        "revision": "f" * 40,
        "blob": "0" * 40,
        "stars": 12,
        "encoding": "utf-8",
        "size": None,
        "content": PYTHON.encode(),
        "fault": None,
    }
    filled = [{**good, "line": at, **row} for at, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(filled, schema=RAW_ROWS).to_pandas(types_mapper=pd.ArrowDtype)


def organised(*rows: dict[str, Any], **how: Any) -> pd.DataFrame:
    kept, left = corpus.organised(raw(*rows), **how)
    assert left.empty, left["reason"].tolist()
    return kept


def decoded(*rows: dict[str, Any]) -> pd.DataFrame:
    kept, left = corpus.decoded(organised(*rows))
    assert left.empty
    return kept


def texts(contents: Sequence[str], **more: Sequence[Any]) -> pd.DataFrame:
    """Files of repositories of their own that hold these texts, of whatever language, decoded."""
    known = [{name: values[at] for name, values in more.items()} for at in range(len(contents))]
    files = decoded(*({"repo": f"r{at}/x", **told} for at, told in enumerate(known)))
    return files.assign(content=pd.Series(list(contents), dtype=COLUMNS["content"]))


def both(made: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What stayed, as one table, and the rejects."""
    return pd.concat(list(made[0]), ignore_index=True), made[1]


# --- organising ------------------------------------------------------------------------------------------------------

REASONS = [
    ("opted_out", {"repo": "Bob/things"}),
    ("language_unknown", {"path": "lib/a.rb"}),
    ("language_not_asked", {"path": "A.java", "language": "Java"}),
    ("few_stars", {"stars": 9}),
    ("licence_missing", {"licence": None}),
    ("licence_not_permissive", {"licence": "GPL-3.0-only"}),
    ("licence_not_permissive", {"licence": "MIT AND GPL-2.0-only"}),
    ("licence_not_permissive", {"licence": "LicenseRef-own"}),
    ("too_small", {"content": b"x = 1\n"}),
    ("too_large", {"content": PYTHON.encode() * 20}),
    ("too_large", {"content": None, "size": 5_000, "fault": "not_fetched"}),
    ("null_content", {"content": None, "size": 200, "fault": "null_content"}),
    ("wrong_content", {"content": None, "size": 200, "fault": "wrong_content"}),
    ("not_found", {"content": None, "size": 200, "fault": "not_found"}),
]


@pytest.mark.parametrize(("reason", "row"), REASONS)
def test_a_file_that_may_not_be_used_leaves_for_the_first_reason_that_holds(reason: str, row: dict[str, Any]) -> None:
    kept, left = corpus.organised(raw({}, row), asked=["Python"], opted_out=["bob"], largest=4_000)
    assert len(kept) == 1
    assert left["reason"].tolist() == [reason]
    assert left["line"].tolist() == [2]
    assert left["outcome"].tolist() == ["quarantined" if row.get("fault") not in (None, "not_fetched") else "dropped"]


def test_what_a_source_does_not_tell_of_a_file_leaves_no_file_out_but_for_its_licence() -> None:
    untold = dict.fromkeys(("stars", "revision", "blob", "encoding", "size", "language"))
    kept = organised(untold)
    assert len(kept) == 1
    assert kept["stars"].isna().all()


def test_a_file_in_another_language_than_its_name_says_leaves() -> None:
    java = (
        "package a;\n\nimport java.util.List;\n\npublic class Count {\n"
        + "".join(
            f"    private static int f{n}(List<String> words) {{\n        return words.size() + {n};\n    }}\n"
            for n in range(9)
        )
        + "}\n"
    )
    kept, left = corpus.organised(raw({"content": java.encode()}, {"content": java.encode(), "path": "A.java"}))
    assert left["reason"].tolist() == ["language_mismatch"]
    assert kept["language"].tolist() == ["Java"]


def test_a_rejected_file_is_told_by_its_place_and_never_by_its_content() -> None:
    _, left = corpus.organised(raw({"licence": None}))
    assert tuple(left.columns) == REJECT_COLUMNS
    assert left["row"].tolist() == ["ada/engine/src/count.py"]


PART = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=90)


@given(st.sampled_from(sorted(LANGUAGES)), PART, st.lists(PART, min_size=1, max_size=9))
def test_a_name_fits_any_system_stays_in_its_languages_folder_and_keeps_its_ending(
    language: str, repo: str, parts: list[str]
) -> None:
    ending = LANGUAGES[language][0]
    name = corpus.short_name(language, repo, "/".join(parts) + ending)
    assert len(name) <= LONGEST_NAME
    assert name.split("/")[0] == language.lower().replace("+", "p")
    assert ".." not in name.split("/")
    assert name.endswith(ending)


def test_two_long_paths_that_differ_at_their_start_have_two_names_and_the_manifest_says_whose_they_are() -> None:
    long = ["a/" + "deep/" * 60 + "x.py", "b/" + "deep/" * 60 + "x.py"]
    kept = organised({"path": long[0]}, {"path": long[1]}, {"path": "short.py"})
    assert kept["name"].nunique() == 3
    told = reports.ingest_manifest(kept[list(reports.TAKEN_IN)])
    assert {entry["path"] for entry in told["shortened_names"].values()} == set(long)
    assert set(told["shortened_names"]) == set(kept["name"][:2])
    assert told["by_language"]["Python"]["files"] == told["files"] == 3


def test_of_a_file_that_comes_twice_the_first_stays_and_of_a_language_the_first_so_many() -> None:
    rows = [{"path": name} for name in ("a.py", "a.py", "b.py", "c.py")]
    files = organised(*rows)
    kept, left = both(corpus.chosen(Held(files), most=2))
    assert kept["path"].tolist() == ["a.py", "b.py"]
    assert left[["line", "reason"]].values.tolist() == [[2, "repeated"], [4, "over_max_samples"]]


def test_all_files_of_a_repository_are_in_one_split() -> None:
    files = organised(*({"repo": f"o/r{n % 9}", "path": f"{n}.py"} for n in range(90)))
    assert (files.groupby("repo")["split"].nunique() == 1).all()
    assert files["split"].nunique() > 1


# --- row by row ------------------------------------------------------------------------------------------------------


def test_without_guessing_only_utf_8_is_read_and_with_it_other_encodings_are_told() -> None:
    latin = PYTHON.replace("a text", "ein schöner Text über Größe").encode("latin-1")
    files = organised({}, {"content": latin})
    strict, left = corpus.decoded(files, guess=False)
    assert len(strict) == 1
    assert left[["outcome", "reason"]].values.tolist() == [["quarantined", "not_utf8"]]
    read, left = corpus.decoded(files)
    assert left.empty
    assert read["encoding"].tolist() == ["utf-8", "latin-1"]
    assert "über Größe" in read["content"].iloc[1]


def test_broken_files_leave_and_white_space_goes_without_a_change_of_meaning() -> None:
    conflict = PYTHON + "<<<<<<< ours\na = 1\n=======\na = 2\n>>>>>>> theirs\n"
    blanks = PYTHON.replace("return found", "return found   \t").replace("\n", "\r\n") + "\n\n"
    kept, left = corpus.cleaned(decoded({"content": blanks.encode()}, {"content": conflict.encode()}))
    assert left["reason"].tolist() == ["merge_conflict"]
    tidy, none = corpus.tidied(kept)
    assert none.empty
    assert tidy["content"].tolist() == [PYTHON]


def test_personal_data_goes_and_the_file_says_so_and_still_parses() -> None:
    mail = "ada" + "@" + "lovelace-engines.org"
    spoken = PYTHON.replace("Counts the words", f"Ask {mail}. Counts the words")
    kept, left = corpus.redacted(decoded({}, {"content": spoken.encode()}))
    assert left.empty
    assert kept["outcome"].tolist() == [False, True]
    assert mail not in kept["content"].iloc[1]
    assert languages.parses(kept["content"].iloc[1], "Python")


def test_a_finished_file_keeps_the_contract_and_is_measured() -> None:
    made, none = corpus.finished(decoded({}, {"path": "a.js", "content": JAVASCRIPT.encode()}))
    assert none.empty
    assert list(made.columns) == list(COLUMNS)
    kept, refused = check(made, Files)
    assert (len(kept), len(refused)) == (2, 0)
    assert made["size"].tolist() == [len(PYTHON.encode()), len(JAVASCRIPT.encode())]
    assert made["lines"].tolist() == [PYTHON.count("\n"), JAVASCRIPT.count("\n")]
    assert made["complexity"].iloc[0] == 2  # one function, one loop
    assert pd.isna(made["complexity"].iloc[1])
    assert corpus.finished(decoded({}), tokens=False)[0]["tokens"].isna().all()


STEPS = (corpus.decoded, corpus.cleaned, corpus.tidied, corpus.redacted, corpus.finished)


ODD = (PYTHON, PYTHON.replace("found", "größe"), PYTHON + "# " + "x" * 2_000, PYTHON + "ada" + "@" + "b.example.org\n")


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=7), st.integers(1, 4))
@settings(max_examples=8)
def test_no_step_cares_where_a_batch_ends(contents: list[str], size: int) -> None:
    files = organised(*({"path": f"{at}.py", "content": text.encode()} for at, text in enumerate(contents)))
    for step in STEPS:
        whole = step(files)
        cut = [step(batch.reset_index(drop=True)) for batch in Held(files, size).batches()]
        for side in (0, 1):
            joined = pd.concat([pair[side] for pair in cut], ignore_index=True)
            pd.testing.assert_frame_equal(joined, whole[side].reset_index(drop=True))
        files = whole[0]


# --- all files together ----------------------------------------------------------------------------------------------


def test_a_copy_leaves_as_exact_one_that_differs_in_white_space_as_normalised_and_the_map_says_for_whom() -> None:
    files = texts([PYTHON, PYTHON + "# other\n", PYTHON, PYTHON.replace("    ", "\t")])
    kept, left, removed = (*both(made := corpus.distinct(Held(files))), made[2])
    assert kept["repo"].tolist() == ["r0/x", "r1/x"]
    assert left["reason"].tolist() == ["duplicate_exact", "duplicate_normalised"]
    assert removed.columns.tolist() == CLUSTERS.names
    assert removed["cluster"].tolist() == [files["id"][0]] * 2
    assert removed["id"].tolist() == files["id"][2:].tolist()


@pytest.mark.parametrize(("keep", "stays"), [("first", 0), ("shortest", 1), ("longest", 2), ("best", 3)])
def test_of_several_copies_the_one_asked_for_stays(keep: Any, stays: int) -> None:
    copies = [PYTHON.replace("    ", blank) for blank in ("   ", " ", "      ", "  ")]
    files = texts(copies, stars=[11, 12, 13, 40])
    kept, _ = both(corpus.distinct(Held(files), keep=keep))
    assert kept["repo"].tolist() == [f"r{stays}/x"]
    files = texts([f"{PYTHON}# {'long ' * n}end\n" for n in (2, 1, 3, 2)], stars=[11, 12, 13, 40])
    kept, _ = both(corpus.unlike(Held(files), threshold=0.5, keep=keep))
    assert kept["repo"].tolist() == [f"r{stays}/x"]


def test_no_file_leaves_but_for_one_that_stays() -> None:
    """A is like B and B like C, but A is not like C: B goes for A, C stays."""
    words = [f"w{n}" for n in range(200)]
    a, b, c = words[:160], words[8:168], words[16:176]
    files = texts([" ".join(text) for text in (a, b, c)])
    near, far = (minhash.jaccard(files["content"][0], files["content"][other]) for other in (1, 2))
    threshold = (near + far) / 2
    kept, left, removed = (*both(made := corpus.unlike(Held(files), threshold=threshold)), made[2])
    assert kept["repo"].tolist() == ["r0/x", "r2/x"]
    assert left["reason"].tolist() == ["near_duplicate"]
    assert removed["jaccard"].iloc[0] >= threshold
    assert removed["cluster"].iloc[0] in kept["id"].tolist()


@pytest.fixture(scope="module")
def real(real_data: Path) -> list[str]:
    """Texts of every third real file of a usual size."""
    column = pq.read_table(real_data / "code/source_files.parquet", columns=["content"])["content"]
    return [text for text in column.to_pylist()[::3] if 500 < len(text) < 20_000]


def test_planted_near_duplicates_of_real_files_are_found_and_nothing_else_goes(real: list[str]) -> None:
    """2, 5, 10, 20 and 40 % of the lines changed. Recall of pairs at .85 or more, precision of all that leave."""
    rng = random.Random(5)
    originals = rng.sample(real, 1_200)
    planted = {len(originals) + at: (at, share) for at, share in enumerate([0.02, 0.05, 0.1, 0.2, 0.4] * 150)}
    copies = [changed(originals[at], share, rng) for at, share in planted.values()]
    files = texts(originals + copies)
    assert len(files) == len(originals) + len(copies)
    kept, left, removed = (*both(made := corpus.unlike(Held(files, 500), threshold=0.85)), made[2])
    stays, text_of = set(kept["id"]), dict(zip(files["id"], files["content"], strict=True))
    assert len(kept) + len(left) == len(files)
    wrong = [pair for pair in removed[["id", "cluster"]].values if measured(text_of, *pair) < 0.85]
    assert wrong == []
    assert set(removed["cluster"]) <= stays
    sought = [
        (files["id"][row], files["id"][at])
        for row, (at, _) in planted.items()
        if bench_minhash.measured(*(bench_minhash.shingles(files["content"][n]) for n in (row, at))) >= 0.85
    ]
    assert len(sought) > 150
    missed = [pair for pair in sought if set(pair) <= stays]
    assert len(missed) / len(sought) <= 0.03


def changed(text: str, share: float, rng: random.Random) -> str:
    """The text with this share of its lines changed: a word at their end, or, one in four, another line."""
    lines = text.splitlines()
    for at in rng.sample(range(len(lines)), max(1, round(share * len(lines)))):
        name = f"v{rng.randrange(10**6)}"
        lines[at] = f"{name} = compute({name})" if rng.random() < 0.25 else f"{lines[at]} {name}"
    return "\n".join(lines)


def measured(text_of: dict[str, str], one: str, other: str) -> float:
    return bench_minhash.measured(bench_minhash.shingles(text_of[one]), bench_minhash.shingles(text_of[other]))


def test_a_file_that_holds_a_benchmarks_string_leaves_however_it_is_laid_out() -> None:
    benchmark = "Return how often each word occurs in a given paragraph of prose."
    quoting = PYTHON.replace("Counts the words of a text.", benchmark.replace(" ", "\n   ", 3).upper())
    kept, left = both(corpus.uncontaminated(Held(texts([PYTHON, quoting])), benchmarks=[benchmark]))
    assert kept["repo"].tolist() == ["r0/x"]
    assert left["reason"].tolist() == ["benchmark"]


def test_what_repeats_the_test_split_leaves_the_others_and_the_test_split_stays(real: list[str]) -> None:
    rng = random.Random(6)
    ones = [text for text in real if len(text) > 3_000][:40]
    files = texts([*ones, *(changed(text, 0.1, rng) for text in ones)])
    files = files.assign(split=["test"] * 40 + ["train"] * 40).astype({"split": COLUMNS["split"]})
    kept, left = both(corpus.uncontaminated(Held(files)))
    assert (kept["split"] == "test").sum() == 40
    assert len(left) >= 38
    assert set(left["reason"]) == {"repeats_test"}


# --- what a reviewer wants to know -----------------------------------------------------------------------------------


def clusters(*pairs: tuple[str, str], kind: str = "exact") -> pd.DataFrame:
    rows = [{"cluster": stays, "id": goes, "kind": kind, "jaccard": 1.0} for stays, goes in pairs]
    return pa.Table.from_pylist(rows, schema=CLUSTERS).to_pandas(types_mapper=pd.ArrowDtype)


def statistics(*removed: pd.DataFrame, stages: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    made, _ = corpus.finished(decoded({}, {"path": "b.py", "repo": "bob/x", "licence": "ISC"}))
    return reports.data_statistics(made[list(CHECKED)], *removed, stages=stages)


def test_a_cluster_counts_all_files_that_left_for_the_one_that_stays_in_the_end() -> None:
    """First b left for a; then a left for z, as did y: one cluster of four."""
    told = statistics(clusters(("a", "b")), clusters(("z", "a"), ("z", "y"), kind="near"))["duplicates"]
    assert told["clusters"] == 1
    assert told["by_cluster_size"]["4"] == 1
    assert told["removed"] == {"near": 2, "exact": 1}


def test_the_statistics_add_up_and_a_stage_that_loses_a_file_closes_the_gate() -> None:
    stage = {"stage": "cleaned", "in": 5, "kept": 3, "left_out": {"long_lines": 2}}
    told = statistics(stages=[stage])
    assert told["files"] == sum(group["files"] for group in told["by_licence"].values()) == 2
    assert all(finding["holds"] for finding in told["findings"])
    told = statistics(stages=[{**stage, "kept": 2}])
    broken = [finding for finding in told["findings"] if not finding["holds"]]
    assert [(finding["name"], finding["severity"]) for finding in broken] == [("files lost between stages", "error")]


def test_an_id_that_comes_twice_closes_the_gate() -> None:
    made, _ = corpus.finished(decoded({}, {}))
    told = reports.data_statistics(made[list(CHECKED)], stages=[])
    assert [finding["name"] for finding in told["findings"] if not finding["holds"]] == ["repeated ids"]


def test_the_validation_report_counts_who_keeps_the_contract_and_why_others_do_not() -> None:
    made, _ = corpus.finished(decoded({}, {"path": "b.py"}, {"path": "c.py"}))
    made.loc[1, "digest"] = "short"
    valid, refused = check(made, Files)
    told = reports.validation_report(valid, refused)
    assert (told["total_files"], told["valid_files"], told["invalid_files"]) == (3, 2, 1)
    assert told["invalid_by_reason"] == {"digest_malformed": 1}
    assert set(told["columns"]) == set(COLUMNS)


def test_the_licence_card_names_every_licence_with_its_terms() -> None:
    made, _ = corpus.finished(decoded({}, {"path": "b.py", "licence": "Apache-2.0"}))
    card = reports.licence_card(made)
    assert "| MIT | 1 | 1 |" in card
    assert "https://spdx.org/licenses/Apache-2.0.html" in card


def test_a_run_of_no_files_has_statistics_a_card_and_a_summary_too() -> None:
    made, _ = corpus.finished(decoded({}))
    none = made.iloc[:0][list(CHECKED)]
    told = reports.data_statistics(none, stages=[])
    validation = reports.validation_report(*check(made.iloc[:0], Files))
    bias = outcome_bias(none, slices=SLICES, disparity_limit=0.1)
    found = reports.code_anomalies(none, previous_rows=None, rejected_rows=0, volume_drop=0.2, **LIMITS)
    run = reports.corpus_summary(none, told, validation, found, bias, mode="sample", source={})
    assert (told["files"], run["splits"]) == (0, {})
    assert "none, it has no files" in reports.licence_card(none)


def test_what_the_checks_and_the_bias_report_find_is_on_the_page() -> None:
    """A page that says nothing is wrong while a report beside it says otherwise would be believed."""
    made, _ = corpus.finished(decoded({}, {"path": "b.py"}))
    seen = made[list(CHECKED)]
    told, validation = reports.data_statistics(seen, stages=[]), reports.validation_report(*check(made, Files))
    fall = reports.code_anomalies(seen, previous_rows=100, rejected_rows=0, volume_drop=0.5, **LIMITS)
    bias = outcome_bias(seen, slices=SLICES, disparity_limit=0.1)
    bias |= {"severity": "high", "findings": ["repo: one/of has 99 % of the rows"]}
    run = reports.corpus_summary(seen, told, validation, fall, bias, mode="sample", source={})
    assert verdict(run)[0] == "look"
    wrong = {"groups far off the others", *(found["name"] for found in fall["anomalies"])}
    assert {finding["name"] for finding in failed(run)} == wrong
    page = render(run)
    assert "repo: one/of has 99 % of the rows" in page
    assert "Severity: high" in page


def test_a_list_that_was_given_and_is_not_there_stops_the_run(tmp_path: Path) -> None:
    for read, flag in ((corpus.benchmark_strings, "--benchmarks"), (corpus.vocabulary_of, "--tokenizer")):
        with pytest.raises(SourceError, match=flag):
            read(tmp_path / "none")
    assert corpus.benchmark_strings(None) == ()
    assert corpus.vocabulary_of(None) == {}


def test_small_is_what_the_limit_says_to_the_byte() -> None:
    at_limit = (b"a = 1\n" * 40)[:SMALLEST]
    kept, left = corpus.organised(raw({"content": at_limit}, {"content": at_limit[:-1]}))
    assert (len(kept), left["reason"].tolist()) == (1, ["too_small"])
