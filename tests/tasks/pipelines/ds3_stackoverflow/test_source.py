"""Posts in every layout: known by content, read row by row, nothing lost, nothing dangerous expanded."""

import csv
import json
import random
import tempfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ds3_stackoverflow import RAW
from schemas.finding import SourceError
from tasks.pipelines.ds3_stackoverflow import source as stackoverflow
from tasks.pipelines.ds3_stackoverflow.source import count, decode, identify

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

QUESTION = {
    "Id": "1",
    "PostTypeId": "1",
    "AcceptedAnswerId": "2",
    "CreationDate": "2019-01-02T03:04:05.678",
    "Score": "7",
    "ViewCount": "90",
    "Body": '<p>Why "so" &amp; not?</p>\n<pre><code>a < b</code></pre>',
    "OwnerUserId": "5",
    "Title": "Why?",
    "Tags": "<kubernetes><docker>",
}
ANSWER = {"Id": "2", "PostTypeId": "2", "ParentId": "1", "Score": "9", "Body": "<p>So.</p>"}


def row(values: dict[str, str]) -> str:
    """A row as the dump writes it."""
    cells = (f"{name}={quoteattr(value, {chr(10): '&#xA;', chr(34): '&quot;'})}" for name, value in values.items())
    return f"  <row {' '.join(cells)} />"


