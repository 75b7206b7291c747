"""Why a row of a prompt file or of the store becomes no conversation."""

from schemas.ds4_synthetic import TEXT_LIMIT
from schemas.reject import Reason, reasons
from tasks.sources.lines import LONGEST

DUPLICATE_PROMPT = "duplicate_prompt"
DUPLICATE_ID = "duplicate_id"
NOT_ANSWERED = "not_answered"
ANSWER_UNREADABLE = "answer_unreadable"

REASONS = reasons(
    Reason("line_too_long", "quarantined", f"The line is longer than {LONGEST:,} bytes."),
    Reason("invalid_utf8", "quarantined", "The text is not valid UTF-8."),
    Reason("nul_bytes", "quarantined", "The text contains a NUL byte."),
    Reason("not_json", "quarantined", "The line is not JSON."),
    Reason("too_deep", "quarantined", "The JSON of the line is nested more than 254 levels deep."),
    Reason("repeated_key", "quarantined", "An object of the line has one key twice."),
    Reason("nul", "quarantined", "A text in the line's JSON contains an escaped NUL character."),
    Reason("not_an_object", "quarantined", "The line is JSON, but not an object."),
    Reason("user_intent_missing", "quarantined", "The row has no text in the field user_intent."),
    Reason(
        "tool_context_unreadable", "quarantined", "The field tool_context is neither text nor JSON that names tools."
    ),
    Reason(
        "environment_unknown",
        "quarantined",
        "The field tool_context names an environment that the platform does not have.",
    ),
    Reason(
        "tool_unknown",
        "quarantined",
        "The field tool_context names a tool that is neither in the registry nor described.",
    ),
    Reason(
        "text_too_long",
        "quarantined",
        f"The field user_intent or tool_context has more than {TEXT_LIMIT:,} characters.",
    ),
    Reason(DUPLICATE_ID, "dropped", "An earlier row of the file has the same id."),
    Reason(DUPLICATE_PROMPT, "dropped", "An earlier row has the same request and context."),
    Reason(NOT_ANSWERED, "dropped", "No teacher has answered the prompt yet; it stays in the store for a later run."),
    Reason(ANSWER_UNREADABLE, "quarantined", "The stored answer is not a workflow in JSON."),
)
