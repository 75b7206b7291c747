"""Three stages every conversation of Track B goes through: format, tools, execution.

    format     the messages parse, their roles follow each other, every answer is a workflow, results name its steps
    tools      every tool called was offered, its parameters fit, and it may be used in that environment; in
               production something destructive comes after an approval
    execution  a simulated cluster runs the workflow, and the request's post-condition is met

Each stage returns "" or a snake_case word for the first fault. Hostile input (5 MB texts, deep nesting, repeated keys)
is a fault too, never an exception.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from schemas.document import Document
from schemas.format_b import LINE_SCHEMA, MESSAGES_SCHEMA, STAGES, VERIFIED
from schemas.reject import Reason, Reasons, reasons
from schemas.scenario import Scenario
from schemas.tools import APPROVAL, ENVIRONMENTS
from schemas.workflow import RESULT_SCHEMA, WORKFLOW_SCHEMA, Step
from tasks.quality.rejects import rejected_rows
from tasks.tool_use.offered_tools import Offer, compiled, offer_of
from tasks.tool_use.simulator.cluster import outcome
from tasks.tool_use.strict_json import LONGEST, Unreadable, read

ROWS_AT_ONCE = 4_096
KEPT_BEGINNINGS = 4  # of texts: the offers of three environments, and one more
# What may follow a message of each role.
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}

# What can be wrong with any JSON text (tasks/tool_use/strict_json.py).
UNREADABLE: Mapping[str, str] = {
    "too_long": f"is longer than {LONGEST:,} characters",
    "not_json": "is not JSON",
    "too_deep": "is nested more than 254 levels deep",
    "repeated_key": "has an object with one key twice",
    "nul": "contains a NUL character",
}
# Fault -> what is wrong, by stage.
FAULTS: Mapping[str, Mapping[str, str]] = {
    "format": {
        "messages_missing": "The row has no messages.",
        **{f"messages_{word}": f"The text of the messages {what}." for word, what in UNREADABLE.items()},
        "messages_unreadable": "The messages contain a value that JSON cannot write.",
        "messages_schema": "The messages are not a list of a system message, requests, answers and results.",
        "system_is_no_offer": "The system message does not begin with the sentence that offers tools.",
        **{f"offer_{word}": f"The list of offered tools {what}." for word, what in UNREADABLE.items()},
        "offer_schema": "The list of offered tools does not fit its schema.",
        "roles_out_of_order": "A message follows one of a role that it may not follow.",
        "messages_blank": "A message consists of white space only.",
        **{f"answer_{word}": f"An answer {what}." for word, what in UNREADABLE.items()},
        "answer_schema": "An answer is not a workflow with a list of steps.",
        "answer_blank": "The text of an answer consists of white space only.",
        "step_ids_out_of_order": "The steps of an answer are not numbered 1, 2, 3 and so on.",
        **{f"result_{word}": f"The result of a tool {what}." for word, what in UNREADABLE.items()},
        "result_schema": "The result of a tool does not fit its schema.",
        "result_of_no_step": "A result names a step that the answer before it does not have, or that has a result.",
        "last_is_no_answer": "The last message is not an answer.",
    },
    "tools": {
        "tool_offered_twice": "Two offered tools have the same name.",
        "registry_tool_altered": "A tool of the platform is offered with other parameters or weaker conditions.",
        "offer_invalid": "The parameters of an offered tool are not a JSON Schema that can be used.",
        "environment_unknown": "The environment is not development, staging or production.",
        "tool_not_offered": "An answer calls a tool that was not offered.",
        "params_invalid": "The parameters of a call do not fit the tool's schema.",
        "tool_not_in_environment": "An answer calls a tool that may not be used in this environment.",
        "approval_missing": "In production, a destructive tool is called before enough people approved.",
    },
    "execution": {
        "scenario_invalid": "The scenario cannot be read.",
        "environment_differs": "The scenario is for another environment than the row.",
        "step_refused": "The simulated cluster refuses a step of the workflow.",
        "goal_not_met": "After the workflow the simulated cluster is not as the request wants it.",
        "beyond_goal": "The workflow changes more than the request asks for.",
    },
}
REASONS: Reasons = reasons(
    *(
        Reason(f"{stage}_{fault}", "quarantined", meaning)
        for stage in STAGES
        for fault, meaning in FAULTS[stage].items()
    )
)

_are_messages = compiled(MESSAGES_SCHEMA)
_is_answer = compiled(WORKFLOW_SCHEMA)
_is_result = compiled(RESULT_SCHEMA)
_is_line = compiled(LINE_SCHEMA)


class Fault(Unreadable):
    """A conversation that does not pass; `reason` is a snake_case word."""


@dataclass(slots=True)
class Conversation:
    """What the later stages need: the offer, the steps of all answers in order, the last answer's message.

    `refused`: positions in `steps` of approvals that people did not give. `latest`: positions of the last answer's
    steps that have no result yet, by step_id.
    """

    offer: Offer
    steps: list[Step]
    refused: set[int]
    latest: dict[int, int]
    message: str = ""


# --- format ----------------------------------------------------------------------------------------------------------


def format_fault(messages: Any) -> str:
    """The fault of messages that are no conversation of Format B; "" for a conversation."""
    try:
        _conversation_of_values(messages)
    except Unreadable as fault:
        return fault.reason
    return ""


def _conversation_of_values(messages: Any) -> Conversation:
    """The conversation in Python values, which, unlike JSON, may have half surrogate pairs. Raises Unreadable."""
    conversation = _parsed_conversation(messages)
    try:
        for message in messages:
            message["content"].encode()
    except UnicodeEncodeError as fault:
        raise Fault("messages_unreadable") from fault
    return conversation


def _parsed_conversation(messages: Any) -> Conversation:
    """The conversation in a list of messages. Raises Unreadable, and nothing else."""
    _require_schema(messages)
    offer = offer_of(messages[0]["content"])
    if offer.format_fault:
        raise Fault(offer.format_fault)
    conversation = Conversation(offer, [], set(), {})
    last = "system"
    for message in messages[1:]:
        role, content = message["role"], message["content"]
        if role not in FOLLOWS[last]:
            raise Fault("roles_out_of_order")
        if "\0" in content:
            raise Fault("messages_nul")
        if content.isspace():
            raise Fault("messages_blank")
        if role == "assistant":
            _add_answer(content, conversation)
        elif role == "tool":
            _add_result(content, conversation)
        last = role
    if last != "assistant":
        raise Fault("last_is_no_answer")
    return conversation


def _require_schema(messages: Any) -> None:
    try:
        sound = _are_messages(messages)
    except (ValueError, TypeError) as fault:  # something that JSON does not have
        raise Fault("messages_unreadable") from fault
    if not sound:
        raise Fault("messages_schema")


def _add_answer(content: str, conversation: Conversation) -> None:
    """Add the steps of an answer and set its message."""
    answer = read(content, "answer_")
    if not _is_answer(answer):
        raise Fault("answer_schema")
    conversation.message = answer.get("message", "")
    if conversation.message.isspace():
        raise Fault("answer_blank")
    conversation.latest = {}
    for number, step in enumerate(answer["workflow"]["steps"], start=1):
        if step["step_id"] != number or type(step["step_id"]) is not int:
            raise Fault("step_ids_out_of_order")
        conversation.latest[number] = len(conversation.steps)
        conversation.steps.append(step)


def _add_result(content: str, conversation: Conversation) -> None:
    """Match a result with its step of the answer before it; each step has at most one result."""
    result = read(content, "result_")
    if not _is_result(result):
        raise Fault("result_schema")
    position = conversation.latest.pop(result["step_id"], None)
    if position is None or conversation.steps[position]["tool"] != result["tool"]:
        raise Fault("result_of_no_step")
    value = result["result"]
    if isinstance(value, dict) and value.get("approved") is False:
        conversation.refused.add(position)


# --- tools -----------------------------------------------------------------------------------------------------------


def tools_fault(messages: Any, environment: str) -> str:
    """The fault of a conversation in its use of tools in an environment, "" for none. Faults of format come first."""
    try:
        _require_tools(_conversation_of_values(messages), environment)
    except Unreadable as fault:
        return fault.reason
    return ""


def _require_tools(conversation: Conversation, environment: Any) -> None:
    if conversation.offer.tools_fault:
        raise Fault(conversation.offer.tools_fault)
    if environment not in ENVIRONMENTS:
        raise Fault("environment_unknown")
    approvers = 0
    for position, step in enumerate(conversation.steps):
        _require_step(step, conversation.offer, environment, approvers)
        if step["tool"] == APPROVAL and position not in conversation.refused:
            approvers = max(approvers, step["params"].get("required_approvers", 1))


def _require_step(step: Step, offer: Offer, environment: str, approvers: int) -> None:
    tool = offer.tools.get(step["tool"])
    if tool is None:
        raise Fault("tool_not_offered")
    if not tool.fits(step["params"]):
        raise Fault("params_invalid")
    if environment not in tool.environments:
        raise Fault("tool_not_in_environment")
    if environment == "production" and approvers < tool.approvals:
        raise Fault("approval_missing")


# --- execution -------------------------------------------------------------------------------------------------------


def execution_fault(messages: Any, scenario: str, environment: str) -> str:
    """The fault of a workflow in the simulated cluster, "" for none and where there is no scenario ("").

    Faults of format come first.
    """
    try:
        conversation = _conversation_of_values(messages)
        if scenario:
            _require_execution(conversation, scenario, environment)
    except Unreadable as fault:
        return fault.reason
    return ""


def _require_execution(conversation: Conversation, scenario: str, environment: str) -> None:
    try:
        known = Scenario.model_validate_json(scenario)
    except ValidationError as fault:
        raise Fault("scenario_invalid") from fault
    if known.before.environment != environment:
        raise Fault("environment_differs")
    ended = outcome(known, conversation.steps, conversation.message)
    if not ended.holds:
        raise Fault(ended.fault)


# --- a table ---------------------------------------------------------------------------------------------------------


def verified(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, rejects) of a table of Format B; kept rows have the last column `verified`, the stages they passed.

    A row that fails a stage is quarantined as "<stage>_<fault>"; execution is passed only where a scenario is known.
    """
    checked = list(_verdicts(table))
    kept = [not fault for fault, _ in checked]
    passed = pa.array([STAGES[:n] for n in range(len(STAGES) + 1)], type=VERIFIED.pyarrow_dtype)
    stages = passed.take(pa.array([n for fault, n in checked if not fault], type=pa.int8()))
    failed = [fault for fault, _ in checked if fault]
    passing = table[kept].reset_index(drop=True).drop(columns="verified", errors="ignore")
    passing["verified"] = pd.Series(pd.array(stages, dtype=VERIFIED))
    return passing, rejected_rows("verify_and_split", REASONS, table[[not keep for keep in kept]], failed)


