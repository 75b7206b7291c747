"""How Python, Java, C++ and JavaScript write the statements of an idea (`sample_ideas`). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tasks.pipelines.code_corpus.sample_ideas import Statement
from tasks.pipelines.code_corpus.sample_texts import word_list


@dataclass(frozen=True)
class Dialect:
    """How a language writes things. `ways`: kind of statement or piece -> its form, with gaps in braces.

    `types`: "int" and "list" as the language calls them; `param`: form of a parameter; `constant` and `prose`: a text
    under a name, on one line and on several.
    """

    ends: tuple[str, ...]  # of file names
    ways: dict[str, str]
    types: dict[str, str]
    param: str
    length: str
    own: str  # field of the object
    constant: str
    prose: str
    imports: tuple[str, ...]
    close: str = "}"
    close_class: str = "}"
    camel: bool = False
    doc_inside: bool = False

    def name(self, text: str) -> str:
        """A name, or all names of an expression, as the language writes them."""
        return re.sub(r"(?<=[a-z0-9])_([a-z])", lambda m: m[1].upper(), text) if self.camel else text

    def expression(self, text: str) -> str:
        """An expression in the language's own words."""
        text = re.sub(r"#(\w+)", lambda m: self.length.format(m[1]), text)
        return self.name(re.sub(r"@(\w+)", lambda m: self.own.format(m[1]), text))

    def lines(self, statement: Statement) -> list[str]:
        """A statement with all it encloses."""
        fields = {k: v if k == "text" else self.expression(v) for k, v in statement.fields.items()}
        head = self.ways[statement.kind].format(**fields)
        return [head] if statement.body is None else [head, *indented(self.block(statement.body)), *self.closed()]

    def block(self, statements: Sequence[Statement]) -> list[str]:
        """Statements one after another."""
        return [line for statement in statements for line in self.lines(statement)]

    def closed(self) -> list[str]:
        """The line that ends a block, where there is one."""
        return [self.close] if self.close else []

    def params(self, params: Sequence[tuple[str, str]]) -> str:
        """A list of parameters."""
        return ", ".join(self.param.format(name=self.name(n), type=self.types[t]) for n, t in params)


def indented(lines: Sequence[str]) -> list[str]:
    """Lines one level deeper; empty ones stay empty."""
    return [f"    {line}" if line else "" for line in lines]


