"""Thresholds of the checks that every dataset passes: a form in the UI, flags on the command line."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Where a check's finding stops holding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarantined: float = Field(
        0.05, ge=0, le=1, description="Share of rows that may be quarantined before the gate closes."
    )
    volume_drop: float = Field(
        0.20, ge=0, le=1, description="Fall in rows against the last different run that is told."
    )
    disparity: float = Field(0.10, ge=0, le=1, description="Difference of failure rates between slices that is told.")