def _verdicts(table: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """("" or "<stage>_<fault>", stages passed) of each row."""
    reader = MessageReader()
    for start in range(0, len(table), ROWS_AT_ONCE):
        part = table.iloc[start : start + ROWS_AT_ONCE]
        columns = (pa.array(part[name]).to_pylist() for name in ("messages", "environment", "scenario"))
        for messages, environment, scenario in zip(*columns, strict=True):
            yield _verify(reader.read, messages, environment, scenario)


def _verify(read: Callable[[Any], Any], messages: Any, environment: Any, scenario: Any) -> tuple[str, int]:
    """("" or "<stage>_<fault>", stages passed) of one row; `read(messages)` is the list of messages."""
    passed = 0
    try:
        conversation = _parsed_conversation(read(messages))
        passed = 1
        _require_tools(conversation, environment)
        passed = 2
        if scenario:
            _require_execution(conversation, scenario, environment)
    except Unreadable as fault:
        return f"{STAGES[passed]}_{fault.reason}", passed
    return "", 3 if scenario else 2


@dataclass(slots=True)
class MessageReader:
    """Reads texts of messages. They begin with the offer, most of a line, which is parsed once and then only compared.

    `recent`: the latest beginnings, with the `},{"` that follows the offer, and the message in each.
    """

    recent: list[tuple[str, list[Any]]] = field(default_factory=list)

    def read(self, text: Any) -> Any:
        """The messages in a JSON text. Raises Unreadable."""
        if not isinstance(text, str):
            raise Fault("messages_missing")
        if len(text) > LONGEST:
            raise Fault("messages_too_long")
        for beginning, first in self.recent:
            if text.startswith(beginning):
                return first + read('[{"' + text[len(beginning) :], "messages_")
        messages = read(text, "messages_")
        self._remember_beginning(text)
        return messages

    def _remember_beginning(self, text: str) -> None:
        """Keep the beginning of a text that could be read.

        Subtle: no JSON string contains `"},{"` (its last quote would be escaped), so the comma is between two objects.
        If the texts before and after it are lists, the whole list is the two together.
        """
        before, comma, _ = text.partition('"},{"')
        if comma and before.startswith("["):
            with suppress(Unreadable):  # the parts are no lists: the comma is inside a nested list
                self.recent = [(before + comma, read(before + '"}]')), *self.recent[: KEPT_BEGINNINGS - 1]]


def stage_counts(kept: pd.DataFrame, rejects: pd.DataFrame) -> Document:
    """Rows that passed and failed (by fault) each stage, ready for JSON.

    A row that failed a stage passed those before it. Execution is for rows with a scenario alone. Rejects of other
    steps are not counted.
    """
    counted = pc.value_counts(pc.list_flatten(pa.array(kept["verified"]))).to_pylist()
    passed = {count["values"]: count["counts"] for count in counted}
    faults = _faults_by_stage(rejects)
    later = 0
    counts = {}
    for stage in reversed(STAGES):
        counts[stage] = {"passed": passed.get(stage, 0) + later, "failed": faults[stage]}
        later += sum(faults[stage].values())
    return {stage: counts[stage] for stage in STAGES}


def _faults_by_stage(rejects: pd.DataFrame) -> dict[str, dict[str, int]]:
    reasons = sorted(Counter(rejects["reason"].tolist()).items())
    return {
        stage: {reason.removeprefix(f"{stage}_"): n for reason, n in reasons if reason.startswith(f"{stage}_")}
        for stage in STAGES
    }


# --- a published line ------------------------------------------------------------------------------------------------


def faults_of_line(line: bytes) -> str:
    """The fault of a published line, with its stage before it; "" for a line in Format B.

    Checks all that the line alone shows: its schema, format, tools, and that its metadata names both stages.
    """
    try:
        value = _value_of_line(line)
    except Unreadable as fault:
        return fault.reason
    metadata = value["metadata"]
    failed, _ = _verify(_unchanged, value["messages"], metadata["environment"], "")
    return failed or ("" if {"format", "tools"} <= set(metadata["verified"]) else "line_not_verified")


def _unchanged(messages: Any) -> Any:
    return messages


def _value_of_line(line: bytes) -> Any:
    try:
        value = read(line.decode(), "line_")
    except UnicodeDecodeError as fault:
        raise Fault("line_not_utf8") from fault
    if not _is_line(value):
        raise Fault("line_schema")
    return value
