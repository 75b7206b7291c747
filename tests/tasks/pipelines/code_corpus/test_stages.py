"""Stages that look at one file after another: nothing is lost, and no stage depends on where a batch ends."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.code_corpus import COLUMNS
from schemas.contracts import Files
from schemas.finding import SourceError
from tasks.curate.text import languages
from tasks.pipelines.code_corpus import stages
from tasks.quality.contract import check
from tests.tasks.pipelines.code_corpus.files import JAVASCRIPT, PYTHON, Held, decoded, measured, selected

pytestmark = pytest.mark.unit


def test_without_guessing_only_utf_8_is_read_and_with_it_other_encodings_are_named() -> None:
    latin = PYTHON.replace("a text", "ein schöner Text über Größe").encode("latin-1")
    files = selected({}, {"content": latin})
    strict, left = stages.encoding(files, guess=False)
    assert len(strict) == 1
    assert left[["outcome", "reason"]].values.tolist() == [["quarantined", "not_utf8"]]
    read, left = stages.encoding(files, guess=True)
    assert left.empty
    assert read["encoding"].tolist() == ["utf-8", "latin-1"]
    assert "über Größe" in read["content"].iloc[1]


def test_broken_files_are_rejected_and_white_space_goes_without_a_change_of_meaning() -> None:
    conflict = PYTHON + "<<<<<<< ours\na = 1\n=======\na = 2\n>>>>>>> theirs\n"
    blanks = PYTHON.replace("return found", "return found   \t").replace("\n", "\r\n") + "\n\n"
    kept, left = stages.malformed(decoded({"content": blanks.encode()}, {"content": conflict.encode()}))
    assert left["reason"].tolist() == ["merge_conflict"]
    tidy, none = stages.whitespace(kept)
    assert none.empty
    assert tidy["content"].tolist() == [PYTHON]


def test_personal_data_goes_and_the_file_says_so_and_still_parses() -> None:
    mail = "ada" + "@" + "lovelace-engines.org"
    spoken = PYTHON.replace("Counts the words", f"Ask {mail}. Counts the words")
    kept, left = stages.pii(decoded({}, {"content": spoken.encode()}))
    assert left.empty
    assert kept["outcome"].tolist() == [False, True]
    assert mail not in kept["content"].iloc[1]
    assert languages.parses(kept["content"].iloc[1], "Python")


def test_a_measured_file_keeps_the_contract() -> None:
    made = measured({}, {"path": "a.js", "content": JAVASCRIPT.encode()})
    assert list(made.columns) == list(COLUMNS)
    kept, refused = check(made, Files)
    assert (len(kept), len(refused)) == (2, 0)
    assert made["size"].tolist() == [len(PYTHON.encode()), len(JAVASCRIPT.encode())]
    assert made["lines"].tolist() == [PYTHON.count("\n"), JAVASCRIPT.count("\n")]
    assert made["complexity"].iloc[0] == 2  # one function, one loop
    assert pd.isna(made["complexity"].iloc[1])
    uncounted, _ = stages.tokens(decoded({}), count=False, vocabulary="", vocabulary_sha256="")
    assert uncounted["tokens"].isna().all()


ALL = (
    partial(stages.encoding, guess=True),
    stages.malformed,
    stages.whitespace,
    stages.pii,
    partial(stages.tokens, count=True, vocabulary="", vocabulary_sha256=""),
)


ODD = (PYTHON, PYTHON.replace("found", "größe"), PYTHON + "# " + "x" * 2_000, PYTHON + "ada" + "@" + "b.example.org\n")


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=7), st.integers(1, 4))
@settings(max_examples=8)
def test_no_stage_depends_on_where_a_batch_ends(contents: list[str], size: int) -> None:
    files = selected(*({"path": f"{at}.py", "content": text.encode()} for at, text in enumerate(contents)))
    for step in ALL:
        whole = step(files)
        cut = [step(batch.reset_index(drop=True)) for batch in Held(files, size).batches()]
        for side in (0, 1):
            joined = pd.concat([pair[side] for pair in cut], ignore_index=True)
            pd.testing.assert_frame_equal(joined, whole[side].reset_index(drop=True))
        files = whole[0]


def test_a_list_that_was_given_and_is_not_there_stops_the_run(tmp_path: Path) -> None:
    for read, flag in ((stages.benchmark_strings, "--benchmarks"), (stages.vocabulary_of, "--tokenizer")):
        with pytest.raises(SourceError, match=flag):
            read(tmp_path / "none")
    assert stages.benchmark_strings(None) == ()
    assert stages.vocabulary_of(None) == ("", "")
