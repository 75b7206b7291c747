"""A generated copy of Glaive's chats in the hub's layout, with the truth about every row.

Each row is planned first (functions, turns, calls as values) and then written as in the real file: pretty-printed
definitions one after the other, arguments as JSON in single quotes, and sometimes in another style that models use.
The plan goes to `truth.json`: reading the file must give the same values.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from schemas.document import Document

FILE = "glaive-function-calling-v2.json"
ROWS = 300
SPOILT = 25  # one row in this many has a fault
WITH = "SYSTEM: You are a helpful assistant with access to the following functions. Use them if required -\n"
WITHOUT = "SYSTEM: You are a helpful assistant, with no access to external functions.\n"
END = " <|endoftext|>"

PLACES = ("Oslo", "Coeur d'Alene", "São Paulo", "L'Aquila", "King's Lynn", "東京", "Xi'an", "Val-d'Isère")
THINGS = (
    "a kettle",
    "the driver's manual",
    'a "smart" lamp',
    "O'Brien's bread",
    "12' of rope",
    "it's-a-mug",
    'a 3" nail',
)
PEOPLE = ("Ann O'Neil", "Zoë", "Jean d'Arc", "Bo Li")
NOTES = (
    "Don't be late",
    'He said "hello" twice',
    "It's 5 o'clock, isn't it?",
    "Back\\slash and tab",
    "Line one\nLine two",
)


@dataclass(frozen=True)
class Function:
    """A function that a chat offers: its definition, its arguments, what it returns, and how a user asks for it."""

    name: str
    description: str
    properties: Mapping[str, Document]  # JSON Schema of each parameter
    draw: Callable[[random.Random], Document]  # arguments of a call
    give: Callable[[random.Random, Document], Any]  # what a call with these arguments returns: any JSON value
    ask: str

    def definition(self) -> Document:
        """The definition as in the real file."""
        parameters = {"type": "object", "properties": self.properties, "required": list(self.properties)[:1]}
        return {"name": self.name, "description": self.description, "parameters": parameters}


def _string_parameter(description: str) -> Document:
    return {"type": "string", "description": description}


# Families of functions: a row offers functions of one family, so that groups stay small, as most real ones are.
FAMILIES: tuple[tuple[Function, ...], ...] = (
    (
        Function(
            "get_weather",
            "Get the weather of a place",
            {"place": _string_parameter("The place"), "days": {"type": "integer", "description": "Days ahead"}},
            lambda rng: {"place": rng.choice(PLACES), "days": rng.randint(0, 7)},
            lambda rng, given: {"place": given["place"], "celsius": round(rng.uniform(-9, 35), 1)},
            "What will the weather be like in {place}?",
        ),
        Function(
            "get_time_zone",
            "Get the time zone of a place",
            {"place": _string_parameter("The place")},
            lambda rng: {"place": rng.choice(PLACES)},
            lambda rng, _given: {"offset": f"UTC+{rng.randint(0, 12)}"},
            "Which time zone is {place} in?",
        ),
    ),
    (
        Function(
            "calculate_price",
            "Calculate a price with a discount",
            {
                "amount": {"type": "number", "description": "The price"},
                "discount": {"type": "number", "description": "Percent taken off"},
                "gift": {"type": "boolean", "description": "Whether it is wrapped"},
            },
            lambda rng: {
                "amount": rng.randint(1, 500),
                "discount": rng.choice((5, 12.5, 20)),
                "gift": rng.random() < 0.5,
            },
            lambda _rng, given: {"price": round(given["amount"] * (1 - given["discount"] / 100), 2)},
            "What do I pay for {amount} euros with {discount} percent off?",
        ),
    ),
    (
        Function(
            "create_note",
            "Write down a note",
            {
                "text": _string_parameter("The note"),
                "tags": {"type": "array", "items": {"type": "string"}, "description": "Tags"},
            },
            lambda rng: {"text": rng.choice(NOTES), "tags": sorted(rng.sample(("home", "work", "bob's"), 2))},
            lambda rng, _given: {"status": "ok", "id": rng.randint(1, 9_999)},
            "Please note: {text}",
        ),
        Function(
            "search_notes",
            "Search notes",
            {"query": _string_parameter("What to look for"), "limit": {"type": "integer", "description": "At most"}},
            lambda rng: {"query": rng.choice(THINGS), "limit": rng.randint(1, 20)},
            lambda rng, given: [{"id": rng.randint(1, 99), "text": given["query"]}],
            "Find my notes about {query}.",
        ),
        Function(
            "delete_note",
            "Delete a note",
            {"id": {"type": "integer", "description": "Which one"}},
            lambda rng: {"id": rng.randint(1, 9_999)},
            lambda _rng, _given: "done",
            "Throw note {id} away.",
        ),
    ),
    (
        Function(
            "send_message",
            "Send a message to someone",
            {"to": _string_parameter("Who gets it"), "text": _string_parameter("The message")},
            lambda rng: {"to": rng.choice(PEOPLE), "text": rng.choice(NOTES)},
            lambda _rng, given: {"status": "sent", "to": given["to"]},
            "Tell {to}: {text}",
        ),
    ),
    (
        Function(
            "generateQrCode",
            "Generate a QR code",
            {"data": _string_parameter("What it says"), "size": {"type": "integer", "enum": [64, 128, 256]}},
            lambda rng: {
                "data": f"https://example.org/?q={rng.randint(1, 99)}&r='x'",
                "size": rng.choice((64, 128, 256)),
            },
            lambda rng, _given: {"image": f"QR-{rng.randint(1, 999)}"},
            "I need a QR code for {data}.",
        ),
    ),
)
SUFFIXES = ("", "_at_home", "_at_work", "_abroad", "_for_a_friend")  # each makes a family of its own
TALK = (
    ("What does {thing} cost, roughly?", "That depends on the shop; I can't look it up."),
    ("Who was the first mayor of {place}?", "I don't know for certain, and I won't guess."),
    ("Explain recursion with {thing}.", "To understand {thing}, first understand {thing}."),
    ("How far is {place} from the sea?", "I have no map at hand."),
)


def _as_strings(name: str, args: Document) -> str:
    """Numbers and truth values in quotes, as a model writes them that ignores the schema."""
    texts = {key: str(value) if isinstance(value, (int, float)) else value for key, value in args.items()}
    return f'{{"name": "{name}", "arguments": \'{json.dumps(texts)}\'}}'


# Ways to write a call, as functions of its name and arguments; WEIGHTS say how often each is used.
STYLES: Mapping[str, Callable[[str, Document], str]] = {
    "quoted": lambda name, args: f'{{"name": "{name}", "arguments": \'{json.dumps(args, ensure_ascii=False)}\'}}',
    "ascii": lambda name, args: f'{{"name": "{name}", "arguments": \'{json.dumps(args)}\'}}',
    "object": lambda name, args: json.dumps({"name": name, "arguments": args}),
    "text": lambda name, args: json.dumps({"name": name, "arguments": json.dumps(args)}),
    "python": lambda name, args: str({"name": name, "arguments": args}),
    "escaped": lambda name, args: (
        f'{{"name": "{name}", "arguments": \'{json.dumps(args)}\'}}'.replace("'", "\\'")
        .replace(": \\'{", ": '{")
        .replace("}\\'}", "}'}")
    ),
    "lines": lambda name, args: f'{{"name": "{name}", "arguments": \'{json.dumps(args, indent=2)}\n\'}}',
    "strings": _as_strings,
    "comma": lambda name, args: f'{{"name": "{name}", "arguments": \'{json.dumps(args)[:-1]},}}\',}}',
}
WEIGHTS = (12, 2, 2, 1, 2, 2, 1, 1, 1)


@dataclass
class Plan:
    """A row before it is written: its functions, its chat piece by piece, and the calls made, in order."""

    functions: list[Function]
    chat: list[str] = field(default_factory=list)
    calls: list[tuple[str, Document]] = field(default_factory=list)
    turns: int = 0

    def say(self, label: str, text: str, end: str = "") -> None:
        self.chat.append(f"{label}: {text}{end}")
        self.turns += 1

    def row(self) -> dict[str, str]:
        return {"system": _system_text(self.functions), "chat": "\n\n\n".join(self.chat) + "\n\n\n"}


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write FILE and truth.json into `folder`. One row in SPOILT has one of the faults of SPOILERS."""
    rng = random.Random(seed)
    total = max(60, round(ROWS * scale))
    rows: list[dict[str, str] | str] = []
    truth: list[Document] = []
    while len(rows) < total:
        row, about = _spoilt(rng, len(rows) // SPOILT) if len(rows) % SPOILT == SPOILT - 1 else _sound_row(rng)
        rows.append(row)
        truth.append({"line": len(rows), **about})
    (folder / FILE).write_text("[\n" + ",\n".join(_array_element(row) for row in rows) + "\n]\n", encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps({"rows": truth}, indent=1), encoding="utf-8")


def _array_element(row: dict[str, str] | str) -> str:
    """An element of the array, indented as in the hub's file; a string is written unchanged, as a broken row."""
    return row if isinstance(row, str) else "  " + json.dumps(row, indent=2).replace("\n", "\n  ")


def _system_text(functions: Sequence[Function]) -> str:
    if not functions:
        return WITHOUT
    return WITH + "".join(json.dumps(function.definition(), indent=4) + "\n\n" for function in functions)


def _sound_row(rng: random.Random) -> tuple[dict[str, str], Document]:
    """A row that can be read, and its truth."""
    plan = Plan([]) if rng.random() < 0.3 else Plan(list(_some_functions(rng, rng.choice(FAMILIES))))
    for _ in range(rng.choice((1, 1, 2, 2, 3, 5))):
        if plan.functions and rng.random() < 0.8:
            _plan_call(rng, plan)
        else:
            _plan_talk(rng, plan)
    if rng.random() < 0.03:
        plan.chat.append("USER: Thanks!")  # no answer follows: the reader must cut it
    return plan.row(), _truth(plan)


def _some_functions(rng: random.Random, family: Sequence[Function]) -> list[Function]:
    suffix = rng.choice(SUFFIXES)
    return [
        replace(function, name=function.name + suffix) for function in rng.sample(family, rng.randint(1, len(family)))
    ]


def _plan_talk(rng: random.Random, plan: Plan) -> None:
    question, reply = rng.choice(TALK)
    words = {"thing": rng.choice(THINGS), "place": rng.choice(PLACES)}
    plan.say("USER", question.format(**words))
    plan.say("ASSISTANT", reply.format(**words), END)


def _plan_call(rng: random.Random, plan: Plan) -> None:
    """A request, the call, the response, and the assistant's last words."""
    function = rng.choice(plan.functions)
    given = function.draw(rng)
    style = rng.choices(list(STYLES), WEIGHTS)[0]
    before = "Let me see. " if rng.random() < 0.1 else ""
    plan.say("USER", function.ask.format(**given))
    plan.say(
        "ASSISTANT", f"{before}<functioncall> {STYLES[style](function.name, given)}", END if rng.random() < 0.95 else ""
    )
    plan.say("FUNCTION RESPONSE", _response_text(function.give(rng, given)))
    plan.say("ASSISTANT", rng.choice(("Done. Anything else?", "Here's what I found.", "That's all there is.")), END)
    plan.calls.append((function.name, given))


def _response_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _truth(plan: Plan) -> Document:
    """What reading the row must give. The tier is computed here again, independently of the reader's code."""
    names = [name for name, _ in plan.calls]
    hard = len(names) > 3 or len(set(names)) > 1
    simple = len(names) == 1 and len(plan.functions) == 1
    tier = "none" if not names else "complex" if hard else "simple" if simple else "moderate"
    functions = [function.name for function in plan.functions]
    return {
        "outcome": "kept",
        "reason": "",
        "functions": functions,
        "calls": plan.calls,
        "tier": tier,
        "turns": plan.turns,
    }


# ---------------------------------------------------------------------------------------------------------------------
# Rows with a fault

NOTHING: Document = {"functions": [], "calls": [], "tier": "none", "turns": 0}


def _without_chat(row: dict[str, str]) -> dict[str, str]:
    return {"system": row["system"]}


def _with_cut_call(row: dict[str, str]) -> dict[str, str]:
    call = '<functioncall> {"name": "get_weather", "arguments": \'{"place": "Os'
    return {**row, "chat": f"USER: Now?\n\n\nASSISTANT: {call}{END}\n\n\n"}


def _with_cut_function(row: dict[str, str]) -> dict[str, str]:
    return {**row, "system": WITH + '{\n    "name": "get_weather",\n    "parameters": {"type": "obj'}


def _with_empty_chat(row: dict[str, str]) -> dict[str, str]:
    return {**row, "chat": ""}


def _with_unknown_function(row: dict[str, str]) -> dict[str, str]:
    chat = 'USER: Go!\n\n\nASSISTANT: <functioncall> {"name": "launch_rocket", "arguments": \'{}\'} <|endoftext|>\n\n\n'
    return {**row, "chat": chat}


def _broken_json(_row: dict[str, str]) -> str:
    return '  {"system": "SYSTEM: none", "chat": USER}'


# (makes the faulty row of a sound one, outcome, reason)
SPOILERS: tuple[tuple[Callable[[dict[str, str]], dict[str, str] | str], str, str], ...] = (
    (_without_chat, "quarantined", "chat_missing"),
    (_with_unknown_function, "dropped", "call_not_offered"),
    (_with_cut_call, "quarantined", "call_unreadable"),
    (_with_empty_chat, "dropped", "empty_chat"),
    (_broken_json, "quarantined", "invalid_json"),
    (_with_cut_function, "quarantined", "function_unreadable"),
)


def _spoilt(rng: random.Random, number: int) -> tuple[dict[str, str] | str, Document]:
    """A row with a fault, and its truth; each fault in turn."""
    spoil, outcome, reason = SPOILERS[number % len(SPOILERS)]
    row, _ = _sound_row(rng)
    return spoil(row), {"outcome": outcome, "reason": reason, **NOTHING}
