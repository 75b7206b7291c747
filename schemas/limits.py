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


class Representation(BaseModel):
    """How much of a dataset one group of a slice may have, or lack."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dominant: float = Field(0.40, ge=0, le=1, description="Share of rows above which a group is told as dominant.")
    rare: float = Field(0.05, ge=0, le=1, description="Share of rows below which a group is told as rare.")
    very_rare: float = Field(0.0, ge=0, le=1, description="Share of rows below which a rare group is an error.")
    smallest: int = Field(30, ge=1, description="Rows below which a group's rate is not compared with the mean.")
    off_mean: float = Field(0.25, ge=0, description="Distance from the mean rate, as a share of it, that is told.")
