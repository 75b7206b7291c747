"""Small programs in Python, Java, C++ and JavaScript, made by a seeded grammar. Pure.

An *idea* (add up, find the longest run, keep what is above a limit ...) is a tree of statements in no language; a
*dialect* says how its language writes each kind of statement. Names, numbers and sentences are drawn from the lists
below, so that two programs share no more than their grammar. A program does something and could be run; what it does is
of no use to anyone.

In expressions, `#name` is the length of a list, `@name` a field of the object. Names are in snake_case; dialects that
want camelCase turn them.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias


def _words(text: str) -> tuple[str, ...]:
    """The words of a text: a list of them that can be read and edited as one."""
    return tuple(text.split())


NOUNS = _words(
    "anchor arrow badge barrel basket beacon blanket bottle branch bridge bucket button candle canyon carpet castle"
    " cellar chapter cloud comet copper corner cradle crater curtain desert drawer engine falcon feather fender ferry"
    " flower forest fountain garden glacier hammer harbour helmet hollow island jacket kernel kettle ladder lagoon"
    " lantern ledger magnet marble meadow mirror needle orbit orchard packet paddle parcel pebble pencil pepper pigeon"
    " pillow planet pocket prairie puzzle quarry ribbon river rocket saddle sail sensor shadow signal spindle spring"
    " station summit sunset tablet temple thimble thunder ticket timber tower trail tunnel turbine valley vessel violin"
    " wagon walnut whistle willow window winter"
)
ADJECTIVES = _words(
    "amber ancient brisk broad calm careful clever coastal crisp curious distant early eastern faint fertile fragile"
    " frozen gentle golden heavy hidden hollow humble idle inner late lesser level little lively lonely lunar mellow"
    " modest narrow noisy northern outer patient plain polar quiet rapid remote rough rural scarlet shallow silent"
    " silver simple slender solar southern steady stormy sturdy subtle swift tidal upper vivid warm western wooden"
)
VERBS = _words(
    "adjust arrange balance blend borrow bundle carve chart climb collect compare count cover cross divide draw fasten"
    " fetch follow gather grind guard guess hoist inspect join launch lift loosen measure mend merge order paint plant"
    " polish rank reach repair rinse roll scatter sculpt shift sift smooth sort spread stack steer stretch survey tally"
    " trace trade trim unfold wander weigh wind wrap"
)
SENTENCES = (
    "{verb} each {noun} of the {adjective} {noun} before the {noun} does",
    "What a {noun} weighs when {number} of its {noun}s are {adjective}",
    "Keeps the {adjective} {noun}s in the order of their {noun}s",
    "The {noun} is {adjective}, so {verb} it with the {noun} instead",
    "Never more than {number} {noun}s: the {adjective} {noun} could not {verb} them",
    "A {adjective} {noun} counts {number} times, as agreed with the {noun} people",
    "Here we {verb} and {verb} until the {noun} has become {adjective}",
    "Answers how many {noun}s there are below the {adjective} {noun}",
    "{number} was found by trying: with fewer, the {noun} would {verb} twice",
    "See the chapter on {adjective} {noun}s for why a {noun} may {verb}",
    "Like the {noun} next door, but {adjective} and without a {noun}",
    "Assumes that every {noun} has a {noun}; {adjective} ones have {number}",
    "Do not {verb} the {noun} here, its {adjective} {noun} is still open",
    "Gives back nothing but {adjective} {noun}s, {number} at the most",
    "Once per {noun}: {verb}, wait for the {adjective} {noun}, {verb} again",
    "Rounds towards the {adjective} {noun}, which is what a {noun} expects",
)
FAILURES = (
    "{noun} must not be {adjective}",
    "no {adjective} {noun} left to {verb}",
    "cannot {verb} a {noun} of {number}",
    "the {noun} has lost its {adjective} {noun}",
)

LONG, CLASSES = 1_000, 0.3  # characters of a program that has classes, and their share of its units


def sentence(rng: random.Random, shapes: Sequence[str] = SENTENCES) -> str:
    """A sentence of a shape; every gap is drawn for itself."""
    gaps = {"noun": NOUNS, "adjective": ADJECTIVES, "verb": VERBS}

    def drawn(match: re.Match[str]) -> str:
        return str(rng.randrange(2, 900)) if match[1] == "number" else rng.choice(gaps[match[1]])

    text = re.sub(r"\{(\w+)\}", drawn, rng.choice(shapes))
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:] if shapes is SENTENCES else text


# --- statements and ideas --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """One statement: `kind` is one of a dialect's `ways`, `fields` fill its gaps, `body` is what it encloses."""

    kind: str
    fields: dict[str, str]
    body: tuple["Statement", ...] | None = None


