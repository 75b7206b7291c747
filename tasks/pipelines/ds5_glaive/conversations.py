"""Glaive's function-calling chats into Format B. Pure: tables in, tables out.

    raw rows --conversations--> conversations --grouped--> distinct ones, each in the group of its functions

Every turn is kept: the user's, the assistant's (text before a call becomes `message`, every call a step of its own
turn's answer), and functions' responses as messages of role `tool`. A conversation ends with an assistant's message: it
is kept up to the last turn that is in order, and `repairs` says what was cut. The system message offers the functions
in Format B's one way; the wording of the original system prompt is not kept.

Not redacted: names, addresses and passwords in these rows were made up by their publisher's model, and a placeholder
would break the schemas they fill. A key or token known by its format may be real all the same: such a row is dropped.

Every step returns (kept, rejects) and loses nothing: rows in = kept + rejects.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa

from schemas import format_b
from schemas.ds5_glaive import (
    ALWAYS_JOINED,
    ATTRIBUTION,
    CALL,
    COMPLEX_CALLS,
    END,
    LABELS,
    LARGEST_GROUP,
    LICENCE,
    MEASURES,
    MODERATE_CALLS,
    PLACE,
    RARE,
    RAW_ROWS,
    SLICES,
    THRESHOLDS,
    TIERS,
    VERY_RARE,
)
from schemas.finding import Finding
from schemas.format_b import message, messages_json, system_message
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT
from schemas.tools import REGISTRY
from schemas.workflow import answer, result
from tasks.curate.privacy import pii
from tasks.pipelines.ds5_glaive.functions import Offers, Unusable, coerced, offers_in
from tasks.pipelines.ds5_glaive.loose_json import Unreadable, portable, read, read_at
from tasks.tool_use.offered_tools import compiled

SOURCE = "ds5_glaive"
EXTRA = {**SLICES, **MEASURES}
DROPPED, QUARANTINED = "dropped", "quarantined"

# Words in `repairs`, besides those of tasks/pipelines/ds5_glaive/functions.py.
REPAIRS: Mapping[str, str] = {
    "empty_turn_left_out": "a turn had no text",
    "user_turns_joined": "two user turns followed each other",
    "assistant_turns_joined": "two assistant turns followed each other",
    "text_after_call": "the assistant's turn went on after its call",
    "leading_turns_cut": "the chat began with another turn than the user's",
    "ends_with_user": "cut: after the last user turn nobody answered",
    "ends_with_result": "cut: after the last function response nobody answered",
    "result_without_call": "cut: a function responded that was not called",
    "call_without_result": "cut: the talk went on though not every call had its response",
    "result_unanswered": "cut: after a function's response the user spoke, not the assistant",
}

_LABEL = "|".join(sorted(LABELS, key=len, reverse=True))
# A label begins a turn at the start of a paragraph. Only where a chat has no such turns, at the start of any line.
_PARAGRAPHS = re.compile(rf"(?:\A|\n[ \t\r]*\n)\s*({_LABEL}):")
_LINES = re.compile(rf"(?:\A|\n)[ \t]*({_LABEL}):")
_CLOSED = re.compile(r"\s*</functioncall>")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Call = tuple[str, dict[str, Any]]


class Rejected(ValueError):
    """A row that becomes no conversation."""

    def __init__(self, reason: str, outcome: str = QUARANTINED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outcome = outcome


class _Raw(NamedTuple):
    """A raw row (RAW_ROWS)."""

    file: str
    line: int
    system: str
    chat: str
    fault: str | None
    text: str | None

    @property
    def digest(self) -> str:
        """Of the content: 32 hex digits."""
        return hashlib.blake2b(f"{self.system}\0{self.chat}".encode(), digest_size=16).hexdigest()


@dataclass
class Turn:
    """A turn of a chat: the assistant's has text, calls, or both; a function's response has `found`."""

    role: str
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    found: Any = None


def conversations(batch: pd.DataFrame, share: float = 1.0, seed: int = 42) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) of raw rows (schemas/ds5_glaive.RAW_ROWS), one or the other for each.

    Kept: format_b.COLUMNS, the slices, MEASURES and PLACE; `group` is the row's own function, before `grouped`.
    `share` of all rows is taken, by a hash of their content and `seed`: the same rows whatever file or order.
    """
    kept, rejected = [], []
    rows = [
        _Raw(*values) for values in zip(*(pa.array(batch[name]).to_pylist() for name in RAW_ROWS.names), strict=True)
    ]
    for row, refusal in zip(rows, _refusals(rows, share, seed), strict=True):
        try:
            kept.append({**_conversation(row, refusal), "file": row.file, "line": row.line})
        except Rejected as why:
            shown = f"{row.system}\n{row.chat}" if row.fault is None else row.text or ""
            rejected.append((why.outcome, why.reason, row.file, row.line, shown[:ROW_TEXT_LIMIT]))
    return format_b.table(kept, {**EXTRA, **PLACE}), _rejects(rejected)


