"""A file's language is what its name says, unless its content plainly is another, which is told nearly always."""

import ast
import concurrent.futures
import random
import warnings
from pathlib import Path

import polars as pl
import pytest

from schemas.code_corpus import LANGUAGES
from tasks.curate.text import languages

pytestmark = pytest.mark.unit

PROGRAMS = {
    "Python": "import os\n\n\ndef main(path):\n    for name in path:\n        print(name)\n    return None\n",
    "Java": (
        "package a.b;\n\nimport java.util.List;\n\npublic class Main {\n  @Override\n  public String toString() {\n"
        "    return String.valueOf(1);\n  }\n}\n"
    ),
    "C++": (
        "#include <vector>\n\nnamespace a {\nstd::vector<int> f(const Foo& foo) {\n  return foo->g(nullptr);\n}\n}\n"
    ),
    "JavaScript": (
        "const fs = require('fs');\n\nmodule.exports = function (name) {\n  return fs.map((x) => x === name);\n};\n"
    ),
}
OTHERS = {
    "HTML": "<!DOCTYPE html>\n<html><body><p>x</p></body></html>\n",
    "XML": '<?xml version="1.0"?>\n<a><b c="d"/></a>\n',
    "PHP": "<?php\n$a = 1;\necho $a;\n",
    "shell": '#!/bin/bash\nset -e\nfor x in "$@"; do\n  echo "${x}"\ndone\n',
    "Perl": "#!/usr/bin/perl\nmy %x = (a => 1);\nprint $x{a} unless $y;\n",
    "Git LFS": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "JSON": '{"name": "x", "list": [1, true, null], "deep": {"a": "b"}}\n',
    "text": "This is the manual of a program that does nothing.\nIt has a second line, and it says the same again.\n"
    * 9,
}
OBJECTIVE_C = (
    "#import <Foundation/Foundation.h>\n\n@interface Foo : NSObject\n@property(nonatomic) int x;\n- (void)bar;\n@end\n"
)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "Python"),
        ("B.PYI", "Python"),
        ("a.b/C.java", "Java"),
        ("x.tar.H", "C++"),
        ("x.c++", "C++"),
        ("webpack.config.mjs", "JavaScript"),
        ("x.ts", None),
        ("x.c", None),
        ("py", None),
        ("a.py/README", None),
        (".js", None),
        ("", None),
    ],
)
def test_the_end_of_a_name_says_the_language_in_either_case(path, language):
    assert languages.of_path(path) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_parses_as_its_own_language_alone(language):
    assert [name for name in LANGUAGES if languages.parses(PROGRAMS[language], name)] == [language]


@pytest.mark.parametrize(
    "text",
    [
        "x = '\0'",
        "(" * 10_000,
        "-" * 100_000 + "1",
        "x = '\ud800'",
        "print 'Python 2'",
        "  indented = 1",
        "def f(:",
    ],
)
def test_whatever_is_no_python_is_none_without_an_error(text):
    assert languages.tree(text) is None
    assert not languages.parses(text, "Python")


def test_warnings_of_the_parsed_code_are_nobodys():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert languages.parses("x = '\\d'\nassert (x is 1, 'x')\n", "Python")


def test_a_tree_is_that_of_pythons_own_parser():
    text = PROGRAMS["Python"]
    assert ast.dump(languages.tree(text)) == ast.dump(ast.parse(text))


def test_python_2_is_python_to_the_grammar_though_not_to_python_3():
    assert languages.errors("print 'a'\nexec code in x\n", "Python") == 0
    assert not languages.parses("print 'a'\n", "Python")


def test_errors_are_the_share_of_bytes_that_fit_nowhere():
    assert languages.errors(PROGRAMS["Java"], "Java") == 0
    assert languages.errors("", "Java") == 0
    junk = "class A { int a = 1; }\n" * 9 + ") ] % é ] )\n"
    assert 0 < languages.errors(junk, "Java") < 0.15
    assert languages.errors("] ) } " * 30, "Java") > 0.9