@dataclass(frozen=True)
class Idea:
    """What a function takes (name, "int" or "list"), gives back ("int" or "list") and does."""

    params: tuple[tuple[str, str], ...]
    returns: str
    body: tuple[Statement, ...]


def _let(name: str, value: object) -> Statement:
    return Statement("let", {"name": name, "value": str(value)})


def _set(name: str, value: str) -> Statement:
    return Statement("set", {"name": name, "value": value})


def _add(name: str, value: object) -> Statement:
    return Statement("add", {"name": name, "value": str(value)})


def _new(name: str) -> Statement:
    return Statement("new", {"name": name})


def _push(name: str, value: str) -> Statement:
    return Statement("push", {"name": name, "value": value})


def _give(value: str) -> Statement:
    return Statement("give", {"value": value})


def _each(item: str, items: str, *body: Statement) -> Statement:
    return Statement("each", {"item": item, "items": items}, body)


def _times(item: str, limit: str, *body: Statement) -> Statement:
    return Statement("times", {"item": item, "limit": limit}, body)


def _loop(test: str, *body: Statement) -> Statement:
    return Statement("loop", {"test": test}, body)


def _when(test: str, *body: Statement) -> Statement:
    return Statement("when", {"test": test}, body)


def _otherwise(*body: Statement) -> Statement:
    return Statement("otherwise", {}, body)


Names: TypeAlias = Sequence[str]  # six different names in the singular, for an idea to use
Maker: TypeAlias = Callable[[random.Random, Names], Idea]


def _total(rng: random.Random, n: Names) -> Idea:
    items, item, limit, total = f"{n[0]}s", n[0], n[1], f"{n[2]}_total"
    weigh = _when(f"{item} > {limit}", _add(total, f"{item} * {rng.randrange(2, 99)} - {limit}"))
    return Idea(((items, "list"), (limit, "int")), "int", (_let(total, 0), _each(item, items, weigh), _give(total)))


def _matching(rng: random.Random, n: Names) -> Idea:
    items, item, found = f"{n[0]}s", n[0], f"{n[1]}_count"
    every = rng.randrange(3, 60)
    test = _when(f"{item} % {every} == {rng.randrange(every)}", _add(found, 1))
    return Idea(((items, "list"),), "int", (_let(found, rng.randrange(4)), _each(item, items, test), _give(found)))


def _largest(rng: random.Random, n: Names) -> Idea:
    items, item, best, first = f"{n[0]}s", n[0], f"best_{n[1]}", n[2]
    better = _when(f"{item} + {rng.randrange(40)} > {best}", _set(best, item))
    return Idea(((items, "list"), (first, "int")), "int", (_let(best, first), _each(item, items, better), _give(best)))


def _longest_run(rng: random.Random, n: Names) -> Idea:
    items, item, last, run, best = f"{n[0]}s", n[0], f"last_{n[1]}", f"{n[2]}_run", f"longest_{n[3]}"
    longer = (_add(run, 1), _when(f"{run} > {best}", _set(best, run)))
    walk = (_when(f"{item} >= {last}", *longer), _otherwise(_set(run, "1")), _set(last, item))
    start = (_let(last, -rng.randrange(1, 500)), _let(run, 0), _let(best, 0))
    return Idea(((items, "list"),), "int", (*start, _each(item, items, *walk), _give(best)))


def _selection(rng: random.Random, n: Names) -> Idea:
    items, item, kept, limit = f"{n[0]}s", n[0], f"kept_{n[1]}s", f"{n[2]}_limit"
    choose = _when(f"{item} < {limit}", _push(kept, f"{item} + {rng.randrange(1, 700)}"))
    return Idea(((items, "list"), (limit, "int")), "list", (_new(kept), _each(item, items, choose), _give(kept)))