def _rejects(rows: Sequence[tuple[str, str, str, int, str]]) -> pd.DataFrame:
    kinds = {name: PLACE["line"] if name == "line" else PLACE["file"] for name in REJECT_COLUMNS}
    return pd.DataFrame(
        {name: pd.Series([row[at] for row in rows], dtype=kinds[name]) for at, name in enumerate(REJECT_COLUMNS)}
    )


def _refusals(rows: Sequence[_Raw], share: float, seed: int) -> list[Rejected | None]:
    """Why a row is not even looked at; None if it is."""
    found = [_refused(row, share, seed) for row in rows]
    wanted = [at for at, refusal in enumerate(found) if refusal is None]
    for at, spans in zip(wanted, pii.find_all([f"{rows[at].system}\n{rows[at].chat}" for at in wanted]), strict=True):
        if any(span.kind in pii.KNOWN_BY_FORMAT for span in spans):
            found[at] = Rejected("secret_found", DROPPED)
    return found


def _refused(row: _Raw, share: float, seed: int) -> Rejected | None:
    if row.fault is not None:
        return Rejected(row.fault)
    return None if in_share(row.digest, share, seed) else Rejected("outside_share", DROPPED)


def _conversation(row: _Raw, refusal: Rejected | None) -> dict[str, Any]:
    """One row's columns. Raises Rejected."""
    if refusal is not None:
        raise refusal
    offers = _offers(row.system)
    repairs = set(offers.repairs)
    talk = _in_order(_joined(turns(row.chat, repairs), repairs), repairs)
    calls = _fitting([call for turn in talk for call in turn.calls], offers, repairs)
    names = [offer["name"] for offer in offers.functions]
    return {
        "id": f"{SOURCE}:{row.digest}",
        "source": SOURCE,
        "messages": messages_json(list(_messages(offers.functions, talk, iter(calls)))),
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "environment": format_b.DEFAULT_ENVIRONMENT,
        "weight": 1.0,
        "rationale": "",
        "scenario": "",
        "rows": 1,
        **_measures(talk, names, calls),
        "repairs": ",".join(sorted(repairs)),
        **_offered(talk, names, calls),
    }


def in_share(digest: str, share: float, seed: int) -> bool:
    """Whether a row belongs to the share: its hash with the seed, read as a fraction of 1, lies below it."""
    drawn = hashlib.blake2b(f"{seed}\0{digest}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") / 2**64 < share


# ---------------------------------------------------------------------------------------------------------------------
# The system text


@lru_cache(maxsize=4_096)
def _offers(system: str) -> Offers:
    """The functions a system text defines. Raises Rejected; the same text is read once."""
    try:
        offers = offers_in(system)
    except Unusable as why:
        raise Rejected(str(why)) from why
    if any(offer["name"] in REGISTRY for offer in offers.functions):
        raise Rejected("function_named_like_ours", DROPPED)  # one name would mean two tools
    return offers


# ---------------------------------------------------------------------------------------------------------------------
# The chat


def turns(chat: str, repairs: set[str]) -> list[Turn]:
    """The turns of a chat, empty ones left out. Raises Rejected for text before the first label and for bad calls."""
    if not chat.replace(END, "").strip():
        raise Rejected("empty_chat", DROPPED)
    marks = list(_PARAGRAPHS.finditer(chat))
    if len(marks) < 2:
        marks = list(_LINES.finditer(chat))
    if not marks or chat[: marks[0].start()].strip():
        raise Rejected("no_label_at_start")
    ends = [*(mark.start() for mark in marks[1:]), len(chat)]
    told = [_turn(mark[1], chat[mark.end() : end], repairs) for mark, end in zip(marks, ends, strict=True)]
    filled = [turn for turn in told if turn.text or turn.calls or turn.role == "tool"]
    if len(filled) < len(told):
        repairs.add("empty_turn_left_out")
    return filled