def test_trees_deeper_than_the_stack_are_measured():
    assert languages.errors("(" * 20_000, "JavaScript") > 0.5


@pytest.mark.parametrize("claimed", LANGUAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_is_contradicted_by_every_language_but_its_own(language, claimed):
    assert languages.contradicted(PROGRAMS[language], claimed) == (None if claimed == language else language)


@pytest.mark.parametrize("claimed", LANGUAGES)
@pytest.mark.parametrize("other", OTHERS)
def test_what_is_often_found_under_such_names_is_called_by_its_own(other, claimed):
    assert languages.contradicted(OTHERS[other], claimed) == other


def test_objective_c_is_no_cpp_and_c_is():
    assert languages.contradicted(OBJECTIVE_C, "C++") == "Objective-C"
    guarded = f"#ifdef __OBJC__\n{OBJECTIVE_C}#endif\n"
    assert languages.contradicted(guarded, "C++") is None
    assert languages.contradicted("int f(int *p);\nstruct a { int b; };\nchar *g(void);\n", "C++") is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "Java"),
        ("# a comment\n", "Python"),
        ("/* a licence */\n", "C++"),
        ("[1, 2, 3]\n", "Python"),
        ('{"name": "an addon", "depends": ["base"]}\n', "Python"),  # Odoo's manifests
        ("[1, 2, 3];\n", "JavaScript"),
        ("#!/bin/sh\n''':'\nexec python \"$0\"\n'''\nprint(1)\n", "Python"),
        ("#!/usr/bin/env node\nrun()\n", "JavaScript"),
        ("const page = <html><body/></html>\n", "JavaScript"),
        ("FOO(a, b)\nFOO(c, d)\nFOO(e, f)\n", "C++"),
        ("print 'Python 2'\nexec code in x\n", "Python"),
        ("type A = {| x: number |};\nfunction f(x: A): void {}\n", "JavaScript"),  # Flow
        ("x = 1\nTEMPLATE = 'std::vector<int>; #include <a>; p->q; nullptr; std::x'\n", "Python"),
    ],
)
def test_what_may_be_its_own_language_is_not_contradicted(text, language):
    assert languages.contradicted(text, language) is None


def test_line_ends_do_not_matter():
    for language, text in PROGRAMS.items():
        other = "Java" if language != "Java" else "Python"
        assert languages.contradicted(text.replace("\n", "\r\n"), other) == language


def _sample(real_data: Path, number: int) -> pl.DataFrame:
    path = real_data / "code" / "source_files.parquet"
    if not path.is_file():
        pytest.skip(f"needs {path.name}, which the public sample files here do not have")
    rows = pl.scan_parquet(path).filter(pl.col("size").is_between(300, 40_000)).collect()
    return rows.sample(number, seed=7)


def test_real_files_are_not_contradicted_unless_objective_c(real_data):
    found = {
        languages.contradicted(row["content"], row["language"])
        for row in _sample(real_data, 1_000).iter_rows(named=True)
    }
    assert found <= {None, "Objective-C"}


def test_real_files_under_a_wrong_name_are_found_19_times_in_20(real_data):
    chance = random.Random(7)
    rows = _sample(real_data, 150).to_dicts()
    wrong = [(row, chance.choice([name for name in LANGUAGES if name != row["language"]])) for row in rows]
    right = [languages.contradicted(row["content"], claimed) == row["language"] for row, claimed in wrong]
    assert sum(right) >= 0.95 * len(rows)


def test_threads_do_not_get_in_one_anothers_way():
    def work(i: int) -> list[bool]:
        language = list(LANGUAGES)[i % 4]
        return [languages.parses(PROGRAMS[language], name) for name in LANGUAGES]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i, answer in enumerate(pool.map(work, range(200))):
            assert answer == [name == list(LANGUAGES)[i % 4] for name in LANGUAGES]