def _halvings(rng: random.Random, n: Names) -> Idea:
    start, rest, steps = n[0], f"{n[1]}_rest", f"{n[2]}_steps"
    odd = (_when(f"{rest} % 2 == 1", _set(rest, f"{rest} * 3 + 1")), _otherwise(_set(rest, f"{rest} >> 1")))
    loop = _loop(f"{rest} > {rng.randrange(1, 30)}", *odd, _add(steps, 1))
    return Idea(((start, "int"),), "int", (_let(rest, start), _let(steps, 0), loop, _give(steps)))


def _weighted(rng: random.Random, n: Names) -> Idea:
    items, item, place, total = f"{n[0]}s", n[0], f"{n[1]}_place", f"{n[2]}_sum"
    add = (_add(total, f"{item} * {place}"), _add(place, rng.randrange(1, 12)))
    start = (_let(place, rng.randrange(20)), _let(total, 0))
    return Idea(((items, "list"),), "int", (*start, _each(item, items, *add), _give(f"{total} - #{items}")))


def _common_measure(rng: random.Random, n: Names) -> Idea:
    left, right, rest = n[0], n[1], f"{n[2]}_rest"
    big, small = f"larger_{left}", f"smaller_{right}"
    turn = (_let(rest, f"{big} % {small}"), _set(big, small), _set(small, rest))
    start = (_let(big, f"{left} + {rng.randrange(50)}"), _let(small, right))
    return Idea(((left, "int"), (right, "int")), "int", (*start, _loop(f"{small} > 0", *turn), _give(big)))


def _pairs(rng: random.Random, n: Names) -> Idea:
    items, item, others, other, found = f"{n[0]}s", n[0], f"{n[1]}s", n[1], f"{n[2]}_pairs"
    meet = _when(f"{item} + {other} == {rng.randrange(10, 2_000)}", _add(found, 1))
    walk = _each(item, items, _each(other, others, meet))
    return Idea(((items, "list"), (others, "list")), "int", (_let(found, 0), walk, _give(found)))


def _clamped(rng: random.Random, n: Names) -> Idea:
    value, low, high = n[0], f"lowest_{n[1]}", f"highest_{n[1]}"
    inner = (_when(f"{value} > {high}", _give(high)), _otherwise(_give(f"{value} - {rng.randrange(90)}")))
    tests = (_when(f"{value} < {low}", _give(low)), *inner)
    return Idea(((value, "int"), (low, "int"), (high, "int")), "int", tests)


def _smoothed(rng: random.Random, n: Names) -> Idea:
    items, item, last, kept = f"{n[0]}s", n[0], f"{n[1]}_level", f"smooth_{n[2]}s"
    shift = rng.randrange(2, 9)
    step = (_set(last, f"({last} * {2**shift - 1} + {item}) >> {shift}"), _push(kept, last))
    start = (_let(last, rng.randrange(400)), _new(kept))
    return Idea(((items, "list"),), "list", (*start, _each(item, items, *step), _give(kept)))


def _checked_sum(rng: random.Random, n: Names) -> Idea:
    items, item, state = f"{n[0]}s", n[0], f"{n[1]}_state"
    mix = _set(state, f"({state} * {rng.randrange(17, 257)} + {item}) % {rng.randrange(1_009, 9_973)}")
    return Idea(((items, "list"),), "int", (_let(state, rng.randrange(1, 99)), _each(item, items, mix), _give(state)))


def _ladder(rng: random.Random, n: Names) -> Idea:
    limit, step, kept, at = f"{n[0]}_limit", n[1], f"{n[2]}_steps", f"{n[3]}_index"
    skip = _when(f"{at} % {rng.randrange(2, 19)} > 0", _push(kept, f"{at} * {step}"))
    return Idea(((limit, "int"), (step, "int")), "list", (_new(kept), _times(at, limit, skip), _give(kept)))


MAKERS: tuple[Maker, ...] = (
    *(_total, _matching, _largest, _longest_run, _selection, _halvings, _weighted),
    *(_common_measure, _pairs, _clamped, _smoothed, _checked_sum, _ladder),
)


