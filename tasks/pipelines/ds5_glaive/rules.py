"""Rules of ds5_glaive, one row each: tiers of a conversation, repairs, and reasons why a row is rejected."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from schemas.ds5_glaive import COMPLEX_CALLS, LONGEST, MODERATE_CALLS
from schemas.reject import Reason, reasons


class Tier(NamedTuple):
    """How hard a conversation is. `applies` gets the number of functions offered and the names called, in order."""

    name: str
    meaning: str
    applies: Callable[[int, Sequence[str]], bool]


# The first tier that applies. DOMAIN's fifth, malformed, is a row that cannot be read: it is in the rejects.
TIERS = (
    Tier("none", "No function is called.", lambda _offered, called: not called),
    Tier(
        "simple",
        "One call, and one function is offered.",
        lambda offered, called: len(called) < MODERATE_CALLS and offered <= 1,
    ),
    Tier(
        "moderate",
        f"One call and several functions offered, or {MODERATE_CALLS} to {COMPLEX_CALLS - 1} calls of one function.",
        lambda _offered, called: len(called) < COMPLEX_CALLS and len(set(called)) == 1,
    ),
    Tier(
        "complex",
        f"Two different functions are called, or one is called {COMPLEX_CALLS} times or more.",
        lambda _offered, _called: True,
    ),
)

# What was repaired in a row that is kept: name -> meaning. The names are in the column `repairs`.
TURN_REPAIRS: Mapping[str, str] = {
    "empty_turn_left_out": "A turn had no text and was removed.",
    "user_turns_joined": "Two user turns followed each other and became one.",
    "assistant_turns_joined": "Two assistant turns followed each other and became one.",
    "text_after_call": "The assistant's turn went on after its call.",
    "leading_turns_cut": "The chat began with another turn than the user's; turns before the user's were removed.",
    "ends_with_user": "Cut: the assistant did not answer the last user turn.",
    "ends_with_result": "Cut: the assistant did not answer the last function response.",
    "result_without_call": "Cut: a function responded that was not called.",
    "call_without_result": "Cut: the chat went on before every call had its response.",
    "result_unanswered": "Cut: after a function's response the user spoke, not the assistant.",
}
DEFINITION_REPAIRS: Mapping[str, str] = {
    "definition_twice": "The same function is defined again; the first definition is used.",
    "definition_keys_left_out": "A definition had keys besides name, description and parameters.",
    "description_missing": "A function has no description, or one that is no text.",
    "parameters_missing": "A function's parameters are missing, null or no object.",
    "properties_wrapped": "Parameters were written where `properties` should be.",
    "properties_listed": "Properties were written as a list, each with its name.",
    "property_repaired": "A property's schema was a word or nothing.",
    "type_renamed": "A type had another language's name.",
    "type_unknown": "A type with an unknown name was removed.",
    "required_repaired": "`required` named what is no property, or was no list of names.",
    "items_repaired": "`items` was no schema.",
    "reference_left_out": "A reference was removed: nothing is fetched.",
    "keyword_left_out": "A keyword that is no valid JSON Schema was removed.",
}
ARGUMENT_REPAIRS: Mapping[str, str] = {
    "number_from_text": "A number was written in quotes.",
    "integer_from_float": "A whole number was written with a decimal point.",
    "boolean_from_text": "true or false was written in quotes.",
    "text_from_number": "A text was written as a number.",
    "optional_null_left_out": "An optional parameter was null and was removed.",
}
REPAIRS: Mapping[str, str] = {**TURN_REPAIRS, **DEFINITION_REPAIRS, **ARGUMENT_REPAIRS}

REASONS = reasons(
    Reason("invalid_utf8", "quarantined", "The row's bytes are not UTF-8."),
    Reason("invalid_json", "quarantined", "The row is not JSON."),
    Reason("not_an_object", "quarantined", "The row is JSON, but not an object."),
    Reason("system_missing", "quarantined", "The row has no text `system`."),
    Reason("chat_missing", "quarantined", "The row has no text `chat`."),
    Reason("too_long", "quarantined", f"The row has more than {LONGEST:,} characters."),
    Reason("nul_bytes", "quarantined", "A text of the row has a NUL character."),
    Reason("function_unreadable", "quarantined", "A function definition is not readable as JSON."),
    Reason("function_without_name", "quarantined", "A function definition has no name."),
    Reason("function_schema_invalid", "quarantined", "A function's parameters cannot be made a valid JSON Schema."),
    Reason("no_label_at_start", "quarantined", "The chat does not begin with the label of a turn."),
    Reason("call_unreadable", "quarantined", "A call is not readable as JSON with a name and arguments."),
    Reason("outside_share", "dropped", "The row is not in the share of rows that this run uses."),
    Reason("secret_found", "dropped", "The row has a key or token that is known by its format."),
    Reason("function_named_like_ours", "dropped", "A function has the name of one of the platform's own tools."),
    Reason("empty_chat", "dropped", "The chat has no text."),
    Reason("no_answer", "dropped", "The assistant answers no user turn."),
    Reason("call_not_offered", "dropped", "A function is called that the system text does not define."),
    Reason("call_invalid", "dropped", "A call's arguments do not fit the function's parameters."),
    Reason("duplicate_id", "dropped", "An earlier row has the same system text and chat."),
)
