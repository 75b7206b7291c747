"""What a dataset's flow hands to its track: where its rows are, and what is known about them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.snapshot import Mode, Snapshot


class Published(BaseModel):
    """A dataset that passed its gate: its rows as a table, and the JSON that lies beside the published data.

    `truth` is what a generated sample planted, None for real data; `rules` says in words what each label rule looks at,
    `reasons` what each reason for leaving a row out means.
    """

    model_config = ConfigDict(frozen=True)

    stem: str
    mode: Mode
    kept: Snapshot
    vocabulary: Snapshot | None
    manifest: dict[str, Any]
    truth: dict[str, Any] | None
    rules: dict[str, str]
    reasons: dict[str, str] = Field(default_factory=dict)
