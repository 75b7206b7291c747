"""Glaive's function-calling chats into Format B. Pure: tables in, tables out.

    raw rows --conversations--> conversations --grouped--> distinct conversations, each in the group of its functions

Every turn is kept: the user's, the assistant's (text before a call becomes `message`, each call a step of the answer
of its own turn), and functions' responses as messages of role `tool`. A conversation ends with an assistant's message:
it is kept up to the last turn that is in order, and `repairs` names what was cut. The system message offers the
functions in Format B's one way; the wording of the original system prompt is not kept.

Not redacted: names, addresses and passwords in these rows were made up by their publisher's model, and a placeholder
would break the schemas they fill. A key or token known by its format may be real all the same: such a row is dropped.

Every step returns (kept, rejects) and loses nothing: rows in = kept + rejects.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import orjson
import pandas as pd
import pyarrow as pa

from schemas import format_b
from schemas.ds5_glaive import ATTRIBUTION, LICENCE, MEASURES, PLACE, RAW_ROWS, SLICES, STEM, OfferedFunction, RawRow
from schemas.format_b import message, messages_json, system_message
from schemas.tools import REGISTRY
from schemas.workflow import answer, result
from tasks.curate.privacy import pii
from tasks.pipelines.ds5_glaive.functions import OfferedFunctions, Unusable, coerced, offered_functions
from tasks.pipelines.ds5_glaive.rules import REASONS, TIERS
from tasks.pipelines.ds5_glaive.turns import Call, Rejected, Turn, ordered_turns
from tasks.quality.rejects import rejected
from tasks.tool_use.offered_tools import compiled

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Row = Mapping[str, str | int | float | bool]  # a conversation by column


class _Reject(NamedTuple):
    """A raw row that is rejected, the reason, and the text to keep of it."""

    reason: str
    text: str
    file: str
    line: int


def conversations(batch: pd.DataFrame, *, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects) of raw rows (schemas/ds5_glaive.RAW_ROWS), one or the other for each.

    Kept: format_b.COLUMNS, the slices, MEASURES and PLACE; `group` is the row's own function, before `grouped`.
    `share` of all rows is used, by a hash of their content and `seed`: the same rows whatever file or order.
    """
    columns = (pa.array(batch[name]).to_pylist() for name in RAW_ROWS.names)
    rows = [RawRow(*values) for values in zip(*columns, strict=True)]
    kept: list[Row] = []
    rejects: list[_Reject] = []
    for row, refusal in zip(rows, _refusals(rows, share, seed), strict=True):
        made = refusal or _conversation_or_reason(row)
        if isinstance(made, str):
            shown = f"{row.system}\n{row.chat}" if row.fault is None else row.text or ""
            rejects.append(_Reject(made, shown, row.file, row.line))
        else:
            kept.append({**made, "file": row.file, "line": row.line})
    return format_b.table(kept, {**SLICES, **MEASURES, **PLACE}), _reject_table("conversations", rejects)


def _reject_table(step: str, rejects: Sequence[_Reject]) -> pd.DataFrame:
    return rejected(
        step,
        REASONS,
        reasons=[reject.reason for reject in rejects],
        rows=[reject.text for reject in rejects],
        files=[reject.file for reject in rejects],
        lines=[reject.line for reject in rejects],
    )


# ---------------------------------------------------------------------------------------------------------------------
# Rows that are not looked at


def _refusals(rows: Sequence[RawRow], share: float, seed: int) -> list[str]:
    """For each row the reason why it is not looked at, "" where it is."""
    refusals = [row.fault or ("" if in_share(digest(row), share, seed) else "outside_share") for row in rows]
    read = [at for at, refusal in enumerate(refusals) if not refusal]
    for at, spans in zip(read, pii.find_all([f"{rows[at].system}\n{rows[at].chat}" for at in read]), strict=True):
        if any(span.kind in pii.KNOWN_BY_FORMAT for span in spans):
            refusals[at] = "secret_found"
    return refusals


def digest(row: RawRow) -> str:
    """Hash of a row's content, 32 hex digits."""
    return hashlib.blake2b(f"{row.system}\0{row.chat}".encode(), digest_size=16).hexdigest()


def in_share(digest: str, share: float, seed: int) -> bool:
    """Whether a row belongs to the share: its hash with the seed, read as a fraction of 1, lies below it."""
    drawn = hashlib.blake2b(f"{seed}\0{digest}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") / 2**64 < share


# ---------------------------------------------------------------------------------------------------------------------
# One row


def _conversation_or_reason(row: RawRow) -> Row | str:
    """A row's columns, or the reason why it has none."""
    try:
        return _conversation_of(row)
    except Rejected as why:
        return str(why)


def _conversation_of(row: RawRow) -> Row:
    """A row's columns. Raises Rejected."""
    offered = _functions_of(row.system)
    repairs = set(offered.repairs)
    chat = ordered_turns(row.chat, repairs)
    calls = _typed_calls([call for turn in chat for call in turn.calls], offered, repairs)
    names = [function["name"] for function in offered.functions]
    return {
        "id": f"{STEM}:{digest(row)}",
        "source": STEM,
        "messages": messages_json(list(_messages(offered.functions, chat, iter(calls)))),
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "environment": format_b.DEFAULT_ENVIRONMENT,
        "weight": 1.0,
        "rationale": "",
        "scenario": "",
        "rows": 1,
        **_slices_and_measures(chat, names, calls),
        "repairs": ",".join(sorted(repairs)),
        **_group_columns(chat, names, calls),
    }


