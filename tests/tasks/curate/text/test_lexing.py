"""What is told without parsing equals what parsers tell: `ast` for complexity, tokenisers for pieces and tokens."""

import ast
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numba
import pyarrow.parquet as pq
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from schemas.finding import SourceError
from tasks.curate.text import lexing
from tests.conftest import PROJECT

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")]

SCRIPTS = "aZsStre'LlVvMmDd09 .,-\t\n\r\u00a0\u3000éßЯж漢\u0661Ⅷ½😀\u0301_#{}"


@pytest.fixture(scope="module")
def files(real_data: Path) -> list[str]:
    """300 real Python files, seeded."""
    table = pq.read_table(real_data / "code/source_files.parquet", columns=["language", "content"])
    python = [row["content"] for row in table.to_pylist() if row["language"] == "Python" and row["content"]]
    return random.Random(1).sample([text for text in python if len(text) < 30_000], 300)


@given(texts=st.lists(st.text(alphabet=SCRIPTS, max_size=40), max_size=20), threads=st.integers(1, 9))
def test_no_number_depends_on_how_many_threads_count(texts: list[str], threads: int) -> None:
    """Also with more threads than texts, and with texts of nothing at either end."""
    alone = [(lexing.tokens([text])[0], lexing.complexity([text])[0]) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba, "get_num_threads", lambda: threads)
        assert list(zip(lexing.tokens(texts), lexing.complexity(texts), strict=True)) == alone


# --- complexity ------------------------------------------------------------------------------------------------------

BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert)


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those within f-strings."""
    left = [tree]
    while left:
        node = left.pop()
        if not isinstance(node, ast.JoinedStr):
            yield node
            left += ast.iter_child_nodes(node)


def decisions(node: ast.AST) -> int:
    """Those of a node without its children."""
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, ast.match_case):
        everything = (
            isinstance(node.pattern, ast.MatchAs) and node.pattern.name is None and node.pattern.pattern is None
        )
        return 2 if node.guard else int(not everything)
    return int(isinstance(node, BRANCHES))


def parsed(text: str) -> int | None:
    """The number as the definition has it, from the syntax tree; None where there is none."""
    try:
        found = list(nodes(ast.parse(text)))
    except SyntaxError:
        return None
    functions = sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in found)
    return max(functions, 1) + sum(map(decisions, found))


def test_complexity_of_real_files_is_that_of_their_syntax_trees(files: list[str]) -> None:
    """Of every file that Python can parse, to the unit."""
    truth = [parsed(text) for text in files]
    known = [at for at, number in enumerate(truth) if number is not None]
    got = lexing.complexity(files)
    assert len(known) > 270
    assert max(truth[at] for at in known) > 100
    assert [got[at] for at in known] == [truth[at] for at in known]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("x = 1\n", 1),
        ("def f(): pass", 1),
        ("def f(): pass\nasync def g(): pass\n", 2),
        ("class A:\n    def f(self):\n        def g(): return 1 if x else 2\n", 3),
        ("f = lambda: 1 and 2", 2),
        ("if a:\n  1\nelif b:\n  2\nelse:\n  3\n", 3),
        ("try:\n  1\nexcept* A:\n  2\nexcept B: 3\nelse: 4\nfinally: 5\n", None),  # two kinds in one: no Python
        ("try:\n  1\nexcept A:\n  2\nexcept B: 3\nelse: 4\nfinally: 5\n", 3),
        ("[x for a in b if c if d or e for x in a]", 6),
        ("assert a, b\nwhile a and b and c: pass", 5),
        ("'if' \"for\" # while\n'''\nif\n''' \"\"\"and\"\"\"", 1),
        (r"x = '\'if', r'\' or ', rb'''\''' if'''", 1),
        ("'a\\\nif'", 1),
        ("'a\\\r\nif'\r\nif a: pass\r\n", 2),
        ("f\"{'if' if a else ''}{ {1: 'or'}[1]}\" if b else f'''{\"or\"}'''", 2),
        ("''if''or''''''and''\"\"", None),
        ("a = ''or''if''else\"\"", 3),
        ("x = 1if 2else 0xfor 3", 3),
        ("x = 3.and 1e5or 2j", 3),
        ("x = 2jif 1else 0", 2),
        ("# if\rif a: pass", 2),
        ("\ufeffif a: pass", 2),
        ("éif = ifé = a.ifs = _or = for1 = 1", 1),
        ("x = [\n# if (\nif_, ')']\nif a: pass\n", 2),
        ("\x0cif a:\\\n  pass", 2),
    ],
)
def test_complexity_of_worked_examples(text: str, number: int | None) -> None:
    """Keywords count once each, and only where they are keywords; no text stops the count."""
    assert lexing.complexity([text])[0] >= 1
    assert parsed(text.removeprefix("\ufeff")) == number
    assert number is None or lexing.complexity(["if x: pass", text, "x"]) == [2, number, 1]


@pytest.mark.parametrize(
    ("clause", "more"),
    [
        ("case 1: pass", 1),
        ("case _: pass", 0),
        ("case _ : pass", 0),
        ("case _ if a: pass", 2),
        ("case [a, *_] if a or b: pass", 3),
        ("case(a): pass", 1),
        ("case -1: pass", 1),
        ("case *a, b: pass", 1),
        ("case 'x' | \"y\": pass", 1),
        ("case {'a': 1, **rest}: case = {2: 3}", 1),
        ("case \\\n   A(b=(c, d)): pass", 1),
        ("case _a: pass", 1),
        ("case case: pass", 1),
        ("case 1 if y := 3: pass", 2),
        ("case _a if (y := 3): case = x[1:2]", 2),
        ("case 1: x = case, [case, a[1:2]]; lambda: case", 1),
        ("case 1:\n    x = case if case else lambda: case", 2),
        ("case 1:\n    for case in case: pass", 2),
        ("case 1:\n    case: int = 3\n    case.x: int = 4\n    case = lambda: 5\n    match = case\n", 1),
        ("case 1:\n    x = [\n    case, a[1:2]]\n    match(case, x)[case:]\n    (case := 3)", 1),
        ("case 1:\n    match x:\n     case 2 if (y := 3): pass\n", 3),
    ],
)
def test_a_case_is_a_decision_only_where_it_is_a_clause(clause: str, more: int) -> None:
    """`match` and `case` are names elsewhere; `case _` is an else."""
    text = f"match a:\n  {clause}\n"
    assert parsed(text) == 1 + more
    assert lexing.complexity([text]) == [1 + more]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("if or\"'\\\n#()[]:{}case_0x1e+.é") | st.text(), max_size=4))
def test_no_text_has_a_say_in_another_ones_number(texts: list[str]) -> None:
    """Whatever is left open, a string or a bracket, ends with its text."""
    assert lexing.complexity(texts) == [lexing.complexity([text])[0] for text in texts]


# --- pieces and tokens -----------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(SCRIPTS), max_size=3))
def test_pieces_are_those_of_the_pattern(texts: list[str]) -> None:
    """As many as a library of regular expressions finds, one text after the other."""
    assert lexing.tokens(texts) == [len(regex.findall(lexing.PIECES, text)) for text in texts]


def test_pieces_of_real_files_are_those_of_a_tokenisers_cut(files: list[str]) -> None:
    """As many as the library that trains tokenisers cuts them into."""
    cut = pre_tokenizers.Split(Regex(lexing.PIECES), "isolated")
    assert lexing.tokens(files[:60]) == [len(cut.pre_tokenize_str(text)) for text in files[:60]]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("def f(x):\n    return x\n", 8),
        ("1234567", 3),
        ("'self' don't WE'LL", 7),
        ("   \n \n  x", 3),
        ("a == b != 'c'", 7),
    ],
)
def test_pieces_of_worked_examples(text: str, count: int) -> None:
    """Counted by hand."""
    assert lexing.tokens([text]) == [count]


@pytest.fixture(scope="module")
def vocabulary(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 500 tokens, trained here, that would cut texts at 20 tokens and pad them."""
    tokeniser = Tokenizer(models.BPE())
    cut = pre_tokenizers.Split(Regex(lexing.PIECES), "isolated")
    tokeniser.pre_tokenizer = pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokeniser.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokeniser.train_from_iterator(files[:40], trainer)
    tokeniser.enable_truncation(20)
    tokeniser.enable_padding(length=50)
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    tokeniser.save(str(path))
    return path


