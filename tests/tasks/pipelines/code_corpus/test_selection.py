"""Selection and limit: which raw files are taken in, and what each is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_corpus import LANGUAGES, LONGEST_NAME, SMALLEST
from schemas.reject import REJECT_COLUMNS
from tasks.pipelines.code_corpus import reports, selection
from tests.tasks.pipelines.code_corpus.files import EVERYTHING, JAVA, Held, both, raw, selected

pytestmark = pytest.mark.unit


def test_what_is_not_known_of_a_file_rules_it_out_only_where_it_is_the_licence() -> None:
    untold = dict.fromkeys(("stars", "revision", "blob", "encoding", "size", "language"))
    kept = selected(untold)
    assert len(kept) == 1
    assert kept["stars"].isna().all()


def test_a_file_in_another_language_than_its_name_says_is_rejected() -> None:
    kept, rejects = selection.selection(
        raw({"content": JAVA.encode()}, {"content": JAVA.encode(), "path": "A.java"}), wanted=EVERYTHING
    )
    assert rejects["reason"].tolist() == ["language_mismatch"]
    assert kept["language"].tolist() == ["Java"]


def test_a_reject_names_repository_and_path_and_never_shows_content() -> None:
    _, left = selection.selection(raw({"licence": None}), wanted=EVERYTHING)
    assert list(left.columns) == list(REJECT_COLUMNS)
    assert left["row"].tolist() == ["ada/engine/src/count.py"]


PART = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=90)


@given(st.sampled_from(sorted(LANGUAGES)), PART, st.lists(PART, min_size=1, max_size=9))
def test_a_name_fits_any_system_stays_in_its_languages_folder_and_keeps_its_ending(
    language: str, repo: str, parts: list[str]
) -> None:
    ending = LANGUAGES[language][0]
    name = selection.short_name(language, repo, "/".join(parts) + ending)
    assert len(name) <= LONGEST_NAME
    assert name.split("/")[0] == language.lower().replace("+", "p")
    assert ".." not in name.split("/")
    assert name.endswith(ending)


def test_two_long_paths_that_differ_at_their_start_have_two_names_which_the_manifest_explains() -> None:
    long = ["a/" + "deep/" * 60 + "x.py", "b/" + "deep/" * 60 + "x.py"]
    kept = selected({"path": long[0]}, {"path": long[1]}, {"path": "short.py"})
    assert kept["name"].nunique() == 3
    told = reports.ingest_manifest(kept[list(reports.TAKEN_IN)])
    assert {entry["path"] for entry in told["shortened_names"].values()} == set(long)
    assert set(told["shortened_names"]) == set(kept["name"][:2])
    assert told["by_language"]["Python"]["files"] == told["files"] == 3


def test_of_a_repeated_file_the_first_is_kept_and_of_a_language_the_first_so_many() -> None:
    rows = [{"path": name} for name in ("a.py", "a.py", "b.py", "c.py")]
    files = selected(*rows)
    kept, left = both(selection.limit(Held(files), most=2))
    assert kept["path"].tolist() == ["a.py", "b.py"]
    assert left[["line", "reason"]].values.tolist() == [[2, "repeated"], [4, "over_max_samples"]]


def test_all_files_of_a_repository_are_in_one_split() -> None:
    files = selected(*({"repo": f"o/r{n % 9}", "path": f"{n}.py"} for n in range(90)))
    assert (files.groupby("repo")["split"].nunique() == 1).all()
    assert files["split"].nunique() > 1


def test_the_least_size_is_exact_to_the_byte() -> None:
    at_limit = (b"a = 1\n" * 40)[:SMALLEST]
    kept, left = selection.selection(raw({"content": at_limit}, {"content": at_limit[:-1]}), wanted=EVERYTHING)
    assert (len(kept), left["reason"].tolist()) == (1, ["too_small"])