def dump(*rows: str, head: str = '<?xml version="1.0" encoding="utf-8"?>', end: str = "</posts>\n") -> bytes:
    return "\n".join((head, "<posts>", *rows, end)).encode()


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Rows without what is null."""
    table = pa.concat_tables(decode(path, "x"))
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


# --- one schema for all layouts --------------------------------------------------------------------------------------

ASKED = {
    "kind": "question",
    "question_id": "1",
    "question_title": "Why?",
    "question_body": QUESTION["Body"],
    "question_tags": "<kubernetes><docker>",
    "question_score": "7",
    "question_views": "90",
    "question_accepted": "2",
    "question_created": "2019-01-02T03:04:05.678",
    "question_owner_id": "5",
}
TOLD = {"kind": "answer", "question_id": "1", "answer_id": "2", "answer_body": "<p>So.</p>", "answer_score": "9"}


def test_the_dump_gives_questions_and_answers_with_their_lines(tmp_path: Path) -> None:
    """Attributes unescaped, each row with the line it stands in."""
    path = written(tmp_path / "Posts.xml", b"\xef\xbb\xbf" + dump(row(QUESTION), row(ANSWER)))
    assert read(path) == [{"file": "x", "line": 3, **ASKED}, {"file": "x", "line": 4, **TOLD}]


def test_the_two_tables_give_the_same(tmp_path: Path) -> None:
    """Names as in Stack_Qns_pl.csv and Stack_Ans_pl.csv; fields over several lines."""
    questions, answers = tmp_path / "q.csv", tmp_path / "a.csv"
    asked = {name: value for name, value in QUESTION.items() if name != "PostTypeId"}
    answered = {"AnswerId": "2", "QuestionId": "1", "AnswerBody": "<p>So.</p>", "AnswerScore": "9"}
    for path, values in ((questions, asked), (answers, answered)):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([values.keys(), values.values(), [], values.values()])
    assert read(questions) == [{"file": "x", "line": 2, **ASKED}, {"file": "x", "line": 5, **ASKED}]
    assert [row["line"] for row in read(answers)] == [2, 4]
    assert {name: value for name, value in read(answers)[0].items() if name not in ("file", "line")} == TOLD


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (
            {"id": 1, "post_type_id": 1, "post_body": "b", "post_title": "t", "accepted_answer_id": 2.0, "score": 7},
            {"kind": "question", "question_id": "1", "question_accepted": "2", "question_score": "7"},
        ),
        (
            {"Id": 2, "PostTypeId": 2, "ParentId": 1, "Body": "b", "q_Id": 1, "q_Score": 5, "q_Tags": "<x>"},
            {"kind": "answer", "question_id": "1", "answer_id": "2", "question_score": "5", "question_tags": "<x>"},
        ),
        (
            {"question_id": 1, "title": "t", "body": "b", "tags": ["x", "y"], "owner": {"user_id": 3, "badges": {}}},
            {"kind": "question", "question_tags": "<x><y>", "question_owner_id": "3", "question_id": "1"},
        ),
        (
            {"answer_id": 2, "question_id": 1, "body": "b", "is_accepted": True, "owner": {"display_name": "ada"}},
            {"kind": "answer", "answer_chosen": "true", "answer_owner": "ada", "question_id": "1"},
        ),
        (
            {"title": "t", "tags": "x", "question_id": 1, "question_body": "b", "answer_id": 2, "answer_body": "c"},
            {"kind": "pair", "question_title": "t", "question_body": "b", "answer_body": "c"},
        ),
        ({"Id": 3, "PostTypeId": 5, "Body": "wiki"}, {"kind": "other", "question_id": "3"}),
        ({"id": 4, "parent_id": 1, "body": "b"}, {"kind": "answer", "answer_id": "4", "question_id": "1"}),
        ({"id": 5, "parent_id": None, "title": "t", "body": "b"}, {"kind": "question", "question_id": "5"}),
        ({"id": 6, "title": "t", "body": "b", "score": 1.5}, {"kind": "question", "question_score": "1.5"}),
    ],
    ids=["questions", "answers with q_", "api question", "api answer", "pair", "wiki", "child", "null", "bare"],
)
def test_json_lines_of_any_spelling(tmp_path: Path, values: dict[str, Any], wanted: dict[str, str]) -> None:
    """What the public files, the API and tables of pairs call things."""
    path = written(tmp_path / "x.jsonl", json.dumps(values) + "\n")
    (found,) = read(path)
    assert {name: found.get(name) for name in wanted} == wanted


# --- which files are ours --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "ours"),
    [
        ("Posts.xml", dump(row(QUESTION)), True),
        ("anything.XML", dump(row(QUESTION)), True),
        ("dtd.xml", b"<!DOCTYPE posts [<!ENTITY a 'x'>]><posts></posts>", True),
        ("Users.xml", b'<users>\n  <row Id="1" Reputation="3" />\n</users>', False),
        ("Comments.xml", b'<comments><row Id="1" PostId="4" Text="PostTypeId" /></comments>', False),
        ("q.csv", b"Id,Title,Body,Tags\n", True),
        ("a.csv", b"\xef\xbb\xbfAnswerId,QuestionId,AnswerBody\n", True),
        ("log.csv", b"LineId,Date,Level,Content,EventId\n", False),
        ("numbers.csv", b"1,2,3\n", False),
        ("empty.csv", b"", False),
        ("x.jsonl", b'{"broken\n{"id": 1, "title": "t", "body": "b"}\n', True),
        ("x.ndjson", b'{"question_id": 1, "body": "b", "title": "t"}\n', True),
        ("chat.jsonl", b'{"messages": [], "metadata": {}}\n', False),
        ("glaive.jsonl", b'{"system": "s", "chat": "c"}\n', False),
        ("list.jsonl", b"[1, 2]\n", False),
        ("binary.jsonl", bytes(range(256)) * 9, False),
        ("Posts.txt", dump(row(QUESTION)), False),
    ],
)
def test_a_file_is_known_by_what_stands_in_it(tmp_path: Path, name: str, data: bytes, ours: bool) -> None:
    """Never by its name."""
    assert (identify(written(tmp_path / name, data)) == "posts") is ours


def test_of_all_real_files_three_are_posts(real_data: Path) -> None:
    """The folder holds the files of every dataset."""
    paths = {path for pattern in stackoverflow.SOURCE.patterns for path in real_data.rglob(pattern)}
    assert sorted(path.name for path in paths if identify(path)) == [
        "beer.stackexchange.Posts.xml",
        "github_actions_questions.jsonl",
        "mlops_accepted_answers.jsonl",
    ]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("beer.stackexchange.Posts.xml", {"question": 454, "answer": 1_074, "other": 48}),
        ("mlops_accepted_answers.jsonl", {"answer": 1_039}),
        ("github_actions_questions.jsonl", {"question": 172}),
    ],
)
def test_every_row_of_the_real_files_is_read(real_data: Path, name: str, rows: dict[str, int]) -> None:
    """As many as were counted, none with a fault."""
    path = real_data / "stackoverflow" / name
    found = pa.concat_tables(decode(path, name)).to_pandas()
    assert found["kind"].value_counts().to_dict() == rows
    assert len(found) == count(path)
    assert found["fault"].isna().all()


# --- what cannot be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        '  <row Id="9" Body="&undeclared;" />',
        '  <row Id="9" Body="&#0;" />',
        '  <row Id="9" Body="a < b" />',
        '  <row Id="9" Body="no end />',
        '  <row Id="9" Id="9" />',
        '  <row Id="9"',
        '  <row Id="9" Body="\x00" />',
        '  <row Id="9" Body="\ufffe" />',
    ],
    ids=["entity", "nul", "angle", "quote", "twice", "cut", "raw nul", "nonchar"],
)
def test_a_malformed_row_is_a_row_with_its_text_and_the_others_are_read(tmp_path: Path, bad: str) -> None:
    """Rows before and after, on their own lines."""
    path = written(tmp_path / "Posts.xml", dump(row(QUESTION), bad, row(ANSWER)))
    found = read(path)
    assert [(row.get("fault"), row["line"]) for row in found] == [(None, 3), ("malformed_xml", 4), (None, 5)]
    assert found[1]["text"].startswith('<row Id="9"')
    assert count(path) == 3


@pytest.mark.parametrize("bad", [[], ['  <row Id="z" Body="&x;" />']], ids=["sound", "malformed"])
def test_rows_over_several_lines_are_read_and_lines_counted(tmp_path: Path, bad: list[str]) -> None:
    """Indented XML, in a sound block and beside a malformed row."""
    long = row(QUESTION).replace(" Body=", "\n    Body=")
    path = written(tmp_path / "Posts.xml", dump(long, *bad, long, row(ANSWER), row(ANSWER)))
    assert [row["line"] for row in read(path)] == ([3, 5, 6, 8, 9] if bad else [3, 5, 7, 8])


def test_bytes_that_are_no_utf8_spoil_their_row_alone(tmp_path: Path) -> None:
    """In all three layouts."""
    latin = b'  <row Id="9" Body="caf\xe9" />\n'
    xml = written(tmp_path / "Posts.xml", dump(row(QUESTION), end=latin.decode("latin-1") + "</posts>"))
    xml.write_bytes(dump(row(QUESTION), end="").rstrip() + b"\n" + latin + b"</posts>")
    table = written(tmp_path / "q.csv", b"Id,Title,Body\n1,t,b\n2,caf\xe9,b\n3,t,b\n")
    lines = written(tmp_path / "q.jsonl", b'{"id":1,"title":"t","body":"b"}\n{"id":2,"title":"caf\xe9"}\n')
    for path, fault in ((xml, "malformed_xml"), (table, "invalid_utf8"), (lines, "malformed_json")):
        found = read(path)
        assert [row.get("fault") for row in found].count(fault) == 1
        assert len(found) == count(path)


def test_a_file_cut_in_the_middle_of_a_row_loses_that_row_alone(tmp_path: Path) -> None:
    """A download that broke off."""
    whole = dump(row(QUESTION), row(ANSWER))
    path = written(tmp_path / "Posts.xml", whole[: whole.index(b"So.")])
    assert [row.get("fault") for row in read(path)] == [None, "malformed_xml"]


@pytest.mark.parametrize(
    "dtd",
    [
        '<!DOCTYPE posts [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE posts SYSTEM "file:///etc/passwd">',
    ],
)
@pytest.mark.parametrize("rows", [(row(QUESTION),), ()])
def test_a_document_type_is_refused(tmp_path: Path, dtd: str, rows: tuple[str, ...]) -> None:
    """Its entities expand without end, or read files."""
    path = written(tmp_path / "Posts.xml", dump(*rows, head=dtd))
    with pytest.raises(SourceError, match=r"x declares a document type \(DTD\).*The file is not read"):
        read(path)


def test_a_declaration_among_the_rows_expands_nothing(tmp_path: Path) -> None:
    """It is no well-formed XML there, so the row before it is a fault."""
    path = written(tmp_path / "Posts.xml", dump(row(QUESTION), '<!DOCTYPE x [<!ENTITY a "b">]>', row(ANSWER)))
    assert [row.get("fault") for row in read(path)] == ["malformed_xml", None]


def test_another_encoding_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """The dump is UTF-8."""
    path = written(tmp_path / "Posts.xml", dump(row(QUESTION), head='<?xml version="1.0" encoding="iso-8859-1"?>'))
    with pytest.raises(SourceError, match=r"iso-8859-1.*iconv -f iso-8859-1"):
        read(path)


def test_a_row_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(stackoverflow, "LONGEST", 1_000)
    monkeypatch.setattr(stackoverflow, "BLOCK", 500)
    path = written(tmp_path / "Posts.xml", dump(row(ANSWER | {"Body": "x" * 9_000})))
    with pytest.raises(SourceError, match=r"the row that begins in line 3 has no end within"):
        read(path)


def test_faulty_rows_of_tables_and_lines_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong width, no JSON, no object, too long; blank lines are none."""
    table = written(tmp_path / "q.csv", "Id,Title,Body\n1,t,b\n2,t\n\n3,t,b,c\n")
    assert [row.get("fault") for row in read(table)] == [None, "wrong_column_count", "wrong_column_count"]
    monkeypatch.setattr(stackoverflow, "LONGEST", 100)
    sound = '{"id": 1, "title": "t", "body": "b"}'
    lines = written(tmp_path / "q.jsonl", f'{sound}\n\n{{"id": \n[1]\n{"x" * 300}\n{sound}')
    faults = [None, "malformed_json", "not_an_object", "line_too_long", None]
    assert [row.get("fault") for row in read(lines)] == faults
    assert [row["line"] for row in read(lines)] == [1, 3, 4, 5, 6]
    assert (count(table), count(lines)) == (3, 5)


