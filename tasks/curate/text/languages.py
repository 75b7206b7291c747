"""Which language a file of source code is in: what its name says, and whether its content agrees. Pure.

A name is believed unless the content is clearly something else, since there are C++ headers of macros that no grammar
reads, and dialects (Flow, Cython's shadow files) that only their own tools read. `contradicted` asks twice: first, at
little cost, which language's phrases the first lines contain, which decides nearly every file; and only for the rest
the grammars, which read some 4 MB a second.

Grammars are tree-sitter's, which find a tree in every text and say which of its bytes fit nowhere. Python's own parser
says whether a text is Python.
"""

import ast
import json
import re
import symtable
import threading
import warnings
from functools import cache
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

from schemas.code_corpus import LANGUAGES
from tasks.curate.text import python_source

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Tree

_BY_END = {end: language for language, ends in LANGUAGES.items() for end in ends}
_GRAMMARS = {
    "Python": "tree_sitter_python",
    "Java": "tree_sitter_java",
    "C++": "tree_sitter_cpp",
    "JavaScript": "tree_sitter_javascript",
}


def of_path(path: str) -> str | None:
    """The language that the end of a file's name says, one of LANGUAGES; None for any other."""
    name = path.rpartition("/")[2].lower()
    return _BY_END.get(name[name.rfind(".") :]) if "." in name[1:] else None


_NO_MODULE = (SyntaxError, ValueError, RecursionError, MemoryError)  # ValueError: a zero byte


def parses(text: str, language: str) -> bool:
    """Whether the text is a program of that language by its grammar: Python 3.11's own, or tree-sitter's."""
    if language == "Python":
        return _has_scopes(text) or tree(text) is not None
    return not syntax_tree(text, language).root_node.has_error


_QUIET = threading.Lock()


def _has_scopes(text: str) -> bool:
    """Whether Python finds the scopes of a module's names, for which it must parse it: twice as fast as a tree.

    It refuses more than the parser does, such as `nonlocal` outside of a function.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            symtable.symtable(text, "<file>", "exec")
        except _NO_MODULE:
            return False
        return True


def tree(text: str) -> ast.Module | None:
    """Python's tree of a module; None where it is none, or nested deeper than the parser goes.

    The parser warns of escapes that will be errors one day: those are another's code, and nobody's news here. The
    filters of warnings are one for all threads, so that they are changed by one at a time.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return python_source.module(text)
        except _NO_MODULE:
            return None


def errors(text: str, language: str) -> float:
    """Share of the text's bytes, 0 to 1, that tree-sitter's grammar of the language could not place."""
    root = syntax_tree(text, language).root_node
    size = root.end_byte - root.start_byte
    return _error_bytes(root) / size if size else 0.0


def syntax_tree(text: str, language: str) -> "Tree":
    """Tree-sitter's tree of the text in UTF-8, where a lone surrogate is read as a question mark."""
    return _parser(language).parse(text.encode("utf-8", "replace"))


def rows(text: str, language: str, kind: str) -> list[tuple[int, int]] | None:
    """First and last line, 0-based, of each node of a kind; None where the grammar could not place all of the text."""
    from tree_sitter import Query, QueryCursor

    root = syntax_tree(text, language).root_node
    if root.has_error:
        return None
    nodes = QueryCursor(Query(_grammar(language), f"({kind}) @found")).captures(root).get("found", [])
    return sorted((node.start_point.row, node.end_point.row) for node in nodes)


_PARSERS = threading.local()  # a parser reads one text at a time


def _parser(language: str) -> "Parser":
    from tree_sitter import Parser

    parsers: dict[str, Parser] = _PARSERS.__dict__
    if language not in parsers:
        parsers[language] = Parser(_grammar(language))
    return parsers[language]


@cache
def _grammar(language: str) -> "Language":
    from tree_sitter import Language

    return Language(import_module(_GRAMMARS[language]).language())