def _turn(label: str, text: str, repairs: set[str]) -> Turn:
    text = text.replace("\0", "").replace(END, "").strip()
    role = LABELS[label]
    if role == "tool":
        return Turn(role, found=_response(text))
    return _assistant(text, repairs) if role == "assistant" else Turn(role, text)


def _response(text: str) -> Any:
    """What a function gave back: a value where it is JSON, else the text."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return portable(read(text))
    except Unreadable:
        return text


def _assistant(text: str, repairs: set[str]) -> Turn:
    """Text and calls of one turn. Raises Rejected."""
    said, calls, at = [], [], 0
    while (mark := text.find(CALL, at)) >= 0:
        said.append(text[at:mark].strip())
        call, at = _call(text, mark + len(CALL))
        calls.append(call)
        closed = _CLOSED.match(text, at)
        at = closed.end() if closed else at
    said.append(text[at:].strip())
    if calls and said[-1]:
        repairs.add("text_after_call")
    return Turn("assistant", "\n".join(part for part in said if part), calls)


def _call(text: str, at: int) -> tuple[Call, int]:
    """((name, arguments), end) of a call. Raises Rejected when it cannot be read for certain."""
    try:
        call, end = read_at(text, at)
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise Rejected("call_unreadable")
        arguments = next((call[key] for key in ("arguments", "parameters") if key in call), None)
        return (call["name"].strip(), portable(_arguments(arguments))), end
    except Unreadable as why:
        raise Rejected("call_unreadable") from why


def _arguments(given: Any) -> dict[str, Any]:
    """A call's arguments as an object: nothing, or "", is none; JSON in quotes is read."""
    if isinstance(given, str) and given.strip():
        given = read(given)
    if given is None or given == "" or (isinstance(given, str) and not given.strip()):
        return {}
    if not isinstance(given, dict):
        raise Unreadable(f"Arguments are an object, not {type(given).__name__}.")
    return given


def _joined(told: Iterable[Turn], repairs: set[str]) -> list[Turn]:
    """Turns of one role that follow each other as one; responses stay apart, and talk after a call is a turn of its
    own: it presumes a response.
    """
    found: list[Turn] = []
    for turn in told:
        last = found[-1] if found else None
        if last is None or last.role != turn.role or turn.role == "tool" or (last.calls and not turn.calls):
            found.append(Turn(turn.role, turn.text, list(turn.calls), turn.found))
            continue
        repairs.add(f"{turn.role}_turns_joined")
        last.text = "\n\n".join(part for part in (last.text, turn.text) if part)
        last.calls += turn.calls
    return found


def _in_order(told: Sequence[Turn], repairs: set[str]) -> list[Turn]:
    """The longest beginning that is in order and ends with an assistant's turn. Raises Rejected when there is none.

    In order: a user, then the assistant; after calls their responses, one each, and the assistant; or the user again.
    """
    first = next((at for at, turn in enumerate(told) if turn.role == "user"), len(told))
    if first:
        repairs.add("leading_turns_cut")
    kept: list[Turn] = []
    waiting = 0  # calls of the last answer that have no response yet
    for last, turn in pairwise((None, *told[first:])):
        fault = _disorder(last, turn, waiting) if turn else ""
        if fault:
            repairs.add(fault)
            break
        if turn:
            waiting = len(turn.calls) if turn.role == "assistant" else waiting - (turn.role == "tool")
            kept.append(turn)
    return _ended(kept, repairs)


def _disorder(last: Turn | None, turn: Turn, waiting: int) -> str:
    """Why `turn` cannot follow `last`; "" if it can."""
    if turn.role == "tool":
        return "" if waiting else "result_without_call"
    if waiting and last is not None:
        return "call_without_result"
    if last is not None and last.role == "tool" and turn.role == "user":
        return "result_unanswered"
    return ""


def _ended(kept: list[Turn], repairs: set[str]) -> list[Turn]:
    """`kept` up to its last assistant's turn; the responses to a call that nobody took up go with the rest."""
    end = max((at for at, turn in enumerate(kept, start=1) if turn.role == "assistant"), default=0)
    if not end:
        raise Rejected("no_answer", DROPPED)
    if end < len(kept):
        repairs.add("ends_with_user" if kept[-1].role == "user" else "ends_with_result")
    return kept[:end]


# ---------------------------------------------------------------------------------------------------------------------
# Calls against the offer


@lru_cache(maxsize=4_096)
def _fits(parameters: str) -> Callable[[Any], bool]:
    return compiled(orjson.loads(parameters))


