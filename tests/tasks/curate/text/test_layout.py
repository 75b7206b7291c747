"""Files that are no programs are named by the first of their faults; blanks and hidden characters go, meaning stays."""

import ast
import time

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.code_corpus import LANGUAGES, LONGEST_LINE, LONGEST_MEAN_LINE
from tasks.curate.text import languages, layout

pytestmark = pytest.mark.unit

LINE = "value = compute(3)\n"
CONFLICT = "a = 1\n<<<<<<< HEAD\nb = 2\n=======\nb = 3\n>>>>>>> branch\n"
MALFORMED = {
    "empty": ("", " \n\t\r\n", "\f\n"),
    "control_characters": ("\0\1\2\3" * 9 + LINE, LINE + "\ufffd", "a\x85" * 9, "\x1b[0m" * 99),
    "merge_conflict": (CONFLICT, CONFLICT.replace("\n", "\r\n"), LINE + CONFLICT),
    "long_lines": (
        LINE * 900 + "x" * (LONGEST_LINE + 1),
        ("x" * (LONGEST_MEAN_LINE + 1) + "\n") * 3,
        ("x" * (LONGEST_MEAN_LINE + 1) + "\r") * 3,
    ),
    "low_alphanumeric": ("a = ()\n" + "#" * 80 + "\n", "é" + "(" * 4),
}
WELL = (
    LINE,
    LINE * 900 + "x" * LONGEST_LINE + "\n",
    ("x" * LONGEST_MEAN_LINE + "\n") * 3,
    "x" * LONGEST_MEAN_LINE + "\r\n",
    "# 初期化 データ\n",
    "ab((((((",
    "\f\n" + LINE * 9,
    "Title\n=======\n" + LINE,
    "<<<<<<< only shown\n" + LINE,
    CONFLICT.replace("=======", "========"),
    "\n".join(reversed(CONFLICT.split("\n"))),
    "merged = '<<<<<<< a'\n=======\nother = '>>>>>>> b'\n",
    LINE * 9 + "\x7f",
)


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in MALFORMED.items() for text in texts])
def test_a_malformed_text_is_called_by_its_fault(reason, text):
    assert layout.malformed(text) == reason


@pytest.mark.parametrize("text", WELL)
def test_what_is_just_within_the_limits_is_kept(text):
    assert layout.malformed(text) is None


def test_the_first_fault_is_the_one_that_counts():
    assert layout.malformed("\0" * 99 + CONFLICT + "(" * 5_000) == "control_characters"
    assert layout.malformed(CONFLICT + "(" * 5_000) == "merge_conflict"


def test_marks_of_a_merge_without_end_take_no_time():
    text = "<<<<<<< abcdefghi\n=======\n" * 50_000
    start = time.process_time()
    assert layout.malformed(text) is None
    assert time.process_time() - start < 1


HIDDEN = "\0\x08\x0b\x1b\x7f\x80\x9f\ufeff\u202a\u202e\u2066\u2069"


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_never_seen_is_taken_out_and_counted(hidden, language):
    text = f"# {hidden}begin{hidden} admin\n" if language == "Python" else f"// {hidden}begin{hidden} admin\n"
    assert layout.clean_controls(text, language) == layout.Cleaned(text.replace(hidden, ""), 2)


def test_what_is_seen_stays():
    text = "a\tb\r\n\fc é 初 \u200d 👩\u200d💻 \u00a0\n"
    assert layout.clean_controls(text, "Python") == layout.Cleaned(text, 0)


def test_code_hidden_by_the_direction_of_writing_comes_to_light():
    trojan = "if level != 'user\u202e \u2066# if admin\u2069 \u2066':\n    pass\n"
    assert layout.clean_controls(trojan, "Python").text == "if level != 'user # if admin ':\n    pass\n"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("x = '\\\x7f'\n", "Python"),
        ("x = f'{a}\\\x7f'\n", "Python"),
        ('String s = "\\\x7f";', "Java"),
        ("a = /\x7f/", "JavaScript"),
    ],
)
def test_a_program_that_would_break_stays_as_it_was(text, language):
    assert layout.clean_controls(text, language) == layout.Cleaned(text, 0)


def test_a_python_program_that_would_become_another_stays_as_it_was():
    assert layout.clean_controls("x = 1\nif y: # \x0b\n  pass", "Python").removed == 1
    assert layout.clean_controls("f'{a}\x01{b}'", "Python").removed == 0  # two pieces of text become one


