"""What one run of a track made, as one JSON-ready mapping: the report, the datasheet and the terminal all read it."""

from collections.abc import Mapping
from typing import Any


def with_history(run: Mapping[str, Any], *, previous: Mapping[str, Any] | None) -> dict[str, Any]:
    """The run beside the last different one, None for the first."""
    return {**run, "previous": previous}


def last_different(run: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `run` is to be compared with, given the run that is published, {} for none.

    A run that repeats the published one is compared with what that was compared with, so it gives the same bytes.
    """
    bare = {key: value for key, value in published.items() if key != "previous"}
    return published.get("previous") if bare == run else bare or None