def _error_bytes(root: "Node") -> int:
    """Bytes in the outermost nodes of error. Iterative: trees are as deep as the worst of texts."""
    size, cursor = 0, root.walk()
    while True:
        node = cursor.node
        if node is not None and node.is_error:
            size += node.end_byte - node.start_byte
        elif node is not None and node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return size


HEAD = 10_000  # characters that are looked at for turns of phrase; licences and lists of imports are shorter
OWN = 5  # of its own, and it is: fewer than one in a hundred files of another language has as many in its head
ENOUGH = 3  # of its own, where another language has not
PLENTY = 2  # times as many, and two where there is none of its own

# What lines of one language contain and hardly any line of another, strings and comments included: at their beginning,
# blanks apart, and within.
_PHRASES = {
    "Python": (
        (
            r"(?:async[ \t]+)?def \w+[ \t]*\(",
            r"class \w+[ \t]*(?:\([^;{}\n]*\))?:",
            r"from[ \t]+[\w.]+[ \t]+import\b",
            r"import [\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t\r]*$",
            r"(?:if|elif|for|while|with|except|else|try|finally)\b[^;{}\n]*:[ \t\r]*$",
        ),
        (r"\bself\.\w", r'"""', r"\bNone\b"),
    ),
    "Java": (
        (
            r"(?:package|import(?: static)?) [\w.]+(?:\.\*)?;",
            r"(?:public|protected|private)[ \t]+(?:[\w<>\[\],?.@]+[ \t]+){1,6}\w+[ \t]*[({;=]",
            r"@(?:Override|Test|Nullable|Deprecated|SuppressWarnings|Inject|Autowired)\b",
        ),
        (r"\b(?:implements|throws) [A-Z]\w*", r"\bSystem\.(?:out|err)\."),
    ),
    "C++": (
        (
            r"#(?:include|define|ifdef|ifndef|endif|pragma|undef)\b",
            r"(?:inline )?namespace\b",
            r"template[ \t]*<",
            r'using [\w:]+|typedef |extern "C"|struct \w+|enum class ',
            r"(?:public|private|protected):",
        ),
        (
            r"[\w>]::~?\w",
            r"\w->\w",
            r"\bconst \w+[ \t]?[&*]",
            r"\b(?:static_cast|constexpr|nullptr|size_t|uint\d+_t)\b",
        ),
    ),
    "JavaScript": (
        (
            r"(?:export[ \t]+)?(?:const|let|var)[ \t]+(?:[\w$]+[ \t]*[=,]|[{\[])",
            r"import\b[^;\n]*['\"]",
            r"export\b",
            r"['\"]use strict['\"]",
            r"(?:it|describe|test)\(['\"`]",
            r"\w+: (?:['\"{\[]|true\b|false\b|function\b)[^;\n]*$",
            r"\}\)(?:\(\))?;?\r?$",
        ),
        (
            r"=>",
            r"\bfunction[ \t]*+[\w$]*+[ \t]*+\(",
            r"\brequire\(['\"]",
            r"(?<![=!])[=!]==(?!=)",
            r"\bmodule\.exports\b",
            r"\bconsole\.\w",
            r"\btypeof\b",
            r"@(?:type|param|returns?) \{",
        ),
    ),
}
_MARKS = {
    language: re.compile(rf"^[ \t]*+(?:{'|'.join(begin)})|{'|'.join(within)}", re.MULTILINE)
    for language, (begin, within) in _PHRASES.items()
}