def test_a_vocabulary_counts_every_token_and_nothing_else(vocabulary: Path, files: list[str]) -> None:
    """Decoded, the tokens counted are the text; neither a limit nor padding is."""
    count, whole = lexing.with_vocabulary(vocabulary), Tokenizer.from_file(str(vocabulary))
    whole.no_truncation()
    whole.no_padding()
    texts = [*files[40:60], "", "x", "half of \ud83d"] * 4
    counts = count(texts)
    assert counts[20:23] == [0, 1, count(["half of ?"])[0]]
    for text, number in zip(files[40:60], counts, strict=False):
        assert whole.decode(whole.encode(text).ids[:number]) == text
        assert number == len(whole.encode(text).ids)


def test_no_vocabulary_has_fewer_tokens_than_pieces(vocabulary: Path, files: list[str]) -> None:
    """A piece is one token at the least."""
    counts = lexing.with_vocabulary(vocabulary)(files[60:120])
    assert all(tokens >= pieces > 0 for tokens, pieces in zip(counts, lexing.tokens(files[60:120]), strict=True))


def test_a_file_that_is_no_tokeniser_is_a_sentence(tmp_path: Path) -> None:
    """It names the file, and which one to take."""
    (tmp_path / "config.json").write_text("{}")
    for name in ("config.json", "missing.json"):
        with pytest.raises(SourceError, match=rf"{name} is not read as a tokeniser .*name the `tokenizer.json`"):
            lexing.with_vocabulary(tmp_path / name)


def test_without_the_library_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of what a run needs."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(SourceError, match=r"tokenizer.json cannot be read .*`pip install tokenizers`"):
        lexing.with_vocabulary(Path("tokenizer.json"))


# --- the digest without layout ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(left=st.text("ab \n\t\r\f\v\u00a0é"), right=st.text("ab \n\t\r\f\v\u00a0é"))
def test_texts_have_one_digest_if_they_differ_in_white_space_only(left: str, right: str) -> None:
    """ASCII's white space; other blanks are characters like any other."""
    one, other = lexing.normal([left, right])
    bare = [text.translate(dict.fromkeys(b" \n\t\r\f\v")) for text in (left, right)]
    assert (one == other) == (bare[0] == bare[1])
    assert len(one) == 32


def test_digests_of_real_files_stay_apart(files: list[str]) -> None:
    """One digest for each file and its copies with other layout."""
    spread = [text.replace("\n", "\r\n").replace("    ", "\t") for text in files]
    assert lexing.normal(files) == lexing.normal(spread)
    assert len(set(lexing.normal(files))) == len({"".join(text.split()) for text in files})


@pytest.mark.slow
def test_import_leaves_numba_for_the_first_call() -> None:
    """A flow whose result is cached does not pay for the compiler."""
    code = "import sys, tasks.curate.text.lexing, tasks.curate.dedup.overlap; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