_BRACES = {
    "set": "{name} = {value};",
    "add": "{name} += {value};",
    "loop": "while ({test}) {{",
    "when": "if ({test}) {{",
    "otherwise": "else {{",
    "give": "return {value};",
    "note": "// {text}",
    "doc": "/** {text}. */",
}
DIALECTS = MappingProxyType(
    {
        "Python": Dialect(
            ends=(".py",),
            ways={
                "let": "{name} = {value}",
                "set": "{name} = {value}",
                "add": "{name} += {value}",
                "new": "{name}: list[int] = []",
                "push": "{name}.append({value})",
                "each": "for {item} in {items}:",
                "times": "for {item} in range({limit}):",
                "loop": "while {test}:",
                "when": "if {test}:",
                "otherwise": "else:",
                "give": "return {value}",
                "fail": 'raise ValueError("{text}")',
                "say": 'print("{text}", {value})',
                "note": "# {text}",
                "doc": '"""{text}."""',
                "function": "def {name}({params}) -> {type}:",
                "method": "def {name}(self, {params}) -> {type}:",
                "class": "class {name}:",
                "maker": "def __init__(self, {params}) -> None:",
            },
            types={"int": "int", "list": "list[int]"},
            param="{name}: {type}",
            length="len({})",
            own="self.{}",
            constant='{name} = "{text}"',
            prose='{name} = """{text}"""',
            imports=tuple(
                f"import {name}"
                for name in word_list(
                    "bisect collections datetime enum fractions functools heapq itertools json logging math"
                    " operator os pathlib queue random re statistics string struct sys textwrap time types"
                )
            ),
            close="",
            close_class="",
            doc_inside=True,
        ),
        "Java": Dialect(
            ends=(".java",),
            ways={
                **_BRACES,
                "let": "int {name} = {value};",
                "new": "List<Integer> {name} = new ArrayList<>();",
                "push": "{name}.add({value});",
                "each": "for (int {item} : {items}) {{",
                "times": "for (int {item} = 0; {item} < {limit}; {item}++) {{",
                "fail": 'throw new IllegalArgumentException("{text}");',
                "say": 'System.out.println("{text} " + {value});',
                "function": "public static {type} {name}({params}) {{",
                "method": "public {type} {name}({params}) {{",
                "class": "public static final class {name} {{",
                "maker": "public {name}({params}) {{",
                "field": "private {type} {name};",
            },
            types={"int": "int", "list": "List<Integer>"},
            param="{type} {name}",
            length="{}.size()",
            own="this.{}",
            constant='private static final String {name} = "{text}";',
            prose='private static final String {name} = """\n{text}""";',
            imports=tuple(
                f"import java.{name};"
                for name in word_list(
                    "io.File io.IOException math.BigInteger net.URI nio.file.Path text.NumberFormat time.Duration"
                    " time.Instant util.Arrays util.Collections util.Deque util.HashMap util.Iterator util.Locale"
                    " util.Map util.Objects util.Optional util.Queue util.Random util.Set util.TreeMap"
                    " util.function.Function"
                )
            ),
            camel=True,
        ),
        "C++": Dialect(
            ends=(".cpp", ".hpp", ".cc", ".h"),
            ways={
                **_BRACES,
                "let": "int {name} = {value};",
                "new": "std::vector<int> {name};",
                "push": "{name}.push_back({value});",
                "each": "for (const int {item} : {items}) {{",
                "times": "for (int {item} = 0; {item} < {limit}; ++{item}) {{",
                "fail": 'throw std::invalid_argument("{text}");',
                "say": "std::cout << \"{text} \" << {value} << '\\n';",
                "doc": "/// {text}.",
                "function": "{type} {name}({params}) {{",
                "method": "{type} {name}({params}) {{",
                "class": "class {name} {{\n public:",
                "maker": "explicit {name}({params}) {{",
                "field": "{type} {name} = 0;",
            },
            types={"int": "int", "list": "std::vector<int>"},
            param="{type} {name}",
            length="static_cast<int>({}.size())",
            own="{}_",
            constant='static const std::string {name} = "{text}";',
            prose='static const std::string {name} = R"({text})";',
            imports=tuple(
                f"#include <{name}>"
                for name in word_list(
                    "algorithm array bitset cassert chrono cmath cstdint deque fstream functional iomanip limits list"
                    " map memory mutex numeric optional queue random set sstream stack tuple utility variant"
                )
            ),
            close_class="};",
        ),
        "JavaScript": Dialect(
            ends=(".js", ".mjs", ".cjs"),
            ways={
                **_BRACES,
                "let": "let {name} = {value};",
                "new": "const {name} = [];",
                "push": "{name}.push({value});",
                "each": "for (const {item} of {items}) {{",
                "times": "for (let {item} = 0; {item} < {limit}; {item} += 1) {{",
                "fail": 'throw new Error("{text}");',
                "say": 'console.log("{text}", {value});',
                "function": "function {name}({params}) {{",
                "method": "{name}({params}) {{",
                "class": "class {name} {{",
                "maker": "constructor({params}) {{",
            },
            types={"int": "", "list": ""},
            param="{name}",
            length="{}.length",
            own="this.{}",
            constant='const {name} = "{text}";',
            prose="const {name} = `{text}`;",
            imports=tuple(
                f'const {name} = require("{name}");'
                for name in word_list(
                    "assert buffer crypto dns events fs http net os path querystring readline stream timers tls url"
                    " util vm zlib"
                )
            ),
            camel=True,
        ),
    }
)