# How files begin that are in none of LANGUAGES, and are found under the ends of their names.
_STARTS = {
    "HTML": r"(?i:<!doctype html|<html\b)",
    "XML": r"<\?xml\b|<svg\b",
    "PHP": r"<\?php\b|#![^\n]*\bphp",
    "shell": r"#![^\n]*\b(?:ba|da|k|z)?sh\b",
    "Perl": r"#![^\n]*\bperl",
    "Ruby": r"#![^\n]*\bruby",
    "Git LFS": r"version https://git-lfs\.github\.com/",
}
_START = re.compile(r"\s*(?:" + "|".join(f"(?P<_{i}>{start})" for i, start in enumerate(_STARTS.values())) + ")")
_OBJECTIVE_C = re.compile(r"^@(?:interface|protocol|implementation)\b", re.MULTILINE)
# Headers for both compilers say so; those with C++ in them are Objective-C++, of which a C++ compiler reads a part.
_BOTH = re.compile(r"\b__(?:OBJC__|cplusplus)\b|\bstd::|^[ \t]*(?:namespace\b|template[ \t]*<)", re.MULTILINE)

MISFIT = 0.2  # share of the bytes that another language's text has in errors, nine times in ten
FIT = 0.02  # share below which a text is one of the grammar's language: 88 to 100 % of ours


def contradicted(text: str, language: str) -> str | None:
    """The language that the text clearly is in, where that is not `language`; None where it may be `language`.

    The answer may be one of LANGUAGES or of its neighbours: HTML, JSON, Objective-C, text.
    """
    if other := _by_start(text, language):
        return other
    own = _phrase_count(text, language, OWN)
    if own >= OWN:
        return None
    others = {other: _phrase_count(text, other, PLENTY * (OWN + 1)) for other in _MARKS if other != language}
    if own >= ENOUGH and max(others.values()) < PLENTY * (own + 1):
        return None
    if _is_json(text, language):
        return "JSON"
    share = errors(text, language)
    if share == 0:
        return None
    return _by_phrases(text, others, own, share) or ("text" if share > MISFIT and _is_prose(text) else None)


def _phrase_count(text: str, language: str, most: int) -> int:
    """How many turns of phrase of the language the head of the text has; no more than `most` are counted."""
    return sum(1 for _ in islice(_MARKS[language].finditer(text, 0, HEAD), most))


def _by_start(text: str, language: str) -> str | None:
    """What the beginning says that no grammar is needed for; a script may begin with a line for the shell."""
    start = _START.match(text)
    if start and not parses(text, language):
        return list(_STARTS)[int(str(start.lastgroup)[1:])]
    if language != "C++" or "\n@end" not in text or not _OBJECTIVE_C.search(text):
        return None
    return None if _BOTH.search(text) or parses(text, language) else "Objective-C"


def _by_phrases(text: str, others: dict[str, int], own: int, share: float) -> str | None:
    """The language among `others`, with their numbers of phrases, that the text fits though its own has `share` errors.

    Where another's phrases are plenty, it need only fit twice as well: grammars forgive (much of Java is C++, too), and
    a macro may cost the grammar of C++ half a file.
    """
    for other, count in sorted(others.items(), key=lambda item: -item[1]):
        plenty = count >= PLENTY * (own + 1)
        if plenty or (count and share > MISFIT):
            fit = errors(text, other)
            if fit <= FIT < share or (plenty and fit <= share / 2):
                return other
    return None


_NAMES_OF_JSON = re.compile(r"[:\[,]\s*(?:true|false|null)\b")  # Python has others for these


def _is_json(text: str, language: str) -> bool:
    """Whether the text is JSON, and no program: to JavaScript an object alone is an error, to Python a literal."""
    if text.lstrip()[:1] not in ({"{"} if language == "JavaScript" else {"{", "["}):
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return bool(value) and (language != "Python" or _NAMES_OF_JSON.search(text) is not None)


_SENTENCE = re.compile(r"[^\n;{}<>=#|\\]*\w[^\n;{}<>=#|\\]*", re.ASCII)  # a line without what code is written in
_WORDS = 5  # in a line of prose, at least


def _is_prose(text: str) -> bool:
    """Whether eight in ten of the lines of the head are sentences."""
    lines = [line for line in text[:HEAD].split("\n") if line.strip()]
    prose = sum(len(line.split()) >= _WORDS and _SENTENCE.fullmatch(line.strip()) is not None for line in lines)
    return prose >= 0.8 * len(lines)
