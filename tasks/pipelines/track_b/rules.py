"""Why a verified conversation is not in Track B's table."""

from schemas.reject import Reason, reasons

SHARE_ALIKE = "share_alike"

REASONS = reasons(
    Reason(SHARE_ALIKE, "dropped", "The licence is share-alike, and the run is for permissive licences alone."),
    Reason("exact_duplicate", "dropped", "A kept conversation has the same messages."),
    Reason("near_duplicate", "dropped", "A kept conversation has nearly the same words in its requests and answers."),
    Reason(
        "payload_duplicate",
        "dropped",
        "A kept conversation of another group passes nearly the same long text to tools.",
    ),
)


def duplicate_reason(kind: str) -> str:
    """The reason of a row that is removed as a duplicate of this kind (duplicates.KINDS)."""
    return f"{kind}_duplicate"