def _fitting(calls: Sequence[Call], offers: Offers, repairs: set[str]) -> list[Call]:
    """The calls with the types their functions ask for. Raises Rejected for one that no function on offer takes."""
    schemas = {offer["name"]: offer["parameters"] for offer in offers.functions}
    found = []
    for name, arguments in calls:
        if name not in schemas:
            raise Rejected("call_not_offered", DROPPED)
        params = coerced(arguments, schemas[name], repairs)
        if not _fits(orjson.dumps(schemas[name]).decode())(params):
            raise Rejected("call_invalid", DROPPED)
        found.append((name, params))
    return found


def _messages(
    functions: Sequence[Mapping[str, Any]], talk: Sequence[Turn], calls: Iterator[Call]
) -> Iterator[dict[str, str]]:
    """The messages; `calls` are those of the whole talk, in order, with fitting params."""
    yield message("system", system_message(functions))
    asked: list[Call] = []
    step = 0
    for turn in talk:
        if turn.role == "user":
            yield message("user", turn.text)
        elif turn.role == "tool":
            step += 1
            yield message("tool", result(step, asked[step - 1][0], turn.found))
        else:
            asked, step = [next(calls) for _ in turn.calls], 0
            yield message("assistant", answer(asked, turn.text))


def _measures(talk: Sequence[Turn], names: Sequence[str], calls: Sequence[Call]) -> dict[str, Any]:
    users = sum(turn.role == "user" for turn in talk)
    primary = min((name for name, _ in calls), default=min(names, default=""))
    return {
        "functions": str(len(names)) if len(names) < 3 else "3+",
        "function_class": (words_of(primary) or ["none"])[0],
        "tier": tier(len(names), [name for name, _ in calls]),
        "length": "one" if users == 1 else "some" if users < 4 else "many",
        "outcome": bool(calls),
        "turns": len(talk),
        "calls": len(calls),
    }


def tier(offered: int, called: Sequence[str]) -> str:
    """How hard a conversation is, by the functions on offer and the names called, repeated as often as called."""
    if not called:
        return "none"
    if len(called) >= COMPLEX_CALLS or len(set(called)) > 1:
        return "complex"
    return "moderate" if len(called) >= MODERATE_CALLS or offered > 1 else "simple"


def words_of(name: str) -> list[str]:
    """The words of a function's name in small letters: getStockPrice and get_stock_price are the same."""
    return [word.lower() for word in _WORDS.findall(name)]


def _offered(talk: Sequence[Turn], names: Sequence[str], calls: Sequence[Call]) -> dict[str, str]:
    """Names that decide the group: functions as words, the one called first in front; of plain talk, its first text."""
    if not names:
        text = " ".join(words_of(talk[0].text)) or talk[0].text
        return {"offered": "[]", "group": f"talk {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"}
    order = dict.fromkeys(["_".join(words_of(name)) or name for name in (*(name for name, _ in calls), *sorted(names))])
    return {"offered": orjson.dumps(list(order)).decode(), "group": next(iter(order))}


# ---------------------------------------------------------------------------------------------------------------------
# The whole table


