"""Names of flow runs, as people read them in lists, alerts and logs. Pure."""

import re
from datetime import datetime

# How Prefect names a run that nobody named: its client "quiet-otter", its form "xi6-kurl" or "phi759-taurus-nebula".
_INVENTED = re.compile(r"[a-z]+-[a-z]+|[a-z]+\d{1,3}(-[a-z]+){1,2}")


def run_name(given: str, flow: str, mode: str | None, due: datetime) -> str:
    """`track-a sample 2026-11-21 03:00 UTC` in place of an invented name; any other name is a person's, and stays.

    `due` is when the run was to start, in UTC: a late run, and one that is tried again, keeps its night.
    """
    if given and not _INVENTED.fullmatch(given):
        return given
    return " ".join(filter(None, (flow, mode, f"{due:%Y-%m-%d %H:%M} UTC")))