@lru_cache(maxsize=4_096)
def _functions_of(system: str) -> OfferedFunctions:
    """The functions a system text defines. Raises Rejected. The same text is read once."""
    try:
        offered = offered_functions(system)
    except Unusable as why:
        raise Rejected(str(why)) from why
    if any(function["name"] in REGISTRY for function in offered.functions):
        raise Rejected("function_named_like_ours")  # one name would mean two tools
    return offered


@lru_cache(maxsize=4_096)
def _compiled_parameters(schema: bytes) -> Callable[[Any], bool]:
    return compiled(orjson.loads(schema))


def _typed_calls(calls: Sequence[Call], offered: OfferedFunctions, repairs: set[str]) -> list[Call]:
    """The calls with the types their functions ask for. Raises Rejected for a call that no offered function accepts."""
    schemas = {function["name"]: function["parameters"] for function in offered.functions}
    typed = []
    for name, arguments in calls:
        if name not in schemas:
            raise Rejected("call_not_offered")
        params = coerced(arguments, schemas[name], repairs)
        if not _compiled_parameters(orjson.dumps(schemas[name]))(params):
            raise Rejected("call_invalid")
        typed.append((name, params))
    return typed


def _messages(
    functions: Sequence[OfferedFunction], chat: Sequence[Turn], calls: Iterator[Call]
) -> Iterator[dict[str, str]]:
    """The messages; `calls` are those of the whole chat, in order, with typed arguments."""
    yield message("system", system_message(functions))
    called: list[Call] = []
    step = 0
    for turn in chat:
        if turn.role == "user":
            yield message("user", turn.text)
        elif turn.role == "tool":
            step += 1
            yield message("tool", result(step, called[step - 1][0], turn.response))
        else:
            called, step = [next(calls) for _ in turn.calls], 0
            yield message("assistant", answer(called, turn.text))


def _slices_and_measures(chat: Sequence[Turn], names: Sequence[str], calls: Sequence[Call]) -> Row:
    users = sum(turn.role == "user" for turn in chat)
    primary = min((name for name, _ in calls), default=min(names, default=""))
    return {
        "functions": str(len(names)) if len(names) < 3 else "3+",
        "function_class": (words_of(primary) or ["none"])[0],
        "tier": tier_of(len(names), [name for name, _ in calls]),
        "length": "one" if users == 1 else "some" if users < 4 else "many",
        "outcome": bool(calls),
        "turns": len(chat),
        "calls": len(calls),
    }


def tier_of(offered: int, called: Sequence[str]) -> str:
    """The first of TIERS that applies, by the number of functions offered and the names called, repeated as called."""
    return next(tier.name for tier in TIERS if tier.applies(offered, called))


def words_of(name: str) -> list[str]:
    """The words of a function's name in lower case: getStockPrice and get_stock_price are the same."""
    return [word.lower() for word in _WORDS.findall(name)]


def _group_columns(chat: Sequence[Turn], names: Sequence[str], calls: Sequence[Call]) -> Row:
    """`offered` and `group`: functions as words, the one called first in front; without functions, a hash of the chat's
    first text.
    """
    if not names:
        text = " ".join(words_of(chat[0].text)) or chat[0].text
        return {"offered": "[]", "group": f"talk {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"}
    order = dict.fromkeys(["_".join(words_of(name)) or name for name in (*(name for name, _ in calls), *sorted(names))])
    return {"offered": orjson.dumps(list(order)).decode(), "group": next(iter(order))}


# ---------------------------------------------------------------------------------------------------------------------
# The whole table


def grouped(table: pd.DataFrame, *, largest_group: float, always_joined: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(conversations, rejects): rows with an id that came before are dropped, and functions offered together share a
    group, so that neither crosses a split.

    A group is named after the first of its functions. Groups are joined from the pair offered together most often,
    while the rows of both are at most `largest_group` of all or `always_joined`: one group of all rows cannot be split.
    Pairs that stay apart because of that are in schema_stats as `functions_across_groups`.
    """
    again = table["id"].duplicated()
    kept = table[~again].reset_index(drop=True)
    offered = [orjson.loads(names) for names in kept["offered"]]
    most = max(always_joined, int(largest_group * len(kept)))
    roots = joined_groups([names for names in offered if names], most)
    groups = [roots[names[0]] if names else group for names, group in zip(offered, kept["group"], strict=True)]
    kept["group"] = pd.Series(groups, dtype=format_b.COLUMNS["group"])
    twice = table[again]
    places = zip(twice["messages"], twice["file"], twice["line"], strict=True)
    return kept.drop(columns=["file", "line"]), _reject_table(
        "grouped", [_Reject("duplicate_id", *place) for place in places]
    )


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