TIDY = {
    "line ends": ("a = 1\r\nb = 2\rc = 3\n", "a = 1\nb = 2\nc = 3\n"),
    "blanks": ("a = 1  \n\t\n b(a)\t \n", "a = 1\n\n b(a)\n"),
    "end": ("a = 1", "a = 1\n"),
    "ends": ("a = 1\n\n \n\n", "a = 1\n"),
    "nothing": (" \n \n", ""),
    "blank lines within": ("a = 1\n\n\n\n\nb = 2\n", "a = 1\n\n\n\n\nb = 2\n"),
    "form feed": ("a = 1\n\f\nb = 2\n", "a = 1\n\f\nb = 2\n"),
    "backslash": ("#define A \\ \n  b\n", "#define A \\ \n  b\n"),
    "backslash at the end": ("a \\\n\n", "a \\\n\n"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", TIDY)
def test_line_ends_are_feeds_without_blanks_before_them(case, language):
    text, tidy = TIDY[case]
    if language == "Python" and "\f" not in text:
        text, tidy = text.replace("\n ", "\n"), tidy.replace("\n ", "\n")
    assert layout.tidied(text, language) == tidy


LITERALS = {
    "Python": (
        'x = """a  \n\t\nb"""\ny = 1\n',
        "x = '''a \\ \n b \n'''\ny = 1\n",
        "x = 'a \\\n  b'\ny = 1\n",
        'f"""{a}  \n{b}"""\n',
    ),
    "Java": ('class A { String a = """\n  b  \n  c \\ \n  """; }\n',),
    "C++": ('auto a = R"x(b  \n\t\nc)x";\n', 'auto a = u8R"x(b )" \\  \n"\n)x";\n'),
    "JavaScript": ("const a = `b  \n${ `c \n` } \nd`;\n",),
}


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in LITERALS.items() for text in texts])
def test_blanks_in_literals_over_lines_stay_and_those_around_them_go(language, text):
    assert layout.tidied(text, language) == text
    assert layout.tidied(f"\n \n{text}  \n", language) == f"\n\n{text}"


def test_where_the_grammar_is_lost_blanks_stay_if_there_may_be_a_literal():
    text = "a = ` b  \n`; ) ]] {  \nc\n"
    assert layout.tidied(text, "JavaScript") == text


LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "x = '''a",
            "b'''",
            '"""',
            "  ",
            "\t",
            "\\",
            "'a \\",
            "if x:",
            "    y",
            "#",
            "`",
            "${",
            "}",
            'R"(',
            ')"',
            "f'{x} '",
            "\f",
            "é",
        ]
    ),
    max_size=8,
)
ENDS = st.sampled_from(["\n", " \n", "\r\n", "\t\r\n", "\r", "", " ", "\n\n"])


def _as_read(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return None


@given(st.lists(st.tuples(LINES.map(" ".join), ENDS)).map(lambda lines: "".join(map("".join, lines))))
@example("x = '''a  \r\nb'''\r\n")
@example("x = 1 \\\n\n")
@settings(max_examples=100, deadline=None)
def test_python_means_the_same_and_tidying_twice_is_tidying_once(text):
    tidy = layout.tidied(text, "Python")
    assert layout.tidied(tidy, "Python") == tidy
    before = _as_read(text)
    assert before is None or _as_read(tidy) == before


@given(
    st.lists(st.tuples(LINES.map(" ".join), ENDS)).map(lambda lines: "".join(map("".join, lines))),
    st.sampled_from(["Java", "C++", "JavaScript"]),
)
@settings(max_examples=50, deadline=None)
def test_other_languages_still_parse_and_tidying_twice_is_tidying_once(text, language):
    tidy = layout.tidied(text, language)
    assert layout.tidied(tidy, language) == tidy
    assert "".join(tidy.split()) == "".join(text.split())
    assert languages.parses(tidy, language) or not languages.parses(text, language)


SOURCES = (
    "x = 1",
    "x = 1.0",
    "x = True",
    "x = '1'",
    "x = b'1'",
    "x: int = 1",
    "x = -1",
    "y = 1",
    "x = [1]",
    "x = 1j",
    "del x",
)


@pytest.mark.parametrize("one", SOURCES)
@pytest.mark.parametrize("other", SOURCES)
def test_trees_are_the_same_when_pythons_dump_of_them_is(one, other):
    trees = ast.parse(one), ast.parse(f"\n\n{other}  # elsewhere")
    assert layout.same(*trees) == (ast.dump(trees[0]) == ast.dump(trees[1]))


def test_real_files_are_tidied_without_a_change_of_meaning(real_data):
    path = real_data / "code" / "source_files.parquet"
    if not path.is_file():
        pytest.skip(f"needs {path.name}, which the public sample files here do not have")
    rows = pl.read_parquet(path, columns=["language", "content"]).sample(1_000, seed=7)
    for language, content in rows.iter_rows():
        tidy = layout.tidied(content, language)
        if tidy != content:
            assert layout.tidied(tidy, language) == tidy
            assert _as_read(tidy) == _as_read(content) or language != "Python"
            assert languages.parses(tidy, language) or not languages.parses(content, language)


def test_files_in_order_cost_next_to_nothing():
    text = (LINE * 30 + "\n") * 3_000 + LINE
    for look in (
        layout.malformed,
        lambda text: layout.tidied(text, "Python"),
        lambda text: layout.clean_controls(text, "Java"),
    ):
        start = time.process_time()
        look(text)
        assert (
            len(text) / (time.process_time() - start) > 40e6
        )  # characters a second; 100 and more where nothing else runs