def grouped(
    table: pd.DataFrame, largest_group: float = LARGEST_GROUP, always_joined: int = ALWAYS_JOINED
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects): rows with an id that came before are dropped, and functions offered together share a
    group, so that neither crosses a split.

    A group named after the first of its functions. Groups are joined from the pair offered together most often, while
    the rows of both are at most `largest_group` of all or `always_joined`: one group for everything cannot be split.
    Pairs left apart by that are in schema_stats as `functions_across_groups`.
    """
    again = table["id"].duplicated()
    kept = table[~again].reset_index(drop=True)
    offered = [orjson.loads(names) for names in kept["offered"]]
    most = max(always_joined, int(largest_group * len(kept)))
    roots = joined_groups([names for names in offered if names], most)
    groups = [roots[names[0]] if names else group for names, group in zip(offered, kept["group"], strict=True)]
    kept["group"] = pd.Series(groups, dtype=format_b.COLUMNS["group"])
    twice = table[again]
    places = zip(twice["file"], twice["line"], twice["messages"], strict=True)
    rejected = [(DROPPED, "duplicate_id", file, line, text[:ROW_TEXT_LIMIT]) for file, line, text in places]
    return kept.drop(columns=["file", "line"]), _rejects(rejected)


def joined_groups(offered: Sequence[Sequence[str]], most: int) -> dict[str, str]:
    """Function -> its group, the first by name of all functions joined to it, for groups of at most `most` rows.

    `offered` are the functions of each row; a row counts for its first one.
    """
    sizes = Counter(names[0] for names in offered)
    parent = {name: name for names in offered for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    pairs = Counter(pair for names in offered for pair in pairwise(sorted(set(names))))
    for (left, right), _ in sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0])):
        first, second = sorted((root(left), root(right)))
        if first != second and sizes[first] + sizes[second] <= most:
            parent[second] = first
            sizes[first] += sizes[second]
    return {name: root(name) for name in parent}


# ---------------------------------------------------------------------------------------------------------------------
# Reports


def schema_stats(table: pd.DataFrame) -> dict[str, Any]:
    """What the conversations hold, ready for JSON."""
    offered = [orjson.loads(names) for names in table["offered"]]
    groups: dict[str, set[str]] = {}
    for names, group in zip(offered, table["group"], strict=True):
        for name in names:
            groups.setdefault(name, set()).add(group)
    repairs = Counter(word for words in table["repairs"] for word in words.split(",") if word)
    return {
        "total_conversations": len(table),
        "tier_distribution": _counts(table["tier"]),
        "functions_offered": _counts(table["functions"]),
        "function_classes": _counts(table["function_class"]),
        "turns": _spread(table["turns"]),
        "calls": {"total": int(table["calls"].sum()), **_spread(table["calls"])},
        "distinct_functions": len(groups),
        "groups": int(table["group"].nunique()),
        "largest_group": int(table["group"].value_counts().max()) if len(table) else 0,
        "functions_across_groups": sum(len(found) > 1 for found in groups.values()),
        "repairs": dict(sorted(repairs.items(), key=lambda entry: (-entry[1], entry[0]))),
    }


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    counts = Counter(values)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _spread(values: "pd.Series[int]") -> dict[str, Any]:
    if values.empty:
        return {"min": 0, "max": 0, "mean": 0.0}
    return {"min": int(values.min()), "max": int(values.max()), "mean": round(float(values.mean()), 6)}


def quality_report(table: pd.DataFrame, *rejected: pd.DataFrame) -> dict[str, Any]:
    """Numbers against THRESHOLDS, and tiers that are rare, as findings ready for JSON; `success`: all of them hold.

    Rows outside the share and repeated ones count nowhere.
    """
    reasons = Counter(
        (outcome, reason) for part in rejected for outcome, reason in zip(part["outcome"], part["reason"], strict=True)
    )
    measured = _measured(table, reasons)
    found = [*_threshold_findings(measured), *_representation_findings(table)]
    return {
        "success": all(finding.holds for finding in found),
        "measured": {name: round(value, 6) for name, value in measured.items()},
        "findings": [finding.model_dump(mode="json") for finding in found],
    }


def _measured(table: pd.DataFrame, reasons: Mapping[tuple[str, str], int]) -> dict[str, float]:
    uncounted = {"outside_share", "duplicate_id"}
    rows = len(table)
    seen = rows + sum(n for (_, reason), n in reasons.items() if reason not in uncounted)
    frame = pl.from_pandas(table[["tier", "functions", "turns", "calls"]])
    return {
        "malformed": _share(sum(n for (outcome, _), n in reasons.items() if outcome == QUARANTINED), seen),
        "unreadable_calls": _share(reasons.get((QUARANTINED, "call_unreadable"), 0), seen),
        "none": _share(int((frame["tier"] == "none").sum()), rows),
        "mean_turns": _share(int(frame["turns"].sum()), rows),
        "mean_calls": _share(int(frame["calls"].sum()), rows),
        "defined_functions": _share(int((frame["functions"] != "0").sum()), rows),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _threshold_findings(measured: Mapping[str, float]) -> Iterator[Finding]:
    for threshold in THRESHOLDS:
        value = measured[threshold.name]
        holds = value <= threshold.limit if threshold.at_most else value >= threshold.limit
        yield Finding(
            kind="format",
            name=threshold.name,
            measured=value,
            limit=threshold.limit,
            holds=holds,
            detail=threshold.meaning,
        )


def _representation_findings(table: pd.DataFrame) -> Iterator[Finding]:
    """One finding a tier; below VERY_RARE its detail is "high"."""
    counts = Counter(table["tier"])
    for name in TIERS:
        share = _share(counts[name], len(table))
        detail = "high" if share < VERY_RARE else "flagged" if share < RARE else ""
        yield Finding(kind="bias", name=f"tier_{name}", measured=share, limit=RARE, holds=share >= RARE, detail=detail)