def test_a_quote_that_never_ends_is_refused_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the file would be one field."""
    monkeypatch.setattr(stackoverflow, "LONGEST", 1_000)
    path = written(tmp_path / "q.csv", 'Id,Title,Body\n1,t,b\n2,t,"' + "x\n" * 2_000)
    with pytest.raises(SourceError, match=r"the record that begins in line 3 cannot be read"):
        read(path)


@pytest.mark.parametrize("line", ['{"id": 1, "title": "t", "body": "b", "score": NaN}', '\ufeff{"id": 1, "body": "b"}'])
def test_what_python_writes_for_nothing_is_nothing(tmp_path: Path, line: str) -> None:
    """NaN is no JSON; pandas' users write it."""
    (found,) = read(written(tmp_path / "q.jsonl", line))
    assert found["question_id"] == "1"
    assert "question_score" not in found


@pytest.mark.parametrize("line", ['{"id": "\\ud800"}', "[" * 100_000, "\x00", '{"id": 1e999999, "a": }'])
def test_hostile_lines_are_faults(tmp_path: Path, line: str) -> None:
    """Lone surrogates, deep nesting, NUL."""
    (found,) = read(written(tmp_path / "q.jsonl", line))
    assert found["fault"] == "malformed_json"


@pytest.mark.parametrize("name", ["Posts.xml", "q.csv", "q.jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n\n", dump()])
def test_a_file_without_rows_gives_one_empty_table(tmp_path: Path, name: str, data: bytes) -> None:
    """With the columns of the others."""
    if name != "Posts.xml" and data.strip():
        data = b"" if name == "q.jsonl" else b"Id,Title,Body\n"
    path = written(tmp_path / name, data)
    assert [(table.num_rows, table.schema) for table in decode(path, "x")] == [(0, RAW)]
    assert count(path) == 0


