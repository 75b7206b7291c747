"""Small programs in Python, Java, C++ and JavaScript, made by a seeded grammar. Pure.

Names, numbers and sentences are drawn from lists, so two programs share no more than their grammar. A program could be
run, but serves no purpose.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tasks.pipelines.code_corpus.sample_dialects import DIALECTS, Dialect, indented
from tasks.pipelines.code_corpus.sample_ideas import Idea, Statement, assign, increase, random_idea
from tasks.pipelines.code_corpus.sample_texts import ADJECTIVES, NOUNS, VERBS, sentence

LONG, CLASSES = 1_000, 0.3  # characters of a program that has classes, and their share of its units


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


def _spaced(units: Sequence[Unit], blank: int) -> list[str]:
    """Lines of all units, with blank lines before each."""
    return [line for unit in units for line in (*[""] * blank, *unit.lines)]


def _python(program: Program) -> list[str]:
    head = [f'"""{program.about}."""', *([""] if program.imports else []), *program.imports]
    return [*head, *_spaced(program.units, 2)]


def _java(program: Program) -> list[str]:
    imports = ["import java.util.ArrayList;", "import java.util.List;", *program.imports]
    head = [f"package org.{program.title.rpartition('_')[2]};", "", *imports, "", f"/** {program.about}. */"]
    units = _spaced(program.units, 1)[1:]
    return [*head, f"public class {pascal(program.title)} {{", *indented(units), "}"]


def _cpp(program: Program) -> list[str]:
    needed = ["#include <iostream>", "#include <stdexcept>", "#include <string>", "#include <vector>"]
    head = [f"// {program.about}.", "", *program.imports, *needed, "", f"namespace {program.title} {{"]
    return [*head, *_spaced(program.units, 1), "", f"}}  // namespace {program.title}"]


def _javascript(program: Program) -> list[str]:
    names = [unit.name for unit in program.units if unit.name]
    head = [f"/** {program.about}. */", '"use strict";', *([""] if program.imports else []), *program.imports]
    return [*head, *_spaced(program.units, 1), "", f"module.exports = {{ {', '.join(names)} }};"]


FRAMES: MappingProxyType[str, Callable[[Program], list[str]]] = MappingProxyType(
    {"Python": _python, "Java": _java, "C++": _cpp, "JavaScript": _javascript}
)


def program(rng: random.Random, language: str, least: int, extra: Sequence[Unit] = ()) -> Program:
    """A program of at least `least` characters, and one unit more at most; `extra` units are among the others."""
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
    units = [*short.units, _random_unit(rng, short.language, least)]
    while sum(len(line) for unit in units for line in unit.lines) < least:
        units.append(_random_unit(rng, short.language, least))
    return replace(short, units=tuple(units))


def _random_unit(rng: random.Random, language: str, least: int) -> Unit:
    """A function, and in longer programs now and then a class."""
    return _class_unit(rng, language) if least > LONG and rng.random() < CLASSES else _function_unit(rng, language)


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


def _function_name(rng: random.Random) -> str:
    return f"{rng.choice(VERBS)}_{rng.choice((rng.choice(ADJECTIVES) + '_', ''))}{rng.choice(NOUNS)}s"


def _function_unit(rng: random.Random, language: str) -> Unit:
    dialect, idea = DIALECTS[language], random_idea(rng)
    name = dialect.name(_function_name(rng))
    return Unit(name, tuple(_function_source(dialect, "function", name, idea, sentence(rng))))


def _function_source(dialect: Dialect, way: str, name: str, idea: Idea, about: str) -> list[str]:
    """A function or method with its documentation, where the language has it."""
    given = {"name": name, "params": dialect.params(idea.params), "type": dialect.types[idea.returns]}
    head, doc = dialect.ways[way].format(**given), dialect.ways["doc"].format(text=about)
    body = indented(dialect.block(idea.body))
    if dialect.doc_inside:
        return [head, *indented([doc]), *body, *dialect.closed()]
    return [doc, head, *body, *dialect.closed()]


def _class_unit(rng: random.Random, language: str) -> Unit:
    """A class with two or three fields, and methods that change them."""
    dialect = DIALECTS[language]
    name = pascal(title(rng))
    fields = rng.sample(NOUNS, rng.randrange(2, 4))
    doc = dialect.ways["doc"].format(text=sentence(rng))
    head = dialect.ways["class"].format(name=name).split("\n")
    parts = [
        _constructor(dialect, name, fields),
        *(_method_source(rng, dialect, fields) for _ in range(rng.randrange(2, 4))),
    ]
    inner = [line for part in parts for line in ("", *part)]
    kept = _field_lines(dialect, fields)
    begin = [*head, *indented([doc])] if dialect.doc_inside else [doc, *head]
    return Unit(name, (*begin, *indented(inner[0 if dialect.doc_inside else 1 :]), *kept, *_class_end(dialect)))


def _class_end(dialect: Dialect) -> list[str]:
    return [dialect.close_class] if dialect.close_class else []


def _constructor(dialect: Dialect, name: str, fields: Sequence[str]) -> list[str]:
    head = dialect.ways["maker"].format(name=name, params=dialect.params([(one, "int") for one in fields]))
    return [head, *indented(dialect.block([assign(f"@{one}", one) for one in fields])), *dialect.closed()]


def _method_source(rng: random.Random, dialect: Dialect, fields: Sequence[str]) -> list[str]:
    idea = random_idea(rng)
    change = increase(f"@{rng.choice(fields)}", rng.randrange(1, 90))
    return _function_source(
        dialect, "method", dialect.name(_function_name(rng)), _with_first_statement(idea, change), sentence(rng)
    )


def _with_first_statement(idea: Idea, change: Statement) -> Idea:
    return Idea(idea.params, idea.returns, (change, *idea.body))


def _field_lines(dialect: Dialect, fields: Sequence[str]) -> list[str]:
    """The fields, where the language declares them."""
    if "field" not in dialect.ways:
        return []
    kept = [dialect.ways["field"].format(type="int", name=dialect.expression(f"@{one}")) for one in fields]
    return ["", *indented([line.replace("this.", "") for line in kept])]