def _idea(rng: random.Random) -> Idea:
    """An idea with names of its own, with asides: notes, messages, and a guard of what it is given."""
    names = [f"{rng.choice(ADJECTIVES)}_{n}" if rng.random() < 0.4 else n for n in rng.sample(NOUNS, 6)]
    idea = rng.choice(MAKERS)(rng, names)
    body = [*_guards(rng, idea.params), *idea.body]
    if rng.random() < 0.6:
        body.insert(rng.randrange(len(body)), Statement("note", {"text": sentence(rng)}))
    shown = idea.params[0]
    if shown[1] == "int" and rng.random() < 0.4:
        body.insert(0, Statement("say", {"text": sentence(rng, FAILURES), "value": shown[0]}))
    return Idea(idea.params, idea.returns, _sound(body))


def _sound(body: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements, in which nothing comes between `when` and its `otherwise`."""
    notes = [s for at, s in enumerate(body) if s.kind == "note" and body[at + 1].kind == "otherwise"]
    return (*notes, *(statement for statement in body if statement not in notes))


def _guards(rng: random.Random, params: Sequence[tuple[str, str]]) -> list[Statement]:
    name, kind = rng.choice(params)
    if rng.random() < 0.5:
        return []
    test = f"#{name} > {rng.randrange(100, 9_000)}" if kind == "list" else f"{name} < {rng.randrange(60)}"
    return [_when(test, Statement("fail", {"text": sentence(rng, FAILURES)}))]


# --- dialects --------------------------------------------------------------------------------------------------------


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
                for name in _words(
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
                for name in _words(
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
                for name in _words(
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
                for name in _words(
                    "assert buffer crypto dns events fs http net os path querystring readline stream timers tls url"
                    " util vm zlib"
                )
            ),
            camel=True,
        ),
    }
)


# --- programs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """A function, a class, a constant or a note: its lines, and the name it can be used by ("": it has none)."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """A file: what it is about, what it imports, and its units."""

    language: str
    title: str  # in snake_case
    about: str
    imports: tuple[str, ...]
    units: tuple[Unit, ...] = ()

    @property
    def text(self) -> str:
        """The source, which ends with one line break."""
        return "\n".join(FRAMES[self.language](self)) + "\n"


def pascal(name: str) -> str:
    """A name in snake_case as PascalCase."""
    return "".join(word.capitalize() for word in name.split("_"))


def _apart(units: Sequence[Unit], blank: int) -> list[str]:
    """Lines of all units, with blank lines before each."""
    return [line for unit in units for line in (*[""] * blank, *unit.lines)]


def _python(program: Program) -> list[str]:
    head = [f'"""{program.about}."""', *([""] if program.imports else []), *program.imports]
    return [*head, *_apart(program.units, 2)]


def _java(program: Program) -> list[str]:
    imports = ["import java.util.ArrayList;", "import java.util.List;", *program.imports]
    head = [f"package org.{program.title.rpartition('_')[2]};", "", *imports, "", f"/** {program.about}. */"]
    units = _apart(program.units, 1)[1:]
    return [*head, f"public class {pascal(program.title)} {{", *indented(units), "}"]


def _cpp(program: Program) -> list[str]:
    needed = ["#include <iostream>", "#include <stdexcept>", "#include <string>", "#include <vector>"]
    head = [f"// {program.about}.", "", *program.imports, *needed, "", f"namespace {program.title} {{"]
    return [*head, *_apart(program.units, 1), "", f"}}  // namespace {program.title}"]


def _javascript(program: Program) -> list[str]:
    names = [unit.name for unit in program.units if unit.name]
    head = [f"/** {program.about}. */", '"use strict";', *([""] if program.imports else []), *program.imports]
    return [*head, *_apart(program.units, 1), "", f"module.exports = {{ {', '.join(names)} }};"]


FRAMES: MappingProxyType[str, Callable[[Program], list[str]]] = MappingProxyType(
    {"Python": _python, "Java": _java, "C++": _cpp, "JavaScript": _javascript}
)


def program(rng: random.Random, language: str, least: int, extra: Sequence[Unit] = ()) -> Program:
    """A program of at least so many characters, and one unit more at most; `extra` units stand among the others."""
    dialect = DIALECTS[language]
    imports = tuple(sorted(rng.sample(dialect.imports, rng.randrange(4))))
    made = grown(rng, Program(language, title(rng), sentence(rng), imports), least)
    units = list(made.units)
    for unit in extra:
        units.insert(rng.randrange(len(units) + 1), unit)
    return replace(made, units=tuple(units))


def title(rng: random.Random) -> str:
    """What a program may be called, in snake_case."""
    return f"{rng.choice(ADJECTIVES)}_{rng.choice(NOUNS)}"


def grown(rng: random.Random, short: Program, least: int) -> Program:
    """The program with further units, until its units have so many characters: one more at least."""
    units = [*short.units, _unit(rng, short.language, least)]
    while sum(len(line) for unit in units for line in unit.lines) < least:
        units.append(_unit(rng, short.language, least))
    return replace(short, units=tuple(units))


def _unit(rng: random.Random, language: str, least: int) -> Unit:
    """A function, and in longer programs now and then a class."""
    return _class(rng, language) if least > LONG and rng.random() < CLASSES else _function(rng, language)


def constant(language: str, name: str, text: str) -> Unit:
    """A text under a name; `text` has no quotes and no line breaks."""
    dialect = DIALECTS[language]
    return Unit("", (dialect.constant.format(name=dialect.name(name), text=text),))


def prose(language: str, name: str, text: str) -> Unit:
    """A text of several lines under a name, as the language writes such: its lines stay as they are."""
    return Unit("", (DIALECTS[language].prose.format(name=name, text=text),))


def note(language: str, *texts: str) -> Unit:
    """Lines of comment."""
    return Unit("", tuple(DIALECTS[language].ways["note"].format(text=text) for text in texts))


def _named(rng: random.Random) -> str:
    return f"{rng.choice(VERBS)}_{rng.choice((rng.choice(ADJECTIVES) + '_', ''))}{rng.choice(NOUNS)}s"


def _function(rng: random.Random, language: str) -> Unit:
    dialect, idea = DIALECTS[language], _idea(rng)
    name = dialect.name(_named(rng))
    return Unit(name, tuple(_written(dialect, "function", name, idea, sentence(rng))))


def _written(dialect: Dialect, way: str, name: str, idea: Idea, about: str) -> list[str]:
    """A function or method with its documentation, where the language has it."""
    given = {"name": name, "params": dialect.params(idea.params), "type": dialect.types[idea.returns]}
    head, doc = dialect.ways[way].format(**given), dialect.ways["doc"].format(text=about)
    body = indented(dialect.block(idea.body))
    if dialect.doc_inside:
        return [head, *indented([doc]), *body, *dialect.closed()]
    return [doc, head, *body, *dialect.closed()]


def _class(rng: random.Random, language: str) -> Unit:
    """A class with two or three fields, and methods that change them."""
    dialect = DIALECTS[language]
    name = pascal(title(rng))
    fields = rng.sample(NOUNS, rng.randrange(2, 4))
    doc = dialect.ways["doc"].format(text=sentence(rng))
    head = dialect.ways["class"].format(name=name).split("\n")
    parts = [_maker(dialect, name, fields), *(_method(rng, dialect, fields) for _ in range(rng.randrange(2, 4)))]
    inner = [line for part in parts for line in ("", *part)]
    kept = _fields(dialect, fields)
    begin = [*head, *indented([doc])] if dialect.doc_inside else [doc, *head]
    return Unit(name, (*begin, *indented(inner[0 if dialect.doc_inside else 1 :]), *kept, *_ended(dialect)))


def _ended(dialect: Dialect) -> list[str]:
    return [dialect.close_class] if dialect.close_class else []


def _maker(dialect: Dialect, name: str, fields: Sequence[str]) -> list[str]:
    head = dialect.ways["maker"].format(name=name, params=dialect.params([(one, "int") for one in fields]))
    return [head, *indented(dialect.block([_set(f"@{one}", one) for one in fields])), *dialect.closed()]


def _method(rng: random.Random, dialect: Dialect, fields: Sequence[str]) -> list[str]:
    idea = _idea(rng)
    change = _add(f"@{rng.choice(fields)}", rng.randrange(1, 90))
    return _written(dialect, "method", dialect.name(_named(rng)), _changing(idea, change), sentence(rng))


def _changing(idea: Idea, change: Statement) -> Idea:
    return Idea(idea.params, idea.returns, (change, *idea.body))


def _fields(dialect: Dialect, fields: Sequence[str]) -> list[str]:
    """The fields, where the language declares them."""
    if "field" not in dialect.ways:
        return []
    kept = [dialect.ways["field"].format(type="int", name=dialect.expression(f"@{one}")) for one in fields]
    return ["", *indented([line.replace("this.", "") for line in kept])]