# --- laws ------------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=80)


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXT, min_size=1, max_size=12), st.integers(40, 400), st.integers(0, 3))
def test_any_body_survives_every_layout_whatever_the_block_size(bodies: list[str], block: int, bad: int) -> None:
    """It does not matter where a block ends, nor whether another row is malformed."""
    rows = [row(QUESTION | {"Id": str(n), "Body": f"b{body}"}) for n, body in enumerate(bodies)]
    rows += ['  <row Id="z" Body="&x;" />'] * bad
    random.Random(len(bodies)).shuffle(rows)
    wanted = sorted(f"b{body}" for body in bodies)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Posts.xml"
        patch.setattr(stackoverflow, "BLOCK", block)
        path.write_bytes(dump(*rows))
        found = read(path)
        assert sorted(row["question_body"] for row in found if "fault" not in row) == wanted
        assert [row["line"] for row in found] == list(range(3, 3 + len(rows)))
        assert count(path) == len(rows)


@pytest.mark.parametrize("name", ["q.csv", "q.jsonl"])
def test_tables_and_lines_come_in_batches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Memory is that of a batch; where it ends does not matter."""
    records = (
        [f"{n},t,b" for n in range(9)]
        if name == "q.csv"
        else [f'{{"id":{n},"title":"t","body":"b"}}' for n in range(9)]
    )
    path = written(tmp_path / name, "\n".join(["Id,Title,Body"] * (name == "q.csv") + records))
    whole = read(path)
    monkeypatch.setattr(stackoverflow, "BLOCK", 6)
    assert len(list(decode(path, "x"))) > 3
    assert read(path) == whole


def test_reading_a_table_leaves_the_processs_limit_of_a_field_as_it_was(tmp_path: Path) -> None:
    """Other readers of CSV in this process count on theirs."""
    before = csv.field_size_limit()
    file = tmp_path / "Stack_Qns_pl.csv"
    file.write_text("Id,Title,Body,Tags,Score\n1,t,b,<docker>,7\n")
    stream = decode(file, file.name)
    next(stream)
    assert csv.field_size_limit() == before
